"""The queue of transaction messages: order, attempts, ids and times (OCPP-35 to 38, 44, 92). In manual time."""

from check import equal, near, true
from queue_rig import NOW, Config, Rig

from charger import clock
from charger.errors import CallError, CallTimeoutError, DisconnectedError
from charger.ocpp.v16.stamps import _iso, exact_stamp, now_stamp
from charger.ocpp.v16.transaction_queue import METER, START, STOP, TransactionQueue

HEAP = 32 * 1024 * 1024  # the flash is in it


async def test_online_each_goes_out_at_once_with_the_back_ends_id():
    rig = Rig()
    rig.start()
    rig.begin(7)
    await rig.empty()
    rig.read(7)
    rig.end(7)
    await rig.empty()
    equal(rig.order(), [START, METER, STOP])
    equal([p.get("transactionId") for _, _, p in rig.sent], [None, 501, 501])
    equal(rig.sent[0][2]["timestamp"][:10], "2026-09-21")
    equal([d[0] for d in rig.done], [START, METER, STOP])


async def test_offline_everything_waits_in_order_and_over_power_cuts():
    rig = Rig()
    rig.cut()
    for n in (1, 2, 3):
        rig.begin(n)
        rig.read(n, n)
        rig.end(n)
        rig.restart()
    equal(rig.box.waiting, 9)
    rig.start()
    rig.link()
    await rig.empty()
    equal(rig.order(), [START, METER, STOP] * 3)
    equal(rig.marks(), [1, 2, 3])
    equal([p.get("transactionId") for _, action, p in rig.sent if action != START], [501, 501, 504, 504, 507, 507])


async def test_two_sessions_at_once_keep_their_ids_apart():
    rig = Rig()
    rig.cut()
    for step in (rig.begin, rig.read, rig.end):
        step(1)
        step(2)
    rig.start()
    rig.link()
    await rig.empty()
    equal(rig.order(), [START, START, METER, METER, STOP, STOP])
    equal([p.get("transactionId") for _, _, p in rig.sent], [None, None, 501, 502, 501, 502])


async def test_retries_wait_longer_each_time_and_end_ocpp36():
    for failure in (CallError("InternalError"), CallTimeoutError("no answer")):
        rig = Rig()
        rig.answer = lambda action, payload, e=failure: e if action == START else {}
        rig.start()
        rig.begin(1)
        rig.end(1)
        begun = clock.uptime_s()
        await rig.empty()
        times = [at - begun for at, action, _ in rig.sent if action == START]
        equal(len(times), 3)
        near(times[1], 60, 1)
        near(times[2], 180, 1)
        equal([d[0] for d in rig.done], [START, STOP])
        equal(rig.sent[-1][2]["transactionId"], -1, "OCPP-38")


async def test_a_retry_has_the_same_payload():
    rig = Rig()
    rig.answer = lambda action, payload: CallTimeoutError("x") if len(rig.sent) < 3 else {"transactionId": 9}
    rig.begin(1)
    rig.start()
    await rig.empty()
    equal(len(rig.sent), 3)
    equal([p for _, _, p in rig.sent], [rig.sent[0][2]] * 3)


async def test_a_lost_connection_is_no_attempt():
    rig = Rig(config=Config(attempts=1))
    rig.begin(1)

    def drop(action, payload):
        rig.up = len(rig.sent) > 5
        return {"transactionId": 77} if rig.up else DisconnectedError("cut")

    rig.answer = drop
    rig.start()
    for _ in range(10):
        rig.link()
        await clock.sleep_ms(100)
    equal((len(rig.sent), rig.box.waiting, rig.box.transaction_id(1)), (6, 0, 77))


async def test_failed_attempts_are_counted_over_a_power_cut():
    rig = Rig(config=Config(attempts=3, interval_s=1))
    rig.answer = lambda action, payload: CallError("GenericError") if action == START else {}
    rig.begin(1)
    rig.start()
    while len(rig.sent) < 2:
        await clock.sleep_ms(100)
    await clock.sleep_ms(10)
    rig.restart()
    rig.start()
    await rig.empty()
    equal(len(rig.sent), 3)


async def test_a_message_under_way_when_the_power_goes_is_sent_again_and_no_attempt():
    rig = Rig(config=Config(attempts=1))
    rig.begin(1)
    rig.answer = None  # whoever asks it dies: the power is gone
    rig.start()
    for _ in range(5):
        while not rig.sent:
            await clock.sleep_ms(1)
        payload = rig.sent.pop()[2]
        rig.restart()
        rig.start()
    rig.answer = lambda action, again: {"transactionId": 3} if again == payload else CallError("GenericError")
    await rig.empty()
    equal(rig.box.transaction_id(1), 3)


async def test_message_that_crashes_the_charger_each_time_is_dropped_at_last():
    rig = Rig()
    rig.begin(1)
    rig.end(1)
    restarts = 0
    while restarts < 40 and not rig.done:
        rig.answer = None
        rig.start()
        await clock.sleep_ms(1)
        restarts += 1
        if not rig.done:
            rig.restart()
    equal(restarts, 21)


async def test_an_id_known_is_known_after_the_restart_and_gone_after_the_stop():
    rig = Rig()
    rig.start()
    rig.begin(4)
    await rig.empty()
    rig.restart()
    equal((rig.box.transaction_id(4), rig.box.unfinished), (501, {4}))
    rig.end(4)
    rig.restart()
    equal(rig.box.unfinished, set())
    rig.start()
    await rig.empty()
    equal(rig.sent[-1][2]["transactionId"], 501)
    rig.restart()
    equal((rig.box.transaction_id(4), rig.box.waiting), (None, 0))


