"""Checks of lesson 19: noise a grid, the loss of a guess, one step back, and the parts that are given."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from . import CheckFailed, as_number, as_tensor, call, check_gradient, diagnose, exercise


def mixed(clean: Tensor, noise: Tensor, t) -> Tensor:
    """(B, N, D): the right answer of the first exercise."""
    t = torch.as_tensor(t).reshape(-1, 1, 1)
    return t * clean + (1 - t) * noise


def grids(seed: int, count: int) -> list[Tensor]:
    """(4, 4, 4) each: batch, places and numbers are alike, so that a t along the wrong axis goes unnoticed at first."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(4, 4, 4, generator=generator) for _ in range(count)]


@exercise("19.noised")
def noised(answer) -> None:
    """answer(clean, noise, t): (B, N, D), (B, N, D), (B,) -> (B, N, D)."""
    clean, noise = grids(0, 2)
    t = torch.tensor([0.1, 0.4, 0.7, 0.9])
    value = as_tensor(call(answer, clean, noise, t, shown="clean, noise, t"), (4, 4, 4), lists=False)
    own = t[:, None, None]
    mistakes = {
        "The ends are exchanged: at t = 0 it is all noise, at t = 1 the clean grid.": mixed(noise, clean, t),
        "You give t to the numbers of a place, not to the pictures: t needs the shape (B, 1, 1).": (
            t * clean + (1 - t) * noise
        ),
        "You give t to the places, not to the pictures: t needs the shape (B, 1, 1).": (
            t[:, None] * clean + (1 - t[:, None]) * noise
        ),
        "The clean grid is not weakened: it is multiplied by t, so that at t = 0 nothing of it is left.": (
            clean + (1 - own) * noise
        ),
        "The noise is not weakened: it is multiplied by 1 - t, so that at t = 1 nothing of it is left.": (
            own * clean + noise
        ),
        "That is the clean grid with more noise the larger t is: here t = 1 means clean.": clean + own * noise,
        "You take square roots, as the DDPM paper does: here it is the straight line between the two.": (
            own.sqrt() * clean + (1 - own).sqrt() * noise
        ),
        "Both get the weight t: the noise gets 1 - t.": own * (clean + noise),
        "Each picture has its own t: you take the first one for all.": mixed(clean, noise, t[0]),
        "Each picture has its own t: you take their mean.": mixed(clean, noise, t.mean()),
        "That is the mean of both, whatever t says.": (clean + noise) / 2,
    }
    diagnose(value, mixed(clean, noise, t), mistakes, "At t = 0 it is the noise, at t = 1 the clean grid, on a line.")


