"""Build data/emoji from three npm packages, unpacked: `python -m dalle_lessons.datasets.build_emoji --help`.

The result is the same on every machine: sprite sheets without loss, rows in the order of openmoji.json, splits by hash.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import click
import numpy as np
from PIL import Image

from . import images, splits
from .emoji import COLUMNS, FIELDS, SIDE, STYLES, TONES, sheet_name

LEFT_OUT_GROUPS = ("flags", "component", "extras-openmoji", "extras-unicode")


def render_svg(path: Path) -> np.ndarray:
    """An OpenMoji SVG, the whole of its 72x72 canvas, as (64, 64, 3) uint8 on white."""
    import resvg_py  # pyright: ignore[reportMissingImports]  # an extra ("build"): for whoever rebuilds the data

    png = resvg_py.svg_to_bytes(svg_path=str(path), width=SIDE, height=SIDE, skip_system_fonts=True)
    return on_white(Image.open(io.BytesIO(bytes(png))))


def on_white(image: Image.Image) -> np.ndarray:
    """Any picture of 64x64 pixels as (64, 64, 3) uint8, transparent parts white."""
    if image.size != (SIDE, SIDE):
        raise ValueError(f"Expected a picture of {SIDE}x{SIDE} pixels, got {image.size[0]}x{image.size[1]}.")
    return np.array(images.on_white(image))


def without_selectors(hexcode: str) -> str:
    """OpenMoji and emoji-datasource differ in case and in the variation selector FE0F: compare names without them."""
    return "-".join(part for part in hexcode.upper().split("-") if part != "FE0F")


def tone_words(skintone: str | int) -> str:
    """ "1,5" -> "light, dark": the skin tones of openmoji.json in the words that its names use."""
    return ", ".join(TONES[int(number) - 1] for number in str(skintone).split(",") if number)


def collect(openmoji: Path, google: Path, twitter: Path) -> tuple[list[dict], list[np.ndarray], list[str]]:
    """One row and one picture (64, 64, 3) for each emoji and style, and the names of what is left out."""
    data = json.loads((openmoji / "data/openmoji.json").read_text(encoding="utf-8"))
    by_hexcode = {item["hexcode"]: item for item in data}
    cartoons = {without_selectors(f.stem): f for f in sorted((google / "img/google/64").glob("*.png"))}
    flats = {without_selectors(f.stem): f for f in sorted((twitter / "img/twitter/64").glob("*.png"))}
    rows, pictures, left_out = [], [], []
    for item in data:
        if item["group"] in LEFT_OUT_GROUPS:
            continue
        hexcode, key = item["hexcode"], without_selectors(item["hexcode"])
        if key not in cartoons or key not in flats:  # newer than the two PNG sets: a caption needs all four styles
            left_out.append(item["annotation"])
            continue
        base = by_hexcode.get(item["skintone_base_hexcode"] or hexcode, item)
        tags = dict.fromkeys(t.strip() for t in f"{base['tags']},{base['openmoji_tags']}".lower().split(","))
        row = {
            "emoji": item["emoji"],
            "hexcode": hexcode,
            "base_hexcode": base["hexcode"],
            "name": item["annotation"],
            "tags": ", ".join(t for t in tags if t),
            "group": item["group"],
            "subgroup": item["subgroups"],
            "skin_tone": tone_words(item["skintone"]),
        }
        drawn = {
            "sketch": render_svg(openmoji / f"black/svg/{hexcode}.svg"),
            "cartoon": on_white(Image.open(cartoons[key])),
            "flat icon": on_white(Image.open(flats[key])),
            "illustration": render_svg(openmoji / f"color/svg/{hexcode}.svg"),
        }
        for style in STYLES:
            rows.append({"style": style, **row})
            pictures.append(drawn[style])
    return rows, pictures, left_out


def write_sheets(rows: list[dict], pictures: list[np.ndarray], digests: list[str], out: Path) -> None:
    """One sheet a style, COLUMNS pictures a line; identical pictures stand there once. Sets each row's `position`."""
    for style in STYLES:
        places: dict[str, int] = {}
        distinct = []
        for row, picture, digest in zip(rows, pictures, digests, strict=True):
            if row["style"] != style:
                continue
            if digest not in places:
                places[digest] = len(distinct)
                distinct.append(picture)
            row["position"] = places[digest]
        lines = -(-len(distinct) // COLUMNS)
        sheet = np.full((lines * SIDE, COLUMNS * SIDE, 3), 255, np.uint8)
        for i, picture in enumerate(distinct):
            top, left = i // COLUMNS * SIDE, i % COLUMNS * SIDE
            sheet[top : top + SIDE, left : left + SIDE] = picture
        Image.fromarray(sheet).save(out / sheet_name(style), lossless=True, quality=100, method=6)


@click.command()
@click.option("--openmoji", type=click.Path(exists=True, path_type=Path), required=True, help="npm openmoji, unpacked")
@click.option("--google", type=click.Path(exists=True, path_type=Path), required=True, help="emoji-datasource-google")
@click.option("--twitter", type=click.Path(exists=True, path_type=Path), required=True, help="emoji-datasource-twitter")
@click.option("--out", type=click.Path(path_type=Path), default=Path("data/emoji"), show_default=True)
def main(openmoji: Path, google: Path, twitter: Path, out: Path) -> None:
    """Write sprite sheets and captions.csv, and print the counts that the data card states."""
    out.mkdir(parents=True, exist_ok=True)
    rows, pictures, left_out = collect(openmoji, google, twitter)
    digests = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
    for row, split in zip(rows, splits.assign(rows, digests), strict=True):
        row["split"] = split
    write_sheets(rows, pictures, digests, out)
    with open(out / "captions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    listing = "\n".join(f"{row['hexcode']} {row['style']} {row['split']}" for row in rows)
    click.echo(f"{len(rows)} pictures of {len(rows) // len(STYLES)} emoji; {len(set(digests))} distinct pictures")
    click.echo(f"left out, not in all four styles: {len(left_out)}")
    for split, count in Counter(row["split"] for row in rows).most_common():
        bases = {row["base_hexcode"] for row in rows if row["split"] == split}
        click.echo(f"{split}: {count} pictures of {len(bases)} base emoji")
    click.echo(f"hash of the splits: {hashlib.sha256(listing.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
