"""The record of everything said between charger and back end, and the audit of the charger's part of it."""

import json
import threading
import time
from dataclasses import dataclass

from ocpp.exceptions import OCPPError
from ocpp.messages import Call, CallResult, validate_payload

from .waiting import PATIENCE, WaitTimeout

CALL, RESULT, ERROR = 2, 3, 4
IN, OUT = "in", "out"  # as the back end sees it: IN comes from the charger

# OCPP-J 1.6, 4.2.3, in its own spelling (OCPP-18).
ERROR_CODES = {
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
    "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError",
}


@dataclass(frozen=True)
class Message:
    """One frame: when (monotonic seconds), which way, on which connection, and what it says where it could be read."""

    number: int
    at: float
    way: str
    identity: str
    connection: int
    raw: str
    kind: int | None = None
    uid: str = ""
    action: str = ""
    payload: object = None
    code: str = ""
    on_purpose: bool = False  # sent as raw text by a test: says nothing about the charger

    def __str__(self):
        arrow = "charger ->" if self.way == IN else "charger <-"
        return f"#{self.number} c{self.connection} {arrow} {self.raw[:400]}"


def parse(raw):
    """(kind, uid, action, payload, code) of a frame; kind None when it is no OCPP-J message."""
    try:
        frame = json.loads(raw)
        kind, uid = frame[0], frame[1]
        if kind == CALL and len(frame) == 4:
            return kind, uid, frame[2], frame[3], ""
        if kind == RESULT and len(frame) == 3:
            return kind, uid, "", frame[2], ""
        if kind == ERROR and len(frame) in (4, 5):
            return kind, uid, "", frame[4] if len(frame) == 5 else None, frame[2]
    except (ValueError, TypeError, IndexError, KeyError, RecursionError):
        pass
    return None, "", "", None, ""


class Record:
    """All messages, oldest first. One thread writes, any thread reads or waits."""

    def __init__(self):
        self._messages = []
        self._calls = {}
        self._on_their_way = set()  # numbers of messages that are being sent
        self._changed = threading.Condition()

    def add(self, way, identity, connection, raw, on_purpose=False, on_its_way=False):
        """Note a frame; a CALLRESULT or CALLERROR gets the action of the CALL that it answers.

        wait() does not find one that is on_its_way before sent(): what a test does to the charger then comes after it.
        """
        if isinstance(raw, bytes):
            raw = raw.decode("utf-8", "replace")
        kind, uid, action, payload, code = parse(raw)
        with self._changed:
            if kind == CALL and isinstance(uid, str):
                self._calls[connection, way, uid] = action
            elif kind in (RESULT, ERROR) and isinstance(uid, str):
                action = self._calls.get((connection, OUT if way == IN else IN, uid), "")
            message = Message(
                len(self._messages), time.monotonic(), way, identity, connection, raw, kind, uid, action, payload,
                code, on_purpose,
            )
            self._messages.append(message)
            if on_its_way:
                self._on_their_way.add(message.number)
            self._changed.notify_all()
        return message

    def sent(self, message):
        """A message that was on its way has been handed to the network, or its connection was gone."""
        with self._changed:
            self._on_their_way.discard(message.number)
            self._changed.notify_all()

    def __len__(self):
        return len(self._messages)

    def messages(self, action=None, way=None, kind=None, since=0, where=None):
        """The messages from number `since` on that fit; `where` is a predicate on the payload (CALLs and results)."""
        with self._changed:
            found = self._messages[since:]
        return [m for m in found if _fits(m, action, way, kind, where)]

    def calls(self, action=None, since=0, where=None):
        """The charger's CALLs."""
        return self.messages(action, IN, CALL, since, where)

    def wait(self, action=None, way=IN, kind=CALL, since=0, where=None, count=1, timeout_s=20):
        """The count-th fitting message from `since` on; WaitTimeout with the last messages when it does not come."""
        deadline = time.monotonic() + timeout_s * PATIENCE
        with self._changed:
            while True:
                found = [m for m in self._messages[since:]
                         if m.number not in self._on_their_way and _fits(m, action, way, kind, where)]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(
                        f"message {action or 'any'} ({way}, type {kind}) number {count} did not come within "
                        f"{timeout_s:g} s; last of {len(self._messages)}:\n{self._tail()}"
                    )
                self._changed.wait(left)

    def text(self, last=40):
        """The last messages, one a line."""
        with self._changed:
            return self._tail(last)

    def _tail(self, last=15):
        return "\n".join(str(m) for m in self._messages[-last:]) or "(none)"


def _fits(message, action, way, kind, where):
    if action is not None and message.action != action:
        return False
    if way is not None and message.way != way:
        return False
    if kind is not None and message.kind != kind:
        return False
    return where is None or bool(where(message.payload))


async def audit(record, unanswered=()):
    """The charger's breaches of the rules, as a list of sentences (empty without any).

    Frame shapes, schemas of CALLs and results, ids (OCPP-15), CALLERROR codes (OCPP-18), and one outstanding CALL
    (OCPP-16), except after the CALLs whose ids are in `unanswered`: those the charger may give up (OCPP-17).
    """
    problems = []
    open_calls = {}
    ids = set()
    for message in record.messages():
        where = f"#{message.number} {message.action or message.raw[:60]}"
        if message.way == OUT:
            if message.kind in (RESULT, ERROR):
                open_calls.pop((message.connection, message.uid), None)
            continue
        if message.kind is None:
            problems.append(f"{where}: not an OCPP-J message")
        elif not isinstance(message.uid, str) or not 1 <= len(message.uid) <= 36:
            problems.append(f"{where}: id {message.uid!r} is not a string of 1 to 36 characters")
        elif message.kind == CALL:
            problems += _audit_call(message, where, ids, open_calls, unanswered)
            problems += await audit_schema(message, where)
        elif message.kind == RESULT:
            problems += await audit_schema(message, where) if message.action else []
        elif message.code not in ERROR_CODES:
            problems.append(f"{where}: CALLERROR code {message.code!r} is not one of OCPP 1.6")
    return problems


def _audit_call(message, where, ids, open_calls, unanswered):
    problems = []
    if (message.connection, message.uid) in ids:
        problems.append(f"{where}: id {message.uid} used twice on one connection")
    ids.add((message.connection, message.uid))
    waiting = [uid for c, uid in open_calls if c == message.connection and uid not in unanswered]
    if waiting:
        problems.append(f"{where}: sent while the CALL {waiting[0]} had no answer yet")
    open_calls[message.connection, message.uid] = message.number
    return problems


async def audit_schema(message, where):
    """Validate one payload with the package's own schemas; it may replace floats in the payload, so it gets a copy."""
    payload = json.loads(json.dumps(message.payload))
    if message.kind == CALL:
        subject = Call(message.uid, message.action, payload)
    else:
        subject = CallResult(message.uid, payload, message.action)
    try:
        await validate_payload(subject, "1.6")
    except OCPPError as error:
        cause = error.details.get("cause", error.description)
        return [f"{where}: {message.raw[:300]} breaks the schema: {cause}"]
    return []
