"""Paths from a leaf to a root: what holds, and one certificate for each thing that can be wrong."""

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID, ObjectIdentifier

from crypto.authority import DAY, NOW, NOW_S, Party, key, leaf, name, root, sub
from crypto.device import ok, refused

SECOND = datetime.timedelta(seconds=1)
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
PSS32 = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def case(title, chain, roots, wanted, usage="client", now_s=NOW_S):
    return title, ["check_chain", [p.hex for p in chain], [p.hex for p in roots], now_s, usage], wanted


def test_paths_that_hold(device):
    top = root()
    middle = sub(top)
    low = sub(middle, "Sub-sub-CA", number=3)
    end = leaf(middle)
    renewed = root(serial=7)  # the same name and key
    other = root("Other", number=9)
    namesake = root(number=8)  # the same name, another key
    expired = root(serial=8, after=NOW - DAY)
    cases = [
        case("leaf under the root", [leaf(top)], [top], ok(0)),
        case("one sub-CA", [end, middle], [top], ok(0)),
        case("two sub-CAs", [leaf(low), low, middle], [top], ok(0)),
        case("two sub-CAs, other order", [leaf(low), middle, low], [top], ok(0)),
        case("root sent along", [end, middle, top], [top], ok(0)),
        case("stranger sent along", [end, other, middle], [top], ok(0)),
        case("second root", [end, middle], [other, top], ok(1)),
        case("roots of one name", [end, middle], [namesake, top], ok(1)),
        case("root and its renewal", [end, middle], [renewed, top], ok(0)),
        case("expired root and its renewal", [end, middle], [expired, top], ok(1)),
        case("no demand on usage", [leaf(top, usage=("key_agreement",))], [top], ok(0), usage=None),
        case("no key usage", [leaf(top, usage=None)], [root(usage=None)], ok(0)),
        case("no basic constraints in the leaf", [leaf(top, ca=None)], [top], ok(0)),
        case("server by key encipherment", [leaf(top, usage=("key_encipherment",))], [top], ok(0), "server"),
        case("usages with the right one", [leaf(top, usages=[Usage.SERVER_AUTH, Usage.CLIENT_AUTH])], [top], ok(0)),
        case("any usage", [leaf(top, usages=[Usage.ANY_EXTENDED_KEY_USAGE])], [top], ok(0), "code"),
        case("code signing", [leaf(top, usages=[Usage.CODE_SIGNING])], [top], ok(0), "code"),
        case("unknown extension, not critical", [leaf(top, extra=[(UNKNOWN, False)])], [top], ok(0)),
        case("first second", [leaf(top, before=NOW)], [top], ok(0)),
        case("last second", [leaf(top, after=NOW)], [top], ok(0)),
        case("until 2055", [leaf(top, after=NOW.replace(year=2055))], [top], ok(0)),
        case("until 9999", [leaf(top, after=NOW.replace(year=9999))], [top], ok(0)),
        case("since 1950", [leaf(top, before=NOW.replace(year=1950))], [root(before=NOW.replace(year=1951))], ok(0)),
        case("path length 0", [leaf(top)], [root(path=0)], ok(0)),
        case("path length 1", [end, middle], [root(path=1)], ok(0)),
        case("root with usages of its own", [leaf(top)], [root(usages=[Usage.SERVER_AUTH])], ok(0)),
        case("policies", [leaf(top, extra=[(policies(), True)])], [top], ok(0)),
    ]
    device.compare(cases)


def policies() -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("2.23.140.1.2.1"), None)])


