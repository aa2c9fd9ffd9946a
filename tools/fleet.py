"""Many simulated chargers in one process, against a back end: start-up, sessions, and a restart of all at once.

    python3 tools/fleet.py 20 --csms ws://127.0.0.1:9000/ocpp
    python3 tools/fleet.py 200 --sessions --storm power --seconds 120 --json fleet.json --png storm.png
    python3 tools/fleet.py 50 --csms wss://csms.example/ocpp --lab -- --security-profile 2 --ca root.pem

Each charger is one MicroPython process that runs the firmware; this process holds all of them, shows a table while they
run and a summary at the end. Without --csms the local back end is used, and what each charger said is checked. What stands
after -- goes to every simulator (tools/simulate.py --help); `simulate.py --count N` comes here. Each charger has a control port,
whose address is in DIR/IDENTITY/control of --state-dir DIR. Time is virtual: it stands still while code runs and moves at
most as fast as --time-scale says, so a busy machine makes the chargers slower and no control tick late.
Exit codes: 0 done, 1 a charger failed or broke OCPP's rules, 2 the command line is wrong.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import frozen
from cli import exit_with, in_range, output_file
from fleet_report import Figures, histogram_png, show, table
from provisioning import state
from rich.console import Console
from rich.live import Live
from simulate import open_trace, provide
from simulator import board, control, options

from backend import Csms

VIRTUAL = 0.999  # of --time-scale 1: real time would make ticks late where the processors are fewer than the chargers need
TAG = "FLEET0001"
POLL_S = 1.0
POLLED = 20  # chargers a second whose status is taken: it costs a charger some ms of a processor
STORM_S = 5  # of an outage
NICE = 10  # of the chargers: this process, their back end perhaps, must not wait for hundreds of them
CONNECT_S = 60  # that are waited for the last charger's first connection
TOGETHER = 20  # chargers that are asked, or stopped, at the same time
LAST_LOOK_S = 20
_FILES = 10  # of a charger: pipes, lock, control port and its clients, trace, the local back end's side of its link
_LONGEST_S = 30 * 86400
_MISSING = 2  # FrozenError's code where the tool chain is missing
_CONNECTED = re.compile(rb"(\d+)\.(\d{3}) I link: connected")  # a line of the firmware's log, with the charger's own time


class Charger:
    """One charger of the fleet."""

    def __init__(self, number, identity, folder, words):
        self.identity = identity
        self.folder = folder / identity
        self.launch, _, _, trace = options.parse([
            "--state-dir", str(self.folder), "--identity", identity, "--seed", str(number + 1), "--control", "127.0.0.1:0",
            *words,
        ])  # fmt: skip
        if trace == "-":
            raise options.Mistake("--trace of a fleet goes to a file.")
        self._tracer = open_trace(trace, identity)
        self.last_line = ""
        self.on_connected = None  # called with (identity, ms of the charger's own time)
        self.status = {}
        self.failure = None
        self._held = None
        self._board = None
        self._port = None
        self._task = None

    def _log(self, line):
        if line and not line.startswith(b'{"label"'):
            self.last_line = line.decode("utf-8", "replace")
            connected = _CONNECTED.match(line)
            if connected and self.on_connected is not None:
                self.on_connected(self.identity, int(connected[1]) * 1000 + int(connected[2]))

    async def start(self):
        """Start the interpreter; the unit is provisioned first when it is new."""
        self._held = state.hold(self.folder)
        label = await asyncio.to_thread(provide, self.launch, self.folder)
        self._board = board.Board(self.launch, self._log, label, self._tracer, nice=NICE)
        self._port = control.ControlPort(self._board.command)
        number = await self._port.open("127.0.0.1", 0)
        (self.folder / "control").write_text(f"127.0.0.1:{number}\n")
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        try:
            await self._board.run()
        except board.BoardError as error:
            self.failure = str(error)

    async def command(self, name, **fields):
        """The result of a command of the control port, None where it was refused."""
        answer = await self._board.command({"cmd": name, **fields})
        return answer.get("result") if answer.get("ok") else None

    async def poll(self):
        """Take the charger's status."""
        if self._board is not None and self.failure is None:
            self.status = await self.command("status") or self.status

    @property
    def process(self):
        """Process id of the interpreter, None while there is none."""
        return self._board.pid if self._board is not None else None

    def hold(self, held):
        """Take the processor from it, or give it back."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGSTOP if held else signal.SIGCONT)

    async def stop(self):
        """End it cleanly."""
        if self._port is not None:
            self._port.close()
            (self.folder / "control").unlink(missing_ok=True)
        if self._task is not None:
            await self._board.stop()
            await self._task
        if self._tracer is not None:
            self._tracer.close()
        if self._held is not None:
            self._held.close()


class Fleet:
    """All chargers, and what is done to them."""

    def __init__(self, given, words, csms, folder):
        self.given = given
        self.csms = csms
        self.chargers = [Charger(n, f"{given.prefix}{n + 1:04}", folder, words) for n in range(given.count)]
        self.figures = Figures(self.chargers)
        for charger in self.chargers:
            charger.on_connected = self.figures.connected
        self.rng = random.Random(given.seed)

    async def start(self):
        """One after the other, spread over --spread seconds."""
        pause = self.given.spread / max(1, len(self.chargers))
        for charger in self.chargers:
            begun = time.monotonic()
            await charger.start()
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - begun)))

    async def all_connected(self):
        """Wait until each has connected or failed, for CONNECT_S and a second each at most."""
        end = time.monotonic() + CONNECT_S + len(self.chargers)
        while time.monotonic() < end and not all(
                one.failure or one.identity in self.figures.booted_s for one in self.chargers):
            await asyncio.sleep(0.1)

    async def _look_at(self, chargers):
        await asyncio.gather(*(charger.poll() for charger in chargers))
        for charger in chargers:
            self.figures.take(charger)

    async def look_at_all(self):
        """Take the status of each charger."""
        for at in range(0, len(self.chargers), TOGETHER):
            await self._look_at(self.chargers[at : at + TOGETHER])

    async def watch(self):
        """Look at all in turn, again and again."""
        while True:
            for at in range(0, len(self.chargers), POLLED):
                begun = time.monotonic()
                await self._look_at(self.chargers[at : at + POLLED])
                await asyncio.sleep(max(0.05, POLL_S - (time.monotonic() - begun)))

    async def sessions(self):
        """Cars come, charge and leave at random, for ever."""
        while True:
            charger = self.rng.choice(self.chargers)
            await charger.poll()
            one = charger.status.get("connectors", {}).get("1")
            if one and charger.status["csms"].get("connected"):
                if one["car"] == "absent":
                    await charger.command("plug_in")
                    await charger.command("swipe", token=TAG)
                else:
                    await charger.command("plug_out")
            await asyncio.sleep(self.rng.expovariate(len(self.chargers) / self.given.pause))

    async def storm(self):
        """All links are cut, or the mains of all, for some seconds: the times until each is back."""
        if self.given.storm == "power":
            await asyncio.gather(*(self._cut_power(charger) for charger in self.chargers))
            return
        await asyncio.gather(*(charger.command("network_down") for charger in self.chargers))
        await asyncio.sleep(STORM_S / min(1, self.given.time_scale))
        await asyncio.gather(*(self._restore(charger) for charger in self.chargers))

    async def _cut_power(self, charger):
        await charger.command("power_cut", seconds=STORM_S)
        self.figures.outage_over(charger.identity, 0)  # its own time begins anew with its mains

    async def _restore(self, charger):
        await charger.poll()
        self.figures.outage_over(charger.identity, charger.status.get("uptime_ms", 0))
        await charger.command("network_up", retry=False)

    async def stop(self):
        """End all, some at a time, which have the processors for themselves."""
        for charger in self.chargers:
            charger.hold(True)
        for at in range(0, len(self.chargers), TOGETHER):
            group = self.chargers[at : at + TOGETHER]
            for charger in group:
                charger.hold(False)
            await asyncio.gather(*(charger.stop() for charger in group), return_exceptions=True)


async def _work(fleet, stop, tasks):
    """Carry out the command line's requests in order, until all are done or `stop` is set."""
    given = fleet.given
    tasks.append(asyncio.create_task(fleet.watch()))
    await fleet.start()
    await fleet.all_connected()
    await fleet.look_at_all()
    fleet.figures.begin_run()
    if given.sessions:
        tasks.append(asyncio.create_task(fleet.sessions()))
    await (asyncio.sleep(given.seconds) if given.seconds else stop.wait())
    await fleet.look_at_all()
    fleet.figures.end_run()
    if given.storm:
        await fleet.storm()
        end = time.monotonic() + given.storm_seconds
        while time.monotonic() < end and len(fleet.figures.back_s) < len(fleet.chargers):
            await asyncio.sleep(0.1)


