"""What the models reach, measured on pictures that they have not seen."""

from __future__ import annotations

import torch
from torch import Tensor

from .codebook import perplexity
from .dvae import DVAE
from .pipeline import TextToImage
from .recipes import tokenise
from .sampling import CHUNK, sample
from .sequence import unflatten
from .worlds import Pairs
from .worlds.emoji import STYLES, emoji
from .worlds.shapes import shapes
from .worlds.shapes_check import check, share_right

INK = 250  # a pixel with any channel below this is ink, the others are background


def psnr(images: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB, over all pixels or those of `where`.

    images, truth: (B, 3, H, W) in [0, 1]. where: (B, 1, H, W) bool. -> (B,); NaN where nothing is measured.
    """
    error = (images - truth).pow(2).mean(dim=1, keepdim=True)  # (B, 1, H, W)
    where = torch.ones_like(error, dtype=torch.bool) if where is None else where
    mean = (error * where).sum((1, 2, 3)) / where.sum((1, 2, 3))
    return -10 * mean.clamp_min(1e-10).log10()


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
    tokens = tokenise(dvae, train.pictures)
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


def evaluate_emoji() -> dict:
    """The dVAE of the bundled emoji weights, on `unseen_emoji`, by style."""
    held_out = emoji("unseen_emoji")
    styles = [row["style"] for row in held_out.rows]
    assert set(styles) == set(STYLES)
    return {"dvae": measure_dvae(DVAE.from_pretrained("emoji"), held_out, emoji("train"), styles)}


def evaluate_shapes(system: TextToImage | None = None, count: int = 512) -> dict:
    """The bundled shapes weights: attributes right by the exact checker, of one drawing a full caption (best of 1).

    Beside them the ceiling: the true pictures' reconstructions under the same checker.
    """
    system = system or TextToImage.from_pretrained("shapes")
    report = {}
    for name, split in (("seen", "test"), ("held_out", "unseen_pair")):
        pairs = shapes(split, count)
        captions = [pairs.caption(i, None) for i in range(count)]
        drawn = [check(image, text) for image, text in zip(draw_each(system, captions), captions, strict=True)]
        truth = [check(i, c) for i, c in zip(reconstruct(system.dvae, pairs.pictures), captions, strict=True)]
        report[name] = {
            "captions": count,
            "attributes_right": share_right(drawn),
            "all_right": sum(verdict.all_right for verdict in drawn) / count,
            "attributes_right_reconstructed": share_right(truth),
            "all_right_reconstructed": sum(verdict.all_right for verdict in truth) / count,
        }
    groups = [f"{len(scene.things)} object(s)" for scene in pairs.rows]
    report["dvae"] = measure_dvae(system.dvae, pairs, shapes("train"), groups)
    return report


def draw_each(system: TextToImage, captions: list[str], seed: int = 0) -> list[Tensor]:
    """One drawing of each caption, (3, H, W) in [0, 1]: caption i is drawn with the noise of (seed, i)."""
    c = system.dalle.config
    images = []
    for start in range(0, len(captions), CHUNK):
        part = captions[start : start + CHUNK]
        tokens = sample(system.dalle, system.tokenizer.encode(part), seed, indices=range(start, start + len(part)))
        images += system.dvae.decode(unflatten(tokens, c.rows, c.cols))
    return images
