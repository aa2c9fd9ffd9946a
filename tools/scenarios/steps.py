"""The steps of a scenario: actions on the charger, and expectations of its messages and status."""

import json
import re

from backend import CallRefused, CommandRefused, Error, Result, WaitTimeout, wait_until
from scenarios.files import text_of

WITHIN_S = 20  # seconds of this machine
_PASS_S = 30  # of this machine, at least, in which time of the charger must go by
_IGNORED = "simulate: --set "  # how the simulator begins to say so
_KINDS = {"call": "CALL", "result": "CALLRESULT", "error": "CALLERROR"}
_COMPARISONS = {
    "gt": lambda value, wanted: value > wanted,
    "ge": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "le": lambda value, wanted: value <= wanted,
    "ne": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted,
    "matches": lambda value, wanted: re.search(wanted, str(value)) is not None,
}


class StepFailed(Exception):
    """A step did not lead to what it should; the message says which, and shows the last messages."""


def _compares(name, value, limit):
    """A comparison; one of a text with a number does not hold."""
    try:
        return _COMPARISONS[name](value, limit)
    except TypeError:
        return False


def fits(value, wanted):
    """Whether a value is what a scenario wants: equal, or by a comparison, or in all the fields that are named."""
    if isinstance(wanted, dict):
        if wanted and set(wanted) <= set(_COMPARISONS):
            return value is not None and all(_compares(name, value, limit) for name, limit in wanted.items())
        return isinstance(value, dict) and all(fits(value.get(name), inner) for name, inner in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and all(any(fits(one, inner) for one in value) for inner in wanted)
    return value == wanted


def script(back_end, action, payload=None, error=None):
    """The local back end's answer to the next CALL of an action."""
    back_end.answer(action, Error(error) if error else Result(payload or {}))


class Player:
    """Plays steps with a running charger; `back_end` is the local one or None, `trace` the file that the charger writes."""

    def __init__(self, charger, back_end, trace):
        self._charger = charger
        self._back_end = back_end
        self._trace = trace
        self._read = 0
        self._rest = ""
        self._messages = []
        self._mark = 0  # messages before it belong to steps that were done
        self._used = set()
        self._saved = {}
        self._commands = {}

    def play(self, steps, ready=True, habit=None):
        """All steps in order, then the check that no message broke a schema; StepFailed at the first that fails.

        With `ready` the back end has accepted the charger before the first step; `habit`, one of habits.HABITS, comes before it.
        """
        self._commands = self._charger.command("help")
        if habit is not None:
            habit.play(self._back_end)
        if ready:
            self._wait_booted()
        ignored = [line for line in self._charger.log_lines() if line.startswith(_IGNORED)]
        if ignored:
            raise StepFailed(f"A setting has no effect: {ignored[0].removeprefix(_IGNORED)}.")
        for number, step in enumerate(steps, 1):
            [(name, fields)] = step.items()
            try:
                self._step(name, self._filled(fields))
            except (WaitTimeout, CommandRefused, CallRefused, TimeoutError, ConnectionError) as error:
                raise StepFailed(f"Step {number}, {name} {json.dumps(fields)}: {str(error).splitlines()[0]}\n{self._tail()}"
                                 ) from error
            except StepFailed as failure:
                raise StepFailed(f"Step {number}, {name} {json.dumps(fields)}: {failure}\n{self._tail()}") from None
        self._update()
        for message in self._messages:
            if message["invalid"]:
                raise StepFailed(f"A message broke OCPP's schema: {message['invalid']}\n{json.dumps(message)}")

    def _wait_booted(self):
        try:
            wait_until(self._booted, WITHIN_S, "the status of each connector", interval_s=0.02)
        except WaitTimeout as error:
            said = [line for line in self._charger.log_lines() if " link: " in line][-3:]
            why = "; ".join(line.partition(" link: ")[2] for line in said) or "there is no link"
            raise StepFailed(f"The back end has not accepted the charger, with the status of each connector, within {WITHIN_S} s "
                             f"({why}).\n{self._tail()}") from error

    def _step(self, name, fields):
        own = getattr(self, f"_do_{name}", None)
        if own is not None:
            own(**fields) if isinstance(fields, dict) else own(fields)
            return
        if name not in self._commands:
            raise StepFailed("there is no such step or command")
        self._done_so_far()
        self._charger.command(name, **self._arguments(name, fields))

    def _arguments(self, name, fields):
        """A step's fields as the command's arguments; a single value is its first."""
        if isinstance(fields, dict):
            return fields
        order = [argument[0] for argument in self._commands[name]["args"]]
        return {} if fields is None or not order else {order[0]: fields}

    def _booted(self):
        self._update()
        last = len(self._charger.status()["connectors"])
        return any(self._is(line, "StatusNotification", "CALLRESULT", "in", {}) for line in self._messages) and any(
            self._is(line, "StatusNotification", "CALL", "out", {"connectorId": last}) for line in self._messages)

    # --- messages ---

    def _update(self):
        with self._trace.open(encoding="utf-8") as file:
            file.seek(self._read)
            text = self._rest + file.read()
            self._read = file.tell()
        *lines, self._rest = text.split("\n")
        self._messages += [json.loads(line) for line in lines if line]

    def _done_so_far(self):
        self._update()
        self._mark = len(self._messages)

    def _found(self, message, kind, way, where):
        self._update()
        return [n for n in range(self._mark, len(self._messages))
                if n not in self._used and self._is(self._messages[n], message, kind, way, where)]

    @staticmethod
    def _is(line, message, kind, way, where):
        said = line.get("payload") if line["kind"] != "CALLERROR" else {"code": line["error"][0]}
        return (line["action"] if line["kind"] else None) == message and line["kind"] == kind and line["dir"] == way and fits(
            said, where or {})

    def _tail(self):
        self._update()
        return "\n".join(f"{m['at_ms'] / 1000:9.3f} {'->' if m['dir'] == 'out' else '<-'} {m['kind']} {m.get('action')} "
                         f"{json.dumps(m.get('payload', m.get('error')))[:200]}" for m in self._messages[-12:])

    def _filled(self, value):
        """Values of `save` in the places of ${NAME}."""
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
            if value[2:-1] not in self._saved:
                raise StepFailed(f"nothing was saved as {value[2:-1]}")
            return self._saved[value[2:-1]]
        return value

    def _save(self, names, payload):
        for name, source in (names or {}).items():
            if source not in payload:
                raise StepFailed(f"the message has no {source} to save")
            self._saved[name] = payload[source]

    # --- steps ---

    def _do_expect(self, message, where=None, kind="call", within=WITHIN_S, save=None, count=1, **more):
        way = "in" if more.get("from") == "back_end" else "out"
        found = wait_until(
            lambda: (lambda numbers: numbers if len(numbers) >= count else None)(
                self._found(message, _KINDS.get(kind, kind), way, where)),
            within, f"{message} {json.dumps(where or {})}", interval_s=0.02,
        )[:count]
        self._used.update(found)
        self._save(save, self._messages[found[-1]].get("payload") or {})

    def _do_expect_none(self, message, where=None, **more):
        seconds = more.get("for", 10)
        self._charger.let_pass(seconds, self._patience_s(seconds))
        found = self._found(message, "CALL", "out", where)
        if found:
            raise StepFailed(f"{message} came: {json.dumps(self._messages[found[0]]['payload'])}")

    def _do_call(self, action, payload=None, answer=None, error=None, save=None):
        self._done_so_far()
        try:
            said = self._back_end.call(action, **(payload or {}))
        except CallRefused as refused:
            if error is None or refused.code != error:
                raise
            return
        if error is not None:
            raise StepFailed(f"answered {json.dumps(said)} instead of {error}")
        if not fits(said, answer or {}):
            raise StepFailed(f"answered {json.dumps(said)}")
        self._save(save, said)

    def _do_configure(self, **settings):
        for key, value in settings.items():
            self._do_call("ChangeConfiguration", {"key": key, "value": text_of(value)}, {"status": "Accepted"})

    def _do_answer(self, action, payload=None, error=None):
        script(self._back_end, action, payload, error)

    def _do_status(self, where, connector=1, within=WITHIN_S):
        if connector and str(connector) not in self._charger.status()["connectors"]:
            raise StepFailed(f"there is no connector {connector}")
        self._charger.wait_for(lambda status: fits(status["connectors"][str(connector)] if connector else status, where),
                               within, json.dumps(where))

    def _do_wait(self, seconds):
        self._charger.let_pass(seconds, self._patience_s(seconds))

    def _patience_s(self, seconds):
        """Seconds of this machine after which so many of the charger's own must have gone by."""
        return max(_PASS_S, 3 * seconds / self._charger.time_scale)
