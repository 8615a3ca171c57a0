"""Draws a caption by the command and says by which modules it went: FOLDER of the weights, FILE of the picture.

A program of its own: Python 3.11 stood still now and then where a process that had run a thousand tests was watched.
"""

import json
import sys
from unittest.mock import patch

from dalle_lessons import TextToImage, cli


def entries(work) -> list[str]:
    """The modules of the library that a call leads into, in order: each time one module calls a function of another.

    A stretch in one module counts once. What `sample` calls for each token is left out: the token loop.
    """
    found: list[str] = []
    inside: list[str] = []  # the library's modules of the calls that have not returned yet

    def watch(frame, event, _):
        module = frame.f_globals.get("__name__", "")
        if event not in ("call", "return") or not module.startswith("dalle_lessons."):
            return
        if event == "return":
            inside.pop()
            return
        looping = "the token loop" in inside
        if not looping and inside and inside[-1] != module and found[-1:] != [module]:
            found.append(module)
        at_loop = module == "dalle_lessons.model.sampling" and frame.f_code.co_name == "sample"
        inside.append("the token loop" if at_loop else module)

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def main(folder: str, out: str) -> None:
    whole = TextToImage.from_pretrained(folder)
    command = cli.main.commands["draw"].callback
    assert command is not None
    asked = {"temperature": 1.0, "top_k": None, "top_p": None, "guidance": 0.0, "seed": 0}
    paths = {"out": out, "prompts": None, "out_dir": None}
    other = {"model": "tiny", "device": "auto", "negative_caption": None, "images": 3, "candidates": 8, "index": None}

    def work():
        command("a red circle", **asked, **paths, **other, as_json=True)

    with patch.object(TextToImage, "from_pretrained", lambda *_: whole):
        work()  # imports, and the lesson certificate of this run
        print(json.dumps(entries(work)))


if __name__ == "__main__":
    main(*sys.argv[1:])
