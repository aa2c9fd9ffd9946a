"""Metering hardware of an outlet: one chip for each meter driver, and its lines."""

import math

from sim import lines, timebase
from sim.launch import config

_CONVERT_US = 45
_ROOT_2 = math.sqrt(2)


def connect(world, outlet, kind, options):
    """Give the outlet its meter `outlet.meter`, wired to the buses and pins that the board's data name.

    Each has advance(), factory() (its calibration.json entry) and `dead`.
    """
    seed = config["seed"] * 16 + outlet.id
    if kind == "ade7953_i2c" or kind == "ade7953_spi":
        from sim.chips.ade7953 import ADE7953Chip

        outlet.meter = ADE7953Chip(outlet, seed)
        if kind == "ade7953_i2c":
            world.i2c.setdefault(options["bus"], {})[options["address"]] = outlet.meter
        else:
            _spi(world, outlet.meter, options)
    elif kind == "atm90e32":
        from sim.chips.atm90e32 import ATM90E32Chip

        outlet.meter = ATM90E32Chip(outlet, seed, timebase.ticks_ms)
        _spi(world, outlet.meter, options)
    elif kind == "bl0942":
        from sim.chips.bl0942 import BL0942Chip

        outlet.meter = BL0942Chip(outlet, seed, now=timebase.ticks_ms)
        _uart(world, outlet.meter, options, None, 10)
    elif kind == "cse7766":
        from sim.chips.cse7766 import CSE7766Chip

        outlet.meter = CSE7766Chip(outlet, seed, now=timebase.ticks_ms)
        _uart(world, outlet.meter, options, 0, 11)
    elif kind == "ct_adc":
        from sim.chips.ct_adc import CtFrontEnd

        ratios = (options.get("v_ratio", 350000) / 1000, options.get("i_ratio", 60606) / 1000)
        outlet.meter = CtFrontEnd(
            Waveform(outlet), timebase.ticks_us, timebase.convert, seed, _CONVERT_US, ratios=ratios
        )
        world.analog[options["v_adc"]] = outlet.meter.v
        world.analog[options["i_adc"]] = outlet.meter.i


def _spi(world, chip, options):
    from sim.chips.wires import SPIWire

    wire = world.spi[options["bus"]] = SPIWire(chip)
    world.digital[options["cs"]] = lines.ChipSelect(wire)


def _uart(world, chip, options, parity, bits):
    from sim.chips.uart import UARTWire

    world.serial[options["bus"]] = SerialMeter(UARTWire(chip, timebase.ticks_ms, bits=bits, rxbuf=1024), parity)


class SerialMeter:
    """A meter chip as machine.UART finds it, at 4800 baud with or without parity; any other setting reads rubbish."""

    def __init__(self, wire, parity):
        self.parity = parity
        self._wire = wire

    def take(self, count, baud, plain):
        """Bytes received so far, at most count; None counts them only."""
        if count is None:
            return self._wire.any()
        data = self._wire.read(count) or b""
        if baud != 4800 or not plain:
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
