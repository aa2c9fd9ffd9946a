"""The longest slice of each handler of the charger with its worst input: OCPP, local API, commands by MQTT, releases.

A slice is what runs between two yields to the loop; no control tick waits for it, but every other task does. Collections
are not in it: they are counted apart (gc.collect). A handler of the firmware without a row in worst_inputs.py is "missing".
"""

import asyncio
import json

import handler_rig
import worst_bytes
import worst_inputs

from charger import validate
from charger.commands import table
from charger.config import configuration
from charger.credentials import provisioning
from charger.grid import charger_group
from charger.local_api import routes, server
from charger.local_api.http_server import HttpConnection
from charger.metering import session_store
from charger.mqtt_client import command_handler
from charger.mqtt_client.client import MqttClient
from charger.net import (
    captive_portal,
    dns,
    group_link,
    http_response,
    improv,
    modbus,
    mqtt_session,
    sntp,
    websocket,
    websocket_handshake,
)
from charger.ocpp.transport.rpc import Rpc, dumps
from charger.ocpp.v16.actions import ACTIONS
from charger.ocpp.v16.services import reservations, smart_charging
from charger.syslog_client import sender
from charger.update import release_check

slices = handler_rig.slices
_HEADERS = "".join(["%s: %s\r\n" % (name, value) for name, value in (
    ("Host", "192.0.2.7"), ("Origin", "https://192.0.2.7"), ("Content-Type", "application/json"), ("Connection", "keep-alive"),
    ("Sec-Fetch-Site", "same-origin"), ("If-None-Match", '"0123456789abcdef"'),
    ("X-CSRF-Token", "%s"), ("Cookie", "other=%s; device=%s; session=%%s" % ("c" * 600, "d" * 64)), ("X-Filler", "f" * 700))])


async def measured(name, job):
    """Do it; print its longest slice, instructions."""
    slices.begin()
    try:
        await slices.counted(job)
    except Exception as error:  # noqa: BLE001 - a refusal has its slices as well
        faulty = "Internal" in str(error) or isinstance(error, (AttributeError, TypeError))
        print("missing" if faulty else "refused", name, repr(error))
    for _ in range(8):
        await asyncio.sleep(0)
    print("count", "slice." + name.replace(" ", "_"), slices.end())
    print("in", slices.of)


class BackEnd:
    """The other end of the link."""

    def __init__(self, rig):
        self.rig = rig
        self.answers = 0
        self.socket = websocket.WebSocket(Stream(b""), Stream(b""))
        self.rpc = Rpc(self._send, rig.cp.handle)

    async def _send(self, pieces):
        await self.socket.send(pieces)
        self.answers += 1

    async def _answered(self, data, wanted):
        await self.rpc.feed(data)
        turns = 0
        while self.answers < wanted and turns < 1000:
            turns += 1
            await asyncio.sleep(0)

    async def call(self, name, text, wait=True):
        """One message and what follows it."""
        await measured(name, self._answered(bytearray(text.encode()), self.answers + wait))
        await self.rig.seconds(3)


async def ocpp(rig):
    """All actions, and what is no CALL."""
    end = BackEnd(rig)
    for action in ACTIONS:
        if action not in worst_inputs.OCPP:
            print("missing", action)
    order = sorted(worst_inputs.OCPP, key=lambda name: name == "Reset")
    for action in order:
        __import__("charger.ocpp.v16.actions", None, None, ("load",)).load(action)
        for number, payload in enumerate(worst_inputs.OCPP[action]):
            payload = payload() if callable(payload) else payload
            text = payload if isinstance(payload, str) else dumps(payload)
            payload = None
            text = '[2,"id-1","%s",%s]' % (action, text)
            if len(text.encode()) > worst_inputs.MESSAGE:
                print("too long", action, number)
            await end.call("ocpp.%s.%d" % (action, number), text)
    for name, make in worst_inputs.FRAMES.items():
        await end.call("ocpp." + name, make(), name == "unknown action")


class Stream:
    """A client that sends a request at once and reads nothing of the answer but takes it."""

    def __init__(self, data):
        self.data = data
        self.s = self

    async def readinto(self, view):
        await asyncio.sleep(0)
        count = min(len(view), len(self.data))
        view[:count] = self.data[:count]
        self.data = self.data[count:]
        return count

    def write(self, view):
        return len(view)


def local_api(app):
    """The parts of the unit as Application.serve_local_api() gives them."""
    return routes.LocalApi(
        app.listener, lambda *command: table.run(app, *command), app.report, app.pins, app.vault, app.security_log, app.config,
        app.wifi)  # fmt: skip


