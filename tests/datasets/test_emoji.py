"""The emoji world: all pictures are there, the splits leak nothing and can be recomputed, captions read well."""

import hashlib
import random
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dalle_lessons.datasets import splits
from dalle_lessons.datasets.emoji import (
    ALL_STYLES,
    COLUMNS,
    FIELDS,
    SIDE,
    SISTERS,
    SPLITS,
    STYLES,
    TONE_WEIGHT,
    TONELESS,
    TONES,
    emoji,
    full_caption,
    has_sister_in_train,
    read_rows,
    read_sheet,
    sheet_name,
    varied_caption,
    with_article,
)
from dalle_lessons.model.files import data_dir

COLORED = tuple(style for style in ALL_STYLES if style not in TONELESS)
# Pictures in each style, in the order of ALL_STYLES.
COUNTS = {
    "train": (3077, 3022, 3030, 3014, 2722, 2753),
    "unseen_emoji": (289, 289, 289, 289, 235, 289),
    "unseen_pair": (145, 129, 122, 140, 106, 113),
    "unseen_tone": (0, 71, 70, 68, 55, 0),
}
OF_STYLE = dict(zip(ALL_STYLES, (3511, 3511, 3511, 3511, 3118, 3155), strict=True))
# SHA-256 of the splits of the first four styles, from before there were others.
FIRST_SPLITS = "a80f1db5a4f9c6bf9e46d680636c02dea64d1998a0c811a768fd38371fa8d77f"


def all_rows():
    return read_rows(ALL_STYLES)


@cache
def digests() -> tuple[str, ...]:
    """SHA-256 of each row's picture, as loaded."""
    return tuple(hashlib.sha256(read_sheet(r["style"])[r["position"]].tobytes()).hexdigest() for r in all_rows())


def rows_of(split):
    return [row for row in all_rows() if row["split"] == split]


# ---------------------------------------------------------------- the data


def test_all_rows_are_there():
    rows = all_rows()
    assert len(rows) == 20317 and tuple(rows[0]) == FIELDS
    counts = Counter((row["split"], row["style"]) for row in rows)
    assert {split: tuple(counts[split, style] for style in ALL_STYLES) for split in SPLITS} == COUNTS
    assert len({row["base_hexcode"] for row in rows}) == 1636
    assert {row["group"] for row in rows}.isdisjoint({"flags", "component", "extras-openmoji", "extras-unicode"})


def test_each_emoji_stands_in_four_styles_and_most_in_six():
    emojis = defaultdict(list)
    for row in all_rows():
        emojis[row["hexcode"]].append(row)
    assert len(emojis) == 3511
    for same in emojis.values():
        drawn = [row["style"] for row in same]
        assert drawn[:4] == list(ALL_STYLES[:4]) and drawn == [style for style in ALL_STYLES if style in drawn]
        described = ("emoji", "base_hexcode", "name", "tags", "group", "subgroup", "skin_tone")
        assert len({tuple(row[field] for field in described) for row in same}) == 1
    assert len({rows[0]["name"].lower() for rows in emojis.values()}) == len(emojis)  # a caption names one emoji


def test_hexcodes_names_and_tones_agree():
    names = {row["hexcode"]: row["name"] for row in all_rows()}
    for row in all_rows():
        assert row["name"] and row["emoji"]
        assert [ord(c) for c in row["emoji"] if c != "\ufe0f"] == [
            int(part, 16) for part in row["hexcode"].split("-") if part != "FE0F"
        ]
        tones = row["skin_tone"].split(", ") if row["skin_tone"] else []
        assert set(tones) <= set(TONES) and (bool(tones) == (row["hexcode"] != row["base_hexcode"]))
        assert row["base_hexcode"] in names and all(f"{tone} skin tone" in row["name"] for tone in tones)


@pytest.mark.parametrize("style", ALL_STYLES)
def test_sheets_hold_each_distinct_picture_once(style):
    sheet = Image.open(Path(data_dir()) / "emoji" / sheet_name(style))
    assert sheet.width == COLUMNS * SIDE and sheet.height % SIDE == 0
    at = defaultdict(set)
    for row, digest in zip(all_rows(), digests(), strict=True):
        if row["style"] == style:
            at[row["position"]].add(digest)
    assert sorted(at) == list(range(len(at)))  # no gaps
    assert len(at) <= COLUMNS * sheet.height // SIDE < len(at) + COLUMNS  # and no empty lines
    assert all(len(same) == 1 for same in at.values()) and len(set.union(*at.values())) == len(at)
    assert (read_sheet(style)[len(at) :] == 255).all()


