"""Runs the firmware on a unit whose raw REPL belongs to a test bench.

The bench calls step() again and again: the firmware's tasks run for so long, then the state is printed. Between two calls
the control tick goes on by its timer; the watchdog resets a unit whose bench says nothing for 8 s.
"""

import asyncio
import json

import board

MARK = "HIL "
_app = None


def tell(value) -> None:
    """Print a value as one line that the bench finds."""
    print(MARK + json.dumps(value))


def start(settings: dict) -> None:
    """Build the charger with these factory values, as a laboratory unit without back end; report it.

    Nothing of it is written to flash but what the firmware itself writes.
    """
    global _app
    board.FACTORY.update(settings)
    board.CSMS["url"] = None
    board.LAB = True
    from charger import app

    _app = app
    running = asyncio.create_task(app.run(()))
    while app.current is None and not running.done():  # its parts are built in slices
        asyncio.run(_wait(1))
    step(0)


async def _wait(ms: int) -> None:
    from charger import clock

    await clock.sleep_ms(ms)


def step(ms: int) -> None:
    """Let the firmware run for ms, then print the first connector's report: the whole one takes long on a serial line."""
    asyncio.run(_wait(ms))
    from charger import clock, status_report

    charger = _app.current
    found = status_report.connector_report(charger.connectors[0], charger.planner)
    found["uptime_ms"] = clock.uptime_ms()
    tell(found)


def parts() -> None:
    """Print which parts the first outlet has, and the current that it bears in 0.1 A."""
    wiring = board.OUTLETS[0]
    found = {name: wiring[name] is not None for name in ("proximity", "lock", "rcd", "ntc")}
    found["max_da"] = wiring["max_da"]
    tell(found)


def version() -> None:
    """Print the version of the firmware that the unit really imports, and the file that it comes from."""
    from charger import version as own

    tell({"version": own.VERSION, "file": getattr(own, "__file__", "frozen")})
