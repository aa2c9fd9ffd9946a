"""Runs inside MicroPython: works out the plans of households as the planner does.

One JSON object a line on stdin: {"country", "windows": text or null, "now", "minute", "wh", "power_w", "delay_s",
"sun": hundredths or null, "flowing", "blocks": [[start, seconds, [prices]]]}. The answer: {"says", "until", "slots",
"missing_s", "leave"}.
"""

import json
import sys

from memory_files import MemoryFiles

from charger import clock
from charger.config.configuration import Configuration
from charger.grid import charging_hours, departure, tariff
from charger.grid.charging_hours import ChargingHours
from charger.runtime.cooperative import run_now


class Part:
    """Whatever the plan asks for, by name."""

    def __init__(self, **facts):
        for name, value in facts.items():
            setattr(self, name, value)


def play(case):
    """One household."""
    clock.set_utc(case["now"], "test")
    files = MemoryFiles()
    config = Configuration(files, {"Country": case["country"]})
    if case["windows"] is not None:
        files.write_json(charging_hours.FILE, {"choice": "change", "windows": case["windows"]})
    files.write_json(tariff.FILE, case["blocks"])
    departure.keep(files, 1, (case["minute"], case["wh"]))
    meter = Part(reported_wh=lambda: 1000)
    outlet = Part(limits=Part(safety_da=320), most_phases=3, allowed_da=lambda *but: 10000, energised=case["flowing"], cable=None)
    connector = Part(id=1, meter=meter, outlet=outlet)
    session = Part(start_utc=case["now"], start_wh=1000, max_w=case["power_w"])
    lane = Part(connector=connector, session=session, offered_da=320, says=departure.NOTHING, starts=lambda: False)
    hours = ChargingHours(config, files, None)
    plan = run_now(departure.work_out(files, hours, case["now"], lane, case["delay_s"], 230, case["sun"]))
    leave = departure.next_departure(hours.zone, case["minute"], case["now"])
    return {"says": plan.says, "until": plan.until, "slots": plan.slots, "missing_s": plan.missing_s, "leave": leave}


for line in sys.stdin:
    print("\x1e" + json.dumps(play(json.loads(line))))
