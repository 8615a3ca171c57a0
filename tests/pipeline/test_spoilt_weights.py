"""Spoilt weights: whatever happened to a folder of weights, it is refused with one sentence that names the file."""

import json
import pickle
import shutil
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from dalle_lessons import TextToImage
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.editing import extend_rows
from dalle_lessons.model.tokenizer import TextTokenizer

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 15830584\n"
HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"
FILES = {"dvae": ("config", "model"), "dalle": ("config", "model", "tokenizer"), "clip": ("config", "model")}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A whole system of small models that know what they were trained on, as training saves them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    tokenizer = TextTokenizer.train(["a red circle", "a blue square above a circle"], 270, 12)
    dvae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(8, 8), patch=2, blocks=1))
    known = {"dvae_fingerprint": dvae.fingerprint(), "tokenizer_fingerprint": tokenizer.fingerprint()}
    dalle = DALLE(DALLEConfig(tokenizer.vocab_size, 12, 3, 3, 16, 16, 1, 2, **known))
    clip = CLIP(CLIPConfig(tokenizer.vocab_size, 12, 0, 12, 2, (8,), 16, 1, 2, 4, **known), tokenizer)
    for part, model in {"dvae": dvae, "dalle": dalle, "clip": clip, "edit": extend_rows(dalle, 16)}.items():
        model.save_pretrained(folder / part)
    for part in ("dalle", "edit"):
        tokenizer.save(folder / part / "tokenizer.json")
    return folder


def spoil_bytes(how, content: bytes) -> bytes:
    return {
        "a Git-LFS pointer": lambda: LFS,
        "a web page": lambda: HTML,
        "cut": lambda: content[: len(content) // 2],
        "empty": lambda: b"",
        "a pickle": lambda: pickle.dumps({"weights": [1, 2, 3]}),
        "noise": lambda: bytes(range(256)) * 8,
        "not UTF-8": lambda: b"\xff\xfe" + content,
    }[how]()


def weights(change):
    def spoil(path):
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path)

    return spoil


def flip(path):
    """One bit in the middle of the numbers, the smallest of a number's: no size, no name and no sum tells."""
    content = bytearray(path.read_bytes())
    start = 8 + struct.unpack("<Q", content[:8])[0]
    content[start + (len(content) - start) // 4 * 2] ^= 1
    path.write_bytes(content)


def every(number):
    return weights(lambda t: [v.fill_(number) for v in t.values() if v.is_floating_point()])


def one(number):
    return weights(lambda t: matrix(t).view(-1)[:1].fill_(number))


def matrix(tensors):
    return next(v for v in tensors.values() if v.ndim > 1)


def rename(tensors):
    name = next(iter(tensors))
    tensors[f"{name}.old"] = tensors.pop(name)


def reshape(tensors):
    name = next(name for name, v in tensors.items() if v.ndim > 1)
    tensors[name] = tensors[name][:-1].contiguous()


WEIGHTS = {
    "all numbers are NaN": every(float("nan")),
    "all numbers are zero": every(0.0),
    "one matrix is zero": weights(lambda t: matrix(t).zero_()),
    "one number is infinite": one(float("inf")),
    "one number is another": one(0.123),
    "one bit is another": flip,
    "whole numbers": weights(lambda t: t.update({n: v.to(torch.int8) for n, v in t.items()})),
    "a missing tensor": weights(lambda t: t.pop(next(iter(t)))),
    "one more tensor": weights(lambda t: t.update(more=torch.ones(2))),
    "another name": weights(rename),
    "another size": weights(reshape),
}
CONFIG = {
    "a list": lambda values: [values],
    "a number": lambda values: 7,
    "a text for a number": lambda values: {**values, "codes": "many", "layers": "many"},
    "nothing": lambda values: dict.fromkeys(values),
    "negative": lambda values: {n: -v if isinstance(v, int) and v else v for n, v in values.items()},
    "all zero": lambda values: {n: 0 if isinstance(v, int) else v for n, v in values.items()},
    "enormous": lambda values: {n: 10**12 if isinstance(v, int) else v for n, v in values.items()},
    "very large": lambda values: {n: 10**6 if type(v) is int else v for n, v in values.items()},
    "strange words": lambda values: {n: "x" if isinstance(v, str) else v for n, v in values.items()},
    "unknown settings": lambda values: {**values, "new": 1},
    "half a code": lambda values: {**values, "pad_id" if "pad_id" in values else "codes": 1.5},
    "no number": lambda values: {**values, "dropout" if "dropout" in values else "residual_scale": float("nan")},
    "another network of the same sizes": lambda values: {
        **values,
        **({"heads": 1} if "heads" in values else {"residual_scale": 0.5}),
    },
}


def swap(path):
    values = json.loads(path.read_text())
    vocab = values["model"]["vocab"]
    one, other = (name for name, number in vocab.items() if number in (100, 101))
    vocab[one], vocab[other] = vocab[other], vocab[one]
    path.write_text(json.dumps(values))


def newer(path):
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "version": "9.0", "model": {"type": "Novel"}}))


TOKENIZER = {
    "missing": lambda path: path.unlink(),
    "two tokens swapped": swap,
    "newer": newer,
    "no special tokens": lambda path: path.write_text(path.read_text().replace("[PAD]", "[pad]")),
    "a list": lambda path: path.write_text("[]"),
}
NAMES = {"config": "config.json", "model": "model.safetensors", "tokenizer": "tokenizer.json"}


def change_config(change):
    return lambda path: path.write_text(json.dumps(change(json.loads(path.read_text()))))


def cases():
    for part, kinds in FILES.items():
        for kind in kinds:
            for how in ("a Git-LFS pointer", "a web page", "cut", "empty", "a pickle", "noise", "not UTF-8"):
                yield part, kind, how, lambda path, how=how: path.write_bytes(spoil_bytes(how, path.read_bytes()))
        for how, spoil in WEIGHTS.items():
            yield part, "model", how, spoil
        for how, change in CONFIG.items():
            yield part, "config", how, change_config(change)
    for part in ("dalle", "clip"):
        for how, spoil in TOKENIZER.items():
            yield part, "tokenizer", how, spoil


CASES = list(cases())


@pytest.mark.parametrize(("part", "kind", "how", "spoil"), CASES, ids=[f"{p}-{k}-{h}" for p, k, h, _ in CASES])
def test_spoilt_weights_are_refused_with_one_sentence_that_names_the_file(
    part, kind, how, spoil, original, tmp_path, monkeypatch
):
    monkeypatch.setattr("pickle.load", lambda *_, **__: pytest.fail("a pickle was read"))
    folder = shutil.copytree(original, tmp_path / "weights")
    spoil(folder / part / NAMES[kind])
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        TextToImage.from_pretrained(folder, "cpu")
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 700
    assert NAMES[kind] in sentence, sentence


def test_there_are_at_least_as_many_ways_as_were_once_found():
    assert len(CASES) >= 56


def test_what_is_not_spoilt_draws_and_a_configuration_may_be_changed_on_purpose(original, tmp_path):
    folder = shutil.copytree(original, tmp_path / "weights")
    assert TextToImage.from_pretrained(folder, "cpu").draw("a circle", 1, 1)
    config = folder / "dalle" / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "heads": 1}))
    with pytest.raises(ValueError, match="not as they were saved: .* take its checksum out"):
        TextToImage.from_pretrained(folder, "cpu")
    del values["checksum"]
    config.write_text(json.dumps({**values, "heads": 1}))
    assert TextToImage.from_pretrained(folder, "cpu").dalle.config.heads == 1
