"""Twenty scenarios of a unit without a back end: what a car, its driver and a fault do, and what has to follow.

Each is a function of a Bench. Where the library of tools/scenarios has the same scenario against a back end, it has the
same name. A scenario begins with a unit that is Available and without a car, and ends so unless the unit is latched.
"""

CARD, OTHER_CARD = "GOOD0001", "GOOD0002"
_PERMILLE_A_AMPERE = 1000 / 60  # duty = current / 0.6 A %, from 10 to 85 %


def dead(state) -> bool:
    """No voltage at the plug, and the firmware wants none there."""
    return not state["live"] and not state["relay"]


def charging(state) -> bool:
    """Mains at the plug, by the firmware's word and by the meter's."""
    return state["ocpp_status"] == "Charging" and state["live"] and state["relay"]


def _start(bench):
    bench.command("plug_in")
    bench.wait_status("Preparing")
    bench.command("swipe", token=CARD)
    return bench.wait(charging, 40, "a session that charges")


def _end(bench):
    bench.command("plug_out")
    bench.wait(dead, 2, "no mains at the plug")
    bench.let_pass(1)  # a car whose diode is shorted looks as if it had left before
    return bench.wait_status("Available")


def cold_boot(bench):
    """Steady +12 V, no mains, no error; the test of the generator is one short pulse in it."""
    state = bench.wait(lambda s: s["ocpp_status"] == "Available" and s["duty_permille"] == 1000, 10, "a steady pilot")
    assert dead(state) and state["error_code"] == "NoError"
    assert 11000 <= state["high_mv"] <= 13000


def session_plug_first(bench):
    """The car, then the card, and it charges."""
    bench.command("plug_in")
    assert dead(bench.wait_status("Preparing"))
    bench.command("swipe", token=CARD)
    state = bench.wait(charging, 40, "a session that charges")
    assert state["id_tag"] == CARD and state["pilot"] == "C2"
    _end(bench)


def session_card_first(bench):
    """The card, then the car within ConnectionTimeOut."""
    bench.command("swipe", token=CARD)
    assert dead(bench.wait_status("Preparing"))
    bench.command("plug_in")
    bench.wait(charging, 40, "a session that charges")
    _end(bench)


def session_card_timeout(bench):
    """A card without a car: the connector is free again after ConnectionTimeOut."""
    bench.command("swipe", token=CARD)
    bench.wait_status("Preparing")
    assert dead(bench.wait_status("Available", within_s=30))


def session_unplugged(bench):
    """The plug is taken out under load: no mains, no session."""
    _start(bench)
    assert _end(bench)["id_tag"] is None


def session_suspended_by_the_car(bench):
    """The car stops asking: SuspendedEV without mains; it asks again: Charging."""
    _start(bench)
    bench.command("pause")
    bench.wait(dead, 2, "no mains for a car that does not ask")
    bench.wait_status("SuspendedEV")
    bench.command("resume")
    bench.wait(charging, 40, "it charges again")
    _end(bench)


def session_stopped_by_its_card(bench):
    """The same card again ends it."""
    _start(bench)
    bench.let_pass(2)
    bench.command("swipe", token=CARD)
    assert dead(bench.wait(lambda s: s["ocpp_status"] == "Finishing" and not s["live"], 20, "an ended session"))
    _end(bench)


def session_not_stopped_by_another_card(bench):
    """A card that has nothing to do with it changes nothing."""
    _start(bench)
    bench.command("swipe", token=OTHER_CARD)
    bench.let_pass(5, charging)
    _end(bench)


def two_sessions(bench):
    """The second is as good as the first: contactor, lock and register are where they were."""
    first = _start(bench)["energy_wh"]
    _end(bench)
    assert _start(bench)["energy_wh"] >= first
    _end(bench)


def car_without_a_card(bench):
    """No permission: steady pilot, no mains, however long."""
    bench.command("plug_in")
    bench.wait_status("Preparing")
    bench.let_pass(5, lambda s: dead(s) and s["duty_permille"] == 1000)
    _end(bench)


