"""A local OCPP 1.6J back end in a thread of its own: behaves by default, misbehaves as scripted, records all.

The public methods may be called from any thread. Everything else runs in the back end's event loop.
"""

import asyncio
import collections
import contextlib
import http
import threading
import time
import uuid
from dataclasses import dataclass
from urllib.parse import unquote

from ocpp.charge_point import camel_to_snake_case
from ocpp.exceptions import OCPPError
from ocpp.v16 import call as requests
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from . import record as rec
from .answers import Error, Result
from .ledger import Ledger, utc_now
from .station import Station, Wire
from .waiting import wait_until


class CallRefused(Exception):
    """The charger answered a CALL with a CALLERROR; `code` is its error code."""

    def __init__(self, code, description):
        super().__init__(f"{code}: {description}")
        self.code = code


@dataclass(frozen=True)
class Attempt:
    """One WebSocket upgrade request: when, for which path, with which headers, and the HTTP status it got."""

    at: float
    path: str
    authorization: str | None
    subprotocols: str | None
    status: int


class Csms:
    """The back end. `url` is what a charger is given; its identity is the last part of the path it opens."""

    def __init__(self, tags=None, heartbeat_s=300, call_timeout_s=20, port=0, tls=None):
        self.ledger = Ledger(tags)
        self.record = rec.Record()
        self.heartbeat_s = heartbeat_s
        self.now = utc_now
        self.subprotocol = "ocpp1.6"  # None or another value: what the 101 answer says (OCPP-2)
        self.refuse_status = None  # an HTTP status that turns connections away
        self.stall_handshakes = False  # take the TCP connection and the request, answer nothing
        self.attempts = []
        self.unanswered = set()
        self.stations = {}
        self.port = port
        self.tls = tls  # an ssl.SSLContext: wss
        self._timeout_s = call_timeout_s
        self._script = collections.defaultdict(collections.deque)
        self._always = {}
        self._connections = 0
        self._server = None
        self.loop = asyncio.new_event_loop()
        self._release = None
        self._thread = threading.Thread(target=self.loop.run_forever, name="csms", daemon=True)

    # --- life ---

    @property
    def url(self):
        """The endpoint to give to a charger, without identity."""
        return f"wss://localhost:{self.port}/ocpp" if self.tls else f"ws://127.0.0.1:{self.port}/ocpp"

    def start(self):
        """Listen; returns self."""
        self._thread.start()
        self.open()
        return self

    def open(self):
        """Listen, after close() again on the same port."""
        self._run(self._open())

    def close(self):
        """Stop listening and close all connections, as a back end that goes away does."""
        self._run(self._close())

    def stop(self):
        """Close and end the thread."""
        if not self._thread.is_alive():
            return
        self.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _run(self, coroutine, timeout_s=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    async def _open(self):
        self._release = asyncio.Event()
        self._server = await serve(
            self._serve_station, "127.0.0.1", self.port, process_request=self._request, ping_interval=None,
            process_response=self._response, select_subprotocol=self._select, max_size=None, compression=None,
            close_timeout=1, open_timeout=None, ssl=self.tls,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def _close(self):
        self._release.set()
        if self._server is not None:
            self._server.close()
            for station in list(self.stations.values()):
                station.resume()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 5)
            self._server = None

    # --- opening handshake ---

    async def _request(self, connection, request):
        self.attempts.append(Attempt(
            time.monotonic(), request.path, request.headers.get("Authorization"),
            request.headers.get("Sec-WebSocket-Protocol"), self.refuse_status or 101,
        ))
        if self.stall_handshakes:
            await self._release.wait()
        if self.refuse_status:
            return connection.respond(http.HTTPStatus(self.refuse_status), "refused\n")
        return None

    def _select(self, connection, offered):
        return Subprotocol("ocpp1.6") if self.subprotocol == "ocpp1.6" and "ocpp1.6" in offered else None

    def _response(self, connection, request, response):
        if response.status_code == 101 and self.subprotocol not in (None, "ocpp1.6"):
            response.headers["Sec-WebSocket-Protocol"] = self.subprotocol

    async def _serve_station(self, socket):
        identity = unquote(socket.request.path.rsplit("/", 1)[-1])
        self._connections += 1
        station = Station(identity, Wire(socket, self.record, identity, self._connections), self, self._timeout_s)
        self.stations[identity] = station
        try:
            await station.start()
        except ConnectionClosed:
            pass
        finally:
            station.end()
            if self.stations.get(identity) is station:
                del self.stations[identity]

    # --- script ---

    def answer(self, action, *answers):
        """Answer the next CALLs of this action so, one each: from answers.py, or a callable(payload)."""
        self._script[action].extend(answers)

    def always(self, action, answer):
        """Answer every CALL of this action so ("*": any action), until set to None."""
        self._always[action] = answer

    def next_answer(self, call):
        """The scripted answer to a CALL, None when the default applies."""
        queue = self._script[call.action]
        answer = queue.popleft() if queue else self._always.get(call.action) or self._always.get("*")
        if callable(answer):
            answer = answer(call.payload)
        if answer is not None and not isinstance(answer, Result | Error):
            self.unanswered.add(call.unique_id)
        return answer

    # --- the connected charger ---

    def station(self, identity=None):
        """The charger of this identity, or the only one; None while it is not connected."""
        if identity is not None:
            return self.stations.get(identity)
        return next(iter(list(self.stations.values())), None)

    @property
    def connections(self):
        """Number of WebSocket connections opened so far."""
        return self._connections

    def wait_connected(self, count=1, timeout_s=20):
        """Wait until the count-th connection is open; returns its station."""
        def there():
            return self._connections >= count and self.station()

        return wait_until(there, timeout_s, f"connection number {count}", state=lambda: self.attempts[-5:])

    def wait_disconnected(self, timeout_s=20):
        """Wait until no charger is connected."""
        wait_until(lambda: not self.stations, timeout_s, "the charger's connection closed")

    def wait_booted(self, timeout_s=20, since=0, connectors=1):
        """Wait until the charger was accepted and has sent the status of connector 0 and all others (OCPP-26)."""
        boot = self.record.wait("BootNotification", rec.OUT, rec.RESULT, since,
                                lambda p: p.get("status") == "Accepted", timeout_s=timeout_s)
        for connector in range(connectors + 1):
            self.record.wait("StatusNotification", since=boot.number, timeout_s=timeout_s,
                             where=lambda p, n=connector: p.get("connectorId") == n)
        return boot

    def _station(self, identity=None):
        station = self.station(identity)
        if station is None:
            raise ConnectionError(f"the charger {identity} is not connected" if identity else "no charger is connected")
        return station

    def call(self, action, identity=None, /, **payload):
        """Send a CALL with a payload in OCPP's own spelling, checked against the schema both ways; returns the payload
        of the CALLRESULT. CallRefused for a CALLERROR, TimeoutError for no answer. Without an identity: to the only one."""
        station = self._station(identity)
        request = getattr(requests, action)(**camel_to_snake_case(payload))
        uid = str(uuid.uuid4())
        try:
            self._run(station.call(request, unique_id=uid, suppress=False), self._timeout_s + 5)
        except OCPPError as error:
            raise CallRefused(getattr(error, "code", "?"), str(error)) from error
        return self._reply(uid, 0, 1).payload

    def raw_call(self, text, uid, timeout_s=10):
        """Send any text as a frame and return the Message that answers to this id."""
        mark = len(self.record)
        self.send_text(text)
        return self._reply(uid, mark, timeout_s)

    def _reply(self, uid, mark, timeout_s):
        return wait_until(
            lambda: next((m for m in self.record.messages(way=rec.IN, since=mark)
                          if m.uid == uid and m.kind in (rec.RESULT, rec.ERROR)), None),
            timeout_s, f"an answer to {uid}", interval_s=0.005, state=lambda: self.record.text(10),
        )

    def send_text(self, text):
        """Send any text or bytes as one message; the charger may close the connection before it has taken all of it."""
        with contextlib.suppress(ConnectionClosed):
            self._run(self._station().send_text(text, on_purpose=True))

    def send_bytes(self, data):
        """Write bytes on the TCP connection, below the WebSocket."""
        transport = self._station().wire.socket.transport
        self.loop.call_soon_threadsafe(transport.write, data)

    def cut_frame(self):
        """Close in the middle of a frame."""
        self.loop.call_soon_threadsafe(self._station().cut_frame)

    def abort(self):
        """Reset the charger's TCP connection."""
        self.loop.call_soon_threadsafe(self._station().abort)

    def freeze(self):
        """Stop reading, and so answering pings, with the connection open."""
        self.loop.call_soon_threadsafe(self._station().freeze)

    def problems(self):
        """The charger's breaches of OCPP's rules so far, as sentences."""
        return self._run(rec.audit(self.record, self.unanswered))
