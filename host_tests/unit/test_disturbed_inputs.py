"""One disturbed reading of an input opens nothing and latches nothing, and what is really there still acts in time.

docs/SAFETY.md, "Inputs", has a row for each input that names its test here.
"""

from card_polls import listen
from check import equal, true
from flaw_commands import do
from rig import Rig, charging_rig

from charger.outlet import derating
from sim import ev, timebase


def _charging(**settings):
    rig = Rig(**settings)
    rig.charge()
    return rig


def _disturbed(rig, name, ms, **args):
    """Disturb an input 3 ms after a tick; (openings, codes) within the next second."""
    openings = rig.outlet.switch.openings
    timebase.advance(3)
    do("disturb", input=name, ms=ms, **args)
    rig.tick_after(17)
    codes = set(rig.codes())
    for _ in range(50):
        rig.tick()
        codes.update(rig.codes())
    return rig.outlet.switch.openings - openings, sorted(codes)


def test_one_wrong_reading_of_the_pilot_opens_nothing():
    """F-E7's kind: 20 ms of any voltage but state A's; a plug that is pulled opens at the first reading (CP-24)."""
    rig = _charging()
    for mv in (-12000, -6000, 0, 3000, 4500, 7500, 9000, 10500):
        equal((mv, _disturbed(rig, "pilot", 18, mv=mv)), (mv, (0, [])))
    equal(_disturbed(rig, "pilot", 18, mv=12000), (1, []))


def test_two_wrong_readings_of_the_pilot_open_and_a_late_tick_waits_for_no_second_one():
    for mv in (-12000, 0, 3000, 9000):
        rig = _charging()
        equal((mv, _disturbed(rig, "pilot", 38, mv=mv)[0]), (mv, 1))
    rig = _charging()
    timebase.advance(40)
    do("disturb", input="pilot", ms=25, mv=0)
    openings = rig.outlet.switch.openings
    rig._tick(40)
    equal(rig.outlet.switch.openings, openings + 1)


def test_two_wrong_readings_of_the_bolt_open_nothing_and_three_do():
    rig = _charging()
    equal(_disturbed(rig, "lock", 38), (0, []))
    equal(_disturbed(rig, "lock", 70)[0], 1)


def test_a_wrong_reading_of_the_contactors_feedback_changes_nothing():
    rig = _charging()
    states = set()
    rig.after_tick = lambda rig: states.add(rig.outlet.energised)
    equal(_disturbed(rig, "feedback", 18), (0, []))
    equal(states, {True})


def test_a_wrong_reading_of_the_main_feedback_leaves_the_second_contactor_closed():
    rig = _charging(CompositeScheduleDefaultNumberPhases="3", ConnectorSwitch3to1PhaseSupported="true")
    second = rig.side.second
    operations = second.operations
    for name in ("feedback", "second_feedback"):
        equal((name, _disturbed(rig, name, 18)), (name, (0, [])))
    equal((second.closed, second.operations), (True, operations))


def test_a_fault_that_flickers_is_not_over_before_a_second_without_it():
    rig = charging_rig()
    for _ in range(5):
        rig.world.set_fault("OtherError", 1, True)
        rig.run(200)
        equal(rig.codes(), ["OtherError"])
        rig.world.set_fault("OtherError", 1, False)
        rig.run(900)
        equal(rig.codes(), ["OtherError"])
    rig.run(200)
    equal(rig.codes(), [])


def test_a_wrong_reading_of_the_trip_input_latches_only_with_the_contactor_closed():
    rig = Rig()
    rig.side.plug(ev.ASKING)
    rig.run(2000)
    equal(_disturbed(rig, "trip", 18), (0, []))
    equal(_disturbed(rig, "trip", 100)[1], ["GroundFailure"])
    rig = _charging()
    equal(_disturbed(rig, "trip", 1), (1, ["GroundFailure"]))


def test_a_leak_with_the_contactor_open_still_latches():
    rig = Rig()
    rig.side.plug(ev.ASKING)
    rig.run(2000)
    rig.world.set_fault("GroundFailure", 1, True)
    rig.run(200)
    rig.world.set_fault("GroundFailure", 1, False)
    rig.run(5000)
    equal(rig.codes(), ["GroundFailure"])


