"""The attack tests use the same chargers and the same back end as the black-box tests."""

from sim.conftest import (  # noqa: F401  (pytest finds fixtures by name in this module)
    charger,
    csms,
    frozen_interpreter,
    launch,
    pytest_runtest_makereport,
    second_opinion,
    word,
)
