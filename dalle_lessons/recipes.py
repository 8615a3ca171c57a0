"""What each model learns from, and how: the presets of `dalle-lessons train`."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .dalle import DALLE, DALLEConfig
from .dvae import DVAE, DVAEConfig
from .sequence import drop_captions, flatten
from .text import TextTokenizer
from .training import CHECKPOINT, LossOf, Recipe, Trainer
from .worlds import BUNDLED, Pairs, load


@dataclass(frozen=True)
class DVAEPreset:
    """side: pixels of a picture. cool_by: share of the training after which the temperature stays at its last value.
    shift: pixels by which pictures are moved at random. flip, recolour: how often they are mirrored, or their colour
    channels exchanged, so that the codebook does not learn a few thousand pictures by heart."""

    config: DVAEConfig
    recipe: Recipe
    side: int = 64
    kl_weight: float = 1.0
    temperatures: tuple[float, float] = (1.0, 1 / 16)  # paper, appendix A.2
    cool_by: float = 0.75
    shift: int = 0
    flip: float = 0.0
    recolour: float = 0.0


@dataclass(frozen=True)
class DALLEPreset:
    """text_length: tokens of a caption. caption_dropout: how often a caption is left out, for guidance. bpe_dropout:
    how often a merge is skipped. The sizes of the grid and of the codebook come from the dVAE."""

    config: DALLEConfig
    recipe: Recipe
    vocab_size: int
    caption_dropout: float = 0.1
    bpe_dropout: float = 0.1  # paper, section 2.2


DVAE_PRESETS = {
    "emoji": DVAEPreset(
        DVAEConfig.emoji(),
        Recipe(steps=5000, batch=32, lr=1.5e-3, warmup=200, final=0.01, ema=0.998, weight_decay=0.0),
        kl_weight=0.1,
    ),
    "shapes": DVAEPreset(
        DVAEConfig.shapes(),
        Recipe(steps=400, batch=64, lr=4e-3, warmup=50, ema=0.99, weight_decay=0.0),
        side=32,
        kl_weight=0.25,
    ),
}
DALLE_PRESETS = {
    "emoji": DALLEPreset(
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        Recipe(steps=1900, batch=40, lr=1.5e-3, muon_lr=2e-3, warmup=100, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,  # a short training has no time for several cuts of a word
    ),
    "shapes": DALLEPreset(
        DALLEConfig(width=128, layers=4, heads=4, text_length=16),
        Recipe(steps=800, batch=64, lr=4e-3, muon_lr=4e-3, warmup=50, ema=0.99),
        vocab_size=400,
        bpe_dropout=0.0,
    ),
}


def draw_indices(weights: Tensor, count: int) -> Tensor:
    """(N,) float -> (count,) int64, with replacement, by weight, from torch's random state."""
    return torch.multinomial(weights, count, replacement=True)


def augment(images: Tensor, preset: DVAEPreset) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape: moved on white, mirrored, recoloured at random, as the preset says."""
    batch, _, height, width = images.shape
    if preset.shift:
        padded = F.pad(images, [preset.shift] * 4, value=1.0)
        moves = torch.randint(0, 2 * preset.shift + 1, (batch, 2)).tolist()
        images = torch.stack(
            [picture[:, y : y + height, x : x + width] for picture, (y, x) in zip(padded, moves, strict=True)]
        )
    mirrored = torch.rand(batch, 1, 1, 1) < preset.flip
    images = torch.where(mirrored, images.flip(-1), images)
    recoloured = torch.rand(batch, 1, 1, 1) < preset.recolour
    return torch.where(recoloured, images[:, torch.randperm(3)], images)


def dvae_loss_of(pairs: Pairs, preset: DVAEPreset) -> LossOf:
    """The dVAE's loss on a random batch; the temperature falls along a cosine (paper, appendix A.2)."""
    hot, cold = preset.temperatures
    weights = pairs.weights.sqrt()  # variants in skin tone count for more than in stage two: they are new pixels

    def loss_of(model: DVAE, rng: random.Random, done: float) -> dict[str, Tensor]:
        images = pairs.pictures[draw_indices(weights, preset.recipe.batch)].float() / 255
        if preset.shift or preset.flip or preset.recolour:
            images = augment(images, preset)
        part = min(1.0, done / preset.cool_by)
        temperature = cold + (hot - cold) * 0.5 * (1 + float(torch.cos(torch.tensor(part * torch.pi))))
        return model.loss(images.contiguous(memory_format=torch.channels_last), temperature, preset.kl_weight)

    return loss_of


