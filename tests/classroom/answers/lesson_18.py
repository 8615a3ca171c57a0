"""Answers to lesson 18, right and wrong: parts of small DALL·Es, by the worked solution, the library, and by hand."""

import importlib.util
import random

import torch
import torch.nn.functional as F
from torch import nn

from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model import dalle as library
from dalle_lessons.model import dvae as library_dvae
from dalle_lessons.model.files import notebooks_dir
from dalle_lessons.model.tokenizer import TextTokenizer

spec = importlib.util.spec_from_file_location("worked", notebooks_dir() / "capstone_solution.py")
worked = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worked)

torch.manual_seed(18)
C = worked.Config(codes=16, width=32, layers=1)
PICTURES, CAPTIONS = worked.world(64, 0)
TOKENS = worked.Tokenizer(CAPTIONS, C)
TEXT = TOKENS.encode(CAPTIONS)[:4]
V, T, N, K = TOKENS.size, C.text_length, C.grid**2, C.codes
IMAGE = torch.arange(N).expand(4, -1) // 8 % K  # stripes: easy to learn

# ---- worlds ----


def squares(count, seed):
    rng = random.Random(seed)
    pictures, captions = torch.ones(count, 3, 16, 16), []
    for picture in pictures:
        x, y = rng.randrange(12), rng.randrange(12)
        picture[:, y : y + 4, x : x + 4] = 0.0
        captions.append(f"a square at {x} {y}")
    return pictures, captions


def from_library(count, seed):
    pairs = shapes("train", 40 * (seed + 1))
    chosen = range(40 * seed, 40 * seed + count)
    return pairs.pictures[list(chosen)].float() / 255, [pairs.caption(i, None) for i in chosen]


def broken_world(change):
    return lambda count, seed: change(*squares(count, seed), count)


# ---- tokenizers ----


class Letters:
    """One token a letter."""

    size, length = 130, 90

    def encode(self, captions):
        rows = [[1, *(2 + min(ord(letter), 127) for letter in caption.lower())] for caption in captions]
        if max(map(len, rows)) > self.length:
            raise ValueError("too long")
        return torch.tensor([row + [0] * (self.length - len(row)) for row in rows])

    def decode(self, rows):
        return ["".join(chr(t - 2) for t in row if t > 1) for row in rows.tolist()]


class Cut(Letters):
    def encode(self, captions):
        return super().encode([caption[:80] for caption in captions])


class NoSpaces(Letters):
    def decode(self, rows):
        return [text.replace(" ", "") for text in super().decode(rows)]


class ToTheLongest(Letters):
    def encode(self, captions):
        rows = super().encode(captions)
        return rows[:, : int((rows > 0).sum(1).max())]


class NoStart(Letters):
    def encode(self, captions):
        return super().encode(captions).roll(-1, dims=1)


class Beginnings(Letters):
    def encode(self, captions):
        rows = super().encode(captions)
        rows[:, 0] = torch.arange(len(rows)) % 2
        return rows


class SmallSize(Letters):
    size = 26


class Floats(Letters):
    def encode(self, captions):
        return super().encode(captions).float()


class Words:
    """One token a word; the rest is refused."""

    def __init__(self, captions):
        self.words = ["", "", *sorted({word for caption in captions for word in caption.split()})]
        self.size = len(self.words)

    def encode(self, captions):
        out = torch.zeros(len(captions), 20, dtype=torch.int64)
        for i, caption in enumerate(captions):
            row = [1, *(self.words.index(word) for word in caption.lower().split())]
            if len(row) > 20:
                raise ValueError("too long")
            out[i, : len(row)] = torch.tensor(row)
        return out

    def decode(self, rows):
        return [" ".join(self.words[t] for t in row if t > 1) for row in rows.tolist()]


class LibraryTokens:
    def __init__(self):
        self.own = TextTokenizer.train(CAPTIONS, 300, 64)
        self.size, self.encode, self.decode = self.own.vocab_size, self.own.encode, self.own.decode


