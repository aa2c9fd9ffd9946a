"""The outlet with its real drivers against the simulated world: sequences, guards, what may and may not close."""

from check import equal, no_alloc
from rig import Rig

from charger.outlet import guards, pilot_states
from sim import ev


def _closed(rig):
    rig.side.sync()
    return rig.side.contactor.closed


def _opens_within(rig, ms):
    took = rig.until(lambda: not _closed(rig), 10000)
    assert took <= ms, took


def _time_to_open(rig):
    return rig.until(lambda: not _closed(rig), 2000)


def _charging(**settings):
    rig = Rig(**settings)
    rig.charge()
    rig.side.sync()
    assert rig.side.ev.i_ma > 25000, rig.side.ev.i_ma
    return rig


# --- sequences ---


def test_a_car_is_charged_within_three_seconds_of_the_plug_cp21():
    rig = Rig()
    took = rig.charge()
    assert 1000 <= took <= 3000, took
    equal((rig.outlet.pilot_name(), rig.outlet.offered_da, _closed(rig)), ("C2", 320, True))
    equal(rig.outlet.why_paused(), "")


def test_nothing_closes_without_permission_and_there_is_no_pwm():
    rig = Rig()
    rig.side.plug(ev.ASKING)
    rig.run(20000)
    equal((_closed(rig), rig.side.contactor.operations, rig.outlet.pilot_name()), (False, 0, "B1"))
    equal(rig.outlet.why_paused(), "Nobody is authorised")


def test_unplugging_and_s2_open_within_60_ms_cp24():
    for want in (ev.ABSENT, ev.IDLE):
        rig = _charging()
        rig.side.plug(want)
        _opens_within(rig, 60)


def test_a_stop_takes_the_current_away_before_it_opens_cp25():
    rig = _charging()
    rig.outlet.permit = False
    rig.run(40)
    equal((rig.outlet.pwm_on, _closed(rig)), (False, True))
    took = rig.until(lambda: not _closed(rig), 7000)
    assert took < 3000, took
    equal(rig.side.ev.i_ma, 0)


def test_a_car_that_does_not_stop_is_opened_under_load_after_six_seconds_cp25():
    rig = _charging()
    rig.side.ev.obeys = False
    rig.side.ev.stop_ms = 100000
    rig.outlet.permit = False
    took = rig.until(lambda: not _closed(rig), 8000)
    assert 5900 <= took <= 6100, took


def test_pwm_rests_three_seconds_and_the_contactor_five_cp26_cp50():
    rig = _charging()
    rig.outlet.permit = False
    rig.until(lambda: not _closed(rig))
    rig.outlet.permit = True
    assert rig.until(lambda: rig.outlet.pwm_on) <= 3000
    rig.until(lambda: _closed(rig))
    assert rig.outlet.switch.off_ms >= 5000


def test_limits_are_followed_with_five_seconds_between_and_cuts_for_safety_at_once_cp22():
    from charger.outlet import limits

    rig = _charging()
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
    rig = _charging()
    rig.outlet.limits.set("csms", 59)
    rig.until(lambda: not _closed(rig))
    equal((rig.outlet.pwm_on, rig.outlet.offered_da), (False, 0))
    equal(rig.outlet.why_paused(), "Paused by the charging profile of the back end: 5.9 A")
    rig.outlet.limits.set("csms", 60)
    rig.until(lambda: _closed(rig))
    equal(rig.outlet.offered_da, 60)


def test_a_simplified_pilot_gets_ten_ampere_cp15():
    rig = Rig()
    rig.side.ev.simplified = True
    rig.side.plug(ev.ASKING)
    rig.run(500)
    rig.outlet.permit = True
    rig.until(lambda: _closed(rig))
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


# --- guards: (what to raise, the code, how fast the world's contacts are open) ---

FAST = (
    ("GroundFailure", "GroundFailure"), ("diode", "EVCommunicationError"), ("pilot_short", "OtherError"),
    ("EVCommunicationError", "EVCommunicationError"), ("OtherError", "OtherError"), ("InternalError", "InternalError"),
)
SLOW = (("OverCurrentFailure", "OverCurrentFailure", 7600), ("OverVoltage", "OverVoltage", 1600), ("tamper", "OtherError", 300))
# What is no danger withdraws the pilot in this time, and the car stops before the contactor opens.
NO_DANGER = (
    ("HighTemperature", "HighTemperature", 4000), ("UnderVoltage", "UnderVoltage", 1600),
    ("PowerMeterFailure", "PowerMeterFailure", 4600),
    ("ntc_open", "HighTemperature", 600), ("ntc_short", "HighTemperature", 600),
)


def _codes(rig):
    return [guard.CODE for guard in rig.outlet.guards if guard.tripped]


