"""Card reader driver: a serial reader that sends each card as STX, printable characters, CR LF ETX (9600 8N1)."""

from machine import UART
from micropython import const

from charger import clock

_STX = const(2)
_ETX = const(3)
_BAD = const(3)
_AWAY_MS = const(1000)  # readers repeat a present card each 100 to 500 ms
_FRAME_MS = const(500)  # a frame takes 50 ms: the rest of one that comes later belongs to another card
_QUIET_MS = const(60000)  # broken frames are forgotten after so long without one
_POLL_MS = const(200)  # a late call counts as so much time: the bytes that came meanwhile wait in the UART
_MAX = const(20)  # an idTag has 20 characters at most (SCH-1)


class CardReader:
    """poll() gives the idTag of a card shown since the last call, or None; once until it was away for 1 s.

    Two cards that lie there together are reported once each. `failed` from the third broken frame in a row.
    A late call of poll() ages nothing: a frame that was half read goes on, and a card that lay there still does.
    """

    def __init__(self, options: dict):
        pins = {"tx": options["tx"], "rx": options["rx"]} if "tx" in options else {}
        self._uart = UART(options["uart"], baudrate=9600, bits=8, parity=None, stop=1, **pins)
        self._frame = bytearray(_MAX)
        self._used = -1  # -1: no frame open
        self.errors = 0
        self._bad = 0
        self._data_ms = self._bad_ms = self._now_ms = 0
        self._polled_ms = clock.ticks_ms()
        self._tags: list = [None, None]  # the last two, and when each was shown last
        self._shown_ms = [0, 0]

    def poll(self) -> str | None:
        """The last complete card since the last call; broken frames are counted in `errors` and dropped."""
        data = self._uart.read()
        since_ms, self._polled_ms = clock.elapsed_ms(self._polled_ms), clock.ticks_ms()
        now_ms = self._now_ms = clock.ticks_add(self._now_ms, since_ms if 0 <= since_ms < _POLL_MS else _POLL_MS)
        if not data:
            if self._bad and clock.ticks_diff(now_ms, self._bad_ms) >= _QUIET_MS:
                self._bad = 0
            return None
        if self._used >= 0 and clock.ticks_diff(now_ms, self._data_ms) >= _FRAME_MS:
            self._used = -1
        self._data_ms = now_ms
        tag = None
        errors = self.errors
        for byte in data:
            if byte == _STX:
                self._used = 0
            elif self._used >= 0:
                tag = self._take(byte) or tag
            elif not 32 <= byte < 127 and byte not in (10, 13, _ETX):
                self._broken()
        if self.errors != errors and not tag:
            self._bad += 1  # once for all that came together: one disturbance
            self._bad_ms = now_ms
        return None if tag is None or self._lies_there(tag, now_ms) else tag

    def _lies_there(self, tag: str, now_ms: int) -> bool:
        tags, shown_ms = self._tags, self._shown_ms
        n = 0 if tag == tags[0] else 1
        same = tag == tags[n] and 0 <= clock.ticks_diff(now_ms, shown_ms[n]) < _AWAY_MS
        if n:  # the newest one comes first
            tags[1], shown_ms[1] = tags[0], shown_ms[0]
            tags[0] = tag
        shown_ms[0] = now_ms
        return same

    def _take(self, byte: int) -> str | None:
        if byte == _ETX:
            used, self._used = self._used, -1
            self._bad = 0
            return str(bytes(self._frame[:used]), "utf-8") if used else None
        if byte in (13, 10):
            return None
        if not 32 <= byte < 127 or self._used >= _MAX:
            self._broken()
            return None
        self._frame[self._used] = byte
        self._used += 1
        return None

    def _broken(self) -> None:
        self._used = -1
        self.errors += 1

    @property
    def failed(self) -> bool:
        """True while only invalid frames arrive (OCPP-84)."""
        return self._bad >= _BAD
