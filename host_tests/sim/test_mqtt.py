"""The owner's portal against Debian's mosquitto: TLS and passwords, what it tells, what it obeys, what it refuses."""

import json
import re
from pathlib import Path

import jinja2
import pytest
from home_assistant.fields import faults
from simulator import options

from backend import wait_until
from backend.page import Page
from backend.simulator import free_port
from sim.owner import UNIT, Broker, Owner, SelectiveBroker
from sim.provisioned_units import labels
from sim.sessions import end_session, start_session
from sim.tls_peers import authority_with_stranger

SERIAL = "SIM00001"
EVENT = "BrokerAuthenticationFailed"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return authority_with_stranger(tmp_path_factory, "broker.example")


@pytest.fixture
def broker(authority, tmp_path):
    """It listens once it is opened."""
    (tmp_path / "broker").mkdir()
    broker = Broker(tmp_path / "broker", authority.server)
    yield broker
    broker.close()


@pytest.fixture
def start(launch, authority, tmp_path, broker):
    """Launch a charger that knows the broker."""

    def start(port=None, root=None, password=UNIT[1], **options):
        (tmp_path / "broker-password").write_text(password + "\n")
        words = ["--mqtt", f"mqtts://{UNIT[0]}@localhost:{port or broker.port}/home", "--mqtt-ca", root or authority.root,
                 "--mqtt-password-file", str(tmp_path / "broker-password")]
        settings = {"ChargeBoxSerialNumber": SERIAL, **options.pop("settings", {})}
        return launch(options=words + options.pop("options", []), lab=False, settings=settings, **options)

    return start


def portal(sim):
    """Its part of the status."""
    return sim.status()["portal"]


def events(sim, name):
    """Infos of the security log's entries of this name."""
    return [entry["info"] for entry in sim.command("security_log")["entries"] if entry["event"] == name]


def test_the_owner_sets_his_broker_at_the_page(launch, csms, authority, broker):
    """SEC-10, SEC-12: URL, password and roots go into the vault, over TLS; only mqtts is taken; "" takes it back."""
    sim = launch(options=["--web", f"127.0.0.1:{free_port()}"], settings={"ChargeBoxSerialNumber": SERIAL}, time_scale=1)
    csms.wait_booted()
    page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"))
    pin = labels(sim)[0]["pin"]
    assert page.login(pin).status == 200
    assert portal(sim) is None
    for wrong in ("mqtt://localhost", "https://localhost", 5, "mqtts://" + "x" * 200):
        assert page.request("PUT", "/api/settings", {"MqttUrl": wrong}).status == 400
    url = f"mqtts://{UNIT[0]}@localhost:{broker.port}/home"
    page.put("/api/settings", MqttUrl=url, MqttPassword=UNIT[1], MqttRoots=Path(authority.root).read_text(encoding="ascii"))
    found = page.get("/api/settings")
    assert found["MqttUrl"]["value"] == url and found["MqttPassword"] == {"set": True, "writable": True}
    with broker, Owner(broker, SERIAL) as owner:
        sim.restart()
        owner.wait("status", lambda s: s["online"])
        assert UNIT[1].encode() not in b"".join(p.read_bytes() for p in sim.state_dir.rglob("*") if p.is_file())
        page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"))
        assert page.login(pin).status == 200
        page.put("/api/settings", MqttUrl="")
        sim.restart()
        assert portal(sim) is None


def entity(owner, about, **status):
    """The value that an entity of the discovery shows of the newest status, with other values where given."""
    [told] = [told for topic, told in owner.discovered.items() if topic.split("/")[3] == about]
    seen = {**owner.of(told["state_topic"].removeprefix(owner.base))[-1], **status}
    return jinja2.Environment().from_string(told["value_template"]).render(value_json=seen)


