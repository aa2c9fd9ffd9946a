"""A hostile back end: thousands of mutated CALLs through framing, checks and actions (OCPP-15 to 22, SCH-16). Manual time.

Every CALL that can be answered is answered once, with a CALLRESULT or the right kind of CALLERROR; what was refused has
changed nothing; nothing is left on the heap; and the charger works as before. Each failure says its seed.
"""

import asyncio
import gc
import json
import random

from check import equal, true
from mutation import delete, insert, mutated, replace
from ocpp_rig import Rig

from charger import clock, log
from charger.ocpp.transport.rpc import Rpc

HEAP = 16 * 1024 * 1024

CODES = (
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
    "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError",
)  # fmt: skip
SCHEDULE = {
    "duration": 300, "startSchedule": "2026-09-21T14:00:00Z", "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.5, "numberPhases": 3}, {"startPeriod": 60, "limit": 6}],
}  # fmt: skip
PROFILE = {
    "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute", "chargingSchedule": SCHEDULE, "validTo": "2030-01-01T00:00:00Z",
}  # fmt: skip
# Well-formed requests, whose mutants must not change anything. None of them does much by itself.
CALLS = (
    ("ChangeConfiguration", {"key": "BlinkRepeat", "value": "3"}),
    ("GetConfiguration", {"key": ["HeartbeatInterval", "Nothing"]}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
    ("ClearCache", {}),
    ("DataTransfer", {"vendorId": "org.example", "messageId": "m", "data": "d"}),
    ("RemoteStopTransaction", {"transactionId": 4711}),
    ("UnlockConnector", {"connectorId": 9}),
    ("TriggerMessage", {"requestedMessage": "Heartbeat", "connectorId": 1}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}),
    ("ClearChargingProfile", {"id": 99, "connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 4}),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"}),
    ("SendLocalList", {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [
        {"idTag": "A", "idTagInfo": {"status": "Accepted", "expiryDate": "2030-01-01T00:00:00Z", "parentIdTag": "P"}}]}),
    ("GetLocalListVersion", {}),
    ("ReserveNow", {"connectorId": 1, "expiryDate": "2026-01-01T00:00:00Z", "idTag": "A", "reservationId": 5}),
    ("CancelReservation", {"reservationId": 77}),
    ("GetDiagnostics", {"location": "https://h/x", "retries": 1, "retryInterval": 5}),
    ("UpdateFirmware", {"location": "https://h/x", "retrieveDate": "2026-01-01T00:00:00Z"}),
)  # fmt: skip
ODD = (
    None, True, False, 0, -1, 1, 1.5, 1 << 31, 1 << 62, 1 << 70, -(1 << 70), 1e300, "", "x", "x" * 600, "\0", "a\nb", "é", [],
    {}, [1], {"a": 1}, [[[[[[[]]]]]]], "Accepted", "2026-09-21T14:00:00Z", "9999-99-99T99:99:99Z", "-1", 0.05,
)  # fmt: skip
RAW = (
    "NaN", "Infinity", "1e999", "-0", "01", "1.", ".5", "+1", "0x10", "'x'", "undefined", '"\\ud800"', '"\\u0000"', '"\\x"',
    '"\x01"', "[1,]", '{"a":1,}', '{"a" 1}', '{"a":1 "b":2}', "[" * 40, '{"a":' * 30, "tru", '"', "1" * 60, "/**/1",
    '{"key":"a","key":"b"}',
)  # fmt: skip


class Line:
    """Rpc over a charge point, with what it answers."""

    def __init__(self, rig):
        self.answers = []
        self.rpc = Rpc(self.send, rig.cp.handle)
        self.count = 0

    async def send(self, pieces):
        self.answers.append("".join(pieces))

    async def put(self, data):
        await self.rpc.feed(bytearray(data), len(data))
        while self.rpc._worker is not None:
            await clock.sleep_ms(1)

    async def ask(self, action, payload_text):
        """The parsed answer to a CALL, None without one."""
        self.count += 1
        uid = "m%d" % self.count
        before = len(self.answers)
        await self.put(('[2,"%s","%s",%s]' % (uid, action, payload_text)).encode())
        equal(len(self.answers) - before <= 1, True, "more than one answer")
        if len(self.answers) == before:
            return None
        answer = json.loads(self.answers.pop())
        equal(answer[1], uid)
        return answer


