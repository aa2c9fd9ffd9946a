"""A portal and its broker in memory and manual time."""

import asyncio
import json
import struct

import flashrig
from client_rig import ClientRig
from memory_vault import MemoryVault
from packets import packet
from peer import pair, until

from charger import clock
from charger.audit.security_log import SecurityLog
from charger.mqtt_client import command_handler
from charger.mqtt_client.broker_connect import BROKER
from charger.mqtt_client.client import MqttClient

SETTINGS = {"url": "mqtts://me@h:1234/our/house", "password": "secret", "ca": None}
BASE = "our/house/PL_1/"
PINS = {"owner": "8264057193", "user": "70419385"}


class Verdict:
    def __init__(self, state, wait_s=0, device=""):
        self.state = state
        self.ok = state == "ok"
        self.wait_s = wait_s
        self.device = device
        self.why = "No PIN."


class Pins:
    """Instead of access/pin.py."""

    def __init__(self):
        self.checks = []
        self.wait_s = 0
        self.refuses = False
        self.changes = {"owner": 0, "user": 0, "installer": 0}
        self.devices = {}  # by role

    def knows(self, device, role):
        return bool(device) and self.devices.get(role) == device

    async def check(self, role, pin, surface, device):
        self.checks.append((role, pin, surface, device))
        if self.wait_s:
            return Verdict("wait", self.wait_s)
        if self.refuses:
            return Verdict("refused")
        return Verdict("ok", device="known") if PINS.get(role) == pin else Verdict("wrong")


class Config:
    def get_str(self, name):
        return "0.1.0"


class ChargePoint:
    def ready(self):
        return True


class UpdateManager:
    altered = False

    def report(self):
        return {"version": "0.1.0", "offer": {"version": "0.2.0", "url": "https://h/a"}, "altered": self.altered}


class App:
    """The part of the application that the portal uses."""

    provisioned = True
    tamper = None

    def __init__(self):
        self.connectors = []
        self.planner = None
        self.config = Config()
        self.charge_point = ChargePoint()
        self.updates = UpdateManager()
        self.vault = MemoryVault()
        self.pins = Pins()
        self.security_log = SecurityLog(flashrig.files())

    def infos(self, event):
        return [entry.info for entry in self.security_log.entries() if entry.event == event]

    def acknowledge(self, source):
        self.acknowledged = source
        return True


class Rig(ClientRig):
    """A portal and its broker, which acknowledges all but the topic `unacknowledged`; `fault` is what opening a stream raises."""

    def __init__(self, fault=None, settings=SETTINGS):
        super().__init__()
        self.app = App()
        self.fault = fault
        self.published = []  # (topic, payload, retained)
        self.subscribed = []
        self.unacknowledged = None
        self.number = 0
        self.broker = None
        self.client = self.portal = MqttClient(self.app, settings, "PL/1", self._open)

    async def _open(self, host, port, context, deadline_ms):
        self.opened.append((host, port, clock.ticks_ms()))
        if self.fault:
            raise self.fault
        near, self.broker = pair()
        self.tasks.append(asyncio.create_task(self._serve(self.broker)))
        return near, near

    async def _serve(self, end):
        try:
            while True:
                first, body = await packet(end)
                if first >> 4 == 1:
                    self.greeting = body
                    end.s.write(b"\x20\2\0\0")
                elif first >> 4 == 8:
                    self.subscribed.append(str(body[4:-1], "utf-8"))
                    end.s.write(b"\x90\3" + body[:2] + b"\1")
                elif first >> 4 == 12:
                    end.s.write(b"\xd0\0")
                elif first >> 4 == 3:
                    at = 2 + struct.unpack_from("!H", body)[0]
                    topic = str(body[2:at], "utf-8")
                    self.published.append((topic, json.loads(body[at + 2 :] or b"null"), bool(first & 1)))
                    if self.unacknowledged is None or not topic.endswith(self.unacknowledged):
                        end.s.write(b"\x40\2" + body[at : at + 2])
        except (EOFError, OSError):
            pass

    def of(self, topic):
        return [payload for name, payload, _ in self.published if name == BASE + topic]

    def topics(self, component):
        """The discovery messages of the entities of a component, in order."""
        return [told for topic, told, _ in self.published if topic.startswith("homeassistant/%s/" % component)]

    def controls(self):
        """The last message of each entity that commands, None for one that was removed."""
        parts = [(topic.split("/"), told) for topic, told, _ in self.published if topic.startswith("homeassistant/")]
        return {part[3]: told for part, told in parts if part[1] in ("number", "switch", "button")}

    def broker_failures(self):
        """The entries of the security log about brokers that were not trusted."""
        return self.app.infos(BROKER)

    async def online(self):
        await until(lambda: self.portal.connected and self.of("status"), 5000)
        return self

    async def settled(self):
        """Wait until it is connected, or has a reason why not."""
        await until(lambda: self.portal.fault or self.portal.connected, 60000)

    async def command(self, **fields):
        """A command past the network: its reply."""
        if "id" not in fields:
            self.number += 1
            fields["id"] = str(self.number)
        reply = await command_handler.answer(self.portal, json.dumps(fields).encode(), False)
        return None if reply is None else json.loads(reply)

    async def log_in(self, role="owner", **more):
        hello = await self.command(do="hello")
        return await self.command(do="login", challenge=hello["challenge"], role=role, pin=PINS[role], **more)
