"""The figures of a fleet: a table while it runs, a summary with percentiles at its end."""

import statistics
import time
from pathlib import Path

from rich.table import Table

_SHOWN = 20  # chargers in the table; a screen has no room for more
_BAR = 40


def percentiles(values):
    """Median, 95 %, 99 % and the most of a list; None of an empty one."""
    if not values:
        return None
    ordered = sorted(values)
    at = lambda part: ordered[min(len(ordered) - 1, int(part * len(ordered)))]  # noqa: E731
    return {"median": statistics.median(ordered), "p95": at(0.95), "p99": at(0.99), "max": ordered[-1]}


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
        self.storm_begun = None
        self.back_s = {}  # identity: seconds after the end of the outage
        self.gap_ms = {}
        self.memory = None

    def take(self, charger):
        """A charger's newest status."""
        if not charger.status:
            return
        now = time.monotonic()
        if charger.status["csms"].get("connected"):
            self.booted_s.setdefault(charger.identity, now - self.begun)
            if self.storm_begun is not None:
                self.back_s.setdefault(charger.identity, now - self.storm_begun)
        self.gap_ms[charger.identity] = charger.status["tick"]["max_gap_ms"]

    def begin_storm(self):
        """The network is back for all, now."""
        self.storm_begun = time.monotonic()

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
            "memory": self.memory, "problems": [],
        }  # fmt: skip
        if self.storm_begun is not None:
            found["back_after_an_outage_s"] = percentiles(list(self.back_s.values()))
            found["back_histogram"] = _histogram(list(self.back_s.values()))
        if csms is not None:
            found["messages"] = len(csms.record)
            found["transactions"] = len(csms.ledger.transactions)
            found["problems"] = csms.problems()[:20]
        return found


def _histogram(values):
    """Chargers that were back within each 5 s."""
    counts = {}
    for value in values:
        counts[int(value // 5) * 5] = counts.get(int(value // 5) * 5, 0) + 1
    return {str(begin): counts[begin] for begin in sorted(counts)}


def table(figures):
    """The chargers that a screen has room for."""
    shown = Table(title=f"{len(figures.booted_s)} of {len(figures.chargers)} chargers have connected")
    for name in ("charger", "link", "status", "offered", "drawn", "energy", "last line of its log"):
        shown.add_column(name, no_wrap=True)
    for one in figures.chargers[:_SHOWN]:
        connector = one.status.get("connectors", {}).get("1", {})
        shown.add_row(
            one.identity, "online" if one.status.get("csms", {}).get("connected") else "offline",
            str(connector.get("ocpp_status", "-")), f"{connector.get('offered_amps') or 0:g} A",
            f"{connector.get('drawn_amps') or 0:.1f} A", f"{connector.get('energy_wh') or 0} Wh", one.last_line[:60],
        )  # fmt: skip
    return shown


def show(summary):
    """Print a summary for people."""
    def line(name, values, unit):
        if values:
            print(f"{name:<34}" + ", ".join(f"{part} {value:.1f}" for part, value in values.items()) + f" {unit}")

    print(f"{summary['connected']} of {summary['chargers']} chargers connected")
    line("First connection after", summary["first_connection_s"], "s")
    line("Longest gap between two ticks", summary["longest_gap_of_ticks_ms"], "ms")
    if summary["memory"]:
        print(f"{'Memory':<34}{summary['memory']['kib_a_charger']} KiB a charger, {summary['memory']['mib_in_all']} MiB in all")
    line("Back after an outage within", summary.get("back_after_an_outage_s"), "s")
    most = max(summary.get("back_histogram", {}).values(), default=0)
    for begin, count in summary.get("back_histogram", {}).items():
        print(f"  {begin:>4} s {'#' * max(1, count * _BAR // most)} {count}")
    if "messages" in summary:
        print(f"{'Messages, transactions':<34}{summary['messages']}, {summary['transactions']}")
    for problem in [*summary["failed"], *summary["problems"]]:
        print(f"  {problem}")
