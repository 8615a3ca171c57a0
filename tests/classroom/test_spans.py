"""Text in colored pieces: what is written for a piece, and that no letter is lost."""

import pytest

from dalle_lessons.classroom import spans
from dalle_lessons.classroom.lesson_figures import lesson_05
from dalle_lessons.model.tokenizer import TextTokenizer


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        (b" cat", "␣cat"),
        ("é".encode(), "é"),
        ("é".encode()[:1], "⟨c3⟩"),
        ("猫".encode(), "⟨e7 8c ab⟩"),
        (b"\n", "⟨0a⟩"),
        (b"$x$", "$x$"),
    ],
)
def test_a_piece_is_written_so_that_it_can_be_read(piece, text):
    assert spans.written(piece) == text


def test_pieces_wrap_at_the_right_margin_and_all_are_drawn():
    pieces = [b" word"] * 40
    _, ax = spans.points_axes(4, 4)
    bottom = spans.draw_spans(ax, (10, 10), pieces, right=200, framed={3})
    assert len(ax.texts) == len(ax.patches) == 40
    assert all(patch.get_x() + patch.get_width() <= 200 for patch in ax.patches)
    assert len({patch.get_y() for patch in ax.patches}) == spans.lines_needed(pieces, 190)
    assert bottom > max(patch.get_y() for patch in ax.patches)
    assert [patch.get_linewidth() > 0 for patch in ax.patches].index(True) == 3


def test_tokens_become_their_bytes_again():
    tokenizer = TextTokenizer.train(["a naïve café", "a cat"], 2 + 256 + 12, 32)
    for text in ("a cat", "naïve 猫", "a 🙂 café"):
        (ids,) = tokenizer.pieces([text])
        assert b"".join(lesson_05.bytes_of(tokenizer, ids)).decode() == f" {text}"


def test_a_row_holds_a_part_only_side_by_side():
    assert lesson_05.holds([1, 2, 3], [2, 3]) and not lesson_05.holds([1, 2, 4, 3], [2, 3])
    assert lesson_05.holds([1], [1]) and not lesson_05.holds([1], [1, 1])


def test_by_length_takes_the_longest_piece_from_the_left():
    pieces = [bytes([byte]) for byte in range(256)] + [b" r", b"et", b"ket", b"ck"]
    assert lesson_05.longest_first(tuple(b" rocket"), pieces) == [b" r", b"o", b"ck", b"et"]
