"""The condition of each guard by itself, with its time and with what clears it; the outlet's tests have the whole (SEC-1)."""

from check import equal, no_alloc
from guard_rig import outlet, step
from thing import Thing

from charger.outlet import pilot_states
from charger.outlet.guards import base, board_inputs, cable_guards, contactor_guards, pilot_guards
from charger.outlet.power_switch import HOT_MA, MOST_INTERRUPTIONS


class Level:
    """An input."""

    def __init__(self, level=0):
        self.level = level

    def value(self):
        return self.level


# --- switches ---


def test_each_fault_input_of_the_board_trips_at_its_level_after_40_ms():
    for kind, name in ((board_inputs.BoardFault, "board_fault"), (board_inputs.FaultInput, "fault_input"),
                       (board_inputs.Rails, "rails")):  # fmt: skip
        level = Level()
        here, guard = outlet(**{name: level}), kind()
        equal(step(guard, here, 200), False, name)
        level.level = 1
        equal((step(guard, here, 40), step(guard, here)), (False, True), name)
        level.level = 0
        step(guard, here, 1000)
        equal(guard.tripped, False, name)


def test_a_reader_that_sends_broken_frames_is_a_warning():
    here, guard = outlet(reader_failed=False), board_inputs.ReaderLost()
    equal(step(guard, here, 100), False)
    here.reader_failed = True
    equal((step(guard, here), guard.BLOCKS, guard.FAULTED), (True, False, False))


def test_an_open_enclosure_blocks_and_latches_as_the_policy_says():
    for policy, blocks, cleared in ((board_inputs.TAMPER_REPORT, False, True), (board_inputs.TAMPER_STOP, True, True),
                                    (board_inputs.TAMPER_LATCH, True, False)):  # fmt: skip
        lid = Level(1)
        here, guard = outlet(tamper=lid, tamper_input=policy), board_inputs.Tamper()
        equal((step(guard, here, 100), step(guard, here)), (False, True), policy)
        equal((guard.BLOCKS, guard.FAULTED, guard.is_present(here)), (blocks, blocks, True), policy)
        lid.level = 0
        step(guard, here, 2000)
        equal((guard.tripped, guard.is_present(here)), (not cleared, False), policy)


def test_another_policy_is_taken_in_the_tick_without_an_allocation():
    here, guard = outlet(tamper=Level(1), tamper_input=board_inputs.TAMPER_LATCH), board_inputs.Tamper()
    step(guard, here, 200)
    here.tamper_input = board_inputs.TAMPER_REPORT
    equal((no_alloc(guard.danger, here), guard.BLOCKS, guard.RULE), (True, False, base.CLEARS))


def test_a_latched_opening_trips_at_once_and_ends_with_the_latch():
    lid = Level()
    here, guard = outlet(tamper=lid, tamper_input=board_inputs.TAMPER_LATCH | board_inputs.TAMPER_LATCHED), board_inputs.Tamper()
    equal((step(guard, here), guard.is_present(here)), (True, True))
    equal(guard.acknowledge(here), False, "the latch is still there")
    here.tamper_input = board_inputs.TAMPER_LATCH
    equal(guard.is_present(here), False)
    step(guard, here)
    equal((guard.tripped, guard.acknowledge(here)), (True, True), "the owner's word in the tick that sees it")


# --- cable and lock ---


def test_a_cable_that_was_never_read_may_touch_for_a_second_and_one_that_has_changed_stays_refused():
    cable = Thing(rating_da=0, changed=False, plugged_ms=900)
    here, guard = outlet(cable=cable), cable_guards.Proximity()
    equal(step(guard, here, 400), False)
    cable.plugged_ms = 1000
    equal((step(guard, here, 200), guard.RULE), (True, base.CLEARS))
    cable.rating_da = 200
    equal(step(guard, here, 1100), False, "read after all")
    cable.changed = True
    equal((step(guard, here, 200), guard.RULE), (True, base.UNPLUG))
    for name, value in (("plugged", False), ("driving_f", True)):
        setattr(here, name, value)
        equal(guard.danger(here), False, name)
        setattr(here, name, not value)
    cable.changed = False
    equal(step(guard, here, 3000), True)
    here.plugged, here.raw_state = False, pilot_states.A
    equal(step(guard, here, 3000), False)


def test_a_lock_that_does_not_lock_or_release_is_told_after_five_seconds():
    lock = Thing(commanded=True, locked=lambda: locked)
    here = outlet(wants_lock=True, locked=False, lock=lock)
    for kind, right, wrong in ((cable_guards.LockFailure, True, False), (cable_guards.UnlockFailure, False, True)):
        guard = kind()
        here.locked = locked = right
        lock.commanded = kind is cable_guards.LockFailure
        equal(step(guard, here, 6000), False)
        here.locked = locked = wrong
        equal((step(guard, here, 5000), step(guard, here)), (False, True))
    lock.commanded = True
    equal(cable_guards.UnlockFailure().danger(here), False)
    here.wants_lock, here.locked = False, False
    equal(cable_guards.LockFailure().danger(here), False)


# --- contactors ---


def contactor(commanded, complete=True, senses=False):
    """A contactor that opens in 50 ms and closes in 70."""
    return Thing(commanded=commanded, complete=complete, senses_voltage=senses, open_ms=50, close_ms=70)


