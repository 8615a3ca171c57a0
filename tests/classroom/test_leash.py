"""The world of leashes of lesson 14: an arm and a leash that no caption names, and a checker that finds them."""

import torch

from dalle_lessons.classroom import leash
from dalle_lessons.classroom.hats import encode

SCENES, PICTURES = leash.world()
TOKENS = encode(PICTURES, leash.codebook())


def of(**asked):
    return [i for i, s in enumerate(SCENES) if all(getattr(s, name) == value for name, value in asked.items())]


def test_tokens_lose_nothing_and_no_patch_of_a_square_with_a_dog_on_its_leash_is_new():
    assert torch.equal(leash.pictures_of(TOKENS), PICTURES)
    never = torch.tensor([leash.never(scene) for scene in SCENES])
    assert 0 < int(never.sum()) < len(SCENES)
    assert set(TOKENS[never].flatten().tolist()) <= set(TOKENS[~never].flatten().tolist())


def test_no_caption_names_an_arm_or_a_leash():
    words = {word for scene in SCENES for word in scene.caption.split()}
    assert {"walking", "beside", "dog", "square"} <= words and not words & {"arm", "leash"}


def test_an_arm_in_the_asked_color_holds_the_leash_of_those_who_walk_a_dog_alone():
    for color in ("red", "blue"):
        for shape in ("square", "circle", "cross"):
            walking = of(shape=shape, doing="walking", color=color)
            assert all(leash.holds(TOKENS[walking], color))
            assert not any(leash.holds(TOKENS[walking], "green"))
        assert not any(leash.holds(TOKENS[of(doing="beside", color=color)], color))


def test_what_became_of_a_square_is_named():
    for asked, became in (
        ({"shape": "square", "doing": "walking"}, "a square with arm and leash"),
        ({"shape": "square", "doing": "beside"}, "a square without"),
        ({"shape": "cross", "doing": "walking"}, "another shape, with arm and leash"),
        ({"shape": "cross", "doing": "alone"}, "no whole picture"),
    ):
        assert set(leash.told(TOKENS[of(**asked)])) == {became}
    spoilt = TOKENS[of(shape="square", doing="walking")[:1]].clone()
    spoilt[0, 0] = (spoilt[0, 0] + 1) % len(leash.codebook())
    assert leash.told(spoilt) == ["no whole picture"]
