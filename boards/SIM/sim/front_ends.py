"""Metering hardware of an outlet: one chip for each meter driver, and its lines."""

import math

from sim import lines, timebase
from sim.chips.uart import UARTWire
from sim.chips.wires import SPIWire
from sim.launch import config

_CONVERT_US = 45
_ROOT_2 = math.sqrt(2)


class Place:
    """The place of a chip: an outlet and the buses and pins that the board's data name. `seed`: which unit it is."""

    def __init__(self, world, outlet, kind, options):
        self.world = world
        self.outlet = outlet
        self.kind = kind
        self.options = options
        self.seed = config["seed"] * 16 + outlet.id
        self.now = timebase.ticks_ms

    def i2c(self, chip):
        """Put it on the I2C bus, at its address."""
        self.world.i2c.setdefault(self.options["bus"], {})[self.options["address"]] = chip

    def there(self):
        """The chip at its address of the I2C bus, None when there is none yet."""
        return self.world.i2c.get(self.options["bus"], {}).get(self.options["address"])

    def spi(self, chip):
        """Put it on the SPI bus, beside those that are there, with its chip select."""
        bus = self.options["bus"]
        wire = self.world.spi[bus] = SPIWire(chip, self.world.spi.get(bus))
        self.world.digital[self.options["cs"]] = lines.ChipSelect(wire)

    def uart(self, chip, parity=None, baud=4800):
        """Put it on the UART."""
        bits = 10 if parity is None else 11
        wire = UARTWire(chip, self.now, bit_rate=baud, bits=bits, rxbuf=1024)
        self.world.serial[self.options["bus"]] = SerialMeter(wire, parity, baud)

    def adc(self, make):
        """Put make(waveform, ticks_us, convert, conversion_us) on the two analogue inputs."""
        front = make(Waveform(self.outlet), timebase.ticks_us, timebase.convert, _CONVERT_US)
        self.world.analog[self.options["v_adc"]] = front.v
        self.world.analog[self.options["i_adc"]] = front.i
        return front


def connect(world, outlet, kind, options):
    """Give the outlet its meter `outlet.meter`: the chip of the driver's name fits itself.

    Each has advance(), factory() (its calibration.json entry) and `dead`.
    """
    name = kind[:-4] if kind[-4:] in ("_i2c", "_spi") else kind
    chip = __import__("sim.chips." + name, None, None, ("fit",))
    outlet.meter = chip.fit(Place(world, outlet, kind, options))


class House:
    """The supply of the house: on each phase what the outlets take of it and `others_ma`, below 0 what flows in there."""

    id = 15
    pf_milli = 1000

    def __init__(self, mains):
        self.mains = mains
        self.ev = self
        self.others_ma = 0
        self.meter = None
        self.i_ma, self.v_mv, self.p_mw, self.f_mhz = [0, 0, 0], [0, 0, 0], [0, 0, 0], 0

    def sample(self, _now_ms):
        """For the meter chip, as an outlet's: bring v_mv, i_ma, p_mw and f_mhz up to date."""
        self.sync()
        self.f_mhz = self.mains.f_mhz
        for n in range(3):
            ma = self.phase_ma(n)
            self.v_mv[n] = self.mains.phase_mv(n)
            self.i_ma[n] = abs(ma)
            self.p_mw[n] = self.v_mv[n] // 100 * ma // 10

    def sync(self):
        """Its outlets are as of now."""
        for outlet in self.mains.outlets:
            outlet.sync()

    @property
    def supply_mv(self):
        """Voltage of the phase."""
        return self.mains.v_mv

    def phase_ma(self, n):
        """Current of a phase."""
        total_ma = self.others_ma
        for outlet in self.mains.outlets:
            total_ma += outlet.phase_ma(n)
        return total_ma


class SerialMeter:
    """A meter chip as machine.UART finds it, at its baud rate with or without parity; any other setting reads rubbish."""

    def __init__(self, wire, parity, baud):
        self.parity = parity
        self._baud = baud
        self._wire = wire

    def take(self, count, baud, plain):
        """Bytes received so far, at most count; None counts them only."""
        if count is None:
            return self._wire.any()
        data = self._wire.read(count) or b""
        if baud != self._baud or not plain:
            return bytes([byte ^ 0x6D | 0x80 for byte in data])
        return data

    def write(self, data):
        """Bytes for the chip."""
        self._wire.write(data)


class Waveform:
    """Voltage and current of an outlet's first phase as they swing, for what samples them itself."""

    def __init__(self, outlet):
        self._outlet = outlet

    def instant(self, seconds):
        """(volts, amperes) at a time."""
        outlet = self._outlet
        outlet.sync()
        angle = 2.0 * math.pi * outlet.mains.f_mhz / 1000.0 * seconds
        volts = outlet.supply_mv / 1000.0 * _ROOT_2 * math.sin(angle)
        car = outlet.ev
        amps_ma = outlet.phase_ma(0)
        if not amps_ma:
            return volts, 0.0
        late = math.acos(car.pf_milli / 1000.0)
        return volts, amps_ma / 1000.0 * _ROOT_2 * math.sin(angle - late)
