"""Rows of small buttons, and how the playground looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from ..markup import Markup

# The button below a picture reaches over it, so that a click on the picture counts. Colors are Okabe and Ito's.
STYLE = """
.dalle-playground { width: 100%; container-type: inline-size; }
.dalle-page { max-width: 1260px; padding: 0 4px; gap: 8px 24px; }
.dalle-head { gap: 6px; }
.dalle-playground .widget-box, .dalle-playground .widget-gridbox { overflow: visible; }
.dalle-playground img { max-width: 100%; }
.dalle-playground h2, .dalle-playground h3 { margin: 4px 0; font-size: 1.25em; line-height: 1.3; }
.dalle-playground .widget-html { height: auto; }
.dalle-playground .widget-html-content { line-height: 1.5; white-space: normal; overflow-wrap: anywhere; }
.dalle-playground .widget-button:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
.dalle-playground .widget-button { max-width: calc(100% - 4px); }
.dalle-word { display: inline-block; padding: 0 6px; margin: 1px 0; border-bottom: 3px solid; color: #222222; }
.dalle-often { background: #D9EFE7; border-bottom-color: #009E73; }
.dalle-rare { background: #FBEBC8; border-bottom-color: #E69F00; border-bottom-style: dashed; }
.dalle-never { background: #F8DDCC; border-bottom-color: #D55E00; border-bottom-style: dotted; }
.dalle-chips .widget-button { border-radius: 14px; }
.dalle-chips .mod-info { background: #0072B2; }
.dalle-game .widget-button { height: auto; min-height: 28px; line-height: 1.4; white-space: normal; }
.dalle-game .mod-success, .dalle-game .mod-danger { opacity: 1 !important; color: #222222; background: #D9EFE7; }
.dalle-game .mod-danger { background: #F8DDCC; }
.dalle-left { max-width: 660px; min-width: 0; }
.dalle-panel { max-width: 520px; min-width: 0; border-left: 3px solid #0072B2; padding-left: 12px; }
@container (min-width: 640px) {
  .dalle-page { display: grid; align-items: start; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .dalle-head { grid-column: 1 / 3; }
}
@container (min-width: 1080px) {
  .dalle-page { grid-template: auto 1fr / minmax(0, 540px) minmax(0, 1fr); }
  .dalle-head { grid-area: 1 / 1; }
  .dalle-left { grid-area: 1 / 2 / 3 / 3; }
  .dalle-panel { grid-area: 2 / 1; }
}
.dalle-tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); grid-gap: 8px; }
.dalle-tiles > * { position: relative; min-width: 0; }
.dalle-tiles > :focus-within { outline: 3px solid #0072B2; outline-offset: 1px; }
.dalle-tiles .widget-html, .dalle-panel .widget-html { margin: 0; width: auto; }
.dalle-tiles .widget-html-content { line-height: 0; aspect-ratio: 1; background: #E5E5E5; }
.dalle-playground img { image-rendering: pixelated; }
.dalle-tiles img { width: 100%; }
.dalle-tiles .widget-button { position: static; width: auto; max-width: none; margin: 0; padding: 0 2px; }
.dalle-tiles .widget-button:enabled::after { content: ""; position: absolute; inset: 0; cursor: pointer; }
.dalle-near { display: inline-block; vertical-align: top; width: 30%; min-width: 90px; margin-right: 3%; }
.dalle-near img { width: 100%; max-width: 128px; }
.dalle-game { border: 2px solid #0072B2; padding: 8px; }
"""


def button(name: str, what: str, do: Callable[[], object], style: str = "") -> widgets.Button:
    """A button as wide as its words. what: its longer description, which screen readers read."""
    made = widgets.Button(description=name, tooltip=what, button_style=style, layout={"width": "auto"})
    made.on_click(lambda _: do())
    return made


def row(*parts: widgets.Widget, name: str = "") -> widgets.HBox:
    """Side by side, and on a narrow page below each other."""
    shown = [Markup(name), *parts] if name else parts
    return widgets.HBox(shown, layout={"flex_flow": "row wrap", "align_items": "center"})


def chips(name: str, words: Sequence[str], do: Callable[[str], object], marked: str | None = None) -> widgets.HBox:
    """A row of buttons for words; the marked one has a check mark."""
    made = []
    for word in words:
        on = word == marked
        what = f"{name} {word or 'none'}{', chosen now' if on else ''}"
        shown = f"{'✓ ' if on else ''}{word or 'none'}"
        made.append(button(shown, what, lambda word=word: do(word), "info" if on else ""))
    return row(*made, name=name).add_class("dalle-chips")
