"""tools/fuses.py reads back what was burned; espefuse.py is a script here."""

import json

import fuses
import pytest
from board_definition import loading
from board_definition.chips import CHIPS

from house.test_device import script, tools  # noqa: F401 - a fixture
from house.test_production import fuses as documented

BOARD = "ESP32_S3_DEVKITC"
GOOD = {"SECURE_BOOT_EN": True, "SPI_BOOT_CRYPT_CNT": "Enable", "DIS_DOWNLOAD_MODE": True, "DIS_PAD_JTAG": True,
        "DIS_USB_JTAG": True}  # fmt: skip


def summary(**changes):
    """As `espefuse.py summary --format json` gives it, as far as it is read."""
    values = {**GOOD, "MAC": "00:11", **changes}
    return {name: {"name": name, "value": value} for name, value in values.items() if value != "absent"}


def test_the_table_of_the_document_is_the_tools():
    """PRODUCTION.md names for each chip the fuses that are read back."""
    assert {chip: set(names) for chip, names in fuses.REQUIRED.items()} == documented()
    assert set(fuses.REQUIRED) == set(CHIPS)
    assert {loading.chip_of(loading.BOARDS / name).name for name in loading.names()} <= set(CHIPS)


@pytest.mark.parametrize(("changes", "says"), [
    ({}, []),
    ({"SPI_BOOT_CRYPT_CNT": 7}, []),
    ({"SPI_BOOT_CRYPT_CNT": "0b111"}, []),
    ({"SPI_BOOT_CRYPT_CNT": 3}, ["SPI_BOOT_CRYPT_CNT reads 3, and has to be an odd number of ones."]),
    ({"SPI_BOOT_CRYPT_CNT": "Disable"}, ["SPI_BOOT_CRYPT_CNT reads Disable, and has to be an odd number of ones."]),
    ({"SPI_BOOT_CRYPT_CNT": "?"}, ["SPI_BOOT_CRYPT_CNT reads ?, and has to be an odd number of ones."]),
    ({"SECURE_BOOT_EN": False}, ["SECURE_BOOT_EN reads False, and has to be 1."]),
    ({"DIS_USB_JTAG": "absent"}, ["DIS_USB_JTAG is not in the summary."]),
])  # fmt: skip
def test_each_fuse_that_is_not_as_required_is_a_sentence(changes, says):
    """A bit, a counter, one that is missing."""
    assert fuses.wrong("esp32s3", summary(**changes)) == says


def test_fuses_are_read_at_the_port(tools, capsys):  # noqa: F811
    """espefuse.py is asked for the chip of the board; its log before the JSON is passed over."""
    script(tools, "espefuse.py", f"echo \"$@\" > {tools}/asked; echo connecting; echo '{json.dumps(summary())}'")
    assert fuses.main(["--board", BOARD, "--port", "/dev/null"]) == 0
    assert "All 5 fuses of the esp32s3 are as required." in capsys.readouterr().out
    assert (tools / "asked").read_text().split() == ["--chip", "esp32s3", "--port", "/dev/null", "summary", "--format", "json"]


def test_a_kept_summary_is_judged(tmp_path, capsys):
    """Exit code 1, and the fuse that is not burned."""
    kept = tmp_path / "summary.json"
    kept.write_text(json.dumps(summary(DIS_PAD_JTAG=False)))
    assert fuses.main(["--board", BOARD, "--summary", str(kept)]) == 1
    assert capsys.readouterr().out == "DIS_PAD_JTAG reads False, and has to be 1.\n"
    assert fuses.main(["--board", BOARD, "--summary", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"fuses: {tmp_path / 'none'} cannot be read: No such file or directory.\n"


@pytest.mark.parametrize(("text", "says"), [
    ("espefuse: no serial data received; exit 2", "no serial data"), ("no json", "no summary"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(text, says, tools, capsys):  # noqa: F811
    """Exit code 2."""
    words, _, code = text.partition("; ")
    script(tools, "espefuse.py", f"echo '{words}'\n{code or 'exit 0'}")
    assert fuses.main(["--board", BOARD, "--port", "/dev/null"]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
