"""Figures: each has its text, its pixels are enlarged without smoothing, its colors can be told apart."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from dalle_lessons.classroom import figures


def every_kind():
    yield figures.image_grid(torch.rand(3, 3, 8, 8), ["a", "b", "c"])
    yield figures.token_grid(torch.arange(16).reshape(4, 4), highlight=[3], image=torch.rand(3, 16, 16))
    yield figures.sequence([[("a", "text"), ("[SEP]", "sep"), ("7", "image")]] * 2, ["fed", "target"], per_line=2)
    yield figures.curves({"one": ([1, 2], [3, 4]), "two": ([1, 2], [4, 3])}, "step", "loss", levels={"guessing": 5})
    yield figures.bars(["x", "y"], [1, 2000.0], highlight=[1])
    yield figures.matrix(torch.rand(3, 4), ["a"] * 3, ["b"] * 4, numbers=True)


@pytest.mark.parametrize("picture", list(every_kind()))
def test_a_figure_is_a_png_with_a_text(picture):
    data, metadata = picture._repr_mimebundle_()
    assert picture.open().width > 100 and data["image/png"] == picture.png
    assert data["text/plain"] == picture.alt == metadata["image/png"]["alt"] and len(picture.alt) > 5
    assert "\n" not in picture.alt and "0x" not in picture.alt


def test_the_text_tells_the_titles_and_tokens():
    assert "cat" in figures.image_grid(torch.rand(1, 3, 8, 8), ["a cat"]).alt
    assert "[SEP]" in figures.sequence([[("[SEP]", "sep")]]).alt


def test_a_figure_needs_a_text():
    with pytest.raises(ValueError, match="alternative text"):
        figures.show(figures.new_figure(1, 1), " ")
    with pytest.raises(ValueError, match="no picture"):
        figures.image_grid([])


def test_pixels_stay_squares():
    checks = torch.zeros(1, 3, 2, 2)
    checks[0, :, 0, 0] = 1
    pixels = np.asarray(figures.image_grid(checks, alt="two colors").open()).reshape(-1, 3)
    dark = (pixels < 40).all(1).mean()
    gray = ((pixels > 60) & (pixels < 150)).all(1).mean()
    assert dark > 0.3 and gray < 0.05  # no smoothing between black and white


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def without_red_or_green(color: str) -> np.ndarray:
    """As a reader without green cones sees it, roughly (Viénot et al. 1999), in 0 … 255."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)
    matrix = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    return matrix @ rgb


def test_colors_can_be_told_apart():
    for a, b in itertools.combinations(figures.PALETTE[:5], 2):
        assert np.linalg.norm(without_red_or_green(a) - without_red_or_green(b)) > 25, (a, b)
    for name, color in figures.KINDS.items():  # black letters stand on these
        assert (luminance(color) + 0.05) / 0.05 > 4.5, name


def test_pictures_of_all_sorts_are_taken():
    image = Image.new("RGB", (8, 8), "red")
    assert (
        figures.image_grid([image, torch.zeros(3, 8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8)]).alt == "3 pictures."
    )
