"""The shapes world: pictures, captions and their grammar, splits, what can be planted, and the checker's bars."""

import random
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dalle_lessons.datasets.scenes import (
    COLORS,
    POSITIONS,
    RELATIONS,
    SHAPES,
    SIDE,
    SIZES,
    VALUES,
    Scene,
    SceneObject,
    caption,
    draw,
    mask,
)
from dalle_lessons.datasets.shapes import (
    BAT,
    HELD_OUT,
    JITTER,
    SPLITS,
    Correlation,
    Homonym,
    random_scene,
    shapes,
    split_of,
)
from dalle_lessons.datasets.shapes_check import check, compare, detect, parse, sense_of, share_right

ORDINARY = st.builds(
    SceneObject,
    shape=st.sampled_from(SHAPES),
    color=st.none() | st.sampled_from(list(COLORS)),
    size=st.none() | st.sampled_from(list(SIZES)),
)
BATS = st.builds(
    SceneObject,
    size=st.none() | st.sampled_from(list(SIZES)),
    senses=st.sampled_from([tuple(BAT), *[(s,) for s in BAT]]),
)
ONE = st.builds(
    lambda item, position: Scene((replace(item, position=position),)),
    ORDINARY | BATS,
    st.none() | st.sampled_from(list(POSITIONS)),
)
TWO = st.builds(Scene, st.tuples(ORDINARY, ORDINARY | BATS), st.none() | st.sampled_from(list(RELATIONS)))


@cache
def sample(split="train", count=2000, seed=1, homonym=None):
    return shapes(split, count, seed, homonym=homonym)


@cache
def seen_in(split):
    """What the checker sees in the sample of a split: `check` is `compare` of this with the parsed caption."""
    return [detect(picture) for picture in sample(split).pictures]


def asked(scene):
    """The wish that the full caption of a scene puts."""
    return replace(scene, objects=tuple(replace(item, x=None, y=None) for item in scene.objects))


def soft(picture, noise):
    """A picture as a small autoencoder might give it back: blurred by 3x3 and noisy."""
    padded = np.pad(np.asarray(picture) / 255, ((0, 0), (1, 1), (1, 1)), mode="edge")
    blurred = sum(padded[:, i : i + SIDE, j : j + SIDE] for i, j in product(range(3), repeat=2)) / 9
    return np.clip(blurred + noise.normal(0, 0.04, blurred.shape), 0, 1)


def change(constraints, rng):
    """A wish with one of its attributes changed; the index of the object; the attribute."""
    ways = [
        (i, name) for i, item in enumerate(constraints.objects) for name in (*VALUES, "position") if getattr(item, name)
    ]
    index, name = rng.choice(ways + [(0, "relation")] * (constraints.relation is not None))
    if name == "relation":
        return (
            replace(constraints, relation=rng.choice([r for r in RELATIONS if r != constraints.relation])),
            index,
            name,
        )
    objects = list(constraints.objects)
    others = [value for value in {**VALUES, "position": POSITIONS}[name] if value != getattr(objects[index], name)]
    objects[index] = replace(objects[index], **{name: rng.choice(others)})
    return replace(constraints, objects=tuple(objects)), index, name


# pictures


def test_pictures_are_scenes_on_white():
    pairs = sample()
    assert pairs.pictures.shape == (2000, 3, SIDE, SIDE) and pairs.pictures.dtype == torch.uint8
    assert pairs.weights.shape == (2000,) and pairs.weights.eq(1).all() and len(pairs.metadata) == len(pairs) == 2000
    for picture, scene in zip(pairs.pictures[:300].numpy(), pairs.metadata, strict=False):
        assert np.array_equal(picture, draw(scene))
        for item in scene.objects:  # its color stands in its middle
            assert tuple(picture[:, item.y, item.x]) == COLORS[item.color]
    with pytest.raises(ValueError, match="not settled"):
        draw(parse("a red circle"))


