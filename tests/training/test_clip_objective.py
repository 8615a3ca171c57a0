"""What CLIP learns from: which answers are wrong, what it looks at, and what it is shown more often."""

import random
from dataclasses import replace

import pytest
import torch

from dalle_lessons import TextToImage
from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.sampling import sample
from dalle_lessons.training.negatives import sample_negatives
from dalle_lessons.training.objectives.clip import CLIPObjective, Truths
from dalle_lessons.training.tokens import tokenize


def loss_of(objective, model, seed=0):
    torch.manual_seed(seed)
    return objective.loss(model, random.Random(seed), 0.0)["total"]


def objective_of(tiny, pairs=None, **settings):
    """Plain pictures, full captions."""
    objective = CLIPObjective(
        replace(tiny.clip_preset, **{"reconstructed": 0.0, **settings}), tiny.dvae, tiny.tokenizer
    )
    return objective, objective.build(tiny.pairs if pairs is None else pairs)


def index_of(pairs, name, style, tone=""):
    return next(
        i
        for i, row in enumerate(pairs.metadata)
        if row["name"].startswith(name) and row["style"] == style and row["skin_tone"] == tone
    )


# ---- which captions are true ----------------------------------------------------------------------------------------


def test_a_caption_that_leaves_the_style_unsaid_is_true_of_the_same_thing_in_all_styles(tiny):
    pairs, truths = tiny.pairs, Truths(tiny.pairs)
    chosen = [
        index_of(pairs, "cat face", "cartoon"),
        index_of(pairs, "cat face", "flat icon"),
        index_of(pairs, "dog", "cartoon"),
    ]
    also = truths.also_true(torch.tensor(chosen), ["a cat face", "a flat icon of a cat face", "a dog face"])
    assert also.tolist() == [[False, False, False], [True, False, False], [False, False, False]]


def test_equal_pictures_have_each_others_captions(tiny):
    """A sketch shows no tone: one drawing serves all tones, so the light hand's unsaid style is true of it too."""
    pairs, truths = tiny.pairs, Truths(tiny.pairs)
    sketch = index_of(pairs, "waving hand", "sketch", "dark")
    chosen = torch.tensor(
        [sketch, index_of(pairs, "waving hand", "sketch", "light"), index_of(pairs, "waving hand", "cartoon", "light")]
    )
    also = truths.also_true(chosen, ["a sketch of a dark hand", "a sketch of a light hand", "a light hand"])
    assert also.tolist() == [[False, True, True], [True, False, True], [False, False, False]]


def test_the_same_caption_is_true_of_both_pictures():
    pairs = shapes("train", 6)
    also = Truths(pairs).also_true(torch.tensor([0, 1, 2]), ["a circle", "a square", "a circle"])
    assert also.tolist() == [[False, False, True], [False, False, False], [True, False, False]]
    none = Pairs(pairs.pictures, pairs.weights, lambda i, rng: str(i))
    assert not Truths(none).also_true(torch.tensor([0, 1]), ["a", "b"]).any()


def test_where_all_captions_are_true_of_all_pictures_there_is_nothing_to_lose(tiny):
    """All pictures are equal: neither direction has a wrong answer left, whatever the captions."""
    alike = replace(tiny.pairs, pictures=tiny.pairs.pictures[:1].repeat(len(tiny.pairs), 1, 1, 1))
    assert float(loss_of(*objective_of(tiny, alike)).detach()) == pytest.approx(0.0, abs=1e-6)
    assert float(loss_of(*objective_of(tiny)).detach()) > 0.1


# ---- what it looks at -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_reconstructions_take_the_pictures_places_as_often_as_the_preset_says(tiny, share):
    """Two worlds of other pictures with the same tokens: only the pictures themselves tell them apart."""
    for parameter in tiny.dvae.encoder.parameters():
        parameter.data.zero_()
    other = replace(tiny.pairs, pictures=255 - tiny.pairs.pictures)
    losses = [loss_of(*objective_of(tiny, pairs, reconstructed=share)).detach() for pairs in (tiny.pairs, other)]
    assert torch.equal(*losses) == (share == 1.0)


