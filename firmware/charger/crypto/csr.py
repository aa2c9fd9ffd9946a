"""PKCS #10 certificate requests (RFC 2986) for the unit's own key (WP-15)."""

import hashlib

from charger.crypto import der, ec, keys
from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError

_OID_CN = b"\x55\x04\x03"
_OID_O = b"\x55\x04\x0a"
_UPPER_BOUND = 64  # characters of a common name or organisation (RFC 5280 appendix A)


def create(d: int, public: bytes, serial_number: str, cpo_name: str) -> Steps:
    """Generator: the DER of a request signed with the private scalar d, subject O = cpo_name, CN = serial_number.

    CryptoError(MALFORMED) for a name that is empty or longer than 64 characters. It asks for no extensions: the
    issuing CA sets the usages of WP-9.
    """
    body = der.tlv(
        der.SEQUENCE,
        der.integer(0),
        der.tlv(der.SEQUENCE, _attribute(_OID_O, cpo_name), _attribute(_OID_CN, serial_number)),
        keys.encode_public_key(public),
        der.tlv(0xA0),
    )
    signature = yield from ec.sign(d, hashlib.sha256(body).digest())
    return der.tlv(der.SEQUENCE, body, keys.ECDSA_SHA256, der.octet_bits(signature))  # type: ignore[arg] - the generator returns bytes


def _attribute(oid: bytes, text: str) -> bytes:
    if not 0 < len(text) <= _UPPER_BOUND:
        raise CryptoError(MALFORMED, "name of %d characters" % len(text))
    value = der.tlv(der.UTF8_STRING, text.encode())
    return der.tlv(der.SET, der.tlv(der.SEQUENCE, der.tlv(der.OID, oid), value))
