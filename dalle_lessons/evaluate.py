"""What the models reach, measured on what they have not seen, with the ceiling and the floor beside each figure."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .clip import CLIP
from .codebook import perplexity
from .dvae import DVAE
from .judge import Judge, truth_of
from .measures import Bigram, copied, frechet_distance, psnr, recall, share
from .pipeline import TextToImage
from .pretrained import weights_dir
from .recipes import tokenise
from .sampling import CHUNK, sample
from .sequence import unflatten
from .worlds import Pairs
from .worlds.emoji import SPLITS, STYLES, emoji
from .worlds.pairs import numbered

INK = 250  # a pixel with any channel below this is ink, the others are background
PARTS = ("dvae", "judge", "retrieval", "ledger", "drawings", "variety", "edits")
BEST_OF = (1, 16, 64)
SAID = ("emoji_top1", "emoji_top5", "style", "tone")  # the columns of Judge.right


@torch.no_grad()
def reconstruct(dvae: DVAE, pictures: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 -> their argmax reconstructions (N, 3, H, W) in [0, 1]."""
    return torch.cat([dvae.decode(dvae.encode(part.float() / 255)) for part in pictures.split(128)])


def measure_dvae(dvae: DVAE, held_out: Pairs, train: Pairs, groups: list[str]) -> dict:
    """PSNR of reconstructions of held-out pictures, all pixels and ink alone, by group; the codes' use on train."""
    truth = held_out.pictures.float() / 255
    ink = (held_out.pictures < INK).any(dim=1, keepdim=True)
    images = reconstruct(dvae, held_out.pictures)
    everywhere, on_ink = psnr(images, truth), psnr(images, truth, ink)
    tokens = tokenise(dvae, train.pictures)
    codes = dvae.config.codes

    def means(rows: Tensor) -> dict:
        return {"psnr": float(everywhere[rows].nanmean()), "psnr_ink": float(on_ink[rows].nanmean())}

    by_group = {name: means(torch.tensor([group == name for group in groups])) for name in dict.fromkeys(groups)}
    used = perplexity(tokens, codes)
    return {
        "pictures": len(held_out),
        **means(torch.ones(len(held_out), dtype=torch.bool)),
        "by_group": by_group,
        "codes": codes,
        "codes_used": len(tokens.unique()),
        "perplexity": used,
        "perplexity_share": used / codes,
    }


def choose(pairs: Pairs, count: int, seed: int = 0) -> list[int]:
    """Indices of `count` pictures of a split, by its weights, each at most once (fewer, if there are fewer)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(pairs.weights, min(count, len(pairs)), generator=generator).tolist()


def draw_all(system: TextToImage, caption: str, count: int, seed: int = 0, **options) -> Tensor:
    """Candidates 0 … count-1 of a caption, as `TextToImage.draw` draws them -> image tokens (count, N)."""
    text = system.tokenizer.encode([caption]).expand(CHUNK, -1)
    rows = [range(at, at + CHUNK) for at in range(0, count, CHUNK)]
    chunks = [sample(system.dalle, text, seed, indices=indices, **options) for indices in rows]
    return torch.cat(chunks)[:count]


def decode(system: TextToImage, tokens: Tensor) -> Tensor:
    """(N, L) -> (N, 3, H, W) in [0, 1]."""
    c = system.dalle.config
    return torch.cat([system.dvae.decode(unflatten(part, c.rows, c.cols)) for part in tokens.split(128)])


def best_of(scores: Tensor, count: int) -> int:
    """Index of the best-scored of the first `count`."""
    return int(scores[:count].argmax())


def evaluate_emoji(
    name: str = "emoji",
    captions: int = 192,
    candidates: int = 64,
    parts: Sequence[str] = PARTS,
    progress: bool = False,
    drawn: Sequence[str] = SPLITS,
    **options,
) -> dict:
    """The emoji models, part by part (see PARTS). captions: how many a split for the drawings. drawn: the splits whose
    captions are drawn. options: those of `sampling.sample` for drawings and variety, such as `guidance`.

    The judge's own score on the true pictures of the same captions stands beside each of its figures as `of_true`.
    Raises FileNotFoundError with one sentence where a part needs weights that are not there.
    """
    report: dict = {}
    system = TextToImage.from_pretrained(name)
    if "dvae" in parts:
        held_out = emoji("unseen_emoji")
        styles = [row["style"] for row in held_out.rows]
        assert set(styles) == set(STYLES)
        report["dvae"] = measure_dvae(system.dvae, held_out, emoji("train"), styles)
    if "judge" in parts:
        judge = Judge.from_pretrained(weights_dir(name, "judge"))
        report["judge"] = {split: measure_judge(judge, system.dvae, emoji(split)) for split in SPLITS}
    if "retrieval" in parts:
        clip = CLIP.from_pretrained(weights_dir(name, "clip"))
        report["retrieval"] = {split: measure_retrieval(clip, emoji(split)) for split in SPLITS[1:]}
    if "ledger" in parts:
        report["ledger"] = measure_ledger(system, {split: emoji(split) for split in SPLITS}, "train")
    if "drawings" in parts:
        judge = Judge.from_pretrained(weights_dir(name, "judge"))
        train_tokens = tokenise(system.dvae, emoji("train").pictures)
        report["drawings"] = {
            split: measure_drawings(
                system, judge, emoji(split), train_tokens, captions, candidates, progress, **options
            )
            for split in drawn
        }
    if "variety" in parts:
        judge = Judge.from_pretrained(weights_dir(name, "judge"))
        report["variety"] = measure_variety(system, judge, progress=progress, **options)
    if "edits" in parts:
        from .evaluate_edits import measure_edits

        report["edits"] = measure_edits(name, min(captions, 48), min(candidates, 16), progress, **options)
    return report


def measure_judge(judge: Judge, dvae: DVAE, pairs: Pairs) -> dict:
    """The judge's score on true pictures and on their reconstructions: the ceilings; by style."""
    truth = truth_of(pairs.rows)
    seen = {"true": pairs.pictures.float() / 255, "reconstructed": reconstruct(dvae, pairs.pictures)}
    report = {}
    for kind, images in seen.items():
        right = judge.right(images, truth)  # (N, 4)
        report[kind] = {what: share(right[:, i]) for i, what in enumerate(SAID)}
        for n, style in enumerate(STYLES):
            if (truth[:, 1] == n).any():
                report[kind][style] = share(right[truth[:, 1] == n, 1])  # top-5 emoji
    return report


