"""Runs inside MicroPython: hours of readings of one pilot over a closed contactor; prints one JSON object.

    pilot_hours.py CONVERSION_US OFFER_DA LOCKED DRIFT_PPM NOISE_MV READINGS

A false opening is two ticks in a row in which both readings lack a plateau or show a state that asks for no energy.
"""

import json
import sys

from rig import Rig

from charger.drivers.pilot import Pilot
from charger.outlet import pilot_duty, pilot_states
from sim import timebase


def _pilot(conversion_us, offer_da, locked, drift_ppm, noise_mv):
    rig = Rig()
    side = rig.side
    sense = side.pilot_sense
    sense.conversion_us, sense.locked, sense.drift_ppm, sense.noise_uv = conversion_us, bool(locked), drift_ppm, noise_mv * 1000
    sense.refresh()
    wiring = dict(rig.board.OUTLETS[0]["pilot"])
    wiring["conversion_us"] = conversion_us
    pilot = Pilot(wiring)
    side.ev.want = 2
    side.ev.s2 = True
    pilot.set_duty(pilot_duty.duty_from_da(min(offer_da, pilot.most_da)))
    side.refresh()
    return pilot


def _is_good(pilot):
    return pilot_states.decode(pilot.high_mv) == pilot_states.C and pilot.low_mv <= pilot_states.DIODE_LOW_MV


def main():
    """Read so often; count what was read again, what was bad twice in a tick, and what would open."""
    conversion_us, offer_da, locked, drift_ppm, noise_mv, readings = [int(text) for text in sys.argv[1:]]
    pilot = _pilot(conversion_us, offer_da, locked, drift_ppm, noise_mv)
    again = bad = openings = 0
    was_bad = False
    for _ in range(readings):
        timebase.advance(20)
        pilot.read()
        is_bad = False
        if not _is_good(pilot):
            again += 1
            pilot.read_again()
            is_bad = not _is_good(pilot)
        bad += is_bad
        openings += is_bad and was_bad
        was_bad = is_bad
    print("\x1e" + json.dumps({"readings": readings, "again": again, "bad": bad, "openings": openings}))


if __name__ == "__main__":
    main()
