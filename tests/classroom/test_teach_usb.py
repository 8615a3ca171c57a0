"""The stick: what each system needs, what is refused, and that the scripts install what lies there."""

import functools
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dalle_lessons.classroom.teach import usb as stick
from dalle_lessons.classroom.teach import usb_pip
from dalle_lessons.classroom.teach.usb_scripts import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def names(lines: list[str]) -> set[str]:
    return {line.split("==")[0] for line in lines}


@pytest.mark.parametrize("key", stick.SYSTEMS)
@pytest.mark.parametrize("python", stick.PYTHONS)
def test_a_system_gets_what_it_needs_at_the_locks_versions(key, python):
    lines = stick.needed(ROOT / "constraints.txt", stick.SYSTEMS[key], python)
    lock = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert all(line in lock for line in lines)
    found = names(lines)
    assert {"torch", "jupyterlab", "ipywidgets", "voila", "matplotlib", "c2pa-python", "tokenizers"} <= found
    assert not found & {"pytest", "ruff", "sphinx", "playwright", "dalle-lessons"}  # nothing of what authors need
    assert ("pywinpty" in found) == (key == "win") and ("appnope" in found) == (key == "mac")
    assert not [name for name in found if name.startswith(("nvidia", "cuda"))]


def test_what_the_lock_lacks_is_named(tmp_path):
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("voila==")]
    (tmp_path / "lock.txt").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="The lock does not hold voila: run make lock, then again."):
        stick.needed(tmp_path / "lock.txt", stick.SYSTEMS["win"], "3.12")


def test_each_python_gets_the_lock_s_line_that_is_meant_for_it(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "a==1.0 ; python_version < '3.13'\na==2.0 ; python_full_version >= '3.13.5'\nb==3.0 ; os_name == 'nt'\n"
    )
    found = {
        (key, python): stick.locked(lock, stick.environment_of(stick.SYSTEMS[key], python))
        for key in ("win", "mac")
        for python in ("3.12", "3.13")
    }
    assert found["win", "3.12"] == {"a": "1.0", "b": "3.0"} and found["mac", "3.13"] == {"a": "2.0"}


def test_what_an_extra_of_a_package_needs_comes_too(tmp_path, monkeypatch):
    lines = {stick.PROJECT: ["a[fast]"], "a": ["b ; extra == 'fast'", "c ; extra == 'slow'"], "b": [], "c": []}
    monkeypatch.setattr(stick.metadata, "requires", lines.__getitem__)
    (tmp_path / "lock.txt").write_text("a==1.0\nb==2.0\nc==3.0\n")
    assert stick.needed(tmp_path / "lock.txt", stick.SYSTEMS["win"], "3.12") == ["a==1.0", "b==2.0"]


@pytest.mark.parametrize("text", ["", "win,amiga", "windows"])
def test_a_system_that_is_not_served_is_refused(text):
    with pytest.raises(ValueError, match="--for takes win, mac, linux, with commas between them, and not"):
        stick.chosen(text, stick.SYSTEMS, "--for")
    assert stick.chosen(" win, mac", stick.SYSTEMS, "--for") == ["win", "mac"]


def test_linux_asks_for_the_small_pytorch_before_anything_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(stick, "pip", lambda *arguments, **options: pytest.fail("pip was asked"))
    with pytest.raises(ValueError, match="For Linux, name PyTorch's CPU index"):
        stick.usb(tmp_path / "stick", ["linux"], [HERE], None, print)
    assert not (tmp_path / "stick").exists()


def test_a_stick_is_filled_only_where_all_that_it_needs_can_be_read(tmp_path, monkeypatch):
    assert stick.not_here() == []
    monkeypatch.setattr(stick, "pip", lambda *arguments, **options: pytest.fail("pip was asked"))
    there = [found for found in stick.metadata.distributions() if found.name != "voila"]
    monkeypatch.setattr(stick.metadata, "distributions", lambda: there)
    with pytest.raises(ValueError, match="these are not: voila. Install the package with its `lab` and `play` extras"):
        stick.usb(tmp_path / "stick", ["win"], [HERE], None, print)
    assert not (tmp_path / "stick").exists()


