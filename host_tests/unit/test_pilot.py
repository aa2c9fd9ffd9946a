"""The pilot driver through divider, ADC, noise and edges: every tenth of a volt, every duty, all tolerances (CP-4, 5, 7)."""

from check import equal, near, true
from rig import Rig

from charger.outlet import pilot_states

DUTIES = (5, 8, 10, 16, 53, 85, 96)  # %
STEADY = 65535
READ_MV = 120  # ADC steps of 1 mV are 12 mV at the pilot; noise of +-2 mV, and the divider's rounding
BURSTS = 6  # a plateau, each at another phase of the PWM


def _set(rig, high_mv, low_mv, duty):
    """Put these two plateaus on the connector, whatever a car would make of them."""
    side = rig.side
    rig.outlet.pilot.set_duty(duty)
    side.sync()
    side.pilot_sense.high_uv = side.circuit._node_uv(high_mv)
    side.pilot_sense.low_uv = side.circuit._node_uv(low_mv) if duty != STEADY else side.pilot_sense.high_uv


def _read(rig):
    rig.outlet.pilot.read()
    return rig.outlet.pilot.high_mv, rig.outlet.pilot.low_mv


def _near_an_edge(mv):
    edges = (-13000, -11000, -1000, 1000, 2000, 4000, 5000, 7000, 8000, 10000, 11000, 13000)
    return any(abs(mv - edge) <= READ_MV for edge in edges)


def _table(duty_percent):
    rig = Rig()
    duty = STEADY if duty_percent is None else duty_percent * 65535 // 100
    for mv in range(-12500, 13000, 100):
        _set(rig, mv, -12000, duty)
        for _ in range(BURSTS):
            high, low = _read(rig)
            what = "%s %%, %d mV read as %d" % (duty_percent, mv, high)
            if duty_percent is not None and mv < -12000:
                continue  # below the low plateau there is no high one
            near(high, mv, READ_MV, what)
            if not _near_an_edge(mv):
                equal(pilot_states.decode(high), pilot_states.decode(mv), what)
            if duty_percent is not None:
                near(low, -12000, READ_MV, what)


def test_without_pwm():
    _table(None)


def test_each_duty_sees_both_plateaus():
    for percent in DUTIES:
        _table(percent)


def test_a_lost_diode_is_never_read_as_a_good_low_plateau_cp9():
    """Low plateaus from -10.6 V up, with a car's high plateau: at every duty and phase above the threshold."""
    rig = Rig()
    for percent in DUTIES:
        for low in range(-10600, 9000, 400):
            _set(rig, max(6000, low), low, percent * 65535 // 100)
            for _ in range(BURSTS):
                true(_read(rig)[1] > pilot_states.DIODE_LOW_MV, "%d %%, %d mV" % (percent, low))


def test_cars_at_the_corners_of_all_tolerances_cp4():
    """Generator +-12 V +-0.6 V, 970 to 1030 ohm, diode 0.55 to 0.85 V, the car's resistors +-3 %: never a wrong state."""
    rig = Rig()
    circuit = rig.side.circuit
    for percent in (None, 5, 8, 10, 16, 53, 85, 96):  # no duty keeps a car at an edge from being seen
        for volts in (11400, 12000, 12600):
            for ohm in (970, 1030):
                for diode in (550, 850):
                    circuit.plus_mv, circuit.minus_mv, circuit.source_ohm, circuit.diode_mv = volts, -volts, ohm, diode
                    for nominal, state in ((2740, pilot_states.B), (882, pilot_states.C), (246, pilot_states.D)):
                        for tolerance in (-3, 3):
                            rig.outlet.pilot.set_duty(STEADY if percent is None else percent * 65535 // 100)
                            rig.side.sync()
                            circuit.solve(nominal + nominal * tolerance // 100, True)
                            rig.side.pilot_sense.high_uv = circuit.high_uv
                            rig.side.pilot_sense.low_uv = circuit.high_uv if percent is None else circuit.low_uv
                            high, low = _read(rig)
                            what = "%s %%, %d V, %d ohm, diode %d: %d/%d mV" % (percent, volts, ohm, diode, high, low)
                            equal(pilot_states.decode(high), state, what)
                            if percent is not None:
                                true(low <= pilot_states.DIODE_LOW_MV, what)


def _duties_seen(rig, job, *args):
    """All duties that the pilot generator was given while job(*args) ran, in their order."""
    seen = []
    wanted = rig.side.set_duty

    def noted(duty):
        seen.append(duty)
        wanted(duty)

    rig.side.set_duty = noted
    try:
        job(*args)
    finally:
        del rig.side.set_duty
    return seen


def test_pwm_starts_and_stops_without_a_period_of_another_duty():
    """The port's PWM starts with 50 %, 32768 here; the pad's hold keeps it from the car (CP-1, CP-3)."""
    rig = Rig()
    pilot = rig.outlet.pilot
    for duty in (6553, 34952, 62914):
        for steady in (STEADY, 0):
            pilot.set_duty(steady)
            equal(_duties_seen(rig, pilot.set_duty, duty), [duty])
            equal(_duties_seen(rig, pilot.set_duty, duty + 100), [duty + 100])
            equal(_duties_seen(rig, pilot.set_duty, steady), [steady])
            equal(_duties_seen(rig, pilot.set_duty, steady), [])


def test_driver_starts_with_a_steady_positive_pilot():
    from charger.drivers.pilot import Pilot

    rig = Rig()
    seen = _duties_seen(rig, Pilot, rig.board.OUTLETS[0]["pilot"])
    equal(set(seen), {STEADY})


def test_steady_states_are_plain_outputs_not_pwm():
    rig = Rig()
    pilot = rig.outlet.pilot
    asked = []
    pilot._pwm.duty_u16 = asked.append  # duty values for the PWM
    for duty in (0, STEADY, 0):
        pilot.set_duty(duty)
        equal(rig.side.duty_u16, duty)
    equal(asked, [])


def test_start_of_the_pwm_allocates_nothing():
    import micropython

    rig = Rig()
    pilot = rig.outlet.pilot
    duties = (6553, STEADY, 34952, 0, 6553)
    micropython.heap_lock()
    try:
        for duty in duties:
            pilot.set_duty(duty)
    finally:
        micropython.heap_unlock()
    equal(pilot.duty, 6553)
