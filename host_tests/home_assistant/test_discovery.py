"""Each message of the discovery against the fields that Home Assistant documents; `make ha` holds them to its own schemas."""

import json

import jinja2
import pytest

from home_assistant.fields import faults
from home_assistant.payloads import messages


@pytest.fixture(scope="module")
def told():
    """Topic -> message of a unit with two connectors, whose serial number has characters that an id may not have."""
    return {topic: json.loads(payload) for topic, payload in messages(2, "PL-1.ä/7")}


def test_every_message_has_the_documented_fields_and_no_others(told):
    assert len(told) == 2 * 10 + 4
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
        template = engine.from_string(message["value_template"])
        if "/event/" not in topic:
            assert template.render(value_json={"online": False}) == ""


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
