"""JSON behind the messages: malformed, hostile and large texts (OCPP-19 to OCPP-21, SCH-16)."""

import asyncio
import gc
import json
import random
import sys

from check import equal, raises_async, true
from loop_turns import LoopTurns
from mutation import delete, insert, mutated, repeat, replace
from peer import until
from rpc_line import Line

from charger.errors import CallError, NotJsonError, UnacceptableJsonError
from charger.net import strict_json

WORDS = (64, 32)


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
    changes = (replace(b'"\\[]{}:,0123456789eE+-.ntfu \x00\x1f'), delete(5), repeat(8), insert(b'"{}[],:9'))
    for _ in range(1500):
        try:
            text = str(mutated(good, changes), "utf-8")
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


async def outcome(text):
    """The value of a text or the kind of its error, and the message's head."""
    data = bytearray(text.encode())
    scan = strict_json.JsonScan(data, len(data))
    try:
        value = await strict_json.loads(data, len(data), scan)
    except (NotJsonError, UnacceptableJsonError) as error:
        value = type(error)
    return value, scan.head(), scan.id_text()


async def test_the_usual_head_of_a_message_is_checked_like_any_other():
    rests = (
        ',"Reset",{"type":"Soft"}]', ',{}]', ']', '', ',', ']]', '}', ':1]', '"x"]',
        ' ,"A" , {}\n]', ',"A",{"a":1,"a":2}]', ',[1}]',
        ',"A",[[[[[[[[[[]]]]]]]]]]]', ',1.50]', ',01]', ',"\\u0000"]', '\\",1]', ',"A",{"k":"' + "x" * 300 + '"}] x',
    )  # fmt: skip
    for kind in ("[2,", "[3,", "[4,", "[5,", "[22,", "[2:", "[2e", "[x,", "{2,"):
        for uid in ("id", "", "x" * 255, "é€"):
            for rest in rests:
                text = kind + '"' + uid + '"' + rest
                equal(await outcome(text), await outcome(text[0] + " " + text[1:]), text[:60])


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


async def _parsed(text):
    data = bytearray(text.encode())
    return await strict_json.loads(data, len(data), strict_json.JsonScan(data, len(data)))


def _periods(count):
    return [{"startPeriod": n, "limit": n + 0.5, "more": [n, [None, True], {"s": "},]\\\""}]} for n in range(count)]


def _whole(value):
    """The value with real lists."""
    if isinstance(value, dict):
        return {name: _whole(field) for name, field in value.items()}
    if isinstance(value, list):
        items = [_whole(item) for item in value]
        equal(len(value), len(items))
        return items
    return value


async def test_what_is_long_is_parsed_in_pieces_to_the_same_value():
    """A list deep in the payload, a list of strings, of numbers and of all kinds; a string with escapes of every length."""
    space = " \t\r\n" * 80
    for field in (
        {"profile": {"schedule": {"periods": _periods(120)}, "n": 1}}, ["name %d; [\"" % n for n in range(300)],
        [n / 4 for n in range(900)], [None, True, "x", 5, -1.5, {"a": [1]}, [[]], {}] * 150, "plain" * 1000,
        "\n\\\"\u00e9\u20ac\U0001f600x" * 500, "\\" * 2500, "x" * 509 + "\u20ac" * 1500,
    ):  # fmt: skip
        message = [2, "1", "A", {"a": 1, "field": field, "z": {"y": [1, "2"]}}]
        for text in (json.dumps(message), json.dumps(message).replace(", ", space + "," + space, 5)):
            true(len(text.encode()) > 4096)
            value = await _parsed(text)
            equal(_whole(value), message)
            if isinstance(field, list):
                equal(bool(value[3]["field"]), True)
    for items in ("", "1", "[]", " 1 , {} "):
        text = '[2,"1","A",{"field":[%s%s]}]' % (" " * 5000, items)
        value = (await _parsed(text))[3]["field"]
        wanted = json.loads("[%s]" % items)
        equal((_whole(value), len(value), bool(value)), (wanted, len(wanted), bool(wanted)))
    error = [4, "1", "Code", "a stack trace\n" * 400, {}]
    equal(await _parsed(json.dumps(error)), error)
    escaped = "".join(["\\u%04x" % ord(ch) if ch < "\uffff" else "\\ud83d\\ude00" for ch in "\u00e9\n\U0001f600"])
    equal((await _parsed('[2,"1","A",{"field":"%s"}]' % (escaped * 300)))[3]["field"], "\u00e9\n\U0001f600" * 300)


async def test_what_no_message_may_hold_is_found_in_what_is_long_too():
    for long in (
        '[%s]' % ",".join(['{"a":1,"a":2}'] * 400), '{"x":[%s]}' % ",".join(['{"a":1,"a":2}'] * 400),
        "[%s]" % ",".join(["1e999"] * 900), '["%s",1e999]' % ("x" * 5000), '"%s\\u0000"' % ("x" * 5000),
        '"%s\\ud83d"' % ("\\u00e9" * 900), '"","field":"%s"' % ("x" * 5000),
    ):  # fmt: skip
        line = Line()
        answer = await line.answers('[2,"1","A",{"field":%s}]' % long)
        equal(answer[:3], [4, "1", "FormationViolation"], long[:40])


async def test_a_long_message_of_any_kind_lets_other_tasks_run():
    for long in ('"%s"' % ("\\n" * 9000), '"%s"' % ("x" * 18000), json.dumps(["k" * 50] * 300), json.dumps(_periods(200))):
        turns = LoopTurns()
        line = Line()
        await line.feed('[2,"1","A",{"a":{"b":%s}}]' % long)
        true(turns.count > 25, (turns.count, long[:20]))
        turns.stop()
