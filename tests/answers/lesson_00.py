"""Answers to lesson 00, right and wrong."""

GOOD = {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokeniser"}

RIGHT = {
    "00.which_part": [
        GOOD,
        {"A": "Decoder", "B": "Transformer", "C": "Ranking", "D": "Sampling", "E": "Tokeniser"},
        {"a": "dVAE", "b": "transformer", "c": "CLIP", "d": "sampler", "e": "tokenizer"},
    ]
}
WRONG = {
    "00.which_part": [
        ({**GOOD, "a": "transformer"}, "nothing was guessed"),
        ({**GOOD, "b": "sampling"}, "certain"),
        ({**GOOD, "c": "decoder"}, "good picture was among"),
        ({**GOOD, "d": "transformer"}, "unlikely token"),
        ({**GOOD, "e": "transformer"}, "as it was typed"),
        ({**GOOD, "e": "magic"}, "no part"),
        ({"a": "decoder"}, "no answer yet"),
        (["decoder", "transformer"], "dictionary"),
    ]
}
