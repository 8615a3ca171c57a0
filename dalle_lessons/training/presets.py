"""How each model is trained: the presets of `dalle-lessons train`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..datasets import BUNDLED
from ..model.clip import CLIPConfig
from ..model.dalle import DALLEConfig
from ..model.dvae import DVAEConfig
from ..model.judge import JudgeConfig
from .trainer import TrainConfig


@dataclass(frozen=True)
class DVAEPreset:
    """side: pixels of a picture. cool_by: share of the training after which the temperature stays at its last value.
    shift: pixels by which pictures are moved at random."""

    config: DVAEConfig
    train_config: TrainConfig
    side: int = 64
    kl_weight: float = 1.0
    temperatures: tuple[float, float] = (1.0, 1 / 16)  # paper, appendix A.2
    anneal_fraction: float = 0.75
    shift: int = 0


@dataclass(frozen=True)
class DALLEPreset:
    """text_length: tokens of a caption. caption_dropout: how often a caption is left out, for guidance. bpe_dropout:
    how often a merge is skipped. The sizes of the grid and of the codebook come from the dVAE.
    copies: how many times each picture is tokenized, each time moved anew by up to `shift` pixels: the same drawing in
    other tokens. spoilt: the largest share of a picture's tokens that are shown as another picture's; see `corrupt_tokens`.
    disturbed_until: share of the training after which pictures stay in their place and tokens are shown as they are,
    since a drawing should be in its place and without faults. evenness: power of the pictures' weights; below 1 skin
    tones come more often.
    """

    config: DALLEConfig
    train_config: TrainConfig
    vocab_size: int
    caption_dropout: float = 0.1
    bpe_dropout: float = 0.1  # paper, section 2.2
    num_views: int = 0
    shift: int = 3
    augment_until: float = 0.75
    sampling_exponent: float = 1.0
    max_token_noise: float = 0.0


@dataclass(frozen=True)
class CLIPPreset:
    """reconstructed: how often a picture is replaced by its reconstruction, since the dVAE's pictures are what will be
    ranked. spoilt: the largest share of a reconstruction's tokens that are replaced by other pictures', since drawings
    have faults. shift: pixels by which pictures are moved at random. shade: how far their brightness and contrast vary.
    zoom: how far their size does. slant, tint, cover: see `augment`. kin: so many of a batch are of one subgroup of
    emoji: to tell things apart that are alike must be learned from what is alike. siblings: half of these are the other
    half's things in other styles. evenness: as for DALL·E. faulty: for so many training captions DALL·E draws once, too
    hot; no caption should be found in such a drawing, or the ranking would not mind faults."""

    config: CLIPConfig
    train_config: TrainConfig
    reconstructed: float = 0.5
    max_token_noise: float = 0.0
    scale_jitter: float = 0.0
    affine_jitter: float = 0.0
    channel_mix: float = 0.0
    erasing: float = 0.0
    negatives_per_group: int = 1
    pair_styles: bool = False
    faulty: int = 0
    sampling_exponent: float = 1.0
    shift: int = 3
    color_jitter: float = 0.15
    bpe_dropout: float = 0.1


@dataclass(frozen=True)
class EditPreset:
    """text_length: tokens of a caption. named: how often the caption names the thing. left_out: the (style on the top,
    style on the bottom) that is never trained, to see whether it is understood all the same. copies, shift: how many
    times the pictures are tokenized besides, moved by up to `shift` pixels, every second time mirrored too.
    spoilt: the largest share of the drawn half's tokens that are shown as another picture's; see `corrupt_tokens`."""

    train_config: TrainConfig
    text_length: int = 32
    named: float = 0.5
    left_out: tuple[str, str] = ("flat icon", "cartoon")
    num_views: int = 7
    shift: int = 3
    max_token_noise: float = 0.5


@dataclass(frozen=True)
class JudgePreset:
    """shift, shade: as for CLIP. blur: how often a picture is blurred a little, as a dVAE's pictures are."""

    config: JudgeConfig
    train_config: TrainConfig
    shift: int = 3
    color_jitter: float = 0.15
    blur: float = 0.5