def test_each_system_gets_its_packages_and_its_script(tmp_path, monkeypatch, capsys):
    asked, questions = [], []
    monkeypatch.setattr(stick, "pip", lambda *arguments, **options: asked.append(arguments))
    monkeypatch.setattr(stick, "ask", lambda *arguments: questions.append(arguments))
    monkeypatch.setattr(stick.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(stick, "this_system", lambda: None)
    stick.usb(tmp_path / "stick", ["win", "mac"], ["3.12", "3.13"], "https://torch.example/cpu", print)
    downloads = [arguments for arguments in asked if arguments[0] == "download"]
    assert not [a for a in downloads if "--index-url" in a]  # it is for Linux alone
    assert questions == [("numpy", None)]
    asked.clear()
    stick.usb(tmp_path / "another", ["linux"], ["3.12"], "https://torch.example/cpu", print)
    torch, others = [arguments for arguments in asked if arguments[0] == "download"]
    assert torch[torch.index("--index-url") + 1] == "https://torch.example/cpu"
    assert "--index-url" not in others and not [word for word in others if word.startswith("torch==")]
    assert [word for word in torch if "==" in word] == [word for word in torch if word.startswith("torch==")] != []
    assert questions[1:] == [("numpy", None), ("torch", "https://torch.example/cpu")]
    platforms = [[a[i + 1] for i, word in enumerate(a) if word == "--platform"] for a in downloads]
    assert platforms == [["win_amd64"]] * 2 + [["macosx_14_0_arm64"]] * 2
    assert [a[a.index("--python-version") + 1] for a in downloads] == ["3.12", "3.13"] * 2
    assert b"for %%v in (3.12 3.13) do (\r\n" in (tmp_path / "stick" / "install.bat").read_bytes()
    assert not (tmp_path / "stick" / "install.sh").exists()
    assert "Python 3.12 or 3.13" in (tmp_path / "stick" / "README.txt").read_text(encoding="utf-8")
    told = capsys.readouterr().out
    assert "It was not tried" in told and "The site is left out" in told


def test_without_the_lock_a_stick_is_refused_with_the_way_to_one(tmp_path, monkeypatch):
    """An installed package has neither file; a folder that somebody copied may have one."""
    monkeypatch.setattr(stick, "pip", lambda *arguments, **options: pytest.fail("pip was asked"))
    monkeypatch.setattr(stick, "PACKAGE", tmp_path / "course" / "dalle_lessons")
    (tmp_path / "course").mkdir()
    for _ in range(2):
        with pytest.raises(ValueError, match="from a clone of the repository, whose constraints.txt .* Clone it"):
            stick.usb(tmp_path / "stick", ["win"], [HERE], None, print)
        (tmp_path / "course" / "pyproject.toml").touch()
    assert not (tmp_path / "stick").exists()


def test_a_site_that_cannot_be_made_costs_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stick, "pip", lambda *arguments, **options: None)
    monkeypatch.setattr(stick, "ask", lambda *arguments: None)
    monkeypatch.setattr(stick.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(stick.sys, "executable", "false")
    monkeypatch.setattr(stick, "this_system", lambda: None)
    stick.usb(tmp_path / "stick", ["win"], ["3.12"], None, print)
    told = capsys.readouterr().out
    assert "it could not be made" in told and "It was not tried" in told and (tmp_path / "stick/install.bat").is_file()


def test_a_pip_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="pip download failed: .*no-such-package"):
        stick.pip("download", "--no-index", "--dest", str(tmp_path), "no-such-package")


