"""HTML for widgets that a stranger's text cannot break out of: captions, error messages, names of files.

What a widget shows as HTML runs as part of the page, and a caption such as `<img src=x onerror=…>` would run its
script there. So steppers, questions and the playground have no widget of ipywidgets' own for HTML: theirs is `Markup`,
and whatever is put into one passes through `safe`.
"""

from __future__ import annotations

import html
import re

import ipywidgets as widgets
from traitlets import validate

from .pictures import Picture

# All tags that the course's own texts use, letter by letter: none of them can hold a script.
PLAIN = r"</?(?:b|i|sub|sup|details|summary|code|div|h2|h3)>|<br>|</span>"
CLASSED = r'<(?:div|span) class="dalle-[a-z]+(?: dalle-[a-z]+)*">'
LIVE = '<div role="status" aria-live="polite">'
IMAGE = r'<img alt="[^"<>]*" src="data:image/png;base64,[A-Za-z0-9+/=]*">'
TAGS = re.compile(f"({PLAIN}|{CLASSED}|{re.escape(LIVE)}|{IMAGE})")


def safe(text: str) -> str:
    """The same HTML, in which every tag but those of this course is shown as the letters that it is made of."""
    parts = TAGS.split(text)  # text, tag, text, tag, …, text
    return "".join(part if n % 2 else html.escape(html.unescape(part)) for n, part in enumerate(parts))


def said(text: str) -> str:
    """Plain text as HTML that a screen reader speaks when it changes; tags in it are letters."""
    return f"{LIVE}{html.escape(text)}</div>"


def image(picture: Picture) -> str:
    """A picture as HTML: widgets.Image has no alternative text."""
    return f'<img alt="{html.escape(picture.alt)}" src="data:image/png;base64,{picture.base64()}">'


class Markup(widgets.HTML):
    """A widget for HTML that keeps the course's own tags alone: see `safe`."""

    @validate("value")
    def _safe(self, proposal: dict) -> str:
        return safe(proposal["value"])

    def say(self, text: str) -> None:
        """Show plain text, such as an error's, in which tags are letters; "" clears it."""
        self.value = html.escape(text)


def style(css: str) -> widgets.HTML:
    """Rules for how the page looks, written by us."""
    return widgets.HTML(f"<style>{css}</style>")


def with_text(bundle: dict | tuple[dict, dict], text: str) -> tuple[dict, dict]:
    """A widget's mimebundle with all of its text for readers without a kernel; ipywidgets cuts it at 110 letters."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**data, "text/plain": text}, metadata
