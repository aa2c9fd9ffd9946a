"""No process of a simulated charger outlives the test run that started it (F-S17)."""

import os
import signal
import subprocess
import sys

from backend.simulator import ROOT, is_free, session_members
from backend.waiting import wait_until

RUNNER = """
import sys
sys.path.insert(0, {tools!r})
from backend import Simulator
sim = Simulator({folder!r}).start()
print(sim.process.pid, sim.port, flush=True)
sys.stdin.read()
"""


def test_a_killed_test_run_leaves_no_simulator_and_no_interpreter(tmp_path):
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


def test_an_owner_that_does_not_exist_is_an_error_with_exit_code_2(tmp_path):
    """A wrong number is told at once instead of being ignored."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "simulate.py"), "--state-dir", str(tmp_path), "--control", "127.0.0.1:0"],
        env=os.environ | {"PILOTLIGHT_END_WITH_PID": "no number"}, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "PILOTLIGHT_END_WITH_PID" in done.stderr
