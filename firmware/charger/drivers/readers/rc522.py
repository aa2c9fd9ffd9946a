"""Card reader driver: NXP MFRC522 on SPI; the driver itself finds the UID of an ISO 14443 A card.

The idTag is the UID of 4, 7 or 10 bytes in upper-case hexadecimal. Each poll takes the answer to one frame and starts the
next: a UID of 4 bytes takes 3 polls, 7 bytes 5, 10 bytes 7. Facts: MFRC522 data sheet rev. 3.9, registers in 9.3;
ISO/IEC 14443-3: anticollision of type A in clause 6, CRC_A in annex B. Of cards that answer at once those with a 1 in the first
bit that differs go on.
"""

from micropython import const

from charger.drivers.readers import PolledReader

_KINDS = const((("rc522", "spi"),))
_OPTIONS = const(())
_BAUD = const(1000000)
_MODE = const(0)

_COMMAND = const(0x01)
_COM_IRQ = const(0x04)
_ERROR = const(0x06)
_FIFO = const(0x09)
_FIFO_LEVEL = const(0x0A)
_CONTROL = const(0x0C)
_BIT_FRAMING = const(0x0D)
_COLL = const(0x0E)
_TX_CONTROL = const(0x14)
_VERSION = const(0x37)

_RX_DONE = const(0x20)
_TIMEOUT = const(0x01)
_COLLISION = const(0x08)
_RX_ERRORS = const(0x13)  # buffer, parity, protocol
_NO_POSITION = const(0x20)
_ANTENNA_ON = const(0x83)
# register, value: 5 ms for an answer (TMode, TPrescaler, TReload: 200 / 40 kHz), 100 % ASK, CRC preset 0x6363, no bits after
# a collision, antenna on
_SETTINGS = b"\x2a\x80\x2b\xa9\x2c\x00\x2d\xc8\x15\x40\x11\x3d\x0e\x00\x14\x83"

_REQA = const(0x26)
_CASCADE = const(0x88)  # first byte of a level that is not the last one
_INCOMPLETE = const(0x04)  # in SAK: another level follows
# what was sent last
_NOTHING = const(0)
_SOFT_RESET = const(1)
_REQUEST = const(2)
_ANTICOLLISION = const(3)
_SELECT = const(4)


