"""The pages in teach/: complete, true to the lessons, and no number in them out of date."""

import csv
import importlib.util
import json
import math
import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from dalle_lessons.cli import main

ROOT = Path(__file__).resolve().parent.parent
TEACH = ROOT / "teach"
LESSONS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
NOTES = {path.stem: path for path in sorted((TEACH / "notes").glob("*.md"))}
HEADINGS = [
    "Goal",
    "Opening question",
    "On the board",
    "Minute by minute",
    "What students get wrong",
    "Exercises",
    "Steppers",
    "Discuss",
    "If time is short",
    "Exit ticket",
]


def source(lesson: str, kinds: tuple[str, ...] = ("markdown", "code")) -> str:
    cells = json.loads(LESSONS[lesson].read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] in kinds)


def stated(lesson: str) -> int:
    found = re.search(r"\*\*Time:\*\* (\d+) minutes? of work", source(lesson))
    assert found is not None
    return int(found[1])


def in_class(lesson: str) -> int:
    """One and a half times what the lesson states, rounded up to five minutes."""
    return math.ceil(1.5 * stated(lesson) / 5) * 5


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_lessons_have_notes():
    assert set(NOTES) == set(LESSONS)


@pytest.mark.parametrize("lesson", NOTES)
def test_notes_have_one_form(lesson):
    note = text(NOTES[lesson])
    assert re.findall(r"^## (.*)$", note, re.M) == HEADINGS
    assert note.splitlines()[0] == "# " + source(lesson).splitlines()[0].removeprefix("# ")
    parts = re.split(r"^## .*$", note, flags=re.M)[1:]
    assert all(len(part.split()) >= 8 for part in parts), "a part is nearly empty"


@pytest.mark.parametrize("lesson", NOTES)
def test_notes_name_every_exercise_and_stepper(lesson):
    note = text(NOTES[lesson])
    for name in re.findall(r'^check\("([^"]+)"', source(lesson), re.M):
        assert f"`{name}`" in note
    for names in re.findall(r"steppers import ([\w, ]+)", source(lesson)):
        for name in names.split(", "):
            assert f"`{name}`" in note
    named = set(re.findall(r"`(\d\d\.\w+)`", note))
    assert named <= set(re.findall(r'check\("([^"]+)"', source(lesson))), "an exercise that is not there"


@pytest.mark.parametrize("lesson", NOTES)
def test_minutes_of_the_notes_add_up(lesson):
    note = text(NOTES[lesson])
    head = re.search(r"\*\*In class: (\d+) minutes\*\* \((\d+) stated\)", note)
    assert head is not None
    assert int(head[2]) == stated(lesson) and int(head[1]) == in_class(lesson)
    rows = [int(minutes) for minutes in re.findall(r"^\| (\d+) \|", note, re.M)]
    assert sum(rows) == int(head[1])


def numbers(kind: str, words: str) -> set[int]:
    """Which sections or exercises some words name: "sections 1 to 3 and 5" -> {1, 2, 3, 5}."""
    found: set[int] = set()
    for names in re.findall(rf"\b{kind}s? (\d+(?:(?:, | and | to )\d+)*)", words, re.I):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", names):
            found |= set(range(int(first), int(last or first) + 1))
    return found


def numbers_there(kind: str, lessons: list[str]) -> set[int]:
    heading = {"section": r"^## (\d+)\. ", "exercise": r"^#+ Exercise (\d+) "}[kind]
    return {int(number) for lesson in lessons for number in re.findall(heading, source(lesson, ("markdown",)), re.M)}


@pytest.mark.parametrize("kind", ["section", "exercise"])
@pytest.mark.parametrize("lesson", NOTES)
def test_what_the_notes_number_is_there(lesson, kind):
    assert numbers(kind, text(NOTES[lesson])) <= numbers_there(kind, [lesson])


def test_what_the_routes_name_of_a_lesson_is_there():
    cells = [cell for line in text(TEACH / "routes.md").splitlines() if line[:1] == "|" for cell in line.split("|")]
    looked = 0
    for cell in cells:
        lessons = re.findall(r"\b([01]\d)\b", cell) or ["00"]  # the 90 minutes are about this one
        for kind in ("section", "exercise"):
            looked += len(numbers(kind, cell))
            assert numbers(kind, cell) <= numbers_there(kind, lessons), cell
        for stepper in re.findall(r"`([A-Z]\w+[a-z])`", cell):
            assert any(re.search(rf"steppers import .*\b{stepper}\b", source(lesson)) for lesson in lessons), cell
    assert looked > 40


