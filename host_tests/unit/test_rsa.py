"""RSA verification: one key's two signatures (made once, the private half is gone), changes to them, and slices."""

import hashlib

from check import equal, raises

from charger.crypto import rsa, sha2
from charger.crypto.refusals import MALFORMED, UNSUPPORTED, WEAK
from charger.errors import CryptoError
from charger.runtime.cooperative import run_now

WORDS = (64, 32)

N = (
    "996277c54235c2d21e81f6bb0ecb95a4691a1031a6233b31262fead3a0ab30589c5654770785f95bc27b893da7a59637"
    "0cddc6153860dbd7714881050e102ff8db46c18122063250a4e4b8d26b89c4385b81bbb1ffb99d68b5afb599136083bc"
    "f673dc3b198388ad53a355ccb0c3784b2289fadd073ca9105637de658c9c25c025330b5f7a1e581d11370a636deb1a4e"
    "55a967f6468084320ab2b0c2f671d20d0ef048dd44b4129878bf959db43358111e102b71796da6f298b246c0152d1d97"
    "33b60ce1c8b6d2d9d462ca6988903493471fe43811479898b0ff35ee38c80b50a88a869c6c8ec0d75ca87e6afa7ec54d"
    "8a0fec1c9dc31b881386f31e6ee31a73"
)
PKCS1 = (
    "2b9a2b3955c5049e8a59a563a03bcf9145aeb8d15942a402b4820170f15b926c275c31c986076ff1a101dbf26c4842b7"
    "38941ac46d81847f1d4bc949079f416f6034849935c53c4d85272b48e89c21ed512540c713bca221e7c80504db3681c7"
    "5215810eef8191be3b99842b683740a8223ab4a7034b65d9f48645e48bb9bd32cfb4bcf70200d997d33742fbaa4d25f2"
    "13332460feaf95825a3b891e0ab7e47ce02a30c0d1c2d79769856a7d3dbd993c8248b7a0b59db1adc7fc536fb6112218"
    "fbc73bcc0b091a359feaf2e19aa04fc306ec9b57ef36770b3acd4b71f413f6f0fbf90e8a3631fe938f8fabaa83d7756c"
    "f57e4c42b8d28ae81c0224e5784f1d92"
)
PSS = (
    "019ababcf71db3eb3d29dfbdc6919974070c26133043be7eac00829f55468645973552659912887a3d5a9d041e13ea1f"
    "235daf11584dd520df99e2d632c5a771a79dbf39af13985507645dd156fa92c372e92fbfd3c342f75da69856156b8953"
    "13d34f8191442186b6482b6f4b7f8a70ea8c6eb8717ae44818f9612a943b1d7c4c22ebb2586586d94c45d605bea548b5"
    "e9908b574be58dfb3555dc5425b5f067dec726a3657df85f4f09c3688e4e698def9b429d01f64ec7285dd0d453c21eb4"
    "c14457f996e9211f8eab97261e80ba8d70673f82bb18a61ac3976fb81335c52374b2ecef99f9ff52d0ba320ba14764d5"
    "2313011c5fd3415c64bef49aa6914317"
)
MODULUS = int(N, 16)
DIGEST = hashlib.sha256(b"message").digest()


def pkcs1(signature, digest=DIGEST, hash_name="SHA256"):
    return run_now(rsa.verify_pkcs1(MODULUS, 65537, digest, signature, hash_name))


def pss(signature, digest=DIGEST, salt_bytes=None):
    return run_now(rsa.verify_pss(MODULUS, 65537, digest, signature, salt_bytes))


def test_good_signatures():
    equal(pkcs1(bytes.fromhex(PKCS1)), True)
    equal(pss(bytes.fromhex(PSS)), True)
    equal(pss(bytes.fromhex(PSS), salt_bytes=32), True)


def test_signatures_of_the_other_scheme_or_hash_are_rejected():
    equal(pkcs1(bytes.fromhex(PSS)), False)
    equal(pss(bytes.fromhex(PKCS1)), False)
    equal(pkcs1(bytes.fromhex(PKCS1), hash_name="SHA384"), False)
    equal(pkcs1(bytes.fromhex(PKCS1), DIGEST + bytes(16), "SHA384"), False)


def test_changes_of_any_octet():
    for verify, text in ((pkcs1, PKCS1), (pss, PSS)):
        signature = bytearray(bytes.fromhex(text))
        for at in range(0, 256, 15):
            signature[at] ^= 0x10
            equal(verify(bytes(signature)), False, "octet %d" % at)
            signature[at] ^= 0x10
        for at in range(32):
            digest = bytearray(DIGEST)
            digest[at] ^= 1
            equal(verify(bytes(signature), bytes(digest)), False)


def test_lengths():
    for verify, text in ((pkcs1, PKCS1), (pss, PSS)):
        signature = bytes.fromhex(text)
        for wrong in (b"", signature[1:], signature[:-1], signature + b"\x00", b"\x00" + signature, signature * 2):
            equal(verify(wrong), False, "%d octets" % len(wrong))
        for digest in (b"", DIGEST[:31], DIGEST + b"\x00"):
            equal(verify(signature, digest), False)
    equal(pss(bytes.fromhex(PSS), salt_bytes=31), False)
    equal(pss(bytes.fromhex(PSS), salt_bytes=0), False)


def test_signature_not_below_the_modulus():
    for value in (MODULUS, MODULUS + 1, (1 << 2048) - 1):
        equal(pkcs1(value.to_bytes(256, "big")), False)
        equal(pss(value.to_bytes(256, "big")), False)


def test_keys_outside_the_rules():
    big = 1 << 4096
    for n, e, kind in (
        (MODULUS >> 1, 65537, WEAK),
        (big + 1, 65537, UNSUPPORTED),
        (MODULUS - 1, 65537, MALFORMED),
        (MODULUS, 1, WEAK),
        (MODULUS, 0, WEAK),
        (MODULUS, 4, MALFORMED),
        (MODULUS, (1 << 64) + 1, UNSUPPORTED),
    ):
        equal(raises(CryptoError, rsa.check_key, n, e).kind, kind)
        equal(raises(CryptoError, run_now, rsa.verify_pss(n, e, DIGEST, bytes(256))).kind, kind)
    for n, e in ((MODULUS, 3), (MODULUS, (1 << 64) - 1), (big - 1, 65537), ((1 << 2047) + 1, 65537)):
        rsa.check_key(n, e)
    equal(raises(CryptoError, run_now, rsa.verify_pkcs1(MODULUS, 3, DIGEST, b"", "SHA1")).kind, UNSUPPORTED)


def test_the_exponentiation_yields_at_each_product_and_each_remainder():
    steps = rsa.verify_pkcs1((1 << 4096) - 1, 65537, DIGEST, bytes(511) + b"\x02")
    slices = 0
    done = False
    while not done:
        try:
            next(steps)
            slices += 1
        except StopIteration as result:
            done = True
            equal(result.value, False)
    equal(slices, 34)


def test_sha512_and_sha384_of_fips_180():
    wanted = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"  # noqa: E501
    equal(run_now(sha2.digest("SHA512", b"abc")).hex(), wanted)
    wanted = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
    equal(run_now(sha2.digest("SHA384", b"abc")).hex(), wanted)
    equal(run_now(sha2.digest("SHA256", b"abc")), hashlib.sha256(b"abc").digest())
