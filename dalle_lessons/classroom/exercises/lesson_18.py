"""Checks of lesson 18: the parts of the student's own DALL·E, whatever they are made of.

Each takes a part of the student's own file, untrained, and looks at what it does: a world that repeats, text that
comes back, a choice that passes gradients, a mask that lets nobody look ahead, a loss that starts where guessing
starts, a sampler that draws from the model.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from . import CheckFailed, as_number, call, describe, exercise


def parts(answer, count: int, what: str) -> tuple:
    """The answer as a tuple of `count` parts; else a Mistake that says what they should be."""
    if not isinstance(answer, tuple) or len(answer) != count:
        raise CheckFailed(f"Hand over {what}.")
    return answer


def tokens(value, rows: int, what: str) -> Tensor:
    """Whole numbers of shape (rows, n), not below 0; else a Mistake."""
    if not isinstance(value, Tensor):
        raise CheckFailed(f"{what} should be a tensor, but it is {describe(value)}.")
    if value.ndim != 2 or len(value) != rows:
        raise CheckFailed(f"{what} should have the shape ({rows}, n), a row for each, but it is {describe(value)}.")
    if value.dtype != torch.int64:
        raise CheckFailed(f"{what} should be token numbers, int64, but it is {describe(value)}.")
    if value.numel() and value.min() < 0:
        raise CheckFailed(f"{what} holds a token below 0: tokens are counted from 0.")
    return value


@exercise("18.world")
def world(answer) -> None:
    """answer(count, seed) -> pictures (count, 3, H, W) in [0, 1], and captions, a list of as many."""
    first, again, other = (call(answer, 12, seed, shown=f"12, {seed}") for seed in (0, 0, 1))
    for drawn in (first, again, other):
        pictures, captions = parts(drawn, 2, "two things from your world: the pictures and their captions")
        if not isinstance(pictures, Tensor) or pictures.ndim != 4 or len(pictures) != 12 or pictures.shape[1] != 3:
            shape = describe(pictures)
            raise CheckFailed(f"The pictures should be a tensor of shape (12, 3, H, W), colors first, but are {shape}.")
        if not pictures.is_floating_point() or not 0 <= pictures.min() <= pictures.max() <= 1:
            raise CheckFailed("The pictures should be float numbers from 0 to 1: divide what PIL gives by 255.")
        if len(captions) != 12 or not all(isinstance(caption, str) and caption.strip() for caption in captions):
            raise CheckFailed("There should be a caption, a string with words in it, for each of the 12 pictures.")
    if not torch.equal(first[0], again[0]) or list(first[1]) != list(again[1]):
        raise CheckFailed("The same seed gave another world: draw all chance from one random.Random(seed).")
    if torch.equal(first[0], other[0]):
        raise CheckFailed("Another seed gave the same pictures: the seed is not used.")
    if len(first[0].unique(dim=0)) < 4 or len(set(first[1])) < 4:
        raise CheckFailed(
            "There are fewer than four different pictures or captions among twelve: there is little to learn."
        )


@exercise("18.tokenizer")
def tokenizer(answer) -> None:
    """answer: (tokenizer, captions). encode(list) -> (B, T) int64, decode(rows) -> list, size: how many tokens."""
    own, captions = parts(answer, 2, "your tokenizer and some captions: (tokenizer, captions)")
    captions = list(dict.fromkeys(captions))  # each once
    rows = tokens(call(own.encode, captions, shown="captions"), len(captions), "What encode gives")
    back = call(own.decode, rows, shown="rows")
    for caption, found in zip(captions, back, strict=False):
        if str(found).split() != caption.lower().split():
            raise CheckFailed(f"What goes in should come out: “{caption}” came back as “{found}”.")
    if len(back) != len(captions):
        raise CheckFailed(f"{len(captions)} captions went in, and {len(back)} came back.")
    alone = tokens(call(own.encode, captions[:1], shown="one caption"), 1, "What encode gives")
    if not torch.equal(alone[0], rows[:1, : alone.shape[1]][0]) or alone.shape[1] != rows.shape[1]:
        raise CheckFailed("A caption alone and in a list should give the same row: pad to one fixed length T.")
    if len(rows[:, 0].unique()) > 1:
        raise CheckFailed("Rows should begin with the same token, start of text: the first word is predicted from it.")
    size = as_number(getattr(own, "size", None) or math.nan, "size")
    if size <= int(rows.max()):
        raise CheckFailed(f"size is {size:.0f}, but there is a token {int(rows.max())}: count the special tokens too.")
    try:
        own.encode([" ".join(captions * 50)])
    except ValueError:
        return
    except Exception as error:
        raise CheckFailed(f"A caption that is too long should raise ValueError, not {type(error).__name__}.") from None
    raise CheckFailed("A caption that is far too long was cut in silence: raise a ValueError that says so.")


@exercise("18.dvae")
def dvae(answer) -> None:
    """answer: (dvae, pictures). encode -> (B, N) int64, decode -> pictures, loss(pictures, temperature) -> a number."""
    own, pictures = parts(answer, 2, "your dVAE and some pictures: (dvae, pictures)")
    image = tokens(call(own.encode, pictures, shown="pictures"), len(pictures), "What encode gives")
    if not torch.equal(image, own.encode(pictures)):
        raise CheckFailed(
            "encode gives other tokens each time: no Gumbel noise there, the likeliest code is the token."
        )
    back = call(own.decode, image, shown="tokens")
    if not isinstance(back, Tensor) or back.shape != pictures.shape:
        shape = tuple(pictures.shape)
        raise CheckFailed(f"decode should give pictures of the shape they had, {shape}, but it gives {describe(back)}.")
    if not 0 <= back.min() <= back.max() <= 1:
        raise CheckFailed("decode gives numbers outside of 0 to 1: clamp them, or end in a sigmoid.")
    if back.requires_grad:
        raise CheckFailed("encode and decode are for use, not for learning: put @torch.no_grad() above them.")
    own = copy.deepcopy(own)
    torch.manual_seed(0)
    loss = call(own.loss, pictures, 1.0, shown="pictures, 1.0")
    if not isinstance(loss, Tensor) or not loss.requires_grad or as_number(loss.detach(), "The loss") < 0:
        raise CheckFailed("The loss should be a tensor that one can go back from, and not negative.")
    loss.backward()
    for name, parameter in own.named_parameters():
        if parameter.grad is None or not parameter.grad.any():
            raise CheckFailed(
                f"No gradient reaches {name}: a hard choice, argmax, lets none pass. Choose softly in loss."
            )


def predict(own, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """The student's logits for text (B, T) and the first n image tokens (B, n): (B, T-1, V) and (B, n + 1, K)."""
    with torch.no_grad():
        logits = call(own, text, image, shown="text, image")
    text_logits, image_logits = parts(logits, 2, "two things from the model: logits of text and of image tokens")
    for name, value, slots in (("text", text_logits, text.shape[1] - 1), ("image", image_logits, image.shape[1] + 1)):
        if not isinstance(value, Tensor) or value.ndim != 3 or value.shape[:2] != (len(text), slots):
            raise CheckFailed(
                f"The {name} logits should be of shape ({len(text)}, {slots}, …), but are {describe(value)}."
            )
    return text_logits, image_logits


