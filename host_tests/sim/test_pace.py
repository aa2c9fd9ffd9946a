"""Board time: --pace charges code and hardware, status tells the figures, and a busy machine gives the same time."""

import json
import re
import subprocess
import sys

import pytest

from mpy.interpreter import ROOT, binary, environment

LONG_S = 60


WRONG = [["--pace", "fast"], ["--pace", "0"], ["--pace", "nan"], ["--flash-time", "never"], ["--tls-heap", "-1"]]


@pytest.mark.parametrize("options", WRONG)
def test_a_wrong_option_ends_with_code_2_and_one_sentence(tmp_path, options):
    """Nothing starts."""
    command = [sys.executable, "tools/simulate.py", "--state-dir", str(tmp_path), "--control", "127.0.0.1:0", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert options[0] in done.stderr


def test_a_session_at_a_pace_reports_its_figures(launch, csms):
    """The tick is counted, tasks have their names, hardware its share."""
    sim = launch(time_scale=5, options=["--pace", "5"])
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    sim.let_pass(1)
    status = sim.command("status")
    tick, paced = status["tick"], status["paced"]
    assert status["pace"] == 5
    assert tick["count"] > 10
    assert 0 < tick["median_us"] <= tick["p99_us"] <= tick["max_us"]
    assert 20 <= tick["max_gap_ms"]
    assert paced["slices"]
    assert paced["hardware_ms"]["ADC"] > 0
    assert "meter" in paced["cpu_ms"]


def test_the_tick_is_charged_as_it_is_counted():
    """Within 10 % of the budget that the counts on the target are held to."""
    text = (ROOT / "boards/SIM/sim/hardware_times.py").read_text()
    charged = int(re.search(r"TICK_INSTRUCTIONS = const\((\d+)\)", text)[1])
    counted = json.loads((ROOT / "tools/target/budgets.json").read_text())["tick.charging"]
    assert 0.9 * counted < charged < 1.1 * counted


PROBE = """
import time
from sim import pace, pace_reference, paced_clock, timebase
import gc, utime
paced_clock.start("esp32")
taken = []
for _ in range(31):
    gc.collect()
    pace._probed_ms = utime.ticks_add(utime.ticks_ms(), -1000)
    pace.track()
    begun = timebase.ticks_us()
    pace_reference.run()
    taken.append(utime.ticks_diff(timebase.ticks_us(), begun))
taken.sort()
print(taken[15])
"""


def _board_us(word):
    done = subprocess.run([str(binary(word)), "-X", "heapsize=1m", "-c", PROBE], cwd=ROOT, env=environment(),
                          capture_output=True, text=True, timeout=LONG_S, check=True)  # fmt: skip
    return int(done.stdout)


@pytest.mark.parametrize("busy", [0, 4])
def test_the_reference_takes_its_board_time_on_a_quiet_and_on_a_busy_machine(word, busy):
    """8.55 million instructions at 7.3 ns are 62.4 ms: within 25 %."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        us = _board_us(word)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert 0.75 * 62440 < us < 1.25 * 62440
