"""No process of a simulated charger outlives the test run that started it (F-S17)."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.ports import free_port, is_free
from backend.simulator import ROOT, Simulator, session_members
from backend.waiting import wait_until

RUNNER = """
import sys
sys.path.insert(0, {tools!r})
from backend import Simulator
sim = Simulator({folder!r}).start()
print(sim.process.pid, sim.port, flush=True)
sys.stdin.read()
"""


def test_f_s17_a_killed_test_run_leaves_no_simulator_and_no_interpreter(tmp_path):
    """SIGKILL gives the runner no chance to clean up: the simulator notices that its owner has ended."""
    code = RUNNER.format(tools=str(ROOT / "tools"), folder=str(tmp_path / "charger"))
    runner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        leader, port = map(int, runner.stdout.readline().split())
        assert len(session_members(leader)) == 2, "the simulator and its interpreter run"
        os.kill(runner.pid, signal.SIGKILL)
        wait_until(lambda: not session_members(leader), 20, "the simulator's processes ended")
        assert is_free(port)
    finally:
        runner.kill()
        runner.communicate()


def listening(pids):
    """The TCP ports at which these processes listen."""
    held = set()
    for pid in pids:
        for number in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                held.add(os.readlink(number))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held}


def test_f_s17_a_simulator_that_is_stopped_leaves_no_process_and_no_listener(tmp_path):
    """Control port and page while it runs, nothing afterwards; this process listens where it did before."""
    own = [os.getpid()]
    before = listening(own)
    web = free_port()
    with Simulator(tmp_path / "charger", options=["--web", f"127.0.0.1:{web}"]) as sim:
        sim.wait_for(lambda status: status["web"]["port"] == web, what="the page's port")
        leader = sim.process.pid
        assert listening(session_members(leader)) == {sim.port, web}
    assert session_members(leader) == []
    assert is_free(sim.port) and is_free(web)
    assert listening(own) == before


HANGING = """
import sys
sys.path[:0] = {folders!r}
from pathlib import Path
from mpy.interpreter import Interpreter
running = Interpreter(Path({file!r}), 64, None, Path({folder!r}))
print(running.process.pid, flush=True)
running.run("test_hangs", 300)
"""


def test_a_killed_test_run_leaves_no_hanging_unit_test(tmp_path):
    """The interpreter of a test that never ends is killed with the runner that waits for it."""
    file = tmp_path / "test_hanging.py"
    file.write_text("def test_hangs():\n    open('%s', 'w').close()\n    while True:\n        pass\n" % (tmp_path / "begun"))
    code = HANGING.format(folders=[str(ROOT / "host_tests"), str(ROOT / "tools")], file=str(file), folder=str(tmp_path))
    runner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    leader = int(runner.stdout.readline())
    try:
        wait_until((tmp_path / "begun").exists, 20, "the test's begin")
        runner.kill()
        wait_until(lambda: not session_members(leader), 10, "the interpreter's end")
    finally:
        runner.kill()
        runner.communicate()
        for pid in session_members(leader):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("name", "value"), [("PILOTLIGHT_END_WITH_PID", "no number"), ("PILOTLIGHT_RUN_COUNTER", "nowhere")])
def test_an_owner_or_counter_that_does_not_exist_is_an_error_with_exit_code_2(tmp_path, name, value):
    """Told at once: a wrong number would be ignored, without the file the interpreter would end with an OSError."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "simulate.py"), "--state-dir", str(tmp_path), "--control", "127.0.0.1:0"],
        env=os.environ | {name: value}, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert name in done.stderr


SERVERS = """
import socket, sys
sys.path[:0] = {folders!r}
from sim.tcp_server import TcpServer

served = []


def serving_as(name):
    def serve(connection):
        served.append(name)
        connection.close()
    return TcpServer(serve)


first = serving_as("first")
number = first._listener.fileno()
first.close()
second = serving_as("second")
print(number == second._listener.fileno(), flush=True)
sys.stdin.readline()
for _ in range(4):
    with socket.create_connection(("127.0.0.1", second.port)) as client:
        client.recv(1)
print(*served, flush=True)
"""


def test_f_s12_a_closed_server_of_a_test_takes_no_connection_of_the_next_one():
    """A server that took one answered it with the certificate of a test before: a good chain seemed to be refused.

    Linux repeats the accept() of a stopped and continued process with the same file number, which is the next server's.
    """
    code = SERVERS.format(folders=[str(ROOT / "host_tests"), str(ROOT / "tools")])
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "True\n", "the second server's socket has the number of the first one's"
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(process.pid) == "T", 10, "the process stopped")
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate("\n", timeout=20)
        assert output.split() == ["second"] * 4
    finally:
        process.kill()
        process.communicate()


def state_of(pid):
    """The letter of a process's state (proc(5))."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
