"""Steppers without kernel or browser: back and forth, questions before answers, and what stands in for them."""

import html
import io
import re
import zlib
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import pytest
import torch
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from tiny import tiny_system

from dalle_lessons import TextToImage
from dalle_lessons.classroom import figures, markup, steppers, two_painters
from dalle_lessons.classroom.joined import joined_boxes
from dalle_lessons.classroom.steppers import Frame, Stepper
from dalle_lessons.classroom.steppers.place_map import KINDS
from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.datasets.images import to_image
from dalle_lessons.datasets.scenes import Scene, SceneObject, draw
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.clip import CLIP
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.judge import Judge


def plain(text: str) -> figures.Picture:
    return figures.bars(["a"], [float(len(text))], alt=f"picture {text}")


WIDGET = "application/vnd.jupyter.widget-view+json"


class Counting(Stepper):
    title = "Counting"
    length = 5

    def frame(self, i):
        asked = {"question": "Even?", "choices": ("yes", "no"), "answer": i % 2, "because": "2 = 2 · 1."}
        question = asked if i == 2 else {}
        return Frame(plain("x" * (i + 1)), f"number {i}", **question)


def buttons(stepper):
    return {button.description: button for button in stepper._buttons.children}


ATTACKS = (
    '<img src=x onerror="window.pwned=1">',
    "a < b <script>x</script>",
    '<div role="status" onclick="x">',
    "&lt;svg/onload=x&gt;",
)


def html_of(widget) -> list[str]:
    """What a stepper and all its parts hold as HTML."""
    own = [widget.value] if isinstance(widget, widgets.HTML) else []
    return [value for part in getattr(widget, "children", ()) for value in html_of(part)] + own


def dangerous(values: list[str]) -> list[str]:
    """The tags that are not among the few of the course."""
    return [tag for value in values for tag in re.findall(r"<[^>]*>?", value) if not markup.TAGS.fullmatch(tag)]


MERGES = [(b"a", b"t", 9), (b" ", b"c", 7), (b"c", b"at", 5), (b" c", b"at", 4)]


def at_once(system):
    """Lesson 19's network that draws all places at once."""
    return two_painters.trained(two_painters.AtOnce(system.tokenizer.vocab_size), "at_once")


def with_text_fields():
    """Each stepper that takes text, and its fields."""
    system = TextToImage.from_pretrained("shapes")
    stages = {0: system.dalle, 100: system.dalle}
    tokens = torch.zeros(64, dtype=torch.int64)
    caption = "a big red circle"
    yield steppers.GrowingScene(shapes("train", 20), caption)
    yield steppers.DrawStep(system, caption)
    yield steppers.LogitLens(system, caption, tokens)
    yield steppers.TrainingStages(stages, [0, 100], [5.0, 1.0], system.dvae, system.tokenizer, caption)
    yield steppers.OneWord(system, [caption, "a big blue circle"])
    yield steppers.Merges(MERGES, "circle")
    yield steppers.YouSample(system, caption)
    yield steppers.Matching(CLIP.from_pretrained("shapes"), torch.rand(2, 3, 32, 32), [caption, "a cross"])
    yield steppers.OneChange(system, caption, "a big blue circle")
    yield steppers.ChangeOfMind(system, at_once(system), caption, "a big blue circle")


def text_fields(widget) -> list:
    own = [widget] if isinstance(widget, widgets.Text) else []
    return [field for part in getattr(widget, "children", ()) for field in text_fields(part)] + own


@pytest.mark.slow
def test_a_caption_is_never_part_of_the_page():
    tried = set()
    for stepper in with_text_fields():
        for field in text_fields(stepper):
            for attack in ATTACKS[:1]:
                field.value = f"a big {attack} circle"
                for i in {0, stepper.length - 1}:
                    stepper.go(i)
                    stepper.reveal()
                    assert dangerous(html_of(stepper)) == [], type(stepper).__name__
            tried.add(type(stepper).__module__.split(".")[-1])
    folder = Path(steppers.__file__).parent
    taking = {path.stem for path in folder.glob("*.py") if "widgets.Text(" in path.read_text(encoding="utf-8")}
    assert tried == taking, "each stepper that takes text is tried here"


def test_frames_of_any_stepper_keep_the_courses_tags_alone():
    class Reading(Counting):
        def frame(self, i):
            return Frame(plain(ATTACKS[0]), f"<b>{ATTACKS[i % 4]}</b>", f"{ATTACKS[0]}?", (ATTACKS[0],), 0)

    s = Reading()
    for i in range(s.length):
        s.go(i)
        assert dangerous(html_of(s)) == []
        s.guess(0)
        values = html_of(s)
        assert dangerous(values) == [] and any("<b>" in value for value in values)
        assert html.escape(ATTACKS[i % 4]) in "".join(values) or "&lt;svg" in ATTACKS[i % 4]


def test_only_one_module_makes_html():
    """A new stepper, or a new part of the playground, cannot go round it."""
    folder = Path(steppers.__file__).parents[1]
    for path in folder.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.name != "markup.py":
            assert not re.search(r"widgets\.(HTML|HTMLMath|Label)\(|IPython\.|import IPython|from IPython", source), (
                path
            )
        if path.name not in ("markup.py", "shell.py"):  # the latter hands out the notebook's shell, and no display
            assert "IPython" not in source, path


def test_safe_html_keeps_pictures_and_escapes_once():
    shown = markup.image(plain('a "quoted" <b> picture'))
    assert markup.safe(shown) == shown and markup.safe(markup.safe("a < b & c")) == "a &lt; b &amp; c"
    assert "<img" not in markup.safe(shown.replace("data:image/png", "https://example.org"))


def test_the_verdict_stands_where_the_buttons_were():
    s = Counting()
    parts = list(s.children)
    assert parts.index(s._buttons) + 1 == parts.index(s._score) < parts.index(s._picture)


