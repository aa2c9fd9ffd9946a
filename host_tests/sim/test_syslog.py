"""The security log by syslog over TLS: to Debian's rsyslog, and to receivers that are strict, wrong, slow or hostile."""

import re
import ssl
import threading
from pathlib import Path

import pytest

from backend import wait_until
from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels
from sim.sessions import end_session, start_session
from sim.syslog_receiver import Receiver, Rsyslog
from sim.test_tls_servers import IDENTITY, options, secure
from sim.tls_peers import VERSIONS, Authority, authority_with_stranger, server_context

from .conftest import BOARD_HEAP

EVENT = "SyslogAuthenticationFailed"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return authority_with_stranger(tmp_path_factory, "log.example")


@pytest.fixture
def start(launch, csms, authority):
    """Launch a charger whose owner has set a receiver at the page."""

    def start(port, root=None, **options):
        sim = launch(options=["--web", f"127.0.0.1:{free_port()}"], **options)
        csms.wait_booted()
        text = Path(root or authority.root).read_text(encoding="ascii")
        page_of(sim).put("/api/settings", SyslogServer=f"localhost:{port}", SyslogRoots=text)
        mark = len(csms.record)
        sim.restart()
        csms.wait_booted(since=mark)
        return sim

    return start


def page_of(sim):
    """The owner at the page."""
    page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"))
    assert page.login(labels(sim)[0]["pin"]).status == 200
    return page


def all_sent(sim):
    """Wait until nothing waits; the security log."""
    sim.wait_for(lambda s: s["syslog"] == {"fault": None, "waiting": 0}, 60, what="all sent")
    return sim.command("security_log", count=100)


def note(sim, count=1):
    """So many events of the log: changes of a setting."""
    page = page_of(sim)
    for _ in range(count):
        page.put("/api/settings", MqttDiscovery="homeassistant")
    page.close()


def infos(sim, name):
    return [entry["info"] for entry in sim.command("security_log", count=100)["entries"] if entry["event"] == name]


def test_the_owner_sets_a_receiver_at_the_page_and_rsyslog_gets_every_entry(start, csms, authority, tmp_path):
    """SEC-10, SEC-12, SEC-23: over a restart and an outage, each entry in order; "" takes the receiver back."""
    receiver = Rsyslog(tmp_path, authority.server, authority.root)
    receiver.open()
    try:
        sim = start(receiver.port)
        log = all_sent(sim)
        assert log["sent"]["syslog"] == log["next"] - 1
        wait_until(lambda: len(receiver.rows()) >= log["next"], 20, "all rows", state=receiver.rows)
        rows = receiver.rows()
        assert [row for row in rows if not re.fullmatch(r"pilotlight[-a-z0-9]*|sim[-a-z0-9]*", row[2])] == []
        told = {entry["seq"]: entry for entry in log["entries"]}
        for priority, time, _, application, boot, event, data, text in rows[-len(told):]:
            entry = told[int(re.search(r'seq="(\d+)"', data)[1])]
            assert (application, boot, event) == ("Pilotlight", str(entry["boot"]), entry["event"][:32])
            assert text.lstrip(" \ufeff") == entry["event"] + (": " + entry["info"] if entry["info"] else "")
            assert time.replace("+00:00", "Z")[:19] == entry["time"][:19]
            assert 104 <= int(priority) <= 111
        assert receiver.numbers() == list(range(log["next"]))
        receiver.close()
        note(sim, 3)
        sim.wait_for(lambda s: s["syslog"]["fault"] == "refused", 60, what="the receiver is away")
        mark = len(csms.record)
        sim.restart()
        csms.wait_booted(since=mark)
        receiver.open()
        log = all_sent(sim)
        wait_until(lambda: log["next"] - 1 in receiver.numbers(), 20, "the last row", state=receiver.numbers)
        numbers = receiver.numbers()
        assert sorted(set(numbers)) == list(range(log["next"]))
        page = page_of(sim)
        assert page.get("/api/settings")["SyslogServer"]["value"] == f"localhost:{receiver.port}"
        for wrong in ("a b", "host/path", "h:0", "h:99999", "user@h", "x" * 101, 5, "syslogs://h"):
            assert page.request("PUT", "/api/settings", {"SyslogServer": wrong}).status == 400, wrong
        assert page.request("PUT", "/api/settings", {"SyslogRoots": "none"}).status == 400
        page.put("/api/settings", SyslogServer="")
        sim.restart()
        assert sim.status()["syslog"] is None
    finally:
        receiver.close()


