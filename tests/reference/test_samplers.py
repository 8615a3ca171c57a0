"""What tools/bench.py --peers takes the time of does sample: as many tokens, within the codes."""

import pytest
import torch

from dalle_lessons.model.dalle import DALLEConfig

pytestmark = pytest.mark.reference
CONFIG = DALLEConfig(vocab_size=19, text_length=5, rows=4, cols=4, codes=13, width=64, layers=2, heads=2)


def test_gpt2_continues_each_caption_by_a_picture(sampler_of):
    tokens = sampler_of("gpt2_sampler", CONFIG, 3)()
    assert tokens.shape == (3, 5 + 16)
    assert len(tokens[:, 5:].unique()) > 5 and not torch.equal(tokens[0], tokens[1]), "drawn, not the likeliest"


@pytest.mark.parametrize("cached", [False, True])
def test_dalle_pytorch_draws_each_picture(sampler_of, cached):
    pictures = sampler_of("dalle_pytorch_sampler", CONFIG, 3, cached=cached)()
    assert pictures.shape == (3, 3, 16, 16) and not torch.equal(pictures[0], pictures[1])
