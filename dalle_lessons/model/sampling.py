"""From logits to image tokens, one draw after another.

The paper samples at temperature 1 and ranks 512 samples (section 2.6); top-k, top-p and guidance are later practice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from .dalle import DALLE
from .sequence import empty_captions
from .side_by_side import OnToken, one_thread, side_by_side
from .transformer import Cache

SAMPLING_BATCH = 32  # rows computed together, always: so a picture does not depend on how many were asked for
TINY_TEMPERATURE = 1e-6  # below it, logits / temperature might be infinite


def noise(seed: int, index: int, length: int, codes: int) -> Tensor:
    """Gumbel noise (length, codes) float32, on the CPU, of the picture (seed, index), from a generator of its own.

    seed: any int, of which the lowest 64 bits count. index: 0 or larger.
    One version of NumPy always gives the same noise, on every machine. Another version may not: NumPy does not promise
    it (NEP 19). So whoever wants the same pictures from the same seeds keeps the version too (constraints.txt).
    """
    return gumbel(noise_generator(seed, index).standard_exponential((length, codes)))


def noise_generator(seed: int, index: int) -> np.random.Generator:
    """The generator of the picture (seed, index)."""
    # NumPy's generator, because PyTorch's on the CPU heeds 32 bits of a seed only: too few to keep two numbers apart.
    return np.random.default_rng(np.random.SeedSequence(int(seed) % 2**64, spawn_key=(index,)))


def gumbel(exponential: np.ndarray) -> Tensor:
    """Exponential noise, float64, because its tail is fine enough -> Gumbel noise float32."""
    return -torch.from_numpy(exponential).clamp_min(torch.finfo(torch.float64).tiny).log().float()


def noise_of_tokens(seed: int, indices: Sequence[int | None], first: int, codes: int) -> Iterator[Tensor]:
    """`noise` of several pictures, token by token from the token `first` on: each (B, codes). That of None is 0."""
    generators = [None if index is None else noise_generator(seed, index) for index in indices]
    exponential = np.ones((len(indices), codes))
    for generator in generators:
        if generator is not None:
            generator.standard_exponential(first * codes)  # of the tokens before
    while True:
        for row, generator in enumerate(generators):
            if generator is not None:
                generator.standard_exponential(out=exponential[row])
        yield gumbel(exponential)


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


def check_indices(indices: Sequence[int | None], batch: int) -> None:
    """Raises ValueError with one sentence unless there is one index, 0 or larger, for each row of the batch."""
    if len(indices) != batch:
        raise ValueError(f"Give one index for each row of the text: got {len(indices)} indices for {batch} rows.")
    if negative := [index for index in indices if index is not None and index < 0]:
        raise ValueError(f"The index of a picture is 0 or larger, got {min(negative)}.")


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


def read_prompts(dalle: DALLE, captions: Tensor, tokens: Tensor) -> tuple[Tensor, Cache]:
    """Captions (B, T) and first tokens (B, n) -> logits of the next token (B, codes), and the cache of all rows.

    What several rows have in common is read once; and each by itself, so that no row depends on what others hold.
    """
    prompts, prompt_of_row = torch.cat((captions, tokens), dim=1).unique(dim=0, return_inverse=True)
    c = dalle.config
    cache = dalle.transformer.new_cache(len(captions), c.text_length + c.image_length)
    logits = []
    for i, prompt in enumerate(prompts):
        caption, first = prompt[None].split((c.text_length, tokens.shape[1]), dim=1)
        next_logits, read = dalle.prefill(caption, first)
        cache.take(read, prompt_of_row == i)
        logits.append(next_logits)
    return torch.cat(logits)[prompt_of_row], cache


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
    on_token: OnToken | None = None,
    indices: Sequence[int | None] | None = None,
    cached: bool = True,
    negative: Tensor | None = None,
) -> Tensor:
    """Draw image tokens for text tokens: (B, T) int64 -> (B, N) int64.

    Each token is drawn by Gumbel-max: argmax(logits + noise), with row i's noise from the generator of (seed, i);
    `indices` gives the B rows other numbers than 0 … B-1, each 0 or larger; None is a row that nobody wants, and noise
    is not spent on. temperature: 0 always takes the likeliest
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
    noise_now = noise_of_tokens(seed, rows, tokens.shape[1], c.codes) if temperature > 0 else None
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
                logits, cache = read_prompts(dalle, captions, both(tokens))
            else:
                logits = dalle.decode_step(both(tokens[:, -1:]), i - 1, cache)
            logits = logits if logits.dtype == torch.float64 else logits.float()
            if guidance:
                toward, away = logits.chunk(2)
                logits = toward + guidance * (toward - away)
            if noise_now is not None:
                logits = shape_logits(logits, temperature, top_k, top_p)
                drawn = (logits + next(noise_now).to(logits.device)).argmax(dim=-1)
            else:
                drawn = logits.argmax(dim=-1)
            tokens = torch.cat((tokens, drawn[:, None]), dim=1)
            if on_token is not None:
                on_token(i, tokens, logits)
    return tokens


def sample_batches(
    dalle: DALLE,
    text: Tensor,
    indices: Sequence[int],
    seed: int = 0,
    given: Tensor | None = None,
    on_token: OnToken | None = None,
    **options,
) -> Iterator[tuple[range, Tensor]]:
    """Sample the pictures (seed, i) for all i of `indices`, SAMPLING_BATCH rows at a time.

    text: (1, T), the caption of all, or (R, T), picture i's in row i. given: likewise (1, n) or (R, n), or None.
    options: those of `sample`. Yields (the indices of these rows, their image tokens (SAMPLING_BATCH, N)), among them
    rows that nobody asked for, drawn without noise: picture i is always row i mod SAMPLING_BATCH of a full batch, since
    sums over another number of rows may round otherwise; so it does not depend on what else is asked for.
    On the CPU a batch takes one core, and as many are sampled at the same time as PyTorch has threads: the calls of
    `on_token` for these come in turn.
    Raises ValueError with one sentence for a negative index, before anything is sampled, and as `sample` does.
    """
    check_indices(indices, len(indices))
    asked = set(indices)

    def of_rows(table: Tensor, rows: range) -> Tensor:
        return table[[0 if len(table) == 1 else min(row, len(table) - 1) for row in rows]]

    def sample_rows(rows: range, on_token: OnToken | None) -> Tensor:
        first = None if given is None else of_rows(given, rows)
        wanted = [i if i in asked else None for i in rows]
        return sample(dalle, of_rows(text, rows), seed, given=first, on_token=on_token, indices=wanted, **options)

    batches = [
        range(i * SAMPLING_BATCH, (i + 1) * SAMPLING_BATCH) for i in sorted({i // SAMPLING_BATCH for i in asked})
    ]
    if text.device.type != "cpu":
        for rows in batches:
            yield rows, sample_rows(rows, on_token)
        return
    together = torch.get_num_threads()
    for start in range(0, len(batches), together):
        now = batches[start : start + together]
        with evaluation_mode(dalle):  # here too, since one batch may be done, and change the mode back, before another
            if len(now) == 1:
                with one_thread():
                    drawn = [sample_rows(now[0], on_token)]
            else:
                drawn = side_by_side([partial(sample_rows, rows) for rows in now], on_token or (lambda *_: None))
        yield from zip(now, drawn, strict=True)
