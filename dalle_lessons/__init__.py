"""DALL·E in lessons: the library that the notebooks build.

Names are imported when they are first asked for: `dalle-lessons --help` needs neither torch nor matplotlib.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from .model.machine import is_about_torch, no_torch
from .model.threads import in_a_hub, limit_threads, wait_quietly

# Here, since it must come before torch is imported: then it holds for every command, and for a notebook whose first
# import is this one. It changes how long a computation waits, and nothing of what it computes.
wait_quietly()
if in_a_hub():  # the kernels of a hub are started by it, not by our command
    limit_threads()

if "ipykernel" in sys.modules:  # a notebook
    import_module(".classroom.older_copy", __name__).tell_in_notebooks()

__version__ = "0.1.0"
# Public name -> the module that holds it.
_HOME = {
    "TextToImage": "pipeline.text_to_image",
    "Drawing": "pipeline.drawing",
    "Drawings": "pipeline.drawing",
    "DALLE": "model.dalle",
    "DVAE": "model.dvae",
    "CLIP": "model.clip",
    "TextTokenizer": "model.tokenizer",
    "sample": "model.sampling",
    "load": "datasets",
    "check": "classroom.exercises",
    "score": "classroom.exercises",
    "expected": "classroom.exercises.help",
    "hint": "classroom.exercises.help",
    "ready": "classroom.exercises.help",
    "rescue": "classroom.exercises.help",
    "guess": "classroom.guesses",
    "recall": "classroom.recall",
    "show": "classroom.lesson_figures",
    "course_map": "classroom.course_map",
}
__all__ = [
    "CLIP",
    "DALLE",
    "DVAE",
    "Drawing",
    "Drawings",
    "TextToImage",
    "TextTokenizer",
    "check",
    "course_map",
    "expected",
    "figures",
    "guess",
    "hint",
    "load",
    "ready",
    "recall",
    "rescue",
    "sample",
    "score",
    "show",
]

if TYPE_CHECKING:
    from .classroom import figures
    from .classroom.course_map import course_map
    from .classroom.exercises import check, score
    from .classroom.exercises.help import expected, hint, ready, rescue
    from .classroom.guesses import guess
    from .classroom.lesson_figures import show
    from .classroom.recall import recall
    from .datasets import load
    from .model.clip import CLIP
    from .model.dalle import DALLE
    from .model.dvae import DVAE
    from .model.sampling import sample
    from .model.tokenizer import TextTokenizer
    from .pipeline.drawing import Drawing, Drawings
    from .pipeline.text_to_image import TextToImage


def __getattr__(name: str):
    if name == "figures" or name in _HOME:
        try:
            module = import_module(f".{_HOME.get(name, 'classroom.figures')}", __name__)
        except (ImportError, OSError) as error:
            if not is_about_torch(error):
                raise
            raise ImportError(no_torch(error)) from None
        return module if name == "figures" else getattr(module, name)  # figures is the one module among the names
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
