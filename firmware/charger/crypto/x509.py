"""Reading an X.509 v3 certificate (RFC 5280 4.1, 4.2), strictly; names of the host it is for; its hash data.

parse() says what a certificate claims; whether to believe it is decided in path_validation.py.
"""

from micropython import const

from charger import clock
from charger.crypto import der
from charger.crypto.keys import Algorithm, PublicKey
from charger.crypto.refusals import UNSUPPORTED
from charger.errors import CryptoError

# named bits of keyUsage (4.2.1.3)
DIGITAL_SIGNATURE = const(0x01)
KEY_ENCIPHERMENT = const(0x04)
KEY_AGREEMENT = const(0x10)
KEY_CERT_SIGN = const(0x20)

# extended key usages (4.2.1.12): content octets of their OIDs
SERVER_AUTH = b"\x2b\x06\x01\x05\x05\x07\x03\x01"
CLIENT_AUTH = b"\x2b\x06\x01\x05\x05\x07\x03\x02"
CODE_SIGNING = b"\x2b\x06\x01\x05\x05\x07\x03\x03"
ANY_USAGE = b"\x55\x1d\x25\x00"

_OID_CN = b"\x55\x04\x03"
_OID_O = b"\x55\x04\x0a"
_EXTENSION = b"\x55\x1d"  # all that are read here are 2.5.29.n
_KEY_USAGE = const(15)
_SUBJECT_ALT_NAME = const(17)
_BASIC_CONSTRAINTS = const(19)
_NAME_CONSTRAINTS = const(30)
_CERTIFICATE_POLICIES = const(32)
_EXTENDED_KEY_USAGE = const(37)

_UTC_TIME = const(0x17)
_GENERALIZED_TIME = const(0x18)
_BMP_STRING = const(0x1E)
_ASCII_STRINGS = (0x12, 0x13, 0x14, 0x16, 0x1A)  # Numeric, Printable, Teletex, IA5, Visible
_MAX_SERIAL_BYTES = const(20)


class Certificate:
    """The result of parse(). All attributes are plain data.

    der; signature, algorithm; serial (int); issuer, subject (DER of the names); subject_cn,
    subject_o, issuer_cn (str or None); not_before_s, not_after_s (UTC seconds since 1970, both inclusive); key;
    is_ca, path_len (int or None); key_usage (flags or None); usages (list of OIDs or None); name_constraints (bool).
    The names of a server are for mbedTLS to compare.
    """

    def __init__(self, encoded: bytes):
        self.der = encoded
        self.is_ca = False
        self.path_len = None
        self.key_usage = None
        self.usages = None
        self.name_constraints = False
        outer = der.DerReader(encoded)
        body = outer.enter()
        outer.finish()
        self._tbs, start, end = body.span(der.SEQUENCE)
        self._tbs_end = end
        algorithm = body.element(der.SEQUENCE)
        self.algorithm = Algorithm(algorithm)
        self.signature = body.octet_bits()
        body.finish()
        self._read_tbs(der.DerReader(encoded, start, end, 1), algorithm)

    def tbs(self) -> bytes:
        """Return a copy of the signed part; it is not stored, because it is rarely needed."""
        return self.der[self._tbs : self._tbs_end]

    def _read_tbs(self, tbs: der.DerReader, algorithm: bytes) -> None:
        if not tbs.next_is(0xA0):
            raise CryptoError(UNSUPPORTED, "not a version 3 certificate")
        version = tbs.enter(0xA0)
        if version.unsigned(1) != 2:
            raise CryptoError(UNSUPPORTED, "not a version 3 certificate")
        version.finish()
        self.serial = tbs.unsigned(_MAX_SERIAL_BYTES)
        if tbs.element(der.SEQUENCE) != algorithm:
            raise der.bad("signature algorithms differ")
        self.issuer = tbs.element(der.SEQUENCE)
        if len(self.issuer) == 2:
            raise der.bad("no issuer")
        self.issuer_cn, _ = _read_name(self.issuer)
        validity = tbs.enter()
        self.not_before_s = _time(validity)
        self.not_after_s = _time(validity)
        validity.finish()
        self.subject = tbs.element(der.SEQUENCE)
        self.subject_cn, self.subject_o = _read_name(self.subject)
        self.key = PublicKey(tbs)
        if tbs.more():
            holder = tbs.enter(0xA3)  # unique identifiers (A1, A2) must not be used (4.1.2.8)
            self._read_extensions(holder.enter())
            holder.finish()
        tbs.finish()

    def _read_extensions(self, extensions: der.DerReader) -> None:
        seen = set()
        if not extensions.more():
            raise der.bad("no extension")
        while extensions.more():
            one = extensions.enter()
            oid = one.oid()
            critical = one.true_or_default()
            _, start, end = one.span(der.OCTET_STRING)
            one.finish()
            if oid in seen:
                raise der.bad("extension twice")
            seen.add(oid)
            value = der.DerReader(one.data, start, end, one.depth + 1)
            number = oid[2] if len(oid) == 3 and oid[:2] == _EXTENSION else -1
            if self._read_extension(number, value):
                value.finish()
            elif critical:
                raise CryptoError(UNSUPPORTED, "unknown critical extension")

    def _read_extension(self, number: int, value: der.DerReader) -> bool:
        """Take in one extension; False when it is not one of ours."""
        if number == _KEY_USAGE:
            self.key_usage = value.named_bits()
            if not self.key_usage:
                raise der.bad("empty key usage")
        elif number == _BASIC_CONSTRAINTS:
            self._read_basic_constraints(value.enter())
        elif number == _EXTENDED_KEY_USAGE:
            self.usages = _oids(value.enter())
        elif number == _SUBJECT_ALT_NAME:
            self._check_alt_names(value.enter())
        elif number == _NAME_CONSTRAINTS:
            self.name_constraints = True
            value.span(der.SEQUENCE)
        elif number == _CERTIFICATE_POLICIES:
            value.span(der.SEQUENCE)  # this unit asks for no policy, so none can be missing (6.1.1 c, d)
        else:
            return False
        return True

    def _read_basic_constraints(self, body: der.DerReader) -> None:
        self.is_ca = body.true_or_default()
        if self.is_ca and body.more():
            self.path_len = body.unsigned(1)
        body.finish()

    @staticmethod
    def _check_alt_names(names: der.DerReader) -> None:
        if not names.more():
            raise der.bad("empty subject alternative name")
        while names.more():
            names.span()

    def serial_hex(self) -> str:
        """The serial number as WP-22 writes it: lower case, no leading zeros."""
        return "%x" % self.serial


