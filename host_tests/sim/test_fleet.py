"""Many chargers in one process: they connect, charge, and come back spread after an outage of all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fleet.py"


def fleet(*words):
    return subprocess.run([sys.executable, TOOL, *map(str, words)], capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.timeout(240)
def test_a_fleet_charges_and_comes_back_after_an_outage_of_all(tmp_path, frozen_interpreter):
    figures = tmp_path / "fleet.json"
    done = fleet(6, "--sessions", "--pause", 2, "--seconds", 8, "--time-scale", 5, "--storm", "--storm-seconds", 25,
                 "--json", figures)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["connected"] == found["chargers"] == 6 and found["failed"] == found["problems"] == []
    assert found["transactions"] > 0
    assert found["longest_gap_of_ticks_ms"]["max"] <= 40, "time is virtual: no tick is late however busy this machine is"
    assert found["memory"]["kib_a_charger"] < 4096
    assert sum(found["back_histogram"].values()) == 6


def test_units_stay_in_a_state_directory(tmp_path, csms, frozen_interpreter):
    csms.audited = False
    words = (2, "--csms", csms.url, "--prefix", "HOME", "--state-dir", tmp_path / "units", "--seconds", 3)
    assert fleet(*words).returncode == 0
    serials = [m.payload["chargeBoxSerialNumber"] for m in csms.record.calls("BootNotification")]
    assert fleet(*words).returncode == 0
    again = [m.payload["chargeBoxSerialNumber"] for m in csms.record.calls("BootNotification")][len(serials) :]
    assert sorted(serials) == sorted(again) and len(set(serials)) == 2
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == ["HOME0001", "HOME0002"]


@pytest.mark.parametrize("words", [
    ("0",), ("1001",), ("x",), ("2", "--csms", "http://x"), ("2", "--", "--word", "7"), ("2", "--bogus"),
])  # fmt: skip
def test_a_mistake_is_one_sentence_and_exit_code_2(words):
    done = fleet(*words)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("fleet: "), done.stderr
