"""A simulated world of one test: its first outlet, its pins, and what the firmware would see of it."""

import sys

from check import near

from sim import ev, launch, timebase, world

EXACT = {"plus_mv": 12000, "minus_mv": -12000, "source_ohm": 1000, "diode_mv": 700}


class Bench:
    """A fresh world and its first outlet, with nominal parts unless a seed is asked for."""

    def __init__(self, seed=None, connectors=1, **settings):
        timebase.manual()
        launch.config["connectors"] = connectors
        launch.config["seed"] = seed or 1
        launch.config["set"] = settings
        sys.modules.pop("board", None)
        import board

        self.world = world.fresh()
        self.board = board
        self.wiring = board.OUTLETS[0]
        self.outlet = self.world.outlets[0]
        if seed is None:
            for name, value in EXACT.items():
                setattr(self.outlet.circuit, name, value)
            self.outlet.ev._tolerance = 0
            self.outlet.refresh()

    def pin(self, part, name):
        """A pin by its place in the wiring."""
        import machine

        return machine.Pin(self.wiring[part][name])

    def plateaus_mv(self):
        """(high, low) at the connector: extremes of many samples, through the divider backwards."""
        pilot = self.wiring["pilot"]
        samples = [self.outlet.sample_uv() for _ in range(400)]
        total = 1 / pilot["r1"] + 1 / pilot["r2"] + 1 / pilot["r3"]
        zero = pilot["rail_mv"] / pilot["r2"]
        return [int((uv / 1000 * total - zero) * pilot["r1"]) for uv in (max(samples), min(samples))]

    def pass_ms(self, ms):
        """Time goes by in ticks of 20 ms, with somebody looking at the pins, as the firmware does."""
        for _ in range(ms // 20):
            timebase.advance(20)
            self.outlet.sync()
        timebase.advance(ms % 20)
        self.outlet.sync()

    def offer(self, duty, ms):
        """Set the pilot's duty of 65535, and let time pass."""
        self.outlet.set_duty(duty)
        self.pass_ms(ms)

    def drive(self, part, name, level, ms):
        """Set an output, and let time pass."""
        self.pin(part, name).value(level)
        self.pass_ms(ms)

    def set_fault(self, name, on, ms):
        """Set a fault of the first outlet, or clear it, and let time pass."""
        self.world.set_fault(name, 1, on)
        self.pass_ms(ms)

    def charge(self, duty=34952):
        """A car that charges: PWM on, S2 closed, contactor closed, current up."""
        self.outlet.plug(ev.ASKING)
        self.outlet.set_duty(duty)
        self.pass_ms(2000)
        self.pin("contactor", "out").value(1)
        if self.wiring["phase_switch"] is not None:
            self.pin("phase_switch", "out").value(1)
        self.pass_ms(6000)


def close_to(got, wanted, what):
    near(got, wanted, 100, what)  # load of the divider 40 mV, ADC noise and steps 35 mV at the connector
