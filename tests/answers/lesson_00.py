"""Answers to lesson 00, right and wrong, written from the student's copy alone."""

RIGHT = {
    "00.which_part": [
        {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokeniser"},
        ["decoder", "transformer", "ranking", "sampling", "tokeniser"],
        ("decoder", "transformer", "ranking", "sampling", "tokeniser"),
        {"A": "Decoder", "B": "Transformer", "C": "Ranking", "D": "Sampling", "E": "Tokeniser"},
        {"a": "dVAE", "b": "transformer", "c": "CLIP", "d": "sampler", "e": "tokenizer"},
    ],
}

WRONG = {
    "00.which_part": [
        (
            {"a": "tokeniser", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokeniser"},
            "no caption was cut",
        ),
        ({"a": "decoder", "b": "decoder", "c": "ranking", "d": "sampling", "e": "tokeniser"}, "painted as the tokens"),
        (
            {"a": "decoder", "b": "transformer", "c": "decoder", "d": "sampling", "e": "tokeniser"},
            "good picture was among",
        ),
        ({"a": "decoder", "b": "transformer", "c": "ranking", "d": "transformer", "e": "tokeniser"}, "bad luck"),
        (
            {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "transformer"},
            "capitals were gone",
        ),
        (
            {"a": "decoder", "b": "transformer", "c": "sampling", "d": "ranking", "e": "tokeniser"},
            "among finished pictures",
        ),
        ({"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling"}, "no answer yet"),
        (["tokeniser", "transformer", "sampling", "decoder", "ranking"], "list of the parts"),
        ("decoder", "all five"),
        ({"a": "decoder", "b": "magic"}, "no part"),
        ({"a": ..., "b": ..., "c": ..., "d": ..., "e": ...}, "no answer yet"),
    ],
}
