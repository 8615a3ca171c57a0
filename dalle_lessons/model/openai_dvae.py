"""OpenAI's published dVAE (openai/DALL-E) as one of ours: the same network, its weights under other names.

The original is published as two pickles, and a pickle can run any code. These are read by PyTorch's restricted
unpickler, after a look at every name they ask for: tensors of float32 and empty shells of the original's layers are
admitted, and nothing else. No code of the original is needed.
"""

from __future__ import annotations

import hashlib
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .atomic import replace_file
from .card import card_head
from .dvae import DVAE, Block, DVAEConfig
from .files import holds_weights


class Shell:
    """Stands for a layer of the original while a file is read: it holds what the file says of it, and computes
    nothing."""


LAYERS = (
    "dall_e.encoder.Encoder",
    "dall_e.encoder.EncoderBlock",
    "dall_e.decoder.Decoder",
    "dall_e.decoder.DecoderBlock",
    "dall_e.utils.Conv2d",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.pooling.MaxPool2d",
    "torch.nn.modules.linear.Identity",
    "torch.nn.modules.upsampling.Upsample",
)
#: A shell of its own for each kind of layer.
SHELLS = {name: type(name.rpartition(".")[2], (Shell,), {}) for name in LAYERS}
#: What the tensors of these layers, and the layers' own notes, are made of.
TENSORS = {
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor_v2",
    "torch.FloatStorage",
    "torch.device",
    "collections.OrderedDict",
    "builtins.set",
    "__builtin__.set",  # how Python 2 called it, and how pickles of protocol 2 still do
}
SOURCE = "take encoder.pkl and decoder.pkl as OpenAI published them (openai/DALL-E)"


# ---- reading a file of the original ----


def names_asked_for(path: Path) -> set[str]:
    """Every class and function that a file of `torch.save` asks for, found without running any of it.

    Such a file is a zip file with one pickle inside. Raises ValueError or zipfile.BadZipFile for any other.
    """
    found = set()
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type for entry in archive.infolist()):
            raise ValueError("PyTorch compresses nothing: unpacked, it could be of any size.")
        (name,) = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
        with archive.open(name) as file:
            for code, argument, _ in pickletools.genops(file):
                if code.name in ("GLOBAL", "INST"):
                    found.add(str(argument).replace(" ", "."))
                elif code.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):  # PyTorch never writes these
                    found.add("something by a hidden name")
    return found


def tensors_of(shell: Any, prefix: str = "") -> dict[str, Tensor]:
    """The parameters of a layer and of those inside of it, by the original's names."""
    found = {prefix + name: tensor.detach() for name, tensor in shell._parameters.items()}
    for name, layer in shell._modules.items():
        found |= tensors_of(layer, f"{prefix}{name}.")
    return found


def read_original(path: str | Path, kind: str) -> dict[str, Tensor]:
    """A published file -> its tensors, float32, by the original's names. kind: "encoder" or "decoder".

    Raises FileNotFoundError where there is no such file, and ValueError, each with one sentence, for one that asks for
    anything but the original's layers and their tensors (none of it is run), for one that is damaged, and for the
    other one of the two.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: {SOURCE}.")
    damaged = f"{path} is damaged, or no {kind} of OpenAI's dVAE: {SOURCE}."
    try:
        strange = sorted(names_asked_for(path) - SHELLS.keys() - TENSORS)
    except Exception as error:  # what is no pickle fails in many ways
        raise ValueError(damaged) from error
    if strange:
        raise ValueError(
            f"{path} asks for {strange[0][:60]!r}, and a dVAE consists of its own layers and their tensors alone: "
            f"nothing of it was run; {SOURCE}."
        )
    try:
        with torch.serialization.safe_globals([(shell, name) for name, shell in SHELLS.items()]):
            whole = torch.load(path, map_location="cpu", weights_only=True)
        tensors = tensors_of(whole)
        right = all(tensor.dtype == torch.float32 for tensor in tensors.values())
    except OSError:
        raise
    except Exception as error:  # the unpickler, and layers that are none, fail in many ways
        raise ValueError(damaged) from error
    if type(whole) is not SHELLS[f"dall_e.{kind}.{kind.title()}"]:
        raise ValueError(f"{path} is not the {kind}: give encoder.pkl first, then decoder.pkl.")
    if not right:
        raise ValueError(damaged)
    return tensors


# ---- one network, two sets of names ----


def layer_names(dvae: DVAE, kind: str) -> dict[str, str]:
    """{our name of a convolution: the original's}, of "encoder" or "decoder". Two tensors belong to each: `weight` and
    `bias`, which the original calls `w` and `b`. The decoder's first one is no layer here: see `from_original`."""
    layers = dvae.encoder if kind == "encoder" else dvae.decoder
    names, group, block = {}, 1, 0
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.MaxPool2d | nn.Upsample):
            group, block = group + 1, 0
        elif isinstance(layer, Block):
            block += 1
            there = f"blocks.group_{group}.block_{block}"
            if isinstance(layer.skip, nn.Conv2d):
                names[f"{kind}.{i}.skip"] = f"{there}.id_path"
            names |= {f"{kind}.{i}.branch.{2 * n - 1}": f"{there}.res_path.conv_{n}" for n in range(1, 5)}
        elif isinstance(layer, nn.Conv2d):
            names[f"{kind}.{i}"] = "blocks.input" if kind == "encoder" else "blocks.output.conv"
    return names | ({"codebook.to_logits": "blocks.output.conv"} if kind == "encoder" else {})


