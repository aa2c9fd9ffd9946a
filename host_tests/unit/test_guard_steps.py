"""The common steps of every guard, tick by tick: debounce, latch, clearing, and what a tripped one demands (SEC-1)."""

from check import equal, raises
from thing import Thing

from charger.outlet import guards, pilot_states
from charger.outlet.guards import base

TICK_MS = 20


class Watched(base.Guard):
    """A guard whose danger the test sets."""

    TRIP_MS = 100
    CLEAR_MS = 200
    there = False

    def danger(self, outlet):
        return self.there


def outlet(*made, commanded=False):
    """An outlet with these guards and no car."""
    return Thing(guards=made, dt_ms=TICK_MS, contactor=Thing(commanded=commanded), fault=None, blocker=None, easing=False,
                 blocked=False, raw_state=pilot_states.A, plugged=False)  # fmt: skip


def tick(here, there, count=1, acknowledged=False):
    """Step all guards of the outlet; the first one's danger is there or not."""
    for _ in range(count):
        here.guards[0].there = there
        here.blocked = False
        guards.step(here, acknowledged)


def kind(rule=base.CLEARS, soft=False, blocks=True):
    """A guard of this kind."""
    made = Watched()
    made.RULE, made.soft, made.BLOCKS = rule, soft, blocks
    return made


def test_a_danger_trips_after_its_time_counted_from_the_tick_that_saw_it_first():
    here = outlet(kind())
    here.dt_ms = 5000  # a hold-up before it
    tick(here, True)
    here.dt_ms = TICK_MS
    tick(here, True, 4)
    equal((here.guards[0].tripped, here.guards[0].active), (False, True))
    tick(here, True)
    equal((here.guards[0].tripped, here.fault, here.blocker, here.blocked), (True, here.guards[0], here.guards[0], True))


def test_a_danger_that_goes_before_its_time_is_counted_anew():
    here = outlet(kind())
    tick(here, True, 5)
    tick(here, False)
    equal((here.guards[0].active, here.guards[0].is_present(here), here.fault), (False, False, None))
    tick(here, True, 5)
    equal(here.guards[0].tripped, False)
    tick(here, True)
    equal(here.guards[0].tripped, True)


def test_a_danger_that_lasts_for_hours_is_counted_to_an_end():
    here = outlet(kind())
    here.dt_ms = 600000
    tick(here, True, 5)
    equal(here.guards[0]._present_ms <= 1600000, True)


def test_a_trip_clears_when_the_danger_has_been_gone_for_its_time_without_a_break():
    here = outlet(kind())
    tick(here, True, 6)
    tick(here, False, 9)
    tick(here, True)
    tick(here, False, 9)
    equal((here.guards[0].tripped, here.fault is None), (True, False))
    tick(here, False)
    equal((here.guards[0].tripped, here.guards[0].active, here.fault), (False, False, None))
    tick(here, True, 5)
    equal(here.guards[0].tripped, False, "from the beginning")


def test_the_rule_decides_what_clears_a_trip():
    for rule, state, plugged, cleared in (
        (base.CLEARS, pilot_states.B, True, True), (base.UNPLUG, pilot_states.A, False, True),
        (base.UNPLUG, pilot_states.B, False, False), (base.UNPLUG, pilot_states.A, True, False),
        (base.SERVICE, pilot_states.A, False, False),
    ):  # fmt: skip
        here = outlet(kind(rule))
        here.raw_state, here.plugged = state, plugged
        tick(here, True, 6)
        tick(here, False, 100)
        equal(here.guards[0].tripped, not cleared, (rule, state, plugged))


def test_the_owners_word_clears_a_latch_whose_danger_was_gone_before_and_no_other():
    here = outlet(kind(base.SERVICE))
    tick(here, True, 6)
    tick(here, True, 1, True)
    equal((here.guards[0].tripped, here.fault is None, guards.can_clear(here)), (True, False, False))
    tick(here, False, 1, True)
    equal((here.guards[0].tripped, guards.can_clear(here)), (True, True), "gone in this tick")
    tick(here, False, 1, True)
    equal((here.guards[0].tripped, here.guards[0].active, here.fault, here.blocker), (False, False, None, None))
    tick(here, True, 5)
    equal(here.guards[0].tripped, False, "the count begins anew")


def test_a_trip_from_before_the_restart_clears_by_its_rule():
    here = outlet(kind(base.UNPLUG))
    here.guards[0].tripped = here.guards[0].active = True  # as Outlet.latch_trip() does
    tick(here, False, 9)
    equal(here.guards[0].tripped, True)
    tick(here, False)
    equal(here.guards[0].tripped, False)


def test_nothing_of_the_last_tick_stays():
    here = outlet(kind(soft=True), commanded=True)
    tick(here, True, 6)
    equal((here.easing, here.blocked, here.fault is None, here.blocker is None), (True, False, False, False))
    tick(here, False, 10)
    equal((here.easing, here.fault, here.blocker), (False, None, None))


def test_a_warning_keeps_no_energy_off():
    here = outlet(kind(blocks=False))
    tick(here, True, 6)
    equal((here.fault, here.blocker, here.blocked, here.easing), (here.guards[0], None, False, False))


def test_one_that_lets_the_car_stop_does_so_only_while_the_contactor_is_closed():
    for commanded in (True, False):
        here = outlet(kind(soft=True), commanded=commanded)
        tick(here, True, 6)
        equal((here.easing, here.blocked), (commanded, not commanded))


def test_the_first_is_reported_and_one_that_opens_at_once_blocks_before_those_that_let_the_car_stop():
    for first, second, blocker in (
        ((True, True), (False, True), 1), ((False, True), (False, True), 0), ((True, True), (True, True), 0),
        ((False, True), (True, True), 0), ((False, False), (True, True), 1), ((False, False), (False, False), None),
    ):  # fmt: skip
        made = [kind(soft=soft, blocks=blocks) for soft, blocks in (first, second)]
        here = outlet(*made, commanded=True)
        for guard in made:
            guard.there = guard.tripped = True
        tick(here, True)
        equal(here.fault is made[0], True)
        equal(here.blocker, None if blocker is None else made[blocker], (first, second))


def test_an_outlet_has_the_guards_of_the_inputs_that_it_has():
    class Needing(Watched):
        NEEDS = "lock"
        outlet = None

        def set_up(self, outlet):
            self.outlet = outlet

    kept = guards.ALL
    guards.ALL = (Watched, Needing)
    try:
        without, having = Thing(lock=None), Thing(lock=1)
        equal([type(guard) for guard in guards.make(without)], [Watched])
        made = guards.make(having)
        equal(([type(guard) for guard in made], made[1].outlet), ([Watched, Needing], having))
    finally:
        guards.ALL = kept


def test_a_guard_without_a_condition_is_a_mistake():
    raises(NotImplementedError, base.Guard().danger, None)
