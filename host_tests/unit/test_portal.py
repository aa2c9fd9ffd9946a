"""The portal's inside, in memory and manual time: back-off, what is published when, altered firmware, log-ins and their ends."""

import asyncio
import json
import struct

import flashrig
from check import equal, true
from packets import packet
from peer import pair, until

from charger import clock
from charger.audit import events
from charger.audit.security_log import SecurityLog
from charger.errors import ConnectError
from charger.mqtt_client import command_handler
from charger.mqtt_client.broker_connect import BROKER
from charger.mqtt_client.client import MqttClient
from sim import timebase

HEAP = 8 * 1024 * 1024
TIMEOUT = 60
SETTINGS = {"url": "mqtts://me@h:1234/our/house", "password": "secret", "ca": None}
BASE = "our/house/PL_1/"
PINS = {"owner": "8264057193", "user": "70419385"}
rigs = []


def setup():
    timebase.manual()
    flashrig.reboot()
    flashrig.fresh(blocks=256)


def teardown():
    for rig in rigs:
        rig.end()
    rigs.clear()
    timebase.set_scale(1)


class Verdict:
    def __init__(self, state, wait_s=0, device=""):
        self.state = state
        self.ok = state == "ok"
        self.wait_s = wait_s
        self.device = device
        self.why = "No PIN."


class Pins:
    """Instead of access/pin.py."""

    def __init__(self):
        self.asked = []
        self.wait_s = 0

    async def check(self, role, pin, surface, device):
        self.asked.append((role, pin, surface, device))
        if self.wait_s:
            return Verdict("wait", self.wait_s)
        return Verdict("ok", device="known") if PINS.get(role) == pin else Verdict("wrong")


class Vault:
    ready = True
    broken = ""

    def __init__(self):
        self.kept = {}

    def get(self, name):
        return self.kept.get(name)

    def put(self, name, secret):
        self.kept[name] = secret


class Config:
    def get_str(self, name):
        return "0.1.0"


class ChargePoint:
    def ready(self):
        return True


class UpdateManager:
    altered = False

    def report(self):
        return {"version": "0.1.0", "offer": {"version": "0.2.0", "url": "https://h/a"}, "altered": self.altered}


class App:
    """What the portal uses of the application."""

    provisioned = True
    tamper = None

    def __init__(self):
        self.connectors = []
        self.planner = None
        self.config = Config()
        self.charge_point = ChargePoint()
        self.updates = UpdateManager()
        self.vault = Vault()
        self.pins = Pins()
        self.security_log = SecurityLog(flashrig.files())

    def infos(self, event):
        return [entry.info for entry in self.security_log.entries() if entry.event == event]

    def acknowledge(self, who):
        self.acknowledged = who
        return True


class Rig:
    """A portal and its broker, which acknowledges but what it is deaf to; `fault` is what opening a stream brings."""

    def __init__(self, fault=None, settings=SETTINGS):
        self.app = App()
        self.fault = fault
        self.opened = []  # at which ms
        self.said = []  # (topic, payload, retained)
        self.subscribed = []
        self.deaf = None
        self.number = 0
        self.broker = None
        self.tasks = []
        self.portal = MqttClient(self.app, settings, "PL/1", self._open)
        rigs.append(self)

    def start(self):
        self.tasks.append(asyncio.create_task(self.portal.run()))
        return self

    def end(self):
        for task in self.tasks:
            task.cancel()

    async def _open(self, host, port, context, deadline_ms):
        self.opened.append((host, port, clock.ticks_ms()))
        if self.fault:
            raise self.fault
        near, self.broker = pair()
        self.tasks.append(asyncio.create_task(self._serve(self.broker)))
        return near, near

    async def _serve(self, end):
        try:
            while True:
                first, body = await packet(end)
                if first >> 4 == 1:
                    self.greeting = body
                    end.s.write(b"\x20\2\0\0")
                elif first >> 4 == 8:
                    self.subscribed.append(str(body[4:-1], "utf-8"))
                    end.s.write(b"\x90\3" + body[:2] + b"\1")
                elif first >> 4 == 12:
                    end.s.write(b"\xd0\0")
                elif first >> 4 == 3:
                    at = 2 + struct.unpack_from("!H", body)[0]
                    topic = str(body[2:at], "utf-8")
                    self.said.append((topic, json.loads(body[at + 2 :]), bool(first & 1)))
                    if self.deaf is None or not topic.endswith(self.deaf):
                        end.s.write(b"\x40\2" + body[at : at + 2])
        except (EOFError, OSError):
            pass

    def of(self, topic):
        return [said for name, said, _ in self.said if name == BASE + topic]

    async def online(self):
        await until(lambda: self.portal.connected and self.of("status"), 5000)
        return self

    async def settled(self):
        """Connected, or with a reason why not."""
        await until(lambda: self.portal.fault or self.portal.connected, 60000)

    async def attempts(self, count, timeout_ms, step_ms=1):
        """So many attempts were made."""
        await until(lambda: len(self.opened) >= count, timeout_ms, step_ms)

    async def ask(self, **wish):
        """A command past the network: its reply."""
        if "id" not in wish:
            self.number += 1
            wish["id"] = str(self.number)
        reply = await command_handler.answer(self.portal, json.dumps(wish).encode(), False)
        return None if reply is None else json.loads(reply)

    async def log_in(self, role="owner", **more):
        hello = await self.ask(do="hello")
        return await self.ask(do="login", challenge=hello["challenge"], role=role, pin=PINS[role], **more)


