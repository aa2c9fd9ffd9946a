#!/usr/bin/env python3
"""Calibrate the meter of one outlet at two points and store the result on the unit.

docs/METERING.md has the procedure. In short: unit powered, contactor open, a reference source (phantom load) on the
measured conductor; this tool asks for each point and for what the reference meter shows, one "volts amperes watts" a
phase, and writes calibration.json when the second point is met.

  tools/calibrate.py --port /dev/ttyUSB0 --outlet 1
  tools/calibrate.py --port /dev/ttyUSB0 --show
"""

import argparse
import json
import subprocess
import sys

import two_point
from cli import in_range

# Runs on the unit. It feeds the watchdog that the firmware armed; without feeding, the unit restarts by itself.
_AGENT = """
import asyncio, json
import board
from machine import WDT
from charger import clock
from charger.drivers import meters
from charger.drivers.meters import calibration
from charger.store.files import Files

dog = WDT(timeout=8000)

async def poll(meter, ms):
    start = clock.ticks_ms()
    while clock.elapsed_ms(start) < ms:
        meter.poll()
        dog.feed()
        await clock.sleep_ms(meter.poll_ms)

async def measure(outlet, entry, seconds):
    kind, options = board.OUTLETS[outlet - 1]["meter"]
    meter = meters.make(kind, options, entry)
    reading = meter.reading
    await meter.start()
    await poll(meter, 3000)
    sums = [[0] * 3, [0] * 3, [0] * 3, [0]]
    count, stamp = 0, None
    reading.take_energy(), reading.take_export()
    start = reading.stamp_ms
    end = clock.ticks_add(clock.ticks_ms(), seconds * 1000)
    while clock.ticks_diff(end, clock.ticks_ms()) > 0:
        await poll(meter, 1)
        if reading.stamp_ms == stamp or reading.age_ms() > 2000:
            continue
        stamp = reading.stamp_ms
        count += 1
        for total, values in zip(sums, (reading.v_mv, reading.i_ma, reading.p_mw, [reading.f_mhz])):
            for n in range(len(total)):
                total[n] += values[n]
    if count == 0:
        return {"fault": reading.fault}
    v, i, p, f = [[total // count for total in totals][: reading.phases] for totals in sums]
    energy = reading.take_energy() - reading.take_export()
    ms = clock.ticks_diff(reading.stamp_ms, start)
    return {"v": v, "i": i, "p": p, "f_mhz": f[0], "energy_mwh": energy, "ms": ms, "count": count}

def stored():
    return Files(board.FLASH_ROOT).read_json(calibration.FILE, None)

def store(outlet, entry):
    whole = stored() or calibration.stored_form({})
    whole["meters"][str(outlet)] = entry
    Files(board.FLASH_ROOT).write_json(calibration.FILE, whole)
    return stored() == whole

def meters_of_board():
    return [[outlet["meter"][0], outlet["meter"][1].get("phases", 0)] for outlet in board.OUTLETS]

print("CALIBRATE " + json.dumps(%s))
"""
_POINTS = {
    "none": "Switch the load off (voltage stays on)",
    "pf1": "Point 1: about 230 V, 10 A, power factor 1",
    "pf05": "Point 2: about 230 V, 10 A, power factor 0.5 lagging",
}
_ENTRY_OF = {"ade7953_i2c": "ade7953", "ade7953_spi": "ade7953"}


class Unit:
    """A charger that runs our agent: `command` takes MicroPython source as its last argument."""

    def __init__(self, command: list[str], outlet: int) -> None:
        self.command = command
        self.outlet = outlet

    def call(self, expression: str, timeout_s: float = 60):
        """Value of an expression of the agent's, carried out on the unit."""
        command = [*self.command, _AGENT.replace("%s", expression, 1)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout_s)
        except OSError as error:
            raise two_point.Unfit(f"{command[0]} cannot be run: {error.strerror}") from error
        for line in done.stdout.splitlines():
            if line.startswith("CALIBRATE "):
                return json.loads(line.removeprefix("CALIBRATE "))
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word from it"]
        raise two_point.Unfit(f"the unit did not answer: {words[-1]}")

    def meter(self) -> tuple[str, int]:
        """Kind and number of phases of the outlet's meter."""
        kinds = self.call("meters_of_board()")
        if not 1 <= self.outlet <= len(kinds):
            raise two_point.Unfit(f"the unit has outlets 1 to {len(kinds)}")
        kind, phases = kinds[self.outlet - 1]
        return _ENTRY_OF.get(kind, kind), phases or (3 if kind == "atm90e32" else 1)

    def measure(self, entry: dict, seconds: int) -> dict:
        """Figures of the meter with this entry, averaged over seconds."""
        seen = self.call(f"asyncio.run(measure({self.outlet}, {entry!r}, {seconds}))", seconds + 60)
        if "fault" in seen:
            raise two_point.Unfit("the meter gives no figures: " + seen["fault"])
        return seen

    def store(self, entry: dict) -> None:
        """Write the entry and see it read back."""
        if not self.call(f"store({self.outlet}, {entry!r})"):
            raise two_point.Unfit("what was written does not read back")


def ask_reference(point: str, phases: int):
    """Have the operator set up a point; return the figures of the reference meter, None for no load."""
    print(_POINTS[point])
    if point == "none":
        input("  then press Enter: ")
        return None
    return ask_figures(phases)


def ask_figures(phases: int) -> dict[str, list[int]]:
    """Ask for what the reference meter shows: "v" mV, "i" mA, "p" mW of each phase."""
    figures: dict[str, list[int]] = {"v": [], "i": [], "p": []}
    for phase in range(phases):
        while True:
            words = input(f"  reference meter, phase {phase + 1}: volts amperes watts: ").replace(",", ".").split()
            try:
                volts, amperes, watts = map(float, words)
            except ValueError:
                print("  three numbers, please")
                continue
            break
        for field, value in (("v", volts), ("i", amperes), ("p", watts)):
            figures[field].append(round(value * 1000))
    return figures


def main(arguments: list[str] | None = None) -> int:
    """0 when the unit is calibrated, 1 with the reason on stderr when it is not (what was stored then stays)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", help="serial port of the unit, for mpremote")
    where.add_argument("--interpreter", help="MicroPython on this computer, with the unit's modules in MICROPYPATH")
    parser.add_argument("--outlet", type=in_range(1, 4), default=1)
    parser.add_argument("--resume", action="store_true", help="no soft reset of the board first")
    parser.add_argument("--show", action="store_true", help="print what is stored and end")
    options = parser.parse_args(arguments)
    if options.port:
        command = [sys.executable, "-m", "mpremote", "connect", options.port, *(["resume"] if options.resume else []), "exec"]
    else:
        command = [options.interpreter, "-c"]
    unit = Unit(command, options.outlet)
    try:
        if options.show:
            print(json.dumps(unit.call("stored()"), indent=2))
            return 0
        kind, phases = unit.meter()
        print(f"outlet {options.outlet}: {kind}, {phases} phase(s)")
        entry = two_point.calibrate(unit, kind, phases, lambda point: ask_reference(point, phases), print)
        unit.store(entry)
    except (two_point.Unfit, EOFError, subprocess.TimeoutExpired) as error:
        print(f"not calibrated: {error}", file=sys.stderr)
        return 1
    print("stored; the unit uses it from its next start")
    return 0


if __name__ == "__main__":
    sys.exit(main())
