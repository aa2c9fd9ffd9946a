"""A board is provisioned by the code that makes simulated units, and no command line holds a secret."""

import json
import os
import subprocess

import pytest
from provisioning import record, state, unit

from backend.simulator import ROOT
from sim.provisioned_units import OPERATOR_PASSWORD, SECRETS, make_unit

# What the script finds on a board: its files, its NVS, its watchdog; here in a folder.
MACHINE = "class WDT:\n    def __init__(self, timeout): pass\n    def feed(self): pass\n"
ESP32 = """
import json
FILE = %r
class NVS:
    def __init__(self, namespace):
        self._namespace = namespace
        try:
            with open(FILE) as file:
                self._all = json.load(file)
        except OSError:
            self._all = {}
        self._values = self._all.setdefault(namespace, {})
    def set_i32(self, key, value):
        self._values[key] = value
    def get_i32(self, key):
        if type(self._values.get(key)) is not int:
            raise OSError(-0x1102)
        return self._values[key]
    def set_blob(self, key, value):
        self._values[key] = bytes(value).hex()
    def get_blob(self, key, buffer):
        if type(self._values.get(key)) is not str:
            raise OSError(-0x1102)
        data = bytes.fromhex(self._values[key])
        buffer[: len(data)] = data
        return len(data)
    def erase_key(self, key):
        if key not in self._values:
            raise OSError(-0x1102)
        del self._values[key]
    def commit(self):
        with open(FILE, "w") as file:
            json.dump(self._all, file)
"""
BOARD = "FLASH_ROOT = %r\nFACTORY_FILE = FLASH_ROOT + '/factory.json'\n"


def test_a_board_is_provisioned_by_the_same_code(tmp_path):
    """Its serial number goes to the factory's file, from which a password in plain sight disappears."""
    shims, flash = tmp_path / "shims", tmp_path / "flash"
    shims.mkdir()
    flash.mkdir()
    (shims / "machine.py").write_text(MACHINE)
    (shims / "board.py").write_text(BOARD % str(flash))
    (shims / "esp32.py").write_text(ESP32 % str(tmp_path / "nvs.json"))
    known = {"keys": {"CpoName": "A"}, "csms": {"url": "wss://x"}}
    csms = {"url": "wss://x", "basic_auth_password": OPERATOR_PASSWORD}
    (flash / "factory.json").write_text(json.dumps({**known, "csms": csms}))
    interpreter = ROOT / ".toolchain" / "micropython32"
    target = unit.Unit([str(interpreter)], unit._BOARD, {"MICROPYPATH": f"{shims}:{ROOT / 'firmware'}:.frozen"})
    made, label = record.make("PL-9", target.measure())
    target.write(made, again=False)
    assert json.loads((flash / "factory.json").read_text()) == {**known, "serial": "PL-9"}
    data = b"".join(path.read_bytes() for path in flash.rglob("*") if path.is_file())
    assert not [name for name in SECRETS if label[name].encode() in data] and OPERATOR_PASSWORD.encode() not in data
    assert state.is_provisioned(tmp_path) and state.serial(tmp_path) == "PL-9"
    with pytest.raises(unit.Failed, match="--again"):
        target.write(made, again=False)
    with pytest.raises(unit.Failed, match="Invalid") as refused:
        target.write({**made, "setup_password": "x"}, again=True)
    assert label["ocpp_password"] not in str(refused.value)


def test_no_secret_is_in_a_command_line(tmp_path, monkeypatch):
    """The command that provisions a unit has the path of a script, which nobody else can read and which is gone after.

    Its folder is its own: a `board.py` in the folder of temporary files, which anybody can write, is not imported.
    """
    seen = []
    monkeypatch.setattr(unit.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "board.py").write_text("raise OSError('not the unit')")
    real = subprocess.run

    def watched(command, **how):
        path = command[-1]
        with open(path) as file:
            seen.append((command, file.read(), os.stat(path).st_mode & 0o777))
        return real(command, **how)

    monkeypatch.setattr(unit.subprocess, "run", watched)
    made, label = make_unit(tmp_path / "state")
    [(command, script, mode)] = seen
    assert label["ocpp_password"] in script and mode == 0o600
    assert not [word for word in command if label["ocpp_password"] in word or made["device_key"] in word]
    assert not os.path.exists(command[-1])
