# Runs inside MicroPython: one JSON case a line on stdin, one JSON result a line on stdout, until stdin ends.
#
# A result is {"ok": value}, {"refused": kind of CryptoError} or {"crash": what other exception came out}.
import asyncio  # noqa: F401  (first: under the simulator's shims its imports nest too deeply for a 32-bit stack)
import json
import sys

from charger.crypto import csr, der, ec, keys, path_validation, pem, rsa, sha2, x509
from charger.errors import CryptoError
from charger.runtime.cooperative import run_now

USAGES = {"client": x509.CLIENT_AUTH, "server": x509.SERVER_AUTH, "code": x509.CODE_SIGNING, None: None}


def parse_all(texts):
    return [x509.parse(bytes.fromhex(text)) for text in texts]


def ecdsa_verify(public, digest, signature):
    return run_now(ec.verify(bytes.fromhex(public), bytes.fromhex(digest), bytes.fromhex(signature)))


def ecdsa_sign(d, digest):
    return run_now(ec.sign(int(d, 16), bytes.fromhex(digest))).hex()


def public_key(d):
    return run_now(ec.public_key(int(d, 16))).hex()


def generate_key():
    d, public = run_now(ec.generate_key())
    return ["%064x" % d, public.hex(), keys.encode_private_key(d, public).hex()]


def public_key_info(encoded):
    reader = der.DerReader(bytes.fromhex(encoded))
    key = keys.PublicKey(reader)
    reader.finish()
    key.check()
    return key.bits.hex()


def algorithm(encoded):
    found = keys.Algorithm(bytes.fromhex(encoded))
    found.check()
    return [found.hash, found.salt_bytes]


def private_key(encoded):
    d, public = keys.decode_private_key(bytes.fromhex(encoded))
    return ["%064x" % d, public.hex()]


def rsa_pkcs1(n, e, digest, signature, hash_name):
    return run_now(rsa.verify_pkcs1(int(n, 16), e, bytes.fromhex(digest), bytes.fromhex(signature), hash_name))


def rsa_pss(n, e, digest, signature, salt_bytes):
    return run_now(rsa.verify_pss(int(n, 16), e, bytes.fromhex(digest), bytes.fromhex(signature), salt_bytes))


def digest(name, data):
    return run_now(sha2.digest(name, bytes.fromhex(data))).hex()


def parse(certificate):
    found = x509.parse(bytes.fromhex(certificate))
    return {
        "serial": found.serial_hex(),
        "issuer_cn": found.issuer_cn,
        "subject_cn": found.subject_cn,
        "subject_o": found.subject_o,
        "not_before_s": found.not_before_s,
        "not_after_s": found.not_after_s,
        "is_ca": found.is_ca,
        "path_len": found.path_len,
        "key_usage": found.key_usage,
        "usages": None if found.usages is None else [oid.hex() for oid in found.usages],
        "key_kind": found.key.kind,
        "key_bits": found.key.bits.hex(),
    }


def check_chain(certificates, roots, now_s, usage):
    trusted = parse_all(roots)
    return trusted.index(run_now(path_validation.check_chain(parse_all(certificates), trusted, now_s, USAGES[usage])))


def check_root(root, now_s, signer):
    signers = parse_all([signer]) if signer else [None]
    run_now(path_validation.check_root(parse_all([root])[0], now_s, signers[0]))


def hash_data(certificate, issuer, algorithm):
    certificate, issuer = parse_all([certificate, issuer])
    return run_now(x509.hash_data(certificate, issuer, algorithm))


def request(serial_number, cpo_name):
    d, public = run_now(ec.generate_key())
    encoded = run_now(csr.create(d, public, serial_number, cpo_name))
    return [pem.encode(encoded, "CERTIFICATE REQUEST"), public.hex()]


def pem_blocks(text):
    return [block.hex() for block in pem.decode(text, max_chars=pem.MAX_CHAIN)]


def answer(case):
    try:
        return {"ok": globals()[case[0]](*case[1:])}
    except CryptoError as error:
        return {"refused": error.kind}
    except Exception as error:  # noqa: BLE001  anything else that comes out of the code under test is a finding
        return {"crash": repr(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
