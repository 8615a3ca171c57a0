"""The playground: without a browser, in JupyterLab, and as the page that `dalle-lessons play` serves."""

import contextlib
import html
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch
from classroom.test_browser import NOT_OURS, get, idle, page_maker, server, wait_until  # noqa: F401
from click.testing import CliRunner
from PIL import Image

from dalle_lessons import TextToImage, cli
from dalle_lessons.classroom import serve
from dalle_lessons.classroom.playground import Playground, echo, nearest, open_playground
from dalle_lessons.classroom.playground.growing import continues, watching
from dalle_lessons.classroom.playground.widget import WORLDS
from dalle_lessons.classroom.playground.words import colored, known_from, split_style, warnings_of, with_style
from dalle_lessons.classroom.student_copy import for_student
from dalle_lessons.datasets.emoji import STYLES, emoji
from dalle_lessons.datasets.images import to_tensor
from dalle_lessons.datasets.pairs import Pairs
from dalle_lessons.model.editing import extend_rows
from dalle_lessons.model.files import notebooks_dir
from dalle_lessons.pipeline.provenance import has_watermark, verify

CAPTION = "a small red circle above a big blue square"


@pytest.fixture
def playground(tmp_path):
    return open_playground("shapes", tmp_path / "drawings")


def shown(playground) -> list[str]:
    return [picture.value for picture in playground.pictures]


def said(playground) -> str:
    return html.unescape(playground.status.value)


def enter(playground) -> None:
    """What the page sends when Enter is pressed in the caption's field."""
    playground.caption._handle_custom_msg({"event": "submit"}, [])
    playground.wait()


def test_enter_does_not_overtake_the_letters(playground):
    """The page sends the first letter and Enter at once, the other letters when the kernel has answered, however late
    that is, and then what it is asked for."""

    def page_answers(change) -> None:
        if change["new"]:
            threading.Timer(1.0, lambda: playground.caption.set_trait("value", "a big green cross")).start()
            threading.Timer(1.1, lambda: playground.echo.set_trait("value", 1)).start()

    playground.echo.observe(page_answers, "playing")
    playground.caption.value = "a"
    playground.caption._handle_custom_msg({"event": "submit"}, [])
    playground.wait()
    assert playground.drawings[0].caption == "a big green cross"


def test_where_no_page_answers_it_draws_all_the_same(playground, monkeypatch):
    asked = []
    monkeypatch.setattr(echo, "PATIENCE", 0.1)
    playground.echo.observe(lambda change: asked.append(change["new"]), "playing")
    playground.caption.value = "a big green cross"
    enter(playground)
    enter(playground)  # nothing was typed since: nothing is asked
    assert playground.drawings[0].caption == "a big green cross" and asked == [True, False]


def test_it_opens_with_nine_ranked_pictures(playground):
    assert playground.caption.value == CAPTION and len(set(playground.pictures)) == 9
    scores = [float(button.description.split(": ")[1]) for button in playground.buttons]
    assert scores == sorted(scores, reverse=True)
    for n, (picture, button) in enumerate(zip(playground.pictures, playground.buttons, strict=True), start=1):
        assert f'alt="Picture {n} for: {CAPTION}"' in picture.value and button.tooltip.startswith(
            f"Look into picture {n}"
        )
    assert "the best nine of 32" in said(playground) and CAPTION in playground.headline.value
    assert playground.progress.value == playground.progress.max == 64
    data, metadata = playground._repr_mimebundle_()
    words = f"The playground: 9 ranked drawings of “{CAPTION}”. Run this cell to play."
    assert data["text/plain"] == metadata["image/png"]["alt"] == words and data["image/png"]


def test_enter_draws_and_the_seed_decides(playground):
    first = shown(playground)
    playground.seed.value = 5
    enter(playground)
    fifth = shown(playground)
    assert fifth != first and "Seed 5" in said(playground)
    playground.seed.value = 4
    playground.another.click()
    playground.wait()
    assert playground.seed.value == 5 and shown(playground) == fifth
    playground.seed.value = 0
    playground.draw_button.click()
    playground.wait()
    assert shown(playground) == first