def test_the_data_stay_small():
    assert sum((data_dir() / "emoji" / sheet_name(style)).stat().st_size for style in ALL_STYLES) < 26e6
    assert sum(file.stat().st_size for file in (data_dir() / "emoji").iterdir()) < 30e6


@pytest.mark.parametrize("style", ALL_STYLES)
def test_pictures_are_drawings_on_white(style):
    pairs = emoji(None, style)
    assert pairs.pictures.shape == (OF_STYLE[style], 3, 64, 64) and pairs.pictures.dtype == torch.uint8
    corners = pairs.pictures[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]  # (N, 3, 4)
    assert (corners == 255).all(1).float().mean() > 0.9
    ink = (pairs.pictures < 250).any(1).flatten(1).float().mean(1)  # share of each picture that is not white
    blank = {row["hexcode"] for row, share in zip(pairs.metadata, ink.tolist(), strict=True) if share < 0.03}
    assert blank == ({"1F195"} if style == "sketch" else set())  # OpenMoji's own sketch of the NEW button is empty
    assert ink.mean() > 0.1
    if style in TONELESS:
        assert ((pairs.pictures.amax(1) - pairs.pictures.amin(1)) <= 1).all()  # black and white


def test_skin_tones_of_3d_renders_darken_from_name_to_name():
    """A file that is named by another tone's code point would stand out: the package has many such."""
    pairs, by_base = emoji(None, "3D render"), defaultdict(dict)
    for i, row in enumerate(pairs.metadata):
        by_base[row["base_hexcode"]][row["skin_tone"]] = i
    toned = [[tones[tone] for tone in TONES] for tones in by_base.values() if len(tones) > 1]
    assert len(toned) == 304
    for indices in toned:
        drawn = pairs.pictures[indices].float()  # (5, 3, 64, 64)
        skin = (drawn.amax(0) - drawn.amin(0)).amax(0) > 60  # (64, 64): what changes with the tone
        light, medium_light, medium, medium_dark, dark = drawn.mean(1)[:, skin].mean(1).tolist()
        # Hair is part of it, and with medium-light skin it is often blond: so light is compared with medium alone.
        assert light > medium > medium_dark > dark, pairs.metadata[indices[0]]["name"]
        assert medium_light > medium, pairs.metadata[indices[0]]["name"]


def test_shaded_pictures_are_kept_in_steps_of_three():
    assert (emoji(None, "3D render").pictures % 3 == 0).all()


def test_pairs_of_several_styles():
    pairs = emoji("unseen_pair", ("stencil", "cartoon"))
    assert len(pairs) == 113 + 129 and {row["style"] for row in pairs.metadata} == {"stencil", "cartoon"}
    assert {row["style"] for row in emoji("unseen_pair").metadata} == set(STYLES)
    assert len(emoji(None, ALL_STYLES)) == 20317


def test_pairs_of_a_split_and_a_style():
    for split, counts in COUNTS.items():
        for style, count in zip(ALL_STYLES, counts, strict=True):
            pairs = emoji(split, style)
            assert len(pairs) == len(pairs.metadata) == len(pairs.weights) == count
            assert {(row["split"], row["style"]) for row in pairs.metadata} <= {(split, style)}
    pairs = emoji("unseen_tone")
    row = pairs.metadata[5]
    assert (pairs.pictures[5].permute(1, 2, 0).numpy() == read_sheet(row["style"])[row["position"]]).all()
    assert pairs.caption(5, None) == full_caption(row)
    assert emoji("unseen_tone", "sketch").pictures.shape == (0, 3, 64, 64)  # a sketch shows no tone


def test_what_does_not_exist():
    with pytest.raises(ValueError, match="'valid'.*unseen_pair"):
        emoji("valid")
    with pytest.raises(ValueError, match="'oil painting'.*sketch"):
        emoji("train", "oil painting")


# ---------------------------------------------------------------- the splits


def test_splits_can_be_recomputed_from_the_pictures():
    assert splits.assign(list(all_rows()), list(digests())) == [row["split"] for row in all_rows()]


def test_the_data_card_states_the_hash_of_the_splits():
    card = (data_dir() / "emoji" / "README.md").read_text(encoding="utf-8")
    assert hash_of_splits(ALL_STYLES) in card and FIRST_SPLITS in card


