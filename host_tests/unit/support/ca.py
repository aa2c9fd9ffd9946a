# A small certificate authority in MicroPython, for what has to be signed while a test runs.
from charger import clock
from charger.crypto import der, ec, keys, pem
from charger.crypto.sha2 import digest
from charger.runtime.cooperative import run_now

_CN, _O = b"\x55\x04\x03", b"\x55\x04\x0a"
_CA = bytes.fromhex("300f0603551d130101ff040530030101ff")  # critical basicConstraints, CA


def name(common, organisation=None):
    """The DER of a name."""
    parts = []
    for oid, text in ((_O, organisation), (_CN, common)):
        if text:
            pair = der.tlv(der.SEQUENCE, der.tlv(der.OID, oid), der.tlv(der.UTF8_STRING, text.encode()))
            parts.append(der.tlv(der.SET, pair))
    return der.tlv(der.SEQUENCE, *parts)


def _time(seconds):
    fields = clock.civil(seconds)[:6]
    return der.tlv(0x17, ("%02d%02d%02d%02d%02d%02dZ" % ((fields[0] % 100,) + fields[1:])).encode())  # noqa: RUF005


class Authority:
    """A root; sign() gives certificates in PEM."""

    def __init__(self, common="Root", now=1790000000):
        self.d, self.public = run_now(ec.generate_key())
        self.subject = name(common)
        self.now = now
        self.serial = 1000
        self.root = self.sign(self.public, self.subject, authority=True)

    def sign(self, public, subject, begins=-86400, ends=86400 * 365, authority=False):
        """A certificate for a key; times in seconds from now."""
        self.serial += 1
        parts = [der.tlv(0xA0, der.integer(2)), der.integer(self.serial), keys.ECDSA_SHA256, self.subject,
                 der.tlv(der.SEQUENCE, _time(self.now + begins), _time(self.now + ends)), subject,
                 keys.encode_public_key(public)]
        if authority:
            parts.append(der.tlv(0xA3, der.tlv(der.SEQUENCE, _CA)))
        body = der.tlv(der.SEQUENCE, *parts)
        signature = run_now(ec.sign(self.d, run_now(digest("SHA256", body))))
        return pem.encode(der.tlv(der.SEQUENCE, body, keys.ECDSA_SHA256, der.octet_bits(signature)))

    def answer(self, request, **how):
        """A certificate for a request (PEM), with the subject that it asks for."""
        info = der.DerReader(pem.decode(request, "CERTIFICATE REQUEST")[0]).enter().enter()
        info.unsigned(1)
        subject = info.element(der.SEQUENCE)
        return self.sign(keys.PublicKey(info).bits, how.pop("subject", subject), **how)
