"""The map of the course: how a caption becomes a picture, with the part lit that a lesson is about.

One drawing, as SVG: `course_map("02")` at the top of lesson 02; the site and the slides use the same.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

BLUE, ORANGE, LIGHT, DARK, LINE = "#0072B2", "#E69F00", "#F2F2F2", "#222222", "#767676"


@dataclass(frozen=True)
class Part:
    """A box of the map."""

    #: Its words, one string a line.
    lines: tuple[str, ...]
    #: Left, top, width, height, in the drawing's units.
    box: tuple[int, int, int, int]
    #: Lessons that are about it.
    lessons: tuple[str, ...]

    @property
    def name(self) -> str:
        return " ".join(self.lines)


# Above: from a caption to pictures. Below: what a picture must become first, so that there is something to learn.
PARTS = {
    "caption": Part(("caption",), (10, 20, 100, 52), ("01",)),
    "text_tokens": Part(("text", "tokens"), (140, 20, 100, 52), ("05",)),
    "sequence": Part(("one", "sequence"), (270, 20, 100, 52), ("06",)),
    "transformer": Part(("transformer",), (400, 20, 110, 52), ("07", "08", "09", "10", "16")),
    "sampling": Part(("sampling",), (540, 20, 100, 52), ("11", "13")),
    "decoder": Part(("decoder",), (670, 20, 100, 52), ("02", "03")),
    "ranking": Part(("CLIP ranks",), (800, 20, 100, 52), ("12",)),
    "pictures": Part(("pictures",), (930, 20, 100, 52), ("14", "15", "17")),
    "true_pictures": Part(("true", "pictures"), (10, 118, 100, 52), ("01",)),
    "encoder": Part(("encoder +", "codebook"), (140, 118, 100, 52), ("02", "03")),
    "image_tokens": Part(("image", "tokens"), (270, 118, 100, 52), ("04",)),
}
ARROWS = (
    *zip(list(PARTS)[:7], list(PARTS)[1:8], strict=True),
    ("true_pictures", "encoder"),
    ("encoder", "image_tokens"),
    ("image_tokens", "sequence"),
)
WHOLE = ("00", "18", "19")  # lessons about all of it
WIDTH, HEIGHT = 1040, 190


def lit_parts(lesson: str) -> list[str]:
    """The parts that lesson "02" is about: names of PARTS; all of them in a lesson about the whole."""
    if lesson in WHOLE:
        return list(PARTS)
    return [key for key, part in PARTS.items() if lesson in part.lessons]


@dataclass(frozen=True)
class CourseMap:
    """The drawing, for Jupyter and for files."""

    svg: str
    alt: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.alt}


def course_map(lesson: str = "00") -> CourseMap:
    """The map with the part lit that a lesson is about. lesson: "00" to "19"; ValueError for another."""
    lit = lit_parts(lesson)
    if not lit:
        raise ValueError(f"The map knows no lesson {lesson!r}: give its number, such as “02”.")
    here = "all of it" if lesson in WHOLE else ", ".join(PARTS[key].name for key in lit)
    alt = (
        "The map of the course. Above: caption, text tokens, one sequence, transformer, sampling, decoder, ranking by "
        "CLIP, pictures. Below, for training: true pictures, encoder and codebook, image tokens, which join the "
        f"sequence. Lit here: {here}."
    )
    drawn = [_arrow(PARTS[a].box, PARTS[b].box) for a, b in ARROWS]
    drawn.append(f'<text x="392" y="149" fill="{LINE}">for training: pictures become tokens, too</text>')
    drawn += [_box(part, key in lit and lesson not in WHOLE) for key, part in PARTS.items()]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" '
        f'aria-label="{html.escape(alt)}" font-family="sans-serif" font-size="15">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>\n'
        '<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
        f'<path d="M0,0 L9,4 L0,8 z" fill="{LINE}"/></marker></defs>\n' + "\n".join(drawn) + "\n</svg>"
    )
    return CourseMap(svg, alt)


def _box(part: Part, lit: bool) -> str:
    x, y, width, height = part.box
    # Lit is told by a thick border and bold words too, not by color alone.
    look = f'fill="{ORANGE}" stroke="{DARK}" stroke-width="3"' if lit else f'fill="{LIGHT}" stroke="{LINE}"'
    weight = ' font-weight="bold"' if lit else ""
    first = y + height / 2 + 5 - 9 * (len(part.lines) - 1)
    words = "".join(
        f'<text x="{x + width / 2:g}" y="{first + 18 * line:g}" text-anchor="middle" fill="{DARK}"{weight}>'
        f"{html.escape(text)}</text>"
        for line, text in enumerate(part.lines)
    )
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" {look}/>{words}'


def _arrow(start: tuple[int, int, int, int], end: tuple[int, int, int, int]) -> str:
    if start[1] > end[1]:  # from the lower line up
        x1, y1, x2, y2 = start[0] + start[2] / 2, start[1], end[0] + end[2] / 2, end[1] + end[3] + 2
    else:
        x1, y1, x2, y2 = start[0] + start[2], start[1] + start[3] / 2, end[0] - 2, end[1] + end[3] / 2
    ends = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
    return f'<line {ends} stroke="{LINE}" stroke-width="2" marker-end="url(#tip)"/>'
