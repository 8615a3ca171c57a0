"""What a training was: its settings, its data and the weights that it builds on. A checkpoint remembers them, so that
`--resume` never goes on with others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from ..datasets import Pairs
from ..datasets.shard_samples import Shards
from ..model.dvae import DVAE
from ..model.tokenizer import TextTokenizer

# Whoever saves more often, or computes a batch in more parts, trains the same; with other readers a stream begins a new
# pass.
IGNORED = ("train_config.save_every", "train_config.accumulate", "train_config.workers")
SAID = {  # what a difference in these is called; of the others, the values are told
    "data": "other pictures or captions",
    "dvae": "another dVAE",
    "tokenizer": "another tokenizer",
    "start": "other weights to start from",
    "negatives": "another DALL·E that draws negatives",
}


def data_fingerprint(pairs: Pairs | Shards) -> dict[str, int | str]:
    """`count`, the number of pairs, and `sha256` over all pictures, weights and full captions, in hexadecimal; for
    shards, see `Shards.fingerprint`."""
    if isinstance(pairs, Shards):
        return pairs.fingerprint()
    digest = hashlib.sha256(str(tuple(pairs.pictures.shape)).encode())
    digest.update(pairs.pictures.contiguous().numpy().data)
    digest.update(pairs.weights.numpy().astype(np.float64).tobytes())
    digest.update(json.dumps([pairs.caption(i, None) for i in range(len(pairs))]).encode())
    return {"count": len(pairs), "sha256": digest.hexdigest()}


def weights_fingerprint(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, of a model's weights and buffers in half precision, as they are stored."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        stored = tensor.half() if tensor.is_floating_point() else tensor
        digest.update(name.encode() + stored.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fingerprints(
    dvae: DVAE | None = None,
    tokenizer: TextTokenizer | None = None,
    start: nn.Module | None = None,
    negatives: nn.Module | None = None,
) -> dict[str, str]:
    """What an objective builds on, by the names of `SAID`; what is None is left out. negatives: the model that draws
    them."""
    tokens = {"dvae": dvae, "tokenizer": tokenizer}
    weights = {"start": start, "negatives": negatives}
    return {name: part.fingerprint() for name, part in tokens.items() if part is not None} | {
        name: weights_fingerprint(model) for name, model in weights.items() if model is not None
    }


def flat(identity: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}; tuples become lists, as in JSON."""
    out: dict[str, Any] = {}
    for key, value in identity.items():
        if isinstance(value, dict):
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = list(value) if isinstance(value, tuple) else value
    return out


def differences(before: dict[str, Any], now: dict[str, Any], partly: bool = False) -> list[str]:
    """What differs between two identities, each in a few words. partly: only what `now` names counts."""
    old, new = flat(before), flat(now)
    found: dict[str, None] = {}  # each once, in order
    for key in dict.fromkeys([*new] if partly else [*old, *new]):
        if key in IGNORED or old.get(key) == new.get(key):
            continue
        path = key.split(".")
        found[SAID.get(path[0], f"{path[-1]} {old.get(key)!r}, now {new.get(key)!r}")] = None
    return list(found)


def refuse_differences(folder: Path, before: dict[str, Any], now: dict[str, Any], partly: bool = False) -> None:
    """Raises ValueError with one sentence that names what differs."""
    if found := differences(before, now, partly):
        more = f", and {len(found) - 4} more" if len(found) > 4 else ""
        # The learning rate falls towards the last step: with more steps, all before would have been others.
        longer = any(name.startswith("steps ") for name in found)
        way = f", or begin again from its weights with --start {folder} and another --out" if longer else ""
        raise ValueError(
            f"{folder} was trained with another recipe: resume with the same preset and options, data and weights "
            f"({'; '.join(found[:4])}{more}){way}."
        )