def test_a_change_keeps_the_place_or_begins_anew():
    s = Counting()
    s.go(3)
    s.renew(keep=True)
    assert s.position == 3 and "<b>4 of 5</b>" in s._place.value and "number 3" in s._text.value
    s.length = 2
    s.renew(keep=True)
    assert s.position == 1 and "<b>2 of 2</b>" in s._place.value
    s.renew()
    assert s.position == 0


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
    assert (s.guesses, s.right) == (1, 0)
    assert "<b>Not quite: yes.</b> 2 = 2 · 1. 0 of 1 guesses right so far." in s._score.value
    s.go(1)
    assert s._score.value == "0 of 1 guesses right so far."  # the verdict was on another step
    s.go(2)
    assert "number 2" in s._text.value and "Not quite" in s._score.value  # answered once, it stays open
    s.renew()
    s.go(2)
    buttons(s)["yes"].click()
    assert (s.guesses, s.right) == (2, 1)


def test_show_me_counts_no_guess():
    s = Counting()
    s.go(2)
    buttons(s)["Show me"].click()
    assert s.guesses == 0 and "number 2" in s._text.value


class Explaining(Counting):
    def frame(self, i):
        return Frame(plain(""), f"number {i}: 3 of 4.", "How many?", ("3", "4"), 0, because="3 of 4.")


def test_a_reason_is_said_once():
    s = Explaining()
    buttons(s)["Show me"].click()
    assert "number 0: 3 of 4." in s._text.value  # without a guess there is no verdict to say it
    s.go(1)
    buttons(s)["4"].click()
    assert "3 of 4." in s._score.value and "3 of 4." not in s._text.value and "number 1:" in s._text.value


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


def test_a_page_of_an_executed_lesson_shows_the_strip_where_no_state_is_stored():
    """As `jupyter nbconvert --execute --ExecutePreprocessor.store_widget_state=False` makes it: readable offline."""
    data, metadata = Counting()._repr_mimebundle_()
    assert WIDGET in data
    output = new_output("display_data", data, metadata=metadata)
    page, _ = HTMLExporter().from_notebook_node(new_notebook(cells=[new_code_cell("Counting()", outputs=[output])]))
    assert data["image/png"] in page and WIDGET not in page


@pytest.mark.parametrize("name", sorted(steppers.MODULES))
def test_every_stepper_can_be_found(name):
    assert issubclass(getattr(steppers, name), Stepper)


def test_codes_in_training_asks_for_the_nearest_code():
    s = steppers.CodesInTraining()
    frames = [s.frame(i) for i in range(s.length)]
    asked = [i for i in range(s.length) if frames[i].question]
    answers = set()
    for i in asked:
        codes, right = s.choices(i)
        near = torch.cdist(s.plane.vectors[i, s.cell][None], s.plane.codes[i])[0]
        assert codes[right] == int(near.argmin()) and len(set(codes)) == 4
        assert frames[i].hidden is not None and f"code {codes[right]}: {float(near.min()):.2f}" in frames[i].because
        answers.add(codes[right])
    assert len(asked) >= 3 and len(answers) > 1  # not always the same code
    assert all(frames[i].hidden is None for i in range(s.length) if i not in asked)


def test_soft_choice_grows_hard_as_it_cools():
    generator = torch.Generator().manual_seed(0)
    logits, codes = torch.randn(9, 2, 2, generator=generator), torch.randn(9, 3, generator=generator)
    s = steppers.SoftChoice(logits, codes, torch.sigmoid, place=(1, 0), steps=4)
    for i in range(4):
        gumbel, soft = s.parts(i)
        frame = s.frame(i)
        winner = int((s.logits + gumbel)[:, 1, 0].argmax())
        assert int(soft[:, 1, 0].argmax()) == winner and frame.choices[frame.answer] == f"code {winner}"
        assert f"code {winner}: {float((s.logits + gumbel)[winner, 1, 0]):.1f}" in frame.because
    s.go(2)
    s.reveal()
    before = s._picture.value
    s.temperature.value = 0.05
    assert s.parts(2)[1][:, 1, 0].max() > 0.9 and s._picture.value != before
    assert s.position == 2 and not s._question.value
    s.temperature.value = 10.0
    assert s.parts(2)[1][:, 1, 0].max() < 0.5


def test_races_are_won_as_often_as_the_softmax_says():
    logits = torch.tensor([1.0, 0.0, 2.0, -1.0])
    s = steppers.Race(logits, singles=2, counts=(10, 5000))
    assert s.length == 4
    for i in range(2):
        frame = s.frame(i)
        winner = int((logits + -s.waits[i].log()).argmax())  # the first clock is the largest logit + Gumbel noise
        assert frame.choices[frame.answer] == f"code {winner}" and f"= {s.times[i, winner]:.2f}" in frame.because
        assert f"code {winner} rings first" in frame.picture.alt and "guessed" in frame.hidden.alt
    assert (s.winners(5000) / 5000 - logits.softmax(0)).abs().max() < 0.03
    assert "After 5,000 races" in s.frame(3).text and not s.frame(3).question


def painter() -> steppers.TokenPainter:
    dvae = DVAE.from_pretrained("shapes")
    grids = dvae.encode(shapes("test", 60).pictures.float() / 255)
    return steppers.TokenPainter(dvae, grids[2], grids)


def test_token_painters_buttons_say_what_they_do_to_those_who_cannot_see_them():
    stepper = painter()
    stepper.go(9)
    names = [cell.description for cell in stepper.cells]
    assert names[9].startswith("Row 1, column 1: ") and names[9].endswith(", chosen")
    assert sum("chosen" in name for name in names) == 1 and len(set(names)) == 64
    assert all(re.fullmatch(r"Put in code \d+: [a-z]+, [\d.]+%", tile.description) for tile in stepper.palette)
    white = torch.ones(3, 32, 32)
    white[:, 8:12, 4:8] = torch.tensor([0.8, 0.15, 0.15])[:, None, None]  # the patch at row 2, column 1
    stepper._paint(9, white, torch.zeros(24, 3, 4, 4), list(range(24)), ["1%"] * 24)
    assert stepper.cells[17].description == "Row 2, column 1: red"
    assert stepper.cells[9].description == "Row 1, column 1: white, chosen"
    assert stepper.palette[3].description == "Put in code 3: black, 1%"


