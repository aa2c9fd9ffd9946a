"""A handle on one simulated charger: its process, its flash (state directory), its control port, its log."""

import collections
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from . import run_counter
from .ports import free_port
from .waiting import PATIENCE, WaitTimeout, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "tools" / "simulate.py"
READY_S = 15
STOP_S = 15


class SimulatorError(AssertionError):
    """The simulator's process did not do its part; the message ends with the tail of its log."""


class CommandRefused(Exception):
    """The control port answered {"ok": false}; the message is its error."""


class ControlPort:
    """One connection to a control port: newline-delimited JSON, answers matched by id."""

    def __init__(self, port, host="127.0.0.1", timeout_s=10):
        self._socket = socket.create_connection((host, port), timeout_s * PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._id = 0

    def close(self):
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def send_raw(self, data):
        """Send any bytes."""
        self._socket.sendall(data)

    def read_answer(self):
        """The next answer line as an object; ConnectionError when the port closed."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the control port closed the connection")
        return json.loads(line)

    def command(self, cmd, **fields):
        """Send a command, return its result; CommandRefused when it is answered with an error."""
        self._id += 1
        self.send_raw(json.dumps({"id": self._id, "cmd": cmd, **fields}).encode() + b"\n")
        answer = self.read_answer()
        while answer.get("id") != self._id:
            answer = self.read_answer()
        if not answer.get("ok"):
            raise CommandRefused(answer.get("error", "no reason given"))
        return answer.get("result")


def session_members(leader):
    """Process ids whose session is led by this process, it included (the interpreter is the simulator's child)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) == leader and fields[0] != "Z":
                    found.append(int(entry.name))
    return found


def _wait_ended(leader, timeout_s):
    """Wait until no process of this session is left."""
    wait_until(lambda: not session_members(leader), timeout_s, "the simulator's processes ended",
               state=lambda: f"process ids {session_members(leader)}")


def cpu_seconds(pids):
    """User and system time used so far by these processes, in seconds; one that has ended since it was listed counts nothing."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Simulator:
    """Start with start(); the commands of the control port are methods, e.g. sim.plug_in(connector=1).

    settings are `--set` values; options are further command-line words. The seed makes a run repeatable.
    """

    def __init__(self, state_dir, csms_url=None, identity="PL-0001", connectors=1, word=64, time_scale=1, seed=None,
                 lab=True, settings=None, options=()):
        self.state_dir = Path(state_dir)
        self.csms_url = csms_url
        self.identity = identity
        self.connectors = connectors
        self.word = word
        self.time_scale = time_scale
        self.seed = random.randrange(1, 2**31) if seed is None else seed
        self.lab = lab
        self.settings = dict(settings or {})
        self.options = list(options)
        self.port = free_port()
        self.process = None
        self._log = collections.deque(maxlen=5000)
        self._reader = None
        self._control = None

    # --- process ---

    def command_line(self):
        """The words that start this simulator."""
        words = [sys.executable, str(PROGRAM), "--state-dir", str(self.state_dir),
                 "--control", f"127.0.0.1:{self.port}", "--identity", self.identity,
                 "--connectors", str(self.connectors), "--word", str(self.word),
                 "--time-scale", str(self.time_scale), "--seed", str(self.seed)]
        if self.csms_url:
            words += ["--csms", self.csms_url]
        if self.lab:
            words.append("--lab")
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        return words + self.options

    def start(self):
        """Start the process and wait until the control port answers status; returns self."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._log.append(f"--- start, seed {self.seed} ---")
        self.process = subprocess.Popen(
            self.command_line(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, cwd=ROOT, env=os.environ | {
                "PILOTLIGHT_END_WITH_PID": str(os.getpid()), "PILOTLIGHT_RUN_COUNTER": run_counter.path()},
        )
        self._reader = threading.Thread(target=self._read_log, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        try:
            self.wait_ready()
        except BaseException:  # nothing else would end it: `with` has not been entered yet
            self.close()
            raise
        return self

    def _read_log(self, stream):
        for line in stream:
            self._log.append(line.decode("utf-8", "replace").rstrip("\n"))
        stream.close()

    def wait_ready(self, timeout_s=READY_S):
        """Wait until the control port answers `status` and the firmware runs."""
        def ready():
            if self.process.poll() is not None:
                raise SimulatorError(f"the simulator ended with exit code {self.process.returncode}\n{self.log_tail()}")
            try:
                status = self.status()
                return len(status["connectors"]) == self.connectors and not status.get("starting")
            except (OSError, CommandRefused, KeyError, TypeError):
                return False

        self._wait(ready, timeout_s, "the firmware running")

    def stop(self, timeout_s=STOP_S):
        """Clean stop (SIGTERM); returns the exit code, None when it was not running."""
        return self._end(signal.SIGTERM, timeout_s)

    def kill(self, timeout_s=STOP_S):
        """Power cut: SIGKILL to the simulator's process alone; whatever it started has to go down with it."""
        return self._end(signal.SIGKILL, timeout_s)

    def _end(self, signal_number, timeout_s):
        self._disconnect()
        if self.process is None:
            return None
        leader = self.process.pid
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(timeout_s * PATIENCE)
            _wait_ended(leader, timeout_s)
        except (subprocess.TimeoutExpired, WaitTimeout) as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
            self.process.wait()
            raise SimulatorError(f"the simulator did not end: {error}\n{self.log_tail()}") from error
        finally:
            self._reader.join(5)
        code, self.process = self.process.returncode, None
        return code

    def restart(self):
        """Clean stop, then start on the same flash."""
        self.stop()
        return self.start()

    def close(self):
        """Leave nothing running, whatever state it is in."""
        self._disconnect()
        if self.process is not None:
            leader = self.process.pid
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
            self.process.wait()
            self._reader.join(5)
            self.process = None
            _wait_ended(leader, STOP_S)  # the interpreter has a group of its own: it ends when it sees its parent gone

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    @property
    def running(self):
        """True while the simulator's process lives."""
        return self.process is not None and self.process.poll() is None

    def child_pids(self):
        """Process ids of what the simulator started: the interpreter."""
        return [pid for pid in session_members(self.process.pid) if pid != self.process.pid]

    # --- log ---

    def log_lines(self):
        """The output so far, stdout and stderr, oldest first (bounded)."""
        return list(self._log)

    def log_tail(self, lines=40):
        """The last lines of the log, as one text."""
        return "\n".join(self.log_lines()[-lines:])

    # --- control port ---

    def _disconnect(self):
        if self._control is not None:
            self._control.close()
            self._control = None

    def command(self, cmd, **fields):
        """Send one command over the kept connection; CommandRefused when it is answered with an error."""
        if self._control is None:
            self._control = ControlPort(self.port)
        try:
            return self._control.command(cmd, **fields)
        except OSError:
            self._disconnect()
            raise

    def status(self):
        """The charger's status, as the contract has it."""
        return self.command("status")

    def connector(self, number=1):
        """The status of one connector."""
        return self.status()["connectors"][str(number)]

    def config(self):
        """All configuration keys as a dictionary of name to value."""
        return self.command("config")

    def plug_in(self, connector=1):
        """A car that asks for energy (state C)."""
        return self.command("plug_in", connector=connector)

    def plug_in_idle(self, connector=1):
        """A car that does not ask yet (state B)."""
        return self.command("plug_in_idle", connector=connector)

    def plug_out(self, connector=1):
        """Take the plug out."""
        return self.command("plug_out", connector=connector)

    def pause(self, connector=1):
        """The car stops asking (C to B)."""
        return self.command("pause", connector=connector)

    def resume(self, connector=1):
        """The car asks again."""
        return self.command("resume", connector=connector)

    def swipe(self, token, connector=None):
        """Hold a card against the reader."""
        fields = {} if connector is None else {"connector": connector}
        return self.command("swipe", token=token, **fields)

    def ev(self, connector=1, **fields):
        """Set the car's properties: max_amps, phases and what else the world offers."""
        return self.command("ev", connector=connector, **fields)

    def raise_fault(self, name, connector=1):
        """Break something."""
        return self.command("raise_fault", name=name, connector=connector)

    def clear_fault(self, name, connector=1):
        """Mend it."""
        return self.command("clear_fault", name=name, connector=connector)

    def network_down(self):
        """Cut the link to the back end."""
        return self.command("network_down")

    def network_up(self):
        """Bring the link back."""
        return self.command("network_up")

    def reboot(self):
        """Press the reset."""
        return self.command("reboot")

    def power_cut(self, **fields):
        """Take the mains away; it comes back by itself."""
        return self.command("power_cut", **fields)

    def set_time_scale(self, scale):
        """Run the charger's time this much faster than ours."""
        return self.command("time_scale", x=scale)

    # --- waiting ---

    def _wait(self, condition, timeout_s, what, state=None):
        try:
            return wait_until(condition, timeout_s, what, state=state)
        except WaitTimeout as error:
            raise WaitTimeout(f"{error}\n--- log (seed {self.seed}) ---\n{self.log_tail()}") from None

    def wait_for(self, predicate, timeout_s=20, what="the status"):
        """Poll status until predicate(status) is true; returns its value. WaitTimeout with status and log otherwise."""
        last = {}

        def condition():
            try:
                last["status"] = self.status()
            except (OSError, CommandRefused):
                return False
            return predicate(last["status"])

        return self._wait(condition, timeout_s, what, state=lambda: json.dumps(last.get("status")))

    def wait_connector(self, predicate, timeout_s=20, what=None, connector=1):
        """Poll one connector until predicate(connector status) is true; returns that status."""
        return self.wait_for(
            lambda status: (lambda c: c if predicate(c) else None)(status["connectors"][str(connector)]),
            timeout_s, what or f"connector {connector}",
        )

    def wait_ocpp_status(self, *names, connector=1, timeout_s=20):
        """Wait until the connector shows one of these OCPP statuses; returns its status."""
        return self.wait_connector(lambda c: c["ocpp_status"] in names, timeout_s,
                                   f"connector {connector} {' or '.join(names)}", connector)

    def let_pass(self, seconds, timeout_s=30):
        """Wait until this much of the charger's own time has gone by: for what must not happen."""
        begin_ms = self.status()["uptime_ms"]
        self.wait_for(lambda s: s["uptime_ms"] >= begin_ms + seconds * 1000, timeout_s,
                      f"{seconds} s of the charger's time")
