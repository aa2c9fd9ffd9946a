"""The vault: what is in it cannot be read, changed, swapped, shortened or taken away without the device key (SEC-10)."""

import os

import flashrig
from check import equal, raises, true

from charger.credentials.vault import Vault
from charger.crypto.hmac import hmac_sha256, same
from charger.errors import VaultError
from sim import flash as simflash

WORDS = (64, 32)

HEAP = 8 * 1024 * 1024
KEY = bytes(range(32))
OTHER = bytes(range(100, 132))
SECRETS = {
    "ocpp/authorization-key": b"0123456789abcdef", "wifi/password": b"correct horse battery", "mqtt/password": b"",
    "web/key": b"k" * 121,
}  # fmt: skip


chip = {}


def _filled(key=KEY):
    chip["now"] = flashrig.fresh()
    vault = Vault(flashrig.files(), key)
    for name, secret in SECRETS.items():
        vault.put(name, secret)
    return vault


def _again(key=KEY, events=None):
    return Vault(flashrig.files(), key, on_event=None if events is None else lambda event, info: events.append(event))


def _paths():
    return ["/flash/vault/" + entry[0] for entry in os.ilistdir("/flash/vault")]


def _content(path):
    with open(path, "rb") as file:
        return file.read()


def test_hmac_against_the_vectors_of_rfc_4231():
    equal(hmac_sha256(b"Jefe", b"what do ya want ", b"for nothing?").hex(),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")  # fmt: skip
    equal(hmac_sha256(b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First").hex(),
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")  # fmt: skip
    equal([same(b"ab", b"ab"), same(b"ab", b"ac"), same(b"ab", b"abc"), same(b"", b"")], [True, False, False, True])


def test_secrets_come_back_after_a_restart():
    _filled()
    vault = _again()
    equal({name: vault.get(name) for name in vault.names()}, SECRETS)
    equal((vault.get("nobody"), vault.broken), (None, ""))


def test_replaced_and_deleted_secrets_are_wiped():
    vault = _filled()
    vault.put("wifi/password", b"new")
    vault.delete("mqtt/password")
    vault.delete("mqtt/password")
    vault = _again()
    equal((vault.get("wifi/password"), vault.get("mqtt/password"), vault.broken), (b"new", None, ""))
    equal(len(_paths()), 4)


def test_no_secret_and_nothing_twice_is_on_the_flash():
    vault = _filled()
    vault.put("ocpp/next-key", SECRETS["web/key"])
    blobs = [_content(path) for path in _paths()]
    for secret in SECRETS.values():
        true(not secret or all(secret not in blob for blob in blobs))
    heads = [blob[1:33] for blob in blobs]  # nonce and first block: no two alike
    equal(len(set(heads)), len(heads))


def test_every_single_bit_counts():
    _filled()
    for path in _paths():
        content = _content(path)
        for at in range(len(content) - 4):  # the last four are the file's own checksum
            for bit in (1, 128):
                changed = bytearray(content)
                changed[at] ^= bit
                _write_raw(path, bytes(changed[:-4]))
                events = []
                vault = _again(events=events)
                true(vault.broken, path)
                equal(events, ["VaultBroken"])
        with open(path, "wb") as file:
            file.write(content)
    equal(_again().broken, "")


def _write_raw(path, content):
    """A file as an attacker with the flash in hand would leave it: with a checksum that is right."""
    flashrig.files().write(path[len("/flash/") :], content)


def test_shortened_swapped_or_taken_away():
    _filled()
    entries = [path for path in _paths() if not path.endswith("/index")]
    content = {path: _content(path) for path in _paths()}

    def put_back():
        for path, blob in content.items():
            with open(path, "wb") as file:
                file.write(blob)

    for path in content:
        for length in (0, 1, 17, 49, len(content[path]) - 5):
            _write_raw(path, content[path][:length])
            true(_again().broken, "%s, %d bytes" % (path, length))
        os.remove(path)
        true(_again().broken, path + " taken away")
        put_back()
    first, second = entries[:2]
    _write_raw(first, content[second][:-4])
    true(_again().broken, "swapped")
    put_back()
    equal(_again().broken, "")


def test_another_device_key_opens_nothing():
    _filled()
    vault = _again(OTHER)
    true(vault.broken)
    equal(vault.get("wifi/password"), None)


def test_without_a_device_key_nothing_is_stored():
    flashrig.fresh()
    vault = _again(None)
    equal((vault.ready, vault.get("a"), vault.names()), (False, None, []))
    raises(VaultError, vault.put, "a", b"b")


def test_secrets_without_their_device_key_are_an_event():
    _filled()
    events = []
    equal((_again(None, events).broken, events), ("device key", ["VaultBroken"]))


def test_a_secret_that_is_damaged_while_the_unit_runs_is_an_event():
    _filled()
    events = []
    vault = _again(KEY, events)
    for path in _paths():
        _write_raw(path, b"x" * 80)
    equal((vault.get("web/key"), vault.broken, events), (None, "web/key", ["VaultBroken"]))


def test_a_secret_that_is_damaged_before_a_change_of_keys_is_an_event_and_stays_absent():
    _filled()
    events = []
    vault = _again(KEY, events)
    _write_raw(next(path for path in _paths() if "web-key" in path), b"x" * 80)
    vault.rotate(OTHER)
    equal((vault.broken, events, vault.get("wifi/password")), ("web/key", ["VaultBroken"], SECRETS["wifi/password"]))
    equal((_again(OTHER).broken, _again(OTHER).get("web/key")), ("web/key", None))


def test_after_a_change_of_keys_the_old_key_opens_nothing_not_even_before_a_restart():
    vault = _filled()
    old = {path: _content(path) for path in _paths() if "web-key" in path}
    vault.rotate(OTHER)
    for path, blob in old.items():
        _write_raw(path, blob[:-4])
    equal((vault.get("web/key"), vault.broken), (None, "web/key"))


def _cut_at_each_write(change, check):
    """Cut the power at each write of change(vault) in turn and restart; check(text) then looks at what is left."""
    at = 0
    while True:
        _filled()
        device = chip["now"]
        vault = _again()
        device.cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        try:
            change(vault)
        except OSError:
            pass
        cut = not device.powered
        flashrig.restart(device)
        check("operation %d" % at)
        if not cut:
            break
        at += 1
    true(at > 8, at)


def test_a_power_cut_at_any_write_leaves_the_old_or_the_new():
    def change(vault):
        vault.put("wifi/password", b"changed")
        vault.put("ocpp/client-key", b"new")
        vault.delete("web/key")

    def check(text):
        vault = _again()
        equal(vault.broken, "", text)
        true(vault.get("wifi/password") in (b"changed", SECRETS["wifi/password"]))
        true(vault.get("ocpp/client-key") in (b"new", None))
        true(vault.get("web/key") in (SECRETS["web/key"], None))
        equal(vault.get("ocpp/authorization-key"), SECRETS["ocpp/authorization-key"])
        equal(len(_paths()), len(vault.names()) + 1, "no file is left of an entry that is not in the index: " + text)

    _cut_at_each_write(change, check)


def test_a_change_of_keys_survives_a_power_cut_at_any_write():
    def check(text):
        vault = Vault(flashrig.files(), KEY, next_key=OTHER)
        equal(vault.broken, "", text)
        vault.rotate(OTHER)
        vault = _again(OTHER)
        equal(({name: vault.get(name) for name in vault.names()}, vault.broken), (SECRETS, ""))

    _cut_at_each_write(lambda vault: vault.rotate(OTHER), check)
    true(_again(KEY).broken)

