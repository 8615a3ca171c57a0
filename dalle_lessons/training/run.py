"""The whole training of a model, as `dalle-lessons train` runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..datasets import check_styles
from ..model.devices import pick_device
from .checkpoints import read_checkpoint
from .identity import data_fingerprint, refuse_differences
from .lock import refuse_locked, training_lock
from .objectives import Objective
from .objectives.clip import CLIPObjective
from .objectives.dalle import DALLEObjective
from .objectives.dvae import DVAEObjective
from .objectives.edit import EditObjective
from .objectives.judge import JudgeObjective
from .presets import DVAE_PRESETS, PRESETS, find_preset
from .sources import Sources, check_out
from .trainer import Trainer

OBJECTIVES: dict[str, type[Objective]] = {
    "dvae": DVAEObjective,
    "dalle": DALLEObjective,
    "clip": CLIPObjective,
    "edit": EditObjective,
    "judge": JudgeObjective,
}


def train_model(
    kind: str,
    data: str,
    preset_name: str | None,
    out: str | Path,
    dvae: str | Path | None = None,
    start: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
    device: str = "cpu",
    compiled: bool = False,
    styles: Sequence[str] | None = None,
    **changes: Any,
) -> Trainer:
    """What `dalle-lessons train` does: build, train, and save the averaged weights into `out`.

    kind: "dvae", "dalle", "clip", "edit" or "judge". data: a bundled world, a folder, or shards (see
    `datasets.shards.is_shards`). dvae: weights that make the
    image tokens (dalle, edit) or the reconstructions (clip); if none are named, those in the folder `dvae` beside
    `out`, or else the bundled ones. start: weights from which to start instead of random ones; dalle and clip take its
    tokenizer too, and edit always starts from a DALL·E, found likewise if none is named. progress: show a bar, and say
    which weights were taken. device, compiled: as for `Trainer`. styles: of the emoji, these alone
    [None: those that the bundled models know]. changes: fields of the TrainConfig to set otherwise;
    `lr` moves `muon_lr` in proportion.

    What cannot be trained is refused as early as it can be known, with one sentence: FileNotFoundError, OSError or
    ValueError, also if another process trains into `out`. Raises NonFiniteLoss as `Trainer.run` does, and OSError at
    the end if the weights could be written but not the checkpoint or the log.
    """
    out, where = Path(out), pick_device(device)
    objective_class = OBJECTIVES[kind]
    objective_class.check_data(data)
    check_styles(data, styles)
    world, preset = find_preset(PRESETS[kind], data, preset_name)
    train_config = replace(preset.train_config, **changes)
    if train_config.muon_lr and "lr" in changes and "muon_lr" not in changes:  # both peaks move alike
        scale = train_config.lr / preset.train_config.lr
        train_config = replace(train_config, muon_lr=train_config.muon_lr * scale)
    preset = replace(preset, train_config=train_config)
    refuse_locked(out)
    check_out(out, resume)
    identity: dict[str, Any] = {"kind": kind, "data": {}, **split_settings(preset)}
    before = read_checkpoint(out)["identity"] if resume else None

    def refuse_another() -> None:
        if before is not None:
            refuse_differences(out, before, identity, partly=True)

    refuse_another()
    say = print if progress else (lambda line: None)
    objective = objective_class.prepare(preset, Sources(world, data, out, dvae, start, resume, say))
    identity |= objective.fingerprint()
    refuse_another()
    pairs = objective_class.load_pairs(data, DVAE_PRESETS[world].side, styles)
    identity["data"] = data_fingerprint(pairs)
    refuse_another()
    model = objective.build(pairs)
    identity |= objective.fingerprint()
    with training_lock(out):
        check_out(out, resume)  # another training may have begun, and ended, in the meantime
        trainer = Trainer(model, objective, preset.train_config, out, identity, where, compiled, objective.stream)
        if resume:
            trainer.load(say)
        else:
            objective.save_extras(out)
        average = trainer.run(minutes, progress).cpu()
        objective.finish(average)
        average.save_pretrained(out)
    if trainer.unsaved is not None:
        raise OSError(
            f"The weights are saved after {trainer.step} steps, but not all else: {trainer.unsaved} Then --resume "
            "writes what is missing, or goes on from the checkpoint before."
        )
    return trainer


def split_settings(preset: Any) -> dict[str, Any]:
    """A preset's settings as a checkpoint keeps them: `train_config` apart."""
    settings = asdict(preset)
    return {"train_config": settings.pop("train_config"), "preset": settings}
