"""The slots as the update sees them: their own functions, and copies that are repaired only where they differ (SEC-8, SEC-9)."""

import asyncio

import flashrig
from check import equal

from charger.runtime import hold_ups
from charger.update import BROKEN, COUNTER, IMAGE, TRIAL
from charger.update.checked_slots import CheckedSlots
from sim import timebase


class SlotsBelow:
    """Application slots of an NVS in memory; `writes` are the names that were written."""

    running, idle, size, sold = "ota_0", "ota_1", 4096, True

    def __init__(self):
        self.values = {}
        self.writes = []

    def number(self, name):
        return self.values.get(name, 0)

    def data(self, name):
        return self.values.get(name)

    def put_number(self, name, value):
        self.writes.append(name)
        self.values[name] = value

    put_data = put_number

    def write(self, at, view):
        return "write", at, view

    def read(self, at, view, running=False):
        return "read", at, view, running

    def choose(self):
        return "choose"

    def confirm(self):
        return "confirm"


class Outlet:
    is_closed = False


def begun():
    """(slots below, the checked ones on an empty flash, their events)."""
    timebase.manual()
    flashrig.fresh()
    below, events = SlotsBelow(), []
    return below, CheckedSlots(below, flashrig.files(), lambda event, info: events.append(info)), events


def setup():
    hold_ups.configure([], 0)


def teardown():
    hold_ups.configure([], 0)
    flashrig.simflash.unmount()


def test_the_slots_own_functions_are_theirs():
    _, checked, _ = begun()
    equal((checked.running, checked.idle, checked.size, checked.sold), ("ota_0", "ota_1", 4096, True))
    equal((checked.write(1, b"x"), checked.read(2, b"y", running=True)), (("write", 1, b"x"), ("read", 2, b"y", True)))
    equal((checked.choose(), checked.confirm()), ("choose", "confirm"))


def test_what_was_never_stored_is_absent_and_reading_it_writes_nothing():
    below, checked, events = begun()
    equal((checked.number(COUNTER), checked.data(IMAGE), below.writes, events), (0, None, [], []))
    equal(flashrig.files().names("safety"), [])


def test_a_value_is_in_the_storage_and_in_both_files_and_reading_it_writes_nothing():
    below, checked, events = begun()
    checked.put_number(COUNTER, 7)
    checked.put_data(IMAGE, b"\x01\xff")
    equal(below.writes, [COUNTER, "has_" + COUNTER, IMAGE, "has_" + IMAGE])
    equal(sorted(flashrig.files().names("safety")),
          sorted("slot_%s.%d" % (name, copy) for name in (COUNTER, IMAGE) for copy in (1, 2)))  # fmt: skip
    below.writes.clear()
    equal((checked.number(COUNTER), checked.data(IMAGE)), (7, b"\x01\xff"))
    checked.put_number(COUNTER, 8)
    equal((below.writes, events), ([COUNTER], []), "the mark is written once")


def test_the_power_fails_between_the_files_and_the_storage_and_the_new_value_holds_without_an_event():
    below, checked, events = begun()
    checked.put_number(COUNTER, 7)

    def cut(name, value):
        raise OSError(-0x6001)

    put, below.put_number = below.put_number, cut
    try:
        checked.put_number(COUNTER, 8)
    except OSError:
        pass
    below.put_number = put
    equal((checked.number(COUNTER), events, below.values[COUNTER]), (8, [], 8))


async def test_with_a_contactor_closed_only_what_differs_waits_for_it_once():
    below, checked, events = begun()
    checked.put_number(COUNTER, 7)
    checked.put_data(TRIAL, b"t")
    checked.put_data(IMAGE, b"i")
    checked.put_number(BROKEN, 1)
    outlet = Outlet()
    outlet.is_closed = True
    hold_ups.configure([outlet], 0)
    below.writes.clear()
    equal((checked.number(COUNTER), checked.data(IMAGE), checked._waiting), (7, b"i", False))
    below.values.update({COUNTER: 3, BROKEN: 0, IMAGE: b"a", TRIAL: b"b"})
    for _ in range(2):
        equal((checked.number(COUNTER), checked.number(BROKEN), checked.data(IMAGE), checked.data(TRIAL)), (7, 1, b"i", b"t"))
    await _pass_s(5)
    equal((below.writes, events, checked._waiting), ([], [], True))
    outlet.is_closed = False
    await _pass_s(5)
    equal((sorted(below.writes), len(events), checked._waiting), (sorted([COUNTER, BROKEN, IMAGE, TRIAL]), 4, False))
    equal(below.values[COUNTER], 7)


async def _pass_s(seconds):
    for _ in range(10 * seconds):
        timebase.advance(100)
        await asyncio.sleep_ms(0)


def test_a_value_of_earlier_firmware_is_copied_without_an_event_and_one_that_was_removed_with_one():
    below, checked, events = begun()
    below.values = {COUNTER: 4, IMAGE: b"i"}
    equal((checked.number(COUNTER), checked.data(IMAGE), events), (4, b"i", []))
    equal((below.values["has_" + COUNTER], len(flashrig.files().names("safety"))), (1, 4))
    for name in flashrig.files().names("safety"):
        flashrig.files().delete("safety/" + name)
    equal((checked.number(COUNTER), checked.data(IMAGE), len(events)), (4, b"i", 2))
    equal((checked.number(COUNTER), len(events), len(flashrig.files().names("safety"))), (4, 2, 4), "repaired")


def test_a_file_that_holds_no_number_counts_as_none():
    _, checked, _ = begun()
    checked._put(lambda name, value: None, COUNTER, 0, "x7")
    equal(checked.number(COUNTER), 0)
