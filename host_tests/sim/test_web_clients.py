"""The local API over HTTPS: other sites and names, malformed requests, clients that take their time (SEC-12, SEC-13)."""

import http.client
import json
import re
import socket

from backend.waiting import wait_until

from .sessions import end_session, start_session
from .test_web import page_of, refused
from .test_web import unit as unit

# --- other sites, other names ---


def test_other_sites_and_names_get_nothing(unit, csms):
    """CSRF token, Host, Origin, and the kind of body a form on another site can send (SEC-26)."""
    sim = unit()
    page = page_of(sim)
    csrf = page.csrf
    change = {"ConnectionTimeOut": 33}
    for headers, status in (
        ({"X-CSRF-Token": None}, 403), ({"X-CSRF-Token": "0" * 32}, 403), ({"X-CSRF-Token": csrf[:-1]}, 403),
        ({"Host": f"pilotlight-{sim.secrets['serial'].lower()}.evil.example"}, 421), ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "evil.example"}, 421), ({"Host": "evil.example:443"}, 421), ({"Host": ""}, 421),
        ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403), ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415), ({"Cookie": "session=" + "0" * 32}, 401),
        ({"Cookie": None}, 401),
    ):  # fmt: skip
        refused(page.request("PUT", "/api/settings", change, headers), status)
    assert csms.call("GetConfiguration", key=["ConnectionTimeOut"])["configurationKey"][0]["value"] == "60"
    host, name = f"127.0.0.1:{page.port}", f"pilotlight-{sim.secrets['serial'].lower()}"
    for headers in ({"Host": host, "Origin": f"https://{host}", "Sec-Fetch-Site": "same-origin"}, {"Host": "localhost"},
                    {"Host": "[::1]:8443"}, {"Host": f"{name}.local"}, {"Host": f"{name.title()}:8443"},
                    {"Host": f"{name}.lan"}):
        assert page.request("PUT", "/api/settings", change, headers).status == 200
    answer = page.request("OPTIONS", "/api/settings")
    assert answer.status == 405 and not [h for h in answer.headers if h.lower().startswith("access-control")]


HEAD = b"Host: 127.0.0.1\r\n"
RAW = [
    (b"\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET /api/status\r\n\r\n", 400), (b"get lost now\r\n\r\n", 400),
    (b"GET /api/status HTTP/1.2\r\n" + HEAD + b"\r\n", 505), (b"GET http://127.0.0.1/api/status HTTP/1.1\r\n\r\n", 400),
    (b"GET /api/%73tatus HTTP/1.1\r\n" + HEAD + b"\r\n", 400), (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + HEAD + b"\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b" folded: yes\r\n\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b"no colon\r\n\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b"X: a\x00b\r\n\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b"X: \xff\r\n\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b"X: a\nY: b\r\n\r\n", 400),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc", 400),
    (b"GET /nothing HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n", 404),
    (b"DELETE /api/status HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n", 405),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"\r\n", 411),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Content-Length: 9999\r\n\r\n", 413),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Content-Length: 99999999999\r\n\r\n", 400),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n", 400),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    (b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 417),
    (b"GET /api/session HTTP/1.1\r\n" + b"X: " + b"a" * 3000 + b"\r\n\r\n", 431),
    (b"GET /api/session HTTP/1.1\r\n" + HEAD + b"a: b\r\n" * 65 + b"\r\n", 431),
]  # fmt: skip
BODIES = [b"", b"{", b"[]", b"null", b'{"pin": "1", "pin": "2"}', b'{"pin": "\\ud800"}', b'{"pin": "\xff"}', b'{"pin": NaN}',
          b'{"pin": 12345678}', b'{"pin": ""}', b'{"pin": "' + b"1" * 65 + b'"}', b'{"pin": "1", "more": 1}', b"{}",
          b"[" * 30 + b"]" * 30, b'{"pin": "a\\u0000b"}']  # fmt: skip


def test_malformed_requests_are_refused_with_their_status(unit):
    """Each with its status and a sentence; no PIN was tried by any of it; the log's part of it stays bounded (SEC-13)."""
    sim = unit()
    page = page_of(sim, None)
    for data, status in RAW:
        got = page.raw(data)
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.split(b" ")[1:2] == [str(status).encode()], (data[:90], got[:200])
        assert json.loads(body)["error"].endswith(".")
    for body in BODIES:
        refused(page.request("POST", "/api/login", body), 400)
    assert page.login(sim.pin).status == 200
    entries = [entry["event"] for entry in sim.command("security_log", count=100)["entries"]]
    assert 1 <= entries.count("InvalidMessages") <= 10 and "PinRefused" not in entries


def test_pipelined_requests_are_answered_in_order_and_none_is_smuggled(unit):
    """Two requests in a row get two answers in order; bytes behind a body are the next request, not part of it."""
    sim = unit()
    page = page_of(sim)
    cookie = f"Cookie: session={page.cookies['session']}\r\n".encode()
    one = b"GET /api/session HTTP/1.1\r\n" + HEAD + cookie + b"\r\n"
    two = b"GET /nothing HTTP/1.1\r\n" + HEAD + cookie + b"Connection: close\r\n\r\n"
    got = page.raw(one + two)
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"404"]


# --- clients that take their time ---


def test_slow_and_silent_clients_hold_nothing_up(unit, csms):
    """Three at once, of each kind; a fourth waits no longer than they may; the tick goes on (SEC-26)."""
    sim = unit(time_scale=5)
    page = page_of(sim)
    gaps = sim.status()["tick"]["max_gap_ms"]

    def connected():
        try:
            return page.connect()
        except OSError:
            return None

    for kind in ("silent", "half a head", "half a body", "garbage"):
        streams = []
        for _ in range(3):
            if kind in ("silent", "garbage"):
                stream = socket.create_connection(("127.0.0.1", page.port), 10)
                if kind == "garbage":
                    stream.sendall(b"GET / HTTP/1.1\r\n\r\n" * 20)
            else:
                stream = wait_until(connected, 60, "a place for one more")  # those before are given up first
                stream.sendall(b"GET /api/se" if kind == "half a head" else
                               b"POST /api/login HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"
                               b"Content-Length: 100\r\n\r\n{")
            streams.append(stream)

        def served():
            try:
                return page.request("GET", "/api/session").status == 200
            except (OSError, http.client.HTTPException):
                return False

        wait_until(served, 60, f"an answer in spite of clients with {kind}")
        for stream in streams:
            stream.close()
    status = sim.status()
    assert status["tick"]["max_gap_ms"] <= max(50, gaps), status["tick"]
    start_session(sim, csms)
    end_session(sim, csms)
    assert status["boots"] == 1


def test_unread_answer_is_abandoned(unit):
    """The connection of a client that asks and never reads ends; others are served meanwhile."""
    sim = unit(time_scale=5)
    page = page_of(sim)
    cookie = f"Cookie: session={page.cookies['session']}\r\n".encode()
    request_octets = b"GET /api/settings HTTP/1.1\r\n" + HEAD + cookie + b"\r\n"
    with page.connect() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        stream.settimeout(1)
        try:
            for _ in range(200):
                stream.sendall(request_octets)
        except OSError:
            pass  # it listens no more
        for _ in range(3):
            page.get("/api/session")
