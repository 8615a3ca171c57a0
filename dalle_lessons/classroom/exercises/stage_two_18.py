"""Checks of lesson 18's second stage: the transformer that looks nowhere ahead, its loss, and the sampler."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import CheckFailed, as_number, call, exercise
from .own_file_18 import config_of, image_tokens, model_of, pad_of, part_of, tokenizer_of, tokens, world_of
from .papers_sum_18 import hears_both, is_papers_sum, predict

LEARNED = 0.8  # the share of places that a model with positions names rightly after PLACE_STEPS steps
PLACE_STEPS = 40


def untrained(own: Any, captions: int = 8) -> tuple[Any, Tensor, Tensor, int]:
    """The student's transformer, untrained, text (B, T) of as many captions, made-up image tokens (B, N), and PAD."""
    known = world_of(own, 64)[1]
    tokenizer = tokenizer_of(own, known)
    dalle = model_of(own, "DALLE", tokenizer.size, config_of(own))
    text = tokens(call(tokenizer.encode, known[:captions], shown="captions"), captions, "What encode gives")
    return dalle, text, image_tokens(own, captions), pad_of(own, tokenizer, known)


def differs(a: Tensor, b: Tensor) -> Tensor:
    """(B, S, K), twice -> (S,) bool: at which slots do they differ by more than rounding?"""
    return (a - b).abs().amax(dim=(0, 2)) > 1e-5


@exercise("18.causal")
def causal(made: Any) -> None:
    """own.DALLE(vocabulary, c): nothing sees what comes later; all see what came before, and where they stand."""
    own, text, image, pad = untrained(made, 4)
    own.eval()  # without dropout
    fed = image[:, :-1]  # after the last token nothing is left to say
    with torch.no_grad():
        _looks(own, text, fed)
    _places(own, text, fed, config_of(made).grid, pad)


