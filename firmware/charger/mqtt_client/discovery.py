"""Home Assistant's MQTT discovery: the unit as one device, whose entities read the topics status, session and notice.

One retained message an entity, at <prefix>/<component>/pilotlight_<serial>/<object>/config, once a connection. The entities
that command have the token that the owner made for Home Assistant (access/tokens.py); without one they are removed by empty
messages.
"""

import json

from charger.access import tokens
from charger.mqtt_client.messages import NOTICES

_VALUE = "value_json.connectors['#']"
_OPTIONS = (
    '"device_class":"enum","options":["Available","Preparing","Charging","SuspendedEV","SuspendedEVSE","Finishing",'
    '"Reserved","Unavailable","Faulted"]'
)
_ENERGY = '"device_class":"energy","state_class":"total_increasing","unit_of_measurement":"Wh"'
_CURRENT = '"device_class":"current","state_class":"measurement","unit_of_measurement":"A"'
# component, object, name, template, more JSON. A # stands for the connector's number.
_OF_CONNECTOR = (
    ("sensor", "status_#", "Status #", _VALUE + ".ocpp_status", _OPTIONS),
    ("sensor", "power_#", "Power #", _VALUE + ".power_w",
     '"device_class":"power","state_class":"measurement","unit_of_measurement":"W"'),
    ("sensor", "energy_#", "Energy #", _VALUE + ".energy_wh", _ENERGY),
    ("sensor", "session_energy_#", "Session energy #", _VALUE + ".session_wh", _ENERGY),
    ("sensor", "session_cost_#", "Session cost #", _VALUE + ".session_cost",
     '"state_class":"total","suggested_display_precision":2,"icon":"mdi:cash"'),
    ("sensor", "voltage_#", "Voltage #", _VALUE + ".voltage_v",
     '"device_class":"voltage","state_class":"measurement","unit_of_measurement":"V"'),
    ("sensor", "offered_#", "Current offered #", _VALUE + ".offered_amps", _CURRENT),
    ("sensor", "reason_#", "Why it waits #", _VALUE + ".reason or '-'", '"icon":"mdi:timer-sand"'),
    ("binary_sensor", "plugged_#", "Plugged #",
     "'OFF' if " + _VALUE + ".ocpp_status in ('Available','Reserved','Unavailable') else 'ON'", '"device_class":"plug"'),
    ("binary_sensor", "charging_#", "Charging #", "'ON' if " + _VALUE + ".relay else 'OFF'",
     '"device_class":"battery_charging"'),
    ("binary_sensor", "fault_#", "Fault #", "'ON' if " + _VALUE + ".ocpp_status == 'Faulted' else 'OFF'",
     '"device_class":"problem"'),
)  # fmt: skip
_OF_UNIT = (
    ("binary_sensor", "tamper", "Enclosure", "'ON' if value_json.tamper and value_json.tamper.latched else 'OFF'",
     '"device_class":"tamper","entity_category":"diagnostic"'),
    ("binary_sensor", "backend", "Back end", "'ON' if value_json.backend else 'OFF'",
     '"device_class":"connectivity","entity_category":"diagnostic"'),
    ("update", "firmware", "Firmware",
     "dict({'installed_version':value_json.firmware,'latest_version':value_json['update'].offer.version"
     " if value_json['update'] and value_json['update'].offer else value_json.firmware},**({'in_progress':true,"
     "'update_percentage':value_json['update'].percent} if value_json['update'] and value_json['update'].loading"
     " else {}))|tojson",
     '"device_class":"firmware","entity_category":"diagnostic"'),
)  # fmt: skip
# component, object, name, template, more JSON, and the fields that have the payload of an action
_COMMANDS = (
    ("number", "limit_#", "Current limit #", _VALUE + ".limit_amps", '"min":6,"device_class":"current","unit_of_measurement":"A"',
     ("command_template", "limit")),
    ("switch", "allowed_#", "Charging allowed #", "'OFF' if " + _VALUE + ".paused else 'ON'",
     '"state_on":"ON","state_off":"OFF"', ("payload_on", "resume", "payload_off", "pause")),
    ("button", "start_#", "Start #", "", "", ("payload_press", "start")),
    ("button", "stop_#", "Stop #", "", "", ("payload_press", "stop")),
    ("button", "now_#", "Charge now #", "", "", ("payload_press", "now")),
)  # fmt: skip
_MODE = ("select", "mode", "Solar mode", "value_json.solar_mode")
_SET_MODE = '{"id":"ha","token":"%s","do":"set","with":{"SolarMode":"{{ value }}"}}'
_COMMON = (
    '"availability_topic":%s,"availability_template":"{{ \'online\' if value_json.online else \'offline\' }}","device":%s'
)
_CHARGE = '{"id":"ha","token":"%s","do":"charge","with":{"connector":%d,"action":"%s"%s}}'
_EVENT = "{{ {'event_type':value_json.notice,'text':value_json.text}|tojson }}"


