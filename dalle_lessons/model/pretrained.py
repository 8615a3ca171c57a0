"""Saving and loading models: one folder a model, with config.json and model.safetensors."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import torch
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from safetensors.torch import load_file, save_file

from .files import WEIGHTS, replace_file, weights_dir


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
