"""Train all bundled models of the emoji world, from pictures to a folder that draws.

    python tools/train_bundled.py --minutes 600 --out runs/bundled            # all of them, within so many minutes
    python tools/train_bundled.py --out runs/bundled --only dvae              # one, by the steps of its presets
    python tools/train_bundled.py --minutes 600 --out runs/bundled --resume   # go on after Ctrl-C, or a lost machine

Each model is trained in one or more phases, each by a preset of `dalle-lessons train` and in a folder of its own
(`dalle-1`, `dalle-2`), with checkpoint and log. The last phase's weights are then copied to where they belong
(`dalle`), so that `dalle-lessons draw --model runs/bundled …` draws with what is finished. Image tokens are made once
and kept in `tokens`.

A graphics card computes larger batches in nearly the same time, and there a phase takes them.

With --minutes, the time is shared out among the phases that are to be trained; how many steps that makes is measured
and kept in `plan.json`. The time counts the steps alone: loading, making tokens and drawing negatives come on top.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.files import MODEL_FILES, WEIGHTS, holds_weights
from dalle_lessons.model.threads import limit_threads

PLAN, TOKENS = "plan.json", "tokens"
PROBE_SHARE, PROBE_MINUTES = 0.05, 0.5  # how long a step is measured: this share of a phase's time, and at most so long


@dataclass(frozen=True)
class Phase:
    """One training by one preset."""

    #: The model that it trains.
    part: str
    #: Which phase of this model it is, from 1; from the second on it starts from the weights of the one before.
    number: int
    #: Its preset.
    preset: str
    #: Its share of the time, if all phases are trained.
    share: float
    #: The model from whose weights the first phase starts, if not from random ones.
    start: str | None = None
    #: How many times as large its batches are on a graphics card.
    wider: int = 1

    @property
    def folder(self) -> str:
        return f"{self.part}-{self.number}"


PHASES = (
    Phase("dvae", 1, "emoji_fine", 0.08, wider=4),
    Phase("dvae", 2, "emoji_fine_decoder", 0.03, wider=4),
    Phase("judge", 1, "emoji_fine", 0.05, wider=2),
    Phase("dalle", 1, "emoji_fine", 0.40, wider=8),
    Phase("dalle", 2, "emoji_fine_clean", 0.14, wider=8),
    Phase("clip", 1, "emoji_fine", 0.08),
    Phase("clip", 2, "emoji_fine_style_pairs", 0.02),
    Phase("clip", 3, "emoji_fine_negatives", 0.01),
    Phase("edit", 1, "emoji_fine", 0.19, start="dalle", wider=4),
)
PARTS = tuple(dict.fromkeys(phase.part for phase in PHASES))


def read_plan(out: Path) -> dict[str, dict[str, int]]:
    """The steps of each phase, as they were measured: {folder: {"steps": …, "warmup": …}}."""
    path = out / PLAN
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def sources(phase: Phase, out: Path) -> dict[str, Path | None]:
    """The weights that a phase builds on. Raises FileNotFoundError with one sentence where they are missing."""
    start = phase.start if phase.number == 1 else f"{phase.part}-{phase.number - 1}"
    needs = {"start": start, "dvae": None if phase.part in ("dvae", "judge") else "dvae"}
    for name in needs.values():
        if name is not None and not holds_weights(out / name):
            raise FileNotFoundError(f"{phase.folder} builds on {out / name}, where no weights are: train it before.")
    return {key: None if name is None else out / name for key, name in needs.items()}


def batch_on(phase: Phase, device: str) -> dict[str, int]:
    """The batch size that a phase takes on this device, if it is not its preset's."""
    from dalle_lessons.model.devices import pick_device
    from dalle_lessons.training.presets import PRESETS

    if phase.wider == 1 or pick_device(device).type != "cuda":
        return {}
    return {"batch": phase.wider * PRESETS[phase.part][phase.preset].train_config.batch}


