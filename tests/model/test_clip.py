"""CLIP: the loss by hand, what the text encoder may see, scores, weights on disk."""

import math

import pytest
import torch
import torch.nn.functional as F

from dalle_lessons.model.clip import CLIP, CLIPConfig, contrastive_loss
from dalle_lessons.model.tokenizer import TextTokenizer

CAPTIONS = ["a red circle", "a blue square", "a circle", "a blue circle above a red square"]


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(0)
    tokenizer = TextTokenizer.train(CAPTIONS, 280, 12)
    return CLIP(CLIPConfig(tokenizer.vocab_size, 12, 0, 16, 4, (16, 32), 32, 2, 2, 8), tokenizer).eval()


def test_the_loss_by_hand():
    torch.manual_seed(0)
    images, texts = (torch.nn.functional.normalize(torch.randn(3, 5), dim=1) for _ in range(2))
    similar = [[4.0 * float(images[i] @ texts[j]) for j in range(3)] for i in range(3)]
    rows = [-similar[i][i] + math.log(sum(math.exp(similar[i][j]) for j in range(3))) for i in range(3)]
    columns = [-similar[j][j] + math.log(sum(math.exp(similar[i][j]) for i in range(3))) for j in range(3)]
    expected = (sum(rows) / 3 + sum(columns) / 3) / 2
    assert contrastive_loss(images, texts, torch.tensor(4.0)).item() == pytest.approx(expected, abs=1e-5)


def test_a_caption_that_is_true_of_one_more_picture_is_masked_for_that_picture_alone():
    """Caption 1 is true of picture 0 too, but caption 0 is not true of picture 1."""
    torch.manual_seed(0)
    images, texts = (torch.nn.functional.normalize(torch.randn(2, 5), dim=1) for _ in range(2))
    also_true = torch.tensor([[False, True], [False, False]])
    similar = 4.0 * images @ texts.T
    expected = float(similar[1].logsumexp(0) - similar[1, 1] + similar[:, 0].logsumexp(0) - similar[0, 0]) / 4
    assert contrastive_loss(images, texts, torch.tensor(4.0), also_true).item() == pytest.approx(expected, abs=1e-5)


