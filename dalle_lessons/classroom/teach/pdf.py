"""A page as a PDF, printed by a browser that is there already: no package brings its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ...model.atomic import replace_file

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "msedge")
ON_MAC = tuple(f"{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium", "Microsoft Edge"))
ON_WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
QUIET = ("--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-sync")
QUIET += ("--disable-background-networking", "--disable-component-update")
PLAIN = ("--no-pdf-header-footer", "--print-to-pdf-no-header")  # newer ones know the first, older ones the second
SECONDS = 120.0
#: What a page that becomes a PDF says of its paper; the numbers are the browser's to write.
PAPER = '@page { size: A4; margin: 16mm 18mm 18mm; @bottom-center { content: counter(page) " / " counter(pages); } }'


def find_browser() -> str | None:
    """A browser of this machine that prints without a window: Chrome, Chromium or Edge."""
    named = (shutil.which(name) for name in NAMES)
    places = [Path(folder, "Applications", name) for folder in ("/", Path.home()) for name in ON_MAC]
    programs = [os.environ.get(key) for key in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    places += [Path(folder, name) for folder in programs if folder for name in ON_WINDOWS]
    found = [*filter(None, named), *(str(place) for place in places if place.is_file())]
    return found[0] if found else None


def print_pages(pages: Sequence[Path], say: Callable[[str], object]) -> list[Path]:
    """Prints each HTML file as a PDF beside it, overwriting such files; returns the PDFs.

    Where no browser is found or it prints nothing, one sentence says so, and the HTML is there to print by hand.
    """
    browser = find_browser()
    if browser is None:
        say("For a PDF, install Chrome, Chromium or Edge; or open the page in any browser, and print it.")
        return []
    printed = []
    for page in pages:
        target = page.with_suffix(".pdf")
        try:
            replace_file(target, lambda part, page=page: _print(browser, page.absolute(), part.absolute()))
        except RuntimeError as error:
            say(f"{error} Open {page} in any browser, and print it.")
            continue
        say(f"{target}: ready to print.")
        printed.append(target)
    return printed


def _print(browser: str, page: Path, target: Path) -> None:
    """Raises RuntimeError with one sentence where no PDF comes of it."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # as which Chromium runs without its sandbox or not at all
    how = "wrote no PDF"
    with tempfile.TemporaryDirectory(prefix="printing-", ignore_cleanup_errors=True) as own:  # no window, no history
        command = [browser, *QUIET, *PLAIN, *(["--no-sandbox"] if root else []), f"--user-data-dir={own}"]
        command += [f"--print-to-pdf={target}", page.as_uri()]
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            how = "did not end"
        except OSError:
            how = "did not start"
    if not target.read_bytes().startswith(b"%PDF"):
        raise RuntimeError(f"{Path(browser).name} {how}, so there is no PDF of {page.name}.")
