"""The MQTT session against brokers that keep to MQTT 3.1.1 and against those that do not. In memory, in manual time."""

import asyncio
import struct

from check import equal, raises_async, true
from packets import packet
from peer import pair, until

from charger import clock
from charger.errors import ConnectError
from charger.net import mqtt_session
from sim import timebase

HEAP = 4 * 1024 * 1024
CMD = b"home/SIM1/cmd"
LONG = 1024  # what a message may have, with its topic


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


class Broker:
    """The other end: reads whole packets, answers unless its type is in `mute`."""

    def __init__(self, mute=()):
        self.near, self.end = pair()
        self.mute = mute
        self.got = []
        self.code = 0  # of CONNACK
        self.grant = 1  # of SUBACK
        self.shift = 0  # added to the numbers of acknowledgements
        self.task = asyncio.create_task(self._serve())

    def say(self, data, step=0):
        step = step or len(data) or 1
        for at in range(0, len(data), step):
            self.end.s.write(data[at : at + step])

    async def _serve(self):
        try:
            while True:
                first, body = await packet(self.end)
                self.got.append((first, body))
                kind = first >> 4
                if kind in self.mute:
                    continue
                if kind == 1:
                    self.say(bytes((0x20, 2, 0, self.code)))
                elif kind == 3:
                    size = struct.unpack_from("!H", body)[0]
                    number = struct.unpack_from("!H", body, 2 + size)[0]
                    self.say(b"\x40\x02" + struct.pack("!H", (number + self.shift) & 65535))
                elif kind == 8:
                    self.say(b"\x90\x03" + body[:2] + bytes((self.grant,)))
                elif kind == 12:
                    self.say(b"\xd0\0")
        except EOFError:
            pass

    def kinds(self):
        return [first >> 4 for first, _ in self.got]


class Rig:
    """A session and its broker."""

    def __init__(self, **how):
        self.broker = Broker(**how)
        self.messages = []
        self.session = mqtt_session.MqttSession(self.broker.near, lambda *message: self.messages.append(message))
        self.reader = asyncio.create_task(self.session.read())

    async def open(self, topic=CMD):
        await self.session.open(b"PL-1", (b"owner", b"pass"), 60, (b"home/SIM1/status", b'{"online":false}'))
        if topic:
            await self.session.subscribe(topic)
        return self

    async def fault(self):
        """Why the session ended."""
        await until(self.session.over.is_set, 100000)
        return self.session.fault.cause

    def close(self):
        self.reader.cancel()
        self.session.abort()


def message(payload, topic=CMD, quality=1, number=7, flags=0):
    """A PUBLISH."""
    body = struct.pack("!H", len(topic)) + topic + (struct.pack("!H", number) if quality else b"") + payload
    return bytes((0x30 | quality << 1 | flags,)) + length(len(body)) + body


def length(size):
    out = b""
    while True:
        out += bytes((size & 127 | (128 if size > 127 else 0),))
        size >>= 7
        if not size:
            return out


async def test_session_connects_publishes_and_disconnects():
    """CONNECT with will and login, SUBSCRIBE, PUBLISH with acknowledgement, PINGREQ, DISCONNECT, as MQTT 3.1.1 has them."""
    rig = await Rig().open()
    await rig.session.publish(b"home/SIM1/log", b"x" * 300)
    await rig.session.publish(b"home/SIM1/status", "{\"ä\":1}".encode(), True)
    await rig.session.ping()
    await rig.session.close()
    await until(lambda: len(rig.broker.got) == 6, 1000)
    connect, subscribe, publish, retained, ping, bye = rig.broker.got
    equal(connect[0], 0x10)
    equal(connect[1][:10], b"\x00\x04MQTT\x04\xee\x00\x3c")  # login, will retained at QoS 1, clean session, 60 s
    equal(connect[1][10:], b"\x00\x04PL-1\x00\x10home/SIM1/status\x00\x10{\"online\":false}\x00\x05owner\x00\x04pass")
    equal(subscribe, (0x82, b"\x00\x01\x00\x0dhome/SIM1/cmd\x01"))
    equal(publish, (0x32, b"\x00\x0dhome/SIM1/log\x00\x02" + b"x" * 300))
    equal(retained, (0x33, b"\x00\x10home/SIM1/status\x00\x03" + "{\"ä\":1}".encode()))
    equal((ping, bye), ((0xC0, b""), (0xE0, b"")))
    rig.close()