def test_another_caption_of_the_same_picture_is_no_wrong_answer():
    torch.manual_seed(0)
    images, texts = (torch.nn.functional.normalize(torch.randn(3, 5), dim=1) for _ in range(2))
    same = torch.zeros(3, 3, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    similar = 4.0 * images @ texts.T
    seen = [[0, 2], [1, 2], [0, 1, 2]]  # what each row, and each column, chooses among
    rows = [float(similar[i, seen[i]].logsumexp(0) - similar[i, i]) for i in range(3)]
    columns = [float(similar[seen[i], i].logsumexp(0) - similar[i, i]) for i in range(3)]
    loss = contrastive_loss(images, texts, torch.tensor(4.0), same)
    assert loss.item() == pytest.approx((sum(rows) / 3 + sum(columns) / 3) / 2, abs=1e-5)


def test_an_extra_picture_is_a_wrong_answer_for_captions_alone():
    """Two pairs and three extra pictures: a caption chooses among five pictures, a picture between two captions."""
    torch.manual_seed(0)
    images, texts, extra = (F.normalize(torch.randn(n, 6), dim=1) for n in (2, 2, 3))
    scale = torch.tensor(4.0)
    expected = 0.0
    for i in range(2):
        of_picture = [math.exp(4 * float(images[i] @ texts[j])) for j in range(2)]
        of_caption = [math.exp(4 * float(texts[i] @ picture)) for picture in (*images, *extra)]
        expected -= (math.log(of_picture[i] / sum(of_picture)) + math.log(of_caption[i] / sum(of_caption))) / 4
    assert float(contrastive_loss(images, texts, scale, extra_vectors=extra)) == pytest.approx(expected, rel=1e-5)
    assert contrastive_loss(images, texts, scale) < contrastive_loss(images, texts, scale, extra_vectors=extra)


def test_the_loss_looks_at_extra_pictures_too(clip):
    torch.manual_seed(0)
    side = clip.config.side
    images, extra = torch.rand(3, 3, side, side), torch.rand(2, 3, side, side)
    text = clip.tokenizer.encode(["a cat", "a dog", "a cat"])
    with torch.no_grad():
        vectors = clip.encode_images(images), clip.encode_text(text)
        expected = contrastive_loss(*vectors, clip.logit_scale, extra_vectors=clip.encode_images(extra))
        assert torch.allclose(clip.loss(images, text, None, extra)["total"], expected, atol=1e-5)


def test_guessing_costs_the_logarithm_of_the_batch():
    same = torch.nn.functional.normalize(torch.ones(6, 4), dim=1)
    assert contrastive_loss(same, same, torch.tensor(10.0)).item() == pytest.approx(math.log(6), abs=1e-5)


def test_vectors_have_unit_norm(clip):
    images = clip.encode_images(torch.rand(4, 3, 16, 16))
    texts = clip.encode_text(clip.tokenizer.encode(CAPTIONS))
    assert images.shape == texts.shape == (4, 8)
    torch.testing.assert_close(images.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(4))


def test_what_follows_the_caption_does_not_count(clip):
    text = clip.tokenizer.encode(CAPTIONS[:1])
    short = int((text != 0).sum())
    before = clip.encode_text(text)
    position = clip.position.weight
    with torch.no_grad():
        kept = position[short:].clone()
        position[short:] += 1.0  # the pads stand elsewhere
        after = clip.encode_text(text)
        position[short:] = kept
    torch.testing.assert_close(before, after)
    with torch.no_grad():
        assert not torch.allclose(before, clip.encode_text(clip.tokenizer.encode(CAPTIONS[1:2])))


def test_scores_are_cosines_each_with_its_own_caption(clip):
    images = torch.rand(3, 3, 16, 16)
    captions = [CAPTIONS[1], CAPTIONS[0], CAPTIONS[1]]
    scores = clip.score(images, captions)
    vectors = clip.encode_images(images)
    texts = clip.encode_text(clip.tokenizer.encode(captions))
    torch.testing.assert_close(scores, torch.stack([vectors[i] @ texts[i] for i in range(3)]))
    assert scores.abs().max() <= 1 + 1e-6


def test_wrong_input_gets_one_sentence(clip):
    with pytest.raises(ValueError, match=r"\(B, 3, 16, 16\)"):
        clip.encode_images(torch.rand(1, 3, 32, 32))
    with pytest.raises(ValueError, match="2 pictures, 1 captions"):
        clip.score(torch.rand(2, 3, 16, 16), ["a"])
    with pytest.raises(ValueError, match="no tokenizer"):
        CLIP(clip.config).score(torch.rand(1, 3, 16, 16), ["a"])


def test_the_tokenizer_travels_with_the_weights(clip, tmp_path):
    clip.save_pretrained(tmp_path)
    again = CLIP.from_pretrained(tmp_path)
    assert again.config == clip.config
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(again.score(images, CAPTIONS[:2]), clip.score(images, CAPTIONS[:2]), atol=5e-3, rtol=0)


def test_without_a_tokenizer_the_weights_are_saved_alone(clip, tmp_path):
    CLIP(clip.config).save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "config.json", "model.safetensors"}


def test_the_temperature_has_a_floor_from_which_it_can_rise(clip):
    model = CLIP(clip.config)
    with torch.no_grad():
        model.log_scale.fill_(20.0)
    model.constrain()
    assert model.logit_scale.item() == pytest.approx(100.0)
    model.logit_scale.backward()
    assert model.log_scale.grad.item() == pytest.approx(100.0, rel=1e-4)
    with torch.no_grad():
        model.log_scale.fill_(1.0)
    model.constrain()
    assert model.log_scale.item() == 1.0


def test_one_batch_is_learned_by_heart(clip):
    torch.manual_seed(0)
    images, text = torch.rand(4, 3, 16, 16), clip.tokenizer.encode(CAPTIONS)
    model = CLIP(clip.config, clip.tokenizer)
    first = model.loss(images, text)["total"].item()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        model.loss(images, text)["total"].backward()
        optimizer.step()
    assert first > 1.0 and model.loss(images, text)["total"].item() < 0.1
