"""The whole system: caption -> text tokens -> image tokens -> pixels -> ranked pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..datasets.images import on_white_square, to_image, to_tensor
from ..model.clip import CLIP
from ..model.dalle import DALLE
from ..model.dvae import DVAE
from ..model.editing import read_instruction, sample_target
from ..model.files import WEIGHTS, file_hash, weights_dir
from ..model.sampling import SAMPLING_BATCH, sample
from ..model.sequence import unflatten
from ..model.tokenizer import TextTokenizer
from .drawing import Drawing, Drawings


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
        self.dvae, self.dalle, self.tokenizer = dvae.eval(), dalle.eval(), tokenizer
        self.name: str | Path | None = None  # where the weights come from, if they come from files
        self.clip = None if clip is None else clip.eval()
        self.editor = None if editor is None else editor.eval()

    @classmethod
    def from_pretrained(cls, name: str | Path = "emoji") -> TextToImage:
        """Bundled weights ("emoji", "shapes"), or a folder that holds `dvae`, `dalle` and perhaps `clip`
        and `edit`, or "hub:owner/name", which alone asks the network. Raises FileNotFoundError with one sentence where
        there are none."""
        if str(name).startswith("hub:"):
            from huggingface_hub import snapshot_download

            name = snapshot_download(str(name)[4:], allow_patterns=["*.json", "*.safetensors"])
        dalle = DALLE.from_pretrained(name)
        tokenizer = weights_dir(name, "dalle") / "tokenizer.json"
        words = TextTokenizer.from_file(tokenizer, dalle.config.text_length)

        def if_there(kind: type[CLIP] | type[DALLE], part: str):
            try:
                return kind.from_pretrained(weights_dir(name, part))
            except FileNotFoundError:
                return None

        system = cls(DVAE.from_pretrained(name), dalle, words, if_there(CLIP, "clip"), if_there(DALLE, "edit"))
        system.name = name
        return system

    def hash_of(self, part: str) -> str:
        """SHA-256 of the file with the weights of "dalle" or "edit"; empty if they come from no file."""
        return "" if self.name is None else file_hash(weights_dir(self.name, part) / WEIGHTS)

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
        on_token: Callable[[int, Tensor, Tensor], None] | None = None,
    ) -> Drawings:
        """The best `images` of `candidates` drawings of a caption (64, or `images` if that is more), best first.

        Candidate i is the picture (seed, i): on one machine always the same, whatever else is asked for. `indices`
        draws just these, in their order of score. The other options are those of `sampling.sample`.
        Raises ValueError with one sentence for a caption that is too long, and for options that make no sense.
        """
        wanted = list(range(max(images, 64) if candidates is None else candidates)) if indices is None else [*indices]
        if indices is None and not 1 <= images <= len(wanted):
            raise ValueError(f"Ask for at least 1 image, and at least as many candidates: {images} of {len(wanted)}.")
        if any(index < 0 for index in wanted):
            raise ValueError("The index of a picture is 0 or larger.")
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "guidance": guidance}
        drawings = self.candidates(caption, wanted, seed, on_token=on_token, **options)
        return drawings if indices is not None else Drawings(drawings[:images])

    def complete(
        self,
        image: Image.Image,
        rows: int,
        caption: str,
        images: int = 9,
        candidates: int | None = None,
        seed: int = 0,
        **options,
    ) -> Drawings:
        """Keep the first `rows` rows of a picture's tokens, and draw the rest as the caption says (section 3.3).

        image: PIL, of any size; it is fitted on white. rows: 0 keeps nothing, all but one leaves the last row to draw.
        The rest as in `draw`. Raises ValueError with one sentence for a number of rows that leaves nothing to draw.
        """
        c = self.dalle.config
        if not 0 <= rows < c.rows:
            raise ValueError(f"Give between 0 and {c.rows - 1} of the {c.rows} rows of tokens, not {rows}.")
        count = max(images, 64) if candidates is None else candidates
        if not 1 <= images <= count:
            raise ValueError(f"Ask for at least 1 image, and at least as many candidates: {images} of {count}.")
        factor = self.dvae.config.factor
        pixels = to_tensor(on_white_square(image, c.rows * factor)).unsqueeze(0) / 255  # (1, 3, H, W)
        given = self.dvae.encode(pixels)[:, :rows].flatten(1)  # (1, rows · cols)
        return Drawings(self.candidates(caption, range(count), seed, given, **options)[:images])

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
    ) -> Drawings:
        """Draw what a picture shows in another style: the best `images` of `candidates`, best first, by likelihood.

        image: PIL, of any size; it is fitted on white. instruction: "as a sketch", or with the name of the thing ("a
        cat face as a sketch"). Each Drawing is the drawn half alone; its score is the mean log-likelihood of its
        tokens, in nats. (seed, index) names it, as in `draw`.
        Raises ValueError with one sentence for an instruction that says no style or is too long, for options that make
        no sense, and where there is no edit model.
        """
        if self.editor is None:
            raise ValueError("These weights hold no edit model: train one with dalle-lessons train edit.")
        if not 1 <= images <= candidates:
            raise ValueError(f"Ask for at least 1 image, and at least as many candidates: {images} of {candidates}.")
        c, caption = self.editor.config, read_instruction(instruction)
        text = TextTokenizer(self.tokenizer.tokenizer, c.text_length).encode([caption]).expand(SAMPLING_BATCH, -1)
        half, factor = c.rows // 2, self.dvae.config.factor
        pixels = to_tensor(on_white_square(image, half * factor)).unsqueeze(0) / 255  # (1, 3, H, W)
        top = self.dvae.encode(pixels).flatten(1).expand(SAMPLING_BATCH, -1)  # (32, half · cols)
        drawings, weights = Drawings(), self.hash_of("edit")
        for first in range(0, candidates, SAMPLING_BATCH):  # always 32 rows, as in `candidates`
            options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
            rows = range(first, first + SAMPLING_BATCH)
            tokens, scores = sample_target(self.editor, text, top, seed, rows, **options)
            grids = unflatten(tokens, half, c.cols)
            decoded = self.dvae.decode(grids)
            for row, index in enumerate(rows):
                if index < candidates:
                    drawn = to_image(decoded[row])
                    drawings.append(Drawing(drawn, grids[row], float(scores[row]), seed, index, caption, weights))
        drawings.sort(key=lambda drawing: -drawing.score)
        return Drawings(drawings[:images])

    def candidates(
        self, caption: str, wanted: Sequence[int], seed: int, given: Tensor | None = None, **options
    ) -> Drawings:
        """The pictures (seed, i) of all i wanted, best first. given: (1, n) first tokens of each, kept."""
        text = self.tokenizer.encode([caption]).expand(SAMPLING_BATCH, -1)  # (32, T)
        given = None if given is None else given.expand(SAMPLING_BATCH, -1)  # (32, n)
        drawings, weights = Drawings(), self.hash_of("dalle")
        for chunk in sorted({index // SAMPLING_BATCH for index in wanted}):
            # Always 32 rows, row i mod 32 for picture i: sums of another number of rows may round otherwise.
            rows = range(chunk * SAMPLING_BATCH, (chunk + 1) * SAMPLING_BATCH)
            tokens = sample(self.dalle, text, seed, given=given, indices=rows, **options)  # (32, N)
            grids = unflatten(tokens, self.dalle.config.rows, self.dalle.config.cols)
            pixels = self.dvae.decode(grids)  # (32, 3, H, W)
            scores = self.scores(caption, tokens, pixels)
            for row in sorted({index - rows.start for index in wanted if index in rows}):
                image = to_image(pixels[row])
                drawings.append(Drawing(image, grids[row], float(scores[row]), seed, rows[row], caption, weights))
        drawings.sort(key=lambda drawing: -drawing.score)
        return drawings

    def scores(self, caption: str, tokens: Tensor, pixels: Tensor) -> Tensor:
        """What drawings of a caption are ranked by: image tokens (B, N) and their pixels (B, 3, H, W) -> (B,)."""
        if self.clip is not None:
            return self.clip.score(pixels, [caption] * len(pixels))
        return self.log_likelihood(self.tokenizer.encode([caption]).expand(len(tokens), -1), tokens)

    @torch.no_grad()
    def log_likelihood(self, text: Tensor, tokens: Tensor) -> Tensor:
        """Mean log-probability of an image token given the caption, in nats: (B, T), (B, N) -> (B,)."""
        logits = self.dalle(text, tokens)[1]  # (B, N, codes)
        return -F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none").mean(dim=1)