DVAE_PRESETS = {
    "emoji": DVAEPreset(
        DVAEConfig.emoji(),
        TrainConfig(steps=5000, batch=32, lr=1.5e-3, warmup=200, min_lr_ratio=0.01, ema=0.998, weight_decay=0.0),
        kl_weight=0.1,
    ),
    "shapes": DVAEPreset(
        DVAEConfig.shapes(),
        TrainConfig(steps=400, batch=64, lr=4e-3, warmup=50, ema=0.99, weight_decay=0.0),
        side=32,
        kl_weight=0.25,
    ),
}
# For weights that know most pictures by heart already: a short warm-up, and a pull away from the heart.
GOING_ON = TrainConfig(lr=1e-3, muon_lr=1.5e-3, warmup=50, min_lr_ratio=0.02, weight_decay=0.1, precision="auto")
DALLE_PRESETS = {
    "emoji": DALLEPreset(
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        TrainConfig(steps=1900, batch=40, lr=1.5e-3, muon_lr=2e-3, warmup=100, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,  # a short training has no time for several cuts of a word
    ),
    "emoji_long": DALLEPreset(  # goes on from the weights of "emoji" (--start), which know most pictures by heart
        DALLEConfig(width=256, layers=6, heads=8, text_length=28, dropout=0.1),
        TrainConfig(steps=2600, batch=64, lr=1e-3, muon_lr=1.5e-3, warmup=50, min_lr_ratio=0.02, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,
    ),
    "emoji_views": DALLEPreset(  # from "emoji_long", each picture in nine cuts: an attempt; see the card
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        TrainConfig(
            steps=5000, batch=64, lr=1e-3, muon_lr=1.5e-3, warmup=50, min_lr_ratio=0.02, ema=0.995, precision="auto"
        ),
        vocab_size=2048,
        bpe_dropout=0.0,
        num_views=8,
        sampling_exponent=0.6,
    ),
    "emoji_token_noise": DALLEPreset(  # from "emoji_long", with tokens that deceive, and skin tones more often
        DALLEConfig(width=256, layers=6, heads=8, text_length=28, dropout=0.1),
        replace(GOING_ON, steps=6000, batch=64),
        vocab_size=2048,
        bpe_dropout=0.0,
        sampling_exponent=0.4,
        max_token_noise=0.5,
    ),
    "shapes": DALLEPreset(
        DALLEConfig(width=128, layers=4, heads=4, text_length=16),
        TrainConfig(steps=800, batch=64, lr=4e-3, muon_lr=4e-3, warmup=50, ema=0.99),
        vocab_size=400,
        bpe_dropout=0.0,
    ),
    "shapes_long": DALLEPreset(  # goes on from the weights of "shapes", which train in class
        DALLEConfig(width=128, layers=4, heads=4, text_length=16),
        TrainConfig(
            steps=3000, batch=64, lr=2e-3, muon_lr=2e-3, warmup=50, min_lr_ratio=0.02, ema=0.995, precision="auto"
        ),
        vocab_size=400,
        bpe_dropout=0.0,
    ),
}
DALLE_PRESETS |= {  # "shapes" in smaller sizes, to see what size buys: lesson 16
    f"shapes_{width}": replace(
        DALLE_PRESETS["shapes"],
        config=replace(DALLE_PRESETS["shapes"].config, width=width, layers=layers, heads=heads),
    )
    for width, layers, heads in ((16, 1, 1), (32, 2, 1), (64, 3, 2))
}


CLIP_PRESETS = {
    "emoji": CLIPPreset(
        CLIPConfig(dropout=0.1),
        TrainConfig(steps=4500, batch=256, lr=2e-3, warmup=200, ema=0.995, weight_decay=0.1, precision="auto"),
        max_token_noise=0.35,
        scale_jitter=0.15,
        color_jitter=0.25,
        negatives_per_group=8,
    ),
    "shapes": CLIPPreset(
        CLIPConfig.shapes(),
        TrainConfig(steps=600, batch=128, lr=2e-3, warmup=50, ema=0.99),
        shift=0,
        color_jitter=0.05,
        bpe_dropout=0.0,
    ),
}
# Goes on from the weights of "emoji" (--start): shades that vary less and more skin tones, so that a tone tells; things
# beside themselves in another style, so that a style does; and no picture twice alike.
CLIP_PRESETS["emoji_style_pairs"] = replace(
    CLIP_PRESETS["emoji"],
    train_config=replace(CLIP_PRESETS["emoji"].train_config, steps=1000, lr=1e-3, warmup=50, min_lr_ratio=0.02),
    color_jitter=0.08,
    affine_jitter=0.12,
    channel_mix=0.15,
    erasing=0.5,
    pair_styles=True,
    sampling_exponent=0.4,
)
# Goes on from "emoji_style_pairs": a drawing with faults is a wrong answer, and true pictures are shown with hardly any.
CLIP_PRESETS["emoji_negatives"] = replace(
    CLIP_PRESETS["emoji_style_pairs"],
    train_config=replace(CLIP_PRESETS["emoji_style_pairs"].train_config, steps=300),
    reconstructed=0.8,
    max_token_noise=0.15,
    erasing=0.25,
    faulty=3072,
)
JUDGE_PRESETS = {
    "emoji": JudgePreset(
        JudgeConfig(), TrainConfig(steps=2400, batch=96, lr=2e-3, warmup=200, ema=0.995, weight_decay=0.05)
    )
}
EDIT_PRESETS = {  # goes on from the weights of DALL·E (--start)
    "emoji": EditPreset(replace(GOING_ON, steps=8500, batch=32))
}
PRESETS = {
    "dvae": DVAE_PRESETS,
    "dalle": DALLE_PRESETS,
    "clip": CLIP_PRESETS,
    "judge": JUDGE_PRESETS,
    "edit": EDIT_PRESETS,
}


def find_preset(presets: dict, data: str, name: str | None) -> tuple:
    """(the world whose sizes it takes, the preset) of a name such as "emoji" or "emoji_long", or else of the data.

    Raises ValueError with one sentence.
    """
    name = name or (data if data in BUNDLED else "emoji")
    if name not in presets:
        raise ValueError(f"There is no preset {name!r}: choose one of {', '.join(presets)}.")
    return name.split("_")[0], presets[name]
