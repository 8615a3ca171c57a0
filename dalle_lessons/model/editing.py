"""Editing through text: the top is given, and the bottom is drawn as the caption says (paper, section 3.3).

In the paper the ordinary model did this untrained, from the top rows of a picture's tokens. Ours learns it: the same
DALL·E on a grid twice as tall, with pairs of pictures, one above the other. Each half is encoded and decoded on its
own, so that the tokens of the given picture do not depend on what is drawn below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .dalle import DALLE
from .sampling import sample

THING = "thing"  # the name in a caption that says no name: the model must look
INSTRUCTION = re.compile(r"(?:(?:the |an |a )?(?P<name>.*\S)\s+)?as (?P<style>\S.*)", re.IGNORECASE | re.DOTALL)
BOTH = re.compile(r"\bon the top as .+ on the bottom$", re.IGNORECASE | re.DOTALL)


def edit_caption(style: str, name: str = THING) -> str:
    """ "a sketch", "cat face" -> the paper's kind of caption.

    >>> edit_caption("a sketch", "cat face")
    'the exact same cat face on the top as a sketch on the bottom'
    """
    return f"the exact same {name} on the top as {style} on the bottom"


def read_instruction(instruction: str) -> str:
    """ "as a sketch", "a cat face as a sketch", or a whole caption -> the whole caption.

    Raises ValueError with one sentence if it does not say as what.

    >>> read_instruction("as a flat icon")
    'the exact same thing on the top as a flat icon on the bottom'
    """
    words = " ".join(instruction.split())
    if BOTH.search(words):
        return words
    if not (match := INSTRUCTION.fullmatch(words)):
        raise ValueError(f'Say as what the picture should be drawn, such as "as a sketch", not {instruction!r}.')
    return edit_caption(match["style"], match["name"] or THING)


def extend_rows(dalle: DALLE, text_length: int) -> DALLE:
    """A DALL·E on a grid twice as tall, for captions of `text_length` tokens, that starts from this one's weights.

    Positions of the lower rows begin as copies of those of the upper ones, text positions beyond the old ones as copies
    of the last. Raises ValueError if it would have fewer text positions.
    """
    c = dalle.config
    if text_length < c.text_length:
        raise ValueError(f"The taller model needs at least {c.text_length} text tokens, got {text_length}.")
    extended = DALLE(replace(c, rows=2 * c.rows, text_length=text_length, dropout=0.0))  # shifted pictures do its work
    state = dalle.state_dict()
    state["embedding.row.weight"] = state["embedding.row.weight"].repeat(2, 1)  # (2 · rows, C)
    for name in ("embedding.text_position.weight", "embedding.pad.weight"):
        last = state[name][-1:].expand(text_length - c.text_length, -1)
        state[name] = torch.cat((state[name], last))  # (text_length, C)
    extended.load_state_dict(state)
    return extended


def edit_nll(dalle: DALLE, text: Tensor, tokens: Tensor, input_tokens: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """How well the drawn half is foreseen, given caption and top: text (B, T), tokens of both halves (B, 2n) int64
    -> -ln p of each token of the bottom (B, n), and whether it was the likeliest (B, n) bool.

    input_tokens: the tokens that are shown, if others than those that are to be foreseen."""
    input_tokens = tokens if input_tokens is None else input_tokens
    dalle.check_input(text, input_tokens)
    half = dalle.config.image_length // 2
    x = dalle.transformer(dalle.embedding(text, input_tokens[:, :-1]), dalle.masks)  # (B, T + 2n, C)
    logits = dalle.image_head(x[:, -half:])  # (B, n, codes); the other heads' outputs are not needed
    bottom = tokens[:, half:]
    return F.cross_entropy(logits.transpose(1, 2), bottom, reduction="none"), logits.argmax(-1) == bottom


@torch.no_grad()
def sample_target(
    dalle: DALLE, text: Tensor, top: Tensor, seed: int = 0, indices: Sequence[int] | None = None, **options
) -> tuple[Tensor, Tensor]:
    """text (B, T), tokens of the given half (B, n) -> tokens of the drawn half (B, n) int64, and the mean
    log-likelihood of each row's, in nats per token (B,). The options are those of `sampling.sample`."""
    tokens = sample(dalle, text, seed, given=top, indices=indices, **options)  # (B, 2n)
    nll, _ = edit_nll(dalle, text, tokens)
    return tokens[:, top.shape[1] :], -nll.mean(dim=1)
