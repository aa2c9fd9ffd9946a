# The setup network and what is asked of the owner's: never open, never without a password of the unit's own (SEC-2, 12, 19).
import asyncio

import flashrig
import network
from check import equal, raises, true

from charger.credentials.vault import Vault
from charger.net.setup_network import SetupNetwork
from charger.net.wifi import Wifi
from sim import timebase


def wifi(key=b"k" * 32, secret=b"setup password", ssid=b"Setup"):
    timebase.manual()
    flashrig.fresh()
    files = flashrig.files()
    vault = Vault(files, key)
    if key and secret:
        vault.put("setup/password", secret)
    if ssid:
        files.write("setup_ssid", ssid)
    return Wifi(files, vault, lambda: None)


def teardown():
    network.WLAN(network.AP_IF).active(False)
    flashrig.simflash.unmount()


def test_a_unit_without_a_password_of_its_own_opens_none():
    for unit in (wifi(None), wifi(secret=None), wifi(ssid=None)):
        unit.open_setup()
        equal((unit.setup, network.seen()), (None, {}))


class Radio:
    """A radio that knows some kinds of security, and takes or drops the others in silence."""

    def __init__(self, known, raises=True):
        self.known = known
        self.raises = raises
        self.security = network.AUTH_OPEN
        self.on = False

    def config(self, what=None, **settings):
        if what:
            return self.security
        if settings["security"] in self.known:
            self.security = settings["security"]
        elif self.raises:
            raise ValueError("unknown security")
        return None

    def active(self, on):
        self.on = on


def test_it_is_never_on_the_air_unprotected():
    setup = SetupNetwork("Setup", "password", None)
    for known in ((), (network.AUTH_WPA2_PSK,), (network.AUTH_WPA2_PSK, network.AUTH_WPA2_WPA3_PSK)):
        for loud in (True, False):
            radio = Radio(known, loud)
            equal(setup._open(radio), bool(known))
            equal(radio.on, bool(known))
            equal(radio.security, known[-1] if known else network.AUTH_OPEN)


def test_it_closes_after_its_time_whatever_happens():
    unit = wifi()
    network.WLAN().disconnect()

    async def job():
        unit.open_setup()
        first = unit.setup
        unit.open_setup()
        equal(unit.setup is first, True)
        await asyncio.sleep_ms(0)
        equal(network.seen(), {"ssid": "Setup", "security": network.AUTH_WPA2_WPA3_PSK})
        for second in range(901):
            timebase.advance(1000)
            for _ in range(3):
                await asyncio.sleep_ms(0)
            if not unit.setup:
                return second
        return None

    true(asyncio.run(job()) in (898, 899, 900))
    equal(network.seen(), {})


def test_names_and_passwords_that_are_none_change_nothing():
    unit = wifi()
    for ssid, key in (("", "12345678"), ("x" * 33, "12345678"), ("a", ""), ("a", "1234567"),
                      ("a", "x" * 64), ("a", "pass\u00e9word"), ("a", "tab\tpassword")):
        true(unit.give(ssid, key), ssid)
    equal([name for name in unit._vault.names() if name.startswith("wifi/")], [])
    equal(unit.give("\u00e4" * 16, "x" * 63), "")
    equal([name for name in unit._vault.names() if name.startswith("wifi/")], ["wifi/name", "wifi/password"])
    raises(OSError, wifi(None).give, "a", "12345678")
