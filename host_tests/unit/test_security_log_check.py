"""The check of the whole security log: altered entries are reported once, a right log is not, all in slices."""

import flashrig
from check import equal, true
from security_log_rig import SMALL, add_entries, begin, end, forge, open_log

from charger.audit import events
from charger.ocpp.v16.services.security_events import SecurityEvents

HEAP = 24 * 1024 * 1024
setup, teardown = begin, end


async def test_f_s9_a_forged_entry_is_reported_once_and_shown_as_altered():
    flashrig.fresh()
    keyed = open_log(key=b"of the unit")
    add_entries(keyed, 20)
    forge(keyed, 5, b"like others 5", b"like nobody 5")
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


async def test_f_s9_the_back_end_gets_a_forged_entry_as_altered_and_the_event_about_it():
    """The log is checked before its first entry is sent."""
    flashrig.fresh()
    add_entries(open_log(), 3)
    forge(open_log(), 1, b"like others 1", b"like nobody 1")
    sent = []

    async def call(_action, message):
        sent.append((message["type"], message["techInfo"].split(" (")[0]))

    await SecurityEvents(call, lambda: True, open_log())._send()
    equal(sent[1:], [(events.RECONFIGURED, "ALTERED: an event like nobody 1"), (events.RECONFIGURED, "an event like others 2"),
                     (events.LOG_ALTERED, "entry 1")])  # fmt: skip
