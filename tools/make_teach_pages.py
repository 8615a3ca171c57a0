"""The pages of teach/ that are made from what the course has: misconceptions.md, glossary.md, notation.md, rubric.csv
from the table in lesson 18, and the settings for nbgrader, which are those that `dalle-lessons teach release` writes.

    python tools/make_teach_pages.py            # write what has changed
    python tools/make_teach_pages.py --check    # exit 1, naming the page, if one is out of date

misconceptions.md holds what the checks say to the wrong answers in tests/classroom/answers. To know it, the answers are
run, which takes minutes for all lessons; so each lesson's part carries the fingerprint of the files that it comes from,
and only parts whose files have changed are made anew. What all checks share (exercises/__init__.py) and the library are
not in it: tests/classroom/test_exercises.py, which runs the answers anyway, compares what they get with the page. After
such a change, --lessons names the parts to make. The glossary and the notation come from data/glossary.yaml.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import importlib.util
import io
import json
import re
from pathlib import Path
from types import ModuleType

import click
import yaml

from dalle_lessons.classroom.exercises import CheckFailed, check
from dalle_lessons.classroom.teach.release import CONFIG, JUDGED

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = ROOT / "tests" / "classroom" / "answers"
EXERCISES = ROOT / "dalle_lessons" / "classroom" / "exercises"
TEACH = ROOT / "teach"
MADE = "<!-- made by tools/make_teach_pages.py: change what it is made from, then run it -->"
PART = re.compile(r"^## (\d\d) .*?(?=^## \d\d |\Z)", re.M | re.S)


def lessons() -> dict[str, Path]:
    """{"02": its notebook}."""
    return {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}


def cells(lesson: str) -> list[str]:
    """The sources of a lesson's cells."""
    read = json.loads(lessons()[lesson].read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in read["cells"]]


def exercises(lesson: str) -> list[str]:
    """The names of a lesson's exercises, in the order of the lesson."""
    return [name for source in cells(lesson) for name in re.findall(r'^check\("([^"]+)"', source, re.M)]


def title(lesson: str) -> str:
    """ "02 · The codebook: a picture as a few choices"."""
    return cells(lesson)[0].splitlines()[0].removeprefix("# ")


# --- misconceptions.md ------------------------------------------------------------------------------------------------