def test_home_assistant_finds_the_unit_as_one_device(start, csms, broker, authority):
    """Nothing before the owner sets the prefix; then entities with the classes of the energy dashboard, kept by the broker."""
    with broker, Owner(broker, SERIAL) as owner:
        sim = start(connectors=2, options=["--web", f"127.0.0.1:{free_port()}"])
        csms.wait_booted()
        owner.wait("status", lambda s: s["online"])
        assert not owner.discovered
        page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"))
        assert page.login(labels(sim)[0]["pin"]).status == 200
        for wrong in ("a/b", "#", "x" * 33):
            assert page.request("PUT", "/api/settings", {"MqttDiscovery": wrong}).status == 400
        page.put("/api/settings", MqttDiscovery="homeassistant")
        sim.restart()
        wait_until(lambda: len(owner.discovered) == 2 * 12 + 4, 60, "the discovery", state=lambda: list(owner.discovered))
        for topic, told in owner.discovered.items():
            assert re.fullmatch(f"homeassistant/(sensor|binary_sensor|update|event)/pilotlight_{SERIAL}/[a-z_0-9]+/config", topic)
            assert told["device"]["identifiers"] == [f"pilotlight_{SERIAL}"]
            assert told["availability_topic"] == f"{owner.base}status"
            assert not faults(topic, told)
        assert len({told["unique_id"] for told in owner.discovered.values()}) == len(owner.discovered)
        energy = owner.discovered[f"homeassistant/sensor/pilotlight_{SERIAL}/energy_1/config"]
        assert energy["device_class"] == "energy" and energy["state_class"] == "total_increasing"
        assert energy["unit_of_measurement"] == "Wh"
        start_session(sim, csms)
        owner.wait("status", lambda s: s["online"] and s["connectors"]["1"]["ocpp_status"] == "Charging")
        shown = {"status_1": "Charging", "plugged_1": "ON", "charging_1": "ON", "fault_1": "OFF", "charging_2": "OFF",
                 "plugged_2": "OFF", "tamper": "OFF", "backend": "ON"}
        assert {name: entity(owner, name) for name in shown} == shown
        assert entity(owner, "status_1", online=False) == ""
        newest = owner.of("status")[-1]  # the next one may come at any time
        assert int(entity(owner, "energy_1", **newest)) == newest["connectors"]["1"]["energy_wh"]
        firmware = json.loads(entity(owner, "firmware", update={"offer": {"version": "9.9"}}))
        assert firmware == {"installed_version": owner.of("status")[-1]["firmware"], "latest_version": "9.9"}
        command_by_home_assistant(sim, page_after(sim), owner)
        with Owner(broker, SERIAL) as later:
            wait_until(lambda: later.discovered == owner.discovered, 30, "the retained discovery")


def page_after(sim):
    """The owner at the page, after a restart."""
    page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"))
    assert page.login(labels(sim)[0]["pin"]).status == 200
    return page


def command_by_home_assistant(sim, page, owner):
    """Made for Home Assistant, a token brings the entities that command; the switch pauses; revoked, they are gone."""
    page.post("/api/tokens", action="make", name="HA", rights=["charge"], home_assistant=True)
    topic = f"homeassistant/switch/pilotlight_{SERIAL}/allowed_1/config"
    wait_until(lambda: topic in owner.discovered, 30, "the switch")
    assert not [fault for name, told in owner.discovered.items() for fault in faults(name, told)]
    recorded = json.loads(owner.discovered[topic]["payload_off"])
    del recorded["id"]
    assert owner.command(at=1, **recorded)["error"] == "replay"  # a program's command of long ago
    assert not sim.connector(1)["paused"]
    owner.publish("cmd", owner.discovered[topic]["payload_off"].encode())
    sim.wait_ocpp_status("SuspendedEVSE")
    wait_until(lambda: entity(owner, "allowed_1") == "OFF", 30, "the switch is off")
    old = owner.discovered[topic]["payload_on"]
    page.post("/api/tokens", action="remove", name="HA")
    wait_until(lambda: len(owner.discovered) == 2 * 12 + 4, 30, "the entities that command are gone")
    heard = len(owner.heard)
    owner.publish("cmd", old.encode())
    wait_until(lambda: any(reply.get("error") == "login" for reply in owner.since("reply", heard)), 30, "a refusal")
    assert sim.connector(1)["paused"]


def survive_an_outage(sim, owner):
    """The network goes and comes: both links are there again, without a restart for want of memory."""
    heard = len(owner.heard)
    sim.network_down()
    sim.wait_for(lambda s: not s["portal"]["connected"] and not s["csms"]["connected"], what="no network")
    sim.network_up()
    sim.wait_for(lambda s: s["portal"]["connected"] and s["csms"]["connected"], 60, what="both links again")
    wait_until(lambda: owner.since("status", heard), 60, "a status")
    assert sim.status()["boots"] == 1


