"""What lesson 00 opens the machine with: the model as a function, a stepper over it, what it remembers, what broke."""

import pytest
import torch

from dalle_lessons import TextToImage, sample
from dalle_lessons.classroom import steppers
from dalle_lessons.classroom.broken_machines import broken_machines, pieces
from dalle_lessons.classroom.exercises.lesson_00 import TRUTH
from dalle_lessons.classroom.lesson_figures.lesson_00 import mosaic
from dalle_lessons.classroom.nearest import distinct, nearest_in_training
from dalle_lessons.classroom.next_token import NextToken, close_up
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.training.tokens import tokenize

CAPTION = "a big red circle"


@pytest.fixture(scope="module")
def system():
    return TextToImage.from_pretrained("shapes", device="cpu")


# ---- the model as a function ----


def test_the_function_gives_what_the_model_gives(system):
    scores, text = NextToken(system, CAPTION), system.tokenizer.encode([CAPTION])
    tokens = sample(system.dalle, text, seed=3)
    with torch.no_grad():
        logits = system.dalle(text, tokens)[1][0]  # (N, codes)
    for n in (0, 1, 2, 9, 10, 5, 5, scores.length - 1):  # a step, a jump, back, twice the same
        torch.testing.assert_close(scores(tokens[0, :n]), logits[n], atol=1e-3, rtol=1e-3)


def test_what_it_gives_can_be_changed_without_harm(system):
    scores = NextToken(system, CAPTION)
    first = scores([])
    first.zero_()
    assert scores([]).abs().sum() > 0


def test_a_full_picture_and_a_foreign_token_are_refused(system):
    scores = NextToken(system, CAPTION)
    with pytest.raises(ValueError, match="nothing is left to draw"):
        scores([0] * scores.length)
    scores([])
    with pytest.raises(ValueError, match="another codebook"):
        scores([system.dalle.config.codes])
    with pytest.raises(ValueError, match="another codebook"):
        scores([0, -1])
    with pytest.raises(ValueError):
        NextToken(system, "circle " * 200)


def test_a_close_up_stays_inside_of_the_picture(system):
    side = system.dvae.config.factor
    for cell in (0, 7, 27, 63):
        assert close_up(system, [0] * (cell + 1), cell).size == (5 * side, 5 * side)


# ---- you are the sampler ----


def test_the_dice_fall_as_often_as_the_probabilities_say(system):
    s = steppers.YouSample(system, CAPTION)
    s.go(30)
    probabilities, codes = s.ordered(30)
    thrown = [s.dice_at(30) for _ in range(400)]
    share = sum(code == int(codes[0]) for code, _ in thrown) / 400
    assert abs(share - float(probabilities[0])) < 0.1
    ends = probabilities.cumsum(0)
    for code, fell in thrown[:50]:
        place = codes.tolist().index(code)
        assert (float(ends[place - 1]) if place else 0.0) <= fell < float(ends[place])


def test_forward_throws_and_a_choice_is_taken(system):
    s = steppers.YouSample(system, CAPTION, seed=1)
    s.forward.click()
    assert s.position == 1 and len(s.tokens) == 1 and s.fell[0] is not None
    wanted = int(s.ordered(1)[1][2])
    s.choices[2].click()
    assert s.position == 2 and s.tokens[1] == wanted and s.fell[1] is None
    assert "1 chosen by you, 1 by the dice" in s._text.value
    s.back.click()
    s.dice.click()
    assert s.position == 2 and s.fell[1] is not None  # another turn at the same place
    s.line.click()
    assert s.position == 8 and len(s.tokens) == 8


def test_another_turn_leaves_what_was_before_and_drops_what_came_after(system):
    s = steppers.YouSample(system, CAPTION, seed=1)
    s.go(20)
    before = s.tokens[:10]
    s.go(10)
    s.choices[5].click()
    assert s.tokens[:10] == before and len(s.tokens) == 11
    assert all(place <= 11 for place in s._frames)


def test_at_the_end_there_is_nothing_to_choose(system):
    s = steppers.YouSample(system, CAPTION)
    s.go(s.length - 1)
    assert len(s.tokens) == s.length - 1 and all(button.disabled for button in (*s.choices, s.dice, s.line))
    s.choose(0)
    s.throw()
    assert len(s.tokens) == s.length - 1
    s.back.click()
    assert not s.dice.disabled
    assert "63" not in s.static().alt and "64" not in s.static().alt


def test_a_new_caption_begins_anew_and_a_bad_one_is_named(system):
    s = steppers.YouSample(system, CAPTION)
    s.go(5)
    s.caption.value = "a small blue square"
    assert s.position == 0 and s.scores.caption == "a small blue square" and s.tokens == []
    s.go(5)
    s.caption.value = "square " * 200
    assert s._error.value and s.position == 5 and s.scores.caption == "a small blue square"
    s.caption.value = ""
    assert "empty caption" in s._error.value and s.position == 0


# ---- remembered? ----


def test_a_training_picture_is_found_again_and_another_is_not_the_same(system):
    seen, other = shapes("train", 200), shapes("test", 6)
    found = nearest_in_training(system.dvae, seen.pictures[[3, 77]], seen, tried=8)
    assert found.share.tolist() == [1.0, 1.0]
    assert torch.equal(seen.pictures[found.index], seen.pictures[[3, 77]])
    tokens = tokenize(system.dvae, other.pictures)
    one, two = (nearest_in_training(system.dvae, other.pictures, seen, t, tried=8) for t in (None, tokens))
    assert torch.equal(one.share, two.share) and torch.equal(one.index, two.index)
    theirs = tokenize(system.dvae, seen.pictures[one.index])
    torch.testing.assert_close((theirs == tokens).float().mean(1), one.share)


def test_distinct_counts_a_picture_once():
    vectors = torch.tensor([[1.0], [1.0], [2.0], [3.0]])
    assert distinct(torch.tensor([0, 1, 3, 2]), vectors, 2).tolist() == [0, 3]
    assert distinct(torch.tensor([0, 1]), vectors, 3).tolist() == [0, 0, 0]


# ---- broken machines ----


def test_each_machine_shows_its_own_breakdown(system):
    state = torch.random.get_rng_state()
    broken = broken_machines(system, CAPTION)
    assert torch.equal(state, torch.random.get_rng_state())
    assert list(broken) == list(TRUTH)
    by_part = {TRUTH[letter]: machine for letter, machine in broken.items()}
    whole = tuple(pieces(system, CAPTION))
    for part, machine in by_part.items():
        assert (machine.reads == whole) == (part != "tokenizer")
        assert (machine.shown == max(range(3), key=lambda n: machine.scores[n])) == (part != "ranking")  # noqa: B023
        assert (machine.likeliest[0] < 0.05) == (part == "transformer")
        assert len(machine.candidates) == len(machine.scores) == len(machine.taken) == 3
    assert min(by_part["sampling"].taken) > 10 >= max(by_part["decoder"].taken + by_part["ranking"].taken)


def test_pieces_are_read_without_signs(system):
    assert "".join(pieces(system, "a red circle")) == "aredcircle"


def test_a_mosaic_has_a_tile_for_each_token(system):
    side = system.dvae.config.factor
    assert mosaic(system.dvae, torch.arange(6).reshape(2, 3)).size == (3 * side + 2, 2 * side + 1)
