"""Two processes and one come to the same, however they divide the work, and whoever dies in between."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.testing import assert_close

from dalle_lessons.model.quantizer import VectorCodebook
from dalle_lessons.training import distributed, run, synced
from dalle_lessons.training.distributed import Processes
from dalle_lessons.training.objectives.clip import CLIPObjective
from dalle_lessons.training.objectives.dalle import DALLEObjective
from dalle_lessons.training.objectives.dvae import DVAEObjective
from dalle_lessons.training.train_config import TrainConfig

WORKER = Path(__file__).parent / "worker.py"
needs_torchrun = pytest.mark.skipif(sys.platform == "win32", reason="PyTorch's torchrun does not start on Windows")
SAME = {"rtol": 1e-5, "atol": 1e-5}


def start(jobs, *options, processes=2, seconds=400):
    """Run the jobs, one after another, in so many processes. -> what they said"""
    command = [sys.executable, str(WORKER), json.dumps(jobs, default=str)]
    if processes > 1:
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
        command[1:1] = [*torchrun, "--nproc-per-node", str(processes), *options]
    loopback = {"linux": "lo", "darwin": "lo0"}[sys.platform]
    env = os.environ | {"GLOO_SOCKET_IFNAME": loopback, "OMP_NUM_THREADS": "1"}
    # Into a file: whoever reads a pipe waits for all that hold it, torchrun's own processes, even after torchrun's end.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = f"not ended after {seconds} s"
            process.terminate()  # torchrun then ends its processes
            process.wait(timeout=60)
        file.seek(0)
        said = file.read()
    assert code == 0, f"{code}: {said[-5000:]}"
    return said


def losses(folder):
    with open(folder / "log.csv", encoding="utf-8") as file:
        return torch.tensor([float(row["total"]) for row in csv.DictReader(file)])


TRAININGS = {  # name: what is trained, and how by two processes
    "dalle": ({"kind": "dalle", "muon_lr": 0.01}, {}),
    "dalle in parts": ({"kind": "dalle"}, {"accumulate": 2}),
    "dalle sharded": ({"kind": "dalle"}, {"sharded": True}),
    "edit": ({"kind": "edit"}, {}),
    "edit sharded": ({"kind": "edit"}, {"sharded": True}),
    "clip": ({"kind": "clip"}, {}),
    "judge": ({"kind": "judge"}, {}),
    "dvae": ({"kind": "dvae"}, {}),
    "dvae of running means": ({"kind": "dvae", "means": True}, {}),
}
BEGUN_BY_TWO = ("begun by two", "begun by two, sharded")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with each training twice, by one process and by two; and with trainings of DALL·E that the one began
    and the other ended. All in three starts, since every start imports PyTorch anew."""
    folder = tmp_path_factory.mktemp("distributed")
    one = [{**what, "steps": 20, "out": folder / f"{name}, one"} for name, (what, _) in TRAININGS.items()]
    start([*one, {"kind": "dalle", "steps": 20, "minutes": 0, "out": folder / "begun by one"}], processes=1)
    two = [{**what, "steps": 20, "out": folder / f"{name}, two", **how} for name, (what, how) in TRAININGS.items()]
    half, rest = ({"kind": "dalle", "steps": 20, **more} for more in ({"stop": 10}, {"resume": True}))
    two.append({**rest, "sharded": True, "out": folder / "begun by one"})
    halves = [folder / name for name in BEGUN_BY_TWO]
    start([*two, {**half, "out": halves[0]}, {**half, "sharded": True, "out": halves[1]}])
    for begun in halves:
        shutil.copytree(begun, folder / f"{begun.name}, half")
    start([{**rest, "out": begun} for begun in halves], processes=1)
    return folder


@needs_torchrun
@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_the_losses_of_two_processes_are_those_of_one(name, trained):
    one, two = losses(trained / f"{name}, one"), losses(trained / f"{name}, two")
    assert len(one) == 20 and one[0] - one[-1] > 0.05, "something was learned"
    assert_close(two, one, **SAME)


@needs_torchrun
@pytest.mark.slow
@pytest.mark.parametrize("name", ["dalle", "dalle sharded", "dvae", "dvae of running means"])
def test_the_weights_of_two_processes_are_those_of_one_and_written_once(name, trained):
    one, two = (load_file(trained / f"{name}, {count}" / "model.safetensors") for count in ("one", "two"))
    assert_close(two, one, rtol=0, atol=2e-3)  # stored in half precision
    assert not list((trained / f"{name}, two").glob(".*.part"))


@needs_torchrun
@pytest.mark.slow
def test_what_two_processes_began_one_ends_and_the_other_way_round(trained):
    rests = [torch.load(trained / f"{n}, half" / "checkpoint" / "rest.pt", weights_only=True) for n in BEGUN_BY_TWO]
    assert [rest["step"] for rest in rests] == [11, 11], "one was asked to end, and both finished the step"
    for name in (*BEGUN_BY_TWO, "begun by one"):
        assert_close(losses(trained / name), losses(trained / "dalle sharded, one"), **SAME)