def test_the_owner_sees_and_commands(start, csms, broker, word):
    """From the first status over a session by command to a lid that is opened and acknowledged."""
    with broker, Owner(broker, SERIAL) as owner:
        sim = start(word=word, settings={"FreeVendIdTag": "GOOD0001"})  # who charges without a card
        csms.wait_booted()
        status = owner.wait("status", lambda s: s["online"] and s["connectors"]["1"]["ocpp_status"] == "Available")
        assert status["firmware"] and status["tamper"]["latched"] is False and status["setup"] == ""
        pin = labels(sim)[0]
        assert owner.do("charge", action="start")["error"] == "invalid"  # nobody has logged in
        answer = owner.log_in("owner", pin["pin"])
        assert answer["ok"] and re.fullmatch("[0-9a-f]{32}", answer["session"])
        sim.plug_in()
        sim.wait_connector(lambda c: c["ocpp_status"] == "Preparing", what="plugged in")
        assert owner.do("charge", action="start") == {"id": owner.last, "ok": True, "result": {}}
        sim.wait_ocpp_status("Charging")
        owner.wait("status", lambda s: s["online"] and s["connectors"]["1"]["ocpp_status"] == "Charging")
        going = owner.wait("session", lambda s: s["active"] and s["energy_wh"] > 0)
        assert owner.do("charge", action="stop")["ok"]
        ended = owner.wait("session", lambda s: not s["active"])
        assert ended["energy_wh"] >= going["energy_wh"] and (ended["session"], ended["ended_by"]) == (going["session"], "Local")
        sim.plug_out()
        sim.wait_ocpp_status("Available")
        sim.raise_fault("tamper")
        assert owner.wait("notice")["notice"] == "TamperDetectionActivated"
        assert owner.do("acknowledge")["result"] == {"clear": False}
        sim.clear_fault("tamper")
        sim.wait_for(lambda s: not s["tamper"]["open"], what="lid closed")
        assert owner.do("acknowledge")["result"] == {"clear": True}
        owner.wait("notice", lambda n: n["notice"] == "TamperAcknowledged")
        assert owner.do("set", ConnectionTimeOut=77)["ok"]
        assert sim.config()["ConnectionTimeOut"] == "77"
        told = json.dumps(owner.heard)
        for secret in (pin["pin"], pin["installer_pin"], pin["ocpp_password"], pin["setup_password"], UNIT[1]):
            assert secret not in told
        survive_an_outage(sim, owner)
        sim.stop()
        assert owner.wait("status", lambda s: not s["online"] and s["why"] == "restart")
        with Owner(broker, SERIAL) as later:
            assert later.wait("status") == {"online": False, "why": "restart"}


