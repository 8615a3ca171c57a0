"""What helps a student along: guesses, recall, hints and worked answers, the record, the map, figures by id."""

import json
import xml.etree.ElementTree as ET

import pytest
import torch

from dalle_lessons import check, course_map, expected, guess, hint, ready, recall, rescue, score, show
from dalle_lessons.classroom import bank, exercises, lesson_figures, record
from dalle_lessons.classroom import course_map as maps
from dalle_lessons.classroom import recall as recalls
from dalle_lessons.classroom.exercises import CheckFailed, worked
from dalle_lessons.classroom.guesses import answered
from dalle_lessons.classroom.pictures import Picture

TEXTS = """
guesses:
  codes: {question: "How many codes?", low: 1, high: 128, unit: codes}
  colors: {question: "What of the colors?", choices: [kept, lost]}
exercises:
  nearest_code:
    praise: "Now, what is its gradient?"
    hints: [Look at the distances., One number a row., argmin over the codes.]
    expected: One number for each row.
    example: nearest_code(torch.tensor([[1.0], [5.0]]), torch.tensor([[4.0], [0.0]]))
questions:
"""
QUESTION = """
  - ask: Question {n}?
    choices:
      - {{text: "yes {n}", right: true, because: It is so.}}
      - {{text: "no {n}", because: You mixed it up.}}
"""


@pytest.fixture(autouse=True)
def texts(tmp_path, monkeypatch):
    """Lessons 01, 04, 06 and 02 with questions; a record of its own."""
    for lesson in ("01", "02", "04", "06"):
        text = TEXTS + "".join(QUESTION.format(n=f"{lesson}/{n}") for n in range(7))
        (tmp_path / f"{lesson}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(bank, "questions_dir", lambda: tmp_path)
    bank.lesson_texts.cache_clear()
    monkeypatch.setenv("DALLE_LESSONS_RECORD", str(tmp_path / "my_guesses.json"))
    exercises.passed.clear()
    yield tmp_path
    bank.lesson_texts.cache_clear()


def nearest_code(z, codebook):
    return torch.cdist(z, codebook).argmin(1)


def farthest_code(z, codebook):
    return torch.cdist(z, codebook).argmax(1)


# ---- guesses ----


def test_a_guess_is_kept_and_stands_beside_what_it_is(texts):
    asked = guess("02.codes")
    assert asked.value is None and str(answered("02.codes", 6)) == "It is 6 codes."
    asked.number.value = 60
    asked.children[1].children[1].click()
    assert asked.value == 60 and "You said: 60 codes." in asked._said.value
    outcome = answered("02.codes", 6)
    assert str(outcome) == "You said 60 codes; it is 6 codes." and outcome.right is None
    assert json.loads((texts / "my_guesses.json").read_text())["guesses"] == {"02.codes": {"guess": 60, "truth": 6}}
    assert guess("02.codes").value == 60  # in a later session too


def test_a_choice_is_right_or_wrong():
    guess("02.colors").children[1].children[1].click()
    assert answered("02.colors", "kept").right is False and answered("02.colors", "lost").right is True
    guess("02.colors", "kept")
    assert str(answered("02.colors", "kept")) == "You said kept; it is kept."


def test_impossible_guesses_are_refused_with_what_is_possible():
    with pytest.raises(ValueError, match="a number from 1 to 128"):
        guess("02.codes", 500)
    with pytest.raises(ValueError, match="Choose one of: kept, lost"):
        guess("02.colors", "some")
    with pytest.raises(ValueError, match="Did you mean “02.colors”"):
        guess("02.color")
    with pytest.raises(ValueError, match="none of the choices"):
        answered("02.colors", "some")


def test_a_guess_without_a_kernel_reads_as_its_question():
    assert repr(guess("02.colors")) == "Your guess first: What of the colors? (kept / lost)"
    assert "from 1 to 128" in repr(guess("02.codes"))


def test_html_in_a_question_is_shown_and_not_run(texts):
    (texts / "02.yaml").write_text("guesses: {a: {question: '<img src=x>', low: 0, high: 1}}")
    bank.lesson_texts.cache_clear()
    assert "<img" not in guess("02.a").children[0].value


# ---- the record ----


def test_a_damaged_record_is_set_aside(texts, capsys):
    (texts / "my_guesses.json").write_text("{half")
    guess("02.codes", 3)
    assert (texts / "my_guesses.damaged.json").read_text() == "{half"
    assert record.read_record()["guesses"] == {"02.codes": {"guess": 3}}
    assert "a new one begins" in capsys.readouterr().out


def test_without_a_place_to_write_the_session_remembers(texts, monkeypatch, capsys):
    monkeypatch.setenv("DALLE_LESSONS_RECORD", str(texts / "nowhere" / "my_guesses.json"))
    guess("02.codes", 3)
    assert guess("02.codes").value == 3 and "this session remembers" in capsys.readouterr().out


# ---- recall ----


def test_a_lesson_opens_with_earlier_lessons_and_closes_with_its_own():
    asked = recalls.recall_questions("07", "start")
    assert [lesson for lesson, _ in asked] == ["06", "04", "01"]
    closing = recalls.recall_questions("06", "end")
    assert [question.ask for _, question in closing] == [f"Question 06/{n}?" for n in range(3)]
    assert not {q.ask for _, q in asked} & {q.ask for _, q in closing}
    assert recalls.recall_questions("00", "start") == []
    with pytest.raises(ValueError, match="not at 'middle'"):
        recall("07", "middle")


def test_an_answer_gets_its_reason_and_the_first_one_counts():
    box = recall("07")
    buttons = sorted(box.children[0].children[1].children, key=lambda button: button.description, reverse=True)
    buttons[1].click()  # "no …"
    assert "No." in box._verdicts[0].value and "You mixed it up." in box._verdicts[0].value
    buttons[0].click()
    assert "Right." in box._verdicts[0].value and box._score.value.startswith("0 of 1")
    next(b for b in box.children[1].children[1].children if b.description.startswith("yes")).click()
    assert box._score.value.startswith("1 of 2")
    assert "1. Question 06/" in repr(box)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("questions: [{ask: a, choices: [{text: b, because: c}]}]", "exactly one right answer"),
        ("guesses: {a: {question: b}, c: 3}", "01.yaml cannot be read"),
        ("guesses: {a: {question: b, low: 2, high: 1}}", "needs choices, or low and high"),
        ("answers: {}", "there is no part answers"),
        ("questions: [", "01.yaml cannot be read"),
    ],
)
def test_a_bank_that_is_not_in_order_is_named(texts, text, sentence):
    (texts / "01.yaml").write_text(text)
    bank.lesson_texts.cache_clear()
    with pytest.raises(ValueError, match=sentence):
        bank.lesson_texts("01")


