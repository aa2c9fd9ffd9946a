"""Entries of the security log: their times, what cannot be read, counts, receivers, the check of the newest (SEC-22, SEC-23)."""

import struct
from hashlib import sha256

import flashrig
from check import equal, true
from security_log_rig import SMALL, add_entries, begin, end, open_log

from charger import clock
from charger.audit import events
from charger.store.journal import Journal
from sim import timebase

HEAP = 8 * 1024 * 1024
NOON = 1800000000
setup, teardown = begin, end


def wait_until(millis):
    """Until the uptime is so many ms after a whole second."""
    timebase.advance((1000 + millis - clock.uptime_ms() % 1000) % 1000)


def test_a_listener_gets_the_entry_as_it_is_read_later():
    flashrig.fresh()
    log = open_log()
    seen = []
    log.listeners.append(seen.append)
    clock.set_utc(NOON, "test")
    timebase.advance(1234)
    log.add(events.TAMPER, "lid")
    equal([entry.to_dict() for entry in seen], log.tail(2))
    equal([entry.raw for entry in seen], [data for _, data in log._journal.records()])
    equal([entry.raw for entry in log.entries()], [entry.raw for entry in seen])
    up_s = clock.uptime_s()
    equal(log.tail(1), [{"seq": 1, "time": "2027-01-15T08:00:01.234Z", "exact": True, "boot": 7, "uptime_s": up_s,
                         "event": events.TAMPER, "info": "lid", "genuine": True}])  # fmt: skip


def test_an_entry_without_a_time_follows_the_clock_of_its_start_up_as_that_is_corrected():
    flashrig.fresh()
    log = open_log()
    wait_until(0)
    log.add(events.STARTUP)
    up_s = clock.uptime_s()
    timebase.advance(60000)
    clock.set_utc(NOON, "ocpp")
    timebase.advance(60000)
    clock.set_utc(NOON + 63, "ocpp")  # no step, so no entry
    [entry, _] = log.entries()
    equal((entry.utc_s, entry.exact), (NOON + 63 - clock.uptime_s() + up_s, True))


def test_an_entry_of_an_earlier_start_up_without_a_time_is_no_later_than_the_next_one_that_has_it():
    device = flashrig.fresh()
    wait_until(500)
    open_log().add(events.STARTUP, "undated")
    device = flashrig.restart(device)
    flashrig.reboot()
    log = open_log()
    [entry] = log.entries()
    equal((entry.time(), entry.exact, entry.millis), (None, False, 500))
    timebase.advance(30000)
    wait_until(0)
    clock.set_utc(NOON, "ocpp")
    up_s = clock.uptime_s()
    log.add(events.STARTUP, "dated")
    timebase.advance(3600000)
    clock.set_utc(NOON + 7200, "installer")
    for entry in list(log.entries())[:1]:
        equal((entry.utc_s, entry.exact, entry.time()), (NOON - up_s - 1, False, clock.iso(NOON - up_s - 1)))
    equal(log.tail(9)[0]["time"], clock.iso(NOON - up_s - 1))


def test_an_entry_of_an_earlier_start_up_is_no_later_than_this_one_when_no_entry_has_a_time():
    device = flashrig.fresh()
    open_log().add(events.STARTUP, "undated")
    flashrig.restart(device)
    flashrig.reboot()
    log = open_log()
    wait_until(0)
    clock._step_listeners.clear()
    clock.set_utc(NOON, "ocpp")
    [entry] = log.entries()
    equal((entry.utc_s, entry.exact), (NOON - clock.uptime_s(), False))


def test_records_that_are_no_entries_are_passed_over_and_the_check_finds_them():
    for record in (b"", b"short", bytes(30), bytes(8) + struct.pack("<IIIHB", 7, 1, NOON, 0, 2) + b"\xff\xfe" + bytes(8)):
        flashrig.fresh()
        log = open_log()
        add_entries(log, 2, "before")
        log._journal.append(record)
        add_entries(log, 1, "after")
        equal([entry.info for entry in log.entries() if entry.seq != 2 or entry.event], ["before 0", "before 1", "after 0"])
        equal((len(log.tail(4)) >= 3, log.verify(), log.pending("mqtt")[-1].info), (True, 2, "after 0"), record)


def test_what_is_suppressed_is_counted_once_an_hour_while_it_goes_on():
    flashrig.fresh()
    log = open_log()
    for _ in range(2 * 3600 // 10 + 1):
        for number in range(10):
            log.add(events.INVALID_MESSAGES, "no. %d" % number)
        timebase.advance(10000)
        clock.advance()
        log.second()
    counts = [entry.info for entry in log.entries() if entry.event == events.SUPPRESSED]
    equal(len(counts), 2)


def test_a_further_receiver_is_looked_after_like_the_others():
    """Entries that it alone has acknowledged and that are gone; entries that the ring drops before it has them."""
    flashrig.fresh()
    log = open_log(**SMALL)
    add_entries(log, 30)
    log.acknowledge("syslog", 29)
    files = flashrig.files()
    last = max(int(name) for name in files.names("seclog") if name.isdigit())
    files.delete("seclog/%d" % last)
    again = open_log(**SMALL)
    equal(again.next_seq, last)
    again.add_sink("syslog")
    equal([(entry.event, entry.info) for entry in again.entries(last)],
          [(events.LOG_CLEARED, "entries %d to 29 are missing" % last)])  # fmt: skip
    add_entries(again, 100)
    noted = [entry.info for entry in again.entries() if entry.event == events.LOG_FULL]
    true(noted and noted[-1].endswith("not yet sent: syslog"), str(noted))


def test_the_newest_entry_exchanged_while_the_unit_runs_is_seen_though_its_hash_is_right():
    """By one who can write the flash and makes the hash, too: there is no key here."""
    flashrig.fresh()
    log = open_log()
    add_entries(log, 3)
    records = [data for _, data in log._journal.records()]
    body = records[2][:-8].replace(b"others 2", b"others 7")
    records[2] = body + sha256(struct.pack("<I", 2) + body).digest()[:8]
    files = flashrig.files()
    files.delete_folder("seclog")
    forged = Journal(files, "seclog", 163840, 8192, ring=True)
    for data in records:
        forged.append(data)
    equal((log.verify(), open_log().verify()), (2, None))


async def test_the_log_is_checked_once_and_opened_by_its_last_entry_alone():
    flashrig.fresh()
    add_entries(open_log(), 10)
    read, records = [], Journal.records

    def counted(journal, first=0):
        read.append(first)
        return records(journal, first)

    Journal.records = counted
    try:
        log = open_log()
        equal((read, log.checked, log.broken), ([9], False, None))
        equal((await log.check(), log.checked, len(read)), (None, True, 2))
        equal((await log.check(), len(read)), (None, 2))
    finally:
        Journal.records = records
