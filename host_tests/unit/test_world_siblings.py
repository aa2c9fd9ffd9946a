"""Cars, plugs, mains and parts of the kinds of F-E1 to F-E21 in other sizes and orders: what each does to the contactor.

Each case ends with (contacts closed, openings, openings under load, OCPP codes of the tripped guards). An opening under load is
expected only where there is a danger.
"""

from check import equal
from flaw_commands import do
from rig import Rig

from charger.outlet.mains_sag import MainsSag
from sim import ev

TIMEOUT = 300


def _ends(what, steps, closed, openings, hot, *codes):
    rig = Rig()
    steps(rig)
    switch = rig.outlet.switch
    found = rig.contacts_closed(), switch.openings, switch.hot_openings, rig.codes()
    equal((what, found), (what, (closed, openings, hot, list(codes))))


def _follow(ms, over=0):
    def steps(rig):
        do("ev", adapt_ms=ms, overshoot_percent=over)
        rig.charge()
        for da in (60, 320, 100, 320, 60):
            rig.outlet.limits.set("csms", da)
            rig.run(15000)
    return steps


def _inrush(a, ms):
    def steps(rig):
        do("ev", inrush_amps=a, inrush_ms=ms)
        for _ in range(4):
            rig.charge()
            rig.side.plug(ev.ABSENT)
            rig.run(6000)
        rig.charge()
    return steps


def _standby(rig):
    do("ev", standby_ma=1500)
    rig.charge()
    rig.outlet.permit = False
    rig.run(12000)
    rig.outlet.permit = True
    rig.run(12000)


def _order(cp, pp):
    def steps(rig):
        rig.outlet.permit = True
        do("plug_in", cp_after_ms=cp, pp_after_ms=pp)
        rig.run(12000)
        do("plug_out", cp_after_ms=pp, pp_after_ms=cp)
        rig.run(3000)
        do("plug_in", cp_after_ms=cp, pp_after_ms=pp)
        rig.run(12000)
    return steps


def _without_pp(rig):
    rig.outlet.permit = True
    do("plug_in", pp_after_ms=60000)
    rig.run(12000)


def _fault_cycle(name, ms, gap):
    def steps(rig):
        rig.charge()
        for _ in range(3):
            rig.world.set_fault(name, 1, True)
            rig.run(ms)
            rig.world.set_fault(name, 1, False)
            rig.run(gap)
        rig.run(60000, 100)
    return steps


def _unplug_in_fault(name):
    def steps(rig):
        rig.charge()
        rig.world.set_fault(name, 1, True)
        rig.run(3000)
        rig.side.plug(ev.ABSENT)
        rig.run(3000)
        rig.world.set_fault(name, 1, False)
        rig.run(3000)
        rig.side.plug(ev.ASKING)
        rig.run(20000)
    return steps


def _flicker(pct, ms):
    def steps(rig):
        sag = MainsSag(rig.outlet)
        rig.charge()
        do("mains", volts=230, flicker_percent=pct, flicker_ms=ms)
        for _ in range(300):
            rig.run(200)
            sag.step()
    return steps


def _shift(pct):
    def steps(rig):
        rig.charge()
        do("mains", neutral_shift_percent=pct)
        rig.run(8000)
    return steps


def _holds(rig):
    do("ev", holds_s2=True)
    rig.charge()
    rig.restart()
    rig.outlet.permit = True
    rig.run(15000)
    rig.outlet.permit = False
    rig.run(10000)
    rig.outlet.permit = True
    rig.run(15000)


def _contactor(close_ms, open_ms, bounce):
    def steps(rig):
        do("contactor", close_ms=close_ms, open_ms=open_ms, bounce_ms=bounce)
        for _ in range(2):
            rig.charge()
            rig.side.plug(ev.ABSENT)
            rig.run(4000)
        rig.charge()
    return steps


def _noise(**kw):
    def steps(rig):
        do("pilot", **kw)
        rig.charge()
        rig.run(20000)
    return steps


