"""The driver of the co-processor: it loads, shares ADC1, arms, takes the pad back and reports; the chip is sim/coprocessor.py.

That the program opens in time is shown with its instructions: host_tests/coprocessor.
"""

import sys

from check import equal, near, no_alloc, true
from rig import Rig

from sim import coprocessor as chip
from sim import ev, launch

PROGRAM = b"ulp\0" + bytes(60)
ARMED, ABOVE, BELOW, NEGATIVE, PWM, BEAT, _, CAUSE = range(8)
HOLD = 14
CAR_LEFT, BELOW_C, SILENT, UNFIT, REFUSED = 1, 2, 5, 6, 7


class Program:
    """The module of the board's folder."""

    PROGRAM, ENTRY = PROGRAM, 72


class WatchedRig(Rig):
    """A rig whose outlet is watched by a co-processor."""

    watched = True

    def reports(self):
        found = []
        self.outlet.pilot.poll(lambda event, text: found.append((event, text)), "E")
        return found


def report(number):
    return [("E", "report %d" % number)]


def watched(**settings):
    chip.state.update({"running": False, "lends": True})
    for address in chip.memory:
        chip.memory[address] = 0
    launch.config["reset_cause"] = 1
    sys.modules["coprocessor_program"] = Program
    rig = WatchedRig(**settings)
    rig.charge()
    return rig


def counts(rig, mv):
    """The ADC's reading of a pilot voltage on the simulated board."""
    circuit = rig.side.circuit
    return circuit._node_uv(mv) * 4095 // 3300000


def test_charging_car_is_watched_with_the_thresholds_of_the_windows():
    rig = watched()
    equal((chip.word(ARMED), chip.word(PWM), chip.word(CAUSE), chip.word(HOLD)), (1, 1, 0, 0))
    equal(chip.state["loaded"], PROGRAM)
    for word, mv in ((ABOVE, 7500), (BELOW, 4500), (NEGATIVE, -9000)):
        near(chip.word(word), counts(rig, mv), 25, word)  # 25 counts are 0.24 V of the pilot
    before = chip.word(BEAT)
    rig.run(1000)
    true(chip.word(BEAT) - before >= 50)
    equal(rig.reports(), [])


def test_tick_allocates_nothing():
    rig = watched()
    no_alloc(lambda: rig.outlet.tick(20))
    rig.side.plug(ev.ABSENT)
    chip.open_for(CAR_LEFT)
    for _ in range(5):
        no_alloc(lambda: rig.outlet.tick(20))
    true(not rig.outlet.contactor.commanded)


def test_armed_only_while_the_contactor_is_closed_and_from_the_tick_after_on():
    rig = watched()
    rig.outlet.permit = False
    rig.until(lambda: not rig.outlet.pwm_on)
    equal((chip.word(ARMED), chip.word(PWM)), (1, 0))  # wind-down: the car may hold C without a PWM
    rig.until(lambda: not rig.outlet.contactor.commanded)
    equal(chip.word(ARMED), 0)
    rig.outlet.permit = True
    rig.until(lambda: rig.outlet.contactor.commanded, 60000)
    equal((chip.word(ARMED), chip.word(PWM)), (0, 1))
    rig.tick()
    equal(chip.word(ARMED), 1)


def test_car_that_stops_is_opened_for_and_is_no_report():
    rig = watched()
    openings = rig.outlet.switch.openings
    rig.side.plug(ev.IDLE)
    true(chip.open_for(CAR_LEFT))
    rig.run(200)
    equal((rig.outlet.contactor.commanded, rig.outlet.switch.openings - openings, rig.outlet.fault), (False, 1, None))
    equal((rig.outlet.switch.interruptions, chip.word(CAUSE), rig.reports()), (0, 0, []))


def test_opening_that_no_tick_explains_opens_for_the_firmware_too_and_is_reported():
    rig = watched()
    true(chip.open_for(BELOW_C))
    rig.tick()
    equal((rig.outlet.contactor.commanded, rig.outlet.switch.hot_cause, rig.outlet.switch.interruptions), (False, "late", 1))
    equal(rig.reports(), report(BELOW_C))
    equal(rig.reports(), [])
    rig.until(lambda: rig.outlet.energised, 20000)  # closes again by the rules
    rig.tick()
    equal((chip.word(ARMED), chip.word(CAUSE), rig.outlet.fault), (1, 0, None))


def test_opening_during_a_hold_up_is_reported_at_the_first_tick():
    rig = watched()
    rig.side.plug(ev.ABSENT)
    true(chip.open_for(CAR_LEFT))
    rig.tick(1500)
    equal((rig.outlet.contactor.commanded, rig.reports()), (False, report(CAR_LEFT)))


def test_opening_of_before_a_reset_is_reported_and_one_of_before_a_power_cut_is_not():
    for cause, wanted in ((3, report(BELOW_C)), (1, [])):
        rig = watched()
        true(chip.open_for(BELOW_C))
        launch.config["reset_cause"] = cause
        rig.restart()
        equal(rig.reports(), wanted, cause)
        equal((chip.state["running"], chip.word(CAUSE), chip.word(ARMED)), (True, 0, 0))
    launch.config["reset_cause"] = 1


def test_thermometer_and_tick_share_the_adc():
    rig = watched()
    seen = []
    convert = rig.outlet.thermometer.adc._adc

    class Watching:
        def read_uv(self):
            seen.append(chip.word(HOLD))
            return convert.read_uv()

    rig.outlet.thermometer.adc._adc = Watching()
    rig.outlet.thermometer.read()
    equal((seen, chip.word(HOLD)), ([1, 1, 1], 0))
    took = rig.outlet.pilot.take()  # the loop has it, and the tick comes
    rig.tick()
    equal((took, chip.word(HOLD)), (True, 1))
    rig.outlet.pilot.give(took)
    equal(chip.word(HOLD), 0)


def test_program_that_does_not_answer_is_told_once_and_the_firmware_goes_on():
    rig = watched()
    chip.state["lends"] = False
    rig.run(100)
    equal((rig.reports(), chip.word(ARMED), chip.state["running"]), (report(SILENT), 0, False))
    rig.run(1000)
    equal((rig.reports(), rig.outlet.energised, chip.word(ARMED)), ([], True, 0))


def test_plateaus_that_do_not_fit_arm_nothing():
    plain = chip._counts
    chip._counts = lambda uv: plain(uv) // 2
    try:
        rig = watched()
        equal((chip.word(ARMED), rig.outlet.energised), (0, True))
        equal(rig.reports(), report(UNFIT))
    finally:
        chip._counts = plain


def test_chip_that_refuses_the_program_charges_as_one_without():
    Program.PROGRAM = bytes(64)
    try:
        rig = watched()
        equal((rig.reports(), rig.outlet.energised, chip.word(ARMED)), (report(REFUSED), True, 0))
    finally:
        Program.PROGRAM = PROGRAM
