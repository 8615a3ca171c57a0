"""What people expect of a pipeline: lists, negative captions, bars, pictures that grow, a stop that loses nothing."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from dalle_lessons import Drawings
from dalle_lessons.pipeline.stream import picture_so_far
from dalle_lessons.pipeline.text_to_image import StopDrawing

CAPTIONS = ["a red circle", "a blue square", "a circle above a square"]


def names(drawings):
    return [(d.index, d.score, d.tokens.tolist(), d.image.tobytes()) for d in drawings]


# ---- lists ----


def test_a_list_of_captions_is_a_list_of_drawings_each_as_if_alone(whole):
    together = whole.draw(CAPTIONS, images=2, candidates=5, seed=3)
    assert isinstance(together, list) and all(isinstance(one, Drawings) for one in together)
    for caption, drawings in zip(CAPTIONS, together, strict=True):
        assert names(drawings) == names(whole.draw(caption, images=2, candidates=5, seed=3))
        assert {drawing.caption for drawing in drawings} == {caption} and not drawings.stopped
    assert whole.draw([]) == [] and len(whole.draw(tuple(CAPTIONS[:1]), indices=[2])[0]) == 1


def test_what_is_wrong_with_one_caption_of_a_list_is_said_before_any_is_drawn(whole):
    drawn = []
    for wrong, sentence in (("circle " * 90, "too long"), (7, "A caption is text, not 7")):
        with pytest.raises(ValueError, match=sentence):
            whole.draw(["a circle", wrong], 1, 1, on_token=lambda *call: drawn.append(call))
    assert drawn == []


# ---- negative captions ----


def test_guidance_leads_away_from_a_negative_caption(whole):
    options = {"indices": range(8), "guidance": 2.0}
    plain, negative = (whole.draw("a red circle", **options, negative_caption=text) for text in (None, "a blue square"))
    assert names(plain) != names(negative)
    assert [d.tokens.tolist() for d in whole.draw("a red circle", **options, negative_caption="")] == [
        d.tokens.tolist() for d in plain
    ]  # the empty caption is what guidance leads away from anyway
    assert negative[0].facts()["negative_caption"] == "a blue square" and "negative_caption" not in plain[0].facts()
    image = Image.new("RGB", (12, 12), "red")
    ways = [whole.complete(image, 1, "a red circle", 9, 9, guidance=40, negative_caption=n) for n in (None, "a blue")]
    assert names(ways[0]) != names(ways[1])


def test_a_negative_caption_that_would_do_nothing_or_is_too_long_is_refused(whole):
    with pytest.raises(ValueError, match="give a guidance too"):
        whole.draw("a circle", negative_caption="a square")
    with pytest.raises(ValueError, match="too long"):
        whole.draw("a circle", guidance=1.0, negative_caption="square " * 90)


# ---- bars ----


def test_a_bar_counts_tokens_where_it_is_asked_for(whole, capsys):
    whole.draw(CAPTIONS[:2], 1, 40, progress=True)
    seen = capsys.readouterr().err
    assert "/36" in seen and "token" in seen  # 2 captions · 2 batches · 9 tokens
    whole.edit(Image.new("RGB", (12, 12)), "as a sketch", progress=True)
    whole.complete(Image.new("RGB", (12, 12)), 1, "a circle", progress=True)
    seen = capsys.readouterr().err
    assert "/9" in seen and "/12" in seen
    whole.draw("a circle", 1, 1)
    whole.draw("a circle", 1, 1, progress=1000.0)  # after so many seconds
    assert capsys.readouterr().err == ""


# ---- stopping ----


def after(count: int, error: type[BaseException]):
    seen = []

    def on_token(i, tokens, logits):
        seen.append(i)
        if len(seen) == count:
            raise error

    return on_token


@pytest.mark.parametrize("error", [StopDrawing, KeyboardInterrupt])
def test_what_is_finished_when_it_is_stopped_is_given_back_ranked(whole, error):
    drawings = whole.draw("a red circle", images=70, candidates=70, on_token=after(20, error))  # in the third batch
    assert drawings.stopped and drawings[:2].stopped and len(drawings) == 64
    assert names(drawings) == names(whole.draw("a red circle", images=64, candidates=64))
    with pytest.raises(error):
        whole.draw("a red circle", on_token=after(3, error))


def test_a_stopped_list_keeps_the_captions_that_were_finished(whole):
    def draw(tokens):
        return whole.draw(CAPTIONS, 2, 33, on_token=after(tokens, StopDrawing))  # 18 tokens a caption, 9 a batch

    assert [(one[0].caption, one.stopped) for one in draw(30)] == [(CAPTIONS[0], False), (CAPTIONS[1], True)]
    assert [(one[0].caption, one.stopped) for one in draw(20)] == [(CAPTIONS[0], False)]
    with pytest.raises(StopDrawing):
        draw(5)


def test_another_error_of_a_callback_is_not_swallowed(whole):
    with pytest.raises(ZeroDivisionError):
        whole.draw("a red circle", 70, 70, on_token=after(20, ZeroDivisionError))


# ---- a picture that grows ----


@pytest.mark.parametrize("index", [0, 33])
def test_the_last_picture_of_a_stream_is_the_one_that_draw_gives(whole, index):
    options = {"temperature": 0.7, "guidance": 1.0}
    pictures = list(whole.stream("a red circle", seed=2, index=index, **options))
    (drawing,) = whole.draw("a red circle", seed=2, indices=[index], **options)
    assert len(pictures) == 4 and pictures[-1].tobytes() == drawing.image.tobytes()
    side = whole.dvae.config.factor
    for lines, picture in enumerate(pictures[:-1], 1):
        assert picture.size == drawing.image.size
        below = np.asarray(picture)[lines * side :]
        assert (below == 230).all()  # gray where nothing is drawn yet
    whole_tokens = pictures[2]
    assert np.abs(np.asarray(whole_tokens).astype(int) - np.asarray(drawing.image)).max() <= 1  # decoded alone
    assert len(list(whole.stream("a red circle", every=2))) == 5  # after 2, 4, 6, 8 of 9 tokens, and at the end


def test_a_picture_so_far_shows_no_token_that_is_still_to_come(whole):
    tokens = torch.arange(9)
    other = torch.cat((tokens[:4], torch.full((5,), 15)))
    one, two = (picture_so_far(whole.dvae, t[:4], 3, 3, whole.device) for t in (tokens, other))
    assert one.tobytes() == two.tobytes() and one.size == (12, 12)
    pixels = np.asarray(one)
    assert (pixels[4:8, 4:] == 230).all() and not (pixels[4:8, :4] == 230).all()


def test_a_stream_that_nobody_looks_at_any_more_ends(whole):
    before = threading.active_count()
    stream = whole.stream("a red circle", every=1)
    next(stream)
    assert threading.active_count() == before + 1
    stream.close()
    assert threading.active_count() == before


def test_what_is_wrong_with_a_stream_is_said_to_whoever_looks(whole):
    with pytest.raises(ValueError, match="too long"):
        next(whole.stream("circle " * 90))
    with pytest.raises(ValueError, match="at least 1 token"):
        whole.stream("a circle", every=0)
    with pytest.raises(ValueError, match="0 or larger"):
        list(whole.stream("a circle", index=-1))