def test_wrong_readings_of_the_switched_inputs():
    """Two readings of the fault inputs and of the rails, four of the lid."""
    rig = _charging()
    for name, ms in (("outlet_fault", 38), ("fault", 38), ("rails", 38), ("tamper", 90)):
        equal((name, _disturbed(rig, name, ms)), (name, (0, [])))
    for name, ms in (("outlet_fault", 70), ("fault", 70), ("rails", 70), ("tamper", 150)):
        rig = _charging()
        equal((name, _disturbed(rig, name, ms)[0]), (name, 1))


def test_wrong_readings_of_the_coding_open_nothing():
    rig = _charging()
    for mv in (0, 90, 400, 900, 3300):
        equal((mv, _disturbed(rig, "proximity", 70, mv=mv)), (mv, (0, [])))
    equal(_disturbed(rig, "proximity", 150, mv=0), (1, ["OtherError"]))


def test_one_wrong_reading_of_the_thermistor_lowers_and_opens_nothing_and_two_count():
    rig = _charging()
    outlet = rig.outlet
    derating.step(outlet)
    limit_da = outlet.limits.decision[1]
    for mv in (0, 100, 400, 500, 3300):
        do("disturb", input="ntc", ms=25, mv=mv)
        derating.step(outlet)
        rig.run(1000)
        equal((mv, rig.codes(), outlet.limits.decision[1], rig.contacts_closed()), (mv, [], limit_da, True))
        derating.step(outlet)
    do("disturb", input="ntc", ms=3000, mv=3300)
    for _ in range(2):
        derating.step(outlet)
        rig.run(1000)
    equal(rig.codes(), ["HighTemperature"])


def test_heat_that_rises_as_fast_as_anything_does_is_noticed_within_two_readings():
    rig = _charging()
    rig.world.set_fault("HighTemperature", 1, True)
    for _ in range(4):
        rig.run(1000)
        derating.step(rig.outlet)
    rig.run(400)
    equal(rig.codes(), ["HighTemperature"])


# --- the meter ---
KINDS = ("ADE7953", "ADE7953-SPI", "BL0942", "CSE7766", "ATM90E32")


def _metered(kind):
    settings = {"CompositeScheduleDefaultNumberPhases": "3"} if kind == "ATM90E32" else {}
    return _charging(MeterKind=kind, **settings)


def test_one_absurd_frame_with_a_right_checksum_is_no_measurement():
    for kind in KINDS:
        rig = _metered(kind)
        for what in ("power", "voltage", "current"):
            openings = rig.outlet.switch.openings
            do("meter", absurd=what, ms=220)
            rig.run(2000)
            equal((kind, what, rig.codes(), rig.outlet.switch.openings - openings), (kind, what, [], 0))


def test_a_frozen_chip_is_a_fault_within_20_s_and_charging_goes_on_when_it_lives_again():
    """The CSE7766 stands still without load as well (F-E12), so that only a minute of equal voltages tells the two apart."""
    for kind in KINDS:
        rig = _metered(kind)
        do("meter", frozen=True)
        rig.run(80000 if kind == "CSE7766" else 20000)
        equal((kind, rig.meters[0].reading.fault, rig.codes()), (kind, "frozen", ["PowerMeterFailure"]))
        do("meter", frozen=False)
        rig.until(rig.contacts_closed, 60000)
        equal((kind, rig.meters[0].reading.valid), (kind, True))


def _poll_until(rig, valid, within_ms):
    """Poll the meter as its task does until its reading is valid, or is no more."""
    meter = rig.meters[0]
    while meter.reading.valid is not valid:
        timebase.advance(meter.poll_ms)
        rig.side.sync()
        meter.poll()
        within_ms -= meter.poll_ms
        true(within_ms > 0, (meter.kind, meter.reading.fault))


def test_a_frozen_modbus_meter_is_a_fault_as_well():
    """One that does not change for a minute, without a load; an SDM630 has the same driver."""
    rig = Rig(MeterKind="SDM120")
    meter = rig.meters[0]
    _poll_until(rig, True, 5000)
    do("meter", frozen=True)
    _poll_until(rig, False, 62000)
    equal(meter.reading.fault, "frozen")


