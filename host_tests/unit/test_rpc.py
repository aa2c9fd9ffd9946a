"""CALL, CALLRESULT, CALLERROR (OCPP-15 to OCPP-22) and the check of the JSON behind them (SCH-16)."""

import asyncio
import gc
import json
import random
import sys

from check import equal, raises_async, true
from loop_turns import LoopTurns
from peer import until

from charger.errors import CallError, CallTimeoutError, DisconnectedError, OcppError
from charger.net import strict_json
from charger.ocpp.transport import error_codes
from charger.ocpp.transport.rpc import Rpc


class Line:
    """The connection below an Rpc: what was sent, and a back end's handler that a test scripts."""

    def __init__(self, handler=None):
        self.sent = []
        self.down = False
        self.invalid = []
        self.rpc = Rpc(self.send, handler or self.handle, self.invalid.append)

    async def send(self, pieces):
        if self.down:
            raise OSError(104)
        self.sent.append(json.loads("".join(pieces)))

    async def handle(self, action, payload):
        return {"action": action, "payload": payload}, None

    async def sends(self, count):
        """Wait until `count` messages have been sent; the last one."""
        await until(lambda: len(self.sent) >= count)
        return self.sent[-1]

    async def feed(self, message):
        await self.rpc.feed(message if isinstance(message, str) else json.dumps(message))

    async def answers(self, message):
        """Feed one message and return the one answer to it."""
        before = len(self.sent)
        await self.feed(message)
        return await self.sends(before + 1)


# --- our CALLs ---


async def test_a_call_and_its_result():
    line = Line()
    task = asyncio.create_task(line.rpc.call("Heartbeat", {"a": 1}))
    kind, uid, action, payload = await line.sends(1)
    equal((kind, action, payload), (2, "Heartbeat", {"a": 1}))
    true(isinstance(uid, str) and 0 < len(uid) <= 36)
    await line.feed([3, uid, {"currentTime": "x"}])
    equal(await task, {"currentTime": "x"})


async def test_a_null_payload_is_an_empty_one_ocpp10():
    line = Line()
    task = asyncio.create_task(line.rpc.call("Heartbeat", {}))
    await line.feed([3, (await line.sends(1))[1], None])
    equal(await task, {})


async def test_errors_in_every_shape():
    for message, code, description in (
        ([4, None, "NotSupported", "why", {"x": 1}], "NotSupported", "why"),
        ([4, None, "FormatViolation", "d", {}], "FormationViolation", "d"),
        ([4, None, "OccurrenceConstraintViolation", "", {}], "OccurenceConstraintViolation", ""),
        ([4, None, "OccurenceConstraintViolation"], "OccurenceConstraintViolation", ""),
        ([4, None, "SomethingNew", 5, {}], "SomethingNew", ""),
        ([4, None], "GenericError", ""),
        ([4, None, 17, "x"], "GenericError", "x"),
        ([3, None, "text"], "FormationViolation", None),
        ([3, None], "FormationViolation", None),
        ([3, None, {}, {}], "FormationViolation", None),
    ):
        line = Line()
        task = asyncio.create_task(line.rpc.call("A", {}))
        message[1] = (await line.sends(1))[1]
        await line.feed(message)
        error = await raises_async(CallError, task)
        equal(error.code, code)
        if description is not None:
            equal(error.description, description)


async def test_one_at_a_time_first_come_first_served_ocpp16():
    line = Line()
    order = []

    async def caller(n):
        await line.rpc.call("A", {"n": n})
        order.append(n)

    tasks = [asyncio.create_task(caller(n)) for n in range(20)]
    for n in range(20):
        message = await line.sends(n + 1)
        equal((len(line.sent), message[3]["n"]), (n + 1, n), "only this one is out")
        await line.feed([3, message[1], {}])
    for task in tasks:
        await task
    equal(order, list(range(20)))
    equal(len({message[1] for message in line.sent}), 20, "every id once")


async def test_timeout_then_the_late_answer_is_ignored():
    line = Line()
    await raises_async(CallTimeoutError, line.rpc.call("A", {}, 0))
    late = line.sent[0][1]
    task = asyncio.create_task(line.rpc.call("B", {}))
    await line.sends(2)
    await line.feed([3, late, {"late": 1}])
    await line.feed([3, "never-sent", {}])
    await line.feed([4, late, "GenericError", "", {}])
    true(not task.done())
    await line.feed([3, line.sent[1][1], {"right": 1}])
    equal(await task, {"right": 1})
    equal(line.invalid, [])


