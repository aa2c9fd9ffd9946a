"""The local API over HTTPS: who may ask, what is refused, what a client can not do to the unit (SEC-12, 13, 18, 25, 26)."""

import json
import re
import ssl

import pytest

from backend.page import Page
from backend.simulator import free_port
from backend.waiting import wait_until
from sim.provisioned_units import SECRETS, labels, make_unit

from .sessions import end_session, start_session

PATHS = {
    "/api/status": ("GET",), "/api/settings": ("GET", "PUT"), "/api/pin": ("POST",), "/api/clock": ("POST",),
    "/api/log": ("GET",), "/api/history": ("GET",), "/api/charge": ("POST",),
    "/api/plan": ("GET", "PUT"), "/api/tariff": ("GET", "PUT"), "/api/house": ("GET", "PUT"), "/api/hours": ("GET", "PUT"),
    "/api/acknowledge": ("POST",), "/api/update": ("GET", "POST"), "/api/erase": ("POST",), "/api/reset": ("POST",),
    "/api/logout": ("POST",), "/api/session": ("GET",), "/api/networks": ("GET",), "/api/cards": ("GET", "POST"),
    "/api/tokens": ("GET", "POST"), "/api/confirm_update": ("POST",), "/api/state": ("GET",), "/api/label": ("GET",),
}  # fmt: skip
NEW_PIN = "40718256"


@pytest.fixture
def unit(launch, csms):
    """unit(): a charger with its local page; `pin` and `installer_pin` are what its label says."""
    def start(**options):
        options.setdefault("time_scale", 1)
        options["options"] = ["--web", f"127.0.0.1:{free_port()}", *options.get("options", ())]
        sim = launch(**options)
        csms.wait_booted()
        [label] = labels(sim)[:1]
        sim.pin, sim.installer_pin, sim.secrets = label["pin"], label["installer_pin"], label
        return sim

    return start


def page_of(sim, role="owner", pin=None, **options):
    """A client that is logged in (role None: one that is not)."""
    page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"), **options)
    if role:
        answer = page.login(pin or {"owner": sim.pin, "installer": sim.installer_pin}[role], role)
        assert answer.status == 200, answer
    return page


def refused(answer, status, words=""):
    """An error is JSON with a sentence."""
    assert answer.status == status, answer
    assert words in answer.json["error"] and answer.json["error"].endswith("."), answer
    return answer


# --- logging in ---


def test_log_in_and_out(unit, word):
    """Nothing without a session; cookies that neither scripts nor other sites get; the unit shows its own identity."""
    sim = unit(word=word)
    page = page_of(sim, None)
    for path, methods in PATHS.items():
        for method in methods:
            refused(page.request(method, path), 401, "Log in")
    refused(page.login("12345678"), 401, "Wrong PIN")
    refused(page.request("POST", "/api/login", {"pin": sim.pin, "role": "admin"}), 400, "role")
    answer = page.login(sim.pin)
    assert answer.status == 200 and answer.json["role"] == "owner"
    cookies = answer.headers.get_all("Set-Cookie")
    assert len(cookies) == 2 and all({"HttpOnly", "Secure", "SameSite=Strict"} <= set(re.split("; ?", c)) for c in cookies)
    assert re.fullmatch("[0-9a-f]{32}", page.cookies["session"])
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert page.get("/api/session")["actions"] == answer.json["actions"]
    assert page.get("/api/status")["connectors"]["1"]["ocpp_status"] == "Available"
    events = [(entry["event"], entry["info"]) for entry in page.get("/api/log")["entries"]]
    assert ("PinAccepted", "owner, page") in events and ("PinRefused", "owner, page, 1 in a row") in events
    stolen = dict(page.cookies)
    page.post("/api/logout")
    page.cookies = stolen
    refused(page.request("GET", "/api/status"), 401)