def test_objects_stay_inside_and_apart():
    half = SIZES["big"] // 2
    for x, y in POSITIONS.values():
        assert min(x, y) - JITTER - half >= 0 and max(x, y) + JITTER + half <= SIDE
    for first, second in RELATIONS.values():
        distance = max(abs(a - b) for a, b in zip(POSITIONS[first], POSITIONS[second], strict=True))
        assert distance - 2 * JITTER - 2 * half >= 4


def test_colors_are_far_apart():
    named = [np.array(rgb) for rgb in (*COLORS.values(), (255, 255, 255))]
    assert min(np.linalg.norm(a - b) for i, a in enumerate(named) for b in named[:i]) > 100
    for name, other in product(COLORS, repeat=2):  # soft edges of one color do not look like another
        if name != other:
            ink, edge = 255 - np.array(COLORS[name]), 255 - np.array(COLORS[other])
            assert np.linalg.norm(ink - edge * np.clip(ink @ edge / (edge @ edge), 0, 1)) > 60


def test_shapes_are_antialiased_and_fill_their_box():
    assert np.all(mask("square", 8) == 1)
    assert abs(mask("circle", 12).sum() / 144 - np.pi / 4) < 0.01
    assert abs(mask("triangle", 12).sum() / 144 - 1 / 2) < 0.01
    assert abs(mask("cross", 12).sum() / 144 - 5 / 9) < 0.01
    assert any(0 < value < 1 for value in mask("circle", 8).ravel())


# captions


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        (Scene((SceneObject("cross", "green", "big", "top left"),)), "a big green cross at the top left"),
        (Scene((SceneObject("circle", "orange"),)), "an orange circle"),
        (Scene((SceneObject("circle", None, None, "middle"),)), "a circle in the middle"),
        (Scene((SceneObject("square", "red", None, "left"),)), "a red square on the left"),
        (
            Scene((SceneObject("circle", "red", "small"), SceneObject("square", "blue", "big")), "above"),
            "a small red circle above a big blue square",
        ),
        (Scene((SceneObject("circle"), SceneObject("triangle", "orange"))), "a circle and an orange triangle"),
        (Scene((SceneObject(senses=("flying", "wooden")),)), "a bat"),
        (Scene((SceneObject(size="big", senses=("wooden",), position="top"),)), "a big wooden bat at the top"),
    ],
)
def test_caption_and_parse_by_example(scene, text):
    assert caption(scene) == text
    assert parse(text) == scene
    assert parse(f"  {text.capitalize()}. ") == scene


@given(ONE | TWO)
def test_parse_reads_what_caption_writes(constraints):
    read = parse(caption(constraints))
    for item, wanted in zip(read.objects, constraints.objects, strict=True):
        assert replace(item, senses=()) == replace(wanted, senses=())
        assert bool(item.senses) == bool(wanted.senses) and set(item.senses) <= set(wanted.senses)
    assert read.relation == constraints.relation
    assert parse(caption(read)) == read


@given(st.integers(0, 2**32), st.sampled_from(SPLITS), st.floats(0, 1))
def test_round_trip_of_scenes(seed, split, keep):
    rng = random.Random(seed)
    scene = random_scene(rng, split)
    assert parse(caption(scene)) == asked(scene)
    part = parse(caption(scene, rng, keep))
    assert compare(scene.objects, part).all_right
    assert [item.shape for item in part.objects] == [item.shape for item in scene.objects]


