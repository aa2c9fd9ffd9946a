"""The program on the FSM co-processor, which opens the contactor while the interpreter is held up (boards/common/supervisor.S).

It samples the pilot by ADC1 all the time. For conversions of its own the firmware asks for ADC1 (take(), give()), for 4.5 ms at
the most between two passes of the program. Its thresholds are counts of the ADC. They follow from the two plateaus that pilot
driver and program have both measured, so that no line of the ADC is needed. docs/SAFETY.md, "The co-processor's program".
"""

import time

import esp32
import machine
from machine import Pin, mem16
from micropython import const

from charger.drivers.contactor import Contactor
from charger.drivers.pilot import DUTY_STEADY, Pilot

# The shared words, of which the lower 16 bits count. Beyond 30 bits an integer is an object: as constants these lie in flash.
_ARMED, _ABOVE, _BELOW, _NEGATIVE = const(0x50000000), const(0x50000004), const(0x50000008), const(0x5000000C)
_PWM, _BEAT, _CAUSE = const(0x50000010), const(0x50000014), const(0x5000001C)
_HIGH, _LOW = const(0x50000020), const(0x50000024)
_HOLD, _HELD, _STOP = const(0x50000038), const(0x5000003C), const(0x50000044)
# What is reported, docs/SAFETY.md: the causes of an opening, written by the program, and what else happens.
_CAR_LEFT, _CAUSES = const(1), const(4)
_SILENT, _UNFIT, _REFUSED = const(5), const(6), const(7)
_ABOVE_MV, _BELOW_MV, _NEGATIVE_MV = const(7500), const(4500), const(-9000)  # as the windows of CP-5 and CP-9
_PER_VOLT = const(105)  # counts: 84.8 mV a volt at the node of the reference's divider, 1.24 counts a mV
_LEAST_SPAN_MV, _MOST_SPAN_MV = const(13000), const(22000)  # between the plateaus of state C, 18 V
_ENDS_MS = const(6)  # a program that runs has ended
_LOOKS = const(20)  # at `held`, of some 10 us each; two conversions of the program take 20 us
_BEATS = const(0xFFFF)


