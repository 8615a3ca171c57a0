"""The judge: its classes, what counts as right, and that it can learn."""

import pytest
import torch

from dalle_lessons.datasets.emoji import STYLES, emoji, read_rows
from dalle_lessons.datasets.emoji_labels import emoji_classes, tone_classes, truth_of
from dalle_lessons.model.judge import NO_TONE, Judge, JudgeConfig


def test_classes_come_from_the_data():
    config = JudgeConfig()
    assert len(emoji_classes()) == config.emoji and len(tone_classes()) == config.tones
    assert len(STYLES) == config.styles
    assert tone_classes()[0] == ""


def test_truth_of_rows():
    rows = [row for row in read_rows() if row["name"] == "waving hand: dark skin tone"]
    truth = truth_of(rows)
    assert truth.shape == (4, 3)
    for row, (name, style, tone) in zip(rows, truth.tolist(), strict=True):
        assert emoji_classes()[name] == row["base_hexcode"] == "1F44B"
        assert STYLES[style] == row["style"]
        assert tone == NO_TONE if row["style"] == "sketch" else tone_classes()[tone] == "dark"
    assert truth_of([]).shape == (0, 3)


class Fixed(Judge):
    """Says always the same: classes 5, 4, 3, 2, 1 in this order, style 2, tone 7."""

    def forward(self, images):
        emoji = torch.zeros(len(images), self.config.emoji)
        emoji[:, :6] = torch.tensor([0.5, 1.0, 2.0, 3.0, 4.0, 5.0])
        style, tone = torch.eye(self.config.styles)[2], torch.eye(self.config.tones)[7]
        return emoji, style.expand(len(images), -1), tone.expand(len(images), -1)


def test_what_counts_as_right():
    truth = torch.tensor([[5, 2, 7], [1, 2, 0], [0, 0, NO_TONE]])
    right = Fixed(JudgeConfig(widths=(8, 8))).right(torch.zeros(3, 3, 64, 64), truth)
    expected = [[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, float("nan")]]
    torch.testing.assert_close(right, torch.tensor(expected, dtype=torch.float32), equal_nan=True)


def test_it_learns_and_sketches_teach_no_tone():
    pairs = emoji("unseen_emoji")
    some = torch.arange(0, 24)
    images, truth = pairs.pictures[some].float() / 255, truth_of([pairs.metadata[i] for i in some.tolist()])
    torch.manual_seed(0)
    judge = Judge(JudgeConfig(widths=(16, 32)))
    only_sketches = truth.clone()
    only_sketches[:, 2] = NO_TONE
    assert judge.loss(images, only_sketches)["tone"].item() == 0.0
    first = judge.loss(images, truth)["total"].item()
    optimizer = torch.optim.AdamW(judge.parameters(), lr=1e-2)
    for _ in range(25):
        optimizer.zero_grad()
        parts = judge.loss(images, truth)
        parts["total"].backward()
        optimizer.step()
    assert parts["total"].item() < first / 3
    assert parts["total"].item() == pytest.approx(sum(parts[k].item() for k in ("emoji", "style", "tone")), abs=1e-5)


def test_weights_come_back(tmp_path):
    judge = Judge(JudgeConfig(widths=(8, 16))).eval()
    judge.save_pretrained(tmp_path)
    again = Judge.from_pretrained(tmp_path)
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(again(images)[0], judge(images)[0], atol=2e-2, rtol=0)
