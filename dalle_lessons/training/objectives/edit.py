"""What the edit model learns from."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from ...datasets import Pairs
from ...datasets.emoji import style_pairs, with_article
from ...model.dalle import DALLE
from ...model.dvae import DVAE
from ...model.editing import edit_caption, edit_nll, extend_rows
from ...model.tokenizer import TextTokenizer
from ..batches import sample_indices
from ..presets import EditPreset
from ..token_noise import corrupt_tokens
from ..tokens import joint_views
from ..trainer import LossFn


def make_edit(
    pairs: Pairs, preset: EditPreset, dvae: DVAE, start: DALLE, tokenizer: TextTokenizer
) -> tuple[DALLE, LossFn]:
    """The edit model on the emoji world, grown from the weights of a DALL·E. -> (DALLE, its loss).

    tokenizer: that DALL·E's, with the preset's text_length. The loss is that of the drawn half alone: caption and given
    picture are never asked for. (The paper trained nothing here; with 1/8 and 7/8 of the whole sequence, most of what
    is learned would be the half that is given.)
    """
    torch.manual_seed(preset.train_config.seed)
    couples, weights = style_pairs(pairs)
    styles = [row["style"] for row in pairs.metadata]
    trained = torch.tensor([(styles[a], styles[b]) != preset.left_out for a, b in couples.tolist()])
    couples, weights = couples[trained], weights[trained]
    token_views = joint_views(dvae, pairs.pictures, preset.num_views, preset.shift)

    def caption(index: int, rng: random.Random) -> str:
        style, name = with_article(styles[index]), pairs.metadata[index]["name"].lower()
        named = edit_caption(style, name)
        return named if rng.random() < preset.named and tokenizer.fits(named) else edit_caption(style)

    def loss_fn(model: DALLE, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = couples[sample_indices(weights, preset.train_config.batch)]
        cut = torch.randint(0, len(token_views), (len(chosen),))
        top, bottom = token_views[cut, chosen[:, 0]], token_views[cut, chosen[:, 1]]  # (B, n) each
        text = tokenizer.encode([caption(i, rng) for i in chosen[:, 1].tolist()])
        tokens, fed = (
            torch.cat((top, lower), dim=1)
            for lower in (bottom, corrupt_tokens(bottom, bottom.roll(1, 0), preset.max_token_noise))
        )  # (B, 2n) each
        nats, right = edit_nll(model, text, tokens, fed)
        return {"total": nats.mean(), "right": right.float().mean()}

    return extend_rows(start, preset.text_length), loss_fn
