"""A complete DALL·E in one file: it makes a world of captioned drawings, learns it, and draws what you write.

    python capstone_solution.py                                          # a sheet of drawings, drawings.png
    python capstone_solution.py "a red house with a blue roof at night"  # captions of your own

From top to bottom, as in the paper (Ramesh et al. 2021, arXiv 2102.12092): a world, text tokens, image tokens (stage
one), one sequence and its transformer (stage two), drawing, training. Shapes stand where they change: B pictures, T
text slots, N image tokens, V text tokens to choose from, K codes, C channels. Needs PyTorch and Pillow.
"""

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
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


def spell(caption: str) -> list[list[int]]:
    """A caption's words as byte tokens. Each word brings its space, so that pieces can be put together again."""
    return [[FIRST + byte for byte in f" {word}".encode(errors="replace")] for word in caption.lower().split()]


def merge(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Wherever the pair stands in the word, one new token takes its place."""
    out = []
    for token in word:
        out[-1:] = [new] if (*out[-1:], token) == pair else [*out[-1:], token]
    return out


class Tokenizer:
    """Begins with bytes, so that no text is unknown; then joins the most frequent neighbors, again and again."""

    size: int  # how many text tokens there are, PAD and START among them: the transformer is made for so many

    def __init__(self, captions: list[str], c: Config):
        self.length, self.merges = c.text_length, {}  # pair -> new token, in the order learned
        self.bytes = {FIRST + byte: bytes([byte]) for byte in range(256)}
        words = [(spell(word)[0], n) for word, n in Counter(" ".join(captions).lower().split()).items()]
        for new in range(FIRST + 256, FIRST + 256 + c.merges):
            pairs = Counter()
            for word, n in words:
                for pair in pairwise(word):
                    pairs[pair] += n
            if not pairs:
                break
            best = max(pairs, key=lambda pair: (pairs[pair], pair))  # ties go by number: the same on every machine
            self.merges[best], self.bytes[new] = new, self.bytes[best[0]] + self.bytes[best[1]]
            words = [(merge(word, best, new), n) for word, n in words]
        self.size = FIRST + len(self.bytes)

    def encode(self, captions: list[str]) -> Tensor:
        """-> (B, T) int64: start of text, the caption, padding. Raises ValueError for a caption that is too long."""
        out = torch.full((len(captions), self.length), PAD)
        for i, caption in enumerate(captions):
            row = [START]
            for word in spell(caption):
                for pair, new in self.merges.items():
                    word = merge(word, pair, new)
                row += word
            if len(row) > self.length:
                raise ValueError(f"this caption has {len(row)} tokens, and {self.length} are the most: {caption[:80]}")
            out[i, : len(row)] = torch.tensor(row)
        return out

    def decode(self, text: Tensor) -> list[str]:
        """(B, T) -> the captions, lowercased"""
        rows = [b"".join(self.bytes[token] for token in row if token >= FIRST) for row in text.tolist()]
        return [row.decode(errors="replace").strip() for row in rows]


# ---- 3. Image tokens: the discrete VAE (stage one) -------------------------------------------------------------------
class DVAE(nn.Module):
    """Each patch of a picture becomes one of K codes, and codes become a picture again."""

    def __init__(self, c: Config):
        super().__init__()
        self.c, w = c, c.width
        # 1x1 convolutions after the first: a token tells of its own patch alone, which is easier to predict later.
        layers = (nn.Conv2d(3, w, c.patch, c.patch), nn.ReLU(), nn.Conv2d(w, w, 1), nn.ReLU())
        # The norm makes all codes equally strong over a batch; without it a handful soon wins everywhere.
        layers = (*layers, nn.Conv2d(w, c.codes, 1, bias=False), nn.BatchNorm2d(c.codes, affine=False))
        self.encoder, self.codebook = nn.Sequential(*layers), nn.Embedding(c.codes, w)
        # 3x3 here: the decoder looks at the neighbors, so that edges meet.
        layers = (nn.Conv2d(w, w, 3, padding=1), nn.ReLU(), nn.Conv2d(w, w, 3, padding=1), nn.ReLU())
        self.decoder = nn.Sequential(*layers, nn.Conv2d(w, 3 * c.patch**2, 1), nn.PixelShuffle(c.patch))

    def loss(self, pictures: Tensor, temperature: float) -> Tensor:
        """Mean squared error. A hard choice has no gradient; the Gumbel-softmax is a soft one, harder when colder."""
        logits = 4 * self.encoder(2 * pictures - 1)  # (B, 3, H, W) -> (B, K, rows, cols); 4: stronger than the noise
        soft = F.gumbel_softmax(logits, temperature, dim=1)
        vectors = torch.einsum("bkrc,kd->bdrc", soft, self.codebook.weight)  # (B, C, rows, cols)
        return F.mse_loss(self.decoder(vectors), pictures)

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, N) int64: the likeliest code of each patch, in raster order"""
        return self.encoder(2 * pictures - 1).argmax(dim=1).flatten(1)

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """(B, N) -> (B, 3, H, W) in [0, 1]"""
        vectors = self.codebook(tokens.unflatten(1, (self.c.grid, -1)))  # (B, rows, cols, C)
        return self.decoder(vectors.permute(0, 3, 1, 2)).clamp(0, 1)


# ---- 4. One sequence and its transformer (stage two) -----------------------------------------------------------------
class Block(nn.Module):  # x + attention(norm(x)), then x + MLP(norm(x))
    def __init__(self, c: Config):
        super().__init__()
        self.heads, self.norm1, self.norm2 = c.heads, nn.LayerNorm(c.width), nn.LayerNorm(c.width)
        self.qkv, self.project = nn.Linear(c.width, 3 * c.width), nn.Linear(c.width, c.width)
        self.mlp = nn.Sequential(nn.Linear(c.width, 4 * c.width), nn.GELU(), nn.Linear(4 * c.width, c.width))

    def forward(self, x: Tensor) -> Tensor:
        # (B, S, C) -> (B, S, 3, heads, C / heads) -> three times (B, heads, S, C / heads)
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # no slot looks ahead
        x = x + self.project(seen.transpose(1, 2).flatten(2))  # (B, heads, S, C / heads) -> (B, S, C)
        return x + self.mlp(self.norm2(x))


class DALLE(nn.Module):
    """START, text, pads, [SEP], image tokens. At each slot: what comes next?"""

    def __init__(self, vocabulary: int, c: Config):
        super().__init__()
        self.c = c
        self.text, self.image = nn.Embedding(vocabulary, c.width), nn.Embedding(c.codes, c.width)
        self.place, self.pad = nn.Embedding(c.text_length, c.width), nn.Embedding(c.text_length, c.width)
        self.row, self.column = nn.Embedding(c.grid, c.width), nn.Embedding(c.grid, c.width)
        self.separator = nn.Parameter(torch.zeros(1, 1, c.width))
        self.blocks = nn.Sequential(*(Block(c) for _ in range(c.layers)), nn.LayerNorm(c.width))
        self.text_head, self.image_head = nn.Linear(c.width, vocabulary), nn.Linear(c.width, c.codes)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)  # small, so that the first guesses are nearly uniform

    def forward(self, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """text (B, T), the first n image tokens (B, n) -> text logits (B, T-1, V), image logits (B, n+1, K)"""
        places = torch.arange(text.shape[1])  # each has a pad of its own, which is learned (paper, 2.2)
        words = torch.where((text == PAD)[:, :, None], self.pad(places), self.text(text) + self.place(places))
        drawn = torch.cat((self.separator.expand(len(text), 1, -1), self.image(image)), dim=1)  # (B, n + 1, C)
        # A slot's position is that of the token it is to say: so [SEP] stands at row 0, column 0.
        cell = torch.arange(drawn.shape[1])
        drawn = drawn + self.row(cell // self.c.grid) + self.column(cell % self.c.grid)
        x = self.blocks(torch.cat((words, drawn), dim=1))  # (B, T + n + 1, C)
        return self.text_head(x[:, : len(places) - 1]), self.image_head(x[:, len(places) :])

    def loss(self, text: Tensor, image: Tensor) -> Tensor:
        """All slots learn at once. The picture is what we want: 7/8 of the weight (paper, 2.2). Pads cost nothing."""
        text_logits, image_logits = self(text, image[:, :-1])  # after the last image token nothing is left to say
        text_loss = F.cross_entropy(text_logits.flatten(0, 1), text[:, 1:].flatten(), ignore_index=PAD)
        return text_loss / 8 + 7 / 8 * F.cross_entropy(image_logits.flatten(0, 1), image.flatten())


# ---- 5. Drawing: one token after another -----------------------------------------------------------------------------
@torch.no_grad()
def sample(dalle: DALLE, text: Tensor, seed: int = 0, temperature: float = 1.0) -> Tensor:
    """text (B, T) -> image tokens (B, N). A cache of keys and values would save time, and cost lines."""
    generator, image = torch.Generator().manual_seed(seed), text[:, :0]
    for _ in range(dalle.c.grid**2):
        chances = (dalle(text, image)[1][:, -1] / temperature).softmax(dim=-1)  # (B, K), of the next token
        image = torch.cat((image, torch.multinomial(chances, 1, generator=generator)), dim=1)
    return image


# ---- 6. Training, and a sheet of drawings ----------------------------------------------------------------------------
def train(name: str, model: nn.Module, loss_fn, steps: int, rate: float, count: int, c: Config) -> None:
    """loss_of(numbers of the pictures in this batch (B,), share of the steps that are done) -> loss"""
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.1)
    for step in range(steps):
        loss = loss_fn(torch.randint(count, (c.batch,)), step / steps)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99 or step == steps - 1:
            print(f"{name}: step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)


def learn(pictures: Tensor, text: Tensor, vocabulary: int, c: Config) -> tuple[DVAE, DALLE]:
    """pictures (P, 3, H, W), text (P, T) -> both stages, trained. The same seed gives the same weights."""
    torch.manual_seed(c.seed)
    dvae, dalle, count = DVAE(c), DALLE(vocabulary, c), len(pictures)
    # The temperature falls to 1/16 (paper, 2.1): in the end the soft choice is nearly the hard one that is used.
    train("dVAE", dvae, lambda i, done: dvae.loss(pictures[i], 16**-done), c.dvae_steps, 6e-3, count, c)
    image = dvae.eval().encode(pictures)  # from here on a picture is N tokens: (P, N)
    train("DALL·E", dalle, lambda i, _: dalle.loss(text[i], image[i]), c.steps, 4e-3, count, c)
    return dvae, dalle


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
def nearest(part: Tensor, colors: dict) -> str:
    """The name whose color is nearest to the mean of this part of a picture (3, h, w)."""
    mean = part.mean(dim=(1, 2)) * 255
    return min(colors, key=lambda name: float((mean - torch.tensor(colors[name])).norm()))


def look(picture: Tensor) -> list[str]:
    """(3, 32, 32) -> what it shows, in the words of captions. It looks at places that every house covers."""
    seen = [f"{nearest(picture[:, 16:21, 14:19], COLORS)} house", f"{nearest(picture[:, 11:13, 15:18], COLORS)} roof"]
    plants = SKIES | {"tree": LEAVES}
    sides = (("left", picture[:, 14:19, 1:6]), ("right", picture[:, 14:19, 25:30]))
    trees = [side for side, part in sides if nearest(part, plants) == "tree"]
    return [*seen, nearest(picture[:, :4, 13:19], SKIES), *(f"tree on the {side}" for side in trees)]


def right(picture: Tensor, caption: str) -> bool:
    """Is all that the caption says to be seen in the picture (3, H, W)? What it leaves out does not matter."""
    parts = [f"{color} {part}" for color in COLORS for part in ("house", "roof")]
    said = [words for words in (*parts, *SKIES, "tree on the left", "tree on the right") if words in caption]
    return set(said) <= set(look(picture))


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
