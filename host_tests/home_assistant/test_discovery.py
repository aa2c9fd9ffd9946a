"""Each message of the discovery against the fields that Home Assistant documents; `make ha` holds them to its own schemas."""

import json
import re

import jinja2
import pytest

from home_assistant.fields import faults
from home_assistant.payloads import messages


@pytest.fixture(scope="module")
def told():
    """Topic -> message of a unit with two connectors, whose serial number has characters that an id may not have."""
    return {topic: json.loads(payload) for topic, payload in messages(2, "PL-1.ä/7", ("charge", "update", "status", "schedule"))}


def test_every_message_has_the_documented_fields_and_no_others(told):
    assert len(told) == 2 * (14 + 5) + 5
    assert {topic: found for topic, message in told.items() if (found := faults(topic, message))} == {}


def test_entities_are_one_device_with_ids_of_their_own(told):
    assert len({json.dumps(message["device"], sort_keys=True) for message in told.values()}) == 1
    for name in ("unique_id", "default_entity_id"):
        assert len({message[name] for message in told.values()}) == len(told)


def test_templates_are_templates_and_a_unit_that_is_away_tells_nothing(told):
    """The last will is the status with online false: entities keep their state then, and are unavailable."""
    engine = jinja2.Environment()
    for topic, message in told.items():
        assert engine.from_string(message["availability_template"]).render(value_json={"online": False}) == "offline"
        if "/button/" in topic:
            continue
        template = engine.from_string(message["value_template"])
        if "/event/" not in topic:
            assert template.render(value_json={"online": False}) == ""


def test_what_commands_sends_the_token_and_what_the_entity_names(told):
    """Each payload is a command of the unit; the limit's template makes one with the chosen number."""
    engine = jinja2.Environment()
    sent = {}
    for topic, message in told.items():
        fields = [name for name in message if name.startswith("payload_") or name == "command_template"]
        assert bool(fields) == ("command_topic" in message)
        for name in fields:
            command = json.loads(engine.from_string(message[name]).render(value=12.0))
            assert re.fullmatch("[0-9a-f]{32}", command.pop("token")) and command.pop("id")
            assert message["command_topic"] == "home/PL-1.ä/7/cmd"
            sent[topic.split("/")[3], name] = command
    two = {"connector": 2}
    assert len(sent) == 2 * 6 + 2
    assert sent["limit_2", "command_template"] == {"do": "charge", "with": {**two, "action": "limit", "amps": 12.0}}
    assert sent["allowed_2", "payload_off"] == {"do": "charge", "with": {**two, "action": "pause"}}
    assert sent["mode", "command_template"] == {"do": "set", "with": {"SolarMode": "12.0"}}
    assert sent["firmware", "payload_install"] == {"do": "install"}
    allowed = next(message for topic, message in told.items() if "/allowed_2/" in topic)
    states = [engine.from_string(allowed["value_template"]).render(
        value_json={"online": True, "connectors": {"2": {"paused": paused}}}) for paused in (True, False)]
    assert states == [allowed["state_off"], allowed["state_on"]]


def test_without_a_token_the_entities_that_command_are_removed():
    """An empty message removes one; the others stay as they are. The solar mode needs two rights."""
    for rights in ((), ("update",), ("status",), ("schedule",)):
        told = dict(messages(1, "PL-1", rights))
        removed = [topic.split("/")[1] for topic, payload in told.items() if not payload]
        assert removed == ["select", "number", "switch", *["button"] * 3]
        firmware = next(payload for topic, payload in told.items() if "/update/" in topic)
        assert ("command_topic" in firmware) == ("update" in rights)


def test_states_are_those_of_the_status(told):
    """Current of each phase, the solar mode, and the progress of an update."""
    def state(name, **status):
        message = next(message for topic, message in told.items() if f"/{name}/" in topic)
        return jinja2.Environment().from_string(message["value_template"]).render(value_json={"online": True, **status})

    measured, unknown = {"connectors": {"2": {"amps": [15.9, 16.0, 0.1]}}}, {"connectors": {"2": {"amps": None}}}
    assert [state(f"current_2_l{phase}", **measured) for phase in (1, 2, 3)] == ["15.9", "16.0", "0.1"]
    assert state("current_2_l3", **unknown) == "None"
    assert state("mode", solar_mode="surplus") == "surplus"
    offered = {"offer": {"version": "1.3.0"}, "loading": None, "percent": None}
    versions = {"installed_version": "1.2.3", "latest_version": "1.3.0"}
    assert json.loads(state("firmware", firmware="1.2.3", update=offered)) == versions
    loading = {**offered, "loading": "1.3.0", "percent": 42}
    wanted = {**versions, "in_progress": True, "update_percentage": 42}
    assert json.loads(state("firmware", firmware="1.2.3", update=loading)) == wanted
    assert json.loads(state("firmware", firmware="1.2.3", update=None)) == {**versions, "latest_version": "1.2.3"}


def test_a_notice_is_an_event_of_a_type_that_was_announced(told):
    """Home Assistant takes a JSON object with event_type, one of event_types; the rest are its attributes."""
    event = next(message for topic, message in told.items() if "/event/" in topic)
    assert event["state_topic"] == "home/PL-1.ä/7/notice"
    template = jinja2.Environment().from_string(event["value_template"])
    assert len(set(event["event_types"])) == len(event["event_types"]) > 3
    for kind in event["event_types"]:
        shown = json.loads(template.render(value_json={"notice": kind, "text": 'by "somebody"', "time": None, "seq": 7}))
        assert shown == {"event_type": kind, "text": 'by "somebody"'}


@pytest.mark.parametrize(("change", "found"), [
    ({"device_class": "energie"}, "device class energie"),
    ({"unit_of_measurement": "A"}, "unit A of energy"),
    ({"state_class": "measurement"}, "state class measurement of energy"),
    ({"options": ["a"]}, "options of energy"),
    ({"colour": "green"}, "unknown: colour"),
    ({"unique_id": "x"}, "ids that differ from the topic's"),
    ({"device": {"name": "Charger"}}, "a device without identifiers"),
    ({"device": {"identifiers": ["a"], "owner": "b"}}, "unknown in device: owner"),
    ({"entity_category": "config"}, "category config"),
])  # fmt: skip
def test_the_table_finds_what_is_wrong(told, change, found):
    [topic] = [topic for topic in told if topic.endswith("/energy_1/config")]
    assert found in faults(topic, {**told[topic], **change})
    assert faults(topic.replace("sensor", "sensors"), told[topic])
    assert "no state_topic" in faults(topic, {name: text for name, text in told[topic].items() if name != "state_topic"})
