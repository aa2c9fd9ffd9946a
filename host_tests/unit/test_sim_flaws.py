"""Each flaw of the electrical world that docs/SIMULATION.md lists is in the world, by its command of the control port."""

from check import equal, near, raises, true
from world_rig import Bench

from sim import control, ev, launch, timebase, world


def do(cmd, **args):
    """Send a command of the control port."""
    args["cmd"] = cmd
    reply, _ = control.answer(args)
    true(reply["ok"], reply)


def refused(cmd, **args):
    """Send a command that is refused."""
    args["cmd"] = cmd
    reply, _ = control.answer(args)
    true(not reply["ok"], reply)


def _amps(outlet):
    outlet.sync()
    return outlet.ev.i_ma // 1000


def _charging(**settings):
    bench = Bench(**settings)
    bench.charge()
    return bench


# --- cars ---


def test_a_car_sleeps_by_command():
    bench = Bench()
    do("ev", sleep_ms=5000)
    bench.outlet.plug(ev.ASKING)
    bench.offer(65535, 6000)
    bench.offer(34952, 5000)
    equal(bench.outlet.ev.s2, False)
    bench.offer(0, 1200)
    bench.offer(34952, 3000)
    equal(bench.outlet.ev.s2, True)


def test_a_car_gives_up_after_three_interruptions_until_it_is_unplugged():
    bench = _charging()
    do("ev", give_up=3)
    coil = bench.pin("contactor", "out")
    for n in range(3):
        true(bench.outlet.ev.s2, n)
        bench.drive("contactor", "out", 0, 1000)
        coil.value(1)
        bench.pass_ms(3000)
    bench.pass_ms(2000)
    equal((bench.outlet.ev.s2, bench.outlet.ev.interrupted), (False, 3))
    bench.outlet.plug(ev.ABSENT)
    bench.outlet.plug(ev.ASKING)
    bench.pass_ms(3000)
    equal(bench.outlet.ev.s2, True)


def test_a_car_that_opens_s2_itself_was_not_interrupted():
    bench = _charging()
    bench.offer(65535, 4000)
    bench.drive("contactor", "out", 0, 500)
    equal((bench.outlet.ev.s2, bench.outlet.ev.interrupted), (False, 0))


def test_s2_stays_closed_without_an_offer_and_over_a_restart():
    bench = _charging()
    do("ev", holds_s2=True)
    bench.offer(65535, 20000)
    equal((bench.outlet.ev.s2, _amps(bench.outlet)), (True, 0))
    after = world.fresh()
    after.restore(bench.world.snapshot())
    equal((after.outlets[0].ev.s2, after.outlets[0].ev.holds_s2), (True, True))


def test_a_car_follows_as_slowly_as_it_is_set():
    bench = _charging()
    do("ev", adapt_ms=5000)
    bench.offer(6554, 4500)
    near(_amps(bench.outlet), 31, 1)
    bench.pass_ms(3000)
    equal(_amps(bench.outlet), 6)


def test_a_car_overshoots_a_higher_offer_and_not_a_lower_one():
    bench = Bench()
    do("ev", overshoot_percent=20, overshoot_ms=1000)
    bench.charge(17476)  # 16 A
    highest = 0
    bench.outlet.set_duty(26214)  # 24 A
    for _ in range(300):
        timebase.advance(20)
        highest = max(highest, _amps(bench.outlet))
    equal((highest, _amps(bench.outlet)), (28, 24))
    bench.offer(17476, 4000)
    near(_amps(bench.outlet), 16, 1)


def test_inrush_and_standby_current():
    bench = Bench()
    do("ev", inrush_amps=150, inrush_ms=20, standby_ma=200)
    bench.outlet.plug(ev.ASKING)
    bench.offer(34952, 2000)
    bench.pin("contactor", "out").value(1)
    seen = []
    for _ in range(60):
        timebase.advance(1)
        bench.outlet.sync()
        seen.append(bench.outlet.ev.i_ma)
    near(sum([1 for ma in seen if ma == 150000]), 20, 3)
    equal(seen[-1], 200)
    bench.outlet.plug(ev.IDLE)
    bench.pass_ms(100)
    equal(bench.outlet.phase_ma(0), 200)
    bench.drive("contactor", "out", 0, 100)
    equal(bench.outlet.phase_ma(0), 0)


