"""Steppers without kernel or browser: forth and back, questions before answers, and what stands in for them."""

import io

import pytest
import torch
from PIL import Image

from dalle_lessons import figures, steppers
from dalle_lessons.dvae import DVAE
from dalle_lessons.steppers import Frame, Stepper
from dalle_lessons.worlds.shapes import shapes


def plain(text: str) -> figures.Picture:
    return figures.bars(["a"], [float(len(text))], alt=f"picture {text}")


class Counting(Stepper):
    title = "Counting"
    length = 5

    def frame(self, i):
        question = {"question": "Even?", "choices": ("yes", "no"), "answer": i % 2} if i == 2 else {}
        return Frame(plain("x" * (i + 1)), f"number {i}", **question)


def buttons(stepper):
    return {button.description: button for button in stepper._buttons.children}


def test_forward_back_and_the_ends():
    s = Counting()
    first = s._picture.value
    s.forward.click()
    assert s.position == 1 and s._picture.value != first and "number 1" in s._text.value
    s.back.click()
    assert s.position == 0 and s._picture.value == first
    s.back.click()
    assert s.position == 0
    s.go(99)
    assert s.position == 4 == s._play.max
    assert {s.forward.tooltip.split(":")[0], s.back.tooltip.split(":")[0]} == {"Forward", "Back"}


def test_a_question_stands_before_its_answer():
    s = Counting()
    s.go(2)
    assert "number 2" not in s._text.value and list(buttons(s)) == ["yes", "no", "Show me"]
    buttons(s)["no"].click()
    assert "number 2" in s._text.value and not buttons(s)
    assert (s.guesses, s.right) == (1, 0) and "Not quite: yes" in s._score.value
    s.go(1)
    s.go(2)
    assert "number 2" in s._text.value  # answered once, it stays open
    s.renew()
    s.go(2)
    buttons(s)["yes"].click()
    assert (s.guesses, s.right) == (2, 1)


def test_show_me_counts_no_guess():
    s = Counting()
    s.go(2)
    buttons(s)["Show me"].click()
    assert s.guesses == 0 and "number 2" in s._text.value


def test_each_picture_is_told_in_words():
    s = Counting()
    assert "picture x" in s._text.value and 'aria-live="polite"' in s._text.value


def test_a_strip_stands_in_where_no_kernel_runs():
    data, metadata = Counting()._repr_mimebundle_()
    assert data["text/plain"] == "Counting: steps 1, 3, 5 of 5. Run this cell to step."
    assert metadata["image/png"]["alt"] == data["text/plain"]
    import base64

    strip = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert strip.height > 2 * plain("x").open().height


@pytest.mark.parametrize("name", sorted(steppers.MODULES))
def test_every_stepper_can_be_found(name):
    assert issubclass(getattr(steppers, name), Stepper)


def test_nearest_code_asks_for_the_argmin():
    dvae = DVAE.from_pretrained("shapes")
    image = shapes("test", 3).pictures[2].float() / 255
    s = steppers.NearestCode(dvae, image, steps=6)
    tokens = dvae.encode(image.unsqueeze(0)).flatten()
    answers = set()
    for i in range(s.length):
        codes, right = s.choices(i)
        answers.add(right)
        assert codes[right] == int(tokens[s.cells[i]]) and len(set(codes)) == 4
        assert s.frame(i).answer == right and str(codes[right]) in s.frame(i).text
    assert len(answers) > 1  # not always the same letter
    assert torch.equal(s.distances.argmin(1), tokens)