def test_the_licenses_that_the_card_names_are_there():
    folder = data_dir() / "emoji"
    named = set(re.findall(r"`(licenses/[^`]+)`", (folder / "README.md").read_text(encoding="utf-8")))
    assert {f"licenses/{file.name}" for file in (folder / "licenses").iterdir()} == named
    assert len(named) == 4


def hash_of_splits(styles):
    listing = "\n".join(f"{row['hexcode']} {row['style']} {row['split']}" for row in read_rows(styles))
    return hashlib.sha256(listing.encode()).hexdigest()


def test_no_picture_of_the_first_styles_changed_its_split():
    assert splits.FIRST_STYLES == ALL_STYLES[:4]
    assert hash_of_splits(splits.FIRST_STYLES) == FIRST_SPLITS


def test_no_picture_is_on_two_sides():
    sides = defaultdict(set)
    for row, digest in zip(all_rows(), digests(), strict=True):
        sides[digest].add(row["split"])
    assert all(len(side) == 1 for side in sides.values())


def test_unseen_emoji_are_unseen_in_every_style_and_tone():
    unseen = {row["base_hexcode"] for row in rows_of("unseen_emoji")}
    assert 120 <= len(unseen) <= 130
    assert unseen.isdisjoint(row["base_hexcode"] for row in all_rows() if row["split"] != "unseen_emoji")


def test_gender_siblings_are_unseen_together():
    by_code, by_name = defaultdict(set), defaultdict(set)
    for row in all_rows():
        held_out = row["split"] == "unseen_emoji"
        by_code[splits.family(row["base_hexcode"])].add(held_out)
        if row["hexcode"] == row["base_hexcode"]:  # "man juggling", "deaf woman" -> "juggling", "deaf"
            by_name[re.sub(r"\b(man|woman|person|men|women|people) ?", "", row["name"].lower())].add(held_out)
    assert all(len(sides) == 1 for sides in by_code.values())
    assert all(len(sides) == 1 for sides in by_name.values())
    assert sum(sides == {True} for sides in by_code.values()) < 120  # there are siblings among the unseen


def test_unseen_pairs_are_seen_in_another_style():
    styles = defaultdict(set)
    pairs = defaultdict(set)
    for row in all_rows():
        pairs[row["base_hexcode"], row["style"]].add(row["split"])
        if row["split"] == "train":
            styles[row["base_hexcode"]].add(row["style"])
    held_out = {pair for pair, sides in pairs.items() if "unseen_pair" in sides}
    for base, style in held_out:
        assert pairs[base, style] == {"unseen_pair"}  # all tones of it
        assert styles[base] - {style}
    assert 0.035 < len(held_out) / len(pairs) < 0.065


def test_unseen_tones_are_seen_in_other_tones():
    seen, tones = defaultdict(set), set()
    held_out = {(row["base_hexcode"], row["skin_tone"]) for row in rows_of("unseen_tone")}
    for row in all_rows():
        if row["skin_tone"]:
            tones.add((row["base_hexcode"], row["skin_tone"]))
            if row["style"] in COLORED and row["split"] == "train":
                seen[row["base_hexcode"]].add(row["skin_tone"])
    assert all(row["style"] in COLORED and row["skin_tone"] for row in rows_of("unseen_tone"))
    for base, tone in held_out:
        assert tone not in seen[base] and len(seen[base]) >= 3  # of five, or of twenty-five for two persons
    assert 0.03 < len(held_out) / len(tones) < 0.065


def test_sisters_are_two_finishes_of_one_drawing():
    assert set(SISTERS) < set(ALL_STYLES) and all(SISTERS[SISTERS[style]] == style for style in SISTERS)
    train = [
        row_of("1F408", "stencil"),
        row_of("1F408", "cartoon"),
        {**row_of("1F44B", "3D render"), "skin_tone": "dark"},
    ]
    asked = [("1F408", "3D render"), ("1F408", "stencil"), ("1F415", "3D render"), ("1F44B", "stencil")]
    asked += [("1F408", "cartoon"), ("1F408", "flat icon"), ("1F408", "sketch")]
    found = has_sister_in_train([row_of(*pair) for pair in asked], train)
    assert found.dtype == torch.bool and found.tolist() == [True, False, False, True, False, False, False]
    assert has_sister_in_train([], train).shape == (0,)


