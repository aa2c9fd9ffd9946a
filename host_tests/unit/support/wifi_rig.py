"""A Wifi of a new unit with a setup network, on a flash of its own."""

import flashrig
import network

from charger.credentials.vault import Vault
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
