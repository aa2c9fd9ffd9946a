"""ISO 14443 A cards before a reader, bit by bit: states, anticollision and CRC_A of ISO/IEC 14443-3."""

import utime

from sim import timebase

IDLE, READY, ACTIVE, HALT = range(4)
_SWIPE_MS = 900
_CASCADE = 0x88
_REQA, _WUPA, _HLTA = 0x26, 0x52, 0x50


def crc_a(data):
    """CRC_A, least significant byte first, by the shift register of annex B."""
    crc = 0x6363
    for byte in data:
        for n in range(8):
            low = (crc ^ byte >> n) & 1
            crc = crc >> 1 ^ (0x8408 if low else 0)
    return bytes((crc & 0xFF, crc >> 8))


def bits_of(data):
    """Bits in the order of the air, the lowest of a byte first."""
    return [byte >> n & 1 for byte in data for n in range(8)]


class Card:
    """One card with a UID of 4, 7 or 10 bytes."""

    def __init__(self, uid):
        if len(uid) not in (4, 7, 10):
            raise ValueError("a card has a UID of 8, 14 or 20 hexadecimal digits")
        self.uid = uid
        self._levels = []
        while len(uid) > 4:
            self._levels.append(bytes((_CASCADE,)) + uid[:3])
            uid = uid[3:]
        self._levels.append(uid)
        self._levels = [part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],)) for part in self._levels]
        self.reset()

    def reset(self):
        """The field was off."""
        self.state = IDLE
        self._level = 0

    def answer(self, data, bits):
        """Bits of the answer to a frame of which the last byte has `bits` bits (0: all 8); None without one."""
        state, self.state = self.state, IDLE  # what a state does not expect ends it
        if bits == 7 and len(data) == 1:
            if data[0] not in (_REQA, _WUPA) or not (state == IDLE or (state == HALT and data[0] == _WUPA)):
                return None
            self.state = READY
            self._level = 0
            return bits_of(((len(self._levels) - 1) << 6 | 0x04, 0x00))
        if state == HALT or (state == ACTIVE and data[:1] == bytes((_HLTA,))):
            self.state = HALT
            return None
        if state != READY or len(data) < 2 or data[0] != 0x93 + 2 * self._level:
            return None
        return self._select(data, bits)

    def _select(self, data, bits):
        own = self._levels[self._level]
        if data[1] == 0x70:
            if bits or len(data) != 9 or data[2:7] != own or crc_a(data[:7]) != data[7:]:
                return None
            self._level += 1
            last = self._level == len(self._levels)
            self.state = ACTIVE if last else READY
            sak = bytes((0x20 if last else 0x04,))
            return bits_of(sak + crc_a(sak))
        known = ((data[1] >> 4) - 2) * 8 + (data[1] & 7)
        if not 0 <= known < 40 or len(data) != 2 + (known + 7 >> 3) or bits != known & 7:
            return None
        mine = bits_of(own)
        if bits_of(data[2:])[:known] != mine[:known]:
            return None
        self.state = READY
        return mine[known:]


class Field:
    """The cards before a reader's antenna. swipe() holds one there for 0.9 s, lay() until lift()."""

    def __init__(self):
        self._swiped = []  # (card, until)
        self._lying = []
        self.on = False
        self.flaw = None  # what the reader does wrong, by name; each chip lists its own

    def _card(self, token):
        try:
            return Card(bytes.fromhex(token))
        except ValueError:
            raise ValueError("a card of this reader has a UID of 8, 14 or 20 hexadecimal digits")

    @property
    def broken(self):
        """The fault ReaderFailure: nothing is answered."""
        return self.flaw == "silent"

    @broken.setter
    def broken(self, on):
        self.flaw = "silent" if on else None

    def swipe(self, token):
        """Hold a card there for a while."""
        self._swiped.append((self._card(token), utime.ticks_add(timebase.ticks_ms(), _SWIPE_MS)))

    def lay(self, token, every_ms):
        """Leave a card there; the reader decides how often it looks. Several may lie there."""
        self._lying.append(self._card(token))

    def lift(self):
        """Take all of them away."""
        self._lying = []

    def cards(self):
        """Those that are there now."""
        now = timebase.ticks_ms()
        self._swiped = [one for one in self._swiped if utime.ticks_diff(one[1], now) > 0]
        return [card for card, _ in self._swiped] + self._lying

    def switch(self, on):
        """Field on or off; without it the cards forget everything."""
        if on != self.on:
            self.on = on
            for card in self.cards():
                card.reset()

    def exchange(self, data, bits=0):
        """(bits of the answer, position of the first collision from 0 or None); (None, None) when no card answers."""
        answers = [card.answer(data, bits) for card in self.cards()] if self.on else []
        answers = [one for one in answers if one is not None]
        if not answers:
            return None, None
        merged = answers[0]
        for n in range(min([len(one) for one in answers])):
            if len({one[n] for one in answers}) > 1:
                return merged[:n] + [1] * (len(merged) - n), n
        return merged, None

    def activate(self):
        """(ATQA, SAK, UID) of a card that a reader finds by itself, of several the one with the first 1; None without."""
        answer, _ = self.exchange(bytes((_REQA,)), 7)
        if answer is None:
            return None
        atqa, uid, sak = bytes_of(answer), b"", 0x04
        level = 0
        while sak & 0x04:
            part = self._find_part(0x93 + 2 * level)
            frame = bytes((0x93 + 2 * level, 0x70)) + part
            answer, _ = self.exchange(frame + crc_a(frame))
            sak = bytes_of(answer)[0]
            uid += part[1:4] if sak & 0x04 else part[:4]
            level += 1
        return atqa, sak, uid

    def _find_part(self, select):
        known = []
        while True:
            frame = bytes((select, 0x20 + (len(known) >> 3 << 4) + (len(known) & 7))) + bytes_of(known)
            answer, place = self.exchange(frame, len(known) & 7)
            if place is None:
                return bytes_of(known + answer)
            known.extend(answer[:place])
            known.append(1)


def bytes_of(bits):
    """Bytes of bits, the last one filled with zeros."""
    data = bytearray(len(bits) + 7 >> 3)
    for n in range(len(bits)):
        data[n >> 3] |= bits[n] << (n & 7)
    return bytes(data)
