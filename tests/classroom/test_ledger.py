"""The loss ledger keeps what the lessons before measured, and refuses what is far from its own lines."""

import json

import pytest
from matplotlib.axes import Axes

from dalle_lessons.classroom import ledger
from dalle_lessons.classroom.pictures import Picture

OWN = {"06": {"lines": {"guess": 5.5, "counts": 1.0}, "goal": {"the best": 0.06}}, "08": {"lines": {"net": 0.5}}}


@pytest.fixture(autouse=True)
def written(tmp_path, monkeypatch):
    for lesson, lines in OWN.items():
        folder = tmp_path / "lessons" / lesson
        folder.mkdir(parents=True)
        (folder / "ledger.json").write_text(json.dumps(lines), encoding="utf-8")
    monkeypatch.setattr(ledger, "data_dir", lambda: tmp_path)


def test_lines_of_earlier_lessons_stand_before_the_new(monkeypatch):
    drawn: list[Axes] = []
    monkeypatch.setattr(ledger, "show", lambda figure, alt: drawn.append(figure.axes[0]) or Picture(b"", alt))
    alt = ledger.draw_ledger("08", {"net": 0.51}).alt
    assert "those of the lessons before, then net; the goal: the best" in alt
    first = ledger.draw_ledger("06", OWN["06"]["lines"], {"the best": 0.061}).alt
    assert "before" not in first
    names = [[label.get_text() for label in ax.get_yticklabels()] for ax in drawn]
    assert names == [["guess", "counts", "net"], ["guess", "counts"]]  # 07, which has none, is passed over


@pytest.mark.parametrize("nats", [0.42, 0.58, float("nan")])
def test_a_line_far_from_its_own_is_refused(nats):
    with pytest.raises(ValueError, match="“net” costs .* choose “Restart and run all”"):
        ledger.draw_ledger("08", {"net": nats})


def test_a_goal_far_from_its_own_is_refused():
    with pytest.raises(ValueError, match="“the best” costs 0.09"):
        ledger.draw_ledger("06", OWN["06"]["lines"], {"the best": 0.09})


def test_other_lines_than_those_stored_are_refused():
    with pytest.raises(ValueError, match="has the lines net; got web"):
        ledger.draw_ledger("08", {"web": 0.5})
