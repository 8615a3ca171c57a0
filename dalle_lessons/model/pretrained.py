"""Saving and loading models: one folder a model, with config.json and model.safetensors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Self, Unpack

import safetensors.torch
import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError
from torch import Tensor, nn

from .atomic import replace_file
from .card import card_head
from .config_file import CHECKSUM, checksum, config_text, read_config
from .files import CONFIG, WEIGHTS, weights_dir
from .hub import HubOptions


class Pretrained(nn.Module, PyTorchModelHubMixin):
    """A module with `from_pretrained`, `save_pretrained` and `push_to_hub`.

    A subclass names its frozen dataclass `config_class` and its `part`, and is made from a `config` alone. Weights are
    stored in half precision (`stored_dtype`) and computed with in float32.
    """

    config_class: ClassVar[type]
    part: ClassVar[str]
    config: Any
    #: SHA-256, in hexadecimal, of the file that the weights were loaded from, as `sha256sum` prints it; "" for a model
    #: that was made in memory, and once it is put into training mode: then its weights are about to change.
    weights_sha256: str = ""
    #: How `save_pretrained` stores floating-point weights: in half precision, or, where the model came from a file in
    #: float32, as they are.
    stored_dtype: torch.dtype = torch.half

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Unpack[HubOptions]) -> Self:
        """Load a model, in evaluation mode. name: bundled weights ("emoji"), a folder, or "hub:owner/name", which
        alone asks the network; where the model lies in them: `files.weights_dir`. options: those of `hub.fetch`.

        Raises FileNotFoundError where there are no weights, ValueError where they are damaged or another model's.
        """
        return cls.from_folder(weights_dir(name, cls.part, **options))

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Load the model whose files lie in this folder."""
        config, values, stated = read_config(folder / CONFIG, cls.config_class, cls.part)
        weights, weights_sha256 = read_weights(folder / WEIGHTS)
        if stated != checksum(values, weights_sha256):  # what is wrong is looked for before anything large is made
            check_weights(folder / WEIGHTS, weights, shapes_of(cls, config, folder / CONFIG, len(weights)))
            if stated is not None:
                raise ValueError(
                    f"{folder / CONFIG} and the {WEIGHTS} beside it are not as they were saved: copy or download both "
                    f"again, or, if you changed the configuration on purpose, take its {CHECKSUM} out."
                )
        model = cls(config)
        check_weights(folder / WEIGHTS, weights, model.state_dict())
        model.load_state_dict(weights)  # copied into float32
        if any(weight.dtype == torch.float32 for weight in weights.values()):
            model.stored_dtype = torch.float32
        model.weights_sha256 = weights_sha256
        return model.eval()

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.parameters()).device

    def train(self, mode: bool = True) -> Self:
        if mode:
            self.weights_sha256 = ""
        return super().train(mode)

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write config.json, model.safetensors and, if there is none, a README.md into a folder.

        Each file is replaced in one step; config.json comes last, so that an interrupted save is no model rather than
        new weights with an old configuration. options: those of `huggingface_hub.ModelHubMixin.save_pretrained`.
        Raises ValueError, before anything is written, for weights that half precision cannot hold.
        """
        self.stored_weights()
        return super().save_pretrained(save_directory, **options)

    def _save_pretrained(self, save_directory: Path) -> None:
        folder, weights = Path(save_directory), self.stored_weights()
        title = f"# {self.part}\n\nTrained with `dalle-lessons train {self.part}`.\n"
        content = safetensors.torch.save(weights)
        config = config_text(self.config, hashlib.sha256(content).hexdigest())
        if not (folder / "README.md").exists():  # huggingface_hub's own template would say nothing of this model
            card = f"{card_head([self.part])}\n{title}"
            replace_file(folder / "README.md", lambda path: path.write_text(card, encoding="utf-8"))
        replace_file(folder / WEIGHTS, lambda path: path.write_bytes(content))
        replace_file(folder / CONFIG, lambda path: path.write_text(config, encoding="utf-8"))

    def stored_weights(self) -> dict[str, Tensor]:
        """The weights as they are stored: floating-point ones as `stored_dtype`.

        Raises ValueError with one sentence for numbers that are not finite, or not in half precision.
        """
        weights = {}
        for name, tensor in self.state_dict().items():
            stored = (tensor.to(self.stored_dtype) if tensor.is_floating_point() else tensor).cpu().contiguous().clone()
            if not torch.isfinite(stored).all():
                what = "half precision cannot" if torch.isfinite(tensor).all() else "are not finite"
                raise ValueError(f"The weights {name} hold numbers that {what}: nothing was saved.")
            weights[name] = stored
        return weights


def shapes_of(cls: type[Pretrained], config: Any, path: Path, most: int) -> dict[str, Tensor]:
    """The tensors, without numbers, of the model that a configuration describes: a strange one fills no memory.

    path: its file. most: how many tensors the weights' file holds: no model has more layers than that.
    Raises ValueError with one sentence for a configuration of which no model can be made.
    """
    deep = [name for name in ("layers", "blocks") if getattr(config, name, 0) > most]
    if deep:
        raise ValueError(
            f"{path} does not describe the weights in {WEIGHTS} beside it, which hold {most} tensors: its {deep[0]} "
            f"cannot be {getattr(config, deep[0])}."
        )
    try:
        with torch.device("meta"):
            return cls(config).state_dict()
    except Exception as error:  # torch raises many kinds for sizes that are none
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ValueError(f"{path} describes a model that cannot be made ({why}): save or download it again.") from error


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, and the SHA-256 of exactly the bytes that they were read from.

    Raises ValueError with one sentence for a file that is damaged.
    """
    content = path.read_bytes()
    try:
        weights = safetensors.torch.load(content)
    except (SafetensorError, KeyError, ValueError) as error:  # the latter: types of number that torch does not know
        raise ValueError(f"{path} is damaged or cut short: save or download the model again.") from error
    return weights, hashlib.sha256(content).hexdigest()


def check_weights(path: Path, weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raises ValueError with one sentence for weights of other names, shapes or kinds than `expected`, for numbers that
    are not finite, and for a whole matrix of zeros, which no training leaves. path: their file."""
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(shapes.keys() | found.keys()):
        if shapes.get(name) != found.get(name):
            raise ValueError(
                f"{path} does not hold the weights that {CONFIG} beside it describes: {name} has shape "
                f"{found.get(name, 'none')}, and {shapes.get(name, 'none')} was expected."
            )
    for name, tensor in weights.items():
        if tensor.is_floating_point() != expected[name].is_floating_point():
            raise ValueError(
                f"{path} does not hold the weights that {CONFIG} beside it describes: {name} is made of "
                f"{str(tensor.dtype).removeprefix('torch.')}."
            )
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"{path} holds numbers that are not finite, in {name}: its training failed, or a copy did."
            )
        if tensor.ndim > 1 and not (tensor[0].any() or tensor.any()):  # the first row nearly always tells
            raise ValueError(f"{path} holds nothing but zeros in {name}: save or download the model again.")
