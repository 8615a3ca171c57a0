"""The paper's 12 billion parameters, counted by part without a number in memory."""

from collections import Counter

import pytest
import torch

from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig

pytestmark = pytest.mark.reference
#: From the paper's sizes alone: 64 layers of width 62 · 64, vocabularies of 16,384 and 8,192, 256 + 1,024 positions.
WIDTH, LAYERS = 62 * 64, 64
PARTS = {
    "attention": LAYERS * 4 * (WIDTH**2 + WIDTH),  # queries, keys, values and the projection, with biases
    "mlp": LAYERS * (2 * 4 * WIDTH**2 + 5 * WIDTH),  # to four times the width and back
    "norms": (2 * LAYERS + 1) * 2 * WIDTH,
    "embeddings": (16384 + 8192 + 2 * 256 + 1 + 32 + 32) * WIDTH,  # a position and a pad for each text slot; [SEP]
    "heads": (WIDTH + 1) * (16384 + 8192),
}


def part_of(name: str) -> str:
    if name.startswith("embedding."):
        return "embeddings"
    if "_head." in name:
        return "heads"
    return "norms" if "norm" in name else "attention" if ".attention." in name else "mlp"


@pytest.fixture(scope="module")
def paper():
    with torch.device("meta"):
        return DALLE(DALLEConfig.paper())


def test_each_part_has_the_parameters_of_the_papers_sizes(paper):
    counted = Counter()
    for name, parameter in paper.named_parameters():
        counted[part_of(name)] += parameter.numel()
    assert counted == PARTS
    assert sum(PARTS.values()) == 12_292_836_992


def test_the_masks_are_the_papers_cycle(paper):
    kinds = paper.transformer.attention_types
    assert len(kinds) == 64 and kinds[-1] == "conv" and kinds[:8] == ("row", "column", "row", "row") * 2
    assert Counter(kinds[:-1]) == {"row": 47, "column": 16}


def test_the_dvae_has_the_originals_parameters():
    with torch.device("meta"):
        dvae = DVAE(DVAEConfig.paper())
    original_bias = 128  # of the decoder's first convolution: here the codes' vectors contain it
    encoder = sum(p.numel() for part in (dvae.encoder, dvae.codebook.to_logits) for p in part.parameters())
    decoder = sum(p.numel() for part in (dvae.decoder, dvae.codebook.vectors) for p in part.parameters())
    assert (encoder, decoder + original_bias) == (53_786_240, 43_829_766)