@pytest.mark.parametrize("kind", ("P-256", "rsa2048", "rsa3072", "rsa4096"))
def test_every_signature_algorithm_that_is_allowed(device, kind):
    cases = []
    for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        top = root(kind=kind, hash=algorithm)
        end = leaf(top, hash=algorithm)
        cases.append(case(f"{kind} {algorithm.name}", [end], [top], ok(0)))
        cases.append((f"root {algorithm.name}", ["check_root", top.hex, NOW_S, None], ok(None)))
        cases.append(case(f"RSA leaf {algorithm.name}", [leaf(top, kind="rsa2048", hash=algorithm)], [top], ok(0)))
        mixed = root(kind=kind, number=4, hash=hashes.SHA256())
        cases.append(case("other signer of the name", [end], [mixed], refused("bad signature")))
    if kind != "P-256":
        top = root(kind=kind, padding=PSS32)
        cases.append(case(f"{kind} PSS", [leaf(top, padding=PSS32)], [top], ok(0)))
        salt20 = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
        cases.append(case(f"{kind} PSS, salt 20", [leaf(top, padding=salt20)], [top], ok(0)))
    device.compare(cases)


def test_time(device):
    top = root()
    cases = [
        case("not yet", [leaf(top, before=NOW + SECOND)], [top], refused("not yet valid")),
        case("expired", [leaf(top, after=NOW - SECOND)], [top], refused("expired")),
        case("no time", [leaf(top)], [top], refused("time unknown"), now_s=None),
        case("root expired", [leaf(top)], [root(after=NOW - SECOND)], refused("expired")),
        case("root not yet", [leaf(top)], [root(before=NOW + SECOND)], refused("not yet valid")),
    ]
    for title, how, kind in (
        ("expired", {"after": NOW - SECOND}, "expired"),
        ("not yet", {"before": NOW + SECOND}, "not yet valid"),
    ):
        middle = sub(top, **how)
        cases.append(case("sub-CA " + title, [leaf(middle), middle], [top], refused(kind)))
        cases.append((title, ["check_root", root(**how).hex, NOW_S, None], refused(kind)))
    cases.append(("no time", ["check_root", top.hex, None, None], refused("time unknown")))
    device.compare(cases)


def test_no_path(device):
    top = root()
    middle = sub(top)
    end = leaf(middle)
    alone = leaf(Party("alone", key("P-256", 5)), "alone", number=5)
    impostor = root(number=6)  # the root's name with another key
    cases = [
        case("empty chain", [], [top], refused("unsupported")),
        case("seven certificates", [end, middle] + [sub(top, f"CA {i}") for i in range(5)], [top], refused("unsupported")),
        case("no roots", [leaf(top)], [], refused("untrusted")),
        case("wrong root", [leaf(top)], [root("Other", number=9)], refused("untrusted")),
        case("missing sub-CA", [end], [top], refused("untrusted")),
        case("root only sent", [end, middle, top], [], refused("untrusted")),
        case("self-signed", [alone], [top], refused("untrusted")),
        case("self-signed twice", [alone, alone], [top], refused("wrong usage")),
        case("self-signed leaf as root", [alone], [alone], refused("wrong usage")),
        case("root of the same name", [leaf(top)], [impostor], refused("bad signature")),
        case("root of the same name, RSA", [leaf(top)], [root(kind="rsa2048")], refused("bad signature")),
        case("root of the same name, EC", [leaf(root(kind="rsa2048"))], [top], refused("bad signature")),
        case("namesake first, then expired", [leaf(top)], [impostor, root(after=NOW - DAY)], refused("expired")),
        case("sub-CA of the same name", [end, sub(top, number=7)], [top], refused("bad signature")),
        case("sub-CA by an impostor", [end, sub(impostor)], [top], refused("bad signature")),
        case("sub-CA swapped in place of the leaf", [middle, end], [top], refused("wrong usage")),
        case("issuer's name in other letters", [leaf(top, issuer_name=name("ROOT"))], [top], refused("untrusted")),
    ]
    # two sub-CAs that have certified each other must not send the check round in circles
    one = Party("Ring 1", key("P-256", 1), ca=True, issuer_name=name("Ring 2"), signing_key=key("P-256", 3))
    two = Party("Ring 2", key("P-256", 3), ca=True, issuer_name=name("Ring 1"), signing_key=key("P-256", 1))
    cases.append(case("ring", [leaf(one), one, two], [top], refused("untrusted")))
    device.compare(cases)


