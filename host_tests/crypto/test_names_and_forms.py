"""Host names, hash data, requests and PEM, against what the `cryptography` package makes and reads."""

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from crypto.authority import leaf, root, sub
from crypto.device import ok, refused

DNS = x509.DNSName


def ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


@pytest.mark.parametrize("kind", ("P-256", "rsa2048", "P-384"))
def test_hash_data_is_what_ocsp_hashes(device, kind):
    top = root(kind=kind, serial=0x0F)
    middle = sub(top, serial=2**159 - 1)
    cases = []
    for algorithm, label in ((hashes.SHA256(), "SHA256"), (hashes.SHA384(), "SHA384"), (hashes.SHA512(), "SHA512")):
        for party, issuer in ((top, top), (middle, top)):
            builder = ocsp.OCSPRequestBuilder().add_certificate(party.certificate, issuer.certificate, algorithm)
            request = builder.build()
            wanted = {
                "hashAlgorithm": label,
                "issuerNameHash": request.issuer_name_hash.hex(),
                "issuerKeyHash": request.issuer_key_hash.hex(),
                "serialNumber": f"{party.certificate.serial_number:x}",
            }
            cases.append((label, ["hash_data", party.hex, issuer.hex, label], ok(wanted)))
    cases.append(("MD5", ["hash_data", top.hex, top.hex, "MD5"], refused("unsupported")))
    device.compare(cases)


