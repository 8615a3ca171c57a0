"""Which pictures and captions a batch holds."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ..datasets import Pairs
from ..model.tokenizer import TextTokenizer


def sample_indices(weights: Tensor, count: int) -> Tensor:
    """(N,) float -> (count,) int64, with replacement, by weight, from torch's random state."""
    return torch.multinomial(weights, count, replacement=True)


def sample_grouped(weights: Tensor, groups: Tensor, count: int, negatives_per_group: int) -> Tensor:
    """(N,) float, (N,) int64 -> (count,) int64: `negatives_per_group` pictures of each group that is drawn (of the last
    one fewer, if `count` is no multiple), by weight, with replacement."""
    drawn = -(-count // negatives_per_group)  # rounded up
    first = groups[sample_indices(weights, drawn)]  # (drawn,)
    rows = torch.multinomial(weights * (groups == first[:, None]), negatives_per_group, replacement=True)
    return rows.flatten()[:count]


def sample_other_style(weights: Tensor, things: Tensor, first: Tensor) -> Tensor:
    """(N,) float, (N,) int64: what each picture shows, (B,) indices -> (B,) int64: for each of them another picture of
    the same thing, by weight; itself, where there is no other."""
    chances = weights * (things == things[first][:, None])  # (B, N)
    chances[torch.arange(len(first)), first] = 1e-9  # hardly ever, unless all others have no chance at all
    return torch.multinomial(chances, 1).squeeze(1)


def varied_captions(pairs: Pairs, chosen: Tensor, tokenizer: TextTokenizer, rng: random.Random) -> list[str]:
    """A varied caption for each of the chosen pictures; the plain one where the varied one has too many tokens."""
    varied = [pairs.caption(i, rng) for i in chosen.tolist()]
    fitting = tokenizer.fit(varied)
    return [v if fits else pairs.caption(i, None) for v, fits, i in zip(varied, fitting, chosen.tolist(), strict=True)]


def captions_of(pairs: Pairs) -> Iterator[tuple[str, object]]:
    """The full caption of each pair, with its row of the metadata (None where there are no rows)."""
    rows = pairs.metadata or [None] * len(pairs)
    return ((pairs.caption(i, None), rows[i]) for i in range(len(pairs)))


def check_captions(captions: Iterable[tuple[str, object]], tokenizer: TextTokenizer) -> None:
    """All captions that a training may need must fit, or it would end at the first batch that holds a longer one.

    captions: each with its row of the metadata, which may name a file. Raises ValueError with one sentence that says
    how many are too long, and names the first three.
    """
    rows = list(captions)
    pieces = tokenizer.pieces([caption for caption, _ in rows])
    long = [
        (len(p), caption, row) for p, (caption, row) in zip(pieces, rows, strict=True) if len(p) >= tokenizer.length
    ]
    if not long:
        return
    named = []
    for tokens, caption, row in long[:3]:
        file = f", {row['file']}" if isinstance(row, dict) and "file" in row else ""
        named.append(f"{caption[:60]!r} ({tokens} tokens{file})")
    raise ValueError(
        f"{len(long)} of {len(rows)} captions are too long for the {tokenizer.length - 1} tokens of this model: "
        f"{', '.join(named)}{', …' if len(long) > 3 else ''}; say them in fewer words."
    )
