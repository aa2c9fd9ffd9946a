"""CALL, CALLRESULT and CALLERROR in both directions (OCPP-15 to OCPP-22)."""

import asyncio

from check import equal, raises_async, true
from peer import until
from rpc_line import Line

from charger.errors import CallError, CallTimeoutError, DisconnectedError, OcppError
from charger.ocpp.transport import error_codes

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


async def test_one_that_goes_first_waits_for_the_answer_of_the_one_that_is_out_only():
    line = Line()
    tasks = [asyncio.create_task(line.rpc.call(name, {}, first=name == "First")) for name in ("Out", "Waits", "First")]
    for count, name in enumerate(("Out", "First", "Waits"), 1):
        message = await line.sends(count)
        equal(message[2], name)
        await line.feed([3, message[1], {}])
    for task in tasks:
        equal(await task, {})


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


def at_once(action, payload):
    """A handler that does not wait."""
    return {"n": payload.get("n", 0)}, None


async def test_a_short_call_whose_handler_does_not_wait_is_answered_without_a_task():
    line = Line(at_once)
    for n in range(3):
        await line.feed([2, str(n), "A", {"n": n}])
        equal(line.sent[n:], [[3, str(n), {"n": n}]], "when feed() returns")
    line.rpc._handler = lambda action, payload: None
    await line.feed([2, "3", "A", {}])
    equal((len(line.sent), line.rpc._worker), (3, None))


async def test_a_long_call_is_handled_in_a_slice_of_its_own():
    line = Line(at_once)
    await line.feed([2, "1", "A", {"text": "x" * 600}])
    equal(line.sent, [], "nothing is handled in the slice that parses it")
    equal(await line.sends(1), [3, "1", {"n": 0}])


async def test_a_call_behind_one_that_waits_is_answered_behind_it():
    gate = asyncio.Event()

    async def slowly(payload):
        await gate.wait()
        return payload, None

    line = Line(lambda action, payload: slowly(payload) if action == "Slow" else at_once(action, payload))
    ours = asyncio.create_task(line.rpc.call("Heartbeat", {}))
    _, uid, _, _ = await line.sends(1)
    await line.feed([2, "1", "Slow", {"n": 1}])
    await line.feed([2, "2", "Quick", {"n": 2}])
    await line.feed([3, uid, {"currentTime": "x"}])
    equal(await ours, {"currentTime": "x"}, "read while a handler waits")
    equal(len(line.sent), 1)
    gate.set()
    await line.sends(3)
    equal(line.sent[1:], [[3, "1", {"n": 1}], [3, "2", {"n": 2}]])


async def test_a_message_is_processed_when_the_caller_has_its_answer_ocpp28():
    seen = []

    async def caller():
        seen.append(await line.rpc.call("BootNotification", {}))

    def handle(action, payload):
        seen.append(action)
        return {}

    line = Line(handle)
    ours = asyncio.create_task(caller())
    _, uid, _, _ = await line.sends(1)
    await line.feed([3, uid, {"status": "Accepted"}])
    await line.feed([2, "1", "Reset", {}])
    equal(seen, [{"status": "Accepted"}, "Reset"])
    await ours


async def test_the_follow_up_runs_even_if_the_reader_is_cancelled_while_it_sends():
    ran = []
    line = Line(lambda action, payload: ({}, lambda: ran.append(action)))

    async def stuck(pieces):
        await asyncio.Event().wait()

    line.rpc._send = stuck
    reader = asyncio.create_task(line.feed([2, "1", "Reset", {}]))
    await asyncio.sleep_ms(1)
    equal(ran, [])
    reader.cancel()
    await raises_async(asyncio.CancelledError, reader)
    equal(ran, ["Reset"])


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
