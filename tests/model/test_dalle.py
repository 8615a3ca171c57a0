"""DALL·E's second stage: shapes, no look ahead, first loss, the paper's size, overfitting, saving and loading."""

import json
import math
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import huggingface_hub.hub_mixin
import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file
from torch.testing import assert_close

from dalle_lessons.model import pretrained
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.training.trainer import TrainConfig, Trainer

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


# Saving and loading, for both stages.


def models():
    torch.manual_seed(0)
    vae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1))
    vae.loss(torch.rand(2, 3, 8, 8))  # the codes' usage is a buffer: fill it
    return [vae, small(MIXED)]


@pytest.mark.parametrize("which", [0, 1])
def test_saving_halves_the_weights_and_loading_computes_in_float32(which, tmp_path):
    model = models()[which]
    model.save_pretrained(tmp_path / "saved")
    stored = load_file(tmp_path / "saved" / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.float16}
    loaded = type(model).from_pretrained(tmp_path / "saved")
    assert loaded.config == model.config and not loaded.training
    state = model.state_dict()
    assert set(loaded.state_dict()) == set(state)
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state[name].half().float()), name
    loaded.save_pretrained(tmp_path / "again")
    for name, tensor in load_file(tmp_path / "again" / "model.safetensors").items():
        assert torch.equal(tensor, stored[name])


def test_saving_changes_nothing_in_the_model(tmp_path):
    model = small()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path)
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, before[name])


def test_the_averaged_model_that_training_returns_is_saved_with_its_configuration(tmp_path):
    text, image_tokens = example()
    trainer = Trainer(small(MIXED), lambda model, rng, done: model.loss(text, image_tokens), TrainConfig(steps=1), None)
    trainer.run(progress=False).save_pretrained(tmp_path)
    assert DALLE.from_pretrained(tmp_path).config == MIXED


def test_a_folder_with_a_part_of_its_own_for_each_model_works_too(tmp_path):
    for model in models():
        model.save_pretrained(tmp_path / model.part)
    assert DVAE.from_pretrained(tmp_path).config.codes == 16
    assert DALLE.from_pretrained(str(tmp_path)).config == MIXED


def test_a_configuration_from_a_later_version_still_loads(tmp_path):
    small().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "something_new": 1}))
    assert DALLE.from_pretrained(tmp_path).config == SMALL


def test_weights_that_half_precision_cannot_hold_are_not_saved(tmp_path):
    model = small()
    with torch.no_grad():
        model.image_head.bias[3] = 1e6
    with pytest.raises(ValueError, match="image_head.bias hold numbers that half precision cannot"):
        model.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_an_unknown_name_is_one_sentence_and_asks_no_network(tmp_path):
    for name in ("no-such-world", "owner/name", tmp_path):
        with pytest.raises(FileNotFoundError, match="^There are no dalle weights in .*hub:owner/name.$") as caught:
            DALLE.from_pretrained(name)
        assert str(name) in str(caught.value) and "\n" not in str(caught.value)


def test_loading_prints_nothing(tmp_path, capfd, recwarn):
    small().save_pretrained(tmp_path)
    capfd.readouterr()
    DALLE.from_pretrained(tmp_path)
    assert capfd.readouterr() == ("", "") and not recwarn.list


@pytest.fixture
def no_pickle(monkeypatch):
    def refuse(*_, **__):
        pytest.fail("a pickle file was read")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr("pickle.load", refuse)
    monkeypatch.setattr("pickle.loads", refuse)
    monkeypatch.setattr("pickle.Unpickler", refuse)


def test_a_pickle_file_in_a_folder_is_never_read(tmp_path, no_pickle):
    small().save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not to be opened")
    DALLE.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="There are no dalle weights"):
        DALLE.from_pretrained(tmp_path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of our own, with one repository `owner/name`; gives its folder and the list of what was asked for."""
    folder, asked = tmp_path / "hub", []

    def download(repo_id, filename, **_):
        asked.append((repo_id, filename))
        if not (folder / filename).exists():
            raise HfHubHTTPError(f"{filename} is not there", response=SimpleNamespace(headers={}, request=None))
        return str(folder / filename)

    monkeypatch.setattr(pretrained, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub.hub_mixin, "hf_hub_download", download)
    return folder, asked


def test_a_name_after_hub_comes_from_the_hub(hub):
    folder, asked = hub
    small().save_pretrained(folder)
    assert DALLE.from_pretrained("hub:owner/name").config == SMALL
    assert asked == [("owner/name", "config.json"), ("owner/name", "model.safetensors")]


def test_a_pickle_file_on_the_hub_is_never_asked_for(hub, no_pickle):
    folder, asked = hub
    small().save_pretrained(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(HfHubHTTPError, match="model.safetensors is not there"):
        DALLE.from_pretrained("hub:owner/name")
    assert {name for _, name in asked} == {"config.json", "model.safetensors"}


def test_a_repository_without_a_configuration_is_refused_in_one_sentence(hub):
    with pytest.raises(FileNotFoundError, match="There is no config.json in owner/name"):
        DALLE.from_pretrained("hub:owner/name")
