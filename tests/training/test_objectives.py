"""What each model learns from: seen in its loss and its gradients."""

import math
import random
from dataclasses import replace

import pytest
import torch

from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import with_article
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.editing import edit_caption
from dalle_lessons.model.judge import Judge
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.batches import sample_indices
from dalle_lessons.training.identity import weights_fingerprint
from dalle_lessons.training.objectives.clip import CLIPObjective
from dalle_lessons.training.objectives.dalle import DALLEObjective
from dalle_lessons.training.objectives.dvae import DVAEObjective, anneal_temperature
from dalle_lessons.training.objectives.edit import EditObjective
from dalle_lessons.training.objectives.judge import JudgeObjective
from dalle_lessons.training.presets import DALLE_PRESETS
from dalle_lessons.training.sources import Sources
from dalle_lessons.training.tokens import kept_tokens, shifted_views, tokenize


def loss_of(objective, model, progress=0.0, seed=0):
    torch.manual_seed(seed)
    return objective.loss(model, random.Random(seed), progress)


# ---- dVAE -----------------------------------------------------------------------------------------------------------


def test_the_temperature_falls_along_a_cosine_and_then_stays(tiny):
    preset = replace(tiny.dvae_preset, temperatures=(1.0, 0.2), anneal_fraction=0.5)
    assert anneal_temperature(preset, 0.0) == pytest.approx(1.0)
    assert anneal_temperature(preset, 0.25) == pytest.approx(0.6)
    assert anneal_temperature(preset, 0.125) == pytest.approx(0.2 + 0.8 * 0.5 * (1 + math.sqrt(0.5)))
    assert anneal_temperature(preset, 0.5) == anneal_temperature(preset, 0.99) == pytest.approx(0.2)


@pytest.mark.parametrize(("progress", "temperature"), [(0.0, 1.0), (0.9, 1 / 16)])
def test_a_gumbel_dvae_is_trained_at_the_temperature_of_the_hour(tiny, progress, temperature):
    """All pictures are alike, so the loss at a seed depends on the temperature alone."""
    pairs = Pairs(tiny.pairs.pictures[:1].repeat(4, 1, 1, 1), torch.ones(4), lambda i, rng: "a cat")
    preset = replace(tiny.dvae_preset, config=replace(tiny.dvae_preset.config, quantizer="gumbel"))
    objective = DVAEObjective(preset)
    model = objective.build(pairs)
    loss = loss_of(objective, model, progress)["total"]
    images = pairs.pictures[:1].float().div(255).repeat(preset.train_config.batch, 1, 1, 1)
    torch.manual_seed(0)
    sample_indices(objective.weights, preset.train_config.batch)
    expected = model.loss(images, temperature, preset.kl_weight)["total"]
    torch.testing.assert_close(loss, expected)
    torch.manual_seed(0)
    sample_indices(objective.weights, preset.train_config.batch)
    assert abs(float(model.loss(images, 0.5, preset.kl_weight)["total"].detach() - expected.detach())) > 1e-6


def frozen_objective(tiny, **settings):
    start = tiny_dvae_like(tiny)
    objective = DVAEObjective(replace(tiny.dvae_preset, frozen_tokens=True, **settings), start)
    return objective, objective.build(tiny.pairs).train(), start


def tiny_dvae_like(tiny):
    dvae = DVAE(tiny.dvae.config)
    dvae.load_state_dict(tiny.dvae.state_dict())
    return dvae


def test_with_frozen_tokens_the_decoder_learns_and_the_tokens_stay(tiny):
    objective, model, start = frozen_objective(tiny)
    loss_of(objective, model)["total"].backward()
    learning = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert learning == {"decoder"}
    assert model.fingerprint() == start.fingerprint() and torch.equal(model.codebook.usage, start.codebook.usage)


def test_with_frozen_tokens_the_loss_is_that_of_what_the_tokens_are_decoded_to(tiny):
    pairs = Pairs(tiny.pairs.pictures[:1].repeat(4, 1, 1, 1), torch.ones(4), lambda i, rng: "a cat")
    objective = DVAEObjective(replace(tiny.dvae_preset, frozen_tokens=True), tiny_dvae_like(tiny))
    loss = loss_of(objective, objective.build(pairs).train())["total"]
    images = pairs.pictures[:1].float() / 255
    tokens = tiny.dvae.encode(images)
    expected = (tiny.dvae.decoder(tiny.dvae.codebook.lookup(tokens)) - images).pow(2).mean()
    torch.testing.assert_close(loss.detach(), expected.detach())


