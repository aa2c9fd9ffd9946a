"""Updates over the air from a real HTTPS server: only a complete, newer bundle of the vendor is booted (SEC-4 to 7, OCPP-115).

After every attack the unit runs the old version and reports the reason in its log and to the back end. A car is charged after
each group of attacks; after each single one with PILOTLIGHT_SOAK=1.
"""

import contextlib
import hashlib
import json
import pathlib
import random

import bundle
import pytest
import romfs
from cryptography.hazmat.primitives.asymmetric import ec

from backend import CallRefused
from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels
from sim.sessions import end_session, start_session
from sim.update_rig import SOAK, charge, logged, maker, outcome, refused, request_update, resigned, site, unit  # noqa: F401 - fixtures
from sim.update_server import BLOCK

# --- the honest way ---


@pytest.mark.parametrize("word", [64, 32])
def test_an_honest_update_and_the_next_one(unit, csms, site, maker, word):  # noqa: F811
    """N to N+1 to N+2 through both slots; a car is charged by each; the counter only rises."""
    sim = unit(word=word)
    for version, counter, slot in (("0.3.0", 2, "ota_1"), ("0.4.0", 3, "ota_0")):
        since = len(csms.record)
        request_update(csms, site.put(f"/{version}", maker(version, counter)))
        assert outcome(csms, since) == ["Downloading", "Downloaded", "Installing", "Installed"]
        boot = csms.record.wait("BootNotification", since=since)
        assert boot.payload["firmwareVersion"] == version
        status = sim.status()
        assert (status["firmware"], status["update"]["slot"], status["update"]["counter"]) == (version, slot, counter)
        assert sim.command("slots")["slots"][slot] == {"state": "valid", "version": version, "good": True}
        charge(sim, csms)
    events = [entry["event"] for entry in sim.command("security_log", count=30)["entries"]]
    assert events.count("FirmwareUpdated") == 2


def test_update_waits_for_a_running_session(unit, csms, site, maker):  # noqa: F811
    """OCPP-115: the download waits for the open contactor, since it erases flash, the installation for the session's end."""
    sim = unit()
    start_session(sim, csms)
    since = len(csms.record)
    request_update(csms, site.put("/a", maker()))
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Downloading")
    sim.let_pass(30)
    assert sim.connector()["contacts"]
    status = sim.status()
    assert (status["update"].get("bytes", 0), status["flash"]["erases_closed"]) == (0, 0)
    end_session(sim, csms)
    assert outcome(csms, since)[-1] == "Installed"


def test_a_new_firmware_that_cannot_do_its_work_goes_back(unit, csms, site, maker, tmp_path):  # noqa: F811
    """The trial: its meter does not answer, so the version before comes back, says so, and charges."""
    good = maker()
    image = bundle.sim_image(broken_image(tmp_path, "0.5.0"), "0.5.0", 9)
    bad = bundle.join(bundle.split(good)[0], b"x", image)
    bad = resigned(maker, bad, size=len(image), version="0.5.0", counter=9,
                   sha256=hashlib.sha256(image).hexdigest())
    sim = unit(time_scale=60)
    since = len(csms.record)
    request_update(csms, site.put("/bad", bad))
    assert outcome(csms, since) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    status = sim.status()
    assert (status["firmware"], status["update"]["last"]) == ("0.1.0", False)
    assert "meter does not answer" in status["update"]["why"]
    assert status["update"]["counter"] == 0, "a counter that was never confirmed does not count"
    charge(sim, csms)
    since = len(csms.record)
    request_update(csms, site.put("/a", good))
    assert outcome(csms, since)[-1] == "Installed"


def broken_image(folder, version):
    """The tree's firmware, with a meter driver that never answers."""
    text = (romfs.ROOT / "firmware/charger/version.py").read_text().replace('VERSION = "0.1.0"', f'VERSION = "{version}"')
    meter = (romfs.ROOT / "firmware/charger/metering/reading.py").read_text()
    assert "def usable(self" in meter
    place = meter.index("def usable(self")
    end = meter.index("\n        return", place)
    meter = meter[:end] + "\n        return False" + meter[end:]
    replaced = {pathlib.Path("charger/version.py"): text, pathlib.Path("charger/metering/reading.py"): meter}
    return romfs.build(folder / "broken.romfs", replaced).read_bytes()


# --- forgeries ---


def test_bundles_of_another_vendor_board_or_age_are_refused(unit, csms, site, maker):  # noqa: F811
    """Signature, board, version, counter, hardware, size: nothing is written to the slot before all of them hold."""
    sim = unit()
    good = maker()
    manifest, signature, image = bundle.split(good)
    stranger = ec.generate_private_key(ec.SECP256R1())
    altered = manifest.replace(b'"counter":2', b'"counter":7')
    cases = {
        "another key": (resigned(maker, good, key=stranger), "signature"),
        "altered": (bundle.join(altered, signature, image), "signature"),
        "stripped": (bundle.MAGIC + good[4 : 6 + len(manifest)] + b"\0\0" + image, "manifest"),
        "empty signature": (bundle.join(manifest, b"\x30\x00", image), "signature"),
        "signature of zeros": (bundle.join(manifest, bytes.fromhex("3006020100020100"), image), "signature"),
        "another board": (resigned(maker, good, board="ESP32_DEVKITC"), "board"),
        "same version": (resigned(maker, good, version="0.1.0"), "version"),
        "downgrade": (resigned(maker, good, version="0.0.9"), "version"),
        "release candidate": (resigned(maker, good, version="0.1.0-rc.1"), "version"),
        "no version": (resigned(maker, good, version="latest"), "version"),
        "newer hardware": (resigned(maker, good, min_hardware=2), "hardware"),
        "too large": (resigned(maker, good, size=bundle.SLOT_BYTES + 1), "size"),
        "negative size": (resigned(maker, good, size=-1), "manifest"),
        "size as text": (resigned(maker, good, size="12"), "manifest"),
        "a smaller size": (resigned(maker, good, size=len(image) - BLOCK), "size"),
        "a larger size": (resigned(maker, good, size=len(image) + BLOCK), "size"),
        "no bundle": (b"PK\x03\x04" + good[4:], "manifest"),
        "long manifest": (bundle.MAGIC + b"\xff\xff" + good[6:], "manifest"),
        "nothing": (b"", "size"),
        "extra bytes": (good + b"\0", "size"),
    }  # fmt: skip
    for name, (content, why) in cases.items():
        refused(sim, csms, site.put("/" + name.replace(" ", "-"), content), why)
    assert not (sim.state_dir / "ota_1.bin").exists(), "a block was written before the manifest was believed"
    charge(sim, csms)


