"""Certificates made here, part by part, so that each part can be wrong; their path; the time it takes to check one."""

import asyncio  # noqa: F401  (first: it would nest too deeply for a 32-bit stack below the imports that follow)
import hashlib

from check import equal, raises, true

from charger.crypto import der, ec, keys, path_validation, x509
from charger.errors import CryptoError
from charger.runtime.cooperative import run, run_now

WORDS = (64, 32)

NOW_S = 1781524800  # 2026-06-15T12:00:00Z
ROOT, LEAF = 11, 12  # private scalars of nobody
CN = b"\x55\x04\x03"
RSA_OID = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01"
SHA256_OID = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01"
P256_OID = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"

_publics = {}


def public(d):
    if d not in _publics:
        _publics[d] = run_now(ec.public_key(d))
    return _publics[d]


def seq(*parts):
    return der.tlv(der.SEQUENCE, *parts)


def oid(content):
    return der.tlv(der.OID, content)


def named(text, tag=0x0C, kind=CN):
    return seq(der.tlv(der.SET, seq(oid(kind), der.tlv(tag, text))))


def extension(number, value, critical=b""):
    return seq(oid(b"\x55\x1d" + bytes((number,))), critical, der.tlv(der.OCTET_STRING, value))


TRUE = b"\x01\x01\xff"
CA = extension(19, seq(TRUE), TRUE)
SIGNS = extension(15, b"\x03\x02\x07\x80", TRUE)
SIGNS_CERTS = extension(15, b"\x03\x02\x02\x04", TRUE)
NO_EXTENSIONS = object()


def make(signer=ROOT, **parts):
    """A certificate: any part can be given in DER, by name, or replaced with b"" to leave it out."""
    algorithm = parts.get("algorithm", keys.ECDSA_SHA256)
    extensions = parts.get("extensions", SIGNS)
    body = seq(
        parts.get("version", b"\xa0\x03\x02\x01\x02"),
        parts.get("serial", b"\x02\x01\x05"),
        parts.get("inner_algorithm", algorithm),
        parts.get("issuer", named(b"Root")),
        parts.get(
            "validity", seq(parts.get("before", b"\x17\x0d260101000000Z"), parts.get("after", b"\x17\x0d270101000000Z"))
        ),
        parts.get("subject", named(b"CP1")),
        parts.get("key", keys.encode_public_key(public(LEAF))),
        parts.get("unique", b""),
        b"" if extensions is NO_EXTENSIONS else der.tlv(0xA3, seq(extensions), parts.get("behind", b"")),
        parts.get("tail", b""),
    )
    if signer is None:
        signature = b"none"
    else:
        signature = run_now(ec.sign(signer, hashlib.sha256(body).digest()))
    return seq(body, algorithm, der.octet_bits(signature), parts.get("end", b""))


def root(**parts):
    return make(
        ROOT, subject=named(b"Root"), key=keys.encode_public_key(public(ROOT)), extensions=CA + SIGNS_CERTS, **parts
    )


def refused(kind, **parts):
    error = raises(CryptoError, x509.parse, make(None, **parts))
    equal(error.kind, kind, str(parts))


def test_a_plain_one_and_its_path():
    leaf, top = x509.parse(make()), x509.parse(root())
    equal((leaf.subject_cn, leaf.issuer_cn, leaf.subject_o, leaf.serial_hex()), ("CP1", "Root", None, "5"))
    equal((leaf.not_before_s, leaf.not_after_s), (1767225600, 1798761600))
    equal((leaf.is_ca, leaf.key_usage, leaf.usages, leaf.key.bits), (False, 1, None, public(LEAF)))
    equal((top.is_ca, top.path_len, top.key_usage), (True, None, x509.KEY_CERT_SIGN))
    true(run_now(path_validation.check_chain([leaf], [top], NOW_S, x509.CLIENT_AUTH)) is top)
    run_now(path_validation.check_root(top, NOW_S))


async def test_the_check_of_a_path_yields_to_the_loop():
    leaf, top = x509.parse(make()), x509.parse(root())
    true(await run(path_validation.check_chain([leaf], [top], NOW_S, x509.CLIENT_AUTH)) is top)
    slices = 0
    for _ in path_validation.check_chain([leaf], [top], NOW_S, x509.CLIENT_AUTH):
        slices += 1
    true(slices > 60, "%d slices" % slices)


