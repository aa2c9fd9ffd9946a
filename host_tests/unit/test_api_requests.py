"""Requests to the local API: host, origin, path, body, session, token and log-in, each refused by itself (SEC-18, SEC-26)."""

import json

from check import equal, true
from memory_vault import MemoryVault

from charger import clock
from charger.access import tokens
from charger.audit import events
from charger.errors import CommandError, RequestError
from charger.local_api import routes
from charger.local_api.http_server import Request
from charger.local_api.listener import LoginSession
from sim import timebase

HOST = "192.168.1.2"
JSON = "application/json"


class Verdict:
    """Of a PIN: see PinResult."""

    def __init__(self, state, wait_s=0, why="", device=""):
        self.state, self.wait_s, self.why, self.device = state, wait_s, why, device
        self.ok = state == "ok"


class Parts:
    """The parts of `api`, a LocalApi: what they were asked is in `asked`, what they answer is set by the test."""

    host = "garage"
    setup = None
    shows = True

    def __init__(self):
        self.asked = []
        self.known = []
        self.sessions = []
        self.changes = dict.fromkeys(("owner", "user", "installer"), 0)
        self.proofs = 0
        self.verdict = Verdict("ok", device="new device")
        self.error = None
        self.vault = MemoryVault()
        self.admission = self
        self.api = routes.LocalApi(self, self.run, self.report, self, self.vault, self, self, self)

    def report(self):
        return {"wifi": "secret", "connectors": {"1": {name: name for name in routes._OPEN + ("id_tag",)}}}  # noqa: RUF005 - MicroPython

    def remember(self, *address):
        self.known.append(address)

    def add(self, event, info):
        self.asked.append((event, info))

    def prove(self):
        self.proofs += 1

    def get_str(self, name):
        return {"ChargeBoxSerialNumber": "SN0001"}[name]

    def get_bool(self, name):
        return {"StateWithoutPin": self.shows}[name]

    async def check(self, *words):
        self.asked.append(words)
        return self.verdict

    async def run(self, role, name, wish, surface, device):
        self.asked.append((str(role), name, wish, surface, device))
        if self.error:
            raise self.error
        if name == "pin":
            self.changes[wish.get("role", str(role))] += 1
        return {"done": name}


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


async def ask(api, method="GET", target="/api/status", body=None, kind=JSON, **fields):
    """(status, value, header lines); of a refusal the last are False, True when it ends the connection.

    Underscores in the names of fields are hyphens; a body that is no text goes as JSON.
    """
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    fields.setdefault("host", HOST)
    request = Request(method, target, fields, True)
    if method != "GET":
        fields.setdefault("content-type", kind)
        request.body = bytearray(body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode())
    try:
        return await routes.answer(api.api, request, "192.168.1.9")
    except RequestError as error:
        return error.status, str(error), error.fatal


async def log_in(api, role="owner", **fields):
    """The session's fields of a request."""
    status, about, lines = await ask(api, "POST", "/api/login", {"role": role, "pin": "1"}, **fields)
    equal(status, 200)
    return {"cookie": lines.split("session=")[1].split(";")[0].join(("session=", "")), "x_csrf_token": about["csrf"]}


async def test_a_host_that_is_not_this_units_is_refused_whatever_the_path():
    api = Parts()
    for host in (HOST, HOST + ":8443", "[fe80::1]", "[FE80::1]:443", "localhost", "LocalHost:1", "garage", "Garage:443",
                 "garage.local", "garage.LAN", "garage.home", "garage.home.arpa", "garage.internal", "garage.fritz.box",
                 "pilotlight-sn0001", "Pilotlight-SN0001.local"):  # fmt: skip
        equal((await ask(api, host=host))[0], 401, host)
    for host in ("", "evil.example", "garage.evil.example", "garage.local.evil", "pilotlight-sn0002", "1.2.3", "1.2.3.4.5",
                 "1.2.3.1234", "1.2.3.a", "[garage]", "[1]", "[::1", "::1]", "localhost.evil", "garag", ":443"):  # fmt: skip
        equal(
            await ask(api, target="/api/nothing", host=host), (421, "Unknown host name; use the unit's IP address.", False), host
        )
    true(routes._is_address("[::1]") and not routes._is_address("[::g]"))


