"""The demo's picture: a table that grows a row a step and follows the charger in place, or plain lines."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

_REDRAW_S = 0.1
_WIDE = 100  # columns of a terminal below which the less important columns are left out
_COLUMNS = ("Time", "Step", "What happened", "Status", "Offered", "Drawn", "Meter", "Messages")
_LEFT_OUT = ("Offered", "Messages")


class Step:
    """One row: what is being done, what came of it, and the charger's figures while it lasted."""

    def __init__(self, name, started):
        self.name = name
        self.at = started  # of its begin while it runs, then of its end
        self.text = "..."
        self.figures = {}
        self.messages = 0
        self.state = "running"

    def cells(self):
        """The row's texts."""
        f = self.figures
        return (
            f"{self.at:.1f} s", self.name, self.text, f.get("ocpp_status") or "",
            f"{f['offered_amps']:g} A" if "offered_amps" in f else "",
            f"{f['drawn_amps']:.1f} A" if "drawn_amps" in f else "",
            f"{f['energy_wh']} Wh" if "energy_wh" in f else "", str(self.messages or ""),
        )


class Timeline:
    """Shows steps as they happen. `count` gives the number of OCPP messages so far."""

    def __init__(self, title, count, plain=False):
        self.console = Console(highlight=False)
        self._title = title
        self._count = count
        self._steps = []
        self._begin = time.monotonic()
        self._drawn = 0.0
        self._live = None
        if not plain and self.console.is_terminal:
            self._live = Live(self._table(), console=self.console, auto_refresh=False)

    def __enter__(self):
        if self._live:
            self._live.start()
        else:
            self.console.print(self._title)
        return self

    def __exit__(self, kind, *_):
        if kind is not None and self._steps and self._steps[-1].state == "running":
            self._end(self._steps[-1], "failed", "did not happen")
        if self._live:
            self._live.stop()

    def step(self, name):
        """Begin a step; the one before has to be done()."""
        step = Step(name, time.monotonic() - self._begin)
        if self._steps:
            step.figures = self._steps[-1].figures
        self._steps.append(step)
        self._refresh()

    def follow(self, connector):
        """New figures of the connector for the running step."""
        self._steps[-1].figures = connector
        if time.monotonic() - self._drawn >= _REDRAW_S:
            self._refresh()

    def done(self, text):
        """The running step came to its end, and what came of it."""
        self._end(self._steps[-1], "done", text)

    def _end(self, step, state, text):
        step.state, step.text = state, text
        step.messages = self._count()
        step.at = time.monotonic() - self._begin
        self._refresh()
        if not self._live:
            time_, name, what, *figures = step.cells()
            known = ", ".join(f for f in figures[:-1] if f)
            self.console.print(f"{time_:>8}  {name:<13} {what}{' [' + known + ']' if known else ''}", soft_wrap=True,
                               markup=False)

    def _refresh(self):
        if self._live:
            self._drawn = time.monotonic()
            self._steps[-1].messages = self._count()
            self._live.update(self._table(), refresh=True)

    def _table(self):
        table = Table(title=self._title, title_justify="left", expand=False)
        shown = [n for n, name in enumerate(_COLUMNS) if self.console.width >= _WIDE or name not in _LEFT_OUT]
        for n in shown:
            table.add_column(_COLUMNS[n], justify="right" if n == 0 or n >= 4 else "left")
        for step in self._steps:
            style = {"running": "bold yellow", "failed": "bold red"}.get(step.state, "")
            cells = step.cells()
            table.add_row(*(cells[n] for n in shown), style=style)
        return Group(table, Text("A simulated car; the firmware is the one for the board, on MicroPython's unix port."))

    def bill(self, rows, verdict, good):
        """The last picture: the bill, and whether the two meters agree."""
        if not self._live:
            for name, value in rows:
                self.console.print(f"  {name:<22} {value}", markup=False, soft_wrap=True)
        else:
            table = Table(title="Bill", title_justify="left", show_header=False)
            table.add_column()
            table.add_column(justify="right")
            for row in rows:
                table.add_row(*row)
            self.console.print(table)
        self.console.print(verdict, style="green" if good else "bold red", soft_wrap=True, markup=False)
