"""Captions of two things with their colors exchanged, and which of the two a picture shows (lesson 14)."""

import torch

from dalle_lessons.classroom.lesson_figures.binding_14 import exchanged, fair_swaps, in_the_other_color, read_as
from dalle_lessons.datasets.scenes import Scene, SceneObject, draw

ASKED, SWAP = "a big red circle above a small blue square", "a big blue circle above a small red square"


def picture(first: str, second: str):
    """A big circle and a small square of these colors, one above the other."""
    objects = SceneObject("circle", first, "big", x=16, y=8), SceneObject("square", second, "small", x=16, y=24)
    return torch.from_numpy(draw(Scene(objects, "above")))


def test_colors_are_exchanged_where_that_is_fair():
    assert exchanged(ASKED) == SWAP and exchanged(SWAP) == ASKED
    assert exchanged("a big red circle above a small red square") is None  # it would be true as well
    assert exchanged("a big red circle above a small green square") is None  # no training shows a green circle


def test_scenes_are_different_and_each_true_picture_shows_its_caption():
    pictures, asked, swapped = fair_swaps(200)
    assert len(pictures) == len(set(asked)) == 200
    pictures, asked, swapped = pictures[:20], asked[:20], swapped[:20]
    assert read_as(pictures, asked, swapped) == ["the caption"] * 20
    assert read_as(pictures, swapped, asked) == ["its swap"] * 20


def test_what_a_picture_shows_is_named():
    pictures = torch.stack([picture("red", "blue"), picture("blue", "red"), picture("blue", "blue")])
    assert read_as(pictures, [ASKED] * 3, [SWAP] * 3) == ["the caption", "its swap", "neither"]
    assert not in_the_other_color(pictures[0], ASKED)
    assert in_the_other_color(pictures[2], ASKED)
    assert not in_the_other_color(picture("red", "pink"), ASKED)
