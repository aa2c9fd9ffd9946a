"""What the page has to name: each setting of a person has a place and a label, what the charger says has its translations."""

import ast
import json
import re

from house.source import FIRMWARE, ROOT

CHARGER = FIRMWARE / "charger"
TABLE = json.loads((ROOT / "web" / "text.json").read_text(encoding="utf-8"))
OWN_LABELS = {"HouseMeter"}  # by its parts


def constant(file: str, name: str):
    """A constant of a module of the firmware."""
    for node in ast.parse((CHARGER / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"no {name}")


def test_each_setting_has_a_place_and_a_label_at_the_page():
    """A setting that the views do not place is shown nowhere; one without a text is shown by its key."""
    names = [line.split()[0] for line in constant("commands/owner_settings.py", "_SETTINGS").split("\n") if line]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "web" / "src").rglob("*.jsx"))
    assert [name for name in names if f'"{name}"' not in sources] == []
    assert [name for name in names if name not in OWN_LABELS and f"set.{name}" not in TABLE["texts"]] == []


def test_what_limits_the_current_and_what_a_guard_says_is_translated():
    said = {row[0] for row in TABLE["said"]}
    assert [words for words in constant("outlet/limits.py", "WORDS")[1::2] if words not in said] == []
    guards = "\n".join(path.read_text(encoding="utf-8") for path in (CHARGER / "outlet" / "guards").glob("*.py"))
    told = re.findall(r'INFO = "(.+)"', guards)
    assert len(told) > 20 and [words for words in told if words not in said] == []
