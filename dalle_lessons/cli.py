"""The command `dalle-lessons`: the group that its commands belong to, and how it ends where something is wrong."""

from __future__ import annotations

import io
import os
import sys
import warnings
from typing import Any

import click

from .commands.classroom import doctor, lab, play, student
from .commands.convert import convert
from .commands.data import shards, tokenize
from .commands.draw import draw, edit
from .commands.evaluate import evaluate
from .commands.signature import redraw, verify
from .commands.teach import teach
from .commands.train import train
from .model.machine import is_about_torch, no_torch
from .model.threads import limit_threads

usual_warning = warnings.formatwarning


class FriendlyGroup(click.Group):
    """A group whose commands end with one sentence, not with a traceback, where a user's input is at fault.

    `--debug` shows the traceback of any error.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        # Before anything is printed, an error or the help among it: a console that lacks a letter shows its number.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        warnings.formatwarning = plain_warning
        return super().main(*args, **kwargs)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        return super().resolve_command(ctx, [args[0], *map(at_home, args[1:])])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click knows what to do
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            if ctx.params["debug"]:
                raise
            if sentence := no_torch(error) if is_about_torch(error) else sentence_for_users(error):
                raise click.ClickException(sentence) from error
            if isinstance(error, RuntimeError):  # a mistake of ours: its traceback is needed
                raise
            hint = f"{ctx.info_name} --debug {ctx.invoked_subcommand} … shows where it happened."
            raise click.ClickException(f"{type(error).__name__}: {error}\nThis is not foreseen: {hint}") from error


def at_home(argument: str) -> str:
    """~ at the beginning of a path is the home folder; shells know that of a word of its own, not of --out=~/x.png."""
    option, sign, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return option + sign + os.path.expanduser(value) if value == "~" or value.startswith(("~/", "~\\")) else argument


def plain_warning(message: Warning | str, category: type[Warning], *place: Any) -> str:
    """What code of ours warns of is said as it is; other warnings with their place, as usual."""
    if category.__module__.startswith("dalle_lessons."):
        return f"Warning: {message}\n"
    return usual_warning(message, category, *place)


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


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dalle-lessons")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """DALL·E in lessons: draw pictures from captions, train the models, take the course."""
    limit_threads()  # before a command imports torch; the lessons' kernels inherit it


for command in (
    draw,
    edit,
    train,
    convert,
    shards,
    tokenize,
    evaluate,
    verify,
    redraw,
    student,
    lab,
    play,
    doctor,
    teach,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
