"""Answers to lesson 18, right and wrong: parts of small DALL·Es, by the worked solution, the library, and by hand.

An answer is a whole file of a student's. `own(DVAE=Noisy)` is the worked solution, small, with one part replaced;
`OTHER` is a right one in another style, in which nothing is the worked solution's.
"""

import importlib.util
import random
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check as shapes_check
from dalle_lessons.model import dalle as library
from dalle_lessons.model import dvae as library_dvae
from dalle_lessons.model.files import notebooks_dir
from dalle_lessons.model.tokenizer import TextTokenizer

spec = importlib.util.spec_from_file_location("worked", notebooks_dir() / "capstone_solution.py")
worked = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worked)

C = worked.Config(codes=16, width=32, layers=1)
WIDE = worked.Config(codes=64, width=48)  # enough codes for a collapse to show
CAPTIONS = worked.world(64, 0)[1]
T, N, K = C.text_length, C.grid**2, C.codes


def own(config=C, **parts):
    """A student's file: the worked solution, small, with some parts replaced."""
    return SimpleNamespace(**{**vars(worked), "Config": lambda: config, **parts})


# ---- worlds ----


def squares(count, seed):
    rng = random.Random(seed)
    pictures, captions = torch.ones(count, 3, 16, 16), []
    for picture in pictures:
        x, y = rng.randrange(12), rng.randrange(12)
        picture[:, y : y + 4, x : x + 4] = 0.0
        captions.append(f"a square at {x} {y}")
    return pictures, captions


def squares32(count, seed):
    pictures, captions = squares(count, seed)
    return pictures.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3), captions


def from_library(count, seed):
    pairs = shapes("train", 200 * (seed + 1))
    chosen = range(200 * seed, 200 * seed + count)
    return pairs.pictures[list(chosen)].float() / 255, [pairs.caption(i, None) for i in chosen]


def broken_world(change):
    return lambda count, seed: change(*squares(count, seed), count)


# ---- tokenizers ----


class Letters:
    """One token a letter."""

    length = 90

    def __init__(self, captions, c):
        self.size = 130

    def encode(self, captions):
        rows = [[1, *(2 + min(ord(letter), 127) for letter in caption.lower())] for caption in captions]
        if max(map(len, rows)) > self.length:
            raise ValueError("too long")
        return torch.tensor([row + [0] * (self.length - len(row)) for row in rows])

    def decode(self, rows):
        return ["".join(chr(t - 2) for t in row if t > 1) for row in rows.tolist()]


class FewLetters(Letters):
    length = 24


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
    def __init__(self, captions, c):
        self.size = 26


class NoSize(Letters):
    def __init__(self, captions, c):
        self.vocabulary = 130


class BytesWithoutStart(worked.Tokenizer):
    """Bytes alone: each word begins with the same space, as if that were start of text."""

    def __init__(self, captions, c):
        super().__init__(captions, worked.Config(merges=0, text_length=90))

    def encode(self, captions):
        return super().encode(captions).roll(-1, dims=1)


class PadsInFront(worked.Tokenizer):
    def encode(self, captions):
        rows = super().encode(captions).tolist()
        return torch.tensor([[0] * row.count(0) + [token for token in row if token] for row in rows])


class PadsBehindStart(worked.Tokenizer):
    def encode(self, captions):
        rows = super().encode(captions).tolist()
        return torch.tensor([[1] + [0] * row.count(0) + [token for token in row[1:] if token] for row in rows])


class AnyPads(Letters):
    def encode(self, captions):
        rows = super().encode(captions)
        return rows.where(rows > 0, 131 + torch.arange(self.length) % 2)


class Floats(Letters):
    def encode(self, captions):
        return super().encode(captions).float()


class Words:
    """One token a word; the rest is refused."""

    def __init__(self, captions, c):
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
    def __init__(self, captions, c):
        self.own = TextTokenizer.train(captions, 300, 64)
        self.size, self.encode, self.decode = self.own.vocab_size, self.own.encode, self.own.decode


# ---- dVAEs ----


class LibraryDVAE(nn.Module):
    def __init__(self, c, **options):
        super().__init__()
        config = library_dvae.DVAEConfig(codes=c.codes, code_dim=8, widths=(16,), patch=4, blocks=1, **options)
        self.own = library_dvae.DVAE(config)

    def encode(self, pictures):
        return self.own.encode(pictures).flatten(1)

    def decode(self, tokens):
        return self.own.decode(tokens.unflatten(1, (8, 8)))

    def loss(self, pictures, temperature):
        return self.own.loss(pictures, temperature)["total"]


