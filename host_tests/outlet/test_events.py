"""Random events thrown at the outlet, with the invariants held after every tick (hypothesis; the outlet in MicroPython)."""

import json
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mpy.interpreter import ROOT
from mpy.json_script import JsonScript

FAULTS = (
    "OtherError", "GroundFailure", "OverCurrentFailure", "HighTemperature", "UnderVoltage", "OverVoltage",
    "PowerMeterFailure", "PowerSwitchFailure", "ConnectorLockFailure", "InternalError", "EVCommunicationError", "diode",
    "pilot_short", "pe_lost", "tamper", "contactor_stuck", "rcd_dead", "rcd_stuck", "ntc_open", "ntc_short", "supply_lost",
)
EVENTS_A_RUN = 250
BROKEN = ROOT / "build" / "broken_events.json"  # the last run that broke an invariant: a line for on_device.py
SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
RUNS = 400 if SOAK else 24  # of 250 events: 100,000 in `make soak`, else 6,000


SOON = st.integers(0, 6)


def _event(do, ticks=SOON, **fields):
    return st.fixed_dictionaries({"do": st.just(do), "ticks": ticks, **fields})


def _world(cmd, ticks=SOON, **args):
    """A command of the control port (docs/SIMULATION.md, "The electrical world")."""
    return _event("world", ticks, args=st.fixed_dictionaries({"cmd": st.just(cmd), **args}))


def _of(*values):
    return st.sampled_from(values)


