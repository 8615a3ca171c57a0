"""The command `dalle-lessons`: what may be asked for. Each command calls one function; torch is imported only by what
needs it."""

from __future__ import annotations

import codecs
import io
import json
import sys
from pathlib import Path
from typing import Any

import click

from .model.threads import limit_threads

MODELS = ("dvae", "dalle", "clip", "edit", "judge")


class FriendlyGroup(click.Group):
    """A group whose commands end with one sentence, not with a traceback, where a user's input is at fault.

    `--debug` shows the traceback of any error.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click knows what to do
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            if ctx.params["debug"]:
                raise
            if sentence := sentence_for_users(error):
                raise click.ClickException(sentence) from error
            if isinstance(error, RuntimeError):  # a mistake of ours: its traceback is needed
                raise
            hint = f"{ctx.info_name} --debug {ctx.invoked_subcommand} … shows where it happened."
            raise click.ClickException(f"{type(error).__name__}: {error}\nThis is not foreseen: {hint}") from error


def sentence_for_users(error: BaseException) -> str | None:
    """What to tell a user: the text of an error that code of ours raised for that, or what the system says of a file or
    a disk. None for an error that libraries, or mistakes of ours, raise about something else."""
    if isinstance(error, OSError) and error.errno is not None:
        about = "" if error.filename is None else f"{error.filename}: "
        return f"{about}{error.strerror}."
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    ours = trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("dalle_lessons.")
    # What we raise for users is a whole sentence; a slip such as int("x") says no more than a phrase.
    return str(error) if ours and str(error).endswith((".", "?")) else None


def echo_json(record: dict[str, Any]) -> None:
    """Print a line of JSON that every terminal can show: what it cannot, or what would steer it, is escaped."""
    utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    text = json.dumps(record, ensure_ascii=False)
    click.echo("".join(c if c.isprintable() and (utf8 or c.isascii()) else json.dumps(c)[1:-1] for c in text))


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dalle-lessons")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """DALL·E in lessons: draw pictures from captions, train the models, take the course."""
    limit_threads()  # before a command imports torch; the lessons' kernels inherit it
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a letter shows its number instead of failing
            stream.reconfigure(errors="backslashreplace")


@main.command()
@click.argument("caption", required=False)
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, a folder, or hub:owner/name.")
@click.option("--images", type=int, help="How many pictures to keep [default: 9].")
@click.option("--candidates", type=int, help="How many to draw and rank [default: 64, or --images if that is more].")
@click.option("--seed", default=0, show_default=True, help="Another seed draws other pictures.")
@click.option("--index", type=int, help="Draw again the one picture with this index.")
@click.option("--temperature", default=1.0, show_default=True, help="Below 1: safer; above 1: wilder.")
@click.option("--top-k", type=int, help="Draw each token among the k likeliest.")
@click.option("--top-p", type=float, help="Draw each token among the likeliest that together reach p.")
@click.option("--guidance", default=0.0, show_default=True, help="How much more to follow the caption.")
@click.option("--out", help="Where the grid of pictures goes [default: drawing.png].")
@click.option("--prompts", type=click.Path(path_type=Path), help="A file with one caption a line.")
@click.option("--out-dir", type=click.Path(path_type=Path), help="With --prompts: where each picture goes.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture, best first.")
def draw(caption, model, images, candidates, index, out, prompts, out_dir, as_json, **options) -> None:
    """Draw pictures of CAPTION, best first, in one grid; or of every line of a file, one PNG each."""
    if (caption is None) == (prompts is None):
        raise click.UsageError('Give a caption, for example "a sketch of a cat face", or a file with --prompts.')
    if (prompts is None) != (out_dir is None):
        raise click.UsageError("--prompts and --out-dir belong together: the file to read, the folder to write to.")
    if prompts is not None and out is not None:
        raise click.UsageError("--out names one grid; with --prompts each picture goes into --out-dir.")
    if index is not None and (images, candidates) != (None, None):
        raise click.UsageError("--index draws one picture again: leave out --images and --candidates.")
    from .pipeline.batch import read_prompts, record_of
    from .pipeline.image_files import png_path, writable_folder

    # What cannot work is said before models are loaded and pictures drawn.
    captions = {} if prompts is None else read_prompts(prompts)
    path = png_path(out or "drawing.png") if prompts is None else writable_folder(out_dir)
    from .pipeline.text_to_image import TextToImage

    images = 9 if images is None else images
    options |= {"images": images, "candidates": candidates, "indices": None if index is None else [index]}
    system = TextToImage.from_pretrained(model)
    if prompts is not None:
        draw_lines(system, captions, path, as_json, options)
        return
    drawings = system.draw(caption, **options)
    path = drawings.save(path) if index is None else drawings[0].save(path)
    if as_json:
        for drawing in drawings:
            echo_json(record_of(drawing, path))
    else:
        count = 1 if index is not None else candidates or max(images, 64)
        click.echo(f"Drew {caption!r}, {len(drawings)} of {count}: {path}")


def draw_lines(system, captions: dict[int, str], folder: Path, as_json: bool, options: dict[str, Any]) -> None:
    """The captions of a file, with a bar where someone looks; exit code 1 if a line failed."""
    from tqdm.auto import tqdm

    from .model.sampling import check_options
    from .pipeline.batch import draw_prompts, record_of
    from .pipeline.settings import candidate_range

    # What is wrong with every line is said once.
    candidate_range(options["images"], options["candidates"])
    check_options(options["temperature"], options["top_k"], options["top_p"], options["guidance"])
    failed = 0
    lines = tqdm(draw_prompts(system, captions, folder, **options), total=len(captions), unit="line", disable=None)
    for done in lines:
        with tqdm.external_write_mode():  # the bar steps aside
            for drawing, path in done.made if as_json else ():
                echo_json(record_of(drawing, path))
            if done.error:
                click.echo(f"{done.name}: {done.error}", err=True)
                failed += 1
    if not as_json:
        click.echo(f"Drew {len(captions) - failed} of {len(captions)} captions into {folder}")
    if failed:
        sys.exit(1)


@main.command()
@click.argument("instruction")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out-dir", type=click.Path(path_type=Path), required=True, help="Where the drawn pictures go.")
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, a folder, or hub:owner/name.")
@click.option("--candidates", default=16, show_default=True, help="How many to draw of each picture; the best is kept.")
@click.option("--seed", default=0, show_default=True, help="Another seed draws other pictures.")
@click.option("--temperature", default=1.0, show_default=True, help="Below 1: safer; above 1: wilder.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture.")
def edit(instruction, images, out_dir, model, as_json, **options) -> None:
    """Draw each of IMAGES again as INSTRUCTION says, for example "as a sketch"; one PNG each, under its own name."""
    from .model.editing import read_instruction
    from .pipeline.batch import edit_files, record_of
    from .pipeline.image_files import writable_folder
    from .pipeline.text_to_image import TextToImage

    read_instruction(instruction)  # what is wrong with every picture is said once
    writable_folder(out_dir)
    system = TextToImage.from_pretrained(model)
    failed = False
    for done in edit_files(system, images, instruction, out_dir, **options):
        for drawing, path in done.made:
            if as_json:
                echo_json({"image": done.name, **record_of(drawing, path)})
            else:
                click.echo(f"{done.name} -> {path}")
        if done.error:
            click.echo(f"{done.name}: {done.error}", err=True)
            failed = True
    if failed:
        sys.exit(1)


@main.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--data", default="emoji", show_default=True, help="emoji, shapes, or a folder of pictures.")
@click.option("--preset", help="Which recipe [default: that of the data, or emoji for a folder].")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights, log and checkpoint go there.")
@click.option("--dvae", help="For dalle, clip, edit: the dVAE [default: dvae beside --out, or the bundled one].")
@click.option(
    "--start",
    help="Weights to start from: a bundled name, or a folder [default: random ones; edit takes a dalle].",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--minutes", type=float, help="Stop cleanly after so many; --resume goes on.")
@click.option("--steps", type=int, help="Another number of steps than the preset's.")
@click.option("--seed", type=int, help="Another seed than the preset's.")
def train(model, data, preset, out, dvae, start, resume, minutes, steps, seed) -> None:
    """Train a model; stopping it (Ctrl-C) loses nothing."""
    from .training.run import train_model

    changes = {key: value for key, value in (("steps", steps), ("seed", seed)) if value is not None}
    trainer = train_model(model, data, preset, out, dvae, start, resume, minutes, **changes)
    chosen = ", the faster here" if trainer.train_config.precision == "auto" else ""
    done = f"{trainer.step} of {trainer.train_config.steps} steps, {trainer.seconds / 60:.1f} minutes"
    done += f", in {trainer.precision}{chosen}"
    click.echo(f"Trained {done}; weights, log and checkpoint: {out.absolute()}")


@main.command()
@click.option("--world", type=click.Choice(("emoji", "shapes")), default="emoji", show_default=True)
@click.option("--weights", help="A folder with the models, in place of the bundled ones.")
@click.option("--captions", type=click.IntRange(min=1), help="How many a figure [default: 192 emoji, 128 shapes].")
@click.option("--candidates", type=click.IntRange(min=1), default=64, show_default=True, help="Drawings of a caption.")
@click.option("--only", help="Some parts: dvae,judge,retrieval,likelihood,drawings,variety,edits (emoji).")
@click.option("--split", "splits", multiple=True, help="Draw the captions of this split of the emoji alone.")
@click.option("--temperature", default=1.0, show_default=True, help="At which pictures are drawn.")
@click.option("--guidance", default=0.0, show_default=True, help="With which pictures are drawn.")
@click.option("--out", type=click.Path(path_type=Path), help="Keep each part there [default: runs/evaluation/…].")
@click.option("--resume", is_flag=True, help="Go on with the same command: parts that are kept are not measured again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def evaluate(world, weights, captions, candidates, only, splits, out, resume, as_json, **options) -> None:
    """Measure the bundled weights on what they have not seen.

    Ends with 0 if all parts were measured, and with 1 if one failed; the others are printed and kept.
    """
    from .datasets.emoji import SPLITS
    from .evaluation.emoji import EMOJI_PARTS, evaluate_emoji
    from .evaluation.parts import FAILED
    from .evaluation.report import table
    from .evaluation.shapes import SHAPES_PARTS, evaluate_shapes
    from .model.sampling import check_options

    known = EMOJI_PARTS if world == "emoji" else SHAPES_PARTS
    parts = tuple(known) if only is None else tuple(only.split(","))
    if strange := [name for name in parts if name not in known]:
        raise click.UsageError(f"The {world} have no part {strange[0]!r}: choose among {', '.join(known)}.")
    if strange := [name for name in splits if name not in SPLITS]:
        raise click.UsageError(f"There is no split {strange[0]!r}: choose among {', '.join(SPLITS)}.")
    if splits and world != "emoji":
        raise click.UsageError("--split is for the emoji: the shapes are always measured on seen and held-out scenes.")
    check_options(options["temperature"], None, None, options["guidance"])
    options |= {"candidates": candidates, "parts": parts, "progress": True, "out": out, "resume": resume}
    if world == "emoji":
        report = evaluate_emoji(weights or world, captions or 192, drawn_splits=splits or SPLITS, **options)
    else:
        report = evaluate_shapes(weights or world, captions or 128, **options)
    click.echo(json.dumps(report, indent=1) if as_json else "\n".join(table(report)))
    if FAILED in report:
        sys.exit(1)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each file.")
def verify(files, as_json) -> None:
    """Does each of FILES say that a model generated it, and is it unchanged since it was signed?

    Ends with 0 if that is true of all, and with 1 if it is not true of one.
    """
    from .pipeline.provenance import printable
    from .pipeline.provenance import verify as check

    good = True
    for file in files:
        try:
            found = check(file)
        except (ValueError, OSError) as error:
            click.echo(printable(error), err=True)
            good = False
            continue
        good &= found.state == "signed"
        if as_json:
            echo_json({"file": str(file), "state": found.state, "facts": found.facts, "sentence": found.sentence})
        else:
            facts = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in found.facts.items())
            click.echo(found.sentence + (f" It says: {printable(facts, 2000)}." if facts else ""))
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
    from .classroom.serve import open_lab

    open_lab(folder)


@main.command()
@click.option("--model", default="emoji", show_default=True, help="Bundled weights or a folder.")
@click.option("--port", default=8866, show_default=True, help="Where the page is served.")
@click.option("--browser/--no-browser", default=True, help="Open it in a browser at once.")
def play(model, port, browser) -> None:
    """Open the playground as a page of its own, for this machine only; what you save goes into the folder drawings."""
    from .classroom.serve import open_page

    open_page(model, port, browser)


@main.command()
def doctor() -> None:
    """Check that this machine is ready, and compare its speed with the computing times that the lessons state."""
    from .classroom.doctor import doctor as check

    sys.exit(0 if check() else 1)


if __name__ == "__main__":
    main()
