"""One sequence from two vocabularies: raster order, the losses, captions left out."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from dalle_lessons.model.sequence import drop_captions, empty_captions, flatten, losses, unflatten

PAD, START = 0, 1
SIZES = st.integers(1, 6)


def example(batch=3, text_length=5, image_length=4, vocab=9, codes=7):
    torch.manual_seed(0)
    text = torch.randint(2, vocab, (batch, text_length))
    text[:, 0] = START
    for row in range(batch):
        text[row, text_length - row :] = PAD  # captions of different lengths
    image_tokens = torch.randint(0, codes, (batch, image_length))
    return torch.randn(batch, text_length - 1, vocab), torch.randn(batch, image_length, codes), text, image_tokens


@given(batch=SIZES, rows=SIZES, cols=SIZES, seed=st.integers(0, 999))
def test_flattening_and_back_changes_nothing(batch, rows, cols, seed):
    grid = torch.randint(0, 8192, (batch, rows, cols), generator=torch.Generator().manual_seed(seed))
    line = flatten(grid)
    assert line.shape == (batch, rows * cols)
    assert torch.equal(unflatten(line, rows, cols), grid)
    assert torch.equal(flatten(unflatten(line, cols, rows)), line)


@given(rows=SIZES, cols=SIZES)
def test_tokens_stand_in_raster_order_line_by_line(rows, cols):
    grid = torch.tensor([[[100 * row + col for col in range(cols)] for row in range(rows)]])
    assert flatten(grid)[0].tolist() == [100 * row + col for row in range(rows) for col in range(cols)]


def test_the_papers_grid_becomes_1024_tokens():
    grid = torch.arange(1024).reshape(1, 32, 32)
    assert flatten(grid).shape == (1, 1024)
    assert int(grid[0, 1, 0]) == int(flatten(grid)[0, 32])


@pytest.mark.parametrize("count", [11, 13])
def test_a_wrong_number_of_tokens_is_refused_in_one_sentence(count):
    with pytest.raises(ValueError, match=f"12 tokens, got {count}"):
        unflatten(torch.zeros(2, count), 3, 4)


def test_the_losses_are_what_a_loop_over_all_slots_adds_up():
    text_logits, image_logits, text, image_tokens = example()
    spoken, drawn = [], []
    for row in range(3):
        for slot in range(4):
            target = int(text[row, slot + 1])  # the next token
            if target != PAD:
                scores = [math.exp(v) for v in text_logits[row, slot].tolist()]
                spoken.append(-math.log(scores[target] / sum(scores)))
        for slot in range(4):
            scores = [math.exp(v) for v in image_logits[row, slot].tolist()]
            drawn.append(-math.log(scores[int(image_tokens[row, slot])] / sum(scores)))
    assert len(spoken) == 4 + 3 + 2
    parts = losses(text_logits, image_logits, text, image_tokens, PAD)
    text_loss, image_loss = sum(spoken) / len(spoken), sum(drawn) / len(drawn)
    assert float(parts["text"]) == pytest.approx(text_loss, rel=1e-5)
    assert float(parts["image"]) == pytest.approx(image_loss, rel=1e-5)
    assert float(parts["total"]) == pytest.approx(text_loss / 8 + 7 * image_loss / 8, rel=1e-5)


def test_a_pad_carries_no_loss():
    text_logits, image_logits, text, image_tokens = example()
    text_logits.requires_grad_()
    losses(text_logits, image_logits, text, image_tokens, PAD)["text"].backward()
    carries = text_logits.grad.abs().sum(-1) > 0
    assert torch.equal(carries, text[:, 1:] != PAD)


def test_a_batch_of_empty_captions_has_a_text_loss_of_zero_and_still_learns_to_draw():
    text_logits, image_logits, text, image_tokens = example()
    text_logits.requires_grad_()
    image_logits.requires_grad_()
    parts = losses(text_logits, image_logits, empty_captions(text, PAD), image_tokens, PAD)
    assert parts["text"] == 0
    assert_close(parts["total"], 7 / 8 * parts["image"])
    parts["total"].backward()
    assert not text_logits.grad.any() and image_logits.grad.abs().sum() > 0


def test_an_empty_caption_is_start_of_text_and_pads():
    text = torch.tensor([[START, 4, 5, PAD], [START, 6, 7, 8]])
    assert empty_captions(text, PAD).tolist() == [[START, PAD, PAD, PAD]] * 2
    assert text[1, 3] == 8, "the captions themselves must not change"


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.6, 1.0])
def test_captions_are_dropped_whole_and_as_often_as_asked(probability):
    count = 20_000
    text = torch.tensor([[START, 4, 5, PAD]]).repeat(count, 1)
    out = drop_captions(text, probability, PAD, torch.Generator().manual_seed(0))
    assert out.shape == text.shape and out.dtype == text.dtype
    empty = (out == torch.tensor([START, PAD, PAD, PAD])).all(1)
    kept = (out == text).all(1)
    assert (empty | kept).all(), "a caption must stay whole or go whole"
    share = float(empty.double().mean())
    assert abs(share - probability) <= 4 * math.sqrt(probability * (1 - probability) / count)


def test_which_captions_are_dropped_depends_on_the_generator_alone():
    text = torch.tensor([[START, 4, 5, PAD]]).repeat(64, 1)
    outs = [drop_captions(text, 0.5, PAD, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(outs[0], outs[1]) and not torch.equal(outs[0], outs[2])
