"""Sampling: the same tokens with and without the cache, and exactly the distribution that was asked for."""

import math
import threading
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from dalle_lessons.model import sampling
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.sampling import (
    SAMPLING_BATCH,
    check_options,
    keep_top_k,
    keep_top_p,
    noise,
    noise_of_tokens,
    sample,
    sample_batches,
    shape_logits,
)

PAD, START = 0, 1
SMALL = DALLEConfig(vocab_size=19, text_length=6, rows=3, cols=4, codes=13, width=24, layers=3, heads=4)
MIXED = replace(SMALL, attention=("row", "column", "conv"))
LOGITS = st.lists(st.floats(-8, 8), min_size=2, max_size=12, unique=True)


def model_with(config=SMALL, sharpness=8.0):
    """A model that nobody trained, but with clear opinions: its choices depend on the caption and on every token."""
    torch.manual_seed(0)
    model = DALLE(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.mul_(sharpness if name.startswith(("transformer", "embedding")) else 20)
    return model


def captions(batch, config=SMALL):
    text = torch.randint(2, config.vocab_size, (batch, config.text_length), generator=torch.Generator().manual_seed(1))
    text[:, 0] = START
    text[::2, 4:] = PAD
    return text


def always(logits):
    """A model that says the same logits at every slot, whatever it has seen."""
    model = DALLE(replace(SMALL, codes=len(logits))).eval()
    with torch.no_grad():
        model.image_head.weight.zero_()
        model.image_head.bias.copy_(logits)
    return model


def chi_square(counts, probabilities):
    expected = probabilities.double() * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


def improbable(degrees):
    """A bound that chi-square passes about once in 30,000 times: its mean plus four standard deviations."""
    return degrees + 4 * math.sqrt(2 * degrees)


@pytest.mark.parametrize("config", [SMALL, MIXED])
@pytest.mark.parametrize("options", [{}, {"guidance": 1.5}, {"temperature": 0}, {"top_k": 5, "top_p": 0.9}])
def test_with_and_without_cache_the_tokens_are_equal_in_float64(config, options):
    model, text = model_with(config).double(), captions(5)
    cached = sample(model, text, seed=3, **options)
    assert cached.shape == (5, 12) and cached.dtype == torch.int64
    assert torch.equal(sample(model, text, seed=3, cached=False, **options), cached)
    assert len(cached.unique()) > 3, "a picture of one code would prove nothing"


@pytest.mark.parametrize("config", [SMALL, MIXED])
@pytest.mark.parametrize("guidance", [0.0, 1.5])
def test_with_and_without_cache_the_logits_agree_closely_in_float32(config, guidance):
    model, text = model_with(config), captions(3)
    seen = {True: [], False: []}
    for cached, calls in seen.items():
        sample(model, text, 3, guidance=guidance, on_token=lambda *call, out=calls: out.append(call), cached=cached)
    for (_, tokens, logits), (_, other_tokens, other_logits) in zip(seen[True], seen[False], strict=True):
        assert logits.dtype == torch.float32
        assert_close(logits, other_logits, atol=1e-4, rtol=1e-4)
        assert torch.equal(tokens, other_tokens)  # or the next logits would be of other pictures


@given(values=LOGITS, k=st.integers(1, 15))
def test_top_k_keeps_the_k_largest(values, k):
    logits = torch.tensor([values], dtype=torch.float64)
    kept = keep_top_k(logits, k)[0]
    best = set(sorted(values, reverse=True)[:k])
    for value, out in zip(logits[0].tolist(), kept.tolist(), strict=True):
        assert out == (value if value in best else -math.inf)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_top_k_keeps_exactly_k_where_logits_are_equal_those_of_the_lower_codes(k):
    logits = torch.tensor([[1.0, 2.0, 1.0, 1.0, 2.0, 0.0], [3.0, 3.0, 3.0, 3.0, 3.0, 3.0]], dtype=torch.bfloat16)
    kept = (keep_top_k(logits, k) > -math.inf).tolist()
    for row, order in zip(kept, ([1, 4, 0, 2, 3, 5], [0, 1, 2, 3, 4, 5]), strict=True):
        assert {i for i, keep in enumerate(row) if keep} == set(order[:k])


@given(values=LOGITS, p=st.floats(0.01, 0.99))
def test_top_p_keeps_the_smallest_set_that_reaches_p(values, p):
    kept = (keep_top_p(torch.tensor([values], dtype=torch.float64), p)[0] > -math.inf).tolist()
    total = sum(math.exp(v) for v in values)
    order = sorted(range(len(values)), key=lambda i: -values[i])
    expected, reached = set(), 0.0
    for i in order:
        if expected and reached >= p - 1e-12:
            break
        expected.add(i)
        reached += math.exp(values[i]) / total
    if abs(reached - p) > 1e-9:  # at the very edge, rounding decides
        assert {i for i, keep in enumerate(kept) if keep} == expected


def test_top_p_of_one_keeps_every_code_however_rare():
    logits = torch.linspace(0, -40, 1024)[None]
    assert torch.equal(shape_logits(logits, top_p=1.0), logits)


def test_top_p_keeps_at_least_the_likeliest():
    assert (keep_top_p(torch.tensor([[0.0, 5.0, 1.0]]), 1e-9)[0] > -math.inf).tolist() == [False, True, False]


def test_top_p_that_is_reached_exactly_keeps_no_more():
    assert (keep_top_p(torch.zeros(1, 4), 0.5) > -math.inf).sum() == 2


def test_each_row_is_cut_by_itself():
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    assert (keep_top_k(logits, 1) > -math.inf).nonzero().tolist() == [[0, 0], [1, 3]]
    assert (keep_top_p(logits, 0.5) > -math.inf).nonzero().tolist() == [[0, 0], [1, 3]]


def test_the_temperature_comes_first_then_top_k_then_top_p():
    logits = torch.tensor([[4.0, 3.0, 2.0, 1.0, 0.0]])
    # Of the three that top-k leaves, the first two reach 0.84; of all five they would not.
    probabilities = (logits / 1.4)[:, :3].softmax(-1)
    assert float(probabilities[0, :2].sum()) > 0.84 > float((logits / 1.4).softmax(-1)[0, :2].sum())
    out = shape_logits(logits, temperature=1.4, top_k=3, top_p=0.84)
    assert_close(out, torch.tensor([[4 / 1.4, 3 / 1.4, -math.inf, -math.inf, -math.inf]]))


def test_temperature_zero_takes_the_likeliest_token_whatever_the_seed():
    model, text = model_with().double(), captions(3)
    tokens = torch.zeros(3, 0, dtype=torch.int64)
    for _ in range(12):
        padded = torch.cat((tokens, torch.zeros(3, 1, dtype=torch.int64)), dim=1)
        tokens = torch.cat((tokens, model(text, padded)[1][:, -1:].argmax(-1)), dim=1)
    for seed in (0, 7):
        assert torch.equal(sample(model, text, seed=seed, temperature=0), tokens)


def test_a_very_low_temperature_is_nearly_greedy():
    model, text = model_with().double(), captions(3)
    assert torch.equal(sample(model, text, seed=5, temperature=1e-9), sample(model, text, temperature=0))


@pytest.mark.parametrize("temperature", [1e-7, 1e-40, 5e-324])
def test_a_tiny_temperature_makes_no_infinite_logits_and_draws_among_the_likeliest(temperature):
    """Codes 1 and 3 are the likeliest, both alike: each is drawn half of the time, and no other ever."""
    logits = torch.tensor([30.0, 40.0, -50.0, 40.0, 39.999])
    shaped = shape_logits(logits[None], temperature)[0]
    assert (shaped < torch.inf).all() and not shaped.isnan().any() and shaped[1] == shaped[3] == 0
    counts = torch.bincount(sample(always(logits), captions(400), temperature=temperature).flatten(), minlength=5)
    assert counts[[0, 2, 4]].tolist() == [0, 0, 0] and chi_square(counts[[1, 3]], torch.ones(2) / 2) < improbable(1)


def test_temperatures_that_are_not_tiny_divide_and_nothing_else():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)) * 10
    for temperature in (1e-6, 0.3, 1.0, 2.5):
        assert torch.equal(shape_logits(logits, temperature), logits / temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_at_the_temperature(temperature):
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -4.0])
    tokens = sample(always(logits), captions(500), seed=0, temperature=temperature)
    counts = torch.bincount(tokens.flatten(), minlength=6)
    assert chi_square(counts, (logits / temperature).softmax(0)) < improbable(5), counts


