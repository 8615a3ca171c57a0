"""The originals and well-known implementations that this folder compares with; `make reference` installs them.

Without them their tests are skipped; with LESSONS_REFERENCE set, as `make reference` sets it, none may be.
"""

import importlib
import importlib.util
import os
import sys
import types

import pytest
import torch


def original(name: str, package: str = ""):
    """A module of a package, which is skipped (or, for `make reference`, failed) where it is not installed.

    package: whose own __init__ is left out, since it imports all that the package can do (torchvision, taming, …).
    """
    top = package or name.split(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is None:
        told = f"{top} is not installed: make reference installs it."
        (pytest.fail if os.environ.get("LESSONS_REFERENCE") else pytest.skip)(told)
    if package and package not in sys.modules:
        bare = types.ModuleType(package)
        bare.__spec__, bare.__path__ = spec, list(spec.submodule_search_locations or ())
        sys.modules[package] = bare
    return importlib.import_module(name)


@pytest.fixture(autouse=True)
def seeded():
    """Random numbers from a fixed seed, and one and the same kind of them."""
    torch.manual_seed(0)


@pytest.fixture
def dall_e():
    """OpenAI's own code of its dVAE (PyPI: dall-e)."""
    return original("dall_e")


@pytest.fixture
def gpt2():
    """GPT-2 in transformers."""
    return original("transformers.models.gpt2.modeling_gpt2")


@pytest.fixture
def open_clip_loss():
    """The losses of open_clip, without its image transformations, which need torchvision."""
    return original("open_clip.loss", "open_clip")


@pytest.fixture
def dalle_pytorch():
    """dalle-pytorch's models, without its wrappers of pretrained VAEs, for which empty classes stand."""
    original("dalle_pytorch.attention", "dalle_pytorch")
    wrappers = types.ModuleType("dalle_pytorch.vae")
    wrappers.OpenAIDiscreteVAE, wrappers.VQGanVAE = (type(name, (), {}) for name in ("OpenAIDiscreteVAE", "VQGanVAE"))
    sys.modules.setdefault("dalle_pytorch.vae", wrappers)
    return original("dalle_pytorch.dalle_pytorch", "dalle_pytorch")
