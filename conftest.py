"""For all tests: the same number of threads everywhere, no network, and the lessons' minutes and memory measured."""

import ipaddress
import json
import os
import re
import socket
import tempfile
from collections import defaultdict
from pathlib import Path

# Before torch is imported; the lessons' kernels inherit these. Whoever sets another number of threads (to imitate
# another machine, say) keeps it; else a process that runs alone has two, and each of several (pytest-xdist) has one.
if "OMP_NUM_THREADS" not in os.environ:
    os.environ |= {"OMP_NUM_THREADS": "2", "LESSONS_THREADS": "ours"}
if "PYTEST_XDIST_WORKER" in os.environ and os.environ.get("LESSONS_THREADS") == "ours":
    os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait sleep: several processes share the cores
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["DALLE_LESSONS_RECORD"] = ""  # whoever works on a lesson may have guessed: tests start without

# Lessons run in kernels of their own, which read their start-up files here: one that blocks the network.
_startup = Path(tempfile.mkdtemp(prefix="lessons-ipython-")) / "profile_default" / "startup"
_startup.mkdir(parents=True)
(_startup / "00-no-network.py").write_text(
    """
import ipaddress as _ip, socket as _socket

def _guard(real):
    def connect(self, address):
        if self.family in (_socket.AF_INET, _socket.AF_INET6) and address[0] != "localhost":
            if not _ip.ip_address(address[0]).is_loopback:
                raise OSError(f"This lesson reached for the network ({address[0]}); lessons use only what is here.")
        return real(self, address)
    return connect

_socket.socket.connect = _guard(_socket.socket.connect)
_socket.socket.connect_ex = _guard(_socket.socket.connect_ex)
""",
    encoding="utf-8",
)
os.environ["IPYTHONDIR"] = str(_startup.parent.parent)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# A slow machine is no bug, hence no deadline. In CI the same examples come each time: a red run can be repeated.
settings.register_profile("lessons", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("lessons")


REFUSED = "This test reached for the network ({}); tests use only what is in the repository."


def is_here(host: str | bytes | None) -> bool:
    """Is this host this machine itself?"""
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:  # a name
        return False


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """A test that reaches for the network fails and says so, instead of passing where there happens to be one."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    real_getaddrinfo = socket.getaddrinfo

    def guard(name):
        def connect(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_here(address[0]):
                pytest.fail(REFUSED.format(address[0]))
            return real[name](self, address)

        return connect

    def getaddrinfo(host, *args, **kwargs):
        if not is_here(host):
            pytest.fail(REFUSED.format(host))
        return real_getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guard(name))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


# ---- the lessons' minutes and memory: what the first cells and the README say, and what the same run of nbval measures

TIME = re.compile(r"\*\*Time:\*\* ([\d.]+) minutes? of work, ([\d.]+) minutes? of computing\.")
FACTOR, FLOOR = 3.0, 20.0  # times; seconds below which a difference does not matter (a kernel's start, a slow import)
measured: dict[str, float] = defaultdict(float)
cells_run: dict[str, int] = defaultdict(int)
MEMORY = re.compile(r"^\| (\d\d) \w+ \|.*\| ([\d.]+) GB \|$", re.MULTILINE)  # the README's table of lessons
MORE, LESS = 1.25, 0.6  # times; another number of threads or another PyTorch may differ so much
peaks: dict[str, float] = defaultdict(float)  # GB


def minutes(first_cell: str) -> tuple[float, float] | None:
    """(minutes of work, minutes of computing) that a lesson's first cell states."""
    found = TIME.search(first_cell)
    return None if found is None else (float(found[1]), float(found[2]))


#: Minutes of files that take longer than their folder lets one expect; of the lessons, what they state.
LONG = {"test_lessons_ask.py": 9.0, "test_playground.py": 4.0, "test_distributed.py": 2.0, "test_steppers.py": 2.0}


def pytest_collection_modifyitems(items):
    """The longest files first: two processes that take one file after another then end at about the same time."""

    def minutes_of(path: Path) -> float:
        if path.suffix != ".ipynb":
            return LONG.get(path.name, 0.8 if path.parent.name == "classroom" else 0.0)
        first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
        return (minutes("".join(first)) or (0.0, 0.0))[1]

    length = {path: minutes_of(path) for path in {item.path for item in items}}
    items.sort(key=lambda item: -length[item.path])  # stable: the order within a file stays


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    kernel = getattr(item.parent, "kernel", None)
    if kernel is not None and kernel.is_alive():
        report.user_properties.append(("peak", peak_memory(kernel.km.provisioner.pid)))
    return report


def peak_memory(process: int) -> float:
    """The most memory that a process has had, in GB; 0 where the system does not say (all but Linux)."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def pytest_runtest_logreport(report):
    path = report.nodeid.split("::")[0]
    if path.endswith(".ipynb"):
        measured[path] += report.duration
        cells_run[path] += report.when == "call"
        peaks[path] = max(peaks[path], dict(report.user_properties).get("peak", 0.0))


def lessons_measured(config) -> list[tuple[str, list[float], str]]:
    """(lesson, minutes of work as stated, of computing as stated and as measured, GB as stated and as measured, what is
    far off) of lessons that ran as a whole."""
    # The minutes are meant for two threads. Where several processes run, each has one, and takes up to twice as long.
    factor = FACTOR * (2 if config.getoption("numprocesses", None) else 1)
    memory = dict(MEMORY.findall((config.rootpath / "README.md").read_text(encoding="utf-8")))
    rows = []
    for path in sorted(measured):
        notebook = json.loads((config.rootpath / path).read_text(encoding="utf-8"))
        stated = minutes("".join(notebook["cells"][0]["source"]))
        if stated is None or cells_run[path] < sum(cell["cell_type"] == "code" for cell in notebook["cells"]):
            continue
        said, took = max(60 * stated[1], FLOOR), max(measured[path], FLOOR)
        gigabytes = float(memory.get(Path(path).name[:2], 0))
        off = [] if 1 / FACTOR <= took / said <= factor else ["the minutes in the lesson's first cell"]
        if peaks[path] and not LESS * gigabytes <= peaks[path] <= MORE * gigabytes:
            off.append("the memory in the README's table")
        values = [*stated, measured[path] / 60, gigabytes, peaks[path]]
        rows.append((Path(path).stem, values, f"   far off: correct {' and '.join(off)}" if off else ""))
    return rows


def timing_wanted(config) -> bool:
    """Not where another machine is imitated (make test-elsewhere)."""
    return bool(measured) and not os.environ.get("LESSONS_UNTIMED")


def pytest_sessionfinish(session, exitstatus):
    if exitstatus == 0 and timing_wanted(session.config):
        if any(off for *_, off in lessons_measured(session.config)):
            session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    if not timing_wanted(config) or not (rows := lessons_measured(config)):
        return
    terminalreporter.section("minutes and memory of the lessons")
    terminalreporter.line(f"{'':<28}{'work':>6}{'computing':>11}{'measured':>10}{'GB':>6}{'measured':>10}")
    for name, (work, stated, took, said, peak), off in rows:
        terminalreporter.line(f"{name:<28}{work:>6.0f}{stated:>11.1f}{took:>10.1f}{said:>6.1f}{peak:>10.2f}{off}")
    work, stated, took = (sum(values[i] for _, values, _ in rows) for i in range(3))
    terminalreporter.line(f"{'all':<28}{work:>6.0f}{stated:>11.1f}{took:>10.1f}")
