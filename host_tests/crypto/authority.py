"""Certificates of every kind, good and bad, made on the spot."""

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.datetime(2026, 6, 15, 12, 0, 0, tzinfo=datetime.UTC)
NOW_S = int(NOW.timestamp())
DAY = datetime.timedelta(days=1)


@functools.cache
def key(kind: str, number: int = 0):
    """A key of this kind; another number is another key. P-256, P-384, rsa2048, ... made once a test run."""
    assert number >= 0
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "K-256": ec.SECP256K1()}[kind])


def name(common: str | None, organisation: str | None = "Pilotlight tests") -> x509.Name:
    """A subject or issuer."""
    parts = []
    if organisation is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    if common is not None:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common))
    return x509.Name(parts)


def usage(*which: str) -> x509.KeyUsage:
    """A keyUsage with these bits, named as the attributes of x509.KeyUsage."""
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    ).split()
    assert set(which) <= set(names)
    return x509.KeyUsage(**{one: one in which for one in names})


class Party:
    """A certificate and the key that belongs to it; issues others."""

    def __init__(self, common: str, holder_key, issuer: "Party | None" = None, **how) -> None:
        self.key = holder_key
        self.subject = how.get("subject", name(common))
        signer = issuer or self
        self.certificate = _build(self, signer, how)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.hex = self.der.hex()


def _build(party: Party, signer: Party, how: dict) -> x509.Certificate:
    """how: ca (None leaves basicConstraints out), path, usage, usages, alt, before, after, hash, padding, serial,
    critical (critical basicConstraints), extra [(extension, critical)], issuer_name, signing_key, deterministic (ECDSA)."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(party.subject)
        .issuer_name(how.get("issuer_name", signer.subject))
        .public_key(party.key.public_key())
        .serial_number(how.get("serial", x509.random_serial_number()))
        .not_valid_before(how.get("before", NOW - 10 * DAY))
        .not_valid_after(how.get("after", NOW + 10 * DAY))
    )
    extensions = []
    ca = how.get("ca", False)
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca, how.get("path")), how.get("critical", True)))
    bits = how.get("usage", ("key_cert_sign", "crl_sign") if ca else ("digital_signature",))
    if bits is not None:
        extensions.append((usage(*bits), True))
    if how.get("usages"):
        extensions.append((x509.ExtendedKeyUsage(how["usages"]), False))
    if how.get("alt"):
        extensions.append((x509.SubjectAlternativeName(how["alt"]), False))
    for extension, critical in extensions + how.get("extra", []):
        builder = builder.add_extension(extension, critical)
    return builder.sign(how.get("signing_key", signer.key), how.get("hash", hashes.SHA256()), rsa_padding=how.get("padding"),
                        ecdsa_deterministic=how.get("deterministic"))


def root(common: str = "Root", kind: str = "P-256", number: int = 0, **how) -> Party:
    """A self-signed CA."""
    return Party(common, key(kind, number), **{"ca": True, **how})


def sub(issuer: Party, common: str = "Sub-CA", kind: str = "P-256", number: int = 1, **how) -> Party:
    """A CA under another."""
    return Party(common, key(kind, number), issuer, **{"ca": True, **how})


def leaf(issuer: Party, common: str = "CP0001", kind: str = "P-256", number: int = 2, **how) -> Party:
    """An end entity."""
    return Party(common, key(kind, number), issuer, **how)