async def run(fleet, console):
    """Start all, keep them running, stop them; SIGTERM and Ctrl-C end it early, with the summary of what was."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = []
    tasks += [asyncio.create_task(_work(fleet, stop, tasks)), asyncio.create_task(stop.wait())]
    with Live(get_renderable=lambda: table(fleet.figures), console=console, refresh_per_second=2) if console.is_terminal \
            else contextlib.nullcontext():
        try:
            done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(fleet.look_at_all(), LAST_LOOK_S)
            fleet.figures.measure_memory()
            await fleet.stop()


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise options.Mistake(message[0].upper() + message[1:] + "; see --help.")


_seconds = in_range(0, _LONGEST_S, float)


def _prefix(text):
    """An identity is the name of a folder as well."""
    if not re.fullmatch(r"[\w.-]{1,40}", text) or text.startswith("."):
        raise argparse.ArgumentTypeError(f"'{text}' is no name of 1 to 40 letters, digits, - and _")
    return text


def _parser():
    parser = _Parser(prog="fleet.py", allow_abbrev=False, description="Many simulated chargers in one process.")
    add = parser.add_argument
    add("count", type=in_range(1, 1000), help="how many, 1 to 1000")
    add("--csms", metavar="URL", help="back end (default: the local one, which accepts every card)")
    add("--prefix", type=_prefix, default="CP", help="identities are PREFIX0001 and so on (default CP)")
    add("--state-dir", type=Path, metavar="DIR", help="keep the units there (default: a temporary directory)")
    add("--spread", type=_seconds, default=0.0, metavar="S", help="seconds over which the starts are spread")
    add("--seconds", type=_seconds, default=30.0, metavar="S", help="how long they run then (default 30; 0: until Ctrl-C)")
    add("--sessions", action="store_true", help="let cars come and go")
    add("--pause", type=in_range(0.1, _LONGEST_S, float), default=60.0, metavar="S",
        help="seconds between two events of one charger (default 60)")
    add("--storm", choices=("link", "power"), nargs="?", const="link",
        help="then cut the links, or the mains, of all at once and see how they come back (default link); with power they wait "
             "up to 10 s as units that are sold do, unless -- --set PowerOnRandomRange=0 follows")
    add("--storm-seconds", type=_seconds, default=60.0, metavar="S", help="how long to watch that at most (default 60)")
    add("--time-scale", type=in_range(0.001, 1e6, float), default=1.0, metavar="X",
        help="at most X times as fast as real time (default 1)")
    add("--lab", action="store_true", help="laboratory units: a plain link to another host is allowed")
    add("--seed", type=int, default=1, help="of the cars' coming and going")
    add("--json", type=output_file, metavar="FILE", help="write the figures to a file")
    add("--png", type=output_file, metavar="FILE", help="with --storm: draw when they come back")
    return parser


def _check(given):
    if given.png and not given.storm:
        raise options.Mistake("--png goes with --storm.")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = given.count * _FILES + 200
    if needed > files and files != resource.RLIM_INFINITY:
        if most not in (resource.RLIM_INFINITY,) and needed > most:
            raise options.Mistake(f"{given.count} chargers need {needed} open files, {most} are allowed (ulimit -n).")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))


def _frozen():
    """The words for the interpreter that holds the firmware: a start takes a tenth of the time, and all share the code."""
    try:
        return ["--word", "32", "--frozen", str(frozen.interpreter())]
    except frozen.FrozenError as error:
        if error.code != _MISSING:
            raise options.Mistake(f"The interpreter cannot be built: {error}.") from error
        print("fleet: without the frozen firmware a charger takes half as much memory again: 'make setup' or "
              "'pilotlight-sim setup --frozen' brings what builds it.", file=sys.stderr)
        return []


def _words(given, url, more):
    scale = VIRTUAL if given.time_scale == 1 else given.time_scale
    # A unit as sold waits up to 10 s after a power cut, a simulated one does not: the storm is to look like that of the units.
    sold = ["--set", "PowerOnRandomRange=10"] if given.storm == "power" else []
    words = ["--csms", url, "--time-scale", str(scale), *sold, *more]
    if "--word" not in more:
        words += _frozen()
    return [*words, "--lab"] if given.lab or given.csms is None else words


def main(words):
    """Exit code."""
    at = words.index("--") if "--" in words else len(words)
    with contextlib.ExitStack() as stack:
        try:
            given = _parser().parse_args(words[:at])
            _check(given)
            csms = None
            if given.csms is None:
                csms = stack.enter_context(Csms(tags={TAG: "Accepted"}))
            folder = given.state_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pilotlight-fleet-")))
            fleet = Fleet(given, _words(given, given.csms or csms.url, words[at + 1 :]), csms, folder.absolute())
            asyncio.run(run(fleet, Console()))
        except (options.Mistake, state.InUse, board.BoardError) as mistake:
            print(f"fleet: {mistake}", file=sys.stderr)
            return 2
        summary = fleet.figures.summary(csms)
    show(summary)
    if given.json:
        given.json.write_text(json.dumps(summary, indent=1) + "\n")
    if given.png:
        histogram_png(fleet.figures, given.png)
    return 1 if summary["failed"] or summary["problems"] else 0


if __name__ == "__main__":
    exit_with(main)
