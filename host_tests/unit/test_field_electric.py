"""Cases from the field of cars, mains and parts (docs/FIELD_CASES.md): real drivers in the simulated world."""

from check import equal, raises, true
from rig import Rig, charging_rig

from sim import ev, timebase


def test_f_e2_a_restart_under_a_closed_s2_offers_the_full_current():
    """CP-15: a car that was plugged before the start may have seen a PWM; only one whose plug was seen is simplified."""
    rig = Rig()
    rig.charge()
    rig.side.ev.stop_ms = 1000000
    rig.restart()
    rig.outlet.permit = True
    rig.until(rig.contacts_closed, 15000)
    rig.run(6000)
    equal((rig.outlet.simplified, rig.outlet.offered_da), (False, 320))


def test_f_e3_a_card_that_lies_there_is_reported_once_until_it_was_away_for_two_seconds():
    from charger.drivers import readers

    rig = Rig()
    reader = readers.make(rig.board.OUTLETS[0]["reader"])
    polled = []

    def listen(ms):
        for _ in range(ms // 100):
            timebase.advance(100)
            polled.append(reader.poll())

    for every_ms in (100, 300, 500, 800, 1500):  # the last: each 500 ms with two frames in a row lost
        rig.side.reader.lay("CARD", every_ms)
        listen(10000)
        rig.side.reader.lift()
        listen(2200)
        equal([tag for tag in polled if tag], ["CARD"])
        polled.clear()
    rig.side.reader.swipe("CARD")
    listen(500)
    rig.side.reader.swipe("OTHER")
    listen(500)
    equal([tag for tag in polled if tag], ["CARD", "OTHER"])


def test_f_e8_a_monitor_that_answers_as_slowly_as_the_board_says_charges_and_a_slower_one_does_not():
    cases = ((1500, 20, True), (20, 1500, True), (1500, 1500, True), (1700, 20, False), (20, 1700, False))
    for test_ms, release_ms, closes in cases:
        rig = Rig()
        rig.board.OUTLETS[0]["rcd"]["answer_ms"] = rig.board.OUTLETS[0]["rcd"]["release_ms"] = 1600
        rig.side.rcd.test_ms, rig.side.rcd.release_ms = test_ms, release_ms
        rig.restart()
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        rig.run(12000)
        equal((test_ms, release_ms, rig.contacts_closed()), (test_ms, release_ms, closes))


def test_f_e10_an_open_thermistor_at_the_ceiling_of_an_esp32_is_invalid():
    rig = Rig()
    thermometer = rig.outlet.thermometer
    for max_mv in (3060, 3100, 3209, 3300):
        rig.side.adc_max_uv = max_mv * 1000
        rig.world.set_fault("ntc_open", 1, True)
        thermometer.read()
        equal((max_mv, thermometer.valid), (max_mv, False))
        rig.run(400)
        equal(rig.outlet.fault.CODE, "HighTemperature")
        rig.world.set_fault("ntc_open", 1, False)
        thermometer.read()
        true(thermometer.valid)
    rig.side.temperature_mc = rig.side.target_mc = -20000
    rig.side.refresh()
    thermometer.read()
    true(thermometer.valid and -210 <= thermometer.value_dc <= -190, thermometer.value_dc)


def test_f_e12_a_chip_that_repeats_the_registers_of_the_last_load_shows_0_w_within_a_second():
    rig = Rig(MeterKind="CSE7766")
    rig.side.meter.stale = True
    rig.charge()
    true(rig.meters[0].reading.p_mw[0] > 7000000, rig.meters[0].reading.p_mw[0])
    rig.side.plug(ev.IDLE)
    rig.run(1000)
    reading = rig.meters[0].reading
    equal((reading.p_mw[0], reading.i_ma[0], reading.valid), (0, 0, True))
    rig.side.plug(ev.ASKING)
    rig.until(lambda: rig.meters[0].reading.i_ma[0] > 30000, 15000)


def test_f_e9_a_trip_shorter_than_a_tick_latches_and_the_contactor_stays_open():
    """CP-44: the monitor lets go as soon as the current ends; the edge itself opens and latches."""
    for moment in range(0, 20, 6):
        rig = Rig()
        rig.side.rcd.release_ms = 1
        rig.side.contactor.open_ms = 2
        rig.charge()
        operations = rig.side.contactor.operations
        timebase.advance(moment)
        rig.world.set_fault("leak_in_car", 1, True)
        rig.tick_after(20 - moment)
        rig.run(8000)
        equal((rig.side.contactor.operations, rig.side.rcd.tripped), (operations, False))
        equal(rig.outlet.fault.CODE, "GroundFailure")


def test_f_e9_the_edge_itself_releases_the_coil_before_any_tick():
    rig = Rig()
    rig.charge()
    rig.world.set_fault("leak_in_car", 1, True)
    timebase.advance(rig.side.rcd.trip_ms + 2)
    equal((rig.outlet.contactor.commanded, rig.codes()), (False, []))
    rig.tick()
    equal(rig.outlet.fault.CODE, "GroundFailure")


def test_f_e9_a_trip_within_the_tick_that_closes_opens_in_the_next_one():
    """After the tick has read the input and before the contactor is told to close: no edge counts then, the level does."""
    rig = Rig()
    monitor = rig.side.rcd
    close = rig.outlet.switch.close

    def trips_before():
        monitor.stuck = monitor.tripped = True
        timebase.advance(1)
        close()

    rig.outlet.switch.close = trips_before
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.until(lambda: rig.outlet.contactor.commanded)
    equal(rig.codes(), [])
    rig.tick()
    equal((rig.outlet.contactor.commanded, rig.codes()), (False, ["GroundFailure"]))


def test_f_e18_a_bolt_that_jams_once_or_twice_locks_and_a_third_time_is_reported():
    for jams, closes in ((1, True), (2, True), (3, False)):
        rig = Rig()
        rig.side.lock.jams = jams
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        rig.run(12000)
        equal((jams, rig.contacts_closed()), (jams, closes))
        equal(rig.outlet.fault is None, closes)


def test_f_e18_a_coding_that_touches_250_ms_after_the_pilot_is_taken():
    rig = Rig()
    rig.outlet.permit = True
    ohm = rig.side.cable_ohm
    rig.side.cable_ohm = None
    rig.side.plug(ev.ASKING)
    rig.run(300)
    rig.side.cable_ohm = ohm
    rig.side.refresh()
    rig.run(6000)
    equal((rig.contacts_closed(), rig.outlet.fault, rig.outlet.offered_da), (True, None, 320))


def _lose_diode(rig, ms):
    rig.side.ev.diode = False
    rig.side.refresh()
    rig.run(ms)
    rig.side.ev.diode = True
    rig.side.refresh()


def test_f_e7_one_reading_without_the_negative_plateau_opens_nothing_and_a_short_loss_latches_nothing():
    rig = Rig()
    rig.charge()
    operations = rig.side.contactor.operations
    sense = rig.side.pilot_sense
    for uv in (600000, -600000):
        sense.burst_uv, sense.burst_us = uv, 1000  # the whole first reading of the next tick
        sense.refresh()
        rig.run(100)
        true(sense.burst_us <= 0)
    equal((rig.contacts_closed(), rig.outlet.fault, rig.side.contactor.operations), (True, None, operations))
    _lose_diode(rig, 60)
    equal((rig.contacts_closed(), rig.outlet.fault), (False, None))
    rig.until(rig.contacts_closed, 60000)
    rig = Rig()
    rig.charge()
    _lose_diode(rig, 300)
    rig.run(2000)
    equal((rig.contacts_closed(), rig.outlet.fault.CODE), (False, "EVCommunicationError"))


def test_f_e7_a_lost_diode_is_reported_as_that_alone_and_a_moment_of_state_d_latches_nothing():
    rig = Rig()
    rig.charge()
    seen = []
    rig.after_tick = lambda rig: seen.append(rig.outlet.fault and rig.outlet.fault.INFO)
    rig.side.plug(ev.VENTILATION)
    rig.run(120)
    rig.side.plug(ev.ASKING)
    rig.until(rig.contacts_closed, 9000)
    equal(set(seen), {None})
    _lose_diode(rig, 1000)
    rig.run(3000)
    equal(set(seen), {None, "No diode at the pilot of the vehicle"})


def test_f_e13_a_generator_out_of_range_with_nothing_plugged_is_an_internal_error():
    for plus_mv, minus_mv, code in ((12000, -10600, "InternalError"), (10700, -12000, "InternalError"), (12000, -12000, None)):
        rig = Rig()
        rig.side.circuit.plus_mv, rig.side.circuit.minus_mv = plus_mv, minus_mv
        rig.side.refresh()
        rig.restart()
        rig.run(8000)
        fault = rig.outlet.fault
        equal((plus_mv, minus_mv, fault and fault.CODE, rig.outlet.plugged), (plus_mv, minus_mv, code, False))
        rig.side.circuit.plus_mv, rig.side.circuit.minus_mv = 12000, -12000
        rig.side.refresh()
        rig.run(4000)
        equal(rig.outlet.fault, None)


def test_f_e13_the_hourly_test_of_the_generator_is_one_pulse_that_no_state_follows():
    rig = Rig()
    seen = []
    states = set()
    for _ in range(3600 + 100):  # a tick that is late by a second passes the time as well
        rig.tick(1000)
        if rig.outlet.driving_f:
            seen.append(rig.outlet.ticks)
        states.add(rig.outlet.state)
    equal((len(seen), len(states)), (1, 1))


def test_an_unknown_kind_of_card_reader_is_refused():
    from charger.drivers import readers

    raises(ValueError, readers.make, {"uart": 1, "kind": "wiegand"})


def test_f_e18_a_coding_that_touches_after_the_settle_time_charges_all_the_same_and_one_that_changes_does_not():
    rig = Rig()
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING, pp_after_ms=2500)
    rig.until(lambda: rig.outlet.fault is not None, 2000)
    equal((rig.codes(), rig.outlet.contactor.commanded), (["OtherError"], False))
    rig.until(lambda: rig.outlet.energised, 12000)
    equal((rig.outlet.offered_da, rig.codes()), (320, []))
    rig.side.cable_ohm = 680
    rig.side.refresh()
    rig.opens_within(300)
    rig.side.cable_ohm = 220
    rig.side.refresh()
    rig.run(15000)
    equal((rig.codes(), rig.outlet.contactor.commanded), (["OtherError"], False))
    rig.side.plug(ev.ABSENT)
    rig.run(2000)
    equal(rig.codes(), [])