def test_draws_at_neighboring_slots_and_of_neighboring_pictures_are_independent():
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    tokens = sample(always(probabilities.log()), captions(500), seed=0)
    pairs = torch.outer(probabilities, probabilities).flatten()
    for first, second in ((tokens[:, 0:12:2], tokens[:, 1:12:2]), (tokens[0:500:2], tokens[1:500:2])):
        counts = torch.bincount((3 * first + second).flatten(), minlength=9)
        assert chi_square(counts, pairs) < improbable(8), counts


def test_a_code_left_out_by_top_k_or_top_p_is_never_drawn_and_the_others_keep_their_proportions():
    logits = torch.tensor([2.0, 1.5, 1.0, 0.0, -1.0])
    for options in ({"top_k": 3}, {"top_p": 0.85}):
        counts = torch.bincount(sample(always(logits), captions(400), **options).flatten(), minlength=5)
        assert not counts[3:].any()
        assert chi_square(counts[:3], logits[:3].softmax(0)) < improbable(2), counts


def test_the_noise_is_a_standard_gumbel_with_a_tail_that_is_fine_enough():
    values = torch.stack([noise(seed, 0, 1024, 1024) for seed in range(4)]).flatten().double()
    n = len(values)
    assert abs(float(values.mean()) - 0.57722) < 5 * math.sqrt(math.pi**2 / 6 / n)
    assert float(values.var()) == pytest.approx(math.pi**2 / 6, rel=0.01)
    for x in (0.0, 2.0, 8.0):
        share, expected = float((values > x).double().mean()), 1 - math.exp(-math.exp(-x))
        assert abs(share - expected) < 5 * math.sqrt(expected / n)
    # The largest of 4 million is near ln(n) = 15: a noise of 80 would draw a code that the model thinks impossible.
    assert torch.isfinite(values).all() and values.max() < 30


