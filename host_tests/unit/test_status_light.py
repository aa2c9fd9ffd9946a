"""The status light: which state is shown, its pattern step by step, and both drivers on the simulated pins."""

import gc

from check import equal, raises, true
from thing import Thing

from charger import status_light
from charger.status_light import PATTERNS, StatusLight, state_of


def connector(status="Available", energised=False):
    return Thing(status=status, outlet=Thing(energised=energised))


def parts(*connectors, failed=None, busy=False, setup=None, updates=True):
    return connectors or (connector(),), Thing(failed=failed), Thing(busy=busy) if updates else None, Thing(setup=setup)


class Led:
    """Keeps what it was told."""

    def __init__(self):
        self.shown = []

    def show(self, rgb):
        self.shown.append(rgb)


def test_each_state_of_a_unit():
    charging = connector("Charging", True)
    for state, unit in (
        ("ready", parts()),
        ("ready", parts(updates=False)),
        ("waiting", parts(connector("Preparing"))),
        ("waiting", parts(connector("SuspendedEVSE"))),
        ("waiting", parts(connector("Reserved"))),
        ("charging", parts(charging)),
        ("unavailable", parts(connector("Unavailable"))),
        ("fault", parts(connector("Faulted"))),
        ("fault", parts(failed="control")),
        ("setup", parts(setup=object())),
        ("update", parts(busy=True)),
    ):
        equal(state_of(*unit), state)


def test_the_most_important_state_wins():
    """Fault, update, setup, then the connectors' own: charging, waiting, ready, unavailable."""
    charging, waiting, out = connector("Charging", True), connector("Finishing"), connector("Unavailable")
    for one in (charging, waiting, connector(), out):
        equal(state_of(*parts(one, connector("Faulted"))), "fault")
        equal(state_of(*parts(one, busy=True, setup=object())), "update")
        equal(state_of(*parts(one, setup=object())), "setup")
    equal(state_of(*parts(waiting, charging)), "charging")
    equal(state_of(*parts(connector(), waiting)), "waiting")
    equal(state_of(*parts(out, connector())), "ready")
    equal(state_of(*parts(connector("Faulted"), busy=True)), "fault")


def test_pattern_is_shown_step_by_step_and_written_only_when_it_changes():
    for state, (steps, colour) in PATTERNS.items():
        unit = parts(connector())
        original, status_light.state_of = status_light.state_of, lambda *_parts, state=state: state
        try:
            led = Led()
            light = StatusLight(*unit, led)
            light._step = 19
            wanted, last = [], -1
            for _ in range(2):
                for n in range(20):
                    light.poll()
                    rgb = colour if steps >> (19 - n) & 1 else 0
                    if rgb != last:
                        wanted.append(rgb)
                        last = rgb
            equal(led.shown, wanted, state)
            true(0 < colour <= 0xFFFFFF and 0 < steps < 1 << 20, state)
        finally:
            status_light.state_of = original


def test_states_can_be_told_apart_without_a_colour():
    equal(len({steps for steps, _ in PATTERNS.values()}), len(PATTERNS))


def test_a_step_allocates_nothing():
    light = StatusLight(*parts(connector("Charging", True), connector()), Thing(show=lambda rgb: None))
    light.poll()
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(40):
        light.poll()
    after = gc.mem_alloc()
    true(after - before < 40 * 48, "%d bytes in 40 steps" % (after - before))


def test_drivers_on_the_simulated_pins():
    import world_rig

    bench = world_rig.Bench()
    from charger.drivers.led import PixelLed, PlainLed

    pin = bench.board.SHARED["led"]
    led = PlainLed(pin)
    for rgb, level in ((0x001000, 1), (0, 0), (0x300000, 1)):
        led.show(rgb)
        equal(bench.world.light(), level)
    pixel = PixelLed(pin)
    for rgb in (0x123456, 0, 0xFF0000):
        pixel.show(rgb)
        equal(bench.world.light(), "%06X" % rgb)


def test_bits_of_another_encoding_are_refused():
    import machine

    raises(ValueError, machine.bitstream, machine.Pin(92), 1, (400, 850, 800, 450), b"abc")
