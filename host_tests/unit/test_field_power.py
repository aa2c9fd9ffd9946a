"""Cases from the field about power cuts and cars that sleep (docs/FIELD_CASES.md)."""

import flashrig
from check import equal, true
from rig import Rig

from charger.metering.energy_register import LOSS_BOUND_WH, EnergyRegister
from charger.metering.session_store import SessionStore
from sim import ev, timebase
from sim import flash as simflash


def setup():
    timebase.manual()
    flashrig.fresh()
    flashrig.reboot(1)


def teardown():
    simflash.unmount()


def test_f_e11_a_figure_that_was_told_is_never_undercut_after_a_power_cut():
    for looks_s in (1, 7, 40, 400):
        device = flashrig.fresh()
        reported = 0
        for cut_after_s in (3, 16, 33, 61, 200, 900):
            files = flashrig.files()
            sessions = SessionStore(files)
            register = EnergyRegister(files, 1)
            sessions.watch(1, register)
            for session in sessions.recover():
                true(session.stop_wh >= reported, "meterStop %d, reported %d" % (session.stop_wh, reported))
                sessions.end(session, session.stop_wh, "PowerLoss")
            true(register.total_wh >= reported, "register %d, reported %d" % (register.total_wh, reported))
            session = sessions.begin(1, "CARD", register.total_wh)
            true(session.start_wh >= reported, "meterStart %d, reported %d" % (session.start_wh, reported))
            for second in range(cut_after_s):
                timebase.advance(1000)
                register.add(2044)  # 7.36 kW
                register.persist_when_due()
                sessions.checkpoint(session, register.total_wh)
                if second % looks_s == 0:
                    now = register.reported_wh()
                    true(now >= reported, "reported %d after %d" % (now, reported))
                    true(register.total_wh - now <= LOSS_BOUND_WH, "reported %d of %d" % (now, register.total_wh))
                    reported = now
            device = flashrig.restart(device)
            flashrig.reboot()


def test_f_e11_looking_each_second_writes_each_15_s_at_the_most():
    files = flashrig.files()
    register = EnergyRegister(files, 1)
    writes = [0]
    write = register._ab_record.write

    def counted(record):
        writes[0] += 1
        write(record)

    register._ab_record.write = counted
    reported = set()
    for _ in range(600):
        timebase.advance(1000)
        register.add(400)  # 1.44 kW
        register.persist_when_due()
        reported.add(register.reported_wh())
    true(30 <= writes[0] <= 41, "%d writes" % writes[0])
    equal(len(reported), writes[0] + 1)


# --- F-E1 ---


def test_f_e1_a_sleeping_car_is_woken_once_where_the_key_allows_it():
    for wakes in (False, True):
        rig = Rig()
        rig.outlet.wake_up = wakes
        rig.side.ev.sleep_ms = 600000
        rig.side.plug(ev.ASKING)
        rig.run(700000, 100)
        true(rig.side.ev.asleep)
        rig.outlet.permit = True
        rig.run(60000)
        equal((wakes, rig.outlet.energised, rig.side.ev.asleep), (wakes, wakes, not wakes))


def test_f_e1_a_car_that_sleeps_on_is_left_alone_after_one_attempt():
    rig = Rig()
    rig.outlet.wake_up = True
    rig.outlet.permit = True
    rig.side.plug(ev.IDLE)
    attempts = [0, False]

    def count(one):
        if one.outlet.driving_f and not attempts[1]:
            attempts[0] += 1
        attempts[1] = one.outlet.driving_f

    rig.after_tick = count
    rig.run(300000, 100)
    equal(attempts[0], 1)
    rig.side.plug(ev.ABSENT)
    rig.run(1000)
    rig.side.plug(ev.IDLE)
    rig.run(60000)
    equal(attempts[0], 2)