async def test_a_cancelled_caller_lets_the_next_one_go_on():
    line = Line()
    tasks = [asyncio.create_task(line.rpc.call("A", {"n": n})) for n in range(4)]
    await line.sends(1)
    tasks[1].cancel()  # while it waits for its turn
    tasks[0].cancel()  # while it waits for its answer
    equal((await line.sends(2))[3], {"n": 2})
    await line.feed([3, line.sent[1][1], {}])
    await tasks[2]
    await line.feed([3, (await line.sends(3))[1], {}])
    await tasks[3]
    equal(len(line.sent), 3)


async def test_close_frees_every_caller():
    line = Line()
    tasks = [asyncio.create_task(line.rpc.call("A", {})) for _ in range(3)]
    await line.sends(1)
    line.rpc.close()
    for task in tasks:
        await raises_async(DisconnectedError, task)
    await raises_async(DisconnectedError, line.rpc.call("A", {}))
    equal(len(line.sent), 1)


async def test_a_line_that_breaks_while_sending():
    line = Line()
    line.down = True
    await raises_async(DisconnectedError, line.rpc.call("A", {}))


# --- CALLs of the back end ---


async def test_a_call_is_answered_while_ours_is_out_ocpp16():
    line = Line()
    task = asyncio.create_task(line.rpc.call("A", {}))
    await line.sends(1)
    equal(await line.answers([2, "x", "GetStuff", {"k": "v"}]), [3, "x", {"action": "GetStuff", "payload": {"k": "v"}}])
    await line.feed([3, line.sent[0][1], {}])
    await task


async def test_payload_null_and_a_dict_without_follow_up():
    async def handle(action, payload):
        return payload

    line = Line(handle)
    equal(await line.answers([2, "1", "A", None]), [3, "1", {}])


async def test_handler_can_suppress_the_answer_ocpp28():
    async def handle(action, payload):
        return None if action == "Quiet" else ({}, None)

    line = Line(handle)
    await line.feed([2, "1", "Quiet", {}])
    equal(await line.answers([2, "2", "Loud", {}]), [3, "2", {}])
    equal(len(line.sent), 1)


async def test_handler_exceptions_become_callerrors_without_details():
    async def handle(action, payload):
        if action == "Secret":
            raise ValueError("/flash/secret.key is 0x1234")
        raise OcppError(error_codes.PROPERTY_CONSTRAINT_VIOLATION, "connectorId" + "x" * 400)

    line = Line(handle)
    equal(await line.answers([2, "1", "Secret", {}]), [4, "1", "InternalError", "", {}])
    answer = await line.answers([2, "2", "Bad", {}])
    equal(answer[:3] + answer[4:], [4, "2", "PropertyConstraintViolation", {}])
    equal(len(answer[3]), 255)


async def test_calls_are_handled_in_order_and_one_at_a_time():
    at_work = []
    gate = asyncio.Event()

    async def handle(action, payload):
        at_work.append(payload["n"])
        equal(len(at_work), 1)
        await gate.wait()
        at_work.pop()
        return {}, None

    line = Line(handle)

    async def feeder():
        for n in range(10):
            await line.feed([2, str(n), "A", {"n": n}])

    task = asyncio.create_task(feeder())
    await until(lambda: at_work)
    for _ in range(20):
        await asyncio.sleep_ms(0)
    true(not task.done(), "the queue is bounded: the sender is made to wait")
    gate.set()
    await task
    await line.sends(10)
    equal([message[1] for message in line.sent], [str(n) for n in range(10)])


async def test_the_answer_leaves_before_the_follow_up_runs():
    events = []

    async def later():
        events.append("later")
        events.append(await line.rpc.call("StatusNotification", {}))

    def follow_up():
        events.append("sent %d" % len(line.sent))
        return later()

    async def handle(action, payload):
        return ({"status": "Accepted"}, follow_up) if action == "First" else ({}, None)

    line = Line(handle)
    await line.feed([2, "1", "First", {}])
    await line.sends(2)
    equal(events, ["sent 1", "later"])
    equal(line.sent[0], [3, "1", {"status": "Accepted"}])
    equal(await line.answers([2, "2", "Second", {}]), [3, "2", {}], "answered while the follow-up waits for its CALL")
    await line.feed([3, line.sent[1][1], {"done": 1}])
    await until(lambda: len(events) == 3)
    equal(events[2], {"done": 1})


