"""The conditions of the guards of what carries the energy: residual current, load, mains, heat (SEC-1)."""

from check import equal
from guard_rig import outlet, step
from thing import Thing

from charger.outlet import pilot_states
from charger.outlet.guards import energy_guards


class Monitor:
    """A residual current monitor; `presses` are the states of its reset, one a tick."""

    def __init__(self, latches):
        self.latches = latches
        self.presses = []

    def reset(self, pressed):
        self.presses.append(pressed)


# --- residual current ---


def tripped_outlet(latches=False, **attributes):
    """An outlet with a monitor that says "tripped"."""
    return outlet(rcd=Monitor(latches), rcd_tripped=True, trip_edge=False, self_test=Thing(running=False), **attributes)


def started():
    """A guard whose monitor has started."""
    guard = energy_guards.ResidualCurrent()
    here = tripped_outlet()
    here.rcd_tripped = False
    step(guard, here)
    return guard


def test_a_monitor_may_say_tripped_for_three_seconds_of_its_start_but_not_over_a_closed_contactor():
    guard = energy_guards.ResidualCurrent()
    equal((step(guard, tripped_outlet(), 3000), step(guard, tripped_outlet(), 60)), (False, True))
    equal(step(energy_guards.ResidualCurrent(), tripped_outlet(contactor=Thing(commanded=True))), True)
    edge = tripped_outlet()
    edge.trip_edge = True
    equal(step(energy_guards.ResidualCurrent(), edge), True)
    equal((step(started(), tripped_outlet(), 40), step(started(), tripped_outlet(), 60)), (False, True))
    test = tripped_outlet(contactor=Thing(commanded=True))
    test.self_test.running = True
    equal(step(started(), test, 1000), False, "our own pulse")


def test_a_latching_monitor_is_reset_again_and_again_once_the_car_has_left_and_no_other_one():
    for latches in (True, False):
        guard, here = started(), tripped_outlet(latches)
        step(guard, here, 6000)
        equal((guard.tripped, True in here.rcd.presses), (True, False), "with the car")
        here.plugged, here.raw_state = False, pilot_states.A
        here.rcd.presses = []
        step(guard, here, 10000)
        presses = [False] + here.rcd.presses  # noqa: RUF005 - MicroPython
        pressed = [n for n in range(1, len(presses)) if presses[n] and not presses[n - 1]]
        equal((pressed, presses.count(True)), ([1, 251] if latches else [], 50 if latches else 0), "0.5 s each 5 s")
        here.rcd_tripped = False
        here.rcd.presses = []
        equal((step(guard, here), step(guard, here, 1000)), (True, False))
        equal(True in here.rcd.presses, False)
        equal(here.rcd.presses[:1], [False])


def test_a_latching_monitor_that_trips_with_no_car_is_reset_from_the_first_tick_on_each_time():
    guard, here = started(), tripped_outlet(True, plugged=False)
    here.raw_state, here.trip_edge = pilot_states.A, True
    for _ in range(2):
        here.rcd.presses = []
        step(guard, here, 3000)
        equal((here.rcd.presses[0], here.rcd.presses.count(True)), (True, 25))
        here.rcd_tripped = False
        step(guard, here, 1000)
        here.rcd_tripped = True


def test_the_owners_word_resets_a_latching_monitor_for_ten_seconds():
    guard, here = started(), tripped_outlet(True)
    step(guard, here, 100)
    equal((guard.acknowledge(here), guard.may_clear(here)), (False, True))
    here.rcd.presses = []
    step(guard, here, 1000)
    equal(True in here.rcd.presses, True)
    step(guard, here, 9020)
    equal(guard.may_clear(here), False)
    guard.acknowledge(here)
    here.rcd_tripped = False
    equal(step(guard, here, 1000), False)
    equal(guard.may_clear(here), False, "the word was for one trip")
    plain = tripped_outlet()
    guard = started()
    step(guard, plain, 100)
    guard.acknowledge(plain)
    equal(guard.may_clear(plain), False)


def test_the_owners_word_ends_while_the_monitor_has_let_go():
    guard, here = started(), tripped_outlet(True)
    step(guard, here, 100)
    guard.acknowledge(here)
    guard.CLEAR_MS = 20000
    here.rcd_tripped = False
    step(guard, here, 10020)
    equal((guard.tripped, guard.may_clear(here)), (True, False))


def test_a_failed_self_test_is_a_fault():
    here, guard = outlet(self_test=Thing(failed=False)), energy_guards.ResidualSelfTest()
    equal(step(guard, here), False)
    here.self_test.failed = True
    equal(step(guard, here), True)


# --- load, mains, heat ---


def drawing(current_ma, **attributes):
    """A car that draws this from an offer of 10 A at a contactor for 32 A; base 10.5 A."""
    return outlet(metered=(current_ma, 230000, 230000), contactor=Thing(commanded=True), signalled_da=100,
                  rated_da=lambda: 320, **attributes)  # fmt: skip


def test_each_curve_of_over_current_has_its_time():
    for current_ma, least_ms, most_ms in ((11500, None, None), (11600, 7000, 7100), (13200, 1900, 2100), (21100, 100, 160)):
        guard, here = energy_guards.OverCurrent(), drawing(current_ma)
        equal(step(guard, here, least_ms or 20000), False, current_ma)
        if most_ms:
            equal(step(guard, here, most_ms - least_ms + 20), True, current_ma)


