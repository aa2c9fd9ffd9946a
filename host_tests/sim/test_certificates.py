"""Roots and the unit's own certificate, over OCPP, with real TLS and certificates made on the spot (WP-15 to 23)."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from backend.answers import Result
from backend.waiting import wait_until

from .authorities import SigningAuthority, hash_data, mutual, new_root, root_text, secure, shown, subject
from .sessions import end_session, start_session
from .tls_peers import server_context

IDENTITY = "PL-0001"
CS, MANUFACTURER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
ACCEPTED, REJECTED, NOT_FOUND = {"status": "Accepted"}, {"status": "Rejected"}, {"status": "NotFound"}
CPO = {"CpoName": "Acme CPO", "RetryBackoffWaitMinimum": 2, "RetryBackoffRandomRange": 0}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return SigningAuthority(tmp_path_factory.mktemp("authority")).issue_both(IDENTITY)


def profile_3(launch, csms, authority, certificate=None, settings=None, **more):
    """A charger under profile 3, accepted, at a back end that wants its certificate."""
    secure(csms, mutual(authority.server, authority.root))
    certificate = certificate or authority.charger
    words = ["--security-profile", "3", "--ca", authority.root, "--client-cert", certificate,
             "--client-key", certificate.removesuffix(".pem") + ".key"]
    sim = launch(lab=False, settings={**CPO, **(settings or {})}, options=[*words, *more.pop("options", ())], **more)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    csms.always("SignCertificate", Result(ACCEPTED))
    return sim


def install(csms, text, kind=CS):
    return csms.call("InstallCertificate", certificateType=kind, certificate=text)["status"]


def installed(csms, kind=CS):
    answer = csms.call("GetInstalledCertificateIds", certificateType=kind)
    return answer.get("certificateHashData", answer["status"])


def delete(csms, data):
    return csms.call("DeleteCertificate", certificateHashData=data)["status"]


def ask_for_request(csms):
    """The request that a trigger brings, as text."""
    mark = len(csms.record)
    answer = csms.call("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    assert answer == ACCEPTED
    return csms.record.wait("SignCertificate", since=mark).payload["csr"]


def sign_in(csms, chain):
    """CertificateSigned; its status."""
    return csms.call("CertificateSigned", certificateChain=chain)["status"]


def logged(sim, event):
    return [e for e in sim.command("security_log", count=100)["entries"] if e["event"] == event]


@pytest.mark.parametrize("word", [64, 32])
def test_roots_installed_listed_deleted(launch, csms, word):
    """WP-19, 21 to 23: hash data as `cryptography` computes them, in all three algorithms; over a power cut."""
    sim = launch(word=word)
    csms.wait_booted()
    assert installed(csms) == "NotFound"
    ec_root, rsa_root = new_root("One"), new_root("Two", key=_rsa())
    assert [install(csms, root.certificate.decode()) for root in (ec_root, rsa_root)] == ["Accepted"] * 2
    assert install(csms, new_root("Maker").certificate.decode(), MANUFACTURER) == "Accepted"
    assert installed(csms) == [hash_data(ec_root.certificate), hash_data(rsa_root.certificate)]
    assert len(installed(csms, MANUFACTURER)) == 1
    mark = len(csms.record)
    sim.power_cut()
    csms.wait_booted(since=mark)
    assert installed(csms) == [hash_data(ec_root.certificate), hash_data(rsa_root.certificate)]
    wrong = {**hash_data(ec_root.certificate), "serialNumber": "1"}
    assert delete(csms, wrong) == "NotFound"
    upper = {name: value.upper() for name, value in hash_data(ec_root.certificate, "SHA512").items()}
    assert delete(csms, {**upper, "hashAlgorithm": "SHA512"}) == "Accepted"
    assert delete(csms, hash_data(rsa_root.certificate, "SHA384")) == "Accepted"
    assert delete(csms, hash_data(rsa_root.certificate, "SHA384")) == "NotFound"
    assert installed(csms) == "NotFound"
    assert len(logged(sim, "CertificateInstalled")) == 3 and len(logged(sim, "CertificateDeleted")) == 2


def _rsa():
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 3072)


def test_unusable_roots_are_rejected_and_the_store_is_bounded(launch, csms, authority):
    """WP-19: expired, not a CA, weak, malformed, two at once, there already; CertificateStoreMaxLength."""
    import datetime

    day = datetime.timedelta(days=1)
    sim = launch(settings={"CertificateStoreMaxLength": 3})
    csms.wait_booted()
    good = new_root("Good").certificate.decode()
    cut = good[: len(good) // 2]
    for text in (new_root("Old", begins=-9 * day, ends=-day).certificate.decode(), root_text(authority.server),
                 new_root("Later", begins=9 * day).certificate.decode(), cut, good + good, "no PEM", "",
                 new_root("Weak", key=_weak()).certificate.decode()):
        assert install(csms, text) == "Rejected", text[:60]
    assert install(csms, good) == "Accepted"
    assert install(csms, good) == "Rejected"
    assert install(csms, new_root("Second").certificate.decode()) == "Accepted"
    assert install(csms, new_root("Third").certificate.decode(), MANUFACTURER) == "Accepted"
    assert install(csms, new_root("Fourth").certificate.decode()) == "Rejected"
    assert len(installed(csms)) == 2
    assert len(logged(sim, "InvalidCentralSystemCertificate")) >= 3 and len(logged(sim, "CertificateRefused")) == 2


def _weak():
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 1024)


def test_the_root_in_use_stays_and_the_factorys_counts(launch, csms, authority, tmp_path):
    """WP-23: the root of the present connection is Failed; another one goes; the factory's is one of them, over a restart."""
    secure(csms, server_context(authority.server))
    (tmp_path / "password").write_text("correct horse battery")
    sim = launch(lab=False, options=["--security-profile", "2", "--ca", authority.root,
                                     "--basic-auth-password-file", str(tmp_path / "password")])
    csms.wait_booted()
    factory = root_text(authority.root)
    assert installed(csms) == [hash_data(factory)]
    assert delete(csms, hash_data(factory)) == "Failed"
    other = SigningAuthority(tmp_path, "Other")
    assert install(csms, root_text(other.root)) == "Accepted"
    assert delete(csms, hash_data(factory)) == "Failed"
    mark = len(csms.record)
    secure(csms, server_context(other.issue("new")))  # the back end has a certificate of the other authority
    sim.command("network_up")
    wait_until(lambda: csms.station() is not None, 20, "the link over the other root")
    assert delete(csms, hash_data(root_text(other.root))) == "Failed"
    assert delete(csms, hash_data(factory)) == "Accepted"
    assert installed(csms) == [hash_data(root_text(other.root))]
    sim.restart()
    csms.wait_booted(since=mark)
    assert installed(csms) == [hash_data(root_text(other.root))]