def test_settings_reach_the_model(playground):
    playground.candidates.value, playground.temperature.value, playground.guidance.value = 64, 0.5, 1.0
    enter(playground)
    expected = playground.model.draw(CAPTION, images=9, candidates=64, temperature=0.5, guidance=1.0)
    assert [d.index for d in playground.drawings] == [d.index for d in expected]
    assert playground.progress.value == playground.progress.max == 128  # two chunks


def test_the_pictures_grow_while_they_are_drawn_and_the_old_ones_are_gone(playground, monkeypatch):
    first, seen = shown(playground), []
    playground.look_at(0)
    monkeypatch.setattr("dalle_lessons.classroom.playground.growing.EVERY", 0)
    playground.progress.observe(lambda _: seen.append((shown(playground), playground.panel.layout.display)), "value")
    playground.seed.value = 1
    enter(playground)
    growing = [pictures for pictures, _ in seen if "being drawn" in pictures[0]]
    assert len({tuple(pictures) for pictures in growing}) >= 5, "they are shown as they grow"
    assert all(display == "none" for _, display in seen[1:]) and playground.chosen is None
    assert not any(set(pictures) & set(first) for pictures, _ in seen[1:])
    assert 'alt="Candidate 9, being drawn"' in growing[0][8]


def test_only_the_first_batch_is_followed():
    steps = []
    tokens = torch.arange(2 * 9 * 64).reshape(2, 9, 64)
    first, second = tokens
    assert continues(first[:, :3], first[:, :2]) and not continues(second[:, :3], first[:, :2])
    assert not continues(first[:, :2], first[:, :2])
    model = open_playground_model()
    on_token = watching(lambda pictures: steps.append(len(pictures)), model)
    on_token(0, first[:, :1] % 16, torch.zeros(1))
    assert steps == [9]


def open_playground_model() -> TextToImage:
    return TextToImage.from_pretrained("shapes", device="cpu")


def test_stop_ends_it_between_two_tokens_and_leaves_it_unfinished(playground):
    first = shown(playground)
    playground.seed.value = 1
    playground.candidates.value = 128
    playground.progress.observe(lambda change: change["new"] == 10 and playground.stop_button.click(), "value")
    enter(playground)
    assert said(playground).count("Stopped after 10 of 256 tokens") == 1
    assert playground.stop_button.disabled and playground.keep_all.disabled and not playground.drawings
    assert not set(shown(playground)) & set(first), "the old pictures stand below a new caption"
    assert all(button.disabled for button in playground.buttons)
    playground.look_at(0)
    assert playground.chosen is None
    playground.progress.unobserve_all()
    enter(playground)
    assert shown(playground) != first and not playground.buttons[0].disabled


def test_enter_while_it_draws_begins_anew(playground):
    playground.candidates.value = 128
    playground.draw()
    playground.caption.value = "a big green cross"
    enter(playground)
    assert playground.drawings[0].caption == "a big green cross"


def test_mistakes_are_sentences_on_the_page_and_nothing_is_printed(playground, monkeypatch, capfd):
    first = shown(playground)
    playground.caption.value = "circle " * 60
    enter(playground)
    assert "This caption is too long" in said(playground) and shown(playground) == first
    assert CAPTION in playground.headline.value, "what is shown keeps its caption"
    playground.caption.value = "  "
    enter(playground)
    assert "Type a caption first" in said(playground) and shown(playground) == first
    playground.caption.value = "<b>circle</b>"
    enter(playground)
    everything = (playground.status, playground.headline, playground.words)
    assert "<b>circle" not in "".join([part.value for part in everything] + shown(playground))

    def broken(*_, **options):
        raise RuntimeError("a cable is loose")

    monkeypatch.setattr(playground.model, "draw", broken)
    enter(playground)
    assert "This went wrong: RuntimeError: a cable is loose" in said(playground)
    assert capfd.readouterr() == ("", "")


def test_a_first_caption_that_is_refused_leaves_a_playground_that_works(playground):
    other = Playground(playground.model, None, "circle " * 60)
    other.buttons[0].click()
    assert "too long" in said(other) and other.chosen is None
    other._repr_mimebundle_()
    other.caption.value = CAPTION
    enter(other)
    assert shown(other) == shown(playground)


