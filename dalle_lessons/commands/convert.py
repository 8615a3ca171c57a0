"""`convert`: weights that others published, as a folder that this library reads."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("kind", type=click.Choice(["openai-dvae"]))
@click.argument("encoder", type=click.Path(path_type=Path))
@click.argument("decoder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def convert(kind, encoder, decoder, out) -> None:
    """Write OpenAI's dVAE, published as encoder.pkl and decoder.pkl, into OUT, for `train --dvae OUT`.

    A pickle can run any code, so these two are read by a restricted unpickler: it admits that dVAE's layers, as empty
    shells, and their tensors, and nothing else. A file that asks for more is refused.
    """
    from ..model.openai_dvae import convert_openai_dvae

    c = convert_openai_dvae(encoder, decoder, out).config
    click.echo(
        f"{c.codes:,} codes, one for each {c.factor}x{c.factor} pixels; nothing but tensors was taken from the two "
        f"pickles: {out.absolute()}"
    )
