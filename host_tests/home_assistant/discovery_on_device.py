"""Runs inside MicroPython: prints the discovery messages of a unit as one JSON list of [topic, payload].

    discovery_on_device.py CONNECTORS SERIAL
"""

import json
import sys

from charger.mqtt_client import discovery

FACTS = {"ChargePointVendor": "Vendor", "ChargePointModel": "Model", "FirmwareVersion": "1.2.3"}


class Connector:
    """What a message says of one: its number."""

    def __init__(self, number):
        self.id = number


class Configuration:
    """Facts of the factory."""

    def get_str(self, name):
        """A fact."""
        return FACTS[name]


class App:
    """A unit."""

    def __init__(self, connectors):
        self.config = Configuration()
        self.connectors = [Connector(number + 1) for number in range(connectors)]


serial = sys.argv[2]
messages = discovery.messages(App(int(sys.argv[1])), "homeassistant", "home/%s/" % serial, serial)
print("\x1e" + json.dumps([[topic.decode(), payload.decode()] for topic, payload in messages]))