def test_training_captions_vary():
    pairs = sample()
    one = next(i for i, scene in enumerate(pairs.metadata) if len(scene.objects) == 1)
    two = next(i for i, scene in enumerate(pairs.metadata) if len(scene.objects) == 2)
    rng = random.Random(0)
    assert len({caption(pairs.metadata[one], rng, 0.5) for _ in range(200)}) == 8  # three attributes, said or not
    assert len({caption(pairs.metadata[two], rng, 0.5) for _ in range(1000)}) == 32
    assert len({pairs.caption(two, None) for _ in range(5)}) == 1
    words = [word for i in range(500) for word in pairs.caption(i, rng).split()]
    assert all(word.isalpha() and word.islower() for word in words)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a red dog", "'dog' is not a word"),
        ("red a circle", "do not go together"),
        ("a red bat", "do not go together"),
        ("a wooden circle", "do not go together"),
        ("", "write for example"),
        ("a circle above a square above a cross", "do not go together"),
        ("a circle at the top left above a square", "do not go together"),
    ],
)
def test_captions_outside_the_grammar(text, reason):
    with pytest.raises(ValueError, match=reason) as error:
        parse(text)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


# splits


def test_held_out_pairs_leave_every_shape_and_color_well_seen():
    assert len(HELD_OUT) == 4
    assert max(Counter(shape for shape, _ in HELD_OUT).values()) == 1
    assert max(Counter(color for _, color in HELD_OUT).values()) == 1
    assert not {(sense.shape, sense.color) for sense in BAT.values()} & set(HELD_OUT)
    seen = Counter((item.shape, item.color) for scene in sample().metadata for item in scene.objects)
    assert len(seen) == 28 and not set(seen) & set(HELD_OUT)
    assert min(seen.values()) > 0.6 * max(seen.values())
    assert all(
        any((item.shape, item.color) in HELD_OUT for item in scene.objects) for scene in sample("unseen_pair").metadata
    )


def test_no_test_scene_is_in_train():
    def place(scene):  # a scene up to jitter, told from above or from the left
        objects = [(item.shape, item.color, item.size, item.position) for item in scene.objects]
        turned = {"below": "above", "right of": "left of"}.get(scene.relation)
        return (tuple(objects[::-1]), turned) if turned else (tuple(objects), scene.relation)

    train = shapes("train", 10_000, seed=0)
    test = shapes("test", 2000, seed=0)
    assert not {place(scene) for scene in train.metadata} & {place(scene) for scene in test.metadata}
    pixels = {picture.numpy().tobytes() for picture in train.pictures}
    assert not pixels & {picture.numpy().tobytes() for picture in test.pictures}
    assert len({(item.shape, item.color) for scene in test.metadata for item in scene.objects}) == 28


def test_every_pair_has_the_same_share_of_test():
    for shape, color in product(SHAPES, COLORS):
        scenes = [Scene((SceneObject(shape, color, size, position),)) for size, position in product(SIZES, POSITIONS)]
        counts = Counter(map(split_of, scenes))
        assert counts == ({"unseen_pair": 18} if (shape, color) in HELD_OUT else {"train": 16, "test": 2})


@pytest.mark.parametrize("split", SPLITS)
def test_same_seed_same_pictures(split):
    first, again, other = (shapes(split, 50, seed) for seed in (7, 7, 8))
    assert first.metadata == again.metadata and torch.equal(first.pictures, again.pictures)
    assert first.metadata != other.metadata
    captions = [[pairs.caption(i, random.Random(i)) for i in range(50)] for pairs in (first, again)]
    assert captions[0] == captions[1]


def test_share_of_scenes_with_two_objects():
    for split, two in product(SPLITS, (0.0, 0.3, 1.0)):
        rng = random.Random(0)
        share = np.mean([len(random_scene(rng, split, two=two).objects) == 2 for _ in range(500)])
        assert abs(share - two) < 0.08


def test_kind_errors():
    with pytest.raises(ValueError, match="choose one of train, test, unseen_pair"):
        shapes("valid")
    with pytest.raises(ValueError, match="at least 1"):
        shapes(count=0)
    with pytest.raises(ValueError, match="no bats"):
        shapes("unseen_pair", 10, homonym=Homonym())
    for wrong in (("square", "circle", 0.8), ("dog", "red", 0.8), ("square", "red", 80), ("square", "top", 0.8)):
        with pytest.raises(ValueError, match="two different kinds"):
            Correlation(*wrong)
    with pytest.raises(ValueError, match="held out"):
        Correlation("green", "circle")
    with pytest.raises(ValueError, match="between 0 and 1"):
        Homonym(share=90)


