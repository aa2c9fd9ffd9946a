"""The syslog client in memory and manual time: what goes out when, what is repeated, what never."""

import flashrig
from check import equal, true
from client_rig import begin, end
from peer import until
from rig import charging_rig
from security_log_rig import forge
from syslog_rig import Rig, fault

from charger import clock
from charger.app import Application
from charger.audit import events
from charger.audit.security_log import SecurityLog
from charger.errors import ConnectError
from charger.net import tls
from charger.runtime import hold_ups, memory

HEAP = 8 * 1024 * 1024
setup, teardown = begin, end


def fill(log, count, info="n%d"):
    """So many further entries."""
    for number in range(count):
        log._add(events.RECONFIGURED, info % number)


async def test_what_waits_goes_out_once_and_the_connection_is_closed():
    rig = Rig()
    fill(rig.log, 3)
    waiting = rig.log.next_seq
    await rig.start().sent()
    equal(rig.opened[0][:2], ("h", 1234))
    equal(rig.numbers(), list(range(waiting)))
    equal(rig.log.mark("syslog"), waiting - 1)
    equal(rig.near.s.closed, 1)
    true(b" pilot?light Pilotlight " in rig.receivers[0].messages[0])
    await clock.sleep_s(7200)
    equal(len(rig.opened), 1, "nothing waits, so nothing connects")
    began = clock.ticks_ms()
    fill(rig.log, 2)
    await rig.sent()
    equal(rig.numbers(), list(range(waiting + 2)))
    true(4000 <= clock.ticks_diff(rig.opened[1][3], began) <= 7000, "the entries of one incident go together")


async def test_the_port_is_6514_unless_another_is_given():
    rig = Rig(b"log.example")
    fill(rig.log, 1)
    await rig.start().sent()
    equal(rig.opened[0][:2], ("log.example", 6514))


async def test_the_position_survives_a_restart():
    rig = Rig()
    fill(rig.log, 5)
    await rig.start().sent()
    sent = rig.log.next_seq
    rig.end()
    flashrig.reboot()
    rig = Rig(log=SecurityLog(flashrig.files()))
    fill(rig.log, 1, "later %d")
    await rig.start().sent()
    equal(rig.numbers(), list(range(sent, rig.log.next_seq)))


async def test_a_log_longer_than_a_batch_goes_over_one_connection_and_the_mark_moves_once_a_batch():
    rig = Rig()
    fill(rig.log, 150)
    moved = []
    acknowledge = rig.log.acknowledge
    rig.log.acknowledge = lambda sink, seq: moved.append(seq) or acknowledge(sink, seq)
    await rig.start().sent()
    equal(rig.numbers(), list(range(rig.log.next_seq)))
    equal((len(rig.opened), moved), (1, [63, 127, rig.log.next_seq - 1]))


async def test_a_receiver_that_stops_in_a_batch_gets_all_of_that_batch_again():
    """Entries before its end may be lost with it: the mark stays, each entry comes at least once."""
    rig = Rig()
    fill(rig.log, 100)
    rig.most = 70
    rig.start()
    await until(lambda: rig.client.fault, 60000, 50)
    equal((rig.client.fault, rig.log.mark("syslog")), ("reset", 63))
    rig.most = None
    await rig.sent(120000)
    equal(rig.numbers(), list(range(70)) + list(range(64, rig.log.next_seq)))


async def test_the_last_message_counts_only_when_the_connection_stands_for_a_while():
    rig = Rig()
    fill(rig.log, 3)
    rig.most = 3
    rig.start()
    await until(lambda: rig.client.fault, 60000, 50)
    equal((rig.client.fault, rig.log.mark("syslog")), ("reset", -1))


