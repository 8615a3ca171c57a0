"""The HTML around slides: plain CSS and a few lines of script, nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence

STYLE = """
* { box-sizing: border-box; }
html, body { margin: 0; height: 100%; overflow: hidden; background: #fff; color: #1a1a1a; }
body { font: 26px/1.35 system-ui, "Segoe UI", "DejaVu Sans", Arial, sans-serif; }
main { position: absolute; width: 1280px; height: 720px; transform-origin: 0 0; }
section { display: none; position: absolute; inset: 0; padding: 32px 64px; overflow: hidden; }
section.now { display: block; }
h1 { font-size: 44px; margin: 0 0 12px; } h2 { font-size: 32px; margin: 0 0 16px; color: #0b4f79; }
p, ul, ol, table, pre, blockquote { margin: 0 0 14px; }
li { margin-bottom: 6px; } blockquote { border-left: 6px solid #e69f00; padding-left: 20px; }
.large { font-size: 34px; } .large h2 { font-size: 36px; }
.opening p { font-size: 28px; } .opening li { font-size: 24px; }
.map { position: absolute; left: 64px; right: 64px; bottom: 24px; }
.map svg { font-size: 16.5px; }
pre, code { font-family: "DejaVu Sans Mono", Consolas, Menlo, monospace; }
code { font-size: .9em; background: #f2f2f2; padding: 0 4px; }
pre { font-size: 20px; line-height: 1.35; background: #f2f2f2; padding: 12px 18px; white-space: pre; }
pre code { font-size: inherit; background: none; padding: 0; }
table { border-collapse: collapse; font-size: 22px; }
th, td { border: 1px solid #999; padding: 5px 12px; text-align: left; }
img.figure { display: block; margin: 0 auto; width: 1152px; height: 590px; object-fit: contain; }
img.formula { vertical-align: middle; }
aside { display: none; position: absolute; left: 0; right: 0; bottom: 0; max-height: 50%; overflow: auto;
        padding: 16px 64px; background: #fff7e0; border-top: 3px solid #e69f00; font-size: 20px; }
.notes aside { display: block; }
footer { position: absolute; right: 24px; bottom: 12px; font-size: 18px; color: #555; }
@media print { section { display: block; position: relative; height: 720px; break-after: page; }
  aside, footer { display: none; }
  html, body { overflow: visible; height: auto; } main { position: static; height: auto; } }
"""
SCRIPT = """
const all = [...document.querySelectorAll("section")], main = document.querySelector("main");
let now = 0;
function show(n) {
  now = Math.max(0, Math.min(all.length - 1, n));
  all.forEach((slide, i) => slide.classList.toggle("now", i === now));
  document.querySelector("footer").textContent = `${now + 1} / ${all.length}`;
  history.replaceState(null, "", `#${now + 1}`);
}
function fit() {
  const scale = Math.min(innerWidth / 1280, innerHeight / 720);
  main.style.transform = `translate(${(innerWidth - 1280 * scale) / 2}px, 0) scale(${scale})`;
}
const keys = {ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1};
addEventListener("keydown", event => {
  if (event.key in keys) { event.preventDefault(); show(now + keys[event.key]); }
  else if (event.key === "Home") show(0);
  else if (event.key === "End") show(all.length - 1);
  else if (event.key.toLowerCase() === "n") document.body.classList.toggle("notes");
});
const named = () => show((parseInt(location.hash.slice(1)) || 1) - 1);
addEventListener("hashchange", named);
addEventListener("resize", fit);
fit();
named();
"""


def page(title: str, sections: Sequence[str]) -> str:
    """One HTML file with these slides, each a `<section>`."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>{STYLE}</style></head>\n<body><main>\n{chr(10).join(sections)}\n<footer></footer></main>\n"
        f"<script>{SCRIPT}</script></body></html>\n"
    )