def test_no_two_seeds_or_indices_share_their_noise():
    pairs = [(s, i) for s in (0, 1, 2, 4096, 2**20, 2**32, 2**40, -1) for i in (0, 1, 31, 32, 4096, 2**20)]
    drawn = {tuple(noise(seed, index, 2, 3).flatten().tolist()) for seed, index in pairs}
    assert len(drawn) == len(pairs)


def test_a_picture_depends_on_its_seed_and_index_and_on_no_other_row():
    model, text = model_with(), captions(SAMPLING_BATCH)
    alone = sample(model, text, seed=5)
    other_text, other_indices = captions(2 * SAMPLING_BATCH)[SAMPLING_BATCH:], list(range(100, 100 + SAMPLING_BATCH))
    for row in (0, 6, 31):
        mixed_text, mixed_indices = other_text.clone(), list(other_indices)
        mixed_text[row], mixed_indices[row] = text[row], row
        mixed = sample(model, mixed_text, seed=5, indices=mixed_indices)
        assert torch.equal(mixed[row], alone[row])
        assert not torch.equal(mixed[row - 1], alone[row - 1])


def test_the_same_caption_gives_another_picture_for_another_index_or_seed():
    model, text = model_with(sharpness=1.0), captions(1).repeat(4, 1)
    tokens = sample(model, text, seed=5)
    assert len(tokens.unique(dim=0)) == 4
    assert torch.equal(sample(model, text, seed=5), tokens)
    assert not torch.equal(sample(model, text, seed=6), tokens)


