"""Wrong PINs cost time, over any restart, for all surfaces and roles; nobody is locked out for ever (SEC-25)."""

import os

import flashrig
import pin_rig
from check import equal, true
from loop_turns import cancelled
from pin_rig import (
    CHOSEN,
    INSTALLER,
    OWNER,
    check_each,
    chip,
    events,
    factory_reset,
    guess,
    make_pins,
    pass_seconds,
    restart,
    waits_of_wrong_pins,
)

from charger.access import pin_throttle, roles
from charger.access.pin import OK, REFUSED, WAIT, WRONG
from charger.runtime import cooperative
from charger.store.ab_record import ABRecord
from charger.store.safety_value import SafetyValue
from sim import flash as simflash

HEAP = 8 * 1024 * 1024
SOAK = os.getenv("PILOTLIGHT_SOAK") == "1"

setup = pin_rig.setup


async def test_the_wait_doubles_up_to_an_hour_and_the_right_pin_ends_it():
    pins = make_pins()
    equal(await waits_of_wrong_pins(pins, 5), [0, 0, 0, 0, 60])
    waits = []
    for _ in range(8):
        wait = (await pins.check("owner", OWNER)).wait_s  # not even the right one
        pass_seconds(wait - 1)
        equal((await guess(pins)).state, WAIT)
        pass_seconds(1)
        waits.append((await guess(pins)).wait_s)
    equal(waits, [120, 240, 480, 960, 1920, 3600, 3600, 3600])
    pass_seconds(3600)
    equal((await pins.check("owner", OWNER)).state, OK)
    equal(await waits_of_wrong_pins(pins, 5), [0, 0, 0, 0, 60])


async def test_each_failure_is_logged_and_what_was_turned_away_is_counted():
    pins = make_pins()
    await guess(pins, 5, surface="page")
    await guess(pins, 7, surface="mqtt")
    pass_seconds(60)
    await guess(pins, surface="mqtt")
    equal(events, [("PinRefused", "owner, page, %d in a row" % n) for n in range(1, 6)] + [
        ("PinLockout", "60 s, all"), ("PinRefused", "owner, mqtt, 6 in a row, 7 rejected before"),
        ("PinLockout", "120 s, all")])


async def test_all_surfaces_and_roles_wait_together():
    pins = make_pins()
    for role, surface in (("owner", "page"), ("user", "mqtt"), ("installer", "page"), ("owner", "mqtt"), ("user", "page")):
        await guess(pins, role=role, surface=surface)
    equal(await check_each(pins, ("owner", OWNER), ("installer", INSTALLER)), [WAIT] * 2)


async def test_one_roles_pin_does_not_help_to_guess_anothers():
    """A user who knows the user's PIN gets no more guesses at the owner's than a stranger."""
    pins = make_pins()
    equal(await pins.change("owner", "user", CHOSEN), "")
    for n in range(4):
        equal((await guess(pins)).state, WRONG)
        equal((await pins.check("user", CHOSEN)).state, OK if n < 4 else WAIT)
    equal((await guess(pins)).wait_s, 60)
    device = (await _at_last(pins, "user", CHOSEN)).device
    equal((await guess(pins, device=device)).wait_s, 120)


async def _at_last(pins, role, text, device=""):
    while True:
        result = await pins.check(role, text, device=device)
        if result.state != WAIT:
            return result
        pass_seconds(result.wait_s)


async def test_the_wait_begins_again_with_a_restart():
    pins = make_pins()
    await guess(pins, 5)
    pass_seconds(30)
    for _ in range(3):
        pins = restart()
        equal((await pins.check("owner", OWNER)).wait_s, 60)
        pass_seconds(59)
    pass_seconds(1)
    equal((await pins.check("owner", OWNER)).state, OK)
    equal((await restart().check("owner", OWNER)).state, OK)


async def test_an_attempt_is_on_flash_before_it_is_compared():
    """The power fails as soon as the comparison begins: the attempt counts all the same."""
    for n in range(1, 6):
        pins = make_pins() if n == 1 else restart()

        async def no_power(steps):
            chip["now"].power_off()
            raise OSError(5)

        real, cooperative.run = cooperative.run, no_power
        try:
            await pins.check("owner", OWNER)
            raise AssertionError("compared without power")
        except OSError:
            pass
        finally:
            cooperative.run = real
        equal(restart()._waits.failures(pin_throttle.STRANGERS, 0), n)
    equal((await restart().check("owner", OWNER)).state, WAIT)


