"""What docs/scaling.md tells people to type can be typed."""

import re
import shlex
from pathlib import Path

from dalle_lessons.cli import main

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "scaling.md").read_text(encoding="utf-8")
TORCHRUN = {"--standalone", "--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint", "--max-restarts"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands():
    """Each command of dalle-lessons on the page, as arguments; the options of torchrun are checked."""
    for line in (line for block in blocks("sh") for line in block.splitlines() if line.strip()):
        words = shlex.split(line, comments=True)
        if words[0] == "torchrun":
            before, words = words[: words.index("-m")], words[words.index("-m") + 1 :]
            assert {word for word in before if word.startswith("--")} <= TORCHRUN, line
        if words[0] not in ("python", "export"):
            assert words[0] in ("dalle-lessons", "dalle_lessons"), line
            yield words[1:]


def test_what_the_python_of_the_page_prints_stands_below_it(capsys):
    (code,) = blocks("python")
    exec(compile(code, "scaling.md", "exec"), {})
    below = PAGE.split(f"```python\n{code}```\n\n```\n")[1]
    assert below.startswith(capsys.readouterr().out + "```\n")


def test_the_page_shows_each_way_to_divide_a_training():
    trainings = [words for name, *words in commands() if name == "train"]
    for option in ("--shard", "--accumulate", "--batch", "--device"):
        assert any(option in words for words in trainings), option


def test_every_command_parses():
    found = list(commands())
    assert {words[0] for words in found} == {"train", "shards", "tokenize"} and len(found) >= 10
    for name, *words in found:
        with main.commands[name].make_context(name, list(words)):  # reads the arguments, and runs nothing
            pass