def test_a_frozen_transformer_is_no_meter_that_sees_the_mains():
    """An ADC that stands still is no sine: no voltage, or no measurement at all."""
    rig = Rig(MeterKind="CT")
    meter = rig.meters[0]
    _poll_until(rig, True, 5000)
    do("meter", frozen=True)
    for _ in range(100):
        timebase.advance(meter.poll_ms)
        rig.side.sync()
        meter.poll()
        if not meter.reading.valid or meter.reading.v_mv[0] == 0:
            return
    true(False, meter.reading.v_mv)


def test_a_steady_world_is_not_frozen():
    """Mains and load that never change: the chips have noise. 200 s under load, 200 s without."""
    for kind in KINDS:
        rig = _metered(kind)
        meter = rig.meters[0]
        for want in (ev.ASKING, ev.IDLE):
            rig.side.plug(want)
            for _ in range(200 * 5):
                timebase.advance(200)
                rig.side.sync()
                meter.poll()
                true(meter.reading.valid, (kind, want, meter.reading.fault))


# --- the card reader ---


def _reader(rig):
    from charger.drivers import readers

    return readers.make(rig.board.OUTLETS[0]["reader"])


def test_the_rest_of_a_frame_is_not_added_to_one_that_broke_off():
    rig = Rig()
    reader = _reader(rig)
    do("card_bytes", hex="0241414141")
    equal(listen(reader, 2000), [])
    do("card_bytes", hex="424242420d0a03")
    equal(listen(reader, 500), [])
    do("card_bytes", hex="0241414141")
    do("card_bytes", hex="0242424242" + "0d0a03")
    equal(listen(reader, 500), ["BBBB"])
    equal(reader.failed, False)


def test_two_cards_that_lie_there_together_are_reported_once_each():
    rig = Rig()
    reader = _reader(rig)
    tags = []
    for _ in range(10):
        rig.side.reader.swipe("ONE")
        tags += listen(reader, 300)
        rig.side.reader.swipe("TWO")
        tags += listen(reader, 300)
    equal(tags, ["ONE", "TWO"])
    tags = listen(reader, 1500)
    rig.side.reader.swipe("ONE")
    equal(listen(reader, 300), ["ONE"])


def test_one_burst_of_noise_is_no_failed_reader_and_a_failed_one_recovers_in_quiet():
    rig = Rig()
    reader = _reader(rig)
    do("card_bytes", hex="8f01e3558f01e355")
    listen(reader, 300)
    equal(reader.failed, False)
    for _ in range(4):
        do("card_bytes", hex="8f01e355")
        listen(reader, 300)
    equal(reader.failed, True)
    listen(reader, 61000)
    equal(reader.failed, False)


def test_a_card_is_taken_days_after_it_was_shown_last():
    """The ticks wrap after twelve days, and a difference over half of that is negative."""
    rig = Rig()
    reader = _reader(rig)
    for _ in range(3):
        rig.side.reader.swipe("CARD")
        equal(listen(reader, 300), ["CARD"])
        for _ in range(8):
            timebase.advance(86400000)
            rig.side.sync()
        equal(listen(reader, 2200), [])


def test_a_held_up_interpreter_loses_no_card_and_reports_none_twice():
    """A poll that comes 0.8 or 5 s late finds the rest of the frame in the UART, or the card that lay there all the time."""
    rig = Rig()
    reader = _reader(rig)
    for late_ms in (800, 5000):
        do("card_bytes", hex="0241414141")
        equal(listen(reader, 100), [])
        do("card_bytes", hex="424242420d0a03")
        timebase.advance(late_ms)
        equal(reader.poll(), "AAAABBBB")
        listen(reader, 2200)
        rig.side.reader.lay("CARD", 300)
        equal(listen(reader, 2000), ["CARD"])
        timebase.advance(late_ms)
        equal(listen(reader, 2000), [])
        rig.side.reader.lift()
        listen(reader, 2200)