async def test_a_follow_up_that_fails_does_not_stop_the_answers():
    async def broken():
        raise ValueError("later")

    def sync_broken():
        raise ValueError("now")

    async def handle(action, payload):
        return {}, (sync_broken if action == "Now" else broken)

    line = Line(handle)
    for action in ("Now", "Later", "Now"):
        await line.answers([2, action, action, {}])
    equal(len(line.sent), 3)


async def test_the_follow_up_runs_even_if_the_answer_is_lost():
    ran = []

    async def handle(action, payload):
        line.down = True
        return {}, lambda: ran.append(1)

    line = Line(handle)
    await line.feed([2, "1", "Reset", {}])
    await until(lambda: ran)


async def test_ids_are_echoed_as_they_came():
    line = Line()
    for uid in ("x", "a" * 36, 'q"uo\\te', "é€😀", "tab\t"):
        equal((await line.answers([2, uid, "A", {}]))[:2], [3, uid])


# --- what is no CALL ---


async def test_calls_of_the_wrong_shape_ocpp19():
    line = Line()
    for message, code in (
        ([2, "i"], "ProtocolError"),
        ([2, "i", "A"], "ProtocolError"),
        ([2, "i", "A", {}, {}], "FormationViolation"),
        ([2, "i", 5, {}], "FormationViolation"),
        ([2, "i", "A" * 65, {}], "FormationViolation"),
        ([2, "i", "A", []], "FormationViolation"),
        ([2, "i", "A", "x"], "FormationViolation"),
        ([2, "i", "A", 1], "FormationViolation"),
        ([2, "i", "A", False], "FormationViolation"),
    ):
        answer = await line.answers(message)
        equal(answer[:3], [4, "i", code], message)
        equal((len(answer), answer[4]), (5, {}))
    equal(line.invalid, [])


NOT_JSON = (
    "", " ", "hello", "[", "]", "[2", '[2,"1","A",{}', '[2,"1","A",{}]]', '[2,"1","A",{}] x', '[2 "1" "A" {}]', '[2,"1","A",{},]',
    '[,2,"1","A",{}]', '[2,"1","A",{"a" 1}]', '[2,"1","A",{1:2}]', '[2,"1","A",{"a":1,}]', '[2,"1","A",{"a"}]',
    '[2,"1","A",{"a":}]', '[2,"1","A",{"a":1]]', '[2,"1","A",{"a":[1}]}', '[2,"1","A",{"a":NaN}]', '[2,"1","A",{"a":Infinity}]',
    '[2,"1","A",{"a":-Infinity}]', '[2,"1","A",{"a":01}]', '[2,"1","A",{"a":1.}]', '[2,"1","A",{"a":.5}]', '[2,"1","A",{"a":+1}]',
    '[2,"1","A",{"a":1e}]', '[2,"1","A",{"a":-}]', '[2,"1","A",{"a":1-2}]', '[2,"1","A",{"a":truex}]', '[2,"1","A",{"a":tru}]',
    '[2,"1","A",{"a":"\\x41"}]', '[2,"1","A",{"a":"\\u12"}]', '[2,"1","A",{"a":"\\u12g4"}]', '[2,"1","A",{"a":"\\u 123"}]',
    '[2,"1","A",{"a":"\\"}]', "[2,'1','A',{}]", '[2,"1","A",{"a":1:2}]', '\ufeff[2,"1","A",{}]', '[2,"1","A",{}]\x00',
    '[2,"1","A",{,}]', '[2,"1","A",{}}', '{"a":1}}', '[2,"1",,"A",{}]', '[2,"1","A" /* x */,{}]', '[2,"1","A",{"a":0x10}]',
)  # fmt: skip


async def test_invalid_json_is_counted_and_not_answered():
    line = Line()
    for text in NOT_JSON:
        await line.feed(text)
    equal(line.sent, [])
    equal(len(line.invalid), len(NOT_JSON))
    equal(line.rpc.invalid, len(NOT_JSON))


async def test_json_that_is_no_ocpp_message_is_counted_and_not_answered():
    line = Line()
    messages = (
        {}, [], 5, "x", None, True, [2], [True, "1", "A", {}], ["2", "1", "A", {}], [2.0, "1", "A", {}], [None, "1"],
        [2, None, "A", {}], [2, True, "A", {}], [2, "x" * 256, "A", {}], [2, ["1"], "A", {}], [3, [5], {}], [[2, "1", "A", {}]],
    )  # fmt: skip
    for message in messages:
        await line.feed(message)
    equal(line.sent, [])
    equal(len(line.invalid), len(messages))


