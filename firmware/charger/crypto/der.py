"""DER, strictly: a reader that accepts exactly one encoding of each value, and a small writer.

X.690 clause 10 and 11. Refused: indefinite and non-minimal lengths, tag numbers above 30, non-minimal integers and
object identifiers, trailing bytes, anything larger or deeper than a certificate needs (SEC-13). The reader keeps
offsets into one bytes object and copies only what is asked for.
"""

from micropython import const

from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError

BOOLEAN = const(0x01)
INTEGER = const(0x02)
BIT_STRING = const(0x03)
OCTET_STRING = const(0x04)
NULL = const(0x05)
OID = const(0x06)
UTF8_STRING = const(0x0C)
SEQUENCE = const(0x30)
SET = const(0x31)

MAX_BYTES = const(8192)  # PEM of 10,000 characters (WP-17) decodes to less
_MAX_DEPTH = const(12)


def bad(why: str) -> CryptoError:
    """The error to raise for an encoding that is not what it should be."""
    return CryptoError(MALFORMED, why)


class DerReader:
    """A cursor over the elements in data[start:end]. Every method raises CryptoError(MALFORMED) and nothing else."""

    def __init__(self, data: bytes, start: int = 0, end: int | None = None, depth: int = 0):
        if len(data) > MAX_BYTES:
            raise bad("too long")
        if depth > _MAX_DEPTH:
            raise bad("nested too deeply")
        self.data = data
        self.pos = start
        self.end = len(data) if end is None else end
        self.depth = depth

    def more(self) -> bool:
        """Whether another element follows."""
        return self.pos < self.end

    def next_is(self, tag: int) -> bool:
        """Whether another element follows and has this tag: for optional elements."""
        return self.pos < self.end and self.data[self.pos] == tag

    def finish(self) -> None:
        """Refuse anything that follows the elements read so far."""
        if self.pos != self.end:
            raise bad("trailing bytes")

    def _length(self, at: int) -> tuple:
        """(content length, offset of the content) from the length octets at `at`."""
        data = self.data
        first = data[at]
        at += 1
        if first < 0x80:
            return first, at
        count = first & 0x7F
        if not 1 <= count <= 2 or at + count > self.end:  # 0x80 is the indefinite form; MAX_BYTES needs two octets
            raise bad("length")
        size = data[at] if count == 1 else data[at] << 8 | data[at + 1]
        if size < 0x80 or (count == 2 and size < 0x100):
            raise bad("length not minimal")
        return size, at + count

    def span(self, tag: int | None = None) -> tuple:
        """Step over the next element, of `tag` if given; (element start, content start, end)."""
        start = self.pos
        if start + 2 > self.end:
            raise bad("truncated")
        found = self.data[start]
        if found & 0x1F == 0x1F or found == 0:
            raise bad("tag")
        if tag is not None and found != tag:
            raise bad("tag %02x where %02x should be" % (found, tag))
        size, content = self._length(start + 1)
        end = content + size
        if end > self.end:
            raise bad("truncated")
        self.pos = end
        return start, content, end

    def enter(self, tag: int = SEQUENCE) -> "DerReader":
        """A reader over the inside of the next element."""
        _, content, end = self.span(tag)
        return DerReader(self.data, content, end, self.depth + 1)

    def content(self, tag: int) -> bytes:
        """The bytes inside the next element."""
        _, content, end = self.span(tag)
        return self.data[content:end]

    def element(self, tag: int | None = None) -> bytes:
        """The next element whole, tag and length included."""
        start, _, end = self.span(tag)
        return self.data[start:end]

    def integer_bytes(self) -> bytes:
        """A minimal two's complement INTEGER as it stands."""
        raw = self.content(INTEGER)
        if not raw:
            raise bad("empty integer")
        if len(raw) > 1 and raw[0] == (0xFF if raw[1] >= 0x80 else 0):  # the first octet only repeats the sign
            raise bad("integer not minimal")
        return raw

    def unsigned(self, max_bytes: int = 521) -> int:
        """An INTEGER >= 0 of at most max_bytes octets, sign octet not counted."""
        raw = self.integer_bytes()
        if raw[0] >= 0x80:
            raise bad("negative integer")
        if len(raw) - (raw[0] == 0) > max_bytes:
            raise bad("integer too large")
        return int.from_bytes(raw, "big")

    def boolean(self) -> bool:
        """A BOOLEAN; DER knows 00 and FF only."""
        raw = self.content(BOOLEAN)
        if raw != b"\x00" and raw != b"\xff":
            raise bad("boolean")
        return raw == b"\xff"

    def true_or_default(self) -> bool:
        """A BOOLEAN DEFAULT FALSE: absent, or TRUE (X.690 11.5 forbids to encode the default)."""
        if not self.next_is(BOOLEAN):
            return False
        if not self.boolean():
            raise bad("default value encoded")
        return True

    def null(self) -> None:
        """A NULL."""
        if self.content(NULL):
            raise bad("null")

    def oid(self) -> bytes:
        """The content octets of an OBJECT IDENTIFIER, checked to be minimal."""
        raw = self.content(OID)
        if not raw or raw[-1] >= 0x80:
            raise bad("object identifier")
        fresh = True
        for octet in raw:
            if fresh and octet == 0x80:
                raise bad("object identifier not minimal")
            fresh = octet < 0x80
        return raw

    def octet_bits(self) -> bytes:
        """A BIT STRING that holds whole octets."""
        raw = self.content(BIT_STRING)
        if not raw or raw[0] != 0:
            raise bad("bit string")
        return raw[1:]

    def named_bits(self) -> int:
        """A BIT STRING of flags, up to 16: bit n of the result is named bit n. No trailing zero bits (X.690 11.2.2)."""
        raw = self.content(BIT_STRING)
        if not 1 <= len(raw) <= 3 or raw[0] > 7 or (len(raw) == 1 and raw[0]):
            raise bad("bit string")
        if len(raw) == 1:
            return 0
        unused = raw[0]
        if raw[-1] & ((2 << unused) - 1) != 1 << unused:  # unused bits are zero and the last used bit is set
            raise bad("bit string not minimal")
        flags = 0
        for index in range(8 * (len(raw) - 1)):
            if raw[1 + index // 8] & (0x80 >> index % 8):
                flags |= 1 << index
        return flags


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element around the concatenated parts."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    if size < 0x100:
        return bytes((tag, 0x81, size)) + body
    if size > 0xFFFF:
        raise bad("too long")
    return bytes((tag, 0x82, size >> 8, size & 0xFF)) + body


def integer(value: int) -> bytes:
    """INTEGER of a number >= 0."""
    size = 1
    while value >> (8 * size - 1):
        size += 1
    return tlv(INTEGER, value.to_bytes(size, "big"))


def octet_bits(octets: bytes) -> bytes:
    """BIT STRING of whole octets."""
    return tlv(BIT_STRING, b"\x00", octets)
