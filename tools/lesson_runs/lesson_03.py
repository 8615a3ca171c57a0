"""The longer runs of lesson 03: each weight beta, the undivided one, the cold and the warm temperature.

    python tools/lesson_runs/lesson_03.py [--only NAME ...] [--measure]

Network, loss, batch and learning rate are those of the lesson's cells. Writes data/lessons/03: `runs.json` (what each
run reached on held-out pictures), `pictures/NAME.png` (six held-out pictures through their argmax tokens, of seed 0),
and `trained.safetensors` (beta = 6.6, 1,000 steps, seed 0, in half precision). A run is a matter of 15 seconds to two
minutes on one core; those that stand in `runs.json` already are left out unless named.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.quantizer import GumbelCodebook, VectorCodebook

HOME = Path(__file__).resolve().parents[2] / "data" / "lessons" / "03"
K, D, BATCH = 64, 16, 32
ANNEALED, COLD, WARM, RISING = "annealed", "cold", "warm", "cold-rising"
TRAINED = "beta_6.6-annealed-1000-0"


@dataclass(frozen=True)
class Run:
    """One training: the weight beta, the temperature's course, how long, from which seed. With the course
    "cold-rising" the weight rises from 0 to beta over the first third."""

    beta: float
    temperature: str
    steps: int
    seed: int

    @property
    def name(self) -> str:
        return f"beta_{self.beta:g}-{self.temperature}-{self.steps}-{self.seed}"

    def at(self, step: int) -> float:
        """The temperature at a step: from 1 to 1/8 over nine tenths of the run, or 1/8 or 1 throughout."""
        falling = max(1 / 8, 1 - 1.1 * step / self.steps)
        return {ANNEALED: falling, COLD: 1 / 8, RISING: 1 / 8, WARM: 1.0}[self.temperature]

    def weight(self, step: int) -> float:
        """The weight of the mean KL at a step: beta / 48."""
        rising = min(1.0, 3 * step / self.steps) if self.temperature == RISING else 1.0
        return rising * self.beta / 48


BETAS = (6.6, 0.0, 0.66, 2.2, 22.0, 66.0, 316.8)  # 316.8 = 48 · 6.6: the division forgotten
RUNS = [
    *(Run(beta, ANNEALED, steps, 0) for steps in (300, 1000) for beta in BETAS),
    Run(6.6, COLD, 1000, 0),
    *(Run(beta, kind, 300, 0) for beta, kind in ((6.6, COLD), (0.0, COLD), (6.6, WARM))),
    *(Run(6.6, RISING, steps, 0) for steps in (300, 1000)),
    *(Run(beta, ANNEALED, 1000, 1) for beta in (0.0, 6.6)),
    Run(6.6, COLD, 1000, 1),
    *(Run(beta, kind, 1000, 0) for beta, kind in ((6.6, WARM), (0.0, COLD))),
    Run(6.6, COLD, 2000, 0),
    Run(6.6, RISING, 1000, 1),
    *(Run(beta, ANNEALED, 1000, 1) for beta in (2.2, 22.0)),
    *(Run(beta, kind, 300, 1) for beta, kind in ((6.6, ANNEALED), (0.0, ANNEALED), (6.6, COLD), (6.6, WARM))),
    *(Run(beta, ANNEALED, 1000, 1) for beta in (0.66, 66.0, 316.8)),
    Run(6.6, WARM, 1000, 1),
]


def make_model() -> tuple[nn.Sequential, nn.Sequential, nn.Parameter]:
    """Encoder, decoder and codes (K, D), made in the lesson's order, so that a seed gives the same numbers."""
    encoder = nn.Sequential(nn.Conv2d(3, 64, 4, stride=4), nn.ReLU(), nn.Conv2d(64, K, 1))
    body = [nn.Conv2d(D, 64, 1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 48, 1)]
    return encoder, nn.Sequential(*body, nn.PixelShuffle(4)), nn.Parameter(torch.randn(K, D))


def mixture(logits: Tensor, codes: Tensor, temperature: float) -> Tensor:
    """logits (B, K, rows, cols), codes (K, D) -> (B, D, rows, cols)."""
    noise = -torch.empty_like(logits).exponential_().log()
    return torch.einsum("bkhw,kd->bdhw", ((logits + noise) / temperature).softmax(dim=1), codes)


def kl(logits: Tensor) -> Tensor:
    """logits (B, K, rows, cols) -> scalar: mean over positions of KL(q || uniform), in nats."""
    log_q = logits.log_softmax(dim=1)
    return (log_q.exp() * log_q).sum(dim=1).mean() + math.log(K)


def train(run: Run, pictures: Tensor) -> tuple[nn.Module, nn.Module, Tensor, list[float]]:
    """pictures (N, 3, 32, 32) in [0, 1] -> encoder, decoder, codes, KL at every tenth step."""
    torch.manual_seed(run.seed)
    encoder, decoder, codes = make_model()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), codes], lr=4e-3)
    history = []
    for step in range(run.steps):
        images = pictures[torch.randint(len(pictures), (BATCH,))]
        logits = encoder(images)
        outputs = decoder(mixture(logits, codes, run.at(step)))
        error = (outputs - images).pow(2).flatten(1).mean(dim=1)
        divergence = kl(logits)
        optimizer.zero_grad()
        (0.5 * error.clamp_min(1e-4).log().mean() + run.weight(step) * divergence).backward()
        optimizer.step()
        if step % 10 == 0:
            history.append(round(divergence.item(), 4))
    return encoder, decoder, codes.detach(), history


