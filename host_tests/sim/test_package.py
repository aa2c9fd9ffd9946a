"""pilotlight-sim, installed from a wheel into a clean environment: every command, with nothing of the checkout on the path.

The clean environment has what the wheel asks for, no more: the packages come from the checkout's environment, so that
no index is needed. MicroPython is the one that the set-up has fetched, below the folder that the environment variable names.
"""

import contextlib
import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from backend import wait_until

ROOT = Path(__file__).resolve().parents[2]
FETCHED = ("amd64", "i386", "micropython64", "micropython32", "lib", "web")  # of .toolchain, what the commands need
BUILD = "import sys; sys.path.insert(0, sys.argv[1]); import build_backend; print(build_backend.build_wheel('.'))"
PIP_OF = "import sys; sys.path.insert(0, sys.argv[1]); import setup; print('\\n'.join(setup.pip(sys.argv[2])))"


def distributions(requirements):
    """The installed distributions that requirements name, with all that these require."""
    found = {}
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            one = importlib.metadata.distribution(requirement.name)
            found |= {requirement.name: one, **distributions(one.requires or ())}
    return found


def link_packages(requirements, target):
    """Bring distributions into another environment's folder of packages."""
    for one in distributions(requirements).values():
        for top in {file.parts[0] for file in one.files if file.parts[0] != ".."}:
            if not (target / top).exists():
                (target / top).symlink_to(one.locate_file(top))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, made as an installer makes it: by the backend alone, without any package."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-I", "-S", "-c", BUILD, ROOT / "tools" / "package"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return folder / done.stdout.strip()


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """run(words) starts the installed command and returns its CompletedProcess, with `run.program` and `run.env`."""
    top = tmp_path_factory.mktemp("installed")
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run([base, "-m", "venv", "--without-pip", top / "venv"], check=True)
    python = top / "venv" / "bin" / "python"
    packages = next((top / "venv" / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as content:
        about = next(name for name in content.namelist() if name.endswith("/METADATA"))
        link_packages(re.findall(r"(?m)^Requires-Dist: (.*)$", content.read(about).decode()), packages)
    pip = subprocess.run([base, "-c", PIP_OF, ROOT / "tools", python], capture_output=True, text=True, check=True)
    subprocess.run([*pip.stdout.splitlines(), "install", "--quiet", "--no-index", wheel], check=True)
    home = top / "home"
    (home / "toolchain").mkdir(parents=True)
    for name in FETCHED:
        (home / "toolchain" / name).symlink_to(ROOT / ".toolchain" / name)
    program = top / "venv" / "bin" / "pilotlight-sim"
    env = {"PATH": os.environ["PATH"], "HOME": str(top), "PILOTLIGHT_SIM_HOME": str(home)}

    def run(*words, **more):
        return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=200, check=False, cwd=top,
                              env=env | more)

    run.program, run.env = program, env
    return run


@contextlib.contextmanager
def running(installed, *words):
    """The command in a process of its own, ended with Ctrl-C's signal; its exit code must be 0."""
    process = subprocess.Popen([installed.program, *map(str, words)], env=installed.env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_the_wheel_is_the_same_each_time_and_holds_what_was_not_made(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as content:
        (tmp_path / "project.zip").write_bytes(content.read("pilotlight_sim/project.zip"))
        entry_points = content.read(next(name for name in content.namelist() if name.endswith("entry_points.txt"))).decode()
    assert "pilotlight-sim = pilotlight_sim:main" in entry_points
    with zipfile.ZipFile(tmp_path / "project.zip") as archive:
        names = set(archive.namelist())
    assert {"tools/simulate.py", "firmware/main.py", "boards/SIM/board.py", "web/index.html"} <= names
    made = ("__pycache__", "page_assets", "node_modules", ".mpy")
    assert not [name for name in names for part in made if part in name]


def test_help_lists_the_commands(installed):
    done = installed("--help")
    assert done.returncode == 0
    for name in ("simulate", "ctl", "fleet", "scenario", "trace", "csms", "panel", "setup"):
        assert re.search(rf"(?m)^  {name} ", done.stdout), name
    assert installed().returncode == 2


@pytest.mark.parametrize("name", ["simulate", "ctl", "fleet", "scenario", "trace", "csms", "panel"])
def test_each_command_has_its_own_help(installed, name):
    done = installed(name, "--help")
    assert done.returncode == 0 and "usage: " in done.stdout, done.stderr


@pytest.mark.parametrize(("words", "more", "why"), [
    (("bogus",), {}, "There is no command 'bogus'"),
    (("trace", "show", "x"), {"PILOTLIGHT_SIM_HOME": "/proc/nowhere"}, "'/proc/nowhere' cannot be used"),
    (("simulate", "--bogus"), {}, "--state-dir"),
])  # fmt: skip
def test_a_mistake_is_one_sentence_and_exit_code_2(installed, words, more, why):
    done = installed(*words, **more)
    assert done.returncode == 2 and why in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_machine_without_apt_is_told_so_at_the_first_use(installed, tmp_path):
    done = installed("simulate", "--state-dir", tmp_path / "unit", PATH="/nowhere", PILOTLIGHT_SIM_HOME=str(tmp_path / "home"))
    assert done.returncode == 2 and "apt-get" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "unit").exists()


@pytest.mark.timeout(200)
def test_a_charger_boots_and_is_driven(installed, csms, tmp_path):
    words = ("simulate", "--csms", csms.url, "--identity", "WHEEL1", "--state-dir", tmp_path / "unit", "--control", "127.0.0.1:0",
             "--time-scale", 5, "--trace", tmp_path / "trace")
    with running(installed, *words):
        csms.wait_booted(timeout_s=90)
        assert set(csms.stations) == {"WHEEL1"}
        assert installed("ctl", "--state-dir", tmp_path / "unit", "plug_in").returncode == 0
        csms.record.wait("StatusNotification", where=lambda p: p.get("status") == "Preparing")
    shown = installed("trace", "show", tmp_path / "trace", "--action", "BootNotification")
    assert shown.returncode == 0 and "WHEEL1 -> CALL BootNotification" in shown.stdout


@pytest.mark.timeout(200)
def test_a_fleet_runs_without_a_compiler(installed, csms, tmp_path):
    done = installed("fleet", 2, "--csms", csms.url, "--prefix", "W", "--seconds", 1, "--json", tmp_path / "figures")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "setup --frozen" in done.stderr
    assert json.loads((tmp_path / "figures").read_text())["connected"] == 2


@pytest.mark.timeout(200)
def test_a_scenario_of_the_library_passes(installed):
    library = Path(installed("path").stdout.strip()) / "tools" / "scenarios"
    done = installed("scenario", "run", library / "cold_boot.yaml")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.timeout(200)
def test_the_panel_opens(installed):
    lines = []
    with running(installed, "panel") as process:
        wait_until(lambda: lines.append(process.stdout.readline()) or "panel" in lines[-1], 120, "the panel's address")
        assert "http://127.0.0.1:" in lines[-1], lines
        wait_until(lambda: "Ctrl-C" in (lines.append(process.stdout.readline()) or lines[-1]), 20, "the end of what it says")
