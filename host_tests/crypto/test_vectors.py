"""The corpus of `make vectors` at a small size, and that its judge notices what is decided wrongly."""

import random

import pytest
import vectors

from crypto import corpus
from crypto.authority import key
from crypto.curve import G
from crypto.device import ok, refused
from house.bad_input import complaint

SIZE = 2


def test_no_wrong_accept_and_no_wrong_refuse(device, rng):
    cases = list(corpus.corpus(rng, SIZE))
    kinds = {kind for kind, _, _, _ in cases}
    assert {(kind, may) for kind, _, _, may in cases} == {(kind, may) for kind in kinds for may in (True, False)}
    assert len(kinds) == 5
    assert not corpus.wrong_of(cases, device.evaluate([case for _, _, case, _ in cases]))


def tlv(tag, *parts):
    """DER of less than 128 bytes."""
    body = b"".join(parts)
    return bytes((tag, len(body))) + body


NULL = b"\x05\x00"
SHA256 = tlv(0x30, bytes.fromhex("0609608648016503040201"), NULL)
MGF1 = bytes.fromhex("06092a864886f70d010108")
RSASSA_PSS = bytes.fromhex("06092a864886f70d01010a")
P256 = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06082a8648ce3d030107")


def pss_algorithm(at=None):
    """AlgorithmIdentifier of PSS with SHA-256 and 32 bytes of salt; with something behind the contents of one of its parts."""
    extra = [NULL if part == at else b"" for part in range(6)]
    generator = tlv(0xA1, tlv(0x30, MGF1, SHA256, extra[1]), extra[2])
    fields = tlv(0x30, tlv(0xA0, SHA256, extra[0]), generator, tlv(0xA2, b"\x02\x01\x20", extra[3]), extra[4])
    return tlv(0x30, RSASSA_PSS, fields, extra[5]).hex()


def test_something_behind_the_contents_of_an_algorithm_is_refused(device):
    point = tlv(0x03, b"\x00" + bytes.fromhex(f"04{G[0]:064x}{G[1]:064x}"))
    cases = [("PSS", ["algorithm", pss_algorithm()], ok(["SHA256", 32])),
             ("P-256", ["public_key_info", tlv(0x30, tlv(0x30, *P256), point).hex()], ok(f"04{G[0]:064x}{G[1]:064x}"))]
    cases += [(f"PSS, part {at}", ["algorithm", pss_algorithm(at)], refused("malformed")) for at in range(6)]
    for info in (tlv(0x30, tlv(0x30, *P256, NULL), point), tlv(0x30, tlv(0x30, *P256), point, NULL)):
        cases.append(("P-256 and NULL", ["public_key_info", info.hex()], refused("malformed")))
    info = corpus.public_key_info(key("rsa2048").public_key())
    body = tlv(0x30, info[6:19], NULL) + info[19:]  # behind the 13 bytes of the algorithm's contents
    info = b"\x30\x82" + len(body).to_bytes(2, "big") + body
    cases.append(("RSA and NULL", ["public_key_info", info.hex()], refused("malformed")))
    device.compare(cases)


def verdicts(results):
    """The report of a case to accept and of one to refuse that ended like this."""
    cases = [("key", "title", ["case"], may) for may in (True, False)]
    return [text.split(": ")[1] for text in corpus.wrong_of(cases, results)]


def test_each_wrong_decision_is_told():
    for right in ((ok(0), refused("malformed")), (ok("d"), ok(False)), (ok(True), refused("weak"))):
        assert verdicts(right) == []
    assert verdicts((refused("weak"), ok(True))) == ["wrong refuse", "wrong accept"]
    assert verdicts(({"crash": "x"}, {"crash": "x"})) == ["crash", "crash"]


def test_a_seed_gives_the_same_corpus():
    """But for the signatures of PSS, which are salted by OpenSSL."""
    first, second = ([case for case in corpus.corpus(random.Random(7), 1) if case[0] != "RSA PSS"] for _ in range(2))
    assert first == second


def test_exit_codes(monkeypatch, capsys):
    """The tool's figures, with a firmware that takes everything."""
    cases = [("key", "as it is", ["x"], True), ("key", "cut", ["y"], False)]
    monkeypatch.setattr(vectors, "decide", lambda cases, word: [ok(0)] * len(cases))
    monkeypatch.setattr(corpus, "corpus", lambda rng, size: cases[:size])
    assert vectors.main(["--size", "1", "--seed", "7"]) == 0
    assert capsys.readouterr().out == (
        "seed 7, size 1, 64 bit\nkey              1 to accept,     0 to refuse\n1 cases, 0 decided wrongly\n")
    assert vectors.main(["--size", "2", "--seed", "7"]) == 1
    assert "key, cut: wrong accept: {'ok': 0} ['y']\n2 cases, 1 decided wrongly\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", [
    ["--size", "0"], ["--size", "1001"], ["--size", "x"], ["--seed", ""], ["--word", "16"], ["more"]])
def test_bad_input_is_one_sentence(words, capsys):
    assert complaint(vectors.main, words, capsys).startswith("vectors: ")
