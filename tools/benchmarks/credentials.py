"""Certificates for the bench: a root, a back end's and a charger's, made on the spot."""

import datetime
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


def _certify(folder, name, issuer=None):
    """A certificate and its key in files of this name; (subject, key) as issuer of others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signing_key = issuer or (subject, key)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(signer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - _DAY).not_valid_after(now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(issuer is None, None), True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(signing_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return subject, key


def credentials(folder, profile):
    """(ssl context of the back end or None, command line of the charger) for a security profile 0, 2 or 3."""
    if profile < 2:
        return None, []
    root = _certify(folder, "root")
    _certify(folder, "localhost", root)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
    words = ["--security-profile", str(profile), "--ca", str(folder / "root.pem")]
    if profile == 2:
        (folder / "password").write_text("a password of the bench")
        return context, [*words, "--basic-auth-password-file", str(folder / "password")]
    _certify(folder, "PL-0001", root)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "root.pem")
    return context, [*words, "--client-cert", str(folder / "PL-0001.pem"), "--client-key", str(folder / "PL-0001.key")]