def paths(value, here=()):
    """Every place in a JSON value."""
    found = [here]
    if isinstance(value, dict):
        steps = sorted(value)
    else:
        steps = range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        way = list(here)  # MicroPython has no (*here, step)
        way.append(step)
        found += paths(value[step], tuple(way))
    return found


def mutant(request):
    """(JSON text, whether it may still be a good request): one random change somewhere in a request."""
    value = json.loads(json.dumps(request))
    place = random.choice(paths(value))
    if not place:
        return json.dumps(random.choice(ODD)) if random.random() < 0.3 else raw(value, (), None)
    holder = value
    for step in place[:-1]:
        holder = holder[step]
    kind = random.randint(0, 5)
    if kind == 0 and isinstance(holder, dict):
        holder.pop(place[-1])
    elif kind == 1 and isinstance(holder, dict):
        holder["extra" + str(random.randint(0, 9))] = random.choice(ODD)
    elif kind == 2:
        return raw(value, place, random.choice(RAW))
    elif kind == 3 and isinstance(holder[place[-1]], str):
        text = holder[place[-1]]
        holder[place[-1]] = random.choice((text.lower(), text.upper(), text + " ", text[:-1], text * 40, text + "\0"))
    else:
        holder[place[-1]] = random.choice(ODD)
    return json.dumps(value)


def raw(value, place, text):
    """The JSON of a value with a piece of text in one place that json.dumps would never write."""
    if not place:
        return text or random.choice(RAW)
    holder = value
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = "@@@"
    return json.dumps(value).replace('"@@@"', text)


def state(rig):
    """The state that nobody may have changed."""
    return (
        rig.config.all(), [(c.status, c.operative, c.reserved, c.session, c.pending) for c in rig.connectors],
        rig.cp.transaction_queue.waiting, rig.restarts,
    )  # fmt: skip


async def _settle(rig, line):
    """Undo what the mutants that were good requests all the same have done."""
    for action, payload in (
        ("ClearChargingProfile", "{}"), ("ChangeAvailability", '{"connectorId":0,"type":"Operative"}'),
        ("SendLocalList", '{"listVersion":1,"updateType":"Full"}'), ("ChangeConfiguration", '{"key":"BlinkRepeat","value":"3"}'),
    ):  # fmt: skip
        answer = await line.ask(action, payload)
        equal((answer[0], answer[2]["status"] in ("Accepted", "Unknown")), (3, True), action)


async def _mutate(seed, count):
    random.seed(seed)
    rig = await Rig(2).online()
    line = Line(rig)
    before = state(rig)
    seen = {}
    for number in range(count):
        action, request = random.choice(CALLS)
        text = mutant(request)
        invalid = line.rpc.invalid
        answer = await line.ask(action, text)
        what = "seed %d, number %d: %s %s -> %s" % (seed, number, action, text[:300], answer)
        if answer is None:
            equal(line.rpc.invalid, invalid + 1, what)  # only what cannot be understood goes without an answer (OCPP-19)
            continue
        if answer[0] == 4:
            true(answer[2] in CODES and answer[2] not in ("InternalError", "GenericError"), what)
            true(isinstance(answer[3], str) and len(answer[3]) <= 255 and answer[4] == {}, what)
        else:
            true(answer[0] == 3 and isinstance(answer[2], dict), what)
        seen[answer[2] if answer[0] == 4 else "result"] = True
    await _settle(rig, line)
    equal(state(rig), before)
    for code in ("FormationViolation", "PropertyConstraintViolation", "OccurenceConstraintViolation",
                 "TypeConstraintViolation", "result"):  # fmt: skip
        true(code in seen, code + " never came up")
    return rig, line


async def test_five_thousand_mutants_and_the_right_kind_of_answer_to_each():
    await _mutate(1, 5000)


async def test_five_thousand_more():
    await _mutate(2, 5000)


