"""The whole training of a model, as `dalle-lessons train` runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..datasets import check_styles
from ..model.devices import pick_device
from .checkpoints import begun, read_checkpoint
from .distributed import Processes, device_here, restarted
from .distributed import processes as connected
from .identity import data_fingerprint, refuse_differences
from .lock import ORPHANS, refuse_locked, training_lock
from .objectives import Objective
from .objectives.clip import CLIPObjective
from .objectives.dalle import DALLEObjective
from .objectives.dvae import DVAEObjective
from .objectives.edit import EditObjective
from .objectives.judge import JudgeObjective
from .presets import DVAE_PRESETS, PRESETS, find_preset
from .sources import Sources, check_out
from .train_config import TrainConfig
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
    sharded: bool = False,
    log_every: int = 20,
    tokens: str | Path | None = None,
    **changes: Any,
) -> Trainer:
    """What `dalle-lessons train` does: build, train, and save the averaged weights into `out`.

    kind: "dvae", "dalle", "clip", "edit" or "judge". data: a bundled world, a folder, or shards (see
    `datasets.shards.is_shards`). dvae: weights that make the
    image tokens (dalle, edit) or the reconstructions (clip); if none are named, those in the folder `dvae` beside
    `out`, or else the bundled ones. start: weights from which to start instead of random ones; dalle and clip take its
    tokenizer too, and edit always starts from a DALL·E, found likewise if none is named. progress: show a bar, and say
    which weights were taken. device, compiled, sharded: as for `Trainer`. styles: of the emoji, these alone
    [None: those of the preset, or those that the bundled models know]. tokens: folder where DALL·E's image tokens are
    kept for the next time. log_every: steps between two log lines. changes: fields of the TrainConfig to set
    otherwise; `lr` moves `muon_lr` in proportion.

    Where torchrun has started several processes, each calls this, they train together, and the first one writes and
    speaks for all; if one died and torchrun starts them again, they go on from the checkpoint.

    What cannot be trained is refused as early as it can be known, with one sentence: FileNotFoundError, OSError or
    ValueError, also if another process trains into `out`. Raises NonFiniteLoss as `Trainer.run` does, and OSError at
    the end if the weights could be written but not the checkpoint or the log.
    """
    out, where = Path(out), pick_device(device_here(device))
    objective_class = OBJECTIVES[kind]
    objective_class.check_data(data)
    check_styles(data, styles)
    world, preset = find_preset(PRESETS[kind], data, preset_name)
    preset = replace(preset, train_config=changed(preset.train_config, changes))
    with connected(where) as processes:
        say = print if progress and processes.first else (lambda line: None)
        preset = replace(preset, train_config=divided(preset.train_config, objective_class, processes, sharded, say))
        (again,) = processes.any(restarted(), device=where)  # of several machines, each counts its own restarts
        resume = resume or again and begun(out)
        patience = ORPHANS if again else 0.0
        if processes.first:
            refuse_locked(out, patience)
        check_out(out, resume)
        identity: dict[str, Any] = {"kind": kind, "data": {}, **split_settings(preset)}
        before = read_checkpoint(out)["identity"] if resume else None

        def refuse_another() -> None:
            if before is not None:
                refuse_differences(out, before, identity, partly=True)

        refuse_another()
        kept = None if tokens is None else Path(tokens)
        objective = objective_class.prepare(preset, Sources(world, data, out, dvae, start, resume, say, kept))
        identity |= objective.fingerprint()
        refuse_another()
        if styles is None and data == "emoji":
            styles = preset.styles
        pairs = objective_class.load_pairs(data, DVAE_PRESETS[world].side, styles)
        identity["data"] = data_fingerprint(pairs)
        refuse_another()
        model = objective.build(pairs)
        identity |= objective.fingerprint()
        with training_lock(out, patience) if processes.first else nullcontext():
            check_out(out, resume)  # another training may have begun, and ended, in the meantime
            how = {"stream": objective.stream, "processes": processes, "sharded": sharded}
            trainer = Trainer(model, objective, preset.train_config, out, identity, where, compiled, **how)
            if resume:
                trainer.load(say)
            elif processes.first:
                objective.save_extras(out)
            average = trainer.run(minutes, progress, log_every).cpu()
            if processes.first:
                objective.finish(average)
                average.save_pretrained(out)
    if trainer.unsaved is not None:
        raise OSError(
            f"The weights are saved after {trainer.step} steps, but not all else: {trainer.unsaved} Then --resume "
            "writes what is missing, or goes on from the checkpoint before."
        )
    return trainer


def changed(train_config: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """The configuration with some fields set otherwise; `lr` moves `muon_lr` in proportion. Raises ValueError."""
    new = replace(train_config, **changes)
    if new.muon_lr and "lr" in changes and "muon_lr" not in changes:
        new = replace(new, muon_lr=new.muon_lr * new.lr / train_config.lr)
    return new


def divided(
    train_config: TrainConfig,
    objective: type[Objective],
    processes: Processes,
    sharded: bool,
    say: Callable[[str], object],
) -> TrainConfig:
    """The configuration for a training that is divided as was asked for. Raises ValueError with one sentence where it
    cannot be divided so."""
    if sharded and processes.count == 1:
        raise ValueError("--shard divides a model over processes: start torchrun --nproc-per-node N -m dalle_lessons …")
    if sharded and not objective.shardable:
        raise ValueError("--shard is for the transformers, dalle and edit: the other models fit on every device.")
    if train_config.accumulate > 1 and objective.compares_rows:
        raise ValueError("This loss compares the pictures of a batch with each other: leave out --accumulate.")
    if sharded and train_config.muon_lr:
        say("AdamW moves all weights: Muon needs whole matrices, and --shard gives each process a part of them.")
        return replace(train_config, muon_lr=None)
    return train_config


def split_settings(preset: Any) -> dict[str, Any]:
    """A preset's settings as a checkpoint keeps them: `train_config` apart."""
    settings = asdict(preset)
    return {"train_config": settings.pop("train_config"), "preset": settings}
