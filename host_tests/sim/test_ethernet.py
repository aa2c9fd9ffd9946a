"""A whole charger on Ethernet: no Wi-Fi is needed, the cable may be pulled and plugged, Wi-Fi takes over where one is known."""

import pytest

from backend import CommandRefused

SETTINGS = {
    "LanKind": "W5500", "WifiNetwork": "Home/correct horse", "RetryBackoffWaitMinimum": "0", "RetryBackoffRandomRange": "1",
}  # fmt: skip


def wait_network(sim, up, wired):
    sim.wait_for(lambda s: (s.get("wifi", {}).get("up"), s["wifi"]["wired"]) == (up, wired), 60, f"up: {up}, wired: {wired}")


def test_the_cable_is_the_network_and_wifi_takes_over(launch, csms):
    sim = launch(settings=SETTINGS, time_scale=20)
    csms.wait_booted()
    wait_network(sim, True, True)
    assert sim.status()["wifi"]["setup_s"] == 0 and sim.status()["wifi"]["rssi"] is None
    sim.command("lan", on=False)
    csms.wait_disconnected()
    wait_network(sim, False, False)
    sim.command("lan", on=True)
    csms.wait_connected(2)
    wait_network(sim, True, True)
    sim.command("wifi", ssid="Home", password="correct horse")
    sim.command("lan", on=False)
    csms.wait_connected(3)
    wait_network(sim, True, False)
    sim.command("lan", on=True)
    csms.wait_connected(4)
    wait_network(sim, True, True)
    assert sim.command("wifi") == {"setup_network": {}}


def test_a_board_without_ethernet_has_no_cable(charger):
    with pytest.raises(CommandRefused, match="no Ethernet"):
        charger.command("lan", on=False)
    assert charger.status()["wifi"]["wired"] is False
