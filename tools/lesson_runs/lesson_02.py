"""The longer runs that lesson 02 shows: written once to data/lessons/02/, the same again with

    OMP_NUM_THREADS=1 python tools/lesson_runs/lesson_02.py [waking | rate | lie | plane …]

Each part takes 1 to 6 minutes on one core. Networks, seeds and steps are those of the lesson's own cells.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.quantizer import perplexity

OUT = Path(__file__).resolve().parents[2] / "data" / "lessons" / "02"
STEPS = 2000
RATE_STEPS = 700
MEASURED = (1, 50, 100, 200, 350, 500, 700, 1000, 1500, 2000)
LIE_STEPS = (1, 100, 700)
PICTURE = 3  # of the held-out pictures, the one whose vectors are followed
PLANE_STEPS = (0, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 500, 600, 700, 1000)


class Model(NamedTuple):
    encoder: nn.Sequential
    decoder: nn.Sequential
    codebook: Tensor


def make(codes: int, length: int, scale: float = 0.3) -> Model:
    """The lesson's networks, untrained. scale: how widely the codes are strewn."""
    encoder = nn.Sequential(nn.Conv2d(3, 64, 4, stride=4), nn.ReLU(), nn.Conv2d(64, length, 1))
    body = [nn.Conv2d(length, 64, 1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 48, 1)]
    decoder = nn.Sequential(*body, nn.PixelShuffle(4))
    return Model(encoder, decoder, nn.Parameter(torch.randn(codes, length) * scale))


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """(N, D), (K, D) -> (N,), without the tensor of all differences."""
    return (codebook.pow(2).sum(1) - 2 * vectors @ codebook.T).argmin(dim=1)


def quantize(z: Tensor, codebook: Tensor, listen: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """The lesson's `quantize`; without `listen` the decoder's gradient ends at the choice."""
    rows = z.permute(0, 2, 3, 1)
    tokens = nearest(rows.flatten(0, 2), codebook).reshape(rows.shape[:3])
    e = codebook[tokens].permute(0, 3, 1, 2)
    loss = F.mse_loss(e, z.detach()) + 0.25 * F.mse_loss(z, e.detach())
    return z + (e - z).detach() if listen else e.detach(), tokens, loss


@torch.no_grad()
def revive(codebook: Tensor, vectors: Tensor, counts: Tensor) -> None:
    """The lesson's third exercise: codes that were not chosen move to random vectors (N, D)."""
    unused = (counts == 0).nonzero().flatten()
    codebook[unused] = vectors[torch.randint(len(vectors), (len(unused),))]


def train(
    pictures: Tensor, seed=0, codes=128, length=8, steps=STEPS, every=0, listen=True, watch=None, **start
) -> Model:
    """As in the lesson. every: revive the unused codes every so many steps; watch(step, model): called before each."""
    torch.manual_seed(seed)
    model = make(codes, length, **start)
    encoder, decoder, codebook = model
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), codebook], lr=3e-3)
    counts = torch.zeros(codes, dtype=torch.int64)
    for step in range(steps + 1):
        if watch:
            watch(step, model)
        if step == steps:
            return model
        images = pictures[torch.randint(len(pictures), (32,))]
        vectors, tokens, codebook_loss = quantize(encoder(images), codebook, listen)
        loss = F.mse_loss(decoder(vectors), images) + codebook_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        counts += torch.bincount(tokens.flatten(), minlength=codes)
        if every and step % every == every - 1:
            revive(codebook, flat(encoder(images)), counts)
            counts.zero_()
    raise AssertionError


class Curve:
    """Codes in use and error on the held-out pictures, at the steps of MEASURED."""

    def __init__(self, images: Tensor):
        self.images, self.steps, self.in_use, self.error = images, [], [], []

    @torch.no_grad()
    def __call__(self, step: int, model: Model) -> None:
        if step in MEASURED:
            vectors, tokens, _ = quantize(model.encoder(self.images), model.codebook)
            self.steps.append(step)
            self.in_use.append(len(tokens.unique()))
            self.error.append(round(F.mse_loss(model.decoder(vectors).clamp(0, 1), self.images).item(), 5))
            print(f"  step {step}: {self.in_use[-1]} codes, error {self.error[-1]}", flush=True)

    def numbers(self) -> dict[str, list[float]]:
        return {"steps": self.steps, "in_use": self.in_use, "error": self.error}


