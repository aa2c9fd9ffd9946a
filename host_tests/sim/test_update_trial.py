"""The first boot of a new image is a trial, its hash is looked at for as long as it runs, and who signed it is asked twice
where the back end signs as well (SEC-6, SEC-8, SEC-9, WP-30 to 37)."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sim.sessions import end_session, start_session
from sim.update_rig import PAST, charge, logged, maker, outcome, request_update, site, unit  # noqa: F401 - fixtures

FILE_BLOCK = 4096


def install_until_restart(csms, sim, url):
    """Ask for an update and wait until the new image runs; where the record stood before.

    It has no network, so that the trial is not over before the test has done what it does.
    """
    since = len(csms.record)
    request_update(csms, url)
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Installing")
    sim.command("network_down")
    sim.wait_for(lambda s: s if (s.get("update") or {}).get("trial") else None, what="the trial")
    return since


def wait_for_the_old_image(sim):
    """The old image runs; its status. The network is back then."""
    status = sim.wait_for(lambda s: s if (s.get("update") or {}).get("last") is False else None, timeout_s=90,
                          what="the old version")  # fmt: skip
    sim.command("network_up")
    return status


def test_a_back_end_that_the_new_image_does_not_reach_brings_the_old_one_back(unit, csms, site, maker):  # noqa: F811
    """It was reached before: five minutes without it, and the trial has failed. A car can be charged all along."""
    sim = unit(time_scale=60)
    since = len(csms.record)
    csms.call("UpdateFirmware", location=site.put("/a", maker()), retrieveDate=PAST)
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Installing")
    sim.command("network_down")
    status = wait_for_the_old_image(sim)
    assert (status["firmware"], status["update"]["slot"]) == ("0.1.0", "ota_0")
    assert "no connection to the back end" in status["update"]["why"]
    assert outcome(csms, since)[-1] == "InstallationFailed"
    charge(sim, csms)


@pytest.mark.parametrize("how", ["watchdog", "power_cut", "reboot"])
def test_any_reset_during_the_trial_is_a_failure(unit, csms, site, maker, how):  # noqa: F811
    """Crash loops and power cuts count: the bootloader goes back, and the version before says so."""
    sim = unit(time_scale=5)
    since = install_until_restart(csms, sim, site.put("/a", maker()))
    if how == "watchdog":
        sim.command("stall", ms=60000)
    else:
        sim.command(how)
    wait_for_the_old_image(sim)
    assert outcome(csms, since)[-1] == "InstallationFailed"
    status = sim.status()
    assert (status["firmware"], status["update"]["last"]) == ("0.1.0", False)
    assert "before it was confirmed" in status["update"]["why"]
    events = [entry["event"] for entry in sim.command("security_log", count=20)["entries"]]
    assert "UpdateFailed" in events
    charge(sim, csms)


def test_settings_and_energy_come_along_and_back(unit, csms, site, maker):  # noqa: F811
    """Settings and energy are there in the new version, and in the old one after a rollback."""
    sim = unit()
    sim.wait_ocpp_status("Available", connector=1)  # on a busy machine the meter's first reading comes later
    start_session(sim, csms)
    energy = sim.wait_connector(lambda c: c["energy_wh"] > 20)["energy_wh"]
    end_session(sim, csms)
    csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="77")
    since = install_until_restart(csms, sim, site.put("/a", maker()))
    sim.command("power_cut")
    wait_for_the_old_image(sim)
    outcome(csms, since)
    assert sim.command("config")["MeterValueSampleInterval"] == "77"
    since = len(csms.record)
    request_update(csms, site.url("/a"))
    assert outcome(csms, since)[-1] == "Installed"
    assert sim.command("config")["MeterValueSampleInterval"] == "77"
    assert sim.connector()["energy_wh"] >= energy > 0


def test_altered_running_image_is_reported_and_leaves_the_network(unit, csms, site, maker):  # noqa: F811
    """SEC-9: one event to the back end, then nothing more; charging by hand goes on; a good image brings it back."""
    sim = unit()
    since = len(csms.record)
    request_update(csms, site.put("/a", maker()))
    assert outcome(csms, since)[-1] == "Installed"
    sim.stop()
    slot = sim.state_dir / "ota_1.bin"
    content = bytearray(slot.read_bytes())
    size = json.loads(maker().split(b"PLU1", 1)[1][2:].split(b"}", 1)[0] + b"}")["size"]
    assert content[size - 1] == 0xFF, "no padding to alter: what the bootloader itself checks is another test"
    content[size - 1] = 0xFE
    slot.write_bytes(content)
    since = len(csms.record)
    sim.start()
    notice = csms.record.wait("SecurityEventNotification", since=since, timeout_s=60,
                              where=lambda p: p["type"] == "FirmwareIntegrityFailed")  # fmt: skip
    assert notice.payload["techInfo"] == "ota_1"
    status = sim.wait_for(lambda s: s if not s["csms"]["connected"] else None, what="the link's end")
    assert status["update"]["altered"] is True
    assert "altered" in status["csms"]["fault"]
    since = len(csms.record)
    sim.let_pass(200)
    sim.command("reboot")
    sim.wait_for(lambda s: s if s["uptime_ms"] > 20000 else None, what="the restart")
    assert not sim.status()["csms"]["connected"]
    assert len(csms.record) == since, "it talked to the back end all the same"
    assert "altered" in sim.status()["csms"]["fault"]
    assert sim.status()["wifi"]["up"] is False  # F-S7


def test_a_notice_of_a_new_version_is_an_offer(unit, csms, site, maker):  # noqa: F811
    """SEC-5, SEC-7: asked for at first set-up; the owner sees it; the log has it."""
    release = {"board": "SIM", "version": "0.3.0", "counter": 2, "min_hardware": 1, "size": 1}
    releases = [
        {**release, "version": "9.9.9", "board": "OTHER", "url": site.url("/x")},
        {**release, "version": "8.8.8", "url": "https://elsewhere.example/a"},
        {**release, "version": "7.7.7", "min_hardware": 9, "url": site.url("/x")},
        {**release, "url": site.put("/a", maker())},
        {**release, "version": "0.0.1", "url": site.url("/x")},
    ]
    notice = site.put("/notice.json", json.dumps({"format": 1, "releases": releases}).encode())
    sim = unit(more=["--update-url", notice])
    offer = sim.wait_for(lambda s: (s.get("update") or {}).get("offer"), what="the offer")
    assert offer == {"version": "0.3.0", "url": site.url("/a")}
    logged(sim, 0, "version 0.3.0 can be installed")
    events = [entry["event"] for entry in sim.command("security_log", count=20)["entries"]]
    assert "UpdateChecked" in events


def signed_request(maker, folder, csms, url, content, certificate=None, key=None):  # noqa: F811
    """SignedUpdateFirmware for a file, signed with the maker's signing key or another."""
    key = key or serialization.load_pem_private_key((maker.keys / "signing.pem").read_bytes(), None)
    signature = base64.b64encode(key.sign(content, ec.ECDSA(hashes.SHA256()))).decode()
    certificate = certificate or (maker.keys / "signing.crt.pem").read_text()
    return csms.call("SignedUpdateFirmware", requestId=5, firmware={
        "location": url, "retrieveDateTime": PAST, "signingCertificate": certificate, "signature": signature,
    })  # fmt: skip