class WatchedPilot(Pilot):
    """The pilot driver, which loads the program, shares ADC1 with it and tells it of each control tick. One of a chip."""

    def __init__(self, wiring: dict) -> None:
        self._running = self._watches = False
        self.report = 0
        self.contactor: Any = None  # of the same outlet
        Pilot.__init__(self, wiring)

    def start(self, parts: tuple) -> None:
        """Load and start the program; each of `parts`, which may be None, requests ADC1 from it from then on.

        A program that still runs since before a reset is ended first, and the reason why it opened is reported. Without a
        program the unit charges like one whose chip has no co-processor.
        """
        from coprocessor_program import ENTRY, PROGRAM  # in the board's folder, 600 frozen bytes

        for part in parts:
            if part is not None:
                part.adc = SharedAdc(part.adc, self)
        if machine.reset_cause() != machine.PWRON_RESET:  # else the words are random
            self.report = mem16[_CAUSE] if mem16[_CAUSE] <= _CAUSES else 0
            mem16[_STOP] = 1
            time.sleep_ms(_ENDS_MS)
        chip = esp32.ULP()
        try:
            chip.load_binary(0, PROGRAM)  # clears the words
            chip.run(ENTRY)
            self._running = True
        except OSError:
            self.report = _REFUSED

    def poll(self, add: Callable[[str, str], None], event: str) -> None:
        """Report in the loop what has happened in the ticks."""
        report, self.report = self.report, 0
        if report:
            add(event, "report %d" % report)

    def take(self) -> bool:
        """Ask for ADC1, in tick or loop; True for who has to give() it back. Allocates nothing, takes 0.2 ms at the most."""
        if not self._running or mem16[_HOLD]:
            return False
        mem16[_HOLD] = 1
        for _ in range(_LOOKS):
            if mem16[_HELD]:
                return True
        if mem16[_HOLD]:  # else the program has just taken it back, after 4.5 ms
            mem16[_STOP] = 1
            self._running = False
            self.disarm()
            self.report = _SILENT
        return True

    def give(self, took: bool) -> None:
        """Give ADC1 back; `took` is what take() has answered."""
        if took:
            mem16[_HOLD] = 0

    def read(self, after_us: int = 0) -> None:
        """As Pilot's, once or twice a tick. The program watches from the tick after arm() on: a pass with the old thresholds
        is over by then.
        """
        mem16[_BEAT] = (mem16[_BEAT] + 1) & _BEATS
        if self._watches:
            mem16[_ARMED] = 1
        took = self.take()
        Pilot.read(self, after_us)
        self.give(took)
        self.contactor.taken = self._running and mem16[_CAUSE] != 0

    def set_duty(self, duty: int) -> None:
        """As Pilot's. Without a PWM there is no low plateau, so the program hears of its end before and of its start after."""
        pwm = 1 if 0 < duty < DUTY_STEADY else 0
        if not pwm:
            mem16[_PWM] = 0
        Pilot.set_duty(self, duty)
        mem16[_PWM] = pwm

    def arm(self) -> None:
        """Watch. The plateaus of the last reading are those that the program sees, so thresholds in mV become counts by them."""
        low_mv = self.low_mv
        span_mv = self.high_mv - low_mv
        low = mem16[_LOW]
        span = mem16[_HIGH] - low
        usual = span_mv * _PER_VOLT // 1000 if _LEAST_SPAN_MV <= span_mv <= _MOST_SPAN_MV else 0
        if not 3 * usual < 4 * span < 5 * usual:
            self.report = _UNFIT
            return
        mem16[_ABOVE] = low + (_ABOVE_MV - low_mv) * span // span_mv
        mem16[_BELOW] = low + (_BELOW_MV - low_mv) * span // span_mv
        mem16[_NEGATIVE] = low + (_NEGATIVE_MV - low_mv) * span // span_mv
        mem16[_CAUSE] = 0
        self._watches = True

    def disarm(self) -> int:
        """Watch no longer; the cause of what the program has opened for, 0 when it has not."""
        self._watches = False
        mem16[_ARMED] = 0
        cause = mem16[_CAUSE]
        mem16[_CAUSE] = 0
        if cause and (cause != _CAR_LEFT or self.high_mv < _ABOVE_MV):  # else the firmware has seen the car stop as well
            self.report = cause
        return cause


class SharedAdc:
    """A machine.ADC whose conversions ask for ADC1 first."""

    def __init__(self, adc: Any, pilot: WatchedPilot) -> None:
        self._adc = adc
        self._pilot = pilot

    def read_uv(self) -> int:
        """One conversion, in microvolts."""
        took = self._pilot.take()
        uv = self._adc.read_uv()
        self._pilot.give(took)
        return uv


class WatchedContactor(Contactor):
    """A contactor that the program may open: `taken` is True from the next reading of the pilot on, until that after open()."""

    pilot: Any = None  # of the same outlet

    def close(self) -> None:
        """Energise the coil, watched by the program if that runs."""
        if self.pilot._running:
            self._out.init(Pin.OUT, value=1 - self._active)  # takes the pad from the RTC, should the program have taken it late
            self.pilot.arm()
        Contactor.close(self)

    def open(self) -> None:
        """Release the coil and take the pad back."""
        Contactor.open(self)
        if self.pilot._running and self.pilot.disarm():
            self._out.init(Pin.OUT, value=1 - self._active)


def watch(wiring: dict) -> tuple:
    """The drivers of contactor and pilot of the outlet that the program watches."""
    contactor = WatchedContactor(wiring["contactor"])  # first: opens its output (CP-30)
    contactor.pilot = pilot = WatchedPilot(wiring["pilot"])
    pilot.contactor = contactor
    return contactor, pilot
