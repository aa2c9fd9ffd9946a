"""A supply shared by outlets (CP-53), heat (CP-48), the open-PEN window (CP-49), and changing the phases (CP-51)."""

import random

from check import equal, true
from rig import Rig

from charger.grid.load_sharing import SharedSupply
from charger.outlet.derating import derated_da
from sim import ev

LIMIT_DA = 400


def _load(rig, rotations, measured):
    """The most loaded phase, 0.1 A: what really flows, or what the cars may be drawing, as they have 5 s to follow (CP-22)."""
    phases = [0, 0, 0]
    for n in range(len(rig.outlets)):
        outlet, side = rig.outlets[n], rig.world.outlets[n]
        side.sync()
        if side.contactor.closed:
            for k in range(outlet.phases):
                da = side.ev.i_ma // 100 if measured else max(outlet.offered_da, outlet.signalled_da)
                phases[(rotations[n] + k) % 3] += da
    return max(phases)


def _shared(count, rotations, limit_da=LIMIT_DA, seed=1, phases=1):
    rig = Rig(connectors=count, seed=seed, CompositeScheduleDefaultNumberPhases=str(phases))
    for side in rig.world.outlets:
        side.ev.phases = phases
    supply = SharedSupply(rig.outlets, rotations, limit_da)
    rig.ticks = 0

    def after(one):
        one.ticks += 1
        if one.ticks % 50 == 0:
            supply.share()
        true(_load(one, rotations, False) <= limit_da, "what the cars may draw in sum")
        true(_load(one, rotations, True) <= limit_da, "drawn in sum")

    rig.after_tick = after
    return rig, supply


def _charge_all(rig, ms):
    """Plug a car that wants to charge into each outlet, permit all, and run for so long."""
    for outlet, side in zip(rig.outlets, rig.world.outlets):
        outlet.permit = True
        side.plug(ev.ASKING)
    rig.run(ms)


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
    _charge_all(rig, 20000)
    equal([outlet.offered_da for outlet in rig.outlets], [320, 320])


def test_outlet_without_a_share_of_six_ampere_waits():
    rig, _ = _shared(4, [0, 0, 0, 0], 200)
    _charge_all(rig, 30000)
    equal([outlet.offered_da for outlet in rig.outlets], [66, 66, 66, 0])


def test_a_warning_takes_no_current_away():
    """A broken card reader is reported as a fault but blocks nothing (OCPP-83): its outlet keeps its share."""
    rig, _ = _shared(2, [0, 0])
    rig.outlets[0].permit = True
    rig.world.outlets[0].plug(ev.ASKING)
    rig.run(15000)
    rig.outlets[0].reader_failed = True
    rig.run(5000)
    equal((rig.outlets[0].fault is None, rig.outlets[0].energised, rig.outlets[0].offered_da), (False, True, 320))


def test_a_blocked_outlet_gives_its_share_away():
    rig, _ = _shared(2, [0, 0])
    _charge_all(rig, 25000)
    rig.world.set_fault("diode", 1, True)
    rig.run(20000)
    equal([outlet.offered_da for outlet in rig.outlets], [0, 320])


def test_three_phase_outlets_rotated_differently_share_every_phase():
    rig, _ = _shared(3, [0, 1, 2], phases=3)
    _charge_all(rig, 30000)
    equal([outlet.offered_da for outlet in rig.outlets], [133, 133, 133])


def _throw(rig):
    """Something happens at one of the outlets: a car, a card, a limit, a fault."""
    n = random.randrange(len(rig.outlets))
    what = random.randrange(6)
    if what < 2:
        rig.world.outlets[n].plug(random.choice((ev.ASKING, ev.ASKING, ev.IDLE, ev.ABSENT)))
    elif what == 2:
        rig.outlets[n].permit = random.random() < 0.7
    elif what == 3:
        rig.outlets[n].limits.set("csms", random.choice((None, 60, 100, 250)))
    elif what == 4:
        rig.world.set_fault(random.choice(("diode", "EVCommunicationError")), n + 1, random.random() < 0.3)
    else:
        rig.outlets[n].reader_failed = random.random() < 0.3
    rig.run(random.choice((40, 200, 2000, 6000)))


def test_the_sum_holds_whatever_comes_and_goes():
    """Two to four outlets, rotated at random, of one and of three phases, at a supply that is too small for all."""
    seed = random.getrandbits(20)
    random.seed(seed)
    charged = 0
    try:
        for count, phases in ((2, 3), (3, 1), (4, 3)):
            rotations = [random.randrange(3) for _ in range(count)]
            rig, _ = _shared(count, rotations, random.choice((160, 250, 400)), seed, phases)
            for _ in range(40):
                _throw(rig)
            charged += sum([side.contactor.operations for side in rig.world.outlets])
        true(charged > 0, "closings")  # or nothing was tried
    except AssertionError as error:
        raise AssertionError("seed %d: %s" % (seed, error))


def test_unmonitored_supply_falls_back_to_the_safe_minimum():
    """Whatever keeps share() from being called: nobody gets more than 6 A, and who had nothing gets nothing (CP-53)."""
    rig, _ = _shared(3, [0, 0, 0], 160)
    _charge_all(rig, 20000)
    equal([outlet.offered_da for outlet in rig.outlets], [80, 80, 0])
    rig.after_tick = None  # no share() any more
    rig.run(8000)
    for outlet in rig.outlets:
        equal(outlet.limits.expire(), [])
    rig.run(2100)
    for outlet in rig.outlets:
        equal(outlet.limits.expire(), ["supply"])
    rig.tick()
    equal([outlet.offered_da for outlet in rig.outlets], [60, 60, 0])
    rig.run(60000)
    equal([outlet.offered_da for outlet in rig.outlets], [60, 60, 0])


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
    side, outlet = rig.side, rig.outlet
    side.ev.phases = 3
    rig.charge()
    equal((outlet.phases, side.phases_on), (3, 3))
    switched = []
    before = [outlet.phases]

    def after(one):
        side.sync()
        if outlet.phases != before[0]:
            before[0] = outlet.phases
            switched.append((outlet.contactor.commanded, side.contactor.closed, side.second.closed, outlet.pwm_on))

    rig.after_tick = after
    for wanted in (1, 3):
        outlet.phases_wanted = wanted
        took = rig.until(lambda wanted=wanted: outlet.phases == wanted, 30000)
        true(took >= 10000, "switched after %d ms" % took)
        took = rig.until(lambda: outlet.energised, 30000)
        true(took >= 9000, "closed %d ms later" % took)
        rig.run(8000)
        equal(side.phases_on, wanted)
    equal(switched, [(False, False, False, False)] * 2)


def test_a_change_of_phases_shortens_no_longer_pause_and_is_no_closed_contactor():
    rig = Rig(CompositeScheduleDefaultNumberPhases="3", ConnectorSwitch3to1PhaseSupported="true")
    outlet = rig.outlet
    rig.charge()
    rig.outlet.permit = False
    rig.until(lambda: not outlet.contactor.commanded, 20000)
    outlet.switch.wait_ms = 60000
    outlet.permit = True
    outlet.phases_wanted = 1
    rig.until(lambda: outlet.phases == 1, 30000)
    equal(outlet.is_closed, False)
    took = rig.until(lambda: outlet.contactor.commanded, 120000)
    true(took >= 45000, took)
