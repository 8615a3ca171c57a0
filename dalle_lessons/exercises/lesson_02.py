"""Checks of lesson 02: nearest code, straight-through gradient, perplexity."""

from __future__ import annotations

import math

import torch

from . import Mistake, as_number, as_tensor, call, diagnose, exercise, same


@exercise("02.nearest_code")
def nearest_code(answer) -> None:
    """answer(z, codebook): (N, D), (K, D) -> (N,) index of the nearest code."""
    generator = torch.Generator().manual_seed(0)
    z, codebook = torch.randn(40, 3, generator=generator), torch.randn(7, 3, generator=generator)
    codebook[2] *= 4  # a long code: a dot product alone is drawn to it
    gaps = z[:, None] - codebook  # (N, K, D)
    squared = gaps.pow(2).sum(-1)
    truth = squared.argmin(1)
    given = call(answer, z, codebook, shown="z, codebook")
    if isinstance(given, torch.Tensor):
        if same(given, codebook[truth]):
            raise Mistake("You give back the codes' vectors: give their numbers, the tokens, one for each row of z.")
        if given.shape == (40, 7):
            raise Mistake("You give back all distances, shape (N, K): take the place of the smallest in each row.")
        if given.is_floating_point() and same(given, squared.min(1).values):
            raise Mistake("You give back the smallest distances: give where they are, with argmin instead of min.")
        if given.shape == (7,):
            raise Mistake(
                "You search the nearest z for each code, so there are K numbers: search along the other axis."
            )
    given = as_tensor(given, (40,), "The tokens")
    mistakes = {
        "You take the farthest code: the smallest distance is wanted, argmin.": squared.argmax(1),
        "You take the largest dot product, which prefers long codes: measure the distance instead.": (
            z @ codebook.T
        ).argmax(1),
        "You add the differences up with their signs, so that they cancel: square them first.": gaps.sum(-1).argmin(1),
        "You compare one number of the vectors only: sum over all D of them.": gaps[..., 0].abs().argmin(1),
    }
    diagnose(given, truth, mistakes, "Some of these codes are not the nearest: check over which axis you sum (D).")
    one = call(answer, z[:1], codebook[:1], shown="one vector, one code")
    as_tensor(one, (1,), "With one vector and one code, the tokens")


@exercise("02.straight_through")
def straight_through(answer) -> None:
    """answer(z, e): forward e, backward as if it were z."""
    z = torch.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    e = torch.tensor([[1.0, -1.5], [1.5, 0.0]], requires_grad=True)
    if not callable(answer):
        call(answer)
    # Called here and not through `call`, whose copies would cut the gradients.
    try:
        out = answer(z, e)
    except NotImplementedError:
        raise Mistake("straight_through is still empty: write your code in place of the line that raises.") from None
    except Exception as error:
        raise Mistake(f"straight_through(z, e) stopped with {type(error).__name__}: {error}") from None
    out = as_tensor(out, (2, 2), "The output")
    if same(out.detach(), z.detach()):
        raise Mistake("Forward, the output is z: the decoder must be given the codes e.")
    if not same(out.detach(), e.detach()):
        raise Mistake("Forward, the output should be e exactly: is it z + (e - z), with the right part detached?")
    if not out.requires_grad:
        raise Mistake("No gradient passes at all: everything is detached; let z through undetached.")
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    got_z, got_e = torch.autograd.grad((out * weights).sum(), (z, e), allow_unused=True)
    if got_z is None or same(got_z, torch.zeros_like(weights)):
        raise Mistake("The gradient does not reach z: what is added to z must be detached, and z itself must not.")
    if not same(got_z, weights):
        raise Mistake("The gradient that reaches z should be the decoder's, unchanged, and it is another.")
    if got_e is not None and not same(got_e, torch.zeros_like(weights)):
        raise Mistake("A gradient reaches e as well: detach the whole difference, (e - z).detach().")


@exercise("02.perplexity")
def perplexity(answer) -> None:
    """answer(tokens, codes): exp of the entropy, in nats, of the codes' shares."""
    even = torch.arange(8).repeat(3).reshape(4, 6)
    value = as_number(call(answer, even, 8, shown="tokens that use 8 of 8 codes alike, 8"), "The perplexity")
    if same(value, math.log(8)):
        raise Mistake("That is the entropy, in nats: the perplexity is exp of it.")
    if same(value, 3.0) or same(value, math.log2(8)):
        raise Mistake("That is the entropy in bits: use the natural logarithm, and take exp of the entropy.")
    if same(value, 2 ** math.log(8)) or same(value, math.exp(3)):
        raise Mistake("Logarithm and power do not belong together: with ln take exp, with log2 take 2 to the power.")
    if same(value, 1 / 8):
        raise Mistake("That is exp of minus the entropy: the entropy is -Σ p ln p, with the minus sign.")
    if not same(value, 8.0):
        raise Mistake(f"Eight codes used alike have perplexity 8, and yours is {value:.4g}.")
    tokens = torch.tensor([0, 0, 0, 0, 1, 1, 2, 3])
    shares = [0.5, 0.25, 0.125, 0.125]
    truth = math.exp(-sum(p * math.log(p) for p in shares))
    value = as_number(
        call(answer, tokens, 10, shown="tokens that use 4 of 10 codes, 10"),
        "With codes that nobody uses, the perplexity",
    )
    mistakes = {
        "You count how many codes are used: perplexity also heeds how evenly.": 4.0,
        "You give the number of codes, whatever the tokens are.": 10.0,
    }
    diagnose(
        value, truth, mistakes, f"For shares 1/2, 1/4, 1/8, 1/8 it should be {truth:.4f}, and yours is {value:.4f}."
    )
    one = as_number(call(answer, torch.zeros(5, dtype=torch.int64), 10, shown="one code only, 10"), "With one code")
    if not same(one, 1.0):
        raise Mistake(f"If one code does everything, the perplexity is 1, and yours is {one:.4g}.")
