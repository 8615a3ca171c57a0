"""dalle-pytorch, where it agrees with the paper, and each place where it does not (docs/references.md lists them)."""

import pytest
import torch
from torch import nn

from dalle_lessons.model import sequence
from dalle_lessons.model.attention_masks import joint_mask
from dalle_lessons.model.embedding import Embedding
from dalle_lessons.model.quantizer import GumbelCodebook

pytestmark = pytest.mark.reference
SIDE, WORDS, TEXT, CODES = 4, 23, 5, 11  # of the grid of image tokens; text tokens that can be; in a caption; codes
IMAGE = SIDE * SIDE

# ---- the discrete VAE ----


@pytest.fixture
def codebooks(dalle_pytorch):
    """Our Gumbel codebook, and their VAE around the same logits and vectors, with nothing before and after."""
    ours = GumbelCodebook(features=6, codes=CODES, code_dim=8)
    theirs = dalle_pytorch.DiscreteVAE(image_size=SIDE, num_tokens=CODES, codebook_dim=8)
    theirs.normalization = None
    theirs.encoder, theirs.decoder, theirs.codebook = ours.to_logits, nn.Identity(), ours.vectors
    return ours, theirs, 5 * torch.randn(3, 6, SIDE, SIDE)


@pytest.mark.parametrize("temperature", [1.0, 1 / 16])
def test_the_relaxed_choice_is_the_same(codebooks, temperature):
    ours, theirs, features = codebooks
    torch.manual_seed(1)
    expected = theirs(features, temp=temperature)
    torch.manual_seed(1)
    torch.testing.assert_close(ours.train()(features, temperature).vectors, expected, rtol=0, atol=1e-6)


def test_tokens_are_the_argmax_in_raster_order(codebooks):
    ours, theirs, features = codebooks
    assert torch.equal(sequence.flatten(ours(features).tokens), theirs.get_codebook_indices(features))


def test_the_kl_is_theirs_for_each_position_and_theirs_is_summed_over_the_batch(codebooks):
    """Disagreement: their "batchmean" divides by the length of the uniform prior's tensor, 1, and not by the batch."""
    ours, theirs, features = codebooks
    theirs.loss_fn, theirs.kl_div_loss_weight = lambda image, out: torch.zeros(()), 1.0
    summed = theirs(features, return_loss=True)
    torch.testing.assert_close(ours(features).loss * len(features) * IMAGE, summed.squeeze(), rtol=1e-5, atol=0)


# ---- labels and loss ----


