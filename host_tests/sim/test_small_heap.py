"""The heap of a board without PSRAM, 128 KiB, over TLS and over many sessions: rare messages still work at the end.

32-bit words, frozen firmware as on a board. What is imported late needs memory in one piece; sessions, cuts of the link and
rare messages in between must not leave the heap in crumbs (`make soak` goes on for a day). The renewal of a certificate in
such a heap is in test_certificates.py.
"""

import json
import os

from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels

from .conftest import BOARD_HEAP, REFERENCE_HEAP
from .owner import UNIT, Broker
from .resident import assert_resident
from .sessions import end_session, start_session
from .test_big_frames import frame, local_list, profile
from .test_tls_servers import IDENTITY, options, secure
from .tls_peers import VERSIONS, Authority, server_context

SOAK = bool(os.environ.get("PILOTLIGHT_SOAK"))
ROUNDS = 40 if SOAK else 1
QUIET_S = 900 if SOAK else 90
# Bytes in use, everything collected: what comes late, and what a board has besides, needs the rest.
BUDGET = 76 * 1024  # after the start, by TLS with a password
BUDGET_CHARGING = 78 * 1024  # charging over TLS with a client certificate
BUDGET_OF_ALL = 90 * 1024  # and the local page and the owner's broker connected
BUDGET_OF_VISIT = 105 * 1024  # and the owner logged in at the page, which asks once a second


def rare(csms, n):
    """A back end's occasional requests, each once."""
    assert csms.call("SetChargingProfile", **profile(24)) == {"status": "Accepted"}
    assert csms.call("GetCompositeSchedule", connectorId=1, duration=3600)["status"] == "Accepted"
    assert csms.call("ClearChargingProfile", id=1) == {"status": "Accepted"}
    assert csms.call("SendLocalList", **local_list(n + 1, 20)) == {"status": "Accepted"}
    assert csms.call("GetLocalListVersion") == {"listVersion": n + 1}
    assert csms.call("ReserveNow", connectorId=1, expiryDate="2031-01-01T00:00:00Z", idTag="GOOD0002", reservationId=n)
    assert csms.call("CancelReservation", reservationId=n)
    assert len(csms.call("GetConfiguration")["configurationKey"]) > 40
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value=str(20 + n)) == {"status": "Accepted"}
    assert csms.call("GetInstalledCertificateIds", certificateType="CentralSystemRootCertificate")["status"] == "Accepted"
    for message in ("Heartbeat", "MeterValues", "StatusNotification", "DiagnosticsStatusNotification"):
        assert csms.call("TriggerMessage", requestedMessage=message) == {"status": "Accepted"}


def assert_no_shortage(sim):
    """It is the first start still, the link was never given up, and nothing was short of memory."""
    status = sim.status()
    assert status["boots"] == 1 and status["failed_task"] is None and status["csms"]["connected"], sim.log_tail()
    assert not [line for line in sim.log_lines() if "MemoryError" in line or "memory" in line], sim.log_tail()
    assert json.dumps(sim.command("security_log", count=100)).count("MemoryExhaustion") == 0


def test_after_the_start_the_free_heap_of_a_board_is_in_one_piece(launch, csms):
    """The heap is not fragmented: 44 KiB of the free memory are one piece, more than the longest message takes (24 KiB)."""
    sim = launch(word=32, heap=BOARD_HEAP)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    assert sim.command("status", collect=True)["heap"]["largest"] >= 44 * 1024
    assert_no_shortage(sim)


def in_use(sim):
    """Bytes of the heap in use after a collection."""
    return sim.command("status", collect=True)["heap"]["used"]


