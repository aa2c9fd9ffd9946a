"""Cases from the field that concern the contactors (docs/FIELD_CASES.md): real drivers in the simulated world."""

import time

from check import equal, no_alloc, true
from rig import Rig

from charger.metering import charging_session as ses
from charger.outlet.mains_sag import MainsSag
from sim import ev, timebase

TIMEOUT = 300  # up to two hours of the outlet's time, tick by tick
THREE = {"CompositeScheduleDefaultNumberPhases": "3", "ConnectorSwitch3to1PhaseSupported": "true"}


class Openings:
    """Openings of the main contactor by the world's count, and those with current."""

    def __init__(self, rig):
        self.rig = rig
        self.all = self.hot = 0
        self._closed = rig.contacts_closed()
        self._ma = 0
        rig.after_tick = self.observe

    def observe(self, _=None):
        closed = self.rig.contacts_closed()
        if self._closed and not closed:
            self.all += 1
            self.hot += self._ma > 1000
        self._closed = closed
        self._ma = self.rig.side.ev.i_ma


# --- F-E4 ---


def _follow_late(rig, ms):
    """The limit falls from 32 to 6 A and the car takes it up ms later."""
    car = rig.side.ev
    rig.outlet.limits.set("csms", 60)
    rig.until(lambda: rig.outlet.offered_da == 60)
    car.obeys = False
    rig.run(ms)
    car.obeys = True


def test_f_e4_a_car_that_takes_up_to_6_s_to_follow_a_lower_limit_goes_on_charging():
    for ms in (400, 3000, 5000, 5500):
        rig = Rig()
        rig.charge()
        openings = Openings(rig)
        _follow_late(rig, ms)
        rig.run(10000)
        equal((ms, openings.all, rig.contacts_closed(), rig.outlet.fault), (ms, 0, True, None))


def test_f_e4_a_car_that_follows_no_lower_limit_loses_its_pilot_before_the_contactor_opens():
    rig = Rig()
    rig.charge()
    openings = Openings(rig)
    rig.outlet.limits.set("csms", 60)
    rig.until(lambda: rig.outlet.offered_da == 60)
    rig.side.ev.obeys = False
    took = rig.until(lambda: not rig.outlet.pwm_on)
    true(6000 <= took <= 8000, took)
    equal((rig.contacts_closed(), rig.outlet.blocked), (True, False))
    rig.until(lambda: not rig.contacts_closed(), 6100)
    rig.run(100)
    equal((openings.all, openings.hot, rig.outlet.fault.CODE), (1, 0, "OverCurrentFailure"))
    equal((rig.outlet.openings, rig.outlet.switch.hot_openings), (1, 0))


def test_f_e4_more_than_the_wiring_bears_opens_at_once():
    rig = Rig()
    rig.charge()
    rig.side.ev.obeys = False
    rig.side.ev.max_ma = 70000
    rig.side.ev.i_ma = 70000
    took = rig.until(lambda: not rig.contacts_closed(), 1000)
    true(took <= 600, took)
    equal((rig.outlet.switch.hot_openings, rig.outlet.switch.hot_cause), (1, "OverCurrent"))


# --- F-E5 ---


def test_f_e5_energy_is_back_within_3_s_after_s2_was_open_for_a_moment():
    for open_ms in (500, 1000, 2000, 10000):
        rig = Rig()
        rig.charge()
        rig.side.ev.reaction_ms = 0
        rig.side.plug(ev.IDLE)
        rig.run(open_ms)
        equal((open_ms, rig.contacts_closed()), (open_ms, False))
        rig.side.plug(ev.ASKING)
        took = rig.until(lambda rig=rig: rig.contacts_closed(), 10000)
        true(took <= 3000, (open_ms, took))
        equal((rig.outlet.switch.hot_openings, rig.outlet.switch.interruptions), (0, 0))


def test_f_e5_a_car_that_opens_and_closes_s2_all_the_time_waits_longer_each_few_times():
    rig = Rig()
    rig.charge()
    rig.side.ev.reaction_ms = 0
    waits = []
    for _ in range(12):
        rig.side.plug(ev.IDLE)
        rig.run(400)
        rig.side.plug(ev.ASKING)
        waits.append(rig.until(rig.contacts_closed, 40000))
    true(max(waits[:4]) <= 3000 and 4000 <= waits[5] <= 6000 and waits[-1] >= 25000, waits)


# --- F-E6 ---


class Grid:
    """Mains with an impedance: `idle_mv` without load, less by the car's current. The world's own supply follows it."""

    def __init__(self, rig, idle_mv, mohm, job=True):
        self.rig, self.idle_mv, self.mohm = rig, idle_mv, mohm
        self.openings = Openings(rig)
        self.sag = MainsSag(rig.outlet) if job else None
        self._stepped_ms = timebase.ticks_ms()
        rig.after_tick = self.observe
        self.observe(rig)

    def observe(self, rig):
        self.openings.observe()
        rig.side.volts_mv = self.idle_mv - rig.side.ev.i_ma * self.mohm // 1000 if self.openings._closed else self.idle_mv
        if self.sag and time.ticks_diff(timebase.ticks_ms(), self._stepped_ms) >= 100:
            self._stepped_ms = timebase.ticks_ms()
            self.sag.step()


