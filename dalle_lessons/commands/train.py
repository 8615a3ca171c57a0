"""`train`: a model from pictures and captions."""

from __future__ import annotations

from pathlib import Path

import click

MODELS = ("dvae", "dalle", "clip", "edit", "judge")


@click.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--data", default="emoji", show_default=True, help="emoji, shapes, a folder of pictures, or shards.")
@click.option(
    "--style",
    "styles",
    multiple=True,
    help="Of the emoji, this style, and so on; all: every one [default: those that the bundled models know].",
)
@click.option("--preset", help="Which recipe [default: that of the data, or emoji for a folder].")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights, log and checkpoint go there.")
@click.option("--dvae", help="For dalle, clip, edit: the dVAE [default: dvae beside --out, or the bundled one].")
@click.option(
    "--start",
    help="Weights to start from: a bundled name, or a folder [default: random ones; edit takes a dalle].",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--minutes", type=float, help="Stop cleanly after so many; --resume goes on.")
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 or mps; auto: the fastest there is."
)
@click.option("--compile", "compiled", is_flag=True, help="Compile the model first: pays in long trainings on a GPU.")
@click.option("--shard", "sharded", is_flag=True, help="With torchrun: each process keeps a part of every weight.")
@click.option("--steps", type=int, help="This and the options below replace what the preset says: number of steps.")
@click.option("--batch", type=int, help="Examples a step, of all processes together.")
@click.option("--accumulate", type=int, help="Compute each batch in so many parts, in a part of the memory.")
@click.option("--lr", type=float, help="Peak learning rate.")
@click.option("--precision", help="float32, bfloat16, float16, or auto: what suits the device.")
@click.option("--save-every", type=float, help="Seconds between two checkpoints.")
@click.option("--log-every", type=click.IntRange(min=1), help="Steps between two lines of log.csv [default: 20].")
@click.option("--seed", type=int, help="Another seed draws other batches.")
@click.option("--workers", type=int, help="Processes that read shards beside each one that trains [default: 0].")
def train(model, data, styles, preset, out, dvae, start, resume, minutes, device, compiled, sharded, **recipe) -> None:
    """Train a model; stopping it (Ctrl-C) loses nothing.

    On several processors or graphics cards: torchrun --nproc-per-node N -m dalle_lessons train …
    """
    from ..datasets.emoji import ALL_STYLES
    from ..training.run import train_model

    styles = ALL_STYLES if "all" in styles else styles or None
    changes = {key: value for key, value in recipe.items() if value is not None}
    changes |= {"device": device, "compiled": compiled, "sharded": sharded, "styles": styles}
    trainer = train_model(model, data, preset, out, dvae, start, resume, minutes, **changes)
    if not trainer.processes.first:
        return
    chosen = ", as suits it" if trainer.train_config.precision == "auto" else ""
    done = f"{trainer.step} of {trainer.train_config.steps} steps, {trainer.seconds / 60:.1f} minutes"
    done += f", on {trainer.device} in {trainer.precision}{chosen}"
    click.echo(f"Trained {done}; weights, log and checkpoint: {out.absolute()}")
