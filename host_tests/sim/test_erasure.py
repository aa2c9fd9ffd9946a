"""Erasure of personal data and factory reset, by a dump of the whole flash before and after (SEC-3, SEC-15).

Everything that is searched for was brought in as in real life: cards at the reader, messages of the back end.
"""

import re

import pytest
from littlefs import LittleFS

from backend import CommandRefused
from backend.page import Page
from backend.simulator import ROOT, free_port
from backend.waiting import wait_until
from sim.provisioned_units import OPERATOR_PASSWORD, basic_auth, labels

from .flash_image import file_system
from .sessions import end_session, offline_session, start_session

OWNER, GUEST, PARENT, LISTED, RESERVED, OFFLINE, FREE_VEND = (
    "OWNERS-CARD-7781", "GUESTS-CARD-5512", "FAMILY-GROUP-31", "LISTED-CARD-9023", "RESERVED-CARD-44", "OFFLINE-CARD-65",
    "VENDING-CARD-123",
)
CARDS = (OWNER, GUEST, PARENT, LISTED, RESERVED, OFFLINE, FREE_VEND)
WIFI, PASSWORD, CHOSEN = "Network of a person", "correct horse battery", "55501239"
SETTINGS = {"AllowOfflineTxForUnknownId": "true"}


def found(sim, names=CARDS):
    """Which of the seeded words can be read anywhere in the state directory, in any case, deleted blocks included."""
    whole = b"".join(path.read_bytes() for path in sorted(sim.state_dir.rglob("*")) if path.is_file()).upper()
    assert len(whole) > 1_000_000
    return [name for name in names if name.upper().encode() in whole]


def on_flash(sim):
    """Names in the root of the unit's file system."""
    data = file_system(sim.state_dir)
    system = LittleFS(block_size=4096, block_count=len(data) // 4096, mount=False)
    system.context.buffer = data
    system.mount()
    return {name for name in system.listdir("/") if not name.endswith(".new")}


def kept(name):
    """One of the lists of maintenance/erase.py."""
    text = (ROOT / "firmware" / "charger" / "maintenance" / "erase.py").read_text()
    return set(" ".join(re.findall('"(.*)"', text.partition(f"{name} = (")[2].partition("\n)")[0])).split())


def live(sim, csms):
    """A life of a few hours: sessions, lists, a reservation, a card for free vend, a queue that was never sent."""
    for tag in (OWNER, GUEST):
        csms.ledger.set_tag(tag, "Accepted", parent=PARENT)
    start_session(sim, csms, OWNER)
    end_session(sim, csms)
    start_session(sim, csms, GUEST)
    end_session(sim, csms)
    entry = {"idTag": LISTED, "idTagInfo": {"status": "Accepted", "parentIdTag": PARENT}}
    for version in range(1, 4):
        assert csms.call("SendLocalList", listVersion=version, updateType="Full",
                         localAuthorizationList=[entry])["status"] == "Accepted"
    assert csms.call("ReserveNow", connectorId=1, idTag=RESERVED, reservationId=4, parentIdTag=PARENT,
                     expiryDate="2099-01-01T00:00:00Z")["status"] == "Accepted"
    assert csms.call("CancelReservation", reservationId=4)["status"] == "Accepted"
    for key, value in (("FreeVendIdTag", FREE_VEND), ("HeartbeatInterval", "177")):
        assert csms.call("ChangeConfiguration", key=key, value=value)["status"] == "Accepted"
    sim.network_down()
    csms.wait_disconnected()
    offline_session(sim, OFFLINE)


def erase(sim, what):
    """Ask for it, and see the unit come back."""
    boots = sim.status()["boots"]
    sim.command("erase", what=what)
    sim.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting"), 60, "the restart")


def overwritten(sim, timeout_s=300):
    """Wait until the unit says that nothing can be read any more."""
    def said():
        entries = sim.command("security_log", count=20)["entries"]
        return any(e["event"] == "PersonalDataErased" and "overwritten" in e["info"] for e in entries)

    wait_until(said, timeout_s, "the overwriting")


def events(sim):
    return [entry["event"] for entry in sim.command("security_log", count=100)["entries"]]


def test_nothing_personal_can_be_read_in_the_flash_afterwards(launch, csms, word):
    sim = launch(word=word, settings=SETTINGS, time_scale=20)
    csms.wait_booted()
    live(sim, csms)
    energy_wh = sim.connector()["energy_wh"]
    assert sorted(found(sim)) == sorted(CARDS)
    # whoever adds a file decides here whether it is about a person: if not, it is on one of the lists
    assert on_flash(sim) - kept("_UNIT") - kept("_SETTINGS") == {"sessions", "tags", "ocpp_cache", "ocpp_local_list",
                                                                 "ocpp_reservations.json"}
    erase(sim, "personal")
    overwritten(sim)
    assert found(sim) == []
    assert sim.status()["tick"]["max_gap_ms"] <= 100
    assert sim.connector()["energy_wh"] == energy_wh
    config = sim.config()
    assert (config["FreeVendIdTag"], config["HeartbeatInterval"]) == ("FreeVend", "177")
    log = sim.command("security_log", count=100)
    assert log["broken"] is None and "AuthorisationAccepted" in events(sim)
    sim.network_up()
    csms.record.wait("StopTransaction", "out", 3, count=3)
    assert [m.payload["idTag"] for m in csms.record.calls("StartTransaction")] == [OWNER, GUEST, "ERASED"]
    assert sum(t.energy_wh for t in csms.ledger.closed()) == energy_wh
    assert csms.call("GetLocalListVersion")["listVersion"] == 0
    sim.stop()
    assert found(sim) == []


def test_a_power_cut_in_the_middle_changes_nothing_of_that(launch, csms):
    """Cut during the deleting, and again and again during the overwriting."""
    sim = launch(settings=SETTINGS, time_scale=20)
    csms.wait_booted()
    live(sim, csms)
    sim.may_crash = True  # a file that the cut leaves open says so
    boots = sim.status()["boots"]
    sim.command("erase", what="personal")
    sim.power_cut(after=3, mode="half", seconds=1)
    for after, mode in ((12, "half"), (40, "late"), (300, "drop"), (900, "half")):
        sim.wait_for(lambda s, b=boots: s.get("boots", 0) > b and not s.get("starting"), 60, "the restart")
        boots = sim.status()["boots"]
        sim.power_cut(after=after, mode=mode, seconds=1)
    sim.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting"), 60, "the restart")
    overwritten(sim)
    assert found(sim) == []
    assert sim.command("security_log", count=100)["broken"] is None


def test_factory_reset_brings_back_what_the_factory_gave_and_nothing_else(launch, csms):
    """SEC-3: the unit's own password holds again, not a shared one; register, calibration and log stay."""
    sim = launch(settings=SETTINGS, time_scale=20, options=["--security-profile", "1"])
    csms.wait_booted()
    [label] = labels(sim)
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=OPERATOR_PASSWORD)["status"] == "Accepted"
    csms.wait_connected(2)
    assert csms.attempts[-1].authorization == basic_auth(sim, OPERATOR_PASSWORD)
    profile = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
               "chargingProfileKind": "Relative",
               "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9}]}}
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile)["status"] == "Accepted"
    live(sim, csms)
    energy_wh = sim.connector()["energy_wh"]
    before = sim.command("security_log", count=100)
    erase(sim, "factory")
    overwritten(sim)
    assert found(sim) == []
    log = sim.command("security_log", count=100)
    assert log["broken"] is None and log["next"] > before["next"] and "FactoryReset" in events(sim)
    first = [[(entry["seq"], entry["event"], entry["info"]) for entry in one["entries"][:5]] for one in (before, log)]
    assert first[0] == first[1]
    assert sim.connector()["energy_wh"] == energy_wh > 0
    assert sim.config()["HeartbeatInterval"] != "177"
    sim.network_up()
    csms.wait_connected(3)
    assert csms.attempts[-1].authorization == basic_auth(sim, label["ocpp_password"])
    csms.record.wait("StopTransaction", "out", 3, count=3)
    assert csms.call("GetCompositeSchedule", connectorId=1, duration=60)["chargingSchedule"]["chargingSchedulePeriod"][0][
        "limit"] > 9
    assert not [line for line in sim.log_lines() if "calibrat" in line.lower() and " E " in line]


