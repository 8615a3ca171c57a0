"""What the image tokens can hold: reconstructions beside the true pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..model.dvae import DVAE
from ..model.quantizer import perplexity
from ..training.tokens import tokenize
from .evaluation_set import EvaluationSet, with_and_without
from .intervals import mean_interval
from .metrics import psnr

FOREGROUND_BELOW = 250  # of 255: a pixel with any channel below this is foreground, the others are background
BATCH = 128  # pictures that go through the dVAE together


@torch.no_grad()
def reconstruct(dvae: DVAE, pictures: Tensor, progress: bool = False) -> Tensor:
    """(N, 3, H, W) uint8 -> their argmax reconstructions (N, 3, H, W) float32 in [0, 1], where the pictures lie; the
    dVAE may be elsewhere."""
    parts = tqdm(pictures.split(BATCH), desc="reconstructions", unit="batch", disable=not progress, leave=False)
    return torch.cat([dvae.decode(dvae.encode(part.to(dvae.device).float() / 255)).to(part.device) for part in parts])


def encode_pictures(dvae: DVAE, pictures: Tensor, progress: bool = False) -> Tensor:
    """(N, 3, H, W) uint8 -> their image tokens (N, rows · cols) int64."""
    parts = tqdm(pictures.split(BATCH), desc="image tokens", unit="batch", disable=not progress, leave=False)
    return torch.cat([tokenize(dvae, part) for part in parts])


def measure_dvae(dvae: DVAE, held_out: EvaluationSet, train: Pairs, groups: list[str], progress: bool = False) -> dict:
    """PSNR of reconstructions of held-out pictures in dB, over all pixels and over the foreground, by group; and which
    of the codes the pictures of train use. groups: the name of each held-out picture's group."""
    pictures = held_out.pairs.pictures
    truth = pictures.float() / 255
    foreground = (pictures < FOREGROUND_BELOW).any(dim=1, keepdim=True)
    images = reconstruct(dvae, pictures, progress)
    measured = {"psnr": psnr(images, truth), "psnr_foreground": psnr(images, truth, foreground)}
    masks = {name: torch.tensor([group == name for group in groups]) for name in dict.fromkeys(groups)}

    def means(rows: Tensor) -> dict:
        return {name: mean_interval(values[rows], held_out.clusters[rows]) for name, values in measured.items()}

    def figures(rows: Tensor) -> dict:
        by_group = {name: means(rows & mask) for name, mask in masks.items()}
        return {"pictures": int(rows.sum()), **means(rows), "by_group": by_group}

    tokens, codes = encode_pictures(dvae, train.pictures, progress), dvae.config.codes
    used = perplexity(tokens, codes)
    return {
        **with_and_without(len(held_out), held_out.near, figures),
        "codes": codes,
        "codes_used": len(tokens.unique()),
        "perplexity": used,
        "perplexity_share": used / codes,
    }