@pytest.mark.parametrize(("case", "word"), [("root", "untrusted"), ("name", "name"), ("version", "version")])
def test_receivers_that_get_nothing(start, authority, case, word):
    """SEC-12, SEC-22: another root, another name, TLS 1.1: one word for the failure, one event, not an octet of the log."""
    version = ssl.TLSVersion.TLSv1_1 if case == "version" else None
    with Receiver(authority.elsewhere if case == "name" else authority.server, version) as receiver:
        sim = start(receiver.port, authority.stranger.root if case == "root" else None)
        sim.wait_for(lambda s: s["syslog"]["fault"] == word, 60, what="refused by the unit")
        wait_until(lambda: infos(sim, EVENT) == [word], 20, "the event")
        assert receiver.messages == [] and receiver.faults == []


def test_a_receiver_that_stops_in_a_batch_reads_nothing_and_talks(start, authority):
    """Each entry comes at least once; what the receiver says does nothing; the messages keep to RFC 5424 and 5425."""
    with Receiver(authority.server) as receiver:
        receiver.most = 2
        sim = start(receiver.port)
        sim.wait_for(lambda s: s["syslog"]["fault"] == "reset", 60, what="cut in the batch")
        assert sim.command("security_log")["sent"]["syslog"] == -1
        receiver.most = None
        receiver.say = b"500 who are you?\r\n" * 100
        log = all_sent(sim)
        numbers = receiver.numbers()
        assert numbers[:2] == [0, 1] and numbers[-log["next"]:] == list(range(log["next"]))
        receiver.say = b""
        receiver.stalled = threading.Event()
        note(sim)
        wait_until(lambda: receiver.connections >= 3, 60, "a connection that is not read")
        sim.wait_for(lambda s: s["syslog"]["waiting"] == 0, 60, what="in the receiver's window")
        receiver.stalled.set()
        last = sim.command("security_log")["next"] - 1
        wait_until(lambda: last in receiver.numbers(), 20, "what was in the window")
        assert receiver.faults == []
        assert {message["host"] for message in receiver.messages} and sim.status()["boots"] == 2


def test_never_while_a_contactor_is_closed(start, csms, authority):
    """CP-24: what happens in a session goes out after it, and the charging is not interrupted for it."""
    with Receiver(authority.server) as receiver:
        sim = start(receiver.port, settings={"HandshakeMs": "1200"})
        all_sent(sim)
        start_session(sim, csms)
        csms.send_text("no JSON")
        wait_until(lambda: infos(sim, "InvalidMessages"), 20, "an event in the session")
        begun, connections = sim.status()["uptime_ms"], receiver.connections
        sim.wait_for(lambda s: s["uptime_ms"] > begun + 30000, 60, what="half a minute")
        status = sim.status()["syslog"]
        assert status["waiting"] > 0 and status["fault"] is None and receiver.connections == connections
        assert sim.connector()["relay"] and sim.connector()["openings"] == 0
        end_session(sim, csms)
        log = all_sent(sim)
        assert receiver.connections > connections and set(receiver.numbers()) == set(range(log["next"]))


def test_in_the_memory_of_a_board_without_psram(launch, csms, tmp_path):
    """Heap of 128 KiB, and room for a link by TLS and one more connection: syslog waits while the owner is at the page."""
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority").issue_both(IDENTITY)
    secure(csms, server_context(authority.server, VERSIONS["1.2"]))
    with Receiver(authority.server) as receiver:
        words = [*options(2, authority, tmp_path), "--web", f"127.0.0.1:{free_port()}", "--tls-heap", "62000"]
        sim = launch(word=32, lab=False, heap=BOARD_HEAP, csms_url=csms.url, options=words)
        csms.wait_booted()
        text = Path(authority.root).read_text(encoding="ascii")
        with Page(sim.status()["web"]["port"], keep=True) as page:
            assert page.login(labels(sim)[0]["pin"]).status == 200
            page.put("/api/settings", SyslogServer=f"localhost:{receiver.port}", SyslogRoots=text)
        mark = len(csms.record)
        sim.restart()
        csms.wait_booted(since=mark)
        all_sent(sim)
        connections = receiver.connections
        with Page(sim.status()["web"]["port"], keep=True) as page:
            assert page.login(labels(sim)[0]["pin"]).status == 200
            begun = sim.status()["uptime_ms"]
            wait_until(lambda: page.get("/api/status") and sim.status()["uptime_ms"] > begun + 40000, 60, "the owner looks on")
            status = sim.status()
            assert status["syslog"]["waiting"] > 0 and status["syslog"]["fault"] is None and status["csms"]["connected"]
            assert receiver.connections == connections
        log = all_sent(sim)
        assert set(receiver.numbers()) == set(range(log["next"])) and receiver.connections > connections
        assert sim.status()["boots"] == 2 and not [line for line in sim.log_lines() if "MemoryError" in line]
        assert infos(sim, "MemoryExhaustion") == []