def test_a_counter_that_was_confirmed_is_never_undercut(unit, csms, site, maker):  # noqa: F811
    """SEC-4: after a release that raised the counter, a newer version with a lower one is refused."""
    sim = unit()
    request_update(csms, site.put("/a", maker("0.3.0", 2)))
    csms.record.wait("FirmwareStatusNotification", where=lambda p: p["status"] == "Installed", timeout_s=60)
    since, lines = len(csms.record), len(sim.log_lines())
    request_update(csms, site.put("/b", resigned(maker, maker("0.4.0", 3), counter=1)))
    assert outcome(csms, since) == ["Downloading", "DownloadFailed"]
    logged(sim, lines, "counter")
    assert sim.status()["firmware"] == "0.3.0"


def test_one_bit_in_any_place_is_detected(unit, csms, site, maker):  # noqa: F811
    """Flips all over the file: manifest and signature are refused at once, the image by its hash."""
    sim = unit()
    good = maker()
    chance = random.Random(7)
    places = [5, 40, 150, len(good) - 1, *(chance.randrange(len(good)) for _ in range(60 if SOAK else 6))]
    for at in places:
        changed = bytearray(good)
        changed[at] ^= 1 << chance.randrange(8)
        refused(sim, csms, site.put(f"/flip-{at}", bytes(changed)), "update")
    charge(sim, csms)


# --- the owner ---


def test_the_owner_sees_what_is_offered_and_installs_it_with_one_click(unit, csms, site, maker):  # noqa: F811
    """SEC-5, SEC-7: asked for by itself, shown at the page, installed on a word of the owner's, in the heap of a board.

    page/test_update.py has the same in a browser, asked for while a car charges.
    """
    url = site.put("/0.3.0", maker())
    release = {"board": "SIM", "version": "0.3.0", "counter": 2, "min_hardware": 1, "size": len(maker()), "url": url}
    notice = site.put("/notice", json.dumps({"format": 1, "releases": [release, release | {"version": "0.0.9"}]}).encode())
    sim = unit(word=32, time_scale=5, more=["--update-url", notice, "--web", f"127.0.0.1:{free_port()}"])
    [label] = labels(sim)
    sim.wait_for(lambda s: s["update"]["offer"], what="the offer", timeout_s=60)
    page = Page(sim.status()["web"]["port"])
    assert page.login(label["installer_pin"], "installer").status == 200
    assert page.request("POST", "/api/update").status == 403
    assert page.login(label["pin"]).status == 200
    shown = page.get("/api/update")
    assert (shown["version"], shown["offer"]["version"]) == ("0.1.0", "0.3.0")
    since = len(csms.record)
    assert page.post("/api/update") == {"version": "0.3.0"}
    assert page.request("POST", "/api/update").status == 409, "asked for twice"
    installed(sim, csms, since)


def installed(sim, csms, since):
    """The new version came up, proved itself, and charges."""
    boot = csms.record.wait("BootNotification", since=since, timeout_s=90)
    assert boot.payload["firmwareVersion"] == "0.3.0"
    sim.wait_for(lambda s: s["update"]["last"], what="the end of the trial", timeout_s=60)
    assert not sim.status()["update"]["offer"]
    events = [entry["event"] for entry in sim.command("security_log", count=30)["entries"]]
    assert {"UpdateChecked", "FirmwareUpdated"} <= set(events)
    charge(sim, csms)


# --- power ---


@pytest.mark.parametrize("after", range(0, 350, 7) if SOAK else (1, 40, 240))
@pytest.mark.parametrize("mode", ["drop", "half", "late"])
def test_power_cut_at_a_flash_operation_of_a_download(unit, csms, site, maker, after, mode):  # noqa: F811
    """Whatever the operation: the unit comes back with what it ran, and goes on with the download when asked again."""
    sim = unit()
    url = site.put("/a", maker())
    mark = len(csms.record)
    sim.let_pass(20)  # what is written after a start is written
    sim.command("power_cut", after=after, mode=mode, seconds=0)
    # Gone before it was asked, when something else was written first; refused, when the request itself is being written.
    with contextlib.suppress(ConnectionError, CallRefused):
        request_update(csms, url)
    csms.wait_booted(since=mark, timeout_s=40)
    assert sim.status()["firmware"] == "0.1.0"
    since = len(csms.record)
    request_update(csms, url)
    assert outcome(csms, since)[-1] == "Installed"
    if after >= 150:
        assert site.requests[-1][1] > BLOCK, "the download began anew"
    charge(sim, csms)