class LibraryGumbel(LibraryDVAE):
    def __init__(self, c):
        super().__init__(c, quantizer="gumbel")


class ByHand(nn.Module):
    """Another style: patches by `unfold`, Gumbel noise by hand, the norm by hand, a sigmoid at the end."""

    def __init__(self, c):
        super().__init__()
        self.grid, self.patch, size = c.grid, c.patch, 3 * c.patch**2
        self.see = nn.Sequential(nn.Linear(size, c.width), nn.GELU(), nn.Linear(c.width, c.codes))
        self.codebook = nn.Parameter(torch.randn(c.codes, c.width))
        self.paint = nn.Sequential(nn.Linear(c.width, c.width), nn.GELU(), nn.Linear(c.width, size), nn.Sigmoid())
        self.register_buffer("mean", torch.zeros(c.codes))
        self.register_buffer("spread", torch.ones(c.codes))

    def logits(self, pictures):
        cut = F.unfold(pictures - 0.5, self.patch, stride=self.patch).transpose(1, 2)
        x = self.see(cut)
        if self.training:
            with torch.no_grad():
                self.mean, self.spread = x.mean((0, 1)), x.std((0, 1)) + 1e-5
        return 4 * (x - self.mean) / self.spread

    def join(self, patches):
        side = self.grid * self.patch
        return F.fold(patches.transpose(1, 2), side, self.patch, stride=self.patch)

    def loss(self, pictures, temperature):
        x = self.logits(pictures)
        noise = -(-torch.rand_like(x).clamp(1e-9, 1 - 1e-6).log()).log()
        chosen = ((x + noise) / temperature).softmax(-1)
        return (self.join(self.paint(chosen @ self.codebook)) - pictures).square().mean()

    @torch.no_grad()
    def encode(self, pictures):
        return self.logits(pictures).argmax(-1)

    @torch.no_grad()
    def decode(self, tokens):
        return self.join(self.paint(self.codebook[tokens]))


class ColumnsFirst(worked.DVAE):
    def encode(self, pictures):
        return super().encode(pictures).unflatten(1, (8, 8)).transpose(1, 2).flatten(1)


class ColumnsFirstBack(worked.DVAE):
    def decode(self, tokens):
        return super().decode(tokens.unflatten(1, (8, 8)).transpose(1, 2).flatten(1))


class BottomUp(worked.DVAE):
    def encode(self, pictures):
        return super().encode(pictures).flip(1)


class OverRows(worked.DVAE):
    dim, noise = 2, True

    def choose(self, logits, temperature):
        return F.gumbel_softmax(logits, temperature, dim=self.dim)

    def loss(self, pictures, temperature):
        soft = self.choose(4 * self.encoder(2 * pictures - 1), temperature)
        vectors = torch.einsum("bkrc,kd->bdrc", soft, self.codebook.weight)
        return F.mse_loss(self.decoder(vectors), pictures)


class OverColumns(OverRows):
    dim = 3


class NoTemperature(OverRows):
    def choose(self, logits, temperature):
        return F.gumbel_softmax(logits, 1.0, dim=1)


class NoNoise(OverRows):
    def choose(self, logits, temperature):
        return (logits / temperature).softmax(dim=1)


class PlainSoftmax(OverRows):
    def choose(self, logits, temperature):
        return logits.softmax(dim=1)


class Bare(worked.DVAE):
    """Without the norm, as in lesson 03."""

    scale = 1.0

    def __init__(self, c):
        super().__init__(c)
        self.encoder[-1] = self.norm()

    def norm(self):
        return nn.Identity()

    def loss(self, pictures, temperature):
        soft = F.gumbel_softmax(self.scale * self.encoder(2 * pictures - 1), temperature, dim=1)
        return F.mse_loss(self.decoder(torch.einsum("bkrc,kd->bdrc", soft, self.codebook.weight)), pictures)


class AcrossCodes(Bare):
    """LayerNorm: normalized, but across the codes of a patch."""

    scale = 4.0

    def norm(self):
        return nn.GroupNorm(1, self.codebook.num_embeddings, affine=False)


class Weak(Bare):
    """The logits are small beside the noise."""

    scale = 0.1


