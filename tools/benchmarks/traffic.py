"""Messages a second of CPU: the charger on MicroPython against a charge point on CPython, same work, same run.

A message is one OCPP-J frame, either way. The charger's CPU time is that of its interpreter, so the control tick, the
world's model, the meter and the flash are in it; what it uses when nothing is said is shown beside. All three run side by
side and work in turns, so that what else the machine does meets them alike; the median of the turns counts.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from backend import Csms, Simulator
from backend.simulator import ROOT, cpu_seconds

ROUNDS = 150  # of one turn: 1,800 messages
TURNS = 5
_IDLE_S = 3
_YARDSTICK = "CPython `ocpp`"
KEYS = ["HeartbeatInterval", "MeterValueSampleInterval", "NumberOfConnectors"]


class Contestant:
    """A charger, its own back end, and the processes whose CPU time counts."""

    def __init__(self, csms, pids):
        self.csms = csms
        self.pids = pids
        self.rates = []
        self.idle = 0.0

    def work(self, rounds):
        """One round: a question, a changed setting, a triggered heartbeat and triggered meter values, all answered."""
        for n in range(rounds):
            self.csms.call("GetConfiguration", key=KEYS)
            self.csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value=str(60 + n % 2))
            for name in ("Heartbeat", "MeterValues"):
                mark = len(self.csms.record)
                self.csms.call("TriggerMessage", requestedMessage=name, connectorId=1)
                self.csms.record.wait(name, "out", 3, since=mark)

    def turn(self):
        """Work, and note messages per second of CPU."""
        mark, cpu = len(self.csms.record), cpu_seconds(self.pids)
        self.work(ROUNDS)
        self.rates.append((len(self.csms.record) - mark) / (cpu_seconds(self.pids) - cpu))

    def rest(self):
        """Note the share of a CPU that is used when nothing is said."""
        cpu, begin = cpu_seconds(self.pids), time.monotonic()
        time.sleep(_IDLE_S)
        self.idle = (cpu_seconds(self.pids) - cpu) / (time.monotonic() - begin)

    @property
    def rate(self):
        """Messages per second of CPU."""
        return statistics.median(self.rates)


def charger(stack, word):
    """The firmware, online."""
    csms = stack.enter_context(Csms(heartbeat_s=3600))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    sim = stack.enter_context(Simulator(folder, csms_url=csms.url, word=word, seed=1))
    csms.wait_booted()
    return Contestant(csms, sim.child_pids())


def peer(stack):
    """The charge point made with the `ocpp` package, online."""
    csms = stack.enter_context(Csms(heartbeat_s=3600))
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    process = subprocess.Popen([sys.executable, "-m", "backend.peer", csms.url, "PEER", folder], env=environment)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    csms.wait_booted()
    return Contestant(csms, [process.pid])


def rows():
    """The table's rows, the ratios last."""
    with contextlib.ExitStack() as stack:
        all_ = {"charger, 64 bit": charger(stack, 64), "charger, 32 bit": charger(stack, 32), _YARDSTICK: peer(stack)}
        for one in all_.values():
            one.work(20)
        for one in all_.values():
            one.rest()
        for _ in range(TURNS):
            for one in all_.values():
                one.turn()
    found = [(f"Messages per second of CPU, {name}", f"{one.rate:.0f} (idle: {one.idle:.1%} of a CPU)")
             for name, one in all_.items()]
    yardstick = all_.pop(_YARDSTICK).rate
    found += [(f"Ratio to CPython, {name}", f"{one.rate / yardstick:.2f}") for name, one in all_.items()]
    return found