def test_counts_of_over_current_go_back_and_are_void_without_a_current_to_watch():
    guard = energy_guards.OverCurrent()
    step(guard, drawing(13200), 1000)
    equal((guard._steep_ms, guard._short_ms), (1000, 0))
    step(guard, drawing(11000), 400)
    equal(guard._steep_ms, 800)
    equal(guard._present_ms < 980, True, "that of 1.1 x as well")
    step(guard, drawing(21100), 60)
    equal(guard._short_ms, 60)
    step(guard, drawing(11000))
    equal(guard._short_ms, 0)
    step(guard, drawing(21100), 60)
    step(guard, drawing(10000))
    equal(guard._short_ms, 0)
    for lost in (outlet(contactor=Thing(commanded=True)), drawing(21100)):
        guard._steep_ms = guard._short_ms = 60
        lost.contactor.commanded = lost.metered is None
        equal((guard.danger(lost), guard._steep_ms, guard._short_ms), (False, 0, 0))


def test_dips_of_a_car_hide_no_over_current_but_an_open_contactor_ends_the_count():
    guard = energy_guards.OverCurrent()
    for _ in range(12):
        step(guard, drawing(11600), 900)
        step(guard, drawing(10000), 100)
    equal(guard.tripped, True)
    guard = energy_guards.OverCurrent()
    step(guard, drawing(11600), 900)
    opened = drawing(0)
    opened.contactor.commanded = False
    step(guard, opened)
    equal((guard.active, guard._present_ms), (False, -1))


def test_what_the_conductors_bear_lets_the_car_stop_and_more_opens_at_once():
    for current_ma, soft in ((35750, True), (35751, False)):
        guard = energy_guards.OverCurrent()
        guard.danger(drawing(current_ma))
        equal(guard.soft, soft, current_ma)


def test_after_three_more_tries_an_over_current_stays_until_unplugging():
    guard, here, rest = energy_guards.OverCurrent(), drawing(21100), outlet()
    for trip in range(1, 5):
        equal(step(guard, here, 400), True)
        equal(guard._trips, trip)
        here.switch.interruptions = 1
        step(guard, rest, 29980)
        equal(guard.tripped, True)
        step(guard, rest, 40)
        equal(guard.tripped, trip == 4, trip)
    rest.plugged = False
    equal((step(guard, rest), guard._trips), (False, 0))
    fresh = energy_guards.OverCurrent()
    equal((step(fresh, here, 400), fresh._trips), (True, 1), "after interruptions of another kind")
    guard._trips, here.switch.interruptions = 3, 0
    step(guard, here, 400)
    equal(guard._trips, 1, "after half an hour of charging")


def measured(lowest_mv, highest_mv=230000, open_pen=False, **attributes):
    """An outlet with these voltages."""
    return outlet(metered=(0, lowest_mv, highest_mv), open_pen=open_pen, signalled_da=60, energised=False, **attributes)


def test_voltages_out_of_range_trip_after_a_second_and_earlier_ones_where_an_open_pen_is_detected():
    for kind, good, bad, soft in (
        (energy_guards.UnderVoltage, measured(180000), measured(179999), True),
        (energy_guards.UnderVoltage, measured(207000, open_pen=True), measured(206999, open_pen=True), False),
        (energy_guards.OverVoltage, measured(0, 265000), measured(0, 265001), False),
        (energy_guards.OverVoltage, measured(0, 253000, True), measured(0, 253001, True), False),
    ):  # fmt: skip
        guard = kind()
        equal((step(guard, good, 2000), step(guard, bad, 1000), step(guard, bad), guard.soft), (False, False, True, soft))
        step(guard, good, 9980)
        equal((guard.tripped, step(guard, good, 40)), (True, False))
        good.metered = None
        equal(guard.danger(good), False, "without a reading")


def test_mains_that_sag_under_the_load_get_nine_seconds_for_less_current():
    def sagging(lowest_mv=175000, signalled_da=100, energised=True, open_pen=False):
        here = measured(lowest_mv, open_pen=open_pen)
        here.signalled_da, here.energised = signalled_da, energised
        return here

    guard = energy_guards.UnderVoltage()
    equal((step(guard, sagging(), 9000), guard.active), (False, True))
    equal((step(guard, sagging(), 1000), step(guard, sagging())), (False, True))
    for short in (sagging(signalled_da=60), sagging(energised=False), sagging(169999), sagging(open_pen=True)):
        guard = energy_guards.UnderVoltage()
        equal((step(guard, short, 1000), step(guard, short)), (False, True))
    guard = energy_guards.UnderVoltage()
    step(guard, sagging(), 8000)
    step(guard, measured(230000))
    equal((step(guard, sagging(), 9000), guard.active), (False, True), "counted anew")


def test_a_meter_that_is_lost_for_two_seconds_and_heat_end_the_charging():
    guard, here = energy_guards.MeterLost(), outlet()
    equal((step(guard, outlet(metered=(0, 0, 0)), 3000), step(guard, here, 2000), step(guard, here)), (False, False, True))
    guard, here = energy_guards.Temperature(), outlet(thermometer=Thing(value_dc=849))
    equal(step(guard, here, 1000), False)
    here.thermometer.value_dc = 850
    equal((step(guard, here, 200), step(guard, here)), (False, True))
    here.thermometer.value_dc = 700
    equal(guard.danger(here), True, "hysteresis")
    here.thermometer.value_dc = 699
    equal(guard.danger(here), False)
