"""Commands to the portal over the network: replies, log-ins and their ends, repetition, rate."""

import json
import struct

from check import equal, true
from client_rig import begin, end
from peer import until
from portal_rig import BASE, PINS, Rig

from charger import clock
from charger.access import tokens
from charger.audit import events
from charger.mqtt_client import command_handler

HEAP = 8 * 1024 * 1024
setup, teardown = begin, end


async def test_commands_over_the_network():
    """One after the other, at most four waiting; the reply goes to its topic."""
    rig = await Rig().start().online()
    topic = (BASE + "cmd").encode()
    for number in range(9):
        text = json.dumps({"id": str(number), "do": "hello"}).encode()
        rig.broker.s.write(b"\x30" + bytes((2 + len(topic) + len(text),)) + struct.pack("!H", len(topic)) + topic + text)
    await until(lambda: len(rig.of("reply")) >= 4, 5000)
    await clock.sleep_ms(1000)
    found = [reply["id"] for reply in rig.of("reply")]
    equal(found, sorted(found))
    true(4 <= len(found) <= 9)
    equal(len(rig.app.infos(events.INVALID_MESSAGES)) > 0, len(found) < 9)


async def test_a_challenge_holds_once_and_for_a_minute():
    rig = Rig()
    first = (await rig.command(do="hello"))["challenge"]
    await clock.sleep_s(61)
    late = await rig.command(do="login", challenge=first, role="owner", pin=PINS["owner"])
    equal((late["ok"], late["error"], rig.app.pins.checks), (False, "login", []))
    answer = await rig.log_in(device="mine")
    equal((answer["ok"], answer["device"], rig.app.pins.checks[-1]), (True, "known", ("owner", PINS["owner"], "mqtt", "mine")))
    many, good = [], []
    for _ in range(6):
        many.append((await rig.command(do="hello"))["challenge"])
    for one in many:
        good.append((await rig.command(do="login", challenge=one, role="owner", pin=PINS["owner"]))["ok"])
    equal(good, [True] * 6)
    equal((await rig.command(do="login", challenge=many[0], role="owner", pin=PINS["owner"]))["error"], "login")
    equal(len(rig.app.infos(events.REPLAY)), 2)


async def test_wrong_pins_and_waiting():
    """SEC-25: what access/pin.py says is passed on."""
    rig = Rig()
    hello = await rig.command(do="hello")
    wrong = await rig.command(do="login", challenge=hello["challenge"], role="owner", pin="1234")
    equal((wrong["ok"], wrong["error"], "wait_s" in wrong), (False, "login", False))
    rig.app.pins.wait_s = 60
    wait = await rig.log_in()
    equal((wait["ok"], wait["error"], wait["wait_s"]), (False, "wait", 60))
    rig.app.pins.wait_s = 0
    rig.app.pins.refuses = True
    refused = await rig.log_in()
    equal((refused["ok"], refused["error"], refused["text"]), (False, "unable", "No PIN."))
    equal(rig.portal.logins, [])


async def test_a_session_ends():
    """By idling, after half a day, by logout, by a changed PIN, by erasure; and the oldest when there are too many."""
    rig = Rig()

    async def state(login, number):
        return (await rig.command(do="acknowledge", session=login["session"], n=number)).get("error")

    login = await rig.log_in()
    equal((await state(login, 1), rig.app.acknowledged), (None, "owner"))
    await clock.sleep_s(800)
    equal(await state(login, 2), None)
    await clock.sleep_s(901)
    equal(await state(login, 3), "login")
    login = await rig.log_in()
    for number in range(1, 70):
        await clock.sleep_s(700)
        if await state(login, number) is not None:
            break
    true(55 <= number <= 65, number)
    login = await rig.log_in()
    rig.app.pins.changes["owner"] += 1
    equal(await state(login, 1), "login")
    for event in (events.PERSONAL_DATA_ERASED, events.FACTORY_RESET):
        login = await rig.log_in()
        rig.app.security_log.add(event, "owner, by owner, page")
        equal(await state(login, 1), "login", event)
    logins, states = [], []
    for _ in range(4):
        logins.append(await rig.log_in())
    for login in logins:
        states.append(await state(login, 1))
    equal(states, ["login", None, None, None])
    equal((await rig.command(do="logout", session=logins[1]["session"], n=2))["ok"], True)
    equal(await state(logins[1], 3), "login")


async def test_f_s11_neither_log_ins_nor_the_change_of_pin_of_a_user_end_the_owners_session():
    rig = Rig()
    owner = await rig.log_in()
    users, errors = [], []
    for _ in range(5):
        users.append(await rig.log_in("user"))
    equal((await rig.command(do="acknowledge", session=owner["session"], n=1))["ok"], True)
    for user in users:
        errors.append((await rig.command(do="acknowledge", session=user["session"], n=1))["error"])
    equal(errors, ["login", "login", "forbidden", "forbidden", "forbidden"])
    rig.app.pins.changes["user"] += 1
    equal((await rig.command(do="acknowledge", session=users[4]["session"], n=2))["error"], "login")
    equal((await rig.command(do="acknowledge", session=owner["session"], n=2))["ok"], True)


