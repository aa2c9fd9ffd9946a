"""The whitepaper's messages at a whole charger: GetLog to a real HTTPS server, and every ExtendedTriggerMessage."""

import json

import pytest
from verify_log import main

from backend import CallRefused

from .sessions import start_session
from .test_diagnostics import FileServer, certificate_for, https, online, serve  # noqa: F401 - fixtures


def fetch_log(csms, location, *wanted, kind="SecurityLog", number=7, **fields):
    """Call GetLog and check its notifications up to the last of the statuses wanted; the file's name."""
    mark = len(csms.record)
    log = {"remoteLocation": location, **fields.pop("log", {})}
    answer = csms.call("GetLog", logType=kind, requestId=number, log=log, **fields)
    assert answer["status"] == "Accepted"
    csms.record.wait("LogStatusNotification", since=mark, where=lambda p: p["status"] == wanted[-1])
    notified = [m.payload for m in csms.record.calls("LogStatusNotification", mark)]
    assert notified == [{"status": status, "requestId": number} for status in wanted]
    return answer["filename"]


def test_security_log_over_https(launch, csms, https, word, tmp_path):  # noqa: F811
    """WP-40, SEC-10: all entries as JSON lines, in order, without the card's number; the times that were asked for."""
    sim = online(launch, csms, word=word, ca=https.root, lab=False)
    start_session(sim, csms, "GOOD0001")
    name = fetch_log(csms, https.url("/in/"), "Uploading", "Uploaded")
    method, path, _, body = https.uploads[-1]
    assert (method, path) == ("PUT", "/in/" + name) and name.startswith("security-")
    lines = [json.loads(line) for line in body.decode().splitlines() if line]
    end = lines.pop()["end"]
    assert (end["first"], end["next"], end["broken"]) == (0, len(lines), None)
    upload = tmp_path / "upload.jsonl"
    upload.write_bytes(body)
    assert main([str(upload)]) == 0
    upload.write_bytes(body.replace(b"connector 1, card: Accepted", b"connector 1, card: Invalid."))
    assert main([str(upload)]) == 1
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert [line["event"] for line in lines][:2] == ["StartupOfTheDevice", "SettingSystemTime"]
    assert {"event": "AuthorisationAccepted", "info": "connector 1, card: Accepted"}.items() <= lines[-1].items()
    assert "GOOD0001" not in body.decode()
    fetch_log(csms, https.url("/in/"), "Uploading", "Uploaded", number=8, log={"latestTimestamp": "2020-01-01T00:00:00Z"})
    rest = [json.loads(line) for line in https.uploads[-1][3].decode().splitlines() if line.strip()]
    assert [list(line) for line in rest] == [["end"]]
    fetch_log(csms, https.url("/in/"), "Uploading", "Uploaded", number=9, kind="DiagnosticsLog",
        log={"oldestTimestamp": "2020-01-01T00:00:00Z"})
    assert https.uploads[-1][3].startswith(b"Pilotlight diagnostics")


def test_log_status_notifications_give_the_failure(launch, csms, https, serve, tmp_path):  # noqa: F811
    """WP-41: every cause has its word; a server that nobody vouches for gets nothing."""
    sim = online(launch, csms, ca=https.root, lab=False)
    https.statuses[:] = [403]
    fetch_log(csms, https.url("/in/"), "Uploading", "UploadFailure")
    https.statuses[:] = [500, 201]
    fetch_log(csms, https.url("/in/"), "Uploading", "UploadFailure", "Uploading", "Uploaded", retries=1, retryInterval=1)
    fetch_log(csms, "ftp://127.0.0.1/in/", "Uploading", "NotSupportedOperation")
    fetch_log(csms, "no location", "Uploading", "BadMessage", retries=5)
    folder = tmp_path / "stranger"
    folder.mkdir()
    pem, key, _ = certificate_for(folder)
    stranger = serve(FileServer(pem, key))
    fetch_log(csms, stranger.url("/in/"), "Uploading", "UploadFailure")
    assert stranger.uploads == []
    assert sim.command("security_log")["broken"] is None


def test_a_new_request_takes_the_place_of_the_running_one(launch, csms, https):  # noqa: F811
    """WP-40: AcceptedCanceled; the first one is never heard of again."""
    online(launch, csms, ca=https.root, lab=False)
    https.statuses[:] = [500] * 2
    first = {"remoteLocation": https.url("/in/")}
    assert csms.call("GetLog", logType="SecurityLog", requestId=1, log=first, retries=50,
                     retryInterval=60)["status"] == "Accepted"
    csms.record.wait("LogStatusNotification", where=lambda p: p == {"status": "UploadFailure", "requestId": 1})
    answer = csms.call("GetLog", logType="DiagnosticsLog", requestId=2, log=first)
    assert answer["status"] == "AcceptedCanceled" and answer["filename"].startswith("diagnostics-")
    csms.record.wait("LogStatusNotification", where=lambda p: p["requestId"] == 2 and p["status"] != "Uploading")
    notified = [m.payload for m in csms.record.calls("LogStatusNotification")]
    assert [p["requestId"] for p in notified] == sorted(p["requestId"] for p in notified)
    assert [p["status"] for p in notified if p["requestId"] == 1] == ["Uploading", "UploadFailure"]


TRIGGERS = [
    ("Heartbeat", {}, "Heartbeat", lambda p: True),
    ("MeterValues", {"connectorId": 1}, "MeterValues", lambda p: p["connectorId"] == 1),
    ("StatusNotification", {}, "StatusNotification", lambda p: p["connectorId"] == 1),
    ("StatusNotification", {"connectorId": 1}, "StatusNotification", lambda p: p["connectorId"] == 1),
    ("LogStatusNotification", {}, "LogStatusNotification", lambda p: p == {"status": "Idle"}),
    ("FirmwareStatusNotification", {}, "SignedFirmwareStatusNotification", lambda p: p == {"status": "Idle"}),
]


def test_every_extended_trigger(charger, csms):
    """WP-46: each message that may be asked for comes after the answer; what makes no sense is refused."""
    for message, fields, action, fits in TRIGGERS:
        mark = len(csms.record)
        assert csms.call("ExtendedTriggerMessage", requestedMessage=message, **fields) == {"status": "Accepted"}
        sent = csms.record.wait(action, since=mark, where=fits)
        answered = csms.record.wait("ExtendedTriggerMessage", kind=3, since=mark)
        assert answered.number < sent.number
    refused = csms.call("ExtendedTriggerMessage", requestedMessage="BootNotification")
    assert refused == {"status": "Rejected"}  # accepted already (OCPP-31)
    assert csms.call("ExtendedTriggerMessage", requestedMessage="MeterValues", connectorId=9) == {"status": "Rejected"}
    # without a CpoName there is no request for a certificate (WP-15)
    answer = csms.call("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    assert answer["status"] in ("Rejected", "NotImplemented")
    csms.audited = False
    with pytest.raises(CallRefused):
        csms.call("ExtendedTriggerMessage", requestedMessage="Heartbeat", connectorId=0)


def test_signed_update_without_a_manufacturer_root_is_refused(charger, csms):
    """WP-30, 31: nothing starts, the back end hears why; under this unit's settings there is no updater, or no root."""
    firmware = {"location": "https://127.0.0.1/fw.bin", "retrieveDateTime": "2026-01-01T00:00:00Z",
                "signingCertificate": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
                "signature": "AA=="}
    answer = csms.call("SignedUpdateFirmware", requestId=4, firmware=firmware)
    assert answer["status"] in ("Rejected", "InvalidCertificate")
    assert csms.record.calls("SignedFirmwareStatusNotification") == []
