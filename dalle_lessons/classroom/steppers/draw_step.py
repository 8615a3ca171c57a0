"""Lesson 11: a picture, token by token: the probabilities, a guess, the noise that decides, the picture so far."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from PIL import Image

from ...model.sampling import noise, sample
from ...pipeline.stream import UNDRAWN, picture_so_far
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, GRAY, ORANGE, RED, frame, new_figure, rectangle, show
from ..markup import Markup
from ..next_token import NextToken, close_up
from ..pictures import Picture
from .base import CHOICES, Frame, Stepper

SHOWN = 6  # codes that have a bar of their own
SURE = 0.6  # from this probability of the likeliest code on, a token is no question
MOST_KEPT = 64  # of the slider of top-k


class DrawStep(Stepper):
    """Each step shows the likeliest codes for the next token, as little pictures in place, and one bar for all others;
    guess which one comes, then see what noise was added.

    system: the models. Sliders: temperature, top-k (0: all), top-p, guidance: when one moves, the tokens so far stay,
    and the picture is drawn anew from here on, with the same noise. seed, caption: it begins anew.
    """

    title = "Drawing, token by token"
    tall = True
    strip = 2

    def __init__(self, system: TextToImage, caption: str, seed: int = 0):
        self.system, self.config = system, system.dalle.config
        self.length = self.config.image_length
        wide = {"layout": {"width": "330px"}, "style": {"description_width": "95px"}, "continuous_update": False}
        self.caption = widgets.Text(
            value=caption,
            description="caption",
            continuous_update=False,
            style={"description_width": "95px"},
            layout={"width": "500px"},
        )
        self.temperature = widgets.FloatSlider(value=1.0, min=0.1, max=2.5, step=0.1, description="temperature", **wide)
        self.top_k = widgets.IntSlider(value=0, min=0, max=MOST_KEPT, description="top-k (0: all)", **wide)
        self.top_p = widgets.FloatSlider(value=1.0, min=0.1, max=1.0, step=0.05, description="top-p", **wide)
        self.guidance = widgets.FloatSlider(value=0.0, min=0.0, max=4.0, step=0.5, description="guidance", **wide)
        self.seed = widgets.BoundedIntText(
            value=seed, min=0, max=10**6, description="seed", style={"description_width": "initial"}
        )
        self.seed.layout.width = "150px"
        self.dice = widgets.Checkbox(value=False, description="show the noise", indent=False)
        self.dice.layout.width = "150px"
        self.next = widgets.Button(description="To the next unsure token ▶▶", layout={"width": "auto"})
        self.next.on_click(lambda _: self.go(self.next_unsure(self.position)))
        self.problem = Markup()
        for control in (self.caption, self.seed):
            control.observe(lambda change: self.begin(), "value")
        for control in (self.temperature, self.top_k, self.top_p, self.guidance):
            control.observe(lambda change: self.draw_on(), "value")
        self.dice.observe(lambda change: self.look_again(), "value")
        self.draw(0)
        rows = (
            (self.caption, self.seed),
            (self.temperature, self.guidance),
            (self.top_k, self.top_p),
            (self.next, self.dice),
        )
        super().__init__((*(widgets.HBox(row, layout={"flex_flow": "row wrap"}) for row in rows), self.problem))

    # ---- what the reader does ----

    def begin(self) -> None:
        """Another caption or another seed: a new picture, from its first token."""
        if self.draw(0):
            self.renew()

    def draw_on(self) -> None:
        """Other settings: the tokens so far stay, this one and all after it are drawn anew with the same noise."""
        self.draw(self.position)
        self.look_again()

    def look_again(self) -> None:
        """The same place; where the question was answered, it stays answered."""
        answered = {i for i in self._open if i <= self.position}
        self.renew(keep=True)
        self._open |= answered
        self.show()

    def next_unsure(self, i: int) -> int:
        """The next token after i whose likeliest code is not sure to come; if all are sure, the least sure one."""
        later = {j: float(self.probabilities(j).max()) for j in range(i + 1, self.length)}
        unsure = (j for j, most in later.items() if most < SURE)
        return next(unsure, min(later, key=lambda j: later[j], default=self.length - 1))

    # ---- the drawing ----

    def draw(self, first: int) -> bool:
        """Draw all tokens from `first` on, and keep the logits that each was drawn from. -> False, with one sentence in
        `problem`, for a caption that is too long; then the picture stays as it is."""
        self.problem.value = ""
        try:
            text = self.system.tokenizer.encode([self.caption.value])
        except ValueError as error:
            self.problem.say(str(error))
            return False
        if first == 0:
            self.own = NextToken(self.system, self.caption.value)
            self.tokens = torch.zeros(0, dtype=torch.int64)
            self.logits: list[torch.Tensor] = []
            self.noise = noise(self.seed.value, 0, self.length, self.config.codes)
        logits = self.logits[:first]
        options = {
            "temperature": self.temperature.value,
            "top_k": self.top_k.value or None,
            "top_p": self.top_p.value,
            "guidance": self.guidance.value,
        }
        self.tokens = sample(
            self.system.dalle,
            text,
            self.seed.value,
            given=self.tokens[None, :first],
            on_token=lambda i, tokens, now: logits.append(now[0].clone()),
            **options,
        )[0]
        self.logits = logits
        return True

    def probabilities(self, i: int) -> torch.Tensor:
        """(codes,): what token i was drawn from, with all settings."""
        return self.logits[i].softmax(dim=0)

    # ---- what is shown ----

    def frame(self, i: int) -> Frame:
        probabilities = self.probabilities(i)
        own = self.own(self.tokens[:i].tolist()).softmax(dim=0)
        codes = (probabilities + 1e-6 * own).argsort(descending=True)  # what is cut comes last, in the model's order
        drawn = int(self.tokens[i])
        place = min(int((codes == drawn).nonzero()[0]), SHOWN)
        names = (*CHOICES[:SHOWN], f"one of the {len(codes) - SHOWN:,} others")
        sums = self.sums(i, codes)
        because = f"Its sum of ln p and noise is the largest: {in_words(*sums[place])}."
        if place:
            because += f" The likeliest, a, comes to {in_words(*sums[0])}."
        return Frame(
            self.picture(i, codes, own, sums, place),
            f"Token {i}: <b>{names[place]}</b> came. {because}",
            question=f"Token {i}, in the red frame: which one will come?",
            choices=names,
            answer=place,
            because=because,
            hidden=self.picture(i, codes, own, sums, None),
        )

    def sums(self, i: int, codes: torch.Tensor) -> list[tuple[float, float]]:
        """(ln p, noise) of the codes shown, and of that one of all others whose sum is the largest."""
        logs, dice = self.logits[i].log_softmax(dim=0)[codes], self.noise[i][codes]
        best = SHOWN + int((logs + dice)[SHOWN:].argmax())
        return [(float(logs[n]), float(dice[n])) for n in (*range(SHOWN), best)]

    def picture(
        self, i: int, codes: torch.Tensor, own: torch.Tensor, sums: list[tuple[float, float]], place: int | None
    ) -> Picture:
        """Left, the picture so far; right, a bar for each of the likeliest codes and one for all others; below, what
        each code would paint. place: the one that came; None: not told yet."""
        figure = new_figure(7.2, 4.3)
        grid = figure.add_gridspec(3, SHOWN + 2, height_ratios=(2.3, 1.2, 0.42), width_ratios=(2.9, *[1.0] * 7))
        left = figure.add_subplot(grid[:, 0])
        known = self.tokens[: i + (place is not None)]
        c, side = self.config, self.system.dvae.config.factor
        frame(left, self.canvas(known))
        row, col = divmod(i, c.cols)
        left.add_patch(cell(row, col, side))
        left.set_title(f"before token {i}" if place is None else f"with token {i}", fontsize=10)
        ax = figure.add_subplot(grid[0, 1:])
        now = grouped(self.probabilities(i), codes)
        colors = [ORANGE if n == place else BLUE for n in range(SHOWN + 1)]
        ax.bar(range(SHOWN + 1), now, 0.7, color=colors)
        ax.bar([], [], color=BLUE, label="with these settings")
        ax.bar(
            range(SHOWN + 1),
            grouped(own, codes),
            0.8,
            fill=False,
            edgecolor=GRAY,
            linestyle="--",
            label="the model's own: temperature 1, nothing cut, no guidance",
        )
        for n, value in enumerate(now):
            ax.text(n, max(value, grouped(own, codes)[n]) + 0.03, percent(value), ha="center", fontsize=9)
        ax.set(xlim=(-0.5, SHOWN + 0.5), ylim=(0, 1.3), xticks=[], yticks=(0, 0.5, 1))
        ax.tick_params(labelsize=8)
        ax.set_ylabel("probability", fontsize=9)
        ax.legend(fontsize=8, loc="upper right", frameon=False)
        told = place is not None
        for n in range(SHOWN + 1):
            small, under = figure.add_subplot(grid[1, 1 + n]), figure.add_subplot(grid[2, 1 + n])
            if n < SHOWN:
                self.thumbnail(small, i, int(codes[n]), n == place)
            else:
                small.text(0.5, 0.5, f"{len(codes) - SHOWN:,}\nothers", ha="center", va="center", fontsize=10)
                if told or self.dice.value:
                    small.text(0.5, 0.02, "the best:", ha="center", va="bottom", fontsize=8)
                small.set_axis_off()
            small.set_title(CHOICES[n] if n < SHOWN else "", fontsize=10, pad=2)
            under.set_axis_off()
            if told or self.dice.value:
                log, dice = sums[n]
                words = f"{log:.1f}\n{dice:+.1f}" if log > -torch.inf else "cut"
                if told and log > -torch.inf:
                    words += f"\n= {log + dice:.1f}"
                under.text(0.5, 1.0, words, ha="center", va="top", fontsize=8, linespacing=1.1)
                if n == 0:
                    under.text(-0.05, 1.0, "ln p\nnoise", ha="right", va="top", fontsize=8, linespacing=1.1)
        likely = ", ".join(f"{CHOICES[n]} {percent(value)}" for n, value in enumerate(now[:SHOWN]))
        came = "" if place is None else f" It was {CHOICES[place] if place < SHOWN else 'one of the others'}."
        alt = f"The likeliest codes for token {i}: {likely}; all others together {percent(now[SHOWN])}.{came}"
        return show(figure, alt)

    def thumbnail(self, ax, i: int, code: int, came: bool) -> None:
        """What a code would paint at cell i, with the patches round it."""
        c, side = self.config, self.system.dvae.config.factor
        frame(ax, close_up(self.system, [*self.tokens[:i].tolist(), code], i, around=1))
        (row, col), window = divmod(i, c.cols), min(3, c.rows, c.cols)
        top, left = (min(max(0, at - 1), most - window) for at, most in ((row, c.rows), (col, c.cols)))
        ax.add_patch(cell(row - top, col - left, side))
        if came:
            for line in ax.spines.values():
                line.set(color=ORANGE, linewidth=3)

    def canvas(self, known: torch.Tensor) -> Image.Image:
        """The picture of the first tokens, gray where nothing is drawn yet."""
        c, side = self.config, self.system.dvae.config.factor
        if not len(known):
            return Image.new("RGB", (c.cols * side, c.rows * side), (round(255 * UNDRAWN),) * 3)
        return picture_so_far(self.system.dvae, known, c.rows, c.cols, self.system.device)

    # ---- where no kernel runs ----

    def key_frames(self) -> list[int]:
        first = self.next_unsure(self.length // 4)
        return sorted({first, self.next_unsure(first)})

    def static(self) -> Picture:
        words = "the picture so far, the likeliest next codes in place with their probabilities, and all others as one"
        return Picture(super().static().png, f"{self.title}: {words}. Run this cell to step.")


def cell(row: int, col: int, side: int):
    """A frame round one cell of a grid of patches."""
    return rectangle((col * side - 0.5, row * side - 0.5), side, side, fill=False, edgecolor=RED, linewidth=1.8)


def grouped(probabilities: torch.Tensor, codes: torch.Tensor) -> list[float]:
    """The probabilities of the codes shown, and that of all others together."""
    ordered = probabilities[codes]
    return [*ordered[:SHOWN].tolist(), float(ordered[SHOWN:].sum())]


def in_words(log: float, dice: float) -> str:
    """ "-0.36 + 1.20 = 0.84"; what is cut cannot come."""
    if log == -torch.inf:
        return "nothing, since it is cut"
    return f"{log:.2f} {'+' if dice >= 0 else '-'} {abs(dice):.2f} = {log + dice:.2f}"


def percent(probability: float) -> str:
    """0.4321 -> "43%"; what is rarer than one in a hundred keeps a digit."""
    return f"{100 * probability:.0f}%" if probability >= 0.01 or probability == 0 else f"{100 * probability:.1f}%"