async def test_f_o18_a_message_id_of_any_form_comes_back_as_it_came():
    class Raw(Line):
        async def send(self, pieces):
            self.sent.append("".join(pieces))

    async def handle(action, payload):
        return {"n": payload["n"]}

    line = Raw(handle)
    for uid in ('""', '"%s"' % ("x" * 37), '"%s"' % ("x" * 255), "7", "0", "-3", "1790000000123", "1790000000.123", "5.0",
                '"a b"', '"\\u00e9\\n"', "123456789012345678901234567890"):  # fmt: skip
        equal(await line.answers('[2, %s ,"A",{"n":1}]' % uid), '[3,%s,{"n":1}]' % uid)
        equal((await line.answers('[2,%s,"A"]' % uid))[: 4 + len(uid)], "[4,%s," % uid)
        equal((await line.answers('[2,%s,"A",{"n":1,"n":2}]' % uid))[: 4 + len(uid)], "[4,%s," % uid)
    equal(line.invalid, [])


async def test_f_o17_a_fraction_of_zeros_is_a_whole_number_of_any_size():
    line = Line()
    text = '[2,"1","A",{"a":5.0,"b":[-7.000,16777217.0],"c":2147483647.00,"d":1.50,"e":"5.0","f":0.0}]'
    await line.feed(text)
    await line.sends(1)
    payload = line.sent[0][2]["payload"]
    equal(payload, {"a": 5, "b": [-7, 16777217], "c": 2147483647, "d": 1.5, "e": "5.0", "f": 0})
    true(all(isinstance(value, int) for value in (payload["a"], payload["c"], payload["f"])))


async def test_other_message_types_are_ignored_ocpp21():
    line = Line()
    for kind in (0, 1, 5, 6, -2, 2000000000000):
        await line.feed([kind, "1", "A", {}])
    equal((line.sent, line.invalid), ([], []))


async def test_json_that_no_message_may_hold_sch16():
    line = Line()
    for payload in (
        '{"a":1,"a":2}', '{"b":{"a":1,"c":2,"a":1}}', '{"b":[{"a":1,"\\u0061":2}]}', '{"a":"\\ud800"}', '{"a":"\\udc00\\ud800"}',
        '{"a":"x\\ud83dy"}', '{"a":"\\ud83d\\u0041"}', '{"a":"\\u0000"}', '{"a":"x\x00y"}', '{"a\\u0000":1}', '{"a":1e400}',
        '{"a":-1e999}', '{"a":' + "9" * 41 + "}", '{"a":0.' + "1" * 60 + "}", '{"a":' + "[" * 9 + "]" * 9 + "}",
        '{"a":' * 9 + "{}" + "}" * 9,
        "[" * 2000, '{"a":' * 5000,
    ):  # fmt: skip
        answer = await line.answers('[2,"id","A",' + payload + "]")
        equal(answer[:3], [4, "id", "FormationViolation"], payload[:40])
    equal(line.invalid, [])


async def test_the_deepest_that_may_be_and_numbers_that_may_be():
    line = Line()
    for payload in (
        {"a": [[[[[[[[]]]]]]]]}, {"a": -0.5, "b": 1e-7, "c": 123456789012345678, "d": 0, "e": -1, "f": 2.5e3},
        {"a": True, "b": None},
    ):  # fmt: skip
        answer = await line.answers([2, "1", "A", payload])
        equal(answer[2]["payload"], payload)


async def test_a_bad_result_ends_the_call_at_once():
    line = Line()
    task = asyncio.create_task(line.rpc.call("A", {}))
    uid = (await line.sends(1))[1]
    await line.feed('[3,"%s",{"a":1,"a":1}]' % uid)
    equal((await raises_async(CallError, task)).code, "FormationViolation")


async def test_an_id_that_cannot_be_echoed_is_not_answered():
    line = Line()
    for uid in ("\\ud800", "a\\u0000", "x\x00"):
        await line.feed('[2,"%s","A",{}]' % uid)
    equal((line.sent, len(line.invalid)), ([], 3))


