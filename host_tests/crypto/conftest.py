"""Both interpreters, and a random generator whose seed a failing test shows."""

import random
import secrets

import pytest

from crypto.device import Device


@pytest.fixture(params=(64, 32))
def device(request: pytest.FixtureRequest) -> Device:
    """The code under test on each word size."""
    return Device(request.param)


@pytest.fixture
def rng(record_property) -> random.Random:
    """Random choices; the seed is printed, which pytest shows when the test fails."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    record_property("seed", seed)
    return random.Random(seed)
