"""Other people's implementations, where `make reference` has installed them: their modules, and how fast they sample.

The tests in tests/reference compare ours with them; `tools/bench.py --peers` takes their time.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from types import ModuleType

import torch

from dalle_lessons.model.dalle import DALLEConfig


def original(name: str, package: str = "") -> ModuleType:
    """A module of a package. package: whose own __init__ is left out, since it imports all that the package can do
    (torchvision, taming, …). Raises ModuleNotFoundError with one sentence where it is not installed."""
    top = package or name.split(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise ModuleNotFoundError(f"{top} is not installed: make reference installs it.")
    if package and package not in sys.modules:
        bare = ModuleType(package)
        bare.__spec__, bare.__path__ = spec, list(spec.submodule_search_locations or ())
        sys.modules[package] = bare
    return importlib.import_module(name)


def dalle_pytorch() -> ModuleType:
    """dalle-pytorch's models, without its wrappers of pretrained VAEs, for which empty classes stand."""
    original("dalle_pytorch.attention", "dalle_pytorch")
    wrappers = types.ModuleType("dalle_pytorch.vae")
    for name in ("OpenAIDiscreteVAE", "VQGanVAE"):
        setattr(wrappers, name, type(name, (), {}))
    sys.modules.setdefault("dalle_pytorch.vae", wrappers)
    return original("dalle_pytorch.dalle_pytorch", "dalle_pytorch")


def gpt2_sampler(c: DALLEConfig, pictures: int) -> Callable[[], object]:
    """GPT-2 of `transformers`, of the sizes of a DALL·E, samples as many tokens after captions as long."""
    gpt2 = original("transformers.models.gpt2.modeling_gpt2")
    length = c.text_length + c.image_length
    sizes = {"n_embd": c.width, "n_layer": c.layers, "n_head": c.heads, "n_positions": length}
    model = gpt2.GPT2LMHeadModel(
        gpt2.GPT2Config(vocab_size=max(c.codes, c.vocab_size), bos_token_id=None, eos_token_id=None, **sizes)
    ).eval()
    text = torch.ones(pictures, c.text_length, dtype=torch.int64)
    how = {"max_new_tokens": c.image_length, "do_sample": True, "top_k": 0, "pad_token_id": 0, "use_cache": True}
    return lambda: model.generate(text, attention_mask=torch.ones_like(text), **how)


def dalle_pytorch_sampler(c: DALLEConfig, pictures: int, cached: bool = False) -> Callable[[], object]:
    """dalle-pytorch's DALL·E of the same sizes draws as many pictures; its dVAE is a small one. cached: with its
    cache, which is not its default."""
    module = dalle_pytorch()
    vae = module.DiscreteVAE(image_size=4 * c.rows, num_layers=2, num_tokens=c.codes, codebook_dim=8, hidden_dim=8)
    sizes = {"num_text_tokens": c.vocab_size, "text_seq_len": c.text_length, "depth": c.layers, "heads": c.heads}
    model = module.DALLE(dim=c.width, vae=vae, dim_head=c.width // c.heads, **sizes).eval()
    text = torch.ones(pictures, c.text_length, dtype=torch.int64)
    return lambda: model.generate_images(text, use_cache=cached)
