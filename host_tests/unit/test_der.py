"""The DER reader takes one encoding of each value and refuses every other; the writer makes that one."""

from check import equal, raises

from charger.crypto import der
from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError

WORDS = (64, 32)


def refuses(read, *encodings):
    for encoding in encodings:
        error = raises(CryptoError, read, der.DerReader(encoding))
        equal(error.kind, MALFORMED, encoding.hex())


def test_lengths_are_minimal_definite_and_inside():
    def read(reader):
        return reader.content(der.OCTET_STRING)

    for size in (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x1000):
        body = bytes(size)
        reader = der.DerReader(der.tlv(der.OCTET_STRING, body))
        equal(read(reader), body)
        reader.finish()
    refuses(
        read,
        b"",
        b"\x04",
        b"\x04\x01",
        b"\x04\x02\x00",
        b"\x04\x80\x00\x00",
        b"\x04\x81",
        b"\x04\x81\x01\x00",
        b"\x04\x81\x7f" + bytes(127),
        b"\x04\x82\x00",
        b"\x04\x82\x00\x01\x00",
        b"\x04\x82\x00\xff" + bytes(255),
        b"\x04\x83\x00\x00\x01\x00",
        b"\x04\x84\xff\xff\xff\xff\x00",
        b"\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff\x00",
        b"\x04\xff\x00",
        b"\x04\x82\xff\xff\x00",
    )


def test_inner_length_may_not_reach_beyond_the_outer():
    # the octet string claims what belongs to the next element
    reader = der.DerReader(b"\x30\x03\x04\x02\x00\x05\x00").enter()
    equal(raises(CryptoError, reader.content, der.OCTET_STRING).kind, MALFORMED)
    # length octets that lie beyond the end of the sequence
    reader = der.DerReader(b"\x30\x02\x04\x81\x80" + bytes(128)).enter()
    equal(raises(CryptoError, reader.content, der.OCTET_STRING).kind, MALFORMED)


def test_tags():
    refuses(lambda reader: reader.span(), b"\x1f\x22\x00", b"\x3f\x81\x00\x00", b"\x00\x00", b"\xbf\x00")
    refuses(lambda reader: reader.enter(), b"\x31\x00", b"\x10\x00", b"\x24\x00")
    equal(der.DerReader(b"\x05\x00").next_is(der.NULL), True)
    equal(der.DerReader(b"").next_is(der.NULL), False)


def test_integers():
    def read(reader):
        return reader.unsigned(4)

    for value in (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        encoded = der.integer(value)
        reader = der.DerReader(encoded)
        equal(read(reader), value, encoded.hex())
        reader.finish()
    equal(der.integer(0x80), b"\x02\x02\x00\x80")
    refuses(
        read,
        b"\x02\x00",
        b"\x02\x02\x00\x00",
        b"\x02\x02\x00\x7f",
        b"\x02\x02\xff\xff",
        b"\x02\x02\xff\x80",
        b"\x02\x01\x80",
        b"\x02\x01\xff",
        b"\x02\x05\x01\x00\x00\x00\x00",
        b"\x02\x06\x00\x80\x00\x00\x00\x00",
        b"\x0a\x01\x01",
    )
    equal(der.DerReader(b"\x02\x02\xff\x7f").integer_bytes(), b"\xff\x7f")


def test_small_types():
    equal(der.DerReader(b"\x01\x01\xff").boolean(), True)
    equal(der.DerReader(b"\x01\x01\x00").boolean(), False)
    refuses(lambda reader: reader.boolean(), b"\x01\x01\x01", b"\x01\x00", b"\x01\x02\xff\xff")
    equal(der.DerReader(b"\x01\x01\xff").true_or_default(), True)
    equal(der.DerReader(b"\x04\x00").true_or_default(), False)
    refuses(lambda reader: reader.true_or_default(), b"\x01\x01\x00")
    der.DerReader(b"\x05\x00").null()
    refuses(lambda reader: reader.null(), b"\x05\x01\x00")


def test_object_identifiers():
    equal(der.DerReader(b"\x06\x03\x55\x04\x03").oid(), b"\x55\x04\x03")
    equal(der.DerReader(b"\x06\x03\x2a\x86\x48").oid(), b"\x2a\x86\x48")
    refuses(
        lambda reader: reader.oid(),
        b"\x06\x00",
        b"\x06\x01\x80",
        b"\x06\x03\x55\x04\x83",
        b"\x06\x03\x55\x80\x03",
        b"\x06\x04\x80\x55\x04\x03",
        b"\x06\x04\x86\x80\x80\x80",
    )


def test_bit_strings():
    equal(der.DerReader(der.octet_bits(b"abc")).octet_bits(), b"abc")
    refuses(lambda reader: reader.octet_bits(), b"\x03\x00", b"\x03\x02\x01\x02", b"\x03\x02\x08\x00")
    for encoding, flags in (
        (b"\x03\x02\x07\x80", 0x01),
        (b"\x03\x02\x01\x06", 0x60),
        (b"\x03\x02\x00\x01", 0x80),
        (b"\x03\x03\x07\x00\x80", 0x100),
        (b"\x03\x01\x00", 0),
    ):
        equal(der.DerReader(encoding).named_bits(), flags, encoding.hex())
    refuses(
        lambda reader: reader.named_bits(),
        b"\x03\x00",
        b"\x03\x01\x01",
        b"\x03\x02\x00\x80",
        b"\x03\x02\x06\x80",
        b"\x03\x02\x07\x81",
        b"\x03\x02\x08\x80",
        b"\x03\x02\x00\x00",
        b"\x03\x04\x00\x80\x00\x01",
    )


def test_trailing_bytes_depth_and_size():
    reader = der.DerReader(b"\x05\x00\x00")
    reader.null()
    equal(raises(CryptoError, reader.finish).kind, MALFORMED)
    nested = b""
    for _ in range(30):
        nested = der.tlv(der.SEQUENCE, nested)

    def descend():
        reader = der.DerReader(nested)
        while reader.more():
            reader = reader.enter()

    equal(raises(CryptoError, descend).kind, MALFORMED)
    equal(raises(CryptoError, der.DerReader, bytes(der.MAX_BYTES + 1)).kind, MALFORMED)
    equal(raises(CryptoError, der.tlv, der.OCTET_STRING, bytes(65536)).kind, MALFORMED)
