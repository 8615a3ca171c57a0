"""Answers to lesson 00, right and wrong, written from the student's copy alone."""

RIGHT = {
    "00.which_part": [
        {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokenizer"},
        ["decoder", "transformer", "ranking", "sampling", "tokenizer"],
        ("decoder", "transformer", "ranking", "sampling", "tokenizer"),
        {"A": "Decoder", "B": "Transformer", "C": "Ranking", "D": "Sampling", "E": "Tokenizer"},
        {"a": "dVAE", "b": "transformer", "c": "CLIP", "d": "sampler", "e": "tokenizer"},
    ],
}

WRONG = {
    "00.which_part": [
        (
            {"a": "tokenizer", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokenizer"},
            "no caption was cut",
        ),
        ({"a": "decoder", "b": "decoder", "c": "ranking", "d": "sampling", "e": "tokenizer"}, "painted as the tokens"),
        (
            {"a": "decoder", "b": "transformer", "c": "decoder", "d": "sampling", "e": "tokenizer"},
            "good picture was among",
        ),
        ({"a": "decoder", "b": "transformer", "c": "ranking", "d": "transformer", "e": "tokenizer"}, "bad luck"),
        (
            {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "transformer"},
            "capitals were gone",
        ),
        (
            {"a": "decoder", "b": "transformer", "c": "sampling", "d": "ranking", "e": "tokenizer"},
            "among finished pictures",
        ),
        ({"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling"}, "no answer yet"),
        (["tokenizer", "transformer", "sampling", "decoder", "ranking"], "list of the parts"),
        ("decoder", "all five"),
        ({"a": "decoder", "b": "magic"}, "no part"),
        ({"a": ..., "b": ..., "c": ..., "d": ..., "e": ...}, "no answer yet"),
    ],
}
