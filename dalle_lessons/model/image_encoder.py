"""A picture becomes one vector: the small convolutional network with which CLIP and the judge look."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """x + two 3x3 convolutions of x, each after a batch norm and a ReLU (He et al. 2016)."""

    def __init__(self, width: int):
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1, bias=False)]
        self.branch = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class ImageEncoder(nn.Module):
    """(B, 3, H, W) in [0, 1] -> (B, widths[-1]). H and W are multiples of `patch` · 2^(stages - 1).

    CLIP's paper has both a ResNet and a Vision Transformer, and the transformer is the more efficient one, with 400
    million pairs to learn from (Radford et al. 2021, section 3.2). Here are twelve thousand pictures: convolutions know
    from the start that neighboring pixels belong together and that a thing may stand anywhere.
    """

    def __init__(self, patch: int, widths: tuple[int, ...]):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], patch + 2, patch, padding=1), Residual(widths[0])]
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.Conv2d(before, after, 3, 2, padding=1), Residual(after)]
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(self.layers(images * 2 - 1), 1).flatten(1)  # (B, C, rows, cols) -> (B, C)
