"""Checks of lesson 08: the place of a slot, all slots' vectors, a linear map that reads them, four maps of places."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...model.embedding import Embedding
from . import CheckFailed, as_tensor, as_tokens, call, describe, diagnose, exercise, same

MAPS = {"A": "c", "B": "d", "C": "b", "D": "a"}  # of each map of the lesson, as the lesson lists them


@exercise("08.place_vectors")
def place_vectors(answer) -> None:
    """answer(row, column, fed): the rows' vectors (R, C), the columns' (cols, C), the number of fed image slots, [SEP]
    first -> the place vectors of all fed slots (fed, C)."""
    generator = torch.Generator().manual_seed(8)
    for rows, cols, fed in ((10, 9, 20), (4, 3, 10), (5, 4, 13), (2, 9, 18)):
        row, column = (torch.randn(n, 6, generator=generator) for n in (rows, cols))
        value = call(answer, row, column, fed, shown=f"row {rows} x 6, column {cols} x 6, {fed}")
        if isinstance(value, tuple | list) and len(value) == 2:
            raise CheckFailed("You give two things, rows and columns: a place is one vector, the sum of both.")
        others = {
            (fed - 1, 6): f"One too few: [SEP] is one of the {fed} fed slots, and has a place like all others.",
            (fed + 1, 6): f"One too many: [SEP] is one of the {fed} fed slots already.",
            (6,): "That is one vector: give one for each of the fed slots.",
            (fed, 12): "You put the two vectors one behind the other: they are added, so that the width stays.",
            (rows * cols, 6): f"That is the whole grid: {fed} slots are fed so far.",
            (rows, cols, 6): "That is a grid of vectors: slots stand in one line, in raster order.",
        }
        value = as_tensor(value, (fed, 6), "The place vectors", others)
        slots = torch.arange(fed)
        before, after = (slots - 1).clamp_min(0), (slots + 1) % (rows * cols)

        def of(r: Tensor, c: Tensor, row=row, column=column) -> Tensor:
            return row[r % len(row)] + column[c % len(column)]

        backwards = torch.where(slots // cols % 2 == 1, cols - 1 - slots % cols, slots % cols)
        mistakes = {
            "You place the token that is fed: the place is that of the token to predict, and [SEP] predicts token 0.": (
                of(before // cols, before % cols)
            ),
            "[SEP] stands before the grid here, in row -1: what does it predict?": of((slots - 1) // cols, slots - 1),
            "One too far: [SEP] is the first slot, and predicts the first token of the picture.": of(
                after // cols, after % cols
            ),
            "Rows and columns are exchanged: raster order goes along a row, so the column changes with each slot.": of(
                slots % cols, slots // cols
            ),
            "That is the order of columns, from top to bottom: raster order goes along the rows.": of(
                slots % rows, slots // rows
            ),
            "You reckon with 8 columns: how many there are, `column` says.": of(slots // 8, slots % 8),
            "You divide by the number of rows: a row is full when all its columns are, so divide by the columns.": of(
                slots // rows, slots % rows
            ),
            "Every other row runs backwards: each row is read from left to right.": of(slots // cols, backwards),
            "The row's vectors alone: in one row all places would be the same.": row[slots // cols],
            "The column's vectors alone: in one column all places would be the same.": column[slots % cols],
            "That is the product: the two vectors are added.": row[slots // cols] * column[slots % cols],
            "That is the mean: the two vectors are added, no more.": of(slots // cols, slots % cols) / 2,
        }
        diagnose(
            value,
            of(slots // cols, slots % cols),
            mistakes,
            f"With {cols} columns, slot {cols + 1} should be the vector of row 1 plus that of column 1.",
        )


def small_embedding() -> Embedding:
    """T = 6 text slots, 9 codes, 3 x 4 cells, 5 numbers a vector, pads 0."""
    with torch.random.fork_rng():
        torch.manual_seed(8)
        return Embedding(11, 6, 9, 3, 4, 5, 0)


@exercise("08.embed")
def embed(answer) -> Iterator[str]:
    """answer(e, text, image_tokens): the tables, text (T,) and the image tokens that are fed (n,), int64 -> the vectors
    of all slots (T + 1 + n, C)."""
    e = small_embedding()
    text, image = torch.tensor([1, 7, 4, 7, 0, 0]), torch.tensor([3, 8, 0, 3, 5, 2])
    t, n = len(text), len(image)
    with torch.no_grad():
        truth = e(text[None], image[None])[0]
        tables = (e.text, e.text_position, e.pad, e.image, e.row, e.column)
        word, position, pad, code, row, column = (table.weight.clone() for table in tables)
        value = call(answer, e, text, image, shown="e, 6 text tokens, 6 image tokens")
    if isinstance(value, list | tuple) and value and all(isinstance(v, Tensor) and v.shape == (5,) for v in value):
        raise CheckFailed("You give a list of vectors: later cells need one tensor, torch.stack makes one.")
    others = {
        (t + n, 5): "One slot is missing: text, then [SEP], then the image tokens.",
        (1, t + 1 + n, 5): "That has a batch in front: here it is one sequence, so (T + 1 + n, C).",
        (t + 2 + n, 5): "One slot too many: each token is fed once, and [SEP] is one.",
        (t + 1 + 12, 5): "You fill the whole grid: only the image tokens that are given are fed.",
        (t + n, 10): "You put vectors one behind the other: they are added, so that the width stays.",
    }
    value = as_tensor(value, (t + 1 + n, 5), "The slots", others, lists=False).detach()
    words, pads, sep, picture = slice(0, 4), slice(4, t), slice(t, t + 1), slice(t + 1, None)
    if same(value[: n + 1], truth[t:]) and same(value[n + 1 :], truth[:t]):
        raise CheckFailed("The picture stands before the text: the caption comes first.")
    at = torch.arange(t)
    diagnose(
        value[words],
        truth[words],
        {
            "The words have no text position: “a” and “a” would be the same in both places.": word[text][words],
            "The words' own vectors are missing: which words are they?": position[words],
            "Text positions are counted from 0: the start token stands at position 0.": (
                word[text][words] + position[1:5]
            ),
            "You add the position's number: each position has a learned vector, in e.text_position.": (
                word[text][words] + at[words, None]
            ),
            "You add row and column to the words too: only slots that predict a place in the picture have these.": (
                truth[words] + row[0] + column[0]
            ),
        },
        "Slot 1 should be e.text.weight[text[1]] + e.text_position.weight[1].",
    )
    yield "words"
    own = pad[4:]
    diagnose(
        value[pads],
        truth[pads],
        {
            "You treat a pad as a word: it has a vector of its own for each text position, in e.pad.": (
                word[0] + position[4:]
            ),
            "A pad gets its own vector and nothing besides: no text position.": own + position[4:],
            "A pad's own vector and its token's: the first alone, nothing is added.": own + word[0],
            "You give each pad all three: its own vector, nothing is added.": own + word[0] + position[4:],
            "All pads get the same vector: each text position has a pad of its own.": pad[[0, 0]],
            "You count the pads from 0: the pad of text position 4 is e.pad.weight[4].": pad[:2],
            "The pads are zeros: each text position has a learned pad, in e.pad.": torch.zeros(2, 5),
        },
        "Slot 4 is a pad here: it should be e.pad.weight[4], and nothing more.",
    )
    yield "pads"
    with torch.no_grad():
        separator = e.separator.clone()[None]
    diagnose(
        value[sep],
        truth[sep],
        {
            "[SEP] has no place: it predicts the first token of the picture, so it stands where that will stand.": (
                separator
            ),
            "[SEP]'s own vector is missing: e.separator.": row[:1] + column[:1],
            "[SEP] is no word of the caption: it has a place in the grid, and no text position.": (
                separator + position[-1:]
            ),
        },
        "[SEP] should be e.separator plus the first place of the picture.",
    )
    yield "[SEP]"
    places = torch.arange(n + 1)
    here = row[places // 4] + column[places % 4]
    diagnose(
        value[picture],
        truth[picture],
        {
            "The image tokens have no place: add that of the token which each predicts.": code[image],
            "You place the tokens that are fed: slot i's place is that of the token after it, which it predicts.": (
                code[image] + here[:-1]
            ),
            "The tokens' own vectors are missing from the picture: e.image.weight[token].": here[1:],
            "You look the image tokens up among the words: their table is e.image.": word[image] + here[1:],
            "The picture has rows and no columns.": code[image] + row[places // 4][1:],
            "The picture has columns and no rows.": code[image] + column[places % 4][1:],
        },
        "The first image token's slot should be e.image.weight[token] plus the place of the second token.",
    )
    with torch.no_grad():
        alone = call(answer, e, text, image[:0], shown="e, 6 text tokens, no image token")
        alone = as_tensor(alone, (t + 1, 5), "Before the first image token, with [SEP] alone in the picture, the slots")
        if not same(alone, truth[: t + 1]):
            raise CheckFailed("With no image token yet, [SEP] should be just what it is with some.")
        mixed = torch.tensor([1, 0, 4, 7, 2, 0])
        if not same(call(answer, e, mixed, image), e(mixed[None], image[None])[0]):
            raise CheckFailed("A pad is where text == e.pad_id, wherever that is; other captions have fewer or more.")
    given = call(answer, e, text, image)
    if not (isinstance(given, Tensor) and given.requires_grad):
        raise CheckFailed("The numbers are right, but no gradient reaches the tables, and they could not learn.")


@exercise("08.probe")
def probe(answer) -> None:
    """answer(x, labels, held_x, classes): vectors (N, C), their labels (N,), other vectors (M, C) -> the labels (M,)
    that a linear map, by least squares on x alone, reads off the others."""
    generator = torch.Generator().manual_seed(8)
    centers = 1.5 * torch.randn(5, 6, generator=generator)
    labels, unseen = (torch.randint(4, (n,), generator=generator) + (torch.arange(n) % 9 == 0) for n in (300, 200))
    x, held_x = (
        centers[y] + torch.tensor([6.0, -4, 0, 3, 0, 5]) + torch.randn(len(y), 6, generator=generator)
        for y in (labels, unseen)
    )
    value = call(answer, x, labels, held_x, 5, shown="300 vectors, 300 labels, 200 others, 5")
    others = {
        (200, 5): "That is a number for each class: the label is the class with the largest.",
        (300,): "Those are the labels of the vectors that it was fitted to: read the others.",
        (300, 5): "Those are the numbers of the vectors that it was fitted to: read the others.",
        (6, 5): "That is the linear map: use it on the others, and give the class with the largest number.",
        (7, 5): "That is the linear map: use it on the others, and give the class with the largest number.",
        (5,): "That is one for each class: one label for each of the others is wanted.",
        (200, 1): "One label for each of the others, in one dimension: (200,).",
    }
    if isinstance(value, Tensor) and value.shape == (200,) and value.is_floating_point():
        raise CheckFailed("These are fractions: let the map give a number for each class, and take the largest.")
    value = as_tokens(value, (200,), "The labels", others)

    def read(a: Tensor, b: Tensor, c: Tensor, one: bool = True) -> Tensor:
        a, c = (F.pad(part, (0, int(one)), value=1.0) for part in (a, c))
        return (c @ torch.linalg.lstsq(a, b).solution).argmax(dim=-1)

    hot = F.one_hot(labels, 5).float()
    truth = read(x, hot, held_x)
    straight = F.pad(x, (0, 1), value=1.0)
    number = F.pad(held_x, (0, 1), value=1.0) @ torch.linalg.lstsq(straight, labels[:, None].float()).solution
    middles = torch.stack([x[labels == k].mean(dim=0) for k in range(5)])
    mistakes = {
        "There is no constant in your map: put a 1 behind each vector, as with_one does, on both sides.": read(
            x, hot, held_x, one=False
        ),
        "You fit the label as one number: a class that lies between two others is then hard to read. One number for "
        "each class.": number[:, 0].round().long().clamp(0, 4),
        "You take the smallest: the label is the class with the largest number.": (
            F.pad(held_x, (0, 1), value=1.0) @ torch.linalg.lstsq(straight, hot).solution
        ).argmin(dim=-1),
        "You take the class with the nearest mean: a good reader too, but the exercise asks for least squares.": (
            torch.cdist(held_x, middles).argmin(dim=-1)
        ),
    }
    for sentence, wrong in {"": truth, **mistakes}.items():
        if float((value == wrong).double().mean()) >= 0.99:
            if sentence:
                raise CheckFailed(sentence)
            return
    raise CheckFailed(
        "Fit (N, C + 1) vectors to (N, classes) rows of 0 and 1, then give the class with the largest number for each "
        "of the others."
    )


@exercise("08.maps")
def maps(answer) -> None:
    """answer: four letters, what maps A, B, C, D are of."""
    if isinstance(answer, dict):
        answer = "".join(str(answer.get(name, "")) for name in MAPS)
    if isinstance(answer, list | tuple):
        answer = "".join(map(str, answer))
    if not isinstance(answer, str):
        raise CheckFailed(f'Give four letters in quotes, like "abcd", not {describe(answer)}.')
    given = "".join(letter for letter in answer.lower() if letter.isalpha())
    if len(given) != 4 or set(given) - set("abcd"):
        raise CheckFailed(f'Give four letters from a to d in quotes, one for each map, not "{answer}".')
    truth = "".join(MAPS.values())
    if given == "".join(sorted(MAPS, key=MAPS.__getitem__)).lower():
        raise CheckFailed(
            "That reads the other way round, which map shows a, b, c, d: say of A first what it shows, then of B, C, D."
        )
    crossed = {name for name, letter in zip(MAPS, given, strict=True) if letter in "ab"}
    if crossed != {name for name, letter in MAPS.items() if letter in "ab"}:
        raise CheckFailed(
            "A sum shares its row with its whole row, and its column with its whole column: what must a map of sums "
            "look like, even before training?"
        )
    trained = {name for name, letter in zip(MAPS, given, strict=True) if letter in "bd"}
    if trained != {name for name, letter in MAPS.items() if letter in "bd"}:
        raise CheckFailed(
            "The sums you have found. Random vectors are about equally unlike all others; training makes some places "
            "more alike than others, the near ones above all."
        )
    if given != truth:
        raise CheckFailed("Each letter stands once: look at the maps again, one after the other.")
