"""The owner's network and the unit's address in it: each on trial, with a way back to the one before (SEC-2, F-S10)."""

import asyncio

import network
from check import equal
from wifi_rig import teardown, wifi  # noqa: F401 - teardown: called after each test

from charger.net.wifi import static_form
from sim import timebase

ADDRESS, OTHER = b"127.0.0.50/8 127.0.0.9", b"192.168.1.50/24 192.168.1.1"


def _trial(*networks):
    """A unit in the air of one network, given each of these in turn; (networks in the vault, joined) after each."""
    unit = wifi()
    network._given = "Home/correct horse"
    network.WLAN().disconnect()
    found = []

    async def job():
        served = asyncio.create_task(unit.serve())
        for ssid, key in networks:
            equal(unit.set_network(ssid, key), "")
            for _ in range(240):  # four minutes
                timebase.advance(1000)
                for _ in range(4):
                    await asyncio.sleep_ms(0)
            found.append((unit._vault.get("wifi/name"), unit._vault.get("wifi/password"), network.WLAN().isconnected()))
        served.cancel()

    try:
        asyncio.run(job())
    finally:
        network._given = None
        network.WLAN().disconnect()
        network.net.restore()
    return found


def test_network_that_cannot_be_joined_gives_way_to_the_one_before():
    home = (b"Home", b"correct horse", True)
    equal(_trial(("Home", "correct horse"), ("Hmoe", "correct horse"), ("Home", "wrong horse"), ("Home", "correct horse")),
          [home, home, home, home])


def test_first_network_has_none_to_go_back_to():
    equal(_trial(("Hmoe", "correct horse")), [(b"Hmoe", b"correct horse", False)])


def test_joined_network_stays_when_it_is_gone_for_a_while():
    unit = wifi()
    unit._vault.put("wifi/name", b"Home")
    unit._vault.put("wifi/password", b"correct horse")
    unit._keep_joined(b"Home\ncorrect horse")
    equal([unit._fall_back() for _ in range(20)], [False] * 20)
    equal(unit._vault.get("wifi/name"), b"Home")


def test_static_addresses_are_complete_and_possible():
    equal(static_form("192.168.1.50/24 192.168.1.1"), ("192.168.1.50", 24, "192.168.1.1", "192.168.1.1"))
    equal(static_form("10.1.2.3/9 10.127.0.1 9.9.9.9"), ("10.1.2.3", 9, "10.127.0.1", "9.9.9.9"))
    for bad in ("", "dhcp", "192.168.1.50", "192.168.1.50/24", "192.168.1.50 192.168.1.1", "192.168.1.50/24 192.168.2.1",
                "192.168.1.50/24 192.168.1.50", "192.168.1.0/24 192.168.1.1", "192.168.1.255/24 192.168.1.1",
                "192.168.1.50/7 192.168.1.1", "192.168.1.50/31 192.168.1.51", "192.168.1.50/x 192.168.1.1",
                "192.168.1.50/ 192.168.1.1", "192.168.1.256/24 192.168.1.1", "192.168.1.50/24 192.168.1.1 9.9.9",
                "192.168.1.50/24 192.168.1.1 9.9.9.9 9.9.9.9", "192.168.1.50/24  192.168.1.1",
                "::1/24 ::2", "[::1]/24 [::2]", "a" * 50):
        equal(static_form(bad), None, bad)


class Trial:
    """A unit that has joined a network with DHCP; steps to set an address, reach it, and let time pass."""

    def __init__(self, joined=True):
        self.unit = wifi()
        network._given = "Home/correct horse"
        network.WLAN().active(True)
        network.WLAN().disconnect()
        self.unit._vault.put("wifi/name", b"Home")
        self.unit._vault.put("wifi/password", b"correct horse")
        if joined:
            self.pass_s(5)
            equal(self.unit._vault.get("wifi/joined"), b"Home\ncorrect horse")

    def pass_s(self, seconds):
        asyncio.run(self._pass(seconds))

    async def _pass(self, seconds):
        served = asyncio.create_task(self.unit.serve())
        for _ in range(2 * seconds):
            timebase.advance(500)
            for _ in range(4):
                await asyncio.sleep_ms(0)
        served.cancel()

    def set(self, address):
        self.unit._vault.put("wifi/address", address)
        self.unit.changed()
        self.pass_s(5)

    def found(self):
        """Address of the station, address in the vault, the network that was joined last."""
        vault = self.unit._vault
        return network.WLAN().ifconfig()[0], vault.get("wifi/address"), vault.get("wifi/joined")

    def close(self):
        network._given = None
        network.WLAN()._state.pop("static", None)
        network.WLAN().disconnect()
        network.net.restore()


def test_address_at_which_the_unit_is_not_reached_gives_way_to_the_one_before():
    trial = Trial()
    try:
        trial.set(OTHER)
        equal(trial.found(), ("192.168.1.50", OTHER, b"Home\ncorrect horse"))
        trial.pass_s(280)
        equal(trial.found()[0], "192.168.1.50")
        trial.pass_s(30)
        equal(trial.found(), ("127.0.0.1", b"", b"Home\ncorrect horse"))

        trial.set(ADDRESS)
        trial.unit.prove()
        trial.pass_s(400)
        equal(trial.found(), ("127.0.0.50", ADDRESS, b"Home\ncorrect horse\n" + ADDRESS))
        trial.set(OTHER)
        trial.pass_s(310)
        equal(trial.found(), ("127.0.0.50", ADDRESS, b"Home\ncorrect horse\n" + ADDRESS))
        trial.pass_s(400)
        equal(trial.found()[0], "127.0.0.50")
    finally:
        trial.close()


def test_address_of_a_network_that_was_never_joined_gives_way_to_dhcp_in_it():
    trial = Trial(False)
    try:
        trial.set(OTHER)
        trial.pass_s(310)
        equal(trial.found(), ("127.0.0.1", b"", b"Home\ncorrect horse"))
    finally:
        trial.close()


def test_return_to_dhcp_needs_no_proof():
    trial = Trial()
    try:
        trial.set(ADDRESS)
        trial.unit.prove()
        trial.unit._vault.delete("wifi/address")
        trial.unit.changed()
        trial.pass_s(5)
        equal(trial.found(), ("127.0.0.1", None, b"Home\ncorrect horse"))
    finally:
        trial.close()


def test_router_is_given_the_units_name_or_the_owners():
    trial = Trial()
    try:
        equal((network.hostname(), trial.unit.host), ("setup", "setup"))
        trial.unit._files.write("setup_ssid", b"Pilotlight PL-000000000000000000000000")
        trial.unit.changed()
        trial.pass_s(5)
        equal(network.hostname(), "pilotlight-pl-000000000000000000")
        trial.unit._vault.put("wifi/host", b"garage")
        trial.unit.changed()
        trial.pass_s(5)
        equal((network.hostname(), trial.unit.host), ("garage", "garage"))
    finally:
        trial.close()