def parse(encoded: bytes) -> Certificate:
    """Read one DER certificate; CryptoError(MALFORMED or UNSUPPORTED) and nothing else if it cannot be."""
    return Certificate(encoded)


def hash_data(certificate: Certificate, issuer: Certificate, algorithm: str = "SHA256") -> Steps:
    """Generator: the OCPP CertificateHashData dict (WP-22), with SHA256, SHA384 or SHA512 as the algorithm.

    For a root, issuer is the certificate itself.
    """
    from charger.crypto import sha2  # 2,700 frozen bytes, for certificates that the back end asks for

    name_hash = yield from sha2.digest(algorithm, certificate.issuer)
    key_hash = yield from sha2.digest(algorithm, issuer.key.bits)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": name_hash.hex(),
        "issuerKeyHash": key_hash.hex(),
        "serialNumber": certificate.serial_hex(),
    }


def _oids(body: der.DerReader) -> list:
    found = [body.oid()]
    while body.more():
        found.append(body.oid())
    return found


def _read_name(encoded: bytes) -> tuple:
    """(common name, organisation) of a Name; None for one that is absent. Two of a kind would be ambiguous: refused."""
    found = {}
    sequence = der.DerReader(encoded).enter()
    while sequence.more():
        relative = sequence.enter(der.SET)
        if not relative.more():
            raise der.bad("empty name")
        while relative.more():
            pair = relative.enter()
            oid = pair.oid()
            start, content, end = pair.span()
            pair.finish()
            if oid == _OID_CN or oid == _OID_O:
                if oid in found:
                    raise der.bad("name attribute twice")
                found[oid] = _text(pair.data[content:end], pair.data[start])
    return found.get(_OID_CN), found.get(_OID_O)


def _text(raw: bytes, tag: int) -> str:
    """A string of a name: UTF8String, BMPString, or ASCII in any of the older types. No control characters."""
    if tag == _BMP_STRING and len(raw) % 2 == 0:
        text = "".join([chr(raw[at] << 8 | raw[at + 1]) for at in range(0, len(raw), 2)])
    elif tag == der.UTF8_STRING:
        try:
            text = str(raw, "utf-8")
        except UnicodeError:
            raise der.bad("string") from None
    elif tag in _ASCII_STRINGS and all(octet < 0x80 for octet in raw):
        text = str(raw, "ascii")
    else:
        raise der.bad("string")
    for ch in text:
        # a NUL in a name deceives a comparison of C strings; surrogates make no valid string
        if ch < " " or ch == "\x7f" or 0xD800 <= ord(ch) <= 0xDFFF:
            raise der.bad("string")
    return text


def _time(reader: der.DerReader) -> int:
    """UTC seconds since 1970 of a Time: UTCTime through 2049 and GeneralizedTime from 2050 (4.1.2.5)."""
    if reader.next_is(_UTC_TIME):
        digits = reader.content(_UTC_TIME)
        if len(digits) != 13:
            raise der.bad("time")
        digits = (b"19" if digits[0] >= 0x35 else b"20") + digits
    else:
        digits = reader.content(_GENERALIZED_TIME)
        if len(digits) == 15 and digits[:4] < b"2050":
            raise der.bad("time")
    if len(digits) != 15 or digits[14] != 0x5A:
        raise der.bad("time")
    for octet in digits[:14]:
        if not 0x30 <= octet <= 0x39:
            raise der.bad("time")
    fields = [int(digits[:4])] + [int(digits[at : at + 2]) for at in range(4, 14, 2)]
    if not 1 <= fields[1] <= 12 or not fields[2]:
        raise der.bad("time")
    seconds = clock.utc_of(*fields)
    if clock.civil(seconds)[:6] != tuple(fields):  # 30 February, hour 24, second 60
        raise der.bad("time")
    return seconds
