"""PIN counts, anti-rollback counter, mark and hash of the image: altered or removed never means less safe (F-S3)."""

import asyncio

import esp32
import flashrig
import pin_rig
from check import equal, true
from pin_rig import OWNER, guess, make_pins, restart
from rig import Rig
from safety_rig import put, raw

from charger.access import pin_throttle
from charger.drivers.app_partitions import AppSlots
from charger.runtime import hold_ups
from charger.update import BROKEN, COUNTER, IMAGE
from charger.update.checked_slots import CheckedSlots
from sim import ev

HEAP = 8 * 1024 * 1024
PINS = ("safety/pins.1", "safety/pins.2")
DAMAGED = "SafetyValueDamaged"


def setup():
    pin_rig.setup()


def flipped(data, bit):
    bad = bytearray(data)
    bad[bit // 8] ^= 1 << bit % 8
    return bytes(bad)


def failures():
    """(wrong PINs in a row that a start finds, its events)."""
    pin_rig.events.clear()
    count = make_pins()._waits.failures(pin_throttle.STRANGERS, 0)
    return count, [event for event, _ in pin_rig.events]


async def counted(number):
    """A unit with so many wrong PINs, and the two files."""
    await guess(make_pins(), number)
    return [raw(flashrig.files(), name) for name in PINS]


async def test_f_s3_each_flipped_bit_of_the_pin_counts_gives_no_attempt_back():
    good = await counted(3)
    equal(failures(), (3, []))
    for at, name in enumerate(PINS):
        for bit in range(at, 8 * len(good[at]), 7):
            for other, data in zip(PINS, good):
                put(flashrig.files(), other, data)
            put(flashrig.files(), name, flipped(good[at], bit))
            equal(failures(), (3, [DAMAGED]), "%s, bit %d" % (name, bit))


async def test_f_s3_a_removed_or_older_copy_of_the_pin_counts_gives_no_attempt_back():
    older = await counted(1)
    good = await counted(3)
    for contents in ((None, good[1]), (good[0], None), (older[0], good[1]), (good[0], older[1]), (b"", good[1])):
        for name, data in zip(PINS, contents):
            put(flashrig.files(), name, data)
        equal(failures(), (4, [DAMAGED]), contents)
        equal(failures(), (4, []), "repaired")
    for contents in ((None, None), (b"x", b""), (flipped(good[0], 9), flipped(good[1], 9))):
        for name, data in zip(PINS, contents):
            put(flashrig.files(), name, data)
        found, events = failures()
        true(found > 200, contents)
        equal(events, [DAMAGED], contents)


async def test_f_s3_pin_counts_of_earlier_firmware_are_taken_over_and_do_not_come_back():
    from charger.store.ab_record import ABRecord

    for name in PINS:
        put(flashrig.files(), name, None)
    ABRecord(flashrig.files(), "pin_attempts").write(bytes((2, 0, 0, 0, 0, 0)))
    equal(failures(), (2, []))
    true(not flashrig.files().exists("pin_attempts.a") and not flashrig.files().exists("pin_attempts.b"))
    equal((await restart().check("owner", OWNER)).ok, True)


# --- counter, mark and hash of the image ---

HASH = (5).to_bytes(4, "big") + b"\xab" * 32
NEW = (6).to_bytes(4, "big") + b"\xcd" * 32


class Kept:
    """The values of CheckedSlots; the events of all its starts."""

    def __init__(self):
        self.events = []
        self.nvs = esp32.NVS("pilotlight")

    def open(self):
        return CheckedSlots(AppSlots(), flashrig.files(), lambda event, info: self.events.append(event))

    def taken(self):
        """The events since the last time."""
        found, self.events = self.events, []
        return found


def stored():
    slots = Kept()
    for name in (COUNTER, BROKEN, IMAGE):
        slots.nvs.set_i32("has_" + name, 0)  # a new unit
    for counter, image in ((2, HASH), (7, NEW)):
        slots.older = [raw(flashrig.files(), name) for name in COPIES] if counter == 7 else None
        opened = slots.open()
        opened.put_number(COUNTER, counter)
        opened.put_number(BROKEN, 1)
        opened.put_data(IMAGE, image)
    slots.good = [raw(flashrig.files(), name) for name in COPIES]
    return slots


COPIES = ["safety/slot_%s.%d" % (name, copy) for name in (COUNTER, BROKEN, IMAGE) for copy in (1, 2)]


def values(slots):
    opened = slots.open()
    return opened.number(COUNTER), opened.number(BROKEN), opened.data(IMAGE)


def test_f_s3_each_flipped_bit_of_counter_mark_and_hash_changes_nothing_and_is_an_event():
    slots = stored()
    equal((values(slots), slots.taken()), ((7, 1, NEW), []))
    for at, name in enumerate(COPIES):
        for bit in range(at, 8 * len(slots.good[at]), 11):
            put(flashrig.files(), name, flipped(slots.good[at], bit))
            equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED]), "%s, bit %d" % (name, bit))
            put(flashrig.files(), name, slots.good[at])
            values(slots)
            slots.taken()


