"""A whole emoji system of tiny, untrained models, and a few rows of captions.csv with pictures of noise."""

from functools import partial

import pytest
import torch

from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import STYLES, caption_of, full_caption, read_rows
from dalle_lessons.evaluation.evaluation_set import of_emoji
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.editing import edit_caption, extend_rows
from dalle_lessons.model.judge import Judge, JudgeConfig
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.pipeline.text_to_image import TextToImage


def noise(rows: list[dict], seed: int) -> Pairs:
    """Rows of captions.csv with pictures of noise, those of a sketch black and white."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(0, 256, (len(rows), 3, 64, 64), dtype=torch.uint8, generator=generator)
    for i, row in enumerate(rows):
        if row["style"] == "sketch":
            pictures[i] = (pictures[i, :1] > 128) * 255
    return Pairs(pictures, torch.ones(len(rows)), partial(caption_of, rows), rows)


@pytest.fixture(scope="session")
def few() -> dict[str, Pairs]:
    """By split: a few emoji in all styles. The first picture of unseen_pair is nearly the first of train."""
    by_emoji: dict[str, list[dict]] = {}
    for row in read_rows():
        by_emoji.setdefault(row["hexcode"], []).append(row)
    faces = [rows for rows in by_emoji.values() if "face" in rows[0]["tags"].split(", ")][:12]
    toned = [rows for rows in by_emoji.values() if rows[0]["skin_tone"]][:2]
    splits = {
        "train": [row for rows in faces[:9] for row in rows],
        "unseen_emoji": [row for rows in [*faces[9:], toned[0]] for row in rows],
        "unseen_pair": [rows[i % len(STYLES)] for i, rows in enumerate(faces[:4])],
        "unseen_tone": [row for row in toned[1] if row["style"] != "sketch"],
    }
    pairs = {split: noise(rows, seed) for seed, (split, rows) in enumerate(splits.items())}
    pairs["unseen_pair"].pictures[0] = pairs["train"].pictures[0].clamp(1, 254) + 1
    return pairs


@pytest.fixture(scope="session")
def sets(few):
    """By split: the same as evaluation sets."""
    train = few["train"]
    return {split: of_emoji(pairs, None if split == "train" else train) for split, pairs in few.items()}


@pytest.fixture(scope="session")
def weights(few, tmp_path_factory):
    """A folder with tiny models: 4x4 image tokens of 16 codes."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    captions = [full_caption(row) for pairs in few.values() for row in pairs.metadata]
    words = TextTokenizer.train([*captions, *map(edit_caption, STYLES)], 500, 32)
    dvae = DVAE(DVAEConfig(codes=16, code_dim=4, widths=(8,), patch=16, blocks=1, num_3x3_convs=0))
    dalle = DALLE(DALLEConfig(words.vocab_size, 32, 4, 4, 16, width=16, layers=1, heads=2))
    for parameter in dalle.parameters():  # as they begin, layers change nothing: every caption gets the same drawing
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    clip = CLIP(CLIPConfig(words.vocab_size, 32, patch=16, widths=(8,), text_width=16, layers=1, heads=2, dim=8), words)
    models = {"dvae": dvae, "dalle": dalle, "clip": clip, "edit": extend_rows(dalle, 48)}
    models["judge"] = Judge(JudgeConfig(patch=16, widths=(8,)))
    for part, model in models.items():
        model.save_pretrained(folder / part)
    words.save(folder / "dalle" / "tokenizer.json")
    return folder


@pytest.fixture(scope="session")
def tiny(weights) -> TextToImage:
    return TextToImage.from_pretrained(weights)


@pytest.fixture(scope="session")
def judge(weights) -> Judge:
    return Judge.from_pretrained(weights / "judge")