# ---- nobody is stuck ----


def test_hints_come_rung_by_rung_and_stay_at_the_last(capsys):
    for _ in range(4):
        hint("02.nearest_code")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Hint 1 of 3: Look at the distances.", "Hint 2 of 3: One number a row."]
    assert lines[2] == lines[4] == "Hint 3 of 3: argmin over the codes." and "rescue('02.nearest_code')" in lines[3]
    assert record.read_record()["hints"] == {"02.nearest_code": 3}
    with pytest.raises(ValueError, match="There is no hint"):
        hint("02.nearest")


def test_expected_shows_what_the_worked_answer_gives(capsys):
    expected("02.nearest_code")
    out = capsys.readouterr().out
    assert "One number for each row." in out and out.endswith("-> tensor([1, 0])\n")


def test_a_rescued_answer_works_and_is_recorded_as_taken():
    check("02.nearest_code", rescue("02.nearest_code"))
    assert record.read_record()["rescues"] == {"02.nearest_code": True}
    with pytest.raises(ValueError, match="no exercise '02.nothing'"):
        rescue("02.nothing")


def test_ready_keeps_a_right_answer_and_replaces_a_wrong_one_with_a_notice(capsys):
    assert ready("02.nearest_code", nearest_code) is nearest_code
    assert capsys.readouterr().out == "" and record.read_record()["rescues"] == {}
    taken = ready("02.nearest_code", farthest_code)
    assert "taken, not solved" in capsys.readouterr().out
    check("02.nearest_code", taken)
    check("02.nearest_code", ready("02.nearest_code", ...))
    check("02.nearest_code", ready("02.nearest_code"))


def test_ready_does_not_check_twice_what_has_passed(monkeypatch):
    check("02.nearest_code", nearest_code)
    monkeypatch.setitem(exercises.CHECKS, "02.nearest_code", lambda answer: pytest.fail("checked again"))
    assert ready("02.nearest_code", nearest_code) is nearest_code


def test_every_exercise_of_the_lessons_has_a_worked_answer():
    found = {name: answer for n in (*range(18), 19) for name, answer in worked.worked_answers(f"{n:02d}").items()}
    assert len(found) >= 50
    assert all("### BEGIN SOLUTION" in cell for cell, _ in found.values())


def test_a_worked_answer_leaves_the_students_variables_alone():
    names = {"torch": torch, "nearest_code": farthest_code}
    assert worked.make_worked("02.nearest_code", names) is not farthest_code
    assert names == {"torch": torch, "nearest_code": farthest_code}


