"""The firmware signing certificate and the signature over a file (WP-30, 33): RSA-PSS with 32 bytes of salt, or ECDSA P-256.

A manufacturer root issues the certificate directly (WP-10).
"""

from binascii import a2b_base64, b2a_base64

from micropython import const

from charger import clock
from charger.crypto import ec, path_validation, pem, rsa, x509
from charger.crypto.keys import RSA
from charger.errors import CryptoError
from charger.runtime import cooperative

_SALT = const(32)


async def certificate_fault(text: str, roots: Any) -> str:
    """Return why a signing certificate (PEM) is refused, as text; '' when it is valid."""
    if not roots:
        return "no manufacturer root is installed"
    try:
        found = await cooperative.run(pem.decoding(text))
        if len(found) != 1:
            return "more than one certificate"
        anchors = [x509.parse(one) for one in pem.decode(_text(roots), max_chars=len(roots))]
        await cooperative.run(path_validation.check_chain([x509.parse(found[0])], anchors, clock.utc_s(), x509.CODE_SIGNING))
    except CryptoError as error:
        return str(error)
    return ""


async def matches(certificate: str, digest: bytes, signature: str) -> bool:
    """True when the base64 signature over a file of this SHA-256 was made with the certificate's key."""
    signature = "".join(signature.split())
    try:
        made = a2b_base64(signature)
    except ValueError:
        return False
    if str(b2a_base64(made), "ascii").strip() != signature:
        return False  # a2b_base64 skips invalid characters
    try:
        key = x509.parse(pem.decode(certificate)[0]).key
        key.check()
        if key.kind == RSA:
            return await cooperative.run(rsa.verify_pss(key.n, key.e, digest, made, _SALT))
        return await cooperative.run(ec.verify(key.bits, digest, made))
    except CryptoError:
        return False


def _text(roots: Any) -> str:
    return roots if isinstance(roots, str) else str(roots, "ascii")