def test_roles_replays_and_the_one_back_off(start, csms, broker):
    """SEC-18, SEC-25: rights by role; no command twice; wrong PINs cost all surfaces time, over a restart, too."""
    with broker, Owner(broker, SERIAL) as owner:
        sim = start()
        csms.wait_booted()
        owner.wait("status", lambda s: s["online"])
        pin = labels(sim)[0]
        assert owner.log_in("installer", pin["installer_pin"])["ok"]
        for what, inner in (("charge", {"action": "start"}), ("acknowledge", {}), ("install", {}), ("set", {"FreeVend": True})):
            assert owner.do(what, **inner)["error"] == "forbidden"
        for what in ("erase", "pin", "reset", "log", "clock", "firmware", "__init__"):
            assert owner.do(what)["error"] == "invalid"  # not from here, whoever asks
        assert owner.log_in("owner", pin["pin"])["ok"]
        assert owner.do("set", AuthorizationKey="x" * 16)["error"] == "forbidden"
        assert owner.do("set", ConnectionTimeOut=55)["ok"]
        done = owner.last
        wish = {"do": "set", "session": owner.session, "with": {"ConnectionTimeOut": 66}}
        for number in (owner.number, owner.number - 1, 1):
            assert owner.command(n=number, **wish)["error"] == "replay"
        owner.publish("cmd", json.dumps({"id": done, "n": owner.number, **wish}).encode())  # as a broker may do
        challenge = owner.command(do="hello")["challenge"]
        assert owner.command(do="login", challenge=challenge, role="owner", pin=pin["pin"])["ok"]
        again = owner.command(do="login", challenge=challenge, role="owner", pin=pin["pin"])
        assert again["error"] == "login" and "challenge" in again["text"]
        assert owner.command(do="set", session="0" * 32, n=1)["error"] == "login"
        assert sim.config()["ConnectionTimeOut"] == "55"
        assert len(events(sim, "AttemptedReplayAttacks")) == 4
        assert len([said for said in owner.of("reply") if said["id"] == done]) == 1
        wrong = [owner.log_in("owner", "00000000") for _ in range(5)]
        assert {answer["error"] for answer in wrong} == {"login"} and wrong[-1]["wait_s"] > 0
        assert owner.log_in("owner", pin["pin"])["error"] == "wait"
        sim.kill()
        assert owner.wait("status", lambda s: not s["online"])["why"] == "lost"
        heard = len(owner.heard)
        owner.publish("cmd", b'{"id": "kept", "do": "hello"}', retain=True)
        sim.start()
        wait_until(lambda: any(s["online"] for s in owner.since("status", heard)), 60, "online again")
        assert owner.log_in("installer", pin["installer_pin"])["error"] == "wait"
        assert owner.do("set", ConnectionTimeOut=88)["error"] in ("invalid", "login")
        assert "portal: a command that the broker retained" in events(sim, "InvalidMessages")
        assert not [said for said in owner.of("reply") if said["id"] == "kept"]


def test_log_entries_are_published_when_the_broker_is_back(start, csms, broker):
    """SEC-23: every entry of the security log, in order, none twice while acknowledgements come."""
    sim = start(settings={"TamperPolicy": "stop"})
    csms.wait_booted()
    sim.wait_for(lambda s: s["portal"]["fault"], what="no broker")
    start_session(sim, csms)
    end_session(sim, csms)
    sim.raise_fault("tamper")
    sim.wait_for(lambda s: s["tamper"]["open"], what="lid")
    sim.clear_fault("tamper")
    mark = len(csms.record)
    sim.restart()
    csms.wait_booted(since=mark)
    with broker, Owner(broker, SERIAL) as owner:
        def all_told():
            log = sim.command("security_log")
            return portal(sim)["waiting"] == 0 and log["sent"]["mqtt"] == log["entries"][-1]["seq"] and log

        log = wait_until(all_told, 120, "all sent", state=lambda: portal(sim))
        seqs = [entry["seq"] for entry in owner.of("log")]
        assert seqs == sorted(set(seqs)) and seqs[0] == 0 and seqs[-1] >= log["entries"][-1]["seq"]
        assert [n["notice"] for n in owner.of("notice")] == ["TamperDetectionActivated"]
        names = {entry["event"] for entry in owner.of("log")}
        assert {"StartupOfTheDevice", "TamperDetectionActivated"} <= names
        told = len(owner.of("log"))
        broker.close()
        sim.wait_for(lambda s: not s["portal"]["connected"], what="broker lost")
        sim.raise_fault("tamper")
        sim.wait_for(lambda s: s["portal"]["waiting"] > 0, what="something to tell")
        broker.open()
        with Owner(broker, SERIAL) as later:
            assert later.wait("notice")["text"] == "enclosure opened"
            assert later.wait("log", lambda e: e["event"] == "TamperDetectionActivated")["seq"] >= told


@pytest.mark.parametrize("words", [
    ["--mqtt", "mqtt://h:1"], ["--mqtt", "tcp://h:1"], ["--mqtt", "mqtts://"], ["--mqtt", "mqtts://u:p@h:1"],
    ["--mqtt", "mqtts://@h:1"], ["--mqtt", "mqtts://h:0"], ["--mqtt-ca", __file__],
    ["--mqtt", "mqtts://h", "--mqtt-ca", __file__], ["--mqtt", "mqtts://h", "--mqtt-password-file", "/nowhere"],
], ids=" ".join)
def test_mistakes_on_the_command_line(tmp_path, words):
    """TLS always; no password where others can read it."""
    with pytest.raises(options.Mistake):
        options.parse(["--state-dir", str(tmp_path), *words])