def curves(runs: dict[str, dict], pictures: Tensor, held_out: Tensor) -> dict:
    """name -> its curve; runs: name -> arguments of `train`."""
    found = {}
    for name, arguments in runs.items():
        print(name, flush=True)
        curve = Curve(held_out)
        train(pictures, watch=curve, **arguments)
        found[name] = curve.numbers()
    return found


def waking(pictures: Tensor, held_out: Tensor) -> None:
    """Does a code that nobody uses wake? With and without revival, with two seeds, with codes strewn as in the lesson
    and ten times as widely; and an encoder to which no gradient of the decoder comes."""
    runs = {
        f"{name}, seed {seed}": {"seed": seed, **arguments}
        for seed in (0, 1)
        for name, arguments in {
            "plain": {"steps": STEPS if seed == 0 else 1000},
            "revived": {"every": 10, "steps": 1000},
            "wide": {"scale": 3.0, "steps": STEPS if seed == 0 else 1000},
            "wide, revived": {"scale": 3.0, "every": 10, "steps": 1000},
            "deaf": {"listen": False, "steps": 1000},
        }.items()
    }
    write("waking", curves(runs, pictures, held_out))


def rate(pictures: Tensor, held_out: Tensor) -> None:
    """Error and bits for codebooks of several sizes, with the same six pictures from each."""
    sizes, error, bits, in_use, drawn = (2, 8, 32, 128, 512), [], [], [], {}
    for codes in sizes:
        model = train(pictures, codes=codes, every=10, steps=RATE_STEPS)
        with torch.no_grad():
            vectors, tokens, _ = quantize(model.encoder(held_out), model.codebook)
            made = model.decoder(vectors).clamp(0, 1)
        error.append(round(F.mse_loss(made, held_out).item(), 5))
        bits.append(round(torch.tensor(perplexity(tokens, codes)).log2().item(), 4))
        in_use.append(len(tokens.unique()))
        drawn[str(codes)] = (made[:6] * 255).round().to(torch.uint8)
        print(f"  {codes} codes: error {error[-1]}, {bits[-1]} bits a token, {in_use[-1]} in use", flush=True)
    found = {"codes": list(sizes), "steps": RATE_STEPS, "error": error, "bits": bits, "in_use": in_use}
    write("rate", found)
    save_file(drawn, OUT / "rate.safetensors")


def plane(pictures: Tensor, held_out: Tensor) -> None:
    """Two numbers a vector, 16 codes: what lies where, at the steps of PLANE_STEPS, and the trained decoder.

    Of the held-out picture that PICTURE names: vectors (S, 64, 2), slopes (S, 64, 2), the drawing (S, 3, 32, 32). The
    slope is that of the picture's summed squared error, at the code that the decoder is given.
    """
    picture = held_out[PICTURE : PICTURE + 1]
    kept: dict[str, list[Tensor]] = {name: [] for name in ("codes", "vectors", "slopes", "drawn", "tiles")}

    def watch(step: int, model: Model) -> None:
        if step not in PLANE_STEPS:
            return
        with torch.no_grad():
            z = model.encoder(picture)
            given = quantize(z, model.codebook)[0]
            alone = model.codebook[:, :, None, None].expand(-1, -1, 3, 3)  # each code among copies of itself
            tiles = model.decoder(alone)[:, :, 4:8, 4:8].clamp(0, 1)
        given.requires_grad_()
        drawn = model.decoder(given)
        (slope,) = torch.autograd.grad((drawn - picture).pow(2).sum(), given)
        values = (model.codebook, flat(z), flat(slope), to_bytes(drawn[0]), to_bytes(tiles))
        for name, value in zip(kept, values, strict=True):
            kept[name].append(value.detach().clone())

    model = train(pictures, codes=16, length=2, steps=PLANE_STEPS[-1], watch=watch)
    stacked = {name: torch.stack(values) for name, values in kept.items()}
    stacked = {name: v.half() if v.is_floating_point() else v for name, v in stacked.items()}
    decoder = {f"decoder.{name}": value.half() for name, value in model.decoder.state_dict().items()}
    save_file(stacked | decoder | {"steps": torch.tensor(PLANE_STEPS)}, OUT / "plane.safetensors")