def test_authority_and_usage(device):
    top = root()
    plain = leaf(top, "Plain")
    bare = leaf(top, "Bare", ca=None)
    signless = sub(top, usage=("crl_sign", "digital_signature"))
    middle = sub(top)
    low = sub(middle, "Low", number=3)
    wrong = refused("wrong usage")
    cases = [
        case("leaf as CA", [leaf(plain), plain], [top], wrong),
        case("leaf without constraints as CA", [leaf(bare), bare], [top], wrong),
        case("CA without keyCertSign", [leaf(signless), signless], [top], wrong),
        case("root without keyCertSign", [leaf(top)], [root(usage=("crl_sign",))], wrong),
        case("root without CA flag", [leaf(top)], [root(ca=False, usage=("key_cert_sign",))], wrong),
        case("root without constraints", [leaf(top)], [root(ca=None, usage=("key_cert_sign",))], wrong),
        case("CA as leaf", [middle], [top], wrong),
        case("CA that may sign as leaf", [sub(top, usage=("key_cert_sign", "digital_signature"))], [top], wrong),
        case("path length 0 with one sub-CA", [leaf(middle), middle], [root(path=0)], wrong),
        case("path length 1 with two", [leaf(low), low, middle], [root(path=1)], wrong),
        case("key usage for agreement only", [leaf(top, usage=("key_agreement",))], [top], wrong),
        case("client by encipherment", [leaf(top, usage=("key_encipherment",))], [top], wrong),
        case("server for content only", [leaf(top, usage=("content_commitment",))], [top], wrong, "server"),
        case("server as client", [leaf(top, usages=[Usage.SERVER_AUTH])], [top], wrong),
        case("client as server", [leaf(top, usages=[Usage.CLIENT_AUTH])], [top], wrong, "server"),
        case("client for code", [leaf(top, usages=[Usage.CLIENT_AUTH])], [top], wrong, "code"),
    ]
    short = sub(top, path=0)
    below = sub(short, "Low", number=3)
    cases.append(case("path length 0 in a sub-CA", [leaf(below), below, short], [top], wrong))
    # a self-issued certificate does not count (RFC 5280 6.1.4 l)
    rolled = sub(middle, number=3)
    cases.append(case("self-issued", [leaf(rolled), rolled, middle], [root(path=1)], ok(0)))
    for usages, wanted in (([Usage.SERVER_AUTH], wrong), ([Usage.CLIENT_AUTH], ok(0))):
        middle = sub(top, usages=usages)
        cases.append(case(f"usages of a sub-CA {usages}", [leaf(middle), middle], [top], wanted))
    device.compare(cases)


def test_extensions_that_cannot_be_honoured(device):
    top = root()
    names = x509.NameConstraints([x509.DNSName("example.com")], None)
    constraints = x509.PolicyConstraints(0, None)
    unsupported = refused("unsupported")
    cases = [
        case("unknown critical", [leaf(top, extra=[(UNKNOWN, True)])], [top], unsupported),
        case("critical policy constraints", [leaf(top)], [root(extra=[(constraints, True)])], unsupported),
        case("name constraints in the leaf", [leaf(top, extra=[(names, True)])], [top], refused("wrong usage")),
    ]
    for critical in (True, False):
        middle = sub(top, extra=[(names, critical)])
        cases.append(case("name constraints", [leaf(middle), middle], [top], unsupported))
    for place in ("leaf", "sub-CA", "root"):
        extra = [(UNKNOWN, True)]
        anchor = root(extra=extra if place == "root" else [])
        middle = sub(anchor, extra=extra if place == "sub-CA" else [])
        end = leaf(middle, extra=extra if place == "leaf" else [])
        cases.append(case("unknown critical in the " + place, [end, middle], [anchor], unsupported))
    device.compare(cases)