def test_a_click_shows_what_is_behind_a_picture(playground):
    assert playground.panel.layout.display == "none"
    playground.buttons[2].click()
    drawing = playground.drawings[2]
    assert playground.panel.layout.display == "flex" and playground.chosen is drawing
    assert f"Picture 3: seed 0, index {drawing.index}, score {drawing.score:.2f}" in playground.about.value
    assert "under its grid of tokens" in playground.details.value
    near = html.unescape(playground.near.value)
    indices, distances = nearest(to_tensor(drawing.image), playground.training.pictures)
    for i, far in zip(indices, distances, strict=True):
        words = f"{playground.training.caption(i, None)}, {far:.0f} away"
        assert f'alt="In training: {words}"' in near and f"<br>{words}</div>" in near
    playground.shut.click()
    assert playground.chosen is None and playground.panel.layout.display == "none"


def test_saved_pictures_are_signed_marked_and_never_overwritten(playground):
    playground.look_at(0)
    playground.keep.click()
    (path,) = playground.folder.iterdir()
    assert f"<code>dalle-lessons verify {path}</code>" in html.unescape(playground.saved.value)
    assert path.name.startswith("000-a-small-red-circle-above-a-big-blue-square-")
    drawing = playground.drawings[0]
    verdict = verify(path)
    assert (
        verdict.state == "signed"
        and verdict.facts["pictures"] == [{"seed": 0, "index": drawing.index}]
        and verdict.facts["caption"] == CAPTION
    )
    assert has_watermark(Image.open(path)) and not has_watermark(drawing.image)
    before = path.read_bytes()
    playground.temperature.value = 0.1
    enter(playground)
    assert playground.save() is None and playground.saved.value == "", "what it would save is gone"
    playground.look_at(
        [d.index for d in playground.drawings].index(drawing.index)
        if any(d.index == drawing.index for d in playground.drawings)
        else 0
    )
    paths = {path}
    for _ in range(2):
        paths.add(playground.save())
    assert len(paths) == 3 and path.read_bytes() == before


def test_the_nine_are_saved_as_they_are_seen(playground):
    playground.keep_all.click()
    (path,) = playground.folder.iterdir()
    assert path.name == "000-a-small-red-circle-above-a-big-blue-squa-best-9.png"
    verdict = verify(path)
    assert verdict.state == "signed" and verdict.facts["caption"] == CAPTION
    assert [picture["index"] for picture in verdict.facts["pictures"]] == [d.index for d in playground.drawings]
    assert f"dalle-lessons verify {path}" in html.unescape(playground.saved_all.value)
    enter(playground)
    assert playground.saved_all.value == ""


def test_what_cannot_be_saved_is_said(playground, tmp_path):
    (tmp_path / "drawings").write_text("a file")
    playground.look_at(0)
    assert playground.save() is None and "could not be saved" in html.unescape(playground.saved.value)


def able(model: TextToImage) -> TextToImage:
    """With an edit model, untrained."""
    torch.manual_seed(0)
    return TextToImage(model.dvae, model.dalle, model.tokenizer, model.clip, extend_rows(model.dalle, 48))


def styled(training):
    """The same pictures, as if an illustrator had drawn them."""
    rows = [{"style": "sketch", "name": "red circle", "tags": "", "skin_tone": ""} for _ in training.metadata]
    return Pairs(training.pictures, training.weights, lambda i, dice: "a sketch of a circle", rows)


def test_only_an_illustration_or_a_sketch_is_drawn_in_its_other_finish(playground, tmp_path):
    playground.look_at(0)
    assert playground.sketch.layout.display == "none"
    other = Playground(able(playground.model), styled(playground.training), "a sketch of a circle", tmp_path)
    other.look_at(0)
    assert other.sketch.layout.display != "none" and other.sketch.description == "Color it in"
    source = other.chosen
    other.sketch.click()
    other.wait()
    assert other.chosen is not None and other.chosen is not source, said(other)
    assert "as an illustration" in other.chosen.caption
    assert "log-likelihood of a token -" in other.about.value and "score" not in other.about.value
    assert "It was drawn from this" in other.details.value
    path = other.save()
    assert path is not None and path.name.startswith("000-drawn-again-as-an-illustration-")
    assert verify(path).state == "signed"
    other.caption.value = "a circle"
    enter(other)
    other.look_at(0)
    assert other.sketch.layout.display == "none"


