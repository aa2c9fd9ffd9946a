"""The electrical world around the board: outlets, mains, shared pins. One at a time; the shims look it up here.

    from sim import launch, world
    launch.config["connectors"] = 2
    w = world.fresh()          # a new world; make drivers after this
    w.outlets[0].plug(ev.ASKING)
"""

import utime

from sim import faults, front_ends, lines, timebase
from sim.launch import config, setting
from sim.outlet import Outlet

_PRESS_MS = 300
_EV_SETTINGS = ("max_ma", "phases", "diode", "obeys", "simplified", "reaction_ms", "stop_ms", "pf_milli", "sleep_ms")

_world = None


class Mains:
    """Supply of the whole charger: `v_mv` phase to neutral, `f_mhz` in 0.001 Hz, `phases` that are there."""

    def __init__(self, volts):
        self.v_mv = volts * 1000
        self.f_mhz = 50000
        self.phases = 3


class Button(lines.Input):
    """Push button to ground with a pull-up: 0 while pressed."""

    def __init__(self):
        super().__init__(1)
        self._until = None

    def press(self, ms=_PRESS_MS):
        """Hold it down for ms."""
        self._until = utime.ticks_add(timebase.ticks_ms(), ms)

    def read(self):
        """Level now."""
        if self._until is not None and utime.ticks_diff(self._until, timebase.ticks_ms()) <= 0:
            self._until = None
        return 1 if self._until is None else 0

    def next_ms(self):
        """Until it is let go."""
        return -1 if self._until is None else utime.ticks_diff(self._until, timebase.ticks_ms())


class World:
    """Everything outside the chip. `outlets` are in connector order; line() returns the line that a pin is connected to."""

    def __init__(self):
        import board

        try:
            volts = int(setting("SupplyVoltage", "230"))
        except ValueError:
            volts = 230
        self.mains = Mains(volts)
        self.outlets = []
        self.i2c = {}  # bus number: {address: chip}
        self.spi = {}  # bus number: object with write(buf) and readinto(buf), as chips.wires.SPIWire
        self.digital = {}
        self.analog = {}
        self.serial = {}  # UART number: CardReader or front_ends.SerialMeter
        self.button = Button()
        self.board_faults = set()
        for n in range(len(board.OUTLETS)):
            self._add_outlet(n + 1, board.OUTLETS[n])
        self._shared = board.SHARED
        for name, pin in board.SHARED.items():
            if pin is not None:
                line = lines.Line() if name in ("led", "pixel") else lines.Input()
                self.digital[pin] = self.button if name == "button" else line

    def _add_outlet(self, number, wiring):
        outlet = Outlet(number, config["seed"], wiring, self.mains)
        digital, analog = lines.of_outlet(outlet, wiring)
        self.digital.update(digital)
        self.analog.update(analog)
        if wiring["reader"]:
            self.serial[wiring["reader"]["uart"]] = outlet.reader
        kind, options = wiring["meter"]
        front_ends.connect(self, outlet, kind, options)
        self.outlets.append(outlet)

    def line(self, pin):
        """Line of a pin; pins that nothing is connected to get one that remembers."""
        if pin not in self.digital:
            self.digital[pin] = lines.Line()
        return self.digital[pin]

    def light(self):
        """The status LED: 1 or 0, or "RRGGBB" of a pixel; None on a board without one."""
        pixel = self._shared.get("pixel")
        pin = self._shared.get("led") if pixel is None else pixel
        return None if pin is None else self.line(pin).read()

    def outlet(self, number):
        """Outlet by connector id; ValueError for one that does not exist."""
        if type(number) is not int or not 1 <= number <= len(self.outlets):
            raise ValueError("no connector %s" % number)
        return self.outlets[number - 1]

    # --- faults ---

    def set_fault(self, name, number, on):
        """Raise or clear a fault of sim.faults; ValueError for an unknown one."""
        if name in faults.OF_BOARD and (number in (0, None) or name not in faults.OF_OUTLET):
            (self.board_faults.add if on else self.board_faults.discard)(name)
            self.line(self._shared[faults.OF_BOARD[name]]).value = 1 if on else 0
            for outlet in self.outlets if name in faults.OF_OUTLET else ():
                self.set_fault(name, outlet.id, on)
            return
        if name not in faults.OF_OUTLET:
            known = sorted(set(faults.OF_OUTLET) | set(faults.OF_BOARD))
            raise ValueError("no fault %s; there are %s" % (name, ", ".join(known)))
        outlet = self.outlet(1 if number is None else number)
        outlet.sync()
        if outlet.meter is not None:
            outlet.meter.advance()
        (outlet.faults.add if on else outlet.faults.discard)(name)
        faults.OF_OUTLET[name](outlet, on)
        outlet.refresh()

    def set_mains(self, volts=None, hertz=None, phases=None):
        """Change the supply; ValueError outside 0 to 400 V, 40 to 70 Hz, 1 to 3 phases, of which the first are there."""
        if volts is not None and not 0 <= volts <= 400:
            raise ValueError("volts out of range")
        if hertz is not None and not 40 <= hertz <= 70:
            raise ValueError("hertz out of range")
        if phases is not None and not 1 <= phases <= 3:
            raise ValueError("phases out of range")
        for outlet in self.outlets:
            outlet.sync()
            if outlet.meter is not None:
                outlet.meter.advance()
        if volts is not None:
            self.mains.v_mv = int(volts * 1000)
        if hertz is not None:
            self.mains.f_mhz = int(hertz * 1000)
        if phases is not None:
            self.mains.phases = phases

    # --- over a reboot ---

    def snapshot(self):
        """What stays as it is while the charger restarts: the car, the cable, the supply, the faults."""
        outlets = []
        for outlet in self.outlets:
            car = outlet.ev
            outlets.append({
                "want": car.want,
                "ev": {name: getattr(car, name) for name in _EV_SETTINGS},
                "cable_ohm": outlet.cable_ohm,
                "faults": sorted(outlet.faults),
                "temperature_mc": outlet.temperature_mc,
                "delivered_mwh": outlet.delivered_mwh,
            })  # fmt: skip
        mains = [self.mains.v_mv, self.mains.f_mhz, self.mains.phases]
        return {"outlets": outlets, "mains": mains, "faults": sorted(self.board_faults)}

    def restore(self, snapshot):
        """Take a snapshot() over."""
        self.mains.v_mv, self.mains.f_mhz, self.mains.phases = snapshot["mains"]
        for name in snapshot["faults"]:
            self.set_fault(name, 0, True)
        for outlet, kept in zip(self.outlets, snapshot["outlets"]):
            for name, value in kept["ev"].items():
                setattr(outlet.ev, name, value)
            outlet.cable_ohm = kept["cable_ohm"]
            outlet.temperature_mc = outlet.target_mc = kept["temperature_mc"]
            outlet.delivered_mwh = kept["delivered_mwh"]
            for name in kept["faults"]:
                self.set_fault(name, outlet.id, True)
            if "HighTemperature" not in kept["faults"]:
                outlet.set_ambient()
            outlet.plug(kept["want"])


def any_closed():
    """True while the contacts of an outlet are closed."""
    for outlet in current().outlets:
        outlet.sync()
        if outlet.contactor.closed:
            return True
    return False


def current():
    """The world, made on first use."""
    return _world if _world is not None else fresh()


def fresh():
    """Make a new world from launch.config; pins connected to the old one keep it."""
    global _world
    _world = World()
    return _world
