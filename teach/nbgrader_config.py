"""nbgrader's settings for this course; `nbgrader generate_assignment 02_codebook` begins."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "dalle"
# A whole file that is an answer stays with the teacher.
c.CourseDirectory.ignore = ["*_solution.py", ".ipynb_checkpoints", "*.pyc", "__pycache__"]
# What students hand in beside a notebook is theirs: nbgrader would put the frame back in its place.
c.Autograde.exclude_overwriting = {"18_capstone": ["my_dalle.py"]}
c.Execute.timeout = 120  # seconds for a cell; a check has a limit of its own, and takes less
c.ClearSolutions.code_stub = {
    "python": '# your code here\nraise NotImplementedError("Write your code in this cell, then run it again.")'
}
# For `nbgrader zip_collect` of the zip in which Moodle hands out all submissions.
c.FileNameCollectorPlugin.named_regexp = (
    r".*[\\/](?P<student_id>[^\\/]+)_\d+_assignsubmission_file_[\\/](?P<file_id>.*)"
)
# A student who copies a cell copies its mark. nbgrader empties the mark of one of the two, and then refuses the
# notebook for it, as if it were an old one: here the empty mark is taken off.
try:
    from nbgrader.preprocessors import DeduplicateIds
except ImportError:  # the settings are read where nbgrader is not installed
    pass
else:
    empty_the_mark = DeduplicateIds.preprocess_cell

    def take_it_off(self, cell, resources, place):
        cell, resources = empty_the_mark(self, cell, resources, place)
        if cell.metadata.get("nbgrader") == {}:
            del cell.metadata["nbgrader"]
        return cell, resources

    DeduplicateIds.preprocess_cell = take_it_off
