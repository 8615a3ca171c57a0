"""Checks of lesson 02: nearest code, straight-through gradient, revival, perplexity."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from . import CheckFailed, as_number, as_tensor, as_tokens, call, diagnose, exercise, same

SLOW = 0.4  # seconds of computing, for 1,024 vectors and 128 codes: at once they take a hundredth of it


@exercise("02.nearest_code")
def nearest_code(answer) -> None:
    """answer(z, codebook): (N, D), (K, D) -> (N,) index of the nearest code."""
    generator = torch.Generator().manual_seed(0)
    z, codebook = torch.randn(40, 3, generator=generator), torch.randn(7, 3, generator=generator)
    codebook[2] *= 4  # a long code: a dot product alone is drawn to it
    gaps = z[:, None] - codebook  # (N, K, D)
    squared = gaps.pow(2).sum(-1)
    truth = squared.argmin(1)
    try:
        given = call(answer, z, codebook, shown="z, codebook")
    except CheckFailed as mistake:
        sizes = (
            " Use the arguments only: z is (40, 3) here, and codebook (7, 3)." if "must match" in str(mistake) else ""
        )
        raise CheckFailed(f"{mistake}.{sizes}" if sizes else str(mistake)) from None
    smallest = squared.min(1).values
    if isinstance(given, torch.Tensor) and (same(given, smallest) or same(given, smallest.sqrt())):
        raise CheckFailed("You give back the smallest distances: give where they are, with argmin instead of min.")
    others = {
        (40, 3): "You give back the codes' vectors: give their numbers, the tokens, one for each row of z.",
        (40, 7): "You give back all distances, shape (N, K): take the place of the smallest in each row.",
        (7,): "You search the nearest z for each code, so there are K numbers: search along the other axis.",
        (): "One number for all rows: argmin without an axis searches the whole table. Search in each row.",
        (
            64,
        ): "Tokens for 64 vectors, and 40 were given: use the arguments z and codebook only, no names of other cells.",
        (40, 1): "The shape is (N, 1), and (N,) is wanted: keep no dimension (keepdim).",
    }
    given = as_tokens(given, (40,), "The tokens", others)
    mistakes = {
        "You take the farthest code: the smallest distance is wanted, argmin.": squared.argmax(1),
        "You take the largest dot product, which prefers long codes: measure the distance instead.": (
            z @ codebook.T
        ).argmax(1),
        "You compare directions only (cosine): a code that points the same way may be far off. Measure the distance.": (
            torch.cosine_similarity(z[:, None], codebook, dim=-1).argmax(1)
        ),
        "You add the differences up with their signs, so that they cancel: square them first.": gaps.sum(-1).argmin(1),
        "You add up absolute differences: the usual distance adds up their squares.": gaps.abs().sum(-1).argmin(1),
        "You compare one number of the vectors only: sum over all D of them.": gaps[..., 0].abs().argmin(1),
        "You sum over the codes: sum over the D numbers of a vector, the last axis.": gaps.pow(2).sum(1).argmin(1),
        "You compare the lengths of the vectors only: vectors of one length may point anywhere.": (
            (z.norm(dim=1)[:, None] - codebook.norm(dim=1)).abs().argmin(1)
        ),
        "You take the smallest dot product, which prefers codes that point away: measure the distance instead.": (
            (z @ codebook.T).argmin(1)
        ),
        "A factor 2 is missing: |z - c|² is |z|² - 2 z · c + |c|².": (
            (codebook.pow(2).sum(1) - z @ codebook.T).argmin(1)
        ),
        "You compare the largest difference alone: the usual distance adds up the squares of all D.": (
            gaps.abs().amax(-1).argmin(1)
        ),
        "You count the codes from 1: the first row of the codebook has the number 0.": truth + 1,
    }
    diagnose(given, truth, mistakes, "Some of these codes are not the nearest: check over which axis you sum (D).")
    as_tokens(call(answer, z[:1], codebook[:1], shown="one vector, one code"), (1,), "With one vector, the tokens")
    z, codebook = torch.randn(1024, 8, generator=generator), torch.randn(128, 8, generator=generator)
    begin = time.thread_time()
    call(answer, z, codebook, shown="1,024 vectors, 128 codes")
    if time.thread_time() - begin > SLOW:
        raise CheckFailed(
            "Right, but one after another: each step of the training has 2,048 vectors, and it would take hours. Let "
            "torch compare all of them at once: z[:, None] - codebook has the shape (N, K, D)."
        )


@exercise("02.straight_through")
def straight_through(answer) -> None:
    """answer(z, e): forward e, backward as if it were z."""
    z = torch.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    e = torch.tensor([[1.0, -1.5], [1.5, 0.0]], requires_grad=True)
    out = as_tensor(call(answer, z, e, shown="z, e", copies=False), (2, 2), "The output")
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    got_z = got_e = None
    if out.requires_grad:
        got_z, got_e = torch.autograd.grad((out * weights).sum(), (z, e), allow_unused=True)
    to_z, to_e = (got is not None and not same(got, torch.zeros(2, 2)) for got in (got_z, got_e))
    if same(out, z) and to_e and not to_z:
        raise CheckFailed("z and e are exchanged: forward, e should come out; backward, the gradient should go to z.")
    if same(out, z):
        raise CheckFailed(
            "Forward, the output is z, so no code is chosen at all: the decoder must be given the codes e."
        )
    if same(out, z + e):
        raise CheckFailed("Forward, the output is z + e: what is added to z should be the difference, e - z, detached.")
    if same(out, (z + e) / 2):
        raise CheckFailed(
            "Forward, you mix z and e: the output should be e, all of it, and only the gradient goes to z."
        )
    if not same(out, e):
        raise CheckFailed(
            "Forward, the output should be e, but for rounding: is it z + (e - z), with one part detached?"
        )
    if got_z is not None and not to_z and not to_e:
        raise CheckFailed(
            "No gradient reaches z: forward, z and -z cancel, and so they do backward. Detach the whole difference, "
            "e - z."
        )
    if not to_z and not to_e:
        raise CheckFailed("No gradient passes at all: everything is detached; let z through undetached.")
    if got_z is None:
        raise CheckFailed(
            "The gradient goes to e alone and does not reach z: forward give e, but let z take its gradient."
        )
    if not to_z:
        raise CheckFailed(
            "The gradient does not reach z: z - z cancels in the gradient, too, unless one of them is detached."
        )
    if same(got_z, -weights):
        raise CheckFailed(
            "The gradient reaches z with the wrong sign: you detached the other z, the one that is to learn."
        )
    if not same(got_z, weights):
        raise CheckFailed("The gradient that reaches z should be the decoder's, unchanged, and it is another.")
    if to_e:
        raise CheckFailed("A gradient reaches e as well: detach the whole difference, (e - z).detach().")


@exercise("02.revive")
def revive(answer) -> None:
    """answer(codebook, vectors, counts): (K, D), (N, D), (K,) -> (K, D), unused codes moved to random vectors."""
    generator = torch.Generator().manual_seed(0)
    codebook = torch.randn(6, 3, generator=generator)
    vectors = torch.randn(50, 3, generator=generator) + 10
    counts = torch.tensor([5.0, 0, 2, 0, 0, 1])
    unused, used = [1, 3, 4], [0, 2, 5]
    others = {
        (3, 3): "You give back the moved codes alone: give the whole codebook, with the used codes where they were.",
        (50, 3): "You give back the vectors: give a codebook, with as many codes as before.",
    }

    def new_codebook(codebook: Tensor, counts: Tensor) -> Tensor:
        given = call(answer, codebook, vectors, counts, shown="codebook, vectors, counts")
        return as_tensor(given, tuple(codebook.shape), "The new codebook", others)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        tries = torch.stack([new_codebook(codebook, counts).detach() for _ in range(12)])  # (12, 6, 3)
        kept = new_codebook(codebook, counts + 1)
    found = tries[:, unused]  # (12, 3, 3)
    if same(tries, codebook.expand_as(tries)):
        raise CheckFailed("No code has moved: the codes with a count of 0 should stand on vectors.")
    if same(tries[:, unused], codebook[unused].expand(12, 3, 3)):
        raise CheckFailed("The used codes move and the unused ones stay: it should be the other way round.")
    if not same(tries[:, used], codebook[used].expand(12, 3, 3)):
        raise CheckFailed(
            "Codes that are in use have moved too, and what they stand for is lost: move those with a count of 0 only."
        )
    if same(found, vectors.mean(dim=0).expand(12, 3, 3)):
        raise CheckFailed("All unused codes stand on the mean of the vectors: each needs a vector of its own.")
    gaps = [(found.reshape(-1, 1, 3) - places).norm(dim=2).min(dim=1).values for places in (codebook[used], vectors)]
    if (gaps[0] < 1e-5).any():
        raise CheckFailed("An unused code stands on a used one: they would share its vectors. Put it on a vector.")
    if not (gaps[1] < 1e-4).all():
        raise CheckFailed("A moved code stands where no vector is: take rows of `vectors` as they are.")
    if all(same(row, row[:1].expand_as(row)) for row in found):
        raise CheckFailed(
            "All unused codes stand on the same vector, and only one of them will be chosen: draw one for each."
        )
    if same(found, found[:1].expand_as(found)):
        among_first = (found[0][:, None] - vectors[: len(codebook)]).norm(dim=2).min(dim=1).values < 1e-4
        raise CheckFailed(
            "You take the same vectors every time. The first ones are patches from the top of one picture, all alike: "
            "take random ones."
            if among_first.all()
            else "You take the same vectors every time, so a code that found no use comes back to its place: take "
            "random ones, without a seed of your own."
        )
    if not same(kept, codebook):
        raise CheckFailed("Where all codes are in use, the codebook should stay as it is.")


@exercise("02.perplexity")
def perplexity(answer) -> None:
    """answer(tokens, codes): exp of the entropy, in nats, of the codes' shares."""

    def exp_entropy(shares):
        return float(torch.special.entr(shares).sum().exp())

    tokens = torch.tensor([[0, 0, 0, 0], [1, 1, 2, 3]])
    counts = torch.bincount(tokens.flatten(), minlength=10).double()
    shares = counts / 8  # 1/2, 1/4, 1/8, 1/8 and six zeros
    truth = exp_entropy(shares)
    nats = math.log(truth)
    given = call(answer, tokens, 10, shown="tokens that use 4 of 10 codes, 10")
    value = as_number(given, "With codes that nobody uses, the perplexity")
    mistakes = {
        "That is the entropy, in nats: the perplexity is exp of it.": nats,
        "That is the entropy in bits: use the natural logarithm, and take exp of the entropy.": nats / math.log(2),
        "Logarithm and power do not belong together: 2 to the power of nats. With ln take exp.": 2**nats,
        "Logarithm and power do not belong together: exp of bits. With log2 take 2 to the power.": math.exp(
            nats / math.log(2)
        ),
        "That is exp of minus the entropy: the entropy is -Σ p ln p, with the minus sign.": 1 / truth,
        "You count how many codes are used: perplexity also takes into account how evenly.": 4,
        "You give the number of codes, whatever the tokens are.": 10,
        "That is 1 / Σ p², another measure of spread: exp of the entropy is wanted.": 1 / float(shares.pow(2).sum()),
        "The shares do not sum to 1: len(tokens) is one axis only; divide by numel().": exp_entropy(counts / 2),
        "You take the mean of p ln p over the codes: the entropy is their sum.": math.exp(nats / 4),
        "Logarithm and power do not belong together: exp with log10. With ln take exp.": math.exp(nats / math.log(10)),
        "You divide the counts by the number of codes: shares are counts divided by the number of tokens.": exp_entropy(
            counts / 10
        ),
        "You take the plain mean of ln(1/p) over the codes: a code counts as often as it comes, so weigh with p.": (
            math.exp(-float(shares[shares > 0].log().mean()))
        ),
        "That is 1 / the largest share: all shares count.": 2,
        "You divide by the number of codes: perplexity runs from 1 to K, not to 1.": truth / 10,
        "You take the softmax of the counts: shares are counts divided by their sum.": exp_entropy(counts.softmax(0)),
        "You add something to each count, so unused codes get a share: leave them out, 0 · ln 0 is 0.": exp_entropy(
            (counts + 1) / 18
        ),
        "You average over the rows: the shares are those of all tokens together.": (
            1 + exp_entropy(torch.tensor([0.5, 0.25, 0.25]))
        )
        / 2,
    }
    diagnose(
        value,
        truth,
        mistakes,
        f"For shares 1/2, 1/4, 1/8, 1/8 it is {truth:.4f}, and yours is {value:.4f}. Do your shares sum to 1?",
    )
    for name, tokens, codes, right in (
        ("eight codes used alike", torch.arange(8).repeat(3).reshape(4, 6), 8, 8.0),
        ("one code only", torch.zeros(5, dtype=torch.int64), 10, 1.0),
    ):
        value = as_number(call(answer, tokens, codes, shown=f"{name}, {codes}"), "The perplexity")
        if not same(value, right):
            raise CheckFailed(f"The perplexity of {name} is {right:g}, and yours is {value:.4g}.")