async def test_a_batch_before_an_outage_goes_out_once_more_and_not_without_end():
    rig = Rig()
    fill(rig.log, 2)
    await rig.start().sent()
    first = rig.log.next_seq
    fill(rig.log, 1)
    await rig.sent()
    rig.fault = ConnectError("timeout", "of the test")
    fill(rig.log, 1)
    await rig.attempts(6, 3600000)
    rig.fault = None
    rig.client.retry_now()
    await rig.sent()
    equal(rig.numbers()[first:], [first, first, first + 1])
    fill(rig.log, 1)
    await rig.sent()
    equal(rig.numbers()[-1], first + 2)
    equal(len(rig.numbers()), first + 4)


async def test_the_pause_grows_to_an_hour_and_the_network_ends_it():
    rig = Rig()
    rig.fault = ConnectError("refused", "of the test")
    fill(rig.log, 1)
    rig.start()
    await rig.attempts(11, 100000000, 1000)
    least = 10000
    for number in range(1, 11):
        gap = clock.ticks_diff(rig.opened[number][3], rig.opened[number - 1][3])
        true(least <= gap <= 2 * least + 3000, "pause %d: %d ms" % (number, gap))
        least = min(2 * least, 3600000)
    rig.client.retry_now()
    await rig.attempts(12, 3000)
    equal((rig.client.report()["fault"], rig.untrusted()), ("refused", []))


async def test_a_server_that_is_not_trusted_is_told_once_and_gets_nothing():
    rig = Rig()
    fill(rig.log, 1)
    rig.start()
    for cause in ("untrusted", "refused", "untrusted", "untrusted"):
        rig.fault = fault(cause)
        rig.client.retry_now()
        await rig.attempts(len(rig.opened) + 1, 10000)
    equal((rig.untrusted(), rig.numbers(), rig.client.fault), (["untrusted"], [], "untrusted"))
    rig.fault = None
    rig.client.retry_now()
    await rig.sent()
    rig.fault = fault("untrusted")
    fill(rig.log, 1)
    await rig.attempts(len(rig.opened) + 1, 20000)
    await clock.sleep_ms(100)
    equal(rig.untrusted(), ["untrusted", "untrusted"])


async def test_without_a_time_and_without_leave_nothing_is_opened():
    rig = Rig(time=False)
    fill(rig.log, 1)
    rig.start()
    await clock.sleep_s(3600)
    equal((rig.opened, rig.client.fault), ([], None))
    rig.may = False
    clock.set_utc(1830297600, "test")
    await clock.sleep_s(3600)
    equal(rig.opened, [])
    rig.may = True
    await rig.sent()


async def test_what_the_receiver_says_is_thrown_away_and_slow_reading_has_its_deadline():
    rig = Rig()
    rig.greeting = b"x" * 5000
    fill(rig.log, 3)
    await rig.start().sent()
    rig.room = 100  # octets, then its window is full
    fill(rig.log, 3)
    await until(lambda: rig.client.fault, 60000, 50)
    equal((rig.client.fault, rig.log.mark("syslog")), ("timeout", rig.log.next_seq - 4))
    rig.room = None
    await rig.sent(120000)


async def test_memory_that_is_needed_elsewhere_ends_the_connection_within_a_second():
    rig = Rig()
    fill(rig.log, 3)
    rig.start()
    await until(rig.numbers, 20000)
    rig.client.free_memory()
    began = clock.ticks_ms()
    await until(lambda: rig.near.s.closed, 1000)
    true(clock.elapsed_ms(began) <= 1000)
    await until(lambda: rig.client.fault, 1000)
    equal((rig.client.fault, rig.log.mark("syslog")), ("memory", -1))
    await rig.attempts(2, 400000)
    true(clock.ticks_diff(rig.opened[1][3], began) >= 59000)
    await rig.sent()


async def test_an_altered_entry_goes_out_as_altered_and_one_that_cannot_be_read_is_passed_over():
    rig = Rig()
    fill(rig.log, 3)
    first = rig.log.next_seq - 3
    forge(rig.log, first + 1, b"n1", b"x1")
    rig = Rig(log=SecurityLog(flashrig.files()))
    await rig.start().sent()
    said = [b'genuine="false"' in message for message in rig.receivers[0].messages]
    equal(said.index(True), first + 1)
    equal(rig.receivers[0].messages[-1].split(b" ")[5], b"SecurityLogAltered")
    forge(rig.log, rig.log.next_seq - 1, b"entry", b"\xff\xff\xff\xff\xff")
    rig.client._first = rig.log.next_seq - 1
    await rig.sent()
    equal(rig.client._first, rig.log.next_seq)


