"""The training loop: resumed bit for bit, stopped cleanly, and never a spoilt checkpoint."""

import csv
import math
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.threads import available_cores
from dalle_lessons.training import precision
from dalle_lessons.training.muon import Muon, orthogonalize
from dalle_lessons.training.optimizers import make_optimizers
from dalle_lessons.training.precision import choose_precision, faster_precision
from dalle_lessons.training.trainer import NonFiniteLoss, TrainConfig, Trainer, train

CONFIG = DALLEConfig(
    vocab_size=12, text_length=4, rows=2, cols=2, codes=8, width=16, layers=2, heads=2, dropout=0.2, attention=("row",)
)
SIX = TrainConfig(steps=6, batch=4, lr=1e-2, warmup=2, ema=0.8)
MUON = replace(SIX, muon_lr=1e-2)


def dalle(seed=0):
    torch.manual_seed(seed)
    return DALLE(CONFIG)


def dalle_loss(model, rng, done):
    """A batch from both random states, which dropout draws on as well."""
    text = torch.tensor([[1] + [rng.randint(2, 11) for _ in range(3)] for _ in range(4)])
    return model.loss(text, torch.randint(0, 8, (4, 4)))


def dvae(seed=0):
    torch.manual_seed(seed)
    config = DVAEConfig(codes=8, code_dim=4, widths=(8, 8), patch=2, blocks=1)
    return DVAE(config).to(memory_format=torch.channels_last)


def dvae_loss(model, rng, done):
    images = torch.rand(2, 3, 8, 8) * rng.random()
    return model.loss(images.contiguous(memory_format=torch.channels_last), kl_weight=1 - done)


def line():
    """The smallest model: one matrix, one bias."""
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def line_loss(model, rng, done):
    return {"total": model(torch.randn(4, 3)).square().mean()}


def at_step(step, action, loss_fn=line_loss):
    """A loss that does something more, when the given step (counted from 0) computes it."""
    calls = []

    def loss(model, rng, done):
        calls.append(done)
        if len(calls) == step + 1:
            action()
        return loss_fn(model, rng, done)

    return loss


def assert_same(one, other):
    """Equal to the last bit, at any depth. (What it cost, `seconds` and `memory_mb`, differs between runs.)"""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one.keys() - {"seconds", "memory_mb"}:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other)
    else:
        assert one == other


