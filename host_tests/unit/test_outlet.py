"""The outlet with its real drivers against the simulated world: sequences, cable and lock, the tick itself."""

from check import equal, no_alloc
from rig import Rig, charging_rig

from charger.outlet import pilot_states
from sim import ev

# --- sequences ---


def test_a_car_is_charged_within_three_seconds_of_the_plug_cp21():
    rig = Rig()
    took = rig.charge()
    assert 1000 <= took <= 3000, took
    equal((rig.outlet.pilot_name(), rig.outlet.offered_da, rig.contacts_closed()), ("C2", 320, True))
    equal(rig.outlet.why_paused(), "")


def test_nothing_closes_without_permission_and_there_is_no_pwm():
    rig = Rig()
    rig.side.plug(ev.ASKING)
    rig.run(20000)
    equal((rig.contacts_closed(), rig.side.contactor.operations, rig.outlet.pilot_name()), (False, 0, "B1"))
    equal(rig.outlet.why_paused(), "Nobody is authorised")


def test_unplugging_and_s2_open_within_60_ms_cp24():
    for want in (ev.ABSENT, ev.IDLE):
        rig = charging_rig()
        rig.side.plug(want)
        rig.opens_within(60)


def test_a_stop_takes_the_current_away_before_it_opens_cp25():
    rig = charging_rig()
    rig.outlet.permit = False
    rig.run(40)
    equal((rig.outlet.pwm_on, rig.contacts_closed()), (False, True))
    took = rig.until(lambda: not rig.contacts_closed(), 7000)
    assert took < 3000, took
    equal(rig.side.ev.i_ma, 0)


def test_a_car_that_does_not_stop_is_opened_under_load_after_six_seconds_cp25():
    rig = charging_rig()
    rig.side.ev.obeys = False
    rig.side.ev.stop_ms = 100000
    rig.outlet.permit = False
    took = rig.until(lambda: not rig.contacts_closed(), 8000)
    assert 5900 <= took <= 6100, took


def test_pwm_rests_three_seconds_and_the_contactor_five_cp26_cp50():
    rig = charging_rig()
    rig.outlet.permit = False
    rig.until(lambda: not rig.contacts_closed())
    rig.outlet.permit = True
    assert rig.until(lambda: rig.outlet.pwm_on) <= 3000
    rig.until(rig.contacts_closed)
    assert rig.outlet.switch.off_ms >= 5000


def test_limits_are_followed_with_five_seconds_between_and_cuts_for_safety_at_once_cp22():
    from charger.outlet import limits

    rig = charging_rig()
    rig.outlet.limits.set("csms", 160)
    rig.run(40)
    equal(rig.outlet.offered_da, 160)
    rig.outlet.limits.set("csms", 100)
    rig.run(2000)
    equal(rig.outlet.offered_da, 160)
    rig.outlet.limits.set("supply", 80, limits.SAFETY)
    rig.run(40)
    equal(rig.outlet.offered_da, 80)
    rig.outlet.limits.set("supply", None)
    rig.run(4800)
    equal(rig.outlet.offered_da, 80)
    rig.run(400)
    equal(rig.outlet.offered_da, 100)
    rig.run(4000)
    rig.side.sync()
    assert 9500 <= rig.side.ev.i_ma <= 10010, rig.side.ev.i_ma


def test_a_limit_below_six_ampere_pauses_cp14():
    rig = charging_rig()
    rig.outlet.limits.set("csms", 59)
    rig.until(lambda: not rig.contacts_closed())
    equal((rig.outlet.pwm_on, rig.outlet.offered_da), (False, 0))
    equal(rig.outlet.why_paused(), "Paused by the charging profile of the back end: 5.9 A")
    rig.outlet.limits.set("csms", 60)
    rig.until(rig.contacts_closed)
    equal(rig.outlet.offered_da, 60)


def test_a_simplified_pilot_gets_ten_ampere_cp15():
    rig = Rig()
    rig.side.ev.simplified = True
    rig.side.plug(ev.ASKING)
    rig.run(500)
    rig.outlet.permit = True
    rig.until(rig.contacts_closed)
    equal((rig.outlet.simplified, rig.outlet.offered_da), (True, 100))
    equal(rig.outlet.limit_words(), "the car's simplified pilot: 10.0 A")


def test_a_sleeping_car_is_woken_once_if_asked_for_cp29():
    rig = Rig()
    rig.outlet.wake_up = True
    rig.outlet.permit = True
    rig.side.plug(ev.IDLE)
    rig.until(lambda: rig.outlet.pwm_on)
    took = rig.until(lambda: rig.outlet.state == pilot_states.F, 40000)
    assert 29000 <= took <= 32000, took
    took = rig.until(lambda: rig.outlet.pwm_on)
    assert 6500 <= took <= 7500, took  # 4 s of F, 3 s of x1
    rig.run(60000)
    equal(rig.outlet.pilot_name(), "B2")


