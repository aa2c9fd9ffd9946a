"""The factory's tools at a serial port: provision.py and calibrate.py by mpremote against the bare-metal target.

The unit is the simulated board on the target: its flash, its non-volatile storage and its meter chip. What was written is
read back by the firmware's own code.
"""

import json

import calibrate
import provision
import pytest
from hil.serial_unit import SerialUnit
from target import emulator, image

_START = "import hil_world\nhil_world.prepare()"
_READ_BACK = """
import json
import board
from charger.credentials.vault import Vault
from charger.drivers.keystore import KeyStore
from charger.store.files import Files
store = KeyStore()
vault = Vault(Files(board.FLASH_ROOT), store.key())
print("HIL " + json.dumps({"provisioned": store.provisioned(), "names": sorted(vault.names()), "broken": vault.broken,
                           "setup": vault.get("setup/password").decode(), "key": store.key().hex()}))
"""
# A steady source in place of car and contactor: what the chip's measuring inputs see.
_SOURCE = """
from sim import world
outlet = world.current().outlets[0]
outlet.sample = lambda now_ms: None
outlet.v_mv[0], outlet.i_ma[0], outlet.p_mw[0], outlet.f_mhz = %d, %d, %d, 50000
"""
_FORGET = """
import board, os
from charger.drivers.meters import calibration
os.remove(board.FLASH_ROOT + "/" + calibration.FILE)
"""


@pytest.fixture(scope="module")
def port():
    """A unit that comes out of the first flash: nothing calibrated, no credentials."""
    target = emulator.Emulator(image.build(), 3 * 1024 * 1024)
    try:
        target.run(_START)
        target.run(_FORGET)
        yield target.release()
    finally:
        target.close()


def on_unit(port, code):
    """Run code on the unit and return what it tells, if it does."""
    unit = SerialUnit(port, "target", soft_reset=False)
    try:
        return unit.value(code) if "HIL " in code else unit.run(code)
    finally:
        unit.close()


@pytest.mark.timeout(600)
def test_meter_is_calibrated_over_the_serial_line(port, monkeypatch, capsys):
    """Two points of a reference source; the entry is on the unit's flash and makes the figures right."""
    points = {"Point 1": (230_100, 10_020, 2_305_600), "Point 2": (229_800, 10_050, 1_154_700)}
    current = []
    told = print

    def hear(*words, **options):
        told(*words, **options)
        for name, point in points.items():
            if str(words[0]).startswith(name):
                current[:] = point
                on_unit(port, _SOURCE % point)

    monkeypatch.setattr("builtins.print", hear)
    monkeypatch.setattr("builtins.input", lambda prompt: "{} {} {}".format(*(value / 1000 for value in current)))
    assert calibrate.main(["--port", port, "--resume", "--outlet", "1"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert calibrate.main(["--port", port, "--resume", "--show"]) == 0
    entry = json.loads(capsys.readouterr().out)["meters"]["1"]
    assert entry["kind"] == "ade7953" and entry["v"] != [1_000_000] and abs(entry["v"][0] - 1_000_000) < 25_000


@pytest.mark.timeout(300)
def test_outlet_that_is_not_there_is_refused_over_the_serial_line(port, capsys):
    """The unit's own list of outlets decides; what is stored stays."""
    assert calibrate.main(["--port", port, "--resume", "--outlet", "4"]) == 1
    assert "the unit has outlets 1 to 1" in capsys.readouterr().err


@pytest.mark.timeout(300)
def test_credentials_are_written_over_the_serial_line_and_read_back(port, tmp_path, capsys):
    """The vault on the unit has what the label says; a second time is refused and changes nothing."""
    words = ["--port", port, "--board", "ESP32_C6_DEVKITC", "--resume", "--serial", "PL7"]
    assert provision.main([*words, "--labels", str(tmp_path)]) == 0, capsys.readouterr().err
    label = json.loads(capsys.readouterr().out)["label"]
    found = on_unit(port, _READ_BACK)
    assert found["provisioned"] and not found["broken"] and found["setup"] == label["setup_password"]
    assert {"label/owner", "label/installer", "label/ocpp", "setup/password", "web/key", "web/certificate"} <= set(found["names"])
    assert (tmp_path / "PL7.pdf").exists()
    assert provision.main([*words[:5], "--serial", "PL8"]) == 1
    assert "it is provisioned already" in capsys.readouterr().err
    assert on_unit(port, _READ_BACK) == found
    assert provision.main([*words, "--again"]) == 0
    assert on_unit(port, _READ_BACK)["key"] != found["key"]


def test_port_at_which_nobody_answers_is_one_sentence(capsys):
    """Both tools, with mpremote's own words."""
    assert provision.main(["--port", "/dev/null", "--board", "ESP32_C6_DEVKITC", "--serial", "PL9"]) == 1
    assert capsys.readouterr().err.startswith("provision: the unit did not answer: ")
    assert calibrate.main(["--port", "/dev/null", "--show"]) == 1
    assert capsys.readouterr().err.startswith("not calibrated: the unit did not answer")
