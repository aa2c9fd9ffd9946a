"""The status light of a whole charger, on a board with a WS2812 and on one with a plain LED."""

import ast
import re

import pytest

from house.source import ROOT

DARK = "000000"


def patterns():
    """State -> (steps, colour as the pixel shows it), from the firmware's source."""
    text = (ROOT / "firmware" / "charger" / "status_light.py").read_text()
    [found] = [node.value for node in ast.parse(text).body
               if isinstance(node, ast.Assign) and node.targets[0].id == "PATTERNS"]  # fmt: skip
    return {state: (steps, f"{colour:06X}") for state, (steps, colour) in ast.literal_eval(found).items()}


COLOUR = {state: colour for state, (_, colour) in patterns().items()}


def wait_colour(sim, state):
    """Wait until the pixel shows the colour of a state."""
    sim.wait_for(lambda status: status["led"] == COLOUR[state], 30, f"the colour of {state}")


def test_colours_follow_a_session_and_a_fault(launch, csms):
    """Ready, waiting, charging with its dark half, fault, and ready again."""
    sim = launch(options=["--board", "ESP32_C6_DEVKITC"])
    csms.wait_booted()
    wait_colour(sim, "ready")
    sim.plug_in()
    wait_colour(sim, "waiting")
    sim.swipe("GOOD0001")
    sim.wait_ocpp_status("Charging")
    wait_colour(sim, "charging")
    sim.wait_for(lambda status: status["led"] == DARK, 10, "the dark half")
    sim.raise_fault("GroundFailure")
    wait_colour(sim, "fault")
    sim.plug_out()
    sim.clear_fault("GroundFailure")
    wait_colour(sim, "ready")


def test_plain_led_blinks_while_charging_and_is_steady_when_ready(charger):
    """On and off while a car charges."""
    charger.wait_for(lambda status: status["led"] == 1, 10, "on")
    charger.plug_in()
    charger.swipe("GOOD0001")
    charger.wait_ocpp_status("Charging")
    for level in (0, 1, 0):
        charger.wait_for(lambda status, level=level: status["led"] == level, 10, f"level {level}")


@pytest.mark.parametrize("state", patterns())
def test_home_page_of_the_documents_has_each_state_in_the_order_of_importance(state):
    """docs/HOME.md's table is the firmware's."""
    rows = re.findall(r"(?m)^\| (\w+) \| (\w+) \| ", (ROOT / "docs" / "HOME.md").read_text().partition("## The light")[2])
    names = [name for name, _ in rows if name != "State"]
    assert names[: len(COLOUR)] == list(COLOUR)
    words = dict(rows)
    red, green, blue = (int(COLOUR[state][at : at + 2], 16) > 0 for at in (0, 2, 4))
    named = {"red": (1, 0, 0), "yellow": (1, 1, 0), "green": (0, 1, 0), "cyan": (0, 1, 1), "blue": (0, 0, 1), "white": (1, 1, 1)}
    assert named[words[state]] == (red, green, blue)
