"""At a chip's own pace: the charger starts, charges and answers, and no control tick is late for anything in Python.

Board time does not depend on how busy this machine is (docs/SIMULATION.md), so the limits here are those of the board: a gap
of the tick with a contactor closed is at most 100 ms, and from Python at most 40 ms (docs/SAFETY.md, "What C holds up").
"""

import os
import random
import subprocess
import sys
import threading

import pytest

from backend.waiting import wait_until

from .sessions import end_session, limit_profile, start_session
from .test_certificates import authority, profile_3  # noqa: F401 - a fixture

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
SCALE = 20
TICK_MS = 20
LATE_MS = 100
PYTHON_MS = 40
QUARTER_FREE = 96 * 1024  # bytes in use of a heap of 128 KiB
TRIALS = 1000 if SOAK else 12
# One processor does some 20 s of paced board time a second.
HOURS, HOUR_S, CHARGE_S = (24, 3600, 600) if SOAK else (2, 0, 30)
HEAD_START_S = 3600  # at a pace the clock begins there (boards/SIM/sim/timebase.py)
PAUSED = "charging pauses for a TLS handshake"
PROFILE_OF_24 = [{"startPeriod": 3600 * hour, "limit": 32 - hour % 12} for hour in range(24)]


def at_pace(launch, pace="esp32", **more):
    """A charger at the pace of a chip."""
    return launch(time_scale=more.pop("time_scale", SCALE), options=["--pace", pace, *more.pop("options", ())], **more)


def never_late(sim, most_ms=PYTHON_MS, handshakes=False):
    """No contactor was opened because a tick came late, no watchdog bit, and no gap was long; returns the figures."""
    status = sim.status()
    lines = sim.log_lines()
    assert [line for line in lines if "held up" in line or "watchdog" in line] == []
    print(*status["paced"]["gaps"], *status["paced"]["slices"], sep="\n")
    assert status["boots"] == 1
    # A TLS handshake, which takes place with open contacts alone, is longer than the port's queue of 8 callbacks.
    assert handshakes or status["tick"]["lost"] == 0
    assert 0 < status["tick"]["max_gap_closed_ms"] <= most_ms, status["paced"]["gaps"]
    return status


def busy_loops(count):
    """So many processes that take all the time of a processor that they are given."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]


@pytest.mark.parametrize(("pace", "word"), [("esp32", 64), ("esp32", 32), ("esp32s3", 32), ("esp32c3", 32)])
def test_a_session_at_a_pace_charges_and_no_tick_is_late(launch, csms, pace, word):
    """No gap over 40 ms with the contactor closed, and one closing alone."""
    sim = at_pace(launch, pace, word=word)
    csms.wait_booted(100)
    start_session(sim, csms)
    sim.wait_connector(lambda c: c["delivered_wh"] > 20, 60, "energy")
    status = never_late(sim, most_ms=PYTHON_MS)
    assert status["connectors"]["1"]["contactor_operations"] == 1
    assert status["tick"]["max_us"] < TICK_MS * 500, "tick and sampling take at most half of the period"
    end_session(sim, csms)


def test_a_unit_three_times_slower_than_an_esp32_starts_and_is_accepted(launch, csms):
    """Slower than any board: no watchdog, no restart. A control tick takes a fifth of its period there."""
    csms.audited = False  # two chargers of one identity, one after the other
    first = at_pace(launch, word=32)
    csms.wait_booted(100)
    factor = first.status()["paced"]["factor"]
    first.stop()
    mark = len(csms.record)
    sim = at_pace(launch, f"{3 * factor:.2f}", word=32, name="slow")
    csms.wait_booted(100, since=mark)
    sim.wait_ocpp_status("Available", timeout_s=60)
    assert sim.status()["boots"] == 1


def test_a_busy_machine_makes_no_tick_late(launch, csms):
    """Four processes that want the processor all the time run beside the charger."""
    loops = busy_loops(4)
    try:
        sim = at_pace(launch, word=32)
        csms.wait_booted(100)
        start_session(sim, csms)
        sim.wait_connector(lambda c: c["delivered_wh"] > 20, 60, "energy")
        never_late(sim)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def accepted_at_s(sim):
    """The charger's clock when its back end had accepted it, once; what it prints takes a moment to arrive."""
    def lines():
        return [line for line in sim.log_lines() if "boot: Accepted" in line]

    wait_until(lines, 10, "the acceptance in the log", state=sim.log_tail)
    [line] = lines()
    return float(line.split()[0])


