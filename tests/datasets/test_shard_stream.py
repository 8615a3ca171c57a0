"""The stream: each pass sees every sample once, whoever reads; it goes on where it was cut off; nothing is held."""

from collections import Counter

import pytest
import torch

from dalle_lessons.datasets import shard_stream
from dalle_lessons.datasets.shard_samples import open_shards
from dalle_lessons.datasets.shard_stream import Order, Position, ShardStream


def numbers(batches):
    return [int(caption.split()[1]) for batch in batches for caption in batch.captions]


def take(stream, count):
    return [next(stream) for _ in range(count)]


def one_pass(shards, ranks, workers, batch=1, seed=0):
    """-> what each reader gives in pass 0: {reader: numbers}."""
    found = {}
    for rank in range(ranks):
        stream = ShardStream(Order(shards, batch, seed), workers, rank, ranks)
        open_readers = set(range(max(1, workers)))
        while open_readers:  # turn and turn about, until the next pass has begun for all of them
            reader = stream.turn
            got = next(stream)
            if got.position.number == 0:
                found.setdefault((rank, reader), []).extend(numbers([got]))
            else:
                open_readers.discard(reader)
    return found


@pytest.mark.parametrize("sizes", [[5, 1, 4, 7, 2], [11], [3, 4]], ids=str)
@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_a_pass_sees_every_sample_once(make_shards, sizes, ranks, workers):
    found = one_pass(open_shards(make_shards(sizes), 8), ranks, workers)
    assert len(found) == ranks * max(1, workers)  # nobody is idle
    assert sorted(number for part in found.values() for number in part) == list(range(sum(sizes)))


def test_each_pass_has_an_order_of_its_own_that_the_seed_decides(make_shards):
    shards = open_shards(make_shards([8, 8, 8]), 8)
    passes = numbers(take(ShardStream(Order(shards, 4, 0)), 12))
    first, second = passes[:24], passes[24:]
    assert sorted(first) == sorted(second) == list(range(24))
    assert first != sorted(first) and first != second
    assert numbers(take(ShardStream(Order(shards, 4, 0)), 12)) == passes
    assert numbers(take(ShardStream(Order(shards, 4, 1)), 12)) != passes


def test_a_batch_holds_pictures_and_their_own_captions(make_shards):
    stream = ShardStream(Order(open_shards(make_shards([5, 4]), 8), 3, 0))
    for batch in take(stream, 5):
        assert batch.values.shape == (3, 3, 8, 8) and batch.values.dtype == torch.uint8
        assert batch.values[:, 0, 0, 0].tolist() == numbers([batch])


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("before", [1, 4, 9])
def test_from_its_state_a_stream_goes_on_to_the_same_batches(make_shards, workers, before):
    folder = make_shards([5, 6, 4], {3: {"png": b"x"}, 12: {"txt": None}})
    shards = open_shards(folder, 8)
    broken = folder / "00001.tar"
    broken.write_bytes(broken.read_bytes()[:7000])
    whole = ShardStream(Order(shards, 2, 0), workers)
    take(whole, before)
    state = whole.state_dict()
    resumed = ShardStream(Order(shards, 2, 0), workers)
    resumed.load_state_dict(state)
    assert numbers(take(resumed, 15)) == numbers(take(whole, 15))
    assert resumed.counts() == whole.counts() and whole.counts()["unreadable"] > 0
    assert resumed.state_dict() == whole.state_dict()


def test_with_other_readers_a_new_pass_begins_and_the_counts_stay(make_shards):
    shards = open_shards(make_shards([9, 9], {3: {"png": b"x"}}), 8)
    one = ShardStream(Order(shards, 3, 0), 2)
    take(one, 8)
    assert one.counts()["unreadable"] >= 1
    streams = [ShardStream(Order(shards, 1, 0), 0, rank, 3) for rank in range(3)]
    for stream in streams:
        stream.load_state_dict(one.state_dict())
    begun = max(position.number for position in one.positions) + 1
    assert [stream.positions[0].number for stream in streams] == [begun] * 3
    assert sum(stream.counts()["unreadable"] for stream in streams) == one.counts()["unreadable"]
    seen = Counter()
    for stream in streams:
        while (batch := next(stream)).position.number == begun:
            seen.update(numbers([batch]))
    assert seen == Counter(n for n in range(18) if n != 3)


def test_what_cannot_be_used_is_skipped_and_counted(make_shards):
    changes = {2: {"png": b"x"}, 5: {"txt": None}, 6: {"txt": b"a caption that is much too long"}}
    shards = open_shards(make_shards([6, 6], changes), 8)
    stream = ShardStream(Order(shards, 9, 0, lambda caption: len(caption) < 12))
    assert sorted(numbers([next(stream)])) == [n for n in range(12) if n not in (2, 5, 6)]
    next(stream)
    assert stream.counts() == {"unreadable": 4.0, "too_long": 2.0}


@pytest.mark.parametrize("workers", [0, 1])
def test_if_nothing_can_be_used_one_sentence_says_so(make_shards, workers):
    shards = open_shards(make_shards([3]), 8)
    stream = ShardStream(Order(shards, 2, 0, never), workers)
    with pytest.raises(ValueError, match="found no sample to use.$") as caught:
        next(stream)
    assert "\n" not in str(caught.value)


def never(caption):
    return False


def test_a_part_that_is_broken_stops_no_reader(make_shards):
    folder = make_shards([4, 4])
    shards = open_shards(folder, 8)
    (folder / "00001.tar").write_bytes(b"x" * 3000)
    for rank in range(2):  # in each pass one of the two has nothing
        batches = take(ShardStream(Order(shards, 2, 0), 0, rank, 2), 12)
        assert set(numbers(batches)) == {0, 1, 2, 3}
        assert batches[-1].position.number > 2


def test_a_position_is_plain_numbers(make_shards, tmp_path):
    stream = ShardStream(Order(open_shards(make_shards([4]), 8), 2, 0))
    take(stream, 3)
    torch.save(stream.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert Position(**state["ranks"][0][0]) == stream.positions[0] == Position(1, 2)


def test_the_state_of_several_ranks_is_one_from_which_each_goes_on(make_shards, monkeypatch):
    order = Order(open_shards(make_shards([5, 4, 6]), 8), 2, 0)
    whole = [ShardStream(order, 0, rank, 2) for rank in range(2)]
    for stream in whole:
        take(stream, 3)

    def gather(ranks, mine):  # what torch.distributed does between processes
        ranks[:] = [[vars(position) for position in stream.positions] for stream in whole]

    monkeypatch.setattr(shard_stream.dist, "all_gather_object", gather)
    state = whole[0].state_dict()
    assert state == whole[1].state_dict() and len(state["ranks"]) == 2
    for rank in range(2):
        resumed = ShardStream(order, 0, rank, 2)
        resumed.load_state_dict(state)
        assert numbers(take(resumed, 8)) == numbers(take(whole[rank], 8))
