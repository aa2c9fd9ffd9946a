"""Commands received on the topic cmd, each one JSON object; the answer with the same id is published on reply.

    {"id": "1", "do": "hello"}
        {"id": "1", "ok": true, "challenge": "..."}               valid for one login within a minute
    {"id": "2", "do": "login", "challenge": "...", "role": "owner", "pin": "...", "device": "..."}
        {"id": "2", "ok": true, "session": "...", "device": "...", "expires_s": 900}
    {"id": "3", "do": "charge", "session": "...", "n": 1, "with": {"action": "start"}}
        {"id": "3", "ok": true, "result": {}}
    {"id": "4", "do": "logout", "session": "...", "n": 2}
    {"id": "5", "do": "charge", "token": "...", "at": 1795928400000, "with": {"action": "start"}}      by a token, without a login
    a refusal: {"id": "3", "ok": false, "error": "forbidden", "text": "The user may not do this."}, and "wait_s"

`device` is optional: the value from an earlier login of the same client (access/pin.py). It may stand in a hello, too, with
`role`: then the command is not refused for what others send (command_sources.py). The available commands are
_OFFERED, their arguments are in commands/. A replayed command has no effect: a challenge is valid once, `n` must increase
within a session, and `at` (UTC in ms since 1970, optional) must be the present time and increase with each command of a
token. Without `at` a command of a token acts each time it is delivered, as Home Assistant's do. Invalid messages, and
messages that the broker retained, are discarded with an entry in the security log, whose rate is limited (SEC-13).
"""

import json
import os

from micropython import const

from charger import clock, commands, log, validate
from charger.access import roles, tokens
from charger.audit import events
from charger.commands import table
from charger.crypto.hmac import hmac_sha256, same
from charger.errors import CommandError, InvalidValueError
from charger.mqtt_client.command_sources import CommandSources
from charger.net import strict_json, utf8

# Commands that lock out, erase or transfer a secret are available only in the local API (SEC-18).
_OFFERED = ("charge", "settings", "set", "acknowledge", "update", "install", "hours", "set_hours", "plan", "set_plan",
            "set_tariff", "house", "set_house", "confirm_update")
_SECRETS = ("AuthorizationKey", "WifiPassword", "MqttPassword")
_SURFACE = "mqtt"
_CHALLENGE_S = const(60)
_USED = const(99)  # challenges that are remembered: strangers cannot send as many logins in _CHALLENGE_S
_LOGINS = const(3)  # of a role; a further login ends the oldest of the same role
_IDLE_S = const(900)
_LONGEST_S = const(43200)
_FRESH_MS = const(60000)  # between the sender's clock and ours

# Constants take no heap, nor do tuples of them.
_ID = const(("id", ("str", 36, 1)))
_TOKEN = const(("str", 32, 32))
_SESSION = const(("session", _TOKEN))
_NUMBER = const(("n", ("int", 1, 1 << 30)))
_DEVICE = const(("device", ("str", 64)))
_WITH = const(("with", ("obj", ())))
_AT = const(("at", ("int", 1, 1 << 50)))
_HELLO = ("strict", (_ID, ("do", ("enum", ("hello",)))), (_DEVICE, ("role", ("enum", roles.ROLES))))
_LOGIN = ("strict", (
    _ID, ("do", ("enum", ("login",))), ("challenge", _TOKEN), ("role", ("enum", roles.ROLES)), ("pin", ("str", 64, 1)),
), (_DEVICE,))  # fmt: skip
_LOGOUT = const(("strict", (_ID, ("do", ("enum", ("logout",))), _SESSION, _NUMBER)))
_COMMAND = ("strict", (_ID, ("do", ("enum", _OFFERED)), _SESSION, _NUMBER), (_WITH,))
_BY_TOKEN = ("strict", (_ID, ("do", ("enum", _OFFERED)), ("token", _TOKEN)), (_WITH, _AT))


