"""The text tokenizer: any text in and out, a fixed length, dropout that a seed repeats."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from dalle_lessons.datasets.emoji import full_caption, read_rows, varied_caption
from dalle_lessons.model.tokenizer import TextTokenizer, normalize

WORDS = "a sketch cartoon flat icon illustration of cat dog face with tears joy smiling eyes red heart house".split()
CAT = "a sketch of a cat face"
ANY_TEXT = st.text(max_size=60) | st.text("aAeéÉ \t\n'’ſßİΣς[PAD]👩🏽‍🍳\0", max_size=60)


def training_captions():
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=6)) for _ in range(500)]


@cache
def tokenizer() -> TextTokenizer:
    return TextTokenizer.train(training_captions(), vocab_size=320, length=24)


@cache
def emoji_tokenizer() -> TextTokenizer:
    """As the bundled model's: the train captions, full and varied, 2,048 tokens."""
    rows, rng = [row for row in read_rows() if row["split"] == "train"], random.Random(0)
    captions = [full_caption(row) for row in rows] + [varied_caption(row, rng) for row in rows for _ in range(4)]
    return TextTokenizer.train(captions, vocab_size=2048, length=32)


def long_enough(captions):
    """The same merges with rows that hold these captions byte by byte."""
    length = 2 + max(len(normalize(caption).encode()) + 1 for caption in captions)
    return TextTokenizer(tokenizer().tokenizer, length)


# ---------------------------------------------------------------- round trips


@given(ANY_TEXT)
@example("")
@example("  A  Sketch\u00a0of a CAT\n")
@example("e\u0301 and é are one")
@example("ΑΣ ΑΣΑ İstanbul ẞ ŉ")
@example("ZWJ 👩🏽‍🍳, tags 🏴󠁧󠁢󠁥󠁮󠁧󠁿, Hangul 한글, Hangul jamo \u1112\u1161\u11ab, ﬁ")
@example("[PAD] [START] <|endoftext|> [pad]")
@example("\x00\x1f\x7f\ufffd\ufeff\u2028")
@example("\ud800 half a pair \udcff")
def test_any_text_comes_back_in_its_normal_form(text):
    long = long_enough([text])
    ids = long.encode([text])
    assert long.decode(ids) == [normalize(text)]
    assert ids.min() >= 0 and ids.max() < long.vocab_size


@given(ANY_TEXT)
def test_the_normal_form_is_final(text):
    assert normalize(normalize(text)) == normalize(text)


def test_what_counts_as_the_same_caption():
    same = ["A Sketch of one o'clock", "a sketch of  one o’clock ", "\ta sketch\nof one o‘clock"]
    assert len({normalize(caption) for caption in same}) == 1
    assert normalize("“CAFE\u0301”") == '"café"'


def test_a_batch_is_its_captions_one_by_one():
    captions = [CAT, "", "a red heart", CAT]
    batch = tokenizer().encode(captions)
    assert torch.equal(batch, torch.cat([tokenizer().encode([caption]) for caption in captions]))
    assert tokenizer().decode(batch) == captions
    assert tokenizer().encode([]).shape == (0, 24) and tokenizer().decode(torch.zeros(0, 24, dtype=torch.int64)) == []


# ---------------------------------------------------------------- the shape of a row


def test_rows_start_then_tokens_then_padding():
    ids = tokenizer().encode([CAT])
    count = len(tokenizer().pieces([CAT])[0])
    assert ids.shape == (1, 24) and ids.dtype == torch.int64
    assert ids[0, 0] == tokenizer().start_id == 1
    assert (ids[0, 1 : 1 + count] >= 2).all() and (ids[0, 1 + count :] == tokenizer().pad_id).all()
    assert tokenizer().pad_id == 0


def test_an_empty_caption_is_start_and_padding():
    for empty in ("", " \n"):
        assert tokenizer().encode([empty]).tolist() == [[1] + [0] * 23]


def test_a_caption_just_fits_or_is_too_long():
    fits, too_long = " ".join(["cat"] * 23), " ".join(["cat"] * 24)
    assert tokenizer().fits(fits) and not tokenizer().fits(too_long)
    assert tokenizer().pad_id not in tokenizer().encode([fits])
    for dropout in (0.0, 0.5):
        with pytest.raises(ValueError) as error:
            tokenizer().encode([CAT, too_long], dropout)
        message = str(error.value)
        assert "24 tokens" in message and "takes 23" in message and "cat cat" in message and "\n" not in message


def test_a_very_long_caption_is_refused_briefly():
    with pytest.raises(ValueError) as error:
        tokenizer().encode(["猫\n" * 100_000])
    assert len(str(error.value)) < 300 and "\n" not in str(error.value)


@pytest.mark.parametrize("typed", ["[PAD]", "[START]", "a [PAD] b", "[PAD][PAD]", "[pad]"])
def test_special_tokens_that_a_user_types_are_text(typed):
    assert not {0, 1} & set(tokenizer().pieces([typed])[0])
    assert tokenizer().decode(tokenizer().encode([typed])) == [typed.lower()]


# ---------------------------------------------------------------- learning the merges


@pytest.mark.parametrize("size", [258, 259, 300, 320])
def test_the_vocabulary_has_the_size_asked_for(size):
    trained = TextTokenizer.train(training_captions(), size, 64)
    assert trained.vocab_size == size == len(trained.ids)
    assert trained.decode(trained.encode([CAT])) == [CAT]
    assert size > 258 or len(trained.pieces([CAT])[0]) == len(CAT) + 1  # bytes alone, and a space before the first word


def test_frequent_words_are_one_token():
    assert len(tokenizer().pieces([CAT])[0]) == len(CAT.split())


