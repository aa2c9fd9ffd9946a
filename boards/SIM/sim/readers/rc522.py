"""MFRC522 at register level on SPI: FIFO, bit framing, timer, collisions (data sheet rev. 3.9, 9.3)."""

import utime

from sim import timebase
from sim.readers.cards import Field, bytes_of

_COMMAND, _COM_IRQ, _ERROR, _FIFO, _FIFO_LEVEL = 0x01, 0x04, 0x06, 0x09, 0x0A
_CONTROL, _BIT_FRAMING, _COLL, _TX_CONTROL, _TX_ASK, _VERSION = 0x0C, 0x0D, 0x0E, 0x14, 0x15, 0x37
_T_MODE, _T_PRESCALER, _T_RELOAD_H, _T_RELOAD_L = 0x2A, 0x2B, 0x2C, 0x2D
_RESET = {
    _COMMAND: 0x20, 0x02: 0x80, 0x03: 0x00, _COM_IRQ: 0x14, 0x05: 0x00, _ERROR: 0x00, 0x07: 0x21, 0x08: 0x00, 0x0B: 0x08,
    _CONTROL: 0x10, _BIT_FRAMING: 0x00, _COLL: 0x80, 0x11: 0x3F, 0x12: 0x00, 0x13: 0x00, _TX_CONTROL: 0x80, _TX_ASK: 0x00,
    0x24: 0x26, 0x26: 0x48, _T_MODE: 0x00, _T_PRESCALER: 0x00, _T_RELOAD_H: 0x00, _T_RELOAD_L: 0x00, _VERSION: 0x92,
}  # fmt: skip
_READ_ONLY = (_ERROR, 0x07, 0x08, _VERSION)
_EXCHANGE_MS = 1
_STARTS_MS = 5  # a card that comes into the field hears nothing for so long
_KHZ = 13560


