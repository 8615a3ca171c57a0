"""What the image tokens can hold: reconstructions beside the true pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets import Pairs
from ..model.dvae import DVAE
from ..model.quantizer import perplexity
from ..training.tokens import tokenize
from .metrics import psnr

INK = 250  # a pixel with any channel below this is ink, the others are background


@torch.no_grad()
def reconstruct(dvae: DVAE, pictures: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 -> their argmax reconstructions (N, 3, H, W) in [0, 1]."""
    return torch.cat([dvae.decode(dvae.encode(part.float() / 255)) for part in pictures.split(128)])


def measure_dvae(dvae: DVAE, held_out: Pairs, train: Pairs, groups: list[str]) -> dict:
    """PSNR of reconstructions of held-out pictures, all pixels and ink alone, by group; the codes' use on train."""
    truth = held_out.pictures.float() / 255
    ink = (held_out.pictures < INK).any(dim=1, keepdim=True)
    images = reconstruct(dvae, held_out.pictures)
    everywhere, on_ink = psnr(images, truth), psnr(images, truth, ink)
    tokens = tokenize(dvae, train.pictures)
    codes = dvae.config.codes

    def means(rows: Tensor) -> dict:
        return {"psnr": float(everywhere[rows].nanmean()), "psnr_ink": float(on_ink[rows].nanmean())}

    by_group = {name: means(torch.tensor([group == name for group in groups])) for name in dict.fromkeys(groups)}
    used = perplexity(tokens, codes)
    return {
        "pictures": len(held_out),
        **means(torch.ones(len(held_out), dtype=torch.bool)),
        "by_group": by_group,
        "codes": codes,
        "codes_used": len(tokens.unique()),
        "perplexity": used,
        "perplexity_share": used / codes,
    }
