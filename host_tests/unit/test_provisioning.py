"""Provisioning a unit once, replacing its credentials, and interruptions of both (SEC-2)."""

import flashrig
import pin_rig
from check import equal, raises, true
from pin_rig import CHOSEN, KEY, OWNER, Store, check_each, chip, make_pins, make_record, restart

from charger.access import pin_rules
from charger.access.pin import OK, WRONG
from charger.credentials import provisioning
from charger.credentials.vault import Vault
from sim import flash as simflash

HEAP = 8 * 1024 * 1024

setup = pin_rig.setup


def test_provisioning_is_done_once():
    store = Store(KEY)
    store.seal("PL4711")
    raises(provisioning.AlreadyProvisionedError, provisioning.write, make_record(), flashrig.files(), store)
    provisioning.write(dict(make_record("9073516482"), device_key=(b"n" * 32).hex()), flashrig.files(), store, again=True)
    equal((store.provisioned(), store.key()), (False, b"n" * 32))  # until sealed
    vault = Vault(flashrig.files(), store.key())
    equal((vault.broken, len(vault.names())), ("", 6))


async def test_again_puts_everything_back():
    await make_pins().change("owner", "owner", CHOSEN)
    store = Store(KEY)
    provisioning.write(make_record("9073516482"), flashrig.files(), store, again=True)
    pins = restart()
    equal(await check_each(pins, ("owner", CHOSEN), ("owner", OWNER), ("owner", "9073516482")), [WRONG, WRONG, OK])


def test_unit_of_an_earlier_firmware_keeps_its_vault():
    chip["now"] = flashrig.fresh()
    Vault(flashrig.files(), b"o" * 32).put("ocpp/authorization-key", b"kept")
    store = Store(b"o" * 32)
    provisioning.write(make_record(), flashrig.files(), store)
    vault = Vault(flashrig.files(), store.key())
    equal((vault.get("ocpp/authorization-key"), vault.broken, store.key()), (b"kept", "", b"o" * 32))


def test_a_power_cut_during_provisioning_is_made_good_by_the_next():
    at = 0
    record = make_record()
    while True:
        chip["now"] = flashrig.fresh()
        store = Store()
        chip["now"].cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        try:
            provisioning.write(record, flashrig.files(), store)
        except OSError:
            pass
        cut = not chip["now"].powered
        flashrig.restart(chip["now"])
        provisioning.write(record, flashrig.files(), store)
        vault = Vault(flashrig.files(), store.key())
        equal((vault.broken, vault.get("label/ocpp")), ("", b"ocppPassword12345"), at)
        if not cut:
            break
        at += 7 if at > 12 else 1
    true(at > 12, at)


def test_new_credentials_that_were_cut_short_replace_all_of_the_old_ones():
    """--again, the power fails at any write, and the next run knows nothing of that: nothing of before is left."""
    at = 0
    record = dict(make_record("9073516482"), device_key=(b"n" * 32).hex())
    while True:
        chip["now"] = flashrig.fresh()
        store = Store()
        provisioning.write(make_record(), flashrig.files(), store)
        store.seal("PL4711")
        Vault(flashrig.files(), KEY).put("wifi/password", b"of before")
        chip["now"].cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        try:
            provisioning.write(record, flashrig.files(), store, again=True)
        except OSError:
            pass
        cut = not chip["now"].powered
        flashrig.restart(chip["now"])
        equal(store.provisioned(), False)
        provisioning.write(record, flashrig.files(), store)
        vault = Vault(flashrig.files(), store.key())
        equal((vault.broken, vault.get("wifi/password"), store.key()), ("", None, b"n" * 32), at)
        if not cut:
            break
        at += 7 if at > 12 else 1
    true(at > 12, at)


def test_records_that_are_not_right_change_nothing():
    from charger.errors import InvalidValueError

    for name, value in (("format", 2), ("serial", ""), ("device_key", "00"), ("ocpp_password", "short"), ("setup_password", 5),
                        ("pins", {}), ("web_key", None), ("more", 1)):
        chip["now"] = flashrig.fresh()
        store = Store()
        raises(InvalidValueError, provisioning.write, dict(make_record(), **{name: value}), flashrig.files(), store)
        equal((store.key(), flashrig.files().names("vault")), (None, []), name)
    store = Store(KEY)
    store.seal("PL4711")
    setup()
    for again in (False, True):
        raises(ValueError, provisioning.write, dict(make_record(), device_key="zz" * 32), flashrig.files(), store, again=again)
    equal((store.provisioned(), Vault(flashrig.files(), KEY).broken, len(flashrig.files().names("vault"))), (True, "", 7))


def test_a_vault_that_is_broken_is_not_written_over():
    """A unit of before provisioning whose vault was altered: the tool says so, and its device key stays."""
    chip["now"] = flashrig.fresh()
    files = flashrig.files()
    Vault(files, b"o" * 32).put("ocpp/authorization-key", b"kept")
    name = files.names("vault")[0]
    files.write("vault/" + name, b"x" * 64)
    store = Store(b"o" * 32)
    raises(OSError, provisioning.write, make_record(), files, store)
    equal((store.key(), store.provisioned()), (b"o" * 32, False))


def test_what_is_in_the_record_is_on_the_unit_and_chosen_pins_are_not():
    chip["now"] = flashrig.fresh()
    files = flashrig.files()
    Vault(files, b"o" * 32).put("pin/owner", b"chosen")
    store = Store(b"o" * 32)
    provisioning.write(make_record(), files, store)
    vault = Vault(files, store.key())
    equal(sorted(vault.names()), ["label/installer", "label/ocpp", "label/owner", "setup/password", "web/certificate", "web/key"])
    equal([vault.get(name) for name in ("label/ocpp", "setup/password")], [b"ocppPassword12345", b"setupPassword"])
    equal((vault.get("web/key"), files.read("setup_ssid")), (b"0" * 121, b"Pilotlight PL4711"))
    for changes in ({"setup_password": "pass\u00e9word"}, {"web_key": "31" * 121}, {"web_certificate": "00" * 300}):
        raises(ValueError, provisioning.write, dict(make_record(), **changes), files, store, again=True)


def test_the_rules_of_a_pin_are_those_of_the_factorys_tool():
    for good in ("82640571", "8264057193826405", "13572468"):
        equal(pin_rules.why_not(good, "PL-4711"), "")
    for bad in ("8264057", "82640571938264057", "", "8264o571", "11112222", "12345678", "98765432", "90123456", "12341234",
                "82647110", None, 82640571):  # fmt: skip
        true(pin_rules.why_not(bad, "PL-4711").endswith("."), bad)
