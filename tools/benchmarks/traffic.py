"""Messages a second of CPU: the charger on MicroPython against a charge point on CPython, same work, same run.

A message is one OCPP-J frame, either way. The charger's CPU time is that of its interpreter, so the control tick, the
world's model and the meter are in it; what it uses when nothing is said is shown beside. All three run side by side and
work in turns, so that what else the machine does meets them alike; the median of the turns counts. A second mix stores a
changed setting in each round: then the model of the flash chip, which checks every programmed byte, is in it too.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import frozen

from backend import Csms, Simulator
from backend.simulator import ROOT, cpu_seconds

ROUNDS = 150  # of one turn: 1,800 messages
TURNS = 3
_IDLE_S = 3
_YARDSTICK = "CPython `ocpp`"
KEYS = ["HeartbeatInterval", "MeterValueSampleInterval", "NumberOfConnectors"]


class Contestant:
    """A charger, its own back end, and the processes whose CPU time counts."""

    def __init__(self, csms, pids):
        self.csms = csms
        self.pids = pids
        self.rates = {False: [], True: []}
        self.idle = 0.0

    def work(self, rounds, store):
        """One round: a question, a setting, a triggered heartbeat and triggered meter values, all answered."""
        for n in range(rounds):
            self.csms.call("GetConfiguration", key=KEYS)
            self.csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value=str(60 + n % 2 if store else 60))
            for name in ("Heartbeat", "MeterValues"):
                mark = len(self.csms.record)
                self.csms.call("TriggerMessage", requestedMessage=name, connectorId=1)
                self.csms.record.wait(name, "out", 3, since=mark)

    def turn(self, store):
        """Work, and note messages per second of CPU."""
        mark, cpu = len(self.csms.record), cpu_seconds(self.pids)
        self.work(ROUNDS, store)
        self.rates[store].append((len(self.csms.record) - mark) / (cpu_seconds(self.pids) - cpu))

    def rest(self):
        """Note the share of a CPU that is used when nothing is said."""
        cpu, begin = cpu_seconds(self.pids), time.monotonic()
        time.sleep(_IDLE_S)
        self.idle = (cpu_seconds(self.pids) - cpu) / (time.monotonic() - begin)

    def rate(self, store):
        """Messages per second of CPU."""
        return statistics.median(self.rates[store])


def charger(stack, word):
    """The firmware, online; with 32-bit words frozen, as on a board, else from compiled files, which fill the heap."""
    csms = stack.enter_context(Csms(heartbeat_s=3600))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    options = ["--frozen", str(frozen.interpreter())] if word == 32 else []
    sim = stack.enter_context(Simulator(folder, csms_url=csms.url, word=word, seed=1, options=options))
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


def race():
    """All contestants by name, after their turns."""
    with contextlib.ExitStack() as stack:
        field = {"charger, 64 bit": charger(stack, 64), "charger, 32 bit, frozen": charger(stack, 32), _YARDSTICK: peer(stack)}
        for one in field.values():
            one.work(20, False)
        for one in field.values():
            one.rest()
        for store in (False, True):
            for _ in range(TURNS):
                for one in field.values():
                    one.turn(store)
    return field


def rows():
    """The table's rows: rates and ratios without stored changes, then the ratios with them."""
    field = race()
    found = [(f"Messages per second of CPU, {name}", f"{one.rate(False):.0f} (idle: {one.idle:.1%} of a CPU)")
             for name, one in field.items()]
    yardstick = field.pop(_YARDSTICK)
    for store, words in ((False, ""), (True, ", one stored change in 12 messages")):
        found += [(f"Ratio to CPython, {name}{words}", f"{one.rate(store) / yardstick.rate(store):.2f}")
                  for name, one in field.items()]
    return found
