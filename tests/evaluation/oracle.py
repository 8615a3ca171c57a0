"""A judge that knows the truth, for the ceilings."""

import torch

from dalle_lessons.model.judge import Judge, JudgeConfig


class Oracle(Judge):
    """Names the pictures that it was shown, and any other as class 0; features are the first pixels."""

    def __init__(self, pictures, truth):
        super().__init__(JudgeConfig(widths=(8,)))
        self.pictures, self.truth = pictures, truth

    def forward(self, images):
        out = [torch.zeros(len(images), n) for n in (self.config.emoji, self.config.styles, self.config.tones)]
        for i, image in enumerate(images):
            found = (image == self.pictures).flatten(1).all(1).nonzero()
            for head in range(3):
                name = int(self.truth[found[0, 0], head]) if len(found) else 0
                out[head][i, max(name, 0)] = 1.0
        return tuple(out)

    def features(self, images):
        return images.flatten(1)[:, :4]
