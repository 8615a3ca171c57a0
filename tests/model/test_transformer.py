"""The transformer: attention written out, no look ahead, a cache that changes nothing, each layer its own mask."""

import math

import pytest
import torch
from torch.testing import assert_close

from dalle_lessons.model.attention_masks import MASK_TYPES, joint_mask
from dalle_lessons.model.transformer import Attention, Transformer

WIDTH, HEADS, TEXT, ROWS, COLS = 12, 3, 2, 3, 3
SLOTS = TEXT + ROWS * COLS
MASKS = {kind: joint_mask(kind, TEXT, ROWS, COLS, kernel=3) for kind in MASK_TYPES}


def stack(attention_types=("full",), layers=3, dropout=0.0):
    torch.manual_seed(0)
    model = Transformer(WIDTH, layers, HEADS, dropout, attention_types)
    with torch.no_grad():  # the first weights are so small that attention is all but uniform: larger ones test more
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(20)
    return model.eval()


def x_in(batch=2):
    return torch.randn(batch, SLOTS, WIDTH, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("kind", MASK_TYPES)
def test_attention_in_bfloat16_is_the_same_to_its_few_digits(kind):
    torch.manual_seed(0)
    attention, x, mask = Attention(WIDTH, HEADS), 3 * x_in(), MASKS[kind]
    with torch.autocast("cpu", torch.bfloat16):
        rough = attention(x, mask)
    assert rough.dtype == torch.bfloat16
    assert_close(rough.float(), attention(x, mask), rtol=0.05, atol=0.05)


@torch.no_grad()
@pytest.mark.parametrize("kind", MASK_TYPES)
def test_attention_is_the_softmax_of_scaled_products_where_the_mask_allows(kind):
    torch.manual_seed(0)
    attention, x, mask = Attention(WIDTH, HEADS), 3 * x_in(), MASKS[kind]
    size = WIDTH // HEADS
    joined = torch.zeros(2, SLOTS, WIDTH)
    for b in range(2):
        q, k, v = attention.query(x[b]), attention.key(x[b]), attention.value(x[b])  # (S, C)
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            for me in range(SLOTS):
                seen = [j for j in range(SLOTS) if mask[me, j]]
                weights = [math.exp(float(q[me, own] @ k[j, own]) / math.sqrt(size)) for j in seen]
                joined[b, me, own] = sum(w / sum(weights) * v[j, own] for w, j in zip(weights, seen, strict=True))
    assert_close(attention(x, mask), attention.project(joined), atol=1e-5, rtol=1e-4)


def test_a_width_that_the_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"width \(10\) must be a multiple of the heads \(3\)"):
        Attention(10, 3)


@pytest.mark.parametrize("attention_types", [("full",), ("row", "column", "conv")])
def test_a_slot_has_no_gradient_from_later_slots_and_some_from_itself(attention_types):
    model = stack(attention_types)
    for slot in range(SLOTS):
        x = x_in(1).requires_grad_()
        model(x, MASKS)[0, slot].square().sum().backward()
        reached = x.grad[0].abs().sum(1) > 0
        assert not reached[slot + 1 :].any()
        assert reached[slot]
        if attention_types == ("full",):
            assert reached[: slot + 1].all()


def test_without_a_mask_over_them_later_slots_do_leak():
    """The test above can fail: with every slot visible the gradient does reach back from the future."""
    model, x = stack(), x_in(1).requires_grad_()
    everything = {"full": torch.ones(SLOTS, SLOTS, dtype=torch.bool)}
    model(x, everything)[0, 0].square().sum().backward()
    assert (x.grad[0].abs().sum(1) > 0).all()


@pytest.mark.parametrize("attention_types", [("full",), ("row", "column", "row", "conv")])
@pytest.mark.parametrize("parts", [[SLOTS], [1] * SLOTS, [4, 1, 3, 2, 1], [2, 9]])
def test_with_a_cache_new_slots_come_out_as_without(attention_types, parts):
    model, x = stack(attention_types, layers=4), x_in()
    whole = model(x, MASKS)
    cache = model.new_cache(2, SLOTS)
    outs, start = [], 0
    for part in parts:
        outs.append(model(x[:, start : start + part], MASKS, cache))
        start += part
        assert cache.length == start
    assert_close(torch.cat(outs, dim=1), whole, atol=1e-5, rtol=1e-4)


def test_a_cache_computes_keys_and_values_of_new_slots_alone():
    model, x = stack(), x_in()
    cache = model.new_cache(2, SLOTS)
    model(x[:, :5], MASKS, cache)
    before = cache.store[:, :, :, :, :5].clone()
    assert cache.store.shape == (2, 3, 2, HEADS, SLOTS, WIDTH // HEADS)
    model(torch.full_like(x[:, 5:6], 9.0), MASKS, cache)
    assert torch.equal(cache.store[:, :, :, :, :5], before)


def test_the_layers_take_their_masks_in_turn():
    assert stack(("row", "column", "conv"), layers=5).attention_types == ("row", "column", "conv", "row", "column")


@pytest.mark.parametrize("kind", MASK_TYPES)
def test_one_layer_sees_exactly_what_its_mask_allows(kind):
    model = stack((kind,), layers=1)
    for slot in range(SLOTS):
        x = x_in(1).requires_grad_()
        model(x, MASKS)[0, slot].square().sum().backward()
        assert torch.equal(x.grad[0].abs().sum(1) > 0, MASKS[kind][slot])


def test_each_layer_uses_its_own_mask():
    """Two layers, row then column: the last slot sees what some slot of its column sees along its row."""
    model = stack(("row", "column"), layers=2)
    x = x_in(1).requires_grad_()
    model(x, MASKS)[0, -1].square().sum().backward()
    through = [MASKS["row"][j] for j in range(SLOTS) if MASKS["column"][-1, j]]
    assert torch.equal(x.grad[0].abs().sum(1) > 0, torch.stack(through).any(0))
    first_last = stack(("column", "row"), layers=2)(x, MASKS)
    assert not torch.allclose(first_last, model(x, MASKS))


def test_the_residual_path_is_free():
    """With branches that give nothing, a stack of blocks is the last norm alone."""
    model, x = stack(layers=4), x_in()
    with torch.no_grad():
        for block in model.blocks:
            for last in (block.attention.project, block.mlp[-1]):
                last.weight.zero_()
                last.bias.zero_()
    assert_close(model(x, MASKS), torch.nn.functional.layer_norm(x, (WIDTH,)))


def test_dropout_acts_in_training_only():
    model, x = stack(dropout=0.5), x_in()
    assert torch.equal(model(x, MASKS), model(x, MASKS))
    model.train()
    assert not torch.equal(model(x, MASKS), model(x, MASKS))


def test_the_branches_last_layers_start_smaller_the_deeper_the_stack():
    torch.manual_seed(0)
    for layers in (2, 8):
        model = Transformer(256, layers, 8, 0.0, ("full",))
        for block in model.blocks:
            for last in (block.attention.project, block.mlp[-1]):
                assert float(last.weight.detach().std()) == pytest.approx(0.02 / math.sqrt(2 * layers), rel=0.05)
            assert float(block.mlp[0].weight.detach().std()) == pytest.approx(0.02, rel=0.05)
            assert not block.mlp[0].bias.any()
