# An outlet with its real drivers in a fresh simulated world, and time moved by hand, one control tick after another.
from sim import ev, launch, timebase, world


class Rig:
    """`outlet` is the firmware's, `world` the other side of its pins. run(ms) and until(...) tick every 20 ms."""

    watched = False  # by the co-processor

    def __init__(self, connectors=1, seed=1, **settings):
        timebase.manual()
        launch.config["connectors"] = connectors
        launch.config["seed"] = seed
        launch.config["set"] = settings
        import sys

        sys.modules.pop("board", None)
        import board

        self.world = world.fresh()
        self.board = board
        self.side = self.world.outlets[0]
        self.since_poll = 0
        self.after_tick = None
        self.restart()
        self.run(6000)

    def restart(self):
        """The firmware starts anew in the same world."""
        import asyncio

        from charger.drivers import meters
        from charger.outlet.outlet import Outlet
        from charger.wiring import Parts

        self.outlets = []
        self.meters = []
        for n in range(len(self.board.OUTLETS)):
            wiring = self.board.OUTLETS[n]
            wiring["late_ms"] = self.board.LATE_TICK_MS
            kind, options = wiring["meter"]
            meter = meters.make(kind, options, factory_calibration(self.world, n))
            asyncio.run(meter.start())
            self.meters.append(meter)
            self.outlets.append(Outlet(n + 1, Parts(wiring, self.board.SHARED, meter.reading, self.watched), wiring))
        self.outlet = self.outlets[0]

    def tick_after(self, ms):
        """The rest of a tick that somebody has already spent a part of."""
        timebase.advance(ms)
        self._tick(20)

    def tick(self, ms=20):
        """One control tick, ms after the last."""
        timebase.advance(ms)
        self._tick(ms)

    def _tick(self, ms):
        self.since_poll += ms
        if self.since_poll >= 200:
            self.since_poll = 0
            for meter in self.meters:
                meter.poll()
        for outlet in self.outlets:
            outlet.tick(ms)
        if self.after_tick:
            self.after_tick(self)

    def run(self, ms, step_ms=20):
        """Ticks for ms. Where only minutes matter, ticks of 100 ms, which are not late yet, pass them five times as fast."""
        for _ in range(ms // step_ms):
            self.tick(step_ms)

    def until(self, what, ms=10000, step_ms=20):
        """Tick until what() is true; the ms it took, or an AssertionError."""
        for n in range(ms // step_ms):
            if what():
                return n * step_ms
            self.tick(step_ms)
        raise AssertionError("did not come true within %d ms: pilot %s, %s" % (
            ms, self.outlet.pilot_name(), self.outlet.why_paused()))

    def charge(self):
        """A car that asks, and a permission; returns when the contactor is closed and the current is up."""
        self.outlet.permit = True
        self.side.plug(ev.ASKING)
        took = self.until(lambda: self.outlet.energised)
        self.run(8000)
        return took

    def contacts_closed(self):
        """True while the contacts of the first outlet are closed in the world."""
        self.side.sync()
        return self.side.contactor.closed

    def time_to_open(self, ms=2000):
        """Tick until the contacts are open; the ms it took."""
        return self.until(lambda: not self.contacts_closed(), ms)

    def opens_within(self, ms):
        """Hold that the contacts are open after at most ms."""
        took = self.time_to_open(10000)
        assert took <= ms, took

    def codes(self):
        """The OCPP codes of the guards that have tripped."""
        return [guard.CODE for guard in self.outlet.guards if guard.tripped]


def charging_rig(**settings):
    """A Rig whose car takes its full current."""
    rig = Rig(**settings)
    rig.charge()
    rig.side.sync()
    assert rig.side.ev.i_ma > 25000, rig.side.ev.i_ma
    return rig


def factory_calibration(world_, n):
    """The factory's calibration for the chip of outlet n."""
    return world_.outlets[n].meter.factory()
