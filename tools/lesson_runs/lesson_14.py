"""What lesson 14 shows without drawing or training it anew.

    python tools/lesson_runs/lesson_14.py drawn               # data/lessons/14/drawn.safetensors and drawn.json
    python tools/lesson_runs/lesson_14.py hat 0 hat 1 shoes 0   # hats.json: what triangles never wear, seed
    python tools/lesson_runs/lesson_14.py leash 0 leash 1       # leash.json: squares never walk a dog

Drawn: by the bundled models, first drawings, none chosen; to be made again with each new dVAE or DALL·E. Hats, leash:
small models of the worlds of `classroom.hats` and `classroom.leash`, each about a minute of one core; tokens there are
exact patches.
"""

from __future__ import annotations

import collections
import itertools
import json
import random
import sys
import time
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor

from dalle_lessons import DALLE, TextToImage, sample
from dalle_lessons.classroom import hats, leash
from dalle_lessons.datasets.emoji import STYLES, emoji, full_caption, with_article
from dalle_lessons.datasets.emoji_labels import truth_of
from dalle_lessons.evaluation.candidates import choose, decode_candidates
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dalle import DALLEConfig
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.judge import Judge
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.tokens import tokenize
from dalle_lessons.training.trainer import TrainConfig, Trainer

FOLDER = data_dir() / "lessons" / "14"
COUNT, THINGS, COUNTED = 96, 12, 96
NEW_STYLES = ("a photo", "an oil painting", "a painting in the style of picasso", "a zzqx")
TWO = """dog face, crown; penguin, necktie; frog, crown; ghost, glasses; pizza, eyes; red heart, glasses;
panda, bicycle; elephant, balloon; octopus, guitar; banana, glasses; monkey, banjo; rabbit, carrot; horse, rainbow;
bear, honey pot; house, rainbow; lemon, drum; duck, billed cap; avocado, boxing glove; owl, crown; pig, backpack"""
RADISH = "a cartoon of a baby daikon radish in a tutu walking a dog"
NUMBERS = ("a circle", "a circle and a circle", "two circles", "three circles", "qrst circles", "no circle")
STEPS, BATCH, WIDTH, LAYERS, HELD, TEXT, EACH = 300, 48, 64, 3, ("hat", "shoes", "ball"), 12, 6
WALKED = ("square walking a dog", "square beside a dog", "circle walking a dog")


