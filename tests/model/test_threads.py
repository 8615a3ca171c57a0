"""The cores that a process may use: those it is bound to, and the quotas of its control groups."""

import os
import subprocess
import sys

import pytest

from dalle_lessons.model import threads


def system(root, own, **quotas):
    """Files as Linux shows them. own: the process's control group; quotas: cpu.max of a group, its / written __."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"4:memory:/somewhere\n0::{own}\n")
    for group, content in quotas.items():
        folder = root / "sys/fs/cgroup" / group.replace("top", "").replace("__", "/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(content + "\n")
    return root


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("own", "quotas", "cores"),
    [
        ("/", {"top": "200000 100000"}, 2),  # a container sees its own group as the top
        ("/", {"top": "150000 100000"}, 2),  # one and a half: the second is worth having
        ("/", {"top": "20000 100000"}, 1),
        ("/", {"top": "max 100000"}, 8),
        ("/", {"top": "1600000 100000"}, 8),  # a larger quota makes no cores
        ("/", {}, 8),
        ("/user/job", {"user": "300000 100000", "user__job": "max 100000"}, 3),  # the group around it counts
        ("/user/job", {"user": "300000 100000", "user__job": "100000 50000"}, 2),
        ("/user/job", {"top": "100000 100000", "user": "max 100000"}, 1),
        ("/", {"top": "nonsense"}, 8),
    ],
)
def test_the_smallest_quota_counts(own, quotas, cores, tmp_path):
    assert threads.available_cores(system(tmp_path, own, **quotas)) == cores


@pytest.mark.parametrize(
    ("own", "quotas", "cores"),
    [
        ("5:cpu,cpuacct:/box", {"cpu,cpuacct/box": 150000}, 2),
        ("5:cpu:/docker/x", {"cpu": 100000}, 1),  # inside a container the own group is the top
        ("5:cpu:/user/job", {"cpu/user": 300000, "cpu/user/job": -1}, 3),
        ("5:cpu:/", {"cpu": -1}, 8),
        ("6:cpuset:/box", {"cpuset/box": 100000}, 8),  # another controller's folder
    ],
)
def test_quotas_of_version_1_count_too(own, quotas, cores, tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{own}\n0::/\n")
    for group, quota in quotas.items():
        folder = tmp_path / "sys/fs/cgroup" / group
        folder.mkdir(parents=True)
        (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.available_cores(tmp_path) == cores


def test_on_a_hub_two_threads_are_enough(tmp_path, monkeypatch):
    for name in ("OMP_NUM_THREADS", "JUPYTERHUB_USER", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    threads.limit_threads(tmp_path)
    assert os.environ["OMP_NUM_THREADS"] == "2"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    script = (
        "import dalle_lessons, os; print(os.environ['OMP_NUM_THREADS'])"  # a kernel that no command of ours started
    )
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert int(result.stdout) <= 2, result.stderr


def test_without_quotas_and_without_binding_it_is_the_machine(tmp_path, monkeypatch):
    assert threads.available_cores(tmp_path) == 8
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, cores in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert threads.available_cores(tmp_path) == cores


def test_threads_are_limited_by_a_quota_alone_and_never_against_the_user(tmp_path, monkeypatch):
    limited = system(tmp_path / "limited", "/", top="300000 100000")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads.limit_threads(tmp_path / "free")
    assert "OMP_NUM_THREADS" not in os.environ
    threads.limit_threads(limited)
    assert os.environ["OMP_NUM_THREADS"] == "3"
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    threads.limit_threads(limited)
    assert os.environ["OMP_NUM_THREADS"] == "5"


@pytest.mark.parametrize(("already", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_the_library_lets_waiting_threads_sleep_before_torch_is_there(already, expected):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if already is None else {"OMP_WAIT_POLICY": already}
    script = "import os, sys, dalle_lessons.cli; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert result.stdout.split() == [expected, "False"], result.stderr
