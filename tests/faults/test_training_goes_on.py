"""What a disk, a terminal, another program or another training may do to a training: it goes on, or ends in one
sentence, and what was saved stays."""

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from dataclasses import replace

import click
import pytest
import torch
from filelock import FileLock
from training.test_trainer import MUON, SIX, assert_same, at_step, line, line_loss, spoilt_loss

from dalle_lessons.cli import train as train_command
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.training import trainer as training
from dalle_lessons.training.lock import LOCK, training_lock
from dalle_lessons.training.presets import PRESETS
from dalle_lessons.training.run import train_model
from dalle_lessons.training.stop_signals import STOP_SIGNALS
from dalle_lessons.training.trainer import NonFiniteLoss, train

OFTEN = replace(SIX, save_every=0.0)
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limit or signal")


def step_of(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["step"]


# ---- the disk -------------------------------------------------------------------------------------------------------


def failing(number, at, name="checkpoint.pt"):
    """`os.replace` that fails with this system error each time that `name` is written, from the `at`-th time on."""
    real, calls = os.replace, []

    def move(source, target):
        if os.fspath(target).endswith(name):
            calls.append(target)
            if len(calls) >= at:
                raise OSError(number, os.strerror(number), os.fspath(target))
        real(source, target)

    return move


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_keeps_the_older_checkpoint_and_the_training_goes_on(number, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "replace", failing(number, at=3))
    model = train(line(), line_loss, OFTEN, tmp_path, progress=False)
    said = capsys.readouterr().err
    assert "checkpoint.pt could not be written: there is no space left on the disk" in said
    assert step_of(tmp_path) == 2 and not list(tmp_path.glob("*.part"))
    monkeypatch.undo()
    assert_same(train(line(), line_loss, OFTEN, tmp_path, resume=True, progress=False).state_dict(), model.state_dict())


def test_once_there_is_room_again_all_is_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", failing(errno.ENOSPC, at=1))
    trainer = training.Trainer(line(), line_loss, SIX, tmp_path)
    trainer.run(minutes=0, progress=False)
    assert isinstance(trainer.unsaved, OSError)
    monkeypatch.undo()
    trainer.run(progress=False)
    assert trainer.unsaved is None and step_of(tmp_path) == 6


def test_a_log_that_another_program_holds_open_ends_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "replace", failing(errno.EACCES, at=1, name="log.csv"))
    train(line(), line_loss, OFTEN, tmp_path, progress=False)
    assert "log.csv could not be written: another program holds it open" in capsys.readouterr().err
    assert step_of(tmp_path) == 6
    monkeypatch.undo()
    train(line(), line_loss, OFTEN, tmp_path, resume=True, progress=False)
    assert (tmp_path / "log.csv").read_text().startswith("step,")


def test_the_weights_are_saved_also_where_the_checkpoint_is_not(tiny_world, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", failing(errno.ENOSPC, at=1))
    with pytest.raises(OSError, match="^The weights are saved after 3 steps, but not all else: .* no space left"):
        train_model("dvae", "emoji", None, tmp_path / "dvae", progress=False)
    assert (tmp_path / "dvae" / "model.safetensors").is_file() and (tmp_path / "dvae" / "config.json").is_file()


FULL = """
    import resource, sys
    sys.path.insert(0, sys.argv[1])
    from dalle_lessons.cli import main
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # as a quota: no file may become longer
    main(["train", "dvae", "--data", "shapes", "--steps", "1", "--out", sys.argv[2]])
"""


@posix
def test_a_true_limit_of_the_system_gives_one_sentence_and_no_traceback(tmp_path):
    arguments = [sys.executable, "-c", textwrap.dedent(FULL), os.getcwd(), str(tmp_path / "out")]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 1 and "no space left" in done.stderr
    assert "Traceback" not in done.stderr and "enforce" not in done.stderr, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {LOCK, "README.md"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        Exception("I/O error: No space left on device (os error 28)"),  # as tokenizers and safetensors say it
    ],
)
def test_whichever_library_meets_the_full_disk_the_sentence_is_the_same(error, tmp_path):
    def write(path):
        path.write_text("half")
        raise error

    (tmp_path / "a.json").write_text("old")
    with pytest.raises(OSError, match="a.json could not be written: there is no space left on the disk, .* again.$"):
        replace_file(tmp_path / "a.json", write)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"] and (tmp_path / "a.json").read_text() == "old"


def test_an_error_that_is_not_the_systems_stays_what_it_is(tmp_path):
    def write(path):
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="of ours"):
        replace_file(tmp_path / "a", write)


# ---- signals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"])
def test_each_way_to_end_a_training_saves_it_first(name, tmp_path):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("this system has no such signal")
    assert number in STOP_SIGNALS, "it would end the training before it could be saved"
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:  # the tests were started by nohup, and a training would ignore it, too
        signal.signal(number, signal.SIG_DFL)
    try:
        train(line(), at_step(2, lambda: signal.raise_signal(number)), SIX, tmp_path, progress=False)
    finally:
        signal.signal(number, before)
    assert step_of(tmp_path) == 3


