"""Texts of the page: each setting of a person has a place and a label, each text of the charger its translations."""

import ast
import json
import re

import compliance

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


# rule -> what the page's sources have for it
OWNER_FUNCTIONS = {
    "UK-14": ("settings.jsx", ('"BackEndUrl"', '"BackEndIdentity"', '"BackEndRoots"')),
    "UK-17": ("history.jsx", ("/api/history?count=", "charging_s", "import_wh", "export_wh")),
    "UK-18": ("history.jsx", ("<Months />", "<Year />", "<Sessions />")),
    "UK-19": ("charge.jsx", ("connector.power_w",)),
    "UK-22": ("hours.jsx", ('"accept", "remove"', 'choice: "change"', "!hours.choice")),
    "UK-23": ("hours.jsx", ('"accept", "remove"', 'choice: "change"')),
    "UK-25": ("charge.jsx", ('ask("now"',)),
    "UK-34": ("charge.jsx", ('ask("skip"', "plan.delay_s")),
}


def view(file: str) -> str:
    """The source of a view."""
    return (ROOT / "web" / "src" / "views" / file).read_text(encoding="utf-8")


def test_each_function_of_an_owner_that_the_rules_name_is_on_the_page_uk13():
    states = {row.rule: row.state for row in compliance.read_matrix()}
    for rule, (file, texts) in OWNER_FUNCTIONS.items():
        assert states[rule] == "built", rule
        assert [text for text in texts if text not in view(file)] == [], rule


def test_the_page_has_the_three_views_of_the_history_uk18():
    """Each use, each month, the twelve months together; history.jsx asks the charger for all three."""
    text = view("history.jsx")
    assert [words for words in ("view=months", "view=year", "count=10") if f"/api/history?{words}" not in text] == []
