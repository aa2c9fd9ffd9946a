"""Many simulated chargers in one process, against a back end: start-up, sessions, and a restart of all at once.

    python3 tools/fleet.py 20 --csms ws://127.0.0.1:9000/ocpp
    python3 tools/fleet.py 200 --sessions --storm power --seconds 120 --json fleet.json --png storm.png
    python3 tools/fleet.py 50 --csms wss://csms.example/ocpp --lab -- --security-profile 2 --ca root.pem

Each charger is one MicroPython process that runs the firmware; this process holds all of them, shows a table while they
run, or a line every ten seconds where its output is no terminal, and a summary at the end. Without --csms the local back
end is used, and what each charger said is checked. What stands after -- goes to every simulator (tools/simulate.py --help);
`simulate.py --count N` comes here. Each charger has a control port, whose address is in DIR/IDENTITY/control of --state-dir
DIR. Time is virtual: it stands still while code runs and moves at most as fast as --time-scale says, so a busy machine makes
the chargers slower and no control tick late.
Exit codes: 0 done, 1 a charger failed, broke OCPP's rules or was not back when the watch after an outage ended, 2 the command
line is wrong.
"""

import argparse
import asyncio
import contextlib
import json
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
from fleet_charger import VIRTUAL, Charger
from fleet_report import Figures, histogram_png, progress, show, table
from provisioning import state
from rich.console import Console
from rich.live import Live
from simulator import board, options

from backend import Csms

TAG = "FLEET0001"
POLL_S = 1.0
POLLED = 20  # chargers a second whose status is taken: it costs a charger some ms of a processor
STORM_S = 5  # of an outage
CONNECT_S = 60  # that are waited for the last charger's first connection
TOGETHER = 20  # chargers that are asked, or stopped, at the same time
LAST_LOOK_S = 20
TOLD_S = 10  # between two lines on an output that is no terminal
STUCK_S = 60  # in which the time of none moves: they do not answer any more
_FILES = 10  # of a charger: pipes, lock, control port and its clients, trace, the local back end's side of its link
_LONGEST_S = 30 * 86400
_MISSING = 2  # FrozenError's code where the tool chain is missing


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

    async def until_back(self):
        """Wait until each is back, or those that are not have had --storm-seconds of their own time."""
        own_s, moved, patience_s = -1, time.monotonic(), STUCK_S / min(1, self.given.time_scale)
        while away := self.figures.away():
            await self._look_at(away[:POLLED])
            since_s = [self.figures.since_outage_s(charger) for charger in away[:POLLED]]
            if sum(since_s) != own_s:
                own_s, moved = sum(since_s), time.monotonic()
            if min(since_s) >= self.given.storm_seconds or time.monotonic() - moved > patience_s:
                return
            await asyncio.sleep(POLL_S / 4)

    async def _cut_power(self, charger):
        await charger.command("power_cut", seconds=STORM_S)
        charger.status = {}
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
            ends = await asyncio.gather(*(charger.stop() for charger in group), return_exceptions=True)
            for charger, end in zip(group, ends):
                if isinstance(end, BaseException):
                    charger.failure = charger.failure or f"{type(end).__name__}: {end}"


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
        await fleet.until_back()


async def _tell(figures):
    """A line every ten seconds, for an output that is no terminal."""
    while True:
        await asyncio.sleep(TOLD_S)
        print(f"{time.monotonic() - figures.begun:5.0f} s: {progress(figures)}", flush=True)


@contextlib.contextmanager
def _no_alarm():
    """Interpreters that start in it do not end by SIGALRM: one that is held puts its watchdog's alarm in real time not off.

    The other alarm, of processor time, stands still with them.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


async def run(fleet, console):
    """Start all, keep them running, stop them; SIGTERM and Ctrl-C end it early, with the summary of what was."""
    with _no_alarm():
        await _run(fleet, console)


async def _run(fleet, console):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = []
    tasks += [asyncio.create_task(_work(fleet, stop, tasks)), asyncio.create_task(stop.wait())]
    if not console.is_terminal:
        tasks.append(asyncio.create_task(_tell(fleet.figures)))
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
                async with asyncio.timeout(LAST_LOOK_S):
                    await fleet.look_at_all()
            fleet.figures.end_run()
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
    add("--storm-seconds", type=_seconds, default=60.0, metavar="S",
        help="how long to watch that at most, in the chargers' own time (default 60)")
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
    return 1 if summary["failed"] or summary["problems"] or summary.get("not_back") else 0


if __name__ == "__main__":
    exit_with(main)