async def test_a_command_is_done_once():
    """`n` grows; the very same command again is what a broker may do, and silently nothing."""
    rig = Rig()
    login = await rig.log_in()
    wish = {"do": "acknowledge", "session": login["session"]}
    equal((await rig.command(id="a", n=5, **wish))["ok"], True)
    rig.app.acknowledged = None
    equal(await rig.command(id="a", n=5, **wish), None)
    for name, number in (("b", 5), ("a", 4), ("c", 1)):
        equal((await rig.command(id=name, n=number, **wish))["error"], "replay")
    equal((rig.app.acknowledged, len(rig.app.infos(events.REPLAY))), (None, 3))
    equal((await rig.command(id="d", n=6, **wish))["ok"], True)
    user = await rig.log_in("user")
    equal((await rig.command(do="acknowledge", session=user["session"], n=1))["error"], "forbidden")


async def test_a_recorded_command_of_a_program_does_nothing():
    """With `at` a command of a token acts within a minute of it, once, and never after one that was sent later or a restart."""
    rig = Rig()
    clock._zero_s = None
    one, other = [tokens.make(rig.app.vault, name, ["status"], False) for name in ("one", "other")]

    async def said(token, at, **more):
        reply = await rig.command(do="update", token=token, at=at, **more)
        return reply if reply is None else reply.get("error", "done")

    equal(await said(one, 1795928400000), "unable")  # no time yet
    clock.set_utc(1795928400, "test")
    await clock.sleep_s(100)
    now = 1795928500000
    equal(await said(one, now - 30000, id="a"), "done")
    equal(await said(one, now - 30000, id="a"), None)  # as a broker may do
    for at in (now - 30000, now - 30001, now - 61000, now + 61000, 1):
        equal(await said(one, at), "replay", at)
    for at in (0, -1, 1.5, "1795928500000", True, None, 1 << 60):
        equal(await said(one, at), "invalid", at)
    equal(await said("0" * 32, now), "login")
    equal([await said(one, now + 59000), await said(other, now)], ["done", "done"])  # each token has its own
    equal(await said(one, now + 1000), "replay")
    equal(await said(one, now + 59000 + 1), "done")
    true(len(rig.app.infos(events.REPLAY)) >= 5)
    rig.portal.sent.clear()  # as a restart does
    uptime_ms, clock.uptime_ms = clock.uptime_ms, lambda: 20000
    try:
        equal([await said(one, now - 20000), await said(one, now - 19999)], ["replay", "done"])  # before it, and after it
    finally:
        clock.uptime_ms = uptime_ms
    for _ in range(2):
        equal((await rig.command(id="ha", do="update", token=one))["ok"], True)  # without it, each time


async def test_messages_that_are_no_commands_are_discarded_with_their_reason():
    """Kept by the broker, too long, not UTF-8, not JSON, without an id or a known word; a reply where there is an id."""
    for payload, retained, why, replied in (
        (b'{"id":"1","do":"hello"}', True, "a command that the broker retained", False),
        (None, False, "a command that is too long", False),
        (b'{"id":"\xff","do":"hello"}', False, "not UTF-8", False), (b'{"id":', False, "", False),
        (b'{"do":"hello"}', False, "id: missing", False), (b'{"id":5,"do":"hello"}', False, "id: not a string", False),
        (b'{"id":"1","do":["hello"]}', False, "do: not a string", True), (b'{"id":"1"}', False, "do: missing", True),
    ):  # fmt: skip
        rig = Rig()
        reply = await command_handler.answer(rig.portal, payload, retained)
        equal(reply is not None, replied, payload)
        [told] = rig.app.infos(events.INVALID_MESSAGES)
        true(told.startswith("portal: ") and told.endswith(why), told)
        end()
        begin()


async def test_no_secret_is_set_by_the_portal_and_a_wrong_token_is_an_event():
    rig = Rig()
    owner = await rig.log_in()
    for number, name in enumerate(("AuthorizationKey", "WifiPassword", "MqttPassword")):
        answer = await rig.command(do="set", session=owner["session"], n=number + 1, **{"with": {name: "x" * 16}})
        equal((answer["error"], answer["text"]), ("forbidden", name + ": only at the unit itself."))
    equal((await rig.command(do="update", token="0" * 32))["error"], "login")
    equal(rig.app.infos(events.TOKEN_REFUSED), ["mqtt"])


async def test_a_command_that_the_flash_fails_is_answered():
    rig = Rig()
    owner = await rig.log_in()

    def fail(source):
        raise OSError(28)

    rig.app.acknowledge = fail
    answer = await rig.command(do="acknowledge", session=owner["session"], n=1)
    equal((answer["ok"], answer["error"], answer["text"][:8]), (False, "unable", "Not now:"))


async def test_commands_above_the_rate_are_dropped():
    rig = Rig()
    heard = 0
    for _ in range(60):
        heard += await rig.command(do="hello") is not None
    true(40 <= heard <= 45, heard)
    await clock.sleep_s(10)
    true((await rig.command(do="hello"))["ok"])
    equal(rig.app.infos(events.INVALID_MESSAGES)[0], "portal: too many commands")
    true(len(rig.app.infos(events.INVALID_MESSAGES)) <= 5)
