"""What each model learns from, and how: the presets of `dalle-lessons train`."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .clip import CLIP, CLIPConfig
from .dalle import DALLE, DALLEConfig
from .dvae import DVAE, DVAEConfig
from .editing import bottom_nats, edit_caption, taller
from .judge import Judge, JudgeConfig, truth_of
from .pretrained import weights_dir
from .sequence import drop_captions, flatten, unflatten
from .text import TextTokenizer
from .training import CHECKPOINT, LossOf, Recipe, Trainer
from .worlds import BUNDLED, Pairs, load
from .worlds.emoji import emoji, partners, with_article


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
    zoom: how far their size does. kin: so many of a batch are of one subgroup of emoji: to tell things apart that are
    alike must be learned from what is alike. evenness: as for DALL·E."""

    config: CLIPConfig
    recipe: Recipe
    reconstructed: float = 0.5
    spoilt: float = 0.0
    zoom: float = 0.0
    kin: int = 1
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
# Goes on from the weights of "emoji" (--start): shades that vary less and more skin tones, so that a tone tells.
CLIP_PRESETS["emoji_tones"] = replace(
    CLIP_PRESETS["emoji"],
    recipe=replace(CLIP_PRESETS["emoji"].recipe, steps=1400, lr=1e-3, warmup=50, final=0.02),
    shade=0.08,
    evenness=0.4,
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


def draw_indices(weights: Tensor, count: int) -> Tensor:
    """(N,) float -> (count,) int64, with replacement, by weight, from torch's random state."""
    return torch.multinomial(weights, count, replacement=True)


def move(images: Tensor, shift: int) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape, each picture moved on white by up to `shift` pixels each way."""
    if not shift:
        return images
    height, width = images.shape[2:]
    padded = F.pad(images, [shift] * 4, value=1.0)
    moves = torch.randint(0, 2 * shift + 1, (len(images), 2)).tolist()
    return torch.stack(
        [picture[:, y : y + height, x : x + width] for picture, (y, x) in zip(padded, moves, strict=True)]
    )


def vary(images: Tensor, shift: int, shade: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same: moved, and each with a brightness and contrast of its own."""
    contrast = 1 + shade * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    brightness = shade * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    return ((move(images, shift) - 0.5) * contrast + 0.5 + brightness / 2).clamp(0, 1)


def dvae_loss_of(pairs: Pairs, preset: DVAEPreset) -> LossOf:
    """The dVAE's loss on a random batch; the temperature falls along a cosine (paper, appendix A.2)."""
    hot, cold = preset.temperatures
    weights = pairs.weights.sqrt()  # variants in skin tone count for more than in stage two: they are new pixels

    def loss_of(model: DVAE, rng: random.Random, done: float) -> dict[str, Tensor]:
        images = move(pairs.pictures[draw_indices(weights, preset.recipe.batch)].float() / 255, preset.shift)
        part = min(1.0, done / preset.cool_by)
        temperature = cold + (hot - cold) * 0.5 * (1 + float(torch.cos(torch.tensor(part * torch.pi))))
        return model.loss(images.contiguous(memory_format=torch.channels_last), temperature, preset.kl_weight)

    return loss_of


def make_dvae(pairs: Pairs, preset: DVAEPreset) -> tuple[DVAE, LossOf]:
    torch.manual_seed(preset.recipe.seed)
    model = DVAE(preset.config).to(memory_format=torch.channels_last)  # the layout that processors convolve fastest
    return model, dvae_loss_of(pairs, preset)


@torch.no_grad()
def tokenise(dvae: DVAE, pictures: Tensor, batch: int = 64) -> Tensor:
    """(N, 3, H, W) uint8 -> image tokens (N, rows · cols) int64."""
    return torch.cat([flatten(dvae.encode(part.float() / 255)) for part in pictures.split(batch)])


def train_tokenizer(pairs: Pairs, preset: DALLEPreset, variations: int = 4) -> TextTokenizer:
    """Byte-pair encoding from the captions that training will see: the full one of each pair, and some varied ones."""
    rng = random.Random(preset.recipe.seed)
    captions = [pairs.caption(i, None) for i in range(len(pairs))]
    captions += [pairs.caption(i, rng) for _ in range(variations) for i in range(len(pairs))]
    return TextTokenizer.train(captions, preset.vocab_size, preset.config.text_length)


def moved_tokens(dvae: DVAE, pictures: Tensor, copies: int, shift: int) -> Tensor:
    """(N, 3, H, W) uint8 -> image tokens (1 + copies, N, rows · cols) int64: first in place, then moved at random."""
    cuts = [tokenise(dvae, pictures)]
    for _ in range(copies):
        parts = [move(part.float() / 255, shift).mul(255).round().byte() for part in pictures.split(256)]
        cuts.append(tokenise(dvae, torch.cat(parts)))
    return torch.stack(cuts)


def spoil(tokens: Tensor, others: Tensor, share: float) -> Tensor:
    """(B, N) int64, twice -> (B, N): of each row a random part, from none up to `share`, is replaced by the others'.

    Shown such tokens, the model cannot recognise a training picture by its first lines and go on by heart: it must
    keep to the caption, or in editing to the given half.
    """
    return torch.where(torch.rand(tokens.shape) < share * torch.rand(len(tokens), 1), others, tokens)


def dalle_loss_of(pairs: Pairs, cuts: Tensor, tokenizer: TextTokenizer, preset: DALLEPreset) -> LossOf:
    """DALL·E's loss on a random batch of pairs, with captions that vary. cuts: as from `moved_tokens`."""
    weights = pairs.weights**preset.evenness

    def loss_of(model: DALLE, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = draw_indices(weights, preset.recipe.batch)
        disturbed = done < preset.disturbed_until
        which = torch.zeros_like(chosen)
        if len(cuts) > 1 and disturbed:  # without copies nothing is drawn: other presets repeat as before
            which = torch.randint(0, len(cuts), chosen.shape)
        text = tokenizer.encode(captions_of(pairs, chosen, tokenizer, rng), preset.bpe_dropout if model.training else 0)
        tokens = cuts[which, chosen]  # (B, N)
        fed = spoil(tokens, tokens.roll(1, 0), preset.spoilt) if preset.spoilt and disturbed else None
        return model.loss(drop_captions(text, preset.caption_dropout, tokenizer.pad_id), tokens, fed)

    return loss_of


def captions_of(pairs: Pairs, chosen: Tensor, tokenizer: TextTokenizer, rng: random.Random) -> list[str]:
    """A varied caption for each of the chosen pictures; the plain one where the varied one has too many tokens."""
    varied = [pairs.caption(i, rng) for i in chosen.tolist()]
    return [v if tokenizer.fits(v) else pairs.caption(i, None) for v, i in zip(varied, chosen.tolist(), strict=True)]


def make_dalle(
    pairs: Pairs, preset: DALLEPreset, dvae: DVAE, tokenizer: TextTokenizer | None = None
) -> tuple[DALLE, TextTokenizer, LossOf]:
    """Tokenise the pictures once, learn the text vocabulary (if none is given), and build the model that fits both."""
    torch.manual_seed(preset.recipe.seed)
    tokenizer = tokenizer or train_tokenizer(pairs, preset)
    side = pairs.pictures.shape[-1] // dvae.config.factor
    config = replace(
        preset.config,
        vocab_size=tokenizer.vocab_size,
        pad_id=tokenizer.pad_id,
        rows=side,
        cols=side,
        codes=dvae.config.codes,
    )
    cuts = moved_tokens(dvae, pairs.pictures, preset.copies, preset.shift)
    return DALLE(config), tokenizer, dalle_loss_of(pairs, cuts, tokenizer, preset)


def draw_kin(weights: Tensor, groups: Tensor, count: int, kin: int) -> Tensor:
    """(N,) float, (N,) int64 -> (count,) int64: `kin` of each group that is drawn, by weight, with replacement."""
    first = groups[draw_indices(weights, count // kin)]  # (count / kin,)
    return torch.multinomial(weights * (groups == first[:, None]), kin, replacement=True).flatten()


def resize(images: Tensor, zoom: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape, each picture up to `zoom` larger or smaller, on white."""
    if not zoom:
        return images
    scale = 1 + zoom * (2 * torch.rand(len(images), 1, 1) - 1)
    grid = F.affine_grid(torch.eye(2, 3) * scale, list(images.shape), align_corners=False)  # (B, H, W, 2)
    return 1 - F.grid_sample(1 - images, grid, align_corners=False)  # beyond the edge is 0: white, turned round


def make_clip(pairs: Pairs, preset: CLIPPreset, dvae: DVAE, tokenizer: TextTokenizer) -> tuple[CLIP, LossOf]:
    """CLIP over the tokeniser of the DALL·E whose drawings it will rank; the dVAE makes the reconstructions."""
    torch.manual_seed(preset.recipe.seed)
    sizes = {"vocab_size": tokenizer.vocab_size, "text_length": tokenizer.length, "pad_id": tokenizer.pad_id}
    config = replace(preset.config, side=pairs.pictures.shape[-1], **sizes)
    model = CLIP(config, tokenizer).to(memory_format=torch.channels_last)
    tokens = tokenise(dvae, pairs.pictures)  # (N, rows · cols)
    weights = pairs.weights**preset.evenness
    rows = pairs.pictures.shape[-1] // dvae.config.factor
    _, picture_of = torch.unique(pairs.pictures.flatten(1), dim=0, return_inverse=True)  # (N,): which are the same
    kin = preset.kin if preset.kin > 1 and "subgroup" in pairs.rows[0] else 1
    names = [row["subgroup"] for row in pairs.rows] if kin > 1 else []
    groups = torch.tensor([sorted(set(names)).index(name) for name in names])

    @torch.no_grad()
    def decoded(chosen: Tensor) -> Tensor:
        """(n,) -> reconstructions (n, 3, H, W) in [0, 1], with some tokens of each from elsewhere."""
        others = tokens[draw_indices(weights, len(chosen))]
        return dvae.decode(unflatten(spoil(tokens[chosen], others, preset.spoilt), rows, rows)).float()

    def loss_of(model: CLIP, rng: random.Random, done: float) -> dict[str, Tensor]:
        batch = preset.recipe.batch
        chosen = draw_kin(weights, groups, batch, kin) if kin > 1 else draw_indices(weights, batch)
        images = pairs.pictures[chosen].float() / 255
        replaced = torch.rand(batch) < preset.reconstructed
        if replaced.any():
            images[replaced] = decoded(chosen[replaced])
        images = vary(resize(images, preset.zoom), preset.shift, preset.shade)
        text = tokenizer.encode(captions_of(pairs, chosen, tokenizer, rng), preset.bpe_dropout if model.training else 0)
        same = (picture_of[chosen][:, None] == picture_of[chosen]).fill_diagonal_(False)
        return model.loss(images.contiguous(memory_format=torch.channels_last), text, same)

    return model, loss_of


def alike_tokens(dvae: DVAE, pictures: Tensor, copies: int, shift: int) -> Tensor:
    """As `moved_tokens`, but within a copy all pictures are moved alike, and in every second one mirrored too: what
    stands above and below stays the exact same. -> (1 + copies, N, rows · cols) int64."""
    cuts = [tokenise(dvae, pictures)]
    height, width = pictures.shape[2:]
    for copy in range(copies):
        y, x = torch.randint(0, 2 * shift + 1, (2,)).tolist()
        moved = F.pad(pictures, [shift] * 4, value=255)[:, :, y : y + height, x : x + width]
        cuts.append(tokenise(dvae, moved.flip(3) if copy % 2 else moved))
    return torch.stack(cuts)


def make_edit(
    pairs: Pairs, preset: EditPreset, dvae: DVAE, start: DALLE, tokenizer: TextTokenizer
) -> tuple[DALLE, LossOf]:
    """The edit model on the emoji world, grown from the weights of a DALL·E. -> (DALLE, its loss).

    tokenizer: that DALL·E's, with the preset's text_length. The loss is that of the drawn half alone: caption and given
    picture are never asked for. (The paper trained nothing here; with 1/8 and 7/8 of the whole sequence, most of what
    is learned would be the half that is given.)
    """
    torch.manual_seed(preset.recipe.seed)
    couples, weights = partners(pairs)
    styles = [row["style"] for row in pairs.rows]
    trained = torch.tensor([(styles[a], styles[b]) != preset.left_out for a, b in couples.tolist()])
    couples, weights = couples[trained], weights[trained]
    cuts = alike_tokens(dvae, pairs.pictures, preset.copies, preset.shift)

    def caption(index: int, rng: random.Random) -> str:
        style, name = with_article(styles[index]), pairs.rows[index]["name"].lower()
        named = edit_caption(style, name)
        return named if rng.random() < preset.named and tokenizer.fits(named) else edit_caption(style)

    def loss_of(model: DALLE, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = couples[draw_indices(weights, preset.recipe.batch)]
        cut = torch.randint(0, len(cuts), (len(chosen),))
        top, bottom = cuts[cut, chosen[:, 0]], cuts[cut, chosen[:, 1]]  # (B, n) each
        text = tokenizer.encode([caption(i, rng) for i in chosen[:, 1].tolist()])
        tokens, fed = (
            torch.cat((top, lower), dim=1) for lower in (bottom, spoil(bottom, bottom.roll(1, 0), preset.spoilt))
        )  # (B, 2n) each
        nats, right = bottom_nats(model, text, tokens, fed)
        return {"total": nats.mean(), "right": right.float().mean()}

    return taller(start, preset.text_length), loss_of


def make_judge(pairs: Pairs, preset: JudgePreset) -> tuple[Judge, LossOf]:
    """The judge, on the emoji world alone; all styles and tones count alike."""
    torch.manual_seed(preset.recipe.seed)
    model = Judge(preset.config).to(memory_format=torch.channels_last)
    truth, weights = truth_of(pairs.rows), pairs.weights.sqrt()

    def loss_of(model: Judge, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = draw_indices(weights, preset.recipe.batch)
        images = vary(pairs.pictures[chosen].float() / 255, preset.shift, preset.shade)
        blurred = F.avg_pool2d(F.pad(images, [1] * 4, value=1.0), 3, 1)
        images = torch.where(torch.rand(len(images), 1, 1, 1) < preset.blur, blurred.lerp(images, 0.3), images)
        return model.loss(images.contiguous(memory_format=torch.channels_last), truth[chosen])

    return model, loss_of


def find_preset(presets: dict, data: str, name: str | None) -> tuple:
    """(the world whose sizes it takes, the preset) of a name such as "emoji" or "emoji_long", or else of the data.

    Raises ValueError with one sentence.
    """
    name = name or (data if data in BUNDLED else "emoji")
    if name not in presets:
        raise ValueError(f"There is no preset {name!r}: choose one of {', '.join(presets)}.")
    return name.split("_")[0], presets[name]


def train_model(
    kind: str,
    data: str,
    preset_name: str | None,
    out: str | Path,
    dvae: str | None = None,
    start: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
    **changes,
) -> Trainer:
    """What `dalle-lessons train` does: build, train, and save the averaged weights into `out`.

    kind: "dvae", "dalle", "clip", "edit" or "judge". data: a bundled world or a folder. dvae: weights that make the
    image tokens (dalle, edit) or the reconstructions (clip). start: weights from which to start instead of random ones;
    dalle and clip take its tokeniser too, and edit always starts from a DALL·E ("emoji", if none is named). changes:
    fields of the recipe to set otherwise.
    Raises what `Trainer.load` and `Trainer.run` raise, and ValueError where `start` is another model.
    """
    out = Path(out)
    world, preset = find_preset(PRESETS[kind], data, preset_name)
    preset = replace(preset, recipe=replace(preset.recipe, **changes))
    if kind == "judge" and data != "emoji":
        raise ValueError("The judge names emoji: it can be trained on the emoji world alone.")
    if kind == "edit" and data != "emoji":
        raise ValueError("Editing needs one thing in several styles: it can be trained on the emoji world alone.")
    pairs = emoji(None) if kind == "judge" else load(data, size=DVAE_PRESETS[world].side)
    tokenizer = None
    if kind == "dvae":
        model, loss_of = make_dvae(pairs, preset)
    elif kind == "judge":
        model, loss_of = make_judge(pairs, preset)
    elif kind == "edit":
        first = DALLE.from_pretrained(start or world)
        tokenizer = TextTokenizer.from_file(weights_dir(start or world, "dalle") / "tokenizer.json", preset.text_length)
        model, loss_of = make_edit(pairs, preset, DVAE.from_pretrained(dvae or world), first, tokenizer)
    else:
        images = DVAE.from_pretrained(dvae or world)
        text_length = DALLE_PRESETS[world].config.text_length
        if start is not None:
            tokenizer = TextTokenizer.from_file(weights_dir(start, kind) / "tokenizer.json", text_length)
        if kind == "dalle":
            model, tokenizer, loss_of = make_dalle(pairs, preset, images, tokenizer)
        else:
            tokenizer = tokenizer or train_tokenizer(pairs, DALLE_PRESETS[world])
            model, loss_of = make_clip(pairs, preset, images, tokenizer)
    if start is not None and kind != "edit":
        try:
            model.load_state_dict(type(model).from_pretrained(start).state_dict())
        except RuntimeError:
            raise ValueError(f"The weights in {start!r} are of another size than the model of this preset.") from None
    trainer = Trainer(model, loss_of, preset.recipe, out)
    if resume:
        trainer.load()
    elif (out / CHECKPOINT).exists():
        raise ValueError(f"{out} holds a training already: add --resume to go on, or name another folder.")
    average = trainer.run(minutes, progress)
    average.save_pretrained(out)
    if kind in ("dalle", "edit"):
        tokenizer.save(out / "tokenizer.json")
    return trainer