def test_a_question_that_is_answered_hands_the_keyboard_on_to_forward(monkeypatch):
    focused = []
    monkeypatch.setattr(widgets.Button, "focus", lambda self: focused.append(self.description))
    stepper = steppers.Race(torch.tensor([1.0, 0.0, 2.0]))
    stepper._buttons.children[0].click()
    stepper.go(1)
    stepper._buttons.children[-1].click()  # Show me
    assert focused == ["Forward ▶"] * 2


def test_token_painter_puts_the_chosen_tile_into_the_chosen_cell_and_takes_it_back():
    s = painter()
    start = s.tokens.clone()
    assert s.length == 64 == len(s.cells) and s.position == 36
    s.cells[19].click()
    assert s.position == 19 and "row 2, column 3" in s._text.value
    for kind in s.kind.options:
        s.kind.value = kind
        codes, why = s.choices(19)
        assert s.position == 19 and len(codes) == len(why) == len(s.palette) == len(set(codes))
        assert all(f"code {code} " in tile.tooltip for code, tile in zip(codes, s.palette, strict=True))
    codes, old = s.choices(19)[0], s._picture.value
    s.palette[5].click()
    assert int(s.tokens[2, 3]) == codes[5] and int((s.tokens != start).sum()) <= 1 and s._picture.value != old
    s.cells[20].click()
    s.palette[7].click()
    s.undo.click()
    assert int(s.tokens[2, 3]) == codes[5] and int((s.tokens != start).sum()) <= 1
    s.again.click()
    assert torch.equal(s.tokens, start)
    s.undo.click()
    assert int(s.tokens[2, 3]) == codes[5]
    s.undo.click()
    s.undo.click()
    assert torch.equal(s.tokens, start)
    s.up.click()
    assert s.position == 12
    s.down.click()
    s.forward.click()
    assert s.position == 21


def test_token_painter_says_how_much_the_colors_jump_between_patches():
    s = painter()
    picture = torch.zeros(3, 8 * s.dvae.config.factor, 8 * s.dvae.config.factor)
    assert s.jumps(picture) == 0
    picture[..., 4 * s.dvae.config.factor :] = 1  # one border of seven, crossed to the right
    assert s.jumps(picture) == pytest.approx(1 / 7)
    assert f"jump by {s.jumped:.3f}; at the start it was {s.jumped:.3f}" in s.frame(0).text


def test_token_painter_knows_what_stands_between_such_neighbors():
    s = painter()
    i = 27
    votes = s.neighbor_votes(i)
    assert float(votes.sum()) == pytest.approx(1.0, abs=1e-5)
    by_hand = []
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        found = torch.zeros(256)
        for grid in s.grids:
            for r in range(8):
                for c in range(8):
                    inside = 0 <= r + down < 8 and 0 <= c + right < 8
                    if inside and grid[r + down, c + right] == s.tokens[3 + down, 3 + right]:
                        found[grid[r, c]] += 1
        by_hand.append(found / found.sum())
    torch.testing.assert_close(votes, torch.stack(by_hand).mean(0))
    s.go(i)
    s.kind.value = "nearest codes"
    assert s.choices(i)[0][0] == int(s.tokens[3, 3]) and s.choices(i)[1][0] == "distance 0.00"


def test_merges_are_joined_in_the_order_in_which_they_were_learned():
    s = steppers.Merges(MERGES, "a cat scat")
    assert s.states[0] == [[b" ", b"a"], [b" ", b"c", b"a", b"t"], [b" ", b"s", b"c", b"a", b"t"]]
    assert s.joined[1:] == [(b"a", b"t"), (b" ", b"c"), (b"c", b"at"), (b" c", b"at")]
    assert s.states[-1] == [[b" ", b"a"], [b" cat"], [b" ", b"s", b"cat"]]
    assert s.length == 5


def test_a_question_about_merges_can_be_answered_by_the_counts_it_shows():
    s = steppers.Merges(MERGES, "a cat scat")
    for i in range(1, s.length):
        frame = s.frame(i)
        if not frame.question:
            continue
        counts = {merges_name(left, right): times for left, right, times in MERGES}
        best = max(frame.choices, key=counts.__getitem__)
        assert frame.choices[frame.answer] == best and len(set(frame.choices)) == len(frame.choices) >= 2
        assert all(f"{choice} {counts[choice]} times" in frame.hidden.alt for choice in frame.choices)
        assert f"{best} was counted {counts[best]} times" in frame.because
    assert "only pair here" in s.frame(4).text and not s.frame(4).question
    ties = steppers.Merges([(b"a", b"b", 3), (b"b", b"c", 3)], "abc")
    assert "of equals, the one learned first: merge 1 before 2" in ties.frame(1).because


def merges_name(left, right):
    return f"{left.decode()} + {right.decode()}".replace(" ", "␣").replace("␣+␣", " + ")


def test_a_text_that_cannot_be_stepped_through_is_refused_openly_and_the_one_before_stays():
    s = steppers.Merges(MERGES, "a cat")
    before = s.states
    s.caption.value = "   "
    assert "no letter" in s.remark.value and s.states is before
    s.caption.value = "cat " * 70
    assert "279 bytes, and 200 fit" in s.remark.value and s.states is before
    s.go(1)
    s.caption.value = "CAT 猫"
    assert "Read as: cat 猫" in s.remark.value and s.position == 0
    assert s.frame(0).picture.alt == "The text in 8 pieces: ␣ | c | a | t | ␣ | ⟨e7⟩ | ⟨8c⟩ | ⟨ab⟩."
    s.caption.value = "cat"
    assert s.remark.value == ""


def test_all_letters_of_a_long_text_are_in_the_picture():
    s = steppers.Merges(MERGES, "cat " * 40)
    assert s.frame(0).picture.alt.count("c |") == 40
    assert s.frame(0).picture.open().height > steppers.Merges(MERGES, "cat").frame(0).picture.open().height


