"""Writes data/lessons/18: the worked capstone's run, and what keeps its codes in use.

    python tools/lesson_runs/lesson_18.py FOLDER    # four times: about 11 minutes of one core; FOLDER keeps the weights

`run.json` has the numbers, the pictures are as the decoder painted them, in 128 colors.
"""

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from dalle_lessons.classroom.capstone import SEEN, UNSEEN, worked_solution
from dalle_lessons.model.files import data_dir

worked = worked_solution()
HERE = data_dir() / "lessons" / "18"
ARMS = {  # name -> (how a patch's logits are normalized, the factor)
    "as they are": (None, 1.0),
    "times 4": (None, 4.0),
    "over the codes of a patch, times 4": ("codes", 4.0),
    "over the batch, times 4": ("batch", 4.0),
    "over the batch": ("batch", 1.0),
}
SEEDS, STEPS, BATCH = (0, 1), 600, 8


class Arm(worked.DVAE):
    """The worked solution's dVAE with other logits."""

    def __init__(self, c, norm, factor):
        super().__init__(c)
        self.factor = factor
        if norm != "batch":
            self.encoder[-1] = nn.Identity() if norm is None else nn.GroupNorm(1, c.codes, affine=False)
        self.norm = norm

    def logits(self, pictures):
        if self.norm != "codes":
            return self.factor * self.encoder(2 * pictures - 1)
        x = self.encoder[:-1](2 * pictures - 1).permute(0, 2, 3, 1)
        return self.factor * F.layer_norm(x, x.shape[-1:]).permute(0, 3, 1, 2)

    def loss(self, pictures, temperature):
        soft = F.gumbel_softmax(self.logits(pictures), temperature, dim=1)
        return F.mse_loss(self.decoder(torch.einsum("bkrc,kd->bdrc", soft, self.codebook.weight)), pictures)

    @torch.no_grad()
    def encode(self, pictures):
        return self.logits(pictures).argmax(dim=1).flatten(1)


def reached(dvae, pictures):
    """-> codes in use for these pictures, and decibels through the codes."""
    dvae.eval()
    tokens = dvae.encode(pictures)
    error = (dvae.decode(tokens) - pictures).square().mean()
    dvae.train()
    return len(tokens.unique()), round(-10 * float(error.log10()), 2)


def arms(kept):
    """Goes on where an earlier call ended: `kept`, a file, has the runs so far."""
    c, new = worked.Config(), worked.world(64, 1)[0]
    pictures = worked.world(512, 0)[0]
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for name, (norm, factor) in ARMS.items():
        for seed in SEEDS[len(found.get(name, ())) :]:
            torch.manual_seed(seed)
            dvae = Arm(c, norm, factor)
            optimizer = torch.optim.AdamW(dvae.parameters(), 6e-3)
            codes, decibels = [], []
            for step in range(STEPS + 1):
                if step % 50 == 0:
                    used, sharp = reached(dvae, new)
                    codes.append(used)
                    decibels.append(sharp)
                loss = dvae.loss(pictures[torch.randint(len(pictures), (BATCH,))], 16 ** -(step / STEPS))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            found.setdefault(name, []).append({"codes": codes, "decibels": decibels})
            kept.write_text(json.dumps(found))
            print(name, seed, codes[2], codes[-1], decibels[-1], flush=True)
    return found


def losses(keep):
    """The worked solution's `train`, which writes down every loss."""

    def train(name, model, loss_fn, steps, rate, count, c):
        kept = keep.setdefault(name, [])

        def noted(i, done):
            loss = loss_fn(i, done)
            kept.append(round(loss.item(), 5))
            return loss

        return plain(name, model, noted, steps, rate, count, c)

    plain = worked.train
    return train


def stage_one(folder):
    c, kept = worked.Config(), {}
    pictures = worked.world(c.pictures, c.seed)[0]
    torch.manual_seed(c.seed)
    dvae, begin = worked.DVAE(c), time.process_time()
    losses(kept)("dVAE", dvae, lambda i, done: dvae.loss(pictures[i], 16**-done), c.dvae_steps, 6e-3, len(pictures), c)
    torch.save(
        {"dvae": dvae.state_dict(), "losses": kept["dVAE"], "seconds": time.process_time() - begin}, folder / "dvae.pt"
    )


def stage_two(folder):
    c, kept = worked.Config(), {}
    pictures, captions = worked.world(c.pictures, c.seed)
    tokenizer = worked.Tokenizer(captions, c)
    dvae = worked.DVAE(c)
    dvae.load_state_dict(torch.load(folder / "dvae.pt")["dvae"])
    text, image = tokenizer.encode(captions), dvae.eval().encode(pictures)
    torch.manual_seed(c.seed + 1)
    dalle, begin = worked.DALLE(tokenizer.size, c), time.process_time()
    losses(kept)("DALL·E", dalle, lambda i, _: dalle.loss(text[i], image[i]), c.steps, 4e-3, len(pictures), c)
    torch.save(
        {"dalle": dalle.state_dict(), "losses": kept["DALL·E"], "seconds": time.process_time() - begin},
        folder / "dalle.pt",
    )


WHOLE = {"as they are": (None, 1.0), "over the batch, times 4": ("batch", 4.0)}  # the worked solution has the second


def whole(folder, name, seed):
    """All of stage one, with the logits treated in this way: the dVAE, kept in the folder."""
    c, path = worked.Config(), folder / f"whole-{WHOLE[name][0]}-{seed}.pt"
    torch.manual_seed(seed)
    dvae = Arm(c, *WHOLE[name])
    if path.exists():
        dvae.load_state_dict(torch.load(path)["dvae"])
        return dvae
    pictures = worked.world(c.pictures, c.seed)[0]
    losses({})("dVAE", dvae, lambda i, done: dvae.loss(pictures[i], 16**-done), c.dvae_steps, 6e-3, len(pictures), c)
    torch.save({"dvae": dvae.state_dict()}, path)
    return dvae


