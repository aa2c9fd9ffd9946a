# From the physical event to the open contacts, in simulated milliseconds, over many phases of the control tick.
from rig import Rig

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


EVENTS = (
    ("unplugged", _unplug),
    ("S2 opened", _s2),
    ("diode lost", _fault("diode")),
    ("pilot shorted", _fault("pilot_short")),
    ("residual current", _fault("GroundFailure")),
    ("no state's voltage", _fault("EVCommunicationError")),
)


def measure(change, count, seed=1):
    """`count` reactions in ms, each with the event at another moment between two ticks."""
    rig = Rig(seed=seed)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    found = []
    for n in range(count):
        rig.until(lambda: rig.outlet.energised, 30000)
        rig.run(200)
        phase_ms = (n * 7 + n // 20) % 20
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
