# A provisioned unit with PINs on a simulated flash, whose uptime the test sets.
import os

import flashrig
from check import equal

from charger import clock
from charger.access.pin import WRONG, Pins
from charger.credentials import provisioning
from charger.credentials.vault import Vault
from charger.crypto import pbkdf2
from charger.maintenance import erase
from charger.runtime import cooperative

KEY = bytes(range(32))
OWNER, INSTALLER, CHOSEN = "8264057193", "5093718264", "70419385"
ITERATIONS = 1000  # the least that provisioning takes


class Store:
    """A KeyStore in memory."""

    def __init__(self, key=None):
        self._key = key
        self.serial = None
        self._renewing = False

    def key(self):
        return self._key

    def begin_change(self, key):
        self._next = key

    def end_change(self):
        self._key = self._next

    def provisioned(self):
        return self.serial is not None

    def renewing(self):
        return self._renewing

    def unseal(self, renew):
        self.serial = None
        self._renewing = renew

    def seal(self, serial):
        self.serial = serial
        self._renewing = False


chip = {}
events = []


def make_verifier(text):
    salt = os.urandom(16)
    return {"iterations": ITERATIONS, "salt": salt.hex(),
            "hash": cooperative.run_now(pbkdf2.derive(text.encode(), salt, ITERATIONS)).hex()}


def make_record(owner=OWNER, installer=INSTALLER):
    return {
        "format": 1, "serial": "PL4711", "device_key": KEY.hex(),
        "pins": {"owner": make_verifier(owner), "installer": make_verifier(installer)},
        "ocpp_password": "ocppPassword12345", "setup_ssid": "Pilotlight PL4711", "setup_password": "setupPassword",
        "web_key": "30" * 121, "web_certificate": "3031" * 150,
    }


def setup():
    flashrig.reboot()
    clock.uptime_s = lambda: chip["uptime"]  # of the test: a slow machine must not add to it
    chip["uptime"] = 0
    chip["now"] = flashrig.fresh()
    provisioning.write(make_record(), flashrig.files(), Store())
    events.clear()


def make_pins(**more):
    return Pins(flashrig.files(), Vault(flashrig.files(), KEY), lambda event, info: events.append((event, info)),
                "PL4711", **more)


def restart():
    """The power fails and comes back; uptime begins at 0 again."""
    chip["now"] = flashrig.restart(chip["now"])
    chip["uptime"] = 0
    return make_pins()


def factory_reset():
    """Write the owner's request to flash, and start."""
    files = flashrig.files()
    files.write(erase.MARK, b"factory owner")
    erase.at_start(files, Vault(files, KEY), lambda event, info: events.append((event, info)), lambda files: None)
    return restart()


def pass_seconds(seconds):
    chip["uptime"] += seconds


async def check_each(pins, *attempts):
    """The verdicts on these (role, PIN), one after the other."""
    found = []
    for role, text in attempts:
        found.append((await pins.check(role, text)).state)
    return found


async def waits_of_wrong_pins(pins, count):
    """The verdict after so many wrong PINs in a row."""
    found = []
    for _ in range(count):
        result = await guess(pins)
        equal(result.state, WRONG)
        found.append(result.wait_s)
    return found


async def guess(pins, count=1, role="owner", **more):
    for n in range(count):
        result = await pins.check(role, "%08d" % (10203040 + n), **more)
    return result
