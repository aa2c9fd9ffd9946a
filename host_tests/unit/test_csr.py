"""The certificate request: its fields, its signature, and what it refuses; PEM there and back."""

import hashlib

from check import equal, raises, true

from charger.crypto import csr, der, ec, keys, pem
from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError
from charger.runtime.cooperative import run_now

WORDS = (64, 32)


def test_fields_and_signature():
    d, public = run_now(ec.generate_key())
    encoded = run_now(csr.create(d, public, "CP-0001", "Caf\u00e9 & Co"))
    outer = der.DerReader(encoded)
    request = outer.enter()
    outer.finish()
    body = request.element(der.SEQUENCE)
    equal(request.element(der.SEQUENCE), keys.ECDSA_SHA256)
    signature = request.octet_bits()
    request.finish()
    true(run_now(ec.verify(public, hashlib.sha256(body).digest(), signature)))
    info = der.DerReader(body).enter()
    equal(info.unsigned(1), 0)
    subject = info.enter()
    for oid, text in ((b"\x55\x04\x0a", "Caf\u00e9 & Co"), (b"\x55\x04\x03", "CP-0001")):
        pair = subject.enter(der.SET).enter()
        equal(pair.oid(), oid)
        equal(pair.content(der.UTF8_STRING).decode(), text)
    subject.finish()
    equal(keys.PublicKey(info).bits, public)
    equal(info.content(0xA0), b"")
    info.finish()


def test_names_must_fit():
    public = run_now(ec.public_key(1))
    for serial_number, owner in (("", "Co"), ("CP", ""), ("C" * 65, "Co"), ("CP", "C" * 65)):
        equal(raises(CryptoError, run_now, csr.create(1, public, serial_number, owner)).kind, MALFORMED)
    true(run_now(csr.create(1, public, "C" * 64, "C" * 64)))


def test_pem_there_and_back():
    for size in (1, 2, 3, 47, 48, 49, 95, 96, 97, 1000):
        octets = bytes(range(256)) * 4
        text = pem.encode(octets[:size])
        equal(pem.decode(text), [octets[:size]])
        true(max(len(line) for line in text.split("\n")) <= 64)
        true(text.endswith("-----END CERTIFICATE-----\n"))
    equal(pem.decode(pem.encode(b"a", "X") + pem.encode(b"b", "X"), "X"), [b"a", b"b"])
    equal(raises(CryptoError, pem.decode, pem.encode(b"a", "X")).kind, MALFORMED)


def test_pem_has_a_limit():
    text = pem.encode(bytes(5000))
    equal(raises(CryptoError, pem.decode, text).kind, MALFORMED)
    equal(pem.decode(text, max_chars=pem.MAX_CHAIN), [bytes(5000)])
