"""Holds discovery messages to Home Assistant's own MQTT schemas: runs in the environment of `make ha`, which has its package.

Reads [topic, payload] of each entity as JSON from standard input and prints a line for each; exits with 1 where one is refused,
has a field that Home Assistant would ignore, or a unit or state class that its device class does not have.
"""

import importlib
import json
import logging
import re
import sys

import voluptuous
from homeassistant.components.mqtt.discovery import TOPIC_MATCHER
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS
from homeassistant.const import __version__

# Fields of other versions, which this one ignores: options since 2024.10, default_entity_id since 2025.10.
OF_OTHERS = {"default_entity_id", "options"}


def faults(topic: str, payload: str) -> list[str]:
    """The faults of one message."""
    match = re.fullmatch(TOPIC_MATCHER, topic.partition("/")[2])
    if match is None:
        return ["not a topic of the discovery"]
    component = match["component"]
    told = json.loads(payload)
    try:
        kept = importlib.import_module(f"homeassistant.components.mqtt.{component}").DISCOVERY_SCHEMA(dict(told))
    except (ImportError, voluptuous.Invalid) as error:
        return [str(error)]
    found = [f"{name} is ignored" for name in sorted(set(told) - set(kept) - OF_OTHERS)]
    kind = kept.get("device_class")
    if component == "sensor" and kind in DEVICE_CLASS_UNITS and kept.get("unit_of_measurement") not in DEVICE_CLASS_UNITS[kind]:
        found.append(f"{kept.get('unit_of_measurement')} is no unit of {kind}")
    states = DEVICE_CLASS_STATE_CLASSES.get(kind, ()) if kind else ("measurement", "total", "total_increasing")
    if component == "sensor" and kept.get("state_class") and kept["state_class"] not in states:
        found.append(f"{kept['state_class']} is no state class of {kind}")
    return found


def main() -> int:
    """Entry point."""
    logging.disable()  # that a schema is used outside of a running Home Assistant
    bad = 0
    messages = json.load(sys.stdin)
    for topic, payload in messages:
        found = faults(topic, payload)
        bad += bool(found)
        print(f"{topic}: {'; '.join(found) or 'taken'}")
    print(f"Home Assistant {__version__}: {len(messages) - bad} of {len(messages)} messages taken")
    return 1 if bad or not messages else 0


if __name__ == "__main__":
    sys.exit(main())