def test_stop_ends_an_edit_too(playground, tmp_path):
    other = Playground(able(playground.model), styled(playground.training), "a sketch of a circle", tmp_path)
    other.look_at(0)
    source = other.chosen
    other.progress.observe(lambda change: change["new"] == 5 and other.stop_button.click(), "value")
    other.sketch.click()
    other.wait()
    assert "Stopped after 5 of 64 tokens" in said(other) and other.chosen is source and other.stop_button.disabled


def test_more_like_this_keeps_the_first_lines(playground):
    playground.look_at(2)
    source, playground.rows.value = playground.chosen, 6
    playground.more.click()
    playground.wait()
    assert "The first 6 lines are kept." in said(playground) and playground.seed.value == 1
    assert len(playground.drawings) == 9 and playground.panel.layout.display == "none"
    kept = playground.model.image_tokens(source.image, 8)[0, :6]
    for drawing in playground.drawings:
        assert drawing.settings.given_rows == 6 and torch.equal(drawing.tokens[:6], kept)
    assert playground.progress.value == playground.progress.max == 16


# ---- examples and words ----


def test_words_say_how_often_they_stood_in_training_captions(playground):
    known, tokenizer = playground.known, playground.model.tokenizer
    texts = [playground.training.caption(i, None) for i in range(len(playground.training))]
    count = sum("circle" in text.split() for text in texts)
    line = colored("a circle wombat", known, tokenizer)
    assert f'<span class="dalle-word dalle-often"><b>circle</b> {count:,}×</span>' in line
    assert '<span class="dalle-word dalle-never"><b>wombat</b> never, read as ' in line
    assert "As a whole: new to the model." in line
    assert "As a whole: a training caption." in colored(texts[0].upper(), known, tokenizer)
    assert warnings_of("a circle", known) == ""
    told = warnings_of("a wombat 猫", known)
    assert "Never in a training caption: wombat." in told and "never seen these characters" in told and "猫" in told
    playground.caption.value = "a square"
    assert "<b>square</b>" in playground.words.value and colored("", known, tokenizer) == ""


def test_without_training_the_tokenizer_says_which_words_it_knows(playground, tmp_path):
    known = known_from(None, playground.model.tokenizer)
    assert "circle" in known.things and "red" not in known.things
    line = colored("circle wombat 猫", known, playground.model.tokenizer)
    assert "<b>circle</b> one piece" in line and "never" not in line and "\N{REPLACEMENT CHARACTER}" not in line
    other = Playground(playground.model, None, CAPTION, tmp_path)
    other.look_at(0)
    assert other.near.value == "" and other.play_game.layout.display == "none"
    before = other.caption.value
    other.examples.take_thing("square")
    assert other.caption.value == f"{before} square"
    other.surprise.click()
    other.wait()
    assert len(other.drawings) == 9


def test_styles_are_put_before_things():
    styles = ("sketch", "flat icon")
    assert split_style("A flat icon of an apple", styles) == ("flat icon", "an apple")
    assert split_style("an apple", styles) == ("", "an apple")
    assert with_style("a sketch of an apple", "flat icon", styles) == "a flat icon of an apple"
    assert with_style("a sketch of an apple", "", styles) == "an apple"
    assert split_style(with_style("", "sketch", styles), styles) == ("sketch", "")


def test_examples_and_surprise_draw_at_once(playground):
    row = playground.examples.children[-1]
    chip = row.children[1]
    chip.click()
    playground.wait()
    assert playground.caption.value == chip.description == playground.drawings[0].caption
    playground.examples.other_things()
    assert playground.examples.things != [*playground.known.favorites]
    playground.surprise.click()
    playground.wait()
    assert playground.drawings[0].caption in playground.known.captions


def test_the_examples_of_the_emoji_world_stood_in_training():
    training = emoji("train")
    known = known_from(training, TextToImage.from_pretrained("emoji", device="cpu").tokenizer)
    assert len(known.favorites) == 12 and set(known.styles) == set(STYLES)
    for thing in known.favorites:
        assert with_style(thing, "cartoon", known.styles) in known.captions, thing
    assert WORLDS["emoji"][0] in known.captions


# ---- the game ----


