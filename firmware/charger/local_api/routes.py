"""The local API's paths, sessions and request checks (SEC-13, SEC-18, SEC-25, SEC-26).

A person logs in with a PIN first; a program has a token of the owner's (Authorization: Bearer) instead. A session is a random
cookie (HttpOnly, SameSite=Strict); a request that changes something also needs the session's CSRF token. The Host header must
be this unit's name or an IP address, against DNS rebinding. docs/openapi.json describes the API.
"""

from micropython import const

from charger import clock, validate
from charger.access import roles, tokens
from charger.audit import events
from charger.crypto.hmac import same
from charger.errors import CommandError, InvalidValueError, NotJsonError, RequestError, UnacceptableJsonError
from charger.local_api.listener import LoginSession
from charger.net import strict_json, utf8

_OWNERS = const(4)  # sessions of the owner; a further login ends the owner's longest idle session
_OTHERS = const(2)  # of each other role
_IDLE_MS = const(900000)
_WHOLE_MS = const(8 * 3600000)
_DEVICE_S = const(365 * 86400)

_LOGIN = ("strict", (("pin", ("str", 64, 1)),), (("role", ("enum", roles.ROLES)),))
STATE = "/api/state"
# Of a connector's report, what may be seen without a PIN where the owner wants that: no card, no transaction, no plan
_OPEN = ("ocpp_status", "power_w", "offered_amps", "limit", "session_wh", "session_s", "energy_wh", "reason")
_ROUTES = {
    "/api/state": {"GET": None},
    "/api/status": {"GET": "status"},
    "/api/settings": {"GET": "settings", "PUT": "set"},
    "/api/pin": {"POST": "pin"},
    "/api/clock": {"POST": "clock"},
    "/api/log": {"GET": "log"},
    "/api/history": {"GET": "history"},
    "/api/hours": {"GET": "hours", "PUT": "set_hours"},
    "/api/plan": {"GET": "plan", "PUT": "set_plan"},
    "/api/tariff": {"GET": "tariff", "PUT": "set_tariff"},
    "/api/house": {"GET": "house", "PUT": "set_house"},
    "/api/charge": {"POST": "charge"},
    "/api/cards": {"GET": "cards", "POST": "set_cards"},
    "/api/tokens": {"GET": "tokens", "POST": "set_tokens"},
    "/api/networks": {"GET": "networks"},
    "/api/label": {"GET": "label"},
    "/api/acknowledge": {"POST": "acknowledge"},
    "/api/update": {"GET": "update", "POST": "install"},
    "/api/confirm_update": {"POST": "confirm_update"},
    "/api/erase": {"POST": "erase"},
    "/api/reset": {"POST": "reset"},
    "/api/login": {"POST": None},
    "/api/logout": {"POST": None},
    "/api/session": {"GET": None},
}  # fmt: skip
# In which a network at home resolves host names; "local" where the router announces its clients by mDNS, the unit does not
_DOMAINS = ("", "local", "lan", "home", "home.arpa", "internal", "fritz.box")
_STATUS = {"forbidden": 403, "invalid": 400, "unknown": 404, "conflict": 409, "wait": 429, "unable": 503}  # of CommandError


class LocalApi:
    """The parts of the unit that a connection works with; `listener` holds the sessions and the Admission.

    run(role, name, args, surface, device)  runs a command of a person (commands/table.py)
    report()                                the charger's state as plain data
    """

    def __init__(self, listener: LocalApiListener, run: Callable, report: Callable, pins: Pins | None, vault: Vault,
                 security_log: SecurityLog, config: Configuration, wifi: Any) -> None:  # fmt: skip
        self.listener = listener
        self.run = run
        self.report = report
        self.pins = pins
        self.vault = vault
        self.security_log = security_log
        self.config = config
        self.wifi = wifi


