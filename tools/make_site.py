"""The lessons and pages as a site that needs no network: `make site`, then open site/index.html.

    python tools/make_site.py site

Pages are laid out in a folder of their own, built by Sphinx (docs/conf.py), and checked: every link within the site
must lead somewhere, and no page may fetch anything from elsewhere.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from dalle_lessons.classroom.course_map import course_map

ROOT = Path(__file__).resolve().parent.parent
TITLE = re.compile(r"^# (\d\d) · (.+)$", re.MULTILINE)
TO_NOTEBOOKS = re.compile(r"(\]\((?:\.\./)+)notebooks/")  # a page's link to a lesson, as it stands in the repository
TEACHING = """
```{toctree}
:hidden:
:caption: Teaching
:glob:

teach/README
teach/*
teach/notes/*
teach/hub/*
```
"""
#: What a page fetches while it is shown; what a reader has to click on may lie elsewhere.
FETCHED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}
NOT_FETCHED = {"canonical", "search", "index", "next", "prev", "author", "top", "up"}  # relations of a <link>


def folded(cell: dict) -> dict:
    """A cell whose solution is not shown at once: its code is opened by a click."""
    source = "".join(cell["source"])
    if cell["cell_type"] != "code" or "### BEGIN SOLUTION" not in source:
        return cell
    tags = [*cell["metadata"].get("tags", []), "hide-input"]
    return {**cell, "metadata": {**cell["metadata"], "tags": tags}}


def quiet(cell: dict) -> dict:
    """A cell without what is only there for the programs that run it: a text that stands for a picture is its
    alternative text, and needs not be shown twice."""
    outputs = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            alt = "".join(data.get("text/plain", ""))
            output = {**output, "metadata": {"image/png": {"alt": alt}}}
        outputs.append(output)
    return {**cell, "outputs": outputs} if outputs else cell


def lay_out_lesson(path: Path, target: Path) -> tuple[str, str]:
    """Copy a lesson, with folded solutions. -> its number and title."""
    lesson = json.loads(path.read_text(encoding="utf-8"))
    lesson["cells"] = [quiet(folded(cell)) for cell in lesson["cells"]]
    target.mkdir(parents=True, exist_ok=True)
    (target / path.name).write_text(json.dumps(lesson, ensure_ascii=False), encoding="utf-8")
    title = TITLE.search("".join(lesson["cells"][0]["source"]))
    assert title is not None, f"{path.name} does not begin with “# NN · Title”."
    return title.group(1), title.group(2)


def lay_out(source: Path) -> None:
    """All pages of the site, from where they stand in the repository, into the folder `source`."""
    shutil.copytree(ROOT / "docs", source)
    rows = []
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        number, title = lay_out_lesson(path, source / "lessons")
        rows.append(f"- [{number} · {title}](lessons/{path.name})")
    (source / "lessons.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    drawn = course_map("00")
    (source / "_static" / "map.svg").write_text(drawn.svg, encoding="utf-8")
    alt = drawn.alt.replace('"', "'").replace("\n", " ")
    (source / "map.md").write_text(f"```{{image}} _static/map.svg\n:alt: {alt}\n```\n", encoding="utf-8")
    if (ROOT / "teach").is_dir():
        shutil.copytree(ROOT / "teach", source / "teach", ignore=shutil.ignore_patterns("*.py", "Dockerfile"))
        with open(source / "index.md", "a", encoding="utf-8") as index:
            index.write(TEACHING)
    for page in source.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(TO_NOTEBOOKS.sub(r"\1lessons/", text), encoding="utf-8")


class Page(HTMLParser):
    """What a page refers to, and the names within it that can be referred to."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.names: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[key] for key in ("id", "name") if key in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and set(given.get("rel", "").split()) & NOT_FETCHED:
            return
        self.fetched += [given[name] for of, name in FETCHED if of == tag and name in given]


def faults(site: Path) -> list[str]:
    """What is wrong with a built site, one line each: links within it that lead nowhere, and things fetched from
    elsewhere."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    found = []
    for path, page in pages.items():
        here = path.relative_to(site.resolve())
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    found.append(f"{here} fetches {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            name = unquote(parts.fragment)
            if not target.exists() or (name and target in pages and name not in pages[target].names):
                found.append(f"{here} links to {link}, which is not there")
    return found


@click.command()
@click.argument("out", type=click.Path(path_type=Path), default=Path("site"))
def main(out: Path) -> None:
    """Build the site into the folder OUT."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        lay_out(source)
        command = ["-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-j", "auto", "-b", "html"]
        if subprocess.run([sys.executable, *command, str(source), str(Path(folder) / "html")]).returncode:
            raise click.ClickException("Sphinx has built nothing: what it says above is to be mended.")
        shutil.rmtree(Path(folder) / "html" / ".doctrees", ignore_errors=True)
        if wrong := faults(Path(folder) / "html"):
            raise click.ClickException("\n".join(["The site is not whole:", *wrong]))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(Path(folder) / "html", out)
    click.echo(f"{len(list(out.rglob('*.html')))} pages in {out.absolute()}: open index.html there.")


if __name__ == "__main__":
    main()