def test_the_certificate_is_the_units_own(launch, csms, tmp_path):
    """The certificate that provisioning made, and no other: a person who has seen it once can tell (SEC-2)."""
    made, _ = make_unit(tmp_path / "charger", "PL-4711")
    sim = launch(options=["--web", f"127.0.0.1:{free_port()}"])
    csms.wait_booted()
    own = ssl.DER_cert_to_PEM_cert(bytes.fromhex(made["web_certificate"]))
    refused(page_of(sim, None, certificate=own).request("GET", "/api/session"), 401)
    other, _ = make_unit(tmp_path / "other", "PL-4712")
    others = ssl.DER_cert_to_PEM_cert(bytes.fromhex(other["web_certificate"]))
    with pytest.raises(ssl.SSLCertVerificationError):
        page_of(sim, None, certificate=others).request("GET", "/api/session")


def test_wrong_pins_cost_time_over_a_power_cut(unit):
    """Five are free; then 429 with the time to wait, for every role, after a power cut as well; the owner's PIN, too."""
    sim = unit(time_scale=1)
    page = page_of(sim, None)
    for _ in range(5):
        refused(page.login("00000001"), 401)
    answer = refused(page.login("00000001"), 429, "wait")
    assert 30 < int(answer.headers["Retry-After"]) <= 60
    refused(page.login(sim.installer_pin, "installer"), 429)
    sim.kill()
    sim.start()
    page = page_of(sim, None)
    answer = refused(page.login(sim.pin), 429)
    assert 30 < int(answer.headers["Retry-After"]) <= 60  # from the beginning: nobody knows how long it was off
    assert page.request("GET", "/api/status").status == 401


def test_a_device_that_was_right_before_is_not_kept_out_by_strangers(unit):
    sim = unit()
    known, stranger = page_of(sim), page_of(sim, None)
    known.post("/api/logout")
    for _ in range(5):
        refused(stranger.login("00000001"), 401)
    refused(stranger.login(sim.pin), 429)
    assert known.login(sim.pin).status == 200
    known.post("/api/pin", current=sim.pin, pin=NEW_PIN)
    known.get("/api/session")


def test_four_sessions_at_the_most(unit):
    """A fifth ends the one that was quiet for longest."""
    sim = unit()
    pages = [page_of(sim) for _ in range(4)]
    pages[0].get("/api/session")
    fifth = page_of(sim)
    assert [page.request("GET", "/api/session").status for page in (*pages, fifth)] == [200, 401, 200, 200, 200]


def test_a_session_ends_after_a_quarter_of_an_hour_without_a_word(unit):
    sim = unit(time_scale=60)
    quiet, busy = page_of(sim), page_of(sim)
    sim.let_pass(500)
    busy.get("/api/session")
    sim.let_pass(500)
    refused(quiet.request("GET", "/api/session"), 401)
    busy.get("/api/session")


# --- settings ---


