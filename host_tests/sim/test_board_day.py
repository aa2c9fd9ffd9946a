"""A working day at a chip's own pace with everything on: profile 3, local page, owner's broker, diagnostics, an update.

The firmware is frozen and has the heap of the reference board. `make test` runs one hour's work on one chip; `make soak`
runs 24 hours with 1,000 sessions of history on three. Limits: docs/SAFETY.md, "What C holds up".
"""

import os

import pytest

from backend.page import Page
from backend.simulator import free_port
from backend.waiting import wait_until
from sim.provisioned_units import labels

from .conftest import REFERENCE_HEAP
from .owner import UNIT, Broker, Owner
from .sessions import end_session, limit_profile, start_session
from .test_board_time import LATE_MS, PROFILE_OF_24, accepted_at_s, never_late
from .test_certificates import authority, profile_3  # noqa: F401 - a fixture
from .test_diagnostics import FileServer, certificate_for
from .test_update_trial import signed_request
from .tls_peers import key_of
from .update_rig import maker  # noqa: F401 - a fixture
from .update_server import UpdateServer

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
SCALE = 20  # a time-out of 30 s of board time is 1.5 s here, which a busy machine has as well
HOURS, HOUR_S, CHARGE_S, HISTORY = (24, 3600, 600, 1000) if SOAK else (1, 0, 30, 2)
PACES = ("esp32", "esp32s3", "esp32c3") if SOAK else ("esp32s3",)
SERIAL = "SIM00001"
GROWTH = 6000  # bytes that an hour may add to what is in use
START_OVER_TLS_S = 7  # from the reset to an accepted BootNotification


class Services:
    """The unit's peers besides the back end: an update server that takes diagnostics too, and an MQTT broker."""

    def __init__(self, folder, authority, maker):  # noqa: F811
        host = folder / "host"
        host.mkdir()
        certificate, key, self.root = certificate_for(host)
        self.updates = UpdateServer(certificate, key)
        self.files = FileServer(authority.server, key_of(authority.server))
        (folder / "broker").mkdir()
        self.broker = Broker(folder / "broker", authority.server)
        self.broker.open()
        self.web_port = free_port()
        password = folder / "broker-password"
        password.write_text(UNIT[1] + "\n")
        self.options = [
            "--web", f"127.0.0.1:{self.web_port}", "--mqtt", f"mqtts://{UNIT[0]}@localhost:{self.broker.port}/home",
            "--mqtt-ca", authority.root, "--mqtt-password-file", str(password), "--update-ca", str(self.root),
            "--update-key", str(maker.keys / "update.pub.pem"), "--update-host", "127.0.0.1",
        ]  # fmt: skip

    def close(self):
        self.updates.close()
        self.files.close()
        self.broker.close()


@pytest.fixture
def services(tmp_path, authority, maker):  # noqa: F811
    made = Services(tmp_path, authority, maker)
    yield made
    made.close()


def accepted(answer):
    assert answer["status"] == "Accepted", answer


def back_end_work(csms, number, transaction):
    """The calls that a back end makes in an hour, the long ones among them."""
    accepted(csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(6 + number % 20, transaction.id)))
    accepted(csms.call("SetChargingProfile", connectorId=0, csChargingProfiles={
        "chargingProfileId": 99, "stackLevel": 0, "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Recurring", "recurrencyKind": "Daily",
        "chargingSchedule": {"chargingRateUnit": "A", "startSchedule": "2026-01-01T00:00:00Z",
                             "chargingSchedulePeriod": PROFILE_OF_24}}))  # fmt: skip
    assert len(csms.call("GetConfiguration")["configurationKey"]) > 40
    accepted(csms.call("GetCompositeSchedule", connectorId=1, duration=86400))
    accepted(csms.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1))
    entries = [{"idTag": f"CARD{n:04}", "idTagInfo": {"status": "Accepted"}} for n in range(20)]
    accepted(csms.call("SendLocalList", listVersion=number + 1, updateType="Full", localAuthorizationList=entries))


def working_hour(sim, csms, services, page, owner, number):
    """A session with back end, page and MQTT at work, a lost link, and diagnostics after it."""
    since = len(csms.record)
    transaction = start_session(sim, csms, ("GOOD0001", "GOOD0002")[number % 2])
    back_end_work(csms, number, transaction)
    assert page.get("/api/status")["connectors"]
    assert page.get("/api/history?view=year")["sessions"] >= HISTORY
    assert len(page.get("/api/history?view=months")["months"]) == 13
    assert page.get("/api/log?count=20")
    mark = len(owner.heard)
    wait_until(lambda: owner.since("status", mark), 60, "the unit's status at the broker")
    sim.let_pass(CHARGE_S, 900)
    sim.network_down()
    csms.wait_disconnected()
    sim.let_pass(10, 120)
    sim.network_up()
    sim.plug_out()
    csms.wait_connected(timeout_s=120)
    csms.record.wait("StopTransaction", "out", 3, since=since, timeout_s=60)
    sim.wait_ocpp_status("Available", timeout_s=60)
    uploads = len(services.files.uploads)
    csms.call("GetDiagnostics", location=services.files.url("/in/").replace("127.0.0.1", "localhost"))
    wait_until(lambda: len(services.files.uploads) > uploads, 120, "the diagnostics", state=lambda: sim.log_tail(10))


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.timeout(6 * 3600 if SOAK else 300)
def test_a_day_with_every_service_has_no_late_tick_and_takes_no_more_memory_by_the_hour(
    launch, csms, authority, maker, services, pace  # noqa: F811
):
    """No gap over 100 ms with a closed contactor, no watchdog, no opening for lateness; the update comes at the end."""
    sim = profile_3(launch, csms, authority, word=32, heap=REFERENCE_HEAP, time_scale=SCALE,
                    settings={"ChargeBoxSerialNumber": SERIAL}, options=["--pace", pace, *services.options])
    assert accepted_at_s(sim) < START_OVER_TLS_S
    for number in range(HISTORY):
        start_session(sim, csms, ("GOOD0001", "GOOD0002")[number % 2])
        end_session(sim, csms)
    sim.wait_for(lambda s: s["portal"]["connected"], 120, "the owner's broker")
    used = []
    with Page(services.web_port, timeout_s=120, keep=True) as page, Owner(services.broker, SERIAL) as owner:
        assert page.login(labels(sim)[0]["pin"]).status == 200
        for number in range(HOURS):
            begun_ms = sim.status()["uptime_ms"]
            working_hour(sim, csms, services, page, owner, number)
            never_late(sim, most_ms=LATE_MS, handshakes=True)  # a collection of 256 KiB is longer than Python may be
            left_s = HOUR_S - (sim.status()["uptime_ms"] - begun_ms) / 1000
            sim.let_pass(max(0, left_s), 3600)
            used.append(sim.command("status", collect=True)["heap"]["used"])
    assert max(used) < used[0] + GROWTH, used
    assert len(csms.ledger.closed()) == HOURS + HISTORY
    root = (maker.keys / "root.crt.pem").read_text()
    accepted(csms.call("InstallCertificate", certificateType="ManufacturerRootCertificate", certificate=root))
    since = len(csms.record)
    accepted(signed_request(maker, None, csms, services.updates.put("/new", maker()), maker()))
    csms.record.wait("SignedFirmwareStatusNotification", since=since, where=lambda p: p["status"] == "Installed", timeout_s=600)
