"""Build data/emoji from five npm packages, unpacked: `python -m dalle_lessons.datasets.build_emoji --help`.

The result is the same on every machine: sprite sheets, rows in the order of openmoji.json, splits by hash.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image

from . import images, splits
from .emoji import ALL_STYLES, COLUMNS, FIELDS, SIDE, SPLITS, TONES, full_caption, sheet_name

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
LEFT_OUT_GROUPS = ("flags", "component", "extras-openmoji", "extras-unicode")

# The package of 3D emoji names medium-light's files by medium's code point (1F3FD), and the other way round ...
TONES_SWAPPED = {"1F3FC": "1F3FD", "1F3FD": "1F3FC"}
# ... but for these, by base emoji: the technologists and the couples, named rightly, and one with all tones mixed up.
TONES_IN_FILE_NAMES = {
    "1F6B5": {"1F3FB": "1F3FF", "1F3FC": "1F3FE", "1F3FD": "1F3FC", "1F3FE": "1F3FD", "1F3FF": "1F3FB"},
    **dict.fromkeys(("1F9D1-200D-1F4BB", "1F468-200D-1F4BB", "1F469-200D-1F4BB"), {}),
    **dict.fromkeys(("1F46B", "1F46C", "1F46D", "1F9D1-200D-1F91D-200D-1F9D1"), {}),
    **dict.fromkeys(("1F48F", "1F469-200D-2764-200D-1F48B-200D-1F468"), {}),
    **dict.fromkeys(("1F468-200D-2764-200D-1F48B-200D-1F468", "1F469-200D-2764-200D-1F48B-200D-1F469"), {}),
    **dict.fromkeys(("1F491", "1F469-200D-2764-200D-1F468"), {}),
    **dict.fromkeys(("1F468-200D-2764-200D-1F468", "1F469-200D-2764-200D-1F469"), {}),
}


@dataclass(frozen=True)
class Sources:
    """The npm packages, each unpacked into a folder."""

    #: openmoji
    openmoji: Path
    #: emoji-datasource-google
    google: Path
    #: emoji-datasource-twitter
    twitter: Path
    #: @lobehub/fluent-emoji-3d
    fluent_3d: Path
    #: @iconify-json/fluent-emoji-high-contrast
    fluent_high_contrast: Path


def render_svg(svg: str) -> np.ndarray:
    """The text of an SVG file, the whole of its canvas, as (64, 64, 3) uint8 on white."""
    import resvg_py  # pyright: ignore[reportMissingImports]  # an extra ("build"): for whoever rebuilds the data

    png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    return np.array(images.on_white_square(Image.open(io.BytesIO(bytes(png))), SIDE))


def on_white(image: Image.Image) -> np.ndarray:
    """Any picture of 64x64 pixels as (64, 64, 3) uint8, transparent parts white."""
    if image.size != (SIDE, SIDE):
        raise ValueError(f"Expected a picture of {SIDE}x{SIDE} pixels, got {image.size[0]}x{image.size[1]}.")
    return np.array(images.on_white(image))


def without_selectors(hexcode: str) -> str:
    """OpenMoji and emoji-datasource differ in case and in the variation selector FE0F: compare names without them."""
    return "-".join(part for part in hexcode.upper().split("-") if part != "FE0F")


def by_name(folder: Path, ending: str) -> dict[str, Path]:
    """The files of a folder that are named by hexcodes, by these without selectors."""
    return {without_selectors(file.stem): file for file in sorted(folder.glob(f"*.{ending}"))}


def file_name_of_render(key: str, base_key: str) -> str:
    """Hexcodes of an emoji and of its base, without selectors -> by which name its 3D picture stands in the package."""
    tones = TONES_IN_FILE_NAMES.get(base_key, TONES_SWAPPED)
    return "-".join(tones.get(part, part) for part in key.split("-"))


def tone_words(skintone: str | int) -> str:
    """ "1,5" -> "light, dark": the skin tones of openmoji.json in the words that its names use."""
    return ", ".join(TONES[int(number) - 1] for number in str(skintone).split(",") if number)


def read_stencils(fluent: Path) -> dict[str, str]:
    """An unpacked @iconify-json package -> the text of an SVG file by hexcode, without selectors."""
    icons = json.loads((fluent / "icons.json").read_text(encoding="utf-8"))
    hexcodes = json.loads((fluent / "chars.json").read_text(encoding="utf-8"))  # "1f431": "cat-face"
    svgs = {}
    for hexcode, name in hexcodes.items():
        icon = icons["icons"][name]
        box = f"0 0 {icon.get('width', icons['width'])} {icon.get('height', icons['height'])}"
        svgs[without_selectors(hexcode)] = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" color="black">{icon["body"]}</svg>'
        )
    return svgs


def rounded(picture: np.ndarray) -> np.ndarray:
    """Each value at the next multiple of 3, so at most 1 of 255 away: a shaded picture takes a third less space."""
    return ((picture + 1.0) // 3 * 3).astype(np.uint8)


def collect(sources: Sources) -> tuple[list[dict], list[np.ndarray], list[str]]:
    """One row and one picture (64, 64, 3) for each emoji and style, and the names of what is left out."""
    data = json.loads((sources.openmoji / "data/openmoji.json").read_text(encoding="utf-8"))
    by_hexcode = {item["hexcode"]: item for item in data}
    cartoons = by_name(sources.google / "img/google/64", "png")
    flats = by_name(sources.twitter / "img/twitter/64", "png")
    renders = by_name(sources.fluent_3d / "assets", "webp")
    stencils = read_stencils(sources.fluent_high_contrast)
    rows, pictures, left_out = [], [], []
    for item in data:
        if item["group"] in LEFT_OUT_GROUPS:
            continue
        hexcode, key = item["hexcode"], without_selectors(item["hexcode"])
        if key not in cartoons or key not in flats:  # newer than the two PNG sets
            left_out.append(item["annotation"])
            continue
        base = by_hexcode.get(item["skintone_base_hexcode"] or hexcode, item)
        base_key = without_selectors(base["hexcode"])
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
            "sketch": render_svg((sources.openmoji / f"black/svg/{hexcode}.svg").read_text(encoding="utf-8")),
            "cartoon": on_white(Image.open(cartoons[key])),
            "flat icon": on_white(Image.open(flats[key])),
            "illustration": render_svg((sources.openmoji / f"color/svg/{hexcode}.svg").read_text(encoding="utf-8")),
        }
        if (render := renders.get(file_name_of_render(key, base_key))) is not None:
            drawn["3D render"] = rounded(np.array(images.on_white_square(Image.open(render), SIDE)))
        if base_key in stencils:
            drawn["stencil"] = render_svg(stencils[base_key])
        for style, picture in drawn.items():
            rows.append({"style": style, **row})
            pictures.append(picture)
    return rows, pictures, left_out


def with_splits(
    rows: list[dict], pictures: list[np.ndarray]
) -> tuple[list[dict], list[np.ndarray], list[str], list[str]]:
    """-> the rows with their `split`, their pictures, the pictures' digests; and the captions that are left out."""
    digests = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
    found = splits.assign(rows, digests)
    for row, split in zip(rows, found, strict=True):
        row["split"] = split
    kept = [i for i, split in enumerate(found) if split is not None]
    conflicts = [full_caption(row) for row in rows if row["split"] is None]
    return [rows[i] for i in kept], [pictures[i] for i in kept], [digests[i] for i in kept], conflicts