def test_the_decoder_is_shown_wrong_tokens_as_far_as_the_preset_says(tiny):
    losses = []
    for noise in (0.0, 1.0):
        objective, model, _ = frozen_objective(tiny, max_token_noise=noise)
        losses.append(float(loss_of(objective, model)["total"].detach()))
    assert losses[0] != losses[1]


def test_a_decoder_alone_needs_a_dvae_whose_tokens_stay(tiny, tmp_path):
    preset = replace(tiny.dvae_preset, frozen_tokens=True)
    with pytest.raises(ValueError, match="name the dVAE whose tokens stay, with --start"):
        DVAEObjective.prepare(preset, Sources("emoji", "emoji", tmp_path))


# ---- DALL·E ---------------------------------------------------------------------------------------------------------


def test_dalle_takes_its_sizes_from_dvae_and_captions_and_says_whose_tokens_it_reads():
    dvae = DVAE(DVAEConfig.shapes()).eval()
    objective = DALLEObjective(DALLE_PRESETS["shapes"], dvae)
    dalle = objective.build(shapes("train", 64))
    c, tokenizer = dalle.config, objective.tokenizer
    assert (c.rows, c.cols, c.codes) == (8, 8, dvae.config.codes) and c.vocab_size == tokenizer.vocab_size
    assert (c.dvae_fingerprint, c.tokenizer_fingerprint) == (dvae.fingerprint(), tokenizer.fingerprint())
    torch.nn.init.zeros_(dalle.image_head.weight)  # all codes alike: the loss is ln(codes) to the last digits
    parts = objective.loss(dalle, random.Random(0), 0.0)
    assert parts["image"].item() == pytest.approx(torch.tensor(float(c.codes)).log().item(), rel=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_captions_are_dropped_as_often_as_the_preset_says(tiny, dropout):
    """Where all are dropped there is no text to predict, and no word of it is learned."""
    objective = DALLEObjective(replace(tiny.dalle_preset, caption_dropout=dropout), tiny.dvae, tiny.tokenizer)
    model = objective.build(tiny.pairs)
    parts = loss_of(objective, model)
    parts["total"].backward()
    words = model.embedding.text.weight.grad[2:]  # beyond padding and start-of-text
    assert (parts["text"] == 0) == (words.abs().sum() == 0) == (dropout == 1.0)


def test_half_of_the_captions_are_dropped_at_one_half(tiny):
    """Seen in the text loss: with one and the same caption, it is a mean over those that are left."""
    pairs = replace(tiny.pairs, caption=lambda i, rng=None: "a cat")
    preset = replace(
        tiny.dalle_preset, caption_dropout=0.5, train_config=replace(tiny.dalle_preset.train_config, batch=1)
    )
    objective = DALLEObjective(preset, tiny.dvae, tiny.tokenizer)
    model = objective.build(pairs).eval()
    left = [float(loss_of(objective, model, seed=seed)["text"].detach()) > 0 for seed in range(60)]
    assert 18 <= sum(left) <= 42


@pytest.mark.parametrize(("kind", "preset"), [(DALLEObjective, "dalle_preset"), (CLIPObjective, "clip_preset")])
def test_words_are_cut_at_random_in_training_alone(tiny, kind, preset):
    settings = {"bpe_dropout": 0.3} | ({"caption_dropout": 0.0} if kind is DALLEObjective else {})
    objective = kind(replace(getattr(tiny, preset), **settings), tiny.dvae, tiny.tokenizer)
    captions = {i: "a cat face" for i in range(len(tiny.pairs) - 1)} | {len(tiny.pairs) - 1: "a dog face"}
    objective.build(replace(tiny.pairs, caption=lambda i, rng=None: captions[i]))
    torch.manual_seed(0)
    cut, whole = (objective.draw(random.Random(0), 0.0, training).rows["text"] for training in (True, False))
    assert len(cut.unique(dim=0)) > 3 and len(whole.unique(dim=0)) <= 2


def test_dalle_keeps_its_tokens_where_the_command_was_told(tiny, tmp_path):
    tiny.dvae.save_pretrained(tmp_path / "dvae")
    told = Sources("emoji", "emoji", tmp_path / "dalle", tmp_path / "dvae", tokens=tmp_path / "tokens")
    assert DALLEObjective.prepare(tiny.dalle_preset, told).kept == tmp_path / "tokens"


def views_objective(tiny, num_views=0, **settings):
    """DALL·E on pictures with known tokens: (views, pictures, tokens)."""
    objective = DALLEObjective(
        replace(tiny.dalle_preset, caption_dropout=0.0, num_views=num_views, **settings), tiny.dvae, tiny.tokenizer
    )
    return objective, objective.build(tiny.pairs).eval()


def test_moved_views_give_other_tokens(tiny):
    torch.manual_seed(0)
    views = shifted_views(tiny.dvae, tiny.pairs.pictures, num_views=2, shift=3)
    assert views.shape == (3, len(tiny.pairs), 16)
    assert torch.equal(views[0], tokenize(tiny.dvae, tiny.pairs.pictures))
    assert (views[1] != views[0]).any() and (views[2] != views[1]).any()


def test_moved_views_are_learned_until_the_last_steps_which_see_none_of_them(tiny):
    """The views in place are all of token 0, the moved ones of token 1: only what is learned raises a head's bias."""
    objective, model = views_objective(tiny, num_views=2)
    objective.token_views = torch.zeros_like(objective.token_views)
    objective.token_views[1:] = 1
    asked = {}
    for progress in (0.0, objective.preset.augment_until):
        model.zero_grad()
        loss_of(objective, model, progress)["image"].backward()
        asked[progress] = model.image_head.bias.grad[:2] < 0  # a code that is to become likelier
    assert asked[0.0].tolist() == [True, True]
    assert asked[objective.preset.augment_until].tolist() == [True, False]


def test_wrong_tokens_are_shown_and_the_true_ones_asked_for(tiny):
    """Each picture has a token of its own. What is shown changes the loss, until the last steps; what is asked for is
    all that a model sees whose answer does not depend on what it is shown."""
    objective, model = views_objective(tiny)
    objective.token_views = (torch.arange(len(tiny.pairs)) % 16)[None, :, None].repeat(1, 1, 16)
    late = objective.preset.augment_until
    losses, asked = {}, {}
    deaf = DALLE(model.config).eval()
    torch.nn.init.zeros_(deaf.image_head.weight)
    for noise in (0.0, 1.0):
        objective.preset = replace(objective.preset, max_token_noise=noise)
        losses[noise] = [float(loss_of(objective, model, progress)["image"].detach()) for progress in (0.0, late)]
        deaf.zero_grad()
        loss_of(objective, deaf)["image"].backward()
        asked[noise] = deaf.image_head.bias.grad.clone()
    assert losses[0.0][0] != losses[1.0][0] and losses[0.0][1] == losses[1.0][1]
    torch.testing.assert_close(asked[0.0], asked[1.0])


def test_a_mirrored_picture_is_shown_with_a_caption_that_says_so(tiny, monkeypatch):
    """Tokens as they are: 0, mirrored: 1. Whose bias is to grow tells what was asked for."""
    pairs, encode = replace(tiny.pairs, caption=lambda i, rng=None: "a cat"), TextTokenizer.encode
    for mirrored, asked, said in ((1.0, [False, True], "a cat, mirrored"), (0.0, [True, False], "a cat")):
        objective = DALLEObjective(
            replace(tiny.dalle_preset, caption_dropout=0.0, mirrored=mirrored), tiny.dvae, tiny.tokenizer
        )
        model = objective.build(pairs).eval()
        objective.token_views = torch.zeros_like(objective.token_views)
        objective.mirrored = torch.ones_like(objective.token_views[0])
        captions = []
        monkeypatch.setattr(
            TextTokenizer, "encode", lambda me, c, *a, seen=captions: seen.extend(c) or encode(me, c, *a)
        )
        loss_of(objective, model)["image"].backward()
        monkeypatch.undo()
        assert set(captions) == {said}
        assert (model.image_head.bias.grad[:2] < 0).tolist() == asked
    late = objective.preset.augment_until
    objective.preset = replace(objective.preset, mirrored=1.0)
    model.zero_grad()
    loss_of(objective, model, late)["image"].backward()
    assert (model.image_head.bias.grad[:2] < 0).tolist() == [True, False], "the last steps show pictures as they are"


def test_where_a_caption_leaves_no_room_the_picture_is_not_mirrored(tiny):
    pairs = replace(tiny.pairs, caption=lambda i, rng=None: "a cat")
    length = len(tiny.tokenizer.pieces(["a cat"])[0]) + 1
    tokenizer = TextTokenizer(tiny.tokenizer.tokenizer, length)
    config = replace(tiny.dalle_preset.config, text_length=length)
    objective = DALLEObjective(replace(tiny.dalle_preset, config=config, mirrored=1.0), tiny.dvae, tokenizer)
    objective.build(pairs)
    chosen = torch.tensor([0, 1])
    tokens = objective.token_views[0, chosen]
    captions, kept = objective.mirror(chosen, ["a cat", "a cat"], tokens)
    assert captions == ["a cat", "a cat"] and torch.equal(kept, tokens)


def test_mirrored_tokens_are_those_of_the_mirrored_pictures(tiny):
    objective = DALLEObjective(replace(tiny.dalle_preset, mirrored=0.5), tiny.dvae, tiny.tokenizer)
    objective.build(tiny.pairs)
    assert torch.equal(objective.mirrored, tokenize(tiny.dvae, tiny.pairs.pictures.flip(3)))


def test_kept_tokens_are_read_and_not_made_again(tiny, tmp_path, monkeypatch):
    def build():
        objective = DALLEObjective(
            replace(tiny.dalle_preset, num_views=1, mirrored=0.5), tiny.dvae, tiny.tokenizer, kept=tmp_path / "tokens"
        )
        objective.build(tiny.pairs)
        return objective

    first = build()
    assert len(list((tmp_path / "tokens").iterdir())) == 2
    with monkeypatch.context() as patch:
        patch.setattr(DVAE, "encode", lambda *_: pytest.fail("made again"))
        second = build()
    assert torch.equal(first.token_views, second.token_views) and second.token_views.dtype == torch.int64
    assert torch.equal(first.mirrored, second.mirrored)


def test_tokens_of_another_dvae_other_pictures_or_another_seed_are_not_taken(tiny, tmp_path):
    made = []

    def ask(dvae, pictures, how):
        kept_tokens(tmp_path, dvae, pictures, how, lambda: made.append(how) or torch.tensor([len(made)]))

    torch.manual_seed(3)
    other, pictures = DVAE(tiny.dvae.config), tiny.pairs.pictures
    for dvae, images, how in (
        (tiny.dvae, pictures, "as they are"),
        (tiny.dvae, pictures, "mirrored"),
        (tiny.dvae, pictures.flip(3), "as they are"),
        (other, pictures, "as they are"),
    ):
        for _ in range(2):
            ask(dvae, images, how)
    assert len(made) == 4


def test_a_damaged_file_of_tokens_is_made_anew(tiny, tmp_path):
    def ask():
        return kept_tokens(tmp_path, tiny.dvae, tiny.pairs.pictures, "x", lambda: torch.tensor([[5, 15]]))

    ask()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:20])
    assert torch.equal(ask(), torch.tensor([[5, 15]])) and torch.equal(ask(), torch.tensor([[5, 15]]))


