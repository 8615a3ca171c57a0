"""Tokens and their places become vectors: who gets which position."""

import torch
from torch.testing import assert_close

from dalle_lessons.model.embedding import Embedding

PAD, START = 0, 1
VOCAB, TEXT, CODES, ROWS, COLS, WIDTH = 11, 6, 13, 3, 4, 8


def embedding():
    torch.manual_seed(0)
    return Embedding(VOCAB, TEXT, CODES, ROWS, COLS, WIDTH, PAD)


def example(batch=2):
    text = torch.tensor([[START, 4, 5, 6, PAD, PAD], [START, 4, PAD, PAD, PAD, PAD]])[:batch]
    image_tokens = torch.randint(0, CODES, (batch, ROWS * COLS), generator=torch.Generator().manual_seed(0))
    return text, image_tokens


def test_the_parts_stand_in_the_order_text_separator_image():
    e, (text, image_tokens) = embedding(), example()
    fed = image_tokens[:, :-1]
    joined = e(text, fed)
    assert joined.shape == (2, TEXT + ROWS * COLS, WIDTH)
    assert torch.equal(joined[:, :TEXT], e.embed_text(text))
    assert torch.equal(joined[:, TEXT : TEXT + 1], e.embed_separator(2))
    assert torch.equal(joined[:, TEXT + 1 :], e.embed_image(fed))


def test_the_separator_stands_at_row_zero_column_zero():
    e = embedding()
    expected = e.separator + e.row.weight[0] + e.column.weight[0]
    for row in e.embed_separator(3):
        assert_close(row[0], expected)


def test_an_image_token_stands_where_the_next_one_will_be_drawn():
    e, (_, image_tokens) = embedding(), example()
    vectors = e.embed_image(image_tokens[:, :-1])
    for i in range(ROWS * COLS - 1):
        row, col = divmod(i + 1, COLS)
        for b in range(2):
            expected = e.image.weight[image_tokens[b, i]] + e.row.weight[row] + e.column.weight[col]
            assert_close(vectors[b, i], expected)


def test_every_place_of_the_grid_is_told_apart():
    e = embedding()
    same_token = torch.full((1, ROWS * COLS - 1), 3)
    assert len(e.embed_image(same_token)[0].detach().unique(dim=0)) == ROWS * COLS - 1


def test_image_tokens_fed_in_parts_get_the_vectors_of_the_whole():
    e, (_, image_tokens) = embedding(), example()
    whole = e.embed_image(image_tokens[:, :-1])
    for first in range(ROWS * COLS - 1):
        for last in range(first + 1, ROWS * COLS):
            assert torch.equal(e.embed_image(image_tokens[:, first:last], first), whole[:, first:last])


def test_a_text_token_is_its_vector_and_its_position():
    e, (text, _) = embedding(), example()
    vectors = e.embed_text(text)
    for b in range(2):
        for i in range(TEXT):
            if text[b, i] != PAD:
                assert_close(vectors[b, i], e.text.weight[text[b, i]] + e.text_position.weight[i])


def test_each_position_has_a_pad_of_its_own_without_a_position():
    e, (text, _) = embedding(), example()
    vectors = e.embed_text(text)
    for b in range(2):
        for i in range(TEXT):
            if text[b, i] == PAD:
                assert torch.equal(vectors[b, i], e.pad.weight[i])
    assert not torch.equal(vectors[0, 4], vectors[0, 5])
    assert torch.equal(vectors[0, 4], vectors[1, 4])


def test_a_pad_teaches_neither_the_text_positions_nor_a_word():
    e, (text, _) = embedding(), example()
    e.embed_text(text)[text == PAD].sum().backward()
    assert not e.text_position.weight.grad.any() and not e.text.weight.grad.any()
    assert (e.pad.weight.grad.abs().sum(1) > 0).tolist() == [False, False, True, True, True, True]