def test_a_session_over_profile_3_leaves_room_in_the_heap_of_a_board(launch, csms, tmp_path):
    """Security profile 3 while a car charges, page and MQTT client idle."""
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority").issue_both(IDENTITY)
    secure(csms, server_context(authority.server, VERSIONS["1.2"], authority.root))
    sim = launch(word=32, lab=False, heap=BOARD_HEAP, csms_url=csms.url, options=options(3, authority, tmp_path))
    csms.wait_booted()
    start_session(sim, csms, "GOOD0001")
    sim.wait_connector(lambda c: c["drawn_amps"] > 5)
    used = in_use(sim)
    assert used <= BUDGET_CHARGING, used
    end_session(sim, csms)
    assert_no_shortage(sim)
    assert not [line for line in sim.log_lines() if "next attempt" in line], sim.log_tail()


def test_all_links_at_once_in_the_heap_of_the_reference_board(launch, csms, tmp_path):
    """Security profile 3, page and broker: of 256 KiB two thirds are free in a session, 150 KiB with the owner at the page."""
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority").issue_both(IDENTITY)
    (tmp_path / "broker").mkdir()
    secure(csms, server_context(authority.server, VERSIONS["1.2"], authority.root))
    (tmp_path / "broker-password").write_text(UNIT[1] + "\n")
    with Broker(tmp_path / "broker", authority.server) as broker:
        words = [*options(3, authority, tmp_path), "--web", f"127.0.0.1:{free_port()}", "--mqtt-ca", authority.root,
                 "--mqtt", f"mqtts://{UNIT[0]}@localhost:{broker.port}/home",
                 "--mqtt-password-file", str(tmp_path / "broker-password")]
        sim = launch(word=32, lab=False, heap=REFERENCE_HEAP, csms_url=csms.url, options=words,
                     settings={"ChargeBoxSerialNumber": "SIM00001"})
        csms.wait_booted()
        sim.wait_for(lambda s: s["portal"]["connected"], what="the owner's broker")
        start_session(sim, csms, "GOOD0001")
        sim.wait_connector(lambda c: c["drawn_amps"] > 5)
        used = in_use(sim)
        assert used <= BUDGET_OF_ALL, used
        loaded = set(sim.command("modules"))
        assert sim.status()["csms"]["connected"] and sim.status()["portal"]["connected"] and sim.status()["web"]["port"]
        with Page(sim.status()["web"]["port"], keep=True) as page:
            assert page.login(labels(sim)[0]["pin"]).status == 200
            for path in ("/", "/api/settings", "/api/status"):
                assert page.request("GET", path).status == 200
            visited = in_use(sim)
            print(f"in use: {used / 1024:.1f} KiB, with the owner at the page {visited / 1024:.1f} KiB")
            assert page.get("/api/status")["portal"]["connected"] and page.get("/api/status")["csms"]["connected"]
            assert visited <= BUDGET_OF_VISIT, visited
        assert_resident(loaded | set(sim.command("modules")))
        end_session(sim, csms)
        assert_no_shortage(sim)


def test_sessions_cuts_and_rare_messages_in_the_heap_of_a_board(launch, csms, tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    authority = Authority(folder)
    csms.close()
    csms.tls = server_context(authority.issue("server"), VERSIONS["1.2"])
    csms.open()
    sim = launch(word=32, lab=False, heap=BOARD_HEAP, time_scale=60,
                 csms_url=csms.url, options=options(2, authority, tmp_path),
                 settings={"MeterValueSampleInterval": 60})
    csms.wait_booted()
    sim.let_pass(30)  # the look at the running image is over
    used = in_use(sim)
    assert used <= BUDGET, used
    for n in range(ROUNDS):
        start_session(sim, csms, "GOOD0001")
        sim.let_pass(QUIET_S, 90)
        rare(csms, n)
        mark = len(csms.record)
        sim.network_down()
        sim.let_pass(QUIET_S, 90)
        sim.plug_out()
        sim.wait_ocpp_status("Available")
        sim.network_up()
        csms.record.wait("StopTransaction", "out", 3, since=mark, timeout_s=30)
    start_session(sim, csms, "GOOD0003")
    text = frame("big", "SendLocalList", local_list(99, 50))  # as long as it may be, without spaces: 7 KiB
    assert csms.raw_call(text, "big").payload == {"status": "Accepted"}
    end_session(sim, csms)
    assert_no_shortage(sim)