async def answer(api: LocalApi, request: Request, host: str) -> tuple:
    """Return (status, JSON object, header lines) for a request from an address. RequestError, OSError of the flash."""
    check_host(api, request.fields)
    _check_origin(request.fields)
    methods = _ROUTES.get(request.path)
    if methods is None:
        raise RequestError(404, "No such path.")
    if request.method not in methods:
        return 405, {"error": "This path supports %s." % ", ".join(methods)}, "Allow: %s\r\n" % ", ".join(methods)
    wish = await _wish(request)
    if request.path == STATE:
        return _state(api, wish)
    if request.path == "/api/login":
        return await _login(api, request.fields, wish, host)
    if "authorization" in request.fields:
        client = client_of(api, request.fields, host)
        return await _run(api, client, request, wish, "token", "")
    listener = api.listener
    session = _session(api, request)
    if request.path == "/api/logout":
        listener.sessions.remove(session)
        return 200, {}, _cookie("session", "", 0, "/api")
    if request.path == "/api/session":
        return 200, _about(session), ""
    device = _cookie_of(request.fields, "device") if request.path == "/api/pin" else ""
    answered = await _run(api, session.role, request, wish, "page", device)
    if answered[0] == 200:
        if request.path == "/api/erase":
            listener.sessions[:] = [session]
        elif request.path == "/api/pin" and wish.get("role", session.role) == session.role:
            session.changes = api.pins.changes[session.role]  # who has changed the PIN stays; all others' sessions end
    return answered


def _state(api: LocalApi, wish: dict) -> tuple:
    """Answer without a session: what each connector does, where the owner lets everybody at home see it. RequestError."""
    if not api.config.get_bool("StateWithoutPin"):
        raise RequestError(401, "Log in first.")
    if wish:
        raise RequestError(400, "This path has no query.")
    connectors = api.report()["connectors"]
    return 200, {"connectors": {number: {name: connectors[number][name] for name in _OPEN} for number in connectors}}, ""


async def _run(api: LocalApi, role: Role, request: Request, wish: dict, surface: str, device: str) -> tuple:
    """Run the command of a path for a role or a client; return (status, JSON object, header lines)."""
    if api.wifi.setup is None:  # who is in the set-up network reaches the unit at any address
        api.wifi.prove()
    try:
        return 200, await api.run(role, _ROUTES[request.path][request.method], wish, surface, device), ""
    except CommandError as error:
        return _STATUS[error.kind], {"error": str(error)}, "Retry-After: %d\r\n" % error.wait_s if error.wait_s else ""


def client_of(api: LocalApi, fields: dict, host: str) -> Any:
    """Return the client whose token a request from an address has. RequestError; a wrong token is logged (SEC-22)."""
    scheme, _, token = fields.get("authorization", "").partition(" ")
    client = tokens.client_of(api.vault, token) if scheme.lower() == "bearer" else None
    if client is None:
        if token:
            api.security_log.add(events.TOKEN_REFUSED, "page")
        raise RequestError(401, "A valid token is needed; the owner makes one at the page.")
    api.listener.admission.remember(host)
    return client


def check_host(api: LocalApi, fields: dict) -> None:
    """Refuse other host names (DNS rebinding)."""
    host = fields.get("host", "")
    name = host
    if host.startswith("["):
        name = host[: host.find("]") + 1]
    elif ":" in host:
        name = host[: host.rfind(":")]
    own, _, domain = name.lower().partition(".")
    if _is_address(name) or name.lower() == "localhost":
        return
    if own not in (api.wifi.host, "pilotlight-" + api.config.get_str("ChargeBoxSerialNumber").lower()) or domain not in _DOMAINS:
        raise RequestError(421, "Unknown host name; use the unit's IP address.")


def _check_origin(fields: dict) -> None:
    """Refuse requests of other sites."""
    host = fields.get("host", "")
    if fields.get("origin", "https://" + host) != "https://" + host:
        raise RequestError(403, "Another site may not ask this unit.")
    if fields.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise RequestError(403, "Another site may not ask this unit.")


def _is_address(name: str) -> bool:
    if name.startswith("[") and name.endswith("]"):
        return all(ch in "0123456789abcdefABCDEF:." for ch in name[1:-1]) and ":" in name
    parts = name.split(".")
    return len(parts) == 4 and all(part.isdigit() and len(part) <= 3 for part in parts)


