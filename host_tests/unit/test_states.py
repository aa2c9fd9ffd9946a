"""Control pilot windows (CP-4, CP-5), duty and current both ways (CP-11 to CP-14), limits, OCPP's transitions (OCPP-80)."""

from check import equal

from charger.outlet import connector_status, limits, pilot_duty, pilot_states


def _window(mv):
    """Table A.4 style windows in an independent form: list of (low, high, state)."""
    for low, high, state in (
        (11000, 13000, pilot_states.A), (8000, 10000, pilot_states.B), (5000, 7000, pilot_states.C),
        (2000, 4000, pilot_states.D), (-1000, 1000, pilot_states.E), (-13000, -11000, pilot_states.F),
    ):
        if low <= mv <= high:
            return state
    return pilot_states.UNDEFINED


def test_every_tenth_of_a_volt_decodes_as_cp5_says():
    for mv in range(-15000, 15001, 100):
        equal(pilot_states.decode(mv), _window(mv))


def test_cars_at_the_edge_of_all_tolerances_are_seen_cp4():
    for low, high, state in (
        (11400, 12600, pilot_states.A), (8370, 9590, pilot_states.B), (5470, 6530, pilot_states.C), (2590, 3280, pilot_states.D),
    ):
        for mv in range(low, high + 1, 10):
            equal(pilot_states.decode(mv), state)


def test_duty_of_the_examples_of_cp12():
    for da, percent_100 in ((60, 1000), (100, 1667), (130, 2167), (160, 2667), (200, 3333), (250, 4167), (320, 5333)):
        duty = pilot_duty.duty_from_da(da)
        assert abs(duty * 10000 // 65535 - percent_100) <= 1, (da, duty)


def test_the_car_never_reads_more_than_the_limit_cp13():
    for da in range(60, 801):
        duty = pilot_duty.duty_from_da(da)
        read = pilot_duty.da_from_duty(duty)
        assert read <= da, (da, read)
        # Between 51 and 52.5 A the duty of the upper formula still reads by the lower one: less, never more.
        assert read >= da - (20 if 510 < da < 530 else 1), (da, read)


def test_below_six_ampere_there_is_no_duty_cp14():
    for da in range(-5, 60):
        equal(pilot_duty.duty_from_da(da), pilot_duty.DUTY_OFF)
    equal(pilot_duty.duty_from_da(5000), pilot_duty.duty_from_da(800))


def test_what_a_car_reads_outside_the_table_cp11():
    for permille, da in ((0, 0), (20, 0), (50, 0), (75, 0), (80, 60), (99, 60), (970, 800), (980, 0), (1000, 0)):
        equal(pilot_duty.da_from_duty(permille * 65535 // 1000), da)


def test_the_smallest_limit_rules_and_reports_it():
    all_limits = limits.Limits(320)
    equal((all_limits.effective_da, all_limits.ruling), (320, "hardware"))
    all_limits.set("cable", 200, limits.SAFETY)
    all_limits.set("csms", 100)
    equal((all_limits.effective_da, all_limits.safety_da, all_limits.ruling), (100, 200, "csms"))
    all_limits.set("csms", None)
    equal((all_limits.effective_da, all_limits.describe()), (200, "the cable: 20.0 A"))
    all_limits.set("csms", -5)
    equal(all_limits.effective_da, 0)
    all_limits.set("csms", 9999)
    equal(all_limits.effective_da, 200)  # nobody can raise what another lowered


ORDER = ("Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved", "Unavailable", "Faulted")
# Row by row the cells that stand in the table of OCPP 1.6 section 4.9, as in docs/RULES.md part C.7.
CELLS = "A2 A3 A4 A5 A7 A8 A9 B1 B3 B4 B5 B6 B9 C1 C4 C5 C6 C8 C9 D1 D3 D5 D6 D8 D9 E1 E3 E4 E6 E8 E9 " \
    "F1 F2 F8 F9 G1 G2 G8 G9 H1 H2 H3 H4 H5 H9 I1 I2 I3 I4 I5 I6 I7 I8"


def test_transitions_are_those_of_the_table_and_no_other_ocpp80():
    cells = CELLS.split()
    for row in range(9):
        for column in range(9):
            if row != column:
                cell = "ABCDEFGHI"[row] + str(column + 1)
                equal(connector_status.allowed(ORDER[row], ORDER[column]), cell in cells)


def test_every_way_uses_allowed_steps_only():
    for old in ORDER:
        for new in ORDER:
            now = old
            for step in connector_status.transition_path(old, new):
                assert connector_status.allowed(now, step), (old, new, now, step)
                now = step
            equal(now, new)
