"""Whatever is added is entered everywhere it belongs: each list that a new part could miss is held here (CONTRIBUTING.md)."""

import ast
import json
import re

import pytest
from board_definition import loading
from simulator import settings

from house.source import FIRMWARE, ROOT, modules
from house.test_conformance import table

CHARGER = FIRMWARE / "charger"
METERS = loading.meter_kinds()


def text(*path: str) -> str:
    """A file of the project."""
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


def constant(source: str, name: str):
    """A constant of a module's source."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"no {name}")


MID = {"sdm120", "sdm630"}  # calibrated by their maker: nothing of ours is measured and held


def simulated_meters() -> dict:
    """MeterKind of --set: the driver's name, as the simulated chips' table has them."""
    return {name: row[0] for name, row in constant(text("boards", "SIM", "sim", "chips", "__init__.py"), "ON_SIM").items()}


@pytest.mark.parametrize("kind", METERS)
def test_a_meter_driver_is_simulated_measured_calibrated_and_described(kind):
    """The lists beside the driver's own file: a kind that they miss would run untested, and without its energy factor."""
    entry = next(path.stem for path in (CHARGER / "drivers" / "meters").glob("*.py") if f'("{kind}", ' in path.read_text())
    assert kind in simulated_meters().values(), "boards/SIM/sim/chips/__init__.py"
    rows = [line for line in text("docs", "METERING.md").splitlines() if line.startswith("|") and f"`{kind}`" in line]
    assert len(rows) >= (1 if kind in MID else 2), "docs/METERING.md: front ends, accuracy"
    if kind in MID:
        return
    assert kind in constant(text("host_tests", "unit", "support", "fronts.py"), "ALL"), "host_tests/unit/support/fronts.py"
    assert kind in constant(text("host_tests", "unit", "test_meter_accuracy.py"), "HELD_PPM"), "test_meter_accuracy.py"
    assert entry in constant(text("tools", "two_point.py"), "KINDS"), "tools/two_point.py"


def test_the_simulator_offers_each_meter_by_the_same_name():
    """--set MeterKind, its help, its contract and the test that charges a car with each."""
    assert set(settings.METERS) == set(simulated_meters())
    contract = re.search(r"MeterKind \(([^)]*)\)", text("docs", "ARCHITECTURE.md").replace("\n", " "))
    assert contract and [name for name in settings.METERS if name not in contract[1]] == []
    assert [name for name in settings.METERS if f'"{name}"' not in text("host_tests", "sim", "test_meters.py")] == []


@pytest.mark.parametrize("kind", loading.reader_kinds())
def test_a_card_reader_is_simulated_and_described(kind):
    """A kind is named in its driver, in the simulated readers' table and module, in docs/PARTS.md, and by no other code."""
    rows = constant(text("boards", "SIM", "sim", "readers", "__init__.py"), "ON_SIM")
    assert kind in {row[0] for row in rows.values()}, "boards/SIM/sim/readers/__init__.py"
    assert [line for line in text("docs", "PARTS.md").splitlines() if line.startswith(f"| `{kind}`")], "docs/PARTS.md"
    contract = re.search(r"ReaderKind \(([^)]*)\)", text("docs", "ARCHITECTURE.md").replace("\n", " "))
    assert contract and [name for name in settings.READERS if name not in contract[1]] == []
    named = [
        path.relative_to(ROOT).as_posix()
        for folder in ("firmware", "tools", "boards/SIM") for path in (ROOT / folder).rglob("*.py")
        if f'"{kind}"' in path.read_text(encoding="utf-8") and path.parent.name != "readers"
    ]
    default = ["boards/SIM/board.py", "boards/SIM/sim/world.py", "tools/board_definition/checks.py",
               "tools/board_definition/writing.py", "tools/new_board.py"]  # fmt: skip
    assert [name for name in named if kind != "serial_ascii" or name not in default] == []