def test_cars_that_follow_slowly_overshoot_or_surge_are_not_interrupted_cp22():
    for ms, over in ((400, 0), (2000, 0), (4900, 0), (2000, 20), (400, 40)):
        _ends((ms, over), _follow(ms, over), True, 0, 0)
    _ends("too slow", _follow(6500), False, 2, 0, "OverCurrentFailure")  # the pilot first, without load
    for amps, ms in ((150, 10), (150, 100), (160, 300)):
        _ends((amps, ms), _inrush(amps, ms), True, 4, 0)
    _ends("standby", _standby, True, 1, 0)


def test_a_car_that_holds_s2_stops_and_starts_without_load_over_a_restart_too():
    _ends("holds S2", _holds, True, 1, 0)


def test_contacts_of_the_plug_in_either_order():
    """A plug that leaves with PP first is unplugged under load; one whose PP never touches gets no energy."""
    for cp, pp in ((250, 0), (2000, 0)):
        _ends((cp, pp), _order(cp, pp), True, 1, 0)
    for cp, pp in ((0, 250), (0, 900), (0, 1500)):  # the last is told until it is read
        _ends((cp, pp), _order(cp, pp), True, 1, 1)
    _ends("no PP", _without_pp, False, 0, 0, "OtherError")


def test_faults_of_300_ms_that_come_again():
    """A fault without danger that is over in 300 ms opens nothing; one that latches opens once."""
    for name in ("UnderVoltage", "OverVoltage", "PowerMeterFailure", "supply_lost"):
        _ends(name, _fault_cycle(name, 300, 20000), True, 0, 0)
    _ends("diode", _fault_cycle("diode", 300, 20000), False, 1, 1, "EVCommunicationError")
    _ends("rcd_stuck", _fault_cycle("rcd_stuck", 300, 20000), False, 1, 1, "GroundFailure")
    for name in ("pilot_short", "EVCommunicationError", "ConnectorLockFailure"):
        _ends(name, _fault_cycle(name, 300, 20000), True, 2, 2)  # the pause of 30 s passes over the third
    _ends("pe_lost", _fault_cycle("pe_lost", 300, 20000), True, 3, 0)


def test_the_next_car_charges_after_one_that_left_in_a_fault_which_is_gone():
    for name in ("GroundFailure", "diode", "ConnectorLockFailure", "rcd_stuck", "pilot_short"):
        _ends(name, _unplug_in_fault(name), True, 1, 1)
    for name in ("UnderVoltage", "HighTemperature"):
        _ends(name, _unplug_in_fault(name), True, 1, 0)
    _ends("weld", _unplug_in_fault("PowerSwitchFailure"), False, 1, 0, "PowerSwitchFailure")


def test_flicker_and_a_shifted_neutral():
    for percent, ms in ((10, 200), (25, 1000)):
        _ends((percent, ms), _flicker(percent, ms), True, 0, 0)
    _ends("slow flicker", _flicker(25, 4000), False, 1, 0, "UnderVoltage")
    for percent in (10, 20):
        _ends(percent, _shift(percent), True, 0, 0)
    _ends("60 %", _shift(60), False, 1, 0, "UnderVoltage")


def test_contactors_of_other_times_and_bounce_are_neither_welded_nor_stuck():
    for times in ((30, 20, 30), (60, 60, 60), (200, 150, 10)):
        _ends(times, _contactor(*times), True, 2, 0)


def test_pilots_with_noise_glitches_ringing_and_levels_at_their_ends():
    cases = (
        {"noise_mv": 150}, {"glitch_mv": 5000, "glitch_every": 37}, {"glitch_mv": -9000, "glitch_every": 101},
        {"ring_mv": 1500, "ring_us": 40}, {"edge_us": 30}, {"plus_mv": 11450, "minus_mv": -11450},
        {"plus_mv": 12550, "minus_mv": -12550},
    )  # fmt: skip
    for settings in cases:
        _ends(settings, _noise(**settings), True, 0, 0)
