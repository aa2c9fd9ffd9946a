"""The owner's Wi-Fi and the setup network, on the simulated radio (SEC-12, SEC-19 to 21)."""

import json

import pytest

from backend import CommandRefused
from backend.simulator import free_port
from sim.provisioned_units import OPERATOR_PASSWORD, basic_auth, labels

from .test_erasure import events, found
from .test_web import page_of, refused

HOME = {"WifiNetwork": "Home of somebody/correct horse battery", "RetryBackoffWaitMinimum": "0", "RetryBackoffRandomRange": "1"}
NAME, PASSWORD = HOME["WifiNetwork"].split("/")


def setup_network(sim):
    return sim.command("wifi")["setup_network"]


def wait_up(sim, up=True):
    sim.wait_for(lambda s: s.get("wifi", {}).get("up") is up, 60, f"Wi-Fi {'up' if up else 'down'}")


def test_a_new_unit_is_told_of_the_network_and_joins_it_ever_after(launch, csms, word):
    """Through the setup network, which is the unit's own and closes; reconnects; survives a restart; goes with erasure."""
    sim = launch(word=word, settings=HOME, time_scale=20)
    sim.wait_for(lambda s: s.get("wifi", {}).get("setup_s"), 60, "the setup network")
    seen = setup_network(sim)
    assert seen == {"ssid": labels(sim)[0]["setup_ssid"], "security": 7}  # WPA2 and WPA3, never open
    assert not csms.attempts
    for ssid, password in ((NAME, "short"), ("", PASSWORD), ("x" * 33, PASSWORD), (NAME, ""), (NAME, "pass\nword12")):
        with pytest.raises(CommandRefused, match="network"):
            sim.command("wifi", ssid=ssid, password=password)
    sim.command("wifi", ssid=NAME, password="wrong password")
    sim.let_pass(3)
    assert not sim.status()["wifi"]["up"]
    sim.command("wifi", ssid=NAME, password=PASSWORD)
    csms.wait_booted()
    wait_up(sim)
    sim.wait_for(lambda s: not s["wifi"]["setup_s"], 60, "the end of the setup network")
    assert setup_network(sim) == {}
    assert csms.attempts and sim.status()["tick"]["max_gap_ms"] <= 100

    sim.command("wifi", on=False)
    wait_up(sim, False)
    csms.wait_disconnected()
    count = len(csms.attempts)
    sim.command("wifi", on=True)
    wait_up(sim)
    csms.wait_connected(2)
    assert len(csms.attempts) > count and setup_network(sim) == {}

    mark = len(csms.record)
    sim.reboot()
    csms.wait_booted(since=mark)
    assert setup_network(sim) == {} and sim.status()["wifi"]["known"]
    outputs = json.dumps([sim.status(), sim.config(), csms.call("GetConfiguration"), sim.command("security_log", count=100)])
    assert PASSWORD not in outputs and PASSWORD not in "\n".join(sim.log_lines())
    assert found(sim, (PASSWORD, NAME)) == []  # the vault's alone

    boots = sim.status()["boots"]
    sim.command("erase", what="personal")
    sim.wait_for(lambda s: s.get("boots", 0) > boots and s.get("wifi", {}).get("setup_s"), 60, "the setup network")
    assert not sim.status()["wifi"]["known"]


def test_another_router_is_met_by_the_button_and_another_channel_by_itself(launch, csms):
    """The old network is gone for good: the held button opens the way in, while it goes on trying; then the new one is joined."""
    sim = launch(settings=HOME, time_scale=20)
    sim.wait_for(lambda s: s.get("wifi", {}).get("setup_s"), 60, "the setup network")
    sim.command("wifi", ssid=NAME, password=PASSWORD)
    csms.wait_booted()
    sim.wait_for(lambda s: not s["wifi"]["setup_s"], 60, "the end of the setup network")
    sim.command("wifi", channel=11)
    csms.wait_disconnected()
    wait_up(sim)
    csms.wait_connected(2)
    for wrong in ({"channel": 0}, {"air": "/password"}):
        with pytest.raises(CommandRefused):
            sim.command("wifi", **wrong)
    sim.command("wifi", air="New router/another password")
    wait_up(sim, False)
    assert setup_network(sim) == {}
    sim.command("button", ms=6000)
    sim.wait_for(lambda s: s["wifi"]["setup_s"], 60, "the setup network")
    sim.command("wifi", ssid="New router", password="another password")
    wait_up(sim)
    csms.wait_connected(3)


