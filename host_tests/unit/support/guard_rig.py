# Guards by themselves: an outlet that has what the test gives it, and the steps of a tick.
from thing import Thing

from charger.outlet import pilot_states

TICK_MS = 20


def step(guard, outlet, ms=TICK_MS):
    """Step the guard for a time, a tick each 20 ms; tripped after it."""
    for _ in range(ms // TICK_MS):
        if guard.danger(outlet):
            guard.step_present(outlet)
        elif guard.active:
            guard.step_gone(outlet)
    return guard.tripped


def outlet(**attributes):
    """An outlet with these attributes beside those that most guards look at."""
    here = Thing(dt_ms=TICK_MS, plugged=True, raw_state=pilot_states.C, state=pilot_states.C, driving_f=False, metered=None,
                 contactor=Thing(commanded=False), switch=Thing(interruptions=0))  # fmt: skip
    for name in attributes:
        setattr(here, name, attributes[name])
    return here