@pytest.mark.parametrize("kind", loading.display_kinds())
def test_a_display_is_simulated_and_described(kind):
    """A kind has a simulated display and its place in docs/PARTS.md; the contract names it."""
    rows = constant(text("boards", "SIM", "sim", "displays", "__init__.py"), "ON_SIM")
    assert kind in {row["kind"] for row in rows.values()}, "boards/SIM/sim/displays/__init__.py"
    assert f'"{kind}"' in text("docs", "PARTS.md")
    contract = re.search(r"DisplayKind \(([^)]*)\)", text("docs", "ARCHITECTURE.md").replace("\n", " "))
    assert contract and [name for name in settings.DISPLAYS if name not in contract[1]] == []


def guards() -> list:
    """The guard classes of outlet/guards/."""
    return [
        node.name for path in (CHARGER / "outlet" / "guards").glob("*.py") for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and path.name != "base.py" and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("name", guards())
def test_a_guard_is_stepped_and_described(name):
    """A class that ALL misses guards nothing; the hazard it catches is in docs/SAFETY.md."""
    assert f".{name}," in text("firmware", "charger", "outlet", "guards", "__init__.py"), "guards/__init__.py: ALL"
    assert re.search(rf"(?m)^\|.*\b{name}\b", text("docs", "SAFETY.md")), "docs/SAFETY.md"


def test_each_mqtt_topic_is_described():
    """In docs/PORTAL.md, and in the client's own docstring."""
    source = text("firmware", "charger", "mqtt_client", "client.py")
    topics = set(re.findall(r'(?:_publish\(session, |_topic\()"(\w+)"', source))
    assert topics >= {"status", "log", "cmd"}
    rows = text("docs", "PORTAL.md").partition("| Topic |")[2].partition("\n\n")[0]
    assert topics == set(re.findall(r"(?m)^\| `(\w+)` ", rows))
    listed = ast.get_docstring(ast.parse(source)) or ""
    assert [topic for topic in topics if not re.search(rf"(?m)^    {topic} ", listed)] == []


def test_each_security_event_is_logged_somewhere():
    """A name that the firmware never uses is an event that never comes."""
    names = re.findall(r'(?m)^([A-Z_]+) = const\("', text("firmware", "charger", "audit", "events.py"))
    assert len(names) > 30
    others = "\n".join(path.read_text() for name, path in modules().items() if name != "charger.audit.events")
    assert [name for name in names if not re.search(rf"\b{name}\b", others)] == []


def test_each_json_file_is_checked_when_it_is_read():
    """By its schema, or by its reader, which json_schemas.py then names."""
    source = text("firmware", "charger", "store", "json_schemas.py")
    used = {name for path in CHARGER.rglob("*.py") for name in re.findall(r'"([a-z_]+\.json)"', path.read_text())}
    assert len(used) > 10
    assert [name for name in sorted(used) if name not in source] == []


@pytest.mark.parametrize("version", sorted(path.name for path in (CHARGER / "ocpp").glob("v*")))
def test_each_module_of_actions_is_found_by_its_action(version):
    """A module that the table misses is never loaded; a version has its own document of messages and keys."""
    there = {path.stem for path in (CHARGER / "ocpp" / version / "actions").glob("*.py") if "\ndef handle(" in path.read_text()
             or "\nasync def handle(" in path.read_text()}
    assert there == {module for _, module in table(f"ocpp/{version}/actions/__init__.py", "ACTIONS").values()}
    assert version == "v16" or (ROOT / "docs" / f"OCPP_{version}.md").is_file()


def report_fields(function: str) -> set:
    """The keys of the dictionary that a function of status_report.py returns."""
    for node in ast.parse(text("firmware", "charger", "status_report.py")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            returned = next(item.value for item in reversed(node.body) if isinstance(item, ast.Return))
            assert isinstance(returned, ast.Dict)
            return {key.value for key in returned.keys if isinstance(key, ast.Constant)}
    raise AssertionError(f"no {function}")


def test_each_field_of_the_status_is_described():
    """docs/openapi.json has every field of /api/status, and none that is not sent."""
    described = json.loads(text("docs", "openapi.json"))["components"]["schemas"]["Status"]["properties"]
    assert set(described) == report_fields("charger_report")
    connector = described["connectors"]["additionalProperties"]["properties"]
    assert set(connector) == report_fields("connector_report")