def test_all_fields_as_the_library_reads_them(device):
    alt = [DNS("a.example.com"), x509.RFC822Name("a@b.example"), DNS("*.b.example"), ip("10.1.2.3"), ip("::1")]
    usages = [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH, x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    bits = ("digital_signature", "key_agreement", "decipher_only")
    for party in (
        root(path=3),
        leaf(root(), alt=alt, usages=usages, usage=bits),
        leaf(root(), kind="rsa3072", usage=None),
    ):
        certificate = party.certificate
        found = device.evaluate([["parse", party.hex]])[0]["ok"]
        assert found["serial"] == f"{certificate.serial_number:x}"
        assert found["issuer_cn"] == certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        assert found["subject_cn"] == certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        assert found["subject_o"] == "Pilotlight tests"
        assert found["not_before_s"] == int(certificate.not_valid_before_utc.timestamp())
        assert found["not_after_s"] == int(certificate.not_valid_after_utc.timestamp())
        extensions = {type(extension.value): extension.value for extension in certificate.extensions}
        constraints = extensions[x509.BasicConstraints]
        assert (found["is_ca"], found["path_len"]) == (constraints.ca, constraints.path_length)
        spki = party.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert spki.hex().endswith(found["key_bits"])
        if x509.SubjectAlternativeName in extensions:
            assert found["usages"] == ["2b06010505070301", "2b06010505070302"]
            assert found["key_usage"] == 1 | 1 << 4 | 1 << 8


def test_requests_are_valid_and_name_the_unit(device):
    names = (("CP-0001", "Grid & Co"), ("S" * 64, "Caf\u00e9 \u5145\u96fb"))
    results = device.evaluate([["request", serial, owner] for serial, owner in names])
    for (serial, owner), result in zip(names, results, strict=True):
        text, public = result["ok"]
        request = x509.load_pem_x509_csr(text.encode())
        assert request.is_signature_valid
        assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
        wanted = {NameOID.ORGANIZATION_NAME: owner, NameOID.COMMON_NAME: serial}
        assert {attribute.oid: attribute.value for attribute in request.subject} == wanted
        point = request.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        assert point.hex() == public
        assert len(text) <= 5500
    device.compare(
        [
            ("no name", ["request", "", "Co"], refused("malformed")),
            ("no owner", ["request", "CP", ""], refused("malformed")),
            ("long name", ["request", "S" * 65, "Co"], refused("malformed")),
        ]
    )


def test_pem_with_any_line_ends_and_text_around_is_read(device, rng):
    parties = [leaf(root()), sub(root()), root(kind="rsa4096")]
    blocks = [party.certificate.public_bytes(serialization.Encoding.PEM).decode() for party in parties]
    all_of_them = ok([party.hex for party in parties])
    one = ok([parties[0].hex])
    first = blocks[0]
    lines = first.splitlines()
    body = "".join(lines[1:-1])
    wide = "\n".join([lines[0], *(body[at : at + 76] for at in range(0, len(body), 76)), lines[-1]])
    malformed = refused("malformed")
    forms = {
        "one": (first, one),
        "no final newline": (first.rstrip(), one),
        "CRLF": (first.replace("\n", "\r\n"), one),
        "CRLF without the last": (first.replace("\n", "\r\n").rstrip(), one),
        "several": ("".join(blocks), all_of_them),
        "several, CRLF": ("".join(blocks).replace("\n", "\r\n"), all_of_them),
        "several with text between": ("Leaf:\n" + "\nnext: \n\n".join(blocks) + "\nend", all_of_them),
        "spaces around lines": (first.replace("\n", " \n "), one),
        "76 columns": (wide, one),
        "one line": ("\n".join([lines[0], body, lines[-1]]), one),
        "empty": ("", malformed),
        "bare base64": (body, malformed),
        "no begin": (first[28:], malformed),
        "no end": (first[: first.index("-----END")], malformed),
        "cut in the end line": (first[:-5], malformed),
        "second one cut": (first + blocks[1][:300], malformed),
        "begin in begin": (lines[0] + "\n" + first, malformed),
        "end twice": (first + lines[-1], malformed),
        "joined without newline": (first.rstrip() + blocks[1], malformed),
        "private key": (first.replace("CERTIFICATE", "EC PRIVATE KEY"), malformed),
        "key behind it": (first + first.replace("CERTIFICATE", "PRIVATE KEY"), malformed),
        "labels differ": (first.replace("END CERTIFICATE", "END X509 CRL"), malformed),
        "empty block": (lines[0] + "\n" + lines[-1], malformed),
        "foreign character": (first.replace(body[40:42], "*" + body[41], 1), malformed),
        "non-ASCII": (first.replace(body[40:42], "\u00e9" + body[41], 1), malformed),
        "character missing": (first.replace(body[40:43], body[40:42], 1), malformed),
        "padding in the middle": (first.replace(lines[1], lines[1][:62] + "=="), malformed),
        "header lines": ("\n".join([lines[0], "Proc-Type: 4,ENCRYPTED", "", *lines[1:]]), malformed),
        "over the limit": (first + "x" * 10000, malformed),
        "nine blocks": (first.replace(body, "MAA=") * 9, malformed),
        "bits behind the padding": (lines[0] + "\nMAB=\n" + lines[-1], malformed),
    }
    cases = [(title, ["pem_blocks", text], wanted) for title, (text, wanted) in forms.items()]
    for _ in range(60):
        cut = rng.randrange(len(first) - 26)
        cases.append((f"cut at {cut}", ["pem_blocks", first[:cut]], malformed))
    device.compare(cases)


def test_every_month_of_a_leap_cycle(device):
    # The calendar is our own (the platform's epoch differs by board): look at dates around each month's end.
    cases = []
    top = root(before=datetime.datetime(1950, 1, 1), after=datetime.datetime(9999, 12, 31))
    for year in (1950, 1999, 2000, 2028, 2049, 2050, 2100):
        for month in (1, 2, 3, 12):
            last = datetime.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=datetime.UTC) - datetime.timedelta(seconds=1)
            end = leaf(top, before=datetime.datetime(1950, 1, 1), after=last)
            moment = int(last.timestamp())
            chain = ["check_chain", [end.hex], [top.hex]]
            cases.append((f"{last}", [*chain, moment, None], ok(0)))
            cases.append((f"{last} + 1 s", [*chain, moment + 1, None], refused("expired")))
    device.compare(cases)
