"""The sheets that the model cards show: 32 captions chosen by a seed, 16 of train and 16 of `unseen_pair`; 24 edits.

    python tools/make_sheet.py sheet.png            # each drawing with its caption: the best of 64 by CLIP
    python tools/make_sheet.py quiz.png --quiz      # numbers in place of captions, shuffled: name them without help
    python tools/make_sheet.py edits.png --edits    # of `unseen_emoji`: given, drawn (likeliest of 16), true

Nothing is chosen by hand: no picture is left out, none is drawn twice.
"""

from __future__ import annotations

import random
import textwrap

import click
from PIL import Image, ImageDraw, ImageFont

from dalle_lessons import TextToImage
from dalle_lessons.datasets.emoji import STYLES, emoji, with_article
from dalle_lessons.datasets.images import to_image
from dalle_lessons.evaluation.edits import true_pairs
from dalle_lessons.pipeline.image_files import save_png
from dalle_lessons.training.presets import EDIT_PRESETS

TIMES, GAP, LINES = 2, 10, 3  # how much a picture is enlarged; pixels between; lines of text below
EDITS = 24


def choose_captions(split: str, count: int, seed: int) -> list[str]:
    """Captions of a split, drawn by the world's weights (a skin-tone variant counts less), without repetition."""
    pairs, rng, chosen = emoji(split), random.Random(seed), []
    while len(chosen) < count:
        (index,) = rng.choices(range(len(pairs)), weights=pairs.weights.tolist())
        caption = pairs.caption(index, None)
        if caption not in chosen:
            chosen.append(caption)
    return chosen


def edit_all(system: TextToImage, seed: int) -> tuple[list[Image.Image], list[str]]:
    """-> for each of EDITS couples, of any trained direction between two styles: given, drawn, true; and texts."""
    pairs = emoji("unseen_emoji")
    ways = [(a, b) for a in STYLES for b in STYLES if a != b and (a, b) != EDIT_PRESETS["emoji"].left_out]
    couples = [(*couple, b) for a, b in ways for couple in true_pairs(pairs, a, b)]
    couples = [couple for couple in couples if not pairs.metadata[couple[0]]["skin_tone"]]
    pictures, texts = [], []
    for source, target, style in random.Random(seed).sample(couples, EDITS):
        given, true = to_image(pairs.pictures[source]), to_image(pairs.pictures[target])
        how = f"as {with_article(style)}"
        pictures += [given, system.edit(given, how, candidates=16, seed=seed)[0].image, true]
        texts += [f"given: {pairs.caption(source, None)}", f"drawn {how}", "true"]
    return pictures, texts


def sheet(pictures: list[Image.Image], texts: list[str], columns: int = 8) -> Image.Image:
    """Pictures in rows, enlarged without smoothing, each with its text below."""
    font = ImageFont.load_default(12)
    side = pictures[0].width * TIMES
    width, height = side + GAP, side + GAP + 14 * LINES
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    pen = ImageDraw.Draw(page)
    for i, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x, y = GAP + i % columns * width, GAP + i // columns * height
        page.paste(picture.resize((side, side), Image.Resampling.NEAREST), (x, y))
        pen.rectangle((x - 1, y - 1, x + side, y + side), outline=(200, 200, 200))
        lines = textwrap.wrap(text, width=22, max_lines=LINES, placeholder=" …")
        pen.multiline_text((x, y + side + 2), "\n".join(lines), fill="black", font=font, spacing=2)
    return page


@click.command()
@click.argument("out", type=click.Path())
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, or a folder.")
@click.option("--seed", default=0, show_default=True, help="Of the captions and of the drawings.")
@click.option("--candidates", default=64, show_default=True)
@click.option("--quiz", is_flag=True, help="Numbers in place of captions, in shuffled order; prints the answers.")
@click.option("--edits", is_flag=True, help="Edits of things never seen, in place of drawings.")
def main(out: str, model: str, seed: int, candidates: int, quiz: bool, edits: bool) -> None:
    system = TextToImage.from_pretrained(model)
    if edits:
        print(save_png(sheet(*edit_all(system, seed), columns=9), out, {"Software": "dalle-lessons"}))
        return
    captions = choose_captions("train", 16, seed) + choose_captions("unseen_pair", 16, seed)
    order = list(range(len(captions)))
    if quiz:
        random.Random(seed).shuffle(order)
    pictures = [system.draw(captions[i], 1, candidates, seed)[0].image for i in order]
    texts = [str(n) for n in range(1, len(order) + 1)] if quiz else captions
    print(save_png(sheet(pictures, texts), out, {"Software": "dalle-lessons"}))
    for number, i in enumerate(order, 1):
        print(f"{number:2d}  {'train' if i < 16 else 'unseen_pair':<12} {captions[i]}")


if __name__ == "__main__":
    main()