def test_additional_root_certificate_check(launch, csms, authority, tmp_path):
    """WP-20: only what the present root signed; the old one is the fallback until the new one has connected."""
    from .bad_certificates import Entity, certify

    secure(csms, server_context(authority.server))
    (tmp_path / "password").write_text("correct horse battery")
    sim = launch(lab=False, settings={**CPO, "AdditionalRootCertificateCheck": "true"}, options=[
        "--security-profile", "2", "--ca", authority.root, "--basic-auth-password-file", str(tmp_path / "password")])
    csms.wait_booted()
    assert install(csms, new_root("Stranger").certificate.decode()) == "Rejected"
    old = Entity(authority.name, authority.key)
    successor = certify("Successor", old, ca=True, bits=("key_cert_sign",))
    signed = successor.certificate.decode()
    assert install(csms, signed) == "Accepted"
    data = [hash_data(root_text(authority.root)), hash_data(signed, issuer=root_text(authority.root).encode())]
    assert installed(csms) == data
    third = certify("Third", Entity(successor.name, successor.key), ca=True, bits=("key_cert_sign",))
    assert install(csms, third.certificate.decode()) == "Rejected"  # one, and a fallback for a time
    connections = csms.connections
    secure(csms, server_context(authority.server))  # still of the old one: the new does not fit, the fallback does
    csms.wait_connected(connections + 1)
    assert installed(csms) == data
    heir = SigningAuthority(tmp_path, "Heir")
    heir.name, heir.key = successor.name, successor.key
    connections = csms.connections
    secure(csms, server_context(heir.issue("heir")))
    csms.wait_connected(connections + 1)
    assert installed(csms) == data[1:]
    assert sim.status()["csms"]["fault"] is None