def test_guess_the_caption(playground):
    game = playground.game
    playground.play_game.click()
    assert game.layout.display == "flex" and "Player 2, look away" in game.status.value
    choices = [button.description for button in game.buttons]
    assert len(set(choices)) == 4 and set(choices) <= playground.known.captions
    game.buttons[1].click()
    playground.wait()
    seen = playground.headline.value + playground.status.value + playground.words.value + "".join(shown(playground))
    assert choices[1] not in seen and all(button.disabled for button in playground.buttons)
    assert playground.drawings[0].caption == choices[1] and playground.keep_all.disabled
    playground.look_at(0)
    assert playground.chosen is None and playground.save_all() is None
    game.buttons[1].click()
    assert "Right: it is" in game.status.value and "player 2: 1 of 1" in game.status.value
    assert choices[1] in playground.headline.value and not playground.buttons[0].disabled
    game.again.click()
    assert "Player 1, look away" in game.status.value
    game.dice.click()
    playground.wait()
    wrong = next(button for button in game.buttons if button.description != game.hidden)
    wrong.click()
    assert "Not quite" in game.status.value and "player 1: 0 of 1" in game.status.value
    assert playground.seed.value == 0  # the game has seeds of its own
    assert wrong.description.startswith("✗") and sum(b.description.startswith("✓") for b in game.buttons) == 1


def test_whoever_draws_something_else_leaves_the_game(playground):
    playground.play_game.click()
    playground.game.dice.click()
    enter(playground)
    assert playground.game.layout.display == "none" and not playground.hidden
    assert CAPTION in playground.headline.value and not playground.buttons[0].disabled


def test_without_a_chosen_picture_nothing_is_saved_or_edited(playground):
    assert playground.chosen is None and playground.save() is None and not playground.folder.exists()
    before = said(playground)
    playground.draw_in_other_finish()
    playground.more_like_this()
    playground.wait()
    assert said(playground) == before


