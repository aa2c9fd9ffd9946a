"""Only Outlet touches its contactor, its pilot and its guards; all other modules use its inputs (ARCHITECTURE)."""

import ast

from house.source import modules

OWNED = {"contactor", "pilot", "guards"}
# Modules that may name them: the outlet's own folder; the drivers and wiring, which make the parts.
OWNERS = ("charger.outlet", "charger.drivers", "charger.wiring")


def touched(source):
    """(line, attribute) of every access to something that an outlet owns."""
    return sorted(
        (node.lineno, node.attr)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in OWNED
    )


def test_no_module_outside_the_outlet_touches_contactor_pilot_or_guards():
    found = []
    for name, path in modules().items():
        if not name.startswith(OWNERS):
            found += [f"{name} line {line}: .{attr}" for line, attr in touched(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_an_access_through_an_outlet_is_found():
    assert touched("outlet.contactor.open()\nfor guard in app.outlets[0].guards: pass") == [(1, "contactor"), (2, "guards")]