INPUTS = ("pilot", "proximity", "ntc", "trip", "feedback", "second_feedback", "lock", "outlet_fault", "tamper", "fault", "rails")
# Half of the values of a setting are nominal, so that the world recovers.
DISTURBANCES = st.one_of(
    _world("ev", adapt_ms=_of(400, 400, 4000, 6500), stop_ms=_of(800, 800, 2500, 9000), reaction_ms=_of(0, 1000, 8000)),
    _world("ev", overshoot_percent=_of(0, 0, 8, 40), inrush_amps=_of(0, 0, 160), inrush_ms=_of(10, 100)),
    _world("ev", steps=_of("", "", "50,19,100,0", "100,0", "140,140,140,0"), step_ms=_of(40, 250, 1000)),
    _world("ev", rise_amps_per_s=_of(10, 10, 1, 1000), fall_amps_per_s=_of(30, 30, 4, 1000)),
    _world("ev", standby_ma=_of(0, 300), sleep_ms=_of(0, 0, 5000), give_up=_of(0, 0, 3), holds_s2=_of(False, False, True)),
    _world("ev", phases=_of(1, 2, 3), max_amps=_of(32, 32, 16, 6), power_factor=_of(1, 1, 0.6)),
    _world("pilot", noise_mv=_of(0, 0, 60, 150), glitch_mv=_of(5000, -9000), glitch_every=_of(0, 0, 37, 101)),
    _world("pilot", ring_mv=_of(0, 0, 1500), ring_us=st.just(40), edge_us=_of(14, 14, 30)),
    _world("pilot", burst_mv=_of(3000, -9000), burst_us=_of(0, 900, 3000, 20000), drift_mv=_of(0, 0, 60, -60)),
    _world("adc", locked=st.booleans(), drift_ppm=_of(0, 0, 37, -500)),
    _world("pilot", plus_mv=_of(12000, 12000, 11450, 12550, 10900), minus_mv=_of(-12000, -12000, -11450, -12550, -10500)),
    _world("adc", max_mv=_of(3300, 3300, 3060), min_mv=_of(0, 0, 142), bow_mv=_of(0, 0, 10), noise_mv=_of(0, 0, 15)),
    _world("mains", ohms=_of(0, 0, 0.3, 0.5), flicker_percent=_of(0, 0, 10, 25), flicker_ms=_of(200, 4000)),
    _world("mains", volts=_of(230, 230, 190, 0), lost_phase=_of(0, 0, 0, 2), neutral_shift_percent=_of(0, 0, 20, 60)),
    _world("contactor", close_ms=_of(15, 15, 29, 400), open_ms=_of(10, 10, 19, 400), bounce_ms=_of(3, 3, 30)),
    _world("contactor", auxiliary=_of("true", "true", "true", "open", "closed"), drop_out_volts=_of(0, 0, 150)),
    _world("contactor", welded_pole=_of(0, 0, 1, 3)),
    _world("contactor", second=st.just(True), close_ms=_of(15, 29, 400), bounce_ms=_of(3, 30), welded_pole=_of(0, 0, 2)),
    _world("contactor", second=st.just(True), auxiliary=_of("true", "true", "open", "closed"), stuck=_of(False, False, True)),
    _world("contactor", second=st.just(True), welded=_of(False, False, True), open_ms=_of(10, 19), leaks_volts=_of(0, 60)),
    _world("monitor", latching=_of(False, True), reset=st.just(True), release_ms=_of(20, 20, 1500), test_ms=_of(20, 20, 180)),
    _world("monitor", reset=st.just(True), trip_ms=_of(20, 200)),
    _world("meter", frozen=_of(False, False, True), offset_ma=_of(0, 300), offset_w=_of(0, 30, -30)),
    _world("meter", stale=st.booleans()),
    _world("meter", absurd=_of("power", "voltage", "current"), ms=_of(200, 1500)),
    _world("lock", jams=_of(0, 0, 1, 3), sticks=_of(0, 0, 1, 9), move_ms=_of(250, 250, 900)),
    _world("disturb", input=_of(*INPUTS), ms=_of(1, 18, 38, 300), mv=_of(-12000, -6000, 0, 400, 3000, 4500, 7500, 9000, 12000)),
    _world("plug_in", st.integers(5, 90), cp_after_ms=_of(0, 250), pp_after_ms=_of(0, 250, 1500)),
    _world("plug_out", st.integers(1, 20), cp_after_ms=_of(0, 250), pp_after_ms=_of(0, 250)),
    _world("lay_card", st.integers(5, 60), token=_of("ONE", "TWO"), every_ms=_of(100, 500)),
    _world("lift_card"),
    _world("card_bytes", hex=_of("02414141", "4242420d0a03", "024f4e450d0a03", "8f01e35500ff")),
    _world("flash_time", time=_of("typical", "worst")),
    _event("erase"),
    _event("brown_out", off_ms=_of(0, 40, 500, 3000)),
    _event("fault", name=st.just("leak_in_car"), on=st.booleans()),
    _event("phases", phases=_of(1, 3)),
)


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
    _event("restart", off_ms=_of(0, 40, 500, 3000)),
    _event("mend"),
    _event("mend"),
    _event("mend"),
    DISTURBANCES,
    DISTURBANCES,
    DISTURBANCES,
    DISTURBANCES,
    DISTURBANCES,
)


# The unit that a run is played on: its meter, its phases, the contacts of its contactors, and what a conversion takes.
UNITS = st.fixed_dictionaries({
    "phases": _of(1, 3),
    "meter": _of("ADE7953", "BL0942", "CSE7766"),  # of one phase
    "settings": st.fixed_dictionaries({
        "ContactorActive": _of("1", "0"),
        "ContactorContact": _of("normally_open", "mirror", "voltage"),
        "AdcConversionUs": _of("30", "45", "100", "200"),
    }),
})  # fmt: skip