def made_from(lesson: str) -> list[Path]:
    """The wrong answers of a lesson, the checks that look at them, and the modules beside these that they import."""
    found, todo = [ANSWERS / f"lesson_{lesson}.py"], [f"lesson_{lesson}"]
    while todo:
        path = EXERCISES / f"{todo.pop(0)}.py"
        if not path.is_file() or path in found:  # a name that is imported from __init__ has no file
            continue
        found.append(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                todo += [node.module] if node.module else [name.name for name in node.names]
    return [found[0], *sorted(found[1:], key=lambda path: (path.stem != f"lesson_{lesson}", path.stem))]


def fingerprint(lesson: str) -> str:
    """Of the files that a lesson's part is made from."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in made_from(lesson) if file.is_file())).hexdigest()[:12]


def answers(lesson: str) -> ModuleType:
    path = ANSWERS / f"lesson_{lesson}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_said(failed: CheckFailed) -> str:
    """What a check says, to somebody whose function has a name."""
    return str(failed).replace("<lambda>", "your function")


def said_to(name: str, wrong: list) -> dict[str, list[str]]:
    """{sentence of the check: the answers that get it, by name where they have one}."""
    said: dict[str, list[str]] = {}
    for answer, _ in wrong:
        try:
            check(name, answer, quiet=True)
            continue
        except CheckFailed as failed:
            sentence = as_said(failed)
        label = getattr(answer, "__name__", "<lambda>")
        labels = said.setdefault(sentence, [])
        if callable(answer) and "<" not in label and label not in labels:
            labels.append(label)
    return said


def misconceptions_of(lesson: str) -> str:
    """The part of one lesson, in markdown."""
    wrong = answers(lesson).WRONG
    lines = [f"## {title(lesson)}", f"<!-- {fingerprint(lesson)} -->"]
    for name in exercises(lesson):
        lines += ["", f"### `{name}`", ""]
        for sentence, labels in said_to(name, wrong[name]).items():
            label = ", ".join(label.replace("_", " ") for label in labels)
            lines.append(f"- {f'*{label}*: ' if label else ''}{as_text(sentence)}")
    return "\n".join(lines) + "\n"


def as_text(sentence: str) -> str:
    """The sentence in markdown: what stands outside of `code` is meant letter by letter."""
    pieces = sentence.split("`")
    return "`".join(p if n % 2 else re.sub(r"([\\*_<\[$])", r"\\\1", p) for n, p in enumerate(pieces))


def sentences(page: str, name: str) -> set[str]:
    """What the page says to the wrong answers of an exercise, such as "02.nearest_code"."""
    part = page.split(f"### `{name}`\n")[1].split("\n#")[0]
    return {re.sub(r"^- (?:\*[^*]+\*: )?", "", line) for line in part.splitlines() if line.startswith("- ")}


def parts(page: str) -> dict[str, str]:
    """{lesson: its part of the page}."""
    return {match[1]: match[0].rstrip("\n") + "\n" for match in PART.finditer(page)}


def with_answers() -> list[str]:
    return [lesson for lesson in lessons() if (ANSWERS / f"lesson_{lesson}.py").is_file() and exercises(lesson)]


def stale(page: str) -> list[str]:
    """The lessons whose part is missing or made from other files than today's."""
    made = parts(page)
    return [lesson for lesson in with_answers() if f"<!-- {fingerprint(lesson)} -->" not in made.get(lesson, "")]


def missing(page: str) -> list[str]:
    """The lessons that have no part."""
    return [lesson for lesson in with_answers() if lesson not in parts(page)]


def misconceptions(page: str, only: list[str]) -> str:
    """The whole page, with the parts of the lessons `only` made anew."""
    made = parts(page) | {lesson: misconceptions_of(lesson) for lesson in only}
    head = f"""# What students get wrong

{MADE}

Wrong answers to the exercises, and the sentence that each gets from `check`: the answers on which checks are tested.
What stands in italics names the mistake; a sentence without a name belongs to a one-line answer. Numbers in a sentence
come from the input that the check used.

**In class:** read a lesson's part before you teach it. A good one to discuss is one that made you think.
"""
    return "\n".join([head, *(made[lesson] for lesson in with_answers() if lesson in made)])


# --- glossary.md and notation.md --------------------------------------------------------------------------------------


def entries() -> dict[str, list[dict[str, str]]]:
    """{"terms": [{term, meaning, lesson}], "symbols": [{symbol, meaning, lesson}]}."""
    return yaml.safe_load((ROOT / "data" / "glossary.yaml").read_text(encoding="utf-8"))


def glossary() -> str:
    lines = ["# Glossary", "", MADE, "", "Each word with the lesson that introduces it.", ""]
    lines += ["| term | what it means | lesson |", "|---|---|---|"]
    for entry in sorted(entries()["terms"], key=lambda entry: entry["term"].lstrip("[").lower()):
        lines.append(f"| **{entry['term']}** | {entry['meaning']} | {entry['lesson']} |")
    return "\n".join(lines) + "\n"


def notation() -> str:
    head = "Letters for sizes and quantities. Where a letter has two meanings, the lesson decides."
    lines = ["# Notation", "", MADE, "", head, "", "| symbol | what it stands for | lesson |", "|---|---|---|"]
    lines += [f"| {entry['symbol']} | {entry['meaning']} | {entry['lesson']} |" for entry in entries()["symbols"]]
    return "\n".join(lines) + "\n"


# --- rubric.csv -------------------------------------------------------------------------------------------------------


def rubric_csv() -> str:
    """The table of lesson 18, section 11, for a spreadsheet: what each part is worth, and a column for the points."""
    text = "\n".join(cells("18"))
    checked = re.findall(r"^\| (\d+) \| (.+?) \| \|$", text, re.M)  # what nbgrader counts
    rows = [(name, points, full, half, "") for points, name, full, half in JUDGED.findall(text)]
    rows = [*(("checks", points, full, "", "") for points, full in checked), *rows]
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerows([("part", "points", "all of them for", "half of them for", "given"), *rows])
    return "\ufeff" + page.getvalue()  # the mark by which spreadsheets know UTF-8


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a page is out of date.")
@click.option("--lessons", "named", help="Make these lessons' misconceptions alone, for instance 02,07.")
def main(only_check: bool, named: str | None) -> None:
    """Write the pages of teach/ that are made."""
    page = TEACH / "misconceptions.md"
    before = page.read_text(encoding="utf-8") if page.is_file() else ""
    old = stale(before)
    texts = {TEACH / "glossary.md": glossary(), TEACH / "notation.md": notation(), TEACH / "nbgrader_config.py": CONFIG}
    texts[TEACH / "rubric.csv"] = rubric_csv()
    differ = [path.name for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
    if only_check:
        old = [lesson for lesson in old if lesson not in missing(before)]
        differ += [f"{page.name} (lessons {', '.join(old)})"] if old else []
        if differ:
            raise click.ClickException(f"Out of date: {', '.join(differ)}. Run python tools/make_teach_pages.py.")
        return
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    for lesson in old if named is None else named.split(","):
        before = misconceptions(before, [lesson])
        page.write_text(before, encoding="utf-8")
        click.echo(f"misconceptions of lesson {lesson}")


if __name__ == "__main__":
    main()