def test_settings_by_role(unit, csms):
    """Each role what its work needs, nobody more; what is refused changes nothing, also beside what is right (SEC-18)."""
    sim = unit()
    owner, installer = page_of(sim), page_of(sim, "installer")
    read = owner.get("/api/settings")
    assert read["ConnectionTimeOut"] == {"value": 60, "writable": True}
    assert read["InstallerMaxCurrent"] == {"value": 0, "writable": False}
    assert read["AuthorizationKey"] == {"set": False, "writable": True} and "value" not in read["WifiPassword"]
    owner.put("/api/settings", ConnectionTimeOut=45, FreeVend=True)
    installer.put("/api/settings", InstallerMaxCurrent=16, ConnectedPhases=1)
    assert csms.call("GetConfiguration", key=["ConnectionTimeOut"])["configurationKey"][0]["value"] == "45"
    refused(owner.request("PUT", "/api/settings", {"InstallerMaxCurrent": 32}), 403, "InstallerMaxCurrent")
    refused(owner.request("PUT", "/api/settings", {"ConnectedPhases": 3}), 403, "ConnectedPhases")
    refused(installer.request("PUT", "/api/settings", {"FreeVend": False}), 403)
    for wish in ({}, {"ConnectionTimeOut": 0}, {"ConnectionTimeOut": "45"}, {"ConnectionTimeOut": True}, {"FreeVend": 1},
                 {"ConnectionTimeOut": 33.5}, {"FreeVendIdTag": ""}, {"FreeVendIdTag": "x" * 21}, {"FreeVendIdTag": "a\nb"},
                 {"MqttRoots": "certificates"}, {"MqttUrl": "mqtt://broker"},
                 {"TamperPolicy": "none"}, {"WifiPassword": "short"}, {"WifiName": "ü" * 17}, {"Nothing": 1},
                 {"HostName": "-garage"}, {"HostName": "garage-"}, {"HostName": "my garage"}, {"HostName": "garagé"},
                 {"HostName": "G"}, {"HostName": "g" * 33}, {"WifiAddress": "1" * 51},
                 {"ConnectionTimeOut": 50, "FreeVendIdTag": ""}, {"AuthorizationKey": "short"}):
        refused(owner.request("PUT", "/api/settings", wish), 400)
    refused(installer.request("PUT", "/api/settings", {"InstallerMaxCurrent": 5}), 400)
    refused(installer.request("PUT", "/api/settings", {"ConnectedPhases": 4}), 400)
    empty = "-----BEGIN CERTIFICATE-----\nAAAAAAAAAAAAAAAAAAAA\n-----END CERTIFICATE-----\n"
    refused(owner.request("PUT", "/api/settings", {"MqttRoots": empty, "ConnectionTimeOut": 50}), 409)
    refused(owner.request("PUT", "/api/settings", {"WifiAddress": "192.168.1.50/24 192.168.2.1", "ConnectionTimeOut": 50}), 409)
    assert csms.call("GetConfiguration", key=["ConnectionTimeOut"])["configurationKey"][0]["value"] == "45"
    assert not [key for key in csms.call("GetConfiguration")["configurationKey"] if key["key"] == "InstallerMaxCurrent"]
    events = [entry["info"] for entry in sim.command("security_log", count=20)["entries"]]
    assert "InstallerMaxCurrent, by installer, page" in events
    sim.restart()
    again = page_of(sim, "installer").get("/api/settings")
    assert [again[name]["value"] for name in ("InstallerMaxCurrent", "ConnectedPhases", "FreeVend")] == [16, 1, True]


def test_secrets_go_in_and_never_come_out(unit, csms):
    """Nothing that was ever said to the unit or on its label is in any answer (SEC-10)."""
    sim = unit()
    page = page_of(sim)
    given = {"AuthorizationKey": "thisIsAKeyOf20Chars!", "WifiPassword": "an-other-secret-of-mine"}
    page.put("/api/settings", WifiName="At home", **given)
    page.login("87654321")
    page.login(sim.pin)
    page.post("/api/pin", current=sim.pin, pin=NEW_PIN)
    told = "".join(page.request(method, path).text for path, methods in PATHS.items() for method in methods
                   if path not in ("/api/erase", "/api/logout", "/api/reset"))
    secrets = [*given.values(), NEW_PIN, *(sim.secrets[name] for name in SECRETS)]
    assert not [secret for secret in secrets if secret in told + "\n".join(sim.log_lines()[5:]) + json.dumps(sim.status())]
    assert page.get("/api/settings")["WifiName"]["value"] == "At home"
    assert page_of(sim, "installer").get("/api/settings")["WifiPassword"] == {"set": True, "writable": True}


# --- what people do ---