def test_each_thing_comes_in_two_styles(tiny):
    objective, model = objective_of(tiny, pair_styles=True, negatives_per_group=8)
    chosen = objective.choose()
    rows = [tiny.pairs.metadata[i] for i in chosen.tolist()]
    things = [(row["base_hexcode"], row["skin_tone"]) for row in rows]
    assert len(chosen) == 8 and things[:4] == things[4:]
    assert len({row["subgroup"] for row in rows}) == 1
    assert all(a["style"] != b["style"] for a, b in zip(rows[:4], rows[4:], strict=True))
    assert torch.isfinite(loss_of(objective, model))


@pytest.mark.parametrize("settings", [{"negatives_per_group": 3}, {"negatives_per_group": 3, "pair_styles": True}, {}])
@pytest.mark.parametrize("batch", [7, 8])
def test_a_batch_is_as_large_as_the_preset_says(tiny, settings, batch):
    objective, model = objective_of(tiny, train_config=replace(tiny.clip_preset.train_config, batch=batch), **settings)
    assert len(objective.choose()) == batch and torch.isfinite(loss_of(objective, model))


def test_rare_pictures_come_more_often_with_less_than_full_weights(tiny):
    weights = torch.ones(len(tiny.pairs))
    weights[1:] = 1e-4
    pairs = replace(tiny.pairs, weights=weights)
    shares = {}
    for exponent in (1.0, 0.5):
        objective, _ = objective_of(tiny, pairs, sampling_exponent=exponent)
        shares[exponent] = torch.cat([objective.choose() for _ in range(100)]).gt(0).float().mean().item()
    assert shares[1.0] < 0.02 < 0.15 < shares[0.5]


# ---- generated negatives --------------------------------------------------------------------------------------------


def half_known(tiny):
    """A DALL·E that draws token 0 alone, a dVAE for which half of the pictures are of token 0: the others' drawings are
    wrong, these are right."""
    dalle = tiny.dalle()
    torch.nn.init.zeros_(dalle.image_head.weight)
    dalle.image_head.bias.data = torch.tensor([100.0] + [0.0] * 15)
    tokens = torch.zeros(len(tiny.pairs), 16, dtype=torch.int64)
    tokens[::2] = 1
    return dalle, tokens


def test_only_drawings_that_differ_from_the_true_picture_are_negatives(tiny):
    dalle, tokens = half_known(tiny)
    everyone = torch.arange(len(tiny.pairs))
    drawn_for, drawn = sample_negatives(dalle, tiny.tokenizer, tiny.pairs, tokens, everyone)
    assert drawn_for.tolist() == everyone[::2].tolist()
    assert drawn.shape == (len(drawn_for), 16) and not drawn.any()


def test_negatives_are_drawn_for_their_captions_at_rising_temperatures(tiny):
    """Each is the drawing (seed 1, its number) at the temperature of its batch of 32."""
    dalle = tiny.dalle()
    torch.nn.init.normal_(dalle.image_head.weight, std=0.5)
    chosen = torch.arange(len(tiny.pairs)).repeat(2)[:40]
    drawn_for, drawn = sample_negatives(
        dalle, tiny.tokenizer, tiny.pairs, torch.full((len(tiny.pairs), 16), -1), chosen
    )
    assert torch.equal(drawn_for, chosen)
    for number, temperature in ((5, 1.25), (36, 1.5)):
        text = tiny.tokenizer.encode([tiny.pairs.caption(int(chosen[number]), None)])
        assert torch.equal(sample(dalle, text, seed=1, indices=[number], temperature=temperature)[0], drawn[number])


def with_negatives(tiny, count=1000):
    objective, _ = objective_of(tiny, generated_negatives=count)
    objective.dalle, tokens = half_known(tiny)
    tiny.dvae.encode = lambda images: torch.ones(len(images), 4, 4, dtype=torch.int64)  # all drawings are wrong
    return objective, objective.build(tiny.pairs)


