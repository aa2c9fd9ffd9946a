"""The simulated world is honest: what the pins say follows from parts, time and the firmware's own outputs."""


import machine
import micropython
from check import equal, near, raises, true
from world_rig import Bench

from sim import chips, ev, front_ends, timebase, world
from sim.chips import wires
from sim.circuit import ntc_uv


def test_the_contactor_takes_its_time_and_bounces():
    bench = Bench()
    out, feedback = bench.pin("contactor", "out"), bench.pin("contactor", "feedback")
    out.value(1)
    seen = []
    for _ in range(25):
        timebase.advance(1)
        seen.append(feedback.value())
    equal(seen[:14], [0] * 14)
    equal(seen[18:], [1] * 7)
    true(0 in seen[15:18], seen)
    out.value(0)
    timebase.advance(9)
    true(bench.outlet.contactor.closed)
    bench.pass_ms(1)
    true(not bench.outlet.contactor.closed)


def test_weld_and_failure_to_close():
    bench = Bench()
    bench.charge()
    bench.world.set_fault("PowerSwitchFailure", 1, True)
    bench.pin("contactor", "out").value(0)
    bench.pass_ms(500)
    equal(bench.pin("contactor", "feedback").value(), 1)
    true(bench.outlet.ev.i_ma > 0)
    bench.set_fault("PowerSwitchFailure", False, 100)
    equal(bench.pin("contactor", "feedback").value(), 0)
    bench.world.set_fault("contactor_stuck", 1, True)
    bench.drive("contactor", "out", 1, 500)
    equal(bench.pin("contactor", "feedback").value(), 0)


def test_the_monitor_trips_answers_its_test_and_cuts_the_coil():
    """CP-43: with no firmware in the loop."""
    bench = Bench()
    bench.charge()
    bench.set_fault("GroundFailure", True, 35)
    equal(bench.pin("rcd", "trip").value(), 1)
    equal(bench.pin("contactor", "out").value(), 1)
    true(not bench.outlet.contactor.closed)
    bench.set_fault("GroundFailure", False, 30)
    equal(bench.pin("rcd", "trip").value(), 0)
    for test in (1, 0):
        bench.drive("rcd", "test", test, 30)
        equal(bench.pin("rcd", "trip").value(), test)
    bench.world.set_fault("rcd_dead", 1, True)
    bench.drive("rcd", "test", 1, 200)
    equal(bench.pin("rcd", "trip").value(), 0)


def test_the_lock_moves_and_jams():
    bench = Bench()
    out, feedback = bench.pin("lock", "out"), bench.pin("lock", "feedback")
    out.value(1)
    bench.pass_ms(100)
    equal(feedback.value(), 0)
    bench.pass_ms(200)
    equal(feedback.value(), 1)
    bench.set_fault("ConnectorLockFailure", True, 400)
    equal(feedback.value(), 0)
    out.value(0)
    bench.pass_ms(400)
    equal(feedback.value(), 1)