async def test_refused_requests_change_nothing_at_all():
    random.seed(3)
    rig = await Rig().online()
    line = Line(rig)
    files = None
    for number in range(1500):
        action, request = random.choice(CALLS)
        if files is None:
            files = snapshot(rig), state(rig)
        answer = await line.ask(action, mutant(request))
        if answer is None or answer[0] == 4:
            equal((snapshot(rig), state(rig)), files, "number %d, %s" % (number, action))
        else:
            files = None


def snapshot(rig):
    """The files on flash."""
    return {name: rig.files.read(name) for name in rig.files.names() if name.startswith("ocpp") and "." in name}


async def test_random_bytes_are_survived():
    random.seed(4)
    rig = await Rig().online()
    line = Line(rig)
    good = b'[2,"1","GetConfiguration",{"key":["HeartbeatInterval"]}]'
    changes = (replace(range(128)), insert(range(1, 127)), delete(1))
    for _ in range(3000):
        await line.put(mutated(good, changes))
    line.answers.clear()
    answer = await line.ask("GetLocalListVersion", "{}")
    equal((answer[0], answer[2]), (3, {"listVersion": 0}))


def charger_bytes(device):
    """Heap in use without the flash chip, which this rig keeps in RAM: each block ever programmed is a bytearray."""
    gc.collect()
    before = gc.mem_alloc()
    block = bytearray(device.block_size)
    size = gc.mem_alloc() - before
    programmed = sum(isinstance(held, bytearray) for held in device.image)
    equal(len(block), device.block_size)
    del block
    gc.collect()
    gc.collect()
    return gc.mem_alloc() - programmed * size


async def test_the_heap_is_back_at_its_level_afterwards():
    rig, line = await _mutate(5, 300)  # whatever is imported once is by now
    levels = []
    for _ in range(5):
        random.seed(100)
        for _ in range(400):
            action, request = random.choice(CALLS)
            await line.ask(action, mutant(request))
        await _settle(rig, line)
        await asyncio.sleep_ms(100)
        line.answers.clear()
        rig.link.sent.clear()
        log.forget()
        levels.append(charger_bytes(rig.device))
    # The first round may leave a block that the collector takes for one in use: it goes by what words look like addresses.
    true(max(levels[1:]) - levels[1] < 1000 and levels[1] - levels[0] < 4096, str(levels))


READINGS = ",".join(("Energy.Active.Import.Register", "Power.Active.Import", "Voltage") * 5)


async def test_triggers_without_an_answer_to_what_they_trigger_take_no_heap_without_a_bound():
    """A back end that triggers meter values again and again and answers none of them: Rejected, and accepted again afterwards."""
    rig = await Rig().online()
    line = Line(rig)
    ask = "TriggerMessage", '{"requestedMessage":"MeterValues","connectorId":1}'
    rig.config.put("MeterValuesSampledData", READINGS)
    rig.link.slow_ms["MeterValues"] = 300000
    await line.ask(*ask)
    await asyncio.sleep_ms(1)  # that reading is on its way: it does not wait any more
    before = charger_bytes(rig.device)
    answers = []
    for _ in range(60):
        answers.append((await line.ask(*ask))[2]["status"])
    log.forget()
    taken = charger_bytes(rig.device) - before
    equal((answers.count("Accepted"), answers[-1]), (8, "Rejected"))
    true(taken < 24000, taken)
    equal((await line.ask("TriggerMessage", '{"requestedMessage":"Heartbeat"}'))[2], {"status": "Accepted"}, "it holds nothing")
    rig.link.slow_ms.clear()
    await rig.seconds(301)
    equal((await line.ask(*ask))[2], {"status": "Accepted"})
    await rig.seconds(1)
    equal(len([action for action, _ in rig.link.sent if action == "MeterValues"]), 10)


async def test_readings_that_the_back_end_does_not_answer_take_no_heap_without_a_bound():
    rig = await Rig().online()
    rig.config.put("MeterValuesAlignedData", READINGS)
    rig.config.put("ClockAlignedDataInterval", "10")
    await rig.seconds(30)
    rig.link.slow_ms["MeterValues"] = 3000000
    before = charger_bytes(rig.device)
    await rig.seconds(600)
    log.forget()
    taken = charger_bytes(rig.device) - before
    true(8 <= rig.cp.sender.waiting < 12, "readings, and a Heartbeat now and then")
    true(taken < 24000, taken)
