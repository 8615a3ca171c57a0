"""The set-up: environment.yml, pyproject.toml and the lock agree, and what the README promises is there."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from dalle_lessons.classroom import doctor, speed
from dalle_lessons.model import devices, machine, memory
from dalle_lessons.model import files as paths

ROOT = Path(__file__).resolve().parent.parent


def load_tool(name: str):
    """A module of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_lock, tool = load_tool("make_lock"), load_tool("environment")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: The conda environments, by file, and the extras that each is for.
ENVIRONMENTS = {"environment.yml": ("lab", "play"), "environment-authors.yml": ("lab", "play", "test")}

# What conda-forge calls by another name.
CONDA_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}


def lock_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def locked() -> dict[str, Version]:
    """{name: version} on this machine: a line may be meant for others."""
    pins = [Requirement(line) for line in lock_lines()]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): Version(str(pin.specifier).removeprefix("==")) for pin in here}


def requirements() -> dict[str, list[Requirement]]:
    """{"core" or an extra: its requirements}, without those that name another extra of the package."""
    groups = {"core": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    parsed = {group: [Requirement(line) for line in lines] for group, lines in groups.items()}
    return {group: [r for r in rs if r.name != PROJECT["name"]] for group, rs in parsed.items()}


def environment(file: str) -> dict:
    return yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))


def conda_pins(file: str) -> dict[str, SpecifierSet]:
    """{name: range} of what an environment takes from conda-forge (a conda `=2.4.*` is a pip `==2.4.*`)."""
    pins = {}
    for line in environment(file)["dependencies"]:
        if isinstance(line, str):
            name, _, version = line.partition("=")
            pins[CONDA_NAMES.get(name, canonicalize_name(name))] = SpecifierSet(f"=={version}" if version else "")
    return pins


def pip_lines(file: str) -> list[str]:
    return next(line["pip"] for line in environment(file)["dependencies"] if isinstance(line, dict))


# ---- the lock ----


def test_lock_holds_names_and_versions_only():
    """No address or folder of where the packages came from: the lock must serve everyone."""
    for line in lock_lines():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [a-z_]+ [^/]*)?", line), (
            f"constraints.txt has a line that is no pin: {line}"
        )


def test_lock_has_torch_as_the_lessons_were_made_with():
    assert str(locked()["torch"]) == "2.13.0"


def test_lock_has_nothing_of_cuda():
    assert not [name for name in locked() if name.startswith(("nvidia", "cuda", "triton"))]


@pytest.mark.parametrize("group", requirements())
def test_lock_serves_pyproject(group):
    versions = locked()
    for requirement in requirements()[group]:
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} ({group}) is not in constraints.txt; run: make lock"
        assert requirement.specifier.contains(version), f"{requirement} ({group}), but locked is {version}"


def test_lock_has_one_pin_a_package_on_this_machine():
    names = [pin.name for pin in map(Requirement, lock_lines()) if pin.marker is None or pin.marker.evaluate()]
    assert len(names) == len(set(names))


MACHINES = [(m, p) for m in make_lock.MACHINES for p in m.pythons]