def test_nearest_is_nearest():
    pictures = torch.randint(0, 256, (700, 3, 4, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    indices, distances = nearest(pictures[650], pictures, 700)
    assert indices[0] == 650 and distances[0] == 0
    truth = [float((p.float() - pictures[650].float()).square().mean().sqrt()) for p in pictures]
    assert distances == pytest.approx(sorted(truth), rel=1e-4)
    assert len(nearest(pictures[0], pictures[:2])[0]) == 2


# ---- the command ----


def test_without_voila_the_command_says_what_to_do(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    result = CliRunner().invoke(cli.main, ["play"])
    assert result.exit_code == 1 and "-m pip install" in result.output and "lesson 17" in result.output
    assert result.output.count("\n") == 1


def test_the_command_serves_this_machine_only(monkeypatch, tmp_path):
    monkeypatch.setattr(serve, "find_spec", lambda name: True)
    calls = []

    def run(command):
        page = Path(command[3])
        calls.append((command, json.loads(page.read_text(encoding="utf-8"))["cells"][0]["source"]))
        return len(calls) - 1

    monkeypatch.setattr(serve, "run_server", run)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli.main, ["play", "--model", "shapes", "--no-browser"]).exit_code == 0
    (command, source) = calls[0]
    assert (
        command[1:3] == ["-m", "dalle_lessons.classroom.page"]
        and "--Voila.ip=127.0.0.1" in command
        and "--no-browser" in command
    )
    compile(source, "page", "exec")
    assert str(tmp_path) in source and source.endswith("open_playground('shapes', device='auto')")
    failed = CliRunner().invoke(cli.main, ["play"])
    assert failed.exit_code == 1 and "The page ended with an error" in failed.output
    strange = CliRunner().invoke(cli.main, ["play", "--model", "nowhere"])
    assert strange.exit_code == 1 and "There are no dalle weights" in strange.output and len(calls) == 2
    strange = CliRunner().invoke(cli.main, ["play", "--device", "gpu"])
    assert strange.exit_code == 1 and "There is no device 'gpu'" in strange.output and len(calls) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_the_command_ends_its_program(name):
    script = "import sys, time\nfrom dalle_lessons.classroom.serve import run_server\n"
    script += "print('ready', flush=True)\nrun_server([sys.executable, '-c', 'import time; time.sleep(300)'])"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        (child,) = wait_until(psutil.Process(process.pid).children, 20, "the program did not start")
        process.send_signal(getattr(signal, name))
        process.wait(20)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_while_the_program_starts_ends_it_too(name):
    script = f"""
import os, signal, subprocess, sys
from dalle_lessons.classroom import serve

def start(command, begin=subprocess.Popen):
    process = begin(command)
    os.kill(os.getpid(), signal.{name})
    return process

serve.subprocess.Popen = start
print(serve.run_server([sys.executable, "-c", "import time; time.sleep(60)"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0 and int(done.stdout) == -signal.SIGTERM, done.stderr


# ---- in a real browser ----


TOO_WIDE = """[...document.querySelectorAll('.dalle-playground *')].filter(e => e.offsetParent
    && e.getBoundingClientRect().right > e.closest('.dalle-playground').parentElement.getBoundingClientRect().right + 1)
    .map(e => e.className)"""


def play(page, caption: str, widths: tuple[int, ...] = (400, 900, 1400)) -> None:
    """Type, Enter, nine pictures that grow; another seed changes them; Stop is heard; a click looks into one; save;
    more like this; the game; nothing is cut off on a narrow page."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    pictures = page.locator(".dalle-tiles img")
    status = page.locator('.dalle-playground div[role="status"]').first

    def drawn() -> list[str]:
        return [picture.get_attribute("src") for picture in pictures.all()]

    def until(words: str) -> None:
        wait_until(lambda: words in status.inner_text(), 90, f"the page never said {words!r}")

    until("Seed 0: the best nine of 32")
    assert pictures.count() == 9
    first = drawn()
    field = page.get_by_label("caption", exact=True)
    field.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(caption)  # as fast as it goes: Enter must not overtake the letters
    page.keyboard.press("Enter")
    page.locator(".dalle-tiles img[alt*='being drawn']").first.wait_for(timeout=60_000)
    until("Drawing 32 candidates")
    until("Seed 0: the best nine of 32")
    second = drawn()
    assert len(second) == 9 and second != first
    assert [picture.get_attribute("alt") for picture in pictures.all()] == [
        f"Picture {n} for: {caption}" for n in range(1, 10)
    ]
    for _ in range(60):  # past the buttons and the examples to the seed
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.querySelector('.widget-inline-hbox input[type=number]')"):
            break
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("7")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Another seed"
    page.keyboard.press("Enter")
    until("Seed 8: the best nine of 32")
    assert drawn() != second
    page.get_by_label("candidates", exact=True).select_option("128")
    page.get_by_role("button", name="Draw", exact=True).click()
    until("Drawing 128 candidates")
    page.get_by_role("button", name="Stop", exact=True).click()
    until("Stopped after")
    page.get_by_label("candidates", exact=True).select_option("32")
    page.get_by_role("button", name="Draw", exact=True).click()
    until("Seed 8: the best nine of 32")
    pictures.nth(2).click(force=True)  # the button below it reaches over it
    page.get_by_text("Picture 3: seed 8").wait_for(timeout=60_000)
    wait_until(
        lambda: page.evaluate("document.activeElement.innerText") == "Save this one", 20, "the panel is not in focus"
    )
    page.get_by_role("button", name="Save this one").click()
    page.get_by_text("dalle-lessons verify").wait_for(timeout=60_000)
    page.get_by_role("button", name="More like this").click()
    until("lines are kept")
    page.get_by_role("button", name="A game for two").click()
    page.get_by_role("button", name="Choose for me").click()
    page.locator(".dalle-tiles img[alt*='a hidden caption']").nth(8).wait_for(timeout=60_000)
    page.locator(".dalle-game button").first.click()
    page.get_by_text("Guessed right").wait_for(timeout=60_000)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 1000})
        wait_until(lambda: page.evaluate(TOO_WIDE) == [], 5, f"something is cut off at {width} pixels")
    assert not page.locator(".jp-RenderedText[data-mime-type*='stderr']").count()
    assert [text for text in errors if not any(known in text for known in NOT_OURS)] == []
    page.close()


