"""Checks of lesson 17: rank and take the best, progress and stop, what comes again."""

from __future__ import annotations

import torch

from . import CheckFailed, call, describe, exercise


@exercise("17.best")
def best(answer) -> None:
    """answer(scores, count): the indices of the `count` highest scores, best first."""
    generator = torch.Generator().manual_seed(17)
    for length, count in ((32, 9), (9, 9), (40, 1), (64, 9)):
        scores = torch.rand(length, generator=generator) * 2 - 1
        value = call(answer, scores, count, shown=f"{length} scores, {count}")
        try:
            given = torch.as_tensor(value).flatten().tolist()
        except (TypeError, ValueError, RuntimeError):
            raise CheckFailed(f"Give a list or a tensor of indices, not {describe(value)}.") from None
        down = scores.argsort(descending=True).tolist()
        ranks = torch.tensor(down).argsort().tolist()  # the place of each candidate
        compare(given, down, ranks, scores, count)


def compare(given: list, down: list[int], ranks: list[int], scores: torch.Tensor, count: int) -> None:
    right = down[:count]
    if given == right:
        return
    if any(float(g) != int(g) for g in given):
        raise CheckFailed("These are scores, not the numbers of pictures: give the indices of the highest scores.")
    mistakes = (
        (down, f"All are ranked: keep the first {count} alone."),
        (down[::-1][:count], "These are the worst: a higher score is better, so sort in descending order."),
        (ranks[:count], "That is the rank of each candidate, not the candidate at each rank."),
        (ranks, "That is the rank of each candidate, not the candidate at each rank."),
        (list(range(min(count, len(scores)))), f"These are the first {count} drawn: rank all, then take the best."),
        (sorted(right), "The right pictures, in the order in which they were drawn: the best comes first."),
        (right[::-1], "The right pictures, but the best comes last: it should come first."),
        ([n + 1 for n in right], "Off by one: indices count from 0."),
        (scores[:count].argsort(descending=True).tolist(), f"Only the first {count} were ranked: rank them all."),
    )
    for wrong, sentence in mistakes:
        if given == wrong:
            raise CheckFailed(sentence)
    if len(given) != count:
        raise CheckFailed(f"Asked for {count} indices, but {len(given)} came.")
    raise CheckFailed(
        f"The best first: for these scores the first index is {right[0]}, and the last of {count} {right[-1]}."
    )


@exercise("17.watcher")
def watcher(answer) -> None:
    """answer(show, stopped): a function for on_token(i, tokens, logits) that counts, shows, and raises to stop."""
    for length, chunks in ((4, 1), (3, 2)):
        shown: list = []
        on_token = made(answer, shown.append, lambda: False)
        for i in list(range(length)) * chunks:
            try:
                on_token(i, torch.zeros(2, i + 1, dtype=torch.int64), torch.zeros(2, 5))
            except Exception as error:
                raise CheckFailed(
                    f"Nobody pressed Stop, and it still ended with {type(error).__name__}: raise only if stopped()."
                ) from None
        look_at_progress([float(n) for n in shown], length, chunks)
    asked: list = []
    shown = []
    on_token = made(answer, shown.append, lambda: bool(asked))
    for i in range(2):
        on_token(i, torch.zeros(2, i + 1, dtype=torch.int64), torch.zeros(2, 5))
    asked.append("stop")
    try:
        on_token(2, torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 5))
    except Exception:
        return
    raise CheckFailed(
        "Stop was pressed, and it goes on: `sample` heeds nothing that on_token returns, so only raising ends it; ask "
        "stopped() after each token."
    )


def made(answer, show, stopped):
    on_token = call(answer, show, stopped, shown="show, stopped")
    if not callable(on_token):
        raise CheckFailed(f"Give back a function that is called after each token, not {describe(on_token)}.")
    return on_token


def look_at_progress(shown: list[float], length: int, chunks: int) -> None:
    total = length * chunks
    if shown == [float(n) for n in range(1, total + 1)]:
        return
    if not shown:
        raise CheckFailed("Nothing is shown: call show(…) after each token.")
    if shown == [float(n) for n in range(total)]:
        raise CheckFailed(
            "One behind: on_token is called after the draw, so the first call means that 1 token is drawn."
        )
    if shown in ([float(i) for i in range(length)] * chunks, [float(i + 1) for i in range(length)] * chunks):
        raise CheckFailed(
            "It falls back: more than 32 candidates are drawn in chunks, and i starts anew in each; count for yourself."
        )
    if shown == [1.0] * total:
        raise CheckFailed("It stays at 1: the count must live outside of on_token, or it begins anew at each call.")
    if len(shown) < total:
        raise CheckFailed(f"After {total} tokens show was called {len(shown)} times: call it after every token.")
    raise CheckFailed(f"After {total} tokens in {chunks} chunk(s) it should have shown 1 to {total}, one by one.")


AGAIN = {
    "a": ("all", "a: nothing else is left to chance: the same seed and settings give the same nine."),
    "b": (
        "some",
        "b: the first 32 candidates are the same as before, but there are 32 more, and a better one takes a place.",
    ),
    "c": ("none", "c: another seed throws all dice anew, for every candidate."),
    "d": ("all", "d: picture (seed, index) is always the same, whatever else is asked for."),
    "e": ("none", "e: a seed fixes the dice, not the chances: other weights draw other pictures from the same noise."),
}


@exercise("17.what_comes_again")
def what_comes_again(answer) -> None:
    """answer: a dict from "a" … "e" to "all", "some" or "none"."""
    if not isinstance(answer, dict):
        raise CheckFailed(f'The answer should be a dict such as {{"a": "all", …}}, but it is {describe(answer)}.')
    if missing := [case for case in AGAIN if answer.get(case) in (None, "", ...)]:
        raise CheckFailed(f"There is no answer yet for {', '.join(missing)}.")
    for case, (right, sentence) in AGAIN.items():
        said = str(answer[case]).strip().lower()
        if said not in ("all", "some", "none"):
            raise CheckFailed(f'{case}: say "all", "some" or "none", not {answer[case]!r}.')
        if said != right:
            raise CheckFailed(sentence)