def test_version_serial_and_layout():
    for version in (b"", b"\xa0\x03\x02\x01\x00", b"\xa0\x03\x02\x01\x01", b"\xa0\x03\x02\x01\x03"):
        refused("unsupported", version=version)
    refused("malformed", version=b"\xa0\x04\x02\x02\x00\x02")
    refused("malformed", version=b"\xa0\x06\x02\x01\x02\x02\x01\x02")
    for serial in (b"", b"\x02\x00", b"\x02\x01\xff", b"\x02\x02\x00\x05", b"\x02\x15\x01" + bytes(20)):
        refused("malformed", serial=serial)
    equal(x509.parse(make(None, serial=b"\x02\x15\x00" + b"\xff" * 20)).serial_hex(), "ff" * 20)
    equal(x509.parse(make(None, serial=b"\x02\x01\x00")).serial_hex(), "0")
    refused("malformed", tail=b"\x05\x00")
    refused("malformed", end=b"\x05\x00")
    refused("malformed", behind=b"\x05\x00")
    refused("malformed", unique=b"\x81\x02\x00\x01")
    refused("malformed", inner_algorithm=seq(oid(b"\x2a\x86\x48\xce\x3d\x04\x03\x03")))
    equal(raises(CryptoError, x509.parse, make(None) + b"\x00").kind, "malformed")
    equal(raises(CryptoError, x509.parse, b"").kind, "malformed")
    equal(x509.parse(make(None, extensions=NO_EXTENSIONS)).key_usage, None)


def test_times():
    def stamp(tag, text):
        return der.tlv(tag, text)

    for text in (
        b"",
        b"260101000000",
        b"260101000000+0000",
        b"2601010000Z",
        b"260101000000z",
        b"260101 00000Z",
        b"26010100000-Z",
        b"260100000000Z",
        b"260001000000Z",
        b"261301000000Z",
        b"260132000000Z",
        b"260229000000Z",
        b"260631000000Z",
        b"260101240000Z",
        b"260101006000Z",
        b"260101000060Z",
    ):
        refused("malformed", after=stamp(0x17, text))
    for text in (
        b"20260101000000Z",
        b"20491231235959Z",
        b"205001010000Z",
        b"20500101000000.5Z",
        b"20500101000000+0100",
        b"20500101000000",
        b"21000229000000Z",
    ):
        refused("malformed", after=stamp(0x18, text))
    refused("malformed", after=stamp(0x16, b"260101000000Z"))
    refused("malformed", after=b"")
    refused("malformed", validity=seq(b"\x17\x0d260101000000Z", b"\x17\x0d270101000000Z", b"\x05\x00"))
    for tag, text, seconds in (
        (0x17, b"700101000000Z", 0),
        (0x17, b"691231235959Z", -1),
        (0x17, b"500101000000Z", -631152000),
        (0x17, b"491231235959Z", 2524607999),
        (0x18, b"20500101000000Z", 2524608000),
        (0x17, b"280229000000Z", 1835395200),
        (0x18, b"99991231235959Z", 253402300799),
    ):
        equal(x509.parse(make(None, after=stamp(tag, text))).not_after_s, seconds, str(text))


def test_names():
    for tag, raw, text in (
        (0x0C, b"Caf\xc3\xa9", "Caf\u00e9"),
        (0x13, b"CP-1", "CP-1"),
        (0x16, b"CP-1", "CP-1"),
        (0x14, b"CP-1", "CP-1"),
        (0x1E, b"\x00C\x20\xac", "C\u20ac"),
    ):
        equal(x509.parse(make(None, subject=named(raw, tag))).subject_cn, text)
    equal(x509.parse(make(None, subject=seq())).subject_cn, None)
    for tag, raw in (
        (0x0C, b"a\x00b"),
        (0x13, b"a\x00b"),
        (0x0C, b"a\nb"),
        (0x0C, b"a\x7f"),
        (0x0C, b"\xff\xfe"),
        (0x13, b"\xe9"),
        (0x1E, b"\x00"),
        (0x1E, b"\x00\x00"),
        (0x1E, b"\xd8\x00"),
        (0x1C, b"\x00\x00\x00a"),
        (0x04, b"a"),
    ):
        refused("malformed", subject=named(raw, tag))
    one = der.tlv(der.SET, seq(oid(CN), der.tlv(0x0C, b"a")))
    for subject in (
        seq(one, one),
        seq(der.tlv(der.SET)),
        seq(seq(oid(CN), der.tlv(0x0C, b"a"))),
        seq(der.tlv(der.SET, seq(oid(CN)))),
        seq(der.tlv(der.SET, seq(oid(CN), der.tlv(0x0C, b"a"), b"\x05\x00"))),
        seq(b"\x05\x00"),
    ):
        refused("malformed", subject=subject)
    refused("malformed", issuer=seq())