async def test_mqtt_connects_with_the_vaults_data_and_publishes_status_first():
    """Host, port, user, password from the vault; will and status on the topics of this unit."""
    rig = await Rig().start().online()
    equal(rig.opened[0][:2], ("h", 1234))
    equal(rig.app.vault.kept, {"mqtt/password": b"secret"})
    true(rig.greeting.endswith(b"\0\2me\0\6secret"))
    true((BASE + "status").encode() in rig.greeting and b'"online": false' in rig.greeting)
    equal(rig.subscribed, [BASE + "cmd"])
    topic, status, retained = rig.said[0]
    equal((topic, status["online"], retained), (BASE + "status", True, True))
    equal(status["update"]["offer"], {"version": "0.2.0", "url": "https://h/a"})


async def test_settings_that_make_no_sense():
    """SEC-12: nothing is sent without TLS, nor with a password in the URL; the reason is said."""
    for url in ("mqtt://h", "https://h", "mqtts://u:p@h", "mqtts://h/a+b", "mqtts://h/" + "x" * 65, "nonsense", "mqtts://h/a#b"):
        rig = Rig(settings={"url": url, "password": "secret", "ca": None}).start()
        wanted = url != "mqtts://h/a#b"  # what is behind # is no part of it
        await rig.settled()
        equal(bool(rig.portal.fault and rig.portal.fault.startswith("config")), wanted, url)
        equal(bool(rig.opened), not wanted)
    rig = Rig(settings={"url": None, "password": None, "ca": None})
    rig.app.vault.kept = {"mqtt/url": b"mqtts://you@home/x", "mqtt/password": b"theirs", "mqtt/roots": b""}
    await rig.start().settled()
    equal((rig.opened[0][:2], rig.greeting[-13:]), (("home", 8883), b"\0\3you\0\6theirs"))
    rig = Rig(settings={"url": "mqtts://h", "password": None, "ca": None}).start()
    await until(lambda: rig.portal.fault, 60000)
    equal((rig.opened, "no password" in rig.portal.fault), ([], True))


async def test_the_pause_grows_and_the_network_ends_it():
    """5 s doubling to 10 min, and as much again by chance (each attempt a little later: nobody reacts at once)."""
    rig = Rig(ConnectError("refused", "nobody there")).start()
    await rig.attempts(12, 20000000, 500)
    least = 5000
    for number in range(1, 12):
        gap = clock.ticks_diff(rig.opened[number][2], rig.opened[number - 1][2])
        true(least <= gap <= 2 * least + 2000, "pause %d: %d ms" % (number, gap))
        least = min(2 * least, 600000)
    equal(rig.app.infos(BROKER), [])
    rig.portal.retry_now()
    await rig.attempts(13, 2000)
    rig.app.security_log.add(events.TIME_SET, "now certificates hold")
    await rig.attempts(14, 2000)
    rig.portal.retry_now()
    await rig.attempts(16, 15000)  # the back-off has begun afresh
    rig.fault = ConnectError("untrusted", "who is that")
    for _ in range(3):
        rig.portal.retry_now()
        await rig.attempts(len(rig.opened) + 1, 2000)
    equal(rig.app.infos(BROKER), ["untrusted (who is that)"])  # the same again is not said
    await clock.sleep_s(7200)
    true(2 <= len(rig.app.infos(BROKER)) <= 3)  # but once an hour


