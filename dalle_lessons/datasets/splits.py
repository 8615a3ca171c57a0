"""The splits of the emoji world: which pictures no model may see in training.

A caption names an emoji, a style and often a skin tone, but one drawing may serve many captions: a sketch shows no
tone, and some emoji are drawn alike. Splitting by caption would put the answer in the training set. So pictures that
are identical, pixel for pixel, are always on the same side of a split, and in two of the three splits the unit is a
base emoji with all its tones: `unseen_emoji`, where gender siblings and look-alikes come along, and `unseen_pair`, in
one style. The third, `unseen_tone`, holds back single tones on purpose: it tests the color alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, TypeVar

from .emoji import TONELESS

SALT = "dalle-lessons/emoji/1"
# These were split first, and models were trained on them: pictures of later styles must change nothing there.
FIRST_STYLES = ("sketch", "cartoon", "flat icon", "illustration")
UNSEEN_EMOJI = 120  # base emoji held out whole (at least: gender siblings and look-alikes come along)
UNSEEN_PAIR = 0.05  # share of (base emoji, style)
UNSEEN_TONE = 0.05  # share of (base emoji, tone), in the colored styles


def draw_lot(key: str) -> float:
    """A number in [0, 1) that everybody computes alike: the first 8 bytes of SHA-256 of `SALT:key`, over 2**64."""
    return int.from_bytes(hashlib.sha256(f"{SALT}:{key}".encode()).digest()[:8], "big") / 2**64


def family(hexcode: str) -> str:
    """The hexcode without tone, gender and direction: "woman cook", "man cook" and "cook" are one family.

    >>> family("1F469-1F3FD-200D-1F373") == family("1F9D1-200D-1F373")
    True
    """
    parts = [p for p in hexcode.split("-") if p not in ("FE0F", "1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")]
    text = "-".join("1F9D1" if p in ("1F468", "1F469") else p for p in parts)  # man, woman -> person
    for suffix in ("-200D-27A1", "-200D-2640", "-200D-2642"):  # facing right, woman, man
        text = text.replace(suffix, "")
    return text


Item = TypeVar("Item", str, int, tuple[str, str])  # hashable, and in an order


class Groups(Generic[Item]):
    """Union-find: what is joined, directly or through others, is one group."""

    def __init__(self) -> None:
        self.parent: dict[Item, Item] = {}

    def find(self, item: Item) -> Item:
        root = item
        while self.parent.setdefault(root, root) != root:
            root = self.parent[root]
        self.parent[item] = root
        return root

    def join(self, items: Iterable[Item]) -> None:
        roots = sorted({self.find(item) for item in items})
        for root in roots[1:]:
            self.parent[root] = roots[0]  # the smallest member names the group: the order of joining does not matter


def assign(rows: list[dict], digests: list[str]) -> list[str | None]:
    """The split of each row of captions.csv; `digests[i]` is the same for identical pictures and for no others.

    What the rows of the first styles get does not depend on the others. None: this row must be left out, since its
    picture, in a later style, is identical to one of another split.
    """
    stages = [row["style"] in FIRST_STYLES for row in rows]
    first = [(row, digest) for row, digest, is_first in zip(rows, digests, stages, strict=True) if is_first]
    unseen_emoji = choose_unseen_emoji([row for row, _ in first], [digest for _, digest in first])

    twins = defaultdict(list)
    for row, digest, is_first in zip(rows, digests, stages, strict=True):
        twins[is_first, digest].append(row)
    by_pair = Groups[tuple[str, str]]()
    # A tone is held out only where each of its colored pictures is its own: some emoji are drawn alike in all tones.
    shared = defaultdict(set)
    for (is_first, _), same in twins.items():
        by_pair.join((row["base_hexcode"], row["style"]) for row in same)
        tones = {(row["base_hexcode"], row["skin_tone"]) for row in same}
        if len(tones) > 1:
            shared[is_first] |= {(r["base_hexcode"], r["skin_tone"]) for r in same if r["style"] not in TONELESS}

    def split(row: dict, is_first: bool) -> str:
        if row["base_hexcode"] in unseen_emoji:
            return "unseen_emoji"
        base, style = by_pair.find((row["base_hexcode"], row["style"]))
        if draw_lot(f"pair:{base}:{style}") < UNSEEN_PAIR:
            return "unseen_pair"
        tone = (row["base_hexcode"], row["skin_tone"])
        its_own = tone not in shared[True] and (is_first or tone not in shared[False])
        if row["skin_tone"] and row["style"] not in TONELESS and its_own:
            if draw_lot(f"tone:{tone[0]}:{tone[1]}") < UNSEEN_TONE:
                return "unseen_tone"
        return "train"

    found = [split(row, is_first) for row, is_first in zip(rows, stages, strict=True)]
    return leave_out_conflicts(found, digests, stages)


def choose_unseen_emoji(rows: list[dict], digests: list[str]) -> set[str]:
    """The base emoji that are held out whole: families, and what has an identical picture, come together."""
    by_base = Groups[str]()
    alike = defaultdict(list)
    for row, digest in zip(rows, digests, strict=True):
        alike["family", family(row["base_hexcode"])].append(row["base_hexcode"])
        alike["picture", digest].append(row["base_hexcode"])
    for bases in alike.values():
        by_base.join(bases)
    members = defaultdict(set)
    for row in rows:
        members[by_base.find(row["base_hexcode"])].add(row["base_hexcode"])
    unseen_emoji: set[str] = set()
    for group in sorted(members, key=lambda group: draw_lot(f"emoji:{group}")):
        if len(unseen_emoji) >= UNSEEN_EMOJI:
            break
        unseen_emoji |= members[group]
    return unseen_emoji


def leave_out_conflicts(found: list[str], digests: list[str], stages: list[bool]) -> list[str | None]:
    """The splits, None where an identical picture is in another: the first styles keep theirs, then held-out emoji."""
    kept: dict[str, str] = {}
    for split, digest, is_first in zip(found, digests, stages, strict=True):
        if is_first:
            kept[digest] = split
    for split, digest in zip(found, digests, strict=True):
        if split == "unseen_emoji":
            kept.setdefault(digest, split)
    return [split if kept.get(digest, split) == split else None for split, digest in zip(found, digests, strict=True)]