async def test_the_open_state_needs_no_session_has_no_card_and_is_the_owners_to_close():
    api = Parts()
    status, value, lines = await ask(api, target="/api/state")
    equal((status, lines, list(value)), (200, "", ["connectors"]))
    equal(sorted(value["connectors"]["1"]), sorted(routes._OPEN))
    api.shows = False
    equal(await ask(api, target="/api/state"), (401, "Log in first.", False))


async def test_another_sites_request_is_refused():
    api = Parts()
    for fields in ({"origin": "https://evil.example"}, {"origin": "http://" + HOST}, {"origin": "null"},
                   {"origin": "https://" + HOST + ":8443"}, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"},
                   {"sec_fetch_site": ""}, {"origin": "https://" + HOST, "sec_fetch_site": "cross-site"}):  # fmt: skip
        equal(await ask(api, **fields), (403, "Another site may not ask this unit.", False), fields)
    for fields in ({}, {"origin": "https://" + HOST}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}):
        equal((await ask(api, **fields))[0], 401, fields)


async def test_a_path_or_a_method_that_is_not_there_is_refused():
    api = Parts()
    for path in ("/api", "/api/", "/api/nothing", "/api/status/", "/"):
        equal(await ask(api, target=path), (404, "No such path.", False))
    equal(await ask(api, "PUT"), (405, {"error": "This path supports GET."}, "Allow: GET\r\n"))
    status, value, lines = await ask(api, "DELETE", "/api/settings")
    equal((status, sorted(value), sorted(lines.strip()[7:].split(", "))), (405, ["error"], ["GET", "PUT"]))


async def test_a_body_has_to_be_a_json_object_in_utf_8_and_only_a_get_has_a_query():
    api = Parts()
    owner = await log_in(api)
    api.asked.clear()
    equal(await ask(api, "POST", "/api/clock?a=1", **owner), (400, "This method has no query.", False))
    for kind in ("", "text/plain", "application/json;charset=latin1", "application/x-www-form-urlencoded"):
        equal(await ask(api, "POST", "/api/clock", kind=kind, **owner), (415, "The body must be application/json.", False))
    for body in (b"", b"{", b'{"a":"\xff"}', b'{"a":1,"a":2}', b"{}x"):
        status, text, _ = await ask(api, "POST", "/api/clock", body, **owner)
        equal((status, text[:27]), (400, "The body is not valid JSON:"), body)
    for body in (b"[]", b"1", b"null", b'"a"'):
        equal(await ask(api, "POST", "/api/clock", body, **owner), (400, "The body must be a JSON object.", False))
    equal(api.asked, [])
    for kind in (JSON, "Application/JSON; charset=UTF-8", "application/json;charset=utf-8"):
        equal(await ask(api, "POST", "/api/clock", {"time": "é"}, kind, **owner), (200, {"done": "clock"}, ""))
    equal(api.asked, [("owner", "clock", {"time": "é"}, "page", "")] * 3)


async def test_a_query_has_each_name_once_and_numbers_of_up_to_nine_digits():
    api = Parts()
    owner = await log_in(api)
    api.asked.clear()
    for query in ("a", "a=1&a=2", "&", "a=1&", "a=1&b"):
        equal(await ask(api, target="/api/log?" + query, **owner), (400, "The query is malformed.", False), query)
    equal((await ask(api, target="/api/log?a=5&b=x=y&c=&d=-1&e=999999999&f=1000000000", **owner))[0], 200)
    equal((await ask(api, target="/api/log?", **owner))[0], 200)
    equal([one[2] for one in api.asked],
          [{"a": 5, "b": "x=y", "c": "", "d": "-1", "e": 999999999, "f": "1000000000"}, {}])  # fmt: skip
    equal(await ask(api, target="/api/state?a=1"), (400, "This path has no query.", False))


