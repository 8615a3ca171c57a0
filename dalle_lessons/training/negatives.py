"""Wrong answers for CLIP: drawings that are too bad to be what their caption says."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets import Pairs
from ..model.dalle import DALLE
from ..model.sampling import SAMPLING_BATCH, sample_batches
from ..model.tokenizer import TextTokenizer

TEMPERATURES = (1.25, 1.5, 1.75)  # batch after batch in turn: from some faults to many
LEAST_DIFFERENCE = 0.3  # share of the true picture's tokens: what differs in fewer may be a good drawing


def sample_negatives(
    dalle: DALLE, tokenizer: TextTokenizer, pairs: Pairs, tokens: Tensor, chosen: Tensor
) -> tuple[Tensor, Tensor]:
    """Drawings of these pictures' full captions, at a temperature that is too high: chosen (K,) int64 -> the indices
    (k,) and image tokens (k, N) of those that differ from the true picture's (row of `tokens`) in more than 30%."""
    text = tokenizer.encode([pairs.caption(i, None) for i in chosen.tolist()])
    drawn = torch.zeros_like(tokens[chosen])
    for turn, temperature in enumerate(TEMPERATURES):
        indices = [i for i in range(len(chosen)) if i // SAMPLING_BATCH % len(TEMPERATURES) == turn]
        for rows, batch in sample_batches(dalle, text, indices, seed=1, temperature=temperature):
            asked = drawn[rows.start : rows.stop]  # the last batch is computed in full, whatever is asked for
            asked.copy_(batch[: len(asked)])
    differs = (drawn != tokens[chosen]).float().mean(dim=1) > LEAST_DIFFERENCE
    return chosen[differs], drawn[differs]
