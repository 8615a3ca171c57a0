"""Pages as PDFs: how a browser is asked to print, what is said where none prints, and what comes out of a real one."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dalle_lessons.classroom.teach import pdf
from dalle_lessons.cli import main

MUST = bool(os.environ.get("LESSONS_BROWSER"))
PRINTS = 'open(target, "wb").write(b"%PDF-1.4 of " + sys.argv[-1].encode())'


@pytest.fixture
def page(tmp_path):
    (tmp_path / "a page.html").write_text("<p>Hello</p>", encoding="utf-8")
    return tmp_path / "a page.html"


def stand_in(folder: Path, monkeypatch, does: str) -> None:
    """A browser that writes down what it is asked, then does something else than print."""
    path = folder / "browser"
    lines = [f"#!{sys.executable}", "import sys, time", f"asked = {str(folder / 'asked')!r}"]
    lines += [
        'open(asked, "w").write("\\n".join(sys.argv))',
        'target = next(a for a in sys.argv if a.startswith("--print-to-pdf=")).split("=", 1)[1]',
        does,
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setattr(pdf, "find_browser", lambda: str(path))


@pytest.mark.skipif(os.name == "nt", reason="a stand-in for Unix")
@pytest.mark.parametrize("user", [0, 1000])
def test_a_browser_prints_without_a_window_a_profile_or_a_network(page, tmp_path, monkeypatch, user):
    stand_in(tmp_path, monkeypatch, PRINTS)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    said = []
    assert pdf.print_pages([page], said.append) == [tmp_path / "a page.pdf"]
    assert (tmp_path / "a page.pdf").read_bytes() == b"%PDF-1.4 of " + page.as_uri().encode()
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()[1:]
    assert {"--headless", "--no-pdf-header-footer", "--disable-background-networking"} <= set(asked)
    own = next(word for word in asked if word.startswith("--user-data-dir=")).split("=")[1]
    assert not Path(own).exists() and ("--no-sandbox" in asked) == (user == 0)
    assert said == [f"{tmp_path / 'a page.pdf'}: ready to print."]


@pytest.mark.skipif(os.name == "nt", reason="a stand-in for Unix")
@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("sys.exit(1)", "browser wrote no PDF, so there"),
        ("time.sleep(60)", "browser did not end"),
        (None, "did not start"),
    ],
)
def test_a_browser_that_prints_nothing_is_told_and_takes_nothing_away(page, tmp_path, monkeypatch, does, why):
    monkeypatch.setattr(pdf, "SECONDS", 1.0)
    stand_in(tmp_path, monkeypatch, does or "")
    if does is None:
        (tmp_path / "browser").chmod(0o644)
    (tmp_path / "a page.pdf").write_bytes(b"%PDF of yesterday")
    said = []
    assert pdf.print_pages([page], said.append) == []
    assert len(said) == 1 and why in said[0] and f"Open {page} in any browser, and print it." in said[0]
    assert (tmp_path / "a page.pdf").read_bytes() == b"%PDF of yesterday" and page.is_file()


def test_without_a_browser_the_page_stays(page, monkeypatch, tmp_path):
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    said = []
    assert pdf.print_pages([page], said.append) == [] and page.is_file()
    assert said == ["For a PDF, install Chrome, Chromium or Edge; or open the page in any browser, and print it."]


def test_browsers_are_found_by_name_and_where_systems_put_them(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for key in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(pdf, "ON_MAC", ("Some Browser.app/run",))
    assert pdf.find_browser() is None
    edge = tmp_path / "Programs" / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.touch()
    monkeypatch.setenv("PROGRAMFILES(X86)", str(tmp_path / "Programs"))
    assert pdf.find_browser() == str(edge)
    (tmp_path / "Applications" / "Some Browser.app").mkdir(parents=True)
    (tmp_path / "Applications" / "Some Browser.app" / "run").touch()
    assert pdf.find_browser() == str(tmp_path / "Applications" / "Some Browser.app" / "run")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name == "google-chrome" else None)
    assert pdf.find_browser() == "/bin/google-chrome"


@pytest.mark.slow
def test_a_real_browser_prints_the_handout_and_the_questions_with_their_key(tmp_path):
    if pdf.find_browser() is None:
        (pytest.fail if MUST else pytest.skip)("There is no Chromium here: this test needs a browser.")
    for command in ("handout", "questions"):
        result = CliRunner().invoke(main, ["teach", command, str(tmp_path / command), "--lessons", "02"])
        assert result.exit_code == 0 and result.output.count("ready to print") == 1, result.output
    for path, pages in ((tmp_path / "handout" / "02.pdf", (2, 4)), (tmp_path / "questions" / "questions.pdf", (2, 5))):
        content = path.read_bytes()
        least, most = pages  # how far a page goes depends on the fonts that are there
        assert least <= len(re.findall(rb"/Type /Page\b", content)) <= most, path.name
        assert b"/StructTreeRoot" in content and b"/Lang (en)" in content  # a screen reader finds its way
        sizes = set(re.findall(rb"/MediaBox \[0 0 (\d+)\S* (\d+)\S*\]", content))
        assert {(round(int(w), -1), round(int(h), -1)) for w, h in sizes} == {(590, 840)}  # A4, in points
