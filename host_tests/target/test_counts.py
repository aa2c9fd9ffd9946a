"""Instruction counts on the bare-metal target keep to their budgets and repeat exactly; the control tick allocates nothing."""

import json

import pytest
from target import count, image
from target_units import ALL

# What is counted each time takes a few seconds; `make target` counts everything.
FAST = ["tick", "imports", "ocpp"]


@pytest.fixture(scope="module")
def counted():
    """The counts of this checkout."""
    subjects = count.with_budgets() if ALL else FAST
    return count.count(subjects)


@pytest.mark.timeout(900)
def test_no_count_is_more_than_5_percent_above_its_budget(counted):
    """`python tools/target/count.py --write` sets new budgets; a commit that does says why."""
    counts = {name: value for name, value in counted.counts.items() if name != "reference"}
    lines = count.exceeded(counts, json.loads(count.BUDGETS.read_text()))
    assert not lines, "\n".join(lines)


def test_the_control_tick_allocates_nothing_on_c_types(counted):
    """Idle, charging and faulted, with the heap locked."""
    assert not counted.allocates


def test_a_second_run_counts_the_same(counted):
    """The emulator's instruction counter is exact."""
    again = count.count(["tick"]).counts
    assert again == {name: counted.counts[name] for name in again}


def test_a_count_above_its_budget_is_reported():
    """Six percent above and without a budget; five percent are within, and so are a few thousand instructions."""
    counts = {"a": 1060000, "b": 1050000, "c": 1, "d": 9000}
    assert count.exceeded(counts, {"a": 1000000, "b": 1000000, "d": 5000}) == [
        "a: 1,060,000 instructions, +6.0% of the budget of 1,000,000",
        "c: 1 instructions, no budget; count.py --write sets it",
    ]


def test_the_image_holds_firmware_board_and_tests():
    """The target runs the files of this checkout."""
    places = image.files()
    assert {"firmware/charger/app.py", "sim/machine.py", "bare/board.py", "target/runner.py"} <= set(places)
