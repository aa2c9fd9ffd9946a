"""SecurityEventNotification: order, acknowledgement, refusals, a back end without it, and the message (WP-42, WP-45)."""

import asyncio

import flashrig
from check import equal, true
from security_log_rig import add_entries, begin, end, open_log

from charger import clock
from charger.audit import events
from charger.errors import CallError, DisconnectedError
from charger.ocpp.v16.services import security_events
from sim import timebase

HEAP = 24 * 1024 * 1024
NOON = 1800000000
setup, teardown = begin, end


class BackEnd:
    """Keeps what it is sent as (uptime in s, info); raises the next of `outcomes`, or `always`, instead of an answer."""

    def __init__(self, *outcomes, always=None):
        self.outcomes = list(outcomes)
        self.always = always
        self.accepted = True
        self.sent = []

    async def call(self, action, message):
        equal(action, "SecurityEventNotification")
        self.sent.append((clock.uptime_s(), message["techInfo"].split(" (")[0]))
        outcome = self.outcomes.pop(0) if self.outcomes else self.always
        if outcome is not None:
            raise outcome

    def infos(self):
        return [info for _, info in self.sent]


class CountingLog:
    """A security log that counts how often it is searched."""

    def __init__(self, count):
        flashrig.fresh()
        self.log = open_log()
        add_entries(self.log, count, "no.")
        self.searches = 0

    def __getattr__(self, name):
        return getattr(self.log, name)

    def pending(self, sink):
        self.searches += 1
        return self.log.pending(sink)


async def run_for(back_end, log, seconds):
    """The task of the events, for so many seconds; what follows them belongs to the caller."""
    task = asyncio.create_task(security_events.SecurityEvents(back_end.call, lambda: back_end.accepted, log).run())
    await clock.sleep_s(seconds)
    task.cancel()


async def test_all_entries_are_sent_once_in_order_and_the_log_is_left_alone_until_the_next_wp42():
    log, back_end = CountingLog(6), BackEnd()
    task = asyncio.create_task(security_events.SecurityEvents(back_end.call, lambda: True, log).run())
    await clock.sleep_s(20)
    equal(back_end.infos(), ["no. %d" % number for number in range(6)])
    equal(log.mark("ocpp"), 5)
    searches = log.searches
    await clock.sleep_s(100)
    equal(log.searches, searches, "nothing is searched for while nothing is new")
    add_entries(log.log, 1, "new")
    await clock.sleep_s(5)
    equal(back_end.infos()[6:], ["new 0"])
    task.cancel()


async def test_nothing_is_sent_before_the_unit_is_accepted_wp45():
    log, back_end = CountingLog(1), BackEnd()
    back_end.accepted = False
    await run_for(back_end, log, 300)
    equal((back_end.sent, log.mark("ocpp")), ([], -1))
    back_end.accepted = True
    await run_for(back_end, log, 3)
    equal(back_end.infos(), ["no. 0"])


async def test_an_event_whose_answer_was_lost_with_the_link_is_sent_again_before_those_after_it_wp42():
    log, back_end = CountingLog(2), BackEnd(DisconnectedError("x"))
    await run_for(back_end, log, 10)
    equal(back_end.infos(), ["no. 0", "no. 0", "no. 1"])
    equal(log.mark("ocpp"), 1)


async def test_an_event_is_given_up_after_three_refusals_a_minute_apart_counted_for_each_event():
    refused = CallError("InternalError", "x")
    log, back_end = CountingLog(3), BackEnd(refused, refused, None, refused, refused, refused)
    await run_for(back_end, log, 400)
    equal(back_end.infos(), ["no. 0"] * 3 + ["no. 1"] * 3 + ["no. 2"])
    times = [moment for moment, _ in back_end.sent]
    true(all(60 <= times[at + 1] - times[at] <= 62 for at in (0, 1, 3, 4)), times)
    equal(log.mark("ocpp"), 2)


async def test_a_back_end_that_does_not_know_the_message_gets_one_an_hour_and_nothing_is_given_up():
    for code in ("NotImplemented", "NotSupported"):
        log, back_end = CountingLog(2), BackEnd(always=CallError(code, ""))
        await run_for(back_end, log, 4 * 3600)
        equal(back_end.infos(), ["no. 0"] * 4, code)
        equal(log.mark("ocpp"), -1)


def test_the_message_says_what_is_estimated_or_altered_and_has_a_time_in_any_case():
    flashrig.fresh()
    log = open_log()
    log.add(events.TAMPER, "early")
    log.add(events.TAMPER)
    entry, bare = log.entries()
    timebase.manual()
    clock.set_utc(NOON, "test")
    equal(security_events.payload(entry), {
        "type": "TamperDetectionActivated", "timestamp": clock.now_iso(), "techInfo": "early (time estimated)"})  # fmt: skip
    equal(security_events.payload(bare)["techInfo"], "(time estimated)")
    log.add(events.TAMPER, "late")
    log.add(events.TAMPER)
    late, nothing = list(log.entries())[-2:]
    equal(security_events.payload(late)["techInfo"], "late")
    equal(sorted(security_events.payload(nothing)), ["timestamp", "type"])
    late.genuine = False
    late.info = "x" * 300
    equal(security_events.payload(late)["techInfo"], "ALTERED: " + "x" * 246)