async def test_messages_come_in_whole_and_are_acknowledged():
    """In pieces of any size, retained or not, at QoS 0 and 1, up to the longest that is looked at; longer ones as None."""
    rig = await Rig().open()
    room = LONG - 2 - len(CMD) - 2
    sizes = (0, 1, 100, 127, 128, room, room + 1, 5000)
    for step in (1, 3, 0):
        rig.messages = []
        rig.broker.got = []
        for number, size in enumerate(sizes):
            rig.broker.say(message(b"y" * size, number=number + 1), step)
        await until(lambda: len(rig.broker.got) == len(sizes), 100000)
        equal(rig.messages, [(b"y" * size if size <= room else None, False) for size in sizes])
        equal(rig.broker.got, [(0x40, struct.pack("!H", number + 1)) for number in range(len(sizes))])
    rig.messages = []
    rig.broker.say(message(b"z", quality=0) + message(b"r", flags=1) + message(b"d", flags=8))
    await until(lambda: len(rig.messages) == 3, 1000)
    equal(rig.messages, [(b"z", False), (b"r", True), (b"d", False)])
    rig.close()


async def test_a_message_comes_in_while_a_question_is_out():
    """The reader acknowledges although publish() waits."""
    rig = await Rig(mute=(3,)).open()
    task = asyncio.create_task(rig.session.publish(b"t", b"p"))
    await until(lambda: 3 in rig.broker.kinds(), 1000)
    rig.broker.say(message(b"hello"))
    await until(lambda: 4 in rig.broker.kinds(), 1000)
    true(not task.done())
    rig.broker.say(b"\x40\x02\x00\x02")
    await task
    equal(rig.messages, [(b"hello", False)])
    rig.close()


async def test_numbers_go_on_behind_sixteen_bits():
    """65535 is followed by 1: 0 is no packet's number."""
    rig = await Rig().open()
    rig.session._client.pid = 65534
    for wanted in (65535, 1, 2):
        await rig.session.publish(b"t", b"p")
        equal(struct.unpack("!H", rig.broker.got[-1][1][3:5])[0], wanted)
    rig.close()


async def test_broker_that_refuses_is_reported():
    for code, cause in ((1, "refused"), (3, "refused"), (4, "auth"), (5, "auth"), (255, "refused")):
        rig = Rig()
        rig.broker.code = code
        equal((await raises_async(ConnectError, rig.open())).cause, cause, "code %d" % code)
        rig.close()
    rig = Rig()
    rig.broker.grant = 0x80
    equal((await raises_async(ConnectError, rig.open())).cause, "auth")
    rig.close()


async def test_missing_acknowledgement_ends_the_session():
    """Each step has its deadline; an acknowledgement with the wrong number is none."""
    for mute in ((1,), (8,)):
        rig = Rig(mute=mute)
        equal((await raises_async(ConnectError, rig.open())).cause, "timeout")
        true(rig.session.over.is_set())
        rig.close()
    rig = await Rig(mute=(12,)).open()
    equal((await raises_async(ConnectError, rig.session.ping())).cause, "timeout")
    rig.close()
    rig = await Rig().open()
    rig.broker.shift = 1
    equal((await raises_async(ConnectError, rig.session.publish(b"t", b"p"))).cause, "timeout")
    rig.close()


async def test_a_broker_that_does_not_read():
    rig = await Rig().open()
    rig.broker.end.inn.room = 10
    started = clock.ticks_ms()
    equal((await raises_async(ConnectError, rig.session.publish(b"t", b"p" * 100))).cause, "reset")
    true(clock.elapsed_ms(started) < 60000)
    rig.close()


