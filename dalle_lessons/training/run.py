"""What each model learns from: batches, losses and the whole training, as `dalle-lessons train` runs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..datasets import load
from ..datasets.emoji import emoji
from ..model.dalle import DALLE
from ..model.dvae import DVAE
from ..model.files import weights_dir
from ..model.tokenizer import TextTokenizer
from .objectives.clip import make_clip
from .objectives.dalle import make_dalle
from .objectives.dvae import make_dvae
from .objectives.edit import make_edit
from .objectives.judge import make_judge
from .presets import (
    DALLE_PRESETS,
    DVAE_PRESETS,
    PRESETS,
    find_preset,
)
from .tokens import train_tokenizer
from .trainer import CHECKPOINT, Trainer


def train_model(
    kind: str,
    data: str,
    preset_name: str | None,
    out: str | Path,
    dvae: str | None = None,
    start: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
    **changes,
) -> Trainer:
    """What `dalle-lessons train` does: build, train, and save the averaged weights into `out`.

    kind: "dvae", "dalle", "clip", "edit" or "judge". data: a bundled world or a folder. dvae: weights that make the
    image tokens (dalle, edit) or the reconstructions (clip). start: weights from which to start instead of random ones;
    dalle and clip take its tokenizer too, and edit always starts from a DALL·E ("emoji", if none is named). changes:
    fields of the recipe to set otherwise.
    Raises what `Trainer.load` and `Trainer.run` raise, and ValueError where `start` is another model.
    """
    out = Path(out)
    world, preset = find_preset(PRESETS[kind], data, preset_name)
    preset = replace(preset, train_config=replace(preset.train_config, **changes))
    if kind == "judge" and data != "emoji":
        raise ValueError("The judge names emoji: it can be trained on the emoji world alone.")
    if kind == "edit" and data != "emoji":
        raise ValueError("Editing needs one thing in several styles: it can be trained on the emoji world alone.")
    pairs = emoji(None) if kind == "judge" else load(data, size=DVAE_PRESETS[world].side)
    tokenizer = None
    if kind == "dvae":
        model, loss_fn = make_dvae(pairs, preset)
    elif kind == "judge":
        model, loss_fn = make_judge(pairs, preset)
    elif kind == "edit":
        first = DALLE.from_pretrained(start or world)
        tokenizer = TextTokenizer.from_file(weights_dir(start or world, "dalle") / "tokenizer.json", preset.text_length)
        model, loss_fn = make_edit(pairs, preset, DVAE.from_pretrained(dvae or world), first, tokenizer)
    else:
        images = DVAE.from_pretrained(dvae or world)
        text_length = DALLE_PRESETS[world].config.text_length
        if start is not None:
            tokenizer = TextTokenizer.from_file(weights_dir(start, kind) / "tokenizer.json", text_length)
        if kind == "dalle":
            model, tokenizer, loss_fn = make_dalle(pairs, preset, images, tokenizer)
        else:
            tokenizer = tokenizer or train_tokenizer(pairs, DALLE_PRESETS[world])
            dalle = DALLE.from_pretrained(world) if preset.faulty else None  # `start` may hold a CLIP alone
            model, loss_fn = make_clip(pairs, preset, images, tokenizer, dalle)
    if start is not None and kind != "edit":
        try:
            model.load_state_dict(type(model).from_pretrained(start).state_dict())
        except RuntimeError:
            raise ValueError(f"The weights in {start!r} are of another size than the model of this preset.") from None
    trainer = Trainer(model, loss_fn, preset.train_config, out)
    if resume:
        trainer.load()
    elif (out / CHECKPOINT).exists():
        raise ValueError(f"{out} holds a training already: add --resume to go on, or name another folder.")
    average = trainer.run(minutes, progress)
    average.save_pretrained(out)
    if kind in ("dalle", "edit"):
        tokenizer.save(out / "tokenizer.json")
    return trainer
