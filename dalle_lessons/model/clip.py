"""CLIP: which caption fits which picture? It ranks what DALL·E drew (Radford et al. 2021; Ramesh et al. 2021, 2.6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention_masks import causal
from .files import TOKENIZER
from .image_encoder import ImageEncoder
from .pretrained import Pretrained
from .tokenizer import TextTokenizer
from .transformer import Transformer

MAX_LOGIT_SCALE = 100.0  # CLIP's paper keeps it below this, for a steady training (section 2.5)


@dataclass(frozen=True)
class CLIPConfig:
    """The size of a CLIP, and what it was trained on. Text comes in as into DALL·E."""

    #: Text tokens that the tokenizer knows: text lies in [0, vocab_size).
    vocab_size: int = 2048
    #: Tokens of a caption, T: start-of-text, text and padding.
    text_length: int = 32
    #: The text token that fills a short caption up.
    pad_id: int = 0
    #: Height and width of a picture, in pixels.
    side: int = 64
    #: Step, in pixels, of the image encoder's first convolution.
    patch: int = 4
    #: Channels of each stage of the image encoder; from one stage to the next, height and width halve.
    widths: tuple[int, ...] = (64, 128, 256)
    #: Numbers in the vector of a text slot; a multiple of `heads`.
    text_width: int = 128
    #: Blocks of attention and MLP in the text transformer.
    layers: int = 2
    #: Attention heads in each of these layers.
    heads: int = 4
    #: Numbers in the vectors that are compared, D.
    dim: int = 128
    #: Probability in [0, 1) that a number of a text block's branch is dropped in training.
    dropout: float = 0.0
    #: `DVAE.fingerprint` of the dVAE whose reconstructions it was shown; "" where that is not known.
    dvae_fingerprint: str = ""
    #: `TextTokenizer.fingerprint` of the tokenizer that made its text tokens; "" where that is not known.
    tokenizer_fingerprint: str = ""

    @classmethod
    def shapes(cls) -> CLIPConfig:
        """32x32 pixels, small enough to train in class."""
        return cls(side=32, patch=4, widths=(48, 96), text_width=96, layers=2, heads=4, dim=64)


def contrastive_loss(
    image_vectors: Tensor,
    text_vectors: Tensor,
    logit_scale: Tensor,
    also_true: Tensor | None = None,
    extra_vectors: Tensor | None = None,
) -> Tensor:
    """The symmetric loss of CLIP's Fig. 3: every picture must find its caption among the batch's, and the reverse.

    image_vectors and text_vectors (B, D), of unit norm; pair i is row i of both. logit_scale: 1 / temperature.
    -> scalar, in nats; ln B for guessing. also_true: (B, B) bool, (i, j), i ≠ j, where caption j is true of picture i
    too: then neither is a wrong answer for the other (it would be a false negative), and they are masked.
    extra_vectors: (K, D), of pictures of which no caption is true: every caption must find its picture among these too.
    """
    logits = logit_scale * image_vectors @ text_vectors.T  # (B, B): picture i with caption j
    if also_true is not None:
        logits = logits.masked_fill(also_true, -torch.inf)
    truth = torch.arange(len(logits), device=logits.device)  # the diagonal
    of_captions = logits.T
    if extra_vectors is not None:
        of_captions = torch.cat((of_captions, logit_scale * text_vectors @ extra_vectors.T), dim=1)  # (B, B + K)
    return (F.cross_entropy(logits, truth) + F.cross_entropy(of_captions, truth)) / 2


class CLIP(Pretrained):
    """Two encoders into one space, where a picture and its caption point the same way."""

    config_class, part = CLIPConfig, "clip"
    config: CLIPConfig
    causal: Tensor

    def __init__(self, config: CLIPConfig, tokenizer: TextTokenizer | None = None):
        super().__init__()
        c = self.config = config
        self.tokenizer = tokenizer
        self.image_encoder = ImageEncoder(c.patch, c.widths)
        self.image_project = nn.Linear(c.widths[-1], c.dim, bias=False)
        self.word = nn.Embedding(c.vocab_size, c.text_width)
        self.position = nn.Embedding(c.text_length, c.text_width)
        self.transformer = Transformer(c.text_width, c.layers, c.heads, c.dropout, ("full",))
        self.text_project = nn.Linear(c.text_width, c.dim, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # section 2.5
        for table in (self.word, self.position):
            nn.init.normal_(table.weight, std=0.02)
        self.register_buffer("causal", causal(c.text_length), persistent=False)

    @property
    def logit_scale(self) -> Tensor:
        """1 / temperature: what cosine similarities are multiplied by; learned. Scalar, at most 100 in training."""
        return self.log_scale.exp()

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep the temperature above its floor: called after each step of a training."""
        # The parameter itself, not the value that comes of it: beyond a clamp there is no gradient, and no way back.
        self.log_scale.clamp_(max=math.log(MAX_LOGIT_SCALE))

    def encode_images(self, images: Tensor) -> Tensor:
        """(B, 3, side, side) in [0, 1] -> (B, D), of unit norm. Raises ValueError for another shape."""
        side = self.config.side
        if images.shape[1:] != (3, side, side):
            raise ValueError(f"This CLIP looks at pictures of shape (B, 3, {side}, {side}), got {tuple(images.shape)}.")
        return F.normalize(self.image_project(self.image_encoder(images)), dim=-1)

    def encode_text(self, text: Tensor) -> Tensor:
        """(B, T) int64, padded -> (B, D), of unit norm: made from the output at the caption's last token.

        Under the causal mask that token sees the whole caption and no pad, since pads come after it.
        """
        x = self.word(text) + self.position(torch.arange(text.shape[1], device=text.device))  # (B, T, C)
        x = self.transformer(x, {"full": self.causal})
        last = (text != self.config.pad_id).sum(dim=1) - 1  # (B,)
        return F.normalize(self.text_project(x[torch.arange(len(x), device=x.device), last]), dim=-1)

    def loss(
        self, images: Tensor, text: Tensor, also_true: Tensor | None = None, extra_images: Tensor | None = None
    ) -> dict[str, Tensor]:
        """images (B, 3, side, side) in [0, 1], text (B, T) int64; row i of both belong together. also_true: as above.
        extra_images: (K, 3, side, side) in [0, 1], of which no caption is true. -> `total`, scalar, in nats."""
        count = len(images)
        vectors = self.encode_images(images if extra_images is None else torch.cat((images, extra_images)))
        extra_vectors = None if extra_images is None else vectors[count:]
        text_vectors = self.encode_text(text)
        return {
            "total": contrastive_loss(vectors[:count], text_vectors, self.logit_scale, also_true, extra_vectors),
        }

    @torch.no_grad()
    def score(self, images: Tensor, captions: list[str]) -> Tensor:
        """(N, 3, side, side) in [0, 1] and N captions -> (N,) cosine similarities in [-1, 1]; a higher one fits better.

        Raises ValueError for unequal numbers, for a caption that is too long, and without a tokenizer.
        """
        if self.tokenizer is None:
            raise ValueError("This CLIP has no tokenizer: load it with CLIP.from_pretrained, or give it one.")
        if len(images) != len(captions):
            raise ValueError(
                f"Give one caption for each picture: got {len(images)} pictures, {len(captions)} captions."
            )
        distinct = list(dict.fromkeys(captions))  # many candidates of one caption: read it once
        read = self.encode_text(self.tokenizer.encode(distinct).to(images.device))  # (captions, D)
        rows = torch.tensor([distinct.index(caption) for caption in captions], dtype=torch.int64, device=images.device)
        return (self.encode_images(images) * read[rows]).sum(dim=-1)

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Load the model and its tokenizer. Raises ValueError with one sentence if they do not belong together."""
        model = super().from_folder(folder)
        tokenizer = TextTokenizer.from_file(folder / TOKENIZER, model.config.text_length)
        trained_on = model.config.tokenizer_fingerprint
        if trained_on not in ("", tokenizer.fingerprint()) or tokenizer.vocab_size != model.config.vocab_size:
            raise ValueError(
                f"The CLIP in {folder} was trained on other text tokens than those of the {TOKENIZER} beside it: put "
                "back the one that its training wrote."
            )
        model.tokenizer = tokenizer
        return model

    def _save_pretrained(self, save_directory: Path) -> None:
        if self.tokenizer is not None:
            self.tokenizer.save(Path(save_directory) / TOKENIZER)
        super()._save_pretrained(save_directory)
