"""Options that several commands take."""

from __future__ import annotations

import click

device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps; auto: a graphics card, if any."
)
