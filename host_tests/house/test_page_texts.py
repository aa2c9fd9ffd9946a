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


# --- sentences with which the charger refuses something ---

_ANSWERS = ("commands/*.py", "local_api/routes.py", "local_api/server.py", "local_api/http_server.py", "local_api/page_files.py",
            "validate.py")
_TEXT_AT = {"CommandError": 1, "RequestError": 1, "InvalidValueError": 2}  # where the sentence stands among the arguments
# (file, function): what it returns is said to the person
_REASONS = (("access/pin.py", "why_none"), ("access/pin.py", "change"), ("grid/departure.py", "work_out"),
            ("grid/departure.py", "_decide"), ("grid/planner.py", "refusal"), ("maintenance/erase.py", "request"),
            ("outlet/outlet_readout.py", "why_paused"), ("status_report.py", "setup_words"), ("update/trial.py", "faults"))
_BUILT = "the page makes no such request"
_HIDDEN = "the page shows no button or field for it there"
_OWN = "the page tells it in its own words"
# What an owner never reads, and why.
UNSEEN = {
    "This charger has no card reader.": _HIDDEN,
    "card: which one.": _BUILT,
    "There is no connector %d.": _BUILT,
    "windows: with the choice change, and only with it.": _BUILT,
    "amps: only with the action limit.": _BUILT,
    "windows: such as 1-5 22:00-24:00;6-7 00:00-24:00 is wanted.": _OWN,
    "rights, home_assistant: with the action make, and only with it.": _BUILT,
    "This unit has no partition for updates.": _HIDDEN,
    "The %s may not do this.": _HIDDEN,
    "The %s may not change this PIN.": _HIDDEN,
    "This build has no console.": _BUILT,
    "No setting was given.": _BUILT,
    "%s: must be %s.": _BUILT,
    "%s: no such setting.": _BUILT,
    "%s: the %s may not change it.": _HIDDEN,
    "Too many wrong PINs: wait %d seconds.": _OWN,
    "depart with one of kwh, cost, km and kwh_per_100km; or none of all to remove the departure.": _BUILT,
    "Nothing follows the house's supply: set HouseMaxCurrent or SolarMode first.": _BUILT,
    "That is %d Wh; 100 Wh to 200 kWh can be planned.": _BUILT,
    "start: not a time.": _BUILT,
    "depart: must be a time of day, such as 07:30.": _BUILT,
    "No such command.": _BUILT,
    "Log in first.": _OWN,
    "Wrong PIN.": _OWN,
    "No such path.": _BUILT,
    "This path has no query.": _BUILT,
    "A valid token is needed; the owner makes one at the page.": _BUILT,
    "Unknown host name; use the unit's IP address.": "under such a name the page itself is not served",
    "Another site may not ask this unit.": _BUILT,
    "This method has no query.": _BUILT,
    "The body must be application/json.": _BUILT,
    "The body must be a JSON object.": _BUILT,
    "This path supports %s.": _BUILT,
    "This path supports GET.": _BUILT,
    "The body is not valid JSON: %s.": _BUILT,
    "The query is malformed.": _BUILT,
    "The X-CSRF-Token is not valid for this session.": "the page asks for the new one, and again",
    "Not an HTTP request.": _BUILT,
    "Only HTTP/1.1 is supported.": _BUILT,
    "The path is too long or has escapes.": _BUILT,
    "The request has more than %d header fields.": _BUILT,
    "A body needs a Content-Length.": _BUILT,
    "Send the body at once.": _BUILT,
    "The Content-Length is not a number.": _BUILT,
    "This method has no body.": _BUILT,
    "A header line is malformed.": _BUILT,
    "A Content-Length is missing.": _BUILT,
    "The request's head is longer than %d bytes.": _BUILT,
    "Duplicate header %s.": _BUILT,
    **dict.fromkeys([f"{why}." for why in (
        "not an object", "unknown field", "not a list", "more than %d items", "too few items", "not a string", "missing",
        "beyond 64 bits", "not a number", "not an allowed value", "not a finite number", "not an integer", "not a boolean",
    )], _BUILT),
    "This unit is not provisioned.": "such a unit has no page",
    "credentials were altered: to be provisioned again, configuration is refused": _OWN,
    "not provisioned: configuration is refused": "such a unit has no page",
    "This unit's credentials cannot be read.": "nobody can have logged in then",
}


def sentence(node: ast.expr) -> str | None:
    """The text of an argument with %s in place of other values; None where all of it is such a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return sentence(node.left)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [sentence(node.left), sentence(node.right)]
        return None if parts == [None, None] else "".join(part or "%s" for part in parts)
    return None


def refusals() -> set[str]:
    """Each sentence of the exceptions and answers with which the API refuses something."""
    found = set()
    for path in (path for pattern in _ANSWERS for path in CHARGER.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TEXT_AT:
                text = sentence(node.args[_TEXT_AT[node.func.id]])
                found.add(f"{text}." if text and node.func.id == "InvalidValueError" else text)  # as the commands end it
            elif isinstance(node, ast.Dict):
                found |= {sentence(value) for key, value in zip(node.keys, node.values, strict=True)
                          if isinstance(key, ast.Constant) and key.value == "error"}
    return {text for text in found if text is not None and text.strip("%s.: ")}


def parts(value: ast.expr) -> list[ast.expr]:
    """The arguments of a call, the operands of `or`, else the value itself."""
    if isinstance(value, ast.Call):
        return value.args
    return value.values if isinstance(value, ast.BoolOp) else [value]


def reasons() -> set[str]:
    """The sentences of the functions of _REASONS, or their parts; and those told while a session has to wait."""
    found = {constant("ocpp/v16/services/power_return.py", name) for name in ("_BEGINS", "_RESUMED")}
    found |= {constant("grid/departure.py", "CHOSEN"), "it is out of service", "The back end does not accept this card",
              "it was reset before it was confirmed"}
    for file, name in _REASONS:
        functions = [node for node in ast.walk(ast.parse((CHARGER / file).read_text(encoding="utf-8")))
                     if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name]
        returned = [value for function in functions for node in ast.walk(function) if isinstance(node, ast.Return) and node.value
                    for value in parts(node.value)]
        chosen = [node.value.body for function in functions for node in ast.walk(function)
                  if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)]
        texts = {sentence(value) for value in [*returned, *chosen]} - {None, ""}
        assert texts, (file, name)
        found |= texts
    return found


def left_untranslated(text: str) -> str:
    """The texts that the page would show in English: words of no row of the table. The name of a setting comes before ": "."""
    text = re.sub(r"^(%s|[A-Z]\w+): ", "", text)
    for row in sorted(TABLE["said"], key=lambda row: -len(row[0])):
        text = text.replace(row[0], "")
    return "".join(re.findall("[A-Za-z]+", re.sub("%[sd]|mqtts://|wss://", "", text)))


def test_each_sentence_with_which_the_charger_refuses_something_is_translated():
    """Or stands in UNSEEN with the reason why no owner reads it."""
    said = refusals() | reasons()
    assert len(said) > 100
    assert sorted(text for text in said - UNSEEN.keys() if left_untranslated(text)) == []
    assert sorted(UNSEEN.keys() - said) == []


def test_each_sentence_of_the_table_is_still_said():
    """A row whose English no module of the firmware has any more translates nothing."""
    texts = "\n".join(path.read_text(encoding="utf-8") for path in CHARGER.rglob("*.py") if path.name != "page_assets.py")
    assert [row[0] for row in TABLE["said"] if row[0].rstrip(".") not in texts] == []


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
