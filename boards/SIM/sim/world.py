"""The electrical world around the board: outlets, mains, shared pins. One at a time; the shims look it up here.

    from sim import launch, world
    launch.config["connectors"] = 2
    w = world.fresh()          # a new world; make drivers after this
    w.outlets[0].plug(ev.ASKING)
"""

import math

import utime

from sim import displays, faults, front_ends, lines, readers, timebase
from sim.launch import config, setting
from sim.outlet import KEPT, Outlet

_PRESS_MS = 300
_MAINS_SETTINGS = ("v_mv", "f_mhz", "phases", "lost_phase", "shift_pct", "impedance_mohm", "flicker_pct", "flicker_ms")

_world = None


class Mains:
    """Supply of the whole charger: `v_mv` phase to neutral, `f_mhz` in 0.001 Hz, `phases` that are there.

    refresh() after a change of the rest:

    lost_phase      1 to 3: that phase is dead, 0: none
    shift_pct       the neutral is lost, and the loads of the house draw the star point towards L1 by so much of the voltage
    impedance_mohm  of the supply: each phase sags by the current of all outlets in it
    flicker_pct, flicker_ms  the voltage is lower by so much in the second half of each period
    """

    def __init__(self, volts):
        self.v_mv = volts * 1000
        self.f_mhz = 50000
        self.phases = 3
        self.lost_phase = self.shift_pct = self.impedance_mohm = self.flicker_pct = 0
        self.flicker_ms = 1000
        self.outlets = []
        self.refresh()

    def refresh(self):
        """Work out what depends on settings. `even`: each phase that is there has v_mv."""
        self.even = not (self.lost_phase or self.shift_pct or self.impedance_mohm or self.flicker_pct)
        share = self.shift_pct / 100
        self._other_milli = int(1000 * math.sqrt(1 + share + share * share) + 0.5)

    def phase_mv(self, n):
        """Voltage of phase n, from 0."""
        if n >= self.phases:
            return 0
        if self.even:
            return self.v_mv
        return 0 if n + 1 == self.lost_phase else max(0, self._uneven_mv(n))

    def _uneven_mv(self, n):
        mv = self.v_mv // 1000 * (1000 - 10 * self.shift_pct if n == 0 else self._other_milli)
        if self.flicker_pct and timebase.ticks_ms() % self.flicker_ms * 2 >= self.flicker_ms:
            mv -= mv // 100 * self.flicker_pct
        if self.impedance_mohm:
            for outlet in self.outlets:
                mv -= outlet.phase_ma(n) * self.impedance_mohm // 1000
        return mv


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
        self.outlets = self.mains.outlets
        self.i2c = {}  # bus number: {address: chip}
        self.spi = {}  # bus number: object with write(buf) and readinto(buf), as chips.wires.SPIWire
        self.digital = {}
        self.analog = {}
        self.serial = {}  # UART number: a reader of sim.readers or front_ends.SerialMeter
        self.button = Button()
        self.board_faults = set()
        for n in range(len(board.OUTLETS)):
            self._add_outlet(n + 1, board.OUTLETS[n])
        self.house = None
        if getattr(board, "HOUSE", None):
            self.house = front_ends.House(self.mains)
            front_ends.connect(self, self.house, *board.HOUSE)
        self.display = displays.connect(self, getattr(board, "DISPLAY", None))
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
            options = wiring["reader"]
            readers.connect(front_ends.Place(self, outlet, options.get("kind", "serial_ascii"), options))
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
        """The state that a restart of the charger does not change: the car, the cable, the supply, the settings, the faults."""
        outlets = []
        for outlet in self.outlets:
            kept = {
                "want": outlet.ev.want,
                "s2": outlet.ev.s2 and outlet.ev.holds_s2,
                "faults": sorted(outlet.faults),
                "temperature_mc": outlet.temperature_mc,
                "parts": [_settings(outlet, part, names) for part, names in KEPT],
            }
            outlets.append(kept)
        mains = [getattr(self.mains, name) for name in _MAINS_SETTINGS]
        return {"outlets": outlets, "mains": mains, "faults": sorted(self.board_faults)}

    def restore(self, snapshot):
        """Take a snapshot() over."""
        for name, value in zip(_MAINS_SETTINGS, snapshot["mains"]):
            setattr(self.mains, name, value)
        self.mains.refresh()
        for name in snapshot["faults"]:
            self.set_fault(name, 0, True)
        for outlet, kept in zip(self.outlets, snapshot["outlets"]):
            _restore_outlet(self, outlet, kept)


def _settings(outlet, part, names):
    """Values of a row of outlet.KEPT, None where the outlet has no such part."""
    owner = getattr(outlet, part) if part else outlet
    return None if owner is None else [getattr(owner, name) for name in names]


def _restore_outlet(world, outlet, kept):
    for (part, names), values in zip(KEPT, kept["parts"]):
        for name, value in zip(names, values or ()):
            setattr(getattr(outlet, part) if part else outlet, name, value)
    outlet.pilot_sense.refresh()
    outlet.temperature_mc = outlet.target_mc = kept["temperature_mc"]
    for name in kept["faults"]:
        world.set_fault(name, outlet.id, True)
    if "HighTemperature" not in kept["faults"]:
        outlet.set_ambient()
    interrupted = outlet.ev.interrupted
    outlet.plug(kept["want"])
    outlet.ev.interrupted = interrupted
    outlet.ev.s2 = kept["s2"]
    outlet.refresh()


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
