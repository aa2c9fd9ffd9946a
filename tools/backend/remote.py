"""A socket through which another process makes calls of the local back end: one line of JSON each way (tools/csms.py)."""

import contextlib
import json
import socketserver

from local_server import LocalServer

from .csms import CallRefused


def _chargers(csms, _):
    return sorted(csms.stations)


def make_call(csms, asked):
    """Make a call of the back end: {"payload": ...} of the CALLRESULT, or {"error": code, "description": ...}."""
    try:
        return {"payload": csms.call(asked["action"], asked.get("identity"), **asked["payload"])}
    except CallRefused as refused:
        return {"error": refused.code, "description": str(refused)}


_COMMANDS = {"chargers": _chargers, "call": make_call}


class RemoteControl(LocalServer):
    """Serves a Csms's calls on 127.0.0.1; `port` is the one that it got. Only for this machine: it asks for no password."""

    def __init__(self, csms, port=0):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    for line in self.rfile:
                        self.wfile.write(json.dumps(_answer(csms, line)).encode() + b"\n")

        server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        super().__init__(server)


def _answer(csms, line):
    try:
        asked = json.loads(line)
        return {"ok": True, "result": _COMMANDS[asked["cmd"]](csms, asked)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"ok": False, "error": f"this makes no sense: {error}"}
    except (ConnectionError, TimeoutError) as error:
        return {"ok": False, "error": str(error) or "no answer in time"}
