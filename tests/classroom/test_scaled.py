"""What lesson 16 counts."""

from __future__ import annotations

import torch

from dalle_lessons.classroom.scaled_16 import counted_flops, step_flops
from dalle_lessons.model.dalle import DALLE, DALLEConfig


def test_flops_of_all_blocks_are_those_of_two_blocks_drawn_on():
    config = DALLEConfig(40, 6, 3, 3, 24, width=16, layers=5, heads=2, attention=("row", "column", "full"))
    with torch.device("meta"):
        model = DALLE(config)
    assert step_flops(model) == counted_flops(model) > 6 * 9 * 5 * 12 * 16**2
