"""What a model was told in training: which words, how often, and captions to begin with."""

from __future__ import annotations

import html
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from ...datasets.emoji import with_article
from ...datasets.pairs import Pairs
from ...model.tokenizer import TextTokenizer, normalize

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
RARE = 20  # a word in fewer captions than this is rare
# Things that the emoji model has seen in all of its styles.
FAVORITES = ("rocket", "red apple", "rainbow", "soccer ball", "penguin", "watermelon", "carrot", "sailboat", "frog")
FAVORITES = (*FAVORITES, "alarm clock", "mushroom", "umbrella")


@dataclass(frozen=True)
class Known:
    """What a model may know: from its training captions, or, where there are none, from its tokenizer."""

    #: In how many training captions each word stood; empty where there are none.
    words: Mapping[str, int] = field(default_factory=dict)
    #: How many training captions there are.
    count: int = 0
    #: The training captions, in lower case.
    captions: frozenset[str] = frozenset()
    #: Styles that a caption may begin with.
    styles: tuple[str, ...] = ()
    #: Things for a caption, with their articles; without styles whole captions; without training single words.
    things: tuple[str, ...] = ()
    #: Those to show first.
    favorites: tuple[str, ...] = ()


def known_from(training: Pairs | None, tokenizer: TextTokenizer) -> Known:
    """What the pictures and captions of training, or without them the tokenizer, say that a model knows."""
    if training is None or not len(training):
        pieces = sorted((number, piece[1:]) for piece, number in tokenizer.ids.items() if piece.startswith("Ġ"))
        whole = tuple(piece for _, piece in pieces if piece.isascii() and piece.isalpha() and len(piece) > 3)
        return Known(things=whole, favorites=whole[:12])
    texts = [normalize(training.caption(i, None)) for i in range(len(training))]
    rows = training.metadata
    styled = bool(rows) and isinstance(rows[0], dict) and {"style", "name", "tags"} <= set(rows[0])
    words: Counter[str] = Counter()
    for i, text in enumerate(texts):  # in training the tags take turns with the name
        words.update(set(WORD.findall(f"{text} {normalize(rows[i]['tags'])}" if styled else text)))
    captions = frozenset(texts)
    if not styled:
        things = tuple(sorted(captions))
        favorites = tuple(random.Random(0).sample(things, min(6, len(things))))
        return Known(words, len(texts), captions, (), things, favorites)
    plain = [row for row in rows if not row.get("skin_tone")]
    things = tuple(dict.fromkeys(with_article(row["name"].lower()) for row in plain))
    favorites = tuple(thing for thing in map(with_article, FAVORITES) if thing in things)
    captions |= {normalize(thing) for thing in things}  # now and then a caption said no style
    return Known(words, len(texts), captions, tuple(dict.fromkeys(row["style"] for row in rows)), things, favorites)


def with_style(caption: str, style: str, styles: Sequence[str]) -> str:
    """The caption in this style; "" for none.

    >>> with_style("a sketch of a cat", "flat icon", ["sketch", "flat icon"])
    'a flat icon of a cat'
    """
    thing = split_style(caption, styles)[1]
    return f"{with_article(style)} of {thing}" if style else thing


def split_style(caption: str, styles: Sequence[str]) -> tuple[str, str]:
    """The style that a caption begins with, "" if with none, and the thing."""
    names = "|".join(re.escape(style) for style in styles)
    found = (
        re.fullmatch(rf"(?:an? )?({names}) of(?: (.*))?", " ".join(caption.split()), re.IGNORECASE) if names else None
    )
    return (found[1].lower(), found[2] or "") if found else ("", caption.strip())


def some_captions(known: Known, count: int, dice: random.Random) -> list[str]:
    """So many training captions, of one style where there are styles; without any, words that the tokenizer knows."""
    if not known.captions:
        return [" ".join(dice.sample(known.things, min(3, len(known.things)))) for _ in range(count)]
    if not known.styles:
        return dice.sample(known.things, min(count, len(known.things)))
    style = dice.choice(known.styles)
    stood = [one for thing in known.things if (one := with_style(thing, style, known.styles)) in known.captions]
    return dice.sample(stood, min(count, len(stood)))


def parts_of(word: str, tokenizer: TextTokenizer) -> list[str]:
    """The pieces in which a word reaches the model; a character that is cut into bytes is one piece, itself."""
    pieces = [tokenizer.decode(torch.tensor([[number]]))[0] for number in tokenizer.pieces([word])[0]]
    return list(word) if any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces) else pieces


def colored(caption: str, known: Known, tokenizer: TextTokenizer) -> str:
    """The caption as HTML, each word with a color and a note: in how many training captions it stood."""
    spans = []
    for word in caption.split():
        parts = parts_of(word, tokenizer)
        read = f", read as {' · '.join(parts)}" if len(parts) > 1 else ""
        if not known.count:
            kind, note = ("rare", f"{len(parts)} pieces{read}") if read else ("often", "one piece")
        else:
            seen = times(word, known)
            kind = "never" if not seen else "rare" if seen < RARE else "often"
            note = f"{seen:,}×" if seen else f"never{read}"
        spans.append(f'<span class="dalle-word dalle-{kind}"><b>{html.escape(word)}</b> {html.escape(note)}</span>')
    if not spans:
        return ""
    if not known.count:
        return f"In pieces: {' '.join(spans)}"
    whole = "a training caption" if normalize(caption) in known.captions else "new to the model"
    return f"In {known.count:,} training captions: {' '.join(spans)} As a whole: {whole}."


def times(word: str, known: Known) -> int:
    """In how many training captions the rarest part of a word stood ("heart," is the word "heart")."""
    return min((known.words.get(part, 0) for part in WORD.findall(normalize(word))), default=0)


def warnings_of(caption: str, known: Known) -> str:
    """A sentence that names characters and words that never stood in a training caption; "" if there are none."""
    if not known.count:
        return ""
    letters = {letter for text in known.captions for letter in text} | {letter for w in known.words for letter in w}
    strange = list(dict.fromkeys(letter for letter in normalize(caption) if letter not in letters))
    new = [word for word in dict.fromkeys(caption.split()) if not times(word, known)]
    never = [word for word in new if not set(normalize(word)) & set(strange)]
    told = []
    if strange:
        told.append(f"It has never seen these characters, and reads bytes without a meaning: {' '.join(strange)}.")
    if never:
        told.append(f"Never in a training caption: {', '.join(never)}.")
    return " ".join(told)
