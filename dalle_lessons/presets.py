"""How each model is trained: the presets of `dalle-lessons train`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .clip import CLIPConfig
from .dalle import DALLEConfig
from .dvae import DVAEConfig
from .judge import JudgeConfig
from .training import Recipe
from .worlds import BUNDLED


@dataclass(frozen=True)
class DVAEPreset:
    """side: pixels of a picture. cool_by: share of the training after which the temperature stays at its last value.
    shift: pixels by which pictures are moved at random."""

    config: DVAEConfig
    recipe: Recipe
    side: int = 64
    kl_weight: float = 1.0
    temperatures: tuple[float, float] = (1.0, 1 / 16)  # paper, appendix A.2
    cool_by: float = 0.75
    shift: int = 0


@dataclass(frozen=True)
class DALLEPreset:
    """text_length: tokens of a caption. caption_dropout: how often a caption is left out, for guidance. bpe_dropout:
    how often a merge is skipped. The sizes of the grid and of the codebook come from the dVAE.
    copies: how many times each picture is tokenised, each time moved anew by up to `shift` pixels: the same drawing in
    other tokens. spoilt: the largest share of a picture's tokens that are shown as another picture's; see `spoil`.
    disturbed_until: share of the training after which pictures stay in their place and tokens are shown as they are,
    since a drawing should be in its place and without faults. evenness: power of the pictures' weights; below 1 skin
    tones come more often.
    """

    config: DALLEConfig
    recipe: Recipe
    vocab_size: int
    caption_dropout: float = 0.1
    bpe_dropout: float = 0.1  # paper, section 2.2
    copies: int = 0
    shift: int = 3
    disturbed_until: float = 0.75
    evenness: float = 1.0
    spoilt: float = 0.0


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
    recipe: Recipe
    reconstructed: float = 0.5
    spoilt: float = 0.0
    zoom: float = 0.0
    slant: float = 0.0
    tint: float = 0.0
    cover: float = 0.0
    kin: int = 1
    siblings: bool = False
    faulty: int = 0
    evenness: float = 1.0
    shift: int = 3
    shade: float = 0.15
    bpe_dropout: float = 0.1


@dataclass(frozen=True)
class EditPreset:
    """text_length: tokens of a caption. named: how often the caption names the thing. left_out: the (style on the top,
    style on the bottom) that is never trained, to see whether it is understood all the same. copies, shift: how many
    times the pictures are tokenised besides, moved by up to `shift` pixels, every second time mirrored too.
    spoilt: the largest share of the drawn half's tokens that are shown as another picture's; see `spoil`."""

    recipe: Recipe
    text_length: int = 32
    named: float = 0.5
    left_out: tuple[str, str] = ("flat icon", "cartoon")
    copies: int = 7
    shift: int = 3
    spoilt: float = 0.5


@dataclass(frozen=True)
class JudgePreset:
    """shift, shade: as for CLIP. blur: how often a picture is blurred a little, as a dVAE's pictures are."""

    config: JudgeConfig
    recipe: Recipe
    shift: int = 3
    shade: float = 0.15
    blur: float = 0.5


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
# For weights that know most pictures by heart already: a short warm-up, and a pull away from the heart.
GOING_ON = Recipe(lr=1e-3, muon_lr=1.5e-3, warmup=50, final=0.02, weight_decay=0.1, precision="auto")
DALLE_PRESETS = {
    "emoji": DALLEPreset(
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        Recipe(steps=1900, batch=40, lr=1.5e-3, muon_lr=2e-3, warmup=100, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,  # a short training has no time for several cuts of a word
    ),
    "emoji_long": DALLEPreset(  # goes on from the weights of "emoji" (--start), which know most pictures by heart
        DALLEConfig(width=256, layers=6, heads=8, text_length=28, dropout=0.1),
        Recipe(steps=2600, batch=64, lr=1e-3, muon_lr=1.5e-3, warmup=50, final=0.02, ema=0.995),
        vocab_size=2048,
        bpe_dropout=0.0,
    ),
    "emoji_moved": DALLEPreset(  # from "emoji_long", each picture in nine cuts: an attempt; see the card
        DALLEConfig(width=256, layers=6, heads=8, text_length=28),
        Recipe(steps=5000, batch=64, lr=1e-3, muon_lr=1.5e-3, warmup=50, final=0.02, ema=0.995, precision="auto"),
        vocab_size=2048,
        bpe_dropout=0.0,
        copies=8,
        evenness=0.6,
    ),
    "emoji_spoilt": DALLEPreset(  # from "emoji_long", with tokens that deceive, and skin tones more often
        DALLEConfig(width=256, layers=6, heads=8, text_length=28, dropout=0.1),
        replace(GOING_ON, steps=6000, batch=64),
        vocab_size=2048,
        bpe_dropout=0.0,
        evenness=0.4,
        spoilt=0.5,
    ),
    "shapes": DALLEPreset(
        DALLEConfig(width=128, layers=4, heads=4, text_length=16),
        Recipe(steps=800, batch=64, lr=4e-3, muon_lr=4e-3, warmup=50, ema=0.99),
        vocab_size=400,
        bpe_dropout=0.0,
    ),
    "shapes_long": DALLEPreset(  # goes on from the weights of "shapes", which train in class
        DALLEConfig(width=128, layers=4, heads=4, text_length=16),
        Recipe(steps=3000, batch=64, lr=2e-3, muon_lr=2e-3, warmup=50, final=0.02, ema=0.995, precision="auto"),
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
        Recipe(steps=4500, batch=256, lr=2e-3, warmup=200, ema=0.995, weight_decay=0.1, precision="auto"),
        spoilt=0.35,
        zoom=0.15,
        shade=0.25,
        kin=8,
    ),
    "shapes": CLIPPreset(
        CLIPConfig.shapes(),
        Recipe(steps=600, batch=128, lr=2e-3, warmup=50, ema=0.99),
        shift=0,
        shade=0.05,
        bpe_dropout=0.0,
    ),
}
# Goes on from the weights of "emoji" (--start): shades that vary less and more skin tones, so that a tone tells; things
# beside themselves in another style, so that a style does; and no picture twice alike.
CLIP_PRESETS["emoji_siblings"] = replace(
    CLIP_PRESETS["emoji"],
    recipe=replace(CLIP_PRESETS["emoji"].recipe, steps=1000, lr=1e-3, warmup=50, final=0.02),
    shade=0.08,
    slant=0.12,
    tint=0.15,
    cover=0.5,
    siblings=True,
    evenness=0.4,
)
# Goes on from "emoji_siblings": a drawing with faults is a wrong answer, and true pictures are shown with hardly any.
CLIP_PRESETS["emoji_faulty"] = replace(
    CLIP_PRESETS["emoji_siblings"],
    recipe=replace(CLIP_PRESETS["emoji_siblings"].recipe, steps=300),
    reconstructed=0.8,
    spoilt=0.15,
    cover=0.25,
    faulty=3072,
)
JUDGE_PRESETS = {
    "emoji": JudgePreset(JudgeConfig(), Recipe(steps=2400, batch=96, lr=2e-3, warmup=200, ema=0.995, weight_decay=0.05))
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
