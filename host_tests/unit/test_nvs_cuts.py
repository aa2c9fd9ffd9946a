# The power is cut before and after every write to the non-volatile storage too: what is kept there (device key, seal of
# provisioning, anti-rollback counter) and what is on the file system never contradict each other.
import hashlib
import os
import struct

import esp32
import flashrig
from check import equal, raises, true
from nvs_rig import cuts, empty, power_on, teardown  # noqa: F401 - the runner calls teardown

from charger import version
from charger.access import pin, pin_throttle, roles
from charger.audit.security_log import SecurityLog
from charger.credentials import provisioning
from charger.credentials.vault import Vault
from charger.drivers.app_partitions import AppSlots
from charger.drivers.keystore import KeyStore
from charger.update import IMAGE, TRIAL
from charger.update.checked_slots import CheckedSlots
from charger.update.updater import FILE, Updater, proof_of
from sim import bootloader, flash, slots

HEAP = 8 * 1024 * 1024
KEY, NEXT = b"k" * 32, b"n" * 32
SECRETS = {"label/owner": b"label", "wifi/password": b"wifi", "web/key": b"web"}


def start():
    """A start with vault and key (wiring.open_vault())."""
    store = KeyStore()
    next_key = store.next_key()
    vault = Vault(flashrig.files(), store.key(), None, next_key)
    if next_key is not None:
        vault.rotate(next_key)
        store.end_change()
    if store.provisioned():
        vault.require("label/owner")
    return store, vault


def test_a_key_is_there_or_not_and_those_before_it_are():
    for mode, there in ((flash.DROP, (1, None)), (flash.HALF, (1, None)), (flash.LATE, (1, 2))):
        empty()
        device = power_on(None, 1, mode)
        storage = esp32.NVS("test")
        storage.set_i32("one", 1)
        storage.set_i32("two", 2)
        raises(OSError, storage.commit)
        equal(device.powered, False)
        raises(OSError, storage.commit)
        power_on(device)
        found = []
        for name in ("one", "two"):
            try:
                found.append(storage.get_i32(name))
            except OSError:
                found.append(None)
        equal(tuple(found), there, mode)
        for name in ("one", "two"):
            try:
                storage.erase_key(name)
            except OSError:
                pass
        storage.commit()


def test_uncommitted_values_are_lost_at_a_restart():
    empty()
    storage = esp32.NVS("test")
    storage.set_i32("n", 7)
    equal(storage.get_i32("n"), 7)
    esp32.restart()
    raises(OSError, storage.get_i32, "n")


def test_a_change_of_the_device_key():
    """SEC-10: every secret can be read after each cut, under one of the two keys, and in the end under the new one."""

    def prepare():
        store = KeyStore()
        store.begin_change(KEY)
        store.end_change()
        vault = Vault(flashrig.files(), KEY)
        for name, secret in SECRETS.items():
            vault.put(name, secret)
        store.seal("PL-1")

    def job():
        store, vault = start()
        store.begin_change(NEXT)
        vault.rotate(NEXT)
        store.end_change()

    def check(cut, where):
        store, vault = start()
        equal(({name: vault.get(name) for name in vault.names()}, vault.broken), (SECRETS, ""), where)
        true(store.provisioned() and store.key() in (KEY, NEXT) and store.next_key() is None, where)
        if not cut:
            equal(store.key(), NEXT)

    true(cuts(prepare, job, check) > 24)


def record():
    verifier = {"iterations": 1000, "salt": "5a" * 16, "hash": "a5" * 32}
    return {"format": 1, "serial": "PL-7", "device_key": NEXT.hex(), "pins": {"owner": verifier, "installer": verifier},
            "ocpp_password": "ocppPassword12345", "setup_ssid": "Setup", "setup_password": "setupPassword1",
            "web_key": "30" * 60, "web_certificate": "30" * 60}


