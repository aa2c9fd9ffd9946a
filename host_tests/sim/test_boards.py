"""Every board's real board.py, unchanged, in the simulated world: it starts, charges a car, and writes to its own flash only."""

import json
import os
import subprocess

import check_board
import new_board
import pytest
from board_definition import loading

from backend import wait_until
from house.source import ROOT


def charge_a_car(sim, csms, start):
    """Energy on the board's own meter, the contactor open after the car has gone."""
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    start()
    sim.plug_in()
    sim.wait_ocpp_status("Charging")
    wait_until(lambda: sim.connector()["power_w"] > 1000, 30, "the board's meter sees power")
    offered_amps = sim.connector()["offered_amps"]
    sim.plug_out()
    wait_until(lambda: not sim.connector()["contacts"], 10, "open contacts")
    stopped = csms.record.wait("StopTransaction")
    assert stopped.payload["meterStop"] >= 0
    return offered_amps


@pytest.mark.parametrize("name", loading.names())
def test_board_charges_a_car(name, launch, csms):
    """A card, a car, energy on the board's own meter, the contactor open after the car has gone."""
    before = set(os.listdir("/"))
    sim = launch(options=["--board", name])
    offered_amps = charge_a_car(sim, csms, lambda: sim.swipe("GOOD0001"))
    assert offered_amps == loading.load(loading.BOARDS / name)["OUTLETS"][0]["max_da"] / 10
    assert set(os.listdir("/")) == before, "files of the board in the host's root"
    assert {path.name for path in sim.state_dir.iterdir()} >= {"flash.bin", "spare.bin", "nvs.json"}


CARD = "04A2B3C4"  # a UID, as an NFC reader reads it
# The least that a board may have, and every part that tools/new_board.py asks for.
WRITTEN = {
    "LEAST": ("--chip esp32c3 --meter bl0942",
              "PILOT_PWM=4 PILOT_ADC=0 CONTACTOR_OUT=3 CONTACTOR_FEEDBACK=1 METER_TX=6 METER_RX=7"),
    "MOST": ("--chip esp32s3 --flash 16 --psram octal --amps 32 --phases 3 --meter atm90e32 --house sdm630 --reader pn532_i2c "
             "--lan w5500",
             "PILOT_PWM=4 PILOT_ADC=1 CONTACTOR_OUT=5 CONTACTOR_FEEDBACK=6 METER_SCK=7 METER_MOSI=8 METER_MISO=9 METER_CS=10 "
             "HOUSE_TX=17 HOUSE_RX=16 READER_SCL=11 READER_SDA=12 LAN_SCK=13 LAN_MOSI=14 LAN_MISO=15 LAN_CS=21 LAN_INT=38 "
             "RCD_TRIP=39 RCD_TEST=40 LOCK_OUT=41 LOCK_FEEDBACK=42 PROXIMITY_ADC=2 TAMPER=47 BUTTON=0 PIXEL=48 "
             "FAULT_INPUT_PIN=18"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_board_that_new_board_writes_charges_a_car(name, launch, csms, tmp_path, monkeypatch):
    """Outside of boards/, by its path; the checks accept it, and the driver of each part serves the session."""
    monkeypatch.setattr(loading, "BOARDS", tmp_path)
    words, pins = WRITTEN[name]
    assert new_board.main([name, *words.split(), *[word for pin in pins.split() for word in ("--pin", pin)]]) == 0
    folder = tmp_path / name
    assert check_board.sentences(str(folder)) == []
    sim = launch(options=["--board", str(folder)])
    csms.ledger.set_tag(CARD)
    remote = {"connectorId": 1, "idTag": CARD}
    start = {"LEAST": lambda: csms.call("RemoteStartTransaction", **remote), "MOST": lambda: sim.swipe(CARD)}[name]
    assert charge_a_car(sim, csms, start) == {"LEAST": 16, "MOST": 32}[name]
    assert sim.status()["house_meter"] == {"LEAST": None, "MOST": ""}[name]  # none, and one without a fault


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