def resigned(party: Party, signer: Party, octet: int) -> bytes:
    """An RSA certificate with a hash that the library no longer signs: pkcs-1 5 is SHA-1, pkcs-1 4 is MD5."""
    oid = bytes.fromhex("2a864886f70d0101")
    tbs = party.certificate.tbs_certificate_bytes
    signature = party.certificate.signature
    assert party.der.count(oid + b"\x0b") == 2
    changed = tbs.replace(oid + b"\x0b", oid + bytes((octet,)))
    identifier, name = {
        5: ("3021300906052b0e03021a05000414", "sha1"),
        4: ("3020300c06082a864886f70d020505000410", "md5"),
    }[octet]
    info = bytes.fromhex(identifier) + hashlib.new(name, changed).digest()
    block = b"\x00\x01" + b"\xff" * (len(signature) - 3 - len(info)) + b"\x00" + info
    numbers = signer.key.private_numbers()
    value = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    whole = party.der.replace(tbs, changed).replace(oid + b"\x0b", oid + bytes((octet,)))
    return whole.replace(signature, value.to_bytes(len(signature), "big"))


def test_weak_and_unknown_keys_and_hashes(device):
    top = root()
    weak_root = root(kind="rsa1024")
    cases = [
        case("RSA 1024 leaf", [leaf(top, kind="rsa1024")], [top], refused("weak")),
        case("RSA 1024 root", [leaf(weak_root)], [weak_root], refused("weak")),
        case("P-384 leaf", [leaf(top, kind="P-384")], [top], refused("unsupported")),
        case("secp256k1 leaf", [leaf(top, kind="K-256")], [top], refused("unsupported")),
        ("RSA 1024 root", ["check_root", weak_root.hex, NOW_S, None], refused("weak")),
        ("P-384 root", ["check_root", root(kind="P-384").hex, NOW_S, None], refused("unsupported")),
    ]
    for kind, wanted in (("rsa1024", "weak"), ("P-384", "unsupported")):
        cross = Party("New root", key(kind, 3), top, ca=True)
        cases.append((f"{kind} root by the old one", ["check_root", cross.hex, NOW_S, top.hex], refused(wanted)))
    for kind in ("P-384", "K-256"):
        other = root(kind=kind)
        cases.append(case(f"{kind} root", [leaf(other)], [other], refused("unsupported")))
    rsa_root = root(kind="rsa2048")
    for anchor in (top, rsa_root):
        cases.append(case("SHA-224", [leaf(anchor, hash=hashes.SHA224())], [anchor], refused("weak")))
    good = leaf(rsa_root)
    for octet, title in ((5, "SHA-1"), (4, "MD5")):
        chain = [resigned(good, rsa_root, octet).hex()]
        cases.append((title, ["check_chain", chain, [rsa_root.hex], NOW_S, "client"], refused("weak")))
        itself = resigned(rsa_root, rsa_root, octet).hex()
        cases.append((title + " root", ["check_root", itself, NOW_S, None], refused("weak")))
        cases.append((title + " below", ["check_chain", [good.hex], [itself], NOW_S, "client"], refused("weak")))
    for odd in (hashes.SHA384(), hashes.SHA512()):
        end = leaf(rsa_root, hash=odd, padding=padding.PSS(padding.MGF1(odd), 32))
        cases.append(case("PSS " + odd.name, [end], [rsa_root], refused("unsupported")))
    mixed = leaf(rsa_root, padding=padding.PSS(padding.MGF1(hashes.SHA512()), 32))
    cases.append(case("PSS mixed", [mixed], [rsa_root], refused("unsupported")))
    device.compare(cases)