def test_cp_and_pp_touch_in_either_order():
    bench = Bench()
    do("plug_in", pp_after_ms=250)
    equal((bench.outlet.ev.want, bench.outlet.proximity_uv), (ev.ASKING, 3300000))
    bench.pass_ms(260)
    true(bench.outlet.proximity_uv < 1000000)
    do("plug_out", cp_after_ms=400)
    equal((bench.outlet.ev.want, bench.outlet.proximity_uv), (ev.ASKING, 3300000))
    bench.pass_ms(420)
    equal(bench.outlet.ev.want, ev.ABSENT)
    do("plug_in", cp_after_ms=100)
    true(bench.outlet.proximity_uv < 1000000)
    equal(bench.outlet.ev.want, ev.ABSENT)
    bench.pass_ms(120)
    equal(bench.outlet.ev.want, ev.ASKING)


# --- mains ---


def _volts(bench):
    bench.outlet.sample(0)
    return [mv // 1000 for mv in bench.outlet.v_mv]


def test_mains_sag_under_load_by_their_impedance():
    bench = _charging()
    do("mains", volts=188, ohms=0.3)
    near(_volts(bench)[0], 178, 1)
    bench.outlet.plug(ev.IDLE)
    equal(_volts(bench)[0], 188)


def test_a_phase_and_the_neutral_are_lost():
    bench = Bench(CompositeScheduleDefaultNumberPhases="3")
    bench.outlet.ev.phases = 3
    bench.charge()
    do("mains", lost_phase=2)
    equal((_volts(bench), [ma // 1000 for ma in bench.outlet.i_ma]), ([230, 0, 230], [31, 0, 31]))
    do("mains", lost_phase=0, neutral_shift_percent=30)
    equal(_volts(bench), [161, 271, 271])
    do("mains", neutral_shift_percent=100)
    equal(_volts(bench), [0, 398, 398])
    do("mains", neutral_shift_percent=0)
    equal((_volts(bench), bench.world.mains.even), ([230, 230, 230], True))


def test_mains_flicker():
    bench = Bench()
    do("mains", flicker_percent=10, flicker_ms=200)
    seen = set()
    for _ in range(40):
        timebase.advance(10)
        seen.add(_volts(bench)[0])
    equal(seen, {207, 230})


def test_a_coil_drops_out_when_the_supply_is_low():
    bench = _charging()
    do("contactor", drop_out_volts=150)
    do("mains", volts=140)
    bench.pass_ms(100)
    equal(bench.outlet.contactor.closed, False)


# --- pilot and ADC ---


def test_levels_of_the_generator_and_their_drift_with_temperature():
    bench = Bench()
    do("pilot", plus_mv=11500, minus_mv=-11200)
    bench.outlet.set_duty(32768)
    high, low = bench.plateaus_mv()
    near(high, 11500, 150)
    near(low, -11200, 150)
    do("pilot", plus_mv=12000, minus_mv=-12000, drift_mv=100)
    do("temperature", celsius=75)
    bench.pass_ms(3000)
    high, low = bench.plateaus_mv()
    near(high, 11500, 150)
    near(low, -11500, 150)


def test_noise_glitches_ringing_and_bursts_are_given_in_mv_at_the_pilot():
    bench = Bench()
    bench.outlet.set_duty(65535)
    do("pilot", noise_mv=150)
    high, low = bench.plateaus_mv()
    near(high - low, 300, 60)
    do("pilot", noise_mv=0, glitch_mv=-3000, glitch_every=50)
    high, low = bench.plateaus_mv()
    near(high - low, 3000, 100)
    do("pilot", glitch_every=0, ring_mv=1000, ring_us=60)
    high, low = bench.plateaus_mv()
    near(high - low, 0, 60)
    bench.outlet.set_duty(32768)
    true(bench.plateaus_mv()[0] > high + 600)


def test_the_adc_has_ends_a_curve_noise_and_a_conversion_time():
    import machine

    bench = Bench()
    ntc = machine.ADC(machine.Pin(bench.wiring["ntc"]["adc"]), atten=machine.ADC.ATTN_11DB)
    do("adc", bow_mv=40)
    near(ntc.read_uv(), 1690000, 1000)
    do("adc", bow_mv=0, noise_mv=20)
    seen = [ntc.read_uv() for _ in range(100)]
    near(max(seen) - min(seen), 40000, 4000)
    do("adc", noise_mv=0, min_mv=142, max_mv=3100)
    bench.world.set_fault("ntc_short", 1, True)
    equal(ntc.read_uv(), 142000)
    bench.world.set_fault("ntc_short", 1, False)
    bench.world.set_fault("ntc_open", 1, True)
    equal(ntc.read_uv(), 3100000)
    before = timebase.ticks_us()
    do("adc", conversion_us=200, locked=True, drift_ppm=20)
    bench.outlet.sample_uv()
    near(timebase.ticks_us() - before, 200, 10)
    refused("adc", conversion_us=2000)


# --- contactors, monitor, bolt ---


def test_the_times_and_the_bounce_of_a_contactor():
    bench = Bench()
    do("contactor", close_ms=400, open_ms=100, bounce_ms=20)
    bench.drive("contactor", "out", 1, 380)
    equal(bench.outlet.contactor.closed, False)
    bench.pass_ms(40)
    equal(bench.outlet.contactor.closed, True)
    bench.pass_ms(40)
    bench.drive("contactor", "out", 0, 80)
    equal(bench.outlet.contactor.closed, True)
    bench.pass_ms(40)
    equal(bench.outlet.contactor.closed, False)


def test_an_auxiliary_contact_that_has_stuck():
    bench = Bench()
    feedback = bench.pin("contactor", "feedback")
    do("contactor", auxiliary="closed")
    equal(feedback.value(), 1)
    do("contactor", auxiliary="open")
    bench.drive("contactor", "out", 1, 100)
    equal((bench.outlet.contactor.closed, feedback.value()), (True, 0))
    do("contactor", auxiliary="true")
    equal(feedback.value(), 1)
    refused("contactor", auxiliary="both")
    refused("contactor", second=True)


def test_one_welded_pole_is_seen_by_a_mirror_contact_and_by_its_own_voltage():
    bench = _charging(ContactorContact="mirror")
    do("contactor", welded_pole=1)
    bench.drive("contactor", "out", 0, 100)
    equal((bench.outlet.contactor.closed, bench.pin("contactor", "feedback").value()), (False, 0))
    do("contactor", welded_pole=0)
    equal(bench.pin("contactor", "feedback").value(), 1)
    import machine

    bench = Bench(ContactorContact="voltage", CompositeScheduleDefaultNumberPhases="3")
    poles = [machine.Pin(pin) for pin in bench.wiring["contactor"]["feedback"]]
    do("contactor", welded_pole=2)
    equal([pin.value() for pin in poles], [0, 1, 0])
    do("mains", lost_phase=2)
    equal([pin.value() for pin in poles], [0, 0, 0])
    do("contactor", welded_pole=0, leaks_volts=90)
    equal([pin.value() for pin in poles], [1, 1, 1])
    bench.outlet.plug(ev.IDLE)
    equal([pin.value() for pin in poles], [0, 0, 0])


def test_the_second_contactor_has_a_state_of_its_own():
    bench = _charging(CompositeScheduleDefaultNumberPhases="3", ConnectorSwitch3to1PhaseSupported="true")
    do("contactor", second=True, welded=True)
    bench.drive("phase_switch", "out", 0, 100)
    bench.drive("contactor", "out", 0, 100)
    equal((bench.outlet.contactor.closed, bench.outlet.second.closed), (False, True))


def test_monitors_of_several_kinds():
    bench = Bench()
    trip = bench.pin("rcd", "trip")
    do("monitor", trip_ms=300, latching=True)
    bench.set_fault("GroundFailure", True, 280)
    equal(trip.value(), 0)
    bench.pass_ms(40)
    equal(trip.value(), 1)
    bench.set_fault("GroundFailure", False, 5000)
    equal(trip.value(), 1)
    do("monitor", reset=True)
    bench.pass_ms(40)
    equal(trip.value(), 0)
    for test in (1, 0):
        bench.drive("rcd", "test", test, 40)
        equal(trip.value(), test)
    do("monitor", test_ms=1500, release_ms=700)
    bench.drive("rcd", "test", 1, 1480)
    equal(trip.value(), 0)
    bench.pass_ms(40)
    equal(trip.value(), 1)


def test_a_bolt_jams_once_and_is_slow():
    bench = Bench()
    do("lock", jams=1, move_ms=600)
    bench.drive("lock", "out", 1, 1000)
    equal(bench.outlet.lock.locked, False)
    bench.drive("lock", "out", 0, 100)
    bench.drive("lock", "out", 1, 500)
    equal(bench.outlet.lock.locked, False)
    bench.pass_ms(200)
    equal(bench.outlet.lock.locked, True)


# --- meter, reader, inputs, flash ---


def test_absurd_figures_and_an_offset_without_load():
    bench = Bench()
    do("meter", offset_ma=300, offset_w=40)
    bench.outlet.sample(0)
    equal((bench.outlet.i_ma[0], bench.outlet.p_mw[0]), (300, 40000))
    cases = (("voltage", (900000, 300, 40000)), ("current", (230000, 400000, 40000)), ("power", (230000, 300, 300000)))
    for what, found in cases:
        do("meter", absurd=what, ms=500)
        bench.outlet.sample(0)
        equal((bench.outlet.v_mv[0], bench.outlet.i_ma[0], bench.outlet.p_mw[0]), found)
        bench.pass_ms(520)
        bench.outlet.sample(0)
        equal(bench.outlet.v_mv[0], 230000)
    refused("meter", stale=True)
    refused("meter", absurd="frequency")


def test_a_frozen_chip_of_each_kind_repeats_itself():
    for kind in ("ADE7953", "ADE7953-SPI", "BL0942", "CSE7766", "ATM90E32", "CT"):
        settings = {"MeterKind": kind}
        if kind == "ATM90E32":
            settings["CompositeScheduleDefaultNumberPhases"] = "3"
        bench = Bench(**settings)
        do("meter", frozen=True)
        equal(bench.outlet.meter.frozen, True)


def test_bytes_from_the_reader_as_they_are():
    import machine

    bench = Bench()
    uart = machine.UART(bench.wiring["reader"]["uart"], baudrate=9600)
    do("card_bytes", hex="02414243")
    timebase.advance(50)
    equal(uart.read(), b"\x02ABC")
    refused("card_bytes", hex="xyz")


def test_each_input_can_be_disturbed_for_some_milliseconds():
    import machine

    bench = Bench()
    pins = (("trip", "rcd", "trip"), ("feedback", "contactor", "feedback"), ("lock", "lock", "feedback"),
            ("outlet_fault", "fault_input", "pin"))  # fmt: skip
    for name, part, key in pins:
        pin = bench.pin(part, key)
        level = pin.value()
        do("disturb", input=name, ms=7)
        equal((name, pin.value()), (name, 1 - level))
        timebase.advance(8)
        equal((name, pin.value()), (name, level))
    for name in ("tamper", "rails", "fault"):
        pin = machine.Pin(bench.board.SHARED[name])
        do("disturb", input=name, ms=7)
        equal((name, pin.value()), (name, 1))
        timebase.advance(8)
        equal((name, pin.value()), (name, 0))
    for name in ("ntc", "proximity"):
        adc = machine.ADC(machine.Pin(bench.wiring[name]["adc"]), atten=machine.ADC.ATTN_11DB)
        uv = adc.read_uv()
        do("disturb", input=name, ms=5, mv=1234)
        equal((name, adc.read_uv()), (name, 1234000))
        timebase.advance(6)
        equal((name, adc.read_uv()), (name, uv))
    do("disturb", input="pilot", ms=5, mv=3000)
    near(bench.plateaus_mv()[0], 3000, 60)
    refused("disturb", input="weather", ms=5)


def test_a_disturbed_trip_input_is_an_edge():
    import machine

    bench = Bench()
    edges = []
    trip = bench.pin("rcd", "trip")
    trip.irq(edges.append, machine.Pin.IRQ_RISING)
    do("disturb", input="trip", ms=3)
    timebase.advance(20)
    equal(len(edges), 1)


def test_flash_takes_the_time_that_it_is_set_to():
    Bench()
    do("flash_time", time="worst")
    equal(launch.config["flash_time"], "worst")
    do("flash_time", time="typical")
    refused("flash_time", time="none")


def test_settings_outlive_a_restart_of_the_charger():
    bench = Bench()
    do("ev", adapt_ms=5000, give_up=2)
    do("contactor", open_ms=80, welded_pole=2)
    do("mains", ohms=0.4)
    do("pilot", noise_mv=100)
    after = world.fresh()
    after.restore(bench.world.snapshot())
    one = after.outlets[0]
    equal((one.ev.adapt_ms, one.ev.give_up, one.contactor.open_ms, one.contactor.welded_pole), (5000, 2, 80, 2))
    equal((after.mains.impedance_mohm, after.mains.even), (400, False))
    equal(one.pilot_sense.noise_uv, bench.outlet.pilot_sense.noise_uv)


def test_a_wrong_value_changes_nothing():
    bench = Bench()
    before = bench.world.snapshot()
    refused("ev", adapt_ms=100, give_up=-1)
    refused("contactor", close_ms=50, bounce_ms=1000)
    refused("mains", volts=200, ohms=50)
    refused("pilot", plus_mv=11000, noise_mv=10000)
    equal(bench.world.snapshot(), before)
    raises(ValueError, bench.world.set_mains, 500)
