"""Server certificates with exactly one thing wrong each, made on the spot: the matrix of test_tls_matrix.py."""

import datetime
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)
HOST = x509.DNSName("localhost")
RSA_SHA256 = bytes.fromhex("2a864886f70d01010b")
# Signature algorithms that the cryptography package will not sign with any more: last octet of the OID, and the hash.
OLD_RSA = {"SHA-1": (0x05, hashes.SHA1()), "MD5": (0x04, hashes.MD5()), "SHA-224": (0x0E, hashes.SHA224())}
KEY_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
              "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


@dataclass
class Entity:
    """A certificate and its key."""

    name: x509.Name
    key: object
    certificate: bytes = b""  # PEM

    def key_pem(self):
        """The key as PKCS #8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def common_name(text):
    """A name of just a CN."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def key_usage(*names):
    """The extension with these bits set."""
    return x509.KeyUsage(**{name: name in names for name in KEY_USAGES})


def certify(subject, issuer=None, key=None, names=(HOST,), begins=-HOUR, ends=30 * 24 * HOUR, ca=False, path=None,
            usages=None, bits=None, extra=(), constraints=True, old=None):
    """An entity with a certificate of the issuer, or of its own; `old` names an algorithm of OLD_RSA to sign with."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    made = Entity(common_name(subject), key)
    issuer = issuer or made
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(made.name).issuer_name(issuer.name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now + begins).not_valid_after(now + ends)
    )
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca, path), True)
    if names and not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
    if bits:
        builder = builder.add_extension(key_usage(*bits), True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(issuer.key, hashes.SHA256())
    made.certificate = signed.public_bytes(serialization.Encoding.PEM)
    if old:
        made.certificate = _sign_again(signed, issuer.key, old)
    return made


def _pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def _sign_again(certificate, key, old):
    """The same certificate, signed with an algorithm that nobody should use."""
    octet, hash_ = OLD_RSA[old]
    other = RSA_SHA256[:-1] + bytes([octet])
    tbs = certificate.tbs_certificate_bytes.replace(RSA_SHA256, other)
    der = certificate.public_bytes(serialization.Encoding.DER)
    head, tail = der.split(certificate.tbs_certificate_bytes)
    signature = key.sign(tbs, padding.PKCS1v15(), hash_)
    tail = tail.replace(RSA_SHA256, other).replace(certificate.signature, signature)
    return _pem(head + tbs + tail)


def tampered(entity):
    """The same with one bit of the signature turned."""
    der = bytearray(x509.load_pem_x509_certificate(entity.certificate).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return Entity(entity.name, entity.key, _pem(bytes(der)))


def chain(*entities):
    """A server's certificates, leaf first, and the leaf's key."""
    return b"".join(entity.certificate for entity in entities), entities[0].key_pem()


class Matrix:
    """`root` is what the client believes; cells() are (name, (chain, key)) of what servers present."""

    def __init__(self):
        self.root = certify("Matrix root", ca=True, bits=("key_cert_sign", "crl_sign"))
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.rsa_root = certify("Matrix RSA root", key=self.rsa_key, ca=True)

    @property
    def roots(self):
        """The trust store: both roots."""
        return self.root.certificate + self.rsa_root.certificate

    def sub(self, issuer=None, name="Matrix sub-CA", **options):
        """A sub-CA."""
        return certify(name, issuer or self.root, **{"ca": True} | options)

    def subs(self, count):
        """A row of sub-CAs, the lowest first."""
        found = [self.sub()]
        while len(found) < count:
            found.insert(0, self.sub(found[0], f"Sub-CA {len(found)}"))
        return found

    def good(self):
        """The cases that have to work."""
        leaf, sub = self.leaf, self.sub()
        ip = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        subs = self.subs(3)
        return {
            "plain": leaf(),
            "name in the CN alone": leaf(subject="localhost", names=()),
            "one of several names": leaf(names=(x509.DNSName("a.example"), HOST)),
            "IP address beside the name": leaf(names=(ip, HOST)),
            "behind a sub-CA": chain(certify("behind", sub), sub),
            "behind three sub-CAs": chain(certify("deep", subs[0]), *subs),
            "sub-CA and root sent too": chain(certify("both", sub), sub, self.root),
            "EKU serverAuth": leaf(usages=[Usage.SERVER_AUTH, Usage.CLIENT_AUTH]),
            "EKU any": leaf(usages=[Usage.ANY_EXTENDED_KEY_USAGE]),
            "key usage digitalSignature": leaf(bits=("digital_signature",)),
            "P-384": leaf(key=ec.generate_private_key(ec.SECP384R1())),
            "RSA 2048": chain(certify("rsa", self.rsa_root, key=self.rsa_key)),
            "extension unknown, not critical": leaf(extra=[(self.unknown(), False)]),
        }

    @staticmethod
    def unknown():
        """An extension that nobody knows."""
        return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")

    def leaf(self, issuer=None, subject="server", **options):
        """A leaf on its own."""
        return chain(certify(subject, issuer or self.root, **options))

    def bad(self):
        """The cases that have to be refused."""
        return {**self._bad_leaves(), **self._bad_keys(), **self._bad_paths()}

    def _bad_leaves(self):
        leaf = self.leaf
        other = x509.DNSName("other.example")
        return {
            "expired": leaf(begins=-40 * HOUR, ends=-HOUR),
            "not yet valid": leaf(begins=5 * HOUR),
            "other name": leaf(names=(other,)),
            "other name, right CN": leaf(subject="localhost", names=(other,)),
            "other CN, no SAN": leaf(names=()),
            "wildcard of the whole name": leaf(names=(x509.DNSName("*"),)),
            "wildcard within a label": leaf(names=(x509.DNSName("loc*"),)),
            "IP address for a name": leaf(names=(x509.IPAddress(ipaddress.ip_address("127.0.0.1")),)),
            "EKU clientAuth alone": leaf(usages=[Usage.CLIENT_AUTH]),
            "EKU codeSigning alone": leaf(usages=[Usage.CODE_SIGNING]),
            "key usage keyCertSign alone": leaf(bits=("key_cert_sign",)),
            "key usage keyAgreement alone": leaf(bits=("key_agreement",)),
            "CA certificate as leaf": chain(certify("ca", self.root, ca=True, extra=[
                (x509.SubjectAlternativeName((HOST,)), False)])),
            "critical extension unknown": leaf(extra=[(self.unknown(), True)]),
            "name constraints in the leaf": leaf(extra=[(x509.NameConstraints([other], None), False)]),
        }

    def _bad_keys(self):
        leaf = self.leaf
        weak = rsa.generate_private_key(65537, 1024)
        return {
            "RSA 1024": leaf(key=weak),
            "P-192": leaf(key=ec.generate_private_key(ec.SECP192R1())),
            **{f"signed with {old}": leaf(self.rsa_root, old=old) for old in OLD_RSA},
        }

    def _bad_paths(self):
        leaf = self.leaf
        stranger = certify("Matrix root", ca=True)  # of the same name as ours
        alone = certify("localhost")
        sub = self.sub()
        behind = certify("behind", sub)
        fake = certify("Not a CA", self.root)
        bare = certify("No basic constraints", self.root, constraints=False, names=())
        unsigning = self.sub(bits=("digital_signature",))
        short = self.sub(path=0)
        below = self.sub(short, "Below")
        narrow = self.sub(extra=[(x509.NameConstraints([x509.DNSName("other.example")], None), True)])
        narrow_lax = self.sub(extra=[(x509.NameConstraints([x509.DNSName("other.example")], None), False)])
        clients = self.sub(usages=[Usage.CLIENT_AUTH])
        weak = self.sub(key=rsa.generate_private_key(65537, 1024))
        old = self.sub(self.rsa_root, old="SHA-1")
        late = self.sub(begins=-40 * HOUR, ends=-HOUR)
        subs = self.subs(10)
        return {
            "other root of the same name": leaf(stranger),
            "self-signed": chain(alone),
            "missing sub-CA": chain(behind),
            "tampered signature": chain(tampered(certify("bent", self.root))),
            "tampered sub-CA": chain(behind, tampered(sub)),
            "issuer with CA:FALSE": chain(certify("x", fake), fake),
            "issuer without basic constraints": chain(certify("x", bare), bare),
            "issuer without keyCertSign": chain(certify("x", unsigning), unsigning),
            "path length exceeded": chain(certify("x", below), below, short),
            "critical name constraints exclude it": chain(certify("x", narrow), narrow),
            "name constraints exclude it": chain(certify("x", narrow_lax), narrow_lax),
            "sub-CA for clientAuth alone": chain(certify("x", clients), clients),
            "sub-CA with RSA 1024": chain(certify("x", weak), weak),
            "sub-CA signed with SHA-1": chain(certify("x", old), old),
            "expired sub-CA": chain(certify("x", late), late),
            "ten sub-CAs": chain(certify("x", subs[0]), *subs),
        }
