"""A back end's certificate authority that signs what chargers ask for, and hash data as `cryptography` computes them."""

import datetime
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .bad_certificates import certify
from .tls_peers import Authority, server_context

DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM
_HASHES = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}


def pem(certificate):
    """A certificate of `cryptography` as text."""
    return certificate.public_bytes(PEM).decode()


def root_text(path):
    """The PEM text of a file."""
    with open(path, encoding="ascii") as file:
        return file.read()


def new_root(name="New root", **how):
    """A self-signed CA, or one of another's key."""
    return certify(name, ca=True, bits=("key_cert_sign", "crl_sign"), **how)


def hash_data(text, algorithm="SHA256", issuer=None):
    """CertificateHashData of a PEM certificate (WP-22)."""
    certificate = x509.load_pem_x509_certificate(text.encode() if isinstance(text, str) else text)
    holder = x509.load_pem_x509_certificate(issuer) if issuer else certificate

    def digest(data):
        made = hashes.Hash(_HASHES[algorithm]())
        made.update(data)
        return made.finalize().hex()

    key = holder.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        bits = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    else:
        bits = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return {
        "hashAlgorithm": algorithm, "issuerNameHash": digest(certificate.issuer.public_bytes()),
        "issuerKeyHash": digest(bits), "serialNumber": f"{certificate.serial_number:x}",
    }


class SigningAuthority(Authority):
    """Signs certificate requests."""

    def sign(self, request, begins=-1, ends=365, subject=None, key=None, authority=False):
        """A certificate (PEM text) for a request (PEM text), with its own subject and key unless others are given."""
        asked = x509.load_pem_x509_csr(request.encode())
        assert asked.is_signature_valid
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder().subject_name(subject or asked.subject).issuer_name(self.name)
            .public_key(key or asked.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * DAY).not_valid_after(now + ends * DAY)
            .add_extension(x509.BasicConstraints(authority, None), True)
        )
        return pem(builder.sign(self.key, hashes.SHA256()))


def subject(common, organisation):
    """A name of CN and O."""
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])


def secure(csms, context):
    """Let the back end speak TLS from now on (or plain, with None), on the same port."""
    csms.close()
    csms.tls = context
    csms.open()


def mutual(certificate, roots):
    """The context of a back end that wants the charger's certificate, and can tell which it got."""
    context = server_context(certificate, None, roots)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def shown(csms):
    """The serial number of the certificate that the charger showed on the present connection."""
    sock = csms.station().wire.socket.transport.get_extra_info("ssl_object")
    der = sock.getpeercert(True)
    return x509.load_der_x509_certificate(der).serial_number