class Constant(worked.DVAE):
    """The loss says nothing of the pictures."""

    def loss(self, pictures, temperature):
        return super().loss(pictures * 0 + 0.5, temperature)


class TooManyTokens(worked.DVAE):
    def encode(self, pictures):
        return super().encode(pictures).repeat(1, 2)


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

    def __init__(self, vocabulary, c):
        super().__init__()
        self.words, self.codes = nn.Embedding(vocabulary, 32), nn.Embedding(K + 1, 32)
        self.places = nn.Embedding(T + N, 32)
        self.text_head, self.image_head = nn.Linear(32, vocabulary), nn.Linear(32, K)
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
    def __init__(self, vocabulary, c):
        super().__init__()
        self.own = library.DALLE(library.DALLEConfig(vocabulary, T, 8, 8, K, 32, 1, 4))

    def forward(self, text, image):
        return self.own(text, torch.cat((image, image.new_zeros(len(image), 1)), dim=1))

    def loss(self, text, image):
        return self.own.loss(text, image)["total"]


def bag(mix):
    return type("Spoilt", (Bag,), {"mix": mix})


def see_the_picture(self, x):
    mixed = Bag.mix(self, x)
    return torch.cat((mixed[:, :T], mixed[:, -1:].expand(-1, x.shape[1] - T, -1)), dim=1)


def forget(self, x):
    text = Bag.mix(self, x[:, :T])
    seen = torch.stack([x[:, max(T, i - 2) : i + 1].mean(1) for i in range(T, x.shape[1])], dim=1)
    return torch.cat((text, seen + text[:, -1:]), dim=1)


def only_text(self, x):
    mixed = Bag.mix(self, x)
    return torch.cat((mixed[:, :T], mixed[:, T - 1 : T].expand(-1, x.shape[1] - T, -1)), dim=1)


def no_text(self, x):
    return torch.cat((Bag.mix(self, x[:, :T]), Bag.mix(self, x[:, T:])), dim=1)


def before(self, x):
    """Each slot sees what came before it, and not itself."""
    return Bag.mix(self, x) - x / torch.arange(1, x.shape[1] + 1)[:, None]


def ahead(self, x):
    return Bag.mix(self, x).roll(-1, 1)


def all_see_all(self, x):
    return x.mean(1, keepdim=True).expand_as(x)


class OneShort(Bag):
    def forward(self, text, image):
        words, codes = super().forward(text, image)
        return words, codes[:, 1:]


class Alone(Bag):
    def forward(self, text, image):
        return super().forward(text, image)[1]


def with_loss(loss, model=Bag):
    return type("Spoilt", (model,), {"loss": loss})


def weighed(text_weight, image_weight):
    def loss(self, text, image):
        words, codes = self.losses(text, image)
        return text_weight * words + image_weight * codes

    return with_loss(loss)


def pads_counted(self, text, image):
    words, codes = self(text, image[:, :-1])
    text_loss = F.cross_entropy(words.transpose(1, 2), text[:, 1:])
    return text_loss / 8 + 7 / 8 * F.cross_entropy(codes.transpose(1, 2), image)


def pads_as_zeros(self, text, image):
    words, codes = self(text, image[:, :-1])
    nats = F.cross_entropy(words.transpose(1, 2), text[:, 1:], ignore_index=0, reduction="none")
    return nats.mean() / 8 + 7 / 8 * F.cross_entropy(codes.transpose(1, 2), image)


def unshifted(self, text, image):
    words, codes = self(text, image[:, :-1])
    text_loss = F.cross_entropy(words.transpose(1, 2), text[:, :-1], ignore_index=0)
    return text_loss / 8 + 7 / 8 * F.cross_entropy(codes.transpose(1, 2), image)


def one_detached(which):
    def loss(self, text, image):
        words, codes = (x.detach() if which == n else x for n, x in enumerate(self.losses(text, image)))
        return words / 8 + 7 / 8 * codes

    return with_loss(loss)


def decayed(self, text, image):
    return Bag.loss(self, text, image) + 0.1 * self.words.weight.square().mean()


def decayed_much(self, text, image):
    return Bag.loss(self, text, image) + 0.01 * sum(weight.square().sum() for weight in self.parameters())


