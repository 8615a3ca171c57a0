"""Which pictures and captions a batch holds, and which of its tokens are wrong."""

import random
from dataclasses import replace

import pytest
import torch

from dalle_lessons.datasets import Pairs
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.batches import (
    captions_of,
    check_captions,
    sample_grouped,
    sample_indices,
    sample_other_style,
    varied_captions,
)
from dalle_lessons.training.token_noise import corrupt_tokens


def test_indices_are_drawn_by_weight():
    torch.manual_seed(0)
    drawn = sample_indices(torch.tensor([1.0, 0.0, 3.0]), 4000)
    share = torch.bincount(drawn, minlength=3) / 4000
    assert share[1] == 0 and share[2].item() == pytest.approx(0.75, abs=0.03)


def test_the_other_style_shows_the_same_thing_in_another_picture():
    weights, things = torch.tensor([1.0, 3.0, 1.0, 0.0, 2.0]), torch.tensor([7, 7, 7, 8, 8])
    torch.manual_seed(0)
    first = torch.tensor([0] * 2000 + [4] * 50)
    other = sample_other_style(weights, things, first)
    assert set(other[:2000].tolist()) == {1, 2} and (other[:2000] == 1).float().mean().item() == pytest.approx(
        0.75, abs=0.03
    )
    assert (other[2000:] == 4).all(), "the only other picture of it has no weight"


def test_a_group_comes_with_several_pictures_by_weight():
    weights, groups = torch.tensor([1.0, 1.0, 0.0, 5.0, 1.0]), torch.tensor([0, 0, 0, 1, 1])
    torch.manual_seed(0)
    drawn = sample_grouped(weights, groups, 4000, 4)
    assert drawn.shape == (4000,) and (drawn != 2).all()
    assert all(len(groups[some].unique()) == 1 for some in drawn.split(4))
    assert (groups[drawn] == 1).float().mean().item() == pytest.approx(6 / 8, abs=0.05)


def test_of_each_row_a_part_up_to_the_share_is_the_others():
    tokens, others = torch.zeros(400, 100, dtype=torch.int64), torch.ones(400, 100, dtype=torch.int64)
    torch.manual_seed(0)
    parts = corrupt_tokens(tokens, others, 0.5).float().mean(dim=1)
    assert parts.mean().item() == pytest.approx(0.25, abs=0.02)
    assert parts.min() < 0.02 and 0.45 < parts.max() < 0.65
    assert torch.equal(corrupt_tokens(tokens, others, 0.0), tokens)


@pytest.mark.parametrize("count", [1, 7, 252, 256])
def test_a_batch_of_groups_has_exactly_as_many_rows_as_were_asked_for(count):
    weights, groups = torch.ones(6), torch.tensor([0, 0, 0, 1, 1, 1])
    drawn = sample_grouped(weights, groups, count, 8)
    assert drawn.shape == (count,)
    assert all(len(groups[some].unique()) == 1 for some in drawn.split(8))


def test_a_caption_varies_and_is_the_plain_one_where_the_varied_one_is_too_long():
    def caption(i, rng):
        return f"{i}" if rng is None else "cat cat " * 4 if i == 1 else f"{i} {rng.randrange(10)}"

    pairs = Pairs(torch.zeros(3, 3, 2, 2, dtype=torch.uint8), torch.ones(3), caption)
    tokenizer, same = TextTokenizer.train(["a cat"], 300, 6), random.Random(0)
    captions = varied_captions(pairs, torch.tensor([2, 1, 0]), tokenizer, random.Random(0))
    assert captions == [f"2 {same.randrange(10)}", "1", f"0 {same.randrange(10)}"]


def test_captions_that_are_too_long_are_counted_and_named_with_their_files():
    tokenizer = TextTokenizer.train(["a cat"], 300, 6)
    good = ("a cat", {"file": "good.png"})
    long = [("cat cat " * 4 + str(i), {"file": f"{i}.png"}) for i in range(5)]
    check_captions([good], tokenizer)
    with pytest.raises(ValueError, match="^5 of 6 captions are too long for the 5 tokens") as caught:
        check_captions([good, *long], tokenizer)
    text = str(caught.value)
    assert "0.png" in text and "2.png), …;" in text and "3.png" not in text and "\n" not in text
    with pytest.raises(ValueError, match="^1 of 1 captions are") as caught:
        check_captions([(long[0][0], None)], tokenizer)
    assert "…" not in str(caught.value)


def test_a_caption_may_have_all_tokens_of_the_model_but_the_first():
    tokenizer = TextTokenizer.train(["a cat"], 300, 6)
    most, more = "1" * 4, "1" * 5
    assert [len(pieces) for pieces in tokenizer.pieces([most, more])] == [5, 6]
    check_captions([(most, None)], tokenizer)
    with pytest.raises(ValueError, match=r"'11111' \(6 tokens\)"):
        check_captions([(more, None)], tokenizer)


def test_each_full_caption_comes_with_its_row_if_there_are_rows():
    def caption(i, rng):
        return f"{i}, {rng}"

    pairs = Pairs(torch.zeros(2, 3, 2, 2, dtype=torch.uint8), torch.ones(2), caption)
    assert list(captions_of(pairs)) == [("0, None", None), ("1, None", None)]
    assert list(captions_of(replace(pairs, metadata=["a", "b"]))) == [("0, None", "a"), ("1, None", "b")]
