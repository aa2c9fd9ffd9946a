"""A scenario file: read and checked before anything starts, so that a mistake is a sentence and no failed run."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

# What a field must be: a check, and the words that say so.
TEXT = (lambda value: isinstance(value, str), "a text, a number in quotes")
SECONDS = (lambda value: _is_number(value) and value >= 0, "a number of seconds")
COUNT = (lambda value: isinstance(value, int) and _is_number(value) and value >= 1, "a whole number from 1")
CONNECTOR = (lambda value: COUNT[0](value) or value == 0, "the number of a connector, 0 for the charger")
NAMES = (lambda value: MAPPING[0](value) and all(isinstance(one, str) for one in value.values()),
         "a mapping of texts to texts, numbers in quotes")
MAPPING = (lambda value: isinstance(value, dict) and all(isinstance(name, str) for name in value), "a mapping of names")
LIST = (lambda value: isinstance(value, list), "a list")
FACTOR = (lambda value: _is_number(value) and value > 0, "a number above 0")
ACTION = (lambda value: value in actions(), "an action of OCPP 1.6")
KIND = (lambda value: value in ("call", "result", "error"), "call, result or error")
SIDE = (lambda value: value in ("charger", "back_end"), "charger or back_end")

STEPS = ("expect", "expect_none", "call", "status", "wait", "answer", "configure")  # beside the control port's commands
_FIELDS = {
    "expect": {"message": ACTION, "kind": KIND, "from": SIDE, "where": MAPPING, "within": SECONDS, "save": NAMES, "count": COUNT},
    "expect_none": {"message": ACTION, "where": MAPPING, "for": SECONDS},
    "call": {"action": ACTION, "payload": MAPPING, "answer": MAPPING, "error": TEXT, "save": NAMES},
    "status": {"connector": CONNECTOR, "where": MAPPING, "within": SECONDS},
    "answer": {"action": ACTION, "payload": MAPPING, "error": TEXT},
}
_NEEDED = {"expect": "message", "expect_none": "message", "call": "action", "answer": "action", "status": "where"}
_HEAD = {"name": TEXT, "identity": TEXT, "connectors": COUNT, "time_scale": FACTOR, "settings": MAPPING, "tags": NAMES,
         "answers": LIST, "steps": LIST, "procedure": LIST}
_ORDERED = ("gt", "ge", "lt", "le")
COMPARISONS = (*_ORDERED, "ne", "in", "matches")


class Mistake(Exception):
    """A fault of a file or a command line, as one sentence."""


@dataclass
class Scenario:
    """One file. `procedure`: the test cases of the OCPP 1.6 compliance procedure that it walks."""

    path: Path
    name: str
    steps: list
    identity: str = "SCENARIO1"
    connectors: int = 1
    time_scale: float = 10
    settings: dict = field(default_factory=dict)
    tags: dict = field(default_factory=lambda: {"GOOD0001": "Accepted", "GOOD0002": "Accepted", "BLOCKED1": "Blocked"})
    answers: list = field(default_factory=list)  # of the local back end, before the charger starts
    procedure: list = field(default_factory=list)

    @property
    def makes_calls(self):
        """True when a step is the back end's."""
        return bool(self.answers) or any(name in ("call", "answer", "configure") for step in self.steps for name in step)

    @property
    def boots(self):
        """True when the back end accepts the charger's first BootNotification."""
        return all(answer["action"] != "BootNotification" for answer in self.answers)


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def actions():
    """Names of all actions of OCPP 1.6, those of the security extensions as well."""
    from ocpp.v16.enums import Action

    return {action.value for action in Action}


def text_of(value):
    """A setting as OCPP writes it: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def load(path):
    """The Scenario of a file; Mistake when it is none."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"'{path}' cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise Mistake(f"'{path}' is no YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise Mistake(f"'{path}' is nested too deeply.") from error
    if not isinstance(content, dict) or not isinstance(content.get("steps"), list) or not content.get("name"):
        raise Mistake(f"'{path}' needs a name and a list of steps.")
    unknown = set(content) - set(_HEAD)
    if unknown:
        raise Mistake(f"'{path}' has an unknown field: {', '.join(sorted(map(str, unknown)))}.")
    content = {name: value for name, value in content.items() if value is not None}
    _check_kinds(content, _HEAD, f"'{path}'")
    for number, step in enumerate(content["steps"], 1):
        _check(step, f"'{path}', step {number}")
    for answer in content.get("answers", ()):
        _check({"answer": answer}, f"'{path}'")
    content["settings"] = {key: text_of(value) for key, value in content.get("settings", {}).items()}
    return Scenario(path=Path(path), **content)


def _check_kinds(given, kinds, where):
    for name, value in given.items():
        fits, words = kinds[name]
        if value is not None and not fits(value):
            raise Mistake(f"{where}: {name} must be {words}.")


def _check_wanted(wanted, where):
    """The comparisons of a `where` or `answer`, at any depth."""
    if isinstance(wanted, list):
        for one in wanted:
            _check_wanted(one, where)
    if not isinstance(wanted, dict):
        return
    for name, limit in wanted.items():
        if name not in COMPARISONS:
            _check_wanted(limit, where)
        elif not set(wanted) <= set(COMPARISONS):
            raise Mistake(f"{where}: {name} is a comparison and stands beside a field's name.")
        elif name in _ORDERED and not (_is_number(limit) or isinstance(limit, str)):
            raise Mistake(f"{where}: {name} takes a number or a text.")
        elif name == "in" and not isinstance(limit, list):
            raise Mistake(f"{where}: in takes a list.")
        elif name == "matches":
            try:
                re.compile(limit)
            except (re.error, TypeError) as error:
                raise Mistake(f"{where}: matches takes a regular expression: {error}.") from error


def _check(step, where):
    if isinstance(step, str):
        raise Mistake(f"{where}: write '{step}: {{}}'.")
    if not isinstance(step, dict) or len(step) != 1:
        raise Mistake(f"{where} must be one mapping of a step's name to its fields.")
    [(name, fields)] = step.items()
    if name == "wait":
        _check_kinds({"wait": fields}, {"wait": SECONDS}, where)
    if name == "configure":
        _check_kinds({"configure": fields}, {"configure": MAPPING}, where)
    known = _FIELDS.get(name)
    if known is None:
        return
    if not isinstance(fields, dict):
        raise Mistake(f"{where}: {name} takes fields.")
    unknown = set(fields) - set(known)
    if unknown:
        raise Mistake(f"{where}: {name} has no field {', '.join(sorted(map(str, unknown)))}.")
    if fields.get(_NEEDED[name]) is None:
        raise Mistake(f"{where}: {name} needs {_NEEDED[name]}.")
    _check_kinds(fields, known, where)
    for part in ("where", "answer"):
        _check_wanted(fields.get(part), f"{where}, {part}")