def signed_statuses(csms, since, last):
    csms.record.wait("SignedFirmwareStatusNotification", since=since, where=lambda p: p["status"] in last, timeout_s=60)
    return [m.payload["status"] for m in csms.record.calls("SignedFirmwareStatusNotification", since=since)]


def test_a_signed_update_from_the_back_end(unit, csms, site, maker, tmp_path):  # noqa: F811
    """Both signatures are asked for: the back end's over the file, and our own within it."""
    sim = unit(lab=True)
    root = (maker.keys / "root.crt.pem").read_text()
    answer = csms.call("InstallCertificate", certificateType="ManufacturerRootCertificate", certificate=root)
    assert answer["status"] == "Accepted"
    content = maker()
    url = site.put("/a", content)
    since = len(csms.record)
    assert signed_request(maker, tmp_path, csms, url, content + b"x")["status"] == "Accepted"
    statuses = signed_statuses(csms, since, ("InvalidSignature", "Installed"))
    assert statuses == ["Downloading", "Downloaded", "InvalidSignature"]
    assert sim.status()["firmware"] == "0.1.0"
    start_session(sim, csms)
    since = len(csms.record)
    assert signed_request(maker, tmp_path, csms, url, content)["status"] == "Accepted"
    assert signed_statuses(csms, since, ("Downloading",)) == ["Downloading"], "the slot is not erased while the car charges"
    sim.plug_out()
    statuses = signed_statuses(csms, since, ("Installed", "InstallationFailed"))
    assert [status for status in statuses if status != "InstallScheduled"] == [
        "Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed"]
    assert sim.status()["firmware"] == "0.3.0"
