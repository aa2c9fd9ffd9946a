"""Parts that fail once, or in part: nothing is latched for it, the car stops before the contactor opens, reports are true."""

from check import equal, true
from flaw_commands import do
from rig import Rig, charging_rig

from charger.outlet.mains_sag import MainsSag
from sim import ev, timebase

TIMEOUT = 300
THREE = {"CompositeScheduleDefaultNumberPhases": "3", "ConnectorSwitch3to1PhaseSupported": "true"}


def _charging(**settings):
    rig = Rig(**settings)
    rig.side.ev.phases = 3 if settings else 1
    rig.charge()
    return rig


def _seen(rig):
    """The texts of all guards that trip from now on."""
    seen = []

    def look(rig):
        for guard in rig.outlet.guards:
            if guard.tripped and guard.INFO not in seen:
                seen.append(guard.INFO)

    rig.after_tick = look
    return seen


# --- the residual current device's self-test ---


def _before_the_self_test(test_ms):
    """A car that asks, at a monitor that answers a test after test_ms; the rig and what trips from now on."""
    rig = Rig()
    rig.run(70000, 100)
    seen = _seen(rig)
    do("monitor", test_ms=test_ms)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    return rig, seen


def test_a_monitor_that_is_slow_once_is_tested_again_and_nothing_is_reported():
    rig, seen = _before_the_self_test(230)
    rig.until(lambda: rig.side.rcd.test)
    rig.until(lambda: not rig.side.rcd.test)
    do("monitor", test_ms=20)
    rig.until(rig.contacts_closed)
    equal(seen, [])


def test_a_tick_that_was_late_before_the_self_test_began_fails_no_self_test():
    """The device has had 5 ms to answer, and 5 ms to let go, when a tick says that 500 ms have gone by."""
    rig, seen = _before_the_self_test(20)
    for test in (True, False):
        rig.until(lambda test=test: rig.side.rcd.test == test)
        timebase.advance(5)
        rig._tick(500)
        equal((rig.outlet.self_test.running, rig.outlet.self_test._failures), (True, 0))
    rig.until(rig.contacts_closed)
    equal(seen, [])


def test_a_failed_self_test_is_repeated_with_the_car_there_and_at_once_for_the_owner_cp43():
    for acknowledges in (False, True):
        rig = Rig()
        rig.run(70000, 100)
        rig.world.set_fault("rcd_dead", 1, True)
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        rig.until(lambda rig=rig: rig.codes() == ["GroundFailure"])
        rig.run(3000)
        rig.world.set_fault("rcd_dead", 1, False)
        if acknowledges:
            rig.outlet.acknowledge()
        took = rig.until(rig.contacts_closed, 70000)
        true(took < 5000 if acknowledges else took > 40000, (acknowledges, took))


def test_a_closure_relies_on_a_self_test_of_its_last_minute_cp43():
    rig = Rig()
    true(rig.outlet.self_test.passed, "the test at the start")
    rig.run(70000, 100)
    rig.world.set_fault("rcd_dead", 1, True)
    operations = rig.side.contactor.operations
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(8000)
    equal((rig.side.contactor.operations, rig.codes()), (operations, ["GroundFailure"]))


# --- the cable ---


def test_unplugging_while_state_f_is_out_is_no_fault_of_the_cable():
    rig = Rig()
    rig.outlet.wake_up = True
    do("ev", sleep_ms=1000)
    rig.side.plug(ev.ASKING)
    rig.run(3000)
    rig.outlet.permit = True
    rig.until(lambda: rig.outlet.driving_f, 40000)
    rig.run(500)
    seen = _seen(rig)
    rig.side.plug(ev.ABSENT)
    rig.run(6000)
    equal((seen, rig.outlet.plugged), ([], False))


def test_a_bolt_that_does_not_come_back_is_drawn_again_and_a_third_time_reported():
    for sticks in (1, 2, 9):
        rig = _charging()
        do("lock", sticks=sticks)
        rig.outlet.permit = False
        rig.run(15000)
        stays = sticks > 2
        equal((sticks, rig.side.lock.locked, rig.codes()), (sticks, stays, ["ConnectorLockFailure"] if stays else []))
        rig.outlet.permit = True
        rig.until(rig.contacts_closed)  # a warning: the next charging is not kept off
        equal(rig.codes(), [])
    do("lock", sticks=0)
    rig.outlet.permit = False
    rig.until(lambda: not rig.side.lock.locked)
    rig.run(3000)
    equal((rig.codes(), rig.outlet.lock.commanded), ([], False))


def _moves(rig):
    """[how often the bolt's output changes from now on]."""
    moves, was = [0], [rig.outlet.lock.commanded]

    def look(rig):
        if rig.outlet.lock.commanded != was[0]:
            was[0] = rig.outlet.lock.commanded
            moves[0] += 1

    rig.after_tick = look
    return moves


def _use(rig):
    """A use of the outlet without a car that asks; how often the bolt was moved."""
    moves = _moves(rig)
    rig.side.plug(ev.IDLE)
    rig.outlet.permit = True
    rig.run(2000)
    rig.outlet.permit = False
    rig.run(1000)
    rig.side.plug(ev.ABSENT)
    rig.run(5000)
    return moves[0]


