"""My own DALL·E, in one file: it makes a world of captioned drawings, learns it, and draws what you write.

    python my_dalle.py                  # a sheet of drawings, drawings.png
    python my_dalle.py "a red house"    # captions of your own

Your work is where it says NotImplementedError; lesson 18 checks it part by part. Names and what goes in and out stay as
they are; all else is yours: add functions and classes, change the Config, and put a world of your own in part 1.
B pictures, T text slots, N image tokens, V text tokens to choose from, K codes, C channels.
"""

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    grid: int = 8  # image tokens along a side (the paper: 32)
    patch: int = 4  # pixels along a token's side (the paper: 8)
    codes: int = 128  # the codebook (the paper: 8,192)
    merges: int = 64  # text tokens beyond the 256 bytes (the paper: 16,384 in all)
    text_length: int = 18  # start of text included (the paper: 256)
    width: int = 96
    layers: int = 3  # (the paper: 64)
    heads: int = 4
    pictures: int = 4000
    batch: int = 32
    dvae_steps: int = 600
    steps: int = 500
    seed: int = 0


# ---- 1. A world: houses by day and at night. This part alone knows what is drawn; put yours in its place. ------------
COLORS = {"white": (250, 250, 245), "yellow": (250, 215, 60), "red": (215, 65, 40)}
COLORS |= {"blue": (50, 105, 225), "black": (25, 20, 25)}
SKIES = {"by day": (185, 225, 250), "at night": (75, 60, 130)}
GRASS, LEAVES, WOOD = (95, 165, 75), (30, 110, 60), (120, 75, 40)
# Walls and roofs that never meet in training. Does it draw them all the same?
UNSEEN = [("red", "blue"), ("blue", "yellow"), ("yellow", "black"), ("white", "red"), ("black", "white")]
SEEN = [(wall, roof) for wall in COLORS for roof in COLORS if (wall, roof) not in UNSEEN]


def draw_house(rng: random.Random, pairs=SEEN) -> tuple[Image.Image, str]:
    """A picture and its caption, which leaves things out, as people do: then any value is right."""
    (wall, roof), sky, tree = rng.choice(pairs), rng.choice(list(SKIES)), rng.choice(["left", "right", ""])
    image = Image.new("RGB", (32, 32), SKIES[sky])
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 26, 31, 31), GRASS)
    x, y = rng.choice([8, 10, 12]) + {"left": 2, "right": -2, "": 0}[tree], rng.choice([12, 14])  # beside the tree
    pen.rectangle((x, y, x + 12, 27), COLORS[wall])
    pen.polygon([(x - 2, y), (x + 6, y - 8), (x + 14, y)], COLORS[roof])
    pen.rectangle((x + 8, 22, x + 10, 27), WOOD)  # the door
    if tree:
        left = 3 if tree == "left" else 27
        pen.rectangle((left, 20, left + 1, 27), WOOD)
        pen.ellipse((left - 3, 12, left + 4, 21), LEAVES)
    said = [f"a {wall} house" if rng.random() < 0.8 else "a house"]
    more = [f"with a {roof} roof", f"and a tree on the {tree}" if tree else "", sky]
    return image, " ".join(said + [words for words in more if words and rng.random() < 0.8])


def world(count: int, seed: int, pairs=SEEN) -> tuple[Tensor, list[str]]:
    """-> pictures (count, 3, H, W) in [0, 1], and their captions. The same seed makes the same world."""
    rng = random.Random(seed)
    images, captions = zip(*(draw_house(rng, pairs) for _ in range(count)), strict=True)
    pixels = torch.frombuffer(bytearray(b"".join(image.tobytes() for image in images)), dtype=torch.uint8)
    return pixels.reshape(count, *images[0].size[::-1], 3).permute(0, 3, 1, 2) / 255, list(captions)


# ---- 2. Text tokens: byte-pair encoding ------------------------------------------------------------------------------
PAD, START, FIRST = 0, 1, 2  # padding, start of text; then the 256 bytes, then what was merged


class Tokenizer:
    """Begins with bytes, so that no text is unknown; then joins the most frequent neighbors, again and again."""

    size: int  # how many text tokens there are, PAD and START among them: the transformer is made for so many

    def __init__(self, captions: list[str], c: Config):
        raise NotImplementedError("Write Tokenizer.__init__.")

    def encode(self, captions: list[str]) -> Tensor:
        """-> (B, T) int64: start of text, the caption, padding. Raises ValueError for a caption that is too long."""
        raise NotImplementedError("Write Tokenizer.encode.")

    def decode(self, text: Tensor) -> list[str]:
        """(B, T) -> the captions, lowercased"""
        raise NotImplementedError("Write Tokenizer.decode.")