def test_window_hides_what_comes_after():
    system = TextToImage.from_pretrained("shapes")
    text = system.tokenizer.encode(["a red circle"])[0]  # START, three words, 12 pads
    s = steppers.Window(joined_boxes(system, text, torch.arange(64)), 8)
    assert s.slots == [0, 2, 3, 4, 15, 16, 24, 79] and len(s.boxes) == 81
    kinds = ["a word", "a word", "PAD", "PAD", "[SEP]", "an image", "an image", "an image"]
    counted = [1, 3, 3, 3, 3, 4, 12, 67]
    for i, (slot, kind, count) in enumerate(zip(s.slots, kinds, counted, strict=True)):
        frame = s.frame(i)
        assert frame.hidden.alt.startswith(f"{slot + 1} of 81") and frame.picture.alt.startswith(f"{slot + 2} of 81")
        assert frame.choices[frame.answer].startswith(kind)
        assert f"{count} of {slot + 1} targets count" in frame.because
        assert s.boxes[slot + 1].label.strip() in frame.text and frame.hidden.png != frame.picture.png


def test_growing_scene_narrows_down():
    pairs = shapes("train", 400)
    s = steppers.GrowingScene(pairs, "a big red square above a circle")
    counts = [len(fitting) for fitting in s.fitting]
    assert counts[0] == 400 and counts == sorted(counts, reverse=True) and len(counts) >= 4
    assert s.starts[0][0] == "a square" and s.starts[-1][0] == "a big red square above a circle"
    s.caption.value = "a mauve square"
    assert "mauve" in s.problem.value and s.length == 1
    s.caption.value = "a circle"
    assert s.problem.value == "" and s.length == 2
    assert "say nothing more" in steppers.growing_scene.how_much_it_says(4, 4)
    assert s.frame(1).because.startswith(f"400 / {len(s.fitting[1])} = ") and "bits" in s.frame(1).because
    s.caption.value = " "
    assert "no caption" in s.problem.value and s.length == 1


def test_nearest_training_answers_from_what_is_shown():
    from dalle_lessons.classroom.leak_hunt import Split, nearest_drawings
    from dalle_lessons.datasets.emoji import emoji

    pairs = emoji(None, "cartoon")
    hands = [i for i, row in enumerate(pairs.metadata) if row["name"].startswith("waving hand")]
    apple = next(i for i, row in enumerate(pairs.metadata) if row["name"] == "red apple")
    train = pairs.subset([*hands[:3], hands[3], *range(40, 44)])
    s = steppers.NearestTraining(
        {"x": Split(train, pairs.subset([hands[3], hands[4], apple])), "y": Split(train, train)}
    )
    answers = [s.frame(i).answer for i in range(s.length)]
    assert answers == [0, 1, 2]  # itself, another tone, another thing
    assert "4,096 of 4,096 pixels" in s.frame(0).because and s.frame(0).because[:5] not in s.frame(0).hidden.alt
    s.go(2)
    s.split.value = "y"
    assert s.position == 2 and s.length == len(train)
    index, share = nearest_drawings(train.pictures, train.pictures)
    assert index.tolist() == list(range(len(train))) and share.min() == 1


def test_the_three_splits_of_the_leak_hunt():
    from dalle_lessons.classroom import leak_hunt

    splits = leak_hunt.three_splits()
    assert set(splits) == set(leak_hunt.HOW)
    for split in splits.values():
        assert len(split.held_out) == leak_hunt.HELD_OUT
    equal = {}
    for name, split in splits.items():
        known = {picture.numpy().tobytes() for picture in split.train.pictures}
        equal[name] = sum(picture.numpy().tobytes() in known for picture in split.held_out.pictures)
    assert equal["A"] == equal["B"] == 0 < equal["C"]


def test_attention_weights_are_those_that_the_model_uses():
    from dalle_lessons.classroom.steppers.attention_map import attention_weights

    system = TextToImage.from_pretrained("shapes")
    text, tokens = system.tokenizer.encode(["a red circle"]), torch.arange(64).reshape(1, 64)
    weights = attention_weights(system.dalle, text, tokens)
    c = system.dalle.config
    slots = c.text_length + 64
    assert weights.shape == (c.layers, c.heads, slots, slots)
    torch.testing.assert_close(weights.sum(-1), torch.ones(c.layers, c.heads, slots))
    assert not weights.triu(1).any()
    first = system.dalle.transformer.blocks[0]
    with torch.no_grad():
        x = first.norm1(system.dalle.embedding(text, tokens[:, :-1]))
        value = first.attention.value(x).unflatten(-1, (c.heads, -1)).transpose(1, 2)  # (1, heads, S, C / heads)
        by_hand = first.attention.project((weights[0] @ value[0]).transpose(0, 1).flatten(1))
        torch.testing.assert_close(by_hand, first.attention(x, system.dalle.masks["full"])[0], atol=1e-4, rtol=1e-4)
    s = steppers.AttentionMap(system, "a red circle", tokens.reshape(8, 8), every=20)
    words, rest, before = s.looks(21)
    assert float(words.sum() + rest.sum() + before.sum()) == pytest.approx(1.0, abs=1e-5) and len(before) == 21
    old = s.frame(1)
    assert s.places == [9, 29, 49] and not s.frame(0).question and old.hidden is not None
    s.go(1)
    s.layer.value = 2
    assert s.position == 1 and s.frame(1).picture.png != old.picture.png
    s.layer.value, s.head.value = 1, 2  # the head that looks one row up
    words, rest, before = s.looks(29)
    others = torch.cat((before[:21], before[22:]))
    most = torch.stack((words.max(), before[21], others.max(), rest.max()))
    assert s.frame(1).answer == int(most.argmax()) and f"right above {float(before[21]):.0%}" in s.frame(1).because


def test_the_attention_map_shows_a_students_own_layer():
    """One layer of two heads without a caption: slot 0 is [SEP], slot i is fed token i - 1."""
    system = TextToImage.from_pretrained("shapes")
    own = torch.zeros(1, 2, 64, 64)
    own[0, 0, 29, 0], own[0, 0, 29, 30 - 8] = 0.25, 0.75  # predicts token 29, whose slot above is fed token 21
    own[0, 1, 29, 0], own[0, 1, 29, 10] = 0.625, 0.375
    s = steppers.AttentionMap(system, "", torch.arange(64).reshape(8, 8), every=20, weights=own)
    assert (s.layer.max, s.head.max) == (1, 2)
    frame = s.frame(1)
    assert frame.choices == ("the token right above", "another token of the picture", "[SEP]") and frame.answer == 0
    assert "right above 75%" in frame.because and "[SEP] 25;" in frame.picture.alt
    s.head.value = 2
    assert s.frame(1).answer == 2 and "word" not in s.frame(1).because
    with pytest.raises(ValueError, match=r"\(layers, heads, 64, 64\)"):
        steppers.AttentionMap(system, "", torch.arange(64).reshape(8, 8), weights=torch.zeros(4, 64, 64))


