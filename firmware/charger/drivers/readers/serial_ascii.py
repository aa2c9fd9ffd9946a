"""Card reader driver: a serial reader that sends each card as STX, printable characters, CR LF ETX (9600 8N1)."""

from machine import UART
from micropython import const

from charger import clock

_STX = const(2)
_ETX = const(3)
_BAD = const(3)
_AWAY_MS = const(1000)  # readers repeat a present card each 100 to 500 ms
_MAX = const(20)  # an idTag has 20 characters at most (SCH-1)


class CardReader:
    """poll() gives the idTag of a card shown since the last call, or None; once until it was away for 1 s.

    `failed` from the third broken frame in a row.
    """

    def __init__(self, options: dict):
        pins = {"tx": options["tx"], "rx": options["rx"]} if "tx" in options else {}
        self._uart = UART(options["uart"], baudrate=9600, bits=8, parity=None, stop=1, **pins)
        self._frame = bytearray(_MAX)
        self._used = -1  # -1: no frame open
        self.errors = 0
        self._bad = 0
        self._last: str | None = None
        self._last_ms = 0

    def poll(self) -> str | None:
        """The last complete card since the last call; broken frames are counted in `errors` and dropped."""
        data = self._uart.read()
        if not data:
            return None
        tag = None
        for byte in data:
            if byte == _STX:
                self._used = 0
            elif self._used >= 0:
                tag = self._take(byte) or tag
            elif not 32 <= byte < 127 and byte not in (10, 13, _ETX):
                self._broken()
        return None if tag is None or self._lies_there(tag) else tag

    def _lies_there(self, tag: str) -> bool:
        now_ms = clock.ticks_ms()
        same = tag == self._last and clock.ticks_diff(now_ms, self._last_ms) < _AWAY_MS
        self._last = tag
        self._last_ms = now_ms
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
        self._bad += 1

    @property
    def failed(self) -> bool:
        """True while only invalid frames arrive (OCPP-84)."""
        return self._bad >= _BAD