async def test_the_log_is_marked_when_it_is_acknowledged_and_not_before():
    """SEC-23: at least once, in order, over connections that break."""
    rig = Rig()
    for number in range(10):
        rig.app.security_log.add(events.RECONFIGURED, "n%d" % number)
    rig.app.security_log.add(events.TAMPER, "enclosure opened")
    rig.deaf = "/log"
    rig.start()
    await until(lambda: rig.of("log"), 5000)
    equal(rig.app.security_log.mark("mqtt"), -1)
    await until(lambda: not rig.portal.connected, 60000)
    equal(rig.app.security_log.mark("mqtt"), -1)
    rig.deaf = None
    rig.said = []
    rig.portal.retry_now()
    await until(lambda: rig.app.security_log.mark("mqtt") == 10, 60000)
    equal([entry["info"] for entry in rig.of("log")], ["n%d" % n for n in range(10)] + ["enclosure opened"])
    equal([notice["text"] for notice in rig.of("notice")], ["enclosure opened"])
    rig.app.security_log.add(events.TAMPER_CLEARED, "owner")
    await until(lambda: len(rig.of("notice")) == 2, 5000)
    equal(rig.portal.report(), {"connected": True, "fault": None, "waiting": 0})


class Ended:
    """What is asked of a session that is over."""

    connector_id, start_utc, stop_utc, start_wh, stop_wh, charging_s, stop_reason = 1, 1800000000, None, 100, 350, 60, "Local"

    def __init__(self, number):
        self.local_id = number


async def test_sessions_that_ended_without_a_connection():
    """The last eight are published, oldest first, once."""
    rig = Rig()
    for number in range(10):
        rig.portal.session_ended(Ended(number))
    await rig.start().online()
    await until(lambda: len(rig.of("session")) == 8, 5000)
    await clock.sleep_ms(5000)
    equal([message["session"] for message in rig.of("session")], [2, 3, 4, 5, 6, 7, 8, 9])
    equal(rig.of("session")[0], {
        "connector": 1, "session": 2, "active": False, "started": "2027-01-15T08:00:00.000Z", "stopped": None,
        "energy_wh": 250, "charging_s": 60, "ended_by": "Local",
    })  # fmt: skip


async def test_a_flash_that_takes_no_mark():
    """The same entries come again with the next event, not without end."""
    rig = Rig()
    rig.app.security_log.acknowledge = lambda sink, seq: None
    rig.app.security_log.add(events.TAMPER, "1")
    await rig.start().online()
    await clock.sleep_ms(30000)
    equal([entry["info"] for entry in rig.of("log")], ["1"])
    rig.app.security_log.add(events.TAMPER, "2")
    await clock.sleep_ms(30000)
    equal([entry["info"] for entry in rig.of("log")], ["1", "1", "2"])


async def test_it_stays_alive_and_notices_a_dead_broker():
    """A ping when nothing was heard; no answer ends the connection."""
    rig = await Rig().start().online()
    await clock.sleep_ms(200000)
    equal((len(rig.opened), rig.portal.connected), (1, True))
    true(3 <= len(rig.of("status")) <= 6)  # each minute
    rig.tasks[1].cancel()  # it reads no more
    await until(lambda: not rig.portal.connected, 120000)


async def test_altered_firmware_is_reported_and_leaves_the_network():
    """SEC-9: the notice goes out, no commands are taken, then nothing any more until it is whole again."""
    rig = await Rig().start().online()
    rig.app.security_log.add(events.FIRMWARE_INTEGRITY, "slot 0")
    rig.app.updates.altered = True
    await until(lambda: rig.of("notice"), 5000)
    await until(lambda: not rig.portal.connected, 5000)
    equal(rig.of("status")[-1], {"online": False, "why": "the firmware was found altered"})
    await clock.sleep_ms(2000000)
    equal((len(rig.opened), rig.portal.fault), (1, "the firmware was found altered"))
    rig.app.updates.altered = False
    await until(lambda: rig.portal.connected, 2000000)


async def test_altered_firmware_after_a_restart():
    """Messages held back before are published now, on a connection that takes no commands."""
    rig = Rig()
    rig.app.updates.altered = True
    rig.app.security_log.add(events.FIRMWARE_INTEGRITY, "slot 0")
    rig.start()
    await until(lambda: rig.of("notice"), 5000)
    await until(lambda: rig.portal.fault, 5000)
    await clock.sleep_ms(100000)
    equal((rig.subscribed, len(rig.opened)), ([], 1))


