"""A scenario file: read and checked before anything starts, so that a mistake is a sentence and no failed run."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

STEPS = ("expect", "expect_none", "call", "status", "wait", "answer", "configure")  # beside the control port's commands
_FIELDS = {
    "expect": {"message", "kind", "from", "where", "within", "save", "count"},
    "expect_none": {"message", "where", "for"},
    "call": {"action", "payload", "answer", "error", "save"},
    "status": {"connector", "where", "within"},
    "answer": {"action", "payload", "error"},
    "configure": None,
}
_HEAD = {"name", "identity", "connectors", "time_scale", "settings", "tags", "answers", "steps", "procedure"}


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
    unknown = set(content) - _HEAD
    if unknown:
        raise Mistake(f"'{path}' has an unknown field: {', '.join(sorted(unknown))}.")
    for number, step in enumerate(content["steps"], 1):
        _check(step, f"'{path}', step {number}")
    content["settings"] = {key: str(value) for key, value in (content.get("settings") or {}).items()}
    return Scenario(path=Path(path), **content)


def _check(step, where):
    if isinstance(step, str):
        raise Mistake(f"{where}: write '{step}: {{}}'.")
    if not isinstance(step, dict) or len(step) != 1:
        raise Mistake(f"{where} must be one mapping of a step's name to its fields.")
    [(name, fields)] = step.items()
    known = _FIELDS.get(name)
    if known is None:
        return
    if not isinstance(fields, dict):
        raise Mistake(f"{where}: {name} takes fields.")
    unknown = set(fields) - known
    if unknown:
        raise Mistake(f"{where}: {name} has no field {', '.join(sorted(unknown))}.")
    needed = {"expect": "message", "call": "action", "answer": "action", "status": "where"}.get(name)
    if needed and needed not in fields:
        raise Mistake(f"{where}: {name} needs {needed}.")
