"""Is a loss the paper's sum, 1/8 of the text's and 7/8 of the image's? If not, which part of it is another?"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import CheckFailed, as_number, call, describe
from .own_file_18 import pair


def predict(own: Any, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """The student's logits for text (B, T) and the first n image tokens (B, n): (B, T-1, V) and (B, n + 1, K)."""
    logits = call(own, text, image, shown="text, image")
    text_logits, image_logits = pair(logits, "two things from the model: logits of text and of image tokens")
    for name, value, slots in (("text", text_logits, text.shape[1] - 1), ("image", image_logits, image.shape[1] + 1)):
        if not isinstance(value, Tensor) or value.ndim != 3 or value.shape[:2] != (len(text), slots):
            raise CheckFailed(
                f"The {name} logits should be of shape ({len(text)}, {slots}, …), but are {describe(value)}."
            )
    return text_logits, image_logits


def text_losses(logits: Tensor, text: Tensor, pad: int) -> dict[str, Tensor]:
    """logits (B, T-1, V), text (B, T) -> by name, what the text's loss may have been taken for; the first is right."""
    nats, now = (F.cross_entropy(logits.transpose(1, 2), t, reduction="none") for t in (text[:, 1:], text[:, :-1]))
    counts = text[:, 1:] != pad
    return {
        "right": nats[counts].mean(),
        "right, by caption": ((nats * counts).sum(1) / counts.sum(1)).mean(),
        "pads": nats.mean(),
        "pads as zeros": (nats * counts).sum() / counts.numel(),
        "unshifted": now[text[:, :-1] != pad].mean(),
        "unshifted, pads": now.mean(),
    }


NAMED = {
    "pads": "Pads are counted in the text's loss: leave targets that are PAD out of the mean.",
    "pads as zeros": "Pads cost nothing, but the mean is still taken over them: divide by the number of words alone.",
    "unshifted": "The text's targets are not shifted: slot i says token i + 1, so compare with text[:, 1:].",
    "unshifted, pads": "The text's targets are not shifted, and pads count: compare with text[:, 1:], pads left out.",
}


def is_papers_sum(own: Any, text: Tensor, image: Tensor, pad: int) -> bool:
    """Is the loss 1/8 of the text's and 7/8 of the image's cross-entropy? False where it is no such sum at all; a
    Mistake, which names the part that is another, where it is nearly one.

    The weights are disturbed first, so that no two ways to count agree by chance; then the loss of several batches is
    fitted by both parts.
    """
    own = copy.deepcopy(own).eval()
    generator = torch.Generator().manual_seed(1)
    parts: list[dict[str, float]] = []
    values, images = [], []
    with torch.no_grad():
        for parameter in own.parameters():
            parameter += 0.15 * torch.randn(parameter.shape, generator=generator)
        for i in range(len(text)):
            rows = [i, (i + 3) % len(text)]
            text_logits, image_logits = predict(own, text[rows], image[rows][:, :-1])
            parts.append({name: float(value) for name, value in text_losses(text_logits, text[rows], pad).items()})
            images.append(float(F.cross_entropy(image_logits.transpose(1, 2), image[rows])))
            values.append(as_number(call(own.loss, text[rows], image[rows], shown="text, image"), "The loss"))
    truth = torch.tensor(values, dtype=torch.float64)
    _nothing_added(torch.tensor([[part["right"], seen] for part, seen in zip(parts, images, strict=True)]), truth)
    for name in parts[0]:
        known = torch.tensor(
            [[part[name], seen] for part, seen in zip(parts, images, strict=True)], dtype=torch.float64
        )
        weights = torch.linalg.lstsq(known, truth[:, None]).solution[:, 0]
        if (known @ weights - truth).abs().max() > 1e-3 * truth.abs().max():
            continue
        of_text, of_image = weights.tolist()
        if abs(of_text) < 0.005:
            raise CheckFailed("The loss is the image's alone: the text has 1/8 of the weight, and the image 7/8.")
        if name in NAMED:
            raise CheckFailed(NAMED[name])
        _weights(of_text, of_image, image.shape[1])
        return True
    return False


def hears_both(own: Any, text: Tensor, image: Tensor, pad: int) -> None:
    """Does the model learn from both parts of its loss? Raises CheckFailed where the gradient has none of one of them.

    The gradient of the student's loss is fitted by those of both cross-entropies, from the student's own logits.
    """
    own = copy.deepcopy(own).eval()
    learned = [p for p in own.parameters() if p.requires_grad]

    def gradient(value: Tensor) -> Tensor:
        found = torch.autograd.grad(value, learned, retain_graph=True, allow_unused=True)
        each = [torch.zeros_like(p) if g is None else g for p, g in zip(learned, found, strict=True)]
        return torch.cat([g.flatten() for g in each]).double()

    text_logits, image_logits = predict(own, text, image[:, :-1])
    of_text = text_losses(text_logits, text, pad)["right"]
    of_image = F.cross_entropy(image_logits.transpose(1, 2), image)
    parts = torch.stack([gradient(of_text + 0 * of_image), gradient(of_image + 0 * of_text)])  # (2, P)
    weights = torch.linalg.lstsq(parts.T, gradient(own.loss(text, image))[:, None]).solution[:, 0]
    for name, weight in zip(("text", "image"), weights.tolist(), strict=True):
        if abs(weight) < 0.01:
            raise CheckFailed(
                f"The {name}'s part is in the loss, but no gradient comes from it, so the model learns nothing of it: "
                "was it detached, or computed under no_grad?"
            )


def _nothing_added(parts: Tensor, truth: Tensor) -> None:
    """parts (n, 2), the text's and the image's loss of n batches; truth (n,), the whole loss. Raises
    CheckFailed where that is the paper's sum and something that is the same for all batches: a penalty on the weights,
    most likely."""
    rest = truth - parts.double() @ torch.tensor([1 / 8, 7 / 8], dtype=torch.float64)
    if rest.std() < 1e-3 * (truth.std() + 1e-2 * rest.abs().mean()) and rest.abs().mean() > 1e-3:
        raise CheckFailed(
            "To the paper's sum your loss adds something that is the same for every batch. Is it a penalty on the "
            "weights? Weight decay belongs in the optimizer, AdamW(…, weight_decay=0.01): then the loss still says "
            "what guessing costs."
        )


def _weights(of_text: float, of_image: float, length: int) -> None:
    if abs(of_text - 1 / 8) < 0.005 and abs(of_image - 7 / 8) < 0.005:
        return
    said = f"text weighs {of_text:.3g} in your loss, and the image {of_image:.3g}"
    if of_text < 0 and of_image < 0:
        raise CheckFailed(f"The loss is negative: {said}. It is minus the logarithm of a probability.")
    if abs(of_text * math.log(2) - 1 / 8) < 0.01:
        raise CheckFailed(f"The loss is in bits: {said}. Use the natural logarithm.")
    if of_image > length / 4:
        raise CheckFailed(f"The loss is far too high: {said}. Take the mean over the tokens, not their sum.")
    if abs(of_text - of_image) < 0.01 and of_text > 0.9:
        raise CheckFailed(f"Text and image are only added: {said}. They weigh 1/8 and 7/8.")
    if abs(of_text - 7 / 8) < 0.01:
        raise CheckFailed(f"The weights are exchanged: {said}. The picture is what we want: 7/8.")
    raise CheckFailed(f"The weights of the sum are others: {said}. They should be 1/8 and 7/8.")