async def test_restart_is_logged():
    """Retained, and with DISCONNECT: so it is the last word."""
    rig = await Rig().start().online()
    await rig.portal.close()
    equal(rig.of("status")[-1], {"online": False, "why": "restart"})
    await clock.sleep_ms(60000)
    equal(len(rig.opened), 1)
    deaf = await Rig().start().online()
    deaf.deaf = "/status"
    started = clock.ticks_ms()
    await deaf.portal.close()
    true(clock.elapsed_ms(started) < 5000)


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
    first = (await rig.ask(do="hello"))["challenge"]
    await clock.sleep_s(61)
    late = await rig.ask(do="login", challenge=first, role="owner", pin=PINS["owner"])
    equal((late["ok"], late["error"], rig.app.pins.asked), (False, "login", []))
    answer = await rig.log_in(device="mine")
    equal((answer["ok"], answer["device"], rig.app.pins.asked[-1]), (True, "known", ("owner", PINS["owner"], "mqtt", "mine")))
    many, good = [], []
    for _ in range(6):
        many.append((await rig.ask(do="hello"))["challenge"])
    for one in many:
        good.append((await rig.ask(do="login", challenge=one, role="owner", pin=PINS["owner"]))["ok"])
    equal(good, [False, False, True, True, True, True])
    equal(len(rig.app.infos(events.REPLAY)), 2)


async def test_wrong_pins_and_waiting():
    """SEC-25: what access/pin.py says is passed on."""
    rig = Rig()
    hello = await rig.ask(do="hello")
    wrong = await rig.ask(do="login", challenge=hello["challenge"], role="owner", pin="1234")
    equal((wrong["ok"], wrong["error"], "wait_s" in wrong), (False, "login", False))
    rig.app.pins.wait_s = 60
    wait = await rig.log_in()
    equal((wait["ok"], wait["error"], wait["wait_s"]), (False, "wait", 60))
    equal(rig.portal.logins, [])


async def test_a_session_ends():
    """By idling, after half a day, by logout, by a changed PIN, by erasure; and the oldest when there are too many."""
    rig = Rig()

    async def state(login, number):
        return (await rig.ask(do="acknowledge", session=login["session"], n=number)).get("error")

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
    for event in (events.PIN_CHANGED, events.PERSONAL_DATA_ERASED, events.FACTORY_RESET):
        login = await rig.log_in()
        rig.app.security_log.add(event, "x")
        equal(await state(login, 1), "login", event)
    logins, states = [], []
    for _ in range(4):
        logins.append(await rig.log_in())
    for login in logins:
        states.append(await state(login, 1))
    equal(states, ["login", None, None, None])
    equal((await rig.ask(do="logout", session=logins[1]["session"], n=2))["ok"], True)
    equal(await state(logins[1], 3), "login")


async def test_a_command_is_done_once():
    """`n` grows; the very same command again is what a broker may do, and silently nothing."""
    rig = Rig()
    login = await rig.log_in()
    wish = {"do": "acknowledge", "session": login["session"]}
    equal((await rig.ask(id="a", n=5, **wish))["ok"], True)
    rig.app.acknowledged = None
    equal(await rig.ask(id="a", n=5, **wish), None)
    for name, number in (("b", 5), ("a", 4), ("c", 1)):
        equal((await rig.ask(id=name, n=number, **wish))["error"], "replay")
    equal((rig.app.acknowledged, len(rig.app.infos(events.REPLAY))), (None, 3))
    equal((await rig.ask(id="d", n=6, **wish))["ok"], True)
    user = await rig.log_in("user")
    equal((await rig.ask(do="acknowledge", session=user["session"], n=1))["error"], "forbidden")


async def test_commands_above_the_rate_are_dropped():
    rig = Rig()
    heard = 0
    for _ in range(60):
        heard += await rig.ask(do="hello") is not None
    true(40 <= heard <= 45, heard)
    await clock.sleep_s(10)
    true((await rig.ask(do="hello"))["ok"])
    equal(rig.app.infos(events.INVALID_MESSAGES)[0], "portal: too many commands")
    true(len(rig.app.infos(events.INVALID_MESSAGES)) <= 5)