@torch.no_grad()
def measure_retrieval(clip: CLIP, pairs: Pairs) -> dict:
    """Text to image: for the full caption of each picture, the split's pictures are ranked; right is its own picture,
    or one that has the same caption or the very same pixels (a sketch shows no skin tone). Image to text likewise."""
    captions = [pairs.caption(i, None) for i in range(len(pairs))]
    images = torch.cat([clip.encode_images(part.float() / 255) for part in pairs.pictures.split(256)])
    texts = torch.cat(
        [clip.encode_text(clip.tokenizer.encode(captions[at : at + 256])) for at in range(0, len(captions), 256)]
    )
    picture_ids = numbered(picture.numpy().tobytes() for picture in pairs.pictures)
    caption_ids = numbered(captions)
    right = (picture_ids[:, None] == picture_ids) | (caption_ids[:, None] == caption_ids)
    similar = texts @ images.T  # (captions, pictures)
    return {
        "pictures": len(pairs),
        **{f"text_to_image_R@{k}": share(recall(similar, right, k)) for k in (1, 5)},
        **{f"image_to_text_R@{k}": share(recall(similar.T, right, k)) for k in (1, 5)},
        "guessing_R@5": float(1 - (1 - right.double().mean(dim=1)).pow(5).mean()),
    }


@torch.no_grad()
def measure_ledger(system: TextToImage, splits: dict[str, Pairs], train: str, most: int = 512) -> dict:
    """Nats an image token: uniform guessing, unigram and bigram (counted on train), the model; full captions."""
    codes = system.dalle.config.codes
    bigram = Bigram(tokenise(system.dvae, splits[train].pictures), codes)
    report = {}
    for name, pairs in splits.items():
        chosen = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))[:most]
        tokens = tokenise(system.dvae, pairs.pictures[chosen])
        text = system.tokenizer.encode([pairs.caption(i, None) for i in chosen.tolist()])
        parts = [
            float(system.dalle.loss(a, b)["image"]) * len(a)
            for a, b in zip(text.split(64), tokens.split(64), strict=True)
        ]
        report[name] = {
            "uniform": float(torch.tensor(float(codes)).log()),
            "unigram": bigram.unigram_nats(tokens),
            "bigram": bigram.nats(tokens),
            "model": sum(parts) / len(tokens),
        }
    return report


