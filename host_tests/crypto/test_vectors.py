"""The corpus of `make vectors` at a small size, and that its judge notices what is decided wrongly."""

import random

import pytest
import vectors

from crypto import corpus
from crypto.device import ok, refused

SIZE = 2


def test_no_wrong_accept_and_no_wrong_refuse(device, rng):
    cases = list(corpus.corpus(rng, SIZE))
    kinds = {kind for kind, _, _, _ in cases}
    assert {(kind, may) for kind, _, _, may in cases} == {(kind, may) for kind in kinds for may in (True, False)}
    assert len(kinds) == 5
    assert not corpus.wrong_of(cases, device.evaluate([case for _, _, case, _ in cases]))


def verdicts(results):
    """What is told of a case to accept and of one to refuse that ended like this."""
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
    try:
        code = vectors.main(words)
    except SystemExit as left:
        code = left.code
    printed = capsys.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1)
    assert printed.err.startswith("vectors: ")
