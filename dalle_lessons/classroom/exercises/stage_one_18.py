"""Checks of lesson 18's first stage: the dVAE, untrained, and what 100 steps of training make of its codes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from . import CheckFailed, as_number, call, describe, exercise
from .own_file_18 import config_of, model_of, tokens, world_of

STEPS, BATCH, RATE = 100, 8, 6e-3  # of the short training
ENOUGH = 12  # codes that it should use, in a world that has many more patches to tell


@exercise("18.dvae")
def dvae(made: Any) -> None:
    """own.DVAE(c): encode -> (B, N) int64, decode -> pictures, loss(pictures, temperature) -> a number."""
    c = config_of(made)
    pictures = world_of(made, 16)[0]
    own = model_of(made, "DVAE", c)
    image = tokens(call(own.encode, pictures, shown="pictures"), len(pictures), "What encode gives")
    if image.shape[1] != c.grid**2:
        raise CheckFailed(f"encode gives {image.shape[1]} tokens a picture, and grid · grid are {c.grid**2}.")
    if image.max() >= c.codes:
        raise CheckFailed(f"encode gives token {int(image.max())}, and there are {c.codes} codes, from 0 on.")
    if not torch.equal(image, own.encode(pictures)):
        raise CheckFailed(
            "encode gives other tokens each time: no Gumbel noise there, the likeliest code is the token."
        )
    back = call(own.decode, image, shown="tokens")
    if not isinstance(back, Tensor) or back.shape != pictures.shape:
        shape = tuple(pictures.shape)
        raise CheckFailed(f"decode should give pictures of the shape they had, {shape}, but it gives {describe(back)}.")
    if not 0 <= back.min() <= back.max() <= 1:
        raise CheckFailed("decode gives numbers outside of 0 to 1: clamp them, or end in a sigmoid.")
    if back.requires_grad:
        raise CheckFailed("encode and decode are for use, not for learning: put @torch.no_grad() above them.")
    own = copy.deepcopy(own).eval()
    _order_of_encode(own, pictures, c.grid)
    _order_of_decode(own, image, c)
    _choice(own, pictures, c)
    own.train()
    torch.manual_seed(0)
    loss = call(own.loss, pictures, 1.0, shown="pictures, 1.0")
    if not isinstance(loss, Tensor) or not loss.requires_grad or as_number(loss.detach(), "The loss") < 0:
        raise CheckFailed("The loss should be a tensor that one can go back from, and not negative.")
    loss.backward()
    for name, parameter in own.named_parameters():
        if parameter.grad is None or not parameter.grad.any():
            raise CheckFailed(
                f"No gradient reaches {name}: a hard choice, argmax, lets none pass. Choose softly in loss."
            )


def _places(grid: int) -> tuple[tuple[int, int], ...]:
    """Two places; columns first, upside down and backward would each put the first one elsewhere."""
    return (0, grid - 3), (grid - 2, grid // 4)


def _misplaced(moved: Tensor, place: tuple[int, int], what: str) -> None:
    """moved (grid, grid): how much changed where; a Mistake if it is not around `place`."""
    grid, (row, col) = len(moved), place

    def around(row: int, col: int) -> float:
        near = moved[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]
        return float(near.sum() / moved.sum())

    if around(row, col) < 0.5 * around(col, row):
        raise CheckFailed(
            f"{what.format(row=row, col=col)} row {col}, column {row} changed: columns come first. Go along the rows, "
            "as one reads: token number row · grid + column."
        )
    if around(row, col) < 5 / grid**2:
        most = int(moved.argmax())
        raise CheckFailed(
            f"{what.format(row=row, col=col)} row {most // grid}, column {most % grid} changed most: tokens stand in "
            "raster order, row · grid + column."
        )


def _order_of_encode(own: Any, pictures: Tensor, grid: int) -> None:
    """Where a patch changes, the token at its place changes."""
    high, wide = pictures.shape[2] // grid, pictures.shape[3] // grid
    generator = torch.Generator().manual_seed(0)
    for row, col in _places(grid):
        changed = pictures.clone()
        colors = torch.rand(len(pictures), 3, 1, 1, generator=generator).round()
        noise = torch.rand(len(pictures), 3, high, wide, generator=generator)
        changed[:, :, row * high : (row + 1) * high, col * wide : (col + 1) * wide] = (colors + noise) / 2
        moved = (own.encode(changed) != own.encode(pictures)).float().mean(dim=0).reshape(grid, grid)
        if not moved.any():
            raise CheckFailed("A patch was painted over in many colors, and no token changed: does encode look at it?")
        _misplaced(moved, (row, col), "In encode: the patch in row {row}, column {col} was changed, and the token for")


def _order_of_decode(own: Any, image: Tensor, c: Any) -> None:
    """Where a token changes, the pixels at its place change most."""
    for row, col in _places(c.grid):
        place, moved = row * c.grid + col, torch.zeros(c.grid, c.grid)
        for step in range(1, min(c.codes, 8)):
            changed = image.clone()
            changed[:, place] = (changed[:, place] + step) % c.codes
            difference = (own.decode(changed) - own.decode(image)).abs().mean(dim=(0, 1))  # (H, W)
            moved += nn.functional.adaptive_avg_pool2d(difference[None], c.grid)[0]
        if not moved.any():
            raise CheckFailed("A token was changed, and decode gave the same picture: does it look each token up?")
        _misplaced(moved, (row, col), "In decode: the token for row {row}, column {col} was changed, and the pixels at")


def _choice(own: Any, pictures: Tensor, c: Any) -> None:
    """Among which things does `loss` choose, with noise, and does the temperature count?"""

    def value(shown: Tensor, temperature: float = 1.0, seed: int = 0) -> float:
        torch.manual_seed(seed)
        with torch.no_grad():
            return as_number(call(own.loss, shown, temperature, shown="pictures, temperature"), "The loss")

    own.train()  # some leave the noise out otherwise
    noisy = len({value(pictures, seed=seed) for seed in range(3)}) > 1
    heated = value(pictures, 2.0) != value(pictures, 0.5)
    if noisy and not heated:
        raise CheckFailed("The temperature changes nothing in loss: the softmax should be harder when it is colder.")
    if heated and not noisy:
        raise CheckFailed(
            "loss gives the same number each time: there is no noise. The Gumbel noise makes the soft choice a sample, "
            "as lesson 03 shows."
        )
    if not heated and not noisy and _is_soft(own, pictures[:1], c.codes):
        raise CheckFailed(
            "The choice in loss has neither noise nor a temperature: a plain softmax learns to mix codes, and encode "
            "mixes none. Take the Gumbel-softmax."
        )
    _axis(own.eval(), pictures, c.grid, value)


def _is_soft(own: Any, picture: Tensor, codes: int) -> bool:
    """Does the loss of one picture reach more rows of a codebook than it has tokens? (Nearest codes do not.)"""
    own.zero_grad()
    own.loss(picture, 1.0).backward()
    books = [p.grad for p in own.parameters() if p.grad is not None and p.ndim == 2 and len(p) == codes]
    used = len(own.encode(picture).unique())
    found = any(int((grad.abs().sum(dim=1) > 0).sum()) > used for grad in books)
    own.zero_grad()
    return found


def _axis(own: Any, pictures: Tensor, grid: int, value: Callable[..., float]) -> None:
    """Two patches far from each other have nothing to do with each other, unless they share a softmax: then the loss
    with both changed is not the sum of what each of them changes."""
    high, wide = pictures.shape[2] // grid, pictures.shape[3] // grid
    near, far = 1, grid - 2
    try:
        own.double()
        shown = pictures.double()
        value(shown[:1])
    except CheckFailed:  # it makes float numbers of its own
        own.float()
        shown = pictures

    def painted(picture: Tensor, *places: tuple[int, int]) -> Tensor:
        picture = picture.clone()
        for row, col in places:
            patch = picture[:, :, row * high : (row + 1) * high, col * wide : (col + 1) * wide]
            patch.copy_(1 - patch)
        return picture

    def together(picture: Tensor, a: tuple[int, int], b: tuple[int, int]) -> float:
        both, one, other = value(painted(picture, a, b)), value(painted(picture, a)), value(painted(picture, b))
        return abs(both - one - other + value(picture))

    places = {"columns": (near, far), "rows": (far, near), "": (far, far)}
    shared = {
        name: sum(together(shown[i : i + 1], (near, near), place) for i in range(6)) for name, place in places.items()
    }
    own.float()
    for name, place in (("rows", "column"), ("columns", "row")):
        if shared[name] > 10 * shared[""] + 1e-7:
            raise CheckFailed(
                f"In loss two patches of one {place} compete with each other: the softmax runs over the {name}. It "
                "should run over the codes, dim=1 of (B, K, rows, columns)."
            )


@exercise("18.codes")
def codes(made: Any) -> None:
    """own.DVAE(c), trained for 100 steps: do its codes stay in use?"""
    c = config_of(made)
    pictures = world_of(made, 512)[0]
    own = model_of(made, "DVAE", c)
    used, patches = short_training(own, pictures), _patches(pictures[:64], c.grid)
    shown = pictures[:64]
    error = float((call(own.decode, own.encode(shown), shown="tokens") - shown).square().mean())
    plain = float((shown - shown.mean(dim=(0, 2, 3), keepdim=True)).square().mean())
    enough = min(ENOUGH, patches // 4, c.codes // 4)
    if used < enough:
        raise CheckFailed(
            f"{used} codes in use after {STEPS} steps, of {c.codes}: collapse. A few codes win everywhere: normalize "
            "each code's logit over the batch (nn.BatchNorm2d(codes, affine=False)), in loss and in encode alike."
        )
    if error > 0.9 * plain:
        raise CheckFailed(
            f"After {STEPS} steps decode(encode(…)) is no better than one color for all: {-10 * math.log10(error):.1f} "
            f"dB, and that has {-10 * math.log10(plain):.1f}. Does the loss compare with these very pictures?"
        )


def short_training(own: Any, pictures: Tensor, steps: int = STEPS) -> int:
    """Trains the dVAE for so many small steps, the temperature falling to 1/16; how many codes 64 pictures then use."""
    own.train()
    optimizer = torch.optim.AdamW(own.parameters(), RATE)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (BATCH,), generator=generator)
        loss = call(own.loss, pictures[chosen], 16 ** -(step / steps), shown="pictures, temperature")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    own.eval()
    return len(own.encode(pictures[:64]).unique())


def _patches(pictures: Tensor, grid: int) -> int:
    """How many clearly different patches a world has: by their mean colors in steps of 1/8 for each quarter."""
    small = nn.functional.adaptive_avg_pool2d(pictures, 2 * grid)  # four numbers a patch and color
    small = small.unflatten(2, (grid, 2)).unflatten(4, (grid, 2)).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(0, 2)
    return len((8 * small).round().unique(dim=0))
