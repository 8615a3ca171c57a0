"""The questions of the lessons in GIFT, in Moodle's XML and on paper: read back, they are the same."""

import pytest
from click.testing import CliRunner

from dalle_lessons.classroom.bank import Choice, Question, lesson_texts
from dalle_lessons.classroom.teach import pdf
from dalle_lessons.classroom.teach.gift import from_gift, to_gift
from dalle_lessons.classroom.teach.moodle_xml import from_moodle_xml, to_moodle_xml
from dalle_lessons.classroom.teach.paper import to_paper
from dalle_lessons.classroom.teach.questions import questions
from dalle_lessons.classroom.teach.quiz import PREREQUISITES, Quiz, quizzes
from dalle_lessons.cli import main

HARD = Question(
    "What is {a: 1} ~ #2 = \\n: <b> & `z[:, None]`?",
    (Choice("a # b", "no: {x} ~ y = z"), Choice("= \\ <i>", "right: \\frac{1}{2}", True), Choice("~c", "a::b")),
)


def same(question: Question) -> tuple:
    """What must survive: the words, but for spaces, and which answer is right."""
    words = [(" ".join(str(c.text).split()), " ".join(c.because.split()), c.right) for c in question.choices]
    return " ".join(question.ask.split()), sorted(words)


@pytest.mark.parametrize(("write", "read"), [(to_gift, from_gift), (to_moodle_xml, from_moodle_xml)])
def test_what_is_written_reads_back_the_same(write, read):
    every = [*quizzes(), Quiz("99", "Lesson 99", (HARD,))]
    wanted = [(name, same(question)) for quiz in every for name, question in quiz.named()]
    assert [(name, same(question)) for name, question in read(write(every))] == wanted
    assert len(wanted) > 200


def test_gift_has_one_right_answer_a_question_and_no_bare_sign():
    text = to_gift([Quiz("99", "Lesson 99", (HARD,))])
    assert sum(line.startswith("\t=") for line in text.split("\n")) == 1
    assert "\\{a\\: 1\\} \\~ \\#2 \\= \\\\n\\:" in text
    with pytest.raises(ValueError, match="no answer in GIFT"):
        from_gift(text.replace("\t~", "\t"))


def test_moodle_gets_one_choice_with_feedback_and_code():
    text = to_moodle_xml([Quiz("99", "Lesson 99", (HARD,))])
    assert "&lt;code&gt;z[:, None]&lt;/code&gt;" in text and "&amp;lt;b&amp;gt;" in text
    assert text.count('fraction="100"') == 1 and text.count("<feedback") == 3
    with pytest.raises(ValueError, match="one right answer"):
        from_moodle_xml(text.replace('fraction="0"', 'fraction="100"'))


def test_the_key_on_paper_names_the_right_letter():
    page = to_paper([Quiz("99", "Lesson 99", (HARD,))])
    right = "abc"[[choice.right for choice in HARD.shuffled()].index(True)]
    assert f"<b>{right}</b>: right" in page and page.count("<br>not ") == 2
    assert "<i>" not in page and "http" not in page
    before, key = page.split("Key: for the teacher alone")
    assert "frac" in key and "frac" not in before


def test_twelve_questions_ask_what_the_course_assumes():
    asked = lesson_texts(PREREQUISITES).questions
    assert len(asked) == 12 and len({question.ask for question in asked}) == 12
    assert all(len(q.choices) >= 3 and all(len(c.because) > 15 for c in q.choices) for q in asked)
    assert sum(max(q.choices, key=lambda c: len(str(c.text))).right for q in asked) < 6  # not known by their length
    assert 2 <= sum(q.shuffled()[0].right for q in asked) <= 6  # nor by their place


def test_what_the_prerequisites_say_is_true():
    """The right answers that can be computed, computed."""
    import torch

    right = [next(str(c.text) for c in q.choices if c.right) for q in lesson_texts(PREREQUISITES).questions]
    assert right[0] == str(tuple((torch.zeros(40, 1, 3) - torch.zeros(7, 3)).shape))
    assert right[5] == str({w: len(w) for w in ["a", "cat", "sat"] if len(w) > 1}).replace("'", '"')
    assert right[6] == str(tuple((torch.zeros(2, 5, 3) @ torch.zeros(2, 3, 4)).shape))
    assert not torch.equal(torch.arange(6).view(2, 3).reshape(3, 2), torch.arange(6).view(2, 3).T)
    assert right[9] == " × ".join(map(str, torch.nn.Conv2d(1, 1, 4, 4)(torch.zeros(1, 1, 32, 32)).shape[2:]))


def test_the_command_writes_three_files_and_overwrites_none(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    run = CliRunner().invoke
    result = run(main, ["teach", "questions", str(tmp_path / "q"), "--lessons", "prerequisites,02"])
    assert result.exit_code == 0 and "22 questions" in result.output, result.output
    assert {p.name for p in (tmp_path / "q").iterdir()} == {"questions.gift", "questions.xml", "questions.html"}
    (tmp_path / "q" / "questions.gift").unlink()
    (tmp_path / "q" / "questions.xml").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        questions(tmp_path / "q", ["02"])
    assert (tmp_path / "q" / "questions.xml").read_text() == "mine"
    assert not (tmp_path / "q" / "questions.gift").exists()
    unknown = run(main, ["teach", "questions", str(tmp_path / "r"), "--lessons", "77"])
    assert unknown.exit_code == 1 and "There are no questions for “77”" in unknown.output