def test_start_to_boot_notification_within_4_s_of_board_time(launch, csms):
    """The uptime at which the back end has accepted the charger over a plain link; the module bodies' run is part of it."""
    sim = at_pace(launch, word=32)
    csms.wait_booted(100)
    assert accepted_at_s(sim) < 4


def _load(csms, stop, errors):
    """One long CALL after the other until stop is set."""
    try:
        while not stop.is_set():
            assert csms.call("GetConfiguration")["configurationKey"]
            assert csms.call("GetCompositeSchedule", connectorId=1, duration=86400)["status"] == "Accepted"
    except Exception as error:  # noqa: BLE001 - the test raises it
        errors.append(error)


@pytest.mark.timeout(1800 if SOAK else 240)
def test_an_unplugged_car_meets_open_contacts_in_40_ms_while_long_calls_are_answered(launch, csms):
    """CP-24: the car leaves at random instants of all keys and of a schedule of 24 periods; 1,000 times by `make soak`."""
    rng = random.Random(24)
    # A heap of 160 KiB: it is the reaction that is measured here, and the calls come as fast as they are answered.
    sim = at_pace(launch, word=32, heap=160 * 1024, settings={"FreeVend": "true", "FreeVendIdTag": "GOOD0001"})
    csms.wait_booted(100)
    csms.call("SetChargingProfile", connectorId=0, csChargingProfiles={
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Recurring", "recurrencyKind": "Daily",
        "chargingSchedule": {"chargingRateUnit": "A", "startSchedule": "2026-01-01T00:00:00Z",
                             "chargingSchedulePeriod": PROFILE_OF_24}})  # fmt: skip
    stop, errors, found = threading.Event(), [], []
    load = threading.Thread(target=_load, args=(csms, stop, errors))
    load.start()
    try:
        for _ in range(TRIALS):
            sim.plug_in()
            sim.wait_connector(lambda c: c["drawn_amps"] > 5, 60, "a current")
            sim.command("plug_out", after_ms=rng.randrange(1, 700))
            found.append(sim.wait_connector(lambda c: c["car"] == "absent" and c["reaction_ms"], 30, "open")["reaction_ms"])
            sim.wait_ocpp_status("Available", timeout_s=60)
    finally:
        stop.set()
        load.join()
    assert errors == []
    assert max(found) <= 40, sorted(found)[-5:]
    never_late(sim)


@pytest.mark.parametrize(("profile", "most_s"), [(0, 4), (3, 7)])
def test_a_unit_is_accepted_soon_after_the_power_came(launch, csms, authority, profile, most_s):  # noqa: F811
    """Board time from the start of the firmware to the answer to BootNotification, the TLS handshake of profile 3 included."""
    options = {"word": 32, "time_scale": 1, "options": ["--pace", "esp32"]}
    sim = profile_3(launch, csms, authority, **options) if profile else launch(**options)
    csms.wait_booted(100)
    assert accepted_at_s(sim) - HEAD_START_S <= most_s


