"""Lines that the board's pins are connected to. A line has read() and write(value); ADC lines have read_uv().

next_ms() says in how many ms a line may change by itself, as things stand; -1: not before something is done to it.
disturb() on an input gives the firmware a wrong level, or a wrong voltage, for some ms.
"""

import utime

from sim import timebase
from sim.pilot_sense import chip_uv

LIVE_MV = 50000


class _Disturbed:
    """The base of every input. Reading allocates nothing."""

    _wrong_until = None
    _wrong_uv = 0

    def disturb(self, ms, uv=0):
        """For ms a digital input reads the other level, an ADC uv."""
        self._wrong_uv = uv
        self._wrong_until = utime.ticks_add(timebase.ticks_ms(), ms)

    @property
    def wrong(self):
        """True while it is disturbed."""
        if self._wrong_until is None:
            return False
        if utime.ticks_diff(self._wrong_until, timebase.ticks_ms()) > 0:
            return True
        self._wrong_until = None
        return False

    def _sooner(self, next_ms):
        """The earlier one of next_ms and the end of the disturbance."""
        if not self.wrong:
            return next_ms
        left = utime.ticks_diff(self._wrong_until, timebase.ticks_ms())
        return left if next_ms < 0 else min(left, next_ms)


class Line:
    """An unconnected pin: reads back its driven level, or its pull."""

    def __init__(self, value=0):
        self.value = value

    def read(self):
        """Level now."""
        return self.value

    def write(self, value):
        """Drive the pin."""
        self.value = value

    def next_ms(self):
        """Nothing changes it by itself."""
        return -1


class Input(Line, _Disturbed):
    """A pin that something else drives; driving it changes nothing."""

    def read(self):
        """Level now."""
        return 1 - self.value if self.wrong else self.value

    def next_ms(self):
        """The end of a disturbance."""
        return self._sooner(-1)

    def write(self, value):
        """An output against an output: the other one is stronger."""


class _OfOutlet:
    def __init__(self, outlet):
        self.outlet = outlet

    def read(self):
        """Outputs read back nothing unless the line says so."""
        return 0

    def write(self, value):
        """Inputs ignore being driven."""

    def next_ms(self):
        """Nothing changes it by itself."""
        return -1


class PilotDrive(_OfOutlet):
    """Input of the pilot's generator: as a plain output it gives a steady level."""

    def read(self):
        """1 while the generator is at +12 V all the time."""
        return 1 if self.outlet.duty_u16 == 65535 else 0

    def write(self, value):
        """Steady +12 V or -12 V."""
        self.outlet.set_duty(65535 if value else 0)

    def pwm(self, duty_u16):
        """Duty of the PWM."""
        self.outlet.set_duty(duty_u16)


class Coil(_OfOutlet):
    """Driver of a contactor's coil: the main one, or the second one of the phases 2 and 3."""

    def __init__(self, outlet, contactor, active):
        super().__init__(outlet)
        self._contactor = contactor
        self._active = active
        self._level = 1 - active

    def read(self):
        """Level of the pin, not of the coil."""
        return self._level

    def write(self, value):
        """Feed the coil, or not."""
        self.outlet.sync()
        self._level = value
        self._contactor.coil = value == self._active


class _InputOfOutlet(_OfOutlet, _Disturbed):
    """An input whose level() follows from the world."""

    def read(self):
        """Level as the firmware finds it."""
        self.outlet.sync()
        return 1 - self.level() if self.wrong else self.level()

    def next_ms(self):
        """When the level may change."""
        return self._sooner(self.moves_in_ms())

    def moves_in_ms(self):
        """Nothing changes it by itself."""
        return -1


class Auxiliary(_InputOfOutlet):
    """Auxiliary contact of a contactor; `mirror`: closed while every main contact is open."""

    def __init__(self, outlet, contactor, mirror=False):
        super().__init__(outlet)
        self._contactor = contactor
        self._mirror = mirror

    def level(self):
        """1: closed, or with a mirror contact every pole open."""
        if self._mirror:
            return 1 if self._contactor.every_pole_open else 0
        return self._contactor.feedback

    def moves_in_ms(self):
        """While the contacts move or bounce."""
        outlet = self.outlet
        return self._contactor.next_ms(not outlet.rcd.tripped)


class PoleVoltage(_InputOfOutlet):
    """Sensor of the voltage behind one pole of a contactor; pole counts from 1, phase is that of the supply, from 0."""

    def __init__(self, outlet, contactor, pole, phase):
        super().__init__(outlet)
        self._contactor = contactor
        self._pole = pole
        self._phase = phase

    def level(self):
        """1: live."""
        outlet = self.outlet
        if self._contactor.pole_closed(self._pole):
            return 1 if outlet.phase_mv(self._phase) > LIVE_MV else 0
        return 1 if outlet.leaks_mv > LIVE_MV and not outlet.ev.want else 0

    def moves_in_ms(self):
        """While the contacts move."""
        return self._contactor.next_ms(not self.outlet.rcd.tripped)


