"""Units that take updates from a server of the test, and the checks of a finished or refused update."""

import json
import os

import bundle
import pytest
import release
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.waiting import wait_until
from sim.conftest import ROMFS_HEAP
from sim.sessions import end_session, start_session
from sim.update_server import serving

SOAK = bool(os.environ.get("PILOTLIGHT_SOAK"))
PAST = "2026-01-01T00:00:00Z"
ENDS = ("Installed", "DownloadFailed", "InstallationFailed")


@pytest.fixture(scope="session")
def maker(tmp_path_factory):
    """maker(version, counter): a good bundle; `maker.keys` is the folder of its keys."""
    folder = tmp_path_factory.mktemp("maker")
    made = {}

    def make(version="0.3.0", counter=2):
        if (version, counter) not in made:
            output = folder / f"{version}-{counter}.plu"
            assert release.main([
                "build", "--board", "SIM", "--version", version, "--counter", str(counter),
                "--key", str(make.keys / "update.pem"), "-o", str(output),
            ]) == 0  # fmt: skip
            made[version, counter] = output.read_bytes()
        return made[version, counter]

    make.keys = folder / "keys"
    assert release.main(["keys", str(make.keys)]) == 0
    return make


@pytest.fixture
def site(tmp_path):
    """A server whose root the unit knows."""
    with serving(tmp_path) as (server, root):
        server.root = root
        yield server


@pytest.fixture
def unit(launch, csms, maker, site):
    """unit(): a charger that takes updates from `site`."""
    def start(hosts=("127.0.0.1",), **options):
        words = ["--update-key", str(maker.keys / "update.pub.pem"), "--update-ca", str(site.root)]
        for host in hosts:
            words += ["--update-host", host]
        options.setdefault("lab", False)
        options.setdefault("time_scale", 20)
        options.setdefault("heap", ROMFS_HEAP)
        sim = launch(options=[*words, *options.pop("more", ())], **options)
        csms.wait_booted()
        return sim

    return start


def resigned(maker, content, key=None, **changed):
    """A bundle with other values in its manifest, and a signature that is right for them (or of another key)."""
    manifest, _, image = bundle.split(content)
    fields = json.loads(manifest) | changed
    fields.pop("format")
    manifest = bundle.manifest_bytes(**fields)
    signer = key or serialization.load_pem_private_key((maker.keys / "update.pem").read_bytes(), None)
    return bundle.join(manifest, signer.sign(manifest, ec.ECDSA(hashes.SHA256())), image)


def request_update(csms, url, **more):
    csms.call("UpdateFirmware", location=url, retrieveDate=PAST, **more)


def outcome(csms, since, timeout_s=60, ends=ENDS):
    """The statuses of an update, as the back end saw them, up to its end."""
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] in ends, timeout_s=timeout_s)
    return [m.payload["status"] for m in csms.record.calls("FirmwareStatusNotification", since=since)]


def charge(sim, csms):
    start_session(sim, csms)
    sim.wait_connector(lambda c: c["drawn_amps"] > 5)
    end_session(sim, csms)


def logged(sim, lines, why):
    """Something said since so many lines; what the charger prints takes a moment to arrive."""
    wait_until(lambda: any(why in line for line in sim.log_lines()[lines:]), 10, f"{why!r} in the log",
               state=lambda: "\n".join(sim.log_lines()[lines:]))  # fmt: skip


def refused(sim, csms, url, why):
    """An update that must fail: statuses, log, and the slot that runs."""
    since, lines = len(csms.record), len(sim.log_lines())
    request_update(csms, url)
    assert outcome(csms, since) == ["Downloading", "DownloadFailed"], url
    logged(sim, lines, why)
    slots = sim.command("slots")
    assert (slots["running"], slots["factory"]) == ("ota_0", True)
    assert sim.status()["firmware"] == "0.1.0"
    events = [entry["event"] for entry in sim.command("security_log", count=3)["entries"]]
    assert {"UpdateFailed", "EventsSuppressed"} & set(events), events
    if SOAK:
        charge(sim, csms)
