"""Eastron SDM630 and SDM120 by Modbus RTU, against the simulated meter on a line of 9600 baud."""

import struct

import meters
from check import equal, near, raises, true

from charger.drivers.meters.sdm630 import Sdm, crc16, milli
from charger.errors import MeterError
from sim.chips.sdm630 import SdmChip
from sim.chips.uart import UARTWire

WORDS = (64, 32)

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(phases=1, load=None, baud=9600, options=None, seed=3):
    """A started meter: (meter, chip, load, wire)."""
    load = load or meters.Load(phases=phases)
    options = options or {}
    chip = SdmChip(load, seed, phases, options.get("address", 1), now=time.ms)
    wire = UARTWire(chip, time.ms, bit_rate=baud, rxbuf=1024)
    meter = Sdm("sdm120" if phases == 1 else "sdm630", wire, phases, options)
    meters.run(meter.start())
    meters.polls(meter, time, 2000)
    return meter, chip, load, wire


def test_figures_and_energy_of_one_and_three_phases():
    for phases, options in ((1, {}), (3, {}), (1, {"address": 17})):
        meter, chip, load, _ = bench(phases, options=options)
        true(meter.reading.valid, meter.reading.fault)
        meters.check_figures(meter, load, 2000)
        for n in range(phases):
            near(meter.reading.i_ma[n], 10000, 20)
            near(meter.reading.p_mw[n], 2300000, 5000)
        near(meter.reading.f_mhz, 50000, 2)
        meter.reading.take_energy()
        energy = meters.polls(meter, time, 300000)
        near(energy, phases * 2300 * 1000 // 12, 1000 * phases, "mWh in five minutes")
        equal(chip.violations, [])


def test_slow_line_is_still_read_each_second():
    meter, _, _, _ = bench(baud=2400)
    for _ in range(40):
        meters.polls(meter, time, 100)
        true(meter.reading.usable(), meter.reading.fault)
        true(meter.reading.age_ms() <= 1700, "%d ms" % meter.reading.age_ms())


def test_export_is_counted_apart_and_negative():
    meter, _, load, _ = bench(options={"export": True})
    meters.polls(meter, time, 2000)
    meter.reading.take_energy(), meter.reading.take_export()
    load.set(pf_milli=-1000)
    meters.polls(meter, time, 2000)
    true(meter.reading.p_mw[0] < -2290000 and meter.reading.i_ma[0] > 9900)
    meter.reading.take_export()
    energy = meters.polls(meter, time, 60000)
    equal(energy, 0)
    near(meter.reading.take_export(), 2300 * 1000 // 60, 700)


def test_energy_before_the_first_answer_is_not_billed():
    meter, chip, _, _ = bench(load=meters.Load(amps=0))
    true(chip.import_wh > 12000)
    equal(meters.polls(meter, time, 5000), 0)


def test_another_meter_in_its_place_bills_nothing():
    meter, chip, _, _ = bench(load=meters.Load(amps=0))
    for wh in (500000, 3):
        chip.preset_count(wh)
        equal(meters.polls(meter, time, 3000), 0)
    true(meter.reading.valid)


def test_energy_over_a_broken_line_is_counted_when_it_is_back():
    meter, chip, _, _ = bench()
    meter.reading.take_energy()
    chip.dead = True
    meters.polls(meter, time, 30000)
    equal((meter.reading.valid, meter.reading.fault), (False, "no answer"))
    chip.dead = False
    energy = meters.polls(meter, time, 30000)
    near(energy, 2300 * 1000 // 60, 1500)
    true(meter.reading.valid)


def test_silent_meter_is_stale_and_comes_back():
    meter, chip, _, _ = bench()
    meters.dies_and_comes_back(meter, chip, time, 3000)


def test_echo_of_the_request_is_passed_over():
    meter, _, load, wire = bench()
    original = wire.write

    def echoing(data):
        wire.inject(bytes(data))
        original(data)

    wire.write = echoing
    meters.polls(meter, time, 5000)
    true(meter.reading.usable(), meter.reading.fault)
    meters.check_figures(meter, load, 2000)


def test_damaged_answers_change_nothing_and_end_in_a_fault():
    meter, _, load, wire = bench()
    for flip in (1, 0x10, 0x80):
        count = [0]

        def mangled(byte, flip=flip, count=count):
            count[0] += 1
            return byte ^ flip if count[0] % 157 == 40 else byte

        wire.mangle = mangled
        before = meter.reading.v_mv[0], meter.reading.i_ma[0]
        meters.polls(meter, time, 8000)
        equal((meter.reading.v_mv[0], meter.reading.i_ma[0]), before)
        equal((meter.reading.valid, meter.reading.fault), (False, "checksum"))
        wire.mangle = None
        meters.polls(meter, time, 3000)
        true(meter.reading.usable())
        meters.check_figures(meter, load, 2000)


def test_refusal_of_the_meter_is_said():
    meter, chip, _, _ = bench()

    def refuse(request):
        frame = bytes((1, 0x84, 2))
        return frame + crc16(frame, 3).to_bytes(2, "little")

    chip._answer = refuse
    meters.polls(meter, time, 4000)
    equal((meter.reading.valid, meter.reading.fault), (False, "refused: code 2"))


def test_implausible_figures_are_refused():
    for address, value in ((0, 500.0), (6, 200.0), (0, -1.0), (0, float("nan")), (6, float("inf"))):
        meter, chip, _, _ = bench()
        values = chip.registers()
        values[address] = value
        chip.registers = lambda values=values: values
        meters.polls(meter, time, 4000)
        equal((meter.reading.valid, meter.reading.fault), (False, "implausible"), str((address, value)))


def test_floats_are_read_to_the_thousandth_as_c_rounds_them():
    for value in (0.0, 1.0, -1.0, 230.125, 0.0005, 0.001, 49.997, 16777216.0, 123456.789, -7360.5, 1e-30, 3.4e9):
        data = struct.pack(">f", value)
        exact = struct.unpack(">f", data)[0]
        near(milli(data, 0), int(exact * 1000 + (0.5 if exact >= 0 else -0.5)), max(1, abs(int(exact * 1000)) >> 22), str(value))
    equal(milli(struct.pack(">f", 230.125), 0), 230125)
    equal(milli(b"\x00" + struct.pack(">f", -0.25), 1), -250)
    for value in (float("inf"), float("nan"), 1e20):
        raises(MeterError, milli, struct.pack(">f", value), 0)


def test_crc_is_modbuss():
    """The example of "MODBUS over serial line": 02 07 has the CRC 41 12."""
    equal(crc16(b"\x02\x07", 2), 0x1241)
    equal(crc16(b"\x02\x07\x41\x12", 4), 0, "over a frame with its CRC")
