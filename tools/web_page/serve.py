"""Serve the page from web/ against a simulated charger, for its developers: `make page`.

The browser talks to this server over plain HTTP; `/api/` goes on to the charger, everything else is built from web/ when it
has changed, and the open page loads itself again then. `--charger HOST:PORT` takes a charger that runs already.
"""

import argparse
import contextlib
import http.client
import json
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli import failed, in_range
from simulator.options import Mistake, address

from backend.simulator import Simulator, free_port
from web_page import build

PASSED_ON = ("Cookie", "Content-Type", "X-CSRF-Token", "Content-Length")
HANDED_BACK = ("Content-Type", "Set-Cookie", "Retry-After", "Cache-Control")
RELOAD = """<script type="module">
setInterval(async () => {
  if (await (await fetch("/reload")).text() !== "%s") location.reload();
}, 500);
</script>"""


class Files:
    """The page's files as built last; a build that fails keeps the old ones and prints why."""

    def __init__(self) -> None:
        self.key = ""
        self.made: dict[str, tuple[str, bytes]] = {}
        self._lock = threading.Lock()

    def fresh(self) -> tuple[str, dict[str, tuple[str, bytes]]]:
        """The key of the sources, and path -> (type, content)."""
        with self._lock:
            key = build.sources_key()
            if key != self.key:
                self.key = key
                try:
                    self.made = build.files()
                except (build.PageError, ValueError) as error:
                    print(f"page: {error}", file=sys.stderr, flush=True)
            return self.key, self.made


class Handler(BaseHTTPRequestHandler):
    """One request of the browser."""

    protocol_version = "HTTP/1.1"
    files = Files()
    charger = ("", 0)

    def log_message(self, *_words) -> None:
        """Nothing: a request a second is no news."""

    def do_GET(self) -> None:
        """A file, or the charger's answer."""
        path = self.path.partition("?")[0]
        if path.startswith("/api/"):
            self._pass_on()
            return
        key, made = self.files.fresh()
        if path == "/reload":
            self._answer(200, [("Content-Type", "text/plain")], key.encode())
        elif path in made:
            kind, data = made[path]
            self._answer(200, [("Content-Type", kind)], data + (RELOAD % key).encode() if path == "/" else data)
        else:
            self._answer(404, [], b"")

    def do_POST(self) -> None:
        """The charger's answer."""
        self._pass_on()

    def do_PUT(self) -> None:
        """The charger's answer."""
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(*self.charger, context=context, timeout=60)
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers[name] is not None}
        try:
            with contextlib.closing(connection):
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                lines = [(name, value) for name, value in answer.getheaders() if name in HANDED_BACK]
                self._answer(answer.status, lines, answer.read())
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    def _answer(self, status: int, lines: list[tuple[str, str]], data: bytes) -> None:
        self.send_response(status)
        for line in lines:
            self.send_header(*line)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(data)


def serve(port: int, charger: tuple[str, int]) -> ThreadingHTTPServer:
    """Start serving; the server."""
    handler = type("ChargerHandler", (Handler,), {"charger": charger})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _address(text: str) -> tuple[str, int]:
    try:
        return address(text, "it")
    except Mistake as mistake:
        raise argparse.ArgumentTypeError(str(mistake)) from mistake


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Serve the page from web/ against a simulated charger.")
    parser.add_argument("--port", type=in_range(1, 65535), default=8080, help="of the page (default: 8080)")
    parser.add_argument("--charger", type=_address, metavar="HOST:PORT", help="a charger that runs already")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        if given.charger:
            where = given.charger
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pilotlight-page-"))
            web = free_port()
            sim = stack.enter_context(Simulator(Path(folder) / "state", options=["--web", f"127.0.0.1:{web}"]))
            sim.wait_for(lambda status: status["web"]["port"], what="the page's port")
            where = ("127.0.0.1", web)
            print(f"The owner's PIN is {pin_of(sim)}. A car: python3 tools/ctl.py --control 127.0.0.1:{sim.port} plug_in")
        try:
            stack.callback(serve(given.port, where).shutdown)
        except OSError as error:
            return failed("serve", f"Port {given.port} cannot be used: {error.strerror}.", 2)
        print(f"http://127.0.0.1:{given.port}/ shows web/ as it is now. Ctrl-C ends it.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


def pin_of(sim: Simulator) -> str:
    """The owner's PIN of a unit that was provisioned at this start."""
    return next(json.loads(line)["label"]["pin"] for line in sim.log_lines() if line.startswith('{"label"'))


if __name__ == "__main__":
    sys.exit(main())