async def test_nothing_is_sent_twice_after_a_quiet_restart():
    rig = Rig()
    rig.start()
    for n in range(30):
        rig.begin(n)
        rig.read(n)
        rig.end(n)
        await rig.empty()
        if n % 7 == 0:
            rig.restart()
            rig.start()
    equal(rig.order(), [START, METER, STOP] * 30)


async def test_times_unknown_when_it_happened_are_reported_right_once_known_ocpp44():
    rig = Rig()
    clock._zero_s = None
    rig.cut()
    begun = clock.uptime_ms()
    rig.begin(1)
    await clock.sleep_ms(90000)
    ended = clock.uptime_ms()
    rig.read(1)
    rig.end(1)
    clock.set_utc(NOW + 5000, "ocpp", 321)
    rig.start()
    rig.link()
    await rig.empty()
    times = [rig.sent[0][2]["timestamp"], rig.sent[1][2]["meterValue"][0]["timestamp"], rig.sent[2][2]["timestamp"]]
    for text, uptime_ms in zip(times, (begun, ended, ended)):
        true(0 <= utc_ms(text) - clock.utc_ms_at(uptime_ms) <= 5, text)


async def test_times_of_a_start_up_that_never_knew_are_its_end_at_the_latest():
    rig = Rig()
    clock._zero_s = None
    rig.cut()
    rig.begin(1)
    rig.restart()
    clock.set_utc(NOW + 9000, "ocpp")
    rig.start()
    rig.link()
    await rig.empty()
    equal(rig.sent[0][2]["timestamp"], clock.iso_ms(clock.utc_ms_at(0)))


def utc_ms(text):
    seconds, millis = clock.parse_iso(text)
    return seconds * 1000 + millis


def test_stamps_of_earlier_firmware_are_in_seconds():
    zero = (7, 1790000000123, True)
    equal((_iso(1790000000, zero), _iso(-10, zero)), ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:29.123Z"))


def test_f_o19_stamps_are_in_milliseconds_of_the_event():
    clock._zero_s = None
    begun = clock.uptime_ms()
    unknown = exact_stamp(None, begun, clock.boot_id)
    true(abs(now_stamp() - unknown) <= 5)
    clock.set_utc(NOW, "test", 250)
    true(abs(exact_stamp(clock.utc_ms_at(begun) // 1000, begun, clock.boot_id) - NOW * 1000 - 250) <= 5)
    equal(exact_stamp(NOW - 50, begun, clock.boot_id), (NOW - 50) * 1000, "of a clock that was set since")
    equal(exact_stamp(NOW, 999, clock.boot_id + 1), NOW * 1000, "of an earlier start-up")
    equal(_iso(unknown, (7, clock.utc_ms_at(0), True)), clock.iso_ms(clock.utc_ms_at(begun)))


async def test_f_o19_a_message_says_the_same_time_at_each_attempt():
    rig = Rig()
    clock._zero_s = None
    rig.cut()
    rig.begin(1)
    clock.set_utc(NOW, "ocpp")
    rig.answer = lambda action, payload: CallTimeoutError("x")
    rig.start()
    rig.link()
    while not rig.sent:
        await clock.sleep_ms(1)
    rig.restart()
    rig.answer = lambda action, payload: {"transactionId": 500}
    clock._zero_s = None
    clock.set_utc(NOW + 500, "ocpp")
    rig.start()
    rig.link()
    await rig.empty()
    equal(len(rig.sent), 2)
    equal(rig.sent[0][1:], rig.sent[1][1:])


async def test_much_transaction_data_loses_its_middle_ocpp92():
    rig = Rig()
    data = [{"timestamp": NOW + n, "sampledValue": [{"value": str(n) * 20}]} for n in range(100)]
    rig.box.add(STOP, 1, {"meterStop": 1, "timestamp": NOW, "transactionData": data}, clock.boot_id)
    rig.start()
    await rig.empty()
    sent = rig.sent[0][2]["transactionData"]
    true(2 < len(sent) < 100, str(len(sent)))
    equal((sent[0]["timestamp"], sent[-1]["timestamp"]), (clock.iso(NOW), clock.iso(NOW + 99)))


async def test_an_answer_without_an_id_is_one_never_confirmed():
    for answer in ({}, {"transactionId": True}, {"transactionId": "seven"}, {"transactionId": None}):
        rig = Rig()
        rig.answer = lambda action, payload, a=answer: a
        rig.start()
        rig.begin(1)
        rig.end(1)
        await rig.empty()
        equal(rig.sent[-1][2]["transactionId"], -1)


async def test_ids_of_zero_below_zero_and_beyond_32_bits_are_just_ids():
    for number in (0, -5, 1 << 40):
        rig = Rig()
        rig.answer = lambda action, payload, n=number: {"transactionId": n}
        rig.start()
        rig.begin(1)
        await rig.empty()
        rig.restart()
        rig.start()
        rig.end(1)
        await rig.empty()
        equal(rig.sent[-1][2]["transactionId"], number)


def test_unit_without_a_back_end_queues_nothing():
    bench = Rig()
    box = TransactionQueue(bench.files, bench.config, bench.call, lambda: False, bench.through, has_back_end=False)
    for number in range(50):
        box.add(START, number, {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}, 1)
        box.add_reading(number, {"connectorId": 1, "meterValue": []})
    box.flush_to_flash()
    equal((box.waiting, box.dropped), (0, 0))
    again = TransactionQueue(bench.files, bench.config, bench.call, lambda: False, bench.through)
    equal((again.waiting, again.unfinished), (0, set()))
