"""Lines that the board's pins are connected to. A line has read() and write(value); ADC lines have read_uv().

next_ms() says in how many ms a line may change by itself, as things stand; -1: not before something is done to it.
"""


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


class Input(Line):
    """A pin that something else drives; driving it changes nothing."""

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


class Auxiliary(_OfOutlet):
    """Auxiliary contact of a contactor; `mirror`: closed while every main contact is open."""

    def __init__(self, outlet, contactor, mirror=False):
        super().__init__(outlet)
        self._contactor = contactor
        self._mirror = mirror

    def read(self):
        """1: closed, or with a mirror contact open."""
        self.outlet.sync()
        level = self._contactor.feedback
        return 1 - level if self._mirror else level

    def next_ms(self):
        """While the contacts move or bounce."""
        outlet = self.outlet
        return self._contactor.next_ms(not outlet.rcd.tripped)


class PoleVoltage(_OfOutlet):
    """Sensor of the voltage behind one pole of a contactor."""

    def __init__(self, outlet, contactor):
        super().__init__(outlet)
        self._contactor = contactor

    def read(self):
        """1: live."""
        outlet = self.outlet
        outlet.sync()
        return 1 if self._contactor.closed and outlet.supply_mv > 50000 else 0

    def next_ms(self):
        """While the contacts move."""
        return self._contactor.next_ms(not self.outlet.rcd.tripped)


class Trip(_OfOutlet):
    """Output of the residual current monitor."""

    def read(self):
        """1: tripped."""
        outlet = self.outlet
        outlet.sync()
        return 1 if outlet.rcd.tripped else 0

    def next_ms(self):
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


class Bolted(_OfOutlet):
    """Feedback switch of the socket's lock."""

    def read(self):
        """1: locked."""
        outlet = self.outlet
        outlet.sync()
        return 1 if outlet.lock.locked else 0

    def next_ms(self):
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


class Fault(_OfOutlet):
    """General fault input of one outlet."""

    def read(self):
        """1: fault."""
        return self.outlet.fault_pin


class PilotSense(_OfOutlet):
    """ADC behind the pilot's divider."""

    def read_uv(self):
        """One sample, microvolts."""
        return self.outlet.sample_uv()


class Proximity(_OfOutlet):
    """ADC across the cable's coding resistor."""

    def read_uv(self):
        """Microvolts."""
        self.outlet.sync()
        return min(self.outlet.proximity_uv, self.outlet.adc_max_uv)


class Thermistor(_OfOutlet):
    """ADC across the thermistor."""

    def read_uv(self):
        """Microvolts."""
        self.outlet.sync()
        return min(self.outlet.ntc_uv, self.outlet.adc_max_uv)


def _of_contactor(outlet, contactor, wiring):
    """Digital lines of one contactor."""
    found = {wiring["out"]: Coil(outlet, contactor, wiring["active"])}
    if wiring["contact"] == "voltage":
        for pin in wiring["feedback"]:
            found[pin] = PoleVoltage(outlet, contactor)
    else:
        found[wiring["feedback"]] = Auxiliary(outlet, contactor, wiring["contact"] == "mirror")
    return found


def of_outlet(outlet, wiring):
    """(digital lines, ADC lines) of one outlet, by pin number."""
    digital = _of_contactor(outlet, outlet.contactor, wiring["contactor"])
    digital[wiring["pilot"]["pwm"]] = PilotDrive(outlet)
    analog = {wiring["pilot"]["adc"]: PilotSense(outlet)}
    if wiring["rcd"]:
        digital[wiring["rcd"]["trip"]] = Trip(outlet)
        digital[wiring["rcd"]["test"]] = Test(outlet)
    if wiring["lock"]:
        digital[wiring["lock"]["out"]] = Bolt(outlet)
        digital[wiring["lock"]["feedback"]] = Bolted(outlet)
    if wiring["phase_switch"] is not None:
        digital.update(_of_contactor(outlet, outlet.second, wiring["phase_switch"]))
    if wiring["fault_input"]:
        digital[wiring["fault_input"]["pin"]] = Fault(outlet)
    if wiring["proximity"]:
        analog[wiring["proximity"]["adc"]] = Proximity(outlet)
    if wiring["ntc"]:
        analog[wiring["ntc"]["adc"]] = Thermistor(outlet)
    return digital, analog