def test_charging_by_the_page(unit, csms):
    """Start, limit, stop; the back end sees an ordinary transaction; the installer may not."""
    sim = unit(time_scale=5, settings={"FreeVendIdTag": "GOOD0003"})
    owner, installer = page_of(sim, keep=True), page_of(sim, "installer", keep=True)
    refused(owner.request("POST", "/api/charge", {"action": "stop"}), 409, "Nothing is charging")
    refused(owner.request("POST", "/api/charge", {"action": "start", "connector": 2}), 404)
    refused(owner.request("POST", "/api/charge", {"action": "dance"}), 400)
    refused(owner.request("POST", "/api/charge", {"action": "start", "amps": 10}), 400)
    refused(owner.request("POST", "/api/charge", {"action": "limit", "amps": 5}), 400)
    refused(installer.request("POST", "/api/charge", {"action": "start"}), 403)
    sim.plug_in(1)
    owner.post("/api/charge", action="start")
    sim.wait_connector(lambda c: c["drawn_amps"] > 8)
    refused(owner.request("POST", "/api/charge", {"action": "start"}), 409)
    assert csms.record.wait("StartTransaction").payload["idTag"] == "GOOD0003"
    assert installer.get("/api/status")["connectors"]["1"]["id_tag"] is None
    assert owner.get("/api/status")["connectors"]["1"]["id_tag"] == "GOOD0003"
    owner.post("/api/charge", action="limit", amps=6.5)
    limited = sim.wait_connector(lambda c: c["offered_amps"] == 6.5)
    assert "user's choice" in limited["limit"]
    owner.post("/api/charge", action="limit")
    sim.wait_connector(lambda c: c["offered_amps"] > 6.5)
    owner.post("/api/charge", action="stop")
    assert csms.record.wait("StopTransaction").payload["reason"] == "Local"
    sim.plug_out(1)
    sim.wait_ocpp_status("Available")
    [session] = owner.get("/api/history")["sessions"]
    assert session["reason"] == "Local" and owner.get("/api/history?view=year")["sessions"] == 1
    assert len(owner.get("/api/history?view=months")["months"]) == 13
    refused(owner.request("GET", "/api/history?view=week"), 400)
    refused(owner.request("GET", "/api/log?count=1000"), 400)
    refused(installer.request("GET", "/api/history"), 403)


def test_the_limit_of_the_installer_holds(unit, csms):
    """Whatever the back end and the owner want (SEC-18, CP-14)."""
    sim = unit(time_scale=5)
    page_of(sim, "installer").put("/api/settings", InstallerMaxCurrent=10)
    start_session(sim, csms)
    ruled = sim.wait_connector(lambda c: c["offered_amps"] == 10)
    assert "installation" in ruled["limit"]
    page_of(sim).post("/api/charge", action="limit", amps=20)
    sim.let_pass(5)
    assert sim.connector()["offered_amps"] == 10
    end_session(sim, csms)


def test_a_new_pin_ends_the_others_sessions(unit):
    """The PIN in force is asked for; the old one is over; whoever else was logged in is out; weak ones are refused."""
    sim = unit()
    page, other = page_of(sim), page_of(sim)
    refused(page.request("POST", "/api/pin", {"current": "11112222", "pin": NEW_PIN}), 403)
    for weak in ("1234", "11111111", "12345678", "abcdefgh"):
        refused(page.request("POST", "/api/pin", {"current": sim.pin, "pin": weak}), 400)
    refused(page.request("POST", "/api/pin", {"current": sim.pin, "pin": NEW_PIN, "role": "installer"}), 400)
    page.post("/api/pin", current=sim.pin, pin=NEW_PIN)
    page.get("/api/session")
    refused(other.request("GET", "/api/session"), 401)
    refused(page.login(sim.pin), 401)
    assert page.login(NEW_PIN).status == 200


def test_the_lid_is_acknowledged_by_the_owner_alone(unit):
    sim = unit()
    sim.raise_fault("tamper")
    sim.wait_for(lambda s: s["tamper"]["latched"], what="the latch")
    sim.clear_fault("tamper")
    sim.wait_for(lambda s: not s["tamper"]["open"], what="the lid closed")
    refused(page_of(sim, "installer").request("POST", "/api/acknowledge"), 403)
    owner = page_of(sim)
    assert owner.get("/api/status")["tamper"]["latched"]
    assert owner.post("/api/acknowledge") == {"clear": True}
    assert not owner.get("/api/status")["tamper"]["latched"]