def _random() -> str:
    return os.urandom(16).hex()


async def answer(client: MqttClient, payload: Any, retained: bool) -> bytes | None:
    """Execute a command; return the reply, or None for an invalid message."""
    if client.sources is None:
        client.sources = CommandSources(client.app.pins, client.app.vault)  # type: ignore[arg-type] - a unit with a portal has PINs
    if not await client.sources.admits(payload):
        return _discard(client, "too many commands")
    if retained:
        return _discard(client, "a command that the broker retained")
    if payload is None:
        return _discard(client, "a command that is too long")
    try:
        wish = await _parse(payload)
    except (ValueError, MemoryError) as error:
        return _discard(client, log.reason(error))
    reply = {"id": wish["id"], "ok": False}
    try:
        result = await _act(client, wish)
        if result is None:
            return None
        result["id"], result["ok"] = wish["id"], True
        return json.dumps(result).encode()
    except CommandError as error:
        reply["error"], reply["text"] = error.kind, str(error)
        if error.wait_s:
            reply["wait_s"] = error.wait_s
    except (OSError, MemoryError) as error:
        reply["error"], reply["text"] = commands.UNABLE, "Not now: %s." % log.reason(error)
    return json.dumps(reply).encode()


def _discard(client: MqttClient, why: str) -> None:
    client.app.security_log.add(events.INVALID_MESSAGES, "portal: " + why)


async def _parse(payload: bytes) -> dict:
    """Parse the object, which must have an id. ValueError."""
    buffer = bytearray(payload)
    if not await utf8.check(buffer, 0, len(buffer)):
        raise ValueError("not UTF-8")
    wish = await strict_json.loads(buffer, len(buffer), strict_json.JsonScan(buffer, len(buffer)))
    try:
        validate.check(("obj", (_ID,)), wish)
    except InvalidValueError as error:
        raise ValueError(str(error))
    return wish


async def _act(client: MqttClient, wish: dict) -> dict | None:
    do = wish.get("do")
    if not isinstance(do, str):
        do = ""
    spec = {"hello": _HELLO, "login": _LOGIN, "logout": _LOGOUT}.get(do)
    try:
        spec = spec or (_BY_TOKEN if "token" in wish else _COMMAND)
        validate.check(spec, wish)
    except InvalidValueError as error:
        _discard(client, str(error))
        raise CommandError(commands.INVALID, "%s." % error)
    if spec is _HELLO:
        return _hello(client)
    if spec is _LOGIN:
        return await _login(client, wish)
    if spec is _BY_TOKEN:
        return await _act_by_token(client, wish)
    login = _find_login(client, wish["session"])
    if wish["n"] <= login["n"]:
        if (wish["n"], wish["id"]) == (login["n"], login["id"]):
            return None  # delivered twice by the broker, which QoS 1 allows
        raise _replay(client, "%s, as %s" % (do, login["role"]), "n: must increase with each command.")
    login["n"], login["id"], login["used_s"] = wish["n"], wish["id"], clock.uptime_s()
    if spec is _LOGOUT:
        client.logins.remove(login)
        return {}
    inner = wish.get("with", {})
    if do == "set":
        for name in _SECRETS:
            if name in inner:
                raise CommandError(commands.FORBIDDEN, "%s: only at the unit itself." % name)
    return {"result": await table.run(client.app, login["role"], do, inner, _SURFACE)}


async def _act_by_token(client: MqttClient, wish: dict) -> dict | None:
    program = _client_of(client, wish["token"])
    if "at" in wish and _is_delivered(client, wish):
        return None
    return {"result": await table.run(client.app, program, wish["do"], wish.get("with", {}), _SURFACE)}


def _client_of(client: MqttClient, token: str) -> Any:
    """Return whose token it is. CommandError."""
    found = tokens.client_of(client.app.vault, token)
    if found is None:
        client.app.security_log.add(events.TOKEN_REFUSED, _SURFACE)
        raise CommandError("login", "token: not valid.")
    return found