# Only what concerns the cable: its coding, its plug, state F by a fault, the self-test, restarts and held-up ticks.
CABLE_EVENT = st.one_of(
    CAR_COMES,
    _event("plug", want=st.integers(0, 2)),
    _event("plug", _of(0, 1, 5, 20), want=st.just(0)),
    _world("plug_in", _of(0, 5, 30, 90), cp_after_ms=_of(0, 250), pp_after_ms=_of(0, 250, 1500)),
    _world("plug_out", _of(0, 1, 5, 20), cp_after_ms=_of(0, 250), pp_after_ms=_of(0, 250)),
    _event("cable", ohm=_of(1500, 680, 220, 220, 100, 350, 5)),
    _event("cable", ohm=_of(1500, 680, 220, 220, 100)),
    _world("disturb", input=_of("proximity", "pilot", "trip"), ms=_of(1, 18, 38, 300), mv=_of(-12000, -6000, 0, 400, 3000, 9000)),
    _event("late", late=_of(101, 300, 500, 3000)),
    _event("fault", name=_of("GroundFailure", "rcd_dead", "diode", "pilot_short"), on=_of(False, False, True)),
    _event("restart", off_ms=_of(0, 40, 500, 3000)),
    _event("permit", _of(0, 5, 100), on=_of(True, True, True, False)),
    _event("acknowledge"),
    _event("erase"),
    _event("wait", _of(1, 20, 60)),
)


def _play(event, word, runs, number):
    """Draw so many lists of events and play them; what was played, and the causes of openings under load."""
    device = JsonScript("host_tests/outlet/on_device.py", word)
    played = {"events": 0, "ticks": 0, "openings": 0}
    hot: Counter[str] = Counter()

    # No shrinking: a run is played from its start each time, and the message names the event that broke it.
    @settings(
        max_examples=runs, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
    )  # fmt: skip
    @given(st.lists(event, min_size=EVENTS_A_RUN, max_size=EVENTS_A_RUN), UNITS)
    def run(events, unit):
        result = device.call({"events": events, "unit": unit})
        if "broken" in result:
            BROKEN.parent.mkdir(exist_ok=True)
            BROKEN.write_text(json.dumps({"events": events, "unit": unit}) + "\n")
        assert "broken" not in result, (unit, result)
        for name in played:
            played[name] += result[name]
        hot.update(result["hot"])

    try:
        (run if SOAK else seed(number)(run))()
    finally:
        device.close()
    assert played["events"] >= runs * EVENTS_A_RUN
    print(f"{played}, under load: {dict(hot)}")


# In parts, so that none comes near the time limit of a test on a busy machine: each has its number as the seed.
@pytest.mark.parametrize(("word", "runs", "number"), [*((64, RUNS // 8, part) for part in range(1, 9)), (32, RUNS // 20, 9)])
def test_no_sequence_of_events_closes_what_must_stay_open(word, runs, number):
    """Random events: CP-9, 15, 22, 24 to 26, 31, 40, 44, 45, 50, and a limit is a limit as long as it is valid."""
    _play(EVENT, word, runs, number)


def test_no_sequence_of_plugs_and_codings_reports_a_cable_without_its_cause():
    """CP-35 to CP-37, also in state F, after its end, and after the plug has left."""
    _play(CABLE_EVENT, 64, RUNS // 12, 10)


@pytest.mark.parametrize(("before", "after"), [
    ({"do": "cable", "ohm": 680}, "Proximity"),
    ({"do": "world", "args": {"cmd": "disturb", "input": "trip", "ms": 1}}, "ResidualCurrent"),
], ids=["coding", "trip"])  # fmt: skip
def test_what_happens_in_a_held_up_tick_counts_as_a_cause(before, after):
    """The report comes after a hold-up that is longer than the event: the check has to know the event all the same."""
    device = JsonScript("host_tests/outlet/on_device.py")
    unit = {"phases": 1, "meter": "ADE7953", "settings": {"ContactorActive": "1", "ContactorContact": "normally_open"}}
    events = [
        {"do": "plug", "want": 2, "ticks": 60}, {"do": "permit", "on": True, "ticks": 800},
        {"ticks": 0, **before}, {"do": "late", "late": 500, "ticks": 0}, {"do": "wait", "ticks": 50},
    ]  # fmt: skip
    try:
        result = device.call({"events": events, "unit": unit})
    finally:
        device.close()
    assert "broken" not in result, result
    assert after in result["reported"], "it was reported"