async def request(api, data):
    """One request, as server.serve() handles it."""
    connection = HttpConnection(Stream(data))
    asked = await connection.read()
    if asked.path.startswith("/api/"):
        status, value, more = await server._answer(api, asked, "192.0.2.9")
    else:
        status, value, more = await server._public(api, asked, "192.0.2.9")
    await server.written(connection, status, value, more, False)


async def api(app):
    """All paths, each with a full head."""
    known = {(method, path) for path, methods in routes._ROUTES.items() for method in methods}
    known.update((("GET", "/metrics"), ("GET", "/")))
    for method, path in known:
        if (method, path) not in worst_inputs.API:
            print("missing", method, path)
    for method, path in worst_inputs.API:
        for number, body in enumerate(worst_inputs.API[(method, path)]):
            app.listener.sessions[:] = [app.session]
            app.vault = handler_rig.Vault()
            if path in ("/metrics", "/api/tokens"):
                app.vault.with_tokens()
            query = "?" + body if method == "GET" and body else ""
            text = b"" if method == "GET" else (body if isinstance(body, str) else json.dumps(body)).encode()[:2048]
            head = "%s %s%s HTTP/1.1\r\n" % (method, path, query) + _HEADERS % (app.session.csrf, app.session.token)
            if path == "/metrics":
                head += "Authorization: Bearer %s\r\n" % app.vault.token
            if method != "GET":
                head += "Content-Length: %d\r\n" % len(text)
            asked = request(local_api(app), head.encode() + b"\r\n" + text)
            await measured("api.%s%s.%d" % (method, path.replace("/", "."), number), asked)
            await app.rig.seconds(3)


async def mqtt(app):
    """All commands, in a session of the owner."""
    client = MqttClient(app, {"url": "mqtts://me@h:1234/our/house", "password": "secret", "ca": None}, "PL/1", None)
    offered = set(command_handler._OFFERED)
    offered.update(("hello", "login", "logout"))
    for name in offered:
        if name not in worst_inputs.MQTT:
            print("missing", name)
    number = 0
    for name in worst_inputs.MQTT:
        for inner in worst_inputs.MQTT[name]:
            hello = json.loads(await command_handler.answer(client, b'{"id":"1","do":"hello"}', False))
            message = {"id": "i" * 36, "do": name}
            login = dict(message)
            login.update({"do": "login", "role": "owner", "pin": "1" * 64, "challenge": hello["challenge"], "device": "d" * 64})
            if name == "login":
                message = login
            elif name != "hello":
                number += 1
                told = json.loads(await command_handler.answer(client, json.dumps(login).encode(), False))
                message.update({"session": told["session"], "n": number})
                if inner is not None:
                    message["with"] = inner
            await measured("mqtt." + name, command_handler.answer(client, json.dumps(message).encode(), False))
            await app.rig.seconds(3)


async def syslog(app):
    """A batch of the security log for a receiver that talks."""
    await app.rig.seconds(3)
    batch = sender.Sender(app.vault, app.security_log, "h" * 32, lambda: None, None)
    batch._stream = Bytes(b"x" * 20000)
    await measured("syslog.batch", batch.send(200))


class Bytes(Stream):
    """A server or a broker that has sent everything already."""

    async def readinto(self, view):
        if not self.data:
            raise EOFError("the end")
        return await Stream.readinto(self, view)

    async def read(self, count):
        part, self.data = self.data[:count], self.data[count:]
        await asyncio.sleep_ms(0)
        return part

    async def drain(self):
        pass

    async def readexactly(self, count):
        return await self.read(count)

    def close(self):
        pass


async def _at_once(function, *arguments):
    function(*arguments)


async def _sliced(steps):
    for _ in steps:
        await asyncio.sleep(0)


def _history(files):
    sessions = session_store.SessionStore(files, load=False)
    yield
    yield from sessions.loading()
    yield
    sessions.history._folded()


async def _head_and_body(data):
    response = http_response.Response(Bytes(data), 30000)
    await response.head("GET")
    await response.read(8192)


async def _upgrade(data):
    async def write(_data):
        pass

    await websocket_handshake.upgrade(Bytes(data), write, "h", "/", "ocpp1.6", None, 30000)


async def _broker(data):
    session = mqtt_session.MqttSession(Bytes(data), lambda payload, retained: None)
    session._topic = b"t"
    session._client = mqtt_session.simple.MQTTClient(b"c", "", 0)
    session._client.set_callback(session._on_decoded)
    await session.read()


