"""A whole system of untrained models, small enough to draw in milliseconds, made in memory."""

from __future__ import annotations

from pathlib import Path

import torch

from dalle_lessons import TextToImage
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.editing import extend_rows
from dalle_lessons.model.tokenizer import TextTokenizer

SIDE = 12  # pixels of a picture: 3x3 tokens


def tiny_system(clip: bool = True, editor: bool = True) -> TextToImage:
    """Weights from a fixed seed, and opinions strong enough that pictures differ."""
    torch.manual_seed(0)
    tokenizer = TextTokenizer.train(["a red circle", "a blue square above a circle"], 280, 40)
    dvae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1))
    with torch.no_grad():  # what all pictures have in common goes, so that different ones have different tokens
        common = dvae.features(torch.rand(64, 3, SIDE, SIDE)).mean(dim=(0, 2, 3))  # (C,)
        dvae.codebook.to_code.bias.copy_(-dvae.codebook.to_code.weight.flatten(1) @ common)
    config = DALLEConfig(vocab_size=tokenizer.vocab_size, text_length=40, rows=3, cols=3, codes=16, width=32, layers=2)
    dalle = DALLE(config)
    torch.nn.init.normal_(dalle.image_head.weight, std=0.3)
    ranker = CLIP(CLIPConfig(tokenizer.vocab_size, 40, 0, SIDE, 2, (16,), 32, 1, 2, 8), tokenizer)
    return TextToImage(
        dvae, dalle, tokenizer, ranker if clip else None, extend_rows(dalle, 80).eval() if editor else None
    )


def save_tiny(folder: Path, clip: bool = True, editor: bool = True) -> Path:
    """The same as files, as training writes them. -> the folder."""
    system = tiny_system(clip, editor)
    for part, model in (("dvae", system.dvae), ("dalle", system.dalle), ("clip", system.clip), ("edit", system.editor)):
        if model is not None:
            model.save_pretrained(folder / part)
            if part in ("dalle", "edit"):
                system.tokenizer.save(folder / part / "tokenizer.json")
    return folder
