"""The panel's chargers: simulated, each watched by a thread, with the back end they talk to."""

import collections
import contextlib
import itertools
import json
import threading
import time
from trace import text_of

import ctl
from csms import actions, check, fields
from simulator.options import Mistake

from backend.remote import make_call
from backend.simulator import CommandRefused, ControlPort

EVERY_S = 0.5  # the state of a charger is read
SAMPLES = 1200  # of the charts: ten minutes
FRAMES = 500  # that are kept of each charger
_ANSWER_S = 40  # a charger that restarts answers after the restart
# What the outside world does to a charger; nothing that reads secrets, erases a unit or holds up the simulator.
COMMANDS = frozenset("""acknowledge button cable clear_fault ev mains network_down network_up pause plug_in plug_in_idle plug_out
    power_cut raise_fault reboot resume swipe temperature time_scale ventilation""".split())


class NoSuchCharger(Exception):
    """The panel has no charger of this identity."""


class Watched:
    """One charger: its last status, the samples of the charts, the frames of its trace file."""

    def __init__(self, identity, port, trace=None):
        self.identity = identity
        self.port = port
        self.status = None  # None until it has answered once
        self.seen_s = time.monotonic()  # when it answered last
        self.samples = {}  # connector -> [seconds of this machine's clock, W, A offered]
        self.frames = collections.deque(maxlen=FRAMES)
        self._trace = trace
        self._read = 0  # bytes of the trace
        self._numbers = itertools.count(1)
        self._commands = None  # what the charger's control port offers
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"panel {identity}", daemon=True)
        self._thread.start()

    def close(self):
        """Watch no more."""
        self._ended.set()
        self._thread.join(2)  # one that waits for a charger without power ends with that charger

    def _run(self):
        while not self._ended.is_set():
            try:
                with contextlib.closing(ControlPort(self.port, timeout_s=_ANSWER_S)) as port:
                    while not self._ended.wait(EVERY_S):
                        self._look(port)
            except (OSError, ValueError, CommandRefused):
                self._ended.wait(EVERY_S)

    def _look(self, port):
        self._read_trace()
        status = port.command("status")
        now = round(time.time(), 1)
        for number, connector in status["connectors"].items():
            kept = self.samples.setdefault(number, collections.deque(maxlen=SAMPLES))
            kept.append((now, connector["power_w"], connector["offered_amps"]))
        self.status = status
        self.seen_s = time.monotonic()

    def _read_trace(self):
        """Take over the lines that are complete."""
        if self._trace is None or not self._trace.exists():
            return
        with self._trace.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            for line in map(json.loads, whole.split(b"\n")):
                shown = {name: line.get(name) for name in ("time", "dir", "kind", "action", "latency_ms", "invalid")}
                self.frames.append({"number": next(self._numbers), **shown, "text": text_of(line)})

    def command(self, words):
        """The charger's reply to a command in ctl.py's words; Mistake for one that makes no sense."""
        if words[0] not in COMMANDS:
            raise Mistake(f"The panel has no command '{words[0][:40]}'.")
        with contextlib.closing(ControlPort(self.port, timeout_s=_ANSWER_S)) as port:
            if self._commands is None:
                self._commands = port.command("help")
            given = ctl.arguments(words[1:], self._commands[words[0]]["args"], words[0])
            return port.command(words[0], **given)


class Bench:
    """All chargers of a panel and their back end (a backend.Csms)."""

    def __init__(self, csms, chargers):
        """`chargers`: (identity, control port, path of the trace or None)."""
        self._csms = csms
        self._chargers = {identity: Watched(identity, port, trace) for identity, port, trace in chargers}

    def close(self):
        """Watch no more."""
        for charger in self._chargers.values():
            charger.close()

    def _charger(self, identity):
        if identity not in self._chargers:
            raise NoSuchCharger(f"There is no charger '{str(identity)[:40]}'.")
        return self._chargers[identity]

    def chargers(self):
        """A line of each charger."""
        connected = self._csms.stations
        return [{
            "identity": one.identity, "connected": one.identity in connected,
            "statuses": [connector["ocpp_status"] for _, connector in sorted(one.status["connectors"].items())]
            if one.status else [],
        } for one in self._chargers.values()]  # fmt: skip

    def state(self, identity, frame, instant):
        """The list, one charger's status, and what is newer than the number of a frame and the instant of a sample."""
        one = self._charger(identity) if identity else next(iter(self._chargers.values()))
        return {
            "chargers": self.chargers(), "charger": one.identity, "status": one.status,
            "silent_s": int(time.monotonic() - one.seen_s),
            "frames": [line for line in list(one.frames) if line["number"] > frame],
            "samples": {number: [sample for sample in list(kept) if sample[0] > instant]
                        for number, kept in list(one.samples.items())},
        }  # fmt: skip

    def calls(self):
        """Each call that a back end can make, with its fields."""
        return {action: fields(action) for action in actions()}

    def command(self, identity, words):
        """Carry a command out on a charger."""
        return {"result": self._charger(identity).command(words)}

    def call(self, identity, action, payload):
        """Make a back end's call, after the check of its schema."""
        self._charger(identity)
        check(action, payload)
        return make_call(self._csms, {"identity": identity, "action": action, "payload": payload})
