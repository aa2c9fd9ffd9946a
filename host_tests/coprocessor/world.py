"""The simulated pilot circuit seen by the co-processor's ADC, and the firmware's side of the shared words."""

import importlib.util
import random

from board_definition import checks, loading
from coprocessor.emulator import Ulp
from ulp import assemble

SPEC = importlib.util.spec_from_file_location("circuit", loading.BOARDS / "SIM" / "sim" / "circuit.py")
circuit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(circuit)

BOARD = "ESP32_DEVKITC"
ARMED, ABOVE, BELOW, NEGATIVE, PWM, BEAT, PATIENCE, CAUSE, HIGH, LOW, PASSES = range(11)
OHM = {"A": 0, "B": 2740, "C": 882, "D": 246}
EDGE_US = 14
TICK_US = 20_000


def counts(mv):
    """Counts of the 12-bit ADC at its greatest attenuation, with an ideal line."""
    return max(0, min(4095, round(mv * 4095 / 3300)))


class Rig:
    """A co-processor with the assembled program of a board, its pilot and its car."""

    def __init__(self, seed=1, clock_hz=8_000_000, duty=0.267, phase_us=0.0, ventilation=False, binary=None):
        data = loading.load(loading.BOARDS / BOARD)
        pilot = data["OUTLETS"][0]["pilot"]
        self.pad, self.pad_bit = assemble.pad(data["OUTLETS"][0]["contactor"]["out"])
        self.clock_hz, self.duty, self.phase_us = clock_hz, duty, phase_us
        self.noise = random.Random(seed)
        self.circuit = circuit.PilotCircuit(circuit.Random(seed), pilot["r1"], pilot["r2"], pilot["r3"], pilot["rail_mv"])
        self.spike = None  # counts that one conversion in 100 gives instead
        self.diode = True
        self.car = "C"
        self.set_car("C")
        self.ulp = Ulp(self.adc)
        self.ulp.load(binary or assemble.of_board(BOARD), assemble.ENTRY)
        self.ulp.peripheral[assemble.SAR_START] = 1 << 31 | 1 << 18
        for word, mv in ((ABOVE, 7500), (BELOW, 1500 if ventilation else 4500), (NEGATIVE, -9000)):
            self.ulp.memory[word] = counts(checks.node_mv(pilot, mv))
        self.ulp.memory[PWM] = 1
        self.ulp.memory[PATIENCE] = 2_000_000 // 1500  # passes of some 1.5 ms
        self.ulp.memory[ARMED] = 1

    def set_car(self, state, diode=True):
        """The car's resistance and diode."""
        self.car = state
        self.circuit.solve(OHM[state], diode)

    def adc(self, channel, cycles):
        """What the divider's node has when the conversion ends."""
        assert channel == 6  # GPIO34
        if self.spike is not None and self.noise.randrange(100) == 0:
            return self.spike
        at = (cycles * 1_000_000 / self.clock_hz + self.phase_us) % 1000
        high, low = self.circuit.high_uv, self.circuit.low_uv
        width = self.duty * 1000
        if self.duty >= 1:
            uv = high
        elif at < width:
            uv = high if at >= EDGE_US else low + (high - low) * at / EDGE_US
        else:
            uv = low if at - width >= EDGE_US else high + (low - high) * (at - width) / EDGE_US
        return counts(uv / 1000 + self.noise.uniform(-6, 6))

    @property
    def now_us(self):
        """Time on the co-processor's clock."""
        return self.ulp.cycles * 1_000_000 / self.clock_hz

    @property
    def open(self):
        """True once the RTC has the contactor's pad."""
        return bool(self.ulp.peripheral.get(self.pad, 0) >> self.pad_bit & 1)

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
        """How long it takes to open from now on, without a beat; None when it does not within limit_us."""
        start, ulp = self.now_us, self.ulp
        end = ulp.cycles + int(limit_us * self.clock_hz / 1_000_000)
        while ulp.cycles < end:
            ulp.step()
            if ulp.peripheral.get(self.pad, 0) >> self.pad_bit & 1:
                return self.now_us - start
        return None