def test_an_index_can_be_drawn_again_by_itself():
    model, text = model_with().double(), captions(6)
    tokens = sample(model, text, seed=5)
    assert torch.equal(sample(model, text[3:5], seed=5, indices=[3, 4]), tokens[3:5])


def test_sampling_leaves_the_random_state_alone():
    model, text = model_with(), captions(2)
    torch.manual_seed(1)
    state, tokens = torch.get_rng_state(), sample(model, text)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(sample(model, text), tokens)


def test_a_guidance_of_zero_is_none():
    model, text = model_with(), captions(4)
    assert torch.equal(sample(model, text, seed=2, guidance=0.0), sample(model, text, seed=2))


@pytest.mark.parametrize("guidance", [-1.0, -0.5, 0.7, 3.0])
def test_guidance_moves_the_logits_away_from_those_without_a_caption(guidance):
    model, text = model_with().double(), captions(3)
    empty = torch.full_like(text, PAD)
    empty[:, 0] = START
    first_tokens = sample(model, text, seed=2)[:, :7]
    seen = []
    sample(model, text, guidance=guidance, given=first_tokens, on_token=lambda i, tokens, logits: seen.append(logits))
    padded = torch.cat((first_tokens, first_tokens[:, :1]), dim=1)
    with_caption, without = model(text, padded)[1][:, 7], model(empty, padded)[1][:, 7]
    assert not torch.allclose(with_caption, without)
    assert_close(seen[0], (1 + guidance) * with_caption - guidance * without)


def test_with_a_guidance_of_minus_one_the_caption_does_not_matter():
    model = model_with().double()
    one, other = captions(4), captions(4).roll(1, 0)
    assert not torch.equal(sample(model, one), sample(model, other))
    assert torch.equal(sample(model, one, guidance=-1), sample(model, other, guidance=-1))


def test_guidance_leads_away_from_the_negative_caption_that_takes_the_place_of_the_empty_one():
    model = model_with().double()
    text, negative = captions(4), captions(4).roll(1, 0)
    empty = torch.full_like(text, PAD)
    empty[:, 0] = START
    plain = sample(model, text, guidance=1.0)
    assert torch.equal(sample(model, text, guidance=1.0, negative=empty), plain)  # the empty one is where it starts
    assert not torch.equal(sample(model, text, guidance=1.0, negative=negative), plain)
    # (1 + g) · p - g · n with g = -1 is n alone: what the negative caption would draw by itself
    assert torch.equal(sample(model, text, guidance=-1, negative=negative), sample(model, negative))
    one = negative[:1]  # one for all rows
    assert torch.equal(
        sample(model, text, guidance=1.0, negative=one), sample(model, text, guidance=1.0, negative=one.expand(4, -1))
    )
    with pytest.raises(ValueError, match=r"text must lie in \[0, 19\)"):
        sample(model, text, guidance=1.0, negative=torch.full_like(text, 19))


@pytest.mark.parametrize("options", [{}, {"guidance": 1.0}, {"cached": False}, {"temperature": 0}])
def test_a_picture_continued_from_its_own_first_tokens_is_the_same_picture(options):
    model, text = model_with(MIXED).double(), captions(3)
    whole = sample(model, text, seed=9, **options)
    for n in (0, 1, 4, 11, 12):
        assert torch.equal(sample(model, text, seed=9, given=whole[:, :n], **options), whole)


def test_given_tokens_are_kept_and_what_follows_depends_on_them():
    model, text = model_with().double(), captions(3)
    tops = [torch.full((3, 5), code) for code in (2, 7)]
    drawn = [sample(model, text, seed=9, given=top) for top in tops]
    for top, tokens in zip(tops, drawn, strict=True):
        assert torch.equal(tokens[:, :5], top)
    assert not torch.equal(drawn[0][:, 5:], drawn[1][:, 5:])