@pytest.mark.timeout(240)
def test_a_tls_link_that_is_lost_while_charging_comes_back_in_the_cars_next_pause(launch, csms, authority):  # noqa: F811
    """Profile 3: the handshake of 1.2 s waits while the contactor is closed, and the car stops for reasons of its own."""
    sim = profile_3(launch, csms, authority, word=32, time_scale=SCALE, options=["--pace", "esp32"])
    start_session(sim, csms)
    csms.abort()
    csms.wait_disconnected()
    sim.let_pass(60, 120)
    assert not sim.status()["csms"]["connected"]
    assert sim.connector()["contactor_operations"] == 1, "nothing has opened for the link"
    sim.pause()
    csms.wait_connected(timeout_s=60)
    sim.resume()
    sim.wait_connector(lambda c: c["drawn_amps"] > 5, 60, "charging goes on")
    assert [line for line in sim.log_lines() if PAUSED in line] == []
    assert never_late(sim, handshakes=True)["connectors"]["1"]["contactor_operations"] == 2
    end_session(sim, csms)


@pytest.mark.skipif(not SOAK, reason="15 minutes of board time: `make soak`; the rule itself: unit/test_hold_ups.py")
@pytest.mark.timeout(1800)
def test_a_tls_link_that_stays_lost_withdraws_the_pilot_after_15_minutes_and_is_back(launch, csms, authority):  # noqa: F811
    """Profile 3: after the patience the pilot is withdrawn, the contactor opens, the handshake runs, charging goes on."""
    sim = profile_3(launch, csms, authority, word=32, time_scale=SCALE, options=["--pace", "esp32"])
    start_session(sim, csms)
    begun_ms = sim.status()["uptime_ms"]
    csms.abort()
    csms.wait_disconnected()
    csms.wait_connected(timeout_s=900)
    waited_s = (sim.status()["uptime_ms"] - begun_ms) / 1000
    assert 900 <= waited_s < 1000, "not before the patience has ended"
    sim.wait_connector(lambda c: c["drawn_amps"] > 5, 60, "charging goes on")
    assert len([line for line in sim.log_lines() if PAUSED in line]) == 1
    assert never_late(sim, handshakes=True)["connectors"]["1"]["contactor_operations"] == 2
    end_session(sim, csms)


def _working_hour(sim, csms, number):
    """The work of an hour: a session with a profile and an outage, all keys, a list, triggers."""
    transaction = start_session(sim, csms, ("GOOD0001", "GOOD0002")[number % 2])
    assert (
        csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(6 + number % 20, transaction.id))[
            "status"
        ]
        == "Accepted"
    )
    assert len(csms.call("GetConfiguration")["configurationKey"]) > 30
    assert csms.call("GetCompositeSchedule", connectorId=1, duration=3600)["status"] == "Accepted"
    assert csms.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)["status"] == "Accepted"
    entries = [{"idTag": f"CARD{n:04}", "idTagInfo": {"status": "Accepted"}} for n in range(10)]
    assert (
        csms.call("SendLocalList", listVersion=number + 1, updateType="Full", localAuthorizationList=entries)["status"]
        == "Accepted"
    )
    sim.network_down()
    csms.wait_disconnected()
    sim.let_pass(10, 120)
    sim.network_up()
    csms.wait_connected()
    sim.let_pass(CHARGE_S, 600)
    end_session(sim, csms)


@pytest.mark.timeout(14400 if SOAK else 300)
def test_a_working_day_at_pace_has_no_late_tick_and_takes_no_more_memory_by_the_hour(launch, csms):
    """Sessions, profiles, all keys, lists, outages: twice in some minutes of board time here, 24 hours by `make soak`."""
    sim = at_pace(launch, word=32, time_scale=100)
    csms.wait_booted(100)
    used = []
    for number in range(HOURS):
        begun_ms = sim.status()["uptime_ms"]
        _working_hour(sim, csms, number)
        never_late(sim)
        left_s = HOUR_S - (sim.status()["uptime_ms"] - begun_ms) / 1000
        sim.let_pass(max(0, left_s), 3600)
        used.append(sim.command("status", collect=True)["heap"]["used"])
    never_late(sim)
    assert max(used) < used[0] + 6000, used
    assert max(used) <= QUARTER_FREE, "a board without PSRAM has 128 KiB"
    wait_until(lambda: len(csms.ledger.closed()) == HOURS, 20, "every session is in the book")