def car_that_does_not_ask(bench):
    """State B: the current is offered, the contactor stays open until the car asks."""
    bench.command("plug_in_idle")
    bench.wait_status("Preparing")
    bench.command("swipe", token=CARD)
    bench.wait(lambda s: s["offered_amps"] >= 6 and s["ocpp_status"] == "SuspendedEV", 20, "an offer")
    bench.let_pass(3, dead)
    bench.command("resume")
    bench.wait(charging, 40, "it charges")
    _end(bench)


def duty_is_the_offer(bench):
    """The duty at the plug is that of the offered current, and the low level shows the car's diode."""
    _start(bench)
    state = bench.let_pass(1)
    assert abs(state["duty_permille"] - state["offered_amps"] * _PERMILLE_A_AMPERE) <= 5, state
    assert state["offered_amps"] * 10 <= bench.parts()["max_da"]
    assert state["low_mv"] <= -11000 and 5000 <= state["high_mv"] <= 7000
    _end(bench)


def _cable(bench, amps):
    bench.needs("proximity")
    bench.command("cable", amps=amps)
    try:
        assert _start(bench)["offered_amps"] <= amps
        state = bench.let_pass(1)
        assert state["duty_permille"] <= amps * _PERMILLE_A_AMPERE + 5
        assert state["offered_amps"] == min(amps, bench.parts()["max_da"] / 10)
    finally:
        bench.command("plug_out")
        bench.command("cable", amps=32)
    bench.wait_status("Available")


def cable_of_13_amperes(bench):
    """A thin cable bounds the offer."""
    _cable(bench, 13)


def cable_of_20_amperes(bench):
    """The next size."""
    _cable(bench, 20)


def fault_in_a_session(bench):
    """A residual current opens the contactor; the connector is Faulted with its code."""
    _start(bench)
    bench.command("raise_fault", name="GroundFailure", connector=1)
    bench.wait(dead, 1, "no mains")
    assert bench.wait_status("Faulted")["error_code"] == "GroundFailure"
    bench.command("clear_fault", name="GroundFailure", connector=1)
    _end(bench)


def diode_missing(bench):
    """A car whose diode is shorted is no car: no mains."""
    bench.command("raise_fault", name="diode", connector=1)
    bench.command("plug_in")
    bench.command("swipe", token=CARD)
    bench.let_pass(8, dead)
    bench.command("clear_fault", name="diode", connector=1)
    _end(bench)


def diode_lost_in_a_session(bench):
    """It fails while the car charges: open."""
    _start(bench)
    bench.command("raise_fault", name="diode", connector=1)
    bench.wait(dead, 2, "no mains")
    bench.command("clear_fault", name="diode", connector=1)
    _end(bench)


def pilot_shorted_in_a_session(bench):
    """Pilot and PE are shorted: open."""
    _start(bench)
    bench.command("raise_fault", name="pilot_short", connector=1)
    bench.wait(dead, 2, "no mains")
    bench.command("clear_fault", name="pilot_short", connector=1)
    _end(bench)


def ventilation_is_not_there(bench):
    """State D asks for a ventilation that no outlet has: no mains."""
    bench.command("ventilation")
    bench.command("swipe", token=CARD)
    bench.let_pass(8, dead)
    _end(bench)


def contactor_welded(bench):
    """The contacts stay closed: Faulted with PowerSwitchFailure, and it stays so. The last scenario of a unit."""
    _start(bench)
    bench.command("raise_fault", name="PowerSwitchFailure", connector=1)
    bench.command("plug_out")
    assert bench.wait_status("Faulted")["error_code"] == "PowerSwitchFailure"
    bench.command("clear_fault", name="PowerSwitchFailure", connector=1)
    bench.let_pass(3, lambda s: s["ocpp_status"] == "Faulted" and not s["relay"])


ALL = (
    cold_boot, session_plug_first, session_card_first, session_card_timeout, session_unplugged, session_suspended_by_the_car,
    session_stopped_by_its_card, session_not_stopped_by_another_card, two_sessions, car_without_a_card, car_that_does_not_ask,
    duty_is_the_offer, cable_of_13_amperes, cable_of_20_amperes, fault_in_a_session, diode_missing, diode_lost_in_a_session,
    pilot_shorted_in_a_session, ventilation_is_not_there, contactor_welded,
)  # fmt: skip
