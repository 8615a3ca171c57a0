"""DALL·E's second stage: shapes, no look ahead, first loss, the paper's size, overfitting."""

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.testing import assert_close

from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAEConfig

PAD, START = 0, 1
SMALL = DALLEConfig(vocab_size=19, text_length=6, rows=3, cols=4, codes=13, width=24, layers=3, heads=4)
MIXED = replace(SMALL, attention=("row", "column", "conv"))


def small(config=SMALL):
    torch.manual_seed(0)
    return DALLE(config).eval()


def example(batch=2, config=SMALL):
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(2, config.vocab_size, (batch, config.text_length), generator=generator)
    text[:, 0] = START
    text[1:, 4:] = PAD
    return text, torch.randint(0, config.codes, (batch, config.image_length), generator=generator)


@pytest.mark.parametrize("config", [SMALL, MIXED])
def test_the_logits_cover_the_text_but_its_start_and_the_whole_image(config):
    text, image_tokens = example()
    text_logits, image_logits = small(config)(text, image_tokens)
    assert text_logits.shape == (2, 5, 19)
    assert image_logits.shape == (2, 12, 13)
    assert small(config)(text, image_tokens[:, :5])[1].shape == (2, 5, 13)


@pytest.mark.parametrize("config", [SMALL, MIXED])
def test_an_image_token_changes_the_logits_of_later_tokens_only(config):
    model, (text, image_tokens) = small(config), example()
    text_logits, image_logits = model(text, image_tokens)
    for j in range(config.image_length):
        changed = image_tokens.clone()
        changed[:, j] = (changed[:, j] + 1) % config.codes
        new_text_logits, new_image_logits = model(text, changed)
        assert torch.equal(new_text_logits, text_logits)
        differs = (new_image_logits != image_logits).any(-1).any(0)
        assert not differs[: j + 1].any(), f"token {j} reaches a slot that predicts it or an earlier one"
        if j + 1 < config.image_length:
            assert differs[j + 1], f"the slot after token {j} does not see it"
        else:
            assert not differs.any(), "the last token is never fed"


@pytest.mark.parametrize("config", [SMALL, MIXED])
def test_a_text_token_changes_later_text_and_the_whole_image(config):
    model, (text, image_tokens) = small(config), example(batch=1)
    text_logits, image_logits = model(text, image_tokens)
    for j in range(1, config.text_length):
        changed = text.clone()
        changed[:, j] = 2 + (changed[:, j] - 1) % (config.vocab_size - 2)
        assert changed[0, j] != text[0, j]
        new_text_logits, new_image_logits = model(changed, image_tokens)
        differs = (new_text_logits != text_logits).any(-1)[0]
        assert not differs[:j].any() and differs[j:].all()
        assert (new_image_logits != image_logits).any(-1).all()


def test_the_loss_scores_each_slot_on_the_token_that_comes_next():
    """A model made to say always the same has the cross-entropy of its constant answer."""
    model, (text, image_tokens) = small(), example()
    with torch.no_grad():
        for head, size in ((model.text_head, 19), (model.image_head, 13)):
            head.weight.zero_()
            head.bias.copy_(torch.linspace(-1, 1, size))
    says = torch.linspace(-1, 1, 13).log_softmax(0)
    parts = model.loss(text, image_tokens)
    assert_close(parts["image"], -says[image_tokens].mean())
    says = torch.linspace(-1, 1, 19).log_softmax(0)
    spoken = text[:, 1:][text[:, 1:] != PAD]
    assert_close(parts["text"], -says[spoken].mean())
    assert_close(parts["total"], parts["text"] / 8 + 7 * parts["image"] / 8)


@pytest.mark.parametrize("config", [DALLEConfig(), replace(DALLEConfig(), attention=("row", "column", "row", "conv"))])
def test_before_training_all_tokens_are_about_equally_likely(config):
    text, image_tokens = example(batch=4, config=config)
    with torch.no_grad():
        parts = small(config).loss(text, image_tokens)
    assert float(parts["text"]) == pytest.approx(math.log(config.vocab_size), abs=0.15)
    assert float(parts["image"]) == pytest.approx(math.log(config.codes), abs=0.15)


@cache
def paper():
    """The paper's model, without memory for its weights."""
    with torch.device("meta"):
        return DALLE(DALLEConfig.paper())


def test_the_paper_configuration_has_about_12_billion_parameters():
    """Between 12.0 and 12.5 billion; 64 layers of 12 · width² make 12.09, the embeddings and heads the rest."""
    count = sum(p.numel() for p in paper().parameters())
    assert 12.0e9 < count < 12.5e9
    assert 64 * 12 * 3968**2 < count


