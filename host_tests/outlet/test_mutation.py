"""Tests that would pass without the guards are no tests: each check taken out is noticed (tools/mutate.py)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import mutate


@pytest.mark.parametrize("name", mutate.MUTATIONS)
def test_removed_check_fails_a_test(name):
    survived, noticed = mutate.mutant(name)
    assert not survived, f"without {name} all tests of the outlet pass"
    assert noticed == mutate.NOTICED_BY[name]


def test_the_firmware_itself_passes_the_tests_that_notice():
    """The others are not run again: they are in unit/test_outlet.py and unit/test_outlet_guards.py."""
    assert mutate.survives(mutate.ROOT / "firmware", set(mutate.NOTICED_BY.values()), alone=True) == (True, "")
