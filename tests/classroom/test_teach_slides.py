"""Lessons as slides: nothing given away, nothing from elsewhere, and everything fits."""

import os
import re
import shutil

import pytest
from click.testing import CliRunner

from dalle_lessons.classroom.teach import pdf
from dalle_lessons.classroom.teach.handout import lesson_on_paper
from dalle_lessons.classroom.teach.slide_blocks import HEIGHT, blocks_of, essence, to_html
from dalle_lessons.classroom.teach.slides import lesson_as_slides
from dalle_lessons.cli import main

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MUST = bool(os.environ.get("LESSONS_BROWSER"))
# Of the slide that is shown: what sticks out of it, and the size of its smallest text outside of pictures.
MEASURE = """() => {
  const slide = document.querySelector("section.now");
  const shown = e => !e.closest("svg") && e.checkVisibility();
  const inside = [...slide.querySelectorAll("*")].filter(shown);
  const words = inside.filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  return {
    high: slide.scrollHeight - slide.clientHeight, wide: slide.scrollWidth - slide.clientWidth,
    bars: document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth,
    cut: inside.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).length,
    least: Math.min(99, ...words.map(e => parseFloat(getComputedStyle(e).fontSize))),
    text: slide.innerText.slice(0, 60),
  };
}"""


def test_slides_need_nothing_and_give_no_answer_away():
    page = lesson_as_slides("02")
    assert (
        not re.search(r'(?:src|href)="(?!data:)', page)
        and "@import" not in page
        and "http" not in page.split("<body>")[0]
    )
    assert "raise NotImplementedError" in page and "BEGIN SOLUTION" not in page and ".argmin(" not in page
    assert page.count('class="figure"') >= 8 and "Before you go" in page and "Your guess?" in page
    assert page.count("<section") > 20
    assert "<h2>2. " in page and not re.search(r"<h2>\s*<(?!code|b|em|strong|img)", page)  # a number begins no list


def test_a_slide_shows_the_beginning_of_a_text_and_what_it_asks():
    (block,) = essence(blocks_of("One. Two. Three. *And four?* Stuck? `hint(1)` helps."))
    assert re.sub("<.*?>", "", block.html).strip() == "One. Two. And four?"


def test_what_is_too_high_is_cut_between_sentences_items_and_rows():
    table, code = "| a | b |\n|---|---|\n" + "| c | d |\n" * 40, "```python\n" + "x = 1\n" * 60 + "```"
    for text in ("A sentence of some length. " * 80, "- an item\n" * 40, table, code):
        (block,) = blocks_of(text.strip())
        pieces = block.cut()
        assert len(pieces) > 1 and all(piece.height <= HEIGHT for piece in pieces)


def test_a_formula_becomes_a_picture_and_keeps_its_text():
    made = to_html(r"So $\frac{a}{\sqrt{C}}$ it is, and $\nonsense{$ stays.")
    assert 'alt="\\frac{a}{\\sqrt{C}}"' in made and "image/svg+xml" in made and "<code>" in made


def test_a_handout_asks_and_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    page = lesson_on_paper("02")
    assert page.count("<h2>Exercise") == 4 and page.count('class="work"') == 4 and ".argmin(" not in page
    assert page.count('class="answer"') == 6  # three guesses, three questions
    assert "It is constant almost everywhere" not in page and not re.search(r'(?:src|href)="(?!data:)', page)
    result = CliRunner().invoke(main, ["teach", "handout", str(tmp_path), "--lessons", "02"])
    assert result.exit_code == 0 and (tmp_path / "02.html").read_text(encoding="utf-8") == page


def test_a_handout_shows_the_pictures_that_it_asks_about_and_no_others():
    page = lesson_on_paper("00")
    assert page.count('<img class="figure"') == 2  # the four cats of a guess, the five machines of exercise 2
    four, machines = (
        page.index(words) for words in ("Which of the four did CLIP rank last?", "Here are five machines")
    )
    first = page.index('<img class="figure"')
    assert four < first < machines < page.index('<img class="figure"', first + 1) < page.index("broken = {")
    assert "It is 59" not in lesson_on_paper("01")  # the picture before that guess answers the one before it


def test_the_command_writes_one_file_a_lesson_and_names_those_there_are(tmp_path):
    result = CliRunner().invoke(main, ["teach", "slides", str(tmp_path / "s"), "--lessons", "06"])
    assert result.exit_code == 0 and (tmp_path / "s" / "06.html").stat().st_size > 50_000
    slides = (tmp_path / "s" / "06.html").read_text(encoding="utf-8").split("<section")
    told = re.findall(r"(\d+) at (\d+)", result.output)
    assert [section for section, _ in told] == [str(number) for number in range(1, len(told) + 1)] and len(told) > 5
    for section, number in told:
        assert f"<h2>{section}. " in slides[int(number)] and f"<h2>{section}. " not in "".join(slides[: int(number)])
    result = CliRunner().invoke(main, ["teach", "slides", str(tmp_path), "--lessons", "77"])
    assert result.exit_code == 1 and "There is no lesson" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("lesson", os.environ.get("LESSONS_SLIDES", "02").split(","))
def test_slides_fit_and_turn_by_keys(lesson, tmp_path):
    if CHROMIUM is None:
        (pytest.fail if MUST else pytest.skip)("There is no Chromium here: this test needs a browser.")
    sync_api = pytest.importorskip("playwright.sync_api")
    path = tmp_path / "slides.html"
    path.write_text(lesson_as_slides(lesson), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        total = int(page.text_content("footer").split("/")[1])
        wrong = []
        for number in range(1, total + 1):
            assert page.text_content("footer") == f"{number} / {total}"
            found = page.evaluate(MEASURE)
            if found["high"] > 0 or found["wide"] > 0 or found["bars"] or found["cut"] or found["least"] < 18:
                wrong.append((number, found))
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Home")
        page.keyboard.press("n")
        assert page.evaluate("document.body.className") == "notes"
        assert page.text_content("footer") == f"1 / {total}"
        page.evaluate("location.hash = '#3'")  # as typed behind the address
        page.wait_for_function("document.querySelector('footer').textContent.startsWith('3 /')")
        browser.close()
    assert wrong == [] and errors == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