def test_a_worked_answer_that_builds_on_cells_not_run_says_so(monkeypatch):
    monkeypatch.setattr(worked, "worked_answers", lambda lesson: {"02.a": ("b = not_there + 1", "b")})
    with pytest.raises(ValueError, match="builds on 'not_there': run the lesson's cells"):
        worked.make_worked("02.a", {})


# ---- check and score ----


def test_a_right_answer_is_praised_and_stderr_is_silent(capsys):
    def loud(z, codebook):
        import sys

        print("warning", file=sys.stderr)
        return nearest_code(z, codebook)

    check("02.nearest_code", loud)
    seen = capsys.readouterr()
    assert seen.out == "Right. Now, what is its gradient?\n" and seen.err == ""
    check("04.flatten", lambda grid: grid.flatten(1))
    assert capsys.readouterr().out == "Right.\n"


def test_score_gives_points_by_the_parts_that_pass(monkeypatch, capsys):
    def parts(answer):
        yield "a number" if isinstance(answer, int) else exercises.diagnose(0, 1, {}, "It should be a number.")
        if answer < 3:
            raise CheckFailed("It should be at least 3.")
        yield "large"

    monkeypatch.setitem(exercises.CHECKS, "02.parts", parts)
    known = worked.worked_answers("02") | {"02.parts": ("answer = 5", "answer")}
    monkeypatch.setattr(worked, "worked_answers", lambda lesson: known)
    assert score("02.parts", 4, points=3) == 3
    assert score("02.parts", 1, points=3) == 1.0
    assert score("02.parts", "one", points=3) == 0.0
    assert "Not yet: It should be at least 3." in capsys.readouterr().out
    assert score("02.nearest_code", nearest_code, points=2) == 2
    assert score("02.nearest_code", farthest_code, points=2) == 0


# ---- the map, and figures by id ----


def test_the_map_lights_each_lessons_part():
    for n in range(20):
        drawn = course_map(f"{n:02d}")
        root = ET.fromstring(drawn.svg)
        bold = [e.text for e in root.iter() if e.tag.endswith("text") and e.get("font-weight") == "bold"]
        lit = (
            []
            if f"{n:02d}" in maps.WHOLE
            else [line for k in maps.lit_parts(f"{n:02d}") for line in maps.PARTS[k].lines]
        )
        assert bold == lit and drawn.alt
    assert "Lit here: decoder, encoder + codebook." in course_map("02").alt
    with pytest.raises(ValueError, match="no lesson '20'"):
        course_map("20")


def test_arrows_of_the_map_join_its_parts():
    assert all(a in maps.PARTS and b in maps.PARTS for a, b in maps.ARROWS)


def test_figures_come_by_id(monkeypatch):
    monkeypatch.setitem(lesson_figures.FIGURES, "02.dots", lambda n: Picture(b"", f"{n} dots"))
    assert show("02.dots", 3).alt == "3 dots"
    with pytest.raises(ValueError, match="no figure '02.dot'. Did you mean '02.dots'"):
        show("02.dot")


# ---- the questions that the course ships ----


def shipped() -> list[str]:
    return [f"{n:02d}" for n in range(20)]


@pytest.mark.parametrize("lesson", shipped())
def test_every_lesson_has_ten_questions_whose_answers_have_reasons(lesson, monkeypatch):
    monkeypatch.undo()  # the course's own, instead of those above
    bank.lesson_texts.cache_clear()
    questions = bank.lesson_texts(lesson).questions
    assert len(questions) >= 10 and len({q.ask for q in questions}) == len(questions)
    for question in questions:
        texts = [choice.text for choice in question.choices]
        assert len(set(texts)) == len(texts) >= 3 and all(len(choice.because) > 15 for choice in question.choices)


def test_the_right_answer_is_not_known_by_its_length(monkeypatch):
    """Neither by its length nor by its place."""
    monkeypatch.undo()
    bank.lesson_texts.cache_clear()
    questions = [q for lesson in shipped() for q in bank.lesson_texts(lesson).questions]
    longest = sum(max(q.choices, key=lambda choice: len(choice.text)).right for q in questions)
    assert longest / len(questions) < 0.45
    first = sum(q.shuffled()[0].right for q in questions)
    assert 0.2 < first / len(questions) < 0.5


def test_readers_without_a_kernel_get_the_whole_text():
    for widget in (guess("02.colors"), recall("02", "end")):
        data, _ = widget._repr_mimebundle_()
        assert data["text/plain"] == repr(widget) and "application/vnd.jupyter.widget-view+json" in data
    assert len(repr(recall("02", "end"))) > 110