def one_look(start="circle"):
    """The lesson's five words, of which the shapes ask for a color; values are (red, blue)."""
    x = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 0]])
    q, k, v = torch.stack((2 * x[:, 1], 0 * x[:, 1]), dim=1), 2 * x[:, :2], x[:, 2:]
    return steppers.OneLook(["red", "circle", "above", "blue", "square"], q, k, v, start), q, k, v


def test_one_look_computes_what_attention_does():
    s, q, k, v = one_look()
    for slot in range(5):
        s.slot.value = slot
        mask = torch.ones(5, 5, dtype=torch.bool).tril()
        truth = torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask)[0, slot]
        torch.testing.assert_close(s.rows()[4], truth)
        for i in range(s.length):
            frame = s.get(i)
            assert not frame.question or 0 <= frame.answer < len(set(frame.choices)) == len(frame.choices)


def test_one_look_asks_and_keeps_its_place_when_the_query_turns():
    s, *_ = one_look()
    answers = [s.get(i).choices[s.get(i).answer] for i in (1, 3, 4, 5)]
    assert answers == ["red and blue", "above, blue, square", "red", "nearly all red"]
    s.go(4)
    s.turn.value = 90  # now it asks for a shape
    frame = s.get(4)
    assert s.position == 4 and frame.choices[frame.answer] == "circle"
    s.turn.value, s.slot.value = 0, 4
    assert s.get(5).choices[s.get(5).answer] == "half red, half blue"
    with pytest.raises(ValueError, match="two numbers for each word"):
        steppers.OneLook(["a"], torch.ones(1, 3), torch.ones(1, 3), torch.ones(1, 2))


class Unpainted(steppers.DrawStep):
    """All but the picture, which takes a second: what is drawn, asked and kept does not depend on it."""

    def picture(self, i, codes, own, sums, place):
        return NOT_PAINTED


NOT_PAINTED = plain("")


@pytest.fixture
def draw_step():
    return Unpainted(tiny_system(clip=False, editor=False), "a red circle", seed=1)