def test_extensions():
    def alt(*names):
        return extension(17, seq(*names))

    x509.parse(make(None, extensions=alt(b"\x82\x01a", b"\x87\x04\x0a\x00\x00\x01", b"\x86\x01u", b"\xa0\x02\x05\x00")))
    unknown = seq(oid(b"\x2a\x03"), der.tlv(der.OCTET_STRING, b"anything"))
    x509.parse(make(None, extensions=unknown + SIGNS))
    refused("unsupported", extensions=seq(oid(b"\x2a\x03"), TRUE, der.tlv(der.OCTET_STRING, b"anything")))
    refused("unsupported", extensions=extension(36, seq(), TRUE))
    usage = extension(37, seq(oid(x509.CLIENT_AUTH), oid(x509.CODE_SIGNING)))
    equal(x509.parse(make(None, extensions=usage)).usages, [x509.CLIENT_AUTH, x509.CODE_SIGNING])
    equal(x509.parse(make(None, extensions=extension(19, seq(TRUE, b"\x02\x01\x00")))).path_len, 0)
    constraints, policies = extension(30, seq(), TRUE), extension(32, seq(seq(oid(b"\x2a\x03"))), TRUE)
    found = [x509.parse(make(None, extensions=some)).name_constraints for some in (policies, policies + constraints)]
    equal(found, [False, True])
    for wrong in (
        b"",
        SIGNS + SIGNS,
        unknown + unknown,
        seq(oid(b"\x2a\x03")),
        seq(oid(b"\x2a\x03"), b"\x01\x01\x00", der.tlv(der.OCTET_STRING, b"")),
        seq(oid(b"\x2a\x03"), b"\x01\x01\x01", der.tlv(der.OCTET_STRING, b"")),
        seq(oid(b"\x2a\x03"), der.tlv(der.OCTET_STRING, b""), b"\x05\x00"),
        alt(),
        alt(b"\x82\x05a"),
        extension(15, b"\x03\x01\x00"),
        extension(15, b"\x03\x02\x00\x80"),
        extension(15, b"\x03\x02\x07\x80\x00"),
        extension(15, b"\x05\x00"),
        extension(19, seq(b"\x01\x01\x00")),
        extension(19, seq(b"\x02\x01\x00")),
        extension(19, seq(TRUE, b"\x02\x01\xff")),
        extension(19, seq(TRUE, b"\x02\x02\x01\x00")),
        extension(19, seq(TRUE, b"\x02\x01\x00", b"\x05\x00")),
        extension(19, seq(TRUE) + b"\x00"),
        extension(37, seq()),
        extension(37, seq(b"\x05\x00")),
        extension(30, b"\x05\x00"),
        extension(30, seq() + b"\x00"),
        extension(32, b"\x05\x00"),
        extension(32, seq() + b"\x00"),
    ):
        refused("malformed", extensions=wrong)


def test_keys():
    curve = oid(P256_OID)
    ecc = oid(b"\x2a\x86\x48\xce\x3d\x02\x01")
    point = public(LEAF)

    def rsa_key(n, e, null=b"\x05\x00", more=b"", behind=b""):
        return seq(
            seq(oid(RSA_OID + b"\x01"), null), der.octet_bits(seq(der.integer(n), der.integer(e), more) + behind)
        )

    good = x509.parse(make(None, key=rsa_key((1 << 2047) + 1, 3))).key
    equal((good.kind, good.n, good.e), (keys.RSA, (1 << 2047) + 1, 3))
    good.check()
    for wrong in (
        b"",
        seq(seq(ecc, curve), der.octet_bits(point[:-1])),
        seq(seq(ecc, curve), der.octet_bits(point[:-1] + bytes((point[-1] ^ 1,)))),
        seq(seq(ecc, curve), der.octet_bits(b"\x00")),
        seq(seq(ecc, curve), der.octet_bits(b"\x03" + point[1:33])),
        seq(seq(ecc, curve), der.tlv(der.BIT_STRING, b"\x01" + point)),
        seq(seq(ecc, curve, b"\x05\x00"), der.octet_bits(point)),
        seq(seq(ecc, curve), der.octet_bits(point), b"\x05\x00"),
        rsa_key((1 << 2047) + 1, 3, null=b""),
        rsa_key((1 << 2047) + 1, 3, null=b"\x05\x00\x05\x00"),
        rsa_key((1 << 2047) + 1, 3, more=b"\x05\x00"),
        rsa_key((1 << 2047) + 1, 3, behind=b"\x00"),
        rsa_key((1 << 8192) + 1, 3),
        seq(seq(oid(RSA_OID + b"\x01"), b"\x05\x00"), der.octet_bits(seq(b"\x02\x01\x80", b"\x02\x01\x03"))),
    ):
        refused("malformed", key=wrong)
    for odd in (
        seq(seq(oid(b"\x2b\x65\x70")), der.octet_bits(bytes(32))),  # Ed25519
        seq(seq(ecc, oid(b"\x2b\x81\x04\x00\x22")), der.octet_bits(bytes(97))),  # P-384
        seq(seq(ecc, seq(der.integer(1))), der.octet_bits(point)),  # explicit curve parameters (CVE-2020-0601)
        seq(seq(ecc), der.octet_bits(point)),
    ):
        found = x509.parse(make(None, key=odd))
        equal(raises(CryptoError, found.key.check).kind, "unsupported")
        equal(raises(CryptoError, run_now, path_validation.check_chain([found], [], NOW_S, None)).kind, "unsupported")
    small = x509.parse(make(None, key=rsa_key((1 << 1023) + 1, 3)))
    equal(raises(CryptoError, small.key.check).kind, "weak")


