"""For each line that comes in, "valid" or "fault", poll the meter that METER_KIND names until it is so; print its figures."""

import json
import os
import sys
import time

from charger.drivers import meters


def main():
    """One line of figures for each line that comes in."""
    meter = meters.make(os.getenv("METER_KIND"), json.loads(os.getenv("METER_OPTIONS")))
    energy = 0
    for line in sys.stdin:
        wanted = line.strip()
        begun, stamp = time.ticks_ms(), meter.reading.stamp_ms
        while time.ticks_diff(time.ticks_ms(), begun) < 20000:
            meter.poll()
            reading = meter.reading
            fresh = reading.valid and reading.stamp_ms != stamp
            if fresh if wanted == "valid" else reading.fault not in ("", "starting"):
                break
            time.sleep_ms(20)
        energy += reading.take_energy()
        print(json.dumps({"valid": reading.valid, "fault": reading.fault, "v": reading.v_mv, "i": reading.i_ma,
                          "p": reading.p_mw, "f": reading.f_mhz, "energy_mwh": energy}))  # fmt: skip


main()
