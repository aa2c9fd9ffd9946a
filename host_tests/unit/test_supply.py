"""A supply shared by outlets (CP-53), heat (CP-48), the open-PEN window (CP-49), and changing the phases (CP-51)."""

import random

from check import equal, true
from rig import Rig

from charger.grid.supply import SharedSupply
from charger.outlet.derating import derated_da
from sim import ev

LIMIT_DA = 400


def _load(rig, supply, measured):
    """The most loaded phase: what the pilots still allow, or what really flows, 0.1 A."""
    phases = [0, 0, 0]
    for n in range(len(rig.outlets)):
        outlet, side = rig.outlets[n], rig.world.outlets[n]
        side.sync()
        for phase in supply._phases(n):
            if outlet.contactor.commanded:
                phases[phase] += side.ev.i_ma // 100 if measured else outlet.offered_da
    return max(phases)


def _shared(count, rotations, limit_da=LIMIT_DA, seed=1):
    rig = Rig(connectors=count, seed=seed)
    supply = SharedSupply(rig.outlets, rotations, limit_da)
    rig.ticks = 0

    def after(one):
        one.ticks += 1
        if one.ticks % 50 == 0:
            supply.share()
        true(_load(one, supply, False) <= limit_da, "offered in sum")
        true(_load(one, supply, True) <= limit_da + 2, "drawn in sum")

    rig.after_tick = after
    return rig, supply


def test_two_cars_share_and_the_first_gets_all_again():
    rig, _ = _shared(2, [0, 0])
    for n in range(2):
        rig.outlets[n].permit = True
    rig.world.outlets[0].plug(ev.ASKING)
    rig.run(15000)
    equal([outlet.offered_da for outlet in rig.outlets], [320, 0])
    rig.world.outlets[1].plug(ev.ASKING)
    rig.run(25000)
    equal([outlet.offered_da for outlet in rig.outlets], [200, 200])
    rig.world.outlets[1].plug(ev.ABSENT)
    rig.run(15000)
    equal([outlet.offered_da for outlet in rig.outlets], [320, 0])


def test_outlets_on_different_phases_do_not_take_from_each_other():
    rig, _ = _shared(2, [0, 1])
    for n in range(2):
        rig.outlets[n].permit = True
        rig.world.outlets[n].plug(ev.ASKING)
    rig.run(20000)
    equal([outlet.offered_da for outlet in rig.outlets], [320, 320])


def test_who_cannot_have_six_ampere_waits():
    rig, _ = _shared(4, [0, 0, 0, 0], 200)
    for n in range(4):
        rig.outlets[n].permit = True
        rig.world.outlets[n].plug(ev.ASKING)
    rig.run(30000)
    equal([outlet.offered_da for outlet in rig.outlets], [66, 66, 66, 0])


def test_the_sum_holds_whatever_comes_and_goes():
    seed = random.getrandbits(20)
    random.seed(seed)
    rig, _ = _shared(3, [0, 0, 1], random.choice((160, 250, 400)), seed)
    try:
        for _ in range(150):
            n = random.randrange(3)
            what = random.randrange(4)
            if what < 2:
                rig.world.outlets[n].plug(random.choice((ev.ASKING, ev.ASKING, ev.IDLE, ev.ABSENT)))
            elif what == 2:
                rig.outlets[n].permit = random.random() < 0.7
            else:
                rig.outlets[n].limits.set("csms", random.choice((None, 60, 100, 250)))
            rig.run(random.choice((200, 2000, 8000)))
    except AssertionError as error:
        raise AssertionError("seed %d: %s" % (seed, error))


def test_heat_takes_current_away_in_a_line_cp48():
    equal([derated_da(dc, 320) for dc in (-400, 650, 651, 725, 799, 800, 1200)], [None, None, 319, 190, 62, 60, 60])


def test_the_open_pen_window_is_narrower_cp49():
    cases = ((200, False, False), (200, True, True), (258, False, False), (258, True, True), (230, True, False))
    for volts, open_pen, opens in cases:
        rig = Rig()
        rig.outlet.open_pen = open_pen
        rig.charge()
        rig.world.set_mains(volts)
        rig.run(5000)
        equal(rig.outlet.contactor.commanded, not opens, "%d V" % volts)


def test_phases_change_over_an_open_contactor_with_long_pauses_cp51():
    rig = Rig(CompositeScheduleDefaultNumberPhases="3", ConnectorSwitch3to1PhaseSupported="true")
    rig.charge()
    equal(rig.outlet.phases, 3)
    rig.outlet.phases_wanted = 1
    took = rig.until(lambda: rig.outlet.phases == 1, 30000)
    true(took >= 10000, "switched after %d ms" % took)
    rig.side.sync()
    equal(rig.side.contactor.closed, False)
    took = rig.until(lambda: rig.outlet.energised, 30000)
    true(took >= 9000, "closed %d ms later" % took)
