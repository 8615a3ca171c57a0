"""The runs that lesson 12 shows without running them: two readers, with and without swapped captions; repeats, counted
as wrong or left out; and the drawings that are ranked.

    python tools/lesson_runs/lesson_12.py            # all of it: data/lessons/12, four minutes on one core
    python tools/lesson_runs/lesson_12.py 0          # the trainings of seed 0 alone
    python tools/lesson_runs/lesson_12.py drawings   # the drawings alone

The networks, the step and the batches are those of the lesson.
"""

from __future__ import annotations

import base64
import json
import math
import random
import sys
import zlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dalle_lessons import TextToImage, sample
from dalle_lessons.datasets.scenes import COLORS, caption
from dalle_lessons.datasets.shapes import HELD_OUT, shapes
from dalle_lessons.model.clip import contrastive_loss
from dalle_lessons.model.files import data_dir

OUT = data_dir() / "lessons" / "12"
STEPS, WATCHED, LENGTH = 600, (0, 50, 100, 200, 300, 400, 500, 600), 12
LOOSE_STEPS, KEEP = 300, 0.5  # of the trainings on loose captions, and how often those say an adjective
CAPTIONS, CANDIDATES = 40, 32
TURN = {"above": "below", "below": "above", "left": "right", "right": "left"}

system = TextToImage.from_pretrained("shapes", device="cpu")
tokenizer = system.tokenizer


def encode(captions: list[str]) -> Tensor:
    return tokenizer.encode(captions)[:, :LENGTH]


class Look(nn.Module):
    """Pictures (B, 3, 32, 32) -> (B, 64), of length 1."""

    def __init__(self):
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(3, 32, 4, 4), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU())
        self.out = nn.Linear(64 * 16, 64)

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.out(self.see(images).flatten(1)), dim=-1)


class Read(nn.Module):
    """Texts (B, T) -> (B, 64), of length 1: each word by itself, then the mean."""

    def __init__(self):
        super().__init__()
        self.word, self.place = nn.Embedding(tokenizer.vocab_size, 64), nn.Embedding(LENGTH, 64)
        self.layer: nn.Module = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
        self.out = nn.Linear(64, 64)

    def mix(self, x: Tensor, pads: Tensor) -> Tensor:
        return x + self.layer(x)

    def forward(self, text: Tensor) -> Tensor:
        pads = text == tokenizer.pad_id
        x = self.mix(self.word(text) + self.place.weight, pads)
        x = x.masked_fill(pads[:, :, None], 0).sum(1) / (~pads).sum(1, keepdim=True)
        return F.normalize(self.out(x), dim=-1)


