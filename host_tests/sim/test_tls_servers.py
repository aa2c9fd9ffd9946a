"""Security profiles 1, 2 and 3 end to end, against three TLS stacks: Python's, nginx's and mosquitto's (WP-1 to WP-8)."""

import base64

import pytest

from sim.front_ends import mosquitto, nginx
from sim.sessions import end_session, start_session
from sim.tls_peers import VERSIONS, Authority, Client, server_context

IDENTITY = "PL-0001"
PASSWORD = "correct horse battery"
QUICK = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 0}
CONNECT = "100e00044d5154540402003c0002504c"  # MQTT 3.1.1, client "PL"
CONNACK = " \x02\x00\x00"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority")).issue_both(IDENTITY)


def options(profile, authority, tmp_path):
    """The charger's command line for a profile."""
    words = ["--security-profile", str(profile)]
    if profile in (1, 2):
        (tmp_path / "password").write_text(PASSWORD)
        words += ["--basic-auth-password-file", str(tmp_path / "password")]
    if profile >= 2:
        words += ["--ca", authority.root]
    if profile == 3:
        words += ["--client-cert", authority.charger, "--client-key", authority.charger.removesuffix(".pem") + ".key"]
    return words


def secure(csms, context):
    """Let the back end speak TLS from now on, on the same port."""
    csms.close()
    csms.tls = context
    csms.open()


def check_session(sim, csms, profile):
    """A session works; the proof of identity was the profile's."""
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    start_session(sim, csms)
    end_session(sim, csms)
    login = "Basic " + base64.b64encode(f"{IDENTITY}:{PASSWORD}".encode()).decode()
    assert csms.attempts[-1].authorization == (login if profile < 3 else None)
    link = sim.status()["csms"]
    assert (link["connected"], link["security_profile"], link["fault"]) == (True, profile, None)


@pytest.mark.parametrize("profile, version, word", [(1, None, 64), (2, "1.2", 64), (3, "1.3", 32)])
def test_profiles_against_python(launch, csms, authority, tmp_path, profile, version, word):
    if version:
        roots = authority.root if profile == 3 else None
        secure(csms, server_context(authority.server, VERSIONS[version], roots))
    sim = launch(word=word, lab=False, options=options(profile, authority, tmp_path))
    check_session(sim, csms, profile)


@pytest.mark.parametrize("profile, version, word", [(2, "1.3", 32), (3, "1.2", 64)])
def test_profiles_against_nginx(launch, csms, authority, tmp_path, profile, version, word):
    roots = authority.root if profile == 3 else None
    with nginx(tmp_path, csms.port, authority.server, version, roots) as front:
        sim = launch(word=word, lab=False, csms_url=f"wss://localhost:{front.port}/ocpp",
                     options=options(profile, authority, tmp_path))
        check_session(sim, csms, profile)
        sim.stop()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("word", [64, 32])
def test_mosquitto(authority, tmp_path, version, word):
    """Handshake, name and path check, own certificate, and MQTT's greeting over it."""
    ours = {"cert": authority.charger, "key": authority.charger.removesuffix(".pem") + ".key"}
    client = Client(word, authority)
    try:
        with mosquitto(tmp_path, authority.server, version) as broker:
            assert client.connect(broker, say=CONNECT)["echo"] == CONNACK
            assert client.connect(broker, "127.0.0.1", say=CONNECT)["cause"] == "name"
        with mosquitto(tmp_path, authority.server, version, authority.root) as broker:
            result = client.connect(broker, say=CONNECT, **ours)
            assert (result["echo"], "GCM" in result["suite"]) == (CONNACK, True)
            result = client.connect(broker, say=CONNECT)
            assert (result.get("cause") or result.get("late") or result["echo"]) in ("own-cert", "reset", "protocol", ""), result
    finally:
        client.close()


def logged(sim, event):
    """The entries of an event in the security log."""
    return [e for e in sim.command("security_log", count=100)["entries"] if e["event"] == event]


def test_bad_certificates_are_refused_logged_once_and_told_when_the_link_is_back(launch, csms, authority, tmp_path):
    """WP-7, WP-44: each kind is one entry however often it is tried again; not a request reaches the back end."""
    issue = authority.issue
    sim_options = options(2, authority, tmp_path)
    secure(csms, server_context(issue("old", begins=-30, ends=-1)))
    sim = launch(lab=False, settings=QUICK, options=sim_options)
    event = "InvalidCentralSystemCertificate"
    (tmp_path / "stranger").mkdir()
    stranger = Authority(tmp_path / "stranger", "Stranger")
    expected = []
    for certificate, fault in ((None, "expired: "), (issue("other", "other.example"), "name: "),
                               (stranger.issue("stranger"), "untrusted: ")):
        if certificate:
            secure(csms, server_context(certificate))
        expected.append(fault)
        sim.command("network_up")
        sim.wait_for(lambda s, fault=fault: (s["csms"]["fault"] or "").startswith(fault), what=fault)
        for _ in range(3):  # again and again
            sim.command("network_up")
        sim.wait_for(lambda s: len(logged(sim, event)) >= len(expected), what=fault)
    assert [e["info"].split(" (")[0] + ": " for e in logged(sim, event)] == expected
    assert (csms.attempts, sim.status()["csms"]["connected"]) == ([], False)
    secure(csms, server_context(authority.server))
    sim.command("network_up")
    csms.wait_booted()
    for fault in expected:
        csms.record.wait("SecurityEventNotification",
                         where=lambda p, word=fault[:-2]: p["type"] == event and word in p["techInfo"])
    assert len(logged(sim, event)) == len(expected)


def test_a_refused_password_and_old_protocols_are_events_too(launch, csms, authority, tmp_path):
    """WP-5, WP-6, WP-43."""
    sim = launch(lab=False, settings=QUICK, csms_url=f"wss://localhost:{csms.port}/ocpp",
                 options=options(2, authority, tmp_path))
    old = server_context(authority.server)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = __import__("ssl").TLSVersion.TLSv1_1
    weak = server_context(authority.server, VERSIONS["1.2"])
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    for context, event in ((old, "InvalidTLSVersion"), (weak, "InvalidTLSCipherSuite")):
        secure(csms, context)
        sim.command("network_up")
        sim.wait_for(lambda s, event=event: logged(sim, event), what=event)
    csms.refuse_status = 401
    secure(csms, server_context(authority.server))
    sim.command("network_up")
    sim.wait_for(lambda s: logged(sim, "FailedToAuthenticateAtCentralSystem"), what="the refused password")
    assert sim.status()["csms"]["fault"].startswith("auth: ")
    csms.refuse_status = None
    csms.wait_booted()


def test_a_unit_as_sold_sends_no_byte_without_encryption(launch, csms):
    """SEC-12: not even a look-up; the status says why. With --lab the same link is tried."""
    url = "ws://charging.invalid:1/ocpp"
    sim = launch(lab=False, csms_url=url)
    link = sim.wait_for(lambda s: s["csms"] if s["csms"]["fault"] else None)
    assert link["fault"] == "plain: security profile 0 is not encrypted: the owner has not allowed that"
    assert (link["security_profile"], link["connected"]) == (0, False)
    sim.stop()
    lab = launch("lab", csms_url=url)
    assert lab.wait_for(lambda s: s["csms"]["fault"]).startswith("dns: ")
