"""Attention that skips empty blocks: the same outputs as with the dense masks, and how many blocks are empty."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from dalle_lessons.model import dalle as dalle_module
from dalle_lessons.model.attention_masks import joint_mask
from dalle_lessons.model.block_attention import attend_blockwise, blockwise_mask, column_order, skips_blocks
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.transformer import attend

CPU, SPARSE = torch.device("cpu"), ("row", "column", "conv")
SIZES = 20, 12, 15  # text slots, rows, columns: 200 slots, two blocks each way
# On the CPU the skipping is only imitated, and PyTorch says so.
pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here"))


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("kind", SPARSE)
def test_the_outputs_are_those_of_the_dense_mask(kind, device):
    generator = torch.Generator().manual_seed(0)
    slots = SIZES[0] + SIZES[1] * SIZES[2]
    q, k, v = (3 * torch.randn(2, 3, slots, 16, generator=generator).to(device) for _ in range(3))
    expected = attend(q, k, v, joint_mask(kind, *SIZES).to(device))
    assert_close(attend_blockwise(q, k, v, blockwise_mask(kind, *SIZES, q.device)), expected, rtol=1e-4, atol=1e-5)


def test_the_columns_order_has_the_text_first_and_each_column_whole():
    assert column_order(2, rows=2, cols=3).tolist() == [0, 1, 2, 5, 3, 6, 4, 7]


@pytest.mark.parametrize(("kind", "left"), [("row", 34), ("column", 27), ("conv", 40)])
def test_so_many_blocks_are_left_at_the_papers_size(kind, left):
    c = DALLEConfig.paper()
    mask = blockwise_mask(kind, c.text_length, c.rows, c.cols, CPU)
    assert round(100 - mask.blocks.sparsity()) == left


SPARSE_CONFIG = DALLEConfig(
    vocab_size=19, text_length=9, rows=12, cols=12, codes=11, width=32, layers=4, heads=2, attention=(*SPARSE, "full")
)


@torch.no_grad()
def test_a_model_says_the_same_with_either(monkeypatch):
    torch.manual_seed(0)
    model = DALLE(SPARSE_CONFIG).eval()
    for parameter in model.parameters():
        parameter.add_(0.2 * torch.randn_like(parameter))
    text, image = torch.randint(1, 19, (2, 9)), torch.randint(11, (2, 144))
    expected = model(text, image)
    assert not skips_blocks(CPU)
    used = []
    monkeypatch.setattr(dalle_module, "skips_blocks", lambda device: True)
    monkeypatch.setattr(dalle_module, "blockwise_mask", lambda *given: used.append(given[0]) or blockwise_mask(*given))
    for ours, dense in zip(model(text, image), expected, strict=True):
        assert dense.std() > 0.5
        assert_close(ours, dense, rtol=1e-4, atol=1e-4)
    assert used == sorted(SPARSE), "each sparse kind once, and the full one as ever"
    short = model(text, image[:, :100])  # part of a picture: the dense masks
    assert len(used) == 3
    assert_close(short[1], expected[1][:, :100], rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_a_training_step_on_cuda_has_the_same_gradients(monkeypatch):
    torch.manual_seed(0)
    model = DALLE(replace(SPARSE_CONFIG, rows=16, cols=16)).cuda()
    text, image = torch.randint(1, 19, (2, 9)).cuda(), torch.randint(11, (2, 256)).cuda()

    def gradients():
        model.zero_grad()
        model.loss(text, image)["total"].backward()
        return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

    skipping = gradients()
    monkeypatch.setattr(dalle_module, "skips_blocks", lambda device: False)
    for ours, dense in zip(skipping, gradients(), strict=True):
        assert_close(ours, dense, rtol=1e-3, atol=1e-5)