async def test_a_connection_that_breaks():
    rig = await Rig(mute=(3,)).open()
    task = asyncio.create_task(rig.session.publish(b"t", b"p"))
    await until(lambda: 3 in rig.broker.kinds(), 1000)
    rig.broker.end.s.close()
    equal((await raises_async(ConnectError, task)).cause, "reset")
    equal(await rig.fault(), "reset")
    equal((await raises_async(ConnectError, rig.session.publish(b"t", b"p"))).cause, "reset")
    rig.close()


async def test_hostile_packets_end_the_session_and_nothing_else():
    """SEC-13: wrong types, flags, lengths, topics and numbers."""
    hostile = (
        b"\x00\x00", b"\x10\x00", b"\x20\x02\0\0", b"\x21\x02\0\0", b"\x40\x00", b"\x40\x03\0\1\2", b"\x42\x02\0\1",
        b"\x50\x02\0\1", b"\x60\x02\0\1", b"\x62\x02\0\1", b"\x70\x02\0\1", b"\x82\x00", b"\x90\x02\0\1", b"\x90\x04\0\1\1\1",
        b"\xb0\x02\0\1", b"\xc0\x00", b"\xd0\x01\0", b"\xd1\x00", b"\xe0\x00", b"\xf0\x00", b"\xff" * 20,
        b"\x30\xff\xff\xff\xff\x7f", b"\x30\xff\xff\xff\x7f", b"\x32\x80\x80\x80\x80\x01", b"\xd0\x80\x80\x80\x80\x00",
        b"\x30\x00", b"\x30\x01\0", b"\x32\x02\0\0", b"\x32\x03\xff\xffx", b"\x30\x02\xff\xff",
        message(b"x", topic=b""), message(b"x", topic=b"home/SIM1/cmD"), message(b"x", topic=b"home/SIM1/cmd/"),
        message(b"x", number=0), message(b"", quality=2), message(b"", quality=3), message(b"")[:-1] + b"",
        b"\x32\x0f\x00\x0d" + CMD, b"\x32\x10\x00\x0d" + CMD + b"\x01", message(b"x" * 70000),
        message(b"x" * 2000, topic=b"t" * 1500),
    )  # fmt: skip
    for data in hostile:
        rig = await Rig().open()
        rig.broker.say(data)
        rig.broker.end.out.end()
        equal(await rig.fault() in ("protocol", "reset"), True)
        equal(rig.messages, [], repr(data[:40]))
        rig.close()


async def test_every_single_byte_of_noise():
    """Whatever follows a first byte of any kind, the session ends or goes on, and no message comes of it."""
    for first in range(256):
        for rest in (b"", b"\0", b"\x02\0\0", b"\x7f" + b"\xaa" * 127):
            rig = await Rig().open()
            rig.broker.say(bytes((first,)) + rest)
            rig.broker.end.out.end()
            true(await rig.fault() in ("protocol", "reset"))
            equal(rig.messages, [])
            rig.close()


async def test_packets_other_than_connack_fail_the_connection():
    for greeting in (b"\x20\x02\0", b"\x20\x00", b"\xd0\x00\x40\x02\0\1", message(b"x"), b"\x30\x02\0\0", b""):
        rig = Rig(mute=(1,))
        rig.broker.say(greeting)
        rig.broker.end.out.end()
        true((await raises_async(ConnectError, rig.open())).cause in ("protocol", "reset"), repr(greeting))
        equal(rig.messages, [])
        rig.close()


async def test_a_message_that_stops_half_way_is_detected_by_the_next_question():
    rig = await Rig().open()
    rig.broker.say(message(b"x" * 100)[:-50])
    equal((await raises_async(ConnectError, rig.session.ping())).cause, "timeout")
    equal(rig.messages, [])
    rig.close()


async def test_a_cancelled_question_in_the_middle_of_its_packet_ends_the_session():
    rig = await Rig().open()
    rig.broker.end.inn.room = 3
    task = asyncio.create_task(rig.session.publish(b"t", b"p" * 100))
    await clock.sleep_ms(50)
    task.cancel()
    equal(await rig.fault(), "reset")
    rig.close()