async def test_a_power_cut_at_any_write_gives_no_attempt_back():
    """Cut a wrong attempt at each flash operation, in each way: it was refused unanswered, or it is counted."""
    at, cuts = 0, 0
    while True:
        setup()
        pins = make_pins()
        await guess(pins, 2)
        chip["now"].cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        state = (await guess(pins)).state
        cut = not chip["now"].powered
        counted = restart()._waits.failures(pin_throttle.STRANGERS, 0)
        equal(counted in (2, 3) if state == REFUSED else counted == 3, True, "operation %d: %s, %d" % (at, state, counted))
        if not cut:
            break
        cuts += 1
        at += 1
    true(cuts >= 1, cuts)


async def test_dead_flash_refuses_every_pin():
    pins = make_pins()
    chip["now"].power_off()
    equal((await pins.check("owner", OWNER)).state, REFUSED)


async def test_a_count_that_was_taken_away_is_the_worst_one():
    for copy in "12":
        flashrig.files().delete("safety/pins." + copy)
    result = await restart().check("owner", OWNER)
    equal((result.state, result.wait_s), (WAIT, 3600))
    equal(events[0][0], "SafetyValueDamaged")


async def test_a_day_without_a_wrong_pin_forgives():
    pins = make_pins()
    await guess(pins, 4)
    pass_seconds(86399)
    equal((await guess(pins)).wait_s, 60)
    pass_seconds(86400)
    equal(await waits_of_wrong_pins(pins, 5), [0, 0, 0, 0, 60])


async def test_strangers_do_not_keep_out_a_device_that_was_right_before():
    """Somebody guesses as fast as he may, for ever: the owner's telephone gets in at once, again and again."""
    pins = make_pins()
    device = (await pins.check("owner", OWNER)).device
    for _ in range(12):
        result = await guess(pins)
        equal((await pins.check("owner", OWNER, device=device)).state, OK)
        pass_seconds(result.wait_s)
    pins = restart()
    await guess(pins)
    equal((await pins.check("owner", OWNER, device=device)).state, OK)
    forged = device[:-1] + ("0" if device[-1] != "0" else "1")
    for strange in (forged, device[:-2], "", None, "zz" * 28, device.upper() + "x"):
        equal((await pins.check("owner", OWNER, device=strange)).state, WAIT, repr(strange))
    equal((await pins.check("installer", INSTALLER, device=device)).state, WAIT)  # for its own role alone
    equal(await pins.change("owner", "owner", CHOSEN), "")
    equal((await pins.check("owner", CHOSEN, device=device)).state, WAIT)  # void with the new PIN
    pins = factory_reset()
    await guess(pins)
    equal((await pins.check("owner", OWNER, device=device)).state, WAIT)  # and for good


async def test_a_stolen_device_is_no_better_than_a_stranger():
    pins = make_pins()
    device = (await pins.check("owner", OWNER)).device
    await guess(pins, 5, device=device)
    equal((await pins.check("owner", OWNER, device=device)).wait_s, 60)
    equal((await pins.check("owner", OWNER)).state, OK)


async def test_a_user_does_not_keep_the_owner_out():
    """Neither by wrong PINs from his own telephone, nor by changing his own PIN, while strangers are kept waiting."""
    pins = make_pins()
    device = (await pins.check("owner", OWNER)).device
    equal(await pins.change("owner", "user", CHOSEN), "")
    users = (await pins.check("user", CHOSEN)).device
    await guess(pins, 5)
    await guess(pins, 5, role="user", device=users)
    equal((await pins.check("user", CHOSEN, device=users)).state, WAIT)
    equal((await pins.check("owner", OWNER, device=device)).state, OK)
    pins = restart()
    equal((await pins.check("user", CHOSEN, device=users)).state, WAIT)
    equal(await pins.change("user", "user", "83746152"), "")
    equal((await pins.check("owner", OWNER, device=device)).state, OK)


async def test_the_right_pin_does_not_keep_old_wrong_ones_alive():
    """Somebody tried PINs of a user who has none; the owner logs in every day. A day after the wrong ones they are gone."""
    pins = make_pins()
    await guess(pins, 5, role="user")
    for _ in range(3):
        pass_seconds(40000)
        equal((await pins.check("owner", OWNER)).state, OK)
    equal(pins._waits.failures(pin_throttle.STRANGERS, 0), 0)
    equal((await restart().check("owner", OWNER)).state, OK)


