"""What docs/scaling.md tells people to type works, and what it says that its lines print, they print."""

import contextlib
import io
import re
import shlex
from pathlib import Path

from dalle_lessons.classroom.steppers.training_cost import parameters
from dalle_lessons.cli import main
from dalle_lessons.training.presets import DALLE_PRESETS

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "scaling.md").read_text(encoding="utf-8")
TORCHRUN = {"--standalone", "--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint", "--max-restarts"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands():
    """Each command of dalle-lessons on the page, as arguments; what stands before it in a line of torchrun is checked."""
    for line in (line for block in blocks("sh") for line in block.splitlines() if line.strip()):
        words = shlex.split(line, comments=True)
        if words[0] == "torchrun":
            before, words = words[: words.index("-m")], words[words.index("-m") + 1 :]
            assert {word for word in before if word.startswith("--")} <= TORCHRUN, line
        if words[0] != "python":
            assert words[0] in ("dalle-lessons", "dalle_lessons"), line
            yield words[1:]


def test_every_command_parses():
    found = list(commands())
    assert {words[0] for words in found} == {"train", "shards", "tokenize"} and len(found) >= 10
    for name, *words in found:
        with main.commands[name].make_context(name, list(words)):  # reads the arguments, and runs nothing
            pass


def test_its_python_prints_what_it_says_and_counts_as_the_library_does():
    (code,), (said,) = blocks("python"), blocks("")
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "scaling.md", "exec"), names)
    assert printed.getvalue() == said
    for preset in DALLE_PRESETS.values():
        c = preset.config
        assert parameters(c) == names["parameters"](
            c.width, c.layers, c.vocab_size, c.text_length, c.codes, c.rows, c.cols
        )
