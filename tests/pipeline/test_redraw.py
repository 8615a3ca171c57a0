"""A signed picture is drawn again from what it says of itself, or one sentence says why not."""

import pytest
from click.testing import CliRunner
from PIL import Image
from tiny import save_tiny

from dalle_lessons import TextToImage
from dalle_lessons.cli import main
from dalle_lessons.pipeline.image_files import save_png
from dalle_lessons.pipeline.redraw import redraw


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def system(folder):
    return TextToImage.from_pretrained(folder, "cpu")


OPTIONS = {"temperature": 0.8, "top_k": 9, "top_p": 0.9, "guidance": 3.0, "negative_caption": "a blue square"}


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["plain", "all settings"])
def test_a_picture_and_every_picture_of_a_grid_are_drawn_again(system, folder, options, tmp_path):
    drawings = system.draw("a red circle", images=4, candidates=40, seed=-3, **options)
    assert drawings[0].facts()["candidates"] == 40
    for path in (drawings.save(tmp_path / "grid.png"), drawings[1].save(tmp_path / "one.png")):
        found = redraw(path, folder, "cpu")
        assert found.equal and found.sentence == f"{path} was drawn again: equal to the last pixel."


def test_other_pixels_under_a_true_signature_are_told(system, folder, tmp_path):
    drawing = system.draw("a red circle", indices=[0])[0]
    path = save_png(Image.new("RGB", drawing.image.size, "red"), tmp_path / "a.png", facts=drawing.facts())
    found = redraw(path, folder, "cpu")
    assert not found.equal and "differs: though versions, device and weights are the same" in found.sentence
    facts = {**drawing.facts(), "torch": "1.0\nforged"}
    found = redraw(save_png(Image.new("RGB", (12, 12)), tmp_path / "b.png", facts=facts), folder, "cpu")
    assert "torch 1.0" in found.sentence and "\n" not in found.sentence


def test_what_cannot_be_drawn_again_is_one_sentence(system, folder, tmp_path):
    drawing = system.draw("a red circle", indices=[0])[0]
    path = drawing.save(tmp_path / "one.png")
    other = tmp_path / "other"
    Image.open(path).save(tmp_path / "unsigned.png")
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 1
    (tmp_path / "tampered.png").write_bytes(content)
    edited = system.edit(drawing.image, "as a sketch")[0].save(tmp_path / "edited.png")
    completed = system.complete(drawing.image, 1, "a circle", 1, 1)[0].save(tmp_path / "completed.png")
    bare = save_png(
        drawing.image, tmp_path / "bare.png", facts={k: v for k, v in drawing.facts().items() if k != "pictures"}
    )
    for file, model, sentence in (
        (tmp_path / "unsigned.png", folder, "carries no Content Credentials"),
        (edited, folder, "was edited from another picture"),
        (completed, folder, "was continued from another picture"),
        (path, None, "was drawn with other weights than the bundled ones"),
        (path, other, "was drawn with other weights than those in"),
        (bare, folder, "does not hold all that drew it"),
    ):
        found = redraw(file, model, "cpu")
        assert not found.equal and sentence in found.sentence and found.sentence.endswith("."), found
        assert "\n" not in found.sentence
    result = CliRunner().invoke(main, ["redraw", str(tmp_path / "tampered.png"), "--model", str(folder)])
    assert result.exit_code == 1 and result.output.count("\n") == 1 and "Traceback" not in result.output


def test_the_command_says_so_and_ends_with_it(system, folder, tmp_path):
    path = system.draw("a red circle", indices=[0])[0].save(tmp_path / "one.png")
    result = CliRunner().invoke(main, ["redraw", str(path), "--model", str(folder), "--device", "cpu"])
    assert result.exit_code == 0 and "equal to the last pixel" in result.output
    result = CliRunner().invoke(main, ["redraw", str(path), str(tmp_path / "no.png"), "--model", str(folder)])
    assert result.exit_code == 1 and "no.png" in result.output
