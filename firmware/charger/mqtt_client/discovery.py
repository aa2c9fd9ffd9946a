"""Home Assistant's MQTT discovery: the unit as one device, whose entities read the topics status, session and notice.

One retained message an entity, at <prefix>/<component>/pilotlight_<serial>/<object>/config, once a connection.
"""

import json

from charger.mqtt_client.messages import NOTICES

_VALUE = "value_json.connectors['#']"
_OPTIONS = (
    '"device_class":"enum","options":["Available","Preparing","Charging","SuspendedEV","SuspendedEVSE","Finishing",'
    '"Reserved","Unavailable","Faulted"]'
)
_ENERGY = '"device_class":"energy","state_class":"total_increasing","unit_of_measurement":"Wh"'
# component, object, name, template, more JSON. A # stands for the connector's number.
_OF_CONNECTOR = (
    ("sensor", "status_#", "Status #", _VALUE + ".ocpp_status", _OPTIONS),
    ("sensor", "power_#", "Power #", _VALUE + ".power_w",
     '"device_class":"power","state_class":"measurement","unit_of_measurement":"W"'),
    ("sensor", "energy_#", "Energy #", _VALUE + ".energy_wh", _ENERGY),
    ("sensor", "session_energy_#", "Session energy #", _VALUE + ".session_wh", _ENERGY),
    ("sensor", "voltage_#", "Voltage #", _VALUE + ".voltage_v",
     '"device_class":"voltage","state_class":"measurement","unit_of_measurement":"V"'),
    ("sensor", "offered_#", "Current offered #", _VALUE + ".offered_amps",
     '"device_class":"current","state_class":"measurement","unit_of_measurement":"A"'),
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
     "{'installed_version':value_json.firmware,'latest_version':value_json['update'].offer.version"
     " if value_json['update'] and value_json['update'].offer else value_json.firmware}|tojson",
     '"device_class":"firmware","entity_category":"diagnostic"'),
)  # fmt: skip
_COMMON = (
    '"availability_topic":%s,"availability_template":"{{ \'online\' if value_json.online else \'offline\' }}","device":%s}'
)
_EVENT = "{{ {'event_type':value_json.notice,'text':value_json.text}|tojson }}"


def messages(app, prefix: str, base: str, serial: str):
    """Yield (topic, payload) of each entity. `base` is the beginning of the unit's topics."""
    unit = "pilotlight_" + "".join([ch if ch.isalpha() or ch.isdigit() else "_" for ch in serial])
    config = app.config
    common = _COMMON % (
        json.dumps(base + "status"), json.dumps({
            "identifiers": [unit], "name": "Charger " + serial, "manufacturer": config.get_str("ChargePointVendor"),
            "model": config.get_str("ChargePointModel"), "sw_version": config.get_str("FirmwareVersion"), "serial_number": serial,
        }))  # fmt: skip
    for rows, numbers in ((_OF_CONNECTOR, [str(connector.id) for connector in app.connectors]), (_OF_UNIT, [""])):
        for row in rows:
            for number in numbers:
                component, about, name, value, more = [text.replace("#", number) for text in row]
                template = "{{ %s if value_json.online }}" % (value if "|" in value else "(" + value + ")")
                yield _one(prefix, component, unit, about, name, base + "status", template, more, common)
    types = '"event_types":' + json.dumps(NOTICES)
    yield _one(prefix, "event", unit, "notice", "Security", base + "notice", _EVENT, types, common)


def _one(prefix, component, unit, about, name, topic, template, more, common) -> tuple:
    entity = unit + "_" + about
    # The name in an entity's id: object_id until version 2026.3 of Home Assistant, default_entity_id since 2025.10
    head = {"name": name.strip(), "unique_id": entity, "object_id": entity, "default_entity_id": component + "." + entity,
            "state_topic": topic, "value_template": template}  # fmt: skip
    where = "%s/%s/%s/%s/config" % (prefix, component, unit, about)
    return where.encode(), (json.dumps(head)[:-1] + "," + more + "," + common).encode()