def test_f_e8_a_monitor_that_starts_after_the_unit_latches_nothing_and_nothing_closes_before_it_has_started():
    for start_ms, latches in ((500, False), (2500, False), (4000, True)):
        rig = charging_rig()
        rig.world.set_fault("GroundFailure", 1, True)
        rig.restart()
        rig.outlet.permit = True
        rig.outlet.mark_long_open()
        for _ in range(start_ms // 20):
            rig.tick()
            equal(rig.outlet.contactor.commanded, False)
        rig.world.set_fault("GroundFailure", 1, False)
        rig.run(15000)
        equal((start_ms, rig.codes(), rig.outlet.energised), (start_ms, ["GroundFailure"] if latches else [], not latches))


def _latched(rig):
    """A leak while the car charges, which has ended; the latching monitor says "tripped" all the same."""
    rig.charge()
    rig.world.set_fault("GroundFailure", 1, True)
    rig.run(1000)
    rig.world.set_fault("GroundFailure", 1, False)
    rig.run(12000)
    equal((rig.codes(), rig.side.rcd.tripped, rig.contacts_closed()), (["GroundFailure"], True, False))


def test_f_e8_a_latching_monitor_is_reset_when_the_car_has_left_or_the_owner_acknowledges():
    rig = Rig(MonitorReset="true")
    rig.side.rcd.latching = True
    _latched(rig)
    rig.side.plug(ev.ABSENT)
    rig.run(3000)
    equal((rig.codes(), rig.side.rcd.tripped), ([], False))
    _latched(rig)
    operations = rig.side.contactor.operations
    rig.world.set_fault("GroundFailure", 1, True)
    rig.outlet.acknowledge()
    rig.run(15000)  # the current still flows, so that the monitor trips again
    rig.world.set_fault("GroundFailure", 1, False)
    rig.run(15000)
    equal((rig.codes(), rig.side.contactor.operations), (["GroundFailure"], operations))
    rig.outlet.acknowledge()
    rig.until(rig.contacts_closed, 20000)
    equal((rig.codes(), rig.side.rcd.tripped), ([], False))


def test_f_e8_a_latching_monitor_without_a_reset_input_stays_tripped_until_its_button_is_pressed():
    rig = Rig()
    rig.side.rcd.latching = True
    _latched(rig)
    rig.side.plug(ev.ABSENT)
    rig.outlet.acknowledge()
    rig.run(8000)
    equal(rig.codes(), ["GroundFailure"])
    rig.side.rcd.reset()
    rig.run(2000)
    equal(rig.codes(), [])