# --- cable and lock ---


def test_cable_rating_limits_and_strange_codings_are_refused_cp35_cp36():
    for ohm, offered in ((1500, 130), (680, 200), (220, 320), (100, 320), (2460, 130), (1000, 0), (350, 0), (150, 0), (5, 0)):
        rig = Rig()
        rig.side.cable_ohm = ohm
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        rig.run(6000)
        equal((ohm, rig.outlet.offered_da), (ohm, offered))
        equal(rig.contacts_closed(), offered > 0)


def test_a_coding_that_changes_while_charging_opens_cp37():
    rig = charging_rig()
    rig.side.cable_ohm = 680
    rig.side.refresh()
    rig.opens_within(200)
    assert "coding" in rig.outlet.info


def test_no_energy_without_the_lock_and_no_unlocking_under_load_cp31():
    rig = Rig()
    rig.world.set_fault("ConnectorLockFailure", 1, True)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(8000)
    equal((rig.contacts_closed(), "ConnectorLockFailure" in rig.codes()), (False, True))
    equal((rig.side.contactor.operations, rig.outlet.openings), (0, 0))
    rig = charging_rig()
    rig.outlet.permit = False

    def never_unlocked_while_closed(rig):
        assert rig.side.lock.command or not rig.contacts_closed()

    rig.after_tick = never_unlocked_while_closed
    rig.until(lambda: not rig.side.lock.command)
    equal(rig.contacts_closed(), False)


def test_a_coding_that_is_not_read_four_times_alike_allows_no_current_cp35():
    rig = Rig()
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    for n in range(20):
        rig.side.cable_ohm = 220 if n % 3 else 1500
        rig.side.refresh()
        rig.tick()
        equal((rig.outlet.cable.rating_da, rig.outlet.offered_da), (0, 0))
    rig.side.cable_ohm = 1500
    rig.side.refresh()
    rig.run(1000)
    equal((rig.outlet.cable.rating_da, rig.outlet.fault), (130, None))


def test_a_tethered_outlet_has_neither_cable_coding_nor_lock():
    rig = Rig(ConnectorLock="false")
    rig.charge()
    equal((rig.outlet.cable, rig.outlet.lock, rig.outlet.offered_da), (None, None, 320))


# --- the tick itself ---


def test_a_late_tick_opens_and_closes_again_by_the_rules():
    rig = charging_rig()
    rig.tick(1500)
    assert not rig.outlet.contactor.commanded
    equal(rig.outlet.late_ticks, 1)
    rig.until(lambda: not rig.contacts_closed())
    rig.until(rig.contacts_closed)
    assert rig.outlet.switch.off_ms >= 5000


def test_a_late_tick_never_closes():
    rig = Rig()
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    for _ in range(40):
        rig.tick(1500)
        equal(rig.outlet.contactor.commanded, False)


def test_the_tick_allocates_nothing_in_any_state():
    rig = Rig()

    def step():
        rig.outlet.tick(20)

    def states_of_a_session():
        rig.side.plug(ev.IDLE)
        yield
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        for _ in range(400):
            yield
        rig.outlet.limits.set("csms", 100)
        yield
        from charger.outlet import limits

        rig.outlet.limits.set("supply", 80, limits.SAFETY)
        yield
        rig.outlet.limits.set("supply", None)
        rig.outlet.permit = False  # the stop, and the way back
        for _ in range(400):
            yield
        rig.outlet.permit = True
        for _ in range(100):
            yield
        for name in (
            "diode", "pilot_short", "GroundFailure", "OverCurrentFailure", "HighTemperature", "EVCommunicationError", "pe_lost",
            "PowerSwitchFailure", "contactor_stuck", "ConnectorLockFailure", "PowerMeterFailure", "UnderVoltage", "OverVoltage",
            "tamper", "rcd_dead", "InternalError", "OtherError",
        ):
            connector = None if name in ("tamper", "InternalError") else 1
            rig.world.set_fault(name, connector, True)
            for _ in range(30):
                yield
            rig.world.set_fault(name, connector, False)
            seen.add(rig.outlet.state)
        rig.side.plug(ev.ABSENT)
        rig.run(60000)
        rig.outlet.acknowledge()
        rig.outlet.has_ventilation = True
        rig.side.plug(ev.VENTILATION)
        for _ in range(100):
            yield
        rig.side.plug(ev.IDLE)
        rig.outlet.wake_up = True
        for _ in range(400):  # 40 s of it: F to wake a sleeping car
            yield
        rig.side.plug(ev.ABSENT)
        yield

    seen = set()
    for _ in states_of_a_session():
        for _ in range(5):
            rig.tick()
            no_alloc(step)
            seen.add(rig.outlet.state)
    equal(seen, {pilot_states.A, pilot_states.B, pilot_states.C,
                 pilot_states.D, pilot_states.E, pilot_states.F, pilot_states.UNDEFINED})