@pytest.mark.parametrize("word", [64, 32])
def test_renewal_during_a_session_does_not_disturb_it(launch, csms, authority, word):
    """WP-15 to 18: new key, request, certificate, exactly one reconnect; the transaction goes on, the tick keeps time."""
    sim = profile_3(launch, csms, authority, word=word)
    before = shown(csms)
    transaction = start_session(sim, csms)
    connections, boots = csms.connections, len(csms.record.calls("BootNotification"))
    text = ask_for_request(csms)
    request = x509.load_pem_x509_csr(text.encode())
    assert request.is_signature_valid
    names = {a.oid: a.value for a in request.subject}
    assert names == {NameOID.ORGANIZATION_NAME: "Acme CPO", NameOID.COMMON_NAME: IDENTITY}
    assert sign_in(csms, authority.sign(text)) == "Accepted"
    csms.wait_connected(connections + 1)
    wait_until(lambda: csms.station() is not None and shown(csms) != before, 10, "the new certificate shown")
    energy = sim.connector()["energy_wh"]
    sim.wait_connector(lambda c: c["energy_wh"] > energy and c["transaction_id"] == transaction.id)
    status = sim.status()
    assert csms.connections == connections + 1 and len(csms.record.calls("BootNotification")) == boots
    assert status["tick"]["max_gap_ms"] < 50, status["tick"]
    end_session(sim, csms)
    # what was asked for once is not taken twice, and the new certificate stays over a power cut
    assert sign_in(csms, authority.sign(text)) == "Rejected"
    number, mark = shown(csms), len(csms.record)
    sim.power_cut()
    csms.wait_booted(since=mark)
    assert shown(csms) == number


def test_certificates_that_are_not_to_be_taken(launch, csms, authority, tmp_path):
    """WP-17: another key, another name, of a stranger, over, a CA, garbage: Rejected, one event each; the link stays."""
    from cryptography.hazmat.primitives.asymmetric import ec

    sim = profile_3(launch, csms, authority)
    assert sign_in(csms, root_text(authority.charger)) == "Rejected"  # nothing was asked for
    text = ask_for_request(csms)
    stranger = SigningAuthority(tmp_path, "Stranger")
    sign = authority.sign
    for chain in (sign(text, key=ec.generate_private_key(ec.SECP256R1()).public_key()),
                  sign(text, subject=subject("PL-0002", "Acme CPO")), sign(text, subject=subject(IDENTITY, "Other")),
                  stranger.sign(text), sign(text, begins=-9, ends=-1), sign(text, authority=True),
                  sign(text, begins=90), "garbage", sign(text) + "garbage\n-----BEGIN", "x" * 9999):
        assert sign_in(csms, chain) == "Rejected", chain[:100]
    assert len(logged(sim, "InvalidChargePointCertificate")) >= 5
    assert csms.connections == 1
    assert sign_in(csms, sign(text)) == "Accepted"  # the good one is still welcome
    csms.wait_connected(2)


def test_a_certificate_that_does_not_connect_gives_way_to_the_old_one(launch, csms, authority, tmp_path):
    """WP-18: the back end takes back what it signed; the old pair is back by itself, also over a power cut."""
    sim = profile_3(launch, csms, authority)
    before = shown(csms)
    other = SigningAuthority(tmp_path, "Other")
    assert install(csms, root_text(other.root)) == "Accepted"  # believed by the charger, not by the back end
    for cut in (False, True):
        mark = len(csms.record)
        assert sign_in(csms, other.sign(ask_for_request(csms))) == "Accepted"
        csms.wait_disconnected()
        if cut:
            sim.power_cut()
            csms.wait_booted(since=mark, timeout_s=40)
        wait_until(lambda: csms.station() is not None and shown(csms) == before, 40, "the old certificate shown")
        assert logged(sim, "InvalidChargePointCertificate")  # the same in the same hour is one event
    assert csms.record.wait("SecurityEventNotification", where=lambda p: p["type"] == "InvalidChargePointCertificate")


def test_renewal_comes_by_itself_before_the_end(launch, csms, authority):
    """WP-15: a certificate in the last third of its life, or its last month, is renewed without a request of the back end."""
    old = authority.issue("ending", IDENTITY, begins=-60, ends=10)
    secure(csms, mutual(authority.server, authority.root))
    csms.always("SignCertificate", Result(ACCEPTED))
    profile_3(launch, csms, authority, old, time_scale=20)
    request = csms.record.wait("SignCertificate", timeout_s=30).payload["csr"]
    connections = csms.connections
    assert sign_in(csms, authority.sign(request)) == "Accepted"
    csms.wait_connected(connections + 1)
    assert len(csms.record.calls("SignCertificate")) == 1


def test_certificate_request_is_rejected_without_a_cpo_name(launch, csms, authority):
    """WP-15: no CpoName, no request."""
    profile_3(launch, csms, authority, settings={"CpoName": ""})
    assert csms.call("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate") == REJECTED
    assert csms.record.calls("SignCertificate") == []
