"""The charge point's identity on the command line, in the URL and in Basic authentication (OCPP-1, OCPP-5)."""

import base64
import subprocess
import sys

import pytest

from backend.simulator import PROGRAM, ROOT, free_port

PASSWORD = "0123456789abcdef"


@pytest.mark.parametrize("identity, path", [
    ("RDAM 123", "/ocpp/RDAM%20123"), ("a/b?c#d%e", "/ocpp/a%2Fb%3Fc%23d%25e"), ("Zoë-€", "/ocpp/Zo%C3%AB-%E2%82%AC"),
    ("A:B+C|D@E*F=G_H.~", "/ocpp/A%3AB%2BC%7CD%40E%2AF%3DG_H.~"), ("x" * 48, "/ocpp/" + "x" * 48),
])
def test_any_printable_identity_is_percent_encoded(launch, csms, identity, path):
    launch(identity=identity)
    csms.wait_booted()
    assert csms.attempts[0].path == path
    assert csms.station(identity).id == identity


def test_basic_auth_user_name_is_the_identity_unchanged(launch, csms):
    launch(identity="RDAM 12/é", options=["--security-profile", "1", "--basic-auth-password", PASSWORD])
    csms.wait_booted()
    assert csms.attempts[0].authorization == "Basic " + base64.b64encode(f"RDAM 12/é:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize("words", [
    ["--identity", "a\nb"], ["--identity", "tab\t"], ["--identity", "x" * 49],
    ["--identity", "a:b", "--security-profile", "1"], ["--identity", "a:b", "--security-profile", "2"],
], ids=repr)
def test_malformed_identities_are_refused(words, tmp_path):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--state-dir", str(tmp_path), "--control", f"127.0.0.1:{free_port()}", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "--identity must be" in done.stderr


def test_with_a_colon_a_profile_with_basic_auth_cannot_be_chosen(launch, csms):
    """OCPP-5: the key is there, but the user name would end at the colon; profile and connection stay."""
    launch(identity="A:B")
    csms.wait_booted()
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=PASSWORD)["status"] == "Accepted"
    csms.wait_connected(2)
    assert csms.call("ChangeConfiguration", key="SecurityProfile", value="1")["status"] == "Rejected"
    assert csms.call("GetConfiguration", key=["SecurityProfile"])["configurationKey"][0]["value"] == "0"
