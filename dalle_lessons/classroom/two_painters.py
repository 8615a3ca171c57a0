"""Two painters of the same small grids: one token after another, and all places at once, from noise (lesson 19).

Both have one body, a transformer of the same size; they differ in what goes in, what comes out, and the mask. The
grids are those of the shapes world's dVAE: 8x8 tokens, or the 8x8 vectors that the encoder made before it chose codes.
Pictures of one thing alone; their captions are read as a bag of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ..datasets import Pairs
from ..model.dvae import DVAE
from ..model.files import data_dir
from ..model.quantizer import VectorCodebook
from ..model.tokenizer import TextTokenizer
from ..training.muon import Muon

Painter = TypeVar("Painter", bound=nn.Module)
WIDTH, LAYERS, HEADS, PLACES, CODES, VECTOR, TEXT = 64, 3, 4, 64, 256, 16, 12
STEPS, BATCH, RATE, MATRIX_RATE, WITHOUT = 1000, 32, 3e-3, 1e-2, 0.1


def to_grid(dvae: DVAE, images: Tensor) -> Tensor:
    """Pictures (B, 3, 32, 32) in [0, 1] -> (B, 16, 64): 4x4 places, each with 2x2 of the dVAE's vectors before the
    nearest code is taken. Their mean square is 1."""
    assert isinstance(dvae.codebook, VectorCodebook)
    with torch.no_grad():
        vectors = dvae.codebook.project(dvae.features(images))  # (B, 16, 8, 8)
    return F.pixel_unshuffle(vectors, 2).flatten(2).transpose(1, 2)


def to_pictures(dvae: DVAE, grid: Tensor) -> Tensor:
    """The way back: (B, 16, 64) -> (B, 3, 32, 32) in [0, 1]."""
    vectors = F.pixel_shuffle(grid.transpose(1, 2).unflatten(2, (4, 4)), 2)
    with torch.no_grad():
        return dvae.to_pixels(dvae.decoder(vectors))


def texts_of(tokenizer: TextTokenizer, pairs: Pairs) -> Tensor:
    """The full captions of all pairs, (N, 12) int64: those of one thing have no more tokens."""
    return tokenizer.encode([pairs.caption(i, None) for i in range(len(pairs.pictures))])[:, :TEXT]


class Body(nn.Module):
    """A transformer over places: x (B, N, 64), text (B, 12) -> (B, N, 64). The words' vectors are added up."""

    def __init__(self, words: int, places: int, causal: bool):
        super().__init__()
        options = {"activation": "gelu", "batch_first": True, "norm_first": True}
        self.place = nn.Parameter(torch.randn(places, WIDTH))
        self.words = nn.EmbeddingBag(words, WIDTH, mode="sum", padding_idx=0)  # 0: pad
        nn.init.normal_(self.words.weight, std=0.4)
        layers = [nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, **options) for _ in range(LAYERS)]
        self.blocks, self.norm = nn.ModuleList(layers), nn.LayerNorm(WIDTH)
        mask = nn.Transformer.generate_square_subsequent_mask(places) if causal else None
        self.mask: Tensor | None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        n = x.shape[1]
        x = x + self.place[:n] + self.words(text)[:, None]
        for block in self.blocks:
            x = block(x, None if self.mask is None else self.mask[:n, :n])
        return self.norm(x)


class InARow(nn.Module):
    """Logits of each image token from those before it: (B, n) int64, (B, 12) -> (B, n + 1, 256), at most 64 of them."""

    def __init__(self, words: int):
        super().__init__()
        self.body = Body(words, PLACES, causal=True)
        self.code, self.out = nn.Embedding(CODES + 1, WIDTH), nn.Linear(WIDTH, CODES)

    def forward(self, tokens: Tensor, text: Tensor) -> Tensor:
        shifted = F.pad(tokens, (1, 0), value=CODES)[:, :PLACES]  # 256: the start
        return self.out(self.body(self.code(shifted), text))


