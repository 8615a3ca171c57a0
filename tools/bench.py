"""How fast this machine draws, trains and starts: python tools/bench.py [--peers]

One line a figure. Each is the best of a few runs, since other programs only ever slow one down. `of the limit`: the
products of matrices that the work needs, as a share of what this machine reaches with large ones in float32.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain

import click
import torch

from dalle_lessons import DALLE, TextToImage
from dalle_lessons.model.dalle import DALLEConfig
from dalle_lessons.model.devices import describe
from dalle_lessons.model.sampling import sample_batches
from dalle_lessons.training.train_config import TrainConfig
from dalle_lessons.training.trainer import Trainer


@dataclass(frozen=True)
class Figure:
    """What was measured once."""

    what: str
    seconds: float
    #: How many of `unit` were done in these seconds.
    count: int = 1
    unit: str = ""
    #: The share of the machine's limit, in [0, 1]; None where the work is no matter of products alone.
    share: float | None = None

    def line(self) -> str:
        rate = f"{self.count / self.seconds:,.0f} {self.unit}/s" if self.unit else ""
        return f"{self.what:<52}{self.seconds:9.3f} s{rate:>20}" + (f"{self.share:8.0%}" if self.share else "")


def best_seconds(work: Callable[[], object], runs: int, device: torch.device) -> float:
    """Seconds of the fastest of some runs, after one that warms up."""
    seconds = []
    for _ in range(runs + 1):
        wait(device)
        begin = time.perf_counter()
        work()
        wait(device)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[1:])


def wait(device: torch.device) -> None:
    """A graphics card answers before its work is done."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def product_limit(device: torch.device, runs: int, size: int = 1536) -> float:
    """Floating-point operations a second in products of large matrices, float32."""
    a, b = torch.rand(2, size, size, device=device)
    return 2 * size**3 / best_seconds(lambda: a @ b, runs, device)


def operations(config: DALLEConfig, pictures: int, drawing: bool) -> float:
    """Floating-point operations of the products of one pass forward over whole sequences: layers, heads, and attention
    to the slots before. drawing: without the caption, which is read once, and without the text head."""
    c, n, t = config, config.image_length, config.text_length
    slots = n if drawing else t + n
    attention = c.layers * c.width * ((t + n) ** 2 - (t**2 if drawing else 0))
    heads = n * c.codes * c.width + (0 if drawing else (t - 1) * c.vocab_size * c.width)
    return 2.0 * pictures * (slots * c.layers * 12 * c.width**2 + attention + heads)


def random_pairs(config: DALLEConfig, count: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Text tokens (count, T) and image tokens (count, N) that mean nothing."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(2, config.vocab_size, (count, config.text_length), generator=generator)
    tokens = torch.randint(0, config.codes, (count, config.image_length), generator=generator)
    return text.to(device), tokens.to(device)


def training_step(config: DALLEConfig, batch: int, device: torch.device) -> Callable[[], object]:
    """A step of a new DALL·E of this size in float32, with Muon for its matrices."""
    torch.manual_seed(0)
    text, tokens = random_pairs(config, batch, device)
    train_config = TrainConfig(steps=100, batch=batch, precision="float32", muon_lr=1e-3)
    trainer = Trainer(DALLE(config), lambda model, *_: model.loss(text, tokens), train_config, None, device=device)
    trainer.model.train()
    return trainer.one_step


def machine(device: torch.device, limit: float) -> dict[str, str | int | float]:
    """What the figures are of."""
    return {
        "device": describe(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "GFLOP/s": round(limit / 1e9, 1),
    }


def figures(name: str, system: TextToImage, limit: float, pictures: int, batch: int, runs: int) -> Iterator[Figure]:
    """Figure after figure. name: where the system was loaded from. limit: see `product_limit`."""
    c, where, n = system.dalle.config, system.device, system.dalle.config.image_length
    text, tokens = random_pairs(c, pictures, where)
    seconds = best_seconds(lambda: list(sample_batches(system.dalle, text[:1], range(pictures))), runs, where)
    share = operations(c, pictures, True) / seconds / limit
    yield Figure(f"draw {pictures} pictures of {n} tokens", seconds, pictures * n, "tokens", share)
    seconds = best_seconds(training_step(c, batch, where), runs, where)
    share = 3 * operations(c, batch, False) / seconds / limit
    yield Figure(
        f"training step, {batch} pictures of {n} tokens", seconds, batch * (c.text_length + n), "tokens", share
    )
    with torch.no_grad():
        grids = tokens.unflatten(1, (c.rows, c.cols))
        images = system.dvae.decode(grids)
        for what, work in (
            ("dVAE: pictures into tokens", lambda: system.dvae.encode(images)),
            ("dVAE: tokens into pictures", lambda: system.dvae.decode(grids)),
            (
                "CLIP: pictures compared with a caption",
                lambda: system.clip and system.clip.score(images, ["a"] * pictures),
            ),
        ):
            if not (what.startswith("CLIP") and system.clip is None):
                yield Figure(what, best_seconds(work, runs, where), pictures, "pictures")
    yield Figure("load the weights", best_seconds(lambda: TextToImage.from_pretrained(name, where), runs, where))
    code = f"import dalle_lessons; dalle_lessons.TextToImage.from_pretrained({name!r}, {str(where)!r})"
    start = [sys.executable, "-c", code]
    yield Figure(
        "start Python, import the library, load the weights",
        best_seconds(lambda: subprocess.run(start, check=True), runs, where),
    )


def peers_figures(config: DALLEConfig, pictures: int, runs: int) -> Iterator[Figure]:
    """What other implementations need for as many pictures of the same sizes, on the processor."""
    import peers

    count, cpu = pictures * config.image_length, torch.device("cpu")
    for name, work in (
        ("the same by GPT-2 of transformers", peers.gpt2_sampler(config, pictures)),
        ("the same by dalle-pytorch, with its cache", peers.dalle_pytorch_sampler(config, pictures, cached=True)),
        ("the same by dalle-pytorch", peers.dalle_pytorch_sampler(config, pictures)),
    ):
        yield Figure(name, best_seconds(work, runs, cpu), count, "tokens")


@click.command(help=__doc__)
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, or a folder.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--pictures", default=64, show_default=True, type=click.IntRange(min=1), help="Drawn at a time.")
@click.option("--batch", default=40, show_default=True, type=click.IntRange(min=1), help="Examples of a training step.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(min=1), help="Of which the best counts.")
@click.option(
    "--peers", is_flag=True, help="Other implementations too: PYTHONPATH=.venv-reference, after make reference."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def main(model: str, device: str, pictures: int, batch: int, runs: int, peers: bool, as_json: bool) -> None:
    system = TextToImage.from_pretrained(model, device)
    limit = product_limit(system.device, runs)
    here = machine(system.device, limit)
    found = figures(model, system, limit, pictures, batch, runs)
    if peers:
        found = chain(found, peers_figures(system.dalle.config, pictures, runs))
    if as_json:
        click.echo(json.dumps({"machine": here, "figures": [asdict(figure) for figure in found]}, indent=1))
        return
    click.echo(", ".join(f"{name} {value}" for name, value in here.items()))
    click.echo(f"{'':<52}{'':>11}{'':>20} of the limit")
    for figure in found:
        click.echo(figure.line())


if __name__ == "__main__":
    main()
