"""`draw` and `edit`: a picture from a caption, and from a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .options import device_option
from .output import INTERRUPTED, echo_json


@click.command()
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
@click.option("--negative-caption", help="What guidance leads away from.")
@device_option
@click.option("--out", help="Where the grid of pictures goes [default: drawing.png].")
@click.option("--prompts", type=click.Path(path_type=Path), help="A file with one caption a line.")
@click.option("--out-dir", type=click.Path(path_type=Path), help="With --prompts: where each picture goes.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture, best first.")
def draw(caption, model, device, images, candidates, index, out, prompts, out_dir, as_json, **options) -> None:
    """Draw pictures of CAPTION, best first, in one grid; or of every line of a file, one PNG each."""
    if (caption is None) == (prompts is None):
        raise click.UsageError('Give a caption, for example "a sketch of a cat face", or a file with --prompts.')
    if (prompts is None) != (out_dir is None):
        raise click.UsageError("--prompts and --out-dir belong together: the file to read, the folder to write to.")
    if prompts is not None and out is not None:
        raise click.UsageError("--out names one grid; with --prompts each picture goes into --out-dir.")
    if index is not None and (images, candidates) != (None, None):
        raise click.UsageError("--index draws one picture again: leave out --images and --candidates.")
    from ..pipeline.batch import read_prompts, record_of
    from ..pipeline.image_files import png_path, writable_folder

    # What cannot work is said before models are loaded and pictures drawn.
    captions = {} if prompts is None else read_prompts(prompts)
    path = png_path(out or "drawing.png") if prompts is None else writable_folder(out_dir)
    from ..pipeline.text_to_image import TextToImage

    images = 9 if images is None else images
    options |= {"images": images, "candidates": candidates, "indices": None if index is None else [index]}
    system = TextToImage.from_pretrained(model, device)
    if prompts is not None:
        draw_lines(system, captions, path, as_json, options)
        return
    drawings = system.draw(caption, progress=bar(), **options)
    path = drawings.save(path) if index is None else drawings[0].save(path)
    if as_json:
        echo_json(*[record_of(drawing, path) for drawing in drawings])
    elif not drawings.stopped:
        count = 1 if index is not None else candidates or max(images, 64)
        click.echo(f"Drew {caption!r}, {len(drawings)} of {count}: {path}")
    if drawings.stopped:
        click.echo(f"Stopped: {path} shows the best of those that were finished.", err=True)
        sys.exit(INTERRUPTED)


def draw_lines(system, captions: dict[int, str], folder: Path, as_json: bool, options: dict[str, Any]) -> None:
    """The captions of a file, with a bar where someone looks; exit code 1 if a line failed, or INTERRUPTED."""
    from tqdm.auto import tqdm

    from ..model.sampling import check_options
    from ..pipeline.batch import draw_prompts, record_of
    from ..pipeline.settings import candidate_range

    # What is wrong with every line is said once.
    candidate_range(options["images"], options["candidates"])
    check_options(options["temperature"], options["top_k"], options["top_p"], options["guidance"])
    failed, drawn, stopped = 0, 0, False
    lines = tqdm(draw_prompts(system, captions, folder, **options), total=len(captions), unit="line", disable=None)
    for done in lines:
        with tqdm.external_write_mode():  # the bar steps aside
            if as_json:
                echo_json(*[record_of(drawing, path) for drawing, path in done.made])
            if done.error:
                click.echo(f"{done.name}: {done.error}", err=True)
                failed += 1
        drawn, stopped = drawn + bool(done.made and not done.error), done.stopped
    if not as_json:
        click.echo(f"Drew {drawn} of {len(captions)} captions into {folder}")
    if stopped:
        click.echo("Stopped: what was finished is written.", err=True)
        sys.exit(INTERRUPTED)
    if failed:
        sys.exit(1)


def bar() -> float | bool:
    """For `progress`: a bar once it has taken two seconds, where someone looks; none where that goes into a file."""
    return 2.0 if sys.stderr.isatty() else False


@click.command()
@click.argument("instruction")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out-dir", type=click.Path(path_type=Path), required=True, help="Where the drawn pictures go.")
@click.option("--model", default="emoji", show_default=True, help="Bundled weights, a folder, or hub:owner/name.")
@click.option("--candidates", default=16, show_default=True, help="How many to draw of each picture; the best is kept.")
@click.option("--seed", default=0, show_default=True, help="Another seed draws other pictures.")
@click.option("--temperature", default=1.0, show_default=True, help="Below 1: safer; above 1: wilder.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture.")
def edit(instruction, images, out_dir, model, device, as_json, **options) -> None:
    """Draw each of IMAGES again as INSTRUCTION says, for example "as a sketch"; one PNG each, under its own name."""
    from ..model.editing import read_instruction
    from ..pipeline.batch import edit_files, record_of
    from ..pipeline.image_files import writable_folder
    from ..pipeline.text_to_image import TextToImage

    read_instruction(instruction)  # what is wrong with every picture is said once
    writable_folder(out_dir)
    system = TextToImage.from_pretrained(model, device)
    failed = stopped = False
    for done in edit_files(system, images, instruction, out_dir, progress=bar(), **options):
        for drawing, path in done.made:
            if as_json:
                echo_json({"image": done.name, **record_of(drawing, path)})
            else:
                click.echo(f"{done.name} -> {path}")
        if done.error:
            click.echo(f"{done.name}: {done.error}", err=True)
            failed = True
        stopped = done.stopped
    if stopped:
        click.echo("Stopped: what was finished is written.", err=True)
        sys.exit(INTERRUPTED)
    if failed:
        sys.exit(1)