def test_f_e6_mains_that_sag_under_load_get_less_current_and_the_charging_goes_on():
    rig = Rig()
    grid = Grid(rig, 188000, 312)  # 178 V at 32 A
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(240000, 100)
    equal((grid.openings.all, rig.contacts_closed(), rig.outlet.fault), (0, True, None))
    true(8000 < rig.side.ev.i_ma < 20000, rig.side.ev.i_ma)
    equal(rig.outlet.limit_source(), "mains")
    true(rig.side.volts_mv > 180000, rig.side.volts_mv)
    grid.idle_mv = 230000  # at night the grid recovers, and the current with it
    rig.run(1200000, 100)
    true(rig.side.ev.i_ma > 18000, rig.side.ev.i_ma)
    rig.side.plug(ev.ABSENT)
    rig.run(1000)
    equal(rig.outlet.limits.get("mains"), None)


def test_f_e6_a_dip_of_the_grid_leaves_no_lower_current_behind():
    rig = Rig()
    grid = Grid(rig, 230000, 0)
    rig.charge()
    for dip_mv in (120000, 175000):
        for dip_ms in (100, 400):
            grid.idle_mv = dip_mv
            rig.run(dip_ms)
            grid.idle_mv = 230000
            rig.run(2000)
            equal((dip_mv, dip_ms, rig.outlet.limits.get("mains"), rig.outlet.offered_da), (dip_mv, dip_ms, None, 320))
    equal(grid.openings.all, 0)


