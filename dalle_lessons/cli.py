"""The command `dalle-lessons`. Errors are one sentence; torch is imported only by what needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

MODELS = ("dvae", "dalle", "clip", "edit", "judge")


class FriendlyGroup(click.Group):
    """A group whose commands end with one sentence, not with a traceback, where a user's input is at fault."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ImportError) as error:
            raise click.ClickException(str(error)) from error
        except RuntimeError as error:
            if type(error).__name__ != "NonFiniteLoss":  # any other is a mistake of ours, and its traceback is needed
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dalle-lessons")
def main() -> None:
    """DALL·E in lessons: draw pictures from captions, train the models, take the course."""


@main.command()
@click.argument("caption", required=False)
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, a folder, or hub:owner/name.")
@click.option("--images", default=9, show_default=True, help="How many pictures to keep.")
@click.option("--candidates", default=64, show_default=True, help="How many to draw and rank.")
@click.option("--seed", default=0, show_default=True, help="Another seed draws other pictures.")
@click.option("--index", type=int, help="Draw again the one picture with this index.")
@click.option("--temperature", default=1.0, show_default=True, help="Below 1: safer; above 1: wilder.")
@click.option("--top-k", type=int, help="Draw each token among the k likeliest.")
@click.option("--top-p", type=float, help="Draw each token among the likeliest that together reach p.")
@click.option("--guidance", default=0.0, show_default=True, help="How much more to follow the caption.")
@click.option("--out", default="drawing.png", show_default=True, help="Where the grid of pictures goes.")
@click.option("--prompts", type=click.Path(path_type=Path), help="A file with one caption a line.")
@click.option("--out-dir", type=click.Path(path_type=Path), help="With --prompts: where each picture goes.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture, best first.")
def draw(caption, model, images, candidates, seed, index, out, prompts, out_dir, as_json, **options) -> None:
    """Draw pictures of CAPTION, best first, in one grid; or of every line of a file, one PNG each."""
    if (caption is None) == (prompts is None):
        raise click.UsageError('Give a caption, for example "a sketch of a cat face", or a file with --prompts.')
    if (prompts is None) != (out_dir is None):
        raise click.UsageError("--prompts and --out-dir belong together: the file to read, the folder to write to.")
    captions = [caption] if prompts is None else read_prompts(prompts)
    from .pipeline.image_files import file_name
    from .pipeline.text_to_image import TextToImage

    system = TextToImage.from_pretrained(model)
    failed = 0
    for number, prompt in captions.items() if prompts is not None else [(1, caption)]:
        try:
            drawings = system.draw(
                prompt,
                images,
                candidates,
                seed,
                indices=None if index is None else [index],
                **options,
            )
        except ValueError as error:
            if prompts is None:
                raise
            click.echo(f"Line {number}: {error}", err=True)  # one bad line does not stop the others
            failed += 1
            continue
        if prompts is None:
            path = drawings[0].save(out) if index is not None else drawings.save(out)
            paths = [path] * len(drawings)
        else:
            names = [file_name(number, prompt, rank) for rank in range(1, len(drawings) + 1)]
            paths = [drawing.save(out_dir / name) for drawing, name in zip(drawings, names, strict=True)]
        if as_json:
            for drawing, path in zip(drawings, paths, strict=True):
                click.echo(json.dumps(describe(drawing, path), ensure_ascii=False))
        elif prompts is None:
            click.echo(f"Drew {prompt!r}, {len(drawings)} of {candidates if index is None else 1}: {paths[0]}")
    if prompts is not None and not as_json:
        click.echo(f"Drew {len(captions) - failed} of {len(captions)} captions into {out_dir.absolute()}")
    if failed:
        sys.exit(1)


def describe(drawing, path: Path) -> dict:
    return {
        "prompt": drawing.caption,
        "path": str(path),
        "seed": drawing.seed,
        "index": drawing.index,
        "score": round(drawing.score, 6),
    }