def read_log(folder):
    with open(folder / "log.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


CASES = {
    "AdamW": (dalle, dalle_loss, SIX),
    "Muon": (dalle, dalle_loss, MUON),
    "bfloat16": (dalle, dalle_loss, replace(MUON, precision="bfloat16")),
    "dVAE": (dvae, dvae_loss, SIX),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights_bit_for_bit(case, stop_after, tmp_path):
    make, loss_fn, train_config = CASES[case]
    whole = train(make(), loss_fn, train_config, tmp_path / "whole", progress=False)
    stopping = at_step(stop_after - 1, lambda: signal.raise_signal(signal.SIGTERM), loss_fn)
    half = train(make(), stopping, train_config, tmp_path / "parts", progress=False)
    kept = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    assert kept["step"] == stop_after
    assert_same(half.state_dict(), {k[7:]: v for k, v in kept["average"].items() if k.startswith("module.")})
    torch.manual_seed(999)  # nothing may come from the state that this process happens to be in
    resumed = train(make(seed=5), loss_fn, train_config, tmp_path / "parts", resume=True, progress=False)
    assert_same(resumed.state_dict(), whole.state_dict())
    ends = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts")]
    assert_same(*ends)
    assert ends[0]["step"] == 6 and len(ends[0]["log"]) == 1
    for one, other in zip(*(read_log(tmp_path / name) for name in ("whole", "parts")), strict=True):
        free = {"seconds": "", "memory_mb": ""}
        assert {**one, **free} == {**other, **free}


def test_the_training_that_is_resumed_did_change_the_weights_at_every_step(tmp_path):
    """The test above would also pass if nothing were trained, or if the random states did not matter."""
    ends = [train(dalle(), dalle_loss, replace(MUON, seed=seed), progress=False).state_dict() for seed in (0, 0, 1)]
    assert_same(ends[0], ends[1])
    for name, tensor in dalle().state_dict().items():
        if name != "embedding.pad.weight":  # no caption here has a pad
            assert not torch.equal(ends[0][name], tensor), name
            assert not torch.equal(ends[0][name], ends[2][name]), name


def test_a_log_line_is_the_mean_since_the_last_one_even_across_a_stop(tmp_path):
    train_config, values = replace(SIX, steps=7), []

    def loss_fn(model, rng, done):
        values.append(rng.random())
        return {"total": model(torch.ones(1, 3)).sum() * 0 + values[-1], "part": torch.tensor(float(len(values)))}

    for _ in range(7):
        trainer = Trainer(line(), loss_fn, train_config, tmp_path)
        if values:
            trainer.load()
        trainer.run(minutes=0, progress=False, log_every=3)
    lines = read_log(tmp_path)
    assert [(row["step"], float(row["part"])) for row in lines] == [("3", 2.0), ("6", 5.0), ("7", 7.0)]
    means = [sum(values[0:3]) / 3, sum(values[3:6]) / 3, values[6]]
    assert [float(row["total"]) for row in lines] == pytest.approx(means)
    seconds = [float(row["seconds"]) for row in lines]
    assert seconds == sorted(seconds) and [row["seconds"] for row in lines] == [f"{value:.1f}" for value in seconds]


def test_the_seconds_of_all_runs_are_added_up(tmp_path):
    slow = at_step(0, lambda: time.sleep(0.3))
    train(line(), slow, SIX, tmp_path, minutes=0, progress=False)
    train(line(), line_loss, SIX, tmp_path, resume=True, minutes=0, progress=False)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["seconds"] >= 0.3


def test_the_minutes_end_a_training_cleanly_and_on_time(tmp_path):
    def slow_loss(model, rng, done):
        time.sleep(0.05)
        return line_loss(model, rng, done)

    begin = time.perf_counter()
    model = train(line(), slow_loss, replace(SIX, steps=10_000), tmp_path, minutes=0.3 / 60, progress=False)
    assert time.perf_counter() - begin < 5
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert 1 <= state["step"] <= 7 and state["seconds"] >= 0.3
    assert not model.training
    train(line(), line_loss, replace(SIX, steps=10_000), tmp_path, resume=True, minutes=0, progress=False)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == state["step"] + 1


def spoilt_loss(model, rng, done):
    """The loss is no number."""
    return {"total": model(torch.ones(1, 3)).sum() * math.nan}


def spoilt_gradient(model, rng, done):
    """The loss is 0, but its gradient is 0 · ∞."""
    return {"total": (model(torch.ones(1, 3)).sum() * 0).sqrt()}


@pytest.mark.parametrize(("spoilt", "what"), [(spoilt_loss, "loss"), (spoilt_gradient, "gradient")])
def test_a_training_that_diverges_stops_with_one_sentence_and_a_sound_checkpoint(spoilt, what, tmp_path):
    def loss_fn(model, rng, done):
        return (spoilt if done >= 0.5 else line_loss)(model, rng, done)

    train_config = replace(SIX, save_every=0.0)  # a checkpoint after every step
    with pytest.raises(NonFiniteLoss, match=f"^The {what} is (nan|inf) at step 3: .* smaller one.$") as caught:
        train(line(), loss_fn, train_config, tmp_path, progress=False)
    assert "0.01" in str(caught.value) and "\n" not in str(caught.value)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    for part in ("model", "average"):
        assert all(torch.isfinite(tensor).all() for tensor in state[part].values())
    train(line(), line_loss, train_config, tmp_path, resume=True, progress=False)


def test_the_learning_rate_warms_up_and_then_follows_a_cosine():
    train_config = TrainConfig(steps=110, warmup=10, min_lr_ratio=0.1)
    assert [train_config.lr_multiplier(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert train_config.lr_multiplier(10) == pytest.approx(1.0)
    assert train_config.lr_multiplier(60) == pytest.approx(0.55)  # half-way: between 1 and 0.1
    assert train_config.lr_multiplier(35) == pytest.approx(0.1 + 0.9 * (0.5 + math.sqrt(0.125)))  # a quarter: cos 45°
    assert train_config.lr_multiplier(110) == train_config.lr_multiplier(500) == pytest.approx(0.1)
    paces = [train_config.lr_multiplier(step) for step in range(10, 111)]
    assert paces == sorted(paces, reverse=True)
    assert TrainConfig(steps=5, warmup=0).lr_multiplier(0) == 1.0


def test_the_learning_rate_of_each_optimizer_follows_the_pace():
    trainer = Trainer(dalle(), dalle_loss, replace(MUON, muon_lr=0.03, warmup=4), None)
    for expected in (0.25, 0.5, 0.75, 1.0):
        trainer.one_step()
        rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
        assert rates == pytest.approx([0.01 * expected, 0.01 * expected, 0.03 * expected])


@pytest.mark.parametrize("train_config", [SIX, MUON])
def test_weight_decay_shrinks_matrices_and_leaves_biases_and_norms(train_config):
    model = dalle()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    train_config = replace(train_config, weight_decay=0.5, warmup=0)
    loss = {"total": sum(p.sum() for p in model.parameters()) * 0}  # no gradient: what changes is the decay alone
    Trainer(model, lambda *_: loss, train_config, None).one_step()
    for name, parameter in model.named_parameters():
        expected = 1 - 0.01 * 0.5 if parameter.ndim == 2 else 1.0
        assert_close(parameter.detach(), torch.full_like(parameter, expected), msg=name)


def test_muon_takes_the_matrices_of_the_blocks_only_and_adamw_all_the_rest():
    model = dalle()
    names = {id(p): name for name, p in model.named_parameters()}
    adamw, muon = make_optimizers(model, MUON)
    taken = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    layers = ("attention.query", "attention.key", "attention.value", "attention.project", "mlp.0", "mlp.2")
    assert taken == {f"transformer.blocks.{i}.{layer}.weight" for i in range(2) for layer in layers}
    rest = [names[id(p)] for group in adamw.param_groups for p in group["params"]]
    assert sorted([*rest, *taken]) == sorted(names.values()), "each parameter has one optimizer"
    (only,) = make_optimizers(model, SIX)
    assert isinstance(only, torch.optim.AdamW)
    assert sum(len(group["params"]) for group in only.param_groups) == len(names)


@pytest.mark.parametrize("shape", [(48, 48), (32, 96), (96, 32)])
def test_muon_is_pytorchs_in_float32(shape):
    """PyTorch rounds to bfloat16 within, so after five steps the two ways differ by a per cent or so."""
    torch.manual_seed(0)
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    settings = {"lr": 0.01, "weight_decay": 0.1, "momentum": 0.9}
    optimizers = Muon([ours], **settings), torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **settings)
    for _ in range(5):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved
    for wrong in (start, start + 0.9 * (theirs - start)):  # what such a difference would not allow
        assert (ours - wrong).norm() > 0.05 * moved


def test_an_orthogonalized_matrix_has_singular_values_near_one_and_the_same_directions():
    torch.manual_seed(0)
    for many in (60, 160):  # the rounds multiply the matrix itself, or a small one in its place
        matrix = torch.randn(40, many)
        for given in (matrix, matrix.T, 1000 * matrix):
            values = torch.linalg.svdvals(orthogonalize(given))
            assert 0.6 < values.min() and values.max() < 1.25
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        inside = u.T @ orthogonalize(matrix) @ v.T  # (40, 40): diagonal, if the directions are the matrix's own
        assert_close(inside, inside.diagonal().diag(), atol=1e-4, rtol=0)
    for shape in ((3, 5), (3, 9)):
        assert not orthogonalize(torch.zeros(shape)).any()


@pytest.mark.parametrize("shape", [(32, 32), (32, 48), (32, 64), (32, 128), (128, 32)])
def test_each_round_of_orthogonalizing_is_the_polynomial_of_the_singular_values(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    values = values / matrix.norm()
    for rounds in range(1, 6):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
        assert_close(orthogonalize(matrix, rounds), (u * values) @ v)
        assert_close(orthogonalize(matrix.float(), rounds), ((u * values) @ v).float(), atol=1e-5, rtol=0)


def test_muon_refuses_what_is_no_matrix():
    with pytest.raises(ValueError, match="matrices alone"):
        Muon([nn.Parameter(torch.zeros(3))])


def test_muon_leaves_what_has_no_gradient():
    idle = nn.Parameter(torch.ones(2, 2))
    Muon([idle], weight_decay=0.5).step()
    assert torch.equal(idle, torch.ones(2, 2))


def test_a_processor_that_is_slow_in_bfloat16_is_not_made_to_measure_it(monkeypatch):
    def passes(*_):
        raise AssertionError("no pass should be measured")

    monkeypatch.setattr(precision, "product_seconds", lambda dtype: 1.0 if dtype == torch.bfloat16 else 0.1)
    assert faster_precision(dalle(), passes) == "float32"
    monkeypatch.undo()
    assert precision.product_seconds(torch.float32) > 0


def test_muon_moves_a_matrix_by_steps_of_the_size_of_adamws():
    """With `match_rms_adamw` one peak serves both: an update's root mean square is about 0.2 learning rates."""
    model = dalle()
    weight = model.transformer.blocks[0].mlp[0].weight
    before = weight.detach().clone()
    Trainer(model, dalle_loss, replace(MUON, weight_decay=0.0, warmup=0), None).one_step()
    assert float((weight - before).detach().square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.3)


def test_parameters_that_are_frozen_stay():
    model = dalle()
    model.embedding.requires_grad_(False)
    before = model.embedding.image.weight.clone()
    train(model, dalle_loss, MUON, progress=False)
    assert torch.equal(model.embedding.image.weight, before)


def test_the_gradient_is_clipped_to_the_recipes_norm():
    def steep(model, rng, done):
        return {"total": 1000 * model(torch.ones(1, 3)).sum()}

    for clip, expected in ((0.5, 0.5), (1e9, 1000 * math.sqrt(8))):
        model = line()
        Trainer(model, steep, replace(SIX, clip=clip), None).one_step()
        norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
        assert norm == pytest.approx(expected, rel=1e-4)


def test_the_average_begins_with_the_first_step_and_follows_by_its_decay():
    trainer = Trainer(line(), line_loss, replace(SIX, ema=0.3), None)
    expected = None
    for decay in (0.0, 2 / 11, 3 / 12, 0.3, 0.3):  # at first less than the recipe's: it forgets the untrained weights
        trainer.one_step()
        now = trainer.model.weight.detach().clone()
        expected = now if expected is None else decay * expected + (1 - decay) * now
        assert_close(trainer.average.module.weight.detach(), expected)
    assert not torch.equal(trainer.average.module.weight, trainer.model.weight)


def test_buffers_are_not_averaged_but_copied():
    trainer = Trainer(dvae().train(), dvae_loss, SIX, None)
    for _ in range(3):
        trainer.one_step()
        usage = trainer.model.codebook.usage
        assert usage.any() and torch.equal(trainer.average.module.codebook.usage, usage)


def test_the_averaged_model_comes_back_ready_to_draw():
    model = dalle()
    averaged = train(model, dalle_loss, SIX, progress=False)
    assert isinstance(averaged, DALLE) and averaged is not model and not averaged.training


def test_a_write_that_fails_leaves_the_old_checkpoint_and_no_rubbish(tmp_path, monkeypatch):
    trainer = Trainer(line(), line_loss, SIX, tmp_path)
    trainer.one_step()
    trainer.save()
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def half_a_file(state, file):
        file.write(before[:100])
        raise OSError("No space left on device")

    trainer.one_step()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", half_a_file)
        with pytest.raises(OSError, match="No space"):
            trainer.save()
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    trainer.save()
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "gone"])
def test_where_the_newest_checkpoint_is_damaged_the_one_before_it_is_taken(damage, tmp_path, capsys):
    whole = train(dalle(), dalle_loss, MUON, tmp_path / "whole", progress=False)
    for resume in (False, True):
        train(dalle(), dalle_loss, MUON, tmp_path / "parts", resume, minutes=0, progress=False)
    newest, before = (tmp_path / "parts" / name for name in ("checkpoint.pt", "checkpoint.previous.pt"))
    assert [torch.load(path, weights_only=True)["step"] for path in (newest, before)] == [2, 1]
    left = {"empty": b"", "cut": newest.read_bytes()[:-3000], "other": b"no checkpoint"}
    newest.unlink()
    if damage in left:  # else as if somebody had removed it
        newest.write_bytes(left[damage])
    trainer = Trainer(dalle(seed=5), dalle_loss, MUON, tmp_path / "parts")
    trainer.load()
    assert capsys.readouterr().out.endswith(
        "parts/checkpoint.pt cannot be read: taking the one before it, of step 1.\n"
    )
    assert_same(trainer.run(progress=False).state_dict(), whole.state_dict())


def test_the_checkpoint_before_is_kept_also_where_a_file_cannot_have_two_names(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError("not on this file system")

    monkeypatch.setattr("os.link", no_links)
    for resume in (False, True, True):
        train(line(), line_loss, SIX, tmp_path, resume, minutes=0, progress=False)
    steps = [torch.load(path, weights_only=True)["step"] for path in sorted(tmp_path.glob("*.pt"))]
    assert steps == [2, 3] and not list(tmp_path.glob("*.part"))


def test_where_both_checkpoints_are_damaged_that_is_said(tmp_path):
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        (tmp_path / name).write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="checkpoint.pt is damaged and cannot be resumed: start again"):
        train(line(), line_loss, SIX, tmp_path, resume=True, progress=False)


def test_a_reader_never_sees_half_a_checkpoint(tmp_path, monkeypatch):
    trainer = Trainer(line(), line_loss, SIX, tmp_path)
    trainer.one_step()
    trainer.save()
    seen, real = [], torch.save

    def looking(state, path):
        real(state, path)
        seen.append(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"])

    trainer.one_step()
    monkeypatch.setattr(torch, "save", looking)
    trainer.save()
    assert seen == [1], "the new file must be whole before it takes the old one's place"


SCRIPT = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import test_trainer as t
    import torch

    def loss_fn(model, rng, done):
        time.sleep(0.02)
        if done >= 3 / 1000:
            print("three steps", flush=True)
        return t.dalle_loss(model, rng, done)

    torch.set_num_threads(1)
    model = t.train(t.dalle(), loss_fn, t.LONG, Path(sys.argv[2]), progress=False)
    print("the end", model.training, flush=True)
"""
LONG = replace(MUON, steps=1000)


def test_a_process_that_is_asked_to_end_saves_and_ends_cleanly(tmp_path, request):
    arguments = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(request.path.parent), str(tmp_path / "parts")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "three steps\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert out.endswith("the end False\n") and err == ""
    state = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    assert 3 < state["step"] < 1000

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        until = at_step(state["step"] - 1, lambda: signal.raise_signal(signal.SIGTERM), dalle_loss)
        train(dalle(), until, LONG, tmp_path / "whole", progress=False)
    finally:
        torch.set_num_threads(threads)
    assert_same(torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True), state)


def test_ctrl_c_finishes_the_step_and_saves(tmp_path):
    train(line(), at_step(2, lambda: signal.raise_signal(signal.SIGINT)), SIX, tmp_path, progress=False)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 3


def test_who_asks_three_times_is_obeyed_at_once(tmp_path):
    def three_times():
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)

    before = [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt):
        train(line(), at_step(2, three_times), replace(SIX, save_every=0.0), tmp_path, progress=False)
    assert [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)] == before
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2


def test_training_works_in_a_thread_where_no_signal_can_be_handled():
    ends = []
    thread = threading.Thread(target=lambda: ends.append(train(line(), line_loss, SIX, progress=False)))
    thread.start()
    thread.join(timeout=60)
    assert len(ends) == 1


def test_a_recipe_that_differs_is_refused_in_one_sentence_unless_it_only_saves_more_often(tmp_path):
    train(line(), line_loss, SIX, tmp_path, minutes=0, progress=False)
    with pytest.raises(ValueError, match="another recipe: resume with the same preset and options") as caught:
        train(line(), line_loss, replace(SIX, lr=2e-2), tmp_path, resume=True, progress=False)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="lr 0.01, now 0.02"):
        train(line(), line_loss, replace(SIX, lr=2e-2), tmp_path, resume=True, progress=False)
    train(line(), line_loss, replace(SIX, save_every=1.0), tmp_path, resume=True, progress=False)


def test_a_checkpoint_of_another_model_is_refused_in_one_sentence(tmp_path):
    train(line(), line_loss, SIX, tmp_path, minutes=0, progress=False)
    with pytest.raises(ValueError, match="holds another model: resume with the same preset") as caught:
        train(nn.Linear(4, 2), line_loss, SIX, tmp_path, resume=True, progress=False)
    assert "\n" not in str(caught.value)


def test_where_nothing_was_begun_nothing_can_be_resumed(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing to resume in .*: start without --resume"):
        train(line(), line_loss, SIX, tmp_path / "nowhere", resume=True, progress=False)


def test_the_number_of_threads_comes_back_with_the_checkpoint(tmp_path):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        train(line(), line_loss, SIX, tmp_path, minutes=0, progress=False)
        torch.set_num_threads(2)
        train(line(), line_loss, SIX, tmp_path, resume=True, progress=False)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


def test_a_checkpoint_of_a_larger_machine_takes_no_more_threads_than_there_are_cores(tmp_path):
    threads = torch.get_num_threads()
    train(line(), line_loss, SIX, tmp_path, minutes=0, progress=False)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.save({**state, "threads": 1000}, tmp_path / "checkpoint.pt")
    try:
        train(line(), line_loss, SIX, tmp_path, resume=True, progress=False)
        assert torch.get_num_threads() == available_cores()
    finally:
        torch.set_num_threads(threads)


def test_a_model_that_comes_in_evaluation_mode_is_trained_in_training_mode():
    """Batch norm keeps its statistics only there, and so tells."""
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()
    averaged = train(model, lambda model, rng, progress: line_loss(model, rng, progress), SIX, progress=False)
    assert not torch.equal(model[1].running_mean, torch.zeros(2)) and not averaged.training


def test_the_temperature_of_a_clip_keeps_its_floor_in_training_and_can_rise_again():
    torch.manual_seed(0)
    model = CLIP(CLIPConfig(widths=(8, 8), patch=8, side=16, text_width=8, layers=1, heads=1, dim=4))

    def colder(model, rng, progress):
        return {"total": -model.logit_scale}

    def warmer(model, rng, progress):
        return {"total": model.logit_scale}

    trainer = Trainer(model, colder, replace(SIX, steps=300, lr=0.5, clip=1e9), None)
    for _ in range(10):
        trainer.one_step()
    assert model.logit_scale.item() == pytest.approx(100.0, rel=1e-5)
    trainer.loss_fn = warmer
    for _ in range(8):
        trainer.one_step()
    assert model.logit_scale.item() < 90
    assert float(trainer.average.module.logit_scale) <= 100 * (1 + 1e-5)


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("steps", 0, "at least 1"),
        ("steps", -5, "at least 1"),
        ("batch", 0, "at least 1"),
        ("accumulate", 0, "at least 1"),
        ("lr", 0.0, "above 0"),
        ("lr", math.nan, "above 0"),
        ("lr", math.inf, "above 0"),
        ("warmup", -1, "0 or more"),
        ("min_lr_ratio", 1.5, "from 0 to 1"),
        ("betas", (0.9, 1.0), "less than 1"),
        ("weight_decay", -0.1, "0 or more"),
        ("muon_lr", 0.0, "above 0, or None"),
        ("clip", 0.0, "above 0"),
        ("ema", 0.0, "between 0 and 1"),
        ("ema", 2.0, "between 0 and 1"),
        ("precision", "fp16", "one of float32, bfloat16, float16, auto"),
        ("seed", -1, "from 0"),
        ("save_every", -1.0, "0 or more"),
    ],
)
def test_settings_beyond_their_limits_are_refused_in_one_sentence(field, value, limit):
    with pytest.raises(ValueError, match=f"^The training's {field} must be .*{limit}.*, got .*[.]$"):
        TrainConfig(**{field: value})


def test_a_batch_is_computed_in_equal_parts_only():
    with pytest.raises(ValueError, match="^A batch of 10 cannot be computed in 4 equal parts[.]$"):
        TrainConfig(batch=10, accumulate=4)
    with pytest.raises(ValueError, match="^A loss function draws its batch itself: set accumulate to 1"):
        Trainer(line(), line_loss, replace(SIX, accumulate=2), None)


def test_the_log_says_the_memory_that_was_needed(tmp_path):
    train(line(), line_loss, SIX, tmp_path, progress=False)
    (row,) = read_log(tmp_path)
    assert list(row)[:2] == ["step", "seconds"]
    assert "memory_mb" not in row if sys.platform == "win32" else 50 < int(row["memory_mb"]) < 100_000


def test_in_float16_a_scale_that_is_too_large_shrinks_and_the_step_is_left_out(tmp_path):
    """The gradient of 1 · w overflows at a scale of 65,536, float16's largest number being 65,504."""
    half = replace(SIX, precision="float16", warmup=0)
    model = line()
    trainer = Trainer(model, lambda model, rng, done: {"total": model(torch.ones(1, 3)).sum()}, half, tmp_path)
    before = model.weight.detach().clone()
    assert trainer.scaler.get_scale() == 65536
    trainer.one_step()
    assert torch.equal(model.weight, before) and trainer.scaler.get_scale() == 32768
    trainer.one_step()
    assert not torch.equal(model.weight, before) and trainer.scaler.get_scale() == 32768
    trainer.save()
    again = Trainer(line(), trainer.loss_fn, half, tmp_path)
    again.load()
    assert again.scaler.get_scale() == 32768 and again.precision == "float16"


def test_in_float16_small_gradients_are_kept_that_would_be_lost_without_a_scale():
    """Its smallest number is 6e-8: a gradient of 1e-8 is 0 in it, and 1e-5 once it is multiplied by 1,024."""

    def small(model, rng, done):
        return {"total": (model(torch.ones(1, 3)) * 1e-8).sum()}

    moved = []
    for scale in (1024.0, 1.0):
        model = line()
        before = model.weight.detach().clone()
        trainer = Trainer(model, small, replace(SIX, precision="float16", warmup=0, weight_decay=0.0), None)
        trainer.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        trainer.one_step()
        moved.append(not torch.equal(model.weight, before))
    assert moved == [True, False]


def test_a_gradient_that_is_no_number_even_unscaled_ends_a_training_in_float16():
    trainer = Trainer(line(), spoilt_gradient, replace(SIX, precision="float16"), None)
    with pytest.raises(NonFiniteLoss, match="^The gradient is nan at step 1[67]"):
        for _ in range(30):
            trainer.one_step()


def test_on_a_card_auto_is_bfloat16_where_it_has_that_and_float16_elsewhere(monkeypatch):
    for has_it, expected in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True, has_it=has_it: has_it)
        assert choose_precision(torch.device("cuda"), line(), line_loss) == expected
    assert choose_precision(torch.device("mps"), line(), line_loss) == "float32"


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no device 'cuda:99' here"):
        train(line(), line_loss, SIX, progress=False, device="cuda:99")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("name", ["float32", "auto", "float16"])
def test_on_a_card_a_training_that_was_stopped_goes_on(name, tmp_path):
    torch.manual_seed(0)
    config = replace(MUON, precision=name)

    def loss_fn(model, rng, done):
        text = torch.tensor([[1] + [rng.randint(2, 11) for _ in range(3)] for _ in range(4)])
        return model.loss(text.cuda(), torch.randint(0, 8, (4, 4)).cuda())

    train(dalle(), loss_fn, config, tmp_path, minutes=0, progress=False, device="cuda")
    model = train(dalle(), loss_fn, config, tmp_path, resume=True, progress=False, device="cuda")
    assert model.image_head.weight.is_cuda and read_log(tmp_path)[0]["step"] == "6"


def test_to_resume_a_folder_must_be_named():
    with pytest.raises(ValueError, match="name the folder"):
        train(line(), line_loss, SIX, resume=True, progress=False)


def test_measuring_the_faster_precision_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(precision, "product_seconds", lambda dtype: 1.0)  # so that it measures, wherever it runs
    model = dvae().train()
    state, rng = {name: t.clone() for name, t in model.state_dict().items()}, torch.get_rng_state()
    assert faster_precision(model, dvae_loss) in ("float32", "bfloat16")
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(p.grad is None for p in model.parameters())
    assert_same(dict(model.state_dict()), state)


def test_the_precision_is_measured_once_and_kept_in_the_checkpoint(tmp_path, monkeypatch):
    train_config, measured = replace(SIX, precision="auto"), []
    monkeypatch.setattr(precision, "faster_precision", lambda *_: measured.append(True) or "bfloat16")
    train(line(), line_loss, train_config, tmp_path, minutes=0, progress=False)
    train(line(), line_loss, train_config, tmp_path, resume=True, progress=False)
    assert measured == [True]
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["precision"] == "bfloat16"


def test_the_bar_shows_the_loss_and_the_speed(capfd):
    train(line(), line_loss, SIX)
    shown = capfd.readouterr().err
    assert "float32" in shown, "the precision, which may have been chosen"
    assert "6/6" in shown and "loss=" in shown and ("step/s" in shown or "s/step" in shown)
    train(line(), line_loss, SIX, progress=False)
    assert capfd.readouterr() == ("", "")


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(line(), line_loss, SIX, progress=False)
    assert not list(tmp_path.iterdir())
