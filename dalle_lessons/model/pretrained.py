"""Saving and loading models: one folder a model, with config.json and model.safetensors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Self, Unpack

import safetensors.torch
import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError
from torch import Tensor, nn

from .atomic import replace_file
from .files import CONFIG, WEIGHTS, weights_dir
from .hub import HubOptions

# A field that the configuration of this part has, and no other's: by it a folder of another part is recognized.
TELLING_FIELD = {"dvae": "code_dim", "dalle": "rows", "clip": "text_width", "judge": "emoji"}


class Pretrained(nn.Module, PyTorchModelHubMixin):
    """A module with `from_pretrained`, `save_pretrained` and `push_to_hub`.

    A subclass names its frozen dataclass `config_class` and its `part`, and is made from a `config` alone. Weights are
    stored in half precision and computed with in float32.
    """

    config_class: ClassVar[type]
    part: ClassVar[str]
    config: Any
    #: SHA-256, in hexadecimal, of the file that the weights were loaded from, as `sha256sum` prints it; "" for a model
    #: that was made in memory, and once it is put into training mode: then its weights are about to change.
    weights_sha256: str = ""

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
        model = cls(read_config(folder / CONFIG, cls.config_class, cls.part))
        weights, model.weights_sha256 = read_weights(folder / WEIGHTS, model.state_dict())
        model.load_state_dict(weights)  # copied into float32
        return model.eval()

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
        card = f"# {self.part}\n\nTrained with `dalle-lessons train {self.part}`.\n"
        config = json.dumps(asdict(self.config), sort_keys=True, indent=2)
        if not (folder / "README.md").exists():  # huggingface_hub's own template would say nothing of this model
            replace_file(folder / "README.md", lambda path: path.write_text(card, encoding="utf-8"))
        replace_file(folder / WEIGHTS, lambda path: safetensors.torch.save_file(weights, path))
        replace_file(folder / CONFIG, lambda path: path.write_text(config, encoding="utf-8"))

    def stored_weights(self) -> dict[str, Tensor]:
        """The weights as they are stored: floating-point ones in half precision.

        Raises ValueError with one sentence for numbers that are not finite, or not in half precision.
        """
        weights = {}
        for name, tensor in self.state_dict().items():
            stored = (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous().clone()
            if not torch.isfinite(stored).all():
                what = "half precision cannot" if torch.isfinite(tensor).all() else "are not finite"
                raise ValueError(f"The weights {name} hold numbers that {what}: nothing was saved.")
            weights[name] = stored
        return weights


def read_config(path: Path, config_class: type, part: str) -> Any:
    """A configuration from its JSON file. Raises ValueError with one sentence for one that is damaged, of another part,
    or of another version of the library: to leave out what it does not know would make another network."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is no JSON file. Save or download the model again.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is no configuration of a model: it holds no names and values.")
    if unknown := sorted(set(values) - {field.name for field in fields(config_class)}):
        for other, field in TELLING_FIELD.items():
            if other != part and field in values:
                raise ValueError(f"{path} describes another model, a {other}: give the folder of a {part}.")
        raise ValueError(
            f"{path} was written by another version of this library, with settings that this one does not know "
            f"({', '.join(unknown)}): install a newer dalle-lessons."
        )
    return config_class(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def read_weights(path: Path, expected: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, and the SHA-256 of exactly the bytes that they were read from.

    Raises ValueError with one sentence for a file that is damaged, that holds other names or shapes than `expected`,
    or numbers that are not finite.
    """
    content = path.read_bytes()
    try:
        weights = safetensors.torch.load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short: save or download the model again.") from error
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(shapes.keys() | found.keys()):
        if shapes.get(name) != found.get(name):
            raise ValueError(
                f"{path} does not hold the weights that {CONFIG} beside it describes: {name} has shape "
                f"{found.get(name, 'none')}, and {shapes.get(name, 'none')} was expected."
            )
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"{path} holds numbers that are not finite, in {name}: its training failed, or a copy did."
            )
    return weights, hashlib.sha256(content).hexdigest()
