"""The rooms of the house: imports go one way, downstairs, and never round in a circle."""

import ast
from pathlib import Path

import pytest

import dalle_lessons

PACKAGE = Path(dalle_lessons.__file__).parent
# What a room may import from. Evaluation looks at pipeline and training; these two know nothing of each other.
BELOW = {
    "classroom": {"evaluation", "pipeline", "training", "datasets", "model"},
    "evaluation": {"pipeline", "training", "datasets", "model"},
    "pipeline": {"datasets", "model"},
    "training": {"datasets", "model"},
    "datasets": {"model"},
    "model": set(),
}
FRONT_DOOR = {"cli", "commands", "__main__"}  # of the package itself, with its __init__


def name_of(path: Path, package: Path = PACKAGE) -> str:
    """dalle_lessons/model/dalle.py -> "model.dalle"; dalle_lessons/datasets/__init__.py -> "datasets"."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path, package: Path = PACKAGE) -> set[str]:
    """The modules of the package that a module imports, at its top or inside of a function."""
    here = list(path.relative_to(package).parent.parts)
    known = {name_of(other, package) for other in package.rglob("*.py")}
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dalle_lessons":
            base = []
        else:
            continue
        module = (node.module or "").removeprefix("dalle_lessons").strip(".")
        base = [*base, *module.split(".")] if module else base
        for alias in node.names:  # a name may be a module itself: from . import sequence
            whole = ".".join([*base, alias.name])
            found.add(whole if whole in known else ".".join(base))
    return found - {""}


def graph(package: Path = PACKAGE) -> dict[str, set[str]]:
    return {name_of(path, package): imports_of(path, package) for path in sorted(package.rglob("*.py"))}


def wrong_ways(edges: dict[str, set[str]]) -> list[str]:
    """The imports that lead upstairs or to a room next door."""
    return [
        f"{module} imports {other}"
        for module, others in edges.items()
        for other in sorted(others)
        if (room := module.split(".")[0]) in BELOW and (to := other.split(".")[0]) != room and to not in BELOW[room]
    ]


def circle(edges: dict[str, set[str]]) -> list[str]:
    """The modules of one circle of imports, in order; empty if there is none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for other in sorted(edges.get(module, ())):
            if found := walk(other, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(edges) if (found := walk(module, []))), [])


def test_every_module_has_a_room():
    modules = {name for name in graph() if name}
    assert {name.split(".")[0] for name in modules} == {*BELOW, *FRONT_DOOR}


def test_imports_go_one_way():
    assert wrong_ways(graph()) == []


def test_no_imports_go_in_a_circle():
    edges = {module: others for module, others in graph().items() if module}  # the front door opens on all rooms
    # A package's __init__ hands on what its modules hold: through it a module may seem to import itself.
    edges = {
        module: {other for other in others if not module.startswith(f"{other}.")} for module, others in edges.items()
    }
    assert " -> ".join(circle(edges)) == ""


@pytest.mark.parametrize(
    ("files", "wrong", "round"),
    [
        ({"model/a.py": "from ..training import b\n", "training/b.py": ""}, ["model.a imports training.b"], []),
        (
            {"pipeline/a.py": "def f():\n    from ..training.b import g\n", "training/b.py": ""},
            ["pipeline.a imports training.b"],
            [],
        ),
        (
            {"model/a.py": "from . import b\n", "model/b.py": "from .a import f\n"},
            [],
            ["model.a", "model.b", "model.a"],
        ),
        ({"evaluation/a.py": "from dalle_lessons.training.b import g\n", "training/b.py": ""}, [], []),
    ],
)
def test_what_is_wrong_is_named(tmp_path, files, wrong, round):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    edges = graph(tmp_path)
    assert (wrong_ways(edges), circle(edges)) == (wrong, round)


def test_the_front_door_is_light():
    """`dalle-lessons --help` and a picture's file names need no torch."""
    import subprocess
    import sys

    code = """
import sys, dalle_lessons.cli, dalle_lessons.pipeline.image_files
print("torch" in sys.modules, "huggingface_hub" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr
