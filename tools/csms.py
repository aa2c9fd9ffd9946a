"""Act as the back end of a running demo, or be one for chargers of your own.

    make demo ARGS=--stay                                  in one terminal, then in another:
    python3 tools/csms.py chargers
    python3 tools/csms.py actions [ACTION]
    python3 tools/csms.py call PL-0001 GetConfiguration '{"key": ["HeartbeatInterval"]}'
    python3 tools/csms.py call PL-0001 SetChargingProfile @profile.json
    python3 tools/csms.py call PL-0001 TriggerMessage requestedMessage=Heartbeat
    python3 tools/csms.py serve --port 9000                a back end that accepts every card and prints each message
    eval "$(python3 tools/csms.py completion bash)"        then: csms call <TAB> (zsh and fish as well)

A payload is JSON, @FILE, - for stdin, or NAME=VALUE words; it is checked against OCPP's schema before it is sent. Which back end:
--control HOST:PORT, else PILOTLIGHT_CSMS_CONTROL in the environment, else 127.0.0.1:8898.
Exit codes: 0 done, 1 refused, not accepted or no answer, 2 the command line or the payload is wrong.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import threading
from decimal import Decimal
from pathlib import Path

from cli import exit_with, in_range, read_json
from csms_completion import SHELLS, candidates, script
from ctl import Refused, failed
from simulator.options import Mistake, address

VARIABLE = "PILOTLIGHT_CSMS_CONTROL"
CONTROL_PORT = 8898
DEFAULT_CONTROL = f"127.0.0.1:{CONTROL_PORT}"
_TIMEOUT_S = 40
_EXAMPLES = {"array": '["HeartbeatInterval"]', "object": '{"connectorId": 1}', "boolean": "true"}


def _schema(action):
    """OCPP's JSON schema of a CALL; Mistake for an action that a back end cannot call."""
    from ocpp.messages import get_validator

    if action not in actions():
        raise Mistake(f"OCPP 1.6 has no call '{action}' of a back end; 'actions' lists them.")
    return get_validator(2, action, "1.6", parse_float=Decimal).schema  # the package keeps it and wants limits as Decimal


def actions():
    """Names of the calls that a back end can make, the security extensions among them."""
    return tuple("""CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration ClearCache ClearChargingProfile
        DataTransfer DeleteCertificate ExtendedTriggerMessage GetCompositeSchedule GetConfiguration GetDiagnostics
        GetInstalledCertificateIds GetLocalListVersion GetLog InstallCertificate RemoteStartTransaction RemoteStopTransaction
        ReserveNow Reset SendLocalList SetChargingProfile SignedUpdateFirmware TriggerMessage UnlockConnector
        UpdateFirmware""".split())


def check(action, payload):
    """Mistake with the reason where a payload breaks the schema of an action."""
    from ocpp.exceptions import OCPPError
    from ocpp.messages import Call, validate_payload

    _schema(action)
    try:
        asyncio.run(validate_payload(Call("1", action, json.loads(json.dumps(payload))), "1.6"))
    except OCPPError as error:
        cause = str(error.details.get("cause", error.description)).splitlines()[0]
        raise Mistake(f"{action}: {cause.rstrip('.')}.") from error


def _named(action, words):
    """NAME=VALUE words as a payload: a text where the schema has one, JSON elsewhere."""
    known = _schema(action).get("properties", {})
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name in found:
            raise Mistake(f"The payload must be JSON, @FILE, - or NAME=VALUE words, each name once, not '{word[:40]}'.")
        try:
            found[name] = text if known.get(name, {}).get("type") == "string" else read_json(text)
        except ValueError as error:
            kind = known.get(name, {}).get("type", "value")
            example = _EXAMPLES.get(kind, "1")
            raise Mistake(f"{name} takes JSON, such as {name}='{example}'; '{text[:40]}' is no JSON: {error}.") from error
    return found


def payload_of(action, words):
    """The object that the payload's words on the command line stand for."""
    if len(words) != 1 or (words[0].lstrip()[:1] not in "{@" and "=" in words[0]):
        return _named(action, words)
    text = words[0]
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        found = read_json(text)
    except OSError as error:
        raise Mistake(f"The payload cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Mistake(f"The payload is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Mistake("The payload must be a JSON object.")
    return found


def ask(where, **command):
    """The result of one command of the back end's socket; Refused when there is none."""
    host, port = address(where, "--control")
    try:
        with socket.create_connection((host, port), 5) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.sendall(json.dumps(command).encode() + b"\n")
            answer = json.loads(connection.makefile().readline() or "null")
    except (OSError, ValueError) as error:
        raise Refused(f"No back end answers at {host}:{port} ({getattr(error, 'strerror', None) or error}).") from error
    if not answer or not answer["ok"]:
        raise Refused(f"The back end said no: {answer['error'] if answer else 'nothing'}.")
    return answer["result"]


def fields(action):
    """The fields of a call as text, "name: kind", optional ones with a question mark."""
    schema = _schema(action)
    required = set(schema.get("required", ()))
    return [f"{name}{'' if name in required else '?'}: {'|'.join(what['enum']) if 'enum' in what else what.get('type', 'object')}"
            for name, what in schema.get("properties", {}).items()]


def _show_actions(name):
    print("\n".join(actions() if name is None else fields(name)))


def _call(given):
    payload = payload_of(given.action, given.payload)
    check(given.action, payload)
    result = ask(given.control, cmd="call", identity=given.identity, action=given.action, payload=payload)
    if "error" in result:
        print(json.dumps([result["error"], result["description"]]))
        return 1
    print(json.dumps(result["payload"], indent=2))
    return 1 if result["payload"].get("status") not in (None, "Accepted", "Unlocked", "Scheduled", "RebootRequired") else 0


def _chargers_of(control):
    """Identities for the completion: none where no back end answers."""
    try:
        return ask(control or os.environ.get(VARIABLE) or DEFAULT_CONTROL, cmd="chargers")
    except (Refused, Mistake):
        return []


def _complete(line):
    print("\n".join(candidates(line, actions(), _schema, _chargers_of)))


def _serve(given):
    from backend import Csms
    from backend.remote import RemoteControl

    try:
        csms = Csms(port=given.port).start()
        remote = RemoteControl(csms, address(given.control, "--control")[1])
    except OSError as error:
        raise Mistake(f"Port {given.port} or the control port cannot be used: {error.strerror}.") from error
    csms.ledger.unknown = "Accepted"
    with remote:
        print(f"Back end: {csms.url}; calls through 127.0.0.1:{remote.port}. Ctrl-C ends it.", flush=True)
        shown, pause = 0, threading.Event()
        try:
            while True:
                for message in csms.record.messages(since=shown):
                    print(message.identity, message, flush=True)
                    shown += 1
                pause.wait(0.1)
        finally:
            csms.stop()


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Mistake(message[0].upper() + message[1:] + "; see --help.")


def _parser():
    parser = _Parser(prog="csms.py", allow_abbrev=False, description="Act as the back end of simulated chargers.")
    parser.add_argument("--control", metavar="HOST:PORT", default=os.environ.get(VARIABLE) or DEFAULT_CONTROL)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    commands.add_parser("chargers", help="list the chargers that are connected")
    listed = commands.add_parser("actions", help="list the calls, or the fields of one")
    listed.add_argument("action", nargs="?")
    call = commands.add_parser("call", help="make a call and print the answer")
    call.add_argument("identity")
    call.add_argument("action")
    call.add_argument("payload", nargs="*", default=[], help="JSON, @FILE, - or NAME=VALUE words (default: {})")
    completion = commands.add_parser("completion", help="print what a shell reads to complete 'csms call ...'")
    completion.add_argument("shell", choices=SHELLS)
    complete = commands.add_parser("complete", help="print what the last word of a command line may be")
    complete.add_argument("line")
    serve = commands.add_parser("serve", help="run a back end")
    serve.add_argument("--port", type=in_range(0, 65535), default=9000)
    return parser


def main(words):
    """Exit code."""
    try:
        given = _parser().parse_args(words)
        if given.command == "call":
            return _call(given)
        if given.command == "serve":
            return _serve(given)
        if given.command == "actions":
            _show_actions(given.action)
        elif given.command == "completion":
            print(script(given.shell, [sys.executable, str(Path(__file__).resolve())]), end="")
        elif given.command == "complete":
            _complete(given.line)
        else:
            print("\n".join(ask(given.control, cmd="chargers")) or "No charger is connected.")
    except (Mistake, Refused) as error:
        return failed("csms", error)
    return 0


if __name__ == "__main__":
    exit_with(main)
