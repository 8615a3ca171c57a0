"""OpenAI's dVAE from files like the published ones, made without its package; and what hostile files come to."""

import io
import os
import pickle
import sys
import types
import zipfile

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from torch import nn

from dalle_lessons.cli import main
from dalle_lessons.model import openai_dvae
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.openai_dvae import convert_openai_dvae, from_original, read_original, to_original

WIDTHS = (32, 64, 128, 256)
CONFIG = DVAEConfig(20, 8, WIDTHS, 1, 1, 4, 1 / 16, None, "gumbel", "logit_laplace")


def stand_ins() -> dict[str, types.ModuleType]:
    """Modules with the original's names, whose classes hold layers and compute nothing."""
    modules = {
        name: types.ModuleType(name) for name in ("dall_e", *(f"dall_e.{m}" for m in ("encoder", "decoder", "utils")))
    }
    for name in openai_dvae.LAYERS:
        module, _, kind = name.rpartition(".")
        if module in modules:
            setattr(modules[module], kind, type(kind, (nn.Module,), {"__module__": module}))
    return modules


def whole(modules: dict, kind: str, tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The original's module tree around these tensors, as its constructor would build it."""
    home = modules[f"dall_e.{kind}"]
    root = getattr(home, kind.title())()
    root.n_hid, root.device, root.use_mixed_precision = 32, torch.device("cpu"), True
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        at = root
        for part in path:
            if part not in at._modules:
                conv = part.startswith(("conv", "id_path", "input"))
                block = part.startswith("block_")
                layer = modules["dall_e.utils"].Conv2d if conv else getattr(home, f"{kind.title()}Block")
                at.add_module(part, layer() if conv or block else nn.Sequential(nn.ReLU()))
            at = at._modules[part]
        at.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))
    return root


def save(folder, ours: DVAE, bias: float = 0.0):
    """encoder.pkl and decoder.pkl of a DVAE's weights, as torch.save writes whole modules; the package is gone again
    when they are read. bias: of the decoder's first convolution. -> their paths."""
    modules = stand_ins()
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        for kind, tensors in zip(("encoder", "decoder"), to_original(ours), strict=True):
            if kind == "decoder":
                tensors["blocks.input.b"] += bias
            model = whole(modules, kind, tensors)
            torch.save(model, folder / f"{kind}.pkl")
    return folder / "encoder.pkl", folder / "decoder.pkl"


@pytest.fixture
def ours():
    torch.manual_seed(0)
    return DVAE(CONFIG).eval()


def test_the_way_there_and_back_changes_no_bit(ours, tmp_path):
    files = save(tmp_path, ours)
    again = convert_openai_dvae(*files, tmp_path / "out")
    assert again.config == CONFIG and not again.training
    loaded = DVAE.from_pretrained(tmp_path / "out")
    for model in (again, loaded):
        assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in ours.state_dict().items())
    assert {t.dtype for t in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float32}
    loaded.save_pretrained(tmp_path / "more")  # and it stays so
    assert (tmp_path / "more/model.safetensors").read_bytes() == (tmp_path / "out/model.safetensors").read_bytes()


def test_the_decoders_first_bias_is_in_the_codes_vectors(ours, tmp_path):
    converted = convert_openai_dvae(*save(tmp_path, ours, bias=0.5), tmp_path / "out")
    assert torch.equal(converted.codebook.vectors.weight, ours.codebook.vectors.weight + 0.5)


def test_the_published_sizes_are_the_papers():
    with torch.device("meta"):
        tensors = to_original(DVAE(DVAEConfig.paper()))
    assert openai_dvae.config_of(*tensors) == DVAEConfig.paper()
    encoder, decoder = ({name: tuple(tensor.shape) for name, tensor in half.items()} for half in tensors)
    assert encoder["blocks.group_1.block_1.res_path.conv_1.w"] == (64, 256, 3, 3)
    assert encoder["blocks.group_2.block_1.res_path.conv_4.w"] == (512, 128, 1, 1)
    assert encoder["blocks.group_2.block_1.id_path.w"] == (512, 256, 1, 1)
    assert decoder["blocks.group_1.block_1.res_path.conv_1.w"] == (512, 128, 1, 1)
    assert decoder["blocks.group_4.block_2.res_path.conv_4.w"] == (256, 64, 3, 3)