def test_a_bolt_that_stays_is_drawn_to_and_fro_at_one_use_and_again_on_demand():
    rig = Rig()
    equal(_use(rig), 2, "to and fro once")
    do("lock", sticks=100)
    equal([_use(rig), _use(rig), _use(rig)], [6, 2, 2])
    equal(rig.codes(), ["ConnectorLockFailure"])
    moves = _moves(rig)
    rig.run(5000)
    equal(moves, [0])
    rig.outlet.unlock_again()
    rig.run(5000)
    equal(moves, [4])
    do("lock", sticks=0)
    rig.outlet.unlock_again()
    rig.until(lambda: not rig.side.lock.locked, 1500)
    rig.run(2000)
    equal((moves, rig.codes()), ([6], []))
    do("lock", sticks=2)
    equal(_use(rig), 6, "tries as often as before, once it has come back")
    equal(rig.side.lock.locked, False)


def test_a_bolt_that_stayed_has_three_pushes_at_the_next_use():
    rig = Rig()
    do("lock", sticks=100)
    _use(rig)
    rig.outlet.permit = True
    rig.side.plug(ev.IDLE)
    rig.run(200)
    rig.side.lock.locked = False
    do("lock", sticks=0, jams=1)
    rig.until(lambda: rig.side.lock.locked, 3000)


def test_what_opens_while_a_harmless_fault_lets_the_car_stop_is_told_with_its_own_cause():
    def ventilation(rig):
        rig.side.plug(ev.VENTILATION)

    def lock(rig):
        rig.side.lock.locked = False
        do("lock", jams=1)

    def stops(rig):
        rig.side.plug(ev.IDLE)

    for event, hot_cause, interruptions in ((ventilation, "Ventilation", 1), (lock, "lock", 1), (stops, "", 1)):
        rig = _charging()
        do("mains", volts=150)
        rig.until(lambda rig=rig: not rig.outlet.pwm_on)
        event(rig)
        rig.until(lambda rig=rig: not rig.outlet.contactor.commanded, 200)
        equal((rig.outlet.switch.hot_cause, rig.outlet.switch.interruptions), (hot_cause, interruptions))


# --- the contactors ---


def test_a_contactor_that_drops_out_in_a_dip_closes_again_without_unplugging():
    rig = Rig()
    do("contactor", drop_out_volts=160)
    rig.charge()
    do("mains", volts=150)
    rig.run(700)
    do("mains", volts=230)
    rig.until(lambda: not rig.contacts_closed(), 1000)
    rig.until(rig.contacts_closed, 30000)
    equal(rig.outlet.switch.interruptions, 1)


def test_a_feedback_that_fails_under_load_lets_the_car_stop_first_and_is_no_latch_when_it_is_back():
    for settings, second in (({}, False), (THREE, True)):
        rig = _charging(**settings)
        do("contactor", second=second, auxiliary="open")
        rig.until(lambda rig=rig: not rig.contacts_closed())
        rig.run(1000)
        equal((second, rig.outlet.switch.hot_openings, rig.codes()), (second, 0, ["PowerSwitchFailure"]))
        do("contactor", second=second, auxiliary="true")
        rig.until(rig.contacts_closed, 30000)


def test_a_contactor_that_stays_open_is_tried_six_times_and_then_no_more():
    rig = Rig()
    rig.world.set_fault("contactor_stuck", 1, True)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(3400000, 100)  # the sixth comes after 23 minutes; its pause would last half an hour
    equal((rig.outlet.openings, rig.outlet.switch.interruptions), (6, 6))
    equal((rig.outlet.fault.CODE, rig.outlet.info), ("PowerSwitchFailure", "Interrupted too often, unplug the vehicle"))


def test_two_hold_ups_in_a_row_make_no_welded_contactor():
    rig = _charging(**THREE)
    for ms in (250, 295):
        rig.tick(ms)
    rig.run(1000)
    equal(rig.codes(), [])


# --- the mains ---


def test_a_lost_phase_leaves_no_lower_limit_behind():
    rig = _charging(**THREE)
    sag = MainsSag(rig.outlet)
    for lost in (2, 0):
        do("mains", lost_phase=lost)
        for _ in range(75):
            rig.run(200)
            sag.step()
        equal(rig.outlet.limits.get("mains"), None)
    rig.until(rig.contacts_closed)


def test_the_cause_of_an_opening_under_load_is_the_guard_that_opened_it():
    """A lost neutral: L1 is low, which is no danger, and the others are high."""
    rig = _charging(**THREE)
    do("mains", neutral_shift_percent=30)
    rig.until(lambda: not rig.contacts_closed())
    equal((rig.outlet.switch.hot_openings, rig.outlet.switch.hot_cause), (1, "OverVoltage"))


def test_the_daily_self_test_right_after_a_long_session_is_no_residual_current_cp43():
    """Its answer comes while the feedback still says closed."""
    for open_ms in (10, 19):
        rig = charging_rig()
        rig.side.rcd.test_ms = 1
        rig.side.contactor.open_ms = open_ms
        rig.outlet.self_test._age_ms = 86400000
        rig.side.plug(ev.IDLE)
        rig.until(lambda rig=rig: rig.outlet.self_test.running)
        rig.run(1000)
        equal((rig.codes(), rig.outlet.self_test.passed), ([], True))


def test_no_bolt_is_drawn_back_over_a_welded_contactor_cp31():
    rig = charging_rig()
    rig.world.set_fault("PowerSwitchFailure", 1, True)
    rig.side.lock.locked = False
    rig.world.set_fault("ConnectorLockFailure", 1, True)
    for _ in range(150):
        rig.tick()
        equal(rig.outlet.lock.commanded, True)
    equal((rig.outlet.contactor.commanded, rig.contacts_closed()), (False, True))


def test_a_meter_whose_task_has_died_is_a_lost_meter_met1():
    rig = charging_rig()
    rig.since_poll = -1000000
    rig.until(lambda: not rig.outlet.pwm_on, 4600)
    equal(rig.codes(), ["PowerMeterFailure"])