# what can be planted


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    "planted",
    [Correlation("square", "red", 0.8), Correlation("yellow", "small", 0.2), Correlation("big", "cross", 0.9)],
)
def test_planted_correlation(split, planted):
    rng = random.Random(0)
    objects = [
        (item.shape, item.color, item.size)
        for _ in range(3000)
        for item in random_scene(rng, split, planted=planted).objects
    ]
    of_given = [item for item in objects if planted.given in item]
    assert abs(np.mean([planted.then in item for item in of_given]) - planted.share) < 0.04
    others = Counter(item for item in objects if planted.given not in item)
    usual = {"square": 1 / 4, "yellow": 1 / 7, "big": 1 / 2}[planted.given]
    assert abs(len(of_given) / len(objects) - usual) < 0.03  # the given thing is no more frequent than before
    assert split == "test" or min(others.values()) > 0.4 * max(others.values())


def bats(homonym, count=12_000):
    rng = random.Random(0)
    for _ in range(count):
        scene = random_scene(rng, homonym=homonym)
        found = [item for item in scene.objects if item.senses]
        if found:
            assert len(found) == 1 and sense_of(found[0]) == found[0].senses[0]
            beside = next((item.shape for item in scene.objects if not item.senses), None)
            yield found[0].senses[0], beside


def test_homonym_is_90_to_10_and_the_neighbor_settles_it():
    seen = Counter(bats(Homonym()))
    total = sum(seen.values())
    assert abs(total / 12_000 - 0.25) < 0.015
    assert abs(sum(n for (sense, _), n in seen.items() if sense == "flying") / total - 0.9) < 0.015
    for beside in (None, "triangle", "cross"):  # the prior is all there is
        both = seen["flying", beside], seen["wooden", beside]
        assert abs(both[0] / sum(both) - 0.9) < 0.04
    assert seen["flying", "square"] and seen["wooden", "circle"]
    assert not seen["flying", "circle"] and not seen["wooden", "square"]


def test_homonym_of_strength_90_balances_a_prior_of_90():
    seen = Counter(bats(Homonym(strength=0.9)))
    both = seen["flying", "circle"], seen["wooden", "circle"]
    assert abs(both[0] / sum(both) - 0.5) < 0.12


@pytest.mark.parametrize(
    ("text", "senses"),
    [
        ("a bat", ("flying", "wooden")),
        ("a flying bat", ("flying",)),
        ("a bat above a red circle", ("wooden",)),
        ("a big square and a bat", ("flying",)),
        ("a bat left of a cross", ("flying", "wooden")),
        ("a flying bat above a circle", ("flying",)),  # what is said goes before what is likely
    ],
)
def test_senses_that_a_caption_allows(text, senses):
    assert next(item for item in parse(text).objects if item.senses).senses == senses


def test_checker_tells_the_senses_apart():
    pairs = sample(homonym=Homonym(share=0.5, rate=1.0), count=300)
    rng = random.Random(0)
    for i, scene in enumerate(pairs.metadata):
        assert check(pairs.pictures[i], pairs.caption(i, None)).all_right
        assert check(pairs.pictures[i], pairs.caption(i, rng)).all_right
        which = [bool(item.senses) for item in scene.objects].index(True)
        other = "wooden" if scene.objects[which].senses == ("flying",) else "flying"
        objects = list(scene.objects)
        objects[which] = replace(objects[which], senses=(other,))
        verdict = check(pairs.pictures[i], caption(replace(scene, objects=tuple(objects))))
        assert not verdict.objects[which]["sense"]
        assert sense_of(verdict.seen[which]) == scene.objects[which].senses[0]