# ---- dVAEs ----


class LibraryDVAE(nn.Module):
    def __init__(self, **options):
        super().__init__()
        config = library_dvae.DVAEConfig(codes=16, code_dim=8, widths=(16,), patch=4, blocks=1, **options)
        self.own = library_dvae.DVAE(config)

    def encode(self, pictures):
        return self.own.encode(pictures).flatten(1)

    def decode(self, tokens):
        return self.own.decode(tokens.unflatten(1, (8, 8)))

    def loss(self, pictures, temperature):
        return self.own.loss(pictures, temperature)["total"]


class Noisy(worked.DVAE):
    def encode(self, pictures):
        return F.gumbel_softmax(self.encoder(2 * pictures - 1), dim=1).argmax(1).flatten(1)


class Hard(worked.DVAE):
    def loss(self, pictures, temperature):
        vectors = self.codebook(self.encode(pictures).unflatten(1, (8, 8))).permute(0, 3, 1, 2)
        return F.mse_loss(self.decoder(vectors), pictures)


class Unclamped(worked.DVAE):
    def decode(self, tokens):
        return super().decode(tokens) * 3 - 1


class Grid(worked.DVAE):
    def encode(self, pictures):
        return super().encode(pictures).unflatten(1, (8, 8))


class Scores(worked.DVAE):
    def encode(self, pictures):
        return super().encode(pictures).float()


class Patches(worked.DVAE):
    def decode(self, tokens):
        return super().decode(tokens).unfold(2, 4, 4).unfold(3, 4, 4)


class Learning(worked.DVAE):
    def decode(self, tokens):
        return self.decoder(self.codebook(tokens.unflatten(1, (8, 8))).permute(0, 3, 1, 2)).sigmoid()


class Detached(worked.DVAE):
    def loss(self, pictures, temperature):
        return super().loss(pictures, temperature).detach()


# ---- transformers; and a model without attention that is one too: each slot sees the mean of what came ----


class Bag(nn.Module):
    grid = 8

    def __init__(self):
        super().__init__()
        self.words, self.codes, self.places = nn.Embedding(V, 32), nn.Embedding(K + 1, 32), nn.Embedding(T + N, 32)
        self.text_head, self.image_head = nn.Linear(32, V), nn.Linear(32, K)
        for head in (self.text_head, self.image_head):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def mix(self, x):
        return x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]

    def forward(self, text, image):
        known = torch.cat((torch.full_like(text[:, :1], K), image), dim=1)
        x = torch.cat((self.words(text), self.codes(known)), dim=1)
        x = self.mix(x) + self.places(torch.arange(x.shape[1]))
        return self.text_head(x[:, : T - 1]), self.image_head(x[:, T:])

    def losses(self, text, image):
        words, codes = self(text, image[:, :-1])
        return (
            F.cross_entropy(words.transpose(1, 2), text[:, 1:], ignore_index=0),
            F.cross_entropy(codes.transpose(1, 2), image),
        )

    def loss(self, text, image):
        words, codes = self.losses(text, image)
        return words / 8 + 7 / 8 * codes


class Library(nn.Module):
    def __init__(self):
        super().__init__()
        self.own = library.DALLE(library.DALLEConfig(V, T, 8, 8, K, 32, 1, 4))

    def forward(self, text, image):
        return self.own(text, torch.cat((image, image.new_zeros(len(image), 1)), dim=1))

    def loss(self, text, image):
        return self.own.loss(text, image)["total"]


def bag(mix):
    return type("Spoilt", (Bag,), {"mix": mix})()


def see_the_picture(self, x):
    mixed = Bag.mix(self, x)
    return torch.cat((mixed[:, :T], mixed[:, -1:].expand(-1, x.shape[1] - T, -1)), dim=1)


def forget(self, x):
    text = Bag.mix(self, x[:, :T])
    seen = torch.stack([x[:, max(T, i - 2) : i + 1].mean(1) for i in range(T, x.shape[1])], dim=1)
    return torch.cat((text, seen + text[:, -1:]), dim=1)