def test_training_is_deterministic():
    again = TextTokenizer.train(training_captions(), vocab_size=320, length=24)
    assert again.tokenizer.to_str() == tokenizer().tokenizer.to_str()
    code = "import sys, test_tokenizer; sys.stdout.write(test_tokenizer.tokenizer().tokenizer.to_str())"
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)]), "PYTHONUTF8": "1"}
    other = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8")
    assert other.stdout == again.tokenizer.to_str(), other.stderr  # in another process, with other hash seeds, too


def test_case_does_not_matter_in_training():
    upper = TextTokenizer.train([caption.upper() for caption in training_captions()], vocab_size=320, length=24)
    assert upper.ids == tokenizer().ids


def test_save_and_load(tmp_path):
    tokenizer().save(tmp_path / "tokenizer.json")
    loaded = TextTokenizer.from_file(tmp_path / "tokenizer.json", 24)
    captions = [CAT, "[PAD]", "Ünïcode 猫", ""]
    assert torch.equal(loaded.encode(captions), tokenizer().encode(captions))
    torch.manual_seed(0)
    cuts = loaded.pieces(captions, 0.5)
    torch.manual_seed(0)
    assert cuts == tokenizer().pieces(captions, 0.5)
    assert (loaded.vocab_size, loaded.pad_id, loaded.start_id) == (320, 0, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]


def test_the_fingerprint_tells_text_tokens_apart(tmp_path):
    tokenizer().save(tmp_path / "tokenizer.json")
    first = tokenizer().fingerprint()
    assert len(first) == 64 and TextTokenizer.from_file(tmp_path / "tokenizer.json", 10).fingerprint() == first
    words = TextTokenizer.train(training_captions()[::2], vocab_size=320, length=24)
    assert words.vocab_size == tokenizer().vocab_size and words.fingerprint() != first
    content = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    merges = content["model"]["merges"]
    merges[-1], merges[-2] = merges[-2], merges[-1]  # the same tokens, learned in another order
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert TextTokenizer.from_file(tmp_path / "tokenizer.json", 24).fingerprint() != first


def test_a_tokenizer_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="^There is no .*tokenizer.json: [^.]*\\.$"):
        TextTokenizer.from_file(tmp_path / "tokenizer.json", 24)


@pytest.mark.parametrize("damage", ["cut", "no json", "without [PAD]", "no BPE"])
def test_a_file_that_is_no_tokenizer_of_ours_is_one_sentence(damage, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer().save(path)
    content = path.read_text(encoding="utf-8")
    foreign = json.loads(content)
    foreign["added_tokens"] = []
    if damage == "no BPE":
        foreign["model"] = {"type": "WordLevel", "vocab": {"[PAD]": 0, "[START]": 1}, "unk_token": "[PAD]"}
    else:
        del foreign["model"]["vocab"]["[PAD]"]
    broken = {"cut": content[: len(content) // 2], "no json": "hello"}.get(damage, json.dumps(foreign))
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(ValueError, match="tokenizer.json is damaged, or no tokenizer of this library") as caught:
        TextTokenizer.from_file(path, 24)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- BPE dropout


@given(ANY_TEXT, st.floats(0.01, 1.0))
def test_dropout_cuts_otherwise_but_says_the_same(text, dropout):
    long = long_enough([text])
    assert long.decode(long.encode([text], dropout)) == [normalize(text)]


@given(ANY_TEXT)
def test_our_merging_is_the_tokenizers_own(text):
    words = [word for word, _ in tokenizer().tokenizer.pre_tokenizer.pre_tokenize_str(normalize(text))]
    cut = [tokenizer().ids[part] for word in words for part in tokenizer().cut(word, 0.0, random.Random(0))]
    assert cut == tokenizer().pieces([text])[0]


def test_dropout_gives_many_cuts():
    cuts = Counter(map(tuple, tokenizer().pieces([CAT] * 200, 0.3)))
    assert len(cuts) > 50 and tuple(tokenizer().pieces([CAT])[0]) in cuts
    letters = tokenizer().pieces([CAT], 1.0)[0]
    assert len(letters) == len(CAT) + 1  # every merge skipped: bytes
    assert len(set(map(tuple, tokenizer().pieces([CAT] * 200)))) == 1  # none without dropout, nor left over from it


def test_dropout_never_overflows():
    fits = " ".join(["cat"] * 23)
    ids = tokenizer().encode([fits, CAT] * 20, dropout=0.3)
    assert ids.shape == (40, 24)
    assert tokenizer().decode(ids) == [fits, CAT] * 20


def test_dropout_follows_torchs_seed():
    runs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        random.seed()  # Python's own state plays no part
        runs.append([tokenizer().encode([CAT] * 8, 0.3) for _ in range(2)])
    assert torch.equal(runs[0][0], runs[1][0]) and torch.equal(runs[0][1], runs[1][1])
    assert not torch.equal(runs[0][0], runs[0][1]) and not torch.equal(runs[0][0], runs[2][0])
    state = torch.get_rng_state()
    tokenizer().encode([CAT])
    assert torch.equal(torch.get_rng_state(), state)  # without dropout nothing is drawn


# ---------------------------------------------------------------- the emoji's captions


def test_every_full_caption_of_the_emoji_fits():
    captions = [full_caption(row) for row in read_rows()]
    ids = emoji_tokenizer().encode(captions)
    assert emoji_tokenizer().vocab_size == 2048 and ids.shape == (len(captions), 32)
    tokens = (ids != 0).sum(1)  # with start-of-text
    assert tokens.max() <= 26 and tokens.float().mean() < 12
    assert emoji_tokenizer().decode(ids) == [normalize(caption) for caption in captions]