@pytest.mark.parametrize("first", [0, 5])
def test_the_callback_sees_each_token_as_it_is_drawn(first):
    model, text = model_with(), captions(3)
    first_tokens = None if first == 0 else torch.full((3, first), 2)
    calls = []
    tokens = sample(
        model,
        text,
        seed=4,
        temperature=0.8,
        top_k=6,
        given=first_tokens,
        on_token=lambda *call: calls.append(call),
    )
    assert [i for i, _, _ in calls] == list(range(first, 12))
    gumbel = torch.stack([noise(4, index, 12, 13) for index in range(3)])
    for i, so_far, logits in calls:
        assert torch.equal(so_far, tokens[:, : i + 1])
        assert logits.shape == (3, 13)
        assert ((logits > -math.inf).sum(1) == 6).all(), "the logits are those that it was drawn from"
        assert torch.equal((logits + gumbel[:, i]).argmax(1), so_far[:, -1])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", 0),
        ("top_k", -3),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", math.nan),
        ("guidance", -1.5),
        ("guidance", math.nan),
        ("guidance", math.inf),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_one_sentence(option, value):
    name = {"top_k": "top-k", "top_p": "top-p"}.get(option, option)
    with pytest.raises(ValueError, match=name) as caught:
        sample(model_with(), captions(2), **{option: value})
    message = str(caught.value)
    assert message.endswith(f"got {value}.") and "\n" not in message and message.count(". ") == 0


def test_options_at_their_limits_are_taken():
    check_options(temperature=0, top_k=1, top_p=1.0, guidance=-1)
    text = captions(2)
    assert sample(model_with(), text, top_k=10_000).shape == (2, 12)
    greedy = sample(model_with().double(), text, temperature=0)
    assert torch.equal(sample(model_with().double(), text, top_k=1), greedy)


@pytest.mark.parametrize(
    ("first_tokens", "message"),
    [
        (torch.zeros(2, 13, dtype=torch.int64), "at most 12"),
        (torch.zeros(3, 4, dtype=torch.int64), r"shape \(2, at most 12\)"),
        (torch.full((2, 4), 13), "another codebook"),
    ],
)
def test_given_tokens_that_do_not_fit_are_refused_in_one_sentence(first_tokens, message):
    with pytest.raises(ValueError, match=message):
        sample(model_with(), captions(2), given=first_tokens)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([5], "^Give one index for each row of the text: got 1 indices for 3 rows.$"),
        ([5, 6, 7, 8], "got 4 indices for 3 rows"),
        ([], "got 0 indices for 3 rows"),
        ([0, -1, 2], "^The index of a picture is 0 or larger, got -1.$"),
    ],
)
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_indices_that_are_not_one_for_each_row_are_refused(indices, message, temperature):
    with pytest.raises(ValueError, match=message):
        sample(model_with(), captions(3), indices=indices, temperature=temperature)


def test_a_negative_index_is_refused_before_any_batch_is_sampled():
    with pytest.raises(ValueError, match="0 or larger, got -33"):
        next(sample_batches(model_with(), captions(1), [1, 40, -33]))


def test_batches_hold_the_pictures_of_their_indices_alone_or_among_others():
    model, text, given = model_with(), captions(40), torch.arange(40).remainder(13)[:, None].expand(-1, 2)
    batches = dict(sample_batches(model, text, [35, 2, 39], seed=4, given=given))
    assert list(batches) == [range(0, 32), range(32, 64)]
    for rows, tokens in batches.items():
        assert tokens.shape == (SAMPLING_BATCH, 12)
        own = [min(row, 39) for row in rows]
        assert torch.equal(tokens[:, :2], given[own])
        whole = sample(model, text[own], seed=4, given=given[own], indices=rows)
        for index in {2, 35, 39} & {*rows}:
            assert torch.equal(tokens[index % 32], whole[index % 32])
    ((rows, tokens),) = sample_batches(model, text[:1], [33], seed=4)
    assert torch.equal(tokens[1], sample(model, text[:1].expand(32, -1), seed=4, indices=rows)[1])


