"""A million bytes of nonsense, and of damaged truth, into each UART parser: nothing raises, next to nothing is believed.

What the checksum allows: an 8-bit sum passes one damaged frame in 256. The parsers check more (bytes that are always
zero, coefficients that never change), so the tests ask for less than that.
"""

import random

import meters
from check import equal, near, true

from charger import log
from charger.drivers.meters.bl0942 import BL0942, FRAME, find_frame
from charger.drivers.meters.calibration import Calibration
from charger.drivers.meters.cse7766 import CSE7766, Framer
from sim.chips.bl0942 import BL0942Chip
from sim.chips.cse7766 import CSE7766Chip
from sim.chips.uart import UARTWire

WORDS = (64,)  # 1,000,000 bytes each: the fast interpreter
BYTES = 1000000

time = meters.Time()
_write = log._write


def setup():
    time.start()
    random.seed(20260101)
    log._write = lambda *line: None  # thousands of deserved complaints


def teardown():
    log._write = _write
    time.stop()


class Line:
    """A UART that gives what was put on it; the driver's own words go nowhere."""

    def __init__(self):
        self.held = b""

    def any(self):
        return len(self.held)

    def readinto(self, buf):
        n = min(len(buf), len(self.held))
        if n == 0:
            return None
        buf[:n] = self.held[:n]
        self.held = self.held[n:]
        return n

    def write(self, buf):
        return len(buf)


def noise(count):
    """Even bytes."""
    return bytes([random.getrandbits(8) for _ in range(count)])


def lookalikes(count):
    """Mostly bytes that frames and commands begin with or hold."""
    alphabet = b"\x55\x5a\xaa\xf2\x00\x58\xff\x70\x61\x00\x00\x55"
    return bytes(
        [alphabet[random.getrandbits(8) % 12] if random.getrandbits(2) else random.getrandbits(8) for _ in range(count)]
    )


def fed(meter, line, make, most):
    """Feed BYTES bytes, up to `most` a poll; how many polls took a measurement out of them."""
    believed = passed = 0
    while passed < BYTES:
        line.held = make(1 + random.getrandbits(16) % most)
        passed += len(line.held)
        time.pass_ms(200)
        before = meter.reading.stamp_ms
        meter.poll()
        believed += meter.reading.stamp_ms != before
    return believed


def test_bl0942_rejects_noise():
    for make in (noise, lookalikes):
        line = Line()
        meter = BL0942(line, Calibration("bl0942"), {})
        meter._configured = True
        equal(fed(meter, line, make, 120), 0)
        equal(meter.reading.take_energy(), 0)


def test_cse7766_rejects_noise():
    for make in (noise, lookalikes):
        line = Line()
        meter = CSE7766(line, Calibration("cse7766"), {})
        equal(fed(meter, line, make, 240), 0)
        equal(meter.reading.take_energy(), 0)


def test_cse7766_framer_passes_no_more_noise_than_its_sum_allows():
    framer = Framer()
    whole = 0
    for _ in range(BYTES // 1000):
        for byte in noise(1000):
            whole += framer.feed(byte)
    # 18 of 256 heads, one second byte, one sum: 18 / 2^24 a byte, about one in a million
    true(whole <= 6, whole)


def damage(frame, changes):
    """The frame with so many bytes changed, none of them to what it was."""
    data = bytearray(frame)
    places = []
    while len(places) < changes:
        at = random.getrandbits(16) % len(data)
        if at not in places:
            places.append(at)
            data[at] ^= 1 + random.getrandbits(16) % 255
    return data


def bl0942_frames(count):
    """Frames of a chip under changing load."""
    load = meters.Load()
    chip = BL0942Chip(load, 3, now=time.ms)
    wire = UARTWire(chip, time.ms)
    frames = []
    for n in range(count):
        load.set(volts=220 + n % 20, amps=6 + n % 26)
        wire.write(b"\x58\xaa")
        time.pass_ms(60)
        frames.append(wire.read())
    return frames


def cse7766_frames(count):
    """Frames of a chip under changing load."""
    load = meters.Load()
    chip = CSE7766Chip(load, 3, now=time.ms)
    wire = UARTWire(chip, time.ms, bits=11)
    frames = []
    while len(frames) < count:
        load.set(volts=220 + len(frames) % 20, amps=6 + len(frames) % 26)
        time.pass_ms(60)
        while wire.any() >= 24:
            frames.append(wire.read(24))
    return frames


def test_bl0942_damaged_frames():
    frames = bl0942_frames(40)
    for frame in frames:
        equal(find_frame(frame, FRAME, 0x58), 0)
    each = BYTES // FRAME // 4
    for changes in (1, 2, 3, 8):
        passed = 0
        for n in range(each):
            passed += find_frame(damage(frames[n % 40], changes), FRAME, 0x58) >= 0
        if changes == 1:
            equal(passed, 0, "one changed byte always shows in the sum")
        true(passed <= each // 256, "%d of %d with %d bytes changed" % (passed, each, changes))


def test_cse7766_damaged_frames_in_a_stream():
    """Every third frame is damaged in one to three bytes; bytes get lost and doubled in between."""
    frames = cse7766_frames(40)
    line = Line()
    meter = CSE7766(line, Calibration("cse7766"), {})
    passed = wrong = polls = damaged = n = 0
    while passed < BYTES:
        data = bytearray()
        for _ in range(3):
            frame = frames[n % 40]
            n += 1
            if n % 3 == 0:
                damaged += 1
                kind = random.getrandbits(2)
                frame = damage(frame, kind) if kind else frame[: random.getrandbits(8) % 24]
                frame += noise(random.getrandbits(2))
            data.extend(frame)
        line.held = data
        passed += len(data)
        polls += 1
        time.pass_ms(200)
        meter.poll()
        if meter.reading.valid:
            v_mv, i_ma, p_mw = meter.reading.v_mv[0], meter.reading.i_ma[0], meter.reading.p_mw[0]
            wrong += not (210000 < v_mv < 250000 and 5500 < i_ma < 33000 and 1200000 < p_mw < 8300000)
    true(polls > 10000)
    true(wrong <= damaged // 256, "%d wrong of %d damaged" % (wrong, damaged))
    true(meter.reading.usable(), "and it was followed all the time")


def test_frames_published_by_owners_of_the_chip():
    """Three frames that went round the internet with the decoded figures beside them."""
    line = Line()
    meter = CSE7766(line, Calibration("cse7766"), {})
    for text, volts, amps, watts in (
        ("F25A02F76000036100401005724051A65863101BE17F4D4E", 224740, 0, 0),  # power takes too long: no load
        ("555A02F76000035A004010048B9F51A65818727561ACA130", 226573, 55, 0),  # power not valid yet
        ("555A02F7600003AB00401002605D51A65803E9EF710B7A36", 207028, 105, 20862),
    ):
        frame = bytes.fromhex(text)
        for _ in range(2):
            line.held = frame
            time.pass_ms(200)
            meter.poll()
        near(meter.reading.v_mv[0], volts, 2)
        near(meter.reading.i_ma[0], amps, 1)
        near(meter.reading.p_mw[0], watts, 2)