def steps_within(phase: Phase, minutes: float, out: Path, options: dict) -> dict[str, int]:
    """How many steps a phase makes in so many minutes, and of how many its warm-up is. A later phase of a model takes
    about as long a step as the one before; the first is tried out."""
    from dalle_lessons.training.checkpoints import begun, read_checkpoint
    from dalle_lessons.training.presets import PRESETS
    from dalle_lessons.training.run import train_model

    before = out / f"{phase.part}-{phase.number - 1}"
    if begun(before):
        state = read_checkpoint(before)
        seconds, steps = state["seconds"], state["step"]
    else:
        probe = out / f"{phase.folder}-probe"
        shutil.rmtree(probe, ignore_errors=True)
        tried = min(PROBE_SHARE * minutes, PROBE_MINUTES)
        trainer = train_model(phase.part, "emoji", phase.preset, probe, minutes=tried, **options)
        shutil.rmtree(probe)
        seconds, steps = trainer.seconds, trainer.step
    count = max(10, int(60 * minutes * steps / seconds))
    return {"steps": count, "warmup": min(PRESETS[phase.part][phase.preset].train_config.warmup, count // 10)}


def keep(phase: Phase, out: Path) -> None:
    """Copy a finished phase's weights to where their model is looked for; last what says that it is there."""
    target = out / phase.part
    target.mkdir(exist_ok=True)
    files = sorted((out / phase.folder / name for name in MODEL_FILES), key=lambda path: path.name == WEIGHTS)
    for file in files:
        if file.is_file():
            replace_file(target / file.name, lambda path, file=file: shutil.copyfile(file, path))


def run_phase(phase: Phase, out: Path, changes: dict[str, Any], device: str, resume: bool) -> bool:
    """Train a phase, or go on with it. -> whether it came to its last step."""
    from dalle_lessons.training.checkpoints import begun
    from dalle_lessons.training.run import train_model

    folder = out / phase.folder
    trainer = train_model(
        phase.part,
        "emoji",
        phase.preset,
        folder,
        resume=resume and begun(folder),
        tokens=out / TOKENS,
        device=device,
        **sources(phase, out),
        **changes,
    )
    click.echo(f"{phase.folder}: {trainer.step} of {trainer.train_config.steps} steps, {trainer.seconds / 60:.1f} min")
    return trainer.step == trainer.train_config.steps


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder for everything that is made.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="For all [default: the presets' steps].")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="These models alone; may be given several times.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--resume", is_flag=True, help="Go on with what the folder holds.")
def main(out: Path, minutes: float | None, only: tuple[str, ...], device: str, resume: bool) -> None:
    """Train the bundled models of the emoji world into a folder."""
    limit_threads()  # before torch is imported
    phases = [phase for phase in PHASES if not only or phase.part in only]
    if not resume and (there := [phase.folder for phase in phases if (out / phase.folder).exists()]):
        raise click.UsageError(
            f"{out} holds {', '.join(there)} already: add --resume to go on, or name another folder."
        )
    plan, shares = read_plan(out), sum(phase.share for phase in phases)
    for phase in phases:
        if minutes is not None and phase.folder not in plan:
            options = {"tokens": out / TOKENS, "device": device, **sources(phase, out), **batch_on(phase, device)}
            plan[phase.folder] = steps_within(phase, minutes * phase.share / shares, out, options)
            text = json.dumps(plan, indent=1) + "\n"
            replace_file(out / PLAN, lambda path, text=text: path.write_text(text, encoding="utf-8"))
        changes = plan.get(phase.folder, {}) | batch_on(phase, device)
        if not run_phase(phase, out, changes, device, resume):
            raise click.ClickException(f"{phase.folder} was stopped before its last step: --resume goes on with it.")
        keep(phase, out)
    click.echo(f"All is in {out.absolute()}.")


if __name__ == "__main__":
    main()
