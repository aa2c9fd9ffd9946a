"""Each flaw of contactors, monitors, bolts, meters and inputs that docs/SIMULATION.md lists is in the world, by its command."""

import machine
from check import equal, near, raises, true
from flaw_commands import charging, do, refused
from rig import Rig
from world_rig import Bench

from sim import ev, launch, timebase, world

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
    bench = charging(ContactorContact="mirror")
    do("contactor", welded_pole=1)
    bench.drive("contactor", "out", 0, 100)
    equal((bench.outlet.contactor.closed, bench.pin("contactor", "feedback").value()), (False, 0))
    do("contactor", welded_pole=0)
    equal(bench.pin("contactor", "feedback").value(), 1)

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
    bench = charging(CompositeScheduleDefaultNumberPhases="3", ConnectorSwitch3to1PhaseSupported="true")
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


def test_a_bolt_that_will_jam_does_not_come_back_by_itself():
    bench = Bench()
    bench.drive("lock", "out", 1, 400)
    do("lock", jams=1)
    bench.pass_ms(1000)
    equal(bench.outlet.lock.locked, True)


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


def _polls(rig, ms):
    """Poll the meter as its task does, without control ticks."""
    meter = rig.meters[0]
    passed = 0
    while passed < ms:
        timebase.advance(meter.poll_ms)
        rig.side.sync()
        meter.poll()
        passed += meter.poll_ms


def test_a_frozen_chip_of_each_kind_repeats_itself():
    """Its own driver reads on what was there. The transformer's ADC stands still: unit/test_disturbed_inputs.py."""
    for kind in ("ADE7953", "ADE7953-SPI", "BL0942", "CSE7766", "ATM90E32", "SDM120", "SDM630"):
        three = kind in ("ATM90E32", "SDM630")
        rig = Rig(MeterKind=kind, **({"CompositeScheduleDefaultNumberPhases": "3"} if three else {}))
        meter = rig.meters[0]
        _polls(rig, 1000)
        volts = []
        for frozen, mains in ((True, 200), (False, 200)):
            do("meter", frozen=frozen)
            do("mains", volts=mains)
            _polls(rig, 1200)
            volts.append(meter.reading.v_mv[0] // 1000 > 220)
        equal((kind, volts, meter.reading.valid), (kind, [True, False], True))


def test_a_card_that_lies_there_is_sent_again_and_again_until_it_is_lifted():
    rig = Rig()
    bytes_of = machine.UART(rig.board.OUTLETS[0]["reader"]["uart"], baudrate=9600)
    do("lay_card", token="ONE", every_ms=200)
    sent = b""
    for _ in range(50):
        timebase.advance(20)
        sent += bytes_of.read() or b""
    true(4 <= sent.count(b"\x02ONE\r\n\x03") <= 6, sent)
    do("lift_card")
    timebase.advance(300)
    bytes_of.read()
    timebase.advance(1000)
    equal(bytes_of.any(), 0)
    refused("lay_card", token="ONE", every_ms=10)


def test_bytes_from_the_reader_as_they_are():
    bench = Bench()
    uart = machine.UART(bench.wiring["reader"]["uart"], baudrate=9600)
    do("card_bytes", hex="02414243")
    timebase.advance(50)
    equal(uart.read(), b"\x02ABC")
    refused("card_bytes", hex="xyz")


def test_each_input_can_be_disturbed_for_some_milliseconds():
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
