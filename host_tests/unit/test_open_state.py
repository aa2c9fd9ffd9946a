"""The state without a PIN: only where the owner wants it, only what it names, and no longer than any other stranger's visit."""

import asyncio

from check import equal, true

from charger.errors import RequestError
from charger.local_api import routes, server
from charger.local_api.admission import Admission
from charger.local_api.http_server import Request
from charger.runtime import hold_ups

SECRETS = ("id_tag", "transaction_id", "plan", "info", "session_cost")
SHOWN = ["energy_wh", "limit", "ocpp_status", "offered_amps", "power_w", "reason", "session_s", "session_wh"]


class Part:
    """In place of LocalApi and its parts: settings, names, log, one connector, the listener with its sessions."""

    host = "garage"
    setup = wifi = config = vault = None
    is_closed = False

    def __init__(self, allowed):
        self.allowed = allowed
        self.wifi = self.config = self.listener = self
        self.sessions = []

    def get_bool(self, name):
        return self.allowed and name == "StateWithoutPin"

    def get_str(self, _name):
        return "SN1"

    def report(self):
        """All that a report has, and what nobody may see."""
        return {"wifi": "secret", "connectors": {"1": {name: name for name in SHOWN + list(SECRETS)}}}


def teardown():
    hold_ups.configure([], 0)


async def ask(part, path="/api/state", method="GET", **fields):
    """(status, value) of a request without a cookie."""
    fields["host"] = "192.168.1.2"
    try:
        return (await routes.answer(part, Request(method, path, fields, True), "192.168.1.9"))[:2]
    except RequestError as error:
        return error.status, str(error)


async def test_it_is_off_until_the_owner_wants_it():
    equal(await ask(Part(False)), (401, "Log in first."))
    equal((await ask(Part(True)))[0], 200)


async def test_it_has_the_state_and_nothing_of_a_person():
    _, value = await ask(Part(True))
    equal(list(value), ["connectors"])
    equal(sorted(value["connectors"]["1"]), SHOWN)


async def test_all_else_still_needs_a_pin_and_the_checks_of_the_page_hold():
    part = Part(True)
    for path in ("/api/status", "/api/history", "/api/log", "/api/settings", "/api/label"):
        equal(await ask(part, path), (401, "Log in first."))
    equal((await ask(part, method="POST"))[0], 405)
    equal((await ask(part, path="/api/state?connector=1"))[0], 400)
    equal((await ask(part, **{"sec-fetch-site": "cross-site"}))[0], 403)
    equal((await ask(part, origin="https://evil.example"))[0], 403)


async def visit(part, requests, gave_way):
    """Number of requests that a connection without a login is good for, `requests` at the most.

    gave_way: gets the connection's task when it is noted as one that only looks on.
    """
    answered = []

    class Connection:
        """In place of HttpConnection: the same request again and again."""

        def __init__(self, _stream, _first):
            pass

        async def read(self):
            if len(answered) == requests:
                raise EOFError
            return Request("GET", "/api/state", {"host": "192.168.1.2"}, True)

        async def write(self, status, _pieces, _more, _last, _kind=""):
            answered.append(status)

    class Stream:
        """In place of a TLS context, its socket and the listener."""

        sessions = []
        viewers = gave_way

        def wrap_socket(self, *_words, **_more):
            return self

        async def handshake(self, _secured, _host):
            return b"G"

        def close(self):
            pass

    stream = Stream()
    stream.admission = stream
    part.listener = stream
    server._context, context = lambda _vault: stream, server._context
    server.HttpConnection, connection = Connection, server.HttpConnection
    try:
        await server.serve(part, None, "192.168.1.9")
    except EOFError:
        pass
    finally:
        server._context, server.HttpConnection = context, connection
    true(all(status == 200 for status in answered))
    await asyncio.sleep_ms(0)
    return len(answered)


async def test_a_visit_has_its_end_but_while_no_other_could_begin():
    """Fifty requests; while a contactor is closed and handshakes have to wait, the page goes on over the connection it has."""
    part = Part(True)
    hold_ups.configure([part], 1500)
    equal(await visit(part, 200, []), 50)
    part.is_closed = True
    equal(await visit(part, 200, []), 200)
    hold_ups.configure([part], 0)
    equal(await visit(part, 200, []), 50)


async def test_whoever_only_looks_on_gives_way_after_ten_requests_and_not_while_charging():
    part = Part(True)
    hold_ups.configure([part], 1500)
    for closed, requests, noted in ((False, 10, 0), (False, 12, 1), (True, 12, 0)):
        part.is_closed, gave_way = closed, []
        equal((await visit(part, requests, gave_way), len(gave_way)), (requests, noted))


class Task:
    """In place of a connection's task."""

    ended = False

    def cancel(self):
        self.ended = True
        return True


def test_two_who_look_on_leave_a_place_to_a_newcomer():
    """The one who came first ends; one that is new, one that does more and one of a known address stay."""
    admission = Admission()
    first, second, third = Task(), Task(), Task()
    admission.enter("10.0.0.1", first)
    admission.enter("10.0.0.2", second)
    true(not admission.make_way("10.0.0.3"), "nobody has looked on for long")
    admission.viewers += [second, second]
    true(admission.make_way("10.0.0.3") and second.ended and not first.ended)
    admission.leave("10.0.0.2", second)
    true(admission.has_place("10.0.0.3") and not admission.make_way("10.0.0.3"), "there is a place now")
    equal(admission.viewers, [])
    admission.enter("10.0.0.3", third)
    admission.viewers.append(first)
    admission.remember("10.0.0.1")
    true(admission.has_place("10.0.0.4"), "who has logged in is no stranger any more")
    admission.enter("10.0.0.4", Task())
    true(not admission.make_way("10.0.0.5") and not first.ended)