class AtOnce(nn.Module):
    """A guess of the clean grid from a noisy one: (B, 16, 64), t (B,), (B, 12) -> (B, 16, 64)."""

    def __init__(self, words: int):
        super().__init__()
        self.body = Body(words, PLACES // 4, causal=False)
        self.into, self.out = nn.Linear(4 * VECTOR, WIDTH), nn.Linear(WIDTH, 4 * VECTOR)
        self.time = nn.Sequential(nn.Linear(16, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
        angles = torch.pi * t[:, None] * torch.arange(1, 9)  # (B, 8)
        when = self.time(torch.cat((angles.sin(), angles.cos()), dim=1))  # (B, 64)
        return self.out(self.body(self.into(x) + when[:, None], text))


def noised(clean: Tensor, noise: Tensor, t: float | Tensor) -> Tensor:
    """(B, N, D), t a number or (B,) -> (B, N, D): noise at t = 0, the clean grid at t = 1."""
    t = torch.as_tensor(t).reshape(-1, 1, 1)
    return t * clean + (1 - t) * noise


def one_step(x: Tensor, guess: Tensor, t: float, later: float) -> Tensor:
    """From the noisy x at t, with a guess of the clean grid, to `later`: the same noise, less of it."""
    return noised(guess, (x - t * guess) / (1 - t), later)


def draw_at_once(
    model: AtOnce,
    text: Tensor,
    noise: Tensor,
    steps: int = 16,
    guidance: float = 1.0,
    mend: Callable[[Tensor, float], Tensor] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """After each step the grid and the guess that led there, each (B, 16, 64). mend(x, t): may change the grid before
    each step and after the last."""
    x, nothing = noise, torch.zeros_like(text)
    for k in range(steps):
        t = k / steps
        x = mend(x, t) if mend else x
        with torch.no_grad():
            at = torch.full((len(x),), t)
            guess = model(x, at, text)
            if guidance:
                guess = guess + guidance * (guess - model(x, at, nothing))
        x = one_step(x, guess, t, (k + 1) / steps)
        if mend and k == steps - 1:
            x = mend(x, 1.0)
        yield x, guess


@torch.no_grad()
def draw_in_a_row(
    model: InARow,
    text: Tensor,
    seed: int,
    guidance: float = 0.0,
    given: Tensor | None = None,
    temperature: float = 1.0,
) -> Tensor:
    """Image tokens (B, 64), one after another; given: the first of them, (B, n)."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.zeros(len(text), 0, dtype=torch.long) if given is None else given
    while tokens.shape[1] < PLACES:
        logits = model(tokens, text)[:, -1]
        if guidance:
            logits = logits + guidance * (logits - model(tokens, torch.zeros_like(text))[:, -1])
        drawn = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)
        tokens = torch.cat((tokens, drawn), dim=1)
    return tokens


def optimizers_of(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for all else: lesson 10's choice."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "blocks" in name]
    rest = [p for name, p in model.named_parameters() if not (p.ndim == 2 and "blocks" in name)]
    return [
        Muon(matrices, MATRIX_RATE, weight_decay=0.0),
        torch.optim.AdamW(rest, RATE, betas=(0.9, 0.99), weight_decay=0.01),
    ]


def rate_at(step: int) -> float:
    """Of the full rate: a short rise, and a fall over the second half of the STEPS."""
    return min(1.0, (step + 1) / 30, max(0.02, 2 * (STEPS - step) / STEPS))


class Learning:
    """The optimizers of the long run, at its learning rates, as one: `step(loss)` after each batch."""

    def __init__(self, model: nn.Module):
        self.optimizers, self.steps = optimizers_of(model), 0
        self.rates = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]

    def step(self, loss: Tensor) -> None:
        """Gradients of the loss, and one move of all weights."""
        for optimizer, rate in zip(self.optimizers, self.rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * rate_at(self.steps)
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1


def trained(model: Painter, name: str) -> Painter:
    """The model with the weights of the long run (tools/lesson_runs/lesson_19.py), stored as whole numbers of 8 bits
    with a scale for each row of a matrix. name: "in_a_row" or "at_once"."""
    stored = load_file(data_dir() / "lessons" / "19" / f"{name}.safetensors")
    state = model.state_dict()
    for key, value in stored.items():
        if key.endswith((".scale", ".rows")):
            continue
        scale = stored.get(f"{key}.scale")
        value = value.float() if scale is None else value.float() * scale.float()[:, None]
        rows = stored.get(f"{key}.rows")  # of the words, those that captions have
        state[key] = value if rows is None else state[key].index_copy(0, rows.long(), value)
    model.load_state_dict(state)
    return model.eval()
