"""Tokens and their places become vectors (paper, section 2.2 and Fig. 10)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Embedding(nn.Module):
    """Vectors for the slots of the joined sequence: T text slots, [SEP], and the image tokens so far.

    A text token is the sum of its own vector and that of its text position. A pad has a learned vector for each text
    position, with nothing added. To an image token is added the position, row and column, of the token after it, which
    its slot predicts: so [SEP], which predicts the first image token, stands at row 0, column 0.
    """

    def __init__(self, vocab_size: int, text_length: int, codes: int, rows: int, cols: int, width: int, pad_id: int):
        super().__init__()
        self.text = nn.Embedding(vocab_size, width)
        self.text_position = nn.Embedding(text_length, width)
        self.pad = nn.Embedding(text_length, width)
        self.separator = nn.Parameter(torch.zeros(width))
        self.image = nn.Embedding(codes, width)
        self.row = nn.Embedding(rows, width)
        self.column = nn.Embedding(cols, width)
        self.pad_id, self.cols = pad_id, cols
        for table in (self.text, self.text_position, self.pad, self.image, self.row, self.column):
            nn.init.normal_(table.weight, std=0.02)
        nn.init.normal_(self.separator, std=0.02)

    def embed_text(self, text: Tensor) -> Tensor:
        """(B, T) int64 -> (B, T, C)."""
        positions = torch.arange(text.shape[1], device=text.device)
        spoken = self.text(text) + self.text_position(positions)  # (B, T, C) + (T, C)
        return torch.where((text == self.pad_id).unsqueeze(-1), self.pad(positions), spoken)

    def position_embedding(self, slots: Tensor) -> Tensor:
        """Image slots (n,) int64, each the index of the image token that it predicts -> row + column (n, C)."""
        return self.row(slots // self.cols) + self.column(slots % self.cols)

    def embed_image(self, image_tokens: Tensor, first: int = 0) -> Tensor:
        """Image tokens `first`, `first + 1`, … (B, n) int64 -> (B, n, C). Token i stands in the slot that predicts
        token i + 1."""
        slots = first + 1 + torch.arange(image_tokens.shape[1], device=image_tokens.device)
        return self.image(image_tokens) + self.position_embedding(slots)

    def embed_separator(self, batch: int) -> Tensor:
        """[SEP], the start of the image: (B, 1, C)."""
        vector = self.separator + self.position_embedding(
            torch.zeros(1, dtype=torch.int64, device=self.separator.device)
        )
        return vector.expand(batch, 1, -1)

    def forward(self, text: Tensor, image_tokens: Tensor) -> Tensor:
        """text (B, T) and the first n image tokens (B, n), int64 -> (B, T + 1 + n, C)."""
        parts = (self.embed_text(text), self.embed_separator(len(text)), self.embed_image(image_tokens))
        return torch.cat(parts, dim=1)
