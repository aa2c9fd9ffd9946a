"""Commands that come to the portal's topic cmd, each one JSON object; the answer goes to reply and has its id.

    {"id": "1", "do": "hello"}
        {"id": "1", "ok": true, "challenge": "..."}               for one login within a minute
    {"id": "2", "do": "login", "challenge": "...", "role": "owner", "pin": "...", "device": "..."}
        {"id": "2", "ok": true, "session": "...", "device": "...", "expires_s": 900}
    {"id": "3", "do": "charge", "session": "...", "n": 1, "with": {"action": "start"}}
        {"id": "3", "ok": true, "result": {}}
    {"id": "4", "do": "logout", "session": "...", "n": 2}
    what is refused: {"id": "3", "ok": false, "error": "forbidden", "text": "The user may not do this."}, and "wait_s"

`device` is what an earlier login of the same client answered (access/pin.py says what for), and may be missing. What can
be done, and with what in `with`: _OFFERED and commands.py. A command that was heard once does nothing when it is sent
again: a challenge holds once, and `n` has to grow within a session. What is no command is discarded, with a reason in the
security log, whose rate is bounded (SEC-13); the same goes for messages that the broker kept.
"""

import json
import os

from micropython import const

from charger import clock, commands, log, validate
from charger.access import roles
from charger.audit import events
from charger.commands import table
from charger.crypto.hmac import same
from charger.errors import CommandError, InvalidValueError
from charger.net import strict_json, utf8

# The rest of commands.py is for those who stand at the unit: what locks out, erases, or hands over a secret (SEC-18).
_OFFERED = ("charge", "settings", "set", "acknowledge", "update", "install")
_SECRETS = ("AuthorizationKey", "WifiPassword", "MqttPassword")
_SURFACE = "mqtt"
_BURST, _REFILL_S = const(40), const(1)
_CHALLENGES = const(4)
_CHALLENGE_S = const(60)
_LOGINS = const(3)
_IDLE_S = const(900)
_LONGEST_S = const(43200)

_ID = ("id", ("str", 36, 1))
_TOKEN = ("str", 32, 32)
_SESSION = (("session", _TOKEN), ("n", ("int", 1, 1 << 30)))
_HELLO = ("strict", (_ID, ("do", ("enum", ("hello",)))))
_LOGIN = ("strict", (
    _ID, ("do", ("enum", ("login",))), ("challenge", _TOKEN), ("role", ("enum", roles.ROLES)), ("pin", ("str", 64, 1)),
    ("device?", ("str", 64)),
))  # fmt: skip
_LOGOUT = ("strict", (_ID, ("do", ("enum", ("logout",)))) + _SESSION)  # noqa: RUF005 - MicroPython
_COMMAND = ("strict", (_ID, ("do", ("enum", _OFFERED))) + _SESSION + (("with?", ("obj", ())),))  # noqa: RUF005


def _random() -> str:
    return os.urandom(16).hex()


async def answer(portal, payload, retained: bool) -> bytes | None:
    """Do what is asked for; the reply, None where there is none."""
    if not _admitted(portal):
        return _discard(portal, "too many commands")
    if retained:
        return _discard(portal, "a command that the broker kept")
    if payload is None:
        return _discard(portal, "a command that is too long")
    try:
        wish = await _parse(payload)
    except (ValueError, MemoryError) as error:
        return _discard(portal, log.reason(error))
    reply = {"id": wish["id"], "ok": False}
    try:
        result = await _act(portal, wish)
        if result is None:
            return None
        result["id"], result["ok"] = wish["id"], True
        return json.dumps(result).encode()
    except CommandError as error:
        reply["error"], reply["text"] = error.kind, str(error)
        if error.wait_s:
            reply["wait_s"] = error.wait_s
    except (OSError, MemoryError) as error:
        result = None
        reply["error"], reply["text"] = commands.UNABLE, "Not now: %s." % log.reason(error)
    return json.dumps(reply).encode()


def _admitted(portal) -> bool:
    """A few in a row, then one a second."""
    now = clock.uptime_s()
    if portal.credit is None:
        portal.credit = [_BURST, now]
    credit = portal.credit
    gained = (now - credit[1]) // _REFILL_S
    credit[0] = min(_BURST, credit[0] + gained)
    credit[1] += gained * _REFILL_S
    if credit[0] <= 0:
        return False
    credit[0] -= 1
    return True