def test_new_roots(device):
    top = root()
    cross = Party("New root", key("P-256", 3), top, ca=True)
    cases = [
        ("self-signed", ["check_root", top.hex, NOW_S, None], ok(None)),
        ("by the old one", ["check_root", cross.hex, NOW_S, top.hex], ok(None)),
        ("by another", ["check_root", cross.hex, NOW_S, root("Other", number=9).hex], refused("untrusted")),
        ("by a namesake", ["check_root", cross.hex, NOW_S, root(number=9).hex], refused("bad signature")),
        ("self-signed where the old one must", ["check_root", root("N").hex, NOW_S, top.hex], refused("untrusted")),
        ("signed by another without one", ["check_root", cross.hex, NOW_S, None], refused("untrusted")),
        ("leaf", ["check_root", leaf(top).hex, NOW_S, None], refused("wrong usage")),
    ]
    claimed = root(signing_key=key("P-256", 7))
    cases.append(("self-issued, not self-signed", ["check_root", claimed.hex, NOW_S, None], refused("bad signature")))
    device.compare(cases)


def flipped(data: bytes, bit: int) -> str:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return changed.hex()


@pytest.mark.parametrize("kind", ("P-256", "rsa2048"))
def test_no_certificate_survives_a_flipped_bit(device, rng, kind):
    top = root(kind=kind)
    middle = sub(top, kind=kind)
    end = leaf(middle, usages=[Usage.CLIENT_AUTH], alt=[x509.DNSName("a.example.com")])
    questions = []
    for which, victim in enumerate((end, middle)):
        for bit in rng.sample(range(8 * len(victim.der)), 120):
            chain = [end.hex, middle.hex]
            chain[which] = flipped(victim.der, bit)
            questions.append(["check_chain", chain, [top.hex], NOW_S, "client"])
    results = device.evaluate([*questions, ["check_chain", [end.hex, middle.hex], [top.hex], NOW_S, "client"]])
    assert results.pop() == ok(0)
    assert [q for q, r in zip(questions, results, strict=True) if "refused" not in r] == []


def test_cut_anywhere_is_refused_without_another_error(device):
    whole = leaf(root(kind="rsa2048"), usages=[Usage.CLIENT_AUTH], alt=[x509.DNSName("a.example.com")]).der
    cuts = [["parse", whole[:n].hex()] for n in range(len(whole))]
    # cut with the outer length put right, so that the inner ones are what is wrong
    for n in range(4, len(whole)):
        body = whole[4:n]
        cuts.append(["parse", (b"\x30\x82" + len(body).to_bytes(2, "big") + body).hex()])
    assert {str(r) for r in device.evaluate(cuts)} == {str(refused("malformed"))}


def test_random_damage_gives_no_other_error(device, rng):
    whole = leaf(root(), extra=[(policies(), False)], alt=[x509.DNSName("a.example.com")]).der
    questions = []
    for _ in range(1500):
        changed = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(changed))
            action = rng.randrange(3)
            if action == 0:
                changed[at] = rng.choice((0, 1, 2, 0x30, 0x7F, 0x80, 0x81, 0x82, 0xFF, rng.randrange(256)))
            elif action == 1:
                del changed[at : at + rng.randrange(1, 4)]
            else:
                changed[at:at] = rng.randbytes(rng.randrange(1, 4))
        questions.append(["parse", changed.hex()])
    results = device.evaluate(questions)
    assert [q for q, r in zip(questions, results, strict=True) if "crash" in r] == []
    assert any("refused" in r for r in results)


def test_subject_that_names_the_unit(device):
    odd = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP \u00e9"), x509.NameAttribute(NameOID.COUNTRY_NAME, "GB")])
    end = leaf(root(), subject=odd, serial=0x00AB01)
    found = device.evaluate([["parse", end.hex]])[0]["ok"]
    assert (found["subject_cn"], found["subject_o"], found["serial"]) == ("CP \u00e9", None, "ab01")
    twice = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in ("CP1", "CP2")])
    device.compare([("two common names", ["parse", leaf(root(), subject=twice).hex], refused("malformed"))])