def test_a_caption_that_grew_too_long_falls_back_to_the_full_one(tiny):
    """Both worlds give the same loss: one whose varied captions are all too long, and one whose captions never vary."""
    tokenizer = TextTokenizer(TextTokenizer.train(["a cat"], 300, 6).tokenizer, 6)
    losses = []
    for varied in ("a cat " * 20, "a cat"):
        pairs = replace(tiny.pairs, caption=lambda i, rng=None, text=varied: "a cat" if rng is None else text)
        preset = replace(tiny.dalle_preset, config=replace(tiny.dalle_preset.config, text_length=6))
        objective = DALLEObjective(preset, tiny.dvae, tokenizer)
        losses.append(loss_of(objective, objective.build(pairs))["total"])
    assert torch.equal(*losses)


def test_a_full_caption_that_is_too_long_is_refused_before_pictures_are_tokenized(tiny, monkeypatch):
    monkeypatch.setattr(DVAE, "encode", lambda *_: pytest.fail("too early"))
    pairs = replace(tiny.pairs, caption=lambda i, rng=None: "a cat " * (99 if i == 7 else 1))
    with pytest.raises(ValueError, match="^1 of .* captions are too long"):
        DALLEObjective(tiny.dalle_preset, tiny.dvae, tiny.tokenizer).build(pairs)


