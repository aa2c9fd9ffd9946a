"""PINs: only verifiers are stored, their check, their change and their rights (SEC-2, SEC-3, SEC-18)."""

import hashlib

import flashrig
import pin_rig
from check import equal, true
from loop_turns import LoopTurns
from pin_rig import CHOSEN, INSTALLER, ITERATIONS, KEY, OWNER, check_each, chip, events, factory_reset, guess, make_pins, restart

from charger.access import pin, pin_rules, pin_throttle, roles
from charger.access.pin import OK, REFUSED, WRONG, Pins
from charger.credentials.vault import Vault
from charger.crypto import pbkdf2
from charger.runtime import cooperative
from sim import flash as simflash

HEAP = 8 * 1024 * 1024

setup = pin_rig.setup


# --- PBKDF2 ---


def test_pbkdf2_against_known_vectors():
    """Those of RFC 7914 (11) and of the usual SHA-256 set, a password over a block, and lengths around a slice."""
    for password, salt, count, wanted in (
        (b"passwd", b"salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
        (b"password", b"salt", 2, "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43"),
        (b"password", b"salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"),
    ):
        equal(cooperative.run_now(pbkdf2.derive(password, salt, count)).hex(), wanted)
    long = b"p" * 65
    equal(cooperative.run_now(pbkdf2.derive(long, b"s", 66)),
          cooperative.run_now(pbkdf2.derive(hashlib.sha256(long).digest(), b"s", 66)))


def test_a_check_is_made_in_slices():
    """No slice is longer than 48 iterations: 12 ms on an ESP32."""
    for iterations in (1, 2, 48, 49, 50, 3000):
        steps = pbkdf2.derive(b"1", b"s" * 16, iterations)
        count = 0
        while True:
            try:
                next(steps)
            except StopIteration:
                break
            count += 1
        equal(count, (iterations - 1 + 47) // 48)


# --- right and wrong ---


async def test_each_role_has_its_own_pin():
    pins = make_pins()
    equal((await pins.check("owner", OWNER)).state, OK)
    equal((await pins.check("installer", INSTALLER)).state, OK)
    equal(await check_each(pins, ("installer", OWNER), ("owner", INSTALLER), ("user", OWNER), ("user", "")), [WRONG] * 4)
    for role in ("admin", "", None):
        try:
            await pins.check(role, OWNER)
            raise AssertionError("role %r" % role)
        except ValueError:
            pass
    equal([event for event, _ in events], ["PinAccepted"] * 2 + ["PinRefused"] * 4)


async def test_malformed_pin_counts_as_a_wrong_pin():
    for odd in ("", OWNER[:-1], OWNER + "0", " " + OWNER, OWNER + "\n", "x" * 5000, None, 8264057193, b"8264057193", ["8"]):
        setup()
        equal((await make_pins().check("owner", odd)).state, WRONG, repr(odd)[:20])


async def test_every_wrong_pin_costs_the_same_work():
    """Counted instead of timed: slices that a check takes, bytes that the comparison looks at, writes to the flash."""
    seen = set()
    wrong = ["%s%s" % (OWNER[:n], "".join([str((int(ch) + 1) % 10) for ch in OWNER[n:]])) for n in range(len(OWNER))]
    slices_run, compared = [0], []
    real_same, real_run = pin.same, cooperative.run

    def same(first, second):
        compared.append((len(first), len(second)))
        return real_same(first, second)

    async def run(steps):
        while True:
            try:
                next(steps)
                slices_run[0] += 1
            except StopIteration as done:
                return done.value

    pin.same, cooperative.run = same, run
    try:
        for role, text in [("owner", text) for text in wrong] + [("user", OWNER), ("owner", ""), ("owner", "x" * 99)]:
            setup()
            pins = make_pins()
            compared.clear()
            slices_run[0] = 0
            writes = chip["now"].writes
            equal((await pins.check(role, text)).state, WRONG)
            seen.add((slices_run[0], tuple(compared), chip["now"].writes - writes))
    finally:
        pin.same, cooperative.run = real_same, real_run
    equal(len(seen), 1, seen)


class Watched:
    """Bytes that count how often one of them is looked at."""

    def __init__(self, data):
        self.data = data
        self.looks = 0

    def __len__(self):
        return len(self.data)

    def __getitem__(self, at):
        self.looks += 1
        return self.data[at]


def test_constant_time_comparison_covers_every_byte():
    """Wherever the first difference is."""
    wanted = bytes(range(32))
    for differs in range(33):
        got = bytearray(wanted)
        if differs < 32:
            got[differs] ^= 1
        watched = Watched(bytes(got))
        equal((pin.same(watched, wanted), watched.looks), (differs == 32, 32), differs)


async def test_a_check_lets_the_loop_run():
    """Another task gets its turn between any two slices."""
    turns = LoopTurns()
    await make_pins().check("owner", OWNER)
    turns.stop()
    true(turns.count >= (ITERATIONS - 1) // 64, turns.count)


# --- changing ---


async def test_a_new_pin_replaces_the_old_one():
    pins = make_pins()
    equal(await pins.change("owner", "owner", CHOSEN), "")
    pins = restart()
    equal(await check_each(pins, ("owner", OWNER), ("owner", CHOSEN)), [WRONG, OK])
    equal(await check_each(pins, ("installer", INSTALLER)), [OK])
    equal(events[0], ("PinChanged", "owner, by owner, page"))


async def test_rights_to_change_a_pin():
    pins = make_pins()
    for by, role in (("owner", "installer"), ("installer", "owner"), ("installer", "user"), ("user", "owner"),
                     ("user", "installer"), ("nobody", "owner")):
        true(await pins.change(by, role, CHOSEN), (by, role))
    equal(await pins.change("owner", "user", CHOSEN), "")
    equal(await pins.change("user", "user", "83746152"), "")
    equal((await pins.check("user", "83746152")).state, OK)


async def test_weak_pins_are_refused():
    for weak in ("", "1234567", "11111111", "12121212", "12345678", "87654321", "67890123", "32109876", "1" * 17,
                 "abcdefgh", "1234 5678", "٣٧١٩٤٠٨٢", "12341234", "44711907", None):
        setup()
        true(await make_pins().change("owner", "owner", weak), repr(weak))
    equal([bool(pin_rules.why_not(text, "SIM00012")) for text in ("50012739", "70000912", "83746152")], [True, False, False])
    equal(bool(pin_rules.why_not("83746152", "X-8374615299")), True)
    equal((await make_pins().check("owner", OWNER)).state, OK)


async def test_a_power_cut_during_a_change_leaves_one_of_the_two():
    at = 0
    while True:
        setup()
        pins = make_pins()
        chip["now"].cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        try:
            await pins.change("owner", "owner", CHOSEN)
        except OSError:
            pass
        cut = not chip["now"].powered
        pins = restart()
        equal(pins.why_none, "")
        states = await check_each(pins, ("owner", OWNER), ("owner", CHOSEN))
        true(states in ([OK, WRONG], [WRONG, OK]), "operation %d: %s" % (at, states))
        if not cut:
            break
        at += 1
    true(at > 3, at)


async def test_factory_reset_returns_to_the_labels_pin():
    """SEC-3: this unit's own label, never a shared or an empty PIN; the count of wrong PINs stays."""
    pins = make_pins()
    await pins.change("owner", "owner", CHOSEN)
    await pins.change("owner", "user", CHOSEN)
    await guess(pins, 2)
    pins = factory_reset()
    equal(pins._waits.failures(pin_throttle.STRANGERS, 0), 2)
    equal(await check_each(pins, ("owner", CHOSEN), ("owner", OWNER), ("user", CHOSEN)),
          [WRONG, OK, WRONG])
    true(not [name for name in flashrig.files().names("vault") if name.startswith(("pin-owner", "pin-user"))])


# --- units without ---


async def test_without_provisioning_no_pin_holds():
    flashrig.fresh()
    pins = Pins(flashrig.files(), Vault(flashrig.files(), None), None, provisioned=False)
    for text in (OWNER, "", "0000"):
        result = await pins.check("owner", text)
        equal((result.state, result.why), (REFUSED, "This unit is not provisioned."))
    true(await pins.change("owner", "owner", CHOSEN))


async def test_altered_vault_refuses_every_pin():
    """The chosen PIN's verifier taken away or replaced by the label's: no way back to the label's, and none without."""
    for how in ("gone", "swapped", "bit"):
        setup()
        await make_pins().change("owner", "owner", CHOSEN)
        files = flashrig.files()
        chosen = next(name for name in files.names("vault") if name.startswith("pin-owner"))
        label = next(name for name in files.names("vault") if name.startswith("label-owner"))
        data = bytearray(files.read("vault/" + chosen))
        data[40] ^= 1
        if how == "gone":
            files.delete("vault/" + chosen)
        else:
            files.write("vault/" + chosen, files.read("vault/" + label) if how == "swapped" else bytes(data))
        pins = restart()
        equal(await check_each(pins, ("owner", OWNER), ("owner", CHOSEN), ("owner", "")), [REFUSED] * 3, how)
        true("altered" in await pins.change("owner", "owner", CHOSEN), how)


async def test_a_verifier_of_another_form_is_no_pin():
    """In a vault that is in order, as other firmware may leave it."""
    pins = make_pins()
    pins._vault.put("pin/owner", b"short")
    equal(await check_each(pins, ("owner", OWNER), ("owner", CHOSEN)), [WRONG] * 2)
    pins._vault.put("label/owner", b"short")
    equal(await pins.change("owner", "user", CHOSEN), "This unit's credentials cannot be read.")


async def test_a_verifier_that_is_damaged_while_the_unit_runs_refuses_every_pin():
    """It is no wrong PIN: the credentials were altered."""
    pins = make_pins()
    files = flashrig.files()
    files.write("vault/" + next(name for name in files.names("vault") if name.startswith("label-owner")), b"x" * 80)
    equal(await check_each(pins, ("owner", OWNER), ("installer", INSTALLER)), [REFUSED] * 2)


async def test_the_right_pin_holds_although_the_flash_fails_after_it():
    """The count is not taken back then, and the device is not known."""
    pins = make_pins()

    def fail(*_):
        raise OSError(5)

    pins._waits.right = fail
    result = await pins.check("owner", OWNER)
    equal((result.state, result.device), (OK, ""))


def test_no_pin_and_no_hash_of_one_is_on_the_flash():
    image = b"".join([bytes(block or b"") for block in chip["now"].snapshot()])
    entry = Vault(flashrig.files(), KEY).get("label/owner")
    for secret in (OWNER.encode(), INSTALLER.encode(), entry[5:21], entry[21:], b"ocppPassword12345", b"setupPassword"):
        true(len(secret) >= 10 and secret not in image)
    true("owner" not in repr(make_pins()))


# --- roles ---


def test_least_rights():
    """SEC-18: nobody has all, each has what its work needs, and what nobody named nobody may do."""
    true(all(len(roles.actions(role)) < len(roles._MAY) for role in roles.ROLES))
    equal([roles.may(role, "limits") for role in roles.ROLES], [False, False, True])
    equal([roles.may(role, "calibration") for role in roles.ROLES], [False, False, True])
    equal([roles.may(role, "charge") for role in roles.ROLES], [True, True, False])
    equal([roles.may(role, "erase") for role in roles.ROLES], [True, False, False])
    equal(roles.actions("user"), ["charge", "history", "pin.user", "status"])
    equal([roles.may("owner", "nothing"), roles.may("admin", "status"), roles.may("", "charge")], [False] * 3)
