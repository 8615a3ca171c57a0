"""DALL·E's second stage: a transformer that models text and image tokens as one sequence (paper, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from . import attention_masks as masks
from . import sequence
from .block_attention import BlockwiseMask, blockwise_mask, skips_blocks
from .embedding import Embedding
from .pretrained import Pretrained
from .transformer import Cache, Transformer


@dataclass(frozen=True)
class DALLEConfig:
    """The size of a DALL·E, and which tokens it was trained on."""

    #: Text tokens that the tokenizer knows: text lies in [0, vocab_size).
    vocab_size: int = 2048
    #: Tokens of a caption, T: start-of-text, text and padding.
    text_length: int = 32
    #: Rows of the grid of image tokens.
    rows: int = 8
    #: Columns of the grid of image tokens.
    cols: int = 8
    #: Codes in the dVAE's codebook: image tokens lie in [0, codes).
    codes: int = 1024
    #: Numbers in the vector of a slot, C; a multiple of `heads`.
    width: int = 256
    #: Blocks of attention and MLP.
    layers: int = 6
    #: Attention heads in each layer.
    heads: int = 8
    #: Probability in [0, 1) that a number of a block's branch is dropped in training.
    dropout: float = 0.0
    #: The attention mask of each layer: "full", "row", "column" or "conv"; where there are more layers than kinds, the
    #: kinds start again.
    attention: tuple[str, ...] = ("full",)
    #: The text token that fills a short caption up.
    pad_id: int = 0
    #: `DVAE.fingerprint` of the dVAE that made its image tokens; "" where that is not known.
    dvae_fingerprint: str = ""
    #: `TextTokenizer.fingerprint` of the tokenizer that made its text tokens; "" where that is not known.
    tokenizer_fingerprint: str = ""

    @classmethod
    def paper(cls) -> DALLEConfig:
        """The 12-billion-parameter model: 64 layers, 62 heads of 64 (section 2.2)."""
        return cls(16384, 256, 32, 32, 8192, 62 * 64, 64, 62, 0.0, masks.paper_cycle(64))

    @property
    def image_length(self) -> int:
        """Image tokens of a picture, N."""
        return self.rows * self.cols


class DALLE(Pretrained):
    """p(text, image tokens), one token after another."""

    config: DALLEConfig

    config_class, part = DALLEConfig, "dalle"

    def __init__(self, config: DALLEConfig):
        super().__init__()
        c = self.config = config
        self.embedding = Embedding(c.vocab_size, c.text_length, c.codes, c.rows, c.cols, c.width, c.pad_id)
        self.transformer = Transformer(c.width, c.layers, c.heads, c.dropout, c.attention)
        self.text_head = nn.Linear(c.width, c.vocab_size)
        self.image_head = nn.Linear(c.width, c.codes)
        for head in (self.text_head, self.image_head):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        for kind in sorted(set(self.transformer.attention_types)):
            mask = masks.joint_mask(kind, c.text_length, c.rows, c.cols)
            self.register_buffer(f"mask_{kind}", mask, persistent=False)

    @property
    def masks(self) -> dict[str, Tensor]:
        """The attention mask of each kind that a layer uses: (T + N, T + N) bool."""
        return {kind: getattr(self, f"mask_{kind}") for kind in sorted(set(self.transformer.attention_types))}

    def masks_for(self, x: Tensor) -> Mapping[str, Tensor | BlockwiseMask]:
        """`masks`, for whole sequences x (B, T + N, C); on CUDA the sparse kinds with their empty blocks known."""
        c = self.config
        if x.shape[1] != c.text_length + c.image_length or not skips_blocks(x.device):
            return self.masks
        sizes = c.text_length, c.rows, c.cols, x.device
        return {kind: mask if kind == "full" else blockwise_mask(kind, *sizes) for kind, mask in self.masks.items()}

    def check(self, text: Tensor, image_tokens: Tensor) -> None:
        """Raises ValueError with one sentence where shapes or values of text (B, T) and of the first image tokens
        (B, n) do not fit the configuration. On an accelerator this waits for all that is being computed."""
        self.check_shapes(text, image_tokens)
        c = self.config
        if text.numel() and not 0 <= int(text.min()) <= int(text.max()) < c.vocab_size:
            raise ValueError(f"text must lie in [0, {c.vocab_size}); does it come from another tokenizer?")
        if image_tokens.numel() and not 0 <= int(image_tokens.min()) <= int(image_tokens.max()) < c.codes:
            raise ValueError(f"image_tokens must lie in [0, {c.codes}); do they come from another codebook?")

    def check_input(self, text: Tensor, image_tokens: Tensor) -> None:
        """As `check`, in every forward pass: values are looked at on the CPU alone, where it costs next to nothing."""
        (self.check if text.device.type == "cpu" else self.check_shapes)(text, image_tokens)

    def check_shapes(self, text: Tensor, image_tokens: Tensor) -> None:
        """Raises ValueError with one sentence where shapes do not fit the configuration."""
        c = self.config
        if text.ndim != 2 or text.shape[1] != c.text_length:
            raise ValueError(f"text must have shape (B, {c.text_length}), got {tuple(text.shape)}.")
        if image_tokens.ndim != 2 or len(image_tokens) != len(text) or image_tokens.shape[1] > c.image_length:
            raise ValueError(
                f"image_tokens must have shape ({len(text)}, at most {c.image_length}), "
                f"got {tuple(image_tokens.shape)}."
            )

    def forward(self, text: Tensor, image_tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T), (B, N) int64 -> text logits (B, T-1, V), image logits (B, N, codes).

        Logits i are of image token i, given all before it; so the last image token is predicted and never an input.
        """
        self.check_input(text, image_tokens)
        x = self.embedding(text, image_tokens[:, :-1])  # (B, T + N, C)
        x = self.transformer(x, self.masks_for(x))
        t = self.config.text_length
        return self.text_head(x[:, : t - 1]), self.image_head(x[:, t:])

    def loss(self, text: Tensor, image_tokens: Tensor, input_tokens: Tensor | None = None) -> dict[str, Tensor]:
        """Nats a token: `text`, `image`, `total` = text/8 + 7·image/8. text (B, T), image_tokens (B, N) int64.

        input_tokens: the image tokens that are shown, if others than those that are to be predicted."""
        text_logits, image_logits = self(text, image_tokens if input_tokens is None else input_tokens)
        return sequence.losses(text_logits, image_logits, text, image_tokens, self.config.pad_id)

    def prefill(self, text: Tensor, image_tokens: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Read the caption, [SEP] and the first image tokens, if any, in one pass.

        (B, T) and (B, n) int64 -> logits of the image token after them (B, codes), and the cache.
        """
        first = text[:, :0] if image_tokens is None else image_tokens
        self.check_input(text, first)
        cache = self.transformer.new_cache(len(text), self.config.text_length + self.config.image_length)
        return self.image_head(self.transformer(self.embedding(text, first), self.masks, cache)[:, -1]), cache

    def decode_step(self, image_tokens: Tensor, first: int, cache: Cache) -> Tensor:
        """Read image tokens `first`, `first + 1`, … (B, n) -> logits of the token after them (B, codes)."""
        x = self.embedding.embed_image(image_tokens, first)
        return self.image_head(self.transformer(x, self.masks, cache)[:, -1])
