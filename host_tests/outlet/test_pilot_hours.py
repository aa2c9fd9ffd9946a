"""F-E21 at full size: ten simulated hours of pilot readings a case without a false opening (`make soak`; else 40 s)."""

import json
import os
import subprocess

import pytest

from mpy.interpreter import ROOT, binary, environment

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
HOURS = float(os.environ.get("PILOTLIGHT_HOURS", "10" if SOAK else "0.011"))
READINGS_AN_HOUR = 180000
NOISE_MV = 20  # at the ADC
# 6 A, and the highest offer at that conversion time: the shortest plateaus
CASES = [
    (conversion_us, offer_da, locked, drift_ppm)
    for conversion_us in ((30, 45, 100, 200) if SOAK else (45, 200))
    for offer_da in (60, 800)
    for locked, drift_ppm in ((0, 0), (1, 37))
]


def play(case):
    """The report of pilot_hours.py."""
    readings = int(HOURS * READINGS_AN_HOUR)
    arguments = [*map(str, case), str(NOISE_MV), str(readings)]
    done = subprocess.run(
        [str(binary(64)), "-X", "heapsize=16M", "host_tests/outlet/pilot_hours.py", *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=7100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.rsplit("\x1e", 1)[1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_f_e21_hours_of_readings_open_nothing(case):
    """Slow conversions, noise, the phase free or locked and drifting: no reading that opens, and few that are taken again."""
    found = play(case)
    print(case, found)
    assert found["readings"] >= 1900
    assert (found["openings"], found["bad"]) == (0, 0), found