class Attend(Read):
    """The same, but the words look at each other first."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(64, 4, 128, 0.0, batch_first=True, norm_first=True)

    def mix(self, x: Tensor, pads: Tensor) -> Tensor:
        return self.layer(x, src_key_padding_mask=pads)


def rivals(text: str) -> tuple[str, str] | None:
    """A caption with its colors swapped, and with its relation swapped; None where there is no fair rival."""
    words = text.split()
    at = [i for i, word in enumerate(words) if word in COLORS]
    if len({words[i] for i in at}) < 2:
        return None
    words[at[0]], words[at[1]] = words[at[1]], words[at[0]]
    swapped = " ".join(words)
    if any(f"{color} {shape}" in swapped for shape, color in HELD_OUT):  # never true in training: too easy
        return None
    return swapped, " ".join(TURN.get(word, word) for word in text.split())


def with_rivals(pairs) -> tuple[Tensor, list[str], list[str], list[str]]:
    """The pairs with a fair rival: their indices, captions, and both rivals."""
    found = [(i, pairs.caption(i, None)) for i in range(len(pairs))]
    kept = [(i, text, both) for i, text in found if (both := rivals(text))]
    return (
        torch.tensor([i for i, _, _ in kept]),
        [text for _, text, _ in kept],
        [both[0] for _, _, both in kept],
        [both[1] for _, _, both in kept],
    )


def train(look: Look, read: Read, loss_of: Callable, steps: int, watch: Callable) -> None:
    """loss_of(step, chosen, image vectors, scale) -> loss; watch(steps done)."""
    log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
    optimizer = torch.optim.AdamW([*look.parameters(), *read.parameters(), log_scale], lr=3e-3)
    watch(0)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (64,))
        loss = loss_of(step, chosen, look(pictures[chosen]), log_scale.exp().clamp(max=100))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        watch(step + 1)


def shares(look: Look, read: Read, shift: int = 0) -> list[float]:
    """How often the true caption fits better than that with colors and with relation swapped; shift: the picture is
    that of another scene."""
    with torch.no_grad():
        seen = look(asked_pictures.roll(shift, 0))
        own, *others = ((seen * read(text)).sum(1) for text in (asked_true, *asked_swapped))
    return [round(float((own > other).float().mean()), 4) for other in others]


def binding(reader: type[Read], hard: bool, seed: int) -> dict:
    torch.manual_seed(seed)
    look, read = Look(), reader()

    def loss_of(step, chosen, a, scale):
        b = read(texts[chosen])
        if not hard:
            return contrastive_loss(a, b, scale)
        has = chosen[torch.isin(chosen, rival_of)]
        wrong = read(swaps[step % 2][has])
        logits, truth = scale * a @ torch.cat((b, wrong)).T, torch.arange(64)
        return (F.cross_entropy(logits, truth) + F.cross_entropy(logits[:, :64].T, truth)) / 2

    found = []
    train(look, read, loss_of, STEPS, lambda done: found.append(shares(look, read)) if done in WATCHED else None)
    return {"shares": found, "other picture": shares(look, read, 1)}


def repeated(fair: bool, seed: int) -> dict:
    """Trained on loose captions, of which many are the same; how often the right one of 300 full captions is found."""
    torch.manual_seed(seed)
    look, read = Look(), Read()

    def loss_of(_step, chosen, a, scale):
        equal = (loose[chosen][:, None] == loose[chosen]).all(-1).fill_diagonal_(False)
        loss = contrastive_loss(a, read(loose[chosen]), scale, equal if fair else None)
        losses.append(loss.item())
        return loss

    losses: list[float] = []
    train(look, read, loss_of, LOOSE_STEPS, lambda _: None)
    test = shapes("test", 300)
    with torch.no_grad():
        seen, said = look(test.pictures.float() / 255), read(encode([test.caption(i, None) for i in range(300)]))
        found = ((seen @ said.T).argmax(1) == torch.arange(300)).float().mean()
    return {"loss": round(sum(losses[-50:]) / 50, 4), "found": round(float(found), 4)}


def drawings() -> dict:
    """Candidates for captions of one thing, of combinations that neither model has seen; tokens as bytes, packed."""
    pairs = shapes("unseen_pair", CAPTIONS, two=0.0)
    captions = [pairs.caption(i, None) for i in range(CAPTIONS)]
    tokens = torch.cat(
        [
            sample(system.dalle, tokenizer.encode([text]).expand(CANDIDATES, -1), seed=i)
            for i, text in enumerate(captions)
        ]
    )
    packed = zlib.compress(tokens.to(torch.uint8).numpy().tobytes(), 9)
    return {"captions": captions, "candidates": CANDIDATES, "tokens": base64.b85encode(packed).decode()}


def write(name: str, value) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value) + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or ["0", "1", "drawings"]
    if "drawings" in wanted:
        write("drawings.json", drawings())
    seeds = [int(one) for one in wanted if one.isdigit()]
    if seeds:
        known = shapes("train", 4000)
        pictures, full = known.pictures.float() / 255, [known.caption(i, None) for i in range(4000)]
        texts, rng = encode(full), random.Random(0)
        loose = encode([caption(scene, rng, KEEP) for scene in known.metadata])
        rival_of, _, colors, relations = with_rivals(known)
        swaps = [texts.index_copy(0, rival_of, encode(other)) for other in (colors, relations)]
        asked = shapes("test", 500, two=1.0)
        places, true, colors, relations = with_rivals(asked)
        asked_pictures, asked_true = asked.pictures[places].float() / 255, encode(true)
        asked_swapped = encode(colors), encode(relations)
    for seed in seeds:
        made = {}
        for reader in (Read, Attend):
            for hard in (False, True):
                name = f"{'adds up' if reader is Read else 'attends'}, {'swapped' if hard else 'plain'}"
                made[name] = binding(reader, hard, seed)
                print(seed, name, made[name], flush=True)
        for fair in (False, True):
            name = "equal captions left out" if fair else "equal captions wrong"
            made[name] = repeated(fair, seed)
            print(seed, name, made[name], flush=True)
        path = OUT / "runs.json"
        runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for name, run in made.items():
            runs.setdefault(name, {})[str(seed)] = run
        write("runs.json", runs | {"steps": WATCHED, "scenes": len(asked_true)})