def test_restart_and_clock(unit, csms):
    sim = unit()
    page = page_of(sim)
    refused(page.request("POST", "/api/clock", {"utc": "2001-01-01T00:00:00Z"}), 409)
    refused(page.request("POST", "/api/clock", {"utc": "tomorrow"}), 400)
    page.post("/api/clock", utc="2035-05-05T05:05:05Z")
    assert page.get("/api/status")["utc"].startswith("2035-05-05T05:05")
    mark = len(csms.record)
    page.post("/api/reset", kind="restart")
    csms.wait_booted(since=mark, timeout_s=40)
    told = csms.record.wait("SecurityEventNotification", since=mark, where=lambda p: p["type"] == "ResetOrReboot")
    assert "the owner, page" in told.payload["techInfo"]


def test_the_owner_alone_opens_the_console_and_it_is_in_the_log(unit):
    """For a repair: calibration and provisioning need the prompt of the board."""
    sim = unit()
    refused(page_of(sim, "installer").request("POST", "/api/reset", {"kind": "console"}), 403)
    page = page_of(sim)
    assert "console" not in str(page.get("/api/log")["entries"])
    assert page.post("/api/reset", kind="console") == {}
    [entry] = [one for one in page.get("/api/log")["entries"] if "console" in one["info"]]
    assert entry["event"] == "ReconfigurationOfSecurityParameters" and "by the owner, page" in entry["info"]


def test_erasure_and_factory_reset(unit, csms):
    """The owner alone, never during a session; afterwards no session is known, and the PIN of the label holds (SEC-3, 15)."""
    sim = unit(time_scale=5, settings={"FreeVendIdTag": "GOOD0003"})
    page = page_of(sim)
    page.post("/api/pin", current=sim.pin, pin=NEW_PIN)
    installer = page_of(sim, "installer")
    page.put("/api/settings", WifiName="At home", ConnectionTimeOut=44)
    start_session(sim, csms)
    for path, body in (("/api/erase", {}), ("/api/reset", {"kind": "factory"})):
        refused(page.request("POST", path, body), 409, "A car is charging")
        refused(installer.request("POST", path, body), 403)
    end_session(sim, csms)
    assert page.get("/api/history")["sessions"]
    mark = len(csms.record)
    page.post("/api/erase")
    csms.wait_booted(since=mark, timeout_s=40)
    page = page_of(sim, pin=NEW_PIN)
    assert page.get("/api/history")["sessions"] == []
    settings = page.get("/api/settings")
    assert (settings["WifiName"]["value"], settings["ConnectionTimeOut"]["value"]) == (None, 44)
    mark = len(csms.record)
    page.post("/api/reset", kind="factory")
    csms.wait_booted(since=mark, timeout_s=40)
    refused(page_of(sim, None).login(NEW_PIN), 401)
    page = page_of(sim)
    assert page.get("/api/settings")["ConnectionTimeOut"]["value"] == 60
    events = [entry["event"] for entry in page.get("/api/log")["entries"]]
    assert {"PersonalDataErased", "FactoryReset"} <= set(events)


# --- the heap of a board ---


def test_a_page_in_the_heap_of_a_board(unit, csms):
    """All paths, while a car charges, in 128 KiB; the search for networks is refused then.

    Once the client has gone its memory is free again.
    """
    sim = unit(word=32, time_scale=5)
    start_session(sim, csms)
    page_of(sim).put("/api/settings", StateWithoutPin=True)  # who tried which PIN when is remembered from now on, too
    sim.let_pass(100)
    before = sim.command("status", collect=True)["heap"]["used"]
    page = page_of(sim, keep=True)
    for _ in range(3):
        for path, methods in PATHS.items():
            if path == "/api/networks":
                refused(page.request("GET", path), 409)
            elif "GET" in methods:
                page.get(path)
        page.put("/api/settings", ConnectionTimeOut=77)
        page.post("/api/charge", action="limit", amps=10)
    page.close()

    def given_back():
        return sim.command("status", collect=True)["heap"]["used"] < before + 3072

    wait_until(given_back, 60, "the page's memory given back")
    end_session(sim, csms)
    assert not [line for line in sim.log_lines() if "MemoryError" in line]