async def test_the_day_counts_from_the_last_wrong_pin_and_not_from_the_right_one_after_it():
    pins = make_pins()
    pass_seconds(200000)
    await guess(pins, 2, role="user")
    for seconds, left in ((50000, 2), (36401, 0)):
        pass_seconds(seconds)
        equal(pins._waits.wait_s(pin_throttle.STRANGERS, 0), 0)
        equal(pins._waits.failures(pin_throttle.STRANGERS, 0), left)
        equal((await pins.check("owner", OWNER)).state, OK)
    await guess(pins, 2, role="user")
    equal((await pins.check("owner", OWNER)).state, OK)
    equal(pins._waits.wait_s(pin_throttle.STRANGERS, 0), 0)
    equal(pins._waits.failures(pin_throttle.STRANGERS, 0), 2)


def test_counts_of_another_form_are_the_worst_ones():
    """No hexadecimal, or of another number of roles: with a right checksum, as other firmware leaves them."""
    for text in ("zz", "00", "0" * 20, ""):
        flashrig.fresh()
        files = flashrig.files()
        SafetyValue(files, "pins", "", max).write(text)
        waits = pin_throttle.PinThrottle(files, 3)
        equal([waits.failures(pin_throttle.KNOWN, role) for role in range(3)], [255] * 3, text)
    flashrig.fresh()
    files = flashrig.files()
    pin_throttle.begin(files, 3)
    files.write("safety/pins.1", b"pins 2 00ff")  # one copy of another length: the longer one holds
    equal(pin_throttle.PinThrottle(files, 3).failures(pin_throttle.STRANGERS, 0), 0)


def test_provisioning_leaves_no_counts_of_earlier_firmware():
    flashrig.fresh()
    files = flashrig.files()
    ABRecord(files, "pin_attempts").write(b"\x09" * 6)
    pin_throttle.begin(files, 3)
    equal(ABRecord(files, "pin_attempts").read(), None)


async def test_pin_check_cancelled_by_a_lost_connection_counts_as_an_attempt():
    """The surface gives the check up, as when the connection is gone: it is counted and in the log all the same."""
    import asyncio

    pins = make_pins()
    for _ in range(5):
        task = asyncio.create_task(pins.check("owner", OWNER))
        await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(0)
        await cancelled(task)
    equal(events, [("PinRefused", "owner, page, not answered, %d in a row" % n) for n in range(1, 6)] + [
        ("PinLockout", "60 s, all")])
    equal((await pins.check("owner", OWNER)).wait_s, 60)


async def test_an_old_pin_that_is_being_checked_does_not_outlive_a_change():
    """Two surfaces at once, a change on the one and the old PIN on the other, which began first or second: whoever is let
    in with the old one is let in before the change is done."""
    import asyncio

    for first in ("check", "change"):
        setup()
        pins = make_pins()
        order = []

        async def then(job, order=order):
            result = await job
            order.append("changed" if result == "" else result.state)

        jobs = [then(pins.check("owner", OWNER)), then(pins.change("owner", "owner", CHOSEN))]
        await asyncio.gather(*(jobs if first == "check" else jobs[::-1]))
        equal(order, [OK, "changed"] if first == "check" else ["changed", WRONG])


async def test_a_vault_that_breaks_at_run_time_refuses_a_change_with_a_sentence():
    pins = make_pins()
    name = next(name for name in flashrig.files().names("vault") if name.startswith("label-owner"))
    flashrig.files().write("vault/" + name, b"x" * 100)
    equal(await pins.change("owner", "owner", CHOSEN), "This unit's credentials were altered; it must be provisioned again.")


async def test_guesses_admitted_stay_at_the_documented_rate():
    """Guesses at all times by strangers and from the owner's device, all roles, restarts between: at most 11 in the first
    hour and one more in each later one, of each of the two. `make soak` goes on to 10,000 guesses."""
    pins = make_pins()
    device = (await pins.check("owner", OWNER)).device
    admitted, hour, tries, now = [], 3600, 0, 0
    most = 10000 if SOAK else 700
    while tries < most:
        tries += 1
        role = roles.ROLES[tries % 3]
        result = await pins.check(role, "%08d" % (10203040 + tries), device=device if role == "owner" else "")
        if result.state == WRONG:
            admitted.append(now)
        elif tries % 5 == 0:
            pins = restart()
        step = (1, 20, 300, 40)[tries % 4]
        pass_seconds(step)
        now += step
    true(now > 16 * hour, now)
    true(len(admitted) > 10, admitted)
    for start in admitted:
        within = [at for at in admitted if start <= at < start + hour]
        true(len(within) <= 22, (start, within))
    true(len(admitted) <= 2 * (11 + now // hour), (len(admitted), now))
