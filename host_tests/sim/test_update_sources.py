"""Sources of updates: hosts, certificates, redirects, plain protocols, and servers that misbehave (SEC-5, SEC-6)."""

import random

import bundle

from sim.test_diagnostics import FtpServer, certificate_for
from sim.update_rig import SOAK, charge, logged, maker, outcome, refused, request_update, site, unit  # noqa: F401 - fixtures
from sim.update_server import BLOCK, UpdateServer


def test_only_our_hosts_by_tls_under_our_roots(unit, csms, site, maker, tmp_path):  # noqa: F811
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


def test_an_expired_certificate_is_refused(unit, csms, site, maker):  # noqa: F811
    sim = unit(time_scale=1)
    url = site.put("/a", maker())
    sim.command("set_time", iso="2039-01-01T00:00:00Z")
    since, lines = len(csms.record), len(sim.log_lines())
    request_update(csms, url)
    assert outcome(csms, since) == ["Downloading", "DownloadFailed"]
    logged(sim, lines, "expired")
    assert site.requests == []


def test_redirects_lead_nowhere_else(unit, csms, site, maker, tmp_path):  # noqa: F811
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
    request_update(csms, site.put("/there", b"", status="307 Temporary Redirect", fields={"Location": "/here"}))
    assert outcome(csms, since)[-1] == "Installed"


def test_a_laboratory_unit_takes_plain_http_but_not_without_the_signature(unit, csms, maker):  # noqa: F811
    sim = unit(hosts=(), lab=True)
    plain = UpdateServer()
    try:
        manifest, _, image = bundle.split(maker())
        refused(sim, csms, plain.put("/bad", bundle.join(manifest, b"\x30\x06\x02\x01\x01\x02\x01\x01", image)), "signature")
        since = len(csms.record)
        request_update(csms, plain.put("/a", maker()))
        assert outcome(csms, since)[-1] == "Installed"
    finally:
        plain.close()


def test_a_laboratory_unit_takes_ftp_also_over_a_lost_link_but_not_without_the_signature(unit, csms, maker):  # noqa: F811
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
        request_update(csms, url % ("user:pa%3Ass", "good.plu"))
        assert outcome(csms, since)[-1] == "Installed"
        assert ftp.commands.count("REST") == 2
        assert "pa:ss" not in "\n".join(sim.log_lines()) and "pa%3Ass" not in "\n".join(sim.log_lines())
    finally:
        ftp.close()


# --- servers that misbehave ---


def test_servers_that_lie_about_the_body(unit, csms, site, maker):  # noqa: F811
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
    request_update(csms, site.put("/honest-chunks", good, fields=chunked, body=chunk + b"0\r\n\r\n"))
    assert outcome(csms, since)[-1] == "Installed"
    charge(sim, csms)


def test_a_file_that_is_cut_short_never_installs(unit, csms, site, maker):  # noqa: F811
    """Truncated at multiples of 4 KiB, with an honest length and without one."""
    sim = unit(time_scale=200)
    good = maker()
    cuts = range(BLOCK, len(good), BLOCK)
    for number, cut in enumerate(cuts if SOAK else random.Random(3).sample(cuts, 4)):
        fields = {} if number % 2 else {"Content-Length": None}
        refused(sim, csms, site.put(f"/cut-{cut}", good[:cut], fields=fields), "update")
    charge(sim, csms)


def test_upload_outlasts_a_server_that_fails_repeatedly(unit, csms, site, maker):  # noqa: F811
    """Each answer ends after a few blocks: the download goes on where it was, by ranges."""
    sim = unit(time_scale=200)
    good = maker()
    blocks = 1 if SOAK else 12
    since = len(csms.record)
    request_update(csms, site.put("/a", good, cut=blocks * BLOCK + 700))
    assert outcome(csms, since, 200)[-1] == "Installed"
    offsets = [offset for _, offset in site.requests]
    assert len(offsets) > len(good) // (2 * blocks * BLOCK) and offsets == sorted(set(offsets))
    assert sim.status()["firmware"] == "0.3.0"


def test_a_server_without_ranges_is_asked_for_the_whole_again(unit, csms, site, maker):  # noqa: F811
    unit(time_scale=100)
    since = len(csms.record)
    request_update(csms, site.put("/a", maker(), no_range=True, cuts=[30000, 60000, None, None]))
    assert outcome(csms, since)[-1] == "Installed"


def test_a_file_that_changes_while_it_is_fetched(unit, csms, site, maker):  # noqa: F811
    """The rest of another file does not pass for the rest of this one; asked again, the new one is taken."""
    sim = unit(time_scale=100)
    since = len(csms.record)
    first, second = maker("0.3.0", 2), maker("0.4.0", 3)
    site.put("/a", first, cuts=[50000])
    request_update(csms, site.url("/a"), retries=1, retryInterval=1)
    csms.record.wait("FirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Downloading")
    site.put("/a", second, cuts=[50000, None, None, None])
    assert outcome(csms, since, ends=("Installed", "InstallationFailed"))[-1] == "Installed"
    assert sim.status()["firmware"] in ("0.3.0", "0.4.0")
