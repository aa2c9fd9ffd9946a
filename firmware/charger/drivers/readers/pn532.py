"""Card reader driver: NXP PN532 on I2C or, as HSU, on a UART; it reads ISO 14443 A cards by itself.

The idTag is the card's UID of 4, 7 or 10 bytes in upper-case hexadecimal. Facts: PN532 user manual UM0701-02, frames
and buses in chapter 6, GetFirmwareVersion 7.2.2, SAMConfiguration 7.2.10, RFConfiguration 7.3.1, InListPassiveTarget 7.3.5.
"""

from micropython import const

from charger.drivers.readers import PolledReader

_KINDS = const((("pn532_i2c", "i2c"), ("pn532_uart", "uart")))
_OPTIONS = const((("address", 0x24, 0x24), ("freq", 100000, 400000)))  # an answer takes 5 ms at 100 kHz
_PATIENCE = const(10)  # polls, for one answer: the slowest search takes some 100 ms
_ACK_BYTES = const(6)
_ANSWER_BYTES = const(47)  # frame and UID take 22, what the card answers to RATS up to 25
_TO_CHIP = const(0xD4)
_FROM_CHIP = const(0xD5)
_SEARCH = const(3)  # the last one of:
_COMMANDS = (
    b"\x02",  # GetFirmwareVersion
    b"\x14\x01\x00\x01",  # SAMConfiguration: normal mode, no SAM
    b"\x32\x05\xff\x01\x02",  # RFConfiguration, MaxRetries: a search ends after three tries; a card may miss one
    b"\x4a\x01\x00",  # InListPassiveTarget: one card, ISO 14443 A at 106 kbit/s
)


class CardReader(PolledReader):
    """A fault is a command that gets no answer, or a wrong one: everything begins anew with the next poll."""

    def __init__(self, line: Any):
        super().__init__()
        self._line = line
        self._begin()

    def _begin(self) -> None:
        self._next = -1  # command to send, -1: wake the chip up
        self._waited = -1  # polls since it was sent, -1: not sent
        self._taken = False  # the chip has acknowledged it

    def poll(self) -> str | None:
        """One step: send a command, or take what has come of its answer and send the next one."""
        self._pass_time()
        try:
            uid = self._step()
        except (OSError, ValueError):
            self.errors += 1
            self._bad += 1
            self._begin()
            return None
        tag = None if uid is None else uid.hex().upper()
        return tag if tag is not None and self._is_new(tag) else None

    def _step(self) -> bytes | None:
        uid = None
        if self._next < 0:
            self._line.wake()
            self._next = 0
            return None
        if self._waited >= 0:
            answer = self._answer()
            if answer is None:
                self._waited += 1
                if self._waited >= _PATIENCE:
                    raise ValueError("no answer")
                return None
            if self._next == _SEARCH:
                uid = _uid(answer)
                self._bad = 0
            else:
                self._next += 1
        self._line.send(_frame(_COMMANDS[self._next]))
        self._waited = 0
        self._taken = False
        return uid

    def _answer(self) -> bytes | None:
        """The bytes behind the command's code in the answer, None while it has not come; ValueError for another answer."""
        if not self._taken:
            data = self._line.receive(_ACK_BYTES)
            if data is None:
                return None
            if data:
                raise ValueError("no acknowledgement")
            self._taken = True
        data = self._line.receive(_ANSWER_BYTES)
        if data is None:
            return None
        if len(data) < 2 or data[0] != _FROM_CHIP or data[1] != _COMMANDS[self._next][0] + 1:
            raise ValueError("another answer")
        return data[2:]


def _frame(command: bytes) -> bytes:
    length = len(command) + 1
    check = -(_TO_CHIP + sum(command)) & 0xFF
    return bytes((0, 0, 0xFF, length, -length & 0xFF, _TO_CHIP)) + command + bytes((check, 0))


def _payload(data: bytes) -> tuple:
    """(payload of the first frame, bytes up to its end); b"" for an acknowledgement, None for a frame that is incomplete."""
    start = data.find(b"\x00\xff") + 2
    if start < 2 or len(data) < start + 2:
        return None, 0
    length, check = data[start], data[start + 1]
    start += 2
    if length == 0 and check == 0xFF:
        return b"", start
    end = start + length
    if length + check & 0xFF or not length:
        raise ValueError("wrong length")
    if len(data) <= end:
        return None, 0
    if sum(data[start : end + 1]) & 0xFF:
        raise ValueError("broken data")
    return data[start:end], end + 1


def _uid(answer: bytes) -> bytes | None:
    """UID of the card that was found, None without one; ValueError when the answer breaks off."""
    if not answer or not answer[0]:
        return None
    length = answer[5] if len(answer) > 5 else 0
    if length not in (4, 7, 10) or len(answer) < 6 + length:
        raise ValueError("no UID")
    return answer[6 : 6 + length]


class _I2CLine:
    """A read gives a byte that says whether there is something, and one frame."""

    def __init__(self, i2c: Any, address: int):
        self._i2c = i2c
        self._address = address

    def wake(self) -> None:
        """Being addressed is enough."""

    def send(self, frame: bytes) -> None:
        """OSError when the chip does not acknowledge its address."""
        self._i2c.writeto(self._address, frame)

    def receive(self, count: int) -> bytes | None:
        """Payload of the next frame, which has count bytes at most; ValueError when it is broken."""
        data = self._i2c.readfrom(self._address, count + 1)
        if not data[0] & 1:
            return None
        return _payload(data[1:])[0]


class _UartLine:
    """Frames come one after the other as bytes."""

    def __init__(self, uart: Any):
        self._uart = uart
        self._held = b""

    def wake(self) -> None:
        """The chip needs some edges, and 2 ms until it listens."""
        self._uart.write(b"\x55\x55" + bytes(14))

    def send(self, frame: bytes) -> None:
        """Drop the bytes received so far: they belong to another command."""
        self._uart.read()
        self._held = b""
        self._uart.write(frame)

    def receive(self, count: int) -> bytes | None:
        """Payload of the next frame; ValueError when it is broken."""
        self._held += self._uart.read(count + _ACK_BYTES) or b""
        payload, end = _payload(self._held)
        self._held = self._held[end:][-_ANSWER_BYTES - _ACK_BYTES :]
        return payload


def create(kind: str, options: dict, buses: Any) -> CardReader:
    """The driver on the board's bus."""
    if kind == "pn532_i2c":
        return CardReader(_I2CLine(buses.i2c(options), options.get("address", 0x24)))
    return CardReader(_UartLine(buses.uart(options, None, 115200, 256)))