@pytest.fixture
def pip_of_anyone(monkeypatch):
    """pip as it is set where nobody set anything, and impatient."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert usb_pip.PATIENCE[0] == "--timeout" and float(usb_pip.PATIENCE[1]) * (1 + int(usb_pip.PATIENCE[3])) < 60
    monkeypatch.setattr(usb_pip, "PATIENCE", ("--timeout", "1", *usb_pip.PATIENCE[2:]))


def test_what_is_tried_out_comes_from_the_stick_alone(tmp_path, monkeypatch, pip_of_anyone):
    """Where pip is set to look into a folder of this machine's, what the stick lacks would be found there."""
    (tmp_path / "here").mkdir()
    with zipfile.ZipFile(tmp_path / "here" / "course_thing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "course_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: course-thing\nVersion: 1.0\n"
        )
        wheel.writestr("course_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr("course_thing-1.0.dist-info/RECORD", "")
    (tmp_path / "pip.conf").write_text(f"[global]\nfind-links = {tmp_path / 'here'}\n")
    wish = ("download", "--no-index", "--dest", str(tmp_path / "out"), "course-thing")
    for name, value in (("PIP_FIND_LINKS", str(tmp_path / "here")), ("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            stick.pip(*wish)
            with pytest.raises(RuntimeError, match="No matching distribution found for course-thing"):
                stick.pip(*wish, alone=True)


@pytest.mark.parametrize("asked", ["PyTorch's index", "pip's own index"])
def test_an_index_that_accepts_and_never_answers_is_left_before_anything_is_downloaded(
    asked, tmp_path, monkeypatch, pip_of_anyone
):
    monkeypatch.setattr(stick, "pip", lambda *arguments, **options: pytest.fail("pip was asked"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        if asked == "pip's own index":
            monkeypatch.setenv("PIP_INDEX_URL", address)
        else:
            real = stick.ask
            monkeypatch.setattr(stick, "ask", lambda package, index: real(package, index) if index else None)
        begin = time.monotonic()
        with pytest.raises(RuntimeError, match="^The package index .* does not answer: is there a network"):
            stick.usb(tmp_path / "stick", ["linux"], [HERE], address, print)
    assert time.monotonic() - begin < 30 and not (tmp_path / "stick").exists()


def test_a_silent_index_is_told_where_a_folder_has_the_package(tmp_path, monkeypatch, pip_of_anyone):
    (tmp_path / "torch-9.0-py3-none-any.whl").touch()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(RuntimeError, match="does not answer"):
            usb_pip.ask("torch", f"http://127.0.0.1:{silent.getsockname()[1]}/cpu")


def test_an_index_that_lacks_the_package_is_told_from_one_that_is_silent(tmp_path, pip_of_anyone):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "index.html").write_text(
        '<a href="torch-9.0-py3-none-any.whl">torch-9.0-py3-none-any.whl</a>'
    )
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        usb_pip.ask("torch", address)
        with pytest.raises(RuntimeError, match="^The package index http.* has no voila: is the address right?"):
            usb_pip.ask("voila", address)
        server.shutdown()


def test_a_network_that_is_lost_in_a_download_is_told(tmp_path, pip_of_anyone):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RuntimeError, match="pip download failed; the network, or a package index, went silent"):
            where = ("--dest", str(tmp_path), "--index-url", index, *usb_pip.PATIENCE)
            stick.pip("download", "--quiet", *where, "voila")


@pytest.mark.skipif(os.name == "nt", reason="a script for Unix")
def test_the_script_installs_with_a_python_that_the_stick_serves(tmp_path):
    """Python and pip are stand-ins that write down what they are asked for."""
    script, bin, home = tmp_path / "stick" / "install.sh", tmp_path / "bin", tmp_path / "a home"
    script.parent.mkdir()
    bin.mkdir()
    script.write_text(SCRIPTS["linux"]["install.sh"].replace("PYTHONS", "3.12 3.13"), encoding="utf-8")
    python = bin / "python3"
    python.write_text(
        '#!/bin/sh\ncase "$*" in -c*) echo 3.13;; *venv*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";; '
        f'*) printf "%s|" "$@" > {tmp_path}/asked; printf "$PIP_CONFIG_FILE" > {tmp_path}/settings;; esac\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IEXEC)
    run = ["sh", str(script)]
    environment = {"PATH": f"{bin}:/usr/bin:/bin", "HOME": str(home)}
    if any(Path(folder, name).exists() for folder in ("/usr/bin", "/bin") for name in ("python3.12", "python3.13")):
        pytest.skip("There is a Python of its own in /usr/bin.")
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "Installing with Python 3.13" in done.stdout, done
    asked = (tmp_path / "asked").read_text()
    assert "-m|pip|--isolated|install|" in asked and (tmp_path / "settings").read_text() == "/dev/null"
    assert f"--no-index|--find-links|{script.parent}/wheels|dalle-lessons[lab,play]|" in asked
    start = (home / "dalle-lessons" / "lessons.sh").read_text()
    assert start == '#!/bin/sh\ncd "$(dirname "$0")" && exec .venv/bin/dalle-lessons lab my-lessons\n'
    python.write_text("#!/bin/sh\necho 3.9\n")
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "This stick is for Python 3.12 3.13, and none of these" in done.stderr