class CardReader(PolledReader):
    """A fault is a chip that has lost its settings, or does not end a transmission: it is reset with the next poll."""

    def __init__(self, spi: Any, cs: Any):
        super().__init__()
        self._spi = spi
        self._cs = cs
        self._address = bytearray(1)
        self._value = bytearray(1)
        self._sent = _NOTHING
        self._uid = b""
        self._level = 0  # of the cascade, 0 to 2
        self._part = bytearray(5)  # of the UID, with its check byte
        self._known = 0  # bits of it after a collision

    def poll(self) -> str | None:
        """One step: take the answer to the last frame, start the next one."""
        self._pass_time()
        uid = None
        if self._sent == _NOTHING:
            self._write(_COMMAND, b"\x0f")  # SoftReset
            self._sent = _SOFT_RESET
            return None
        if self._sent == _SOFT_RESET:
            self._configure()
        if not self._works():
            self.errors += 1
            self._bad += 1
            self._sent = _NOTHING
            return None
        if self._sent == _SOFT_RESET:
            self._sent = _REQUEST
        else:
            self._bad = 0
            uid = self._advance()
        self._send_next()
        tag = None if uid is None else uid.hex().upper()
        return tag if tag is not None and self._is_new(tag) else None

    def _configure(self) -> None:
        if self._read(_VERSION) in (0x00, 0xFF):
            return  # nothing answers: TxControl will tell
        for n in range(0, len(_SETTINGS), 2):
            self._write(_SETTINGS[n], _SETTINGS[n + 1 : n + 2])

    def _works(self) -> bool:
        """Whether the chip has its settings and has ended the last transmission."""
        if self._read(_TX_CONTROL) != _ANTENNA_ON:
            return False
        return self._sent == _SOFT_RESET or self._read(_COM_IRQ) & (_RX_DONE | _TIMEOUT) != 0

    # --- the protocol ---

    def _advance(self) -> bytes | None:
        """Take an answer and choose what to send next; the UID when it is complete."""
        sent, self._sent = self._sent, _REQUEST
        data = self._received()
        if data is None:
            return None
        if sent == _REQUEST:
            self._keep()
            self._uid = b""
            self._begin_level(0)
        elif sent == _ANTICOLLISION:
            return self._take_part(data)
        elif data and data[0] & _INCOMPLETE:  # the check byte of the next part says whether it belongs to this one
            self._begin_level(self._level + 1)
        return None

    def _begin_level(self, level: int) -> None:
        self._level = level
        self._known = 0
        self._part[:] = b"\0\0\0\0\0"
        self._sent = _ANTICOLLISION

    def _take_part(self, data: bytes) -> bytes | None:
        part, known = self._part, self._known
        first = known >> 3
        if len(data) > 5 - first or not data:
            return None
        mask = (1 << (known & 7)) - 1
        part[first] = part[first] & mask | data[0] & ~mask
        part[first + 1 : first + len(data)] = data[1:]
        if self._read(_ERROR) & _COLLISION:
            return self._take_side()
        if first + len(data) != 5 or part[0] ^ part[1] ^ part[2] ^ part[3] != part[4]:
            return None
        if part[0] != _CASCADE:
            return self._uid + part[:4]
        if self._level < 2:
            self._uid += part[1:4]
            self._sent = _SELECT
        return None

    def _take_side(self) -> None:
        """After the first collision of a level: go on with the cards that have a 1 there. Another one: begin anew."""
        place = self._read(_COLL)
        known = place & 0x1F or 32
        if self._known or place & _NO_POSITION:
            return
        self._part[known - 1 >> 3] |= 1 << (known - 1 & 7)
        self._known = known
        self._sent = _ANTICOLLISION

    # --- the chip ---

    def _send_next(self) -> None:
        bits = align = 0  # of the last byte sent, where only a part of it is; where the answer's first byte begins
        if self._sent == _REQUEST:
            frame = b"\x26"  # REQA
            bits = 7
        else:
            select = 0x93 + 2 * self._level
            if self._sent == _SELECT:
                frame = bytes((select, 0x70)) + self._part
                frame += crc_a(frame)
            else:
                known = self._known
                frame = bytes((select, 0x20 + (known >> 3 << 4) + (known & 7))) + self._part[: known + 7 >> 3]
                bits = align = known & 7
        framing = align << 4 | bits
        self._write(_COMMAND, b"\x00")  # Idle
        self._write(_COM_IRQ, b"\x7f")  # all cleared
        self._write(_FIFO_LEVEL, b"\x80")  # emptied
        self._write(_FIFO, frame)
        self._write(_BIT_FRAMING, bytes((framing,)))
        self._write(_COMMAND, b"\x0c")  # Transceive
        self._write(_BIT_FRAMING, bytes((0x80 | framing,)))  # StartSend

    def _received(self) -> bytes | None:
        """Bytes of the answer, None without one or with a broken one; of two cards at once up to the bit that differs."""
        if not self._read(_COM_IRQ) & _RX_DONE or self._read(_ERROR) & _RX_ERRORS:
            return None
        data = bytearray(min(self._read(_FIFO_LEVEL), 8))
        self._transfer(0x80 | _FIFO << 1, data)
        return bytes(data)

    def _read(self, register: int) -> int:
        self._transfer(0x80 | register << 1, self._value)
        return self._value[0]

    def _transfer(self, address: int, into: bytearray) -> None:
        self._address[0] = address
        self._cs(0)
        self._spi.write(self._address)
        self._spi.readinto(into, address)
        self._cs(1)

    def _write(self, register: int, data: bytes) -> None:
        self._address[0] = register << 1
        self._cs(0)
        self._spi.write(self._address)
        self._spi.write(data)
        self._cs(1)


def crc_a(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3, annex B, as it is sent."""
    crc = 0x6363
    for byte in data:
        byte ^= crc & 0xFF
        byte ^= byte << 4 & 0xFF
        crc = crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4
    return bytes((crc & 0xFF, crc >> 8))


def create(kind: str, options: dict, buses: Any) -> CardReader:
    """The driver on the board's bus."""
    return CardReader(buses.spi(options, _BAUD, _MODE), buses.chip_select(options))
