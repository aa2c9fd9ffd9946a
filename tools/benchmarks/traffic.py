"""Messages a second of CPU: the charger on MicroPython against a charge point on CPython, same work, same back end.

A message is one OCPP-J frame, either way. The charger's CPU time is that of its interpreter, so the control tick, the
world's model and the meter are in it; what it uses when nothing is said is measured too and shown beside.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from backend import Csms, Simulator
from backend.simulator import ROOT, cpu_seconds

ROUNDS = 600
_IDLE_S = 3
KEYS = ["HeartbeatInterval", "MeterValueSampleInterval", "NumberOfConnectors"]


def work(csms, rounds):
    """One round: a question, a changed setting, a triggered heartbeat and triggered meter values, all answered."""
    for n in range(rounds):
        csms.call("GetConfiguration", key=KEYS)
        csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value=str(60 + n % 2))
        for name in ("Heartbeat", "MeterValues"):
            mark = len(csms.record)
            csms.call("TriggerMessage", requestedMessage=name, connectorId=1)
            csms.record.wait(name, "out", 3, since=mark)


def measured(csms, pids):
    """(messages, CPU seconds, wall seconds, idle CPU share) of the work, after a warm-up."""
    work(csms, 20)
    idle_cpu, idle_from = cpu_seconds(pids), time.monotonic()
    while time.monotonic() - idle_from < _IDLE_S:
        time.sleep(0.1)
    idle = (cpu_seconds(pids) - idle_cpu) / (time.monotonic() - idle_from)
    mark, cpu, begin = len(csms.record), cpu_seconds(pids), time.monotonic()
    work(csms, ROUNDS)
    wall = time.monotonic() - begin
    return len(csms.record) - mark, cpu_seconds(pids) - cpu, wall, idle


def of_charger(word):
    """The figures of the firmware."""
    with Csms(heartbeat_s=3600) as csms, tempfile.TemporaryDirectory() as folder:
        with Simulator(Path(folder), csms_url=csms.url, word=word, seed=1) as charger:
            csms.wait_booted()
            charger.wait_ocpp_status("Available")
            return measured(csms, charger.child_pids())


def of_peer():
    """The figures of the charge point made with the `ocpp` package."""
    with Csms(heartbeat_s=3600) as csms:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
        peer = subprocess.Popen([sys.executable, "-m", "backend.peer", csms.url, "PEER"], env=environment)
        try:
            csms.wait_booted()
            return measured(csms, [peer.pid])
        finally:
            peer.terminate()
            peer.wait()


def rows():
    """The table's rows, the ratio last."""
    found, rates = [], {}
    for name, figures in (("charger, 64 bit", of_charger(64)), ("charger, 32 bit", of_charger(32)),
                          ("CPython `ocpp`", of_peer())):
        messages, cpu, wall, idle = figures
        rates[name] = messages / cpu
        found.append((f"Messages per second of CPU, {name}",
                      f"{messages / cpu:.0f} ({messages} messages, {cpu:.2f} s CPU, {wall:.1f} s; idle {idle:.1%})"))
    for name in list(rates)[:2]:
        found.append((f"Ratio, {name} to CPython", f"{rates[name] / rates['CPython `ocpp`']:.2f}"))
    return found