def read_prompts(path: Path) -> dict[int, str]:
    """Line number -> caption, empty lines left out. Raises ValueError or OSError with one sentence."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8: save it as UTF-8, one caption a line.") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path} to read captions from.") from None
    captions = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not captions:
        raise ValueError(f"{path} holds no captions: write one a line.")
    return captions


@main.command()
@click.argument("instruction")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out-dir", type=click.Path(path_type=Path), required=True, help="Where the drawn pictures go.")
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, a folder, or hub:owner/name.")
@click.option("--candidates", default=16, show_default=True, help="How many to draw of each picture; the best is kept.")
@click.option("--seed", default=0, show_default=True, help="Another seed draws other pictures.")
@click.option("--temperature", default=1.0, show_default=True, help="Below 1: safer; above 1: wilder.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture.")
def edit(instruction, images, out_dir, model, candidates, as_json, **options) -> None:
    """Draw each of IMAGES anew as INSTRUCTION says, for example "as a sketch"; one PNG each, under its own name."""
    from .datasets.images import open_image
    from .model.editing import read_instruction
    from .pipeline.image_files import names_of
    from .pipeline.text_to_image import TextToImage

    read_instruction(instruction)  # what is wrong with every picture is said once
    system = TextToImage.from_pretrained(model)
    failed = 0
    for image, name in zip(images, names_of(images), strict=True):
        try:
            path = out_dir / name
            if any(path.exists() and original.exists() and path.samefile(original) for original in images):
                raise ValueError(f"{path} is one of the pictures to edit: name another --out-dir.")
            drawing = system.edit(open_image(image), instruction, 1, candidates, **options)[0]
            path = drawing.save(path)
        except (ValueError, OSError) as error:
            click.echo(f"{image}: {error}", err=True)  # one bad picture does not stop the others
            failed += 1
            continue
        if as_json:
            click.echo(json.dumps({"image": str(image), **describe(drawing, path)}, ensure_ascii=False))
        else:
            click.echo(f"{image} -> {path}")
    if failed:
        sys.exit(1)


@main.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--data", default="emoji", show_default=True, help="emoji, shapes, or a folder of pictures.")
@click.option("--preset", help="Which recipe [default: that of the data, or emoji for a folder].")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights, log and checkpoint go there.")
@click.option("--dvae", help="For dalle, clip and edit: the dVAE's weights [default: the bundled ones of the preset].")
@click.option("--start", help="Weights to start from: a bundled name, or a folder [default: random ones].")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--minutes", type=float, help="Stop cleanly after so many; --resume goes on.")
@click.option("--steps", type=int, help="Another number of steps than the preset's.")
@click.option("--seed", type=int, help="Another seed than the preset's.")
def train(model, data, preset, out, dvae, start, resume, minutes, steps, seed) -> None:
    """Train a model; stopping it (Ctrl-C) loses nothing."""
    from .training.run import train_model

    changes = {key: value for key, value in (("steps", steps), ("seed", seed)) if value is not None}
    trainer = train_model(model, data, preset, out, dvae, start, resume, minutes, **changes)
    done = f"{trainer.step} of {trainer.train_config.steps} steps, {trainer.seconds / 60:.1f} minutes"
    click.echo(f"Trained {done}; weights, log and checkpoint: {out.absolute()}")


@main.command()
@click.option("--world", type=click.Choice(("emoji", "shapes")), default="emoji", show_default=True)
@click.option("--weights", help="A folder with the models, in place of the bundled ones.")
@click.option("--captions", type=int, help="How many captions a figure [default: 192 emoji, 128 shapes].")
@click.option("--candidates", default=64, show_default=True, help="How often each caption is drawn.")
@click.option("--only", help="Some parts, with commas between: dvae,judge,retrieval,ledger,drawings,variety,edits.")
@click.option("--split", "splits", multiple=True, help="Draw the captions of this split of the emoji alone.")
@click.option("--temperature", default=1.0, show_default=True, help="At which pictures are drawn.")
@click.option("--guidance", default=0.0, show_default=True, help="With which pictures are drawn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def evaluate(world, weights, captions, candidates, only, splits, as_json, **options) -> None:
    """Measure the bundled weights on what they have not seen."""
    from .datasets.emoji import SPLITS
    from .evaluation.report import PARTS, evaluate_emoji, table
    from .evaluation.shapes import evaluate_shapes
    from .pipeline.text_to_image import TextToImage

    parts = PARTS if only is None else tuple(only.split(","))
    for kind, asked, known in (("part", parts, PARTS), ("split", splits, SPLITS)):
        if strange := [name for name in asked if name not in known]:
            raise click.UsageError(f"There is no {kind} {strange[0]!r}: choose among {', '.join(known)}.")
    if splits and world != "emoji":
        raise click.UsageError("--split is for the emoji: the shapes are always measured on seen and held-out scenes.")
    if world == "emoji":
        drawn = splits or SPLITS
        report = evaluate_emoji(weights or world, captions or 192, candidates, parts, True, drawn, **options)
    else:
        system = TextToImage.from_pretrained(weights or world)
        report = evaluate_shapes(system, captions or 128, candidates, parts, True, **options)
    click.echo(json.dumps(report, indent=1) if as_json else "\n".join(table(report)))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each file.")
def verify(files, as_json) -> None:
    """Was each of FILES drawn and signed by a model, and is it still as it was signed?

    Ends with 0 if all are signed and unchanged, and with 1 if one is not.
    """
    from .pipeline.provenance import verify as check

    good = True
    for file in files:
        try:
            verdict = check(file)
        except (ValueError, OSError) as error:
            click.echo(str(error), err=True)
            good = False
            continue
        good &= verdict.state == "signed"
        if as_json:
            line = {"file": str(file), "state": verdict.state, "facts": verdict.facts, "sentence": verdict.sentence}
            click.echo(json.dumps(line, ensure_ascii=False))
        else:
            facts = ", ".join(f"{name} {value}" for name, value in verdict.facts.items())
            click.echo(verdict.sentence + (f" It says: {facts}." if facts else ""))
    if not good:
        sys.exit(1)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def student(folder: Path) -> None:
    """Copy the lessons into FOLDER, without their solutions, overwriting nothing."""
    from .classroom.lessons import student as copy

    copy(folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), default="my-lessons")
def lab(folder: Path) -> None:
    """Open JupyterLab on your own copy of the lessons (in FOLDER, made if missing)."""
    from .classroom.lessons import student as copy

    copy(folder)
    done = subprocess.run([sys.executable, "-m", "jupyter", "lab", str(folder)])
    if done.returncode:
        raise click.ClickException("JupyterLab did not start: install it with pip install 'dalle-lessons[lab]'.")


@main.command()
@click.option("--model", default="emoji", show_default=True, help="Bundled weights or a folder.")
@click.option("--port", default=8866, show_default=True, help="Where the page is served.")
@click.option("--browser/--no-browser", default=True, help="Open it in a browser at once.")
def play(model, port, browser) -> None:
    """Open the playground as a page of its own, for this machine only; what you save goes into the folder drawings."""
    if find_spec("voila") is None:
        raise click.ClickException(
            "The page needs Voila: install it with pip install 'dalle-lessons[play]', or play inside lesson 17."
        )
    from .model.files import weights_dir

    weights_dir(model, "dalle")  # where there are none, it says so before a page opens
    here = f"import os\n\nos.chdir({str(Path.cwd())!r})\n"  # folders are meant as seen from here
    source = f"{here}from dalle_lessons.classroom.playground import open_playground\n\nopen_playground({model!r})"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "playground.ipynb"
        page.write_text(json.dumps(notebook_of(source)), encoding="utf-8")
        command = [sys.executable, "-m", "voila", str(page), "--Voila.ip=127.0.0.1", f"--port={port}"]
        done = subprocess.run(command if browser else [*command, "--no-browser"])
    if done.returncode:
        raise click.ClickException("The page could not be served; what stands above says why.")


def notebook_of(source: str) -> dict:
    """The smallest notebook with one code cell."""
    cell = {"cell_type": "code", "id": "play", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": [{**cell, "source": source}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


@main.command()
def doctor() -> None:
    """Is this machine ready, and how fast is it beside the minutes that the lessons state?"""
    from .classroom.doctor import doctor as check

    sys.exit(0 if check() else 1)


if __name__ == "__main__":
    main()
