"""The lessons in a real browser: JupyterLab in Chromium runs all cells and steps through, by keyboard.

Needs Chromium (Debian: `apt-get install chromium`) and playwright; without them these tests skip and say so, unless the
variable LESSONS_BROWSER is set, as in CI, where none may skip.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from dalle_lessons.classroom.student_copy import for_student
from dalle_lessons.model.files import notebooks_dir

MUST = bool(os.environ.get("LESSONS_BROWSER"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LESSONS = ("00", "02", "11")
STEPS_THROUGH = "Run this cell to step"  # what stands in a saved output for a stepper
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
NOT_OURS = ("favicon", "Failed to load resource", "ResizeObserver", "Content Security", "service worker", "WebGL")


@pytest.fixture(scope="module")
def page_maker():
    if CHROMIUM is None:
        (pytest.fail if MUST else pytest.skip)("There is no Chromium here: these tests need a browser.")
    sync_api = pytest.importorskip("playwright.sync_api") if not MUST else __import__("playwright.sync_api").sync_api
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield lambda: browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab over a copy of the lessons, all its settings in a temporary folder. -> (address, folder)"""
    home = tmp_path_factory.mktemp("jupyter")
    work = home / "lessons"
    work.mkdir()
    settings = home / "config" / "labconfig"
    settings.mkdir(parents=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (settings / "page_config.json").write_text(json.dumps(disabled), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}"]
    with open(home / "log.txt", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: get(f"{address}/api"), 60, "JupyterLab did not start")
        yield address, work
    finally:
        process.terminate()
        process.wait(20)


def get(address: str):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def idle(address: str) -> bool:
    """Has the kernel nothing to do, and is the page connected to it? (The sign on the page says so too early.)"""
    return any(k["execution_state"] == "idle" and k["connections"] > 0 for k in get(f"{address}/api/kernels") or [])


def wait_until(true, seconds: float, otherwise: str):
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)
    return value


def steady(read, seconds: float = 30):
    """What `read` gives once it has stayed the same for 0.6 seconds."""
    value, since, end = read(), time.monotonic(), time.monotonic() + seconds
    while time.monotonic() - since < 0.6:
        assert time.monotonic() < end, "the page never comes to rest"
        time.sleep(0.1)
        if (now := read()) != value:
            value, since = now, time.monotonic()
    return value


@pytest.mark.slow
@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_runs_and_its_stepper_answers_to_keys(number, server, page_maker):
    address, folder = server
    original = next(iter(sorted(notebooks_dir().glob(f"{number}_*.ipynb"))), None)
    if original is None:
        pytest.skip(f"There is no lesson {number} yet.")
    notebook = json.loads(original.read_text(encoding="utf-8"))
    place = next(n for n, cell in enumerate(notebook["cells"]) if STEPS_THROUGH in json.dumps(cell.get("outputs", [])))
    del notebook["cells"][place + 1 :]  # what comes after the first stepper would only keep the kernel busy
    copy = Path(folder) / original.name
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    page, errors = page_maker(), []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/lab/tree/{copy.name}?reset", timeout=60_000)
    page.wait_for_selector(".jp-Notebook", timeout=60_000)
    wait_until(
        lambda: any(
            k["execution_state"] == "idle" and k["connections"] > 0 for k in get(f"{address}/api/kernels") or []
        ),
        60,
        "the kernel did not start",
    )
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # The notebook shows only the cells near the window: go down until the stepper comes into being.
    stepper = page.locator(".dalle-stepper")

    def seen():
        page.evaluate("n => document.querySelectorAll('.jp-Notebook .jp-Cell')[n]?.scrollIntoView()", place)
        return stepper.count() and stepper.first.locator("img").count()

    wait_until(seen, 240, f"no stepper appears in {original.name}")
    wait_until(lambda: idle(address), 240, "the cells do not come to an end")
    stepper = stepper.first
    picture, text = stepper.locator("img").first, stepper.locator('div[role="status"]').first

    def state():
        return picture.get_attribute("src"), text.inner_text()

    def shown():  # blobs have new addresses at each redraw: compare what they hold
        return page.evaluate(
            "async i => { const b = await (await fetch(i.src)).arrayBuffer();"
            " return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', b))).join(','); }",
            picture.element_handle(),
        )

    def press(name):
        stepper.get_by_role("button", name=name).first.focus()
        before = text.inner_text()
        page.keyboard.press("Enter")
        wait_until(lambda: text.inner_text() != before, 30, f"{name} and Enter changed nothing")
        steady(state)

    steady(state, 60)
    first = shown(), text.inner_text()
    press("Forward")
    second = shown(), text.inner_text()
    assert second[1] != first[1], "the text did not change after Forward and Enter"
    press("Forward")
    third = shown(), text.inner_text()
    assert len({first[0], second[0], third[0]}) > 1, "the picture did not change after two steps"
    press("Back")
    assert (shown(), text.inner_text()) == second
    press("Back")
    assert (shown(), text.inner_text()) == first
    assert not page.locator(".jp-RenderedText[data-mime-type*='stderr']").count()
    ours = [text for text in errors if not any(known in text for known in NOT_OURS)]
    assert ours == []
    page.close()


def test_the_students_copy_keeps_the_stepper_and_hides_the_answers():
    for path in sorted(notebooks_dir().glob("*.ipynb")):
        copy = for_student(json.loads(path.read_text(encoding="utf-8")), path.name)
        assert "BEGIN SOLUTION" not in json.dumps(copy)
        assert any("dalle_lessons.classroom.steppers" in "".join(cell["source"]) for cell in copy["cells"]), path.name