async def test_strings_come_out_as_they_went_in():
    line = Line()
    for text, wanted in (
        ("\\ud83d\\ude00", "😀"), ("x\\uD83D\\uDE00y\\ud83d\\ude01\\n", "x😀y😁\n"), ("\\u00e9\\u20ac", "é€"), ("é😀", "é😀"),
        ("\\\\ud83d\\\\", "\\ud83d\\"), ("\\\"\\/\\b\\f\\r\\t", "\"/\b\f\r\t"), ("\\\\", "\\"), ("a\\\\\\\"b", "a\\\"b"),
        ("\\\\\\ud83d\\ude00\\\\u0000", "\\😀\\u0000"),
    ):  # fmt: skip
        await line.feed('[2,"1","A",{"%s":"%s"}]' % (text, text))
        await until(lambda: line.sent)
        equal(line.sent.pop()[2]["payload"], {wanted: wanted})


async def test_mutations_of_a_call_never_break_anything():
    seed = random.getrandbits(30)
    random.seed(seed)
    line = Line()
    good = bytearray(json.dumps([2, "id-1", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {
        "chargingProfileId": 8, "list": [1.5, -2, True, None, "té\\xt"], "o": {"limit": 16.1}}}]).encode())
    for _ in range(1500):
        text = bytearray(good)
        for _ in range(random.randint(1, 4)):
            at = random.randint(0, len(text) - 1)
            what = random.randint(0, 3)
            if what == 0:
                text[at] = random.choice(b'"\\[]{}:,0123456789eE+-.ntfu \x00\x1f')
            elif what == 1:
                text = text[:at] + text[at + random.randint(1, 5):]
            elif what == 2:
                text = text[:at] + text[at : at + 8] + text[at:]
            else:
                text = text[:at] + bytes((random.choice(b'"{}[],:9'),)) + text[at:]
            if not text:
                break
        try:
            text = str(text, "utf-8")
        except UnicodeError:
            continue
        before = (len(line.sent), line.rpc.invalid)
        await line.feed(text)
        for _ in range(3):
            await asyncio.sleep_ms(0)
        line.invalid.clear()
        happened = len(line.sent) - before[0] + line.rpc.invalid - before[1]
        true(happened <= 1, "seed %d: %s" % (seed, text))
        if line.sent:
            true(line.sent[-1][0] in (3, 4))
            line.sent.clear()


async def test_the_scan_agrees_with_the_grammar_on_random_json():
    seed = random.getrandbits(30)
    random.seed(seed)

    def make(depth):
        what = random.randint(0, 7 if depth < 6 else 5)
        if what == 6:
            return [make(depth + 1) for _ in range(random.randint(0, 4))]
        if what == 7:
            return {"k%d\\\"é" % n: make(depth + 1) for n in range(random.randint(0, 4))}
        return (1, -17, "x\n\"\\", "", True, None)[what]

    for _ in range(300):
        value = [make(1), make(1)]
        text = json.dumps(value)
        data = bytearray((text + '"stale').encode())
        end = len(text.encode())
        equal(await strict_json.loads(data, end, strict_json.JsonScan(data, end)), value, "seed %d" % seed)


async def test_16_kib_are_parsed_without_a_copy_of_the_text():
    entries = ",".join('{"idTag":"TAG%05d","idTagInfo":{"status":"Accepted"}}' % n for n in range(300))
    head = '[2,"1","SendLocalList",{"listVersion":1,"updateType":"Full","localAuthorizationList":['
    text = bytearray((head + entries + "]}]").encode())
    true(16000 < len(text) < 18000)
    entries = None
    left = []
    for _ in range(5):
        gc.collect()
        free = gc.mem_free()
        left.append(free)
        value = await strict_json.loads(text, len(text), strict_json.JsonScan(text, len(text)))
        gc.collect()
        held = free - gc.mem_free()
        equal(len(value[3]["localAuthorizationList"]), 300)
        true(held < 300 * (450 if sys.maxsize < 1 << 32 else 900), "%d bytes for parsing" % held)
        value = None
    # From the second time on: what the first leaves is the finished coroutine's frame, which the next one replaces.
    true(left[-1] > left[1] - 2000, "less is free each time: %r" % left)


async def test_a_long_message_does_not_hold_up_the_loop():
    turns = LoopTurns()
    line = Line()
    await line.feed('[2,"1","A",{"a":[%s]}]' % ",".join(["1"] * 4000))
    true(turns.count > 100, turns.count)
    turns.stop()