def make_dvae(pairs: Pairs, preset: DVAEPreset) -> tuple[DVAE, LossOf]:
    torch.manual_seed(preset.recipe.seed)
    model = DVAE(preset.config).to(memory_format=torch.channels_last)  # the layout that processors convolve fastest
    return model, dvae_loss_of(pairs, preset)


@torch.no_grad()
def tokenise(dvae: DVAE, pictures: Tensor, batch: int = 256) -> Tensor:
    """(N, 3, H, W) uint8 -> image tokens (N, rows · cols) int64."""
    return torch.cat([flatten(dvae.encode(part.float() / 255)) for part in pictures.split(batch)])


def train_tokenizer(pairs: Pairs, preset: DALLEPreset, variations: int = 4) -> TextTokenizer:
    """Byte-pair encoding from the captions that training will see: the full one of each pair, and some varied ones."""
    rng = random.Random(preset.recipe.seed)
    captions = [pairs.caption(i, None) for i in range(len(pairs))]
    captions += [pairs.caption(i, rng) for _ in range(variations) for i in range(len(pairs))]
    return TextTokenizer.train(captions, preset.vocab_size, preset.config.text_length)


def dalle_loss_of(pairs: Pairs, image_tokens: Tensor, tokenizer: TextTokenizer, preset: DALLEPreset) -> LossOf:
    """DALL·E's loss on a random batch of pairs, with captions that vary. image_tokens: (N, rows · cols) int64."""

    def caption(index: int, rng: random.Random) -> str:
        varied = pairs.caption(index, rng)
        return varied if tokenizer.fits(varied) else pairs.caption(index, None)  # many tags may be too long

    def loss_of(model: DALLE, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = draw_indices(pairs.weights, preset.recipe.batch)
        captions = [caption(i, rng) for i in chosen.tolist()]
        text = tokenizer.encode(captions, preset.bpe_dropout if model.training else 0.0)
        return model.loss(drop_captions(text, preset.caption_dropout, tokenizer.pad_id), image_tokens[chosen])

    return loss_of


def make_dalle(pairs: Pairs, preset: DALLEPreset, dvae: DVAE) -> tuple[DALLE, TextTokenizer, LossOf]:
    """Tokenise the pictures once, learn the text vocabulary, and build the model that fits both."""
    torch.manual_seed(preset.recipe.seed)
    tokenizer = train_tokenizer(pairs, preset)
    side = pairs.pictures.shape[-1] // dvae.config.factor
    config = replace(
        preset.config,
        vocab_size=tokenizer.vocab_size,
        pad_id=tokenizer.pad_id,
        rows=side,
        cols=side,
        codes=dvae.config.codes,
    )
    image_tokens = tokenise(dvae, pairs.pictures)
    return DALLE(config), tokenizer, dalle_loss_of(pairs, image_tokens, tokenizer, preset)


def find_preset(presets: dict, data: str, name: str | None) -> tuple:
    """The preset of a name, or of the data. Raises ValueError with one sentence."""
    name = name or (data if data in BUNDLED else "emoji")
    if name not in presets:
        raise ValueError(f"There is no preset {name!r}: choose one of {', '.join(presets)}.")
    return name, presets[name]


def train_model(
    kind: str,
    data: str,
    preset_name: str | None,
    out: str | Path,
    dvae: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
    **changes,
) -> Trainer:
    """What `dalle-lessons train` does: build, train, and save the averaged weights into `out`.

    kind: "dvae" or "dalle". data: a bundled world or a folder. dvae: for "dalle", the weights that make the image
    tokens. changes: fields of the recipe to set otherwise. Raises what `Trainer.load` and `Trainer.run` raise.
    """
    out = Path(out)
    presets = {"dvae": DVAE_PRESETS, "dalle": DALLE_PRESETS}[kind]
    name, preset = find_preset(presets, data, preset_name)
    preset = replace(preset, recipe=replace(preset.recipe, **changes))
    pairs = load(data, size=DVAE_PRESETS[name].side)
    tokenizer = None
    if kind == "dvae":
        model, loss_of = make_dvae(pairs, preset)
    else:
        model, tokenizer, loss_of = make_dalle(pairs, preset, DVAE.from_pretrained(dvae or name))
    trainer = Trainer(model, loss_of, preset.recipe, out)
    if resume:
        trainer.load()
    elif (out / CHECKPOINT).exists():
        raise ValueError(f"{out} holds a training already: add --resume to go on, or name another folder.")
    average = trainer.run(minutes, progress)
    average.save_pretrained(out)
    if tokenizer is not None:
        tokenizer.save(out / "tokenizer.json")
    return trainer
