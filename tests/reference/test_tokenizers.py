"""Our byte-pair encoding, written out in Python for dropout with a seed, and that of `tokenizers` (Rust)."""

import json
import random
from collections import Counter
from itertools import pairwise

import pytest
from tokenizers import Tokenizer, models

from dalle_lessons.model.files import data_dir
from dalle_lessons.model.tokenizer import TextTokenizer, normalize

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def emoji():
    return TextTokenizer.from_file(data_dir() / "weights" / "emoji" / "dalle" / "tokenizer.json", 64)


def captions() -> list[str]:
    shown = [f"a sketch of {thing}" for thing in ("a cat face", "a jack-o-lantern", "two o’clock", "naïve café 😀")]
    return [*shown, "ZZYZX!?", "  many   spaces ", "über 1,024 tokens", "日本", "[PAD] is text"]


def words(tokenizer, texts) -> list[str]:
    split = tokenizer.tokenizer.pre_tokenizer.pre_tokenize_str
    return sorted({word for text in texts for word, _ in split(normalize(text))})


def with_dropout(tokenizer, dropout: float) -> Tokenizer:
    """The same merges in `tokenizers`' own model, with its own dropout."""
    model = json.loads(tokenizer.tokenizer.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    return Tokenizer(models.BPE(model["vocab"], merges, dropout=dropout or None))


def test_without_dropout_each_word_is_cut_alike(emoji):
    theirs, names = with_dropout(emoji, 0.0), random.Random(0)
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    made = ["Ġ" + "".join(names.choices(alphabet, k=names.randint(1, 12))) for _ in range(500)]
    longer = 0
    for word in [*words(emoji, captions()), *made]:
        parts = emoji.cut(word, 0.0, random.Random(0))
        assert parts == theirs.encode(word).tokens, word
        longer += len(parts) < len(word)
    assert longer > 100  # merges did take place


def algorithm_1(parts: tuple[str, ...], ranks: dict, dropout: float) -> dict[tuple[str, ...], float]:
    """The probability of each way to cut a word, by the paper's own rule (Provilkov et al. 2019, Algorithm 1): in each
    step every possible merge is dropped with the same probability, and the first of the rest is made."""
    possible = sorted((ranks[pair], i) for i, pair in enumerate(pairwise(parts)) if pair in ranks)
    cuts = {parts: dropout ** len(possible)}
    for before, (_, i) in enumerate(possible):
        chosen = dropout**before * (1 - dropout)
        merged = (*parts[:i], parts[i] + parts[i + 1], *parts[i + 2 :])
        for cut, chance in algorithm_1(merged, ranks, dropout).items():
            cuts[cut] = cuts.get(cut, 0.0) + chosen * chance
    return cuts


def apart(counts: Counter, chances: dict) -> float:
    """Half of the sum of differences between shares and probabilities (total variation): 0 alike, 1 nothing common."""
    return sum(abs(counts[cut] / counts.total() - chances.get(cut, 0.0)) for cut in {*counts, *chances}) / 2


TRIES = 16_000


@pytest.mark.parametrize(("dropout", "most"), [(0.1, 0.02), (0.5, 0.04)])  # more dropout, more ways: chance does more
def test_with_dropout_each_cut_comes_as_often_as_the_paper_has_it(emoji, dropout, most):
    ours = random.Random(1)
    for word in ("Ġsketch", "Ġface"):
        counts = Counter(tuple(emoji.cut(word, dropout, ours)) for _ in range(TRIES))
        assert len(counts) > 3
        assert apart(counts, algorithm_1(tuple(word), emoji.ranks, dropout)) < most


def toy(merges: list[tuple[str, str]]) -> tuple[dict, Tokenizer]:
    """(ranks, `tokenizers` with dropout 0.5) of a few merges."""
    tokens = [*"abcd", *("".join(pair) for pair in merges)]
    model = models.BPE({token: i for i, token in enumerate(tokens)}, merges, dropout=0.5)
    return {pair: rank for rank, pair in enumerate(merges)}, Tokenizer(model)


def test_tokenizers_has_it_so_too_where_merges_do_not_overlap():
    ranks, theirs = toy([("a", "b"), ("c", "d"), ("ab", "cd")])
    counts = Counter(tuple(theirs.encode("abcd").tokens) for _ in range(TRIES))
    assert apart(counts, algorithm_1(tuple("abcd"), ranks, 0.5)) < 0.02


def test_tokenizers_gives_dropped_merges_another_chance_where_they_overlap():
    """Disagreement: once "ab" is made, "b c" can no longer be, but stays in its queue; when its turn comes, what was
    dropped before is possible again. So "abc" comes with 0.5 · (0.5 + 0.5 · 0.5 · 0.5), by the paper with 0.5 · 0.5."""
    ranks, theirs = toy([("a", "b"), ("ab", "c"), ("b", "c")])
    chances = algorithm_1(tuple("abc"), ranks, 0.5)
    assert chances["abc",] == 0.25
    counts = Counter(tuple(theirs.encode("abc").tokens) for _ in range(TRIES))
    assert abs(counts["abc",] / TRIES - 0.3125) < 0.015


def test_with_full_dropout_nothing_is_merged(emoji):
    assert (
        emoji.cut("Ġsketch", 1.0, random.Random(0))
        == list("Ġsketch")
        == with_dropout(emoji, 1.0).encode("Ġsketch").tokens
    )