class Trip(_InputOfOutlet):
    """Output of the residual current monitor."""

    def level(self):
        """1: tripped."""
        return 1 if self.outlet.rcd.tripped else 0

    def moves_in_ms(self):
        """While the monitor makes up its mind."""
        return self.outlet.rcd.next_ms()


class Test(_OfOutlet):
    """Test input of the residual current monitor."""

    def read(self):
        """Level of the pin."""
        return 1 if self.outlet.rcd.test else 0

    def write(self, value):
        """1: test."""
        outlet = self.outlet
        outlet.sync()
        outlet.rcd.test = value == 1


class Reset(_OfOutlet):
    """Reset input of a latching residual current monitor."""

    def write(self, value):
        """1: as its button."""
        if value:
            self.outlet.sync()
            self.outlet.rcd.reset()


class Bolt(_OfOutlet):
    """Motor of the socket's lock."""

    def read(self):
        """Level of the pin."""
        return 1 if self.outlet.lock.command else 0

    def write(self, value):
        """1: lock."""
        outlet = self.outlet
        outlet.sync()
        outlet.lock.command = value == 1


class Bolted(_InputOfOutlet):
    """Feedback switch of the socket's lock."""

    def level(self):
        """1: locked."""
        return 1 if self.outlet.lock.locked else 0

    def moves_in_ms(self):
        """While the bolt moves."""
        return self.outlet.lock.next_ms()


class ChipSelect(Line):
    """Chip select of an SPI wire."""

    def __init__(self, wire):
        super().__init__(1)
        self._wire = wire

    def write(self, value):
        """0: selected."""
        self.value = value
        self._wire.cs(value)


class Fault(_InputOfOutlet):
    """General fault input of one outlet."""

    def level(self):
        """1: fault."""
        return self.outlet.fault_pin


class PilotSense(_OfOutlet):
    """ADC behind the pilot's divider."""

    def disturb(self, ms, uv=0):
        """For ms every sample is uv."""
        self.outlet.pilot_sense.force(uv, ms)

    def read_uv(self):
        """One sample, microvolts."""
        return self.outlet.sample_uv()


class _Analog(_OfOutlet, _Disturbed):
    """An ADC input of the outlet, with the chip's ends, curve and noise."""

    def read_uv(self):
        """Microvolts."""
        outlet = self.outlet
        outlet.sync()
        if self.wrong:
            return self._wrong_uv
        uv = self.true_uv()
        if outlet.adc_noise_mv:
            uv += ((outlet.pilot_sense.random() - 16384) * outlet.adc_noise_mv >> 4) * 1000 >> 10
        return chip_uv(uv, outlet.adc_min_uv, outlet.adc_max_uv, outlet.adc_bow_uv)


class Proximity(_Analog):
    """ADC across the cable's coding resistor."""

    def true_uv(self):
        """The voltage at the pin, uV."""
        return self.outlet.proximity_uv


class Thermistor(_Analog):
    """ADC across the thermistor."""

    def true_uv(self):
        """The voltage at the pin, uV."""
        return self.outlet.ntc_uv


def _of_contactor(outlet, contactor, wiring, phase):
    """Digital lines of one contactor, whose first pole switches this phase of the supply."""
    found = {wiring["out"]: Coil(outlet, contactor, wiring["active"])}
    if wiring["contact"] == "voltage":
        for n in range(len(wiring["feedback"])):
            found[wiring["feedback"][n]] = PoleVoltage(outlet, contactor, n + 1, phase + n)
    else:
        found[wiring["feedback"]] = Auxiliary(outlet, contactor, wiring["contact"] == "mirror")
    return found


def of_outlet(outlet, wiring):
    """(digital lines, ADC lines) of one outlet, by pin number."""
    digital = _of_contactor(outlet, outlet.contactor, wiring["contactor"], 0)
    digital[wiring["pilot"]["pwm"]] = PilotDrive(outlet)
    analog = {wiring["pilot"]["adc"]: PilotSense(outlet)}
    if wiring["rcd"]:
        digital[wiring["rcd"]["trip"]] = Trip(outlet)
        digital[wiring["rcd"]["test"]] = Test(outlet)
        if wiring["rcd"].get("reset") is not None:
            digital[wiring["rcd"]["reset"]] = Reset(outlet)
    if wiring["lock"]:
        digital[wiring["lock"]["out"]] = Bolt(outlet)
        digital[wiring["lock"]["feedback"]] = Bolted(outlet)
    if wiring["phase_switch"] is not None:
        digital.update(_of_contactor(outlet, outlet.second, wiring["phase_switch"], 1))
    if wiring["fault_input"]:
        digital[wiring["fault_input"]["pin"]] = Fault(outlet)
    if wiring["proximity"]:
        analog[wiring["proximity"]["adc"]] = Proximity(outlet)
    if wiring["ntc"]:
        analog[wiring["ntc"]["adc"]] = Thermistor(outlet)
    return digital, analog