class Given(nn.Module):
    """In the place of a network: these logits, whatever comes in."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, *_, **__):
        return self.logits.clone()


@pytest.fixture
def model(dalle_pytorch):
    vae = dalle_pytorch.DiscreteVAE(image_size=2 * SIDE, num_layers=1, num_tokens=CODES, codebook_dim=8)
    sizes = {"num_text_tokens": WORDS, "text_seq_len": TEXT, "depth": 1, "heads": 2, "dim_head": 4}
    return dalle_pytorch.DALLE(dim=8, vae=vae, **sizes, rotary_emb=False, shift_tokens=False)


def both_losses(model, text, ours_text):
    """(ours, theirs) at the same logits. text: (B, TEXT), as they take it; ours_text: with their numbers for pads."""
    vocabulary = WORDS + TEXT  # with their pads, one for each position
    image = torch.randint(CODES, (len(text), IMAGE))
    logits = 3 * torch.randn(len(text), TEXT + IMAGE, vocabulary + CODES)
    model.to_logits = Given(logits)
    theirs = model(text, image, return_loss=True)
    started = torch.cat(
        (torch.ones(len(text), 1, dtype=torch.int64), ours_text), dim=1
    )  # start-of-text, never a target
    parts = sequence.losses(logits[:, :TEXT, :vocabulary], logits[:, TEXT:, vocabulary:], started, image, pad_id=0)
    return parts["total"], theirs


def test_labels_and_weights_are_the_same(model):
    """Text, then image in raster order, each slot predicts the next; 1/8 and 7/8; text and image apart."""
    text = torch.randint(1, WORDS, (3, TEXT))
    ours, theirs = both_losses(model, text, text)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_their_pads_carry_loss_and_ours_do_not(model):
    """Disagreement: a pad is a target like any other there. The paper does not say."""
    text = torch.randint(1, WORDS, (3, TEXT))
    text[:, 3:] = 0
    numbered = torch.where(text == 0, torch.arange(TEXT) + WORDS, text)
    ours, theirs = both_losses(model, text, numbered)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    ours, theirs = both_losses(model, text, text)
    assert (ours - theirs).abs() > 1e-3


# ---- positions ----


def test_positions_are_row_plus_column_of_the_token_that_stands_there_and_here_of_the_next(model):
    """Disagreement: theirs belong to the token that is read, ours (paper, Fig. 10) to the one that is predicted."""
    ours = Embedding(WORDS, TEXT, CODES, SIDE, SIDE, 8, pad_id=0)
    rows, columns = model.image_pos_emb.weights
    with torch.no_grad():
        ours.row.weight.copy_(rows.squeeze())
        ours.column.weight.copy_(columns.squeeze())
    theirs = model.image_pos_emb(torch.zeros(1, IMAGE, 8))[0]
    torch.testing.assert_close(ours.position_embedding(torch.arange(IMAGE)), theirs)
    tokens = torch.randint(CODES, (1, IMAGE - 1))
    torch.testing.assert_close((ours.embed_image(tokens) - ours.image(tokens))[0], theirs[1:], rtol=0, atol=1e-6)


# ---- masks ----


@torch.no_grad()  # two of their attentions change a view in place, which gradients no longer allow
def seen(attention, slots: int):
    """(slots, slots) bool: does what comes out at slot i change with what goes in at slot j?"""
    x = torch.randn(1, slots, 8, dtype=torch.float64)
    changed = x + torch.eye(slots, dtype=torch.float64)[:, :, None]  # (slots, slots, 8): another slot in each row
    before, after = attention.double()(x), attention(changed)
    return ((after - before).abs().amax(dim=-1) > 1e-9).T


@pytest.fixture
def masks(dalle_pytorch):
    """kind -> (ours, theirs), over their slots: start-of-text, TEXT text tokens, the image tokens but the last. In ours
    [SEP] stands where their first image token does."""
    from dalle_pytorch import attention as a

    slots, sizes = TEXT + IMAGE, {"seq_len": TEXT + IMAGE, "heads": 2, "dim_head": 4}
    theirs = {
        "full": lambda: a.Attention(8, **sizes),
        "row": lambda: a.SparseAxialCausalAttention(8, image_size=SIDE, axis=0, **sizes),
        "column": lambda: a.SparseAxialCausalAttention(8, image_size=SIDE, axis=1, **sizes),
        "conv": lambda: a.SparseConvCausalAttention(8, image_size=SIDE, kernel_size=3, **sizes),
    }

    def pair(kind):
        ours = joint_mask(kind, TEXT + 1, SIDE, SIDE, kernel=3)
        return ours[:slots, :slots], seen(theirs[kind](), slots)

    return pair


@pytest.mark.parametrize("kind", ["full", "column"])
def test_masks_that_agree(masks, kind):
    ours, theirs = masks(kind)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", ["row", "conv"])
def test_all_masks_agree_on_the_text(masks, kind):
    ours, theirs = masks(kind)
    assert torch.equal(ours[:, : TEXT + 1], theirs[:, : TEXT + 1])


def of_image(mask):
    return mask[TEXT + 1 :, TEXT + 1 :]


def test_their_row_ends_at_the_left_edge_and_ours_goes_on_in_the_row_above(masks):
    """Disagreement: in the paper's Fig. 11(a) a slot sees the previous ones in raster order, a row's length back."""
    ours, theirs = map(of_image, masks("row"))
    slot = torch.arange(IMAGE - 1)
    row, back = slot // SIDE, slot[:, None] - slot
    assert torch.equal(ours, (back >= 0) & (back <= SIDE))
    assert torch.equal(theirs, ours & (row[:, None] == row))
    assert not torch.equal(ours, theirs)


def test_their_window_lies_up_and_left_and_ours_around(masks):
    """Disagreement: Fig. 11(d) has the slots above on both sides; theirs reaches twice as far, to the left alone."""
    ours, theirs = map(of_image, masks("conv"))
    slot = torch.arange(IMAGE - 1)
    up, left = slot[:, None] // SIDE - slot // SIDE, slot[:, None] % SIDE - slot % SIDE
    assert torch.equal(theirs, (up >= 0) & (up <= 2) & (left >= 0) & (left <= 2))
    assert torch.equal(ours, (up >= 0) & (up <= 1) & (left.abs() <= 1) & (slot <= slot[:, None]))
