"""The originals and well-known implementations that this folder compares with; `make reference` installs them.

Without them their tests are skipped; with LESSONS_REFERENCE set, as `make reference` sets it, none may be.
"""

import importlib.util
import os
from pathlib import Path

import pytest
import torch

PEERS = Path(__file__).resolve().parents[2] / "tools" / "peers.py"
spec = importlib.util.spec_from_file_location("peers", PEERS)
peers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peers)


def installed(find, *given):
    """find(*given), or no test where that is not installed (for `make reference`: a failed one)."""
    try:
        return find(*given)
    except ModuleNotFoundError as missing:
        (pytest.fail if os.environ.get("LESSONS_REFERENCE") else pytest.skip)(str(missing))


@pytest.fixture(autouse=True)
def seeded():
    """Random numbers from a fixed seed, and one and the same kind of them."""
    torch.manual_seed(0)


@pytest.fixture
def dall_e():
    """OpenAI's own code of its dVAE (PyPI: dall-e)."""
    return installed(peers.original, "dall_e")


@pytest.fixture
def gpt2():
    """GPT-2 in transformers."""
    return installed(peers.original, "transformers.models.gpt2.modeling_gpt2")


@pytest.fixture
def open_clip_loss():
    """The losses of open_clip, without its image transformations, which need torchvision."""
    return installed(peers.original, "open_clip.loss", "open_clip")


@pytest.fixture
def dalle_pytorch():
    """dalle-pytorch's models."""
    return installed(peers.dalle_pytorch)


@pytest.fixture
def sampler_of():
    """sampler_of("gpt2_sampler", config, pictures): how a peer samples, as tools/bench.py takes its time."""
    return lambda name, *given, **how: installed(lambda: getattr(peers, name)(*given, **how))