def differs(a: Tensor, b: Tensor) -> Tensor:
    """(B, S, K), twice -> (S,) bool: at which slots do they differ by more than rounding?"""
    return (a - b).abs().amax(dim=(0, 2)) > 1e-5


@exercise("18.causal")
def causal(answer) -> None:
    """answer: (dalle, text, image). Nothing may see what comes later; all must see what came before."""
    own, text, image = parts(answer, 3, "your transformer, text and image tokens: (dalle, text, image)")
    own = copy.deepcopy(own).eval()  # without dropout
    fed = image[:, :-1]  # after the last token nothing is left to say
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


@exercise("18.loss")
def loss(answer) -> None:
    """answer: (dalle, text, image). The loss begins where guessing begins, and 40 steps on one batch bring it down."""
    own, text, image = parts(answer, 3, "your untrained transformer, text and image tokens: (dalle, text, image)")
    text_logits, image_logits = predict(own, text, image[:, :-1])
    words, codes = math.log(text_logits.shape[-1]), math.log(image_logits.shape[-1])
    guess = words / 8 + 7 / 8 * codes
    with torch.no_grad():
        value = as_number(call(own.loss, text, image, shown="text, image"), "The loss")
    if abs(value - guess) > 0.4:
        said = f"{value:.2f} nats, where guessing costs {guess:.2f}"
        if value < 0:
            raise CheckFailed(f"The loss is negative: {said}. It is minus the logarithm of a chance.")
        if abs(value - guess / math.log(2)) < 0.4:
            raise CheckFailed(f"The loss is in bits: {said}. Use the natural logarithm.")
        if value > 5 * guess:
            raise CheckFailed(f"The loss is far too high: {said}. Take the mean over the tokens, not their sum.")
        if abs(value - words - codes) < 0.4:
            raise CheckFailed(f"Text and image are only added: {said}. They weigh 1/8 and 7/8.")
        if value < guess:
            raise CheckFailed(f"The loss is too low for a model that knows nothing: {said}. Is the answer given away?")
        raise CheckFailed(f"The loss is too high: {said}. Begin with small weights, so that no guess is bold.")
    own = copy.deepcopy(own)
    learned = [p for p in own.parameters() if p.requires_grad]
    if not learned:
        raise CheckFailed("There is nothing that can learn: no parameter requires a gradient.")
    optimizer = torch.optim.Adam(learned, 3e-3)
    for _ in range(40):
        value = own.loss(text[:4], image[:4])
        if not value.requires_grad:
            raise CheckFailed(
                "One cannot go back from the loss: do not detach it, and do not compute it under no_grad."
            )
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    last = float(own.loss(text[:4], image[:4]).detach())
    if last > 0.75 * guess:
        raise CheckFailed(
            f"After 40 steps on four pictures it is still {last:.2f} of {guess:.2f} nats: is softmax applied twice, or "
            "are the targets shifted wrongly? Cross-entropy wants logits."
        )


@exercise("18.sampler")
def sampler(answer) -> None:
    """answer: (sample, dalle, text). sample(dalle, text, seed, temperature) -> image tokens (B, N)."""
    draw, dalle, text = parts(answer, 3, "your sampler, a transformer and some text: (sample, dalle, text)")
    dalle = copy.deepcopy(dalle).eval()
    texts = text[:1].expand(3, -1)  # one caption, three times

    def drawn(seed: int, temperature: float) -> Tensor:
        shown = f"dalle, text, {seed}, {temperature:g}"
        return tokens(call(draw, dalle, texts, seed, temperature, shown=shown), 3, "What sample gives")

    first = drawn(0, 1.0)
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