def _is_delivered(client: MqttClient, wish: dict) -> bool:
    """Check and keep the time of a program's command; True when the broker delivered its last one twice. CommandError.

    The times are in memory alone: what was sent before the unit's start is refused.
    """
    now = clock.utc_ms()
    if now is None:
        raise CommandError(commands.UNABLE, "at: the unit has no time.")
    now_ms, at, token = now[0] * 1000 + now[1], wish["at"], wish["token"]
    sent = client.sent.get(token, (now_ms - clock.uptime_ms(), ""))
    if sent == (at, wish["id"]):
        return True
    if at <= sent[0] or abs(at - now_ms) > _FRESH_MS:
        raise _replay(client, wish["do"] + ", as client", "at: must be the present time, and increase with each command.")
    client.sent[token] = (at, wish["id"])
    return False


def _replay(client: MqttClient, what: str, why: str) -> CommandError:
    client.app.security_log.add(events.REPLAY, "portal: " + what)
    return CommandError("replay", why)


# --- login ---


def _hello(client: MqttClient) -> dict:
    return {"challenge": _challenge(client, "%08x" % clock.uptime_s() + os.urandom(4).hex()), "expires_s": _CHALLENGE_S}


def _challenge(client: MqttClient, head: str) -> str:
    """Return a challenge: its time, a random number, and a code over both, so that no number of hellos takes memory."""
    return head + hmac_sha256(client.challenge_key, head.encode())[:8].hex()


def _is_new(client: MqttClient, text: str) -> bool:
    """Use a challenge up; False when it is not one of ours, too old, or used."""
    head = text[:16]
    if head in client.used or not same(_challenge(client, head).encode(), text.encode()):
        return False
    client.used = client.used[-_USED:] + [head]  # noqa: RUF005 - MicroPython
    return clock.uptime_s() - int(head[:8], 16) < _CHALLENGE_S


async def _login(client: MqttClient, wish: dict) -> dict:
    if not _is_new(client, wish["challenge"]):
        client.app.security_log.add(events.REPLAY, "portal: login with an invalid challenge")
        raise CommandError("login", "challenge: not valid; send hello first.")
    verdict = await client.app.pins.check(wish["role"], wish["pin"], _SURFACE, wish.get("device", ""))
    if verdict.state == "refused":
        raise CommandError(commands.UNABLE, verdict.why)
    if verdict.state == "wait":
        raise CommandError(commands.WAIT, "Too many wrong PINs: wait %d seconds." % verdict.wait_s, verdict.wait_s)
    if not verdict.ok:
        raise CommandError("login", "Wrong PIN of the %s." % wish["role"], verdict.wait_s)
    now = clock.uptime_s()
    login = {"token": _random(), "role": wish["role"], "n": 0, "id": "", "since_s": now, "used_s": now}
    login["changes"] = client.app.pins.changes[wish["role"]]
    valid = [one for one in client.logins if _is_valid(client, one)]
    same_role = [one for one in valid if one["role"] == wish["role"]]
    if len(same_role) >= _LOGINS:
        valid.remove(same_role[0])
    valid.append(login)
    client.logins = valid
    client.sources.note(wish["role"], login["token"])
    return {"session": login["token"], "device": verdict.device, "expires_s": _IDLE_S}


def _is_valid(client: MqttClient, login: dict) -> bool:
    """False when the time is over, or when the role's PIN has changed."""
    now = clock.uptime_s()
    changed = client.app.pins.changes[login["role"]] != login["changes"]
    return not changed and now - login["used_s"] < _IDLE_S and now - login["since_s"] < _LONGEST_S


def _find_login(client: MqttClient, token: str) -> dict:
    found = None
    for one in client.logins:
        if same(one["token"].encode(), token.encode()) and _is_valid(client, one):
            found = one
    if found is None:
        raise CommandError("login", "session: not valid; log in first.")
    return found