async def test_a_log_in_gives_a_cookie_for_eight_hours_that_no_script_reads_and_its_csrf_token():
    api = Parts()
    status, about, lines = await ask(api, "POST", "/api/login", {"pin": "1234"}, cookie="a=b; device=mine")
    [session] = api.sessions
    equal((status, about["role"], about["csrf"], "erase" in about["actions"]), (200, "owner", session.csrf, True))
    more = "Path=/api; HttpOnly; Secure; SameSite=Strict\r\n"
    equal(lines, "Set-Cookie: session=%s; Max-Age=28800; %sSet-Cookie: device=new device; Max-Age=31536000; %s"
          % (session.token, more, more))  # fmt: skip
    equal((len(session.token), len(session.csrf), session.token == session.csrf), (32, 32, False))
    equal((api.asked, api.known), ([("owner", "1234", "page", "mine")], [("192.168.1.9", True)]))
    status, about, _ = await ask(api, "POST", "/api/login", {"pin": "1", "role": "user"})
    equal((about["role"], "erase" in about["actions"], api.known[1]), ("user", False, ("192.168.1.9", False)))


async def test_a_log_in_that_fails_opens_no_session_and_says_how_long_to_wait():
    api = Parts()
    for verdict, answer in (
        (Verdict("wait", 60), (429, {"error": "Too many wrong PINs: wait 60 seconds."}, "Retry-After: 60\r\n")),
        (Verdict("refused", why="Why."), (503, {"error": "Why."}, "")),
        (Verdict("wrong"), (401, {"error": "Wrong PIN."}, "")),
        (Verdict("wrong", 5), (401, {"error": "Wrong PIN."}, "Retry-After: 5\r\n")),
    ):  # fmt: skip
        api.verdict = verdict
        equal(await ask(api, "POST", "/api/login", {"pin": "1"}), answer)
    for body, start in (({}, "pin"), ({"pin": 1}, "pin"), ({"pin": ""}, "pin"), ({"pin": "1" * 65}, "pin"),
                        ({"pin": "1", "role": "csms"}, "role"), ({"pin": "1", "x": 1}, "x")):  # fmt: skip
        status, text, _ = await ask(api, "POST", "/api/login", body)
        equal((status, text[: len(start)], text[-1]), (400, start, "."), body)
    equal((api.sessions, api.known, len(api.asked)), ([], [], 4))


async def test_without_the_cookie_of_a_session_nothing_is_answered_and_without_its_csrf_token_nothing_changed():
    api = Parts()
    owner, user = await log_in(api), await log_in(api, "user")
    api.asked.clear()
    for cookie in ("", "session=", "session=" + "0" * 32, "session=" + owner["cookie"][8:-1], "xsession=" + owner["cookie"][8:]):
        equal(await ask(api, cookie=cookie), (401, "Log in first.", False), cookie)
    for token in ("", "0" * 32, user["x_csrf_token"]):
        equal(await ask(api, "PUT", "/api/settings", cookie=owner["cookie"], x_csrf_token=token),
              (403, "The X-CSRF-Token is not valid for this session.", False))  # fmt: skip
    equal(await ask(api, "PUT", "/api/settings", cookie=owner["cookie"]),
          (403, "The X-CSRF-Token is not valid for this session.", False))  # fmt: skip
    equal(api.asked, [])
    equal(await ask(api, cookie="a=b; " + owner["cookie"]), (200, {"done": "status"}, ""))
    equal((await ask(api, "PUT", "/api/settings", {"a": 1}, **user))[0], 200)
    equal(api.asked, [("owner", "status", {}, "page", ""), ("user", "set", {"a": 1}, "page", "")])


async def test_a_session_ends_a_quarter_of_an_hour_after_its_last_request_and_after_eight_hours_at_all():
    api = Parts()
    owner = await log_in(api)
    for _ in range(2):
        timebase.advance(899000)
        equal((await ask(api, **owner))[0], 200)
    timebase.advance(901000)
    equal(await ask(api, **owner), (401, "Log in first.", False))
    equal(api.sessions, [])
    owner, begun_ms = await log_in(api), clock.uptime_ms()
    while (await ask(api, **owner))[0] == 200:
        timebase.advance(800000)
    true(8 * 3600000 < clock.uptime_ms() - begun_ms <= 8 * 3600000 + 800000)


async def test_a_session_tells_itself_and_ends_by_the_log_out():
    api = Parts()
    owner, other = await log_in(api), await log_in(api)
    status, about, lines = await ask(api, target="/api/session", **owner)
    equal((status, about["role"], about["csrf"], lines), (200, "owner", owner["x_csrf_token"], ""))
    equal(await ask(api, "POST", "/api/logout", cookie=owner["cookie"]),
          (403, "The X-CSRF-Token is not valid for this session.", False))  # fmt: skip
    equal(await ask(api, "POST", "/api/logout", **owner),
          (200, {}, "Set-Cookie: session=; Max-Age=0; Path=/api; HttpOnly; Secure; SameSite=Strict\r\n"))  # fmt: skip
    equal(((await ask(api, **owner))[0], (await ask(api, **other))[0], len(api.sessions)), (401, 200, 1))