def recipes(folder):
    """The worked solution's stage one with its logits as they are, and normalized: codes in use, decibels, pictures."""
    new, found = worked.world(200, 1)[0], {}
    shown = [new[:8]]
    for name in WHOLE:
        for seed in SEEDS:
            dvae = whole(folder, name, seed)
            used, sharp = reached(dvae, new)
            found.setdefault(name, []).append({"codes": used, "decibels": sharp})
            if seed == SEEDS[0]:
                shown.append(dvae.eval().decode(dvae.encode(new[:8])))
    to_png(torch.cat(shown), 8, "collapsed.png")
    return found


def counted(seen, new, c):
    """Nats a token of `new` (n, N) when counting, in `seen` (m, N), which code follows its neighbors above and left."""

    def neighbors(tokens):
        grid = F.pad(tokens.unflatten(1, (c.grid, -1)), (1, 0, 1, 0), value=c.codes)
        return grid[:, :-1, 1:], grid[:, 1:, :-1], grid[:, 1:, 1:]

    counts = torch.full((c.codes + 1, c.codes + 1, c.codes), 0.01)
    counts.index_put_(neighbors(seen), torch.ones(()), accumulate=True)
    p = counts / counts.sum(dim=-1, keepdim=True)
    return round(float(-p[neighbors(new)].log().mean()), 4)


@torch.no_grad()
def image_nats(dalle, text, image):
    return round(float(F.cross_entropy(dalle(text, image[:, :-1])[1].transpose(1, 2), image)), 4)


def to_png(pictures, cols, name):
    """(n, 3, H, W) -> a sheet with `cols` in a line, in 128 colors."""
    rows = pictures.reshape(-1, cols, *pictures.shape[1:])
    pixels = (rows.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1) * 255).round().byte()
    image = Image.frombytes("RGB", pixels.shape[1::-1], bytes(pixels.flatten().tolist()))
    image.quantize(128).save(HERE / name, optimize=True)


def drawn(folder):
    c = worked.Config()
    tokenizer = worked.Tokenizer(worked.world(c.pictures, c.seed)[1], c)
    dvae, dalle = worked.DVAE(c), worked.DALLE(tokenizer.size, c)
    first, second = torch.load(folder / "dvae.pt"), torch.load(folder / "dalle.pt")
    dvae.load_state_dict(first["dvae"])
    dalle.load_state_dict(second["dalle"])
    dvae.eval()
    new, said = worked.world(200, 1)
    codes, decibels = reached(dvae, new)
    dvae.eval()
    to_png(torch.cat((new[:8], dvae.decode(dvae.encode(new[:8])))), 8, "reconstructions.png")
    text, tokens = tokenizer.encode(said), dvae.encode(new)
    found = {
        "codes": codes,
        "decibels": decibels,
        "losses": {"dVAE": first["losses"][::10], "DALL·E": second["losses"][::10]},
        "seconds": {"dVAE": round(first["seconds"]), "DALL·E": round(second["seconds"])},
        "nats": image_nats(dalle, text, tokens),
        "nats, another's caption": image_nats(dalle, text.roll(1, dims=0), tokens),
    }
    found["nats, counting"] = counted(dvae.encode(worked.world(c.pictures, c.seed)[0]), tokens, c)
    sheet = [dvae.decode(worked.sample(dalle, tokenizer.encode([x]).expand(8, -1), 0)) for x in worked.CAPTIONS]
    to_png(torch.cat(sheet), 8, "sheet.png")
    found["sheet"] = [[worked.right(x, said) for x in line] for said, line in zip(worked.CAPTIONS, sheet, strict=True)]
    wrong = []
    for what, pairs, count in (("unseen", worked.UNSEEN, UNSEEN), ("seen", worked.SEEN, SEEN)):
        wanted = worked.world(count, 2, pairs)[1]
        pictures = dvae.decode(worked.sample(dalle, tokenizer.encode(wanted), 0))
        right = [worked.right(x, said) for x, said in zip(pictures, wanted, strict=True)]
        parts = {"house": worked.COLORS, "roof": worked.COLORS}
        sayable = {part: [f"{color} {part}" for color in colors] for part, colors in parts.items()}
        sayable |= {"sky": list(worked.SKIES), "tree": ["tree on the left", "tree on the right"]}
        pairs = list(zip(map(worked.look, pictures), wanted, strict=True))
        marks = {
            part: [words in seen for seen, said in pairs for words in all_ if words in said]
            for part, all_ in sayable.items()
        }
        found[what] = {"right": sum(right), "of": count, "parts": {part: [sum(m), len(m)] for part, m in marks.items()}}
        wrong += [(x, said) for x, said, ok in zip(pictures, wanted, right, strict=True) if not ok]
    wrong = wrong[:6]
    if wrong:
        to_png(torch.stack([x for x, _ in wrong]), len(wrong), "wrong.png")
    found["wrong"] = [said for _, said in wrong]
    return found


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dvae.pt").exists():
        return stage_one(folder)
    if not (folder / "dalle.pt").exists():
        return stage_two(folder)
    if not (folder / "arms.json").exists():
        return arms(folder / "arms.json")
    made = {"steps": list(range(0, STEPS + 1, 50)), "arms": arms(folder / "arms.json"), "recipes": recipes(folder)}
    made |= drawn(folder)
    (HERE / "run.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
