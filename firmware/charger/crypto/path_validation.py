"""Validation of a certificate: the path from a leaf to an installed root (RFC 5280 6.1), and new roots.

Trust does not depend on what the peer sends beside the leaf: extra certificates are only candidates for the path.
Names are compared octet for octet. Name constraints are not evaluated: a certificate that has them is refused, as one with
policy constraints is (an unknown critical extension). Revocation: none, the server's certificates are short-lived (WP-10).
"""

from micropython import const

from charger.crypto import x509
from charger.crypto.refusals import EXPIRED, NO_TIME, NOT_YET_VALID, SIGNATURE, UNSUPPORTED, UNTRUSTED, USAGE
from charger.errors import CryptoError

MAX_CHAIN = const(6)  # certificates that a peer may send; bounds the work


def check_chain(chain: list, roots: list, now_s: int | None, usage: bytes | None) -> Steps:
    """Generator: prove chain[0] through sub-CAs in chain[1:] (any order) to one of roots; returns that root.

    now_s: UTC seconds since 1970, or None when unknown (refused). usage: x509.CLIENT_AUTH, SERVER_AUTH, CODE_SIGNING,
    or None for no demand on usage. Raises CryptoError with the kind of the first thing that is wrong.
    """
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise CryptoError(UNSUPPORTED, "chain of %d certificates" % len(chain))
    current = chain[0]
    _check_leaf(current, now_s, usage)
    others = list(chain[1:])
    below = 0  # sub-CAs between the candidate and the leaf that are not self-issued (6.1.4 l)
    while True:
        issuer, is_root = yield from _find_issuer(current, roots, others, now_s, below, usage)
        if is_root:
            return issuer
        others.remove(issuer)
        if issuer.issuer != issuer.subject:
            below += 1
        current = issuer


def check_root(root: x509.Certificate, now_s: int | None, signer: x509.Certificate | None = None) -> Iterator:
    """Generator: CryptoError unless the certificate can be installed as a root (WP-19).

    It must be a CA, in force, with a strong key, and signed by itself; or, with a signer (WP-20: the root installed
    before), signed by that.
    """
    _check_ca(root, now_s, 0, None)
    if signer is None:
        signer = root
    if root.issuer != signer.subject:
        raise CryptoError(UNTRUSTED, "not self-signed" if signer is root else "not issued by the present root")
    if not (yield from _signed_by(root, signer)):
        raise CryptoError(SIGNATURE, "of " + _label(root))


def _find_issuer(certificate: x509.Certificate, roots: list, others: list, now_s: int | None, below: int,
                 usage: bytes | None) -> Steps:
    """Generator: (issuer, whether it is a root). Installed roots come first; of several of one name (a root and its
    renewal, WP-20) the first that is in order; if none is, the error is that of the first whose signature fits."""
    error = None
    for candidates, are_roots in ((roots, True), (others, False)):
        for candidate in candidates:
            if candidate.subject != certificate.issuer:
                continue
            try:
                if (yield from _signed_by(certificate, candidate)):
                    _check_ca(candidate, now_s, below, None if are_roots else usage)
                    return candidate, are_roots
                error = error or CryptoError(SIGNATURE, "of " + _label(certificate))
            except CryptoError as found:
                if error is None or error.kind == SIGNATURE:
                    error = found
    raise error or CryptoError(UNTRUSTED, "no issuer for " + _label(certificate))


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> Steps:
    """Generator: whether the issuer's key made the certificate's signature."""
    return issuer.key.verify(certificate.algorithm, certificate.tbs(), certificate.signature)


def _check_leaf(leaf: x509.Certificate, now_s: int | None, usage: bytes | None) -> None:
    _check_time(leaf, now_s)
    leaf.key.check()
    if leaf.is_ca:
        raise CryptoError(USAGE, "a CA certificate as leaf")
    if leaf.name_constraints:
        raise CryptoError(USAGE, "name constraints in a leaf")
    if usage is None:
        return
    wanted = x509.DIGITAL_SIGNATURE
    if usage == x509.SERVER_AUTH:  # which of them depends on the cipher suite
        wanted |= x509.KEY_ENCIPHERMENT | x509.KEY_AGREEMENT
    if leaf.key_usage is not None and not leaf.key_usage & wanted:
        raise CryptoError(USAGE, "key usage")
    _check_extended_usage(leaf, usage)


def _check_ca(issuer: x509.Certificate, now_s: int | None, below: int, usage: bytes | None) -> None:
    _check_time(issuer, now_s)
    issuer.key.check()
    issuer.algorithm.check()
    if not issuer.is_ca:
        raise CryptoError(USAGE, "not a CA: " + _label(issuer))
    if issuer.key_usage is not None and not issuer.key_usage & x509.KEY_CERT_SIGN:
        raise CryptoError(USAGE, "CA may not sign certificates: " + _label(issuer))
    if issuer.path_len is not None and below > issuer.path_len:
        raise CryptoError(USAGE, "path too long for " + _label(issuer))
    if issuer.name_constraints:
        raise CryptoError(UNSUPPORTED, "name constraints in " + _label(issuer))
    if usage is not None:
        _check_extended_usage(issuer, usage)


def _check_extended_usage(certificate: x509.Certificate, usage: bytes) -> None:
    usages = certificate.usages
    if usages is not None and usage not in usages and x509.ANY_USAGE not in usages:
        raise CryptoError(USAGE, "extended key usage of " + _label(certificate))


def _check_time(certificate: x509.Certificate, now_s: int | None) -> None:
    if now_s is None:
        raise CryptoError(NO_TIME, "validity cannot be checked")
    if now_s < certificate.not_before_s:
        raise CryptoError(NOT_YET_VALID, _label(certificate))
    if now_s > certificate.not_after_s:
        raise CryptoError(EXPIRED, _label(certificate))


def _label(certificate: x509.Certificate) -> str:
    """A certificate's name for messages, shortened: its issuer can choose a name of any length."""
    return (certificate.subject_cn or "serial " + certificate.serial_hex())[:64]