class RC522Chip(Field):
    """flaw: None, "silent" (MISO is high), "half" (answers lose their last byte), "noise" (each third or so has a wrong bit),
    "stuck" (no transmission ends), "empty" and "long" (answers of no byte, of 8 more).
    """

    def __init__(self):
        super().__init__()
        self.refused = []  # what the data sheet does not allow, for tests
        self._answers = 0
        self.power_up()

    def power_up(self):
        """As after a reset or a dip of the supply."""
        self._registers = dict(_RESET)
        self._fifo = b""
        self._received = False  # what is in the FIFO is an answer
        self._ends = None  # (when, IRQ bits, answer, error bits)
        self.switch(False)
        self._on_ms = None

    def send(self, data):
        """A chip on SPI says nothing by itself."""
        raise ValueError("this reader sends no bytes by itself")

    def exchange_spi(self, sent, count):
        """One SPI frame, CS low to CS high: the bytes written, then `count` bytes read."""
        if self.flaw == "silent" or not sent:
            return b"\xff" * count
        register = sent[0] >> 1 & 0x3F
        if sent[0] & 0x80:
            if len(sent) != 1 or sent[0] & 1:
                self.refused.append("address")
            return bytes([self._get(register) for _ in range(count)])
        for value in sent[1:]:
            self._set(register, value)
        return b"\xff" * count

    def _get(self, register):
        self._finish()
        if register == _FIFO:
            value, self._fifo = (self._fifo[0] if self._fifo else 0), self._fifo[1:]
            return value
        if register == _FIFO_LEVEL:
            return len(self._fifo)
        return self._registers.get(register, 0)

    def _set(self, register, value):
        self._finish()
        if register == _FIFO:
            if self._received and self._fifo:
                self.refused.append("FIFO not emptied")
            self._received = False
            self._fifo = (self._fifo + bytes((value,)))[:64]
        elif register == _FIFO_LEVEL:
            if value & 0x80:
                self._fifo = b""
                self._registers[_ERROR] &= ~0x10
        elif register == _COM_IRQ:
            if value & 0x80:
                self._registers[_COM_IRQ] |= value & 0x7F
            else:
                self._registers[_COM_IRQ] &= ~value
        elif register in _READ_ONLY or register not in self._registers:
            self.refused.append("write to %02x" % register)
        elif register == _COMMAND:
            self._command(value & 0x0F)
        else:
            self._registers[register] = value
            if register == _TX_CONTROL:
                self._set_antenna(value & 3 != 0)
            elif register == _BIT_FRAMING and value & 0x80:
                self._transmit()

    def _set_antenna(self, on):
        if on != self.on:
            self._on_ms = timebase.ticks_ms() if on else None
        self.switch(on)

    def _command(self, command):
        self._registers[_COMMAND] = command
        if command == 0x0F:
            self.power_up()
        elif command == 0:
            self._ends = None
        elif command != 0x0C:
            self.refused.append("command %02x" % command)

    def _transmit(self):
        if self._registers[_COMMAND] != 0x0C:
            return
        registers, now = self._registers, timebase.ticks_ms()
        if self.flaw == "stuck":
            return
        data, self._fifo = self._fifo, b""
        answer = place = None
        hears = self._on_ms is not None and utime.ticks_diff(now, self._on_ms) >= _STARTS_MS
        if hears and registers[_TX_ASK] & 0x40:  # cards of type A hear nothing else
            answer, place = self.exchange(data, registers[_BIT_FRAMING] & 7)
        registers[_ERROR] = 0
        if answer is not None:
            self._ends = (utime.ticks_add(now, _EXCHANGE_MS), self._framed(answer, place), place)
        elif registers[_T_MODE] & 0x80:
            divider = 2 * ((registers[_T_MODE] & 0x0F) << 8 | registers[_T_PRESCALER]) + 1
            after = (registers[_T_RELOAD_H] << 8 | registers[_T_RELOAD_L]) * divider // _KHZ
            self._ends = (utime.ticks_add(now, after), None, None)

    def _framed(self, answer, place):
        """Bytes as the FIFO gets them: the first bit where RxAlign says, no bits after a collision if they are unwanted."""
        align = self._registers[_BIT_FRAMING] >> 4 & 7
        if place is not None and not self._registers[_COLL] & 0x80:
            answer = answer[:place] + [0] * (len(answer) - place)
        self._answers += 1
        data = bytes_of([0] * align + answer)
        if self.flaw in ("half", "empty", "long"):
            data = {"half": data[:-1], "empty": b"", "long": data + bytes(8)}[self.flaw]
        elif self.flaw == "noise" and self._answers * 7 % 11 < 4:
            bad = self._answers % len(data)
            data = data[:bad] + bytes((data[bad] ^ 0x10,)) + data[bad + 1 :]
        return data

    def _finish(self):
        """The bytes of a transmission so far."""
        if self._ends is None or utime.ticks_diff(timebase.ticks_ms(), self._ends[0]) < 0:
            return
        (_, data, place), self._ends = self._ends, None
        registers = self._registers
        if data is None:
            registers[_COM_IRQ] |= 0x01
            return
        self._fifo = data
        self._received = True
        registers[_COM_IRQ] |= 0x20
        registers[_COLL] = registers[_COLL] & 0x80 | 0x20
        if place is not None:
            registers[_ERROR] |= 0x08
            registers[_COM_IRQ] |= 0x02
            where = place + 1 + (registers[_BIT_FRAMING] >> 4 & 7)
            registers[_COLL] = registers[_COLL] & 0x80 | (where & 0x1F if where <= 32 else 0x20)


class _OnSpi:
    """The chip as sim.chips.wires.SPIWire takes it."""

    def __init__(self, chip):
        self.exchange = chip.exchange_spi


def fit(place):
    """Wire one to SPI, with its chip select."""
    chip = RC522Chip()
    place.spi(_OnSpi(chip))
    return chip
