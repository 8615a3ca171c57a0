"""Which slots a slot may look at: each mask against its definition, slot by slot."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dalle_lessons.model.attention_masks import MASK_TYPES, causal, joint_mask, paper_cycle

TEXT = 3
GRIDS = [(4, 4), (3, 5), (5, 3), (1, 6), (6, 1)]


def may_look(kind, cols, kernel, me, other):
    """The definition, for two image slots in raster order."""
    if other > me:
        return False
    (row, col), (other_row, other_col) = divmod(me, cols), divmod(other, cols)
    return {
        "full": True,
        "row": other in range(me - cols, me + 1),  # cols + 1 raster tokens, itself among them
        "column": col == other_col,
        "conv": abs(row - other_row) <= (kernel - 1) / 2 and abs(col - other_col) <= (kernel - 1) / 2,
    }[kind]


def test_the_causal_mask_lets_each_slot_see_itself_and_what_is_before():
    mask = causal(5)
    assert mask.dtype == torch.bool
    assert [[bool(mask[i, j]) for j in range(5)] for i in range(5)] == [[j <= i for j in range(5)] for i in range(5)]


@pytest.mark.parametrize("kind", MASK_TYPES)
@pytest.mark.parametrize(("rows", "cols"), GRIDS)
@pytest.mark.parametrize("kernel", [3, 11])
def test_a_mask_is_its_definition_slot_by_slot(kind, rows, cols, kernel):
    mask = joint_mask(kind, TEXT, rows, cols, kernel)
    slots = TEXT + rows * cols
    assert mask.shape == (slots, slots) and mask.dtype == torch.bool
    for me in range(slots):
        for other in range(slots):
            if other < TEXT:  # the text before it, and for the image all of the text
                expected = other <= me
            elif me < TEXT:
                expected = False
            else:
                expected = may_look(kind, cols, kernel, me - TEXT, other - TEXT)
            assert bool(mask[me, other]) == expected, (me, other)


@given(kind=st.sampled_from(MASK_TYPES), text=st.integers(1, 5), rows=st.integers(1, 5), cols=st.integers(1, 5))
def test_no_mask_looks_ahead_all_see_the_whole_text_and_nobody_is_blind(kind, text, rows, cols):
    mask = joint_mask(kind, text, rows, cols)
    assert not mask.triu(1).any()
    assert mask[text:, :text].all()
    assert mask.diagonal().all()


def test_a_row_mask_reaches_one_token_further_than_a_line():
    seen = joint_mask("row", 0, 4, 4)[9].nonzero().flatten().tolist()
    assert seen == [5, 6, 7, 8, 9]  # four columns: five tokens, from the one right above


def test_a_column_mask_sees_straight_up():
    assert joint_mask("column", 0, 4, 4)[13].nonzero().flatten().tolist() == [1, 5, 9, 13]


def test_a_convolution_sees_the_part_of_its_window_that_is_drawn():
    assert joint_mask("conv", 0, 4, 4, kernel=3)[9].nonzero().flatten().tolist() == [4, 5, 6, 8, 9]


def test_another_kind_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no attention mask 'diagonal'.*full, row, column, conv"):
        joint_mask("diagonal", TEXT, 4, 4)


def test_the_papers_order_over_64_layers():
    """Section 2.2, layers counted from 1: column where (i - 2) mod 4 = 0, row elsewhere, a convolution at the end."""
    kinds = paper_cycle(64)
    assert len(kinds) == 64
    for i, kind in enumerate(kinds, start=1):
        assert kind == ("conv" if i == 64 else "column" if (i - 2) % 4 == 0 else "row")


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_a_short_stack_still_ends_with_a_convolution(layers):
    kinds = paper_cycle(layers)
    assert len(kinds) == layers and kinds[-1] == "conv" and kinds[:-1] == paper_cycle(64)[: layers - 1]
