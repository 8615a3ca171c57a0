"""A lesson's text in pieces that a slide can hold: their HTML, how high they will be, and where they may be cut."""

from __future__ import annotations

import base64
import html
import io
import math
import re
from dataclasses import dataclass
from typing import Any

from ..bank import Question

HEIGHT = 590  # pixels below a slide's heading
LINE, LETTERS = 36, 78  # of text: pixels a line, letters a line (a careful estimate)
CODE_LINE, CODE_EDGE, ROW = 28, 40, 46
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.S)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
SENTENCE = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][*\")”]))\s+(?=[A-Z“\"*`(\[])")
HELP = re.compile(r"`(?:hint|expected|rescue)\b|Stuck\?|from dalle_lessons import|Import them from|all three")
ITEM = re.compile(r"^(?:[-*]|\d+\.)\s")


@dataclass
class Block:
    """A paragraph, list, table, piece of code or figure."""

    kind: str
    source: str
    html: str
    height: int

    def cut(self) -> list[Block]:
        """Pieces that fit one slide each."""
        if self.height <= HEIGHT or self.kind == "figure":
            return [self]
        if self.kind == "code":
            lines, step = self.source.split("\n"), (HEIGHT - CODE_EDGE) // CODE_LINE
            return [code("\n".join(lines[i : i + step])) for i in range(0, len(lines), step)]
        if self.kind == "table":
            lines = self.source.split("\n")
            middle = 2 + (len(lines) - 2) // 2
            if middle == 2:
                return [self]
            halves = lines[:middle], [*lines[:2], *lines[middle:]]
        else:
            parts = _items(self.source) if self.kind == "list" else SENTENCE.split(self.source)
            if len(parts) == 1:
                return [self]
            halves = parts[: len(parts) // 2], parts[len(parts) // 2 :]
        glue = "\n" if self.kind in ("list", "table") else " "
        return [piece for half in halves for piece in _block(glue.join(half)).cut()]


def blocks_of(text: str) -> list[Block]:
    """The blocks of some markdown, as blank lines part them; raw HTML in it, which hides answers, is left out."""
    found, held, fence = [], [], False
    for line in [*text.split("\n"), ""]:
        if line.startswith("```"):
            fence = not fence
        if line.strip() or fence:
            held.append(line)
        elif held:
            if not held[0].startswith("<"):
                found.append(_block("\n".join(held)))
            held = []
    return found


def essence(blocks: list[Block], whole: bool = False) -> list[Block]:
    """What of these a slide shows: of a paragraph two sentences and what it asks; everything else, and `whole`, all.

    How to get help with an exercise is said in class.
    """
    kept = []
    for block in blocks:
        if block.kind != "text":
            kept.append(block)
            continue
        sentences = [s for s in SENTENCE.split(block.source) if not HELP.search(s)]
        chosen = [s for i, s in enumerate(sentences) if whole or i < 2 or re.search(r"\?\*", s)]
        if chosen:
            kept.append(_block(" ".join(chosen)))
    return kept


def code(source: str) -> Block:
    """Code as it stands."""
    text = source.strip("\n")
    return Block(
        "code", text, f"<pre><code>{html.escape(text)}</code></pre>", CODE_LINE * (text.count("\n") + 1) + CODE_EDGE
    )


def figures_in(cell: dict[str, Any]) -> list[str]:
    """The pictures that a cell has drawn, as `<img>` with their alternative texts."""
    found = []
    for data in (output.get("data", {}) for output in cell["outputs"]):
        if "image/png" in data:
            alt = html.escape(" ".join("".join(data.get("text/plain", "")).split())[:400])
            png = "".join(data["image/png"]).replace("\n", "")
            found.append(f'<img class="figure" alt="{alt}" src="data:image/png;base64,{png}">')
    return found


def questions_in(question: Question) -> str:
    """The right answer of a question and its reason, for the notes."""
    right = next(choice for choice in question.choices if choice.right)
    return f"<p>{html.escape(str(right.text))}: {html.escape(right.because)}</p>"


def to_html(text: str, inline: bool = False) -> str:
    """Markdown as HTML without links; formulas are drawn. Raises ImportError where the `lab` extra is missing."""
    import mistune  # lazy: it comes with Jupyter

    formulas: list[str] = []

    def keep(match: re.Match) -> str:
        formulas.append(_formula(match[1] or match[2], bool(match[1])))
        return f"FORMULA{len(formulas) - 1}END"

    text = LINK.sub(r"\1", FORMULA.sub(keep, text))
    made = str(mistune.create_markdown(plugins=["table"])(text))
    for number, formula in enumerate(formulas):
        made = made.replace(f"FORMULA{number}END", formula)
    return re.sub(r"^<p>|</p>\s*$", "", made.strip()) if inline else made


def _block(source: str) -> Block:
    first = source.lstrip()
    if first.startswith("```"):
        return code(re.sub(r"^```\w*\n|\n?```$", "", first))
    lines = source.split("\n")
    if first.startswith("|"):
        widest = [max(1, math.ceil(_letters(line) / (LETTERS + 4))) for line in lines if not set(line) <= set("|-: ")]
        return Block("table", source, to_html(source), sum(ROW + LINE * (n - 1) for n in widest) + 14)
    if ITEM.match(first):
        height = sum(LINE * math.ceil(_letters(item) / (LETTERS - 4)) + 8 for item in _items(source)) + 14
        return Block("list", source, to_html(source), height)
    lines_needed = math.ceil(_letters(source) / LETTERS)
    formulas = source.count("$$") // 2 * 2 + ("\\frac" in source)
    return Block("text", source, to_html(source), LINE * (lines_needed + formulas) + 14)


def _items(source: str) -> list[str]:
    """The items of a list, each with the lines that go on with it."""
    items: list[str] = []
    for line in source.split("\n"):
        if ITEM.match(line) or not items:
            items.append(line)
        else:
            items[-1] += f"\n{line}"
    return items


def _letters(text: str) -> int:
    """How many letters will be seen, about."""
    text = LINK.sub(r"\1", text)
    text = FORMULA.sub(lambda match: re.sub(r"\\\w+|[{}]", "x", match[1] or match[2])[:70], text)
    return len(re.sub(r"[*`]", "", text))


def _formula(tex: str, display: bool) -> str:
    """A formula as an SVG picture with its TeX as alternative text; as code where matplotlib cannot draw it."""
    from matplotlib import mathtext, rc_context

    easy = re.sub(r"\\(?:[bB]igg?[lr]?|[dt]?displaystyle)(?![a-zA-Z])", "", " ".join(tex.split()))
    easy = (
        easy.replace(r"\text{", r"\mathrm{")
        .replace(r"\tfrac", r"\frac")
        .replace(r"\top", "T")
        .replace(r"\|", r"\Vert ")
    )
    try:
        buffer = io.BytesIO()
        with rc_context({"mathtext.fontset": "dejavusans", "svg.hashsalt": "slides", "font.size": 19}):
            mathtext.math_to_image(f"${easy}$", buffer, format="svg", dpi=72)
    except ValueError:
        return f"<code>{html.escape(tex)}</code>"
    svg = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue().decode(), flags=re.S)
    image = (
        f'<img class="formula" alt="{html.escape(" ".join(tex.split()))}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
    )
    return f'<span class="display">{image}</span>' if display else image
