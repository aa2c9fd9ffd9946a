"""docs/SAFETY.md, "Inputs": each input that the firmware reads has a row with its filter, its fault and its tests."""

import ast
import re

from house.source import FIRMWARE, ROOT

_TEXT = (ROOT / "docs" / "SAFETY.md").read_text(encoding="utf-8").partition("\n## Inputs\n")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in _TEXT.splitlines() if line.startswith("| `")]
CHARGER = FIRMWARE / "charger"
_BUSES = ("uart", "i2c", "spi", "adc")
_OUTPUTS = ("led", "pixel")


def _names_an_input(call):
    """Pin(..., Pin.IN), ADC(...), UART(...), buses.uart(...) and the like."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "Pin":
        return any(isinstance(arg, ast.Attribute) and arg.attr == "IN" for arg in call.args)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return name in ("ADC", "UART") or (name in _BUSES and isinstance(owner, ast.Name) and owner.id == "buses")


def _keys(node):
    """The texts that the call takes out of the board's data."""
    parts = [part.slice for part in ast.walk(node) if isinstance(part, ast.Subscript)]
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def inputs():
    """{(file below firmware/charger, key of the board's data or ""), ...}."""
    found = set()
    for path in sorted((CHARGER / "drivers").rglob("*.py")):
        if path.name == "buses.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _names_an_input(node):
                found.update((path.relative_to(CHARGER).as_posix(), str(key)) for key in _keys(node) or [""])
    for name in ("wiring.py", "network_wiring.py"):
        wiring = (CHARGER / name).read_text(encoding="utf-8")
        found.update((name, key) for key in re.findall(r'(?:shared|SHARED)\.get\("(\w+)"', wiring) if key not in _OUTPUTS)
        found.update(("grid/house_input.py", key) for key in re.findall(r'getattr\(board, "(HOUSE)"', wiring))
        found.update((name, key) for key in re.findall(r'\(wiring\.get\("(\w+)"\) or \{\}\)\.get\("pin"\)', wiring))
    return found


def test_the_inputs_are_found():
    assert {("drivers/rcd.py", "trip"), ("drivers/pilot.py", "adc"), ("wiring.py", "tamper"), ("wiring.py", "fault_input"),
            ("drivers/meters/bl0942.py", "")} <= inputs()  # fmt: skip


def test_each_input_has_a_row():
    """The first cell names the key, the second one the file."""
    for file, key in inputs():
        assert any(f"`{file}`" in row[1] and (not key or f"`{key}`" in row[0]) for row in ROWS), (file, key)


def test_each_row_is_an_input_with_tests_that_exist():
    for row in ROWS:
        assert len(row) == 6 and all(row), row
        files = re.findall(r"`([\w/]+\.py)`", row[1])
        assert any(file in files for file, _ in inputs()), row
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row[5])
        assert named, row
        for file, test in named:
            assert re.search(rf"def {test}\b", (ROOT / "host_tests" / file).read_text(encoding="utf-8")), (file, test)