def _discard(portal, why: str):
    portal.app.security_log.add(events.INVALID_MESSAGES, "portal: " + why)


async def _parse(payload: bytes) -> dict:
    """The object, which has an id; ValueError."""
    buffer = bytearray(payload)
    if not await utf8.check(buffer, 0, len(buffer)):
        raise ValueError("not UTF-8")
    wish = await strict_json.loads(buffer, len(buffer), strict_json.JsonScan(buffer, len(buffer)))
    try:
        validate.check(("obj", (_ID,)), wish)
    except InvalidValueError as error:
        raise ValueError(str(error))
    return wish


async def _act(portal, wish: dict) -> dict | None:
    do = wish.get("do")
    if not isinstance(do, str):
        do = ""
    spec = {"hello": _HELLO, "login": _LOGIN, "logout": _LOGOUT}.get(do)
    try:
        validate.check(spec or _COMMAND, wish)
    except InvalidValueError as error:
        _discard(portal, str(error))
        raise CommandError(commands.INVALID, "%s." % error)
    if spec is _HELLO:
        return _hello(portal)
    if spec is _LOGIN:
        return await _login(portal, wish)
    login = _who(portal, wish["session"])
    if wish["n"] <= login["n"]:
        if (wish["n"], wish["id"]) == (login["n"], login["id"]):
            return None  # brought twice by the broker, which it may
        portal.app.security_log.add(events.REPLAY, "portal: %s, as %s" % (do, login["role"]))
        raise CommandError("replay", "n: has to grow with each command.")
    login["n"], login["id"], login["used_s"] = wish["n"], wish["id"], clock.uptime_s()
    if spec is _LOGOUT:
        portal.logins.remove(login)
        return {}
    inner = wish.get("with", {})
    if do == "set":
        for name in _SECRETS:
            if name in inner:
                raise CommandError(commands.FORBIDDEN, "%s: only at the unit itself." % name)
    return {"result": await table.run(portal.app, login["role"], do, inner, _SURFACE)}


# --- who asks ---


def _hello(portal) -> dict:
    challenges = portal.challenges
    if len(challenges) >= _CHALLENGES:
        challenges.pop(0)
    challenges.append((_random(), clock.uptime_s()))
    return {"challenge": challenges[-1][0], "expires_s": _CHALLENGE_S}


async def _login(portal, wish: dict) -> dict:
    known = [item for item in portal.challenges if same(item[0].encode(), wish["challenge"].encode())]
    portal.challenges = [item for item in portal.challenges if item not in known]
    if not known:
        portal.app.security_log.add(events.REPLAY, "portal: login with a challenge that does not hold")
    if not known or clock.uptime_s() - known[0][1] >= _CHALLENGE_S:
        raise CommandError("login", "challenge: not one that holds; say hello first.")
    verdict = await portal.app.pins.check(wish["role"], wish["pin"], _SURFACE, wish.get("device", ""))
    if verdict.state == "refused":
        raise CommandError(commands.UNABLE, verdict.why)
    if verdict.state == "wait":
        raise CommandError(commands.WAIT, "Too many wrong PINs: wait %d seconds." % verdict.wait_s, verdict.wait_s)
    if not verdict.ok:
        raise CommandError("login", "This is not the PIN of the %s." % wish["role"], verdict.wait_s)
    now = clock.uptime_s()
    # plain data: an object of a class of ours would keep this module in RAM
    login = {"token": _random(), "role": wish["role"], "n": 0, "id": "", "since_s": now, "used_s": now}
    portal.logins = [one for one in portal.logins if _holds(one)][1 - _LOGINS :] + [login]  # noqa: RUF005
    return {"session": login["token"], "device": verdict.device, "expires_s": _IDLE_S}


def _holds(login: dict) -> bool:
    now = clock.uptime_s()
    return now - login["used_s"] < _IDLE_S and now - login["since_s"] < _LONGEST_S


def _who(portal, token: str) -> dict:
    found = None
    for one in portal.logins:
        if same(one["token"].encode(), token.encode()) and _holds(one):
            found = one
    if found is None:
        raise CommandError("login", "session: not one that holds; log in first.")
    return found
