"""The contactor has one owner: no module outside of outlet/ closes or opens it, or takes hold of it (F-S16, docs/SAFETY.md)."""

import ast

import pytest

from house.source import modules

_HOLDERS = ("contactor", "phase_switch", "switch")  # attributes under which outlet/ has the contactors
_READ = {"openings", "hot_openings", "hot_cause"}  # of a switch: counters, which the status shows
MAKES = "charger.wiring"  # creates the drivers and hands them to the outlet
DRIVER = "charger.drivers.coprocessor"  # the contactor that the co-processor may open as well


def faults(name, source):
    """The places at which a module does what outlet/ alone may do, in words."""
    tree = ast.parse(source)
    allowed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _READ:
            allowed.add(id(node.value))
        elif isinstance(node, ast.Assign) and name == MAKES:
            allowed |= {id(part) for target in node.targets for part in ast.walk(target)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _HOLDERS and id(node) not in allowed:
            found.append(f"{name} line {node.lineno}: .{node.attr}")
        elif isinstance(node, ast.ImportFrom) and "power_switch" in (node.module or "") + str([one.name for one in node.names]):
            found.append(f"{name} line {node.lineno}: the switch")
        elif isinstance(node, ast.Name) and node.id == "Contactor" and name != MAKES:
            found.append(f"{name} line {node.lineno}: Contactor")
    return found


def test_f_s16_nothing_outside_of_outlet_has_a_hold_of_the_contactor():
    outside = {name: path for name, path in modules().items() if not name.startswith(("charger.outlet.", DRIVER))}
    assert len(outside) > 200
    assert [fault for name, path in outside.items() for fault in faults(name, path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("source", [
    "outlet.contactor.open()", "self.outlets[0].switch.close()", "hold = outlet.switch", "c = Contactor({})",
    "from charger.outlet.power_switch import PowerSwitch", "parts.phase_switch.close()"])
def test_the_check_finds_such_a_hold(source):
    assert faults("charger.app", source)