def both(commanded, closed, complete=True):
    """An outlet whose two contactors are told and read alike."""
    second = contactor(commanded, complete)
    return outlet(contactor=contactor(commanded, complete), contacts_closed=closed,
                  switch=Thing(second=second, second_closed=closed, interruptions=0))  # fmt: skip


def test_a_contactor_that_is_released_and_reads_closed_is_welded():
    for kind in (contactor_guards.Weld, contactor_guards.PhaseWeld):
        guard = kind()
        guard.set_up(both(False, True))
        equal(guard.TRIP_MS, 230)
        equal((step(guard, both(True, True), 400), step(guard, both(False, False), 400)), (False, False))
        equal((step(guard, both(False, True), 220), step(guard, both(False, True), 40)), (False, True))
        equal(step(guard, both(False, False), 5000), True, "until the owner's word")


def test_a_contactor_that_is_told_and_stays_open_fails_and_one_closed_reading_hides_nothing():
    for kind in (contactor_guards.CloseFailure, contactor_guards.PhaseCloseFailure):
        guard = kind()
        guard.set_up(both(True, False))
        equal(guard.TRIP_MS, 340)
        equal((step(guard, both(True, True), 400), step(guard, both(False, False, False), 400)), (False, False))
        step(guard, both(True, False, False), 200)
        step(guard, both(True, True), 20)
        equal((guard._present_ms, guard.active), (160, True))
        equal((step(guard, both(True, False, False), 160), step(guard, both(True, False, False), 40)), (False, True))
        equal(guard.soft, False)
        step(guard, both(False, True), 9980)
        equal((guard.tripped, step(guard, both(False, True), 40)), (True, False))


def test_a_contactor_that_reads_open_under_a_current_is_a_failed_feedback():
    here, guard = both(True, False, False), contactor_guards.CloseFailure()
    for current_ma, soft in ((HOT_MA, False), (HOT_MA + 1, True)):
        here.metered = (current_ma, 230000, 230000)
        equal((guard.danger(here), guard.soft), (True, soft))


def test_where_voltage_is_sensed_lost_mains_say_nothing_about_the_contactor():
    for senses, measured, is_open in ((False, None, True), (True, None, False), (True, (0, 99999, 0), False),
                                      (True, (0, 100000, 0), True)):  # fmt: skip
        here = outlet(metered=measured)
        equal(contactor_guards.is_open(contactor(True, False, senses), here), is_open, (senses, measured))
    equal(contactor_guards.is_open(contactor(True, True), outlet()), False)


def test_too_many_interruptions_end_the_charging_with_the_code_of_the_last():
    here, guard = outlet(switch=Thing(interruptions=MOST_INTERRUPTIONS - 1, code="X")), contactor_guards.RepeatedOpenings()
    equal(step(guard, here, 100), False)
    here.switch.interruptions += 1
    equal((step(guard, here), guard.CODE, guard.is_present(here)), (True, "X", False))


# --- pilot ---


def test_the_diode_is_judged_with_pwm_and_a_car_alone():
    def seen(pwm_on=True, raw=pilot_states.C, low_mv=pilot_states.DIODE_LOW_MV + 1):
        return outlet(pwm_on=pwm_on, raw_state=raw, pilot=Thing(low_mv=low_mv), diode_lost=None)

    for here, lost in ((seen(), True), (seen(low_mv=pilot_states.DIODE_LOW_MV), False), (seen(pwm_on=False), False),
                       (seen(raw=pilot_states.A), False), (seen(raw=pilot_states.E), False), (seen(raw=pilot_states.B), True),
                       (seen(raw=pilot_states.D), True)):  # fmt: skip
        guard = pilot_guards.Diode()
        equal((guard.danger(here), here.diode_lost), (lost, lost))
    guard = pilot_guards.Diode()
    equal((step(guard, seen(), 200), step(guard, seen())), (False, True))


def test_a_pilot_that_is_shorted_or_lost_is_a_fault_but_not_the_state_f_of_our_own():
    for raw, driving_f, short in ((pilot_states.E, False, True), (pilot_states.E, True, True), (pilot_states.F, False, True),
                                  (pilot_states.F, True, False), (pilot_states.B, False, False)):  # fmt: skip
        equal(pilot_guards.PilotShort().danger(outlet(raw_state=raw, driving_f=driving_f)), short, (raw, driving_f))


def test_a_voltage_of_no_state_is_the_generators_where_nothing_is_plugged_and_near_12_v_else_the_cars():
    for plugged, high_mv, failed, weak in ((False, 10001, False, True), (False, 10000, False, False), (True, 11000, False, False),
                                           (True, 6000, True, True)):  # fmt: skip
        here = outlet(plugged=plugged, raw_state=pilot_states.UNDEFINED, pilot=Thing(high_mv=high_mv),
                      generator_test=Thing(failed=failed))  # fmt: skip
        equal((pilot_guards.PilotGenerator().danger(here), pilot_guards.PilotVoltage().danger(here)), (weak, True))
    equal(pilot_guards.PilotVoltage().danger(outlet(raw_state=pilot_states.UNDEFINED, driving_f=True)), False)
    equal(pilot_guards.PilotVoltage().danger(outlet()), False)


def test_a_car_that_asks_for_ventilation_where_there_is_none_is_refused():
    for state, has, refused in ((pilot_states.D, False, True), (pilot_states.D, True, False), (pilot_states.C, False, False)):
        equal(pilot_guards.Ventilation().danger(outlet(state=state, has_ventilation=has)), refused)