def test_ctrl_c_twice_before_the_first_save_loses_nothing(tmp_path, capfd):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    train(line(), at_step(2, twice), SIX, tmp_path, progress=True)
    assert step_of(tmp_path) == 3
    said = capfd.readouterr().err
    assert "This step is finished and saved" in said and "once more ends it at once" in said


def test_ctrl_c_while_the_checkpoint_is_written_does_not_stop_the_writing(tmp_path, monkeypatch):
    real = torch.save

    def interrupted(state, file):
        signal.raise_signal(signal.SIGINT)
        real(state, file)

    monkeypatch.setattr(torch, "save", interrupted)
    train(line(), line_loss, SIX, tmp_path, progress=False)
    assert step_of(tmp_path) == 6


@posix
def test_what_the_caller_ignores_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        train(line(), at_step(2, lambda: signal.raise_signal(signal.SIGHUP)), SIX, tmp_path, progress=False)
        assert step_of(tmp_path) == 6 and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


# ---- two trainings --------------------------------------------------------------------------------------------------

HOLDER = """
    import sys, time
    from pathlib import Path
    from dalle_lessons.training.lock import training_lock
    with training_lock(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(120)
"""


def test_a_second_training_into_one_folder_is_refused_at_once_and_a_dead_one_holds_nothing(
    tiny_world, tmp_path, monkeypatch
):
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path / "dvae")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with suppress(OSError):  # as older versions of filelock leave it when somebody tries it
            (tmp_path / "dvae" / LOCK).write_bytes(b"")
        with monkeypatch.context() as patch:
            patch.setattr("dalle_lessons.training.objectives.load", lambda *_, **__: pytest.fail("too early"))
            for resume in (False, True):
                with pytest.raises(ValueError, match=rf"^Another training \(process {holder.pid}\) is writing into"):
                    train_model("dvae", "emoji", None, tmp_path / "dvae", resume=resume, progress=False)
    finally:
        holder.kill()
        holder.wait()
    train_model("dvae", "emoji", None, tmp_path / "dvae", progress=False)
    assert step_of(tmp_path / "dvae") == 3


def test_two_that_begin_at_the_same_moment_do_not_both_train(tiny_world, tmp_path, monkeypatch):
    """Both have found the folder free; the lock decides, before the first step."""
    real = tiny_world.pairs

    def another_begins(data, size, styles):
        held.__enter__()
        return real

    held = training_lock(tmp_path / "dvae")
    monkeypatch.setattr("dalle_lessons.training.objectives.load", another_begins)
    with pytest.raises(ValueError, match="Another training"):
        train_model("dvae", "emoji", None, tmp_path / "dvae", progress=False)
    held.__exit__(None, None, None)
    assert [path.name for path in (tmp_path / "dvae").iterdir()] == [LOCK]


def test_started_again_by_torchrun_it_waits_for_those_that_a_killed_process_has_forked(
    tiny_world, tmp_path, monkeypatch
):
    """Readers of shards hold the lock of a process that was killed for some seconds, until they notice."""
    (tmp_path / "dvae").mkdir()
    held = FileLock(tmp_path / "dvae" / LOCK, thread_local=False)
    held.acquire()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    threading.Timer(0.5, held.release).start()
    train_model("dvae", "emoji", None, tmp_path / "dvae", progress=False)
    assert step_of(tmp_path / "dvae") == 3


# ---- what the sentences advise --------------------------------------------------------------------------------------


def test_more_steps_after_the_end_are_refused_with_a_way_that_works(tiny_world, tmp_path):
    train_model("dvae", "emoji", None, tmp_path / "dvae", progress=False)
    with pytest.raises(ValueError, match=r"steps 3, now 5.*--start \S+dvae and another --out\.$"):
        train_model("dvae", "emoji", None, tmp_path / "dvae", resume=True, steps=5, progress=False)
    trainer = train_model("dvae", "emoji", None, tmp_path / "longer", start=tmp_path / "dvae", steps=5, progress=False)
    assert trainer.step == 5


def test_whoever_diverges_is_told_of_an_option_that_exists(tmp_path):
    with pytest.raises(NonFiniteLoss) as caught:
        train(line(), spoilt_loss, SIX, progress=False)
    (option,) = re.findall(r"--[a-z-]+", str(caught.value))
    (parameter,) = [p for p in train_command.params if isinstance(p, click.Option) and option in p.opts]
    value = re.search(rf"{option} (\S+)", str(caught.value))[1]
    assert 0 < parameter.type.convert(value, parameter, None) < SIX.lr


def test_another_learning_rate_moves_both_optimizers(tiny_world, tmp_path, monkeypatch):
    preset = replace(tiny_world.dvae_preset, train_config=replace(MUON, lr=1e-2, muon_lr=3e-2))
    monkeypatch.setitem(PRESETS["dvae"], "emoji", preset)
    trainer = train_model("dvae", "emoji", None, tmp_path / "dvae", lr=1e-3, progress=False)
    assert (trainer.train_config.lr, trainer.train_config.muon_lr) == pytest.approx((1e-3, 3e-3))
