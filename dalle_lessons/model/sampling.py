"""From logits to image tokens, one draw after another.

The paper samples at temperature 1 and ranks 512 samples (section 2.6); top-k, top-p and guidance are later practice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from .dalle import DALLE
from .sequence import empty_captions

SAMPLING_BATCH = 32  # rows computed together, always: so a picture does not depend on how many were asked for
TINY_TEMPERATURE = 1e-6  # below it, logits / temperature might be infinite


def noise(seed: int, index: int, length: int, codes: int) -> Tensor:
    """Gumbel noise (length, codes) float32, on the CPU, of the picture (seed, index), from a generator of its own.

    seed: any int, of which the lowest 64 bits count. index: 0 or larger.
    One version of NumPy always gives the same noise, on every machine. Another version may not: NumPy does not promise
    it (NEP 19). So whoever wants the same pictures from the same seeds keeps the version too (constraints.txt).
    """
    # NumPy's generator, because PyTorch's on the CPU heeds 32 bits of a seed only: too few to keep two numbers apart.
    generator = np.random.default_rng(np.random.SeedSequence(int(seed) % 2**64, spawn_key=(index,)))
    exponential = torch.from_numpy(generator.standard_exponential((length, codes)))  # float64: its tail is fine enough
    return -exponential.clamp_min(torch.finfo(torch.float64).tiny).log().float()


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """(B, codes) -> (B, codes): all but the k largest become -inf (Fan et al. 2018).

    Never more than k stay: of equal logits at the edge, those of the lower codes.
    """
    k = min(k, logits.shape[-1])
    smallest = logits.topk(k).values[:, -1:]  # (B, 1)
    larger, equal = logits > smallest, logits == smallest
    room = k - larger.sum(dim=-1, keepdim=True)  # (B, 1): how many of the equal ones stay
    return logits.masked_fill(~(larger | (equal & (equal.cumsum(dim=-1) <= room))), -torch.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """(B, codes) -> (B, codes): keep the smallest set of codes whose probabilities reach p (Holtzman et al. 2019)."""
    ordered, order = logits.sort(descending=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # what the more likely codes reach without this one
    dropped = torch.zeros_like(logits, dtype=torch.bool).scatter(1, order, before >= p)
    dropped.scatter_(1, order[:, :1], False)  # the likeliest always stays
    return logits.masked_fill(dropped, -torch.inf)


def shape_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """(B, codes) -> (B, codes): divide by the temperature (> 0), then keep the top k, then the top p.

    Below a temperature of 1e-6 the largest logit is made 0 before the division, which changes no probability: the
    likeliest codes stay at 0, all others go towards -inf.
    """
    if temperature < TINY_TEMPERATURE:
        logits = logits - logits.max(dim=-1, keepdim=True).values
        temperature = max(temperature, 1e-30)  # in float32 a smaller one might be 0, and 0 / 0 is no number
    logits = logits / temperature
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None and top_p < 1:  # 1 keeps all; rounding would drop the rarest
        logits = keep_top_p(logits, top_p)
    return logits


def check_indices(indices: Sequence[int], batch: int) -> None:
    """Raises ValueError with one sentence unless there is one index, 0 or larger, for each row of the batch."""
    if len(indices) != batch:
        raise ValueError(f"Give one index for each row of the text: got {len(indices)} indices for {batch} rows.")
    if any(index < 0 for index in indices):
        raise ValueError(f"The index of a picture is 0 or larger, got {min(indices)}.")


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Without dropout, then back: every module of the model is in evaluation mode inside, and afterwards as before."""
    training = [module for module in model.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True


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
    negative: Tensor | None = None,
) -> Tensor:
    """Draw image tokens for text tokens: (B, T) int64 -> (B, N) int64.

    Each token is drawn by Gumbel-max: argmax(logits + noise), with row i's noise from the generator of (seed, i);
    `indices` gives the B rows other numbers than 0 … B-1, each 0 or larger. temperature: 0 always takes the likeliest
    token. guidance g: logits = (1 + g) · with caption - g · without (Ho and Salimans 2022). negative: (1, T) or (B, T)
    text tokens that take the place of the empty caption, so that guidance leads away from what they say. given: (B, n)
    first tokens, kept. on_token(i, tokens, logits) is called after each draw: tokens (B, i + 1), and the logits
    (B, codes) it was drawn from. cached=False computes every slot anew: slower, the same tokens.
    The model is sampled in evaluation mode, without dropout, and keeps the mode it had. Noise, and logits of a
    half-precision model, are added up in float32: in fewer digits many draws would be ties.
    Raises ValueError with one sentence for options or shapes that make no sense.
    """
    check_options(temperature, top_k, top_p, guidance)
    c = dalle.config
    tokens = text.new_zeros(len(text), 0) if given is None else given
    dalle.check(text, tokens)
    if negative is not None:
        dalle.check(negative, negative[:, :0])
    rows = range(len(text)) if indices is None else indices
    check_indices(rows, len(text))
    gumbel = None
    if temperature > 0:
        gumbel = torch.stack([noise(seed, i, c.image_length, c.codes) for i in rows]).to(text.device)  # (B, N, codes)
    without = empty_captions(text, c.pad_id) if negative is None else negative.to(text.device).expand(len(text), -1)
    captions = torch.cat((text, without)) if guidance else text

    def both(x: Tensor) -> Tensor:
        return torch.cat((x, x)) if guidance else x  # the same image tokens, once with caption and once without

    with evaluation_mode(dalle):
        cache = None
        for i in range(tokens.shape[1], c.image_length):
            if not cached:
                padded = torch.cat((tokens, tokens.new_zeros(len(text), 1)), dim=1)  # forward drops the last token
                logits = dalle(captions, both(padded))[1][:, -1]
            elif cache is None:
                logits, cache = dalle.prefill(captions)
                if i:
                    logits = dalle.decode_step(both(tokens), 0, cache)
            else:
                logits = dalle.decode_step(both(tokens[:, -1:]), i - 1, cache)
            logits = logits if logits.dtype == torch.float64 else logits.float()
            if guidance:
                toward, away = logits.chunk(2)
                logits = toward + guidance * (toward - away)
            if gumbel is not None:
                logits = shape_logits(logits, temperature, top_k, top_p)
                drawn = (logits + gumbel[:, i]).argmax(dim=-1)
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

    text: (1, T), the caption of all, or (R, T), picture i's in row i. given: likewise (1, n) or (R, n), or None.
    options: those of `sample`. Yields (the indices of these rows, their image tokens (SAMPLING_BATCH, N)), among them
    rows that nobody asked for: picture i is always row i mod SAMPLING_BATCH of a full batch, since sums over another
    number of rows may round otherwise; so it does not depend on what else is asked for.
    Raises ValueError with one sentence for a negative index, before anything is sampled, and as `sample` does.
    """
    check_indices(indices, len(indices))
    for batch in sorted({index // SAMPLING_BATCH for index in indices}):
        rows = range(batch * SAMPLING_BATCH, (batch + 1) * SAMPLING_BATCH)

        def of_rows(table: Tensor, rows: range = rows) -> Tensor:
            return table[[0 if len(table) == 1 else min(row, len(table) - 1) for row in rows]]

        first = None if given is None else of_rows(given)
        yield rows, sample(dalle, of_rows(text), seed, given=first, indices=rows, **options)
