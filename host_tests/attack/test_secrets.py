"""A unit that was used with everything it has: none of its secrets is anywhere that anybody could read (SEC-10)."""

import json

import pytest

from backend import wait_until
from backend.page import Page
from sim.provisioned_units import SECRETS, encodings, make_unit, private_scalar, readable_secrets
from sim.sessions import end_session, start_session
from sim.test_diagnostics import FileServer, certificate_for
from sim.test_extended_messages import fetch_log

from .page import web_words

NEW_KEY = "back-end-gave-this-1"
WIFI = "the-home-network's-key"
CHOSEN = "70419385"
CARD = "GOOD0001"


@pytest.fixture
def files(tmp_path):
    """An HTTPS server for what the unit uploads, and its root."""
    folder = tmp_path / "files"
    folder.mkdir()
    pem, key, root = certificate_for(folder)
    server = FileServer(pem, key)
    server.root = root
    yield server
    server.close()


def secrets_in(text, secrets):
    """The secrets that are in a text."""
    data = text if isinstance(text, bytes) else text.encode()
    return [secret for secret in secrets if any(form in data for form in encodings(secret))]


def use_everything(sim, csms, port, label, files, secrets):
    """By page and back end; what was answered, as text. `secrets` gets the tokens, which the answer tells once."""
    said = []
    with Page(port, keep=True) as page:
        for pin in ("11112222", label["pin"]):
            said.append(page.login(pin).json)
        for method, path, body in (
            ("PUT", "/api/settings", {"WifiName": "home", "WifiPassword": WIFI}),
            ("PUT", "/api/settings", {"AuthorizationKey": "short"}),
            ("POST", "/api/pin", {"current": label["pin"], "pin": CHOSEN}),
            ("POST", "/api/pin", {"current": CHOSEN, "pin": "12345678"}),
            ("GET", "/api/settings", None), ("GET", "/api/status", None), ("GET", "/api/log", None),
            ("GET", "/api/history", None), ("GET", "/api/update", None),
        ):
            answer = page.request(method, path, body)
            wrong = body and ("short" in body.values() or "12345678" in body.values())
            assert answer.status == (400 if wrong else 200), (path, answer)
            said += [answer.json, str(answer.headers)]
        for more in ({}, {"home_assistant": True}):
            answer = page.post("/api/tokens", action="make", name=f"n{len(more)}", rights=["status"], **more)
            secrets += answer.values()
        said += [page.get("/api/tokens"), page.get("/api/log")]
        assert page.request("GET", "/api/status", headers={"Authorization": "Bearer " + secrets[-1]}).status == 200
    start_session(sim, csms, CARD)
    end_session(sim, csms)
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=NEW_KEY)["status"] == "Accepted"
    csms.wait_connected(2)
    sim.wait_for(lambda s: s["csms"]["connected"], 30, "the connection with the new key")
    said += [csms.call("GetConfiguration"), csms.call("GetConfiguration", key=["AuthorizationKey", "WifiPassword"])]
    for number, kind in enumerate(("SecurityLog", "DiagnosticsLog")):
        fetch_log(csms, files.url("/in/"), "Uploading", "Uploaded", kind=kind, number=number)
    said += [body.decode() for *_, body in files.uploads]
    said += [sim.status(), sim.config(), sim.command("security_log", count=100), sim.command("slots")]
    return json.dumps(said)


def test_nothing_secret_is_reported_logged_or_left_in_the_state_directory(launch, csms, files, tmp_path):
    """PINs, passwords, keys; in answers, headers, log lines, messages, uploads, the flash with what was deleted, the dump
    of a crash. The card's number is in no log and no upload."""
    made, label = make_unit(tmp_path / "charger")
    words, port = web_words()
    sim = launch(options=[*words, "--security-profile", "1", "--ca", str(files.root)])
    csms.wait_booted()
    wait_until(lambda: (sim.status().get("web") or {}).get("port"), 20, "the page listens")
    secrets = [label[name] for name in SECRETS] + [NEW_KEY, WIFI, CHOSEN, private_scalar(made), bytes.fromhex(made["web_key"])]
    secrets += [bytes.fromhex(pin[part]) for pin in made["pins"].values() for part in ("salt", "hash")]
    said = use_everything(sim, csms, port, label, files, secrets)
    key = bytes.fromhex(made["device_key"])
    assert secrets_in(said, [*secrets, key]) == []
    assert secrets_in("".join(body.decode() for *_, body in files.uploads), [CARD]) == []
    lines = "\n".join(sim.log_lines())
    assert secrets_in(lines, [*secrets, key, CARD]) == []
    messages = [message.raw for message in csms.record.messages(way="in")]
    assert len(messages) > 20 and secrets_in("\n".join(messages), [*secrets, key]) == []
    sim.stop()
    assert readable_secrets(sim.state_dir, secrets) == []
    assert readable_secrets(sim.state_dir, [key], but=["nvs.json"]) == []


def test_crash_output_holds_no_secret(launch, csms, tmp_path):
    """A unit that dies at its start prints where, and no value."""
    made, label = make_unit(tmp_path / "charger")
    sim = launch(options=["--security-profile", "1"])
    csms.wait_booted()
    sim.may_crash = True
    sim.stop()
    (sim.state_dir / "flash.bin").write_bytes((sim.state_dir / "flash.bin").read_bytes()[: 8 * 4096])
    sim.wait_ready = lambda: None
    sim.start()
    wait_until(lambda: any("Traceback" in line for line in sim.log_lines()), 30, "a crash")
    secrets = [label[name] for name in SECRETS] + [private_scalar(made), bytes.fromhex(made["device_key"])]
    assert secrets_in("\n".join(sim.log_lines()), secrets) == []