def test_dangerous_faults_open_at_once():
    for name, code in FAST:
        rig = _charging()
        rig.world.set_fault(name, None if name in ("OtherError", "InternalError") else 1, True)
        if name == "OtherError":
            rig.world.set_fault(name, 1, True)
        took = _time_to_open(rig)
        assert took <= (100 if code in ("OtherError", "InternalError") and name != "pilot_short" else 60), (name, took)
        rig.run(400)
        assert code in _codes(rig), (name, _codes(rig))
        assert not rig.outlet.energised


def test_slow_faults_open_within_their_time():
    for name, code, within in SLOW:
        rig = _charging()

        rig.after_tick = lambda one: one.outlet.thermometer.read()
        rig.world.set_fault(name, None if name == "tamper" else 1, True)
        _opens_within(rig, within)
        assert code in _codes(rig), (name, _codes(rig))


def test_harmless_faults_let_the_car_stop_first():
    for name, code, within in NO_DANGER:
        for stops in (True, False):
            rig = _charging()
            rig.side.ev.stop_ms = 800 if stops else 100000
            rig.after_tick = lambda one: one.outlet.thermometer.read()
            rig.world.set_fault(name, 1, True)
            took = rig.until(lambda rig=rig: not rig.outlet.pwm_on)
            assert took <= within, (name, took)
            equal((name, _closed(rig)), (name, True))
            took = rig.until(lambda rig=rig: not _closed(rig), 7000)
            assert took <= (1000 if stops else 6100), (name, took)
            rig.run(100)
            assert code in _codes(rig) and rig.outlet.blocked, (name, _codes(rig))


def test_a_welded_contactor_is_seen_and_never_closed_again_cp45():
    rig = _charging()
    rig.world.set_fault("PowerSwitchFailure", 1, True)
    rig.side.plug(ev.ABSENT)
    rig.run(400)
    assert "PowerSwitchFailure" in _codes(rig)
    rig.world.set_fault("PowerSwitchFailure", 1, False)
    rig.run(5000)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(20000)
    equal((rig.outlet.contactor.commanded, rig.outlet.pwm_on), (False, False))
    assert rig.outlet.acknowledge()
    rig.until(lambda: rig.outlet.energised)


def test_a_contactor_that_does_not_close_is_told_to_open_cp46():
    rig = Rig()
    rig.world.set_fault("contactor_stuck", 1, True)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.until(lambda: rig.outlet.contactor.commanded)
    took = rig.until(lambda: not rig.outlet.contactor.commanded)
    assert 200 <= took <= 500, took
    assert "PowerSwitchFailure" in _codes(rig)


def test_the_residual_current_device_latches_until_unplugged_cp44():
    rig = _charging()
    rig.world.set_fault("GroundFailure", 1, True)
    rig.run(1000)
    rig.world.set_fault("GroundFailure", 1, False)
    rig.run(60000)
    equal((_closed(rig), _codes(rig)), (False, ["GroundFailure"]))
    rig.side.plug(ev.ABSENT)
    rig.run(2000)
    equal(_codes(rig), [])


def test_nothing_recloses_by_itself_after_a_residual_current_but_the_owner_may_cp44():
    """No automatic reclosing: a quarter of an hour later it is as open as before. While the current flows nobody can clear it."""
    rig = _charging()
    rig.world.set_fault("GroundFailure", 1, True)
    rig.run(1000)
    equal(rig.outlet.acknowledge(), False)
    rig.world.set_fault("GroundFailure", 1, False)
    operations = rig.side.contactor.operations
    for _ in range(9000):
        rig.tick(100)
    equal((_closed(rig), rig.side.contactor.operations, _codes(rig)), (False, operations, ["GroundFailure"]))
    equal(rig.outlet.acknowledge(), True)
    rig.until(lambda: _closed(rig))
    equal(rig.outlet.self_test.passed, False)  # the closure has used a test of its own (CP-43)


def test_a_dead_residual_current_device_fails_its_self_test_and_nothing_closes_cp43():
    rig = _charging()
    rig.outlet.permit = False
    rig.side.plug(ev.ABSENT)
    rig.run(6000)
    rig.world.set_fault("rcd_dead", 1, True)
    rig.outlet.permit = True
    operations = rig.side.contactor.operations
    rig.side.plug(ev.ASKING)
    rig.run(20000)
    equal((rig.side.contactor.operations, _codes(rig)), (operations, ["GroundFailure"]))
    rig.world.set_fault("rcd_dead", 1, False)
    rig.side.plug(ev.ABSENT)
    rig.run(130000, 100)
    equal(_codes(rig), [])
    rig.side.plug(ev.ASKING)
    rig.until(lambda: _closed(rig))