def test_a_signature_is_of_a_key_and_an_algorithm_that_are_in_order():
    digest = hashlib.sha256(b"data").digest()
    signature, key = run_now(ec.sign(LEAF, digest)), x509.parse(make(None)).key
    ecdsa = keys.Algorithm(keys.ECDSA_SHA256)
    pkcs1 = keys.Algorithm(seq(oid(RSA_OID + b"\x0b"), b"\x05\x00"))
    true(run_now(key.verify(ecdsa, b"data", signature)))
    true(not run_now(key.verify(ecdsa, b"Data", signature)))

    def rsa_key(n):
        info = seq(seq(oid(RSA_OID + b"\x01"), b"\x05\x00"), der.octet_bits(seq(der.integer(n), der.integer(65537))))
        return keys.PublicKey(der.DerReader(info))

    strong, short = rsa_key((1 << 2047) + 1), rsa_key((1 << 1023) + 1)
    true(not run_now(key.verify(pkcs1, b"data", signature)), "a P-256 key makes no RSA signature")
    true(not run_now(strong.verify(ecdsa, b"data", signature)), "nor an RSA key one of ECDSA")
    equal(raises(CryptoError, run_now, short.verify(pkcs1, b"data", bytes(128))).kind, "weak")
    for octets in (b"\x2a\x86\x48\xce\x3d\x04\x01", b"\x2a\x86\x48\xce\x3d\x04\x03\x01"):  # SHA-1, SHA-224
        weak = keys.Algorithm(seq(oid(octets)))
        equal(raises(CryptoError, run_now, key.verify(weak, b"data", signature)).kind, "weak")


def test_a_private_key_is_read_as_it_was_written_and_in_no_other_form():
    point = public(LEAF)
    equal(keys.decode_private_key(keys.encode_private_key(LEAF, point)), (LEAF, point))

    def encoded(**parts):
        return seq(
            parts.get("version", der.integer(1)),
            der.tlv(der.OCTET_STRING, parts.get("secret", LEAF.to_bytes(32, "big"))),
            der.tlv(0xA0, parts.get("curve", oid(P256_OID))),
            der.tlv(0xA1, parts.get("holder", der.octet_bits(point))),
            parts.get("end", b""),
        )

    equal(encoded(), keys.encode_private_key(LEAF, point))
    null = b"\x05\x00"
    for wrong in (
        b"",
        encoded() + null,
        encoded(version=der.integer(0)),
        encoded(version=der.integer(256)),
        encoded(secret=LEAF.to_bytes(31, "big")),
        encoded(secret=LEAF.to_bytes(33, "big")),
        encoded(secret=bytes(32)),
        encoded(secret=ec.N.to_bytes(32, "big")),
        encoded(curve=oid(b"\x2b\x81\x04\x00\x22")),
        encoded(curve=oid(P256_OID) + null),
        encoded(holder=der.octet_bits(point) + null),
        encoded(holder=der.octet_bits(point[:-1] + bytes((point[-1] ^ 1,)))),
        encoded(end=null),
    ):
        equal(raises(CryptoError, keys.decode_private_key, wrong).kind, "malformed", wrong.hex())


