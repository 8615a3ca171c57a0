"""Breaks the library in many small ways, one at a time, and counts which of them no test notices.

    make mutants       (or: python tools/mutants.py [--only model.sampling] [--sample 50] [--minutes 15])

A mutant is one changed operator, constant or argument. It is killed if a test of its module fails, and survives if none
does: then the line that it changed is executed, perhaps, but not tested. All of them take two cores several hours; with
--sample a random part of each module is tried, always the same. Works on a copy, in build/mutants. After a run `mutmut
results` in a module's folder there lists the survivors, and `mutmut show NAME` prints one.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "mutants"
# Module -> the test files that should notice.
SUITES = {
    "model.sequence": ["model/test_sequence.py"],
    "model.attention_masks": ["model/test_attention_masks.py"],
    "model.sampling": ["model/test_sampling.py"],
    "model.quantizer": ["model/test_quantizer.py"],
    "training.batches": ["training/test_batches.py", "training/test_objectives.py"],
    "training.token_noise": ["training/test_batches.py"],
    "training.objectives": [
        "training/test_objectives.py",
        "training/test_clip_objective.py",
        "training/test_shares.py",
        "training/test_streams.py",
        "training/test_run.py",
    ],
    "training.trainer": ["training/test_trainer.py"],
    "training.training_state": ["training/test_trainer.py"],
    "evaluation.metrics": ["evaluation/test_metrics.py"],
    "evaluation.likelihood": ["evaluation/test_likelihood.py", "evaluation/test_metrics.py"],
    "evaluation.candidates": ["evaluation/test_drawings.py", "evaluation/test_devices.py"],
    "pipeline.provenance": ["pipeline/test_provenance.py"],
}
SETTINGS = """\
[tool.mutmut]
source_paths = [{sources}]
pytest_add_cli_args_test_selection = [{tests}]
pytest_add_cli_args = ["-m", "not slow", "--import-mode=importlib", "-p", "no:cacheprovider"]
# Each mutant is a copy of a process that has imported the tests, but has run none: one that has computed with threads
# would leave its copies waiting for threads that they do not have.
process_isolation = "forkserver"
also_copy = ["dalle_lessons", "tests", "data", "notebooks", "conftest.py", "README.md", "constraints.txt"]

[tool.pytest.ini_options]
pythonpath = ["tests"]
markers = ["slow: takes more than about ten seconds"]
"""


def quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def drawn(folder: Path, source: Path, count: int) -> list[str]:
    """The names of `count` mutants of a module or package (fewer, if there are fewer). source: relative to folder."""
    from mutmut.mutation.file_mutation import mutate_file_contents  # pyright: ignore[reportMissingImports]

    names = []
    with chdir(folder):  # where mutmut finds its settings
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            made = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
            names += [f"{module}.{name}" for name in made.mutant_names]
    return random.Random(0).sample(names, min(count, len(names)))


def run(module: str, tests: list[str], sample: int | None, minutes: float | None) -> dict[str, int]:
    """Mutate one module (or package) and run its tests against each mutant, or a sample of them, the fast ones first,
    until the minutes are over -> how many were killed, survived, …"""
    folder = SCRATCH / module
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("dalle_lessons", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "README.md", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("data", "notebooks"):
        (folder / name).symlink_to(ROOT / name)
    path = Path("dalle_lessons", *module.split("."))
    source = path if (ROOT / path).is_dir() else path.with_suffix(".py")
    settings = SETTINGS.format(sources=quoted([str(source)]), tests=quoted([f"tests/{test}" for test in tests]))
    (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
    mutmut = [str(Path(sys.executable).parent / "mutmut")]
    names = [] if sample is None else drawn(folder, source, sample)  # none: all
    # One thread, since several mutants may be tried at once; no browser; and none of the plugins, which take longer to
    # begin than most tests.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LESSONS_BROWSER": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        everything = {"cwd": folder, "env": environment, "stdout": log, "stderr": log, "start_new_session": True}
        with subprocess.Popen([*mutmut, "run", *names], **everything) as process:
            try:
                process.wait(None if minutes is None else 60 * minutes)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGTERM)  # with the copies that it made; what it found is in files
        subprocess.run([*mutmut, "export-cicd-stats"], cwd=folder, stdout=log, stderr=log)
    found = folder / "mutants" / "mutmut-cicd-stats.json"
    if not found.exists():
        raise click.ClickException(f"{module}: the tests do not pass as they are; see {folder / 'log.txt'}.")
    return json.loads(found.read_text(encoding="utf-8"))


def line(name: str, total: int, killed: int, tried: int) -> str:
    return f"{name:<28} {total:>5} mutants, {tried:>5} tried, {killed:>5} killed, {killed / max(1, tried):.0%}"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(SUITES)), help="This module alone; may be repeated.")
@click.option("--sample", type=click.IntRange(1), help="So many mutants of each module, drawn at random.")
@click.option("--minutes", type=float, help="Stop a module after so many, whatever mutants are left.")
def main(only: tuple[str, ...], sample: int | None, minutes: float | None) -> None:
    """Print a line a module: mutants, how many of them were tried and killed, and the share."""
    rows = []
    for module in only or SUITES:
        stats = run(module, SUITES[module], sample, minutes)
        killed = stats["killed"] + stats["timeout"] + stats["segfault"]  # one that hangs or crashes is noticed too
        rows.append((stats["total"], killed, killed + stats["survived"] + stats["no_tests"] + stats["suspicious"]))
        click.echo(line(module, *rows[-1]))
    click.echo(line("all", *(sum(column) for column in zip(*rows, strict=True))))


if __name__ == "__main__":
    main()
