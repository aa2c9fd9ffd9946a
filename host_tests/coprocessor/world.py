"""The simulated pilot circuit seen by the co-processor's ADC, and the firmware's side of the shared words."""

import copy
import importlib.util
import random
from functools import cache, cached_property

from board_definition import checks, loading
from coprocessor.emulator import Ulp, UlpS3
from ulp import assemble

SPEC = importlib.util.spec_from_file_location("circuit", loading.BOARDS / "SIM" / "sim" / "circuit.py")
circuit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(circuit)

ARMED, ABOVE, BELOW, NEGATIVE, PWM, BEAT, _, CAUSE, HIGH, LOW, PASSES = range(11)
HOLD, HELD, _, STOP = range(14, 18)
OHM = {"A": 0, "B": 2740, "C": 882, "D": 246}
EDGE_US = 14
TICK_US = 20_000


def counts(mv):
    """Counts of the 12-bit ADC at its greatest attenuation, with an ideal line."""
    return max(0, min(4095, round(mv * 4095 / 3300)))


class Board:
    """A board with the program, and its chip in the emulator."""

    def __init__(self, name, ulp, clocks_hz):
        self.name, self.ulp = name, ulp
        self.slowest_hz, self.clock_hz, self.fastest_hz = clocks_hz

    @cached_property
    def data(self):
        return loading.load(loading.BOARDS / self.name)

    @cached_property
    def chip(self):
        return loading.chip_of(loading.BOARDS / self.name)

    @cached_property
    def registers(self):
        return assemble.registers(self.chip)

    @property
    def channel(self):
        """The pilot's, of ADC1."""
        return self.chip.adc1.index(self.data["OUTLETS"][0]["pilot"]["adc"])

    @cache  # noqa: B019
    def program(self, closing_level=1):
        """For a contactor that this level closes."""
        data = copy.deepcopy(self.data)
        data["OUTLETS"][0]["contactor"]["active"] = closing_level
        return assemble.program(data, self.chip)


# The S3's RTC_FAST_CLK is its oscillator of 17.5 MHz or half of the crystal's 40 MHz.
ESP32 = Board("ESP32_DEVKITC", Ulp, (7_500_000, 8_000_000, 9_000_000))
S3 = Board("ESP32_S3_DEVKITC", UlpS3, (16_000_000, 17_500_000, 20_000_000))
BOARDS = (ESP32, S3)


class Rig:
    """A co-processor with the assembled program of a board, its pilot, its car, and the contactor's pad."""

    def __init__(self, board=ESP32, seed=1, clock_hz=None, duty=0.267, phase_us=0.0, ventilation=False, closing_level=1):
        self.board, self.registers, self.channel = board, board.registers, board.channel
        pilot = board.data["OUTLETS"][0]["pilot"]
        out = board.data["OUTLETS"][0]["contactor"]["out"]
        self.pad, self.pad_bit = assemble.pad(board.chip, out)
        self.rtc_bit = assemble.rtc_bit(board.chip, out)
        self.closing_level = self.digital = closing_level  # what the main CPU drives; None: a reset, it drives nothing
        self.clock_hz, self.duty, self.phase_us = clock_hz or board.clock_hz, duty, phase_us
        self.noise = random.Random(seed)
        self.circuit = circuit.PilotCircuit(circuit.Random(seed), pilot["r1"], pilot["r2"], pilot["r3"], pilot["rail_mv"])
        self.spike = None  # counts that one conversion in 100 gives instead
        self.diode = True
        self.car = "C"
        self.set_car("C")
        self.ulp = board.ulp(self.adc)
        self.ulp.load(board.program(closing_level), assemble.ENTRY)
        self.ulp.peripheral[self.registers.sar_start] = 1 << 31 | 1 << 18
        for word, mv in ((ABOVE, 7500), (BELOW, 1500 if ventilation else 4500), (NEGATIVE, -9000)):
            self.ulp.memory[word] = counts(checks.node_mv(pilot, mv))
        self.ulp.memory[PWM] = 1
        self.ulp.memory[ARMED] = 1

    def set_car(self, state, diode=True):
        """The car's resistance and diode."""
        self.car = state
        self.circuit.solve(OHM[state], diode)

    def adc(self, channel, cycles):
        """The voltage at the divider's node when the conversion ends."""
        assert channel == self.channel
        if self.spike is not None and self.noise.randrange(100) == 0:
            return self.spike
        return counts(self.node_mv(cycles))

    def node_mv(self, cycles):
        """The divider's node at a time, with noise."""
        at = (cycles * 1_000_000 / self.clock_hz + self.phase_us) % 1000
        high, low = self.circuit.high_uv, self.circuit.low_uv
        width = self.duty * 1000
        if self.duty >= 1:
            uv = high
        elif at < width:
            uv = high if at >= EDGE_US else low + (high - low) * at / EDGE_US
        else:
            uv = low if at - width >= EDGE_US else high + (low - high) * (at - width) / EDGE_US
        return uv / 1000 + self.noise.uniform(-6, 6)

    def fork(self):
        """Another rig in the same state."""
        at = copy.copy(self)
        at.ulp = copy.copy(self.ulp)
        at.ulp.memory, at.ulp.registers = self.ulp.memory[:], self.ulp.registers[:]
        at.ulp.peripheral = dict(self.ulp.peripheral)
        at.circuit = copy.copy(self.circuit)
        at.ulp.adc = at.adc
        return at

    @property
    def now_us(self):
        """Time on the co-processor's clock."""
        return self.ulp.cycles * 1_000_000 / self.clock_hz

    @property
    def taken(self):
        """True once the RTC has the contactor's pad."""
        return bool(self.ulp.peripheral.get(self.pad, 0) >> self.pad_bit & 1)

    @property
    def level(self):
        """The level of the pad: the RTC's where it has the pad, else the main CPU's; None where nobody drives it."""
        if not self.taken:
            return self.digital
        if not self.ulp.peripheral.get(self.registers.rtc_enable, 0) >> self.rtc_bit & 1:
            return None
        return self.ulp.peripheral.get(self.registers.rtc_out, 0) >> self.rtc_bit & 1

    @property
    def open(self):
        """True once the pad is driven to the level that opens."""
        return self.level == 1 - self.closing_level

    def word(self, number):
        """A shared word as the firmware reads it."""
        return self.ulp.memory[number] & 0xFFFF

    def run_us(self, us, beating=True):
        """Let time pass, with the firmware's beat each control tick or without."""
        end = self.now_us + us
        while self.now_us < end:
            self.ulp.run(int(min(end, self.now_us + TICK_US) * self.clock_hz / 1_000_000) + 1)
            if beating:
                self.ulp.memory[BEAT] = (self.ulp.memory[BEAT] + 1) & 0xFFFF

    def until_open_us(self, limit_us):
        """The time to open from now on, without a beat; None when it does not within limit_us."""
        start, ulp = self.now_us, self.ulp
        end = ulp.cycles + int(limit_us * self.clock_hz / 1_000_000)
        while ulp.cycles < end:
            ulp.step()
            if self.taken and self.open:
                return self.now_us - start
        return None
