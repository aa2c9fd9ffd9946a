"""Public keys and signature algorithms as certificates write them, and the unit's own private key in SEC 1 form."""

import hashlib

from micropython import const

from charger.crypto import der, ec
from charger.crypto.refusals import MALFORMED, UNSUPPORTED, WEAK
from charger.errors import CryptoError

EC = const(1)
RSA = const(2)

_OID_EC = b"\x2a\x86\x48\xce\x3d\x02\x01"
_OID_P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"
_OID_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
_OID_PSS = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
_OID_MGF1 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
_OID_SHA256 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01"

_ECDSA = const(1)
_PKCS1 = const(2)
_PSS = const(3)
# OID: (scheme, hash); the broken ones are here so that they are refused by name
_ALGORITHMS = {
    b"\x2a\x86\x48\xce\x3d\x04\x03\x02": (_ECDSA, "SHA256"),
    b"\x2a\x86\x48\xce\x3d\x04\x03\x03": (_ECDSA, "SHA384"),
    b"\x2a\x86\x48\xce\x3d\x04\x03\x04": (_ECDSA, "SHA512"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b": (_PKCS1, "SHA256"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c": (_PKCS1, "SHA384"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d": (_PKCS1, "SHA512"),
    b"\x2a\x86\x48\xce\x3d\x04\x01": (_ECDSA, "SHA1"),
    b"\x2a\x86\x48\xce\x3d\x04\x03\x01": (_ECDSA, "SHA224"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04": (_PKCS1, "MD5"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05": (_PKCS1, "SHA1"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e": (_PKCS1, "SHA224"),
}

EC_ALGORITHM = der.tlv(der.SEQUENCE, der.tlv(der.OID, _OID_EC), der.tlv(der.OID, _OID_P256))
ECDSA_SHA256 = der.tlv(der.SEQUENCE, der.tlv(der.OID, b"\x2a\x86\x48\xce\x3d\x04\x03\x02"))


class Algorithm:
    """The algorithm of a certificate's signature. One that cannot be verified is kept, and refused when it is used."""

    def __init__(self, encoded: bytes):
        body = der.DerReader(encoded).enter()
        oid = body.oid()
        self.scheme, self.hash = _ALGORITHMS.get(oid, (0, ""))
        self.salt_bytes = 0
        if oid == _OID_PSS:
            self._read_pss(body)
        elif self.scheme == _PKCS1:
            body.null()
        if self.scheme:
            body.finish()

    def _read_pss(self, body: der.DerReader) -> None:
        """RSASSA-PSS-params (RFC 4055 3.1), for SHA-256 and MGF1 with SHA-256. Fields left out mean SHA-1."""
        params = body.enter()
        self.hash = "SHA1"
        if not params.next_is(0xA0):
            return
        field = params.enter(0xA0)
        known = _hash_oid(field) == _OID_SHA256
        field.finish()
        if not params.next_is(0xA1):
            return
        field = params.enter(0xA1)
        generator = field.enter()
        field.finish()
        if generator.oid() == _OID_MGF1:
            known = _hash_oid(generator) == _OID_SHA256 and known
            generator.finish()
        else:
            known = False
        self.salt_bytes = 20
        if params.next_is(0xA2):
            field = params.enter(0xA2)
            self.salt_bytes = field.unsigned(2)
            field.finish()
        params.finish()  # the trailer field has one legal value, its default
        self.hash = "SHA256" if known else ""
        self.scheme = _PSS if known else 0

    def check(self) -> None:
        """CryptoError(WEAK) for a hash below SHA-256, (UNSUPPORTED) for anything else this unit cannot verify."""
        if self.hash in ("MD5", "SHA1", "SHA224"):
            raise CryptoError(WEAK, self.hash + " signature")
        if not self.scheme:
            raise CryptoError(UNSUPPORTED, "signature algorithm")


def _hash_oid(reader: der.DerReader) -> bytes:
    """The OID of an AlgorithmIdentifier of a hash, whose parameters are NULL or absent (RFC 4055 2.1)."""
    body = reader.enter()
    oid = body.oid()
    if body.more():
        body.null()
    body.finish()
    return oid


class PublicKey:
    """A SubjectPublicKeyInfo. kind is EC (point: 65 bytes), RSA (n, e), or 0 for what this unit cannot use.

    bits is the content of the subjectPublicKey BIT STRING, which WP-22 hashes. Raises CryptoError(MALFORMED).
    """

    def __init__(self, reader: der.DerReader):
        self.kind = 0
        self.n = self.e = 0
        body = reader.enter()
        algorithm = body.enter()
        oid = algorithm.oid()
        self.bits = body.octet_bits()
        body.finish()
        if oid == _OID_EC and algorithm.next_is(der.OID):
            known = algorithm.oid() == _OID_P256
            algorithm.finish()
            if known:
                ec.decode_point(self.bits)
                self.kind = EC
        elif oid == _OID_RSA:
            algorithm.null()
            algorithm.finish()
            outer = der.DerReader(self.bits)
            key = outer.enter()
            outer.finish()
            self.n = key.unsigned(1024)
            self.e = key.unsigned(1024)
            key.finish()
            self.kind = RSA

    def check(self) -> None:
        """CryptoError unless the key is P-256, or RSA of 2048 to 4096 bits (WP-9)."""
        if self.kind == RSA:
            from charger.crypto import rsa  # 1,400 frozen bytes, for chains with an RSA key

            rsa.check_key(self.n, self.e)
        elif self.kind != EC:
            raise CryptoError(UNSUPPORTED, "public key is neither P-256 nor RSA")

    def verify(self, algorithm: Algorithm, data: bytes, signature: bytes) -> Steps:
        """Generator: whether signature over data is of this key; CryptoError when key or algorithm is refused."""
        self.check()
        algorithm.check()
        if (algorithm.scheme == _ECDSA) != (self.kind == EC):
            return False
        if algorithm.hash == "SHA256":
            digest = hashlib.sha256(data).digest()
        else:
            from charger.crypto import sha2  # 2,700 frozen bytes, for chains with SHA-384 or SHA-512

            digest = yield from sha2.digest(algorithm.hash, data)
        if algorithm.scheme == _ECDSA:
            return (yield from ec.verify(self.bits, digest, signature))
        from charger.crypto import rsa  # 1,400 frozen bytes, for chains with an RSA key

        if algorithm.scheme == _PSS:
            return (yield from rsa.verify_pss(self.n, self.e, digest, signature, algorithm.salt_bytes))
        return (yield from rsa.verify_pkcs1(self.n, self.e, digest, signature, algorithm.hash))


def encode_public_key(public: bytes) -> bytes:
    """SubjectPublicKeyInfo of a P-256 point."""
    return der.tlv(der.SEQUENCE, EC_ALGORITHM, der.octet_bits(public))


def encode_private_key(d: int, public: bytes) -> bytes:
    """ECPrivateKey (RFC 5915) in DER, as the TLS context's load_cert_chain takes it. Secret: for the vault only."""
    return der.tlv(
        der.SEQUENCE,
        der.integer(1),
        der.tlv(der.OCTET_STRING, d.to_bytes(32, "big")),
        der.tlv(0xA0, der.tlv(der.OID, _OID_P256)),
        der.tlv(0xA1, der.octet_bits(public)),
    )


def decode_private_key(encoded: bytes) -> tuple:
    """(d, public) of what encode_private_key() wrote; CryptoError(MALFORMED) otherwise."""
    outer = der.DerReader(encoded)
    body = outer.enter()
    outer.finish()
    version = body.unsigned(1)
    secret = body.content(der.OCTET_STRING)
    curve = body.enter(0xA0)
    known = curve.oid() == _OID_P256
    curve.finish()
    holder = body.enter(0xA1)
    public = holder.octet_bits()
    holder.finish()
    body.finish()
    d = int.from_bytes(secret, "big")
    if version != 1 or not known or len(secret) != 32 or not 0 < d < ec.N:
        raise CryptoError(MALFORMED, "not a P-256 private key")
    ec.decode_point(public)
    return d, public