def test_captions_with_a_negative_come_three_times_as_often(tiny):
    objective, _ = with_negatives(tiny, count=len(tiny.pairs) // 2)
    known = objective.negative_of >= 0
    assert known.sum() == len(tiny.pairs) // 2
    torch.manual_seed(0)
    share = torch.cat([known[objective.choose()] for _ in range(150)]).float().mean().item()
    rest = len(tiny.pairs) - int(known.sum())
    assert share == pytest.approx(3 * int(known.sum()) / (3 * int(known.sum()) + rest), abs=0.05)


def test_a_batch_shows_the_negatives_of_its_captions_and_no_others(tiny):
    objective, _ = with_negatives(tiny)
    objective.negatives = torch.arange(3)[:, None].expand(-1, 16)
    objective.negative_of = torch.full((len(tiny.pairs),), -1).index_fill(0, torch.tensor([7]), 2)
    objective.negative_of[3], objective.negative_of[5] = 1, 0
    objective.choose, objective.varied = lambda: torch.tensor([5, 2, 3, 5]), lambda images: images
    batch = objective.draw(random.Random(0), 0.0)
    assert torch.equal(batch.rows["extra_images"], objective.decoded(objective.negatives[[0, 1, 0]]))
    assert batch.whole["extra"] == 3


def test_negatives_make_the_loss_larger_and_more_so_where_they_look_right(tiny):
    """A wrong answer more for each caption. The model sees all pictures alike, so its size is known."""
    objective, model = with_negatives(tiny)
    torch.nn.init.zeros_(model.image_project.weight)
    captions = {int(i): f"a cat {i}" for i in range(len(tiny.pairs))}
    objective.pairs = replace(tiny.pairs, caption=lambda i, rng=None: captions[i])
    objective.truths.also_true = lambda chosen, captions: torch.zeros(8, 8, dtype=torch.bool)
    before, after = 2 * torch.tensor(8.0).log() / 2, (torch.tensor(8.0).log() + torch.tensor(16.0).log()) / 2
    torch.testing.assert_close(loss_of(objective, model).detach(), after)
    objective.negative_of.fill_(-1)
    torch.testing.assert_close(loss_of(objective, model).detach(), before)


@pytest.mark.slow
def test_what_the_emojis_dalle_draws_too_hot_is_wrong_but_of_something():
    train = emoji("train")
    pairs = train.subset(range(0, 1200, 20))
    system = TextToImage.from_pretrained("emoji")
    tokens = tokenize(system.dvae, pairs.pictures)
    drawn_for, drawn = sample_negatives(system.dalle, system.tokenizer, pairs, tokens, torch.arange(60))
    assert 5 < len(drawn_for) == len(drawn) <= 60 and drawn.shape[1] == tokens.shape[1]
    differs = (drawn != tokens[drawn_for]).float().mean(dim=1)
    assert differs.min() > 0.3 and differs.mean() < 0.99


# ---- batch norm's statistics ----------------------------------------------------------------------------------------


def test_the_averaged_weights_get_batch_norm_statistics_of_their_own(tiny):
    """Those of the first layer's outputs on plain pictures, and the same each time; no random state is used."""
    objective, model = objective_of(tiny)
    norm = model.image_encoder.layers[1].branch[0]
    norm.running_mean.fill_(7.0)
    state = torch.get_rng_state()
    objective.finish(model.eval())
    assert torch.equal(torch.get_rng_state(), state) and not model.training
    mean = norm.running_mean.clone()
    objective.finish(model)
    assert torch.equal(norm.running_mean, mean)
    with torch.no_grad():
        outputs = model.image_encoder.layers[0](tiny.pairs.pictures.float() / 255 * 2 - 1)
    torch.testing.assert_close(mean, outputs.mean((0, 2, 3)), atol=0.01, rtol=0)


def test_a_model_without_batch_norm_is_left_alone(tiny):
    from dalle_lessons.training.batch_norm import update_batch_norm

    model = DVAE(tiny.dvae.config).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    update_batch_norm(model, tiny.pairs.pictures, tiny.pairs.weights, 0)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
