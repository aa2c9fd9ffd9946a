"""Random events thrown at the outlet, with the invariants held after every tick (hypothesis; the outlet in MicroPython)."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mpy.json_script import JsonScript

FAULTS = (
    "OtherError", "GroundFailure", "OverCurrentFailure", "HighTemperature", "UnderVoltage", "OverVoltage",
    "PowerMeterFailure", "PowerSwitchFailure", "ConnectorLockFailure", "InternalError", "EVCommunicationError", "diode",
    "pilot_short", "pe_lost", "tamper", "contactor_stuck", "rcd_dead", "rcd_stuck", "ntc_open", "ntc_short", "supply_lost",
)
EVENTS_A_RUN = 250
SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
RUNS = 400 if SOAK else 60  # of 250 events: 100,000 in `make soak`, else 15,000


SOON = st.integers(0, 6)


def _event(do, ticks=SOON, **fields):
    return st.fixed_dictionaries({"do": st.just(do), "ticks": ticks, **fields})


DA = st.none() | st.integers(0, 400)
VALID = st.none() | st.integers(0, 10)  # s
CAR_COMES = _event("plug", st.integers(10, 90), want=st.just(2))
EVENT = st.one_of(
    CAR_COMES,
    CAR_COMES,
    _event("plug", want=st.integers(0, 3)),
    _event("permit", st.integers(10, 100), on=st.just(True)),
    _event("permit", on=st.booleans()),
    _event("available", on=st.sampled_from((True, True, False))),
    _event("fault", name=st.sampled_from(FAULTS), on=st.sampled_from((False, False, True))),
    _event("fault", st.integers(5, 40), name=st.sampled_from(FAULTS), on=st.just(False)),
    _event("limit", source=st.sampled_from(("csms", "user")), da=DA, kind=st.just(1), valid_s=VALID),
    _event("limit", source=st.just("supply"), da=DA, kind=st.just(0), valid_s=VALID),
    _event("clock", utc=st.integers(946684800, 4102444800)),
    _event("network", on=st.booleans()),
    _event("cable", ohm=st.sampled_from((1500, 680, 220, 220, 220, 100, 350, 5))),
    _event("car", simplified=st.sampled_from((False, False, True)), obeys=st.sampled_from((True, True, False))),
    _event("mains", volts=st.sampled_from((230, 230, 230, 150, 290))),
    _event("wait", st.integers(1, 150)),
    _event("late", late=st.integers(101, 3000)),
    _event("acknowledge"),
    _event("restart"),
)


@pytest.mark.parametrize(("word", "runs", "number"), [(64, RUNS // 2, 1), (64, RUNS // 2, 2), (32, RUNS // 20, 3)],
                         ids=["64a", "64b", "32"])
def test_no_sequence_of_events_closes_what_must_stay_open(word, runs, number):
    """Random events: CP-9, 15, 22, 24 to 26, 31, 40, 44, 45, 50, and a limit is a limit as long as it is valid."""
    device = JsonScript("host_tests/outlet/on_device.py", word)
    played = {"events": 0, "ticks": 0}

    # No shrinking: a run is played from its start each time, and the message names the event that broke it.
    @settings(
        max_examples=runs, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
    )  # fmt: skip
    @given(st.lists(EVENT, min_size=EVENTS_A_RUN, max_size=EVENTS_A_RUN))
    def run(events):
        result = device.call(events)
        assert "broken" not in result, result
        played["events"] += result["events"]
        played["ticks"] += result["ticks"]

    try:
        (run if SOAK else seed(number)(run))()
    finally:
        device.close()
    assert played["events"] >= runs * EVENTS_A_RUN
    print(f"{played['events']} events, {played['ticks']} ticks")
