"""The playground (lesson 17, and `dalle-lessons play`): a caption in, the nine best drawings out; look into one.

words      which words of a caption stood in training captions, and examples to click
growing    pictures while they are being drawn
look_into  what stands behind a picture; files
game       guess the caption, for two
chips      rows of small buttons
widget     all of it together: Playground
"""

from .look_into import nearest
from .widget import Playground, open_playground

__all__ = ["Playground", "nearest", "open_playground"]
