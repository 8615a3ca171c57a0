"""The whole system: caption -> text tokens -> image tokens -> pixels -> ranked pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import torch
from PIL import Image
from torch import Tensor

from ..datasets.images import on_white_square, to_tensor
from ..model.dalle import DALLE
from ..model.editing import read_instruction
from ..model.sampling import SAMPLING_BATCH
from ..model.tokenizer import TextTokenizer
from .candidates import OnToken, StopDrawing, counted, draw_candidates, progress_bar, tokens_to_draw
from .drawing import Drawings
from .ranking import scorer
from .settings import candidate_range, settings_of, token_hash
from .stream import growing, picture_so_far
from .system import System


class TextToImage(System):
    """The models of a `System` in use: captions and pictures in, ranked pictures out."""

    @overload
    def draw(self, caption: str, *args: Any, **options: Any) -> Drawings: ...

    @overload
    def draw(self, caption: list[str] | tuple[str, ...], *args: Any, **options: Any) -> list[Drawings]: ...

    def draw(
        self,
        caption: str | Sequence[str],
        images: int = 9,
        candidates: int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        guidance: float = 0.0,
        indices: Sequence[int] | None = None,
        on_token: OnToken | None = None,
        negative_caption: str | None = None,
        progress: bool | float = False,
    ) -> Drawings | list[Drawings]:
        """The best `images` of `candidates` drawings of a caption (64, or `images` if that is more), best first; of a
        list of captions, a list of such Drawings.

        Candidate i is the picture (seed, i): on one machine always the same, whatever else is asked for. `indices`
        draws just these, in their order of score. negative_caption: what guidance, which it needs, leads away from.
        progress: shows a bar, at once (True) or after so many seconds. The other options are those of
        `sampling.sample`. Ctrl-C, or a StopDrawing that `on_token` raises, ends the drawing: what is finished is given
        back, `stopped` on it says so, and captions that were not reached are left out of the list. If nothing is
        finished, KeyboardInterrupt or StopDrawing goes on to the caller, as does any other exception of `on_token`.
        Raises ValueError with one sentence for a caption that is too long, and for options that make no sense.
        """
        captions = [caption] if isinstance(caption, str) else [*caption]
        wanted = candidate_range(images, candidates, indices)
        told = {"negative_caption": negative_caption, "candidates": len(wanted)}
        settings = settings_of(self, self.dalle, temperature, top_k, top_p, guidance, **told)
        texts = [self.read(one, self.dalle) for one in captions]  # what is wrong with any is said before any is drawn
        negative = None if negative_caption is None else self.read(negative_caption, self.dalle)
        keep = images if indices is None else None
        done: list[Drawings] = []
        with progress_bar(len(captions) * tokens_to_draw(self.dalle, wanted), progress) as bar:
            count = counted(bar, on_token)
            for one, text in zip(captions, texts, strict=True):
                try:
                    drawn = draw_candidates(
                        self, self.dalle, one, text, wanted, seed, settings, None, negative, count, keep
                    )
                except (StopDrawing, KeyboardInterrupt):
                    if not done:
                        raise
                    break
                done.append(drawn)
                if drawn.stopped:
                    break
        return done[0] if isinstance(caption, str) else done

    def stream(
        self, caption: str, seed: int = 0, index: int = 0, every: int | None = None, **options: Any
    ) -> Iterator[Image.Image]:
        """The picture (seed, index) of a caption while it grows: PIL pictures, one after every so many tokens (a line
        of them, if None), gray where nothing is drawn yet; the last one is the picture that `draw` gives.

        options: those of `draw` that decide about the picture, such as `guidance`. Raises what `draw` raises. Whoever
        breaks off the loop ends the drawing.
        """
        c = self.dalle.config
        step = c.cols if every is None else every
        if step < 1:
            raise ValueError(f"Give at least 1 token between two pictures, not {step}.")

        def draw(on_token: OnToken) -> Image.Image:
            return self.draw(caption, seed=seed, indices=[index], on_token=on_token, **options)[0].image

        def show(tokens: Tensor) -> Image.Image:
            return picture_so_far(self.dvae, tokens, c.rows, c.cols, self.device)

        return growing(draw, show, index % SAMPLING_BATCH, step)

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
        negative_caption: str | None = None,
        progress: bool | float = False,
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
        told = {"given_rows": rows, "given_sha256": token_hash(given), "negative_caption": negative_caption}
        told["candidates"] = len(wanted)
        settings = settings_of(self, self.dalle, temperature, top_k, top_p, guidance, **told)
        text = self.read(caption, self.dalle)
        negative = None if negative_caption is None else self.read(negative_caption, self.dalle)
        with progress_bar(tokens_to_draw(self.dalle, wanted, given.shape[1]), progress) as bar:
            count = counted(bar, on_token)
            return draw_candidates(
                self, self.dalle, caption, text, wanted, seed, settings, given, negative, count, images
            )

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
        progress: bool | float = False,
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
        settings = settings_of(
            self, self.editor, temperature, top_k, top_p, source_sha256=token_hash(source), candidates=len(wanted)
        )
        text = self.read(caption, self.editor)
        with progress_bar(tokens_to_draw(self.editor, wanted, source.shape[1]), progress) as bar:
            count = counted(bar, on_token)
            return draw_candidates(
                self, self.editor, caption, text, wanted, seed, settings, source, None, count, images
            )

    @torch.no_grad()
    def scores(self, caption: str, tokens: Tensor, pixels: Tensor) -> Tensor:
        """What drawings of a caption are ranked by: image tokens (B, N) int64 and their pixels (B, 3, H, W), on the
        models' device -> (B,)."""
        text = self.read(caption, self.dalle).to(self.device)
        return scorer(self.dalle, text, caption, self.tokenizer, self.clip)(tokens, pixels)

    def read(self, caption: str, model: DALLE) -> Tensor:
        """The caption's text tokens (1, T) int64 for one of the models. Raises ValueError with one sentence if there
        are more."""
        if not isinstance(caption, str):
            raise ValueError(f"A caption is text, not {caption!r}.")
        words, length = self.tokenizer, model.config.text_length
        return (words if words.length == length else TextTokenizer(words.tokenizer, length)).encode([caption])

    def image_tokens(self, image: Image.Image, rows: int) -> Tensor:
        """A PIL image of any size, fitted on a white square -> its tokens (1, rows, rows) int64."""
        square = on_white_square(image, rows * self.dvae.config.factor)
        pixels = to_tensor(square).unsqueeze(0).to(self.device) / 255  # (1, 3, H, W) in [0, 1]
        return self.dvae.encode(pixels)