def test_the_paper_configuration_is_the_papers():
    """Section 2.2 and appendix B: 64 layers, 62 heads of 64, 256 + 1,024 slots, vocabularies of 16,384 and 8,192."""
    model = paper()
    assert len(model.transformer.blocks) == 64
    attention = model.transformer.blocks[0].attention
    assert (attention.heads, attention.query.in_features // attention.heads) == (62, 64)
    assert model.text_head.out_features == 16384 and model.image_head.out_features == 8192
    assert {kind: tuple(mask.shape) for kind, mask in model.masks.items()} == {
        kind: (1280, 1280) for kind in ("row", "column", "conv")
    }
    assert model.config.codes == DVAEConfig.paper().codes


def test_a_full_mask_for_every_layer_unless_told_otherwise():
    assert small().transformer.attention_types == ("full",) * 3
    assert small(MIXED).transformer.attention_types == ("row", "column", "conv")


@pytest.mark.parametrize("config", [SMALL, MIXED])
def test_it_overfits_one_batch(config):
    """120 steps on four pairs: the loss falls to a tenth, and greedily it says every image token right."""
    model = small(config)
    text, image_tokens = example(batch=4)
    text[:, 1] = torch.arange(4) + 2  # four captions that differ from the first word on
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    first = model.loss(text, image_tokens)["image"].item()
    for _ in range(120):
        optimizer.zero_grad()
        model.loss(text, image_tokens)["total"].backward()
        optimizer.step()
    assert model.loss(text, image_tokens)["image"] < first / 10
    assert torch.equal(model(text, image_tokens)[1].argmax(-1), image_tokens)


def test_feeding_step_by_step_gives_the_logits_of_the_whole():
    for config in (SMALL, MIXED):
        model, (text, image_tokens) = small(config), example()
        whole = model(text, image_tokens)[1]
        logits, kept = model.prefill(text)
        assert_close(logits, whole[:, 0], atol=1e-5, rtol=1e-4)
        assert_close(model.decode_step(image_tokens[:, :4], 0, kept), whole[:, 4], atol=1e-5, rtol=1e-4)
        for i in range(4, config.image_length - 1):
            assert_close(model.decode_step(image_tokens[:, i : i + 1], i, kept), whole[:, i + 1], atol=1e-5, rtol=1e-4)
        logits, kept = model.prefill(text, image_tokens[:, :4])
        assert_close(logits, whole[:, 4], atol=1e-5, rtol=1e-4)
        assert_close(model.decode_step(image_tokens[:, 4:5], 4, kept), whole[:, 5], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("text_shape", "image_shape", "message"),
    [
        ((2, 5), (2, 12), r"text must have shape \(B, 6\), got \(2, 5\)\."),
        ((6,), (2, 12), r"text must have shape \(B, 6\), got \(6,\)\."),
        ((2, 6), (2, 13), r"image_tokens must have shape \(2, at most 12\), got \(2, 13\)\."),
        ((2, 6), (3, 12), r"image_tokens must have shape \(2, at most 12\), got \(3, 12\)\."),
        ((2, 6), (2, 3, 4), r"image_tokens must have shape \(2, at most 12\), got \(2, 3, 4\)\."),
    ],
)
def test_shapes_that_do_not_fit_are_refused_in_one_sentence(text_shape, image_shape, message):
    text, image_tokens = (torch.zeros(shape, dtype=torch.int64) for shape in (text_shape, image_shape))
    with pytest.raises(ValueError, match=f"^{message}$"):
        small()(text, image_tokens)


@pytest.mark.parametrize("token", [-1, 13])
def test_image_tokens_of_another_codebook_are_refused(token):
    text, image_tokens = example()
    image_tokens[1, 3] = token
    with pytest.raises(ValueError, match=r"lie in \[0, 13\).*another codebook\?$"):
        small()(text, image_tokens)


@pytest.mark.parametrize("token", [-1, 19])
def test_text_of_another_tokenizer_is_refused(token):
    text, image_tokens = example()
    text[1, 3] = token
    with pytest.raises(ValueError, match=r"lie in \[0, 19\).*another tokenizer\?$"):
        small().loss(text, image_tokens)


def test_on_an_accelerator_nothing_is_read_back_and_all_stays_on_the_device():
    """The "meta" device stands for any other than the CPU: its tensors have no values, so reading one fails."""
    with torch.device("meta"):
        model, text = DALLE(MIXED), torch.zeros(2, 6, dtype=torch.int64)
        tokens = torch.zeros(2, 12, dtype=torch.int64)
    for part in model.loss(text, tokens).values():
        assert part.device.type == "meta" and part.shape == ()
    logits, cache = model.prefill(text)
    assert logits.shape == (2, 13) and cache.store.device.type == "meta"
    assert model.decode_step(tokens[:, :1], 0, cache).shape == (2, 13)
    with pytest.raises(ValueError, match=r"shape \(B, 6\)"):
        model(text[:, :5], tokens)
