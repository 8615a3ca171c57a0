"""The whole system: caption -> text tokens -> image tokens -> pixels -> ranked pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .. import __version__
from ..datasets.images import on_white_square, to_image, to_tensor
from ..model.clip import CLIP, CLIPConfig
from ..model.dalle import DALLE, DALLEConfig
from ..model.dvae import DVAE
from ..model.editing import read_instruction
from ..model.files import TOKENIZER, local_root, optional_weights_dir, weights_dir
from ..model.hub import HubOptions
from ..model.sampling import sample_batches
from ..model.sequence import unflatten
from ..model.tokenizer import TextTokenizer
from .drawing import Drawing, Drawings
from .ranking import scorer
from .settings import Settings, candidate_range, token_hash

#: Called after each token with (its number, from 0; the tokens of this batch so far; the logits it was drawn from).
OnToken = Callable[[int, Tensor, Tensor], None]
PARTS = ("dvae", "dalle", "clip", "edit")
TOGETHER = "load the folder whose parts were trained together"


class StopDrawing(Exception):
    """To be raised in `on_token`: ends the drawing, and reaches whoever asked for it."""


def check_trained_on(what: str, config: DALLEConfig | CLIPConfig, dvae: DVAE, tokenizer: TextTokenizer) -> None:
    """Raises ValueError with one sentence if the configuration names another dVAE or tokenizer than these.

    Other image tokens, or text tokens, of the same number look the same to a model and mean something else: it would
    draw nonsense without a word. A fingerprint of "" is not known, and accepted.
    """
    if config.dvae_fingerprint and config.dvae_fingerprint != dvae.fingerprint():
        raise ValueError(
            f"{what} was trained on the image tokens of another dVAE than the one beside it: {TOGETHER}, or train it "
            "again and name this dVAE with --dvae."
        )
    if config.tokenizer_fingerprint and config.tokenizer_fingerprint != tokenizer.fingerprint():
        raise ValueError(
            f"{what} was trained on the text tokens of another tokenizer than the one beside it: {TOGETHER}, or put "
            f"back the {TOKENIZER} that its training wrote."
        )


class TextToImage:
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
        if dvae.config.codes != dalle.config.codes or tokenizer.vocab_size != dalle.config.vocab_size:
            raise ValueError(
                f"These models do not fit together: {dvae.config.codes} codes in the dVAE and {dalle.config.codes} in "
                f"DALL·E, {tokenizer.vocab_size} text tokens in the tokenizer and {dalle.config.vocab_size} in DALL·E."
            )
        if editor is not None and (editor.config.codes, editor.config.vocab_size) != (
            dalle.config.codes,
            dalle.config.vocab_size,
        ):
            raise ValueError("The edit model does not fit: it has other image tokens or text tokens than DALL·E.")
        check_trained_on("This DALL·E", dalle.config, dvae, tokenizer)
        if editor is not None:
            check_trained_on("This edit model", editor.config, dvae, tokenizer)
        if clip is not None:  # it reads captions with a tokenizer of its own
            check_trained_on("This CLIP", clip.config, dvae, clip.tokenizer or tokenizer)
        self.dvae, self.dalle, self.tokenizer = dvae.eval(), dalle.eval(), tokenizer
        self.name: str | Path | None = None  # where the weights come from, if they come from files
        self.clip = None if clip is None else clip.eval()
        self.editor = None if editor is None else editor.eval()

    @classmethod
    def from_pretrained(cls, name: str | Path = "emoji", **options: Unpack[HubOptions]) -> TextToImage:
        """Bundled weights ("emoji", "shapes"), or a folder that holds `dvae`, `dalle` and perhaps `clip` and `edit`, or
        "hub:owner/name", a repository of such folders, which alone asks the network.

        options: `revision`, `token`, `cache_dir`, `local_files_only`, as in `hub.HubOptions`, for the hub alone.
        Raises FileNotFoundError with one sentence where there are no weights, and ValueError where they are damaged or
        do not belong together.
        """
        root = local_root(name, PARTS, **options)
        dalle_dir = weights_dir(root, "dalle")
        dalle = DALLE.from_folder(dalle_dir)
        tokenizer = TextTokenizer.from_file(dalle_dir / TOKENIZER, dalle.config.text_length)
        clip_dir, edit_dir = (optional_weights_dir(root, part) for part in ("clip", "edit"))
        clip = None if clip_dir is None else CLIP.from_folder(clip_dir)
        editor = None
        if edit_dir is not None:
            editor = DALLE.from_folder(edit_dir)
            own = edit_dir / TOKENIZER
            if own.is_file() and TextTokenizer.from_file(own, 1).fingerprint() != tokenizer.fingerprint():
                raise ValueError(
                    f"The edit model in {edit_dir} reads other text tokens than DALL·E in {dalle_dir} (their "
                    f"{TOKENIZER} differ): {TOGETHER}."
                )
        system = cls(DVAE.from_pretrained(root), dalle, tokenizer, clip, editor)
        system.name = name
        return system

    def draw(
        self,
        caption: str,
        images: int = 9,
        candidates: int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        guidance: float = 0.0,
        indices: Sequence[int] | None = None,
        on_token: OnToken | None = None,
    ) -> Drawings:
        """The best `images` of `candidates` drawings of a caption (64, or `images` if that is more), best first.

        Candidate i is the picture (seed, i): on one machine always the same, whatever else is asked for. `indices`
        draws just these, in their order of score. The other options are those of `sampling.sample`; `on_token` may
        raise StopDrawing, or any exception of its own, to end the drawing.
        Raises ValueError with one sentence for a caption that is too long, and for options that make no sense.
        """
        wanted = candidate_range(images, candidates) if indices is None else [*indices]
        if any(index < 0 for index in wanted):
            raise ValueError("The index of a picture is 0 or larger.")
        settings = self.settings(self.dalle, temperature, top_k, top_p, guidance)
        drawings = self.candidates(self.dalle, caption, wanted, seed, settings, on_token=on_token)
        return drawings if indices is not None else drawings[:images]

    def complete(
        self,
        image: Image.Image,
        rows: int,
        caption: str,
        images: int = 9,
        candidates: int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        guidance: float = 0.0,
        on_token: OnToken | None = None,
    ) -> Drawings:
        """Keep the first `rows` rows of a picture's tokens, and draw the rest as the caption says (section 3.3).

        image: PIL, of any size; it is fitted on white. rows: 0 keeps nothing, all but one leaves the last row to draw.
        The rest as in `draw`. Raises ValueError with one sentence for a number of rows that leaves nothing to draw.
        """
        c = self.dalle.config
        if not 0 <= rows < c.rows:
            raise ValueError(f"Give between 0 and {c.rows - 1} of the {c.rows} rows of tokens, not {rows}.")
        wanted = candidate_range(images, candidates)
        given = self.image_tokens(image, c.rows)[:, :rows].flatten(1)  # (1, rows · cols)
        told = {"given_rows": rows, "given_sha256": token_hash(given)}
        settings = self.settings(self.dalle, temperature, top_k, top_p, guidance, **told)
        return self.candidates(self.dalle, caption, wanted, seed, settings, given, on_token)[:images]

    def edit(
        self,
        image: Image.Image,
        instruction: str,
        images: int = 1,
        candidates: int = 16,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        on_token: OnToken | None = None,
    ) -> Drawings:
        """Draw what a picture shows in another style: the best `images` of `candidates`, best first, by likelihood.

        image: PIL, of any size; it is fitted on white. instruction: "as a sketch", or with the name of the thing ("a
        cat face as a sketch"). Each Drawing is the drawn half alone; its score is the mean log-likelihood of its
        tokens, in nats. The rest as in `draw`.
        Raises ValueError with one sentence for an instruction that says no style or is too long, for options that make
        no sense, and where there is no edit model.
        """
        if self.editor is None:
            raise ValueError("These weights hold no edit model: train one with dalle-lessons train edit.")
        wanted, caption = candidate_range(images, candidates), read_instruction(instruction)
        source = self.image_tokens(image, self.editor.config.rows // 2).flatten(1)  # (1, rows / 2 · cols)
        settings = self.settings(self.editor, temperature, top_k, top_p, source_sha256=token_hash(source))
        return self.candidates(self.editor, caption, wanted, seed, settings, source, on_token)[:images]

    @torch.no_grad()
    def candidates(
        self,
        model: DALLE,
        caption: str,
        wanted: Sequence[int],
        seed: int,
        settings: Settings,
        given: Tensor | None = None,
        on_token: OnToken | None = None,
    ) -> Drawings:
        """The pictures (seed, i) of all i wanted, best first.

        model: `dalle`, or the `editor`, which draws the lower half of its grid. given: (1, n) int64, the first tokens
        of each, kept. Every way of drawing comes down to this loop.
        """
        c, editing, options = model.config, model is self.editor, settings.sampling()
        rows = c.rows // 2 if editing else c.rows
        text = self.read(caption, c.text_length)  # (1, T)
        clip = None if editing else self.clip
        score = scorer(model, text, caption, self.tokenizer, clip, editing)
        found: list[tuple[float, int, Tensor, Image.Image]] = []
        for indices, tokens in sample_batches(
            model, text, wanted, seed, given=given, on_token=on_token, **options
        ):  # tokens (32, N)
            grids = unflatten(tokens[:, -rows * c.cols :], rows, c.cols)
            pixels = self.dvae.decode(grids)  # (32, 3, H, W)
            scores = score(tokens, pixels)  # (32,)
            found += [
                (float(scores[row]), index, grids[row], to_image(pixels[row]))
                for row, index in enumerate(indices)
                if index in wanted
            ]
        found.sort(key=lambda one: -one[0])  # of equal scores, the one with the lower index
        return Drawings(
            Drawing(image, grid, score, seed, index, caption, settings) for score, index, grid, image in found
        )

    @torch.no_grad()
    def scores(self, caption: str, tokens: Tensor, pixels: Tensor) -> Tensor:
        """What drawings of a caption are ranked by: image tokens (B, N) int64 and their pixels (B, 3, H, W) -> (B,)."""
        text = self.read(caption, self.dalle.config.text_length)
        return scorer(self.dalle, text, caption, self.tokenizer, self.clip)(tokens, pixels)

    def read(self, caption: str, length: int) -> Tensor:
        """The caption's text tokens (1, length) int64. Raises ValueError with one sentence if there are more."""
        same = self.tokenizer.length == length
        return (self.tokenizer if same else TextTokenizer(self.tokenizer.tokenizer, length)).encode([caption])

    def image_tokens(self, image: Image.Image, rows: int) -> Tensor:
        """A PIL image of any size, fitted on a white square -> its tokens (1, rows, rows) int64."""
        square = on_white_square(image, rows * self.dvae.config.factor)
        return self.dvae.encode(to_tensor(square).unsqueeze(0) / 255)  # of (1, 3, H, W) in [0, 1]

    def settings(
        self,
        model: DALLE,
        temperature: float,
        top_k: int | None,
        top_p: float | None,
        guidance: float = 0.0,
        **sources: Any,
    ) -> Settings:
        """All that decides about a drawing beside caption, seed and index. sources: what was given, if anything."""
        editing = model is self.editor
        return Settings(
            float(temperature),
            top_k,
            top_p,
            float(guidance),
            dvae_sha256=self.dvae.weights_sha256,
            dalle_sha256=None if editing else model.weights_sha256,
            edit_sha256=model.weights_sha256 if editing else None,
            clip_sha256=None if editing or self.clip is None else self.clip.weights_sha256,
            dalle_lessons=__version__,
            torch=str(torch.__version__),
            numpy=np.__version__,
            **sources,
        )
