"""A unit's pilot and mains with a jig's pins on them, and what of the module machine the jig's firmware takes.

`jig` is that firmware's module: its numbers say which pin is what.
"""

from check import equal, true

from sim.circuit import PilotCircuit, Random


class Wires:
    """A unit's pilot and mains, and the jig's pins on them."""

    def __init__(self, jig):
        self.jig = jig
        self.levels = dict.fromkeys(jig.PINS.values(), 0)
        self.circuit = PilotCircuit(Random(1), **{name: jig.DIVIDER[name] for name in ("r1", "r2", "r3")})
        self.duty_permille = 1000
        self.live = False
        self.sent = b""
        self.samples = 0
        self._solved = b""
        self.changes = []  # (name, level) of each output

    def closed(self, name):
        return self.levels[self.jig.PINS[name]] == 1

    def solve(self):
        """The levels at the pilot for what is closed; worked out when that has changed."""
        closed = bytes(self.levels.values())
        if closed == self._solved:
            return
        self._solved = closed
        siemens = 0
        for name, ohm in (("car_b", 2740), ("car_c", 1300), ("car_d", 270)):
            if self.closed(name):
                siemens += 1 / ohm
        self.circuit.short_ohm = 100 if self.closed("pilot_short") else 0
        self.circuit.solve(int(1 / siemens) if siemens else 0, not self.closed("diode_short"))

    def is_high(self):
        """A period has 25 samples; the jig sees one after the other."""
        self.samples += 1
        return self.samples % 25 * 40 < self.duty_permille


class Io:
    """The part of the module machine that the jig uses."""

    def __init__(self, wires):
        names = {number: name for name, number in wires.jig.PINS.items()}

        class Pin:
            IN, OUT = 1, 3

            def __init__(self, number, mode=1, value=None):
                self.number = number
                if value is not None:
                    wires.levels[number] = value

            def value(self, level=None):
                if level is not None:
                    wires.levels[self.number] = level
                    wires.changes.append((names[self.number], level))
                    return None
                if names[self.number] == "live":
                    return 0 if wires.live else 1
                return 1 if wires.duty_permille == 1000 else 0

        class ADC:
            ATTN_11DB = 3

            def __init__(self, pin, atten=0):
                equal((names[pin.number], atten), ("pilot_adc", 3))

            def read_uv(self):
                wires.solve()
                return wires.circuit.high_uv if wires.is_high() else wires.circuit.low_uv

        class UART:
            def __init__(self, number, **options):
                equal((options["baudrate"], options["bits"], options["parity"], options["stop"]), (9600, 8, None, 1))

            def write(self, data):
                wires.sent += data

        self.Pin, self.ADC, self.UART, self._wires = Pin, ADC, UART, wires

    def time_pulse_us(self, pin, level, timeout_us):
        duty = self._wires.duty_permille
        true(timeout_us > 1000, "shorter than a period")
        return -2 if duty in (0, 1000) else duty if level else 1000 - duty
