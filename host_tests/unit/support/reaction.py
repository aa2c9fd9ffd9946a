# From the physical event to the open contacts, in simulated milliseconds, over many phases of the control tick.
import random

from rig import Rig

from charger.outlet import limits
from sim import ev, timebase


def _unplug(rig, on):
    rig.side.plug(ev.ABSENT if on else ev.ASKING)


def _s2(rig, on):
    rig.side.plug(ev.IDLE if on else ev.ASKING)


def _fault(name):
    def change(rig, on):
        rig.world.set_fault(name, 1, on)
        if not on:  # most latch until the car is unplugged
            rig.side.plug(ev.ABSENT)
            rig.run(1500)
            rig.side.plug(ev.ASKING)

    return change


def _over_current(rig, on):
    """The wiring bears 10 A, the car takes 32 A at once: above 2 x, the fast end of CP-47's curve."""
    rig.side.ev.obeys = not on
    if on:
        rig.side.ev.i_ma = 32000
        return
    rig.outlet.limits.set("installer", 100, limits.SAFETY)
    rig.side.plug(ev.ABSENT)
    rig.run(1500)
    rig.outlet.acknowledge()  # instead of the 30 s between two tries
    rig.side.plug(ev.ASKING)


# What is asked of CP-24 and the guards; over-current needs its 0.1 s above the limit, and two readings 0.2 s apart.
WORST_MS = 60
EVENTS = (
    ("unplugged", _unplug, WORST_MS),
    ("S2 opened", _s2, WORST_MS),
    ("diode lost", _fault("diode"), WORST_MS),
    ("pilot shorted", _fault("pilot_short"), WORST_MS),
    ("residual current", _fault("GroundFailure"), WORST_MS),
    ("no state's voltage", _fault("EVCommunicationError"), WORST_MS),
    ("over-current 3 x", _over_current, 400),
)


def measure(change, count, seed=1):
    """`count` reactions in ms, each with the event at a random moment between two ticks and two readings of the meter."""
    rig = Rig(seed=seed)
    random.seed(seed)
    rig.outlet.permit = True
    change(rig, False)
    rig.side.plug(ev.ASKING)
    found = []
    for _ in range(count):
        rig.until(lambda: rig.outlet.energised, 30000)
        rig.run(200 + 20 * random.randrange(10))
        phase_ms = random.randrange(20)
        timebase.advance(phase_ms)
        rig.side.sync()
        event_ms = timebase.ticks_ms()
        change(rig, True)
        rig.tick_after(20 - phase_ms)
        for _ in range(50):
            rig.side.sync()
            if not rig.side.contactor.closed:
                break
            rig.tick()
        found.append(rig.side.contactor.changed_ms - event_ms)
        rig.run(400)
        change(rig, False)
    return found