async def _wish(request: Request) -> dict:
    """Return the query of a GET, the JSON body of other methods."""
    if request.method == "GET":
        return _query(request.query)
    if request.query:
        raise RequestError(400, "This method has no query.")
    kind = request.fields.get("content-type", "").lower().replace(" ", "")
    if kind not in ("application/json", "application/json;charset=utf-8"):
        raise RequestError(415, "The body must be application/json.")
    try:
        size = len(request.body)
        if not await utf8.check(request.body, 0, size):
            raise NotJsonError("not UTF-8")
        wish = await strict_json.loads(request.body, size, strict_json.JsonScan(request.body, size))
    except (NotJsonError, UnacceptableJsonError) as error:
        raise RequestError(400, "The body is not valid JSON: %s." % error)
    if not isinstance(wish, dict):
        raise RequestError(400, "The body must be a JSON object.")
    return wish


def _query(text: str) -> dict:
    wish = {}
    for part in text.split("&") if text else ():
        name, equals, value = part.partition("=")
        if not equals or name in wish:
            raise RequestError(400, "The query is malformed.")
        wish[name] = int(value) if value.isdigit() and len(value) < 10 else value
    return wish


def _is_valid(session: LoginSession, pins: Any) -> bool:
    """False when the time is over, or when the role's PIN has changed."""
    now = clock.uptime_ms()
    changed = pins.changes[session.role] != session.changes
    return not changed and now - session.seen_ms <= _IDLE_MS and now - session.begun_ms <= _WHOLE_MS


def _session(api: LocalApi, request: Request) -> Any:
    """Return the cookie's session; a request that changes something must also have its CSRF token."""
    sessions = api.listener.sessions
    sessions[:] = [other for other in sessions if _is_valid(other, api.pins)]
    token = _cookie_of(request.fields, "session")
    for session in sessions:
        if same(session.token.encode(), token.encode()):
            if request.method != "GET" and not same(session.csrf.encode(), request.fields.get("x-csrf-token", "").encode()):
                raise RequestError(403, "The X-CSRF-Token is not valid for this session.")
            session.seen_ms = clock.uptime_ms()
            return session
    raise RequestError(401, "Log in first.")


async def _login(api: LocalApi, fields: dict, wish: dict, host: str) -> tuple:
    try:
        validate.check(_LOGIN, wish)
    except InvalidValueError as error:
        raise RequestError(400, "%s." % error)
    role = wish.get("role", roles.OWNER)
    result = await api.pins.check(role, wish["pin"], "page", _cookie_of(fields, "device"))
    more = "Retry-After: %d\r\n" % result.wait_s if result.wait_s else ""
    if result.state == "wait":
        return 429, {"error": "Too many wrong PINs: wait %d seconds." % result.wait_s}, more
    if result.state == "refused":
        return 503, {"error": result.why}, ""
    if not result.ok:
        return 401, {"error": "Wrong PIN."}, more
    session = LoginSession(role, api.pins.changes[role])
    admit(api.listener.sessions, session)
    api.listener.admission.remember(host, role == roles.OWNER)
    more = _cookie("session", session.token, _WHOLE_MS // 1000, "/api")
    more += _cookie("device", result.device, _DEVICE_S, "/api")
    return 200, _about(session), more


def admit(sessions: list, session: LoginSession) -> None:
    """Add a session. Each role has its own bound, so a login never ends another role's session."""
    same_role = [other for other in sessions if other.role == session.role]
    if len(same_role) >= (_OWNERS if session.role == roles.OWNER else _OTHERS):
        oldest = same_role[0]
        for other in same_role:
            if other.seen_ms < oldest.seen_ms:
                oldest = other
        sessions.remove(oldest)
    sessions.append(session)


def _about(session: LoginSession | None) -> dict:
    return {"role": session.role, "csrf": session.csrf, "actions": roles.actions(session.role)}


def _cookie(name: str, value: str, seconds: int, path: str) -> str:
    return "Set-Cookie: %s=%s; Max-Age=%d; Path=%s; HttpOnly; Secure; SameSite=Strict\r\n" % (name, value, seconds, path)


def _cookie_of(fields: dict, name: str) -> str:
    """Return the value of a cookie, '' without it."""
    for part in fields.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