def test_address_that_strands_the_unit_is_undone_and_a_host_name_leads_to_the_page(launch, csms):
    """The simulated network is 127.0.0.0/8: with another address no server is reached, until the one before comes back."""
    sim = launch(settings=HOME, time_scale=20, options=["--web", f"127.0.0.1:{free_port()}"])
    sim.pin = sim.installer_pin = labels(sim)[0]["pin"]
    sim.wait_for(lambda s: s.get("wifi", {}).get("setup_s"), 60, "the setup network")
    sim.command("wifi", ssid=NAME, password=PASSWORD)
    csms.wait_booted()
    sim.wait_for(lambda s: not s["wifi"]["setup_s"], 60, "the end of the setup network")
    page_of(sim).put("/api/settings", WifiAddress="192.168.1.50/24 192.168.1.1")
    csms.wait_disconnected()
    csms.wait_connected(2, 60)
    wait_up(sim)
    owner = page_of(sim)
    assert owner.get("/api/settings")["WifiAddress"]["value"] == ""
    owner.put("/api/settings", WifiAddress="127.0.0.50/8 127.0.0.1", HostName="garage")
    csms.wait_connected(3, 60)
    assert owner.request("GET", "/api/status", headers={"Host": "garage"}).status == 200


def test_the_setup_network_opens_for_a_held_button_alone(launch):
    """On a unit in the owner's network; that it closes after its time is in unit/test_wifi.py."""
    sim = launch()
    sim.wait_for(lambda s: s.get("wifi", {}).get("up"), 60, "Wi-Fi")
    assert setup_network(sim) == {}
    sim.command("button", ms=400)  # touched
    sim.let_pass(5)
    assert setup_network(sim) == {}
    sim.command("button", ms=6000)
    sim.wait_for(lambda s: s["wifi"]["setup_s"], 60, "the setup network")
    assert setup_network(sim)["security"] == 7
    assert sim.status()["wifi"]["up"]


def test_the_button_held_from_the_power_on_on_is_a_factory_reset(launch, csms):
    """SEC-3: of a unit whose PIN nobody knows any more. It takes the supply's switch; a restart alone is not enough."""
    sim = launch(options=["--security-profile", "1"], time_scale=10)
    csms.wait_booted()
    password = labels(sim)[0]["ocpp_password"]
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=OPERATOR_PASSWORD)["status"] == "Accepted"
    csms.wait_connected(2)

    def starting(restart):
        boots = sim.status()["boots"]
        restart()
        sim.wait_for(lambda s: s.get("starting"), 30, "the start")
        sim.command("button", ms=60000)
        sim.wait_for(lambda s: s.get("boots", 0) > boots, 30, "the start")
        return boots

    starting(sim.reboot)
    sim.let_pass(15)
    assert "FactoryReset" not in events(sim)
    boots = starting(lambda: sim.power_cut(seconds=1))
    sim.wait_for(lambda s: s.get("boots", 0) > boots + 1, 60, "the reset")
    assert "FactoryReset" in events(sim)
    count = len(csms.attempts)
    sim.wait_for(lambda s: len(csms.attempts) > count or s["csms"]["connected"], 60, "a connection")
    assert csms.attempts[-1].authorization == basic_auth(sim, password)


def test_networks_are_listed_but_not_searched_for_while_a_contactor_is_closed(launch):
    """The strongest first, each name once, hidden and unreadable ones left out; the scan takes the time of a board."""
    sim = launch(settings={"FreeVend": "true"}, csms_url=None, options=["--web", f"127.0.0.1:{free_port()}"])
    sim.pin, sim.installer_pin = labels(sim)[0]["pin"], labels(sim)[0]["installer_pin"]
    owner = page_of(sim)
    wanted = [("Simulated", -55, True), ("Guests", -62, False), ("Next door", -69, True)]
    assert [(one["name"], one["rssi"], one["safe"]) for one in owner.get("/api/networks")["networks"]] == wanted
    assert page_of(sim, "installer", keep=True).get("/api/networks")["networks"]
    sim.plug_in()
    sim.wait_connector(lambda c: c["relay"], what="a closed contactor")
    refused(owner.request("GET", "/api/networks"), 409, "A car is charging")
    sim.plug_out()
    sim.wait_connector(lambda c: not c["relay"], what="an open contactor")
    sim.let_pass(0.5)  # until its feedback says so
    assert len(owner.get("/api/networks")["networks"]) == 3
    assert sim.status()["boots"] == 1
