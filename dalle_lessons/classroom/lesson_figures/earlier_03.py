"""What the longer runs of lesson 03 reached: made by tools/lesson_runs/lesson_03.py, kept in data/lessons/03."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from ...model.files import data_dir


@cache
def all_runs() -> dict[str, dict[str, Any]]:
    """Each run by its name, as the script wrote it."""
    return json.loads((data_dir() / "lessons" / "03" / "runs.json").read_text(encoding="utf-8"))


@cache
def measured() -> dict[str, Any]:
    """Gradients at the start, costs of both ways, and what lesson 02's way reached, as the script wrote them."""
    return json.loads((data_dir() / "lessons" / "03" / "measured.json").read_text(encoding="utf-8"))


def runs_of(beta: float, temperature: str, steps: int) -> list[dict[str, Any]]:
    """The runs with these settings, one a seed."""
    key = {"beta": beta, "temperature": temperature, "steps": steps}
    return [run for run in all_runs().values() if key.items() <= run.items()]


def decoded(beta: float, temperature: str, steps: int) -> Tensor:
    """Six held-out pictures through the argmax tokens of the run of seed 0: (6, 3, 32, 32) in [0, 1]."""
    name = f"beta_{beta:g}-{temperature}-{steps}-0.png"
    with Image.open(data_dir() / "lessons" / "03" / "pictures" / name) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB")))  # (32, 6 · 32, 3)
    return pixels.view(32, -1, 32, 3).permute(1, 3, 0, 2).float() / 255


def error_before(beta: float, temperature: str = "annealed", steps: int = 1000) -> float:
    """The mean squared error through argmax tokens that runs made before reached on held-out pictures, averaged over
    their seeds. temperature: "annealed" (from 1 to 1/8), "cold" (1/8 throughout) or "warm" (1 throughout)."""
    found = [run["argmax"] for run in runs_of(beta, temperature, steps)]
    return sum(found) / len(found)


def load_trained(encoder: nn.Module, decoder: nn.Module) -> Tensor:
    """Give both the parameters of a run made before (beta = 6.6, 1,000 steps, seed 0) -> its codes (K, D)."""
    tensors = load_file(data_dir() / "lessons" / "03" / "trained.safetensors")
    for name, part in (("encoder", encoder), ("decoder", decoder)):
        own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        part.load_state_dict({key: value.float() for key, value in own.items()})
    return tensors["codes"].float()