def test_f_s3_a_removed_copy_or_nvs_value_changes_nothing_and_is_an_event():
    slots = stored()
    for name in COPIES:
        put(flashrig.files(), name, None)
        equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED]), name)
    for name in (COUNTER, BROKEN, IMAGE):
        slots.nvs.erase_key(name)
        slots.nvs.commit()
        equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED]), name)
        equal((values(slots), slots.taken()), ((7, 1, NEW), []), "repaired")


def test_f_s3_an_older_counter_or_a_cleared_mark_never_wins():
    slots = stored()
    for at in (0, 1):
        put(flashrig.files(), COPIES[at], slots.older[at])
        equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED]), COPIES[at])
    for at in (0, 1):
        put(flashrig.files(), COPIES[at], slots.older[at])
    equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED]), "both files")
    slots.nvs.set_i32(COUNTER, 2)
    slots.nvs.set_i32(BROKEN, 0)
    slots.nvs.commit()
    equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED, DAMAGED]), "NVS")


def test_f_s3_both_files_removed_change_nothing_and_are_an_event():
    """Also where the value was stored and not read since."""
    slots = stored()
    for at in range(0, 6, 2):
        for name in COPIES[at : at + 2]:
            put(flashrig.files(), name, None)
        equal((values(slots), slots.taken()), ((7, 1, NEW), [DAMAGED]), COPIES[at])
        equal((values(slots), slots.taken()), ((7, 1, NEW), []), "repaired")


def test_f_s3_what_earlier_firmware_kept_in_nvs_alone_is_copied_without_an_event():
    slots = stored()
    for name in COPIES:
        put(flashrig.files(), name, None)
    for name in (COUNTER, BROKEN, IMAGE):
        slots.nvs.set_i32("has_" + name, 0)
    slots.nvs.commit()
    equal((values(slots), slots.taken()), ((7, 1, NEW), []))
    equal([raw(flashrig.files(), name) is not None for name in COPIES], [True] * 6)


def test_what_differs_while_a_contactor_is_closed_counts_at_once_and_is_repaired_after_it_has_opened():
    """A write to the NVS erases flash now and then, 45 to 400 ms without a control tick (CP-24)."""
    slots = stored()
    values(slots)
    slots.nvs.set_i32(COUNTER, 2)
    slots.nvs.commit()
    for name in COPIES[2:4]:
        put(flashrig.files(), name, None)
    rig = Rig()
    hold_ups.configure(rig.outlets, 0)
    rig.charge()
    slots.taken()
    opened = slots.open()
    wait, waits = hold_ups.wait_for_pause, []

    async def counted(*words):
        waits.append(words)
        await wait(*words)

    async def ticks(ms):
        for _ in range(ms // 20):
            rig.tick()
            await asyncio.sleep_ms(0)

    async def run():
        for _ in range(2):
            equal((opened.number(COUNTER), opened.number(BROKEN), opened.data(IMAGE)), (7, 1, NEW))
            await ticks(2000)
        equal((slots.nvs.get_i32(COUNTER), slots.taken()), (2, []), "closed: nothing is written")
        rig.side.plug(ev.ABSENT)
        await ticks(2000)
        equal((slots.nvs.get_i32(COUNTER), slots.taken()), (7, [DAMAGED, DAMAGED]), "open: repaired, and told once")

    hold_ups.wait_for_pause = counted
    asyncio.run(run())
    hold_ups.wait_for_pause = wait
    hold_ups.configure((), 0)
    equal(len(waits), 1, "one task waits, however often the values are read")
    equal((values(slots), slots.taken()), ((7, 1, NEW), []))
