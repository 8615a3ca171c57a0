"""nbgrader's settings for this course; `nbgrader generate_assignment 02_codebook` begins."""

from dalle_lessons.classroom.teach.nbgrader_settings import settle

c = get_config()  # noqa: F821
settle(c)  # your own settings go below: they win