async def test_a_command_that_is_refused_gives_its_status_and_the_seconds_to_wait():
    api = Parts()
    owner = await log_in(api)
    for kind, status in (("forbidden", 403), ("invalid", 400), ("unknown", 404), ("conflict", 409), ("wait", 429),
                         ("unable", 503)):  # fmt: skip
        api.error = CommandError(kind, "No.")
        equal(await ask(api, **owner), (status, {"error": "No."}, ""))
    api.error = CommandError("wait", "Wait.", 7)
    equal(await ask(api, **owner), (429, {"error": "Wait."}, "Retry-After: 7\r\n"))


async def test_only_a_change_of_pin_gets_the_device_and_it_or_an_erasure_ends_the_other_sessions():
    api = Parts()

    async def left(role, target, body, error=None):
        api.sessions.clear()
        own = await log_in(api, role)
        api.sessions.extend([LoginSession(one, api.changes[one]) for one in ("owner", "user", "installer")])
        own["cookie"] += "; device=mine"
        api.asked.clear()
        api.error = error
        await ask(api, "POST", target, body, **own)
        api.error = None
        equal(api.asked[0][4], "mine" if target == "/api/pin" else "", target)
        await ask(api, **own)  # ends the sessions that are not valid any more
        return [session.role for session in api.sessions]

    equal(await left("owner", "/api/pin", {}), ["owner", "user", "installer"])
    equal(await left("owner", "/api/pin", {"role": "user"}), ["owner", "owner", "installer"])
    equal(await left("owner", "/api/erase", {"role": "user"}), ["owner"])
    equal(await left("owner", "/api/reset", {}), ["owner", "owner", "user", "installer"])
    for target in ("/api/pin", "/api/erase"):
        equal(len(await left("owner", target, {}, CommandError("forbidden", "No."))), 4)


def test_a_further_log_in_ends_the_session_of_its_role_that_is_idle_for_the_longest():
    for role, most in (("owner", 4), ("user", 2), ("installer", 2)):
        sessions = [LoginSession("other")]
        for number in range(most):
            one = LoginSession(role)
            one.seen_ms = (2, 1, 4, 3)[number]
            routes.admit(sessions, one)
        equal(len(sessions), most + 1)
        last = LoginSession(role)
        routes.admit(sessions, last)
        equal((len(sessions), sessions[0].role, sessions[-1] is last), (most + 1, "other", True))
        true(1 not in [one.seen_ms for one in sessions[1:-1]], role)


async def test_a_program_needs_no_session_but_a_token_that_is_right():
    api = Parts()
    token = tokens.make(api.vault, "script", ["status"], False)
    for scheme in ("Bearer", "bearer", "BEARER"):
        equal(await ask(api, "PUT", "/api/settings", authorization="%s %s" % (scheme, token)), (200, {"done": "set"}, ""))
    equal((api.asked, api.known), ([("client", "set", {}, "token", "")] * 3, [("192.168.1.9",)] * 3))
    api.asked.clear()
    for value, logged in (("Bearer " + "0" * 32, True), ("Basic " + token, True), (token, False), ("Bearer", False),
                          ("Bearer ", False), ("", False)):  # fmt: skip
        equal(
            await ask(api, authorization=value), (401, "A valid token is needed; the owner makes one at the page.", False), value
        )
        equal(api.asked, [(events.TOKEN_REFUSED, "page")] if logged else [], value)
        api.asked.clear()
    equal(len(api.known), 3)
    owner = await log_in(api)
    equal((await ask(api, authorization="", **owner))[0], 401)


async def test_a_request_in_the_network_at_home_proves_the_wifi_and_one_in_the_set_up_network_does_not():
    api = Parts()
    owner = await log_in(api)
    equal(api.proofs, 0)
    await ask(api, **owner)
    equal(api.proofs, 1)
    api.setup = api
    await ask(api, **owner)
    equal(api.proofs, 1)
