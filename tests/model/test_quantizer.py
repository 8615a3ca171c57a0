"""The codebook: two quantizers with one interface, and how evenly codes are used."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from dalle_lessons.model.quantizer import GumbelCodebook, VectorCodebook, perplexity

CODES, DIM = 7, 5


def gumbel_with(logits):
    """A Gumbel codebook whose features are the logits themselves."""
    book = GumbelCodebook(len(logits), len(logits), len(logits))
    with torch.no_grad():
        book.to_logits.weight.copy_(torch.eye(len(logits))[..., None, None])
        book.to_logits.bias.zero_()
        book.vectors.weight.copy_(torch.eye(len(logits)))  # the vectors that come out are the weights of the mixture
    return book


def spread_out(logits, positions):
    """(K,) -> features (1, K, 1, positions), the same logits everywhere."""
    return logits[None, :, None, None].expand(1, -1, 1, positions)


def vector_book(codes=CODES, dim=DIM, **options):
    """A vector codebook whose features are z itself, and whose codes stay where they are put."""
    torch.manual_seed(0)
    book = VectorCodebook(dim, codes, dim, **options)
    with torch.no_grad():
        book.to_code.weight.copy_(torch.eye(dim)[..., None, None])
        book.to_code.bias.zero_()
    book.usage.fill_(1.0)  # alive
    return book


@pytest.mark.parametrize("kind", [GumbelCodebook, VectorCodebook])
def test_both_quantizers_have_one_interface(kind):
    torch.manual_seed(0)
    book = kind(4, CODES, DIM)
    features = torch.randn(2, 4, 3, 6, requires_grad=True)
    logits = book.logits(features)
    assert logits.shape == (2, CODES, 3, 6)
    out = book(features, temperature=0.7)
    assert out.vectors.shape == (2, DIM, 3, 6) and out.vectors.dtype == torch.float32
    assert out.tokens.shape == (2, 3, 6) and out.tokens.dtype == torch.int64
    assert out.loss.shape == () and out.loss >= 0
    assert book.lookup(out.tokens).shape == (2, DIM, 3, 6)
    assert torch.equal(book.eval()(features).tokens, book.logits(features).argmax(1))
    (out.vectors.sum() + out.loss).backward()
    assert features.grad.abs().sum() > 0, "the choice must not stop the encoder's gradient"


@pytest.mark.parametrize("kind", [GumbelCodebook, VectorCodebook])
def test_lookup_puts_each_tokens_vector_at_its_place(kind):
    book = kind(4, CODES, DIM)
    tokens = torch.tensor([[[3, 0, 6], [1, 1, 5]]])
    vectors = book.lookup(tokens)
    for row in range(2):
        for col in range(3):
            assert torch.equal(vectors[0, :, row, col], book.vectors.weight[tokens[0, row, col]])


@pytest.mark.parametrize("kind", [GumbelCodebook, VectorCodebook])
def test_training_in_bfloat16_keeps_what_it_adds_to_the_loss_in_float32(kind):
    torch.manual_seed(0)
    book, features = kind(4, CODES, DIM), torch.randn(2, 4, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        out = book(features)
    assert out.loss.dtype == torch.float32 and torch.isfinite(out.vectors).all()


def test_a_gumbel_mixture_has_weights_that_sum_to_one():
    torch.manual_seed(0)
    logits = torch.randn(CODES)
    for temperature in (0.1, 1.0, 5.0):
        weights = gumbel_with(logits)(spread_out(logits, 50), temperature).vectors  # (1, K, 1, 50)
        assert_close(weights.sum(1), torch.ones(1, 1, 50))
        assert (weights >= 0).all()


def test_the_largest_weight_of_a_gumbel_mixture_falls_on_a_code_as_often_as_the_softmax_says():
    torch.manual_seed(0)
    logits, draws = torch.tensor([2.0, 1.0, 0.0, -1.0, -3.0]), 40_000
    weights = gumbel_with(logits)(spread_out(logits, draws), temperature=0.5).vectors
    counted = torch.bincount(weights.argmax(1).flatten(), minlength=5) / draws
    expected = logits.softmax(0)
    standard_error = (expected * (1 - expected) / draws).sqrt()
    assert ((counted - expected).abs() < 4 * standard_error).all(), (counted, expected)


def test_a_temperature_near_zero_makes_the_choice_hard_and_a_high_one_mixes_all():
    logits = torch.zeros(CODES)
    book = gumbel_with(logits)
    largest = {}
    for temperature in (0.01, 1.0, 100.0):
        torch.manual_seed(0)
        largest[temperature] = book(spread_out(logits, 200), temperature).vectors.amax(1).mean()
    assert largest[0.01] > 0.98
    assert 0.3 < largest[1.0] < 0.8
    assert largest[100.0] < 1.2 / CODES


def test_the_kl_divergence_is_zero_for_uniform_logits_and_ln_k_for_a_certain_choice():
    book = gumbel_with(torch.zeros(CODES))
    assert_close(book(spread_out(torch.full((CODES,), 3.0), 4)).loss, torch.tensor(0.0), atol=1e-6, rtol=0)
    certain = torch.zeros(CODES)
    certain[2] = 1000.0
    assert_close(book(spread_out(certain, 4)).loss, torch.tensor(math.log(CODES)))


def test_the_kl_divergence_is_the_distributions_own_whatever_noise_is_drawn():
    torch.manual_seed(0)
    logits = torch.randn(CODES)
    q = torch.distributions.Categorical(logits=logits)
    uniform = torch.distributions.Categorical(logits=torch.zeros(CODES))
    expected = torch.distributions.kl_divergence(q, uniform)
    for _ in range(3):
        assert_close(gumbel_with(logits)(spread_out(logits, 4)).loss, expected)


def test_the_nearest_code_is_what_brute_force_finds():
    book = vector_book(codes=20).eval()
    z = torch.randn(3, DIM, 4, 2)
    out = book(z)
    logits = book.logits(z)
    for b in range(3):
        for row in range(4):
            for col in range(2):
                distances = [float((z[b, :, row, col] - code).pow(2).sum()) for code in book.vectors.weight.detach()]
                assert out.tokens[b, row, col] == distances.index(min(distances))
                assert_close(-logits[b, :, row, col], torch.tensor(distances), atol=1e-4, rtol=1e-4)
    assert_close(out.vectors, book.lookup(out.tokens))


def test_the_nearest_code_stays_the_nearest_in_bfloat16():
    book = vector_book(codes=2, dim=4).eval()
    with torch.no_grad():
        book.vectors.weight[0] = 10.0
        book.vectors.weight[1] = 10.02  # bfloat16 cannot tell these two apart
    z = torch.full((1, 4, 1, 1), 10.02)
    with torch.autocast("cpu", torch.bfloat16):
        scores = book.scores(z)[0, :, 0, 0]
    assert scores[1] > scores[0]


def test_the_decoders_gradient_arrives_at_z_unchanged():
    book = vector_book()
    z = torch.randn(2, DIM, 3, 3, requires_grad=True)
    gradient = torch.randn(2, DIM, 3, 3)
    book(z).vectors.backward(gradient)
    assert_close(z.grad, gradient)
    assert book.vectors.weight.grad is None, "the decoder's gradient must not reach the codes"


def test_the_codes_are_pulled_to_the_features_and_the_features_less_to_the_codes():
    z = torch.randn(2, DIM, 3, 3, requires_grad=True)
    book = vector_book()  # its commitment is the paper's, 0.25
    out = book(z)
    out.loss.backward()
    e = book.lookup(out.tokens).detach()
    numbers = z.numel()  # the loss is a mean
    assert_close(out.loss, 1.25 * (z - e).pow(2).mean())
    assert_close(z.grad, 0.25 * 2 * (z - e).detach() / numbers)
    pulls = torch.zeros(CODES, DIM)
    for b in range(2):
        for row in range(3):
            for col in range(3):
                pulls[out.tokens[b, row, col]] += 2 * (e - z).detach()[b, :, row, col] / numbers
    assert_close(book.vectors.weight.grad, pulls)


def test_the_first_batch_places_all_codes_on_features():
    torch.manual_seed(0)
    book = VectorCodebook(DIM, 16, DIM)
    features = 100 + torch.randn(4, DIM, 4, 4)  # far from where the codes begin, which are all but equally bad
    z = book.to_code(features).detach().permute(0, 2, 3, 1).flatten(0, 2)
    book(features)
    for code in book.vectors.weight:
        assert (z == code).all(1).any()
    assert perplexity(book(features).tokens, 16) > 4


def test_dead_codes_are_placed_on_different_features_while_there_are_enough():
    torch.manual_seed(0)
    z = torch.randn(4, DIM, 4, 4)  # 64 features
    for codes, distinct in ((64, 64), (40, 40), (150, 64)):
        book = VectorCodebook(DIM, codes, DIM)
        book.replace_dead_codes(z)
        assert len(book.vectors.weight.unique(dim=0)) == distinct
        assert (book.usage == 1).all()
    _, times = book.vectors.weight.unique(dim=0, return_counts=True)
    assert set(times.tolist()) == {2, 3}, "all features once before one comes again"


def test_where_no_code_is_dead_nothing_is_drawn():
    book, state = vector_book(), torch.get_rng_state()
    book(torch.randn(1, DIM, 2, 2, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), state)


def test_gumbel_noise_is_for_training_alone():
    logits = torch.tensor([2.0, 1.0, 0.0])
    book = gumbel_with(logits).eval()
    weights = book(spread_out(logits, 3), temperature=0.5).vectors
    assert_close(weights[0, :, 0, 1], (logits / 0.5).softmax(0))
    book.train()
    assert not torch.equal(book(spread_out(logits, 3)).vectors, book(spread_out(logits, 3)).vectors)


def test_a_code_that_nobody_chooses_is_moved_to_a_feature_and_one_that_is_used_stays():
    book = vector_book(codes=3, dim=2)
    with torch.no_grad():
        book.vectors.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0], [50.0, 50.0]]))
    z = torch.tensor([[0.1, 0.1], [0.9, 0.9]]).T.reshape(1, 2, 1, 2)
    steps = 0
    while torch.equal(book.vectors.weight[2].detach(), torch.tensor([50.0, 50.0])):
        book(z)
        steps += 1
        assert steps < 300, "the dead code was never revived"
    assert steps > 10, "a code that pauses for some batches is not dead"
    assert any(torch.equal(book.vectors.weight[2], z[0, :, 0, i]) for i in (0, 1))
    assert_close(book.vectors.weight[:2].detach(), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))


def test_looking_at_pictures_moves_no_code():
    book = vector_book().eval()
    book.usage.zero_()
    before = book.vectors.weight.clone()
    book(torch.randn(2, DIM, 3, 3))
    assert torch.equal(book.vectors.weight, before) and not book.usage.any()


def test_on_a_sphere_only_the_direction_of_a_feature_counts():
    book = vector_book(l2_normalize=True).eval()
    z = torch.randn(2, DIM, 3, 3)
    out = book(z)
    assert_close(out.vectors.norm(dim=1), torch.full((2, 3, 3), math.sqrt(DIM)))
    assert_close(book.project(z), math.sqrt(DIM) * z / z.norm(dim=1, keepdim=True))
    assert torch.equal(book(z * 7).tokens, out.tokens)
    cosines = torch.cosine_similarity(z[:, None], book.vectors.weight[None, :, :, None, None], dim=2)  # (B, K, …)
    assert torch.equal(out.tokens, cosines.argmax(1))


def test_spread_costs_nothing_where_all_codes_are_used_alike_and_ln_k_where_one_is():
    book = vector_book(diversity_weight=1.0)
    sure = 1000 * torch.eye(CODES).repeat_interleave(20, 1)[None, :, :, None]  # 20 positions are sure of each code
    assert_close(book.diversity_loss(sure), torch.tensor(0.0), atol=1e-5, rtol=0)
    assert_close(book.diversity_loss(sure[:, :, :20]), torch.tensor(math.log(CODES)), atol=1e-5, rtol=0)
    z = torch.randn(2, DIM, 3, 3)
    plain = vector_book().eval()(z).loss
    for weight in (0.5, 3.0):
        book = vector_book(diversity_weight=weight).eval()
        cost = book.diversity_loss(book.logits(z))
        assert cost > 0.1
        assert_close(book(z).loss, plain + weight * cost)


def test_a_code_that_is_nearer_by_a_hundredth_of_the_dimensions_has_e_times_the_share():
    scores = torch.tensor([0.0, -0.01 * DIM * math.log(3)])[None, :, None, None].expand(1, 2, 3, 4)
    assert_close(vector_book(codes=2).soft_share(scores), torch.tensor([0.75, 0.25]))


def test_perplexity_is_one_for_a_single_code_and_k_for_all_alike():
    assert perplexity(torch.full((4, 4), 3), CODES) == pytest.approx(1)
    assert perplexity(torch.arange(CODES).repeat(5), CODES) == pytest.approx(CODES)
    assert perplexity(torch.tensor([0, 1, 1, 0]), CODES) == pytest.approx(2)


@given(st.lists(st.integers(0, CODES - 1), min_size=1, max_size=40))
def test_perplexity_lies_between_one_and_the_number_of_codes_that_occur(tokens):
    value = perplexity(torch.tensor(tokens), CODES)
    assert 1 - 1e-9 <= value <= len(set(tokens)) + 1e-9


def test_with_a_moving_average_codes_go_to_the_mean_of_the_features_that_choose_them():
    """Two codes, features around (1, 0) and (0, 1): after many batches each code is the mean of its features."""
    book = vector_book(codes=2, dim=2, moving_average=True)
    book.vectors.weight.copy_(torch.eye(2))
    book.sums.copy_(book.vectors.weight)
    features = torch.tensor([[1.0, 0.2], [1.2, 0.0], [0.1, 0.9]]).T.reshape(1, 2, 1, 3)
    for _ in range(600):
        out = book(features)
    assert_close(book.vectors.weight, torch.tensor([[1.1, 0.1], [0.1, 0.9]]), atol=1e-3, rtol=0)
    assert_close(book.usage, torch.tensor([4 / 3, 2 / 3]), atol=1e-3, rtol=0)
    assert not book.vectors.weight.requires_grad
    assert_close(out.loss, book.commitment * (out.vectors - features).pow(2).mean())


def test_a_moving_average_stays_on_the_sphere_and_stands_still_when_pictures_are_looked_at():
    book = vector_book(moving_average=True, l2_normalize=True)
    book.usage.zero_()
    book(torch.randn(1, DIM, 4, 8))
    assert_close(book.vectors.weight.pow(2).mean(1), torch.ones(CODES))
    before = {name: tensor.clone() for name, tensor in book.eval().state_dict().items()}
    book(torch.randn(1, DIM, 4, 8))
    assert all(torch.equal(before[name], tensor) for name, tensor in book.state_dict().items())


def test_a_dead_code_begins_its_moving_average_anew_where_it_is_put():
    book = vector_book(codes=2, dim=2, moving_average=True)
    book.vectors.weight.copy_(torch.tensor([[1.0, 0.0], [50.0, 50.0]]))
    book.sums.copy_(book.vectors.weight)
    book.usage.copy_(torch.tensor([1.0, 0.0]))
    z = torch.tensor([[[[0.0, 0.0]], [[4.0, 4.0]]]])  # (1, 2, 1, 2): the vector (0, 4) twice
    book.replace_dead_codes(z)
    assert book.sums[1].tolist() == book.vectors.weight[1].tolist() == [0.0, 4.0] and book.usage[1] == 1


def test_in_training_the_nearest_code_is_searched_in_parts_and_is_the_same():
    book = vector_book(codes=50)
    z = torch.randn(2, DIM, 33, 40)
    assert torch.equal(book.nearest(z), book.scores(z).argmax(dim=1))
