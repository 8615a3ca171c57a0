"""`train`: a model from pictures and captions."""

from __future__ import annotations

from pathlib import Path

import click

MODELS = ("dvae", "dalle", "clip", "edit", "judge")


@click.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--data", default="emoji", show_default=True, help="emoji, shapes, or a folder of pictures.")
@click.option("--preset", help="Which recipe [default: that of the data, or emoji for a folder].")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights, log and checkpoint go there.")
@click.option("--dvae", help="For dalle, clip, edit: the dVAE [default: dvae beside --out, or the bundled one].")
@click.option(
    "--start",
    help="Weights to start from: a bundled name, or a folder [default: random ones; edit takes a dalle].",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--minutes", type=float, help="Stop cleanly after so many; --resume goes on.")
@click.option("--steps", type=int, help="Another number of steps than the preset's.")
@click.option("--lr", type=float, help="Another peak learning rate than the preset's.")
@click.option("--seed", type=int, help="Another seed than the preset's.")
def train(model, data, preset, out, dvae, start, resume, minutes, steps, lr, seed) -> None:
    """Train a model; stopping it (Ctrl-C) loses nothing."""
    from ..training.run import train_model

    changes = {key: value for key, value in (("steps", steps), ("lr", lr), ("seed", seed)) if value is not None}
    trainer = train_model(model, data, preset, out, dvae, start, resume, minutes, **changes)
    chosen = ", the faster here" if trainer.train_config.precision == "auto" else ""
    done = f"{trainer.step} of {trainer.train_config.steps} steps, {trainer.seconds / 60:.1f} minutes"
    done += f", in {trainer.precision}{chosen}"
    click.echo(f"Trained {done}; weights, log and checkpoint: {out.absolute()}")