def config_of(encoder: dict[str, Tensor], decoder: dict[str, Tensor]) -> DVAEConfig:
    """The sizes of a dVAE of the original's kind; the published one has those of `DVAEConfig.paper()`."""
    width, codes = len(encoder["blocks.input.w"]), len(encoder["blocks.output.conv.w"])
    blocks = sum(name.startswith("blocks.group_1.") and name.endswith(".conv_1.w") for name in encoder)
    return DVAEConfig(
        codes=codes,
        code_dim=len(decoder["blocks.input.w"]),
        widths=(width, 2 * width, 4 * width, 8 * width),
        patch=1,
        blocks=blocks,
        bottleneck_ratio=4,
        residual_scale=1 / (4 * blocks) ** 2,
        quantizer="gumbel",
        likelihood="logit_laplace",
    )


def from_original(encoder: dict[str, Tensor], decoder: dict[str, Tensor]) -> DVAE:
    """The original's tensors -> a DVAE in evaluation mode, stored in float32, with the same outputs.

    The original's decoder begins with a 1x1 convolution over one-hot codes; here a code has a vector instead, which is
    that convolution's column for it, plus its bias. Raises ValueError where the tensors are not of one such network.
    """
    try:
        config = config_of(encoder, decoder)
        with torch.device("meta"):  # shapes without numbers: nothing large is made for a strange file
            empty = DVAE(config)
        vectors = decoder["blocks.input.w"][:, :, 0, 0].T + decoder["blocks.input.b"]  # (codes, code_dim)
        state = {"codebook.vectors.weight": vectors}
        for kind, tensors, others in (("encoder", encoder, 0), ("decoder", decoder, 2)):
            names = layer_names(empty, kind)
            for ours, theirs in names.items():
                state |= {f"{ours}.weight": tensors[f"{theirs}.w"], f"{ours}.bias": tensors[f"{theirs}.b"]}
            if len(tensors) != 2 * len(names) + others:
                raise ValueError(f"The {kind} has {len(tensors)} tensors.")
        empty.load_state_dict(state, assign=True)  # compares names and shapes
    except (KeyError, IndexError, ValueError, ZeroDivisionError, TypeError, RuntimeError) as error:
        raise ValueError(f"These two files are not of one dVAE of OpenAI's: {SOURCE}.") from error
    dvae = DVAE(config)
    dvae.load_state_dict(state)  # copied
    dvae.stored_dtype = torch.float32
    return dvae.eval()


def to_original(dvae: DVAE) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The way back: a DVAE of the original's kind -> (encoder's, decoder's) tensors by the original's names, copies.

    The bias of the decoder's first convolution is 0: the codes' vectors contain it.
    """
    state = {name: tensor.detach().clone() for name, tensor in dvae.state_dict().items()}
    both = []
    for kind in ("encoder", "decoder"):
        names = layer_names(dvae, kind)
        weights = {f"{theirs}.w": state[f"{ours}.weight"] for ours, theirs in names.items()}
        both.append(weights | {f"{theirs}.b": state[f"{ours}.bias"] for ours, theirs in names.items()})
    vectors = state["codebook.vectors.weight"]  # (codes, code_dim)
    first = {"blocks.input.w": vectors.T[:, :, None, None], "blocks.input.b": torch.zeros_like(vectors[0])}
    return both[0], both[1] | first


# ---- the command ----


def convert_openai_dvae(encoder: str | Path, decoder: str | Path, out: str | Path) -> DVAE:
    """Read the two published files and write the dVAE into the folder `out`, as `DVAE.from_pretrained` reads it: in
    float32, so that it computes what the original does.

    Nothing is written before everything is read and found right, and each file appears in one step. Raises
    FileNotFoundError or ValueError with one sentence: see `read_original`, `from_original`; also for a folder that
    holds weights already.
    """
    folder = Path(out)
    if holds_weights(folder):
        raise ValueError(f"{folder} holds weights already: name another folder.")
    dvae = from_original(read_original(encoder, "encoder"), read_original(decoder, "decoder"))
    dvae.stored_weights()
    hashes = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (encoder, decoder)]
    card = (
        f"{card_head(['dvae'])}\n# dvae\n\nOpenAI's dVAE (openai/DALL-E, under its license), converted with "
        "`dalle-lessons convert openai-dvae`\nand kept in float32. SHA-256 of the files it came from:\n\n"
        f"- encoder.pkl {hashes[0]}\n- decoder.pkl {hashes[1]}\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "README.md", lambda path: path.write_text(card, encoding="utf-8"))
    dvae.save_pretrained(folder)
    return dvae