@torch.no_grad()
def measure(run: Run, model: tuple, held_out: Tensor) -> tuple[dict, Tensor]:
    """-> what it reaches on held-out pictures (N, 3, 32, 32), and the six first of them through argmax tokens."""
    encoder, decoder, codes, history = model
    logits = encoder(held_out)
    tokens = logits.argmax(dim=1)
    torch.manual_seed(0)

    def error(vectors: Tensor) -> float:
        return round((decoder(vectors).clamp(0, 1) - held_out).pow(2).mean().item(), 5)

    hard = codes[tokens].permute(0, 3, 1, 2)
    found = {
        "beta": run.beta,
        "temperature": run.temperature,
        "steps": run.steps,
        "seed": run.seed,
        "kl": round(kl(logits).item(), 4),
        "argmax": error(hard),
        "soft_end": error(mixture(logits, codes, run.at(run.steps - 1))),
        "soft_1": error(mixture(logits, codes, 1.0)),
        "codes_in_use": len(tokens.unique()),
        "history": history,
    }
    return found, decoder(hard)[:6].clamp(0, 1)


def costs(rounds: int = 5) -> dict[str, dict[str, float]]:
    """Milliseconds, on one core, of both quantizers forward and back for 16 pictures of 8x8 tokens, by codes."""
    found: dict[str, dict[str, float]] = {}
    for codes in (64, 512, 4096):
        for name, kind in (("scores", GumbelCodebook), ("nearest", VectorCodebook)):
            torch.manual_seed(0)
            codebook, features = kind(64, codes, 16), torch.randn(16, 64, 8, 8, requires_grad=True)
            taken = []
            for _ in range(rounds):
                begin = time.process_time()
                made = codebook(features, 0.5)
                (made.vectors.sum() + made.loss).backward()
                taken.append(time.process_time() - begin)
            found.setdefault(str(codes), {})[name] = round(1000 * sorted(taken)[rounds // 2], 1)
    return found


def train_nearest(steps: int, seed: int, pictures: Tensor, held_out: Tensor) -> dict[str, float]:
    """Lesson 02's way with the same layers, batch and learning rate -> what it reaches on held-out pictures."""
    torch.manual_seed(seed)
    encoder, decoder, _ = make_model()
    encoder = encoder[:2]
    codebook = VectorCodebook(64, K, D)
    parts = [*encoder.parameters(), *decoder.parameters(), *codebook.parameters()]
    optimizer = torch.optim.Adam(parts, lr=4e-3)
    for _ in range(steps):
        images = pictures[torch.randint(len(pictures), (BATCH,))]
        made = codebook(encoder(images))
        optimizer.zero_grad()
        ((decoder(made.vectors) - images).pow(2).mean() + made.loss).backward()
        optimizer.step()
    with torch.no_grad():
        tokens = codebook.eval()(encoder(held_out)).tokens
        outputs = decoder(codebook.lookup(tokens)).clamp(0, 1)
    error = (outputs - held_out).pow(2).mean().item()
    return {"steps": steps, "seed": seed, "argmax": round(error, 5), "codes_in_use": len(tokens.unique())}


def sheet(pictures: Tensor) -> Image.Image:
    """(N, 3, H, W) in [0, 1] -> one image, side by side."""
    pixels = (pictures * 255).round().byte().permute(2, 0, 3, 1).flatten(1, 2)
    return Image.fromarray(np.asarray(pixels))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=None, help="names of runs")
    parser.add_argument("--measure", action="store_true", help="costs and lesson 02's way: measured.json")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no further run after so many")
    options = parser.parse_args()
    begin = time.monotonic()
    pictures = shapes("train", 4000).pictures.float() / 255
    held_out = shapes("test", 300).pictures.float() / 255
    (HOME / "pictures").mkdir(parents=True, exist_ok=True)
    if options.measure:
        found: dict[str, object] = {"costs": costs()}
        found["nearest"] = [
            train_nearest(*key, pictures, held_out) for key in ((300, 0), (300, 1), (1000, 0), (1000, 1))
        ]
        (HOME / "measured.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(found)
        return
    place = HOME / "runs.json"
    for run in RUNS:
        done = json.loads(place.read_text()) if place.is_file() else {}
        if run.name not in options.only if options.only is not None else run.name in done:
            continue
        if time.monotonic() - begin > options.seconds:
            break
        seconds = time.process_time()
        model = train(run, pictures)
        found, decoded = measure(run, model, held_out)
        done = json.loads(place.read_text()) if place.is_file() else {}
        lines = [f"{json.dumps(name)}: {json.dumps(what)}" for name, what in {**done, run.name: found}.items()]
        place.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        if run.seed == 0:
            sheet(decoded).save(HOME / "pictures" / f"{run.name}.png", optimize=True)
        if run.name == TRAINED:
            parts = {"encoder": model[0].state_dict(), "decoder": model[1].state_dict(), "codes": {"": model[2]}}
            named = {
                f"{part}.{key}".rstrip("."): v.half() for part, tensors in parts.items() for key, v in tensors.items()
            }
            save_file(named, HOME / "trained.safetensors")
        print(
            run.name,
            {k: v for k, v in found.items() if k != "history"},
            f"{time.process_time() - seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