def test_most_unseen_pairs_in_two_finishes_have_a_sister_in_train():
    train = rows_of("train")
    for style, count in zip(ALL_STYLES, (141, 0, 0, 136, 91, 105), strict=True):
        held_out = [row for row in rows_of("unseen_pair") if row["style"] == style]
        assert has_sister_in_train(held_out, train).sum() == count
    assert not has_sister_in_train(rows_of("unseen_emoji"), train).any()


# ---------------------------------------------------------------- the functions of the splits


def test_draw_lot_is_sha_256():
    # printf 'dalle-lessons/emoji/1:emoji:1F600' | sha256sum
    assert splits.draw_lot("emoji:1F600") == 0x6A089883F78DB9F6 / 2**64
    lots = np.array([splits.draw_lot(str(i)) for i in range(2000)])
    assert 0 <= lots.min() and lots.max() < 1 and abs(lots.mean() - 0.5) < 0.03


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1F469-200D-1F373", "1F9D1-200D-1F373", True),  # woman cook, cook
        ("1F468-1F3FF-200D-1F373", "1F469-1F3FB-200D-1F373", True),  # and in two tones
        ("1F3C3-200D-2640-FE0F", "1F3C3-200D-2642-FE0F-200D-27A1-FE0F", True),  # woman running, man running right
        ("1F9D4-200D-2640-FE0F", "1F9D4", True),  # beards
        ("1F469-200D-1F373", "1F469-200D-1F33E", False),  # cook, farmer
        ("1F469-200D-1F373", "1F373", False),  # the frying pan alone
        ("2640-FE0F", "2642-FE0F", False),  # the signs themselves
        ("1F408", "1F408-200D-2B1B", False),  # cat, black cat
    ],
)
def test_family(one, other, same):
    assert (splits.family(one) == splits.family(other)) is same


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=12), st.randoms())
def test_groups_do_not_depend_on_the_order_of_joining(joins, rng):
    def found(joins):
        groups = splits.Groups()
        for items in joins:
            groups.join(items)
        return {item: groups.find(item) for item in range(31)}

    shuffled = [rng.sample(items, len(items)) for items in rng.sample(joins, len(joins))]
    assert found(joins) == found(shuffled)
    name = {item: item for item in range(31)}  # the slow way: the smallest name spreads until nothing changes
    for _ in range(31):
        for items in joins:
            for item in items:
                name[item] = min(name[other] for other in items)
    assert found(joins) == name


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1F469-200D-1F373", "1F9D1-200D-1F373", "1F408", "1F415", "1F44B", "1F44C"]),
        st.sampled_from(ALL_STYLES),
        st.sampled_from(["", *TONES]),
        st.integers(0, 9),  # the picture
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:3],
)


@given(ROWS)
def test_identical_pictures_are_never_on_two_sides(drawn):
    rows = [{"base_hexcode": base, "style": style, "skin_tone": tone} for base, style, tone, _ in drawn]
    pictures = [f"{style} {picture}" for _, style, _, picture in drawn]
    alike = {
        "3D render 0": "cartoon 0",
        "stencil 0": "sketch 0",
        "stencil 1": "3D render 1",
    }  # a later one, and another
    pictures = [alike.get(picture, picture) for picture in pictures]
    first = [i for i, row in enumerate(rows) if row["style"] in splits.FIRST_STYLES]
    with pytest.MonkeyPatch.context() as patch:  # so few rows need larger shares
        patch.setattr(splits, "UNSEEN_EMOJI", 1)
        patch.setattr(splits, "UNSEEN_PAIR", 0.3)
        patch.setattr(splits, "UNSEEN_TONE", 0.3)
        found = splits.assign(rows, pictures)
        alone = splits.assign([rows[i] for i in first], [pictures[i] for i in first])
        again = dict(zip(map(str, reversed(rows)), splits.assign(rows[::-1], pictures[::-1]), strict=True))
    assert [again[str(row)] for row in rows] == found  # nor does the order of the rows matter
    assert alone == [found[i] for i in first]  # nor do later styles
    sides = defaultdict(set)
    for picture, split in zip(pictures, found, strict=True):
        sides[picture].add(split)
    assert all(len(side - {None}) == 1 for side in sides.values())  # None: left out, for it would be on two


def row_of(base, style):
    return {"base_hexcode": base, "style": style, "skin_tone": ""}