def test_two_pictures_have_each_its_own_caption_and_first_tokens_and_without_a_seed_it_is_0():
    model, text, given = model_with(), captions(2), torch.tensor([[3], [7]])
    ((rows, tokens),) = sample_batches(model, text, [0, 1], given=given)
    own = [min(row, 1) for row in rows]
    assert torch.equal(tokens[:2], sample(model, text[own], seed=0, given=given[own], indices=rows)[:2])
    assert tokens[:2, 0].tolist() == [3, 7]


def test_a_batch_alone_is_told_too_token_by_token():
    calls = []
    ((_, tokens),) = sample_batches(model_with(), captions(1), [2], on_token=lambda *told: calls.append(told))
    assert [i for i, *_ in calls] == list(range(12)) and torch.equal(calls[-1][1], tokens)


def test_on_a_card_batches_go_one_after_another_and_are_sampled_with_all_that_was_asked_for(monkeypatch):
    """The card is imitated by PyTorch's "meta", which computes nothing."""
    asked = []

    def sampled(dalle, text, seed, **options):
        assert text.device.type == "meta" and text.shape == (SAMPLING_BATCH, 6)
        asked.append((seed, options))
        return len(asked)

    monkeypatch.setattr(sampling, "sample", sampled)
    batches = sample_batches(model_with(), captions(1).to("meta"), [35, 2], seed=4, on_token=print, top_k=3)
    assert next(batches) == (range(0, 32), 1) and len(asked) == 1
    assert list(batches) == [(range(32, 64), 2)]
    wanted = [[i if i in (2, 35) else None for i in rows] for rows in (range(0, 32), range(32, 64))]
    assert asked == [(4, {"given": None, "on_token": print, "indices": rows, "top_k": 3}) for rows in wanted]


def test_noise_is_spent_on_the_rows_that_are_wanted_alone(monkeypatch):
    spent = []
    real = sampling.noise_generator
    monkeypatch.setattr(sampling, "noise_generator", lambda *which: spent.append(which) or real(*which))
    list(sample_batches(model_with(), captions(1), [35, 2, 39], seed=4))
    assert sorted(spent) == [(4, 2), (4, 35), (4, 39)]


@pytest.mark.parametrize("first", [0, 5])
def test_noise_token_by_token_is_the_noise_of_the_whole_picture(first):
    steps = noise_of_tokens(7, [3, None, 9], first, 13)
    drawn = torch.stack([next(steps) for _ in range(12 - first)], dim=1)  # (3, 12 - first, 13)
    for row, index in ((0, 3), (2, 9)):
        assert torch.equal(drawn[row], noise(7, index, 12, 13)[first:])
    assert not drawn[1].any()


@pytest.mark.parametrize("config", [SMALL, MIXED])
@pytest.mark.parametrize("first", [0, 5])
def test_a_prompt_is_read_once_whatever_the_other_rows_hold(config, first, monkeypatch):
    model, text, read = model_with(config), captions(3)[[0, 1, 0, 2, 0]], []
    given_tokens = torch.arange(5).remainder(13).expand(5, -1)[:, :first]
    real = model.prefill
    monkeypatch.setattr(model, "prefill", lambda *prompt: read.append(prompt) or real(*prompt))
    logits, cache = sampling.read_prompts(model, text, given_tokens)
    assert [len(caption) for caption, _ in read] == [1, 1, 1]
    assert cache.length == 7 + first
    for row in range(5):
        alone, own = real(text[row : row + 1], given_tokens[row : row + 1])
        assert torch.equal(logits[row], alone[0])
        assert torch.equal(cache.store[:, :, row, :, : 7 + first], own.store[:, :, 0, :, : 7 + first])


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_at_the_same_time_hold_what_they_hold_one_after_another(two_threads):
    model, text = model_with(replace(SMALL, dropout=0.5)).train(), captions(1)
    together = dict(sample_batches(model, text, range(96), seed=4))
    assert torch.get_num_threads() == 2 and model.training
    torch.set_num_threads(1)
    apart = dict(sample_batches(model, text, range(96), seed=4))
    assert list(together) == list(apart) == [range(0, 32), range(32, 64), range(64, 96)]
    for rows in apart:
        assert torch.equal(together[rows], apart[rows])
        alone = dict(sample_batches(model, text, [rows[7]], seed=4))
        assert torch.equal(alone[rows][7], apart[rows][7])


