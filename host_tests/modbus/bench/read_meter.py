"""Poll the meter that METER_KIND names until it is valid, then print its figures as JSON; then what is polled on a line "again"."""

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
            if wanted == "valid" and reading.valid and reading.stamp_ms != stamp or wanted == "fault" and reading.fault:
                if wanted == "valid" or reading.fault != "starting":
                    break
            time.sleep_ms(20)
        energy += reading.take_energy()
        print(json.dumps({"valid": reading.valid, "fault": reading.fault, "v": reading.v_mv, "i": reading.i_ma,
                          "p": reading.p_mw, "f": reading.f_mhz, "energy_mwh": energy}))  # fmt: skip


main()
