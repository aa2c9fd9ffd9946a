"""The card reader of one outlet: sends STX, the card's characters, CR LF ETX at 9600 8N1."""

import utime

from sim import timebase

BAUD = 9600
_NOISE_MS = 200
_NOISE = b"\x02\x8f\x01\xe3\x55"


class CardReader:
    """swipe() puts a frame on the line; take() is what the UART has received by now. `broken`: only rubbish comes.

    lay() leaves a card on the reader, which sends it again each every_ms until lift().
    """

    parity = None

    def __init__(self):
        self.broken = False
        self._line = b""
        self._start_ms = 0
        self._noise_ms = timebase.ticks_ms()
        self._lying = None
        self._every_ms = 0
        self._sent_ms = 0

    def _send(self, data):
        if not self._line:
            self._start_ms = timebase.ticks_ms()
        self._line += data

    def swipe(self, token):
        """Show a card. ValueError for a token that the reader could not send."""
        if not 1 <= len(token) <= 40:
            raise ValueError("a token has 1 to 40 characters")
        for ch in token:
            if not 32 <= ord(ch) < 127:
                raise ValueError("a token is printable ASCII")
        frame = b"\x02" + token.encode() + b"\r\n\x03"
        if self.broken:
            frame = bytes([byte ^ 0xA5 for byte in frame])
        self._send(frame)

    def lay(self, token, every_ms):
        """Leave a card on the reader."""
        self.swipe(token)
        self._lying = token
        self._every_ms = every_ms
        self._sent_ms = timebase.ticks_ms()

    def lift(self):
        """Take the card away."""
        self._lying = None

    def send(self, data):
        """Bytes as they are: a part of a frame, two frames run together, noise."""
        self._send(data)

    def write(self, data):
        """It does not listen."""

    def take(self, count, baud, plain):
        """Bytes received so far, at most count; None counts them only. `plain` is False for a frame format not 8N1."""
        now = timebase.ticks_ms()
        if self.broken and utime.ticks_diff(now, self._noise_ms) > _NOISE_MS:
            self._noise_ms = now
            if len(self._line) < 64:
                self._send(_NOISE)
        if self._lying is not None and utime.ticks_diff(now, self._sent_ms) >= self._every_ms:
            self._sent_ms = now
            self.swipe(self._lying)
        if not self._line:
            return 0 if count is None else b""
        arrived = min(len(self._line), utime.ticks_diff(now, self._start_ms) * BAUD // 10000)
        if count is None:
            return arrived
        arrived = min(arrived, count)
        data = self._line[:arrived]
        self._line = self._line[arrived:]
        self._start_ms = utime.ticks_add(self._start_ms, arrived * 10000 // BAUD)
        if baud != BAUD or not plain:
            return bytes([byte ^ 0x6D | 0x80 for byte in data])
        return data


def fit(place):
    """Wire one to the UART."""
    reader = CardReader()
    place.world.serial[place.options["uart"]] = reader
    return reader