def no_text(self, x):
    return torch.cat((Bag.mix(self, x[:, :T]), Bag.mix(self, x[:, T:])), dim=1)


class OneShort(Bag):
    def forward(self, text, image):
        words, codes = super().forward(text, image)
        return words, codes[:, 1:]


class Alone(Bag):
    def forward(self, text, image):
        return super().forward(text, image)[1]


def with_loss(loss, model=Bag):
    return type("Spoilt", (model,), {"loss": loss})()


def twice(self, text, image):
    words, codes = self(text, image[:, :-1])
    words = F.cross_entropy(words.softmax(-1).transpose(1, 2), text[:, 1:], ignore_index=0)
    return words / 8 + 7 / 8 * F.cross_entropy(codes.softmax(-1).transpose(1, 2), image)


def bold():
    model = worked.DALLE(V, C)
    with torch.no_grad():
        model.image_head.weight *= 200
    return model


def frozen():
    return Bag().requires_grad_(False)


# ---- samplers ----


@torch.no_grad()
def gumbel_max(dalle, text, seed, temperature):
    generator, image = torch.Generator().manual_seed(seed), text[:, :0]
    for _ in range(N):
        logits = dalle(text, image)[1][:, -1] / temperature
        noise = -(-torch.rand(logits.shape, generator=generator).clamp_min(1e-20).log()).log()
        image = torch.cat((image, (logits + noise).argmax(-1, keepdim=True)), dim=1)
    return image


@torch.no_grad()
def into_place(dalle, text, seed=0, temperature=1.0):
    torch.manual_seed(seed)
    image = torch.zeros(len(text), N, dtype=torch.int64)
    for i in range(N):
        logits = dalle(text, image[:, :i])[1][:, i]
        image[:, i] = torch.distributions.Categorical(logits=logits / temperature).sample()
    return image


def draw(pick, read=-1, feed=True):
    @torch.no_grad()
    def sample(dalle, text, seed, temperature):
        generator, image = torch.Generator().manual_seed(seed), text[:, :0]
        for _ in range(N):
            logits = dalle(text, image if feed else torch.zeros_like(image))[1][:, read]
            image = torch.cat((image, pick(logits, temperature, generator)), dim=1)
        return image

    return sample


def multinomial(logits, temperature, generator):
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)


def same_for_all(logits, temperature, generator):
    return multinomial(logits[:1], temperature, generator).expand(len(logits), 1)


def too_late(logits, temperature, generator):
    return torch.multinomial(logits.softmax(-1) / temperature, 1, generator=generator)


SHARP = Bag()  # its logits differ more, so that a wrong choice shows
with torch.no_grad():
    SHARP.image_head.weight *= 20

