"""The fields of discovery messages and what they may hold, from Home Assistant's public documentation.

The pages are those of the integrations mqtt (discovery, device), sensor.mqtt, binary_sensor.mqtt, update.mqtt, event.mqtt,
number.mqtt, switch.mqtt, select.mqtt, button.mqtt, and sensor and binary_sensor for their device classes.
"""

import re

# Of each entity; object_id until version 2026.3, default_entity_id since 2025.10.
COMMON = {
    "availability", "availability_mode", "availability_template", "availability_topic", "payload_available",
    "payload_not_available", "default_entity_id", "device", "enabled_by_default", "encoding", "entity_category", "entity_picture",
    "icon", "json_attributes_template", "json_attributes_topic", "name", "object_id", "origin", "qos", "state_topic", "unique_id",
    "value_template",
}  # fmt: skip
OWN = {
    "sensor": {"device_class", "expire_after", "force_update", "last_reset_value_template", "options", "state_class",
               "suggested_display_precision", "unit_of_measurement"},
    "binary_sensor": {"device_class", "expire_after", "force_update", "off_delay", "payload_off", "payload_on"},
    "update": {"command_topic", "device_class", "display_precision", "latest_version_template", "latest_version_topic",
               "payload_install", "release_summary", "release_url", "retain", "title"},
    "event": {"device_class", "event_types"},
    "number": {"command_template", "command_topic", "device_class", "max", "min", "mode", "optimistic", "payload_reset", "retain",
               "step", "unit_of_measurement"},
    "switch": {"command_template", "command_topic", "device_class", "optimistic", "payload_off", "payload_on", "retain",
               "state_off", "state_on"},
    "select": {"command_template", "command_topic", "optimistic", "options", "retain"},
    "button": {"command_template", "command_topic", "device_class", "payload_press", "retain"},
}  # fmt: skip
REQUIRED = {"sensor": {"state_topic"}, "binary_sensor": {"state_topic"}, "update": set(), "event": {"state_topic", "event_types"},
            "number": {"command_topic"}, "switch": {"command_topic"},
            "select": {"command_topic", "options"}, "button": {"command_topic"}}  # fmt: skip
# What makes one device of them whose entities keep their ids and history: the documentation asks for both together.
OURS = {"name", "unique_id", "object_id", "default_entity_id", "device", "availability_topic"}
DEVICE = {"configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id", "name",
          "serial_number", "suggested_area", "sw_version", "via_device"}  # fmt: skip
# Device class of a sensor: units, state classes.
SENSORS = {
    "energy": ({"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh"}, {"total", "total_increasing"}),
    "power": ({"mW", "W", "kW", "MW", "GW", "TW"}, {"measurement"}),
    "voltage": ({"μV", "mV", "V", "kV", "MV"}, {"measurement"}),
    "current": ({"mA", "A"}, {"measurement"}),
    "enum": ({None}, {None}),
    None: ({None}, {None, "total"}),
}  # fmt: skip
BINARY = {"battery_charging", "connectivity", "plug", "problem", "tamper"}
CATEGORIES = {None, "diagnostic"}  # what only reads is never of the category config


def faults(topic: str, told: dict) -> list[str]:
    """The fields of a message that Home Assistant would refuse or ignore, and those that our entities need and it lacks."""
    match = re.fullmatch(r"[^/+#]+/(\w+)/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)/config", topic)
    if match is None or match[1] not in OWN:
        return [f"no topic of the discovery: {topic}"]
    component, kind = match[1], told.get("device_class")
    wanted = REQUIRED[component] | OURS | ({"state_topic", "value_template"} if component != "button" else set())
    found = [f"no {name}" for name in sorted(wanted - set(told))]
    found += [f"unknown: {name}" for name in sorted(set(told) - COMMON - OWN[component])]
    found += [f"unknown in device: {name}" for name in sorted(set(told.get("device", {})) - DEVICE)]
    if not told.get("device", {}).get("identifiers"):
        found.append("a device without identifiers")
    own = f"{match[2]}_{match[3]}"
    if (told.get("unique_id"), told.get("default_entity_id")) != (own, f"{component}.{own}"):
        found.append("ids that differ from the topic's")
    if told.get("entity_category") not in CATEGORIES:
        found.append(f"category {told['entity_category']}")
    if component == "sensor":
        found += _of_sensor(kind, told)
    elif kind not in {"binary_sensor": BINARY, "update": {"firmware"}, "event": {None}, "number": {"current"},
                      "switch": {None}, "select": {None}, "button": {None}}[component]:
        found.append(f"device class {kind}")
    return found


def _of_sensor(kind, told: dict) -> list[str]:
    if kind not in SENSORS:
        return [f"device class {kind}"]
    units, states = SENSORS[kind]
    found = []
    if told.get("unit_of_measurement") not in units:
        found.append(f"unit {told.get('unit_of_measurement')} of {kind}")
    if told.get("state_class") not in states:
        found.append(f"state class {told.get('state_class')} of {kind}")
    if ("options" in told) != (kind == "enum") or told.get("options") == []:
        found.append(f"options of {kind}")
    return found
