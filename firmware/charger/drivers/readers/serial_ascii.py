"""Card reader driver: a serial reader that sends each card as STX, printable characters, CR LF ETX (9600 8N1)."""

from micropython import const

from charger import clock
from charger.drivers.readers import PolledReader

_KINDS = const((("serial_ascii", "uart"),))
_OPTIONS = const(())
_STX = const(2)
_ETX = const(3)
_FRAME_MS = const(500)  # a frame takes 50 ms: the rest of one that comes later belongs to another card
_QUIET_MS = const(60000)  # broken frames are forgotten after so long without one
_BUFFER = const(256)
_MAX = const(20)  # an idTag has 20 characters at most (SCH-1)


class CardReader(PolledReader):
    """A fault is a broken frame; a frame that was half read goes on at a late poll.

    Noise at full rate holds some whole frames by chance: while the reader has failed no card counts that comes with broken bytes.
    """

    def __init__(self, uart: Any):
        super().__init__()
        self._uart = uart
        self._frame = bytearray(_MAX)
        self._used = -1  # -1: no frame open
        self._data_ms = self._bad_ms = 0

    def poll(self) -> str | None:
        """The last complete card since the last call; broken frames are counted in `errors` and dropped."""
        data = self._uart.read(_BUFFER)
        now_ms = self._pass_time()
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
        if self.errors != errors and (self.failed or not tag):
            tag = None
            self._bad += 1  # once for all that came together: one disturbance
            self._bad_ms = now_ms
        elif tag:
            self._bad = 0
        return tag if tag is not None and self._is_new(tag) else None

    def _take(self, byte: int) -> str | None:
        if byte == _ETX:
            used, self._used = self._used, -1
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


def create(kind: str, options: dict, buses: Any) -> CardReader:
    """The driver on the board's UART."""
    return CardReader(buses.uart(options, None, 9600, _BUFFER))
