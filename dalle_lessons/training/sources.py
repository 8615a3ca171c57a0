"""Where a training finds what it builds on, and whether these parts belong together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ..model.clip import CLIPConfig
from ..model.dalle import DALLEConfig
from ..model.dvae import DVAE
from ..model.files import TOKENIZER, WEIGHTS, holds_weights, weights_dir
from ..model.tokenizer import TextTokenizer
from .checkpoints import begun


@dataclass(frozen=True)
class Sources:
    """What `dalle-lessons train` was told."""

    #: The bundled world whose sizes the preset has, and whose weights count where no others are named or near.
    world: str
    #: A bundled world, or a folder of pictures with captions.
    data: str
    #: The folder that is trained into.
    out: Path
    #: Weights that make image tokens and reconstructions, if named.
    dvae: str | Path | None = None
    #: Weights to start from, if named.
    start: str | Path | None = None
    #: Whether `out` holds the beginning of this training.
    resume: bool = False
    #: What is done with a line that tells which weights were taken though nobody named them.
    say: Callable[[str], object] = print
    #: Folder where image tokens are kept for the next training; None: nowhere.
    tokens: Path | None = None

    def find(self, part: str, named: str | Path | None) -> str | Path:
        """Weights of a part: those named; or else those beside `out` (`runs/dvae` for `runs/dalle`), which are likelier
        to be meant than any others; or else the bundled ones of the world."""
        if named is not None:
            return named
        beside = self.out.absolute().parent / part
        found = self.out.parent / part if holds_weights(beside) else self.world
        self.say(f"Taking the {part} weights of {str(found)!r}, since none are named.")
        return found

    def tokenizer(self, part: str, start: str | Path | None, length: int) -> TextTokenizer | None:
        """The tokenizer that the training began with, if it is resumed; or that of the weights to start from; or None.

        Raises FileNotFoundError or ValueError with one sentence where it should be and is not.
        """
        if self.resume:
            return read_tokenizer(self.out, length)
        return None if start is None else read_tokenizer(weights_dir(start, part), length)


def read_tokenizer(folder: Path, length: int) -> TextTokenizer:
    path = folder / TOKENIZER
    if not path.is_file():
        raise FileNotFoundError(f"There is no {TOKENIZER} in {folder}: put back the one that its training wrote.")
    return TextTokenizer.from_file(path, length)


def keep_tokenizer(tokenizer: TextTokenizer, out: Path) -> None:
    """Write the tokenizer into the folder that is trained into. Raises ValueError if another one lies there."""
    if (out / TOKENIZER).is_file():
        if read_tokenizer(out, tokenizer.length).fingerprint() != tokenizer.fingerprint():
            raise ValueError(f"{out} holds the {TOKENIZER} of another training: name another folder.")
        return
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(out / TOKENIZER)


def check_out(out: Path, resume: bool) -> None:
    """Can a training begin, or go on, in this folder? Raises OSError or ValueError with one sentence if not."""
    there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(f"Nothing can be written into {out} ({error.strerror}): name another folder.") from error
    if resume:
        if not begun(out):
            raise FileNotFoundError(f"There is nothing to resume in {out}: start without --resume.")
    elif begun(out):
        raise ValueError(f"{out} holds a training already: add --resume to go on, or name another folder.")
    elif (out / WEIGHTS).exists():
        raise ValueError(f"{out} holds weights already, which would be overwritten: name another folder.")


def check_tokens(
    config: DALLEConfig | CLIPConfig, name: str | Path, dvae: DVAE, tokenizer: TextTokenizer | None
) -> None:
    """Was a model trained on the image and text tokens that it is to go on with? What its configuration does not say is
    accepted. Raises ValueError with one sentence."""
    if config.dvae_fingerprint not in ("", dvae.fingerprint()):
        raise ValueError(
            f"The weights in {str(name)!r} were trained with another dVAE than the one taken here: name theirs with "
            "--dvae."
        )
    if tokenizer is not None and config.tokenizer_fingerprint not in ("", tokenizer.fingerprint()):
        raise ValueError(
            f"The weights in {str(name)!r} were trained with another tokenizer than the one taken here: start from "
            f"others, or put back the {TOKENIZER} that their training wrote."
        )


def check_size(start: nn.Module | None, name: str | Path | None, build: Callable[[], nn.Module]) -> None:
    """Have the weights to start from the size of the model that `build` makes? Raises ValueError with one sentence."""
    if start is None:
        return
    with torch.device("meta"):  # shapes alone: nothing is computed, no random number is drawn
        wanted = {key: value.shape for key, value in build().state_dict().items()}
    if wanted != {key: value.shape for key, value in start.state_dict().items()}:
        raise ValueError(f"The weights in {str(name)!r} are of another size than the model of this preset.")


def check_grid(dvae: DVAE, side: int) -> None:
    """Does a whole grid of the dVAE's tokens cover pictures of this side? Raises ValueError with one sentence."""
    if side % dvae.config.factor:
        raise ValueError(
            f"The pictures have {side} pixels a side, and a token of this dVAE stands for {dvae.config.factor}: name "
            "another dVAE with --dvae."
        )