def smoothed(self, text, image):
    words, codes = self(text, image[:, :-1])
    text_loss = F.cross_entropy(words.transpose(1, 2), text[:, 1:], ignore_index=0)
    return text_loss / 8 + 7 / 8 * F.cross_entropy(codes.transpose(1, 2), image, label_smoothing=0.1)


class NoImagePositions(worked.DALLE):
    def __init__(self, vocabulary, c):
        super().__init__(vocabulary, c)
        self.row = self.column = Nothing()


class RowsAlone(worked.DALLE):
    def __init__(self, vocabulary, c):
        super().__init__(vocabulary, c)
        self.column = Nothing()


class ColumnsAlone(worked.DALLE):
    def __init__(self, vocabulary, c):
        super().__init__(vocabulary, c)
        self.row = Nothing()


class NoTextPositions(worked.DALLE):
    def __init__(self, vocabulary, c):
        super().__init__(vocabulary, c)
        self.place = Nothing()


class NoPositions(NoImagePositions):
    def __init__(self, vocabulary, c):
        super().__init__(vocabulary, c)
        self.place = Nothing()


class Nothing(nn.Module):
    """In the place of a table of positions."""

    def forward(self, places):
        return torch.zeros(*places.shape, 1)


class Masked(nn.Module):
    """Another style: PyTorch's own layers with a mask, one table of positions for all slots, one table of tokens."""

    def __init__(self, vocabulary, c):
        super().__init__()
        self.split, self.vocabulary = c.text_length, vocabulary
        self.tokens = nn.Parameter(0.03 * torch.randn(vocabulary + c.codes + 1, c.width))
        self.places = nn.Parameter(0.03 * torch.randn(c.text_length + c.grid**2, c.width))
        self.layer = nn.TransformerEncoderLayer(c.width, 4, 2 * c.width, dropout=0.1, batch_first=True)

    def forward(self, text, image):
        separator = torch.full((len(text), 1), len(self.tokens) - 1)
        ids = torch.cat((text, separator, self.vocabulary + image), dim=1)
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        scores = self.layer(self.tokens[ids] + self.places[: ids.shape[1]], src_mask=mask) @ self.tokens.T
        return scores[:, : self.split - 1, : self.vocabulary], scores[:, self.split :, self.vocabulary : -1]

    def loss(self, text, image):
        words, codes = self(text, image[:, :-1])
        said = words.log_softmax(-1).gather(2, text[:, 1:, None])[..., 0][text[:, 1:] > 0]
        drawn = codes.log_softmax(-1).gather(2, image[:, :, None])
        return -(said.mean() + 7 * drawn.mean()) / 8


def twice(self, text, image):
    words, codes = self(text, image[:, :-1])
    words = F.cross_entropy(words.softmax(-1).transpose(1, 2), text[:, 1:], ignore_index=0)
    return words / 8 + 7 / 8 * F.cross_entropy(codes.softmax(-1).transpose(1, 2), image)


def bold(vocabulary, c):
    model = worked.DALLE(vocabulary, c)
    with torch.no_grad():
        model.image_head.weight *= 200
    return model


def frozen(vocabulary, c):
    return Bag(vocabulary, c).requires_grad_(False)


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


# ---- checkers ----


