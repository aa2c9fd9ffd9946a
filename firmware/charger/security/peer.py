"""What mbedtls leaves open about the certificate of a server it believes (WP-7, WP-9), before a byte of ours is sent.

mbedtls has proved the path to a root, with its dates, by its own clock. Shown here is the leaf alone: of the
certificates between leaf and root the interpreter tells nothing.
"""

from charger.security import x509
from charger.security.errors import EXPIRED, NOT_YET_VALID, USAGE, WEAK, CryptoError

_USAGES = x509.DIGITAL_SIGNATURE | x509.KEY_ENCIPHERMENT | x509.KEY_AGREEMENT
_LEAST_EC_BITS = 224  # 112 bits of strength


def check(encoded: bytes, host: str, now_s: int | None):
    """CryptoError unless this DER certificate may speak for the host.

    now_s: UTC seconds by the unit's own clock, None when unknown: then mbedtls' verdict alone holds.
    """
    leaf = x509.parse(encoded)
    if leaf.is_ca:
        raise CryptoError(USAGE, "a CA certificate as server")
    if leaf.name_constraints:
        raise CryptoError(USAGE, "name constraints in a server's certificate")
    if leaf.key_usage is not None and not leaf.key_usage & _USAGES:
        raise CryptoError(USAGE, "key usage")
    if leaf.usages is not None and x509.SERVER_AUTH not in leaf.usages and x509.ANY_USAGE not in leaf.usages:
        raise CryptoError(USAGE, "extended key usage")
    if now_s is not None:
        if now_s < leaf.not_before_s:
            raise CryptoError(NOT_YET_VALID, "by the unit's clock")
        if now_s > leaf.not_after_s:
            raise CryptoError(EXPIRED, "by the unit's clock")
    leaf.algorithm.check()
    _check_key(leaf.key)
    leaf.require_host(host)


def _check_key(key):
    """The handshake proved that the server has it, so any curve that mbedtls speaks will do if it is large enough."""
    if key.kind:
        key.check()
    elif key.bits[:1] != b"\x04" or len(key.bits) // 2 * 8 < _LEAST_EC_BITS:
        raise CryptoError(WEAK, "key")