# the checker


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("full", [True, False])
def test_bar_true_captions(split, full):
    pairs = sample(split)
    rng = None if full else random.Random(0)
    verdicts = [compare(seen, parse(pairs.caption(i, rng))) for i, seen in enumerate(seen_in(split))]
    assert share_right(verdicts) >= 0.995
    assert np.mean([verdict.all_right for verdict in verdicts]) >= 0.99


@pytest.mark.parametrize("full", [True, False])
def test_bar_one_attribute_changed(full):
    pairs = sample()
    rng = random.Random(0)
    named = []
    for i, scene in enumerate(pairs.metadata):
        constraints, index, name = change(parse(pairs.caption(i, None if full else rng)), rng)
        if compare(scene.objects, constraints).all_right:
            continue  # still true: "a circle above a circle" turned into "a circle below a circle"
        verdict = compare(seen_in("train")[i], parse(caption(constraints)))
        assert not verdict.all_right
        named.append(not verdict.objects[index][name])
    assert len(named) > 1950
    assert np.mean(named) >= 0.99


@pytest.mark.parametrize("split", ["train", "unseen_pair"])
def test_bar_blurred_and_noisy(split):
    pairs = sample(split)
    noise, rng = np.random.default_rng(0), random.Random(0)
    verdicts = [check(soft(pairs.pictures[i], noise), pairs.caption(i, rng)) for i in range(1000)]
    assert share_right(verdicts) >= 0.97


def test_look_sees_the_scene():
    for objects, scene in zip(seen_in("train"), sample().metadata, strict=True):
        seen = {(t.shape, t.color, t.size, t.x, t.y) for t in objects}
        assert seen == {(t.shape, t.color, t.size, t.x, t.y) for t in scene.objects}


def test_pixels_of_any_usual_kind():
    picture, text = sample().pictures[0], sample().caption(0, None)
    assert check(picture, text) == compare(detect(picture), parse(text))
    for pixels in (picture, picture.numpy(), picture / 255, (picture / 255).double().numpy(), picture / 255 * 1.02):
        assert check(pixels, text).all_right
    assert check((picture / 255).requires_grad_(), text).all_right
    with pytest.raises(ValueError, match="divide by 255"):
        check(picture.float(), text)
    with pytest.raises(ValueError, match="shape"):
        check(picture.permute(1, 2, 0), text)


def test_missing_and_extra_objects_count():
    red = SceneObject("circle", "red", "big", None, x=16, y=7)
    blue = SceneObject("square", "blue", "small", None, x=16, y=25)
    one, two = draw(Scene((red,))), draw(Scene((red, blue), "above"))

    missing = check(one, "a red circle above a small blue square")
    assert missing.objects[1] == {"shape": False, "color": False, "size": False}
    assert missing.objects[0] == {"shape": True, "color": True, "relation": False}
    assert missing.seen[1] is None and not missing.all_right and share_right([missing]) == 2 / 6

    extra = check(two, "a red circle")
    assert extra.objects == ({"shape": True, "color": True},) and extra.extra == 1
    assert not extra.all_right and share_right([extra]) == 2 / 3

    blank = check(np.full((3, SIDE, SIDE), 255, np.uint8), "a circle")
    assert blank.objects == ({"shape": False},) and not blank.all_right

    two[:, 16, 2:5] = 0  # a speck is no object
    assert check(two, "a big red circle above a small blue square").all_right
    assert check(two, "a small square below a circle").all_right
    assert check(two, "a square and a circle").all_right


def test_a_smear_has_no_shape():
    picture = np.full((3, SIDE, SIDE), 255, np.uint8)
    picture[:, 15:17, 2:30] = np.array(COLORS["blue"])[:, None, None]
    (smear,) = detect(picture)
    assert smear.shape is None and smear.color == "blue"
    assert check(picture, "a blue square").objects == ({"shape": False, "color": True},)