async def _meter(data):
    meter = modbus.HouseMeter("sunspec://192.168.0.2", lambda *_: None)
    meter._stream = Bytes(data)
    await meter._request(3, 0, 125)


class Shared:
    """The outlets of a unit in a group."""

    limit_da = 320


def _group(data):
    group_link.opened(b"k" * 64, data)
    charger_group.ChargerGroup("TARGET", Shared(), None, 320, 8).take(data[:-16])


class Air:
    """Networks in range; the third look finds the unit in one."""

    looks = 0

    def joined_before(self):
        self.looks += 1
        return self.looks > 2

    def set_network(self, name, password):
        return ""

    def scan(self):
        return [("network %02d of the street" % number, -60, True) for number in range(30)]

    def address(self):
        return "192.0.2.1"


async def _line(data):
    serial = improv.Improv(Air(), ("TARGET", "PL-1"), 443, lambda *_: None, len)
    receiver = improv.Receiver()
    for byte in data:
        command = receiver.take(byte)
        await asyncio.sleep(0)
        if command is not None:
            await serial.answer(command)


class Source:
    """The source of releases."""

    def check(self, location):
        pass


async def _releases(data):
    unit = {"board": "TARGET", "hardware": 1, "version": "0.1.0", "counter": 0}
    try:
        await release_check.ReleaseCheck(None, Source(), None, unit, "", None).newest(data)
    except ValueError:
        pass  # the long number


def _record(data):
    record = json.loads(data)
    validate.check(provisioning.RECORD, record)
    provisioning._entries(record)


NETWORK = {
    "net/captive_portal.py.query": lambda data: _at_once(captive_portal.response, data, bytes(4)),
    "net/captive_portal.py.request": lambda data: captive_portal._exchange(Bytes(data), "http://192.0.2.1/", "https://192.0.2.1/"),
    "net/dns.py.answer": lambda data: _at_once(dns._parse, data, worst_bytes.dns_question()),
    "net/sntp.py.answer": lambda data: _at_once(sntp.decode, data, b"s" * 8),
    "net/http_response.py.head": _head_and_body,
    "net/http_response.py.chunks": _head_and_body,
    "net/websocket_handshake.py.answer": _upgrade,
    "net/mqtt_session.py.pings": _broker,
    "net/mqtt_session.py.long": _broker,
    "net/mqtt_session.py.messages": _broker,
    "net/modbus.py.answer": _meter,
    "net/improv.py.wifi": _line,
    "net/improv.py.networks": _line,
    "net/improv.py.damaged": _line,
    "net/group_link.py.message": lambda data: _at_once(_group, data),
    "update/release_check.py.releases": _releases,
    "update/release_check.py.number": _releases,
    "credentials/provisioning.py.record": lambda data: _at_once(_record, data),
}


async def network():
    """The messages of other hosts in the network."""
    for module, cases in worst_bytes.NETWORK.items():
        for name, make in cases.items():
            data = make()
            await measured("network.%s.%s" % (module.replace("/", "."), name), NETWORK["%s.%s" % (module, name)](data))


async def files(rig):
    """The files on flash at their greatest length: read and checked, and loaded by their reader where there is one at hand."""
    cp, own = rig.cp, rig.files
    readers = {
        "grid/charging_hours.py": rig.planner.hours,
        "config/configuration.py": lambda: configuration.Configuration(own, {}),
        "ocpp/v16/services/reservations.py": lambda: reservations.Reservations(cp.config, cp.connectors, own, cp.status),
    }
    in_slices = {
        "metering/history.py": lambda: _history(own),
        "ocpp/v16/services/smart_charging.py":
            lambda: smart_charging.SmartCharging(cp.config, cp.connectors, own, cp.planner, None).loading(),
    }
    for module, (name, make) in worst_bytes.FILES.items():
        content = make()
        if isinstance(content, bytes):
            own.write(name, content)
        else:
            own.write_json(name, content)
        if module in in_slices:
            job = _sliced(in_slices[module]())
        else:
            job = _at_once(readers.get(module) or (lambda name=name: own.read_json(name)))
        await measured("file." + module.replace("/", "."), job)
        own.delete(name)


async def messages_and_requests():
    """All but the network. This task itself is not counted: what it does between the handlers is no handler's."""
    slices.watch()
    handler_rig.watch_writes()
    rig, app = await handler_rig.charging_unit()
    await ocpp(rig)
    rig, app = await handler_rig.charging_unit()
    await api(app)
    await mqtt(app)
    await syslog(app)
    await files(rig)


async def others():
    """The messages of other hosts in the network: in a heap of its own, for a message of 64 KB."""
    slices.watch()
    await network()
