"""SecurityProfile and AuthorizationKey changed over OCPP: upward only, proved by a connection, else back (WP-2 to 4, OCPP-9)."""

import base64

import pytest

from backend.answers import Result
from backend.waiting import wait_until

from .authorities import SigningAuthority, mutual, root_text, secure, shown
from .sessions import end_session, start_session
from .test_certificates import ask_for_request, logged
from .tls_peers import server_context

IDENTITY = "PL-0001"
PASSWORD, OTHER = "0123456789abcdef", "fedcba9876543210"
SETTINGS = {"RetryBackoffWaitMinimum": 2, "RetryBackoffRandomRange": 0, "CpoName": "Acme CPO"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = SigningAuthority(tmp_path_factory.mktemp("authority"))
    made.server = made.issue("server", "127.0.0.1")
    return made


def login(password):
    return "Basic " + base64.b64encode(f"{IDENTITY}:{password}".encode()).decode()


def change(csms, key, value):
    return csms.call("ChangeConfiguration", key=key, value=str(value))["status"]


def wait_committed(csms, connections):
    """Wait for a connection and for an answer over it: the charger commits what was on trial before it reads messages."""
    csms.wait_connected(connections)
    assert csms.call("GetConfiguration", key=["HeartbeatInterval"])["configurationKey"]


def begin(launch, csms, profile=1, **more):
    words = ["--security-profile", str(profile)]
    if profile == 1:
        words += ["--basic-auth-password", PASSWORD]
    sim = launch(settings=SETTINGS, options=words, **more)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    return sim


def profile(sim):
    return sim.status()["csms"]["security_profile"]


def wait_back(csms, seen, what):
    """Wait until an attempt after the first `seen` ones was let in, and the link is there."""
    wait_until(lambda: any(a.status == 101 for a in csms.attempts[seen:]) and csms.station() is not None, 30, what)


@pytest.mark.parametrize("word", [64, 32])
def test_up_from_0_to_3_live(launch, csms, authority, word):
    """WP-2 to 4: each step needs its credentials, is taken after the answer, holds over a power cut, and never goes back."""
    sim = begin(launch, csms, 0, word=word, lab=False)
    assert [change(csms, "SecurityProfile", n) for n in (1, 2, 3, 0)] == ["Rejected"] * 4  # nothing is there
    assert change(csms, "AuthorizationKey", PASSWORD) == "Accepted"
    csms.wait_connected(2)
    assert [change(csms, "SecurityProfile", n) for n in (2, 3, 1)] == ["Rejected", "Rejected", "Accepted"]
    csms.wait_connected(3)
    assert csms.attempts[-1].authorization == login(PASSWORD)
    install = {"certificateType": "CentralSystemRootCertificate", "certificate": root_text(authority.root)}
    assert csms.call("InstallCertificate", **install) == {"status": "Accepted"}
    assert [change(csms, "SecurityProfile", n) for n in (1, 3, 2)] == ["Rejected", "Rejected", "Accepted"]
    seen = len(csms.attempts)
    secure(csms, server_context(authority.server))
    wait_back(csms, seen, "profile 2")
    assert csms.attempts[-1].authorization == login(PASSWORD) and profile(sim) == 2
    assert change(csms, "SecurityProfile", 3) == "Rejected"  # without a certificate of its own
    csms.always("SignCertificate", Result({"status": "Accepted"}))
    chain = authority.sign(ask_for_request(csms))
    assert csms.call("CertificateSigned", certificateChain=chain) == {"status": "Accepted"}
    wait_until(lambda: logged(sim, "CertificateInstalled")[-1]["info"] == "charge point certificate", 10, "it is its own")
    assert change(csms, "SecurityProfile", 3) == "Accepted"
    seen = len(csms.attempts)
    secure(csms, mutual(authority.server, authority.root))
    wait_back(csms, seen, "profile 3")
    assert csms.attempts[-1].authorization is None and profile(sim) == 3 and shown(csms)
    assert [change(csms, "SecurityProfile", n) for n in (0, 1, 2, 3)] == ["Rejected"] * 4
    assert len(logged(sim, "ReconfigurationOfSecurityParameters")) == 4
    seen = len(csms.attempts)
    sim.power_cut()
    wait_back(csms, seen, "profile 3 after the power cut")
    wait_until(lambda: profile(sim) == 3, 10, "profile 3")
    sim.wait_ocpp_status("Available")
    start_session(sim, csms)
    end_session(sim, csms)


@pytest.mark.parametrize("cut", [False, True], ids=["", "power cut"])
def test_a_profile_that_does_not_connect_comes_back(launch, csms, authority, cut):
    """WP-4: the back end speaks no TLS; after four attempts the old profile is back, logged, and can be raised again."""
    sim = begin(launch, csms)
    install = {"certificateType": "CentralSystemRootCertificate", "certificate": root_text(authority.root)}
    assert csms.call("InstallCertificate", **install) == {"status": "Accepted"}
    seen = len(csms.attempts)
    assert change(csms, "SecurityProfile", 2) == "Accepted"
    csms.wait_disconnected()
    if cut:
        sim.wait_for(lambda s: s["csms"]["fault"], what="a failed attempt")
        sim.power_cut()
        sim.wait_for(lambda s: s["csms"].get("security_profile") == 2 and s["boots"] == 2, what="still on trial")
    wait_back(csms, seen, "profile 1 again")
    assert profile(sim) == 1 and csms.attempts[-1].authorization == login(PASSWORD)
    events = [e["info"] for e in logged(sim, "ReconfigurationOfSecurityParameters")]
    assert events[0] == "SecurityProfile" and "restored" in events[-1]
    assert len(csms.attempts) == seen + 1  # the others did not get so far
    assert change(csms, "SecurityProfile", 2) == "Accepted"
    seen = len(csms.attempts)
    secure(csms, server_context(authority.server))
    wait_back(csms, seen, "profile 2")
    assert profile(sim) == 2


@pytest.mark.parametrize("cut", [False, True], ids=["", "power cut"])
def test_a_key_that_is_not_taken_comes_back(launch, csms, cut):
    """OCPP-9, WP-4: the back end refuses the new key: the old one is used again; a key that works replaces it for good."""
    sim = begin(launch, csms)
    for old, new in ((PASSWORD, OTHER), (PASSWORD, "another key here")):
        seen = len(csms.attempts)
        csms.refuse_status = 401
        assert change(csms, "AuthorizationKey", new) == "Accepted"
        sim.set_time_scale(10)  # through the pauses between attempts
        wait_until(lambda seen=seen: len(csms.attempts) > seen + 1, 20, "two attempts with the new key")
        assert {a.authorization for a in csms.attempts[seen:]} == {login(new)}
        if cut:
            sim.power_cut()
        wait_until(lambda seen=seen, old=old: csms.attempts[seen:][-1].authorization == login(old), 60, "the old key")
        csms.refuse_status = None
        wait_back(csms, seen, "the link")
        assert csms.attempts[-1].authorization == login(old)
    connections = csms.connections
    assert change(csms, "AuthorizationKey", OTHER) == "Accepted"
    wait_committed(csms, connections + 1)
    seen = len(csms.attempts)
    sim.power_cut()
    wait_back(csms, seen, "the link after the power cut")
    assert csms.attempts[-1].authorization == login(OTHER)
    flash = (sim.state_dir / "flash.bin").read_bytes() + (sim.state_dir / "spare.bin").read_bytes()
    for secret in (PASSWORD, OTHER, "another key here"):
        assert secret.encode() not in flash  # SEC-10


@pytest.mark.parametrize("cut", [False, True], ids=["", "power cut"])
def test_f_s14_a_new_profile_and_a_new_key_hold_from_the_first_connection_on(launch, csms, cut):
    """WP-4: after one connection with them, no number of failed attempts brings the old ones back."""
    sim = begin(launch, csms, 0)
    assert change(csms, "AuthorizationKey", PASSWORD) == "Accepted"
    csms.wait_connected(2)
    assert change(csms, "SecurityProfile", 1) == "Accepted"
    csms.wait_connected(3)
    assert change(csms, "AuthorizationKey", OTHER) == "Accepted"
    wait_committed(csms, 4)
    assert csms.attempts[-1].authorization == login(OTHER)
    seen = len(csms.attempts)
    csms.refuse_status = 401
    if cut:
        sim.power_cut()
    else:
        csms.abort()
    sim.set_time_scale(20)  # through the pauses between attempts
    wait_until(lambda: len(csms.attempts) >= seen + 6, 120, "more failures than a trial allows")
    assert {a.authorization for a in csms.attempts[seen:]} == {login(OTHER)}
    assert profile(sim) == 1
    csms.refuse_status = None
    wait_back(csms, seen, "the link")
    assert csms.attempts[-1].authorization == login(OTHER) and profile(sim) == 1
