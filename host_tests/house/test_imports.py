"""Imports point one way (docs/ARCHITECTURE.md). This is where that rule lives."""

import pytest

from house.source import imports, is_package, modules

# Modules that anyone may import; they import only each other.
LEAVES = {"charger.clock", "charger.log", "charger.validate", "charger.version", "charger.errors", "charger.os_errors"}
DOMAIN = {"outlet", "metering", "grid"}
# area -> areas of charger/ that it may import besides itself and the leaves
ALLOWED = {
    "outlet": DOMAIN | {"store"},
    "metering": DOMAIN | {"store"},
    "grid": DOMAIN | {"audit", "runtime", "store"},  # names of events; the tables of a look are unloaded after it
    "store": set(),
    "runtime": set(),
    "crypto": set(),
    "access": {"audit", "crypto", "runtime", "store"},
    "audit": {"crypto", "runtime", "store"},
    "credentials": {"access", "audit", "crypto", "runtime", "store"},
    "maintenance": {"metering", "access", "audit", "config", "credentials", "crypto", "ocpp", "runtime", "store"},
    "config": {"audit", "metering", "store"},
    "drivers": {"metering"},  # a meter fills metering's plain Reading
    "net": {"audit", "credentials", "crypto", "runtime", "store"},
    "ocpp": DOMAIN | {"audit", "config", "credentials", "crypto", "net", "runtime", "store", "update"},
    "update": DOMAIN | {"audit", "credentials", "crypto", "net", "runtime", "store"},
    "commands": {"access", "audit", "credentials", "grid", "maintenance", "runtime", "update"},
    "status_light": {"outlet"},
    "status_display": {"outlet"},
    "local_api": {"access", "audit", "commands", "credentials", "crypto", "net", "runtime"},
    "mqtt_client": {"access", "audit", "commands", "credentials", "crypto", "net", "runtime", "store", "status_report", "update"},
    "syslog_client": {"audit", "net", "runtime"},
}
# built-in modules that touch hardware, the network or the flash -> who may import them
RESERVED = {
    "machine": {"drivers", "app", "wiring", "network_wiring", "boot", "_boot"},
    "esp32": {"drivers", "app", "_boot"},
    "network": {"net"},
    "vfs": {"_boot", "store"},
    "board": {"app", "wiring", "network_wiring", "boot"},
}
# The application knows all, and what assembles it; main and boot start it.
ROOTS = {"charger.app", "charger.wiring", "charger.network_wiring", "main", "boot", "_boot"}


def area(name):
    """The area a module belongs to: the folder below charger/, or the module's own name at the top."""
    parts = name.split(".")
    return parts[1] if parts[0] == "charger" and len(parts) > 1 else parts[0]


def faults(name, source, package=False, known=None):
    """A module's forbidden imports, in words."""
    known = modules() if known is None else known
    found = []
    for item in imports(source, name, package, known):
        target, where = item.target, f"{name} line {item.line}: "
        if target == "?":
            found.append(where + "imports a name that is only known at run time")
        elif target.split(".")[0] in RESERVED and area(name) not in RESERVED[target.split(".")[0]]:
            found.append(where + f"{target} is for {', '.join(sorted(RESERVED[target.split('.')[0]]))} only")
        elif target.split(".")[0] == "charger" and not may_import(name, target):
            found.append(where + f"must not import {target}")
    return found


def may_import(name, target):
    """The rule itself, for imports within charger/."""
    if name in ROOTS or target in LEAVES or target == "charger":
        return True
    if name in LEAVES or target in ROOTS:
        return False
    if area(name) in ALLOWED:
        return area(target) == area(name) or area(target) in ALLOWED[area(name)]
    # What stands beside app at the top (status_report) knows only leaves and plain data.
    return area(target) in {"metering"} or f"charger.{area(target)}" not in modules() or not is_area(target)


def is_area(target):
    """True when the target lies in one of the folders below charger/."""
    return is_package(f"charger.{area(target)}")


def test_imports_point_one_way():
    """No module knows more than its place in the house allows."""
    found = []
    for name, path in modules().items():
        found += faults(name, path.read_text(encoding="utf-8"), is_package(name))
    assert not found, "\n".join(found)


def test_every_area_has_its_rule():
    """A new folder below charger/ gets its line in ALLOWED before anything is put in it."""
    areas = {area(name) for name in modules() if name.startswith("charger.") and is_area(name)}
    assert areas <= set(ALLOWED), f"no rule for {sorted(areas - set(ALLOWED))}"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("charger.outlet.outlet", "from charger.drivers.pilot import Pilot"),
        ("charger.outlet.outlet", "def f():\n    from ..ocpp import rpc"),
        ("charger.outlet.outlet", "import machine"),
        ("charger.metering.energy_register", "from charger.net import websocket"),
        ("charger.ocpp.transport.rpc", "from charger.drivers import contactor"),
        ("charger.ocpp.transport.rpc", "import charger.app"),
        ("charger.local_api.server", "from machine import Pin"),
        ("charger.clock", "from charger.store import files"),
        ("charger.runtime.supervisor", "from charger.outlet.outlet import Outlet"),
        ("charger.store.files", "from charger.outlet import states"),
        ("charger.ocpp.v16.actions", "__import__(name)"),
        ("charger.outlet.outlet", "__import__('charger.ocpp.' + name)"),
    ],
)
def test_wrong_imports_are_found(name, source):
    """The check sees what it is there for: local, relative and dynamic imports too."""
    known = {**modules(), "charger.ocpp.transport.rpc": None, "charger.drivers.contactor": None, "charger.net.websocket": None}
    assert faults(name, source, known=known)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("charger.outlet.outlet", "from charger import clock, log\nfrom charger.outlet import states"),
        ("charger.drivers.pilot", "from machine import ADC, PWM, Pin"),
        ("charger.app", "import machine\nfrom charger.drivers.pilot import Pilot"),
    ],
)
def test_right_imports_pass(name, source):
    """And it lets through what docs/ARCHITECTURE.md allows."""
    assert faults(name, source) == []