def test_every_kind_of_machine_is_in_the_readme():
    """The table is written by `make lock`, which resolves for each; here only that it is the one of the lock."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    served = {(machine.name, python): machine.needed for machine, python in MACHINES}
    assert make_lock.BEGIN + make_lock.machine_table(served) + make_lock.END in readme


def test_a_lock_says_for_whom_a_version_is_meant_and_can_be_read_by_pip():
    linux, windows = make_lock.MACHINES[:2]
    found = {
        (m, python): {"a": "1.0", "b": "2.0" if m is linux else "1.9", "c": "3" if python == "3.14" else "2"}
        for m in (linux, windows)
        for python in m.pythons
    }
    found[windows, "3.14"]["only-windows"] = "1"
    lines = make_lock.lock_lines(found)
    assert "a==1.0" in lines and "only-windows==1" in lines
    for m, python in found:
        system, arch = re.findall(r'"(.*?)"', m.marker)
        here = {"sys_platform": system, "platform_machine": arch, "python_version": ".".join(python.split(".")[:2])}
        here["python_full_version"] = python if python.count(".") == 2 else f"{python}.1"
        pins = [Requirement(line) for line in lines]
        got = {pin.name: str(pin.specifier)[2:] for pin in pins if pin.marker is None or pin.marker.evaluate(here)}
        assert got.items() >= found[m, python].items(), (m.name, python)
    found[linux, "3.12"]["b"] = "1.9"  # now neither the machine nor the Python alone decides
    with pytest.raises(ValueError, match="^b differs in a way that a lock cannot hold"):
        make_lock.lock_lines(found)


def test_a_machine_left_out_is_an_error_and_nothing_is_written(monkeypatch):
    def resolve(requirements, machine, python, preferred):
        if machine.platform == "x86_64-pc-windows-msvc" or not machine.needed:
            raise ValueError("c2pa-python has no wheel")
        return {"a": "1"}

    monkeypatch.setattr(make_lock, "resolve", resolve)
    with pytest.raises(ValueError, match="Windows, x86-64, Python 3.11.9:\nc2pa-python has no wheel") as caught:
        make_lock.resolve_all({})
    assert "Intel" not in str(caught.value)


# ---- machines without a way in ----


@pytest.mark.parametrize(
    ("system", "arch", "python", "macos", "words"),
    [
        ("Darwin", "x86_64", (3, 12), "15.1", "Intel processor"),
        ("Darwin", "arm64", (3, 12), "13.6", "macOS 14 or newer"),
        ("Windows", "ARM64", (3, 12), "", "wsl --install"),
        ("Linux", "x86_64", (3, 10), "", "Python 3.11 to 3.14, and this is 3.10"),
        ("Linux", "x86_64", (3, 15), "", "Python 3.11 to 3.14, and this is 3.15"),
        ("Linux", "x86_64", (3, 11), "", None),
        ("Linux", "aarch64", (3, 14), "", None),
        ("Windows", "AMD64", (3, 13), "", None),
        ("Darwin", "arm64", (3, 11), "14.0", None),
    ],
)
def test_a_machine_without_a_way_in_is_told_so_in_one_sentence(system, arch, python, macos, words):
    said = machine.no_way_in(system, arch, python, macos)
    assert (words in said and said.endswith(".") and "\n" not in said) if words else said == ""


def test_pyproject_and_the_sentence_agree_on_the_pythons():
    spec = SpecifierSet(PROJECT["requires-python"])
    for minor in range(9, 17):
        assert spec.contains(f"3.{minor}.0") == (machine.no_way_in("Linux", "x86_64", (3, minor), "") == "")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')", "PyTorch is not installed: type: "),
        ("raise OSError('libc10.so: invalid ELF header')", "PyTorch cannot be loaded (libc10.so: invalid ELF header)"),
    ],
)
def test_without_torch_all_commands_say_what_to_do(broken, said, tmp_path):
    """As on a machine for which there is none: the rest of the package is installed there."""
    (tmp_path / "torch.py").write_text(broken)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "dalle_lessons", "draw", "a circle"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith(f"Error: {said}"), result
    assert result.stderr.count("\n") == 1
    command = [sys.executable, "-c", "from dalle_lessons import TextToImage"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert f"ImportError: {said}" in result.stderr


def test_what_is_missing_is_named_by_its_packages(monkeypatch):
    """Our own package is on no index: a hint that names it would lead nowhere, or to a stranger."""
    play = ['voila>=0.5.7; extra == "play"', "dalle-lessons[sign]; extra == 'play'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["click>=8", *play, 'z>1 ; extra == "sign"'])
    assert machine.requirements("play") == [("voila", "voila>=0.5.7"), ("z", "z>1")]
    monkeypatch.setattr(machine, "missing", lambda extra: ["voila>=0.5.7", "z>1"])
    assert machine.hint("play").endswith('"voila>=0.5.7" "z>1"') and "-m pip install" in machine.hint("play")


def test_no_text_tells_to_install_our_name_from_an_index():
    files = [*ROOT.glob("dalle_lessons/**/*.py"), *ROOT.glob("notebooks/*.ipynb"), ROOT / "README.md"]
    # from a stick, with --no-index, it is right
    told = re.compile(r"pip install (?![^`\n]*--no-index)[^`\n]*dalle.lessons[\['\"` ]")
    assert not [path for path in files if told.search(path.read_text(encoding="utf-8"))]


# ---- .venv ----


@pytest.fixture
def moved(tmp_path):
    """An environment that was made in `old` and now stands in `new`."""
    venv = tmp_path / "new" / ".venv"
    (venv / "bin").mkdir(parents=True)
    site = venv / "lib" / "site-packages"
    site.mkdir(parents=True)
    old = tmp_path / "old"
    (venv / "bin" / "jupyter").write_text(f"#!{old}/.venv/bin/python\nprint()\n")
    (venv / "bin" / "activate").write_text(f"VIRTUAL_ENV={old}/.venv\n")
    (site / "_dalle_lessons.pth").write_text(str(old))
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\ncommand = /usr/bin/python3 -m venv {old}/.venv\n")
    return venv


def test_an_environment_that_was_moved_is_mended(moved, capsys):
    tool.mend(moved)
    assert "writing its new name" in capsys.readouterr().out
    old, new = str(moved.parent.parent / "old"), str(moved.parent)
    for file in ("bin/jupyter", "bin/activate", "lib/site-packages/_dalle_lessons.pth", "pyvenv.cfg"):
        text = (moved / file).read_text()
        assert new in text and old not in text, file
    tool.mend(moved)
    assert capsys.readouterr().out == ""


def test_what_is_installed_needs_no_network(monkeypatch):
    """A new time stamp of pyproject.toml, as after a git pull, changes nothing: only what is missing is installed."""
    from importlib import metadata

    pins = {pin.name: str(pin.specifier)[2:] for pin in map(Requirement, lock_lines())}
    name, version = PROJECT["name"], PROJECT["version"]
    address = [f'{{"url": "{ROOT.as_uri()}"}}']
    mine = SimpleNamespace(metadata={"Name": name}, version=version, read_text=lambda file: address[0])
    there = [SimpleNamespace(metadata={"Name": name}, version=version) for name, version in pins.items()]
    monkeypatch.setattr(metadata, "distributions", lambda: [*there, mine])
    monkeypatch.setattr(metadata, "distribution", lambda name: mine)
    assert tool.state("test") == tool.state("sign") == ""
    there.remove(next(one for one in there if one.metadata["Name"] == "voila"))
    assert tool.state("sign") == "" and tool.state("play") == "voila>=0.5.7 is not installed"
    there[0].version = "0.0.1"
    assert "is there as 0.0.1" in tool.state("sign")
    there[0].version = pins[there[0].metadata["Name"]]
    address[0] = '{"url": "file:///elsewhere"}'
    assert tool.state("sign") == "the package is installed from another folder"


def test_an_index_of_pytorch_that_comes_too_late_is_told_so(tmp_path, monkeypatch, capsys):
    """The first call installs from it; a later one with another says that it changes nothing."""
    venv, calls, ready = tmp_path / ".venv", [], []

    def make(venv, python):
        python.parent.mkdir(parents=True)
        python.touch()

    def call(command):
        calls.append([*map(str, command)])
        if "--state" in command:
            return 0 if ready else 1
        site = "Lib/site-packages" if tool.WINDOWS else "lib/python3.12/site-packages"
        (venv / site / "torch-2.9.0.dist-info").mkdir(parents=True, exist_ok=True)
        ready.append(True)
        return 0

    def run(index):
        calls.clear()
        monkeypatch.setenv("TORCH_INDEX", index)
        tool.main(venv, "sign")
        return "TORCH_INDEX comes too late" in capsys.readouterr().out

    monkeypatch.setattr(tool, "make", make)
    monkeypatch.setattr(tool, "mend", lambda venv: None)
    monkeypatch.setattr(tool.subprocess, "call", call)
    assert not run("https://one.example/cpu") and calls[1][-3:] == [
        "--extra-index-url",
        "https://one.example/cpu",
        "torch",
    ]
    assert not run("https://one.example/cpu") and len(calls) == 1, "the same again: nothing to say, nothing to do"
    assert not run("") and run("https://two.example/cpu") and len(calls) == 1
    (venv / tool.INDEX).unlink()  # made by an earlier version
    assert run("https://one.example/cpu")


# ---- the conda environments ----


@pytest.mark.parametrize("file", ENVIRONMENTS)
def test_conda_environment_agrees_with_the_lock(file):
    versions = locked()
    for name, spec in conda_pins(file).items():
        if name not in ("python", "pip"):
            assert spec.contains(versions[name]), f"{file} has {name}{spec}, the lock {versions[name]}"


@pytest.mark.parametrize("file", ENVIRONMENTS)
def test_pip_part_of_the_conda_environment_agrees_with_the_lock(file):
    versions = locked()
    for requirement in (Requirement(line) for line in pip_lines(file) if not line.startswith("-")):
        assert str(requirement.specifier) == f"=={versions[canonicalize_name(requirement.name)]}", requirement


@pytest.mark.parametrize("file", ENVIRONMENTS)
def test_conda_environment_has_all_that_the_commands_need(file):
    """Every requirement of the core and of its extras is named, so that no version is left to chance."""
    lines = pip_lines(file)
    named = set(conda_pins(file)) | {canonicalize_name(Requirement(line).name) for line in lines if line[0] != "-"}
    groups = requirements()
    needed = {canonicalize_name(r.name) for group in ("core", "sign", *ENVIRONMENTS[file]) for r in groups[group]}
    assert needed <= named, needed - named
    assert ("pytest" in named) == ("test" in ENVIRONMENTS[file])
    assert f"-e .[{'lab,test' if 'test' in ENVIRONMENTS[file] else 'lab,play'}]" in lines


@pytest.mark.parametrize("file", ENVIRONMENTS)
def test_conda_environment_asks_only_conda_forge_and_has_a_python_that_the_package_takes(file):
    assert environment(file)["channels"] == ["conda-forge", "nodefaults"]
    python = str(conda_pins(file)["python"]).removeprefix("==")
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


# ---- what the README promises ----


def test_readme_names_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("git clone --depth 1", 'make draw PROMPT="a sketch of a cat face"', "make test"):
        assert re.search(rf"^(\$ )?{re.escape(command)}", readme, re.MULTILINE), f"the README does not show: {command}"


def test_every_make_command_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    shown = re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE) + re.findall(r"`make ([a-z-]+)[^`\n]*`", readme)
    assert set(shown) <= set(targets)


def test_readme_states_every_minute():
    gaps = re.findall(r"FILL-[A-Z-]+", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert not gaps, f"measure these and write them into the README: {', '.join(gaps)}"


def test_command_is_installed_and_helps():
    script = shutil.which("dalle-lessons", path=sysconfig.get_path("scripts"))
    assert script, "the command dalle-lessons is not installed; run: pip install -e ."
    result = subprocess.run([script, "--help"], capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stderr
    assert "draw" in result.stdout


PROMPTS = [
    "a cat's face",
    'a "sketch" of a cat',
    "$HOME, $(HOME), ${HOME} and $$",
    "`echo no` $(shell echo no) \\ ; # %",
    "-v",
    "ein Gespräch 🐱",
]


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("make"), reason="conda users do without make")
@pytest.mark.parametrize("prompt", PROMPTS)
def test_make_hands_over_any_prompt_letter_by_letter(prompt, tmp_path):
    """`make draw` with a stand-in for Python, which says that everything is installed."""
    script = tmp_path / "venv" / "bin" / "python"
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/sh\ncase "$1" in tools/*) exit 0;; esac\nprintf "%s|" "$@"\n')
    script.chmod(0o755)
    command = ["make", "--silent", "draw", f"VENV={tmp_path / 'venv'}", f"PROMPT={prompt}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"-m|dalle_lessons|draw|--|{prompt}|"


# ---- where data is found, and the doctor ----


def test_folders_are_found_in_a_clone():
    assert paths.data_dir() == ROOT / "data"
    assert paths.notebooks_dir() == ROOT / "notebooks"


def test_folders_are_found_in_an_installed_wheel(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "dalle_lessons"
    (package / "data").mkdir(parents=True)
    (tmp_path / "site-packages" / "data").mkdir()  # another package's: not ours
    monkeypatch.setattr(paths, "PACKAGE", package)
    assert paths.data_dir() == package / "data"
    with pytest.raises(FileNotFoundError, match="came without its lessons"):
        paths.notebooks_dir()


@pytest.fixture
def quick(monkeypatch):
    """The doctor on a machine that is half as fast again as the reference; set `speed` to another factor."""
    monkeypatch.setattr(speed, "REFERENCE_SECONDS", 0.2)
    return lambda factor: monkeypatch.setattr(speed, "measure", lambda: 0.2 * factor)


def test_doctor_looks_at_everything_and_says_what_is_missing(monkeypatch, capsys, quick):
    quick(1.5)
    monkeypatch.setattr(doctor, "memory", lambda: 2 * doctor.GIB)
    assert doctor.doctor() is False
    said = capsys.readouterr().out
    assert "  NO  memory: 2.0 GiB; the lessons that train need 4 GB" in said
    assert "  ok  speed: lessons take about 1.5 × the stated minutes" in said


@pytest.mark.parametrize(
    ("cores", "threads", "load", "quota", "words"),
    [
        (2, 8, 0.5, 2.0, "8 threads take turns on 2 core(s): set OMP_NUM_THREADS=2"),
        (8, 8, 20.0, None, "other programs use the processor (20.0 wait for its 8 core(s))"),
        (1, 1, 0.5, 0.5, "this container may use 0.5 core(s) only"),
        (1, 1, 0.5, None, "one core"),
        (8, 8, 0.5, None, "nothing else seems to run"),
    ],
)
def test_doctor_says_no_above_three_times_and_names_the_cause(cores, threads, load, quota, words, monkeypatch, quick):
    monkeypatch.setattr(doctor, "available_cores", lambda: cores)
    monkeypatch.setattr(doctor, "cpu_quota", lambda: quota)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    for factor, ok in ((1.9, True), (2.9, True), (3.1, False), (80.0, False)):
        quick(factor)
        check = doctor.check_speed()
        assert check.ok is ok and (words in check.text) == (factor >= 2)


def test_doctor_looks_at_the_rest_where_torch_cannot_be_loaded(tmp_path):
    (tmp_path / "torch.py").write_text("raise OSError('libc10.so: invalid ELF header')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "dalle_lessons", "doctor"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert (
        result.returncode == 1 and "  NO  torch: PyTorch cannot be loaded (libc10.so: invalid ELF header)" in lines[1]
    )
    assert any(line.startswith("  ok  weights") for line in lines) and lines[-1].startswith("What is marked NO")


def test_doctor_sees_a_kernel_of_another_python(monkeypatch, tmp_path):
    class Manager:
        def get_kernel_spec(self, name):
            return SimpleNamespace(argv=[str(tmp_path / "python"), "-m", "ipykernel_launcher"])

    assert doctor.check_kernel().ok
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager", Manager)
    check = doctor.check_kernel()
    assert not check.ok and "-m ipykernel install --user --name dalle-lessons" in check.text


def test_the_report_of_the_doctor_names_no_person(monkeypatch, capsys, quick):
    quick(1)
    monkeypatch.setenv("HOME", str(ROOT.parent))  # as if the clone lay in the home of somebody
    monkeypatch.setenv("USERPROFILE", str(ROOT.parent))
    doctor.doctor(report=True)
    said = capsys.readouterr().out
    assert "torch 2" in said and "cores: " in said and "OMP_NUM_THREADS=" in said and str(ROOT.parent) not in said


def test_doctor_says_which_devices_there_are_and_which_is_taken(monkeypatch):
    monkeypatch.setattr(devices, "devices_here", lambda: [torch.device("mps"), torch.device("cpu")])
    found = doctor.check_devices()
    assert found.ok and found.text == "mps, cpu; taken unless another is named: mps"


def test_doctor_knows_this_machine():
    assert doctor.check_python().ok and doctor.check_torch().ok and doctor.check_widgets().ok
    assert memory.memory() > 0.1 * doctor.GIB
    assert speed.work(steps=1) > 0


@pytest.mark.parametrize(
    ("groups", "files", "gib"),
    [
        ("0::/", {"memory.max": 2}, 2),  # version 2, a container's own group
        ("0::/user/job", {"user/memory.max": 1, "user/job/memory.max": 3}, 1),
        ("9:memory:/box\n0::/", {"memory/box/memory.limit_in_bytes": 3, "memory.max": "max"}, 3),
        ("9:memory:/docker/x\n0::/", {"memory/memory.limit_in_bytes": 1}, 1),  # version 1 inside a container
        ("0::/", {}, 1000),
    ],
)
def test_the_least_limit_of_memory_counts(groups, files, gib, tmp_path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: 1000 * doctor.GIB if name == "SC_PHYS_PAGES" else 1)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{groups}\n")
    for name, value in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value if value == 'max' else value * doctor.GIB}\n")
    assert memory.memory(tmp_path) == gib * doctor.GIB


def test_tests_cannot_reach_the_network():
    # 192.0.2.1 is kept for documentation: nobody is there even if the guard fails.
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection(("nobody.invalid", 80), timeout=0.1)
