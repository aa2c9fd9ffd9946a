"""A unit with the rules of Great Britain, from outside: its owner's hours and overrides, and another back end (UK-13 to 34)."""

import datetime

import pytest

from backend.waiting import wait_until

from .authorities import SigningAuthority, root_text, secure
from .sessions import start_session
from .test_web import page_of, refused
from .test_web import unit as unit
from .tls_peers import server_context


def in_three_days(csms):
    """A window in which the test does not run."""
    day = datetime.datetime.fromisoformat(csms.now()) + datetime.timedelta(days=3)
    return f"{day.isoweekday()} 00:00-00:01"


def test_the_owner_chooses_the_hours_and_overrides_them_for_one_session_uk22_uk25(unit, csms, word):
    sim = unit(settings={"Country": "GB", "RandomDelayMax": 0}, word=word, time_scale=5)
    owner, installer = page_of(sim, keep=True), page_of(sim, "installer", keep=True)
    hours = owner.get("/api/hours")
    assert (hours["country"], hours["choice"], hours["windows"]) == ("GB", None, hours["default"]) and "22:00" in hours["default"]
    refused(installer.request("PUT", "/api/hours", {"choice": "remove"}), 403)
    refused(owner.request("PUT", "/api/hours", {"choice": "change"}), 400)
    refused(owner.request("PUT", "/api/hours", {"choice": "change", "windows": "at night"}), 400)
    assert owner.request("PUT", "/api/hours", {"choice": "change", "windows": in_three_days(csms)}).status == 200
    refused(owner.request("POST", "/api/charge", {"action": "now"}), 409, "No session")
    sim.plug_in(1)
    sim.swipe("GOOD0001", 1)
    sim.wait_connector(lambda c: c["ocpp_status"] == "SuspendedEVSE" and "charging hours" in c["reason"])
    assert sim.connector(1)["plan"]["next_change"] is not None
    owner.post("/api/charge", action="now")
    sim.wait_ocpp_status("Charging")
    owner.post("/api/charge", action="pause")
    sim.wait_connector(lambda c: c["ocpp_status"] == "SuspendedEVSE" and "pause" in c["reason"])
    owner.post("/api/charge", action="resume")
    sim.wait_ocpp_status("Charging")
    sim.raise_fault("GroundFailure", 1)
    sim.wait_connector(lambda c: not c["relay"])
    refused(owner.request("POST", "/api/charge", {"action": "now"}), 409, "dangerous")
    events = [entry["event"] for entry in owner.get("/api/log?count=20")["entries"]]
    assert "ChargingHoursChosen" in events and "ChargingOverride" in events


def test_the_delay_is_shown_and_skipped_uk34(unit, csms):
    sim = unit(settings={"Country": "GB", "RandomDelayMax": 1800}, time_scale=1)
    owner = page_of(sim)
    owner.request("PUT", "/api/hours", {"choice": "remove"})
    for number in (1, 2, 3):  # until a delay is long enough to be skipped
        sim.plug_in(1)
        sim.swipe(f"GOOD000{number}", 1)
        sim.wait_connector(lambda c: c["transaction_id"] is not None, what="a transaction")
        if (sim.connector(1)["plan"]["delay_s"] or 0) > 30:
            break
        sim.plug_out(1)
        sim.wait_ocpp_status("Available")
    owner.post("/api/charge", action="skip")
    sim.wait_ocpp_status("Charging")
    refused(owner.request("POST", "/api/charge", {"action": "skip"}), 409, "No random delay")


def test_the_owner_asks_for_energy_by_a_time_of_day_and_sees_the_plan_with_why(unit, csms):
    sim = unit(time_scale=1)
    owner = page_of(sim)
    now = datetime.datetime.fromisoformat(csms.now())
    start = now.replace(minute=0, second=0, microsecond=0)
    cheap = start + datetime.timedelta(hours=3)
    assert owner.request("PUT", "/api/tariff", {
        "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": 60, "prices": [30.5, 30, 30, -2.5, *[30] * 5]}).status == 200
    [block] = owner.get("/api/tariff")["blocks"]
    assert (block["start"][:19], block["minutes"]) == (start.strftime("%Y-%m-%dT%H:%M:%S"), 60)
    assert [round(price, 2) for price in block["prices"]] == [30.5, 30, 30, -2.5, *[30] * 5]
    refused(owner.request("PUT", "/api/plan", {"depart": "07:30"}), 400, "one of kwh")
    refused(owner.request("PUT", "/api/plan", {"depart": "25:00", "kwh": 2}), 400, "time of day")
    refused(page_of(sim, "installer", keep=True).request("PUT", "/api/plan", {}), 403)
    leave = (now + datetime.timedelta(hours=6)).strftime("%H:%M")
    assert owner.request("PUT", "/api/plan", {"depart": leave, "kwh": 2}).status == 200
    sim.plug_in(1)
    sim.swipe("GOOD0001", 1)
    sim.wait_connector(lambda c: c["ocpp_status"] == "SuspendedEVSE" and "plan" in c["reason"])
    plan = wait_until(lambda: plan if len((plan := owner.get("/api/plan"))["times"]) == 1 else None, 10, "the cable is known")
    assert (plan["depart"], plan["energy_wh"], plan["missing_s"]) == (leave, 2000, 0)
    assert plan["times"][0]["start"].startswith(cheap.strftime("%Y-%m-%dT%H:00:00"))
    assert "cheapest" in plan["why"]
    sim.wait_connector(lambda c: c["plan"]["why"] == plan["why"], what="the same words in the status")
    assert owner.request("PUT", "/api/plan", {}).status == 200
    sim.wait_ocpp_status("Charging")
    assert owner.get("/api/plan")["depart"] is None


def test_a_simulator_without_a_country_charges_at_once(charger, csms):
    start_session(charger, csms)
    assert charger.connector(1)["plan"]["delay_s"] is None
    assert charger.config()["Country"] == "none"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = SigningAuthority(tmp_path_factory.mktemp("authority"))
    made.server = made.issue("server", "127.0.0.1")
    return made


def test_the_owner_takes_the_unit_to_another_back_end_uk14(unit, csms, authority):
    """Address, identity, root and password by the local API alone; what the unit can do stays."""
    sim = unit(lab=False)
    owner = page_of(sim)
    refused(owner.request("PUT", "/api/settings", {"BackEndUrl": "ws://127.0.0.1/x"}), 400, "wss")
    refused(owner.request("PUT", "/api/settings", {"BackEndRoots": "nonsense"}), 400, "PEM")
    answer = owner.request("PUT", "/api/settings", {
        "BackEndUrl": csms.url.replace("ws:", "wss:"), "BackEndIdentity": "OTHER-7", "BackEndRoots": root_text(authority.root),
        "AuthorizationKey": "fedcba9876543210",
    })
    assert answer.status == 200, answer
    seen, mark = len(csms.attempts), len(csms.record)
    owner.post("/api/reset", kind="restart")
    secure(csms, server_context(authority.server))
    wait_until(lambda: any(a.status == 101 and "OTHER-7" in a.path for a in csms.attempts[seen:]), 60, "the other back end")
    csms.wait_booted(since=mark)  # before it is accepted the unit refuses cards
    start_session(sim, csms)
