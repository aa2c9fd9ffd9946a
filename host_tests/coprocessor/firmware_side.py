"""The firmware's own drivers (drivers/coprocessor.py, pilot.py, contactor.py) beside the emulated program, on one clock.

Each step of the firmware takes time, in which the program runs on. What both share is the RTC memory, ADC1 and the contactor's
pad; the program's ADC has another line than the pilot driver's, as a chip's raw counts have.
"""

import builtins
import importlib
import sys
import time
import types
import typing

from board_definition import loading
from coprocessor.world import HELD, Rig
from ulp import assemble

_CONVERSION_US, _STEP_US = 45, 3
_MEMORY = 0x5000_0000
_LINES = {"esp32": (142, 1.2413), "esp32s3": (0, 1.3210)}  # mV at 0 and counts a mV at the greatest attenuation
_BORROWED = ("charger", "charger.clock", "charger.drivers", "charger.drivers.contactor", "charger.drivers.coprocessor",
             "charger.drivers.pilot", "machine", "esp32", "micropython")
POWER_ON, ORDERED = 1, 3


class BoardRig(Rig):
    """A Rig whose firmware side is the firmware: `drivers` is drivers/coprocessor.py. tick() is what a control tick does."""

    def __init__(self, wiring, board, **options):
        super().__init__(board, **options)
        self.wiring, self.collisions, self.starts, self.snapshots = wiring, 0, 0, None
        self.reset_cause = POWER_ON
        self.halted_when_loaded = []
        self.ulp = board.ulp(self.adc)
        self.ulp.halted = True
        self.digital = None
        self.drivers = None

    def adc(self, channel, cycles):
        """Raw counts of the program's conversion."""
        offset_mv, counts_per_mv = _LINES[self.board.chip.name]
        return max(0, min(4095, round((self.node_mv(cycles) - offset_mv) * counts_per_mv)))

    def spend(self, us):
        """The main CPU works for so long."""
        self.run_us(us, beating=False)
        if self.snapshots is not None:
            self.snapshots.append(self.fork())

    def run_us(self, us, beating=True):
        """Let time pass, which the end of the program does not stop. The beat is the driver's."""
        end = self.ulp.cycles + int(us * self.clock_hz / 1_000_000) + 1
        self.ulp.run(end)
        self.ulp.cycles = max(self.ulp.cycles, end)

    def take_back(self, is_contactor, level):
        """A pin gets a mode: rtc_gpio_deinit(), after which some releases of the ESP-IDF stop the clock of the S3's RTC_IO."""
        if is_contactor:
            self.digital = level
            self.ulp.write(self.pad, self.ulp.peripheral.get(self.pad, 0) & ~(1 << self.pad_bit))
        if self.registers.clocks is not None:
            register = self.registers.clocks.register
            self.ulp.peripheral[register] = self.ulp.peripheral.get(register, 0) & ~(1 << self.registers.clocks.high)

    def start(self):
        """The firmware starts, as after a power-on or a reset."""
        self.contactor, self.pilot = self.drivers.watch(self.wiring)
        self.pilot.start((None,))
        self.pilot.set_duty(int(self.duty * 65535))

    def tick(self, again=False):
        """The part of a tick that matters, and the rest of its 20 ms."""
        end_us = self.now_us + 20_000
        self.pilot.read()
        if again:
            self.pilot.read_again()
        self.spend(max(1, end_us - self.now_us))


def _machine(rig):
    """`machine` of that rig."""

    class Pin:
        OUT, IN = 3, 1

        def __init__(self, number, mode=None, value=None, hold=None):
            self.is_contactor = number == rig.wiring["contactor"]["out"]
            self.init(mode, value=value)

        def init(self, mode=None, value=None, hold=None):
            if mode is not None:
                rig.take_back(self.is_contactor, value)

        def value(self, level=None):
            if level is None:
                return 0
            if self.is_contactor:
                rig.digital = level
            return None

    class ADC:
        ATTN_11DB = 3

        def __init__(self, pin, atten):
            pass

        def read_uv(self):
            rig.ulp.peripheral[rig.registers.sar_start] = 1 << 31 | 1 << 18  # the conversion's start is the software's from here
            if not rig.ulp.halted and not rig.word(HELD):
                rig.collisions += 1
            rig.spend(_CONVERSION_US)
            rig.ulp.peripheral[rig.registers.power.register] = 0  # off, but for the time of a conversion
            return int(rig.node_mv(rig.ulp.cycles)) * 1000

    class Mem16:
        def __getitem__(self, address):
            rig.spend(_STEP_US)
            return rig.ulp.memory[(address - _MEMORY) // 4] & 0xFFFF

        def __setitem__(self, address, value):
            rig.spend(_STEP_US)
            at = (address - _MEMORY) // 4
            rig.ulp.memory[at] = rig.ulp.memory[at] & ~0xFFFF | value & 0xFFFF

    pwm = types.SimpleNamespace(duty_u16=lambda duty: None, deinit=lambda: None, init=lambda **options: None)
    return types.SimpleNamespace(Pin=Pin, ADC=ADC, PWM=lambda pin, **options: pwm, mem16=Mem16(), PWRON_RESET=POWER_ON,
                                 reset_cause=lambda: rig.reset_cause)


def _esp32(rig):
    """`esp32` of that rig."""

    class ULP:
        def load_binary(self, address, binary):
            rig.halted_when_loaded.append(rig.ulp.halted)
            rig.ulp.load(binary, 0)

        def run(self, entry):
            rig.ulp.pc, rig.ulp.halted = entry // 4, False
            rig.starts += 1

    return types.SimpleNamespace(ULP=ULP)


def board_rig(monkeypatch, board, **options):
    """A BoardRig of that board with the firmware's drivers imported; it has not started yet."""
    wiring = dict(board.data["OUTLETS"][0], name=board.name)
    wiring["pilot"] = dict(wiring["pilot"], conversion_us=_CONVERSION_US)
    rig = BoardRig(wiring, board, **options)
    program = types.SimpleNamespace(PROGRAM=board.program(), ENTRY=assemble.ENTRY)
    clock = types.SimpleNamespace(ticks_us=lambda: int(rig.now_us), ticks_diff=lambda a, b: a - b, ticks_add=lambda a, b: a + b)
    charger, drivers = types.ModuleType("charger"), types.ModuleType("charger.drivers")
    charger.__path__ = [str(loading.ROOT / "firmware" / "charger")]
    drivers.__path__ = [str(loading.ROOT / "firmware" / "charger" / "drivers")]
    charger.clock = clock
    for module in _BORROWED:
        monkeypatch.delitem(sys.modules, module, raising=False)
    for module, fake in (("charger", charger), ("charger.clock", clock), ("charger.drivers", drivers), ("machine", _machine(rig)),
                         ("esp32", _esp32(rig)), ("coprocessor_program", program),
                         ("micropython", types.SimpleNamespace(const=lambda value: value))):
        monkeypatch.setitem(sys.modules, module, fake)
    for name in ("Any", "Callable"):
        monkeypatch.setattr(builtins, name, getattr(typing, name), raising=False)
    monkeypatch.setattr(time, "sleep_us", rig.spend, raising=False)
    monkeypatch.setattr(time, "sleep_ms", lambda ms: rig.spend(1000 * ms), raising=False)
    rig.drivers = importlib.import_module("charger.drivers.coprocessor")
    return rig
