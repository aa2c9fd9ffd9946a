"""`make deploy` against the bare-metal target: mpremote, raw REPL, files on its file system, and the firmware read back."""

import device
import pytest
from target import emulator, image
from target_units import ALL

BOARD = "ESP32_S3_DEVKITC"
FEW = ("charger/__init__", "charger/version", "charger/clock", "charger/drivers/", "board", "boot", "main")
_START = f"""
import disk, os, sys
disk.mount({emulator.DISK}, {emulator.DISK_BYTES}, "/disk")
os.chdir("/disk")
sys.path.clear()
"""


@pytest.fixture
def port():
    """A started target with an empty file system, its serial port free for mpremote."""
    target = emulator.Emulator(image.build(), 2 * 1024 * 1024)
    target.run(_START)
    yield target.release()
    target.close()


@pytest.mark.timeout(900)
def test_firmware_is_copied_and_read_back(port, capsys, monkeypatch):
    """The files arrive, and the version comes from them. `make target` copies all, other runs of the tests a part."""
    stage = device.stage
    if not ALL:
        monkeypatch.setattr(device, "stage", lambda folder: [name for name in stage(folder) if name.startswith(FEW)])
    assert device.main(["deploy", "--board", BOARD, "--port", port, "--resume"]) == 0, capsys.readouterr().err
    output = capsys.readouterr().out
    assert "version 0.1.0" in output
    assert int(output.split()[0]) == len(device.stage(device.board(BOARD))) > 20


def test_deploy_says_what_the_target_says(port, capsys, monkeypatch):
    """A file that cannot be written ends it with the board's own words."""
    monkeypatch.setattr(device, "stage", lambda folder: ["boot.py"])
    monkeypatch.setattr(device, "deploy_commands", lambda folder, names: [["exec", "open('/nowhere/x', 'w')"]])
    assert device.main(["deploy", "--board", BOARD, "--port", port, "--resume"]) == 1
    assert "OSError" in capsys.readouterr().err