@needs_torchrun
@pytest.mark.slow
def test_a_process_that_is_killed_costs_nothing_but_time(tmp_path):
    """First the last process dies, then, after a restart, the one that writes for all."""
    job = {"kind": "dalle", "steps": 20, "save_every": 0.0}
    killed = {**job, "kill": (8, 14), "out": tmp_path / "killed"}
    said = start([killed, {**job, "out": tmp_path / "unbroken"}], "--max-restarts", "2")
    assert len(re.findall(r"exitcode *: -9", said)) == 2, said[-3000:]
    rest = torch.load(tmp_path / "killed" / "checkpoint" / "rest.pt", weights_only=True)
    assert rest["step"] == 20 and len(losses(tmp_path / "killed")) == 20
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("killed", "unbroken"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# ---- one process, or one of several that are imitated ---------------------------------------------------------------


def test_one_process_needs_no_group():
    alone = distributed.ALONE
    assert alone.first and alone.agree("x") == "x"
    assert alone.any(True, False, device=torch.device("cpu")) == [True, False]
    assert torch.equal(alone.mean(torch.ones(2)), torch.ones(2))
    with distributed.processes(torch.device("cpu")) as found:
        assert found == alone


def test_a_training_of_one_process_imports_nothing_that_only_several_need():
    code = """
import sys
from dalle_lessons.training import run
heavy = [n for n in sys.modules if n.startswith(("torch.distributed.fsdp", "torch.distributed.checkpoint"))]
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


def test_each_process_takes_a_card_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert distributed.device_here("auto") == "auto"
    for name, value in (("WORLD_SIZE", "4"), ("LOCAL_RANK", "2")):
        monkeypatch.setenv(name, value)
    assert [distributed.device_here(name) for name in ("auto", "cuda", "cpu", "cuda:0")] == [
        "cuda:2",
        "cuda:2",
        "cpu",
        "cuda:0",
    ]


def test_what_cannot_be_divided_is_refused_in_one_sentence():
    two, say = Processes(0, 2), pytest.fail
    for objective, arguments, sentence in (
        (DALLEObjective, (TrainConfig(), distributed.ALONE, True), "--shard divides a model over processes: start"),
        (DVAEObjective, (TrainConfig(), two, True), "--shard is for the transformers, dalle and edit"),
        (CLIPObjective, (TrainConfig(accumulate=2), two, False), "compares the pictures of a batch with each other"),
    ):
        config, processes, sharded = arguments
        with pytest.raises(ValueError, match=sentence):
            run.divided(config, objective, processes, sharded, say)


def test_muon_gives_way_where_matrices_are_divided_and_that_is_said():
    said = []
    config = run.divided(TrainConfig(muon_lr=0.1), DALLEObjective, Processes(0, 2), True, said.append)
    assert config.muon_lr is None and said == [
        "AdamW moves all weights: Muon needs whole matrices, and --shard gives each process a part of them."
    ]
    assert run.divided(TrainConfig(muon_lr=0.1), DALLEObjective, Processes(0, 2), False, pytest.fail).muon_lr == 0.1


def test_a_batch_that_gives_the_processes_unequal_parts_is_refused(tiny):
    objective = DALLEObjective(tiny.dalle_preset, tiny.dvae, tiny.tokenizer)
    with pytest.raises(ValueError, match="^A batch of 8 cannot be computed in 3 equal parts[.]$"):
        run.Trainer(objective.build(tiny.pairs), objective, TrainConfig(batch=8), None, processes=Processes(0, 3))


def test_those_that_are_started_again_do_not_find_what_the_dead_ones_left(monkeypatch):
    """On one machine. Several count their restarts apart, and would never meet."""
    meeting_place = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True)
    met = []
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend, store, **who: met.append((store, who)))
    environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": meeting_place.port, "TORCHELASTIC_USE_AGENT_STORE": True}
    for name, value in ({**environment, "RANK": 1, "WORLD_SIZE": 2}).items():
        monkeypatch.setenv(name, str(value))
    for machines, kept in (("1", False), ("2", True)):
        monkeypatch.setenv("GROUP_WORLD_SIZE", machines)
        for attempt in "01":
            monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", attempt)
            distributed.connect(torch.device("cpu"))
        (first, who), (second, _) = met[-2:]
        first.set("address", "of one that will die")
        assert first.get("address")  # it has arrived
        assert second.check(["address"]) == kept and who == {"rank": 1, "world_size": 2}


@pytest.fixture
def group(tmp_path):
    """A group of one process, in which everything is exchanged with nobody."""
    torch.distributed.init_process_group("gloo", init_method=(tmp_path / "meet").as_uri(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_synced_batch_norms_are_batch_norms(group):
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(3)
    other = nn.BatchNorm2d(3)
    synced.look_at_all_rows(other)
    for _ in range(3):
        x = torch.randn(4, 3, 5, 5) * 3 + 1
        one, two = x.clone().requires_grad_(), x.clone().requires_grad_()
        a, b = plain(one), other(two)
        a.square().sum().backward()
        b.square().sum().backward()
        assert_close(b, a)
        assert_close(two.grad, one.grad)
    assert_close(other.state_dict(), plain.state_dict())
    assert_close(other.eval()(x), plain.eval()(x))


@pytest.mark.parametrize("moving_average", [False, True])
def test_synced_codebooks_are_codebooks(group, moving_average):
    torch.manual_seed(0)
    plain = VectorCodebook(4, 8, 4, l2_normalize=True, diversity_weight=0.1, moving_average=moving_average)
    other = VectorCodebook(4, 8, 4, l2_normalize=True, diversity_weight=0.1, moving_average=moving_average)
    other.load_state_dict(plain.state_dict())
    synced.look_at_all_rows(other)
    x = torch.randn(2, 4, 5, 5)
    results = []
    for codebook in (plain, other):
        torch.manual_seed(1)
        results.append(codebook(x))
    assert_close(results[1].loss, results[0].loss)
    assert_close(other.state_dict(), plain.state_dict())
