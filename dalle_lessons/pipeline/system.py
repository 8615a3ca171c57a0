"""The models of a whole system: loaded, moved and saved together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Self

import torch

from ..model.clip import CLIP
from ..model.dalle import DALLE
from ..model.devices import pick_device
from ..model.dvae import DVAE
from ..model.hub import HUB
from ..model.tokenizer import TextTokenizer
from .saved import load_parts, save_parts
from .together import check_together

NUMBERS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class System:
    """A dVAE, a DALL·E over its codebook, the tokenizer of its captions, a CLIP that ranks and an editor, a DALL·E on a
    grid twice as tall with the same vocabularies (the last two if there are any)."""

    def __init__(
        self,
        dvae: DVAE,
        dalle: DALLE,
        tokenizer: TextTokenizer,
        clip: CLIP | None = None,
        editor: DALLE | None = None,
    ):
        check_together(dvae, dalle, tokenizer, clip, editor)
        self.dvae, self.dalle, self.tokenizer = dvae.eval(), dalle.eval(), tokenizer
        self.name: str | Path | None = None  # where the weights come from, if they come from files
        self.clip = None if clip is None else clip.eval()
        self.editor = None if editor is None else editor.eval()

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "emoji",
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
    ) -> Self:
        """Bundled weights ("emoji", "shapes"), or a folder that holds `dvae`, `dalle` and perhaps `clip` and `edit`, or
        "hub:owner/name", a repository of such folders, which alone asks the network.

        device: see `pick_device`; "auto" takes a graphics card if there is one. dtype: the type of number that DALL·E,
        CLIP and the editor compute in, float32 if None; "float16" and "bfloat16" are for graphics cards, and draw other
        pictures.
        The other options are those of `hub.HubOptions`, for the hub alone.
        Raises FileNotFoundError with one sentence where there are no weights, and ValueError where they are damaged or
        do not belong together, and for a device that is not there.
        """
        place, numbers = pick_device(device), number_type(dtype)
        options = {"revision": revision, "local_files_only": local_files_only, "token": token, "cache_dir": cache_dir}
        system = cls(**load_parts(name, **options))
        system.name = name
        for part, model in system.models.items():
            # The dVAE stays in float32: in fewer digits a neighbor of the nearest code would often win.
            model.to(place, torch.float32 if part == "dvae" else numbers)
        return system

    def save_pretrained(self, folder: str | Path, license: str | None = None) -> None:
        """Write all models into a folder that `from_pretrained` reads: a sub-folder for each, and a `model_index.json`
        with their files' hashes, by which a mixture is refused. license: for the card, as the hub names it ("mit").

        Raises ValueError with one sentence, before anything is written, for weights that cannot be stored, and for a
        folder that holds parts which these models lack.
        """
        save_parts(self.models, self.tokenizer, Path(folder), license)

    def push_to_hub(
        self,
        repository: str,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        license: str | None = None,
    ) -> str:
        """Put what `save_pretrained` writes on the hub, into "owner/name", which is made if missing. -> the commit's
        address.

        The options are those of `huggingface_hub`; so are the errors.
        """
        from huggingface_hub import HfApi

        api = HfApi(token=token)
        made = api.create_repo(repository.removeprefix(HUB), private=private, exist_ok=True).repo_id
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder, license)
            message = "A system of dalle-lessons"
            return str(api.upload_folder(repo_id=made, folder_path=folder, revision=revision, commit_message=message))

    @property
    def models(self) -> dict[str, DVAE | DALLE | CLIP]:
        """Those that there are, by the names of their folders."""
        every = {"dvae": self.dvae, "dalle": self.dalle, "clip": self.clip, "edit": self.editor}
        return {part: model for part, model in every.items() if model is not None}

    @property
    def device(self) -> torch.device:
        """Where the models compute."""
        return self.dalle.text_head.weight.device

    def to(self, device: str | torch.device) -> Self:
        """Move all models to a device, see `pick_device`. Raises ValueError with one sentence if it is not there."""
        place = pick_device(device)
        for model in self.models.values():
            model.to(place)
        return self

    @property
    def dtype(self) -> torch.dtype:
        """The type of number that all but the dVAE compute in."""
        return self.dalle.text_head.weight.dtype


def number_type(dtype: str | torch.dtype | None) -> torch.dtype:
    """The type of number of that name, float32 for None. Raises ValueError with one sentence for another kind."""
    name = str(dtype or "float32").removeprefix("torch.")
    if name not in NUMBERS:
        raise ValueError(f"Models do not compute in {name!r}: name one of {', '.join(NUMBERS)}.")
    return NUMBERS[name]