def flat(maps: Tensor) -> Tensor:
    """(B, D, rows, cols) -> (B · rows · cols, D)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def to_bytes(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def lie(pictures: Tensor, held_out: Tensor) -> None:
    """The slope that straight-through gives the encoder's last layer, against finite differences of the true error.

    halves: the cosine of the true slopes on one half of the pictures and on the other, since these are noisy too."""
    write("lie", {f"seed {seed}": lie_of(pictures, held_out, seed) for seed in (0, 1)})


def lie_of(pictures: Tensor, held_out: Tensor, seed: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"steps": [], "cosine": [], "halves": [], "kept": []}

    def watch(step: int, model: Model) -> None:
        if step in LIE_STEPS:
            told, true = slopes(model, held_out[:32])  # (520,), (2, 520)
            both = true.mean(dim=0)
            found["steps"].append(step)
            found["cosine"].append(round(F.cosine_similarity(told, both, dim=0).item(), 3))
            found["halves"].append(round(F.cosine_similarity(true[0], true[1], dim=0).item(), 3))
            found["kept"].append(round((told @ both / (told @ told)).item(), 3))
            print(f"  seed {seed}, {', '.join(f'{name} {values[-1]}' for name, values in found.items())}", flush=True)

    train(pictures, seed=seed, steps=LIE_STEPS[-1], every=10, watch=watch)
    return found


@torch.no_grad()
def slopes(model: Model, images: Tensor, move: float = 0.3) -> tuple[Tensor, Tensor]:
    """By straight-through (520,), and by trying it out, on each half of the pictures: (2, 520); one number a parameter
    of the encoder's last layer.

    Each parameter is moved so far up and down that the vectors move by `move` of their own spread."""
    last = model.encoder[2]
    hidden = model.encoder[1](model.encoder[0](images))  # (B, 64, rows, cols)

    def error(z: Tensor) -> Tensor:  # of each half: (2,)
        made = model.decoder(quantize(z, model.codebook)[0])
        return (made - images).pow(2).unflatten(0, (2, -1)).flatten(1).mean(dim=1)

    with torch.enable_grad():
        told = torch.autograd.grad(error(last(hidden)).mean(), list(last.parameters()))
    z = last(hidden)
    spread = move * flat(z).std(dim=0)  # (D,)
    inputs = torch.cat((hidden, torch.ones_like(hidden[:, :1])), dim=1)  # the bias is the weight of a 1
    true = torch.zeros(2, z.shape[1], inputs.shape[1])
    for i in range(inputs.shape[1]):
        size = inputs[:, i].pow(2).mean().sqrt().clamp_min(1e-6)
        for d in range(z.shape[1]):
            change = torch.zeros_like(z)
            change[:, d] = inputs[:, i] * spread[d] / size
            true[:, d, i] = (error(z + change) - error(z - change)) / (2 * spread[d] / size)
    return torch.cat((told[0].flatten(1), told[1][:, None]), dim=1).flatten(), true.flatten(1)


def write(name: str, found: dict) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    torch.set_num_threads(1)
    pictures = shapes("train", 4000).pictures.float() / 255
    held_out = shapes("test", 300).pictures.float() / 255
    parts = {"waking": waking, "rate": rate, "lie": lie, "plane": plane}
    for name in sys.argv[1:] or parts:
        parts[name](pictures, held_out)


if __name__ == "__main__":
    main()