RIGHT = {
    "18.world": [worked.world, from_library, squares],
    "18.tokenizer": [(own, CAPTIONS) for own in (TOKENS, LibraryTokens(), Letters(), Words(CAPTIONS))],
    "18.dvae": [(own, PICTURES[:8]) for own in (worked.DVAE(C), LibraryDVAE(), LibraryDVAE(quantizer="gumbel"))],
    "18.causal": [(own, TEXT, IMAGE) for own in (worked.DALLE(V, C), Library(), Bag())],
    "18.loss": [(own, TEXT, IMAGE) for own in (worked.DALLE(V, C), Library(), Bag())],
    "18.sampler": [
        (worked.sample, worked.DALLE(V, C), TEXT),
        (gumbel_max, SHARP, TEXT),
        (into_place, Library(), TEXT),
    ],
}
WRONG = {
    "18.world": [
        (lambda count, seed: squares(count, random.randrange(10**9)), "same seed"),
        (lambda count, seed: squares(count, 0), "seed is not used"),
        (broken_world(lambda p, c, n: (p * 255, c)), "0 to 1"),
        (broken_world(lambda p, c, n: (p.permute(0, 2, 3, 1), c)), "colors first"),
        (broken_world(lambda p, c, n: (p, c[:1])), "caption"),
        (broken_world(lambda p, c, n: p), "two things"),
        (broken_world(lambda p, c, n: (p, ["a square"] * n)), "little to learn"),
    ],
    "18.tokenizer": [
        ((Cut(), CAPTIONS), "cut in silence"),
        ((NoSpaces(), CAPTIONS), "come out"),
        ((ToTheLongest(), CAPTIONS), "same row"),
        ((NoStart(), ["a house", "the house"]), "start of text"),
        ((Beginnings(), CAPTIONS), "same row|start of text"),
        ((SmallSize(), CAPTIONS), "special"),
        ((Floats(), CAPTIONS), "int64"),
        (TOKENS, "Hand over"),
    ],
    "18.dvae": [
        ((Noisy(C), PICTURES[:8]), "each time"),
        ((Hard(C), PICTURES[:8]), "No gradient reaches encoder"),
        ((Unclamped(C), PICTURES[:8]), "outside of 0 to 1"),
        ((Grid(C), PICTURES[:8]), "shape"),
        ((Scores(C), PICTURES[:8]), "int64"),
        ((Patches(C), PICTURES[:8]), "shape they had"),
        ((Learning(C), PICTURES[:8]), "no_grad"),
        ((Detached(C), PICTURES[:8]), "go back"),
    ],
    "18.causal": [
        ((bag(lambda self, x: x.mean(1, keepdim=True).expand_as(x)), TEXT, IMAGE), "text comes first"),
        ((bag(see_the_picture), TEXT, IMAGE), "no slot looks ahead"),
        ((bag(lambda self, x: Bag.mix(self, x).roll(-1, 1)), TEXT, IMAGE), "given away|looks ahead"),
        ((bag(lambda self, x: Bag.mix(self, x) - x / torch.arange(1, x.shape[1] + 1)[:, None]), TEXT, IMAGE), "itself"),
        ((bag(forget), TEXT, IMAGE), "did not notice"),
        ((bag(no_text), TEXT, IMAGE), "whole text"),
        ((OneShort(), TEXT, IMAGE), "shape"),
        ((Alone(), TEXT, IMAGE), "two things"),
    ],
    "18.loss": [
        ((with_loss(lambda self, t, i: sum(self.losses(t, i))), TEXT, IMAGE), "1/8 and 7/8"),
        ((with_loss(lambda self, t, i: -Bag.loss(self, t, i)), TEXT, IMAGE), "negative"),
        ((with_loss(lambda self, t, i: Bag.loss(self, t, i) / 0.6931), TEXT, IMAGE), "bits"),
        ((with_loss(lambda self, t, i: Bag.loss(self, t, i) * N), TEXT, IMAGE), "mean"),
        ((with_loss(twice), TEXT, IMAGE), "twice"),
        ((with_loss(lambda self, t, i: Bag.loss(self, t, i).detach()), TEXT, IMAGE), "detach"),
        ((bold(), TEXT, IMAGE), "small weights"),
        ((frozen(), TEXT, IMAGE), "nothing that can learn"),
    ],
    "18.sampler": [
        ((draw(lambda x, t, g: torch.multinomial((x / t).softmax(-1), 1)), SHARP, TEXT), "same seed"),
        ((lambda dalle, text, seed, t: draw(multinomial)(dalle, text, 0, t), SHARP, TEXT), "Another seed"),
        ((draw(lambda x, t, g: x.argmax(-1, keepdim=True)), SHARP, TEXT), "likeliest token always wins"),
        ((draw(same_for_all), SHARP, TEXT), "row"),
        ((draw(too_late), SHARP, TEXT), "before the softmax"),
        ((draw(multinomial, read=0), SHARP, TEXT), "last slot"),
        ((draw(lambda x, t, g: multinomial(x, t, g).float()), SHARP, TEXT), "int64|stopped"),
    ],
}
