"""The sheet of drawings that a model card shows: 32 captions chosen by a seed, 16 of train and 16 of `unseen_pair`.

    python tools/make_sheet.py sheet.png            # each drawing with its caption: the best of 64 by CLIP
    python tools/make_sheet.py quiz.png --quiz      # numbers in place of captions, shuffled: name them without help

Nothing is chosen by hand: no picture is left out, none is drawn twice.
"""

from __future__ import annotations

import random
import textwrap

import click
from PIL import Image, ImageDraw, ImageFont

from dalle_lessons import TextToImage
from dalle_lessons.drawing import save_png
from dalle_lessons.worlds.emoji import emoji

TIMES, GAP, LINES = 2, 10, 3  # how much a picture is enlarged; pixels between; lines of text below
COLUMNS = 8


def choose(split: str, count: int, seed: int) -> list[str]:
    """Captions of a split, drawn by the world's weights (a skin-tone variant counts less), without repetition."""
    pairs, rng, chosen = emoji(split), random.Random(seed), []
    while len(chosen) < count:
        (index,) = rng.choices(range(len(pairs)), weights=pairs.weights.tolist())
        caption = pairs.caption(index, None)
        if caption not in chosen:
            chosen.append(caption)
    return chosen


def sheet(pictures: list[Image.Image], texts: list[str]) -> Image.Image:
    """Pictures in rows of eight, enlarged without smoothing, each with its text below."""
    font = ImageFont.load_default(12)
    side = pictures[0].width * TIMES
    width, height = side + GAP, side + GAP + 14 * LINES
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * width + GAP, rows * height + GAP), "white")
    pen = ImageDraw.Draw(page)
    for i, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x, y = GAP + i % COLUMNS * width, GAP + i // COLUMNS * height
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
def main(out: str, model: str, seed: int, candidates: int, quiz: bool) -> None:
    system = TextToImage.from_pretrained(model)
    captions = choose("train", 16, seed) + choose("unseen_pair", 16, seed)
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
