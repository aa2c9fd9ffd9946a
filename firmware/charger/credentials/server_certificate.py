"""Checks of a server's certificate that mbedtls does not do (WP-7), before any data is sent.

mbedtls has checked the path to a root, strength of keys and signatures, the name, the usage, and the dates by its own
clock (docs/TLS.md). Here the dates are checked by the unit's clock, and a CA certificate is refused as a server's. The
interpreter gives access to the leaf only. This module does not use x509.py, to need less memory for each connection.
"""

from micropython import const

from charger import clock
from charger.crypto import der
from charger.crypto.refusals import EXPIRED, MALFORMED, NOT_YET_VALID, USAGE
from charger.errors import CryptoError

_BASIC_CONSTRAINTS = b"\x55\x1d\x13"
_NAME_CONSTRAINTS = b"\x55\x1d\x1e"
_EXTENDED_KEY_USAGE = b"\x55\x1d\x25"
_SERVER_AUTH = (b"\x2b\x06\x01\x05\x05\x07\x03\x01", b"\x55\x1d\x25\x00")  # or any
_UTC_TIME = const(0x17)
_GENERALIZED_TIME = const(0x18)


def check(encoded: bytes, now_s: int | None) -> None:
    """Check a server's DER certificate. CryptoError.

    now_s: UTC seconds by the unit's clock; None while unknown: then only mbedtls' check applies (see net/tls.py).
    """
    tbs = der.DerReader(encoded).enter().enter()
    if tbs.next_is(0xA0):
        tbs.span(0xA0)
    tbs.span()  # serial number
    tbs.span()  # algorithm
    tbs.span()  # issuer
    _check_time(tbs.enter(), now_s)
    tbs.span()  # subject
    tbs.span()  # key
    if tbs.more():
        extensions = tbs.enter(0xA3).enter()
        while extensions.more():
            one = extensions.enter()
            oid = one.oid()
            one.true_or_default()
            _, start, end = one.span(der.OCTET_STRING)
            _check_extension(oid, der.DerReader(encoded, start, end, 5))


def validity(encoded: bytes) -> tuple:
    """Return (from, to) of a certificate, UTC seconds since 1970, both inclusive."""
    tbs = der.DerReader(encoded).enter().enter()
    if tbs.next_is(0xA0):
        tbs.span(0xA0)
    for _ in range(3):  # serial number, algorithm, issuer
        tbs.span()
    times = tbs.enter()
    return _seconds(times), _seconds(times)


def _check_extension(oid: bytes, value: der.DerReader) -> None:
    if oid == _BASIC_CONSTRAINTS:
        if value.enter().true_or_default():
            raise CryptoError(USAGE, "a CA certificate as server")
    elif oid == _NAME_CONSTRAINTS:
        raise CryptoError(USAGE, "name constraints in a server's certificate")
    elif oid == _EXTENDED_KEY_USAGE:
        usages = value.enter()
        while usages.oid() not in _SERVER_AUTH:
            if not usages.more():
                raise CryptoError(USAGE, "extended key usage")


def _check_time(validity: der.DerReader, now_s: int | None) -> None:
    if now_s is None:
        return
    if now_s < _seconds(validity):
        raise CryptoError(NOT_YET_VALID, "by the unit's clock")
    if now_s > _seconds(validity):
        raise CryptoError(EXPIRED, "by the unit's clock")


def _seconds(validity: der.DerReader) -> int:
    """Decode a Time to UTC seconds since 1970."""
    if validity.next_is(_UTC_TIME):
        digits = validity.content(_UTC_TIME)
        digits = (b"19" if digits[:1] >= b"5" else b"20") + digits
    else:
        digits = validity.content(_GENERALIZED_TIME)
    try:
        return clock.utc_of(int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2)))
    except ValueError:
        raise CryptoError(MALFORMED, "time") from None
