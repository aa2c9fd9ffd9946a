"""Users' reports about the meter chips in other firmwares, tried on the simulated ones (docs/METERING.md, "Public threads").

Each test names its thread.
"""

import fronts
import meters
from check import equal, near, true

from charger.drivers.meters import calibration
from charger.drivers.meters.atm90e32 import ATM90E32, Registers
from charger.drivers.meters.cse7766 import CSE7766
from sim.chips.atm90e32 import ATM90E32Chip
from sim.chips.cse7766 import CSE7766Chip
from sim.chips.uart import UARTWire
from sim.chips.wires import SPIWire

time = meters.Time()
setup, teardown = time.start, time.stop


def _bench(front, load=None):
    chip, build = fronts.place(front, time, load or meters.Load(), 3)
    meter = build(calibration.from_json(chip.factory(), fronts.kind_of(front)))
    meters.run(meter.start())
    meters.polls(meter, time, 1000)
    true(meter.reading.valid, meter.reading.fault)
    meter.reading.take_energy()
    return meter, chip


def test_bl0942_whose_counter_falls_to_zero_now_and_then_adds_no_3_mwh_esphome_15280():
    """Taken for an overflow of its 24 bits it would be 3 MWh; a step of at most what was counted since is right."""
    meter, chip = _bench("bl0942", meters.Load(amps=32))
    chip.preset_count(70000)
    meters.polls(meter, time, 2000)
    meter.reading.take_energy()
    for _ in range(3):
        chip.preset_count(0)
        energy = meters.polls(meter, time, 60000)
        near(energy, 7360 * 1000 // 60, 1600, "mWh in a minute, counted in steps of 0.19 Wh")
        true(meter.reading.valid, meter.reading.fault)


def test_bl0942_with_a_head_in_its_data_loses_no_frame_tasmota_14829():
    """Each second packet was lost there, and a 0x55 among the data taken for the head of one."""
    measured = []
    for count in (0, 0x555555):
        meter, chip = _bench("bl0942")
        chip.preset_count(count)
        meters.polls(meter, time, 1000)
        stamps = set()
        for _ in range(100):
            meters.polls(meter, time, meter.poll_ms)
            stamps.add(meter.reading.stamp_ms)
            true(meter.reading.valid, meter.reading.fault)
        measured.append(len(stamps))
        equal(chip.violations, [])
    equal(measured[0], measured[1])
    true(measured[0] >= 75, measured)


class _Waiting(CSE7766Chip):
    """Without a load its power register counts on, the time of a period that does not end, and says that it is not complete."""

    _waited = 0

    def _frame(self):
        frame = super()._frame()
        if self._watt == 0:
            self._waited += 100000
            frame[17:20] = (self._waited & 0xFFFFFF).to_bytes(3, "big")
            frame[20] &= ~0x10
            frame[0] = 0x55
            frame[23] = sum(frame[2:23]) & 0xFF
        return frame


def test_cse7766_shows_no_power_within_a_second_after_the_load_esphome_13613_tasmota_1907():
    """There the last power stayed for 10 to 20 s; in the frames of the other thread the power register counts on."""
    for kind in (CSE7766Chip, _Waiting):
        load = meters.Load()
        chip = kind(load, 3, now=time.ms)
        chip.stale = True
        meter = CSE7766(UARTWire(chip, time.ms, bits=11, rxbuf=1024), calibration.from_json(chip.factory(), "cse7766"), {})
        meters.run(meter.start())
        meters.polls(meter, time, 2000)
        near(meter.reading.p_mw[0], 2300000, 30000)
        load.set(amps=0)
        meters.polls(meter, time, 1000)
        equal((kind, meter.reading.p_mw[0], meter.reading.i_ma[0], meter.reading.valid), (kind, 0, 0, True))
        load.set(amps=16)
        meters.polls(meter, time, 1000)
        near(meter.reading.i_ma[0], 16000, 300)


def test_ade7953_that_is_read_twice_at_once_shows_no_false_zero_energyme_home_199():
    """A register that reading clears is empty at the second read: it counts energy here, and power comes from another one."""
    meter, _ = _bench("ade7953_i2c")
    energy = 0
    for n in range(300):
        time.pass_ms(1 if n % 3 else 198)
        meter.poll()
        near(meter.reading.p_mw[0], 2300000, 15000)
        energy += meter.reading.take_energy()
    near(energy, 2300 * 20 * 1000 // 3600, 200, "mWh in 20 s")


class _Disturbed(SPIWire):
    """One bit in each fifty words that are read is wrong."""

    _words = 0

    def readinto(self, buf, write=0):
        super().readinto(buf, write)
        self._words += 1
        if self._words % 50 == 0:
            bit = self._words * 7 // 50 % (8 * len(buf))
            buf[bit // 8] ^= 1 << bit % 8


def test_atm90e32_with_wrong_bits_on_its_bus_esphome_7081():
    """There they were shown as wild currents and powers. Here no absurd one counts, no count of energy, and nothing fails."""
    load = meters.Load(amps=16, phases=3)
    chip = ATM90E32Chip(load, 3, now=time.ms)
    time.pass_ms(20)
    wire = SPIWire(chip)
    meter = ATM90E32(Registers(wire, wire.cs), calibration.from_json(chip.factory(), "atm90e32", 3), {})
    meters.run(meter.start())
    meters.polls(meter, time, 2000)
    meter.reading.take_energy()
    disturbed = _Disturbed(chip)
    meter._bus._spi, meter._bus._cs = disturbed, disturbed.cs
    worst_ma = invalid = 0
    energy = 0
    for _ in range(600):
        energy += meters.polls(meter, time, meter.poll_ms)
        protection = meter.reading.protection
        if protection is None:
            invalid += 1
        else:
            worst_ma = max(worst_ma, protection[0])
    true(worst_ma < 26500, worst_ma)
    equal(invalid, 0, meter.reading.fault)
    near(energy, 3 * 230 * 16 * 600 * meter.poll_ms // 3600, 3 * 230 * 16 * 600 * meter.poll_ms // 3600 // 50)
