"""`python -m dalle_lessons`: the command `dalle-lessons`, for where no script is on the path (torchrun, for one)."""

from .cli import main

main(prog_name="dalle-lessons")