def test_provisioning():
    """A unit counts as provisioned only when all is there, whatever the cut; the next attempt makes it good."""

    def job():
        store = KeyStore()
        provisioning.write(record(), flashrig.files(), store)
        store.seal("PL-7")

    def check(cut, where):
        store, vault = start()
        equal(vault.broken, "", where)
        if store.provisioned():
            equal(vault.get("label/ocpp"), b"ocppPassword12345", where)
            equal(pin_throttle.PinThrottle(flashrig.files(), len(roles.ROLES)).failures(pin_throttle.STRANGERS, 0), 0, where)
            buffer = bytearray(16)
            equal(bytes(buffer[: esp32.NVS("pilotlight").get_blob("serial", buffer)]), b"PL-7", where)
        else:
            true(cut, where)
            job()
            store, vault = start()
            equal((store.provisioned(), vault.broken, vault.get("setup/password")), (True, "", b"setupPassword1"), where)

    true(cuts(lambda: None, job, check, (None,)) > 30)


def test_provisioning_again():
    """The old credentials or the new ones, never a mixture that a start takes for whole."""
    old = dict(record(), device_key=KEY.hex(), ocpp_password="oldPassword123456")

    def prepare():
        store = KeyStore()
        provisioning.write(old, flashrig.files(), store)
        store.seal("PL-7")

    def job():
        store = KeyStore()
        provisioning.write(record(), flashrig.files(), store, again=True)
        store.seal("PL-7")

    def check(cut, where):
        store, vault = start()
        if store.provisioned():
            equal(vault.broken, "", where)
            true(vault.get("label/ocpp") in (b"oldPassword123456", b"ocppPassword12345"), where)
        else:
            job()
            store, vault = start()
        equal((store.provisioned(), vault.broken), (True, ""), where)
        if not cut:
            equal(vault.get("label/ocpp"), b"ocppPassword12345", where)

    true(cuts(prepare, job, check, (None,)) > 30)


def test_the_confirmation_of_an_update():
    """SEC-7: an image on trial is confirmed at the next start if not at this one; its counter never gets lost then."""

    image = bytearray(b"\xff" * 2 * slots.BLOCK)
    struct.pack_into("<8sI32s32sI", image, 0, slots.MAGIC, 5, hashlib.sha256(b"image").digest(), b"0.1.0", 9)
    image[slots.BLOCK : slots.BLOCK + 5] = b"image"
    trial = {"slot": "ota_1", "version": version.VERSION, "from": "0.0.9", "size": 5, "sha256": "ab" * 32, "counter": 9}

    def prepare():
        power = slots.power
        slots.attach(None)
        slots.power = power
        bootloader.choose()
        part = esp32.Partition("ota_1")
        part.writeblocks(0, image)
        part.set_boot()
        flashrig.files().write_json(FILE, trial)
        bootloader.choose()
        slots.otadata.power = power

    def job():
        Updater(flashrig.files(), CheckedSlots(AppSlots(), flashrig.files(), print), {}, [], False).confirm()

    def check(cut, where):
        slots.otadata.power = slots.power
        bootloader.choose()
        updater = Updater(flashrig.files(), CheckedSlots(AppSlots(), flashrig.files(), print), {}, [], False)
        if updater.slots.running == "ota_0":
            true(cut and not updater.on_trial and updater.outcome() is False, where)
            equal((updater.counter, updater.slots.data(IMAGE)), (version.COUNTER, None), where)
            return
        if updater.on_trial:
            true(cut, where)
            updater.confirm()
        updater = Updater(flashrig.files(), CheckedSlots(AppSlots(), flashrig.files(), print), {}, [], False)
        equal((updater.on_trial, updater.outcome(), updater.counter), (False, True, 9), where)
        equal(CheckedSlots(AppSlots(), flashrig.files(), print).data(IMAGE), (5).to_bytes(4, "big") + b"\xab" * 32, where)

    true(cuts(prepare, job, check) > 12)


