"""The check of the whole security log: altered entries are reported once, a right log is not, all in slices."""

import struct

import flashrig
from check import equal, true
from security_log_rig import SMALL, add_entries, begin, end, open_log

from charger.audit import events
from charger.store.files import checksum

HEAP = 24 * 1024 * 1024
setup, teardown = begin, end


def _forge(log, number, old, new):
    """Alter an entry on flash as one does who can write the flash and has no key: the journal's checksum is right again."""
    segment = max(first for first, _ in log._journal._segments if first <= number)
    path = log._journal._path(segment)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = 0
    while at < len(data):
        length, seq = struct.unpack_from("<HI", data, at)
        end = at + 10 + length
        if seq == number:
            record = bytes(data[at + 10 : end]).replace(old, new)
            data[at + 10 : end] = record
            struct.pack_into("<I", data, at + 6, checksum(bytes(data[at : at + 6]) + record))
        at = end
    with open(path, "wb") as file:
        file.write(data)


async def test_f_s9_a_forged_entry_is_reported_once_and_shown_as_altered():
    flashrig.fresh()
    keyed = open_log(key=b"of the unit")
    add_entries(keyed, 20)
    _forge(keyed, 5, b"like others 5", b"like nobody 5")
    log = open_log(key=b"of the unit")
    equal(await log.check(), 5)
    equal([(entry.event, entry.info) for entry in log.entries(20)], [(events.LOG_ALTERED, "entry 5")])
    equal([entry.seq for entry in log.entries() if not entry.genuine], [5])
    equal([entry["seq"] for entry in log.tail(30) if not entry["genuine"]], [5])
    again = open_log(key=b"of the unit")
    equal(await again.check(), 5)
    equal(again.next_seq, 21, "counted once")


async def test_f_s9_the_check_runs_in_slices_and_entries_may_come_and_go_meanwhile():
    flashrig.fresh()
    log = open_log(**SMALL)
    add_entries(log, 40)
    slices = 0
    steps = log.checking()
    try:
        while True:
            next(steps)
            slices += 1
            add_entries(log, 1)
    except StopIteration:
        pass
    true(slices >= 3, str(slices))
    equal((log.checked, log.broken), (True, None))


async def test_f_s9_a_right_log_is_checked_without_an_event():
    flashrig.fresh()
    log = open_log()
    add_entries(log, 10)
    again = open_log()
    equal(await again.check(), None)
    equal(again.next_seq, 10)
