"""The figures of a fleet: a table while it runs, a summary with percentiles at its end."""

import math
import statistics
import time
from pathlib import Path

from PIL import Image, ImageDraw
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table

from backend.simulator import cpu_seconds

_SHOWN = 20  # chargers in the table; a screen has no room for more
_BAR = 40
_FINE_S = 20  # outages that are over so soon are shown by the second


def percentiles(values, missing=0):
    """Median, 95 % and 99 % by the nearest rank, and the most of a list; None of an empty one.

    `missing` values are larger than any in the list, and unknown: a percentile that is one of them is None.
    """
    if not values:
        return None
    ordered = sorted(values) + [math.inf] * missing
    rank = lambda percent: ordered[-(-percent * len(ordered) // 100) - 1]  # noqa: E731
    found = {"median": statistics.median(ordered), "p95": rank(95), "p99": rank(99), "max": ordered[-1]}
    return {name: value if value < math.inf else None for name, value in found.items()}


def _memory_kib(pid):
    """(private, shared) KiB of a process; shared is its part of what others map as well."""
    fields = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    private = int(fields["Private_Clean:"]) + int(fields["Private_Dirty:"])
    return private, int(fields["Pss:"]) - private


class Figures:
    """Taken from the chargers' statuses as they come in."""

    def __init__(self, chargers):
        self.chargers = chargers
        self.begun = time.monotonic()
        self.booted_s = {}  # identity: seconds after the fleet's start
        self._storm_ms = {}  # identity: its own time at the end of the outage
        self.back_s = {}  # identity: seconds of its own time after the end of the outage
        self.gap_ms = {}
        self.memory = None
        self._run = None  # at its begin: processor time, the chargers' own time, this machine's time
        self.work = None

    def take(self, charger):
        """A charger's newest status."""
        if not charger.status:
            return
        self.gap_ms[charger.identity] = charger.status["tick"]["max_gap_ms"]

    def connected(self, identity, own_ms):
        """A charger has a link, since this instant of its own time."""
        self.booted_s.setdefault(identity, time.monotonic() - self.begun)
        if identity in self._storm_ms:
            self.back_s.setdefault(identity, (own_ms - self._storm_ms[identity]) / 1000)

    def outage_over(self, identity, own_ms):
        """A charger's network, or mains, is back at this instant of its own time."""
        self._storm_ms[identity] = own_ms

    def since_outage_s(self, charger):
        """Seconds of a charger's own time after the end of the outage, by its newest status; 0 before the first one."""
        return max(0, charger.status.get("uptime_ms", 0) - self._storm_ms.get(charger.identity, 0)) / 1000

    def away(self):
        """The chargers that had an outage and are not back; those that have failed do not come back."""
        return [one for one in self.chargers
                if one.identity in self._storm_ms and one.identity not in self.back_s and not one.failure]

    @property
    def outages(self):
        """The number of chargers whose outage is over."""
        return len(self._storm_ms)

    def _spent(self):
        """(processor time of all processes, the chargers' own time together, this machine's time), in seconds."""
        pids = [charger.process for charger in self.chargers if charger.process]
        own_s = sum(one.status["uptime_ms"] for one in self.chargers if one.status) / 1000
        return cpu_seconds([*pids, "self"]), own_s, time.monotonic()

    def begin_run(self):
        """All have connected."""
        self._run = self._spent()

    def end_run(self):
        """The outage is next, or the end, where there was no outage."""
        if self._run is None or self.work is not None:
            return
        cpu_s, own_s, real_s = (end - begin for end, begin in zip(self._spent(), self._run))
        self.work = {"processor_s": round(cpu_s, 2), "chargers_s": round(own_s, 1), "seconds": round(real_s, 1),
                     "pace": round(own_s / real_s / len(self.chargers), 3)}
        if cpu_s > 0:
            self.work["chargers_a_core"] = round(own_s / cpu_s)

    def measure_memory(self):
        """Memory of the processes: each interpreter's own part, and this process."""
        pairs = [_memory_kib(charger.process) for charger in self.chargers if charger.process]
        own = sum(_memory_kib("self"))
        self.memory = {
            "kib_a_charger": round(statistics.mean(private for private, _ in pairs)) if pairs else None,
            "mib_in_all": round((sum(map(sum, pairs)) + own) / 1024),
        }

    def summary(self, csms):
        """All figures as one dictionary."""
        failed = [f"{one.identity}: {one.failure}" for one in self.chargers if one.failure]
        missing = [one.identity for one in self.chargers if one.identity not in self.booted_s]
        found = {
            "chargers": len(self.chargers), "connected": len(self.booted_s), "failed": failed + [
                f"{identity}: never connected" for identity in missing if not failed],
            "first_connection_s": percentiles(list(self.booted_s.values())),
            "longest_gap_of_ticks_ms": percentiles(list(self.gap_ms.values())),
            "memory": self.memory, "work": self.work, "problems": [],
        }  # fmt: skip
        if self._storm_ms:
            away = [identity for identity in self._storm_ms if identity not in self.back_s]
            found["back"], found["not_back"] = len(self.back_s), away
            found["back_after_an_outage_s"] = percentiles(list(self.back_s.values()), len(away))
            found["back_histogram"] = _histogram(list(self.back_s.values()))
        if csms is not None:
            found["messages"] = len(csms.record)
            found["transactions"] = len(csms.ledger.transactions)
            found["problems"] = csms.problems()[:20]
        return found


def _counts(values, width_s):
    """Begin of an interval -> chargers that were back in it."""
    counts = {}
    for value in values:
        begin = int(value // width_s) * width_s
        counts[begin] = counts.get(begin, 0) + 1
    return dict(sorted(counts.items()))


def _histogram(values):
    """Chargers that were back within each second, or where it took longer than 20 s within each 5 s."""
    return {str(begin): count for begin, count in _counts(values, 1 if max(values, default=0) <= _FINE_S else 5).items()}


def histogram_png(figures, path):
    """Draw how many chargers were back in each second after the outage."""
    counts = _counts(figures.back_s.values(), 1)
    width, height, edge = 800, 400, 50
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    seconds, most = max(counts, default=0) + 1, max(counts.values(), default=1)
    wide, high = width - 2 * edge, height - 2 * edge
    for begin, count in counts.items():
        left, right = (edge + wide * at / seconds for at in (begin, begin + 1))
        draw.rectangle((left, height - edge - high * count / most, max(left, right - 1), height - edge), fill="#2b6cb0")
    draw.line((edge, height - edge, width - edge, height - edge), fill="black")
    for at in sorted({0, seconds // 2, seconds}):
        draw.text((edge + wide * at / seconds, height - edge + 6), f"{at} s", fill="black", anchor="ma")
    for count in sorted({1, most}):
        draw.text((edge - 6, height - edge - high * count / most), str(count), fill="black", anchor="rm")
    draw.text((width / 2, 14), f"{len(figures.back_s)} of {len(figures.chargers)} chargers back after an outage of all, "
              "by the second", fill="black", anchor="ma")
    picture.save(path, "PNG")


def progress(figures):
    """The progress of the fleet, for people."""
    outage = f", {len(figures.back_s)} of {figures.outages} are back after the outage" if figures.outages else ""
    return f"{len(figures.booted_s)} of {len(figures.chargers)} chargers have connected{outage}"


def table(figures):
    """The chargers that a screen has room for."""
    shown = Table()
    for name in ("charger", "link", "status", "offered", "drawn", "energy", "last line of its log"):
        shown.add_column(name, no_wrap=True)
    for one in figures.chargers[:_SHOWN]:
        connector = one.status.get("connectors", {}).get("1", {})
        shown.add_row(
            one.identity, "online" if one.status.get("csms", {}).get("connected") else "offline",
            str(connector.get("ocpp_status", "-")), f"{connector.get('offered_amps') or 0:g} A",
            f"{connector.get('drawn_amps') or 0:.1f} A", f"{connector.get('energy_wh') or 0} Wh", one.last_line[:60],
        )  # fmt: skip
    done, count = len(figures.booted_s), len(figures.chargers)
    return Group(progress(figures), ProgressBar(count, done, width=_BAR * 2), shown)


def show(summary):
    """Print a summary for people."""
    def line(name, values, unit):
        if values:
            known = (f"{part} {'-' if value is None else f'{value:.1f}'}" for part, value in values.items())
            print(f"{name:<34}" + ", ".join(known) + f" {unit}")

    print(f"{summary['connected']} of {summary['chargers']} chargers connected")
    line("First connection after", summary["first_connection_s"], "s")
    line("Longest gap between two ticks", summary["longest_gap_of_ticks_ms"], "ms")
    if summary["memory"]:
        print(f"{'Memory':<34}{summary['memory']['kib_a_charger']} KiB a charger, {summary['memory']['mib_in_all']} MiB in all")
    if summary["work"]:
        work = summary["work"]
        print(f"{'Processor time':<34}{work['processor_s']} s for {work['chargers_s']} s of chargers: "
              f"{work.get('chargers_a_core', '-')} chargers a core")
        print(f"{'Pace':<34}{work['pace']:.2f} of real time, over {work['seconds']:.0f} s")
    if "back" in summary:
        print(f"{'Back when the watch ended':<34}{summary['back']} of {summary['back'] + len(summary['not_back'])}")
    line("Back after an outage within", summary.get("back_after_an_outage_s"), "s")
    most = max(summary.get("back_histogram", {}).values(), default=0)
    for begin, count in summary.get("back_histogram", {}).items():
        print(f"  {begin:>4} s {'#' * max(1, count * _BAR // most)} {count}")
    if "messages" in summary:
        print(f"{'Messages, transactions':<34}{summary['messages']}, {summary['transactions']}")
    found = [*summary["failed"], *summary["problems"], *(f"{one}: not back" for one in summary.get("not_back", ()))]
    for problem in found[:_SHOWN]:
        print(f"  {problem}")
    if len(found) > _SHOWN:
        print(f"  and {len(found) - _SHOWN} more")