# ---- edit -----------------------------------------------------------------------------------------------------------


def edit_objective(tiny, **settings):
    preset = replace(tiny.edit_preset, num_views=0, **settings)
    return EditObjective(preset, tiny.dvae, tiny.dalle(), TextTokenizer(tiny.tokenizer.tokenizer, 60))


def test_the_edit_model_is_asked_for_the_lower_half_and_learns_it(tiny):
    objective = edit_objective(tiny)
    model = objective.build(tiny.pairs)
    assert (model.config.rows, model.config.cols, model.config.text_length) == (8, 4, 60)
    assert model.config.dvae_fingerprint == tiny.dvae.fingerprint()
    assert model.config.tokenizer_fingerprint == tiny.tokenizer.fingerprint()
    parts = loss_of(objective, model)
    parts["total"].backward()
    assert 0 <= parts["right"] <= 1
    assert model.text_head.weight.grad is None, "the caption is never asked for"


def test_an_edit_batch_shows_one_picture_and_asks_for_the_other_in_its_style(tiny):
    objective, tokens = edit_objective(tiny, named=0.0, max_token_noise=0.0), tokenize(tiny.dvae, tiny.pairs.pictures)
    objective.build(tiny.pairs)
    shown, asked = next((a, b) for a, b in objective.couples.tolist() if objective.styles[a] != objective.styles[b])
    objective.couples, objective.weights = torch.tensor([[shown, asked]]), torch.ones(1)
    rows = objective.draw(random.Random(0), 0.0).rows
    assert (rows["tokens"] == torch.cat((tokens[shown], tokens[asked]))).all()
    assert torch.equal(rows["input_tokens"], rows["tokens"])
    caption = edit_caption(with_article(objective.styles[asked]))
    assert torch.equal(rows["text"], objective.tokenizer.encode([caption] * 8))


