"""`verify` and `redraw`: what a picture's file says of its origin, and whether that draws it again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .options import device_option
from .output import echo_json


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each file.")
def verify(files, as_json) -> None:
    """Does each of FILES say that a model generated it, and is it unchanged since it was signed?

    Ends with 0 if that is true of all, and with 1 if it is not true of one.
    """
    from ..pipeline.provenance import printable
    from ..pipeline.provenance import verify as check

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
            said = lambda value: json.dumps(value, ensure_ascii=False)  # noqa: E731
            # A stranger chooses the names too: one that is no plain word is quoted, lest it reads as ours.
            names = {name: name if name.isidentifier() else said(name) for name in found.facts}
            facts = ", ".join(f"{names[name]} {said(value)}" for name, value in found.facts.items())
            click.echo(found.sentence + (f" It says: {printable(facts, 2000)}." if facts else ""))
    if not good:
        sys.exit(1)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="The weights that drew it [default: those of the bundled ones that it names].")
@device_option
def redraw(files, model, device) -> None:
    """Draw each of FILES, which are signed, again from what it says of itself, and compare every pixel.

    Ends with 0 if all are equal, and with 1 if one is not.
    """
    from ..model.devices import pick_device
    from ..pipeline.provenance import printable
    from ..pipeline.redraw import redraw as draw_again

    pick_device(device)
    equal = True
    for file in files:
        try:
            found = draw_again(file, model, device)
        except (ValueError, OSError) as error:
            click.echo(printable(error), err=True)
            equal = False
            continue
        click.echo(found.sentence)
        equal &= found.equal
    if not equal:
        sys.exit(1)
