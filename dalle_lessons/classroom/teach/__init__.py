"""For the person in front of the class: hand lessons out, grade what comes back, print questions. No server is needed.

    release.py    lessons as an nbgrader course
    grade.py      a folder of notebooks, or Moodle's zip -> points, with a page of feedback for each student
    questions.py  the questions of the lessons for Moodle, for other systems, and on paper
    leaderboard.py  capstones on one table, each run in `leaderboard_worker` with a time limit

How grading goes, in order: `assignment` (what a lesson asks) · `submissions` (what was handed in) · `plan` (which cells
of it run) · `process` (a process for each student) · `worker` (what runs in it) · `guard` (so that the check is the
course's own) · `feedback` and `grades` (what comes out).
"""