def test_f_s7_a_trial_that_nobody_installed_confirms_nothing():
    """An attacker who writes an image and a trial.json that fits it has neither its hash nor a counter confirmed."""
    empty()
    power = power_on().power
    slots.attach(None)
    slots.power = power
    bootloader.choose()
    trial = {"slot": "ota_0", "version": version.VERSION, "from": "0.0.9", "size": 5, "sha256": "ab" * 32, "counter": 9}

    def found(record):
        flashrig.files().write_json(FILE, record)
        updater = Updater(flashrig.files(), CheckedSlots(AppSlots(), flashrig.files(), print), {}, [], False)
        equal(updater.outcome(), None)
        return updater.on_trial

    equal(found(dict(trial, size=None)), False)
    equal(found(trial), True)  # the first update of all, by firmware that kept no proof
    kept = CheckedSlots(AppSlots(), flashrig.files(), print)
    kept.put_data(IMAGE, bytes(36))
    equal(found(trial), False)
    kept.put_data(TRIAL, proof_of(trial))
    equal(found(trial), True)
    for name, value in (("size", 6), ("size", -1), ("size", "5"), ("size", 1 << 40), ("sha256", "ac" * 32), ("sha256", "x"),
                        ("sha256", 5), ("counter", 10), ("counter", None), ("counter", 2147483647)):
        equal(found(dict(trial, **{name: value})), False, (name, value))
    for name in ("size", "sha256", "counter"):
        equal(found({field: value for field, value in trial.items() if field != name}), False, name)


def test_the_pin_verifier_of_the_label_needs_the_seal():
    empty()
    power_on()
    store = KeyStore()
    provisioning.write(record(), flashrig.files(), store)
    esp32.restart()
    equal(KeyStore().provisioned(), False)
    pins = pin.Pins(flashrig.files(), Vault(flashrig.files(), store.key()), lambda *words: None, provisioned=False)
    equal(pins.why_none, "This unit is not provisioned.")
    true("vault" in os.listdir(flashrig.ROOT))


# --- the key of the security log ---


def log():
    return SecurityLog(flashrig.files(), max_bytes=16384, segment_bytes=4096, keys=KeyStore().log_key)


def events():
    return [entry.info for entry in log().entries()]


def test_the_logs_key_is_made_once_and_no_cut_breaks_the_chain():
    """Over the change of the device key, new credentials, and the start after an update that brought the key."""

    def old():
        SecurityLog(flashrig.files(), max_bytes=16384, segment_bytes=4096).add("PinRefused", "before")

    def job():
        log().add("PinRefused", "after")
        provisioning.write(record(), flashrig.files(), KeyStore())

    for prepare, first in ((old, "before "), (lambda: None, "")):

        def check(cut, where, first=first):
            found = log()
            equal(found.verify(), None, where)
            found.add("PinRefused", "later")
            equal((log().verify(), " ".join(events()).replace("after ", "")), (None, first + "later"), where)
            if not cut:
                equal(" ".join(events()), first + "after later")

        true(cuts(prepare, job, check, (None,)) > 20)


def test_writer_to_the_flash_alone_cannot_forge_the_log():
    """SEC-22: entries with links as another unit, or a firmware without the key, would have written them."""
    for legacy in (0, 2):
        empty()
        for number in range(legacy):
            SecurityLog(flashrig.files()).add("PinRefused", "old %d" % number)
        log().add("PinRefused", "true")
        equal(log().verify(), None)
        forger = SecurityLog(flashrig.files(), key=b"guess" if not legacy else b"")
        forger.add("PinAccepted", "forged")
        equal(log().verify(), legacy + 1, "%d before" % legacy)


def test_log_works_without_storage():
    class Dead:
        def set_i32(self, *_):
            raise OSError(5)

        get_blob = set_i32

    empty()
    store = KeyStore()
    store._nvs = Dead()
    equal(store.log_key(3), (b"", 0))
    SecurityLog(flashrig.files(), keys=store.log_key).add("PinRefused", "unkeyed")
    log().add("PinRefused", "keyed")
    equal((log().verify(), events()), (None, ["unkeyed", "keyed"]))