def test_a_power_cut_before_the_acknowledgement(start, csms, authority, broker):
    """At least once: what the broker has not acknowledged comes again, whatever happened between."""
    with SelectiveBroker(broker.port, authority.server, unacknowledged="/log") as silent:
        sim = start()
        csms.wait_booted()
        wait_until(lambda: silent.logged, 60, "an entry")
        assert sim.command("security_log")["sent"]["mqtt"] == -1
        sim.kill()
    first = json.loads(silent.logged[0])
    with broker, Owner(broker, SERIAL) as owner:
        sim.start()
        again = owner.wait("log")
        assert (again["seq"], again["event"], again["info"]) == (first["seq"], first["event"], first["info"])
        wait_until(lambda: sim.command("security_log")["sent"]["mqtt"] > first["seq"], 60, "acknowledged")


def test_brokers_that_are_not_the_owners(start, csms, authority, broker, tmp_path):
    """SEC-12, SEC-22: another root, another name, no TLS at all, a wrong password: said, logged, nothing handed over."""
    with broker:
        sim = start(root=authority.stranger.root)
        csms.wait_booted()
        sim.wait_for(lambda s: "untrusted" in (s["portal"]["fault"] or ""), what="another root")
        assert any(info.startswith("untrusted") for info in events(sim, EVENT))
        sim.close()
        sim = start(name="plain", port=broker.plain)
        sim.wait_for(lambda s: s["portal"]["fault"] and not s["portal"]["connected"], 60, what="no TLS")
        sim.close()
        mark = len(csms.record)
        sim = start(name="wrong", password="not the password")
        csms.wait_booted(since=mark)
        sim.wait_for(lambda s: "auth" in (s["portal"]["fault"] or ""), 60, what="a wrong password")
        assert any("code 5" in info for info in events(sim, EVENT))
        sim.close()
    (tmp_path / "other").mkdir()
    with Broker(tmp_path / "other", authority.elsewhere) as other:
        mark = len(csms.record)
        sim = start(name="name", port=other.port)
        csms.wait_booted(since=mark)
        sim.wait_for(lambda s: "name" in (s["portal"]["fault"] or ""), 60, what="another name")
        assert not [m for m in csms.record.calls("SecurityEventNotification") if "CentralSystem" in m.payload["type"]]


def test_malformed_commands_change_nothing(start, csms, broker):
    """SEC-13: discarded with a reason, whose rate is bounded; the unit goes on."""
    rubbish = [b"", b"\0", b"x" * 1500, b"{" * 900, b"[]", b"{}", b"null", b'"hello"', b'{"id":1,"do":"hello"}',
               b'{"id":"","do":"hello"}', b'{"id":"1","id":"2","do":"hello"}', b'{"id":"\xff","do":"hello"}', b'{"id":"1"} x',
               json.dumps({"id": "x" * 37, "do": "hello"}).encode()]
    refused = [{}, {"do": None}, {"do": ["hello"]}, {"do": "login"}, {"do": "hello", "more": 1},
               {"do": "login", "challenge": "0" * 32, "role": "root", "pin": "1"},
               {"do": "login", "challenge": "0" * 32, "role": "owner", "pin": 12345678},
               {"do": "set", "session": "0" * 32, "n": True, "with": {}}, {"do": "set", "session": "0" * 32, "n": 0},
               {"do": "set", "session": "0" * 32, "n": 1e9, "with": []}, {"do": "set", "session": "0" * 32, "n": 2**40}]
    with broker, Owner(broker, SERIAL) as owner:
        sim = start()
        csms.wait_booted()
        owner.wait("status", lambda s: s["online"])
        before = sim.config()
        for wish in refused:
            assert owner.command(**wish)["error"] == "invalid", wish
        for data in rubbish * 3:
            owner.publish("cmd", data)
        sim.wait_for(lambda s: s["portal"]["connected"], what="still there")

        def greeted():
            return owner.reply_to(owner.send_command(do="hello"), 3)

        assert wait_until(greeted, 60, "an answer")["challenge"]
        assert sim.config() == before
        assert 1 <= len(events(sim, "InvalidMessages")) <= 8
        assert sim.status()["tick"]["max_gap_ms"] < 1000
