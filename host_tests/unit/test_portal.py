"""The portal's connection in memory and manual time: back-off, what is published when, altered firmware."""

import flashrig
from check import equal, true
from client_rig import begin, end
from peer import until
from portal_rig import BASE, Rig
from safety_rig import LATCHES, Pin, put
from security_log_rig import forge

from charger import clock
from charger.audit import events
from charger.audit.security_log import SecurityLog
from charger.audit.tamper_watch import TamperWatch
from charger.commands import logs_and_history
from charger.errors import ConnectError

HEAP = 8 * 1024 * 1024
setup, teardown = begin, end


async def test_mqtt_connects_with_the_vaults_data_and_publishes_status_first():
    """Host, port, user, password from the vault; will and status on the topics of this unit."""
    rig = await Rig().start().online()
    equal(rig.opened[0][:2], ("h", 1234))
    equal(rig.app.vault.kept, {"mqtt/password": b"secret"})
    true(rig.greeting.endswith(b"\0\2me\0\6secret"))
    true((BASE + "status").encode() in rig.greeting and b'"online": false' in rig.greeting)
    equal(rig.subscribed, [BASE + "cmd"])
    topic, status, retained = rig.published[0]
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
    equal(rig.broker_failures(), [])
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
    equal(rig.broker_failures(), ["untrusted (who is that)"])  # the same again is not said
    await clock.sleep_s(7200)
    true(2 <= len(rig.broker_failures()) <= 3)  # but once an hour


async def test_the_log_is_marked_when_it_is_acknowledged_and_not_before():
    """SEC-23: at least once, in order, over connections that break."""
    rig = Rig()
    for number in range(10):
        rig.app.security_log.add(events.RECONFIGURED, "n%d" % number)
    rig.app.security_log.add(events.TAMPER, "enclosure opened")
    rig.unacknowledged = "/log"
    rig.start()
    await until(lambda: rig.of("log"), 5000)
    equal(rig.app.security_log.mark("mqtt"), -1)
    await until(lambda: not rig.portal.connected, 60000)
    equal(rig.app.security_log.mark("mqtt"), -1)
    rig.unacknowledged = None
    rig.published = []
    rig.portal.retry_now()
    await until(lambda: rig.app.security_log.mark("mqtt") == 10, 60000)
    equal([entry["info"] for entry in rig.of("log")], ["n%d" % n for n in range(10)] + ["enclosure opened"])
    equal([notice["text"] for notice in rig.of("notice")], ["enclosure opened"])
    rig.app.security_log.add(events.TAMPER_CLEARED, "owner")
    await until(lambda: len(rig.of("notice")) == 2, 5000)
    equal(rig.portal.report(), {"connected": True, "fault": None, "waiting": 0})


async def test_entries_whose_mark_cannot_be_written_are_sent_again_with_the_next_event_and_then_all_of_them():
    rig = Rig()
    rig.app.security_log.add(events.TAMPER, "enclosure opened")
    move = rig.app.security_log._move
    rig.app.security_log._move = lambda sink, seq: None  # as a flash does that cannot be written
    rig.start()
    await until(lambda: rig.of("log"), 5000)
    await clock.sleep_s(60)
    equal(len(rig.of("log")), 1)
    rig.app.security_log._move = move
    for number in range(20):
        rig.app.security_log.add(events.RECONFIGURED, "n%d" % number)
    await until(lambda: rig.app.security_log.mark("mqtt") == 20, 5000)
    equal(([entry["seq"] for entry in rig.of("log")], len(rig.opened)), ([0] + list(range(21)), 1))  # noqa: RUF005 - MicroPython


async def test_f_s9_the_broker_gets_a_forged_entry_as_altered_and_the_notice_of_it():
    """The log is checked before its first entry is sent."""
    rig = Rig()
    for number in range(3):
        rig.app.security_log.add(events.RECONFIGURED, "n%d" % number)
    forge(rig.app.security_log, 1, b"n1", b"x1")
    rig.app.security_log = SecurityLog(flashrig.files())
    rig.start()
    await until(lambda: len(rig.of("log")) >= 3, 5000)
    equal([(entry["info"], entry["genuine"]) for entry in rig.of("log")][:4],
          [("n0", True), ("x1", False), ("n2", True), ("entry 1", True)])  # fmt: skip
    equal([(notice["notice"], notice["text"]) for notice in rig.of("notice")], [(events.LOG_ALTERED, "entry 1")])


async def test_f_s3_the_owner_is_told_of_a_damaged_latch_by_a_notice_and_on_the_page():
    files = flashrig.files()
    for _ in range(2):
        TamperWatch(files, [], Pin(), Config(), lambda *_: None)
    put(files, LATCHES[0], b"x")
    rig = Rig()
    TamperWatch(files, [], Pin(), Config(), rig.app.security_log.add)
    await rig.start().online()
    await until(lambda: rig.of("log"), 5000)
    what = (events.SAFETY_VALUE, "tamper: one of its two copies is damaged or missing")
    equal([(notice["notice"], notice["text"]) for notice in rig.of("notice")], [what])
    page = await logs_and_history.COMMANDS["log"][2](rig.app, "owner", {}, "page")
    equal([(entry["event"], entry["info"]) for entry in page["entries"]], [what])


class Config:
    """The settings of a tamper watch."""

    def get_str(self, _name):
        return "latch"

    def on_change(self, _name, _job):
        """Nothing changes."""


class Ended:
    """Requests of a session that is over."""

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
    rig = await Rig().start().online()
    rig.unacknowledged = "/status"
    started = clock.ticks_ms()
    await rig.portal.close()
    true(clock.elapsed_ms(started) < 5000)
