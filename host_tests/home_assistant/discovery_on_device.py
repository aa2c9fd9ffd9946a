"""Runs inside MicroPython: prints the discovery messages of a unit as one JSON list of [topic, payload].

    discovery_on_device.py CONNECTORS SERIAL [RIGHTS OF HOME ASSISTANT'S TOKEN ...]
"""

import json
import sys

from charger.access import tokens
from charger.metering.reading import Reading
from charger.mqtt_client import discovery
from charger.outlet.limits import Limits

FACTS = {"ChargePointVendor": "Vendor", "ChargePointModel": "Model", "FirmwareVersion": "1.2.3"}


class Connector:
    """A connector in a message: its number, and its maximum."""

    def __init__(self, number):
        self.id = number
        self.outlet = self
        self.limits = Limits(200)
        self.meter = self
        self.reading = Reading(3)


class Configuration:
    """Facts of the factory."""

    def get_str(self, name):
        """A fact."""
        return FACTS[name]


class Vault(dict):
    """Secrets in memory."""

    def put(self, name, secret):
        """Keep a secret."""
        self[name] = secret


class App:
    """A unit."""

    def __init__(self, connectors):
        self.config = Configuration()
        self.vault = Vault()
        self.connectors = [Connector(number + 1) for number in range(connectors)]


serial = sys.argv[2]
app = App(int(sys.argv[1]))
if sys.argv[3:]:
    tokens.make(app.vault, "Home Assistant", sys.argv[3:], True)
messages = discovery.messages(app.config, app.vault, app.connectors, "homeassistant", "home/%s/" % serial, serial)
print("\x1e" + json.dumps([[topic.decode(), payload.decode()] for topic, payload in messages]))
