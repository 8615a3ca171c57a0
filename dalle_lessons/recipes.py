"""What each model learns from: batches, losses and the whole training, as `dalle-lessons train` runs it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .augment import cover, draw_indices, draw_kin, draw_siblings, move, resize, spoil, tint, vary
from .clip import CLIP
from .dalle import DALLE
from .dvae import DVAE
from .editing import bottom_nats, edit_caption, taller
from .judge import Judge, truth_of
from .presets import (
    DALLE_PRESETS,
    DVAE_PRESETS,
    PRESETS,
    CLIPPreset,
    DALLEPreset,
    DVAEPreset,
    EditPreset,
    JudgePreset,
    find_preset,
)
from .pretrained import weights_dir
from .sampling import CHUNK, sample
from .sequence import drop_captions, flatten, unflatten
from .text import TextTokenizer
from .training import CHECKPOINT, LossOf, Trainer
from .worlds import Pairs, load
from .worlds.emoji import emoji, partners, with_article
from .worlds.pairs import numbered


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


def draw_faulty(
    dalle: DALLE, tokenizer: TextTokenizer, pairs: Pairs, tokens: Tensor, chosen: Tensor
) -> tuple[Tensor, Tensor]:
    """Drawings of these pictures' captions, too hot to be good: (K,) int64 -> indices (k,) and image tokens (k, N) of
    those that differ from the true picture's tokens (of `tokens`) in more than 30%."""
    drawn = []
    for at in range(0, len(chosen), CHUNK):
        text = tokenizer.encode([pairs.caption(i, None) for i in chosen[at : at + CHUNK].tolist()])
        hot = (1.25, 1.5, 1.75)[at // CHUNK % 3]
        drawn.append(sample(dalle, text, seed=1, indices=range(at, at + len(text)), temperature=hot))
    differs = (torch.cat(drawn) != tokens[chosen]).float().mean(dim=1) > 0.3
    return chosen[differs], torch.cat(drawn)[differs]


def make_clip(
    pairs: Pairs, preset: CLIPPreset, dvae: DVAE, tokenizer: TextTokenizer, dalle: DALLE | None = None
) -> tuple[CLIP, LossOf]:
    """CLIP over the tokeniser of the DALL·E whose drawings it will rank; the dVAE makes the reconstructions.

    dalle: draws the faulty pictures, with the same tokeniser; without it there are none.
    """
    torch.manual_seed(preset.recipe.seed)
    sizes = {"vocab_size": tokenizer.vocab_size, "text_length": tokenizer.length, "pad_id": tokenizer.pad_id}
    config = replace(preset.config, side=pairs.pictures.shape[-1], **sizes)
    model = CLIP(config, tokenizer).to(memory_format=torch.channels_last)
    tokens = tokenise(dvae, pairs.pictures)  # (N, rows · cols)
    weights = pairs.weights**preset.evenness
    rows = pairs.pictures.shape[-1] // dvae.config.factor
    _, picture_of = torch.unique(pairs.pictures.flatten(1), dim=0, return_inverse=True)  # (N,): which are the same
    kin = preset.kin if preset.kin > 1 and "subgroup" in pairs.rows[0] else 1
    emoji_rows = pairs.rows if kin > 1 else []  # other worlds have no subgroups
    groups = numbered(row["subgroup"] for row in emoji_rows)  # (N,)
    things = numbered((row["base_hexcode"], row["skin_tone"]) for row in emoji_rows)
    faulty_of = torch.full((len(pairs),), -1)  # (N,): which faulty drawing is of this picture's caption, if any
    faulty, often = tokens[:0], torch.ones(len(pairs))
    if dalle is not None:
        asked = torch.multinomial(weights, min(preset.faulty, len(pairs)))
        drawn_for, faulty = draw_faulty(dalle, tokenizer, pairs, tokens, asked)
        faulty_of[drawn_for] = torch.arange(len(drawn_for))
        often[drawn_for] = 3.0  # these captions come more often, or few of a batch would have one

    @torch.no_grad()
    def decoded(tokens: Tensor) -> Tensor:
        """(n, rows · cols) -> (n, 3, H, W) in [0, 1]."""
        return dvae.decode(unflatten(tokens, rows, rows)).float()

    def varied(images: Tensor) -> Tensor:
        return tint(vary(resize(images, preset.zoom, preset.slant), preset.shift, preset.shade), preset.tint)

    def loss_of(model: CLIP, rng: random.Random, done: float) -> dict[str, Tensor]:
        batch = preset.recipe.batch
        if kin == 1:
            chosen = draw_indices(weights * often, batch)
        elif preset.siblings:
            first = draw_kin(weights * often, groups, batch // 2, kin // 2)
            chosen = torch.cat((first, draw_siblings(weights, things, first)))
        else:
            chosen = draw_kin(weights * often, groups, batch, kin)
        images = pairs.pictures[chosen].float() / 255
        replaced = torch.rand(batch) < preset.reconstructed
        if replaced.any():
            others = tokens[draw_indices(weights, int(replaced.sum()))]
            images[replaced] = decoded(spoil(tokens[chosen[replaced]], others, preset.spoilt))
        images = cover(varied(images), preset.cover).contiguous(memory_format=torch.channels_last)
        text = tokenizer.encode(captions_of(pairs, chosen, tokenizer, rng), preset.bpe_dropout if model.training else 0)
        same = (picture_of[chosen][:, None] == picture_of[chosen]).fill_diagonal_(False)
        which = faulty_of[chosen][faulty_of[chosen] >= 0]
        wrong = varied(decoded(faulty[which])).contiguous(memory_format=torch.channels_last) if len(which) else None
        return model.loss(images, text, same, wrong)

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
            dalle = DALLE.from_pretrained(world) if preset.faulty else None  # `start` may hold a CLIP alone
            model, loss_of = make_clip(pairs, preset, images, tokenizer, dalle)
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