@pytest.mark.parametrize("count", [1, 2])
def test_each_batch_takes_one_core_and_as_many_as_there_are_threads_go_at_the_same_time(
    count, two_threads, monkeypatch
):
    threads, met, real = [], threading.Barrier(count, timeout=60), sampling.sample

    def watched(*arguments, **options):
        met.wait()  # until all of them are being sampled
        threads.append(torch.get_num_threads())
        return real(*arguments, **options)

    monkeypatch.setattr(sampling, "sample", watched)
    list(sample_batches(model_with(), captions(1), range(32 * count), seed=4))
    assert threads == [1] * count and torch.get_num_threads() == 2


def test_of_batches_at_the_same_time_each_token_is_told_in_the_calling_thread(two_threads):
    calls = []
    batches = dict(
        sample_batches(
            model_with(),
            captions(1),
            range(64),
            seed=4,
            on_token=lambda i, tokens, logits: calls.append((threading.current_thread(), i, tokens, logits.shape)),
        )
    )
    assert {thread for thread, *_ in calls} == {threading.current_thread()}
    for tokens in batches.values():
        own = [i for _, i, so_far, _ in calls if torch.equal(so_far, tokens[:, : i + 1])]
        assert own == list(range(12))
    assert len(calls) == 24 and {shape for *_, shape in calls} == {(32, 13)}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_the_callback_raises_ends_all_batches_at_the_same_time(two_threads, error):
    model, calls = model_with().train(), []

    def stop(i, tokens, logits):
        calls.append(i)
        if len(calls) == 5:
            raise error("enough")

    with pytest.raises(error, match="enough"):
        list(sample_batches(model, captions(1), range(128), seed=4, on_token=stop))
    assert len(calls) == 5 and model.training
    assert torch.get_num_threads() == 2
    assert threading.active_count() == 1 or not any("ThreadPool" in t.name for t in threading.enumerate())


def test_what_goes_wrong_in_a_batch_at_the_same_time_reaches_the_caller(two_threads):
    with pytest.raises(ValueError, match="top-k must keep"):
        list(sample_batches(model_with(), captions(1), range(64), top_k=0))


@pytest.mark.parametrize("part", ["whole", "transformer"])
def test_dropout_plays_no_part_and_the_mode_stays(part):
    model, text = model_with(replace(SMALL, dropout=0.5)), captions(4)
    expected = sample(model, text, seed=3)
    (model if part == "whole" else model.transformer).train()
    modes = [module.training for module in model.modules()]
    seen = []

    def look(i, tokens, logits):
        seen.append(any(module.training for module in model.modules()))

    assert torch.equal(sample(model, text, seed=3, on_token=look), expected)
    assert [module.training for module in model.modules()] == modes and any(modes)
    assert seen == [False] * 12

    def stop(i, tokens, logits):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(model, text, seed=3, on_token=stop)
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_noise_is_added_in_float32_to_the_logits_of_a_model_in_half_precision(dtype, guidance):
    """In bfloat16, sums of noise and logits would be ties, won by the lower code."""
    model, text, seen = always(torch.zeros(64)).to(dtype), captions(40), []
    tokens = sample(model, text, guidance=guidance, on_token=lambda i, so_far, logits: seen.append(logits))
    assert {logits.dtype for logits in seen} == {torch.float32}
    gumbel = torch.stack([noise(0, row, 12, 64) for row in range(40)])
    assert torch.equal(tokens, gumbel.argmax(-1))
    assert not torch.equal(gumbel.to(torch.bfloat16).argmax(-1), gumbel.argmax(-1)), "no ties: proves nothing"
