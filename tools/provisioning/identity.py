"""The TLS identity of a unit's local page: a key pair on P-256 and a certificate signed by itself."""

import datetime
import ipaddress
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_YEARS = 20  # longer than a charger's life: the owner's browser trusts it by itself, it is not renewed
_SETUP_ADDRESS = "192.168.4.1"  # of the unit in its own set-up network


def make(serial):
    """{"web_key", "web_certificate"}: DER, in hexadecimal."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Pilotlight {serial}")])
    host = "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in serial.lower()).strip("-") or "unit"
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName([
            x509.DNSName(f"pilotlight-{host}.local"), x509.IPAddress(ipaddress.ip_address(_SETUP_ADDRESS)),
        ]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    der, none = serialization.Encoding.DER, serialization.NoEncryption()
    return {
        "web_key": key.private_bytes(der, serialization.PrivateFormat.TraditionalOpenSSL, none).hex(),
        "web_certificate": builder.sign(key, hashes.SHA256()).public_bytes(der).hex(),
    }


if __name__ == "__main__":
    print(json.dumps(make(sys.argv[1])))
