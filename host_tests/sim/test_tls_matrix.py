"""Checks of a server's certificate: those of the interpreter's TLS, ours after it, and those that nobody does (WP-7, WP-9).

Each cell has one thing wrong. PLATFORM is what happens without our own check: docs/TLS.md has the same table.
"""

import ssl
import time

import pytest

from sim.bad_certificates import Matrix, certify, chain
from sim.tls_peers import VERSIONS, Client, Server

# Where the interpreter leaves something open and credentials/server_certificate.py closes it.
CLOSED = ("CA certificate as leaf", "name constraints in the leaf")
# What stays open: the interpreter shows the leaf alone, so that nothing can be known of what is above it.
LIMITS = ("name constraints exclude it", "sub-CA for clientAuth alone")
CAUSES = {
    "expired": "expired", "not yet valid": "expired", "expired sub-CA": "expired",
    "other name": "name", "other name, right CN": "name", "other CN, no SAN": "name", "wildcard of the whole name": "name",
    "wildcard within a label": "name", "IP address for a name": "name",
    "EKU clientAuth alone": "certificate", "EKU codeSigning alone": "certificate",
    "critical extension unknown": "certificate", "critical name constraints exclude it": "certificate",
    "ten sub-CAs": "certificate", "CA certificate as leaf": "certificate", "name constraints in the leaf": "certificate",
}  # fmt: skip
# OpenSSL itself does not use these, so that it depends on the version how the handshake ends.
REFUSED_BY_SERVER = {
    "key usage keyCertSign alone": {"suite", "certificate"}, "key usage keyAgreement alone": {"suite", "certificate"},
    "P-192": {"suite", "version"},
}  # fmt: skip
# The one good certificate that does not work: see test_rsa_with_ecdhe_at_tls_1_2.
NOT_AT_1_2 = "RSA 2048"


@pytest.fixture(scope="module")
def matrix():
    return Matrix()


class Bench:
    """Servers for cells, and a client that believes the matrix' roots."""

    def __init__(self, word, version, matrix, folder):
        self.version = version
        self.folder = folder
        self.root = str(folder / "roots.pem")
        (folder / "roots.pem").write_bytes(matrix.roots)
        self.client = Client(word, self, str(int(time.time())))

    def server(self, cell, **options):
        """A server that presents a cell; it uses whatever it is given."""
        file = self.folder / "cell.pem"
        file.write_bytes(cell[0])
        file.with_suffix(".key").write_bytes(cell[1])
        return Server(str(file), self.version, **{"ciphers": "ALL:@SECLEVEL=0"} | options)

    def connect(self, cell, **changes):
        """The outcome of an attempt: "hello", or the cause."""
        with self.server(cell) as server:
            result = self.client.connect(server, **changes)
        return result.get("echo") or result["cause"]


@pytest.fixture(params=[(word, version) for word in (64, 32) for version in VERSIONS],
                ids=[f"{word}bit-{version}" for word in (64, 32) for version in VERSIONS])
def bench(request, matrix, tmp_path):
    word, version = request.param
    bench = Bench(word, VERSIONS[version], matrix, tmp_path)
    yield bench
    bench.client.close()


def test_good_certificates_are_trusted(bench, matrix):
    for name, cell in matrix.good().items():
        if name != NOT_AT_1_2 or bench.version == VERSIONS["1.3"]:
            assert bench.connect(cell) == "hello", name


def test_every_bad_certificate_is_refused_or_a_known_limit(bench, matrix):
    for name, cell in matrix.bad().items():
        ours, platform = bench.connect(cell), bench.connect(cell, check=False)
        if name in LIMITS:
            assert (ours, platform) == ("hello", "hello"), f"{name}: the interpreter has learnt something, tell docs/TLS.md"
            continue
        assert ours in REFUSED_BY_SERVER.get(name, {CAUSES.get(name, "untrusted")}), (name, ours)
        assert platform == ("hello" if name in CLOSED else ours), (name, platform)


def test_there_is_no_revocation(bench, matrix):
    """A limit: no CRL, no OCSP (WP-10: short-lived certificates instead). A must-staple certificate is believed as well."""
    from cryptography import x509
    must_staple = x509.TLSFeature([x509.TLSFeatureType.status_request])
    cdp = x509.CRLDistributionPoints([x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://127.0.0.1:9/crl")], None, None, None)])
    assert bench.connect(matrix.leaf(extra=[(must_staple, False), (cdp, False)])) == "hello"


def test_swapped_at_the_next_connection(bench, matrix):
    """Nothing is remembered of a good connection: the certificate is checked again at each one."""
    good, bad = matrix.leaf(), matrix.bad()["self-signed"]
    assert [bench.connect(cell) for cell in (good, bad, good)] == ["hello", "untrusted", "hello"]


def test_a_session_is_not_resumed_around_the_check(bench, matrix):
    """The server offers to resume with a ticket; the client has nothing to resume, and checks anew."""
    with bench.server(matrix.leaf()) as server:
        assert bench.client.connect(server)["echo"] == "hello"
        assert bench.client.connect(server)["echo"] == "hello"
        assert server.context.session_stats()["hits"] == 0


def test_rsa_with_ecdhe_at_tls_1_2(bench, matrix):
    """A limit of mbedtls where it speaks 1.3 too: it offers RSA-PSS and cannot read it in a handshake of 1.2.

    Not answered by trying again with less: who can break a handshake could then choose what we speak.
    """
    if bench.version == VERSIONS["1.3"]:
        assert bench.connect(matrix.good()[NOT_AT_1_2]) == "hello"
        return
    assert bench.connect(matrix.good()[NOT_AT_1_2]) == "protocol"
    for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384"):  # the whitepaper's own pair for RSA
        with bench.server(matrix.good()[NOT_AT_1_2], ciphers=suite) as server:
            assert bench.client.connect(server)["echo"] == "hello"


def test_the_unit_s_own_clock_counts_as_well(matrix, tmp_path):
    """mbedtls asks the C library for the time; where that is wrong (a restored clock) ours still refuses."""
    bench = Bench(64, None, matrix, tmp_path)
    cell = matrix.leaf()
    bench.client.close()
    for off_s, cause in ((-90 * 86400, "expired"), (90 * 86400, "expired"), (0, "hello")):
        bench.client = Client(64, bench, str(int(time.time()) + off_s))
        assert bench.connect(cell) == cause
        bench.client.close()


def test_the_server_s_proof_is_broken_on_the_way(matrix, tmp_path):
    """TLS 1.2: one octet of the signed key exchange changed by somebody in the middle."""
    from sim.tls_peers import spoiling

    bench = Bench(64, ssl.TLSVersion.TLSv1_2, matrix, tmp_path)
    with bench.server(matrix.leaf()) as real, Server(before=spoiling(real.port)) as relay:
        assert bench.client.connect(relay)["cause"] == "proof"
    bench.client.close()


def test_a_weak_root_proves_nothing_it_signs(bench, matrix, tmp_path):
    """A root with a short key that somebody installed: what it signed is not believed."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = certify("Weak root", key=rsa.generate_private_key(65537, 1024), ca=True)
    (tmp_path / "weak.pem").write_bytes(weak.certificate)
    assert bench.connect(chain(certify("x", weak)), roots=str(tmp_path / "weak.pem")) == "untrusted"
