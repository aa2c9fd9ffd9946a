"""End of the tools when their reader goes away or somebody presses Ctrl-C: no traceback."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend import wait_until
from backend.simulator import PROGRAM, ROOT

TOOLS = ROOT / "tools"


def without_reader(*words):
    """(exit code, stderr) of a tool whose output nobody reads, as after `| head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([sys.executable, TOOLS / words[0], *map(str, words[1:])], stdout=writing, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@contextlib.contextmanager
def started(*words, **more):
    """A tool in a process group of its own, as a shell starts it."""
    process = subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, **more)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def interrupted(process):
    """(exit code, stderr) after Ctrl-C on the terminal, which reaches the whole group."""
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def test_ctl_ends_well_when_nobody_reads_it(charger):
    assert without_reader("ctl.py", "--control", f"127.0.0.1:{charger.port}", "help") == (0, "")


@pytest.mark.parametrize("words", [("csms.py", "actions"), ("scenario.py", "list"), ("trace.py", "show", "TRACE")])
def test_a_tool_ends_well_when_nobody_reads_it(words, tmp_path):
    trace = tmp_path / "trace"
    trace.write_text('{"dir": "out", "kind": "CALL", "at_ms": 1, "action": "Heartbeat", "payload": {}}\n')
    assert without_reader(*(trace if word == "TRACE" else word for word in words)) == (0, "")


@pytest.fixture
def copied(tmp_path):
    """A folder with copies of the set-up's programs, which would set that folder up."""
    (tmp_path / "tools").mkdir()
    for name in ("setup.py", "toolchain.py", "micropython_patch.py"):
        shutil.copy(TOOLS / name, tmp_path / "tools" / name)
    return tmp_path


def test_ctrl_c_ends_the_set_up_with_a_sentence(copied):
    (copied / ".toolchain").mkdir()
    with (copied / ".toolchain" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with started(copied / "tools" / "setup.py") as process:
            locks = Path("/proc/locks")
            wait_until(lambda: re.search(rf"-> FLOCK .* {process.pid} ", locks.read_text()), 30, "it waits for the other set-up")
            assert interrupted(process) == (130, "setup: stopped; run it again to go on.\n")


def test_ctrl_c_ends_the_fetching_of_programs_without_a_traceback(copied):
    programs = copied / "bin"
    programs.mkdir()
    for name in ("apt-get", "dpkg-deb"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {copied}/begun\nexec /bin/sleep 60\n")
        (programs / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    with started(copied / "tools" / "toolchain.py", env=env) as process:
        wait_until((copied / "begun").exists, 30, "the fetching has begun")
        code, said = interrupted(process)
    assert code == 130 and "Traceback" not in said


def test_a_part_that_is_not_there_is_refused(copied):
    command = [sys.executable, copied / "tools" / "toolchain.py", "bogus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("toolchain: the parts are ")
    assert not (copied / ".toolchain").exists()


def test_a_plain_link_without_lab_is_warned_about_on_the_terminal(tmp_path):
    words = ("--csms", "ws://csms.example/ocpp", "--state-dir", tmp_path / "unit", "--control", "127.0.0.1:0")
    with started(PROGRAM, *words) as process:
        assert "is not encrypted: only a laboratory unit (--lab) connects to it." in process.stderr.readline()
