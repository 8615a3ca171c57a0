import pytest
from tiny import save_tiny

from dalle_lessons import TextToImage


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A small untrained system with a CLIP and an editor, loaded from files; nobody changes it."""
    return TextToImage.from_pretrained(save_tiny(tmp_path_factory.mktemp("whole")))