def test_f_e6_mains_that_sag_even_at_6_a_are_tried_with_growing_pauses_and_then_no_more():
    rig = Rig()
    grid = Grid(rig, 182000, 1000)  # 176 V at 6 A
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    seen = []

    def opened():
        if len(seen) < grid.openings.all:
            seen.append(timebase.ticks_ms())
        return rig.outlet.switch.interruptions >= 6

    rig.until(opened, 5000000, 100)
    rig.run(100)
    opened()
    pauses = [(after - before) // 1000 for before, after in zip(seen, seen[1:])]
    true(all(after > before for before, after in zip(pauses[:-1], pauses[1:])), str(pauses))
    true(pauses[0] < 60 and pauses[-1] >= 900, str(pauses))
    rig.run(1900000, 100)  # longer than the pause after the sixth would be
    equal((grid.openings.all, grid.openings.hot, rig.outlet.fault.CODE), (6, 0, "UnderVoltage"))
    equal(rig.outlet.info, "Interrupted too often, unplug the vehicle")
    equal((rig.outlet.acknowledge(), rig.outlet.switch.interruptions), (True, 6))
    rig.tick()
    equal(rig.outlet.switch.interruptions, 0)
    grid.idle_mv = 230000
    rig.until(rig.contacts_closed, 60000)


def test_f_e6_a_deep_sag_opens_in_a_second_without_current():
    rig = Rig()
    grid = Grid(rig, 230000, 0)
    rig.charge()
    grid.idle_mv = 160000
    took = rig.until(lambda: not rig.outlet.pwm_on, 2000)
    true(900 <= took <= 1600, took)
    rig.until(lambda: not rig.contacts_closed(), 2000)
    equal(grid.openings.hot, 0)


# --- F-E14 ---


def test_f_e14_the_second_contactor_is_closed_only_while_the_main_one_is():
    rig = Rig(**THREE)
    side = rig.side
    seen = [0]

    def never_alone(one):
        side.sync()
        main, second = one.outlet.contactor, one.outlet.switch.second
        assert main.commanded or not second.commanded, "commanded without the main one"
        if side.second.closed and not side.contactor.closed:
            seen[0] += 1  # both coils are released at once; each has its own time
            assert seen[0] <= 1, "closed without the main one"
        elif not side.second.closed:
            seen[0] = 0

    rig.after_tick = never_alone
    rig.run(10000)
    equal(side.second.operations, 0)
    side.ev.phases = 3
    rig.charge()
    equal((side.second.closed, side.phases_on, side.second.operations), (True, 3, 1))
    rig.world.set_fault("GroundFailure", 1, True)  # the residual current holds the main one open
    rig.run(20000)
    equal((side.second.closed, side.second.operations), (False, 1))


def test_f_e14_one_phase_leaves_the_second_contactor_open_and_a_late_tick_opens_both():
    rig = Rig(**THREE)
    rig.outlet.phases_wanted = 1
    rig.run(20000)
    rig.side.ev.phases = 3
    rig.charge()
    equal((rig.side.second.operations, rig.side.ev.phases, rig.side.phases_on), (0, 3, 1))
    rig.outlet.phases_wanted = 3
    rig.until(lambda: rig.side.second.closed, 60000)
    rig.tick(1500)
    equal((rig.outlet.contactor.commanded, rig.outlet.switch.second.commanded), (False, False))
    rig.outlet.emergency_open()
    no_alloc(lambda: rig.outlet.tick(20))


def test_f_e14_a_second_contactor_that_welds_or_does_not_close_is_reported_as_its_own():
    for fault, how in (("welded", "welded"), ("stuck", "does not close")):
        rig = Rig(**THREE)
        rig.side.ev.phases = 3
        if fault == "stuck":
            rig.side.second.stuck = True
            rig.outlet.permit = True
            rig.side.plug(ev.ASKING)
        else:
            rig.charge()
            rig.side.second.welded = True
            rig.side.plug(ev.IDLE)
        rig.until(lambda rig=rig: rig.outlet.fault is not None)
        equal((rig.outlet.fault.CODE, rig.outlet.info), ("PowerSwitchFailure", "Contactor of phases 2 and 3 " + how))
        rig.side.plug(ev.ASKING)
        rig.run(20000)
        equal((rig.contacts_closed(), rig.outlet.contactor.commanded), (False, False))


# --- F-E15 ---


def test_f_e15_a_slow_contactor_is_neither_welded_nor_stuck_within_the_boards_times():
    for close_ms, open_ms in ((400, 10), (10, 400), (400, 400)):
        for late, faulty in ((0, False), (400, True)):
            rig = Rig()
            wiring = rig.board.OUTLETS[0]["contactor"]
            wiring["close_ms"], wiring["open_ms"] = close_ms, open_ms
            rig.restart()
            rig.side.contactor.close_ms, rig.side.contactor.open_ms = close_ms + late, open_ms + late
            rig.outlet.permit = True
            rig.side.plug(ev.ASKING)
            codes = set()
            rig.after_tick = lambda one, codes=codes: codes.add(one.outlet.fault.CODE if one.outlet.fault else None)
            rig.run(12000)
            rig.side.plug(ev.IDLE)
            rig.run(3000)
            equal((close_ms, open_ms, late, "PowerSwitchFailure" in codes), (close_ms, open_ms, late, faulty))


def test_f_e15_a_slow_second_contactor_has_times_of_its_own():
    for late, faulty in ((0, False), (400, True)):
        for name in ("close_ms", "open_ms"):
            rig = Rig(**THREE)
            rig.board.OUTLETS[0]["phase_switch"][name] = 400
            rig.restart()
            setattr(rig.side.second, name, 400 + late)
            rig.side.ev.phases = 3
            rig.outlet.permit = True
            rig.side.plug(ev.ASKING)
            seen = set()
            rig.after_tick = lambda one, seen=seen: seen.update(one.codes())
            rig.run(7000)
            rig.side.plug(ev.IDLE)
            rig.run(1500)
            equal((late, name, seen), (late, name, {"PowerSwitchFailure"} if faulty else set()))


def test_f_e15_an_active_low_output_a_mirror_contact_and_voltage_at_the_poles_work_alike():
    for settings in ({"ContactorActive": "0"}, {"ContactorContact": "mirror"}, {"ContactorContact": "voltage"}):
        settings.update(THREE)
        rig = Rig(**settings)
        level = rig.world.line(rig.board.OUTLETS[0]["contactor"]["out"]).read
        active = rig.board.OUTLETS[0]["contactor"]["active"]
        equal(level(), 1 - active)
        rig.side.ev.phases = 3
        rig.charge()
        equal((settings, level(), rig.outlet.energised, rig.side.phases_on), (settings, active, True, 3))
        rig.side.contactor.welded = True
        rig.side.plug(ev.IDLE)
        rig.run(1000)
        equal((settings, level(), rig.outlet.info), (settings, 1 - active, "Contactor welded"))


def test_f_e15_without_mains_a_contactor_with_voltage_sensing_is_not_called_stuck():
    rig = Rig(ContactorContact="voltage")
    rig.charge()
    rig.world.set_fault("supply_lost", 1, True)
    codes = set()
    rig.after_tick = lambda one: codes.add(one.outlet.info)
    rig.run(10000)
    true("Contactor does not close" not in codes, codes)


# --- reports of openings under load ---


def test_openings_under_load_are_in_the_session_record_in_a_form_that_older_firmware_reads():
    session = ses.Session(7, 1, "CARD", 100)
    session.opened_under_load(2, "OverCurrent")
    session.opened_under_load(300, "late")
    for identities in (False, True):
        record = session.to_record(identities)
        found = ses.from_record(record)
        equal((found.openings, found.opened_by, found.id_tag), (255, "late", "CARD" if identities else None))
        equal(ses.unpack_tags(record[ses.RECORD_LEN + 9 :])[0], found.id_tag)  # as the firmware before reads it
    other = ses.Session(7, 1, "CARD", 100)
    other.restore(session.running_record())
    equal((other.openings, other.opened_by), (255, "late"))
    quiet = ses.Session(8, 1, None, 0)
    equal((len(quiet.to_record()), len(quiet.running_record()), ses.from_record(quiet.to_record()).openings), (77, 41, 0))
