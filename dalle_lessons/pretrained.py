"""Saving and loading models: one folder a model, with config.json and model.safetensors."""

from __future__ import annotations

import hashlib
import os
from dataclasses import fields
from functools import cache
from pathlib import Path

import torch
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from safetensors.torch import load_file, save_file

from .paths import data_dir

WEIGHTS = "model.safetensors"


def weights_dir(name: str | Path, part: str) -> Path:
    """The folder with the weights of a part ("dvae", "dalle", …): of a bundled world, or of a folder of one's own.

    Raises FileNotFoundError with one sentence where there is none.
    """
    for folder in (data_dir() / "weights" / str(name) / part, Path(name) / part, Path(name)):
        if (folder / "config.json").is_file() and (folder / WEIGHTS).is_file():
            return folder
    bundled = sorted(p.parent.name for p in (data_dir() / "weights").glob(f"*/{part}"))
    raise FileNotFoundError(
        f"There are no {part} weights in {str(name)!r}: give a bundled name ({', '.join(bundled) or 'none yet'}), "
        f"a folder with config.json and {WEIGHTS}, or hub:owner/name."
    )


def replace_file(path: Path, write) -> None:
    """Call `write(temporary path)`, then move the result to `path` in one step: a reader sees the old file or the new
    one, never half of it."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@cache
def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, as `sha256sum` prints it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Pretrained(PyTorchModelHubMixin):
    """`from_pretrained`, `save_pretrained` and `push_to_hub` for our models.

    A subclass names its frozen dataclass `config_class` and its `part`. Weights are stored in half precision and
    computed with in float32. Names of bundled weights and folders come first; only "hub:owner/name" asks the network.
    """

    config_class: type
    part: str

    @classmethod
    def from_pretrained(cls, name: str | Path, **options):
        if str(name).startswith("hub:"):
            return super().from_pretrained(str(name)[4:], **options)
        return super().from_pretrained(str(weights_dir(name, cls.part)), **options)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, config: dict | None = None, **options):
        if config is None:
            raise FileNotFoundError(f"There is no config.json in {model_id}: it holds no model of this course.")
        if os.path.isdir(model_id):
            path = os.path.join(model_id, WEIGHTS)
        else:  # safetensors only: a pickle from the network could run any code
            keys = ("revision", "cache_dir", "force_download", "token", "local_files_only")
            path = hf_hub_download(model_id, WEIGHTS, **{key: options[key] for key in keys})
        names = {field.name for field in fields(cls.config_class)}
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items() if key in names}
        model = cls(cls.config_class(**values))
        model.load_state_dict(load_file(path))  # copied into float32
        return model.eval()

    def _save_pretrained(self, save_directory: Path) -> None:
        weights = {
            name: (t.half() if t.is_floating_point() else t).contiguous().clone()
            for name, t in self.state_dict().items()
        }
        for name, t in weights.items():
            if t.is_floating_point() and not torch.isfinite(t).all():
                raise ValueError(f"The weights {name} hold numbers that half precision cannot: they were not saved.")
        replace_file(Path(save_directory) / WEIGHTS, lambda path: save_file(weights, path))
        card = Path(save_directory) / "README.md"
        if not card.exists():  # huggingface_hub would write one from a template that says nothing of this model
            card.write_text(f"# {self.part}\n\nTrained with `dalle-lessons train {self.part}`.\n", encoding="utf-8")