def test_by_the_page_the_labels_pin_holds_again_and_the_chosen_one_no_longer(launch, csms):
    """SEC-3, SEC-18, as an owner does it: a user may not; a chosen PIN outlives the erasure, and not the reset."""
    sim = launch(options=["--web", f"127.0.0.1:{free_port()}"], time_scale=5)
    csms.wait_booted()
    pin = labels(sim)[0]["pin"]

    def page():
        return Page(sim.wait_for(lambda s: s.get("web", {}).get("port"), what="the page's port"))

    def after(job):
        boots = sim.status()["boots"]
        job()
        sim.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting"), 60, "the restart")

    owner = page()
    assert owner.login(pin).status == 200
    owner.put("/api/settings", WifiName=WIFI, WifiPassword=PASSWORD)
    owner.post("/api/pin", role="user", pin="77310264", current=pin)
    user = page()
    assert user.login("77310264", "user").status == 200
    for path, body in (("/api/erase", {}), ("/api/reset", {"kind": "factory"})):
        assert user.request("POST", path, body).status == 403
    assert owner.login(pin).status == 200
    owner.post("/api/pin", role="owner", pin=CHOSEN, current=pin)
    assert page().login(pin).status == 401
    start_session(sim, csms)
    busy = page()
    assert busy.login(CHOSEN).status == 200
    assert busy.request("POST", "/api/erase", {}).status == 409
    end_session(sim, csms)
    after(lambda: busy.post("/api/erase"))
    owner = page()
    assert (owner.login(pin).status, owner.login(CHOSEN).status) == (401, 200)
    assert owner.get("/api/settings")["WifiName"]["value"] is None and owner.get("/api/history")["sessions"] == []
    after(lambda: owner.post("/api/reset", kind="factory"))
    owner = page()
    assert (owner.login(CHOSEN).status, owner.login("77310264", "user").status, owner.login(pin).status) == (401, 401, 200)
    overwritten(sim)
    assert found(sim, (WIFI, PASSWORD, CHOSEN, "GOOD0001")) == []


def test_not_while_a_car_charges(launch, csms):
    sim = launch(settings=SETTINGS)
    csms.wait_booted()
    start_session(sim, csms)
    boots = sim.status()["boots"]
    with pytest.raises(CommandRefused, match="charging"):
        sim.command("erase", what="personal")
    end_session(sim, csms)
    assert sim.status()["boots"] == boots
