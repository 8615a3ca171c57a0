"""The discrete VAE: a picture becomes a small grid of codes, and codes become a picture again (paper, section 2.1)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pretrained import Pretrained
from .quantizer import GumbelCodebook, VectorCodebook
from .sequence import unflatten

EPSILON = 0.1  # how far the logit-Laplace likelihood keeps pixels from 0 and 1 (paper, appendix A.3)


@dataclass(frozen=True)
class DVAEConfig:
    """The size and the kind of a discrete VAE."""

    #: How many codes the codebook has: image tokens lie in [0, codes).
    codes: int = 1024
    #: Numbers in the vector of a code.
    code_dim: int = 32
    #: Channels of each stage, in the encoder's order; from one stage to the next, height and width halve.
    widths: tuple[int, ...] = (64, 128, 256)
    #: Side, in pixels, of the square patches that the first convolution reads, each once; 1: a 7x7 convolution.
    patch: int = 2
    #: Residual blocks in each stage.
    blocks: int = 2
    #: How many times fewer channels a block has inside than at its ends (at least 8).
    bottleneck_ratio: int = 2
    #: What a block's branch is multiplied by before it is added to the block's input.
    residual_scale: float = 1.0
    #: How many of the encoder's 3x3 convolutions stay 3x3, counted from the picture; the later ones are 1x1. None: all.
    #: With few, a token describes its own patch and little more: easier to predict for stage two, at the cost of some
    #: detail.
    num_3x3_convs: int | None = None
    #: "vq" (nearest code, `VectorCodebook`) or "gumbel" (Gumbel-softmax, `GumbelCodebook`).
    quantizer: str = "vq"
    #: "mse" (squared error of the pixels) or "logit_laplace" (the paper's, appendix A.3).
    likelihood: str = "mse"
    #: For "vq": features and codes have one and the same norm (see `VectorCodebook`).
    l2_normalize: bool = False
    #: For "vq": weight of the loss that asks a batch to use all codes alike; 0: none (see `VectorCodebook`).
    diversity_weight: float = 0.0
    #: For "vq": whether the codes are running means of the features that choose them (see `VectorCodebook`).
    moving_average: bool = False
    #: Residual blocks in each of the decoder's stages; None: as many as in the encoder's.
    decoder_blocks: int | None = None

    @property
    def factor(self) -> int:
        """Side, in pixels, of the square of the picture that one image token stands for."""
        return self.patch * 2 ** (len(self.widths) - 1)

    @classmethod
    def paper(cls) -> DVAEConfig:
        """The original network: 256x256 pixels -> 32x32 tokens of 8,192 codes (appendix A, and openai/DALL-E).

        One bias less: the original's decoder adds it to every code's vector, here the vectors contain it.
        """
        return cls(8192, 128, (256, 512, 1024, 2048), 1, 2, 4, 1 / 64, None, "gumbel", "logit_laplace")

    @classmethod
    def emoji(cls) -> DVAEConfig:
        """64x64 pixels -> 8x8 tokens. Patches of 8x8 pixels at once: on two cores, more steps beat a finer start."""
        return cls(codes=4096, widths=(384,), patch=8, blocks=3, bottleneck_ratio=4, num_3x3_convs=1, l2_normalize=True)

    @classmethod
    def emoji_fine(cls) -> DVAEConfig:
        """64x64 pixels -> 16x16 tokens. A token knows its own 4x4 pixels alone; the decoder sees all tokens around."""
        return cls(
            codes=4096,
            code_dim=8,
            widths=(160,),
            patch=4,
            blocks=2,
            bottleneck_ratio=4,
            num_3x3_convs=0,
            l2_normalize=True,
            moving_average=True,
            decoder_blocks=4,
        )

    @classmethod
    def shapes(cls) -> DVAEConfig:
        """32x32 pixels -> 8x8 tokens, small enough to train in class."""
        return cls(codes=256, code_dim=16, widths=(96,), patch=4, blocks=2, num_3x3_convs=0, l2_normalize=True)


def map_pixels(images: Tensor) -> Tensor:
    """Pixels in [0, 1] -> [0.1, 0.9], where their logit is finite (appendix A.3)."""
    return (1 - 2 * EPSILON) * images + EPSILON


class Block(nn.Module):
    """The bottleneck residual block: three 3x3 convolutions and a 1x1, ReLU before each (appendix A.1).

    The 1x1 stands at the end that has more channels: last in the encoder, first in the decoder, as in openai/DALL-E.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bottleneck_ratio: int,
        residual_scale: float,
        kernels: tuple[int, ...] = (3, 3, 3, 1),
    ):
        super().__init__()
        inner = max(outputs // bottleneck_ratio, 8)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        ends = ((inputs, inner), (inner, inner), (inner, inner), (inner, outputs))
        layers: list[nn.Module] = []
        for (before, after), kernel in zip(ends, kernels, strict=True):
            layers += [nn.ReLU(), nn.Conv2d(before, after, kernel, padding=kernel // 2)]
        self.branch = nn.Sequential(*layers)
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.residual_scale * self.branch(x)


def make_encoder(c: DVAEConfig) -> nn.Sequential:
    """(B, 3, H, W) -> (B, widths[-1], H / factor, W / factor)."""
    stem = nn.Conv2d(3, c.widths[0], 7, padding=3) if c.patch == 1 else nn.Conv2d(3, c.widths[0], c.patch, c.patch)
    layers: list[nn.Module] = [stem]
    inputs, convolution = c.widths[0], 0
    for stage, width in enumerate(c.widths):
        if stage:
            layers.append(nn.MaxPool2d(2))
        for _ in range(c.blocks):
            wide = [c.num_3x3_convs is None or (convolution := convolution + 1) <= c.num_3x3_convs for _ in range(3)]
            layers.append(
                Block(inputs, width, c.bottleneck_ratio, c.residual_scale, (*(3 if w else 1 for w in wide), 1))
            )
            inputs = width
    return nn.Sequential(*layers, nn.ReLU())


def make_decoder(c: DVAEConfig) -> nn.Sequential:
    """(B, code_dim, rows, cols) -> (B, 3 or 6, rows · factor, cols · factor)."""
    layers: list[nn.Module] = []
    inputs = c.code_dim
    for stage, width in enumerate(reversed(c.widths)):
        if stage:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        for _ in range(c.decoder_blocks or c.blocks):
            layers.append(Block(inputs, width, c.bottleneck_ratio, c.residual_scale, kernels=(1, 3, 3, 3)))
            inputs = width
    maps = 6 if c.likelihood == "logit_laplace" else 3  # a location and a scale for each channel, or the pixel alone
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(inputs, maps * c.patch**2, 1), nn.PixelShuffle(c.patch))


class DVAE(Pretrained):
    """Encoder, codebook, decoder. Pictures are float tensors (B, 3, H, W) in [0, 1], H and W multiples of `factor`."""

    config: DVAEConfig
    codebook: VectorCodebook | GumbelCodebook

    config_class, part = DVAEConfig, "dvae"

    def __init__(self, config: DVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config)
        sizes = (config.widths[-1], config.codes, config.code_dim)
        if config.quantizer == "gumbel":
            self.codebook = GumbelCodebook(*sizes)
        elif config.quantizer == "vq":
            self.codebook = VectorCodebook(
                *sizes,
                l2_normalize=config.l2_normalize,
                diversity_weight=config.diversity_weight,
                moving_average=config.moving_average,
            )
        else:
            raise ValueError(f'There is no quantizer {config.quantizer!r}: choose "gumbel" or "vq".')
        self.decoder = make_decoder(config)

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, C, rows, cols). Raises ValueError for a size that no whole grid covers."""
        factor = self.config.factor
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % factor or images.shape[3] % factor:
            raise ValueError(
                f"The dVAE takes pictures of shape (B, 3, H, W) with H and W multiples of {factor}, "
                f"got {tuple(images.shape)}: resize or pad them first."
            )
        # The original network reads the mapped pixels that it also puts out (openai/DALL-E); else pixels around zero
        # make training faster.
        return self.encoder(map_pixels(images) if self.config.likelihood == "logit_laplace" else images * 2 - 1)

    def logits(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, codes, rows, cols)."""
        return self.codebook.logits(self.features(images))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> image tokens (B, rows, cols) int64 in [0, codes)."""
        return self.logits(images).argmax(dim=1)

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Image tokens (B, rows, cols) int64 -> pictures (B, 3, rows · factor, cols · factor) in [0, 1]."""
        return self.to_pixels(self.decoder(self.codebook.lookup(tokens)))

    def fingerprint(self) -> str:
        """Tells these image tokens from another dVAE's: SHA-256, in hexadecimal, of the encoder's and the codebook's
        parameters in half precision, as they are stored. The decoder does not count: if it alone is trained further,
        the tokens mean the same."""
        digest = hashlib.sha256()
        for part in (self.encoder, self.codebook):
            for parameter in part.parameters():
                digest.update(parameter.detach().half().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def to_pixels(self, outputs: Tensor) -> Tensor:
        """The decoder's output (B, 3 or 6, H, W) -> pictures (B, 3, H, W) in [0, 1]; with logit-Laplace, from the
        location alone (appendix A.3)."""
        if self.config.likelihood == "mse":
            return outputs.clamp(0, 1)
        return ((torch.sigmoid(outputs[:, :3]) - EPSILON) / (1 - 2 * EPSILON)).clamp(0, 1)

    def reconstruction_loss(self, outputs: Tensor, images: Tensor) -> Tensor:
        """The decoder's output (B, 3 or 6, H, W), pictures (B, 3, H, W) in [0, 1] -> scalar, the mean over pixels and
        channels: squared error, or the negative log-likelihood in nats (appendix A.3, Eq. 2)."""
        if self.config.likelihood == "mse":
            return F.mse_loss(outputs, images)
        mapped = map_pixels(images)
        location, log_scale = outputs.chunk(2, dim=1)
        distance = (torch.logit(mapped) - location).abs() * torch.exp(-log_scale)
        return (distance + log_scale + math.log(2) + torch.log(mapped * (1 - mapped))).mean()

    def loss(self, images: Tensor, temperature: float = 1.0, kl_weight: float = 1.0) -> dict[str, Tensor]:
        """Parts of the loss, and their `total`: reconstruction + kl_weight / (3 factor²) · KL per position.

        The paper divides the evidence bound by the number of pixel values; one token position stands for 3 factor² of
        them, hence the divisor (6.6 / 192 in the paper). With the vector quantizer `kl_weight` weighs its own loss,
        undivided. images: (B, 3, H, W) in [0, 1].
        """
        quantized = self.codebook(self.features(images), temperature)
        reconstruction = self.reconstruction_loss(self.decoder(quantized.vectors), images)
        weight = kl_weight / (3 * self.config.factor**2) if self.config.quantizer == "gumbel" else kl_weight
        total = reconstruction + weight * quantized.loss
        return {"total": total, "reconstruction": reconstruction, "codebook": quantized.loss}


def decode_tokens(dvae: DVAE, tokens: Tensor, rows: int, cols: int, batch: int = 128) -> Tensor:
    """Image tokens in raster order (N, rows · cols) int64, as DALL·E draws them -> pictures (N, 3, H, W) in [0, 1],
    `batch` of them decoded at a time."""
    return torch.cat([dvae.decode(unflatten(part, rows, cols)) for part in tokens.split(batch)])
