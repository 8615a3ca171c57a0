"""From logits to image tokens, one draw after another.

The paper samples at temperature 1 and ranks 512 samples (section 2.6); top-k, top-p and guidance are later practice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .dalle import DALLE
from .sequence import empty_captions

SAMPLING_BATCH = 32  # rows computed together, always: so a picture does not depend on how many were asked for


def noise(seed: int, index: int, length: int, codes: int) -> Tensor:
    """Gumbel noise (length, codes) float32 of the picture (seed, index), from a generator of its own."""
    # NumPy's generator, because PyTorch's on the CPU heeds 32 bits of a seed only: too few to keep two numbers apart.
    generator = np.random.default_rng(np.random.SeedSequence(seed % 2**64, spawn_key=(index,)))
    exponential = torch.from_numpy(generator.standard_exponential((length, codes)))  # float64: its tail is fine enough
    return -exponential.clamp_min(torch.finfo(torch.float64).tiny).log().float()


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """(B, codes) -> (B, codes): all but the k largest become -inf (Fan et al. 2018)."""
    smallest = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < smallest, -torch.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """(B, codes) -> (B, codes): keep the smallest set of codes whose probabilities reach p (Holtzman et al. 2019)."""
    ordered, order = logits.sort(descending=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # what the more likely codes reach without this one
    dropped = torch.zeros_like(logits, dtype=torch.bool).scatter(1, order, before >= p)
    dropped.scatter_(1, order[:, :1], False)  # the likeliest always stays
    return logits.masked_fill(dropped, -torch.inf)


def shape_logits(logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None):
    """(B, codes) -> (B, codes): divide by the temperature, then keep the top k, then the top p."""
    logits = logits / temperature
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None and top_p < 1:  # 1 keeps all; rounding would drop the rarest
        logits = keep_top_p(logits, top_p)
    return logits


def check_options(temperature: float, top_k: int | None, top_p: float | None, guidance: float) -> None:
    """Raises ValueError with one sentence for a setting that makes no sense."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"The temperature must be 0 (always the likeliest token) or larger, got {temperature}.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top-k must keep at least 1 token, got {top_k}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top-p must be larger than 0 and at most 1, got {top_p}.")
    if not -1 <= guidance < float("inf"):
        raise ValueError(f"The guidance must be -1 (no caption), 0 (none) or larger, got {guidance}.")


@torch.no_grad()
def sample(
    dalle: DALLE,
    text: Tensor,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    guidance: float = 0.0,
    given: Tensor | None = None,
    on_token: Callable[[int, Tensor, Tensor], None] | None = None,
    indices: Sequence[int] | None = None,
    cached: bool = True,
) -> Tensor:
    """Draw image tokens for text tokens: (B, T) int64 -> (B, N) int64.

    Each token is drawn by Gumbel-max: argmax(logits + noise), with row i's noise from the generator of (seed, i);
    `indices` gives other numbers than 0 … B-1. temperature 0: the likeliest token, always.
    guidance g: logits = (1 + g) · with caption - g · without (Ho and Salimans 2022). given: (B, n) first tokens, kept.
    on_token(i, tokens, logits) is called after each draw: tokens (B, i + 1), and the logits (B, codes) it was drawn
    from. cached=False computes every slot anew: slower, the same tokens.
    Raises ValueError with one sentence for options or shapes that make no sense.
    """
    check_options(temperature, top_k, top_p, guidance)
    c = dalle.config
    batch, length = len(text), c.image_length
    tokens = text.new_zeros(batch, 0) if given is None else given
    fed_text = torch.cat((text, empty_captions(text, c.pad_id))) if guidance else text
    dalle.check(text, tokens)
    gumbel = None
    if temperature > 0:
        rows = range(batch) if indices is None else indices
        gumbel = torch.stack([noise(seed, i, length, c.codes) for i in rows])  # (B, N, codes)

    def both(x: Tensor) -> Tensor:
        return torch.cat((x, x)) if guidance else x  # the same image tokens, once with caption and once without

    cache = None
    for i in range(tokens.shape[1], length):
        if not cached:
            padded = torch.cat((tokens, tokens.new_zeros(batch, 1)), dim=1)  # the last token is not fed
            logits = dalle(fed_text, both(padded))[1][:, -1]
        elif cache is None:
            logits, cache = dalle.prefill(fed_text)
            if i:
                logits = dalle.decode_step(both(tokens), 0, cache)
        else:
            logits = dalle.decode_step(both(tokens[:, -1:]), i - 1, cache)
        if guidance:
            with_caption, without = logits.chunk(2)
            logits = with_caption + guidance * (with_caption - without)
        if gumbel is not None:
            logits = shape_logits(logits, temperature, top_k, top_p)
            drawn = (logits + gumbel[:, i].to(logits.dtype)).argmax(dim=-1)
        else:
            drawn = logits.argmax(dim=-1)
        tokens = torch.cat((tokens, drawn[:, None]), dim=1)
        if on_token is not None:
            on_token(i, tokens, logits)
    return tokens


def sample_batches(
    dalle: DALLE, text: Tensor, indices: Sequence[int], seed: int = 0, given: Tensor | None = None, **options
) -> Iterator[tuple[range, Tensor]]:
    """Sample the pictures (seed, i) for all i of `indices`, SAMPLING_BATCH rows at a time.

    text: (1, T), the caption of all, or (R, T), picture i's in row i. given: likewise (1, n) or (R, n), or None. options:
    those of `sample`. Yields (the indices of these rows, their image tokens (SAMPLING_BATCH, N)), rows that nobody asked
    for among them: picture i is always row i mod SAMPLING_BATCH of a full batch, since sums over another number of rows
    may round otherwise; so it does not depend on what else is asked for.
    """
    for batch in sorted({index // SAMPLING_BATCH for index in indices}):
        rows = range(batch * SAMPLING_BATCH, (batch + 1) * SAMPLING_BATCH)

        def of_rows(table: Tensor, rows: range = rows) -> Tensor:
            return table[[0 if len(table) == 1 else min(row, len(table) - 1) for row in rows]]

        first = None if given is None else of_rows(given)
        yield rows, sample(dalle, of_rows(text), seed, given=first, indices=rows, **options)
