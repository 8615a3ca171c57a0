"""The parts of a report, measured one by one: what is missing is said before any work, what is done is kept."""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tqdm.auto import tqdm

from .. import __version__
from ..model.atomic import replace_file
from ..model.files import WEIGHTS, weights_dir

MODELS = ("dvae", "dalle", "clip", "edit", "judge")
FAILED = "failed"  # where a report names the parts that failed


def measure_parts(
    world: str,
    name: str,
    known: Mapping[str, Sequence[str]],
    measures: Mapping[str, Callable[[], dict]],
    settings: dict,
    out: Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> dict:
    """Measure some parts of a report, and write each as OUT/PART.json as soon as it is done.

    world: "emoji" or "shapes". name: of its weights, see `weights_dir`. known: of each part, which weights it needs.
    measures: of each part that is wanted, what measures it. settings: what else decides about the figures; with the
    weights' fingerprints and the library's version it is written beside them. out: by default a folder in
    runs/evaluation named by all these. resume: parts that lie in `out` already are not measured again.
    -> for each part its report. If parts fail, the others are measured all the same, and `failed` says of each why;
    the traceback is in OUT/PART.error.txt. A part that could be measured but not be kept is in the report and in
    `failed`.

    Raises, before any work, FileNotFoundError with one sentence if weights are missing, and ValueError if `out` holds
    parts that were measured with other weights or settings, or files that cannot be read.
    """
    check_weights(name, known, list(measures))
    key = json.loads(json.dumps(measured_with(world, name, settings)))  # as it will be read again
    short = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    folder = Path("runs") / "evaluation" / f"{world}-{short}" if out is None else Path(out)
    done = read_parts(folder, known, key)
    folder.mkdir(parents=True, exist_ok=True)
    if progress:
        tqdm.write(f"Each part is kept in {folder} as soon as it is done.", file=sys.stderr)
    report, failed = {}, {}
    for part, measure in tqdm(measures.items(), desc="parts", unit="part", disable=not progress):
        if resume and part in done:
            report[part] = done[part]
            continue
        problem = folder / f"{part}.error.txt"
        try:
            figures = measure()
            text = json.dumps({"measured_with": key, "figures": figures}, indent=1, allow_nan=False)
            report[part] = figures
            replace_file(
                folder / f"{part}.json", lambda path, text=text: path.write_text(text + "\n", encoding="utf-8")
            )
            problem.unlink(missing_ok=True)
        except Exception as error:  # whatever it is: the parts before and after it are worth hours
            failed[part] = str(error) or type(error).__name__
            with suppress(OSError):  # on a full disk there is no room for it either
                problem.write_text(traceback.format_exc(), encoding="utf-8")
                failed[part] += f" (see {problem})"
    return {**report, FAILED: failed} if failed else report


def check_weights(name: str, known: Mapping[str, Sequence[str]], parts: Sequence[str]) -> None:
    """Raises FileNotFoundError with one sentence that names all missing weights and the parts that need them."""
    missing = [
        model for model in MODELS if any(model in known[part] for part in parts) and not has_weights(name, model)
    ]
    if not missing:
        return
    stuck = [part for part in parts if set(known[part]) & set(missing)]
    possible = [part for part in parts if part not in stuck]
    advice = (
        f"train them, or measure the other parts alone with --only {','.join(possible)}" if possible else "train them"
    )
    raise FileNotFoundError(
        f"There are no {' and no '.join(missing)} weights in {str(name)!r}, which {', '.join(stuck)} "
        f"need{'s' if len(stuck) == 1 else ''}: {advice}."
    )


def has_weights(name: str, model: str) -> bool:
    """Does what is called `name` hold the weights of this model?"""
    try:
        weights_dir(name, model)
    except FileNotFoundError:
        return False
    return True


def measured_with(world: str, name: str, settings: dict) -> dict:
    """All that decides about a report: the version, the settings, and of each model that is there the SHA-256 of its
    weights."""
    weights = {}
    for model in MODELS:
        if has_weights(name, model):
            with open(weights_dir(name, model) / WEIGHTS, "rb") as file:
                weights[model] = hashlib.file_digest(file, "sha256").hexdigest()
    return {"world": world, "version": __version__, "weights": weights, "settings": settings}


def read_parts(folder: Path, known: Mapping[str, Sequence[str]], key: dict) -> dict[str, dict]:
    """The parts of a report that lie in a folder. Raises ValueError with one sentence if one was measured with
    something else than `key`, or cannot be read."""
    done = {}
    for path in (folder / f"{part}.json" for part in known):
        if not path.exists():
            continue
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            was, figures = kept["measured_with"], kept["figures"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is no part of a report: move it away, or name another --out.") from None
        if was != key:
            other = [name for name in key if was.get(name) != key[name]]
            raise ValueError(
                f"{path} was measured with another {' and another '.join(other)}: name another --out, so that it stays."
            )
        done[path.stem] = figures
    return done