@torch.no_grad()
def measure_drawings(
    system: TextToImage,
    judge: Judge,
    pairs: Pairs,
    train_tokens: Tensor,
    captions: int,
    candidates: int,
    progress: bool = False,
    **options,
) -> dict:
    """Each caption drawn `candidates` times; the best of 1, 16, 64 by the system's own ranking, seen by the judge.

    Two ceilings stand beside it: the judge on the captions' true pictures (`of_true`), and on these as the dVAE
    reconstructs them (`of_reconstructed`): what these tokens allow to be recognised. Also the Fréchet distance to the
    true pictures in the judge's features, beside that of the reconstructions, and the share of copies of training
    pictures.
    """
    chosen = choose(pairs, captions)
    truth = truth_of([pairs.rows[i] for i in chosen])
    counts = [n for n in BEST_OF if n <= candidates]
    best: dict[int, list[Tensor]] = {n: [] for n in counts}
    first_tokens = []
    for i in tqdm(chosen, unit="caption", disable=not progress):
        caption = pairs.caption(i, None)
        tokens = draw_all(system, caption, candidates, **options)
        images = decode(system, tokens)
        scores = system.scores(caption, tokens, images)
        first_tokens.append(tokens[0])
        for n in counts:
            best[n].append(images[best_of(scores, n)])
    true, reconstructed = pairs.pictures[chosen].float() / 255, reconstruct(system.dvae, pairs.pictures[chosen])
    of_true, of_reconstructed = judge.right(true, truth), judge.right(reconstructed, truth)
    report: dict = {
        "captions": len(chosen),
        "of_true": {what: share(of_true[:, i]) for i, what in enumerate(SAID)},
        "of_reconstructed": {what: share(of_reconstructed[:, i]) for i, what in enumerate(SAID)},
    }
    features = judge.features(true)
    for n in counts:
        images = torch.stack(best[n])
        right = judge.right(images, truth)
        report[f"best_of_{n}"] = {what: share(right[:, i]) for i, what in enumerate(SAID)}
        report[f"best_of_{n}"]["of_the_judges_own"] = {
            what: share(right[:, i])["share"] / max(share(of_true[:, i])["share"], 1e-9) for i, what in enumerate(SAID)
        }
        report[f"best_of_{n}"]["emoji_top5_by_style"] = {
            style: share(right[truth[:, 1] == k, 1]) for k, style in enumerate(STYLES) if (truth[:, 1] == k).any()
        }
        report[f"best_of_{n}"]["frechet"] = frechet_distance(judge.features(images), features)
    report["frechet_of_reconstructions"] = frechet_distance(judge.features(reconstructed), features)
    report["copies_of_train"] = share(copied(torch.stack(first_tokens), train_tokens))
    return report


def measure_variety(
    system: TextToImage, judge: Judge, captions: int = 24, candidates: int = 64, progress: bool = False, **options
) -> dict:
    """Captions that many pictures fit: how many different emoji and styles the judge sees among nine drawings, the
    nine best of `candidates` and the first nine as they come. Nine of nine is the most for emoji, four for styles."""
    train = emoji("train")
    rng = random.Random(0)
    tags: dict[str, set[str]] = {}
    for row in train.rows:
        for tag in row["tags"].split(", ") if row["tags"] else []:
            tags.setdefault(tag, set()).add(row["base_hexcode"])
    common = sorted(tag for tag, bases in tags.items() if len(bases) >= 8 and system.tokenizer.fits(tag))
    names = sorted({row["name"] for row in train.rows if not row["skin_tone"] and system.tokenizer.fits(row["name"])})
    report = {}
    for kind, texts in (("a_tag", common), ("a_name_without_style", names)):
        seen: dict[str, list[Tensor]] = {"first": [], "ranked": []}
        for caption in tqdm(rng.sample(texts, captions), unit="caption", disable=not progress):
            tokens = draw_all(system, caption, candidates, **options)
            images = decode(system, tokens)
            order = system.scores(caption, tokens, images).argsort(descending=True)
            with torch.no_grad():
                emoji_logits, style_logits, _ = judge(images)
            guesses = torch.stack((emoji_logits.argmax(1), style_logits.argmax(1)), dim=1)  # (candidates, 2)
            for how, nine in (("first", guesses[:9]), ("ranked", guesses[order[:9]])):
                seen[how].append(torch.tensor([len(nine[:, k].unique()) for k in (0, 1)], dtype=torch.float32))
        report[kind] = {"captions": captions, "example": texts[0]}
        for how, counts in seen.items():
            emojis, styles = torch.stack(counts).mean(0).tolist()
            report[kind][how] = {"different_emoji_of_nine": emojis, "different_styles_of_nine": styles}
    return report


def table(report: dict, indent: str = "") -> list[str]:
    """A nested report as lines, a name and a value each; a share with its interval on one line."""
    lines = []
    for name, value in report.items():
        title = f"{indent}{name.replace('_', ' ')}"
        if isinstance(value, dict) and "share" in value:
            lines.append(
                f"{title:<40} {value['share']:.3f}  [{value['low']:.3f}, {value['high']:.3f}], n = {value['n']}"
            )
        elif isinstance(value, dict):
            lines += [title, *table(value, indent + "  ")]
        else:
            lines.append(f"{title:<40} {value:.3f}" if isinstance(value, float) else f"{title:<40} {value}")
    return lines
