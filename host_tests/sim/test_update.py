"""Updates over the air from a real HTTPS server: only what is ours, newer and whole is ever booted (SEC-4 to 7, OCPP-115).

After every attack the unit runs what it ran, and says why in its log and to the back end. A car is charged after each
group of attacks; after each single one with PILOTLIGHT_SOAK=1.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import random

import bundle
import pytest
import release
import romfs
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.page import Page
from backend.simulator import free_port
from backend.waiting import wait_until
from sim.conftest import ROMFS_HEAP
from sim.sessions import end_session, start_session
from sim.test_diagnostics import FtpServer, certificate_for
from sim.test_provisioning import labels
from sim.update_server import BLOCK, UpdateServer, serving

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


def ask(csms, url, **more):
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
    ask(csms, url)
    assert outcome(csms, since) == ["Downloading", "DownloadFailed"], url
    logged(sim, lines, why)
    told = sim.command("slots")
    assert (told["running"], told["factory"]) == ("ota_0", True)
    assert sim.status()["firmware"] == "0.1.0"
    events = [entry["event"] for entry in sim.command("security_log", count=3)["entries"]]
    assert {"UpdateFailed", "EventsSuppressed"} & set(events), events
    if SOAK:
        charge(sim, csms)


# --- the honest way ---


@pytest.mark.parametrize("word", [64, 32])
def test_an_honest_update_and_the_next_one(unit, csms, site, maker, word):
    """N to N+1 to N+2 through both slots; a car is charged by each; the counter only rises."""
    sim = unit(word=word)
    for version, counter, slot in (("0.3.0", 2, "ota_1"), ("0.4.0", 3, "ota_0")):
        since = len(csms.record)
        ask(csms, site.put(f"/{version}", maker(version, counter)))
        assert outcome(csms, since) == ["Downloading", "Downloaded", "Installing", "Installed"]
        boot = csms.record.wait("BootNotification", since=since)
        assert boot.payload["firmwareVersion"] == version
        status = sim.status()
        assert (status["firmware"], status["update"]["slot"], status["update"]["counter"]) == (version, slot, counter)
        assert sim.command("slots")["slots"][slot] == {"state": "valid", "version": version, "good": True}
        charge(sim, csms)
    events = [entry["event"] for entry in sim.command("security_log", count=30)["entries"]]
    assert events.count("FirmwareUpdated") == 2


def test_update_waits_for_a_running_session(unit, csms, site, maker):
    """OCPP-115: the download goes on beside a session, the installation waits for its end."""
    sim = unit()
    start_session(sim, csms)
    since = len(csms.record)
    ask(csms, site.put("/a", maker()))
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Downloaded")
    sim.let_pass(30)
    assert sim.connector()["contacts"]
    end_session(sim, csms)
    assert outcome(csms, since)[-1] == "Installed"


def test_a_new_firmware_that_cannot_do_its_work_goes_back(unit, csms, site, maker, tmp_path):
    """The trial: its meter does not answer, so the version before comes back, says so, and charges."""
    good = maker()
    image = bundle.sim_image(broken_image(tmp_path, "0.5.0"), "0.5.0", 9)
    bad = bundle.join(bundle.split(good)[0], b"x", image)
    bad = resigned(maker, bad, size=len(image), version="0.5.0", counter=9,
                   sha256=hashlib.sha256(image).hexdigest())
    sim = unit(time_scale=60)
    since = len(csms.record)
    ask(csms, site.put("/bad", bad))
    assert outcome(csms, since) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    status = sim.status()
    assert (status["firmware"], status["update"]["last"]) == ("0.1.0", False)
    assert "meter does not answer" in status["update"]["why"]
    assert status["update"]["counter"] == 0, "a counter that was never confirmed does not count"
    charge(sim, csms)
    since = len(csms.record)
    ask(csms, site.put("/a", good))
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


def test_bundles_of_another_vendor_board_or_age_are_refused(unit, csms, site, maker):
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


def test_a_counter_that_was_confirmed_is_never_undercut(unit, csms, site, maker):
    """SEC-4: after a release that raised the counter, a newer version with a lower one is refused."""
    sim = unit()
    ask(csms, site.put("/a", maker("0.3.0", 2)))
    csms.record.wait("FirmwareStatusNotification", where=lambda p: p["status"] == "Installed", timeout_s=60)
    since, lines = len(csms.record), len(sim.log_lines())
    ask(csms, site.put("/b", resigned(maker, maker("0.4.0", 3), counter=1)))
    assert outcome(csms, since) == ["Downloading", "DownloadFailed"]
    logged(sim, lines, "counter")
    assert sim.status()["firmware"] == "0.3.0"


def test_one_bit_in_any_place_is_detected(unit, csms, site, maker):
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


# --- where it comes from ---


def test_only_our_hosts_by_tls_under_our_roots(unit, csms, site, maker, tmp_path):
    """SEC-6: the origin is checked before anything is requested."""
    sim = unit(hosts=("127.0.0.1", "localhost"))
    content = maker()
    other = tmp_path / "other"
    other.mkdir()
    pem, key, _ = certificate_for(other)
    stranger, plain = UpdateServer(pem, key), UpdateServer()
    try:
        for server in (stranger, plain):
            server.put("/a", content)
        site.put("/a", content)
        refused(sim, csms, stranger.url("/a"), "untrusted")
        refused(sim, csms, plain.url("/a"), "do not come by http")
        refused(sim, csms, plain.url("/a", scheme="ftp"), "do not come by ftp")
        refused(sim, csms, site.url("/a", host="localhost"), "name")
        refused(sim, csms, site.url("/a", host="127.0.0.2"), "no update host")
        refused(sim, csms, "https://", "origin")
        assert (stranger.requests, plain.requests, site.requests) == ([], [], []), "something was requested"
    finally:
        stranger.close()
        plain.close()
    charge(sim, csms)


def test_an_expired_certificate_is_refused(unit, csms, site, maker):
    sim = unit(time_scale=1)
    url = site.put("/a", maker())
    sim.command("set_time", iso="2039-01-01T00:00:00Z")
    since, lines = len(csms.record), len(sim.log_lines())
    ask(csms, url)
    assert outcome(csms, since) == ["Downloading", "DownloadFailed"]
    logged(sim, lines, "expired")
    assert site.requests == []


def test_redirects_lead_nowhere_else(unit, csms, site, maker, tmp_path):
    sim = unit(hosts=("127.0.0.1", "localhost"))
    content = maker()
    plain = UpdateServer()
    try:
        plain.put("/a", content)
        for number, location in enumerate((plain.url("/a"), f"https://localhost:{plain.port}/a", "https://example.com/a",
                                           f"//127.0.0.1:{plain.port}/a", "javascript:1")):  # fmt: skip
            url = site.put(f"/r{number}", b"", status="302 Found", fields={"Location": location})
            refused(sim, csms, url, "redirected")
        refused(sim, csms, site.put("/loop", b"", status="302 Found", fields={"Location": "/loop"}), "redirected")
        assert plain.requests == []
    finally:
        plain.close()
    site.put("/here", content)
    since = len(csms.record)
    ask(csms, site.put("/there", b"", status="307 Temporary Redirect", fields={"Location": "/here"}))
    assert outcome(csms, since)[-1] == "Installed"


def test_a_laboratory_unit_takes_plain_http_but_not_without_the_signature(unit, csms, maker):
    sim = unit(hosts=(), lab=True)
    plain = UpdateServer()
    try:
        manifest, _, image = bundle.split(maker())
        refused(sim, csms, plain.put("/bad", bundle.join(manifest, b"\x30\x06\x02\x01\x01\x02\x01\x01", image)), "signature")
        since = len(csms.record)
        ask(csms, plain.put("/a", maker()))
        assert outcome(csms, since)[-1] == "Installed"
    finally:
        plain.close()


def test_a_laboratory_unit_takes_ftp_also_over_a_lost_link_but_not_without_the_signature(unit, csms, maker):
    """OCPP-118: with user and password; gone on with by REST; refused with a wrong login and without a good signature."""
    sim = unit(hosts=(), lab=True)
    ftp = FtpServer("user", "pa:ss")
    try:
        manifest, _, image = bundle.split(maker())
        ftp.files["in/bad.plu"] = bundle.join(manifest, b"\x30\x06\x02\x01\x01\x02\x01\x01", image)
        ftp.files["in/good.plu"] = maker()
        url = f"ftp://%s@127.0.0.1:{ftp.port}/in/%s"
        refused(sim, csms, url % ("user:pa%3Ass", "bad.plu"), "signature")
        refused(sim, csms, url % ("user:wrong", "good.plu"), "login refused")
        ftp.cuts = [100_000, 50_000, None]
        since = len(csms.record)
        ask(csms, url % ("user:pa%3Ass", "good.plu"))
        assert outcome(csms, since)[-1] == "Installed"
        assert ftp.commands.count("REST") == 2
        assert "pa:ss" not in "\n".join(sim.log_lines()) and "pa%3Ass" not in "\n".join(sim.log_lines())
    finally:
        ftp.close()


# --- servers that misbehave ---


def test_servers_that_lie_about_the_body(unit, csms, site, maker):
    """Lengths, encodings, chunks: what can be read in two ways is not read at all."""
    sim = unit()
    good = maker()
    chunk = b"%x\r\n%s\r\n" % (len(good), good)
    chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
    cases = {
        "gzip": ({"fields": {"Content-Encoding": "gzip"}}, "encoding"),
        "both lengths": ({"fields": {"Transfer-Encoding": "chunked"}, "body": chunk + b"0\r\n\r\n"}, "length of the body"),
        "two lengths": ({"fields": {"Content-Length": f"{len(good)}, 7"}}, "length of the body"),
        "negative length": ({"fields": {"Content-Length": "-1"}}, "length of the body"),
        "short length": ({"fields": {"Content-Length": str(len(good) - 1)}}, "size"),
        "long length": ({"fields": {"Content-Length": str(len(good) + 1)}}, "size"),
        "chunk of no length": ({"fields": chunked, "body": b"xyz\r\n"}, "chunk"),
        "chunk too large": ({"fields": chunked, "body": b"ffffffff\r\n"}, "chunk"),
        "chunk without its end": ({"fields": chunked, "body": chunk[:-2] + b"00\r\n0\r\n\r\n"}, "chunk"),
        "extra chunk": ({"fields": chunked, "body": chunk + b"1\r\nx\r\n0\r\n\r\n"}, "goes on after its end"),
        "no HTTP": ({"head": b"SSH-2.0-OpenSSH\r\n\r\n"}, "not an HTTP answer"),
        "endless head": ({"head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000}, "a head without an end"),
        "not there": ({"status": "404 Not Found"}, "404"),
        "server error": ({"status": "503 Service Unavailable"}, "503"),
        "a range nobody asked for": ({"status": "206 Partial Content"}, "206"),
    }  # fmt: skip
    for name, (how, why) in cases.items():
        refused(sim, csms, site.put("/" + name.replace(" ", "-"), good, **how), why)
    since = len(csms.record)
    ask(csms, site.put("/honest-chunks", good, fields=chunked, body=chunk + b"0\r\n\r\n"))
    assert outcome(csms, since)[-1] == "Installed"
    charge(sim, csms)


def test_a_file_that_is_cut_short_never_installs(unit, csms, site, maker):
    """Truncated at multiples of 4 KiB, with an honest length and without one."""
    sim = unit(time_scale=200)
    good = maker()
    cuts = range(BLOCK, len(good), BLOCK)
    for number, cut in enumerate(cuts if SOAK else random.Random(3).sample(cuts, 4)):
        fields = {} if number % 2 else {"Content-Length": None}
        refused(sim, csms, site.put(f"/cut-{cut}", good[:cut], fields=fields), "update")
    charge(sim, csms)


def test_upload_outlasts_a_server_that_fails_repeatedly(unit, csms, site, maker):
    """Each answer ends after a few blocks: the download goes on where it was, by ranges."""
    sim = unit(time_scale=200)
    good = maker()
    blocks = 1 if SOAK else 12
    since = len(csms.record)
    ask(csms, site.put("/a", good, cut=blocks * BLOCK + 700))
    assert outcome(csms, since, 200)[-1] == "Installed"
    offsets = [offset for _, offset in site.requests]
    assert len(offsets) > len(good) // (2 * blocks * BLOCK) and offsets == sorted(set(offsets))
    assert sim.status()["firmware"] == "0.3.0"


def test_a_server_without_ranges_is_asked_for_the_whole_again(unit, csms, site, maker):
    unit(time_scale=100)
    since = len(csms.record)
    ask(csms, site.put("/a", maker(), no_range=True, cuts=[30000, 60000, None, None]))
    assert outcome(csms, since)[-1] == "Installed"


def test_a_file_that_changes_while_it_is_fetched(unit, csms, site, maker):
    """The rest of another file does not pass for the rest of this one; asked again, the new one is taken."""
    sim = unit(time_scale=100)
    since = len(csms.record)
    first, second = maker("0.3.0", 2), maker("0.4.0", 3)
    site.put("/a", first, cuts=[50000])
    ask(csms, site.url("/a"), retries=1, retryInterval=1)
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Downloading")
    site.put("/a", second, cuts=[50000, None, None, None])
    assert outcome(csms, since, ends=("Installed", "InstallationFailed"))[-1] == "Installed"
    assert sim.status()["firmware"] in ("0.3.0", "0.4.0")


# --- the owner ---


@pytest.mark.parametrize("word", [64, 32])
def test_the_owner_sees_what_is_offered_and_installs_it_with_one_click(unit, csms, site, maker, word):
    """SEC-5, SEC-7: asked for by itself, shown at the page, installed on a word of the owner's, when nobody charges."""
    url = site.put("/0.3.0", maker())
    release = {"board": "SIM", "version": "0.3.0", "counter": 2, "min_hardware": 1, "size": len(maker()), "url": url}
    notice = site.put("/notice", json.dumps({"format": 1, "releases": [release, release | {"version": "0.0.9"}]}).encode())
    sim = unit(word=word, time_scale=5, more=["--update-url", notice, "--web", f"127.0.0.1:{free_port()}"])
    [label] = labels(sim)
    sim.wait_for(lambda s: s["update"]["offer"], what="the offer", timeout_s=60)
    page = Page(sim.status()["web"]["port"])
    assert page.login(label["installer_pin"], "installer").status == 200
    assert page.ask("POST", "/api/update").status == 403
    assert page.login(label["pin"]).status == 200
    shown = page.get("/api/update")
    assert (shown["version"], shown["offer"]["version"]) == ("0.1.0", "0.3.0")
    if word == 64:  # in the heap of a board it takes turns with a session: the other tests of both are for that
        start_session(sim, csms)
    since = len(csms.record)
    assert page.post("/api/update") == {"version": "0.3.0"}
    if word == 32:
        installed(sim, csms, since)
        return
    sim.wait_for(lambda s: s["update"].get("loading") == "0.3.0" and s["update"]["bytes"] == len(maker()) - len(head_of(maker())),
                 what="the download", timeout_s=60)
    assert page.ask("POST", "/api/update").status == 409
    assert sim.connector()["relay"], "a session is not cut off"
    sim.let_pass(30)
    assert sim.status()["boots"] == 1
    end_session(sim, csms)
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


def head_of(content):
    """What comes before the image in a bundle."""
    return content[: len(content) - len(bundle.split(content)[2])]


# --- power ---


@pytest.mark.parametrize("after", range(0, 350, 7) if SOAK else (1, 40, 240))
@pytest.mark.parametrize("mode", ["drop", "half", "late"])
def test_power_cut_at_a_flash_operation_of_a_download(unit, csms, site, maker, after, mode):
    """Whatever the operation: the unit comes back with what it ran, and goes on with the download when asked again."""
    sim = unit()
    url = site.put("/a", maker())
    mark = len(csms.record)
    sim.let_pass(20)  # what is written after a start is written
    sim.command("power_cut", after=after, mode=mode, seconds=0)
    with contextlib.suppress(ConnectionError):  # gone before it was asked: something else was written first
        ask(csms, url)
    csms.wait_booted(since=mark, timeout_s=40)
    assert sim.status()["firmware"] == "0.1.0"
    since = len(csms.record)
    ask(csms, url)
    assert outcome(csms, since)[-1] == "Installed"
    if after >= 150:
        assert site.requests[-1][1] > BLOCK, "the download began anew"
    charge(sim, csms)
