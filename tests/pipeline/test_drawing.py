"""What a drawing knows of itself: the facts that determine it, and lists of drawings."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image

from dalle_lessons import Drawing, Drawings
from dalle_lessons.pipeline.drawing import facts_of
from dalle_lessons.pipeline.provenance import has_watermark, verify
from dalle_lessons.pipeline.settings import Settings

CAPTION = "a red circle"


def facts_and_tokens(drawings: Drawings) -> tuple[str, list]:
    return json.dumps(facts_of(drawings), sort_keys=True), [drawing.tokens.tolist() for drawing in drawings]


WAYS = {
    "as it comes": {},
    "cooler": {"temperature": 0.3},
    "top-k": {"top_k": 2},
    "top-p": {"top_p": 0.5},
    "guided": {"guidance": 2.0},
    "another seed": {"seed": 1},
    "another index": {"indices": [1]},
    "another caption": {"caption": "a blue square"},
}


def test_other_settings_are_other_facts_and_equal_facts_the_same_picture(whole):
    def draw(way: dict) -> tuple[str, list]:
        return facts_and_tokens(whole.draw(**{"caption": CAPTION, "indices": [0], **way}))

    found = {name: draw(way) for name, way in WAYS.items()}
    assert len({facts for facts, _ in found.values()}) == len(WAYS)
    for name, way in WAYS.items():
        assert draw(way) == found[name]
    assert len({json.dumps(tokens) for _, tokens in found.values()}) > 4  # the pictures differ indeed


def test_facts_name_every_setting_and_all_weights(whole):
    (drawing,) = whole.draw(CAPTION, indices=[5], seed=3, temperature=0.5, top_k=4, top_p=0.9, guidance=1)
    facts = drawing.facts()
    assert facts["pictures"] == [{"seed": 3, "index": 5}] and facts["caption"] == CAPTION
    expected = {"temperature": 0.5, "top_k": 4, "top_p": 0.9, "guidance": 1.0}
    assert {name: facts[name] for name in expected} == expected
    for name, model in (("dvae", whole.dvae), ("dalle", whole.dalle), ("clip", whole.clip)):
        assert facts[f"{name}_sha256"] == model.weights_sha256 and len(model.weights_sha256) == 64
    assert facts["torch"] == torch.__version__ and facts["dalle_lessons"] and facts["numpy"]
    assert facts["device"].startswith("cpu (") and facts["dtype"] == "float32"
    assert json.loads(json.dumps(facts)) == facts
    known = {"caption", "pictures", *(field.name for field in fields(Settings))}
    assert set(facts) == known - {"edit_sha256", "given_rows", "given_sha256", "source_sha256", "negative_caption"}


def test_what_was_given_is_among_the_facts(whole):
    noise = np.random.default_rng(0).integers(0, 256, (16, 12, 12, 3), dtype=np.uint8)
    one, *others = (Image.fromarray(pixels) for pixels in noise)
    row = whole.image_tokens(one, 3)[0, 0]
    other = next(image for image in others if not torch.equal(whole.image_tokens(image, 3)[0, 0], row))
    completed = [whole.complete(image, rows, CAPTION, 1, 1) for image in (one, other) for rows in (1, 2)]
    assert len({facts_and_tokens(drawings)[0] for drawings in completed}) == 4
    assert [drawings[0].facts()["given_rows"] for drawings in completed] == [1, 2, 1, 2]
    edited = [whole.edit(image, "as a sketch", candidates=2)[0].facts() for image in (one, other)]
    assert edited[0]["source_sha256"] != edited[1]["source_sha256"]
    assert edited[0]["edit_sha256"] == whole.editor.weights_sha256
    assert not {"dalle_sha256", "clip_sha256"} & set(edited[0])  # an edit is ranked by likelihood
    again = whole.edit(one.copy(), "as a sketch", candidates=2)[0].facts()
    assert again == edited[0]


def test_weights_that_come_from_no_file_have_no_hash():
    from tiny import tiny_system

    facts = tiny_system(clip=False, editor=False).draw(CAPTION, indices=[0])[0].facts()
    assert facts["dalle_sha256"] == facts["dvae_sha256"] == "" and "clip_sha256" not in facts


def test_a_file_holds_the_facts_signed_and_as_text(whole, tmp_path):
    drawings = whole.draw(CAPTION, images=3, candidates=4)
    for made, path in ((drawings, tmp_path / "grid.png"), (drawings[:1], tmp_path / "few" / "one.png")):
        saved = made.save(path)
        assert verify(saved).facts == json.loads(Image.open(saved).text["Description"]) == facts_of(made)
        assert has_watermark(Image.open(saved)) and verify(saved).state == "signed"
    single = drawings[1].save(tmp_path / "single.png")
    assert verify(single).facts == drawings[1].facts() and not has_watermark(Image.open(single))


def test_a_huge_seed_is_signed_as_one_that_draws_the_same(whole, tmp_path):
    for seed, signed in ((2**70 + 7, 7), (-5, -5), (2**64 - 1, -1), (2**63 - 1, 2**63 - 1), (np.int64(3), 3)):
        (drawing,) = whole.draw(CAPTION, indices=[0], seed=seed)
        assert verify(drawing.save(tmp_path / "one.png")).facts["pictures"] == [{"seed": signed, "index": 0}]
        assert whole.draw(CAPTION, indices=[0], seed=signed)[0].tokens.equal(drawing.tokens)


def test_a_grid_of_different_drawings_says_what_differs(whole):
    mixed = Drawings([*whole.draw(CAPTION, indices=[0]), *whole.draw("a blue square", indices=[1], temperature=0.5)])
    facts = facts_of(mixed)
    assert facts["pictures"] == [
        {"seed": 0, "index": 0, "caption": CAPTION, "temperature": 1.0},
        {"seed": 0, "index": 1, "caption": "a blue square", "temperature": 0.5},
    ]
    assert "caption" not in facts and facts["guidance"] == 0.0


def test_drawings_can_be_compared_and_kept_in_sets(whole):
    first, again = (whole.draw(CAPTION, indices=[0])[0] for _ in range(2))
    assert first == first and first != again and len({first, again, first}) == 2
    assert first in Drawings([again, first]) and isinstance(hash(first), int)
    assert replace(first, seed=1).tokens is first.tokens


def test_a_slice_of_drawings_is_drawings(whole, tmp_path):
    drawings = whole.draw(CAPTION, images=4, candidates=4)
    assert isinstance(drawings[:3], Drawings) and isinstance(drawings[0], Drawing)
    assert drawings[1:3] == [drawings[1], drawings[2]] and drawings[-1] is drawings[3]
    assert drawings[:2].save(tmp_path / "two.png").exists()


def test_no_drawings_are_no_grid(tmp_path):
    for wrong in (lambda: Drawings().save(tmp_path / "none.png"), Drawings().grid):
        with pytest.raises(ValueError, match="no picture"):
            wrong()
    assert not (tmp_path / "none.png").exists()