def test_commands_on_the_pages_are_there_with_their_options():
    looked = 0
    for page in TEACH.rglob("*.md"):
        for line in re.findall(r"(?:^|`)(dalle-lessons [^`#\n]+)", text(page), re.M):
            words, command = shlex.split(line)[1:], main
            while isinstance(command, click.Group) and words and not words[0].startswith("-"):
                assert words[0] in command.commands, (page.name, line)
                command = command.commands[words.pop(0)]
            known = {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}
            assert {word for word in words if word.startswith("-")} <= known, (page.name, line)
            needed = [option for option in command.params if isinstance(option, click.Argument) and option.required]
            said = [word for word in words if word[0] != "-"]
            assert not words or len(said) >= len(needed), (page.name, line)  # a name alone is a mention
            if "--lessons" in words:
                assert set(words[words.index("--lessons") + 1].split(",")) <= {*LESSONS, "prerequisites"}, line
            looked += 1
        for tool, options in re.findall(r"(?:^|`)python (tools/\w+\.py)([^`#\n]*)", text(page), re.M):
            assert all(option in text(ROOT / tool) for option in re.findall(r"--[\w-]+", options)), (page.name, tool)
        targets = re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.M)
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text(page), re.M)) <= set(targets), page.name
    assert looked > 30


def glossary() -> dict:
    return yaml.safe_load(text(ROOT / "data" / "glossary.yaml"))


def test_every_term_is_in_the_lesson_that_introduces_it():
    terms = glossary()["terms"]
    assert len(terms) > 100 and len({entry["term"] for entry in terms}) == len(terms)
    for entry in terms:
        spelled = entry.get("find", entry["term"]).lower()
        words = " ".join(source(entry["lesson"]).replace("*", "").lower().split())
        assert spelled in words, (entry["term"], entry["lesson"])
        assert entry["meaning"].endswith(".") and len(entry["meaning"].split()) <= 30


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("make_teach_pages", ROOT / "tools" / "make_teach_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_that_are_made_are_up_to_date(tool):
    """If this fails, run `python tools/make_teach_pages.py`: it makes the parts anew whose files have changed."""
    result = CliRunner().invoke(tool.main, ["--check"])
    assert result.exit_code == 0, result.output


def test_a_part_is_out_of_date_when_a_module_that_its_checks_import_changes(tool, monkeypatch, tmp_path):
    names = {path.name for path in tool.made_from("18")}
    assert {"lesson_18.py", "stage_one_18.py", "own_file_18.py"} <= names and "__init__.py" not in names
    assert [path.name for path in tool.made_from("02")] == ["lesson_02.py", "lesson_02.py"]  # answers, checks
    copy = tmp_path / "exercises"
    shutil.copytree(tool.EXERCISES, copy)
    monkeypatch.setattr(tool, "EXERCISES", copy)
    page = text(TEACH / "misconceptions.md")
    assert tool.stale(page) == []
    with open(copy / "own_file_18.py", "a", encoding="utf-8") as file:  # imported by what lesson_18.py imports
        file.write("# changed\n")
    assert tool.stale(page) == ["18"]


def test_the_rubric_for_spreadsheets_has_a_hundred_points(tool):
    page = text(TEACH / "rubric.csv")
    assert page == tool.rubric_csv() and page[0] == "\ufeff"
    head, *parts = csv.reader(page[1:].splitlines())
    assert sum(int(points) for _, points, *_ in parts) == 100 and len(parts) == 10
    assert head[-1] == "given" and {row[-1] for row in parts} == {""}


def own_source() -> str:
    """What the course can say: its sources, with sentences that are broken over lines joined."""
    files = [*ROOT.glob("dalle_lessons/**/*.py"), ROOT / "tools" / "environment.py"]
    return "\n".join(re.sub(r'"\s*\n\s*f?"', "", text(path)) for path in files)


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its first two lines."""
    part = text(TEACH / page).split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_messages_in_troubleshooting_are_said_by_the_course():
    said = own_source()
    table = rows("troubleshooting.md", "What the course says")
    assert len(table) > 20
    for message, cause, command in table:
        assert message.strip("`") in said, message
        assert cause and command


def test_minutes_of_the_routes_add_up():
    page = text(TEACH / "routes.md")
    short, days, weeks = re.split(r"^## (?:90 minutes|Two days|Seven weeks)$", page, flags=re.M)[1:]
    assert sum(map(int, re.findall(r"^\| (\d+) \|", short, re.M))) == 90
    for day in days.split("**Day two**"):
        assert sum(map(int, re.findall(r"^\| (\d+) \|", day, re.M))) == 300
    named = re.findall(r"(\d\d) \((\d+) minutes\)", weeks)
    assert named and all(stated(lesson) == int(minutes) for lesson, minutes in named)


def test_settings_for_servers_can_be_read():
    from traitlets.config import Config

    for path in (TEACH / "nbgrader_config.py", TEACH / "hub" / "jupyterhub_config.py"):
        config = Config()
        exec(compile(text(path), path.name, "exec"), {"get_config": lambda config=config: config})
        assert len(config) > 2
    container = json.loads(text(ROOT / ".devcontainer" / "devcontainer.json"))
    assert container["postCreateCommand"].startswith("python3 tools/environment.py .venv lab")


def test_links_between_pages_lead_somewhere():
    for page in TEACH.rglob("*.md"):
        for target, name in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text(page)):
            if target.startswith("http"):
                continue
            other = page.parent / target if target else page
            assert other.exists(), (page.name, target)
            if name:
                headings = re.findall(r"^#+ (.*)$", text(other), re.M)
                assert name in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings], name


def test_lines_are_for_reading_and_the_pages_speak_of_the_course_alone():
    for page in TEACH.rglob("*.md"):
        words = text(page)
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", words), page.name