def test_a_car_that_draws_too_much_gets_three_more_tries_cp47():
    rig = _charging()
    rig.world.set_fault("OverCurrentFailure", 1, True)
    rig.run(400000)
    equal(rig.outlet.openings, 4)
    assert "OverCurrentFailure" in _codes(rig)
    rig.world.set_fault("OverCurrentFailure", 1, False)
    rig.run(100000, 100)
    equal(rig.outlet.energised, False)
    rig.side.plug(ev.ABSENT)
    rig.run(60000)
    equal(_codes(rig), [])


def test_ventilation_is_refused_where_there_is_none_cp40():
    rig = Rig()
    rig.outlet.permit = True
    rig.side.plug(ev.VENTILATION)
    rig.run(10000)
    equal(_closed(rig), False)
    assert "needs ventilation" in rig.outlet.info
    other = Rig()
    other.outlet.has_ventilation = True
    other.outlet.permit = True
    other.side.plug(ev.VENTILATION)
    other.until(lambda: _closed(other))


def test_after_an_emergency_open_nothing_closes_before_the_restart():
    rig = _charging()
    rig.outlet.emergency_open()
    _opens_within(rig, 60)
    operations = rig.side.contactor.operations
    rig.side.plug(ev.ABSENT)
    rig.run(2000)
    rig.side.plug(ev.ASKING)
    rig.outlet.acknowledge()
    rig.run(20000)
    equal((_closed(rig), rig.side.contactor.operations, rig.outlet.pwm_on), (False, operations, False))
    rig.restart()
    rig.outlet.permit = True
    rig.until(lambda: _closed(rig), 20000)


def test_a_tamper_policy_decides_whether_an_open_enclosure_stops_and_what_clears_it_sec17():
    for policy, stops, clears in ((guards.TAMPER_REPORT, False, True), (guards.TAMPER_STOP, True, True),
                                  (guards.TAMPER_LATCH, True, False)):
        rig = _charging()
        rig.outlet.set_tamper(policy, False)
        rig.world.set_fault("tamper", None, True)
        rig.run(1000)
        equal((rig.outlet.blocked, not _closed(rig), _codes(rig)), (stops, stops, ["OtherError"]), policy)
        rig.world.set_fault("tamper", None, False)
        rig.run(2000)
        equal(_codes(rig), [] if clears else ["OtherError"], policy)
        equal(rig.outlet.acknowledge(), True)
        rig.tick()
        equal(_codes(rig), [], policy)


def test_a_latch_from_before_the_restart_trips_at_once_and_clears_when_it_is_lifted_and_acknowledged_sec17():
    rig = Rig()
    rig.outlet.set_tamper(guards.TAMPER_LATCH, True)
    rig.tick()
    equal((rig.outlet.blocked, rig.outlet.acknowledge()), (True, False))
    rig.run(5000)
    equal(rig.outlet.blocked, True)
    rig.outlet.set_tamper(guards.TAMPER_LATCH, False)
    equal(rig.outlet.acknowledge(), True)
    rig.tick()
    equal((rig.outlet.blocked, _codes(rig)), (False, []))


# --- cable and lock ---


def test_cable_rating_limits_and_strange_codings_are_refused_cp35_cp36():
    for ohm, offered in ((1500, 130), (680, 200), (220, 320), (100, 320), (2460, 130), (1000, 0), (350, 0), (150, 0), (5, 0)):
        rig = Rig()
        rig.side.cable_ohm = ohm
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        rig.run(6000)
        equal((ohm, rig.outlet.offered_da), (ohm, offered))
        equal(_closed(rig), offered > 0)


def test_a_coding_that_changes_while_charging_opens_cp37():
    rig = _charging()
    rig.side.cable_ohm = 680
    rig.side.refresh()
    _opens_within(rig, 200)
    assert "coding" in rig.outlet.info


def test_no_energy_without_the_lock_and_no_unlocking_under_load_cp31():
    rig = Rig()
    rig.world.set_fault("ConnectorLockFailure", 1, True)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(8000)
    equal((_closed(rig), "ConnectorLockFailure" in _codes(rig)), (False, True))
    equal((rig.side.contactor.operations, rig.outlet.openings), (0, 0))
    rig = _charging()
    rig.outlet.permit = False

    def never_unlocked_while_closed(rig):
        assert rig.side.lock.command or not _closed(rig)

    rig.after_tick = never_unlocked_while_closed
    rig.until(lambda: not rig.side.lock.command)
    equal(_closed(rig), False)


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
    rig = _charging()
    rig.tick(1500)
    assert not rig.outlet.contactor.commanded
    equal(rig.outlet.late_ticks, 1)
    rig.until(lambda: not _closed(rig))
    rig.until(lambda: _closed(rig))
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


def test_a_generator_out_of_range_with_nothing_plugged_is_no_car_cp1():
    rig = Rig()
    rig.side.circuit.plus_mv = 10700
    rig.side.refresh()
    rig.run(1000)
    equal((rig.outlet.fault.CODE, rig.outlet.plugged), ("InternalError", False))
