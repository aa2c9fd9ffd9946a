"""net/tls.py against OpenSSL: good certificates and bad ones, both protocol versions, servers that stall (WP-5 to 7)."""

import ssl
import time

import pytest
from cryptography.hazmat.primitives import serialization

from sim.tls_peers import VERSIONS, Authority, Client, Server, key_of, through


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=[64, 32], ids=["64bit", "32bit"])
def client(request, authority):
    client = Client(request.param, authority)
    yield client
    client.close()


@pytest.fixture(params=VERSIONS.values(), ids=VERSIONS)
def version(request):
    return request.param


def test_good_certificates(client, authority, version):
    for file, host, options in (("good", "localhost", {}), ("ip", "127.0.0.1", {}), ("cn", "localhost", {"alternative": False})):
        with Server(authority.issue(file, host, **options), version) as server:
            result = client.connect_smoothly(server, host)
        assert result.get("echo") == "hello", result
        assert "GCM" in result["suite"]


def test_bad_certificates(client, authority, version, tmp_path):
    issue = authority.issue
    stranger = Authority(tmp_path, "Stranger")
    for certificate, cause in (
        (issue("expired", begins=-30, ends=-1), "expired"),
        (issue("future", begins=5), "no-time"),  # the client's clock is not set
        (issue("name", "example.org"), "name"),
        (issue("address", "10.0.0.1", common_name="10.0.0.1"), "name"),
        (issue("wildcard", "*.example.org"), "name"),
        (stranger.issue("stranger"), "untrusted"),
        (stranger.root, "untrusted"),
        (stranger.issue("worst", "example.org", begins=-30, ends=-1), "untrusted"),
    ):
        if certificate == stranger.root:
            (tmp_path / "Stranger.key").write_bytes(stranger.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        with Server(certificate, version) as server:
            result = client.connect(server)
        assert (result.get("cause"), result.get("kind")) == (cause, "TlsError"), (certificate, result)


def test_not_yet_valid_with_a_clock_that_is_set(authority):
    client = Client(64, authority, "%d" % time.time())
    with Server(authority.issue("later", begins=5)) as server:
        assert client.connect(server)["cause"] == "expired"
    client.close()


def test_no_server_is_trusted_without_a_root(client, authority, version):
    with Server(authority.issue("good"), version) as server:
        result = client.connect(server, roots=None)
    assert result["cause"] == "untrusted", result


def test_client_certificate_is_sent_on_request(client, authority, version):
    ours = authority.issue("SER1", "charger")
    with Server(authority.issue("good"), version, roots=authority.root) as server:
        assert client.connect(server, cert=ours, key=key_of(ours))["echo"] == "hello"
        result = client.connect(server)
    # With TLS 1.3 the server refuses only after our side of the handshake is over; its reset may outrun its alert.
    assert result.get("cause") in ("own-cert", "reset") or "late" in result, result


def test_certificate_and_key_that_cannot_be_read(client, authority, tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    ours = authority.issue("SER1", "charger")
    with Server(authority.issue("good")) as server:
        for changes in ({"roots": str(broken)}, {"cert": ours, "key": str(broken)}, {"cert": str(broken), "key": key_of(ours)}):
            assert client.connect(server, **changes)["cause"] == "protocol"


def test_suites_outside_the_list_are_not_spoken_wp6(client, authority):
    certificate = authority.issue("good")
    for suite in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        with Server(certificate, VERSIONS["1.2"], ciphers=suite) as server:
            result = client.connect(server)
        assert (result.get("cause"), result.get("kind")) == ("suite", "TlsError"), (suite, result)
    for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        with Server(certificate, VERSIONS["1.2"], ciphers=suite) as server:
            assert client.connect(server)["echo"] == "hello", suite


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_1_1_is_not_spoken_wp5(client, authority):
    with Server(authority.issue("good"), ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0") as server:
        assert client.connect(server)["cause"] == "version"


def test_servers_that_speak_no_tls(client):
    def talks(connection):
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        return True

    def hangs_up(connection):
        connection.close()
        return True

    def says_nothing(connection):
        return True

    for before, causes in ((talks, ("protocol",)), (hangs_up, ("reset",)), (says_nothing, ("timeout",))):
        with Server(before=before) as server:
            result = client.connect_smoothly(server, deadline_ms=300)
        assert result["cause"] in causes, result


def test_a_handshake_that_stalls_ends_at_the_deadline_and_holds_nothing_up(client, authority, version):
    with Server(authority.issue("good"), version) as real:
        for limit in (1, 4, 5, 6, 60, 100, 300, 600, 700):
            with Server(before=through(real.port, limit)) as relay:
                result = client.connect_smoothly(relay, deadline_ms=150)
            assert result.get("cause") == "timeout" or limit > 500, (limit, result)
