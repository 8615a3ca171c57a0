"""The site: what is laid out, what its own check finds, and, built whole, whether everyone can read it.

Building it needs what `make site` installs, and the last tests a browser; without them they skip and say so, unless
LESSONS_BROWSER is set, as in CI, where none may skip.
"""

import importlib.util
import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
MUST = bool(os.environ.get("LESSONS_BROWSER"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOOKED_AT = ("index.html", "lessons/02_codebook.html", "lessons/03_discrete_vae.html", "api.html", "references.html")


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_site", ROOT / "tools" / "make_site.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"<html><body>{body}</body></html>", encoding="utf-8")


@pytest.mark.parametrize(
    "body, fault",
    [
        ('<a href="other.html#there">', None),
        ('<a href="https://arxiv.org">', None),
        ('<img src="data:image/png;base64,AAAA">', None),
        ('<link rel="canonical" href="https://somewhere.org/">', None),
        ('<a href="missing.html">', "one.html links to missing.html, which is not there"),
        ('<a href="other.html#elsewhere">', "one.html links to other.html#elsewhere, which is not there"),
        ('<a href="#nowhere">', "one.html links to #nowhere, which is not there"),
        ('<img src="missing.png">', "one.html links to missing.png, which is not there"),
        ('<script src="https://cdn.somewhere.org/a.js">', "one.html fetches https://cdn.somewhere.org/a.js"),
        ('<link rel="stylesheet" href="//fonts.somewhere.org/a.css">', "one.html fetches //fonts.somewhere.org/a.css"),
    ],
)
def test_a_page_may_neither_lead_nowhere_nor_fetch(tool, tmp_path, body, fault):
    page(tmp_path / "site", "one.html", body)
    page(tmp_path / "site", "other.html", '<p id="there">')
    assert tool.faults(tmp_path / "site") == ([] if fault is None else [fault])


def test_solutions_are_folded_and_pictures_keep_their_alternative_text(tool, tmp_path):
    for path in sorted((ROOT / "notebooks").glob("0[23]_*.ipynb")):
        tool.lay_out_lesson(path, tmp_path)
        cells = json.loads((tmp_path / path.name).read_text(encoding="utf-8"))["cells"]
        solutions = [cell for cell in cells if "### BEGIN SOLUTION" in "".join(cell["source"])]
        folded = [cell for cell in cells if "hide-input" in cell["metadata"].get("tags", [])]
        assert solutions and folded == solutions
        pictures = [o for cell in cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        assert pictures and all(len(o["metadata"]["image/png"]["alt"]) > 20 for o in pictures)


@pytest.fixture(scope="module")
def site(tool, tmp_path_factory):
    if importlib.util.find_spec("myst_nb") is None:
        (pytest.fail if MUST else pytest.skip)("What builds the site is not installed: make site-tools.")
    out = tmp_path_factory.mktemp("built") / "site"
    result = CliRunner().invoke(tool.main, [str(out)])
    assert result.exit_code == 0, result.output  # Sphinx warned of nothing, no link is broken, nothing is fetched
    return out


@pytest.mark.slow
def test_it_holds_each_lesson_with_formulas_that_need_no_script(site):
    lessons = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    assert sorted(path.stem for path in (site / "lessons").glob("*.html")) == lessons
    text = (site / "lessons" / "03_discrete_vae.html").read_text(encoding="utf-8")
    assert "<math" in text and "$" not in text.split("<article")[1].split("</article")[0]
    assert "searchindex.js" in {path.name for path in site.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_read_it(site, scheme):
    if CHROMIUM is None:
        (pytest.fail if MUST else pytest.skip)("There is no Chromium here: this test needs a browser.")
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        view = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}).new_page()
        found = []
        for name in LOOKED_AT:
            view.goto((site / name).as_uri())
            for violation in Axe().run(view).response["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    found.append(f"{name}: {violation['id']} at {violation['nodes'][0]['html'][:100]}")
        browser.close()
    assert not found, "\n".join(found)
