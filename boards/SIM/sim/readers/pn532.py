"""PN532 at frame level on I2C and UART: acknowledgements, answers that take their time, commands it does not know (UM0701-02)."""

import utime

from sim import timebase
from sim.readers.cards import Field

_ACK = b"\x00\x00\xff\x00\xff\x00"
_ERROR = b"\x00\x00\xff\x01\xff\x7f\x81\x00"
_TRY_MS = 6  # a search for a card that is not there
_FOUND_MS = 15


class PN532Chip(Field):
    """flaw: None, "silent" (no answer at all), "half" (frames break off), "noise" (each third answer or so has a wrong bit),
    "absurd" (UIDs of 3 bytes), "other" (answers to another command).
    """

    parity = None
    BAUD = 115200

    def __init__(self, wakes_by_edges):
        super().__init__()
        self.slow_ms = 0  # that each answer takes longer
        self.refused = []  # what the chip did not take, for tests
        self._wakes_by_edges = wakes_by_edges
        self._answers = 0
        self.power_up()

    def power_up(self):
        """As after a dip of the supply: low battery mode, nothing configured."""
        self._awake = not self._wakes_by_edges
        self._tries = 0xFF
        self._ready = False  # SAMConfiguration was seen
        self._heard = b""
        self._out = []  # [when, frame]
        self._searching = False
        self.switch(False)

    def send(self, data):
        """Bytes on the line that are no answer."""
        self._out.append([timebase.ticks_ms(), data])

    # --- commands ---

    def hear(self, data):
        """Bytes from the host."""
        if self.flaw == "silent":
            return
        if not self._awake:
            if b"\x55\x55\x00" not in data:
                self.refused.append("asleep")
                return
            self._awake = True
        self._heard += data
        while True:
            start = self._heard.find(b"\x00\xff")
            if start < 0 or len(self._heard) < start + 4:
                self._heard = self._heard[-2:]
                return
            length, check = self._heard[start + 2], self._heard[start + 3]
            frame = self._heard[start + 4 : start + 5 + length]
            self._heard = self._heard[start + 5 + length :]
            self._searching = False
            self._out = []
            if length == 0 and check == 0xFF:
                continue  # an acknowledgement ends what runs
            if length + check & 0xFF or len(frame) != length + 1 or sum(frame) & 0xFF or frame[0] != 0xD4:
                self.refused.append("frame")
                continue
            self._command(frame[1], frame[2:-1])

    def _command(self, code, data):
        now = timebase.ticks_ms()
        self._out.append([now, _ACK])
        if code == 0x02:
            answer = b"\x32\x01\x06\x07"
        elif code == 0x14 and data[:1] == b"\x01":
            self._ready = True
            answer = b""
        elif code == 0x32 and data[0] == 5:
            self._tries = data[3]
            answer = b""
        elif code == 0x4A and self._ready and data[1:2] == b"\x00":
            self._begin_search(now)
            return
        else:
            self.refused.append("command %02x" % code)
            self._out.append([now, _ERROR])
            return
        self._reply(now + 1, bytes((code + 1,)) + answer)

    def _begin_search(self, now):
        self.switch(True)
        self._searching = True
        self._next_try_ms = now
        self._left = self._tries + 1

    def _search(self, now):
        """Tries until now; each takes its time, without a limit it goes on."""
        while self._searching and utime.ticks_diff(now, self._next_try_ms) >= 0:
            found = self.activate()
            if found is not None:
                atqa, sak, uid = found
                uid = uid[:3] if self.flaw == "absurd" else uid
                ats = b"\x06\x75\x77\x81\x02\x80" if sak & 0x20 else b""
                target = bytes((1, 1, atqa[1], atqa[0], sak, len(uid))) + uid + ats
                self._reply(self._next_try_ms + _FOUND_MS, b"\x4b" + target)
                self._searching = False
                return
            self._next_try_ms = utime.ticks_add(self._next_try_ms, _TRY_MS)
            self._left -= 1
            if self._left == 0 and self._tries != 0xFF:
                self._reply(self._next_try_ms, b"\x4b\x00")
                self._searching = False

    def _reply(self, at_ms, payload):
        payload = b"\xd5" + (b"\x7e" + payload[1:] if self.flaw == "other" else payload)
        frame = b"\x00\x00\xff" + bytes((len(payload), -len(payload) & 0xFF)) + payload + bytes((-sum(payload) & 0xFF, 0))
        self._answers += 1
        if self.flaw == "half":
            frame = frame[: len(frame) - 4]
        elif self.flaw == "noise" and self._answers * 7 % 11 < 4:
            bad = 3 + self._answers % (len(frame) - 3)
            frame = frame[:bad] + bytes((frame[bad] ^ 0x10,)) + frame[bad + 1 :]
        self._out.append([utime.ticks_add(at_ms, self.slow_ms), frame])

    def _next(self):
        """The next frame that is ready, taken out; None while there is none."""
        now = timebase.ticks_ms()
        self._search(now)
        if self._out and utime.ticks_diff(now, self._out[0][0]) >= 0:
            return self._out.pop(0)[1]
        return None

    # --- I2C ---

    def write(self, data):
        """A write to its address; on a UART the same bytes."""
        if self.flaw == "silent" and not self._wakes_by_edges:
            raise OSError(19)
        self.hear(data)

    def read(self, count):
        """Whether something is ready, and one frame; what is not read of it is lost."""
        if self.flaw == "silent":
            raise OSError(19)
        frame = self._next()
        if frame is None:
            return bytes(count)
        return (b"\x01" + frame + bytes(count))[:count]

    # --- UART ---

    _line = b""

    def take(self, count, baud, plain):
        """Bytes received so far, at most count; None counts them only."""
        frame = self._next()
        while frame is not None:
            self._line += frame
            frame = self._next()
        if count is None:
            return len(self._line)
        data, self._line = self._line[:count], self._line[count:]
        return data if baud == self.BAUD and plain else bytes([byte ^ 0x6D | 0x80 for byte in data])


def fit(place):
    """Wire one to I2C or UART, as the kind says."""
    by_uart = place.kind == "pn532_uart"
    chip = PN532Chip(by_uart)
    if by_uart:
        place.world.serial[place.options["uart"]] = chip
    else:
        place.i2c(chip)
    return chip
