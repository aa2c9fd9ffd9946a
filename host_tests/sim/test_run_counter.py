"""The charger's scaled time stands still while the process that controls it gets no processor time."""

import os
import signal
import subprocess
import sys

from backend.simulator import ROOT, ControlPort
from backend.waiting import wait_until

OWNER = """
import sys
sys.path.insert(0, {tools!r})
from backend import Simulator
sim = Simulator({folder!r}, time_scale=50).start()
print(sim.port, flush=True)
sys.stdin.read()
"""


def test_time_stands_still_while_the_controlling_process_is_stopped(tmp_path):
    """At 50 times real time each look would find seconds more; what the charger answers still comes at once."""
    code = OWNER.format(tools=str(ROOT / "tools"), folder=str(tmp_path / "charger"))
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = ControlPort(int(owner.stdout.readline()))
        looks = [port.command("status")["uptime_ms"]]

        def look():
            looks.append(port.command("status")["uptime_ms"])
            return looks[-1] - looks[-2]

        wait_until(lambda: look() > 0, 20, "time going by")
        os.kill(owner.pid, signal.SIGSTOP)
        wait_until(lambda: {look() for _ in range(20)} == {0}, 20, "time standing still, for twenty looks")
        os.kill(owner.pid, signal.SIGCONT)
        wait_until(lambda: look() > 0, 20, "time going by again")
        port.close()
    finally:
        owner.kill()
        owner.communicate()