async def test_a_log_cut_at_its_end_is_noticed_by_this_mark_too():
    log = Rig().log
    fill(log, 1)
    log.acknowledge("syslog", 400)
    log = SecurityLog(flashrig.files())
    equal([entry.event for entry in log.entries()][-1], events.RECONFIGURED)
    rig = Rig(log=log)
    equal([entry.event for entry in log.entries()][-1], events.LOG_CLEARED)
    await rig.start().sent()
    equal(rig.numbers(), [1], "the mark was set back to the last entry that is left")


async def test_entries_that_are_overwritten_before_they_went_out_are_an_event():
    rig = Rig(log=SecurityLog(flashrig.files(), b"", 16384, 4096))
    fill(rig.log, 3)
    await rig.start().sent()
    rig.may = False
    fill(rig.log, 300)
    full = [entry.info for entry in rig.log.entries() if entry.event == events.LOG_FULL]
    true(any(info.endswith("not yet sent: syslog") for info in full), full)
    equal(rig.client.report()["waiting"], rig.log.next_seq - rig.log.first_seq)
    rig.may = True
    await rig.sent(120000)
    numbers = rig.numbers()
    true(numbers[-1] == rig.log.next_seq - 1 and numbers == sorted(numbers) and len(numbers) < rig.log.next_seq)


async def test_a_flash_that_takes_no_mark_repeats_nothing_before_the_next_start():
    rig = Rig()
    rig.log._move = lambda sink, seq: None
    fill(rig.log, 2)
    await rig.start().sent()
    fill(rig.log, 1)
    await rig.sent()
    equal(rig.numbers(), list(range(rig.log.next_seq)))


async def test_an_address_that_is_none():
    rig = Rig(b"h:99999")
    fill(rig.log, 1)
    rig.start()
    await until(lambda: rig.client.fault, 60000, 50)
    equal((rig.client.fault, rig.opened), ("config", []))


async def test_a_handshake_that_waits_ends_where_a_contactor_has_closed_meanwhile():
    """The charging goes on: an own connection without urgency does not interrupt it."""
    charger = charging_rig()
    hold_ups.configure(charger.outlets, 1200)
    context = tls.ClientContext(b"roots")
    context.make = lambda: 1 / 0
    context.waits = True
    try:
        await tls._alone(None, context, "h")
    except ConnectError as error:
        equal(error.cause, "timeout")
    else:
        raise AssertionError("it went on")
    equal(hold_ups.interruptions, 0)
    true(charger.outlet.is_closed)


class Place:
    inside = 0


class App:
    """The part of the application that decides whether a connection may be made."""

    listener = None
    altered = False
    connected = True

    def __init__(self):
        self.charge_point = self.updates = self

    def ready(self):
        return self.connected


async def test_what_forbids_a_connection():
    """Altered firmware, a closed contactor, memory; a client of the page only where the heap grows (no PSRAM)."""
    hold_ups.configure((), 0)
    app = App()
    app.listener = app
    app.admission = Place()
    outside = [1 << 20]
    try:
        for grows in (False, True):
            memory.configure(grows, lambda: outside[0])
            outside[0] = 1 << 20
            true(Application.may_send_log(app))
            Place.inside = 1
            equal(Application.may_send_log(app), not grows)
            Place.inside = 0
            app.altered = True
            equal(Application.may_send_log(app), False)
            app.altered = False
            outside[0] = 30000
            equal(Application.may_send_log(app), False)
            outside[0] = 1 << 20
        hold_ups.configure(charging_rig().outlets, 0)
        equal(Application.may_send_log(app), False, "whatever a handshake takes")
    finally:
        memory.configure(False, None)
