"""docs/OCPP.md against the firmware: every message and every key has a row, and every test that a row names exists."""

import ast
import re
from functools import cache

import pytest

from house.source import FIRMWARE, ROOT

DOCUMENT = ROOT / "docs" / "OCPP.md"
NAMED = re.compile(r"\b((?:unit|sim|charging|outlet|crypto|house)/test_\w+\.py)(?:::(\w+))?")
HEADINGS = ("Messages of the back end", "Messages of the charger", "Configuration keys")


def table(source, name):
    """A dictionary of constants that a module defines."""
    for node in ast.parse((FIRMWARE / "charger" / source).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"no {name} in {source}")


def rows(heading):
    """{first cell: the cells behind it} of the table below a heading of the document."""
    text = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in cells[1:]}


def sent():
    """The actions that the firmware's own code sends, by their names in it."""
    pattern = re.compile(r'"((?:Authorize|BootNotification|Heartbeat|MeterValues|SignCertificate|StartTransaction|StopTransaction'
                         r'|\w+Notification))"')
    return {name for path in (FIRMWARE / "charger" / "ocpp").rglob("*.py")
            for name in pattern.findall(path.read_text(encoding="utf-8"))}


@cache
def defined(path):
    """The functions of a test file."""
    return set(re.findall(r"(?m)^(?:async )?def (test_\w+)", (ROOT / "host_tests" / path).read_text(encoding="utf-8")))


def test_every_message_of_the_back_end_has_a_row():
    """And there is no row for a message that the charger does not know."""
    assert table("ocpp/v16/actions/__init__.py", "ACTIONS").keys() == rows(HEADINGS[0]).keys()


def test_every_message_of_the_charger_has_a_row():
    """Whatever the firmware names as an action of its own."""
    assert len(sent()) >= 8
    assert not sent() - rows(HEADINGS[1]).keys()


def test_every_key_has_a_row():
    """But for device facts, which are no keys; the access in the table is that of the firmware."""
    keys = {name: row[1] for name, row in table("config/keys.py", "KEYS").items() if row[1] != "D"}
    found = rows(HEADINGS[2])
    assert keys.keys() == found.keys()
    assert [name for name, access in keys.items() if found[name][0].split(",")[0] != access] == []


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_row_names_tests_that_exist(heading):
    """Each row ends with at least one `file::test`."""
    for name, cells in rows(heading).items():
        named = NAMED.findall(cells[-1])
        assert any(test for _, test in named), f"{name} names no test"


def test_named_tests_exist():
    """Wherever in the document."""
    found = NAMED.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(found) > 80
    for path, test in found:
        assert (ROOT / "host_tests" / path).is_file(), path
        assert not test or test in defined(path), f"{path} has no {test}"