def test_the_card_says_where_it_comes_from(ours, tmp_path):
    convert_openai_dvae(*save(tmp_path, ours), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "OpenAI's dVAE" in card and card.count("encoder.pkl ") == 1


# ---- hostile and damaged files ----


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def hostile_bytes(harm, protocol: int) -> bytes:
    return pickle.dumps({"blocks": harm}, protocol=protocol)


def with_pickle(good, content: bytes, compress: int = zipfile.ZIP_STORED) -> bytes:
    """A good file, its pickle replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(buffer, "w", compress) as new:
        for entry in old.namelist():
            new.writestr(entry, content if entry.endswith("/data.pkl") else old.read(entry))
    return buffer.getvalue()


def refused(path, kind: str = "encoder") -> str:
    with pytest.raises(ValueError) as caught:
        read_original(path, kind)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 500
    return message


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("inside", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(ours, tmp_path, protocol, inside):
    good, _ = save(tmp_path, ours)
    content = hostile_bytes(Harm(tmp_path / "harm"), protocol)
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(with_pickle(good, content) if inside else content)
    message = refused(bad)
    if inside and protocol < 4:
        assert ".mkdir" in message and "nothing of it was run" in message
    assert not (tmp_path / "harm").exists()
    pickle.loads(content)  # it would have
    assert (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", ["torch.hub.load", "builtins.eval", "torch._utils._rebuild_wrapper_subclass"])
def test_what_is_not_a_layer_or_a_tensor_is_refused_by_name(ours, tmp_path, name):
    """Also what PyTorch's own unpickler would let pass."""
    good, _ = save(tmp_path, ours)
    module, _, function = name.rpartition(".")
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(with_pickle(good, f"c{module}\n{function}\n(tR.".encode()))
    assert repr(name) in refused(bad)


def test_pytorchs_unpickler_stands_behind_the_first_look(ours, tmp_path, monkeypatch):
    good, _ = save(tmp_path, ours)
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(with_pickle(good, hostile_bytes(Harm(tmp_path / "harm"), 2)))
    monkeypatch.setattr(openai_dvae, "names_asked_for", lambda path: set())
    assert "damaged" in refused(bad) and not (tmp_path / "harm").exists()


def test_a_compressed_file_is_refused(ours, tmp_path):
    good, _ = save(tmp_path, ours)
    with zipfile.ZipFile(good) as file:
        content = file.read(next(name for name in file.namelist() if name.endswith("/data.pkl")))
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(with_pickle(good, content))
    assert read_original(bad, "encoder")
    bad.write_bytes(with_pickle(good, content, zipfile.ZIP_DEFLATED))
    assert "damaged" in refused(bad)


def test_damaged_and_foreign_files_are_refused_in_one_sentence(ours, tmp_path):
    good, decoder = save(tmp_path, ours)
    bad = tmp_path / "bad.pkl"
    content = good.read_bytes()
    for cut in (0, 1, 100, len(content) // 2, len(content) - 1):
        bad.write_bytes(content[:cut])
        assert "damaged" in refused(bad)
    bad.write_bytes(b"<html>not found</html>")
    assert "damaged" in refused(bad)
    for other in (ours.state_dict(), torch.zeros(3), {"blocks": 1}, None):
        torch.save(other, bad)
        assert "damaged" in refused(bad)
    assert "is not the encoder: give encoder.pkl first" in refused(decoder)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none.pkl: take .*\.$"):
        read_original(tmp_path / "none.pkl", "encoder")


def test_tensors_of_no_such_network_are_refused(ours):
    encoder, decoder = to_original(ours)
    other = to_original(DVAE(DVAEConfig(24, 8, WIDTHS, 1, 1, 4, 1 / 16, None, "gumbel", "logit_laplace")))[1]
    missing = {name: tensor for name, tensor in encoder.items() if "id_path" not in name}
    more = encoder | {"blocks.group_5.block_1.w": torch.zeros(1)}
    flat = encoder | {"blocks.output.conv.w": torch.zeros(20)}
    for pair in ((encoder, other), (missing, decoder), (more, decoder), (flat, decoder), ({}, {}), (decoder, encoder)):
        with pytest.raises(ValueError, match=r"^These two files are not of one dVAE of OpenAI's: .*\.$"):
            from_original(*pair)


# ---- the command ----


def test_the_command_says_what_it_wrote_and_how_it_read(ours, tmp_path):
    words = ["convert", "openai-dvae", *map(str, save(tmp_path, ours)), str(tmp_path / "out")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0 and result.output.startswith("20 codes, one for each 8x8 pixels; nothing but tensors")
    again = CliRunner().invoke(main, words)
    assert (
        again.exit_code == 1 and again.output == f"Error: {tmp_path}/out holds weights already: name another folder.\n"
    )
    assert "restricted unpickler" in " ".join(CliRunner().invoke(main, ["convert", "--help"]).output.split())


@pytest.mark.parametrize("which", ["missing", "hostile", "endless"])
def test_where_it_fails_nothing_is_written(ours, tmp_path, which):
    if which == "endless":
        nn.init.constant_(ours.encoder[0].bias, float("nan"))
    encoder, decoder = save(tmp_path, ours)
    if which == "missing":
        decoder.unlink()
    if which == "hostile":
        decoder.write_bytes(with_pickle(decoder, hostile_bytes(Harm(tmp_path / "harm"), 2)))
    result = CliRunner().invoke(main, ["convert", "openai-dvae", str(encoder), str(decoder), str(tmp_path / "out")])
    assert result.exit_code == 1 and result.output.startswith("Error: ") and result.output.count("\n") == 1
    assert not (tmp_path / "out").exists() and not (tmp_path / "harm").exists()