def _looks(own: Any, text: Tensor, fed: Tensor) -> None:
    before = predict(own, text, fed)
    codes = before[1].shape[-1]
    for i in (0, fed.shape[1] // 2, fed.shape[1] - 1):
        changed = fed.clone()
        changed[:, i] = (changed[:, i] + 1) % codes
        after = predict(own, text, changed)
        moved = differs(before[1], after[1])  # slot s says token s
        if differs(before[0], after[0]).any():
            raise CheckFailed(
                "The text's logits changed with an image token: text comes first, and may not look ahead."
            )
        if moved[:i].any():
            raise CheckFailed(
                f"Image token {i} was changed, and what is said before it changed too: no slot looks ahead."
            )
        if moved[i]:
            raise CheckFailed(
                f"What is said of image token {i} depends on that token: the answer is given away, shift."
            )
        if not moved[i + 1]:
            raise CheckFailed(f"The slot after image token {i} does not see it: a slot may look at itself.")
        if not moved[i + 1 :].all():
            raise CheckFailed(
                f"Image token {i} was changed, and some later slot did not notice: all that came is seen."
            )
    changed = text.clone()
    changed[:, 1] = changed[:, 2].where(changed[:, 2] != changed[:, 1], changed[:, 0])
    after = predict(own, changed, fed)
    if not differs(before[1], after[1]).all():
        raise CheckFailed(
            "The caption was changed, and the image logits did not notice: image slots see the whole text."
        )
    if differs(before[0], after[0])[0]:
        raise CheckFailed("The first word was changed, and what is said of it changed too: text may not look ahead.")


def _places(own: Any, text: Tensor, fed: Tensor, grid: int, pad: int) -> None:
    """Fed with one and the same token in all slots, a copy of the model learns to say where it is: only positions tell.

    Its text logits learn the number of the slot; its image logits the row (classes below grid) and the column (the
    next ones, up to 2 · grid), or both in turn where there are fewer codes.
    """
    own = copy.deepcopy(own)
    text, fed = text[:1].clone(), torch.zeros_like(fed[:1])
    word = next(token for token in text[0, 1:].tolist() if token != pad)
    text[:, 1:] = word
    slots, cell = torch.arange(text.shape[1] - 1), torch.arange(grid**2)
    row, col = cell // grid, cell % grid
    optimizer = torch.optim.Adam([p for p in own.parameters() if p.requires_grad], 5e-3)
    for _ in range(PLACE_STEPS):
        words, codes = (logits[0] for logits in predict(own, text, fed))  # (T - 1, V), (N, K)
        if codes.shape[-1] < 2 * grid or words.shape[-1] < len(slots):
            return  # too few to say it with
        seen = F.cross_entropy(codes[:, :grid], row) + F.cross_entropy(codes[:, grid : 2 * grid], col)
        loss = F.cross_entropy(words[:, : len(slots)], slots) + seen
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(own.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        words, codes = (logits[0] for logits in predict(own, text, fed))
    told = (words[:, : len(slots)].argmax(-1) == slots).float().mean()
    rows = (codes[:, :grid].argmax(-1) == row).float().mean()
    cols = (codes[:, grid : 2 * grid].argmax(-1) == col).float().mean()
    if min(rows, cols) < LEARNED:
        lacking = "their place" if max(rows, cols) < LEARNED else "their column" if cols < rows else "their row"
        raise CheckFailed(
            f"Fed with one and the same token everywhere, the image slots cannot learn {lacking}: image positions are "
            "missing. Add a vector for the row and one for the column of the token to be said."
        )
    if told < LEARNED:
        raise CheckFailed(
            "Fed with one and the same word everywhere, the text slots cannot learn their place: text positions are "
            "missing. Add a vector for the slot to each word."
        )


@exercise("18.loss")
def loss(made: Any) -> None:
    """own.DALLE(vocabulary, c).loss: the paper's sum; it begins where guessing begins, and 40 steps bring it down."""
    own, text, image, pad = untrained(made)
    with torch.no_grad():
        text_logits, image_logits = predict(own, text, image[:, :-1])
        words, codes = math.log(text_logits.shape[-1]), math.log(image_logits.shape[-1])
        guess = words / 8 + 7 / 8 * codes
        value = as_number(call(own.loss, text, image, shown="text, image"), "The loss")
    is_sum = is_papers_sum(own, text, image, pad)
    if abs(value - guess) > 0.4:
        said = f"{value:.2f} nats, where guessing costs {guess:.2f}"
        if value < guess:
            raise CheckFailed(f"The loss is too low for a model that knows nothing: {said}. Is the answer given away?")
        raise CheckFailed(f"The loss is too high: {said}. Begin with small weights, so that no guess is bold.")
    learned = [p for p in own.parameters() if p.requires_grad]
    if not learned:
        raise CheckFailed("There is nothing that can learn: no parameter requires a gradient.")
    if not own.loss(text, image).requires_grad:
        raise CheckFailed("One cannot go back from the loss: do not detach it, and do not compute it under no_grad.")
    if is_sum:
        hears_both(own, text, image, pad)
    text, image = (
        text[:4],
        torch.arange(image.shape[1]).expand(4, -1) // math.isqrt(image.shape[1]) % int(math.e**codes + 0.5),
    )
    optimizer = torch.optim.Adam(learned, 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        own.loss(text, image).backward()
        optimizer.step()
    last = float(own.loss(text, image).detach())
    if last > 0.75 * guess:
        raise CheckFailed(
            f"After 40 steps on four pictures it is still {last:.2f} of {guess:.2f} nats: is softmax applied twice, or "
            "are the targets shifted wrongly? Cross-entropy wants logits."
        )
    if not is_sum:
        raise CheckFailed(
            "The loss is no sum of your own model's cross-entropies, of the next word and of the next image token: "
            "what else is in it, or left out?"
        )


@exercise("18.sampler")
def sampler(made: Any) -> None:
    """own.sample(dalle, text, seed, temperature) -> image tokens (B, N)."""
    draw = part_of(made, "sample")
    dalle, text, image, _ = untrained(made, 1)
    dalle.eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # so that its logits differ, and a wrong choice shows
        for parameter in dalle.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    texts = text[:1].expand(3, -1)  # one caption, three times

    def drawn(seed: int, temperature: float) -> Tensor:
        shown = f"dalle, text, {seed}, {temperature:g}"
        return tokens(call(draw, dalle, texts, seed, temperature, shown=shown), 3, "What sample gives")

    first = drawn(0, 1.0)
    if first.shape[1] != image.shape[1]:
        raise CheckFailed(f"sample gives {first.shape[1]} tokens a picture, and grid · grid are {image.shape[1]}.")
    if first.requires_grad:
        raise CheckFailed("Drawing needs no gradients: put @torch.no_grad() above the sampler.")
    if not torch.equal(first, drawn(0, 1.0)):
        raise CheckFailed("The same seed drew another picture: draw from a torch.Generator with that seed.")
    if torch.equal(first, drawn(1, 1.0)):
        raise CheckFailed(
            "Another seed drew the same picture: the seed is not used, or the likeliest token always wins."
        )
    if len(first.unique(dim=0)) == 1:
        raise CheckFailed("One caption three times gave one picture three times: each row needs chance of its own.")
    cold = drawn(0, 1e-6)  # so cold that the likeliest token is drawn: then it can be compared with the model
    with torch.no_grad():
        logits = predict(dalle, texts, cold[:, :-1])[1]
    if cold.max() >= logits.shape[-1]:
        raise CheckFailed("There are tokens beyond the codebook.")
    lost = logits.amax(dim=-1) - logits.gather(2, cold[:, :, None])[:, :, 0]  # (3, N): 0 where the likeliest is drawn
    if lost.max() > 1e-3:
        if torch.equal(cold, first):
            raise CheckFailed("The temperature changes nothing: divide the logits by it, before the softmax.")
        place = int((lost > 1e-3).any(dim=0).nonzero()[0])
        raise CheckFailed(
            f"At a temperature of nearly 0 image token {place} is not the likeliest one: read the logits of the last "
            "slot, divide them by the temperature before the softmax, and feed what was drawn."
        )