@pytest.mark.slow
def test_the_lesson_plays_in_jupyterlab(server, page_maker):  # noqa: F811
    address, folder = server
    lesson = json.loads((notebooks_dir() / "17_playground.ipynb").read_text(encoding="utf-8"))
    code = [c for c in for_student(lesson)["cells"] if c["cell_type"] == "code"]
    playing = next(c for c in code if "\nPlayground(" in "".join(c["source"]))
    copy = folder / "17_playground.ipynb"
    # It would wait for ever, were the page not to answer.
    patient = "from dalle_lessons.classroom.playground import echo\necho.PATIENCE = 1000.0\n"
    playing["source"] = patient + "".join(playing["source"])
    copy.write_text(json.dumps({**lesson, "cells": [code[0], playing]}), encoding="utf-8")
    page = page_maker()
    page.goto(f"{address}/lab/tree/{copy.name}?reset", timeout=60_000)
    page.wait_for_selector(".jp-Notebook", timeout=60_000)
    wait_until(lambda: idle(address), 60, "the kernel did not start")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(".dalle-tiles img", timeout=120_000)
    wait_until(lambda: idle(address), 120, "the cells do not come to an end")
    play(page, "a cartoon of a red heart", (900, 1400))  # in 400 pixels JupyterLab's own sidebar leaves no room
    (saved,) = (folder / "drawings").iterdir()
    assert verify(saved).state == "signed"


@contextmanager
def served(folder: Path, *words: str):
    """`dalle-lessons play` as a program of its own. -> (its address, with the token; the process; its log)"""
    if find_spec("voila") is None:
        pytest.skip("Voila is not installed: the page of dalle-lessons play is not tried.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "dalle_lessons",
        "play",
        "--no-browser",
        f"--port={port}",
        "--model=shapes",
        *words,
    ]
    log = folder / "log.txt"
    with open(log, "w") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, start_new_session=True)
    try:
        find = re.compile(rf"http://127\.0\.0\.1:{port}/\?token=\w+")
        wait_until(lambda: find.search(log.read_text()) and answers(port), 90, "the page is not served")
        yield find.findall(log.read_text())[0], process, log
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def kernels(process) -> list[int]:
    """The kernels that a page has started and not ended, by process."""
    found = []
    for one in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended since it was listed
            found += [one.pid] if any("ipykernel_launcher" in word for word in one.cmdline()) else []
    return found


def answer_of(address: str, **headers: str) -> int:
    """The status that a request gets, without following where it leads."""
    parts = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=120)
    connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.mark.slow
def test_the_page_is_for_its_address_alone_and_ends_its_kernels(tmp_path):
    with served(tmp_path) as (address, process, _):
        bare = address.split("?")[0]
        assert answer_of(bare) == 302 and answer_of(address.replace("token=", "token=0")) == 302  # to ask for the token
        assert answer_of(address, Host="evil.example") == 403
        assert kernels(process) == []  # none of these started one
        assert answer_of(address) == 200  # no browser: nobody connects to the kernel that this starts
        assert len(kernels(process)) == 1
        wait_until(lambda: not kernels(process), 60, "a kernel that nobody uses does not end")


@pytest.mark.slow
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_the_page_ends_with_the_command(number, tmp_path):
    with served(tmp_path) as (address, process, _):
        assert answer_of(address) == 200
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2  # the server and a kernel
        os.kill(process.pid, getattr(signal, number))
        process.wait(20)
        gone, alive = psutil.wait_procs(family, timeout=20)
        assert not alive, [one.cmdline() for one in alive]


@pytest.mark.slow
def test_the_page_of_the_command_plays(page_maker, tmp_path):  # noqa: F811
    with served(tmp_path) as (address, process, _):
        page = page_maker()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address, timeout=120_000)
        page.wait_for_selector(".dalle-tiles img", timeout=120_000)
        play(page, "a big green cross")
        (saved,) = (tmp_path / "drawings").iterdir()
        assert verify(saved).state == "signed"
        elsewhere = [url for url in asked if not url.startswith((address.split("?")[0], "data:", "blob:"))]
        assert elsewhere == [], "the page asks a server elsewhere"
        wait_until(lambda: not kernels(process), 60, "the kernel of a closed page does not end")


@pytest.mark.slow
def test_a_caption_runs_no_script_in_the_page(page_maker, tmp_path):  # noqa: F811
    with served(tmp_path) as (address, _, _):
        page = page_maker()
        page.goto(address, timeout=120_000)
        page.wait_for_selector(".dalle-tiles img", timeout=120_000)
        field = page.get_by_label("caption", exact=True)
        field.fill('<img src=x onerror="window.pwned=1">')
        field.press("Enter")
        page.locator('.dalle-playground div[role="status"]', has_text="Seed 0").first.wait_for(timeout=60_000)
        assert page.evaluate("window.pwned") is None
        page.close()


def answers(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0
