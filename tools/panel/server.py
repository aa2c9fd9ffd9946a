"""The panel's web server, for this machine alone: 127.0.0.1, a random token for all but the page's own files.

The token stands in the fragment of the printed URL, which a browser neither sends nor hands on; the page sends it in a header
of its own. Another web site in the same browser therefore can neither read nor drive anything, whatever name it gives to
127.0.0.1: the Host header must be the panel's own, and no answer allows another origin.
"""

import contextlib
import hmac
import json
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from local_server import LocalServer
from simulator.options import Mistake

from backend.simulator import CommandRefused

from . import build
from .bench import NoSuchCharger

TOKEN = "X-Panel-Token"
MOST_BYTES = 65536  # of a request's body
_WORDS = 20  # of a command
_POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
           "form-action 'none'; frame-ancestors 'none'")
_HEADERS = (
    ("Content-Security-Policy", _POLICY), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"), ("Cache-Control", "no-store"),
)  # fmt: skip


class Refusal(Exception):
    """A request that is refused: its HTTP status and a sentence."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


def _text(body, name, most=100):
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Refusal(400, f"'{name}' must be a text of at most {most} characters.")
    return value


def _number(query, name, kind):
    try:
        return kind(query.get(name, ["0"])[0])
    except ValueError:
        raise Refusal(400, f"'{name}' must be a number.") from None


def _command(bench, body):
    words = body.get("words")
    if not isinstance(words, list) or not 0 < len(words) <= _WORDS or not all(
            isinstance(word, str) and 0 < len(word) <= 200 for word in words):
        raise Refusal(400, f"'words' must be a list of 1 to {_WORDS} texts.")
    return bench.command(_text(body, "charger"), words)


def _call(bench, body):
    if not isinstance(body.get("payload"), dict):
        raise Refusal(400, "'payload' must be a JSON object.")
    return bench.call(_text(body, "charger"), _text(body, "action"), body["payload"])


def _state(bench, query):
    return bench.state(query.get("charger", [None])[0], _number(query, "frame", int), _number(query, "instant", float))


_READS = {"/api/state": _state, "/api/calls": lambda bench, _: bench.calls()}
_CHANGES = {"/api/command": _command, "/api/call": _call}
_STATUSES = ((Mistake, 400), (NoSuchCharger, 404), (CommandRefused, 409), (TimeoutError, 409), (OSError, 409))


class Handler(BaseHTTPRequestHandler):
    """One request of the browser."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    panel = None  # the Panel, in the class that it makes

    def log_message(self, *_words):
        """Nothing: a request every half second is no news."""

    def version_string(self):
        """No versions."""
        return "panel"

    def send_error(self, code, message=None, explain=None):
        """Answer the requests that http.server refuses by itself; an unknown method is the client's mistake."""
        self.close_connection = True
        self._refuse(405 if code == 501 else code, f"{message or 'This request makes no sense'}.")

    def do_GET(self):
        """A file, or what the page shows."""
        self._guarded(self._get)

    def do_POST(self):
        """A change."""
        self._guarded(self._post)

    def _guarded(self, answer):
        try:
            if self.headers.get_all("Host") not in [[host] for host in self.panel.hosts]:
                raise Refusal(421, "This is the panel of a simulator on 127.0.0.1, asked for by another name.")
            answer()
        except Refusal as refusal:
            self.close_connection = True  # a body may be left unread
            self._refuse(refusal.status, str(refusal))

    def _get(self):
        path, _, query = self.path.partition("?")
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body is left unread
        if path in self.panel.files:
            self._answer(200, *self.panel.files[path])
            return
        self._check_token()
        self._carry_out(self._known(path, _READS, _CHANGES), parse_qs(query))

    def _post(self):
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.panel.hosts:
            raise Refusal(403, "Only the panel's own page may change something.")
        self._check_token()
        self._carry_out(self._known(self.path, _CHANGES, _READS), self._body())

    @staticmethod
    def _known(path, mine, others):
        if path not in mine:
            raise Refusal(*((405, "This path takes another method.") if path in others else (404, "There is no such path.")))
        return mine[path]

    def _check_token(self):
        if not hmac.compare_digest(self.headers.get(TOKEN, "").encode("utf-8", "replace"), self.panel.token.encode()):
            raise Refusal(403, "The token is missing or wrong: open the URL that the demo has printed.")

    def _body(self):
        if self.headers.get_content_type() != "application/json":
            raise Refusal(415, "The body must be application/json.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise Refusal(411, "The request must have a Content-Length.")
        if len(length) > 6 or int(length) > MOST_BYTES:
            raise Refusal(413, f"The body must have at most {MOST_BYTES} bytes.")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise Refusal(400, "The body is no JSON.") from None
        if not isinstance(body, dict):
            raise Refusal(400, "The body must be a JSON object.")
        return body

    def _carry_out(self, what, given):
        kinds = tuple(kind for kind, _ in _STATUSES)
        try:
            answer = what(self.panel.bench, given)
        except kinds as error:
            status = next(status for kind, status in _STATUSES if isinstance(error, kind))
            sentence = str(error) or "The charger does not answer in time."
            raise Refusal(status, sentence.rstrip(".") + ".") from error
        self._answer(200, "application/json", json.dumps(answer).encode())

    def _refuse(self, status, sentence):
        self._answer(status, "application/json", json.dumps({"error": sentence}).encode())

    def _answer(self, status, kind, data):
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for line in (("Content-Type", kind), ("Content-Length", str(len(data))), *_HEADERS):
                self.send_header(*line)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)


class Panel(LocalServer):
    """Serves the panel of a Bench on 127.0.0.1; `url` holds the token. OSError when the port is taken, PageError when the page
    cannot be built."""

    def __init__(self, bench, port=0):
        self.bench = bench
        self.files = build.files()
        self.token = secrets.token_urlsafe(24)
        handler = type("PanelHandler", (Handler,), {"panel": self})
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.hosts = (f"127.0.0.1:{server.server_port}", f"localhost:{server.server_port}")
        self.url = f"http://{self.hosts[0]}/#{self.token}"
        super().__init__(server)