def write(name: str, value: dict) -> None:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace('},"', '},\n"') + "\n"
    replace_file(FOLDER / name, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def drawn() -> None:
    """Draws, and looks up which training picture each drawing is nearest to."""
    system, small = (TextToImage.from_pretrained(name, device="cpu") for name in ("emoji", "shapes"))
    judge, train = Judge.from_pretrained("emoji"), emoji("train")
    plain = [i for i, row in enumerate(train.metadata) if not row["skin_tone"]]
    known = tokenize(system.dvae, train.pictures[plain])  # (M, N)
    tokens: dict[str, Tensor] = {}
    said: dict = {"dvae": {"emoji": system.dvae.fingerprint(), "shapes": small.dvae.fingerprint()}}

    def nearest(some: Tensor) -> tuple[list[int], list[float]]:
        equal = torch.stack([(row == known).float().mean(dim=1) for row in some])  # (n, M)
        share, column = equal.max(dim=1)
        return [plain[k] for k in column.tolist()], [round(x, 4) for x in share.tolist()]

    for split in ("train", "unseen_pair", "unseen_tone"):
        pairs = emoji(split)
        chosen = choose(pairs, COUNT)
        captions = [pairs.caption(i, None) for i in chosen]
        tokens[split] = sample(system.dalle, system.tokenizer.encode(captions), seed=0)
        true = pairs.pictures[chosen]
        again = tokenize(system.dvae, true)
        truth = truth_of([pairs.metadata[i] for i in chosen])
        right = judge.right(decode_candidates(system, again), truth).nan_to_num(-1).int().tolist()
        said[split] = {"chosen": chosen, "reconstructed": right}
        if split != "unseen_tone":
            near, _ = nearest(tokens[split])
            said[split] |= {"nearest": near}
            said[split]["true nearest"], said[split]["true equal"] = nearest(again)
        print(split, flush=True)
    cartoons = [full_caption(train.metadata[i]) for i in plain if train.metadata[i]["style"] == "cartoon"]
    things = [text.removeprefix("a cartoon of ") for text in cartoons[:: len(cartoons) // THINGS]][:THINGS]
    styles = [*(with_article(style) for style in STYLES), *NEW_STYLES]
    two = [pair.strip().split(", ") for pair in TWO.split(";")]
    groups = {
        "styles": [f"{style} of {thing}" for style in styles for thing in things],
        "two": [f"a cartoon of {with_article(a)} with {with_article(b)}" for a, b in two],
        "radish": [RADISH] * 6,
    }
    for name, captions in groups.items():
        tokens[name] = sample(system.dalle, system.tokenizer.encode(captions), seed=1)
        print(name, flush=True)
    many = [text for text in NUMBERS for _ in range(COUNTED)]
    tokens["numbers"] = sample(small.dalle, small.tokenizer.encode(many), seed=1)
    said |= {"styles": styles, "things": things, "two": two, "numbers": list(NUMBERS)}
    kept = {name: some.to(torch.int16) for name, some in tokens.items()}
    replace_file(FOLDER / "drawn.safetensors", lambda path: save_file(kept, path))
    write("drawn.json", said)


def learned(captions: list[str], tokens: Tensor, allowed: list[int], seed: int, name: str, steps: int = STEPS):
    """A training on the allowed ones of these pairs, tokens (M, 64): the model, its tokenizer, its last losses."""
    words = TextTokenizer.train(sorted(set(captions)), 340, TEXT)
    text = words.encode(captions)
    torch.manual_seed(seed)
    config = DALLEConfig(
        width=WIDTH, layers=LAYERS, heads=2, text_length=TEXT, vocab_size=words.vocab_size, pad_id=words.pad_id,
        rows=8, cols=8, codes=int(tokens.max()) + 1,
    )  # fmt: skip
    rng = random.Random(seed)

    def batch(model: DALLE, *_) -> dict[str, Tensor]:
        chosen = torch.tensor(rng.choices(allowed, k=BATCH))
        return model.loss(text[chosen], tokens[chosen])

    settings = TrainConfig(steps, lr=0.004, muon_lr=0.004, warmup=30, ema=0.98)
    trainer = Trainer(DALLE(config), batch, settings, None)
    start, losses = time.process_time(), []
    for step in range(steps):
        losses.append(trainer.one_step()["image"])
        if (step + 1) % 50 == 0:
            print(name, seed, step + 1, f"{time.process_time() - start:.0f} s", losses[-1], flush=True)
    return cast(DALLE, trainer.average.module).eval(), words, round(sum(losses[-20:]) / 20, 4)


def asked_for(what: str) -> list[str]:
    """Captions of "a … {what}" in all sizes and colors, each EACH times."""
    kinds = itertools.product(hats.SIZES, hats.BODIES, range(EACH))
    return [f"a {size} {color} {what}" for size, color, _ in kinds]


def in_hex(tokens: Tensor) -> list[str]:
    """(n, 64) -> two digits a token."""
    return [bytes(row).hex() for row in tokens.tolist()]


def hat(held: str, seed: int) -> dict:
    """A training in which triangles never wear `held` ("all": nothing at all), and what it then draws."""
    never = HELD if held == "all" else (held,)
    scenes, pictures = hats.world()
    allowed = [i for i, scene in enumerate(scenes) if scene.shape != "triangle" or scene.worn not in never]
    model, words, loss = learned([s.caption for s in scenes], hats.encode(pictures), allowed, seed, held)
    run: dict = {"loss": loss, "tokens": {}}
    for worn in HELD:
        some = sample(model, words.encode(asked_for(f"triangle{hats.WITH[worn]}")), seed=0)
        run["tokens"][worn] = in_hex(some)
        became = collections.Counter(hats.told(seen, "triangle", worn) for seen in hats.find(hats.decode(some)))
        print(held, seed, worn, became, flush=True)
    return run


def walk(seed: int) -> dict:
    """A training in which squares never walk a dog, and what it then draws of squares (and circles, to compare)."""
    scenes, pictures = leash.world()
    allowed = [i for i, scene in enumerate(scenes) if not leash.never(scene)]
    tokens = hats.encode(pictures, leash.codebook())
    model, words, loss = learned([s.caption for s in scenes], tokens, allowed, seed, "leash", 600)
    run: dict = {"loss": loss, "colors": [text.split()[2] for text in asked_for("square")], "tokens": {}}
    for what in WALKED:
        some = sample(model, words.encode(asked_for(what)), seed=0)
        run["tokens"][what] = in_hex(some)
        print(seed, what, collections.Counter(leash.told(some)), flush=True)
    return run


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    if sys.argv[1] == "drawn":
        drawn()
        return
    for held, seed in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        name, run = ("leash", walk(int(seed))) if held == "leash" else ("hats", hat(held, int(seed)))
        path = FOLDER / f"{name}.json"
        runs = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        write(path.name, runs | {f"{held}, {seed}": run})


if __name__ == "__main__":
    main()