def by_memory(picture, caption):
    """For `squares`: the darkest place, read from the caption's own numbers."""
    x, y = map(int, caption.split()[-2:])
    small = F.avg_pool2d(picture, picture.shape[1] // 16)
    return bool(small[0, y : y + 4, x : x + 4].mean() < 0.2 < small.mean())


def by_pixels(picture, caption):
    """For the library's scenes: its own checker."""
    return shapes_check(picture, caption).all_right


def half(picture, caption):
    """Looks at the sky alone."""
    return all(sky not in caption or sky in worked.look(picture) for sky in worked.SKIES)


def no_walls(picture, caption):
    """Whatever color the walls have."""
    words = caption.split()
    return worked.right(picture, " ".join(word for n, word in enumerate(words) if words[n + 1 : n + 2] != ["house"]))


def exact(picture, caption):
    """Looks for the very colors, as in a true picture."""
    said = [words for words in (*worked.COLORS, *worked.SKIES) if words in caption]
    colors = worked.COLORS | worked.SKIES
    pixels = (picture * 255).round().flatten(1).T
    return all(bool((pixels == torch.tensor(colors[name]).float()).all(1).any()) for name in said)


def too_strict(picture, caption):
    return worked.right(picture, caption) and "tree" not in caption


OTHER = SimpleNamespace(
    Config=lambda: SimpleNamespace(grid=8, patch=4, codes=24, width=48, text_length=24),
    world=squares32,
    Tokenizer=FewLetters,
    DVAE=ByHand,
    DALLE=Masked,
    sample=gumbel_max,
    right=by_memory,
)

RIGHT = {
    "18.world": [own(), own(world=from_library), OTHER],
    "18.checker": [own(), own(world=from_library, right=by_pixels), OTHER],
    "18.tokenizer": [*(own(Tokenizer=kind) for kind in (worked.Tokenizer, LibraryTokens, Letters, Words)), OTHER],
    "18.dvae": [*(own(DVAE=kind) for kind in (worked.DVAE, LibraryDVAE, LibraryGumbel, ByHand)), OTHER],
    "18.codes": [own(WIDE), own(WIDE, DVAE=ByHand), OTHER],
    "18.causal": [*(own(DALLE=kind) for kind in (worked.DALLE, Library, Bag)), OTHER],
    "18.loss": [*(own(DALLE=kind) for kind in (worked.DALLE, Library, Bag)), OTHER],
    "18.sampler": [own(), own(sample=gumbel_max, DALLE=Bag), own(sample=into_place, DALLE=Library), OTHER],
}
WRONG = {
    "18.world": [
        (own(world=lambda count, seed: squares(count, random.randrange(10**9))), "same seed"),
        (own(world=lambda count, seed: squares(count, 0)), "seed is not used"),
        (own(world=broken_world(lambda p, c, n: (p * 255, c))), "0 to 1"),
        (own(world=broken_world(lambda p, c, n: (p.permute(0, 2, 3, 1), c))), "colors first"),
        (own(world=broken_world(lambda p, c, n: (p, c[:1]))), "caption"),
        (own(world=broken_world(lambda p, c, n: p)), "two things"),
        (own(world=broken_world(lambda p, c, n: (p, ["a square"] * n))), "little to learn"),
        (worked.world, "whole file"),
        (SimpleNamespace(DVAE=worked.DVAE), "no world"),
    ],
    "18.checker": [
        (own(right=lambda picture, caption: True), "gray|black"),
        (own(right=lambda picture, caption: False), "true pictures"),
        (own(right=too_strict), "milder"),
        (own(right=lambda picture, caption: bool(picture.std() > 0.05)), "too little"),
        (own(right=half), "too little"),
        (own(right=no_walls), "too little.*one word"),
        (own(right=exact), "under a little noise"),
        (own(right=lambda picture, caption: worked.look(picture)), "True or False"),
        (own(right=lambda picture: True), "stopped"),
    ],
    "18.tokenizer": [
        (own(Tokenizer=Cut), "cut in silence"),
        (own(Tokenizer=NoSpaces), "come out"),
        (own(Tokenizer=ToTheLongest), "same row"),
        (own(Tokenizer=NoStart), "start of text"),
        (own(Tokenizer=BytesWithoutStart), "start of text"),
        (own(Tokenizer=Beginnings), "same row|start of text"),
        (own(Tokenizer=SmallSize), "special"),
        (own(Tokenizer=NoSize), "no attribute size"),
        (own(Tokenizer=PadsInFront), "pads stand in front"),
        (own(Tokenizer=PadsBehindStart), "pads stand in front"),
        (own(Tokenizer=AnyPads), "come out|PAD"),
        (own(Tokenizer=Floats), "int64"),
    ],
    "18.dvae": [
        (own(DVAE=ColumnsFirst), "In encode.*columns come first"),
        (own(DVAE=ColumnsFirstBack), "In decode.*columns come first"),
        (own(DVAE=BottomUp), "raster order"),
        (own(DVAE=OverRows), "over the rows"),
        (own(DVAE=OverColumns), "over the columns"),
        (own(DVAE=NoTemperature), "temperature changes nothing"),
        (own(DVAE=NoNoise), "no noise"),
        (own(DVAE=PlainSoftmax), "neither noise nor"),
        (own(DVAE=TooManyTokens), "grid · grid"),
        (own(DVAE=Noisy), "each time"),
        (own(DVAE=Hard), "No gradient reaches encoder"),
        (own(DVAE=Unclamped), "outside of 0 to 1"),
        (own(DVAE=Grid), "shape"),
        (own(DVAE=Scores), "int64"),
        (own(DVAE=Patches), "shape they had"),
        (own(DVAE=Learning), "no_grad"),
        (own(DVAE=Detached), "go back"),
    ],
    "18.codes": [
        (own(WIDE, DVAE=Bare), "collapse"),
        (own(WIDE, DVAE=AcrossCodes), "collapse"),
        (own(WIDE, DVAE=Weak), "collapse"),
        (own(WIDE, DVAE=Constant), "one color"),
        (own(WIDE, DVAE=lambda c: None), "None|Module"),
    ],
    "18.causal": [
        (own(DALLE=bag(all_see_all)), "text comes first"),
        (own(DALLE=bag(see_the_picture)), "given away|looks ahead"),
        (own(DALLE=bag(ahead)), "given away|looks ahead"),
        (own(DALLE=bag(before)), "itself"),
        (own(DALLE=bag(forget)), "did not notice"),
        (own(DALLE=bag(no_text)), "whole text"),
        (own(DALLE=bag(only_text)), "itself"),
        (own(DALLE=NoImagePositions), "place: image positions are missing"),
        (own(worked.Config(codes=16, width=32, layers=3), DALLE=NoImagePositions), "place: image positions"),
        (own(DALLE=RowsAlone), "column: image positions"),
        (own(DALLE=ColumnsAlone), "row: image positions"),
        (own(DALLE=NoTextPositions), "text positions are missing"),
        (own(DALLE=NoPositions), "positions are missing"),
        (own(DALLE=OneShort), "shape"),
        (own(DALLE=Alone), "two things"),
    ],
    "18.loss": [
        (own(DALLE=with_loss(lambda self, t, i: sum(self.losses(t, i)))), "1/8 and 7/8"),
        (own(DALLE=weighed(0.5, 0.5)), "text weighs 0.5 in your loss, and the image 0.5"),
        (own(DALLE=weighed(0.875, 0.125)), "exchanged"),
        (own(DALLE=weighed(0.0, 1.0)), "image's alone"),
        (own(DALLE=weighed(0.0, 0.875)), "image's alone"),
        (own(DALLE=with_loss(pads_counted)), "Pads are counted"),
        (own(DALLE=with_loss(pads_as_zeros)), "number of words"),
        (own(DALLE=with_loss(unshifted)), "not shifted"),
        (own(DALLE=with_loss(decayed)), "belongs in the optimizer"),
        (own(DALLE=with_loss(decayed_much)), "belongs in the optimizer"),
        (own(DALLE=with_loss(smoothed)), "what else is in it"),
        (own(DALLE=with_loss(lambda self, t, i: -Bag.loss(self, t, i))), "negative"),
        (own(DALLE=with_loss(lambda self, t, i: Bag.loss(self, t, i) / 0.6931)), "bits"),
        (own(DALLE=with_loss(lambda self, t, i: Bag.loss(self, t, i) * N)), "mean"),
        (own(DALLE=with_loss(twice)), "twice"),
        (own(DALLE=one_detached(0)), "text's part is in the loss, but no gradient"),
        (own(DALLE=one_detached(1)), "image's part is in the loss, but no gradient"),
        (own(DALLE=with_loss(lambda self, t, i: Bag.loss(self, t, i).detach())), "detach"),
        (own(DALLE=bold), "small weights"),
        (own(DALLE=frozen), "nothing that can learn"),
    ],
    "18.sampler": [
        (own(DALLE=Bag, sample=draw(lambda x, t, g: torch.multinomial((x / t).softmax(-1), 1))), "same seed"),
        (own(DALLE=Bag, sample=lambda dalle, text, seed, t: draw(multinomial)(dalle, text, 0, t)), "Another seed"),
        (own(DALLE=Bag, sample=draw(lambda x, t, g: x.argmax(-1, keepdim=True))), "likeliest token always wins"),
        (own(DALLE=Bag, sample=draw(same_for_all)), "row"),
        (own(DALLE=Bag, sample=draw(too_late)), "before the softmax"),
        (own(DALLE=Bag, sample=draw(lambda x, t, g: multinomial(x, 1.0, g))), "temperature changes nothing"),
        (own(DALLE=Bag, sample=draw(multinomial, read=0)), "last slot"),
        (own(DALLE=Bag, sample=draw(lambda x, t, g: multinomial(x, t, g).float())), "int64|stopped"),
    ],
}