def test_of_an_edit_the_half_that_is_asked_for_alone_is_shown_with_wrong_tokens(tiny):
    objective = edit_objective(tiny, max_token_noise=1.0)
    objective.build(tiny.pairs)
    torch.manual_seed(0)
    rows = objective.draw(random.Random(0), 0.0).rows
    wrong = rows["input_tokens"] != rows["tokens"]  # (8, 32)
    assert not wrong[:, :16].any() and 0.2 < wrong[:, 16:].float().mean() < 0.7


def test_an_edit_caption_names_the_style_and_the_thing_where_it_fits(tiny):
    objective = edit_objective(tiny, named=1.0)
    objective.build(tiny.pairs)
    index = next(i for i, row in enumerate(tiny.pairs.metadata) if row["name"] == "cat face")
    style = objective.styles[index]
    assert objective.caption(index, random.Random(0)).startswith("the exact same cat face on the top as a")
    objective.tokenizer.length = len(objective.tokenizer.pieces([objective.caption(index, random.Random(0))])[0])
    short = objective.caption(index, random.Random(0))
    assert short.startswith("the exact same thing") and style in short


def test_edit_captions_that_can_never_fit_are_refused(tiny):
    objective = edit_objective(tiny)
    objective.tokenizer.length = 4
    with pytest.raises(ValueError, match="captions are too long for the 3 tokens"):
        objective.build(tiny.pairs)


def test_pictures_in_one_style_alone_that_is_left_out_teach_no_edit(tiny):
    cartoons = [i for i, row in enumerate(tiny.pairs.metadata) if row["style"] == "cartoon"]
    with pytest.raises(ValueError, match="may be trained"):
        edit_objective(tiny, left_out=("cartoon", "cartoon")).build(tiny.pairs.subset(cartoons))


# ---- judge ----------------------------------------------------------------------------------------------------------


def test_the_judge_learns_to_name_what_it_is_shown(tiny):
    objective = JudgeObjective(replace(tiny.judge_preset, blur=0.0, shift=0, color_jitter=0.0))
    few = tiny.pairs.subset(range(4))
    model = objective.build(few)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for step in range(30):
        parts = loss_of(objective, model, seed=step)
        optimizer.zero_grad()
        parts["total"].backward()
        optimizer.step()
        losses.append(float(parts["total"]))
        assert losses[-1] == pytest.approx(sum(float(parts[name]) for name in ("emoji", "style", "tone")), rel=1e-5)
    assert losses[-1] < losses[0] / 2


def test_the_judge_sees_blurred_pictures_too(tiny):
    losses = [
        loss_of(objective, objective.build(tiny.pairs))["total"]
        for objective in (JudgeObjective(replace(tiny.judge_preset, blur=blur)) for blur in (0.0, 1.0))
    ]
    assert abs(float(losses[0] - losses[1])) > 1e-4


# ---- starting from weights ------------------------------------------------------------------------------------------


def test_a_training_knows_the_weights_that_it_started_from(tiny):
    judge = Judge(tiny.judge_preset.config)
    for objective in (DVAEObjective(tiny.dvae_preset, tiny.dvae), JudgeObjective(tiny.judge_preset, judge)):
        assert objective.fingerprint() == {"start": weights_fingerprint(objective.start)}
        assert replace(objective, start=None).fingerprint() == {}


def test_the_first_step_is_taken_from_the_weights_that_were_given(tiny):
    start = tiny.dalle()
    model = DALLEObjective(tiny.dalle_preset, tiny.dvae, tiny.tokenizer, start).build(tiny.pairs)
    assert isinstance(model, DALLE) and model is not start
    for name, tensor in start.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    changed = DVAE(tiny.dvae.config)
    assert torch.equal(
        DVAEObjective(tiny.dvae_preset, changed).build(tiny.pairs).codebook.vectors.weight,
        changed.codebook.vectors.weight,
    )
