"""Figures as files: all that a lesson shows, under the names of its code, each with its alternative text."""

import json
import re

import pytest
from click.testing import CliRunner
from PIL import Image

from dalle_lessons.classroom import figures as drawing
from dalle_lessons.classroom.pictures import Picture
from dalle_lessons.classroom.teach import figures
from dalle_lessons.classroom.teach.assignment import lesson_path
from dalle_lessons.cli import main


def test_each_figure_becomes_a_file_and_its_text_goes_with_it(tmp_path):
    result = CliRunner().invoke(main, ["teach", "figures", str(tmp_path / "out"), "--lessons", "02"])
    assert result.exit_code == 0, result.output
    cells = json.loads(lesson_path("02").read_text(encoding="utf-8"))["cells"]
    shown = {name for cell in cells for name in re.findall(r'show\("(02\.\w+)"', "".join(cell["source"]))}
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert shown and {f"{name}.png" for name in shown} <= files and "index.html" in files
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    for name in files - {"index.html"}:
        Image.open(tmp_path / "out" / name).load()
        assert re.search(rf'src="{name}" alt="[^"]{{20,}}"', page), name


def test_several_figures_of_a_cell_have_names_of_their_own():
    output = {"data": {figures.PNG: "", "text/plain": "a"}}
    cells = [
        {"id": "02-07", "source": 'show("02.one", 1)\nshow("02.two", 2)', "outputs": [output, output]},
        {"id": "02-08", "source": "stepper", "outputs": [output, {"name": "stdout", "text": "no figure"}]},
    ]
    assert [name for name, _ in figures.figures_in("02", {"cells": cells})] == ["02.two", "02.two.2", "02-08"]


def test_a_lesson_that_is_not_there_is_refused_before_anything_is_written(tmp_path):
    result = CliRunner().invoke(main, ["teach", "figures", str(tmp_path / "out"), "--lessons", "02,77"])
    assert result.exit_code == 1 and "77" in result.output and not (tmp_path / "out").exists()


def test_a_figure_is_drawn_as_svg_only_where_that_is_asked_for(monkeypatch):
    def draw() -> Picture:
        figure = drawing.new_figure(2, 1)
        figure.subplots().plot([0, 1], [1, 0])
        return drawing.show(figure, "A line falls.")

    assert draw().svg is None and set(draw()._repr_mimebundle_()[0]) == {"image/png", "text/plain"}
    monkeypatch.setattr(drawing, "ALSO_SVG", True)
    one, two = draw(), draw()
    assert one.svg == two.svg and one.svg is not None and "<path" in one.svg and "<dc:date>" not in one.svg
    assert one._repr_mimebundle_()[0]["image/svg+xml"] == one.svg


@pytest.mark.slow
def test_a_lesson_that_is_run_gives_svg_and_one_that_fails_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "97_small.ipynb"

    def cell(source):
        return {"cell_type": "code", "id": "97-01", "metadata": {}, "execution_count": None, "outputs": []} | {
            "source": source
        }

    def notebook(source):
        return json.dumps({"cells": [cell(source)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    path.write_text(
        notebook(
            'from dalle_lessons.classroom.figures import bars\n\nbars(["one", "two"], [1.0, 2.0], alt="Two bars.")'
        )
    )
    monkeypatch.setattr(figures, "lesson_path", lambda lesson: path)
    said = []
    (svg, _) = figures.figures(["97"], tmp_path / "out", True, said.append)
    assert svg.name == "97-01.svg" and "<svg" in svg.read_text(encoding="utf-8") and len(said) == 2
    path.write_text(notebook("1 / 0"))
    with pytest.raises(RuntimeError, match=r"97_small\.ipynb failed .*division"):
        figures.figures(["97"], tmp_path / "out", True, said.append)