def write_sheets(rows: list[dict], pictures: list[np.ndarray], digests: list[str], out: Path) -> None:
    """One sheet a style, COLUMNS pictures a line; identical pictures stand there once. Sets each row's `position`."""
    for style in ALL_STYLES:
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
@click.option("--openmoji", type=FOLDER, required=True, help="npm openmoji, unpacked")
@click.option("--google", type=FOLDER, required=True, help="npm emoji-datasource-google, unpacked")
@click.option("--twitter", type=FOLDER, required=True, help="npm emoji-datasource-twitter, unpacked")
@click.option("--fluent-3d", type=FOLDER, required=True, help="npm @lobehub/fluent-emoji-3d, unpacked")
@click.option("--fluent-high-contrast", type=FOLDER, required=True, help="npm @iconify-json/fluent-emoji-high-contrast")
@click.option("--out", type=click.Path(path_type=Path), default=Path("data/emoji"), show_default=True)
def main(out: Path, **folders: Path) -> None:
    """Write sprite sheets and captions.csv, and print the counts that the data card states."""
    out.mkdir(parents=True, exist_ok=True)
    rows, pictures, left_out = collect(Sources(**folders))
    rows, pictures, digests, conflicts = with_splits(rows, pictures)
    write_sheets(rows, pictures, digests, out)
    with open(out / "captions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    report(rows, digests, left_out, conflicts)


def report(rows: list[dict], digests: list[str], left_out: list[str], conflicts: list[str]) -> None:
    """Print what the data card states."""
    emoji = {row["hexcode"] for row in rows}
    click.echo(f"{len(rows)} pictures of {len(emoji)} emoji; {len(set(digests))} distinct pictures")
    click.echo(f"left out, newer than Noto or Twemoji: {len(left_out)}")
    click.echo(f"left out, identical to a picture of another split: {'; '.join(conflicts) or 'none'}")
    for style in ALL_STYLES:
        of_style = [(row, digest) for row, digest in zip(rows, digests, strict=True) if row["style"] == style]
        counts = Counter(row["split"] for row, _ in of_style)
        distinct = len({digest for _, digest in of_style})
        bases = {row["base_hexcode"] for row, _ in of_style}
        shares = ", ".join(f"{split} {counts[split]}" for split in SPLITS)
        click.echo(f"{style}: {len(of_style)} pictures of {len(bases)} base emoji, {distinct} distinct; {shares}")
    for split in SPLITS:
        of_split = [row for row in rows if row["split"] == split]
        click.echo(f"{split}: {len(of_split)} pictures of {len({row['base_hexcode'] for row in of_split})} base emoji")
    listing = "\n".join(f"{row['hexcode']} {row['style']} {row['split']}" for row in rows)
    click.echo(f"hash of the splits: {hashlib.sha256(listing.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
