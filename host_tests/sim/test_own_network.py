"""A unit at home: a wrong Wi-Fi entry does not strand it; it works without a back end, and with one that the installer names."""

import json

import pytest

from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels
from sim.sessions import offline_session
from sim.update_rig import maker, site  # noqa: F401 - fixtures

HOME = {"WifiNetwork": "Home/correct horse battery"}
NAME, PASSWORD = HOME["WifiNetwork"].split("/")
HOME_HOST = "192.168.1.9"
NO_BACK_END = {"AllowOfflineTxForUnknownId": "true"}


@pytest.mark.parametrize(("ssid", "password"), [("Hoem", PASSWORD), (NAME, "correct horse batery")])
def test_wrong_wifi_entry_gives_way_to_the_network_before(launch, csms, ssid, password):
    """A misspelt name or pass phrase: after its trial the old network is joined again, and the back end with it."""
    sim = launch(settings=HOME, time_scale=50)
    sim.wait_for(lambda s: s.get("wifi", {}).get("setup_s"), 60, "the setup network")
    sim.command("wifi", ssid=NAME, password=PASSWORD)
    sim.wait_for(lambda s: s["wifi"]["up"], 60, "Wi-Fi")
    csms.wait_booted()
    csms.wait_connected()
    count = len(csms.attempts)
    sim.command("wifi", ssid=ssid, password=password)
    sim.wait_for(lambda s: not s["wifi"]["up"], 60, "the trial")
    sim.wait_for(lambda s: s["wifi"]["up"], 120, "the network before")
    csms.wait_connected(2)
    assert len(csms.attempts) > count
    assert any("back to the one before it" in line for line in sim.log_lines())
    assert password not in "\n".join(sim.log_lines())


def test_unit_without_a_back_end_queues_nothing(launch):
    """Sessions are in the unit's own store; nothing waits for a back end that is not there, nor after a restart."""
    sim = launch(csms_url=None, settings=NO_BACK_END)
    sim.wait_ocpp_status("Available")
    for _ in range(2):
        offline_session(sim, energy_wh=2)
        assert sim.status()["csms"]["waiting"] == 0
    sim.restart()
    sim.wait_ocpp_status("Available")
    status = sim.status()
    assert (status["csms"]["waiting"], status["csms"]["dropped"]) == (0, 0)


def test_unit_without_a_back_end_asks_for_updates(launch, site, maker):  # noqa: F811
    """SEC-5, SEC-7: once it knows the time it asks by itself, and the owner sees the offer."""
    release = {"board": "SIM", "version": "0.3.0", "counter": 2, "min_hardware": 1, "size": 1, "url": site.put("/a", maker())}
    notice = site.put("/notice.json", json.dumps({"format": 1, "releases": [release]}).encode())
    words = ["--update-key", str(maker.keys / "update.pub.pem"), "--update-ca", str(site.root), "--update-host", "127.0.0.1",
             "--update-url", notice]  # fmt: skip
    sim = launch(csms_url=None, lab=False, time_scale=20, options=words, settings=NO_BACK_END)
    sim.command("set_time", iso="2026-12-01T00:00:00Z")
    offer = sim.wait_for(lambda s: (s.get("update") or {}).get("offer"), 60, "the offer")
    assert offer == {"version": "0.3.0", "url": site.url("/a")}


def _logged_in(sim, label):
    """The installer's page and the owner's."""
    port = sim.wait_for(lambda s: (s.get("web") or {}).get("port"), 30, "the page's port")
    pages = Page(port), Page(port)
    for page, role, pin in zip(pages, ("installer", "owner"), (label["installer_pin"], label["pin"]), strict=True):
        assert page.login(pin, role).status == 200
    return pages


def test_installer_names_the_back_end(launch, csms):
    """The address is the installer's setting as well as the owner's: TLS alone, kept over a restart, and read back by both.

    Without TLS the owner alone, to an address at home; when the owner takes that back the link ends and none is dialled again.
    """
    sim = launch(csms_url=None, lab=False, settings={**NO_BACK_END, "HomeHost": HOME_HOST},
                 options=["--web", f"127.0.0.1:{free_port()}"])
    label = labels(sim)[0]
    installer, owner = _logged_in(sim, label)
    for wrong in ("ws://127.0.0.1/x", "https://127.0.0.1/x", "wss://" + "x" * 200):
        assert installer.request("PUT", "/api/settings", {"BackEndUrl": wrong}).status == 400
    plain = {"PlainLinkAtHome": True}
    assert installer.request("PUT", "/api/settings", plain).status == 403  # the owner's alone
    assert installer.request("PUT", "/api/settings", {"BackEndUrl": f"ws://{HOME_HOST}:8887/"}).status == 400
    for wrong in ("ws://8.8.8.8/", "ws://evcc.local:8887/", "ws://127.0.0.1/"):
        assert owner.request("PUT", "/api/settings", {**plain, "BackEndUrl": wrong}).status == 400
    assert owner.get("/api/settings")["PlainLinkAtHome"]["value"] is False  # all or nothing
    owner.put("/api/settings", **plain, BackEndUrl=f"ws://{HOME_HOST}:{csms.port}/ocpp")
    sim.restart()
    csms.wait_booted()
    installer, owner = _logged_in(sim, label)
    assert (sim.status()["csms"]["connected"], sim.status()["csms"]["security_profile"]) == (True, 0)
    owner.put("/api/settings", PlainLinkAtHome=False)
    sim.wait_for(lambda s: (s["csms"]["fault"] or "").startswith("plain: "), 60, "a refused link")
    count = len(csms.attempts)
    assert len(csms.attempts) == count
    installer.put("/api/settings", BackEndUrl="wss://127.0.0.1:9/ocpp", BackEndIdentity="PL-9")
    sim.restart()
    for page in _logged_in(sim, label):
        found = page.get("/api/settings")
        assert (found["BackEndUrl"]["value"], found["BackEndIdentity"]["value"]) == ("wss://127.0.0.1:9/ocpp", "PL-9")
    sim.wait_for(lambda s: s["csms"]["fault"], 60, "an attempt to connect")
