"""How each model is trained: the presets of `dalle-lessons train`."""

from __future__ import annotations

from dataclasses import replace

from ..datasets import BUNDLED
from ..datasets.emoji import ALL_STYLES
from ..model.clip import CLIPConfig
from ..model.dalle import DALLEConfig
from ..model.dvae import DVAEConfig
from ..model.judge import JudgeConfig
from .preset_types import CLIPPreset, DALLEPreset, DVAEPreset, EditPreset, JudgePreset
from .train_config import TrainConfig

DVAE_PRESETS = {
    "emoji": DVAEPreset(
        DVAEConfig.emoji(),
        TrainConfig(steps=5000, batch=32, lr=1.5e-3, warmup=200, min_lr_ratio=0.01, ema=0.998, weight_decay=0.0),
        kl_weight=0.1,
    ),
    "emoji_fine": DVAEPreset(  # 16x16 tokens of 4x4 pixels
        DVAEConfig.emoji_fine(),
        TrainConfig(
            steps=4500, batch=16, lr=2e-3, muon_lr=4e-3, warmup=60, min_lr_ratio=0.02, ema=0.995, weight_decay=0.0
        ),
        kl_weight=0.1,
        shift=3,
        styles=ALL_STYLES,
    ),
    "emoji_fine_decoder": DVAEPreset(  # goes on from "emoji_fine" (--start), whose tokens stay
        DVAEConfig.emoji_fine(),
        TrainConfig(
            steps=6000, batch=16, lr=1e-3, muon_lr=2e-3, warmup=60, min_lr_ratio=0.02, ema=0.998, weight_decay=0.0
        ),
        shift=3,
        frozen_tokens=True,
        max_token_noise=0.04,
        styles=ALL_STYLES,
    ),
    "shapes": DVAEPreset(
        DVAEConfig.shapes(),
        TrainConfig(steps=400, batch=64, lr=4e-3, warmup=50, ema=0.99, weight_decay=0.0),
        side=32,
        kl_weight=0.25,
    ),
}
# For weights that have memorized most pictures already: a short warm-up, and a weight decay that pulls away from that.
GOING_ON = TrainConfig(lr=1e-3, muon_lr=1.5e-3, warmup=50, min_lr_ratio=0.02, weight_decay=0.1, precision="auto")
# A steady rate, so that a training can be stopped whenever there is no more time, and be brought to rest by another.
# Ten times the usual weight decay: few pictures are seen many times (Kim et al. 2025, arXiv 2509.14786).
FINE = TrainConfig(
    steps=7500, batch=32, lr=1.5e-3, muon_lr=2e-3, warmup=100, min_lr_ratio=1.0, ema=0.998, weight_decay=0.1
)
DALLE_PRESETS = {
    "emoji": DALLEPreset(
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        TrainConfig(steps=1900, batch=40, lr=1.5e-3, muon_lr=2e-3, warmup=100, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,  # a short training has no time to meet a word in several pieces
    ),
    "emoji_long": DALLEPreset(  # goes on from the weights of "emoji" (--start), which have memorized most pictures
        DALLEConfig(width=256, layers=6, heads=8, text_length=28, dropout=0.1),
        TrainConfig(steps=2600, batch=64, lr=1e-3, muon_lr=1.5e-3, warmup=50, min_lr_ratio=0.02, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,
    ),
    "emoji_views": DALLEPreset(  # from "emoji_long", each picture in nine views: an attempt; see the card
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        TrainConfig(
            steps=5000, batch=64, lr=1e-3, muon_lr=1.5e-3, warmup=50, min_lr_ratio=0.02, ema=0.995, precision="auto"
        ),
        vocab_size=2048,
        bpe_dropout=0.0,
        num_views=8,
        sampling_exponent=0.6,
    ),
    "emoji_token_noise": DALLEPreset(  # from "emoji_long", with wrong tokens shown, and skin tones more often
        DALLEConfig(width=256, layers=6, heads=8, text_length=28, dropout=0.1),
        replace(GOING_ON, steps=6000, batch=64),
        vocab_size=2048,
        bpe_dropout=0.0,
        sampling_exponent=0.4,
        max_token_noise=0.5,
    ),
    "emoji_fine": DALLEPreset(  # on 16x16 tokens, at a steady learning rate, for as long as there is time
        DALLEConfig(width=256, layers=6, heads=4, text_length=28),
        FINE,
        vocab_size=2048,
        bpe_dropout=0.0,
        augment_until=1.0,
        sampling_exponent=0.6,
        max_token_noise=0.3,
        mirrored=0.25,
        styles=ALL_STYLES,
    ),
    "emoji_fine_clean": DALLEPreset(  # the last quarter, from "emoji_fine" (--start): no noise, nothing mirrored
        DALLEConfig(width=256, layers=6, heads=4, text_length=28),
        replace(FINE, steps=2500, warmup=20, min_lr_ratio=0.02),
        vocab_size=2048,
        bpe_dropout=0.0,
        sampling_exponent=0.6,
        styles=ALL_STYLES,
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
# Goes on from the weights of "emoji" (--start). Colors vary less and skin tones come more often, so that a skin tone
# tells; the same thing comes in two styles in one batch, so that a style tells; and no picture is twice the same.
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
# Goes on from "emoji_style_pairs": a drawing with faults is a wrong answer, and true pictures are shown with few.
CLIP_PRESETS["emoji_negatives"] = replace(
    CLIP_PRESETS["emoji_style_pairs"],
    train_config=replace(CLIP_PRESETS["emoji_style_pairs"].train_config, steps=300),
    reconstructed=0.8,
    max_token_noise=0.15,
    erasing=0.25,
    generated_negatives=3072,
)
# The same for all six styles.
CLIP_PRESETS |= {
    name.replace("emoji", "emoji_fine"): replace(preset, styles=ALL_STYLES)
    for name, preset in CLIP_PRESETS.items()
    if name.startswith("emoji")
}
JUDGE_PRESETS = {
    "emoji": JudgePreset(
        JudgeConfig(), TrainConfig(steps=2400, batch=96, lr=2e-3, warmup=200, ema=0.995, weight_decay=0.05)
    )
}
EDIT_PRESETS = {  # goes on from the weights of DALL·E (--start)
    "emoji": EditPreset(replace(GOING_ON, steps=8500, batch=32))
}
JUDGE_PRESETS["emoji_fine"] = replace(
    JUDGE_PRESETS["emoji"], config=JudgeConfig(styles=len(ALL_STYLES)), styles=ALL_STYLES
)
EDIT_PRESETS["emoji_fine"] = replace(EDIT_PRESETS["emoji"], styles=ALL_STYLES)
PRESETS = {
    "dvae": DVAE_PRESETS,
    "dalle": DALLE_PRESETS,
    "clip": CLIP_PRESETS,
    "judge": JUDGE_PRESETS,
    "edit": EDIT_PRESETS,
}


def find_preset(presets: dict, data: str, name: str | None) -> tuple:
    """(the world whose sizes it takes, the preset) of a name such as "emoji" or "emoji_long", or else of the data.

    Raises ValueError with one sentence for a name that does not exist, and for a preset of another bundled world.
    """
    name = name or (data if data in BUNDLED else "emoji")
    if name not in presets:
        raise ValueError(f"There is no preset {name!r}: choose one of {', '.join(presets)}.")
    world = name.split("_")[0]
    if data in BUNDLED and world != data:
        fitting = [other for other in presets if other.split("_")[0] == data]
        raise ValueError(
            f"The preset {name!r} is for {world}, not for {data}: "
            + (f"choose one of {', '.join(fitting)}." if fitting else f"train with --data {world}.")
        )
    return world, presets[name]