def test_draw_step_shows_what_the_sampler_drew(draw_step):
    from dalle_lessons.model.sampling import sample

    s = draw_step
    text = s.system.tokenizer.encode(["a red circle"])
    assert torch.equal(s.tokens, sample(s.system.dalle, text, 1)[0]) and s.length == 9
    for i in range(s.length):
        probabilities = s.probabilities(i)
        assert float(probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
        order = probabilities.argsort(descending=True)
        frame = s.frame(i)
        assert frame.answer == min(6, order.tolist().index(int(s.tokens[i])))
        sums = s.sums(i, order)  # what decided: the largest sum of ln p and noise, the best of all others among them
        assert max(range(7), key=lambda n: sum(sums[n])) == frame.answer
        assert frame.choices[6] == "one of the 10 others"
        assert frame.because.startswith("Its sum") and frame.text.endswith(frame.because)


def test_draw_step_tells_in_its_picture_what_came_and_not_before(draw_step):
    s, i = draw_step, 4
    codes = s.probabilities(i).argsort(descending=True)
    sums, own = s.sums(i, codes), s.probabilities(i)
    told, asked = (steppers.DrawStep.picture(s, i, codes, own, sums, place) for place in (2, None))
    assert asked.alt in told.alt and told.alt.endswith("It was c.") and told.png != asked.png


def test_draw_step_keeps_its_place_and_what_is_drawn(draw_step):
    s = draw_step
    place = s.next_unsure(0)
    s.go(place)
    s.guess(0)
    before, noise = s.tokens.clone(), s.noise.clone()
    s.temperature.value = 2.4
    assert s.position == place and place in s._open
    assert torch.equal(s.tokens[:place], before[:place]) and not torch.equal(s.tokens, before)
    assert torch.equal(s.noise, noise)
    s.temperature.value = 1.0
    assert torch.equal(s.tokens, before)
    s.top_k.value = 3
    assert int((s.probabilities(place) > 0).sum()) == 3
    s.top_k.value, s.top_p.value = 0, 0.5
    kept = s.probabilities(place) > 0
    assert 1 <= int(kept.sum()) < 16
    s.guidance.value = 2.0
    assert s.position == place and torch.equal(s.tokens[:place], before[:place])
    s.seed.value = 3
    assert s.position == 0 and not torch.equal(s.noise, noise)
    drawn = s.tokens
    s.caption.value = "red " * 40
    assert "too long" in s.problem.value and torch.equal(s.tokens, drawn)


def test_matching_asks_for_what_clip_prefers():
    clip, pairs = CLIP.from_pretrained("shapes"), shapes("test", 4)
    captions = [pairs.caption(i, None) for i in range(4)]
    s = steppers.Matching(clip, pairs.pictures.float() / 255, captions)
    assert s.length == 8
    for k in range(4):
        row, column = s.frame(k), s.frame(4 + k)
        assert row.choices[row.answer] == f"caption {int(s.similar[k].argmax()) + 1}"
        assert column.choices[column.answer] == f"picture {int(s.similar[:, k].argmax()) + 1}"
        assert f"{float(s.similar[k].max()):.2f}" in row.because and captions[k] in column.question


def test_matching_reads_a_caption_of_the_readers_own_where_they_are():
    pairs = shapes("test", 3)
    s = steppers.Matching(CLIP.from_pretrained("shapes"), pairs.pictures.float() / 255, ["a circle", "a cross", "<b>"])
    s.go(2)
    s.which.value = 1
    assert s.words.value == "a cross"
    before = s.similar.clone()
    s.words.value = "a small red square"
    assert s.position == 2 and s.captions[1] == "a small red square" and not torch.equal(s.similar[:, 1], before[:, 1])
    torch.testing.assert_close(s.similar[:, 0], before[:, 0])
    s.words.value = "red " * 40
    assert "too long" in s.problem.value and s.captions[1] == "a small red square"
    assert "&lt;b&gt;" in s.frame(5).question


def test_logit_lens_ends_with_the_models_own_guess():
    system = TextToImage.from_pretrained("shapes")
    pairs = shapes("test", 1)
    tokens = system.dvae.encode(pairs.pictures.float() / 255)[0]
    s = steppers.LogitLens(system, "a red circle", tokens)
    assert s.length == len(system.dalle.transformer.blocks) + 1
    with torch.no_grad():
        logits = system.dalle(system.tokenizer.encode(["a red circle"]), tokens.reshape(1, -1))[1][0]
    assert torch.equal(s.guesses_of[-1], logits.argmax(-1)) and s.agree(s.length - 1) == 1
    right = logits.softmax(-1)[torch.arange(64), tokens.flatten()]
    torch.testing.assert_close(s.chances[-1], right, atol=1e-4, rtol=1e-3)
    assert not s.frame(s.length - 1).question and s.frame(0).question
    before = s.frame(0).picture.png
    s.caption.value = "red " * 40
    assert "too long" in s.problem.value and s.frame(0).picture.png == before
    s.caption.value = "a big blue square"
    assert not s.problem.value


def test_logit_lens_draws_with_the_first_layers_alone():
    from dalle_lessons.classroom.steppers.logit_lens import first_layers
    from dalle_lessons.model.sampling import sample

    system = TextToImage.from_pretrained("shapes")
    text, layers = system.tokenizer.encode(["a red circle"]), len(system.dalle.transformer.blocks)
    tokens = sample(system.dalle, text, seed=0)
    assert torch.equal(sample(first_layers(system.dalle, layers), text, seed=0), tokens)
    with torch.no_grad():
        x = system.dalle.embedding(text, tokens[:, :-1])
        truth = system.dalle.image_head(system.dalle.transformer.norm(x[:, text.shape[1] :]))
        torch.testing.assert_close(first_layers(system.dalle, 0)(text, tokens)[1], truth)
    frame = steppers.LogitLens(system, "a red circle", tokens).frame(0)
    assert "64" in frame.question and frame.because and "sampled" in frame.text


def fox_for_the_judge():
    """The picture of lesson 13: the system, the judge, the picture, its caption, its row."""
    system, judge, pairs = TextToImage.from_pretrained("emoji"), Judge.from_pretrained("emoji"), emoji("unseen_emoji")
    place = next(i for i, r in enumerate(pairs.metadata) if (r["name"], r["style"]) == ("fox", "cartoon"))
    return system, judge, to_image(pairs.pictures[place]), pairs.caption(place, None), pairs.metadata[place]


def test_rows_given_measures_with_a_judge_that_knows_the_thing_and_more_rows_help():
    s = steppers.RowsGiven(*fox_for_the_judge())
    assert s.length == 8 and s.given[0] == 0
    named = []
    for i in range(s.length):
        named.append(s.completions(i).named)
        f = s.frame(i)
        assert f.choices[f.answer].split()[0] == ("fewer" if named[i] < 8 else "8" if named[i] < 24 else "24")
        assert f.hidden is not None and f.hidden.png != f.picture.png and f"{named[i]} of 32" in f.because
    # The share does not fall with rows given: by one or two of 32 at the most, which is chance.
    assert all(later >= earlier - 2 for earlier, later in zip(named, named[1:], strict=False)), named
    assert named[-1] >= 24 > 8 > named[0], named
    for ask in (True, False):  # all are known by now, and none is told before its question
        ax = figures.new_figure(3.0, 2.0).subplots()
        s.draw_counts(ax, 2, ask)
        assert len(ax.patches) == (2 if ask else 3)


def test_rows_given_refuses_what_the_judge_does_not_know():
    system, judge, image, caption, row = fox_for_the_judge()
    with pytest.raises(ValueError, match="choose another thing"):
        steppers.RowsGiven(system, judge, Image.new("RGB", (64, 64), "white"), caption, row)


def test_place_map_asks_what_its_strips_can_answer():
    tables = {}
    for seed, name in enumerate(("one", "other")):
        generator = torch.Generator().manual_seed(seed)
        tables[name] = tuple(torch.randn(8, 32, generator=generator, requires_grad=True) for _ in range(2))
    s = steppers.PlaceMap(tables)
    asked = {}
    for name in tables:
        s.model.value = name
        for i, cell in enumerate(s.cells):
            rows, columns, places = s.alike(cell)
            assert [float(x) for x in (rows[cell[0]], columns[cell[1]], places[cell])] == pytest.approx([1, 1, 1])
            row, column = (part.detach() - part.detach().mean(dim=0) for part in tables[name])
            far = torch.cosine_similarity(row[cell[0]] + column[cell[1]], row[7 - cell[0]] + column[1], dim=0)
            assert float(places[7 - cell[0], 1]) == pytest.approx(float(far), abs=1e-5)
            frame = s.frame(i)
            chosen, answer = s.three(KINDS[i], cell, places)
            values = [float(places[place]) for place in chosen]
            assert frame.answer == answer == values.index(max(values)) and len(set(chosen)) == 3
            assert cell not in chosen and max(values) - sorted(values)[1] > 0.03
            assert all(f"row {r}, column {c}" in frame.choices[n] for n, (r, c) in enumerate(chosen))
            assert f"together {max(values):.2f}" in frame.because
            asked.setdefault(name, []).append(chosen)
    assert asked["one"] != asked["other"]
    s.go(2)
    s.model.value = "one"
    assert s.position == 2  # it keeps its place


def test_training_stages_asks_for_the_fall_and_for_what_is_right():
    from dalle_lessons.datasets.shapes_check import check, share_right
    from dalle_lessons.model.dalle import DALLE

    system = TextToImage.from_pretrained("shapes")
    torch.manual_seed(0)
    stages = {0: DALLE(system.dalle.config).eval(), 100: system.dalle}
    steps, nats = range(0, 101, 10), [5.5, *([1.0] * 9), 0.5]
    s = steppers.TrainingStages(stages, steps, nats, system.dvae, system.tokenizer, "a big red circle")
    assert s.length == 3 and s.early() == pytest.approx(0.9) and s.frame(0).answer == 2
    assert s.frame(0).hidden.png != s.frame(0).picture.png
    shares = [s.share_of(s.drawings(stage)) for stage in (0, 1)]
    assert shares[0] < 0.5 < shares[1]
    for stage, share in enumerate(shares):
        assert s.frame(stage + 1).answer == int(share >= 0.5) + int(share > 0.9)
    images = s.drawings(1)
    assert shares[1] == share_right(check(image, "a big red circle") for image in images)
    assert torch.equal(images, s.drawings(1))  # always the same noise
    s.seed.value = 1
    assert not torch.equal(images, s.drawings(1))
    for strange in ("a mauve circle", "a small red circle above " * 9):
        s.caption.value = strange
        assert s.problem.value and s.wish == "a big red circle"
    s.caption.value = "a blue square"
    assert not s.problem.value and s.wish == "a blue square"
    with pytest.raises(ValueError, match="at least two stages"):
        steppers.TrainingStages({0: system.dalle}, steps, nats, system.dvae, system.tokenizer, "a circle")


def test_one_change_counts_the_pictures_that_come_again():
    from dalle_lessons.model.sampling import sample

    system = TextToImage.from_pretrained("shapes")
    s = steppers.OneChange(system, "a small red circle above a big blue square", "a small red circle above a circle")
    assert s.length == 5
    assert s.get(0).answer == 0 and s.get(0).text.startswith("9 of the nine come again")
    text = system.tokenizer.encode(["a small red circle above a big blue square"]).expand(9, -1)
    assert torch.equal(s.before, sample(system.dalle, text, 0))
    old = {tuple(row) for row in s.before.tolist()}
    for i, options in ((1, {"temperature": 0.9}), (2, {"seed": 1})):
        again = sum(tuple(row) in old for row in sample(system.dalle, text, **options).tolist())
        frame = s.get(i)
        assert frame.text.startswith(f"{again} of the nine") and frame.hidden.png != frame.picture.png
        assert frame.answer == (0 if again == 9 else 1 if again else 2)
    assert "expected to be one of them" in s.get(2).because and "before the first other one" in s.get(1).because


def test_one_change_tells_how_probable_a_picture_is():
    system = TextToImage.from_pretrained("shapes")
    s = steppers.OneChange(system, "a circle", "a square")
    text = system.tokenizer.encode(["a circle"]).expand(9, -1)
    with torch.no_grad():
        logits = system.dalle(text, s.before)[1]  # (9, N, codes)
    ln_p = logits.log_softmax(-1).gather(-1, s.before[..., None])[..., 0].sum(1)
    torch.testing.assert_close(s.probability.log(), ln_p, atol=1e-2, rtol=1e-3)


def test_one_change_takes_other_captions_and_refuses_what_is_too_long():
    system = TextToImage.from_pretrained("shapes")
    s = steppers.OneChange(system, "a circle", "a square")
    s.go(2)
    before = s.before
    s.words.value = "a big red circle"
    assert s.position == 2 and not torch.equal(s.before, before)
    assert "a big red circle" in s.get(2).hidden.alt
    s.others.value = "a circle " * 99
    assert s.problem.value and s.captions == ("a big red circle", "a square")


def test_a_probability_is_said_in_words():
    from dalle_lessons.classroom.steppers.one_change import percent

    said = {0.153: "15%", 0.00005: "1 in 20,000", 1e-30: "less than 1 in 10 million"}
    assert {p: percent(p) for p in said} == said


def test_one_word_keeps_the_noise_and_counts_with_a_control():
    from dalle_lessons.classroom.steppers.one_word import LUCK, NONSENSE, SHOWN, changed_word, shows, verdict
    from dalle_lessons.datasets.shapes_check import detect
    from dalle_lessons.model.sampling import sample

    system = TextToImage.from_pretrained("shapes")
    captions = ["a big red circle", "a big blue circle", "a small blue circle"]
    s = steppers.OneWord(system, captions)
    assert s.length == 2 and s.words == [("red", "blue"), ("big", "small")]
    tokens, images = s.drawings(captions[1])
    assert torch.equal(tokens, sample(system.dalle, system.tokenizer.encode(captions[1:2]).expand(SHOWN, -1), 0))
    assert s.count(captions[1], "blue") == sum(any(o.color == "blue" for o in detect(p)) for p in images) > 0
    for i in range(2):
        frame, new = s.frame(i), s.words[i][1]
        count = s.count(captions[i + 1], new)
        assert frame.answer == int(count > 0) + int(count == SHOWN)
        without = captions[i + 1].replace(new, NONSENSE)
        assert f"in {s.count(without, new)} with the nonsense word" in frame.because
        assert captions[i + 1] in frame.picture.alt and captions[i + 1] not in frame.hidden.alt
    s.next.value = "a big green square"
    assert "exactly one word" in s.problem.value and s.length == 2
    s.next.value = "a wooden blue circle"
    assert "cannot see whether" in s.problem.value and s.length == 2
    s.next.value = "a small green circle"
    assert not s.problem.value and s.length == 3 and s.position == 2 and s.words[-1] == ("blue", "green")
    s.seed.value = 1
    assert s.position == 2 and not torch.equal(s.drawings(captions[1])[0], tokens)
    with pytest.raises(ValueError, match="exactly one word"):
        steppers.OneWord(system, ["a circle", "an orange square"])
    with pytest.raises(ValueError, match="at least two captions"):
        steppers.OneWord(system, captions[:1])
    one = torch.from_numpy(draw(Scene((SceneObject("circle", "red", "small", "middle", x=16, y=16),))))
    assert [shows(one, word) for word in ("red", "tiny", "one", "circles")] == [True] * 4
    assert [shows(one, word) for word in ("huge", "two", "square")] == [False] * 3
    assert changed_word("a big red circle", "two big red circles") == ("a", "two")
    assert changed_word("two crosses", "two circles") == ("crosses", "circles")
    assert "nothing" in verdict(0) and "luck" in verdict(LUCK) and verdict(LUCK + 1) == ""


def test_training_cost_counts_as_the_real_models_do():
    from dalle_lessons.classroom.steppers.training_cost import (
        DATA,
        PAPER,
        SEEN,
        SIZES,
        Plan,
        costs,
        parameters,
        written,
    )
    from dalle_lessons.model.dalle import DALLE, DALLEConfig

    shapes_config = replace(DALLE.from_pretrained("shapes").config, dvae_fingerprint="", tokenizer_fingerprint="")
    assert shapes_config in SIZES.values()
    for config in (shapes_config, DALLEConfig(50, 6, 3, 4, 20, 8, 2, 2)):
        with torch.device("meta"):
            assert parameters(config) == sum(p.numel() for p in DALLE(config).parameters())
    assert written("parameters", parameters(PAPER)) == "12.3 billion"
    s = steppers.TrainingCost()
    asked = ["about 4 times", "the same", "half", "the same", "the same", "about 2 times", "about 12 times"]
    assert [s.frame(i).choices[s.frame(i).answer] for i in range(s.length)] == asked
    before, after = s.before_and_after(1)  # twice the batch
    assert after["steps"] == before["steps"] / 2 and before == costs(Plan(PAPER, SEEN, 1024))
    assert written("time", before["time"]) == "12.5 days"
    assert s.frame(0).hidden.png != s.frame(0).picture.png
    assert all("times" in s.frame(i).because for i in range(s.length))
    s.go(2)
    s.reveal(2)
    old = s._picture.value
    for slider, value in ((s.size, shapes_config), (s.data, DATA["1 million"]), (s.batch, 64)):
        slider.value = value
    assert s._picture.value != old and s.position == 2
    assert s.before_and_after(0)[0] == costs(Plan(shapes_config, 1e6, 64))


def test_attacks_asks_for_what_is_found_in_the_file():
    from dalle_lessons.pipeline.image_files import grid
    from dalle_lessons.pipeline.provenance import add_watermark, sign

    def saved(image):
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    def opened(file):
        return Image.open(io.BytesIO(file)).convert("RGB")

    def lie(file):  # other words in the credentials, and the chunk's checksum made good
        at = file.index(b"caBX")
        end = at + 4 + int.from_bytes(file[at - 4 : at], "big")
        chunk = file[at:end].replace(b"a circle", b"a square")
        return file[:at] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + file[end + 4 :]

    marked = add_watermark(grid([to_image(picture) for picture in shapes("test", 4).pictures], cols=2))
    signed = sign(saved(marked), {"caption": "a circle", "seed": 0})
    attacks = {
        "a copy": lambda file: saved(opened(file)),
        "a lie": lie,
        "the corner cropped": lambda file: saved(opened(file).crop((0, 0, 100, 100))),
        "nothing": bytes,
    }
    s = steppers.Attacks(signed, attacks)
    assert s.length == 5 and [s.answer(i) for i in range(5)] == [0, 1, 2, 3, 0]
    assert not s.frame(0).question and "caption, seed" in s.frame(0).text
    for i in range(1, 5):
        frame = s.frame(i)
        assert frame.answer == s.answer(i) and s.names[i] in frame.question and frame.hidden.png != frame.picture.png
    assert "they tell: nothing" in s.frame(1).text and "not found" in s.frame(3).text


def test_attacks_has_words_for_everything_that_verify_finds():
    import re

    from dalle_lessons.classroom.steppers.attacks import FOUND, STATE_WORDS
    from dalle_lessons.pipeline.certificate import lesson_certificate
    from dalle_lessons.pipeline.image_files import grid
    from dalle_lessons.pipeline.provenance import __file__ as source
    from dalle_lessons.pipeline.provenance import add_watermark, sign, sign_manifest

    def saved(image):
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    plain = grid([to_image(picture) for picture in shapes("test", 4).pictures], cols=2)
    capture = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    created = {"actions": [{"action": "c2pa.created", "digitalSourceType": capture}]}
    photograph = {
        "claim_generator_info": [{"name": "Some Camera"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": created}],
    }
    attacks = {
        "signed as something else": lambda _: sign_manifest(saved(plain), photograph, lesson_certificate()),
        "signed without the mark": lambda _: sign(saved(plain), {"caption": "a circle"}),
    }
    s = steppers.Attacks(sign(saved(add_watermark(plain)), {"caption": "a circle"}), attacks)
    assert [FOUND[s.answer(i)] for i in range(3)] == [FOUND[0], FOUND[5], FOUND[4]]
    assert "not of a generated picture" in s.frame(1).text
    with open(source, encoding="utf-8") as file:
        states = re.findall(r'^    #: "(\w+)": ', file.read(), re.MULTILINE)
    assert sorted(states) == sorted(STATE_WORDS)


def test_a_place_is_decided_on_the_way_and_a_color_later():
    system = TextToImage.from_pretrained("shapes")
    left, right = "a big red circle at the top left", "a big red circle at the bottom right"
    s = steppers.ChangeOfMind(system, at_once(system), left, right)
    assert [s.get(i).answer for i in (0, 3, s.length - 1)] == [1, 2, 0]  # the second, neither, the first
    assert "Of 8 drawings 0 show" in s.get(0).text and s.get(0).hidden.png != s.get(0).picture.png
    s.fields[0].value, s.fields[1].value = "a big red circle in the middle", "a big blue circle in the middle"
    assert s.problem.value == "" and s.get(3).answer == 1


def test_captions_that_this_network_cannot_read_are_refused_with_a_sentence():
    system = TextToImage.from_pretrained("shapes")
    s = steppers.ChangeOfMind(system, at_once(system), "a big red circle", "a big blue circle")
    s.fields[1].value = "a small red circle to the left of a big blue square"
    assert "twelve tokens" in s.problem.value and s.captions[1] == "a big blue circle"
    s.fields[1].value = "a dragon"
    assert s.problem.value != "" and s.captions[1] == "a big blue circle"