def test_a_later_picture_that_is_that_of_a_held_out_emoji_is_left_out(monkeypatch):
    monkeypatch.setattr(splits, "UNSEEN_EMOJI", 1)
    monkeypatch.setattr(splits, "UNSEEN_PAIR", 0.0)
    rows = [row_of(base, style) for style in ("cartoon", "stencil") for base in ("1F415", "1F408")]  # a dog, a cat
    assert splits.assign(rows, ["dog", "cat", "black dog", "black cat"]) == ["unseen_emoji", "train"] * 2
    assert splits.assign(rows, ["dog", "cat", "animal", "animal"]) == ["unseen_emoji", "train", "unseen_emoji", None]
    assert splits.assign(rows, ["dog", "cat", "cat", "cat"]) == ["unseen_emoji", "train", None, "train"]


# ---------------------------------------------------------------- captions and batches


def test_full_captions():
    captions = {full_caption(row) for row in all_rows()}
    assert len(captions) == len(all_rows())
    assert {
        "a sketch of a cat face",
        "a cartoon of an orange heart",
        "a flat icon of people with bunny ears",
        "an illustration of one o’clock",
        "a 3D render of an octopus",
        "a stencil of a lion",
        "a cartoon of a waving hand: medium-dark skin tone",
    } <= captions


@pytest.mark.parametrize(
    "phrase",
    [
        *(
            "a cat face",
            "an orange",
            "a unicorn",
            "an umbrella",
            "an hourglass done",
            "a house",
            "a one-piece swimsuit",
        ),
        *("an onion", "a ewe", "a euro banknote", "an x-ray", "an elephant", "an upside-down face", "a UFO"),
        *(
            "hands",
            "scissors",
            "jeans",
            "a bus",
            "a cactus",
            "a glass of milk",
            "a wine glass",
            "a rhinoceros",
            "maracas",
        ),
        *("people with bunny ears", "women holding hands", "a woman and man holding hands", "a person lifting weights"),
        *("a face with tears of joy", "a face holding back tears", "clinking glasses", "a pair of glasses", "tennis"),
        *("a family: man, woman, boys", "a skull and crossbones", "a globe showing Americas", "bacon", "santa claus"),
        *(
            "the Statue of Liberty",
            "two o’clock",
            "two-thirty",
            "a 1st place medal",
            "no bicycles",
            "a children crossing",
        ),
    ],
)
def test_articles(phrase):
    assert with_article(re.sub("^(a|an|the) ", "", phrase)) == phrase


def test_varied_captions_follow_their_seed():
    for row in read_rows()[::701]:
        one, same = ([varied_caption(row, rng) for _ in range(50)] for rng in (random.Random(3), random.Random(3)))
        assert one == same and len(set(one)) > 10
        assert one != [varied_caption(row, rng) for rng in [random.Random(4)] for _ in range(50)]


def test_varied_captions_cover_what_people_type():
    row = next(r for r in read_rows() if r["name"] == "cat face" and r["style"] == "flat icon")
    rng = random.Random(0)
    captions = Counter(varied_caption(row, rng) for _ in range(5000))
    expected = ["a flat icon of a cat face", "a cat face", "cat face", "flat icon of cat face", "a cat face, flat icon"]
    assert all(captions[caption] for caption in [*expected, "a flat icon of cat face", "pet"])
    assert captions.most_common(1)[0][0] == full_caption(row)
    total = captions.total()
    assert sum(n for c, n in captions.items() if "flat icon" not in c) / total == pytest.approx(0.12, abs=0.03)
    assert sum(n for c, n in captions.items() if "cat face" not in c) / total == pytest.approx(0.13, abs=0.03)
    words = {word for caption in captions for word in re.split(", | of ", caption)}
    assert words <= {"a flat icon", "flat icon", "a cat face", "cat face", *row["tags"].split(", ")}


def test_an_emoji_without_tags_has_captions_too():
    row = {"name": "Taurus", "tags": "", "style": "sketch"}
    rng = random.Random(0)
    assert {varied_caption(row, rng) for _ in range(300)} == {
        *("a sketch of taurus", "sketch of taurus", "taurus, sketch", "taurus")
    }


def test_skin_tones_are_an_eighth_of_a_batch():
    pairs = emoji("train")
    toned = torch.tensor([bool(row["skin_tone"]) for row in pairs.metadata])
    assert torch.equal(pairs.weights, torch.where(toned, TONE_WEIGHT, 1.0))
    assert toned.float().mean() == pytest.approx(0.525, abs=0.001)  # of the pictures
    assert (pairs.weights[toned].sum() / pairs.weights.sum()).item() == pytest.approx(0.117, abs=0.001)  # of a batch
