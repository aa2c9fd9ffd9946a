"""A meter is named in its driver, in the simulated chip of the same name, and in no other Python file but those of KNOWN."""

import re

import pytest
from board_definition import loading
from simulator import settings

from house.source import ROOT

CHIPS = ROOT / "boards" / "SIM" / "sim" / "chips"
ON_SIM = loading.literal(CHIPS / "__init__.py", "ON_SIM")
KINDS = sorted(loading.meter_kinds())
# Where a meter may be named besides its own two files: the simulated board's table, and what is calibrated by us.
TABLES = ("boards/SIM/sim/chips/__init__.py", "tools/two_point.py")
SAME_METER = {"sdm120": ("sdm630",)}  # one meter with one phase and with three: their code is in the second file
# The names that one chip has on two buses, for its entry in calibration.json; a new board's meter unless another is named.
REFERENCE = {"ade7953_i2c"}
KNOWN = {
    "tools/calibrate.py": {"ade7953_i2c", "ade7953_spi", "ade7953", "atm90e32"}, "tools/new_board.py": REFERENCE,
    "tools/board_definition/writing.py": REFERENCE, "tools/target/bare/board.py": REFERENCE,
    # the same product as the meter of the house, by Modbus TCP: a value of the key HouseMeter
    "firmware/charger/net/modbus.py": {"sdm630"}, "firmware/charger/validate.py": {"sdm630"},
}  # fmt: skip


def file_of(kind):
    """The name of a driver's file."""
    return re.sub(r"_(i2c|spi)$", "", kind)


def sources():
    """Python files of firmware, tools and the simulated board; a real board's data names its meter, of course."""
    places = (ROOT / "firmware", ROOT / "tools", ROOT / "boards" / "SIM", ROOT / "boards" / "common")
    return [path for place in places for path in sorted(place.rglob("*.py")) if "__pycache__" not in path.parts]


def strings(text):
    """Words in quotes."""
    return set(re.findall(r"""["']([A-Za-z0-9_.-]+)["']""", text))


@pytest.mark.parametrize("kind", KINDS)
def test_driver_has_a_chip_and_its_rows(kind):
    """A chip that fits itself, a name for --set MeterKind, a row in METERING.md."""
    chip = CHIPS / f"{file_of(kind)}.py"
    assert re.search(r"(?m)^(def fit\(|from sim\.chips\.\w+ import .*\bfit\b)", chip.read_text()), chip
    assert kind in {row[0] for row in ON_SIM.values()}
    assert f"`{kind}`" in (ROOT / "docs" / "METERING.md").read_text()


def test_every_name_of_the_simulated_board_is_a_driver_and_documented():
    """--set takes the names of the table, and the contract lists them."""
    assert {row[0] for row in ON_SIM.values()} == set(KINDS)
    assert set(ON_SIM) == set(settings.METERS)
    contract = (ROOT / "docs" / "ARCHITECTURE.md").read_text().partition("MeterKind (")[2].partition(")")[0]
    assert set(re.findall(r"[A-Z][A-Z0-9]+(?:-SPI)?", contract)) == set(ON_SIM)


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_file_names_a_meter(kind):
    """The parts that load, check and simulate meters find them by their files."""
    own = file_of(kind)
    named = []
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        if path.stem in (own, *SAME_METER.get(own, ())) or place in TABLES:
            continue
        found = strings(path.read_text(encoding="utf-8")) & {kind, own} - KNOWN.get(place, set())
        if found:
            named.append(f"{place}: {', '.join(sorted(found))}")
    assert not named, named