class Recorder:
    """A model whose guess depends on all that it is given."""

    def __init__(self):
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def __call__(self, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
        self.seen.append((x, t, text))
        return 0.3 * x + 0.1 * t.reshape(-1, 1, 1) + 0.01 * text.sum(1).reshape(-1, 1, 1)


@exercise("19.guess_loss")
def guess_loss(answer) -> None:
    """answer(model, clean, text, t, noise) -> the mean squared error of the guess, a 0-d tensor with gradient."""
    clean, noise = grids(1, 2)
    text, t, model = torch.tensor([[3, 5], [2, 0], [7, 1], [4, 4]]), torch.tensor([0.2, 0.5, 0.6, 0.9]), Recorder()
    value = as_number(call(answer, model, clean, text, t, noise, shown="model, clean, text, t, noise"), "The loss")
    if not model.seen:
        raise CheckFailed("You never ask the model: its guess from the noisy grid is what the loss is about.")
    if len(model.seen) > 1:
        raise CheckFailed("You ask the model more than once: one guess a batch is all that the loss needs.")
    x = mixed(clean, noise, t)

    def loss(target, given=x, when=t, said=text):
        return F.mse_loss(model(given, when, said), target)

    guess = model(x, t, text)
    mistakes = {
        "You compare the guess with the noise: here the model guesses the clean grid.": loss(noise),
        "You compare the guess with the noisy grid that it was given: it should find the clean one.": loss(x),
        "You compare with the difference of clean grid and noise: here the model guesses the clean grid.": (
            loss(clean - noise)
        ),
        "The model sees the clean grid, so the answer: give it the noised one.": loss(clean, clean),
        "The model sees noise alone: give it the noised grid.": loss(clean, noise),
        "The model is told 1 - t: tell it t.": loss(clean, x, 1 - t),
        "The noised grid has its ends exchanged: at t = 0 it is all noise.": loss(clean, mixed(noise, clean, t)),
        "The model does not see the caption: give it text.": loss(clean, x, t, 0 * text),
        "You sum over all numbers: take the mean.": (guess - clean).square().sum(),
        "You sum over a picture's numbers: take the mean over all.": (guess - clean).square().sum((1, 2)).mean(),
        "That is the mean of the absolute errors: square them.": (guess - clean).abs().mean(),
        "You take the root of the mean squared error: leave it squared.": loss(clean).sqrt(),
        "That is half of the mean squared error.": loss(clean) / 2,
        "You take the mean error without squaring it: too high and too low would cancel.": (guess - clean).mean(),
    }
    diagnose(value, loss(clean), mistakes, f"Here it is {float(loss(clean)):.4f}; yours: {value:.4f}.")
    strength = torch.tensor(0.5)
    check_gradient(lambda clean, s: answer(lambda x, t, text: s * x, clean, text, t, noise), clean, strength)


@exercise("19.one_step")
def one_step(answer) -> None:
    """answer(x, guess, t, later): (B, N, D), (B, N, D), two numbers -> (B, N, D)."""
    x, guess = grids(2, 2)
    t, later = 0.25, 0.75
    torch.manual_seed(0)
    value = as_tensor(call(answer, x, guess, t, later, shown="x, guess, 0.25, 0.75"), (4, 4, 4), lists=False)
    again = call(answer, x, guess, t, later)
    if not torch.equal(torch.as_tensor(value), torch.as_tensor(again)):
        raise CheckFailed("You take fresh noise: keep the noise that is in x, or the picture changes with each step.")
    noise = (x - t * guess) / (1 - t)
    mistakes = {
        "You jump to the guess at once: go to `later` only, and ask again from there.": guess,
        "Nothing moves: mix the guess and the noise anew, with `later` as the share of the guess.": x,
        "You mix the guess with x: x is part guess already; find the noise in it first.": mixed(guess, x, later),
        "The noise that you find is too weak: after subtracting t · guess, divide by 1 - t.": (
            mixed(guess, x - t * guess, later)
        ),
        "The noise in x is not x - guess: x holds t · guess and (1 - t) · noise.": mixed(guess, x - guess, later),
        "You divide by t: the noise's share in x is 1 - t.": mixed(guess, (x - t * guess) / t, later),
        "The two shares are exchanged: at `later` the guess has the share `later`.": mixed(noise, guess, later),
        "You go from t by `later`: go to `later`.": mixed(guess, noise, min(1.0, t + later)),
        "You go too short a way: the whole way to the guess is 1 - t long, so divide by it.": (
            x + (later - t) * (guess - x)
        ),
        "You add a part of the guess, and the noise stays as strong as it was.": x + (later - t) * guess,
        "That is the noise in x; mix it with the guess now.": noise,
        "You take the same noise, but forget to weaken it.": later * guess + noise,
        "You go back toward the noise: the signs are turned.": x - (later - t) * (guess - x) / (1 - t),
    }
    diagnose(value, mixed(guess, noise, later), mistakes, "Find the noise in x, then mix it anew with the guess.")
    last = call(answer, x, guess, t, 1.0, shown="x, guess, 0.25, 1.0")
    diagnose(last, guess, {}, "A step to `later` = 1 should give the guess itself.")


@exercise("19.put_back")
def put_back(answer) -> None:
    """answer(x, t, given, clean, noise): the grid with the places that are given, (N,) bool, put back."""
    x, clean, noise = grids(3, 3)
    given, t = torch.tensor([True, False, False, True]), 0.25
    value = as_tensor(call(answer, x, t, given, clean, noise, shown="x, 0.25, given, clean, noise"), (4, 4, 4))
    there, back = given[:, None], mixed(clean, noise, t)

    def put(inside, outside=x, where=there):
        return torch.where(where, inside, outside)

    mistakes = {
        "You put the clean places in: at t the rest is noisy, so noise these places to t as well.": put(clean),
        "The mask is turned round: what is given comes back, the rest stays as it was drawn.": put(back, x, ~there),
        "All places are put back, and nothing is drawn: only those that are given.": back,
        "Nothing is put back.": x,
        "You put noise in: the places that are given hold clean and noise, as t says.": put(noise),
        "You noise by 1 - t: at t the clean grid has the share t.": put(mixed(clean, noise, 1 - t)),
        "The mask falls on the numbers of a place, not on the places: it needs the shape (N, 1).": (
            put(back, x, given)
        ),
        "The mask falls on the pictures, not on the places: it needs the shape (N, 1).": (
            put(back, x, given[:, None, None])
        ),
        "The rest becomes zero: it stays as x has it.": put(back, 0 * x),
        "You add to what is there: what is given replaces it.": x + there * back,
        "You mix what is given with x: it replaces x there.": put((back + x) / 2),
        "You replace the rest by noise: it stays as x has it.": put(back, noise),
    }
    diagnose(value, put(back), mistakes, "Where given: clean and noise, mixed as t says. Elsewhere: x.")