def test_the_cable_is_seen_only_when_plugged():
    """B.4: resistance to PE, read with a pull-up of 1 kohm."""
    import machine

    bench = Bench()
    adc = machine.ADC(machine.Pin(bench.wiring["proximity"]["adc"]), atten=machine.ADC.ATTN_11DB)
    equal(adc.read_uv(), 3300000)
    bench.outlet.plug(ev.IDLE)
    near(adc.read_uv(), 3300000 * 220 // 1220, 1000)
    bench.outlet.cable_ohm = 680
    bench.outlet.refresh()
    near(adc.read_uv(), 3300000 * 680 // 1680, 1000)


def test_a_tethered_unit_has_neither_lock_nor_coding():
    bench = Bench(ConnectorLock="false")
    equal((bench.wiring["lock"], bench.wiring["proximity"]), (None, None))


def test_the_thermistor_heats_and_breaks():
    bench = Bench()
    near(bench.outlet.ntc_uv, 1650000, 1000)
    bench.set_fault("HighTemperature", True, 1000)
    near(bench.outlet.temperature_mc, 55000, 100)
    bench.pass_ms(3000)
    near(bench.outlet.ntc_uv, ntc_uv(95000), 10)
    true(ntc_uv(95000) < ntc_uv(85000) < ntc_uv(65000))
    bench.world.set_fault("ntc_open", 1, True)
    equal(bench.outlet.ntc_uv, 3300000)


def test_truth_for_the_meter():
    """Voltage at the supply side always, current only through closed contacts, power with the car's factor."""
    bench = Bench()
    outlet = bench.outlet
    outlet.sample(0)
    equal((outlet.v_mv[0], outlet.i_ma[0], outlet.p_mw[0], outlet.f_mhz), (230000, 0, 0, 50000))
    bench.charge()
    outlet.sample(0)
    equal((outlet.i_ma[0], outlet.i_ma[1]), (31998, 0))
    near(outlet.p_mw[0], 230000 * 31998 // 1000 * 995 // 1000, 5000)
    bench.world.set_mains(207, 49.5)
    outlet.sample(0)
    equal((outlet.v_mv[0], outlet.f_mhz), (207000, 49500))
    bench.world.set_fault("UnderVoltage", 1, True)
    outlet.sample(0)
    equal(outlet.v_mv[0], 165000)
    bench.world.set_fault("UnderVoltage", 1, False)
    outlet.sample(0)
    equal(outlet.v_mv[0], 207000)


def test_each_meter_can_measure_the_house():
    """A current into the grid has a power below 0, as a meter has it."""
    for kind in chips.ON_SIM:
        house = Bench(HouseKind=kind).world.house
        house.others_ma = -4000
        house.meter.advance()
        house.sample(0)
        equal((house.v_mv[0], house.i_ma[0], house.p_mw[0], house.f_mhz), (230000, 4000, -920000, 50000), kind)


def test_the_house_may_be_channel_b_of_the_outlets_chip():
    """One chip at one address: channel A measures the outlet, B the outlet and the rest of the house."""
    bench = Bench()
    house = front_ends.House(bench.world.mains)
    house.others_ma = 16000
    front_ends.connect(bench.world, house, "ade7953_i2c", {"bus": 1, "address": 0x38, "channel": "B"})
    true(house.meter is bench.outlet.meter, "two chips")
    bench.charge()
    bus = machine.I2C(1)
    outlet, supply = [int.from_bytes(bus.readfrom_mem(0x38, irms, 4, addrsize=16), "big") for irms in (0x31A, 0x31B)]
    near(supply * 100 // outlet, 150, 6)


class _Chip:
    """Answers with its number and what it was sent."""

    def __init__(self, number):
        self.number = number

    def exchange(self, sent, count):
        return bytes((self.number,)) + sent[: count - 1]


def test_chips_on_one_spi_bus_have_a_chip_select_each():
    first = wires.SPIWire(_Chip(1))
    bus = wires.SPIWire(_Chip(2), first)
    for number, wire in ((1, first), (2, bus)):
        wire.cs(0)
        found = bytearray(2)
        bus.write(b"x")
        bus.readinto(found)
        wire.cs(1)
        equal(bytes(found), bytes((number, ord("x"))))
    bus.readinto(found)
    equal(bytes(found), b"\xff\xff", "no chip is selected")


def test_three_phases_where_they_are_wired_and_switched_on():
    bench = Bench(CompositeScheduleDefaultNumberPhases="3", ConnectorSwitch3to1PhaseSupported="true")
    bench.outlet.ev.phases = 3
    bench.charge()
    bench.outlet.sample(0)
    equal(bench.outlet.i_ma, [31998] * 3)
    import machine

    second = machine.Pin(bench.wiring["phase_switch"]["out"])
    feedback = machine.Pin(bench.wiring["phase_switch"]["feedback"])
    equal(feedback.value(), 1)
    second.value(0)
    timebase.advance(bench.outlet.second.open_ms + 5)
    bench.outlet.sample(0)
    equal((bench.outlet.i_ma, feedback.value()), ([31998, 0, 0], 0))


def test_the_reader_sends_at_its_speed():
    import machine

    bench = Bench()
    uart = machine.UART(bench.wiring["reader"]["uart"], baudrate=9600)
    bench.outlet.reader.swipe("04A1B2C3")
    timebase.advance(5)
    true(uart.any() < 12)
    timebase.advance(50)
    equal(uart.read(), b"\x0204A1B2C3\r\n\x03")
    equal(uart.read(), None)
    raises(ValueError, bench.outlet.reader.swipe, "tab\t")
    raises(ValueError, bench.outlet.reader.swipe, "")


def test_a_wrong_speed_or_a_broken_reader_gives_rubbish():
    import machine

    bench = Bench()
    bench.outlet.reader.swipe("CARD")
    timebase.advance(100)
    true(b"CARD" not in machine.UART(1, baudrate=115200).read())
    bench.world.set_fault("ReaderFailure", 1, True)
    bench.outlet.reader.swipe("CARD")
    timebase.advance(1000)
    uart = machine.UART(1, baudrate=9600)
    uart.any()
    timebase.advance(100)
    data = uart.read()
    true(data and b"CARD" not in data, data)


def test_the_button_springs_back():
    import machine

    bench = Bench()
    button = machine.Pin(bench.board.SHARED["button"])
    equal(button.value(), 1)
    bench.world.button.press(100)
    equal(button.value(), 0)
    timebase.advance(101)
    equal(button.value(), 1)


def test_faults_of_board_and_outlet():
    import machine

    bench = Bench(connectors=2)
    second = machine.Pin(bench.board.OUTLETS[1]["fault_input"]["pin"])
    first = machine.Pin(bench.board.OUTLETS[0]["fault_input"]["pin"])
    bench.world.set_fault("OtherError", 2, True)
    equal((first.value(), second.value()), (0, 1))
    bench.world.set_fault("OtherError", None, True)
    equal((first.value(), machine.Pin(bench.board.SHARED["fault"]).value()), (1, 1))
    bench.world.set_fault("OtherError", 0, False)
    equal((first.value(), second.value()), (0, 0))
    bench.world.set_fault("tamper", 1, True)
    equal(machine.Pin(bench.board.SHARED["tamper"]).value(), 1)
    raises(ValueError, bench.world.set_fault, "NoSuchFault", 1, True)
    raises(ValueError, bench.world.set_fault, "diode", 3, True)


def test_world_state_survives_a_reboot():
    bench = Bench(connectors=2)
    bench.outlet.ev.max_ma = 13000
    bench.outlet.cable_ohm = 680
    bench.world.set_fault("GroundFailure", 2, True)
    bench.world.set_fault("tamper", 0, True)
    bench.world.set_mains(240)
    bench.charge()
    kept = bench.world.snapshot()
    after = world.fresh()
    after.restore(kept)
    one, two = after.outlets
    equal((one.ev.want, one.ev.max_ma, one.cable_ohm, one.ev.s2, one.ev.i_ma), (ev.ASKING, 13000, 680, False, 0))
    equal((two.rcd.leaking, after.mains.v_mv, after.board_faults), (True, 240000, {"tamper"}))


def test_what_a_control_tick_uses_allocates_nothing():
    """In every state of car and contactor, with a fault of each kind: PWM, ADC and pins under a locked heap."""
    import machine

    bench = Bench(seed=7)
    wiring = bench.wiring
    pwm = machine.PWM(machine.Pin(wiring["pilot"]["pwm"]), freq=1000, duty_u16=65535)
    adc = machine.ADC(machine.Pin(wiring["pilot"]["adc"]), atten=machine.ADC.ATTN_11DB)
    warm = machine.ADC(machine.Pin(wiring["ntc"]["adc"]), atten=machine.ADC.ATTN_11DB)
    pins = [bench.pin(part, name) for part, name in (("contactor", "feedback"), ("rcd", "trip"), ("lock", "feedback"))]
    out = bench.pin("contactor", "out")
    names = ["", "diode", "pilot_short", "EVCommunicationError", "HighTemperature", "GroundFailure", "UnderVoltage"]
    for name in names:
        if name:
            bench.world.set_fault(name, 1, True)
        for want in (ev.IDLE, ev.ASKING, ev.VENTILATION, ev.ABSENT):
            bench.outlet.plug(want)
            micropython.heap_lock()
            try:
                for duty in (65535, 34952, 6554, 0):
                    pwm.duty_u16(duty)
                    for n in range(80):
                        timebase.advance(20)
                        for _ in range(30):
                            adc.read_uv()
                        for pin in pins:
                            pin.value()
                        warm.read_uv()
                        out.value(1 if n > 60 else 0)
            finally:
                micropython.heap_unlock()
        if name:
            bench.world.set_fault(name, 1, False)


def test_a_tick_costs_little():
    """The world's share of one tick stays far below the tick: 15 samples and the pins, in real time."""
    import utime

    bench = Bench()
    bench.charge()
    feedback = bench.pin("contactor", "feedback")
    best = 1000000
    for _ in range(200):
        timebase.advance(20)
        begin = utime.ticks_us()
        for _ in range(15):
            bench.outlet.sample_uv()
        feedback.value()
        best = min(best, utime.ticks_diff(utime.ticks_us(), begin))
    true(best < 100, best)