# ---- 3. Image tokens: the discrete VAE (stage one) -------------------------------------------------------------------
class DVAE(nn.Module):
    """Each patch of a picture becomes one of K codes, and codes become a picture again."""

    def __init__(self, c: Config):
        raise NotImplementedError("Write DVAE.__init__.")

    def loss(self, pictures: Tensor, temperature: float) -> Tensor:
        """Mean squared error. A hard choice has no gradient; the Gumbel-softmax is a soft one, harder when colder."""
        raise NotImplementedError("Write DVAE.loss.")

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, N) int64: the likeliest code of each patch, in raster order"""
        raise NotImplementedError("Write DVAE.encode.")

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """(B, N) -> (B, 3, H, W) in [0, 1]"""
        raise NotImplementedError("Write DVAE.decode.")


# ---- 4. One sequence and its transformer (stage two) -----------------------------------------------------------------


class DALLE(nn.Module):
    """START, text, pads, [SEP], image tokens. At each slot: what comes next?"""

    def __init__(self, vocabulary: int, c: Config):
        raise NotImplementedError("Write DALLE.__init__.")

    def forward(self, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """text (B, T), the first n image tokens (B, n) -> text logits (B, T-1, V), image logits (B, n+1, K)"""
        raise NotImplementedError("Write DALLE.forward.")

    def loss(self, text: Tensor, image: Tensor) -> Tensor:
        """All slots learn at once. The picture is what we want: 7/8 of the weight (paper, 2.2). Pads cost nothing."""
        raise NotImplementedError("Write DALLE.loss.")


# ---- 5. Drawing: one token after another -----------------------------------------------------------------------------
@torch.no_grad()
def sample(dalle: DALLE, text: Tensor, seed: int = 0, temperature: float = 1.0) -> Tensor:
    """text (B, T) -> image tokens (B, N). A cache of keys and values would save time, and cost lines."""
    raise NotImplementedError("Write sample.")


# ---- 6. Training, and a sheet of drawings ----------------------------------------------------------------------------


def learn(pictures: Tensor, text: Tensor, vocabulary: int, c: Config) -> tuple[DVAE, DALLE]:
    """pictures (P, 3, H, W), text (P, T) -> both stages, trained. The same seed gives the same weights."""
    raise NotImplementedError("Write learn.")


def sheet(drawings: dict[str, Tensor], times: int = 3) -> Image.Image:
    """Captions with their pictures (n, 3, H, W): a line each, enlarged."""
    font = ImageFont.load_default(14)
    lines = [F.pad(pictures, (0, 1, 8, 0), value=1.0) for pictures in drawings.values()]  # white beside and above
    pixels = torch.stack(lines).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)  # (lines · H, n · W, 3)
    image = Image.frombytes("RGB", pixels.shape[1::-1], bytes((pixels * 255).round().byte().flatten().tolist()))
    image = image.resize((times * image.width, times * image.height), Image.Resampling.NEAREST)
    for line, caption in enumerate(drawings):
        ImageDraw.Draw(image).text((2, 3 + line * image.height // len(lines)), caption, "black", font)
    return image


# ---- 7. A checker: does a picture show what its caption says? --------------------------------------------------------
def right(picture: Tensor, caption: str) -> bool:
    """Is all that the caption says to be seen in the picture (3, H, W)? What it leaves out does not matter."""
    raise NotImplementedError("Write right.")


# ---- 8. One command --------------------------------------------------------------------------------------------------
CAPTIONS = ["a red house with a black roof by day", "a blue house and a tree on the left at night", "a house"]
# Walls and roofs that never met in training:
CAPTIONS += ["a red house with a blue roof by day", "a black house with a white roof and a tree on the right"]
CAPTIONS += ["a yellow house with a black roof at night"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains a small DALL·E on houses, and draws what you write.")
    parser.add_argument("captions", nargs="*", default=CAPTIONS, help="what to draw, each in quotes")
    parser.add_argument("--dvae-steps", type=int, default=Config.dvae_steps, help="of stage one (%(default)s)")
    parser.add_argument("--steps", type=int, default=Config.steps, help="of stage two (%(default)s)")
    parser.add_argument("--seed", type=int, default=Config.seed, help="another one, other drawings (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("drawings.png"), help="the sheet (%(default)s)")
    a = parser.parse_args()
    if a.steps < 1 or a.dvae_steps < 1:
        parser.error("there must be at least 1 step of each stage")
    if a.out.suffix != ".png" or not a.out.parent.is_dir():
        parser.error(f"{a.out} should end in .png and lie in a folder that is there")
    c, begin = Config(dvae_steps=a.dvae_steps, steps=a.steps, seed=a.seed), time.monotonic()
    pictures, known = world(c.pictures, c.seed)
    tokenizer = Tokenizer(known, c)
    try:
        wanted = tokenizer.encode(a.captions)  # before training, so that a mistake costs no minutes
    except ValueError as error:
        parser.error(str(error))
    dvae, dalle = learn(pictures, tokenizer.encode(known), tokenizer.size, c)
    tokens = sample(dalle, wanted.repeat_interleave(8, dim=0), c.seed)  # eight drawings a caption
    sheet(dict(zip(a.captions, dvae.decode(tokens).split(8), strict=True))).save(a.out)
    print(f"Drawn in {time.monotonic() - begin:.0f} seconds: {a.out}")


if __name__ == "__main__":
    main()