def test_signature_algorithms():
    null = b"\x05\x00"

    def pss(*fields):
        return seq(oid(RSA_OID + b"\x0a"), seq(*fields))

    sha256 = seq(oid(SHA256_OID))
    sha1 = seq(oid(b"\x2b\x0e\x03\x02\x1a"))
    hash_field = der.tlv(0xA0, sha256)
    mgf_field = der.tlv(0xA1, seq(oid(RSA_OID + b"\x08"), sha256))
    salt_field = der.tlv(0xA2, der.integer(32))
    for algorithm, kind in (
        (keys.ECDSA_SHA256, None),
        (seq(oid(RSA_OID + b"\x0b"), null), None),
        (pss(hash_field, mgf_field, salt_field), None),
        (pss(hash_field, mgf_field), None),
        (pss(der.tlv(0xA0, seq(oid(SHA256_OID), null)), mgf_field), None),
        (seq(oid(b"\x2a\x86\x48\xce\x3d\x04\x01")), "weak"),
        (seq(oid(RSA_OID + b"\x05"), null), "weak"),
        (seq(oid(RSA_OID + b"\x04"), null), "weak"),
        (pss(), "weak"),
        (pss(mgf_field, salt_field), "weak"),
        (pss(hash_field, salt_field), "weak"),
        (pss(der.tlv(0xA0, sha1), mgf_field), "unsupported"),
        (pss(hash_field, der.tlv(0xA1, seq(oid(RSA_OID + b"\x08"), sha1))), "unsupported"),
        (pss(hash_field, der.tlv(0xA1, seq(oid(RSA_OID + b"\x01"), sha256))), "unsupported"),
        (seq(oid(b"\x2b\x65\x70")), "unsupported"),
    ):
        found = x509.parse(make(None, algorithm=algorithm)).algorithm
        if kind is None:
            found.check()
        else:
            equal(raises(CryptoError, found.check).kind, kind, algorithm.hex())
    for wrong in (
        seq(oid(b"\x2a\x86\x48\xce\x3d\x04\x03\x02"), null),
        seq(oid(RSA_OID + b"\x0b")),
        seq(oid(RSA_OID + b"\x0b"), b"\x04\x00"),
        seq(oid(RSA_OID + b"\x0b"), null, null),
        seq(oid(RSA_OID + b"\x0a")),
        pss(hash_field, mgf_field, salt_field, der.tlv(0xA3, der.integer(1))),
        pss(hash_field, mgf_field, salt_field, null),
        pss(hash_field, mgf_field, der.tlv(0xA2, b"\x02\x01\xff")),
        pss(hash_field, mgf_field, der.tlv(0xA2, der.integer(32), null)),
        pss(der.tlv(0xA0, seq(oid(SHA256_OID), null, null)), mgf_field),
        pss(der.tlv(0xA0, sha256, null), mgf_field),
        pss(hash_field, der.tlv(0xA1, seq(oid(RSA_OID + b"\x08"), sha256), null)),
        pss(hash_field, der.tlv(0xA1, seq(oid(RSA_OID + b"\x08"), sha256, null))),
        seq(),
    ):
        refused("malformed", algorithm=wrong)
    equal(x509.parse(make(None, algorithm=pss(hash_field, mgf_field))).algorithm.salt_bytes, 20)
    equal(x509.parse(make(None, algorithm=pss(hash_field, mgf_field, salt_field))).algorithm.salt_bytes, 32)


def test_cut_at_every_byte():
    whole = make(None, extensions=CA + SIGNS)
    for n in range(len(whole)):
        equal(raises(CryptoError, x509.parse, whole[:n]).kind, "malformed", "cut at %d" % n)


def test_every_bit_of_a_signed_certificate_counts():
    # each third bit: flipping it must be refused, here without the cost of a signature check where the form breaks
    whole, top = make(), x509.parse(root())
    survived = []
    for bit in range(0, 8 * len(whole), 67):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            leaf = x509.parse(bytes(changed))
            run_now(path_validation.check_chain([leaf], [top], NOW_S, x509.CLIENT_AUTH))
            survived.append(bit)
        except CryptoError:
            pass
    equal(survived, [])


def test_messages_about_a_stranger_are_short():
    leaf = x509.parse(make(None, subject=named(b"x" * 2000)))
    error = raises(CryptoError, run_now, path_validation.check_chain([leaf], [], NOW_S, None))
    true(len(str(error)) < 120)
