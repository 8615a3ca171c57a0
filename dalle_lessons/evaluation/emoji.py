"""What the models reach, measured on what they have not seen, with the ceiling and the floor beside each figure."""

from __future__ import annotations

import random

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..datasets.emoji import STYLES, emoji
from ..datasets.emoji_labels import truth_of
from ..datasets.pairs import to_ids
from ..model.clip import CLIP
from ..model.dvae import DVAE
from ..model.judge import JUDGE_METRICS, Judge
from ..pipeline.text_to_image import TextToImage
from .candidates import best_of, choose, decode, draw_all
from .metrics import frechet_distance, near_duplicates, recall, share
from .reconstruction import reconstruct

INK = 250  # a pixel with any channel below this is ink, the others are background
BEST_OF = (1, 16, 64)


def measure_judge(judge: Judge, dvae: DVAE, pairs: Pairs) -> dict:
    """The judge's score on true pictures and on their reconstructions: the ceilings; by style."""
    truth = truth_of(pairs.metadata)
    seen = {"true": pairs.pictures.float() / 255, "reconstructed": reconstruct(dvae, pairs.pictures)}
    report = {}
    for kind, images in seen.items():
        right = judge.right(images, truth)  # (N, 4)
        report[kind] = {what: share(right[:, i]) for i, what in enumerate(JUDGE_METRICS)}
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
    picture_ids = to_ids(picture.numpy().tobytes() for picture in pairs.pictures)
    caption_ids = to_ids(captions)
    right = (picture_ids[:, None] == picture_ids) | (caption_ids[:, None] == caption_ids)
    similar = texts @ images.T  # (captions, pictures)
    return {
        "pictures": len(pairs),
        **{f"text_to_image_R@{k}": share(recall(similar, right, k)) for k in (1, 5)},
        **{f"image_to_text_R@{k}": share(recall(similar.T, right, k)) for k in (1, 5)},
        "guessing_R@5": float(1 - (1 - right.double().mean(dim=1)).pow(5).mean()),
    }


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

    Two ceilings stand beside it: the judge on the captions' true pictures (`ceiling_true`), and on these as the dVAE
    reconstructs them (`ceiling_reconstructed`): what these tokens allow to be recognized. Also the Fréchet distance to the
    true pictures in the judge's features, beside that of the reconstructions, and the share of copies of training
    pictures.
    """
    chosen = choose(pairs, captions)
    truth = truth_of([pairs.metadata[i] for i in chosen])
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
    ceiling_true, ceiling_reconstructed = judge.right(true, truth), judge.right(reconstructed, truth)
    report: dict = {
        "captions": len(chosen),
        "ceiling_true": {what: share(ceiling_true[:, i]) for i, what in enumerate(JUDGE_METRICS)},
        "ceiling_reconstructed": {what: share(ceiling_reconstructed[:, i]) for i, what in enumerate(JUDGE_METRICS)},
    }
    features = judge.features(true)
    for n in counts:
        images = torch.stack(best[n])
        right = judge.right(images, truth)
        report[f"best_of_{n}"] = {what: share(right[:, i]) for i, what in enumerate(JUDGE_METRICS)}
        report[f"best_of_{n}"]["relative_accuracy"] = {
            what: share(right[:, i])["share"] / max(share(ceiling_true[:, i])["share"], 1e-9)
            for i, what in enumerate(JUDGE_METRICS)
        }
        report[f"best_of_{n}"]["emoji_top5_by_style"] = {
            style: share(right[truth[:, 1] == k, 1]) for k, style in enumerate(STYLES) if (truth[:, 1] == k).any()
        }
        report[f"best_of_{n}"]["frechet"] = frechet_distance(judge.features(images), features)
    report["frechet_of_reconstructions"] = frechet_distance(judge.features(reconstructed), features)
    report["near_duplicate_rate"] = share(near_duplicates(torch.stack(first_tokens), train_tokens))
    return report


def measure_variety(
    system: TextToImage, judge: Judge, captions: int = 24, candidates: int = 64, progress: bool = False, **options
) -> dict:
    """Captions that many pictures fit: how many different emoji and styles the judge sees among nine drawings, the
    nine best of `candidates` and the first nine as they come. Nine of nine is the most for emoji, four for styles."""
    train = emoji("train")
    rng = random.Random(0)
    tags: dict[str, set[str]] = {}
    for row in train.metadata:
        for tag in row["tags"].split(", ") if row["tags"] else []:
            tags.setdefault(tag, set()).add(row["base_hexcode"])
    common = sorted(tag for tag, bases in tags.items() if len(bases) >= 8 and system.tokenizer.fits(tag))
    names = sorted(
        {row["name"] for row in train.metadata if not row["skin_tone"] and system.tokenizer.fits(row["name"])}
    )
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
