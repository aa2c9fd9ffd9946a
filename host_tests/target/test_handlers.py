"""No handler holds up the other tasks: the longest slice of each with its worst input, counted on bare metal (F-S1, F-S2)."""

import json
import re

import pytest
from target import count

LIMIT_MS = 20
BEGIN, END = "<!-- long slices: begin -->", "<!-- long slices: end -->"


@pytest.fixture(scope="module")
def counted():
    """The counts of this checkout."""
    return count.count(["handlers"])


def reasons():
    """The handlers that docs/PERFORMANCE.md names as longer than the limit, with (ms, reason)."""
    text = count.DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return {name: (float(ms), why) for name, ms, why in re.findall(r"^\| (\S+) \| ([\d.]+) \| (.+) \|$", text, re.M)}


@pytest.mark.timeout(900)
def test_f_s1_f_s2_no_slice_of_a_handler_is_longer_than_its_bound(counted):
    """20 ms of an ESP32, or what the document says of that handler."""
    assert len(counted.counts) > 90
    named = reasons()
    found = {name[6:]: count.board_ms(value, "ESP32") for name, value in counted.counts.items()}
    over = {name: ms for name, ms in found.items() if ms > (1.1 * named[name][0] if name in named else LIMIT_MS)}
    assert over == {}
    assert [name for name in named if found.get(name, 0) <= LIMIT_MS] == [], "these are below the limit by now"


def test_every_handler_was_counted(counted):
    """A handler of the firmware that worst_inputs.py lacks is printed as missing; each row has a count."""
    assert counted.missing == []
    budgets = json.loads(count.BUDGETS.read_text())
    assert {name for name in budgets if name.startswith("slice.")} == set(counted.counts)


@pytest.mark.timeout(900)
def test_no_slice_grows_by_more_than_5_percent(counted):
    assert count.exceeded(counted.counts, json.loads(count.BUDGETS.read_text())) == []
