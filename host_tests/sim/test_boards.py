"""Every board's real board.py, unchanged, in the simulated world: it starts, charges a car, and writes to its own flash only."""

import json
import os
import subprocess

import pytest
from board_definition import loading

from backend import wait_until
from house.source import ROOT


@pytest.mark.parametrize("name", loading.names())
def test_board_charges_a_car(name, launch, csms):
    """A card, a car, energy on the board's own meter, the contactor open after the car has gone."""
    before = set(os.listdir("/"))
    sim = launch(options=["--board", name])
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    sim.swipe("GOOD0001")
    sim.plug_in()
    sim.wait_ocpp_status("Charging")
    wait_until(lambda: sim.connector()["power_w"] > 1000, 30, "the board's meter sees power")
    assert sim.connector()["offered_amps"] == loading.load(loading.BOARDS / name)["OUTLETS"][0]["max_da"] / 10
    sim.plug_out()
    wait_until(lambda: not sim.connector()["contacts"], 10, "open contacts")
    stopped = csms.record.wait("StopTransaction")
    assert stopped.payload["meterStop"] >= 0
    assert set(os.listdir("/")) == before, "files of the board in the host's root"
    assert {path.name for path in sim.state_dir.iterdir()} >= {"flash.bin", "spare.bin", "nvs.json"}


def test_factory_erasure_of_a_board_spares_the_host(launch, csms, tmp_path):
    """Everything below / is erased, and / is the simulated flash."""
    kept = tmp_path / "kept.new"
    kept.write_text("x")
    before = set(os.listdir("/"))
    sim = launch(options=["--board", "ESP32_DEVKITC"])
    csms.wait_booted()
    mark = len(csms.record)
    sim.command("erase", what="factory")
    csms.wait_booted(since=mark, timeout_s=60)
    assert kept.read_text() == "x" and set(os.listdir("/")) == before


@pytest.mark.parametrize("root", ['FLASH_ROOT = ""', 'FLASH_ROOT = "/"', "pass"])
def test_shims_refuse_a_board_whose_files_would_be_the_hosts(root, tmp_path):
    """A board.py in place of the simulated one, without --board: the interpreter ends before the firmware starts."""
    (tmp_path / "board.py").write_text((ROOT / "boards" / "SIM" / "board.py").read_text().replace('FLASH_ROOT = "/flash"', root))
    launch = {"board": None, "state_dir": None, "measure": True}
    path = ":".join([str(tmp_path), str(ROOT / "boards" / "SIM"), str(ROOT / "firmware"), ".frozen"])
    done = subprocess.run(
        [str(ROOT / ".toolchain" / "micropython64"), "-m", "sim.start"], input=json.dumps(launch) + "\n", cwd="/", text=True,
        capture_output=True, timeout=60, check=False, env={"MICROPYPATH": path},
    )  # fmt: skip
    assert done.returncode != 0
    assert "board.py has no FLASH_ROOT" in done.stdout + done.stderr


def test_unknown_board_is_one_sentence(tmp_path):
    """The list of boards is in the sentence."""
    done = subprocess.run(
        ["python3", str(ROOT / "tools" / "simulate.py"), "--state-dir", str(tmp_path), "--board", "NONE"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("simulate: --board must be one of ESP32_") and done.stderr.count("\n") == 1