def messages(config: Configuration, vault: Vault, connectors: list, prefix: str, base: str, serial: str) -> Iterator:
    """Yield (topic, payload) of each entity; an empty payload removes it. `base` is the beginning of the unit's topics."""
    unit = "pilotlight_" + "".join([ch if ch.isalpha() or ch.isdigit() else "_" for ch in serial])
    common = _COMMON % (
        json.dumps(base + "status"), json.dumps({
            "identifiers": [unit], "name": "Charger " + serial, "manufacturer": config.get_str("ChargePointVendor"),
            "model": config.get_str("ChargePointModel"), "sw_version": config.get_str("FirmwareVersion"), "serial_number": serial,
        }))  # fmt: skip
    install, charge = tokens.published(vault, "update"), tokens.published(vault, "charge")
    for row in _OF_UNIT:
        more = row[4]
        if install and row[0] == "update":
            more += _commands(base, ("payload_install", '{"id":"ha","token":"%s","do":"install"}' % install))
        yield _one(prefix, unit, row[:4], base + "status", more + "," + common)
    steer = tokens.published(vault, "status") and tokens.published(vault, "schedule")
    if steer:
        more = '"options":["off","surplus","minimum"]' + _commands(base, ("command_template", _SET_MODE % steer))
        yield _one(prefix, unit, _MODE, base + "status", more + "," + common)
    else:
        yield _topic(prefix, unit, _MODE), b""
    for connector in connectors:
        for phase in range(connector.meter.reading.connected):
            facts = connector.id, phase + 1
            value = "(value_json.connectors['%d'].amps or [none,none,none])[%d]" % (connector.id, phase)
            row = "sensor", "current_%d_l%d" % facts, "Current %d L%d" % facts, value
            yield _one(prefix, unit, row, base + "status", _CURRENT + "," + common)
        for row in _OF_CONNECTOR:
            row = [text.replace("#", str(connector.id)) for text in row]
            yield _one(prefix, unit, row[:4], base + "status", row[4] + "," + common)
        yield from _controls(prefix, unit, base, connector, charge, common)
    types = '"event_types":' + json.dumps(NOTICES)
    yield _one(prefix, unit, ("event", "notice", "Security", _EVENT), base + "notice", types + "," + common)


def _controls(prefix: str, unit: Any, base: str, connector: Connector, token: str, common: str) -> Iterator:
    """Yield the messages of a connector's entities that command; with no token they are empty."""
    for row in _COMMANDS:
        head = [text.replace("#", str(connector.id)) for text in row[:4]]
        if not token:
            yield _topic(prefix, unit, head), b""
            continue
        pairs = []
        for at in range(0, len(row[5]), 2):
            action = row[5][at + 1]
            pairs += (row[5][at], _CHARGE % (token, connector.id, action, ',"amps":{{ value }}' if action == "limit" else ""))
        more = row[4] + _commands(base, pairs)
        if head[0] == "number":
            more += ',"max":%d' % (connector.outlet.limits.get("hardware") // 10)
        yield _one(prefix, unit, head, base + "status", more + "," + common)


def _commands(base: str, pairs: Any) -> str:
    """Return the topic of commands and fields with their payloads as JSON."""
    text = ',"command_topic":' + json.dumps(base + "cmd")
    for at in range(0, len(pairs), 2):
        text += ',"%s":%s' % (pairs[at], json.dumps(pairs[at + 1]))
    return text


def _topic(prefix: str, unit: Any, head: Any) -> bytes:
    return ("%s/%s/%s/%s/config" % (prefix, head[0], unit, head[1])).encode()


def _one(prefix: str, unit: Any, head: Any, topic: str, more: str) -> tuple:
    """Return topic and message of an entity. head: component, object, name, template, '' for one without a state."""
    component, about, name, value = head
    entity = unit + "_" + about
    # The name in an entity's id: object_id until version 2026.3 of Home Assistant, default_entity_id since 2025.10
    fields = {"name": name.strip(), "unique_id": entity, "object_id": entity, "default_entity_id": component + "." + entity}
    if value:
        if component != "event":
            value = "{{ %s if value_json.online }}" % (value if "|" in value else "(" + value + ")")
        fields["state_topic"], fields["value_template"] = topic, value
    return _topic(prefix, unit, head), (json.dumps(fields)[:-1] + "," + more.lstrip(",") + "}").encode()
