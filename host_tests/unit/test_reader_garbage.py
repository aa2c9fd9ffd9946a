"""Card readers whose line carries garbage at full rate: bounded work, no card that is not there, and the good card after it."""

import random
import sys

from card_polls import listen
from check import equal, true

from charger.drivers import readers
from charger.drivers.readers import pn532, serial_ascii
from sim import launch, timebase, world
from sim.chips.uart import UARTWire

POLL_MS = 100
BYTES_A_POLL = 1152  # 115,200 bit/s
CARD = b"\x02DEADBEEF\r\n\x03"
LONGEST = b"\x00\x00\xff\xff\x01" + bytes(range(256))  # a PN532's frame of 255 bytes
NOISE = 1500  # polls, 150 s


class Line(UARTWire):
    """A UART that keeps the most that the driver has taken at once."""

    def __init__(self):
        super().__init__(None, timebase.ticks_ms, rxbuf=256)
        self.most = 0

    def read(self, n=-1):
        data = super().read(n)
        self.most = max(self.most, len(data or b""))
        return data

    def write(self, buf):
        """Nobody listens."""
        return len(buf)


def _random(n):
    return bytes([random.getrandbits(8) for _ in range(n)])


GARBAGE = (
    ("random", _random),
    ("half frames", lambda n: (CARD[:6] * (n // 6 + 1))[:n]),
    ("frames of the longest length", lambda n: (LONGEST * (n // 256 + 1))[:n]),
    ("frames that are too long", lambda n: (b"\x02" + b"A" * 40 + b"\r\n\x03") * (n // 44)),
    ("text without an end", lambda n: b"7" * n),
    ("starts and ends", lambda n: b"\x02\x03" * (n // 2)),
)


def _play(driver, line, polls=NOISE):
    """Cards that came of garbage of each kind."""
    found = []
    for what, garbage in GARBAGE:
        for _ in range(polls if what == "random" else 30):
            timebase.advance(POLL_MS)
            line.inject(garbage(BYTES_A_POLL))
            tag = driver.poll()
            if tag is not None:
                found.append((what, tag))
    return found


def test_garbage_at_full_rate_is_no_card_of_a_serial_reader_and_the_next_card_is_read():
    timebase.manual()
    random.seed(15)
    line = Line()
    driver = serial_ascii.CardReader(line)
    equal(_play(driver, line), [])
    true(line.most <= 256, "bytes a poll")
    line.inject(_random(BYTES_A_POLL))
    listen(driver, 300)
    true(driver.failed, "it is told")
    line.inject(CARD)
    equal((listen(driver, 300), driver.failed), (["DEADBEEF"], False))


def test_a_serial_reader_asks_for_no_more_than_its_buffer():
    timebase.manual()

    class Endless:
        def read(self, n=-1):
            true(0 <= n <= 256, n)
            return b"\xff" * n

    driver = serial_ascii.CardReader(Endless())
    equal(listen(driver, 1000), [])


def test_ends_without_a_card_are_no_sign_that_a_failed_reader_works():
    timebase.manual()
    line = Line()
    driver = serial_ascii.CardReader(line)
    for _ in range(10):
        line.inject(b"\x02\x8f\x02\x03")
        listen(driver, 100)
    true(driver.failed)


def test_two_cards_within_100_ms_are_the_later_one():
    timebase.manual()
    line = Line()
    driver = serial_ascii.CardReader(line)
    line.inject(CARD + b"\x02CAFE0001\r\n\x03")
    equal(listen(driver, 1000), ["CAFE0001"])
    line.inject(CARD)
    equal(listen(driver, 100), ["DEADBEEF"])
    line.inject(b"\x02CAFE0002\r\n\x03")
    equal(listen(driver, 100), ["CAFE0002"])


def test_garbage_at_full_rate_is_no_card_of_a_pn532():
    timebase.manual()
    random.seed(16)
    line = Line()
    driver = pn532.CardReader(pn532._UartLine(line))
    equal(_play(driver, line, 300), [])
    true(driver.failed and line.most <= 256, line.most)
    true(len(driver._line._held) <= 60, "what is kept of it")


def test_the_card_after_the_garbage_is_the_same_one_by_each_protocol():
    """A UID of an ISO 14443 card, by PN532 on both of its buses and by RC522, is what a serial reader sends of it."""
    timebase.manual()
    random.seed(17)
    for kind in ("PN532", "PN532-UART", "RC522"):
        launch.config["set"] = {"ReaderKind": kind}
        sys.modules.pop("board", None)
        chip = world.fresh().outlets[0].reader
        driver = readers.make(sys.modules["board"].OUTLETS[0]["reader"])
        listen(driver, 1500)
        chip.flaw = "noise"
        for _ in range(50):
            if kind == "PN532-UART":
                chip.send(_random(BYTES_A_POLL))
            equal((kind, listen(driver, 100)), (kind, []))
            if kind == "PN532-UART":
                chip._line = chip._line[:256]  # the port holds no more
        chip.flaw = None
        listen(driver, 2000)
        chip.lay("DEADBEEF", 0)
        equal((kind, listen(driver, 3000), driver.failed), (kind, ["DEADBEEF"], False))
