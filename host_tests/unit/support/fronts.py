# Every meter front end on a bench: one simulated unit, and how to build the driver for it.
import asyncio  # noqa: F401  (first: imported from deep below, it meets the recursion limit of the 32-bit interpreter)

from charger.drivers.meters import ade7953, atm90e32, bl0942, cse7766, ct_adc
from sim.chips.ade7953 import ADE7953Chip
from sim.chips.atm90e32 import ATM90E32Chip
from sim.chips.bl0942 import BL0942Chip
from sim.chips.cse7766 import CSE7766Chip
from sim.chips.ct_adc import CtFrontEnd
from sim.chips.uart import UARTWire
from sim.chips.wires import I2CWire, SPIWire

ALL = ("ade7953_i2c", "ade7953_spi", "bl0942", "cse7766", "atm90e32", "ct_adc")


def kind_of(front):
    """The name that calibration entries use."""
    return "ade7953" if front.startswith("ade7953") else front


def phases_of(front):
    """The number of phases that the front end measures."""
    return 3 if front == "atm90e32" else 1


def place(front, time, load, seed):
    """One unit of this front end measuring the load: (what was built, build(calibration) -> driver)."""
    if kind_of(front) == "ade7953":
        chip = ADE7953Chip(load, seed, now=time.ms)
        spi = SPIWire(chip)
        wire = ade7953.SPITransport(spi, spi.cs) if front == "ade7953_spi" else ade7953.I2CTransport(I2CWire(chip))
        return chip, lambda cal: ade7953.ADE7953(wire, cal, {})
    if front == "bl0942":
        chip = BL0942Chip(load, seed, now=time.ms)
        line = UARTWire(chip, time.ms)
        return chip, lambda cal: bl0942.BL0942(line, cal, {})
    if front == "cse7766":
        chip = CSE7766Chip(load, seed, now=time.ms)
        parity = UARTWire(chip, time.ms, bits=11, rxbuf=1024)
        return chip, lambda cal: cse7766.CSE7766(parity, cal, {})
    if front == "atm90e32":
        chip = ATM90E32Chip(load, seed, now=time.ms)
        bus = SPIWire(chip)
        return chip, lambda cal: atm90e32.ATM90E32(atm90e32.Registers(bus, bus.cs), cal, {})

    def spend(us):
        time.us += us

    chip = CtFrontEnd(load, time.read_us, spend, seed)
    return chip, lambda cal: ct_adc.CtAdc(chip.v, chip.i, cal, {})
