"""The trace of a charger's OCPP messages: one JSON object a line, with direction, latency and validation.

time         UTC of this machine
at_ms        since the charger's last start, by its own clock; latency_ms of an answer is counted by it
charger      identity
dir          "out" from the charger, "in" to the charger
kind         "CALL", "CALLRESULT", "CALLERROR", or null for what is no OCPP-J message
id, action   of the message; an answer has the action of the CALL that it answers, null when there is none
payload      of a CALL or CALLRESULT; "error" is [code, description] of a CALLERROR; "raw" is the text of anything else
latency_ms   of an answer: since its CALL
invalid      null, or a sentence: what breaks OCPP's schema

Passwords are left out: the value of AuthorizationKey, and what stands before the host of a URL.
"""

import asyncio
import contextlib
import datetime
import json
import queue
import re
import sys
import threading

KINDS = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR"}
HIDDEN = "***"
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_OPEN_CALLS = 100  # that are remembered: a charger has one, a back end that never gets answers has more


def without_secrets(action, payload):
    """A payload as it may be written down."""
    if not isinstance(payload, dict):
        return payload
    if action == "ChangeConfiguration" and payload.get("key") == "AuthorizationKey":
        return payload | {"value": HIDDEN}
    return {name: _LOGIN.sub(HIDDEN + "@", value) if isinstance(value, str) else value for name, value in payload.items()}


class Tracer:
    """Writes lines to a file, or to stdout for "-", from a thread of its own: validation must not hold up the charger.

    OSError when the file cannot be written; ImportError where the `ocpp` package is missing, which is in the project's own
    environment.
    """

    def __init__(self, path, identity):
        from backend import record

        self._stream = sys.stdout if path == "-" else open(path, "a", encoding="utf-8")
        self._identity = identity
        self._calls = {}
        self._record = record
        self._frames = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def frame(self, sent, at_ms, text):
        """Note a message; `sent` by the charger."""
        self._frames.put((sent, at_ms, text))

    def close(self):
        """Write what is left, for some seconds at most."""
        self._frames.put(None)
        self._thread.join(5)
        if self._stream is not sys.stdout:
            self._stream.close()

    def _run(self):
        with contextlib.suppress(OSError):  # the reader has gone
            while frame := self._frames.get():
                self._write(*frame)

    def _write(self, sent, at_ms, text):
        kind, uid, action, payload, code = self._record.parse(text)
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "at_ms": at_ms, "charger": self._identity, "dir": "out" if sent else "in", "kind": KINDS.get(kind),
        }  # fmt: skip
        if kind is None:
            line |= {"raw": text, "invalid": "not an OCPP-J message"}
        else:
            line |= self._message(sent, at_ms, text, (kind, uid, action, payload, code))
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()

    def _message(self, sent, at_ms, text, parts):
        kind, uid, action, payload, code = parts
        found = {"id": uid, "action": action or None}
        if kind == self._record.CALL:
            self._calls[sent, str(uid)] = (action, at_ms)
            if len(self._calls) > _OPEN_CALLS:
                del self._calls[next(iter(self._calls))]
        else:
            found["action"], asked_ms = self._calls.pop((not sent, str(uid)), (None, None))
            if asked_ms is not None:
                found["latency_ms"] = at_ms - asked_ms
        if kind == self._record.ERROR:
            return found | {"error": [code, json.loads(text)[3]], "invalid": None}
        message = self._record.Message(0, 0, "", "", 0, text, kind, str(uid), found["action"] or "", payload)
        problems = asyncio.run(self._record.audit_schema(message, "")) if found["action"] else []
        invalid = problems[0].rpartition("breaks the schema: ")[2] if problems else None
        return found | {"payload": without_secrets(found["action"], payload), "invalid": invalid}
