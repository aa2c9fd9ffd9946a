"""SignedUpdateFirmware: refusals before the answer, the sequence of statuses after it, over restarts (WP-30 to 37)."""

import asyncio
import hashlib

import signing_data as data
from check import equal, raises_async, true
from ocpp_rig import NOW, Rig

from charger import clock
from charger.audit.security_log import SecurityLog
from charger.crypto import pem
from charger.errors import OcppError
from charger.ocpp.v16.services import firmware_signature

HEAP = 2 * 1024 * 1024
P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"  # the curve's OID
WHOLE = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting"]


class Updater:
    """Does as the test says: `faults` are raised by the next fetches, `installing` by install()."""

    def __init__(self):
        self.content = b"image"
        self.faults = []
        self.installing = None
        self.result = None
        self.log = []
        self.on_pause = None
        self.on_trial = False
        self.pauses = False

    async def fetch(self, location):
        self.log.append("fetch")
        await clock.sleep_ms(500)
        if self.pauses:
            self.on_pause(True)
            await clock.sleep_ms(500)
            self.on_pause(False)
        if self.faults:
            raise self.faults.pop(0)

    def digest(self):
        return hashlib.sha256(self.content).digest()

    def discard(self):
        self.log.append("discard")

    async def install(self):
        self.log.append("install")
        if self.installing is not None:
            raise self.installing
        while True:  # the board restarts
            await clock.sleep_ms(1000)

    def outcome(self):
        return self.result


async def _rig(profile=2):
    rig = Rig(factory={"SecurityProfile": str(profile)})
    _equip(rig)
    await rig.online()
    return rig


def _equip(rig, updater=None):
    rig.updater = updater or Updater()
    rig.cp.make_updater = lambda: rig.updater
    rig.cp.manufacturer_roots = lambda: data.ROOT
    rig.cp.security_log = rig.security_log = SecurityLog(rig.files, max_bytes=8192, segment_bytes=4096)


async def _restart(rig, **outcome):
    """The unit restarts; its updater is as said then."""
    await rig.power_cut()
    _equip(rig)
    for name, value in outcome.items():
        setattr(rig.updater, name, value)
    await rig.online()


async def _request_update(rig, number=1, certificate=data.EC_SIGNER, signature=data.ECDSA, **fields):
    firmware = {"location": "https://host/fw.bin", "retrieveDateTime": clock.iso(fields.pop("at", NOW - 1000)),
                "signingCertificate": certificate, "signature": signature}
    if "install" in fields:
        firmware["installDateTime"] = clock.iso(fields.pop("install"))
    answer = await rig.call("SignedUpdateFirmware", requestId=number, firmware=firmware, **fields)
    return answer["status"]


def _statuses(rig, number=1):
    return [p["status"] for p in rig.link.of("SignedFirmwareStatusNotification") if p.get("requestId") == number]


def _logged(rig):
    return [entry.event for entry in rig.security_log.entries()]


async def _wait_status(rig, status, number=1):
    await rig.until(lambda: _statuses(rig, number)[-1:] == [status], 400000)


async def test_a_whole_update_over_the_restart():
    """With both kinds of key; every status once, in order, with the number (WP-32, 36)."""
    for certificate, signature in ((data.EC_SIGNER, data.ECDSA), (data.RSA_SIGNER, data.PSS)):
        rig = await _rig()
        equal(await _request_update(rig, 5, certificate, signature), "Accepted")
        await _wait_status(rig, "InstallRebooting", 5)
        equal(_statuses(rig, 5), WHOLE)
        await rig.until(lambda rig=rig: "install" in rig.updater.log)
        equal([c.status for c in rig.connectors], ["Unavailable"])
        await _restart(rig, result=True)
        await _wait_status(rig, "Installed", 5)
        equal(_statuses(rig, 5), ["Installed"])
        await rig.call("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
        await rig.sent("SignedFirmwareStatusNotification", 2)
        equal(rig.link.of("SignedFirmwareStatusNotification")[-1], {"status": "Idle"})  # WP-36
        equal(rig.files.read_json("ocpp_firmware_last.json"), {"id": 5, "status": "Installed"})  # without certificate and address
        await rig.power_cut()
        _equip(rig)
        await rig.online()
        await rig.seconds(5)
        equal(_statuses(rig, 5), [])
        await rig.stop()


async def test_certificates_that_are_not_to_be_believed():
    """WP-10, WP-30: refused before anything starts, with an event."""
    rig = await _rig()
    bad = [data.STRANGER, data.EXPIRED, data.SERVER, data.EC_SIGNER + data.ROOT, "no PEM", "",
           data.EC_SIGNER.replace("MII", "MIJ", 1), data.ROOT]
    for certificate in bad:
        equal(await _request_update(rig, certificate=certificate), "InvalidCertificate", certificate[:40])
    rig.cp.manufacturer_roots = lambda: None
    equal(await _request_update(rig), "InvalidCertificate")
    equal(rig.updater.log, [])
    equal(_statuses(rig), [])
    true("InvalidFirmwareSigningCertificate" in _logged(rig))
    rig.cp.make_updater = lambda: None
    equal(await _request_update(rig), "Rejected")
    await rig.stop()


async def test_a_certificate_is_rejected_while_the_time_is_unknown():
    clock._zero_s = None
    true("time unknown" in await firmware_signature.certificate_fault(data.EC_SIGNER, data.ROOT))


async def test_signatures_that_do_not_fit():
    """WP-33, 34: of another file, of another key, of another scheme, broken base64: InvalidSignature and its event."""
    for certificate, signature in (
        (data.EC_SIGNER, data.ECDSA_OTHER), (data.EC_SIGNER, data.PSS), (data.RSA_SIGNER, data.ECDSA),
        (data.RSA_SIGNER, data.PKCS1), (data.EC_SIGNER, "AAAA"), (data.EC_SIGNER, ""),
        (data.EC_SIGNER, data.ECDSA + "!"), (data.EC_SIGNER, "#" + data.ECDSA),
    ):
        rig = await _rig()
        equal(await _request_update(rig, 9, certificate, signature), "Accepted")
        await _wait_status(rig, "InvalidSignature", 9)
        equal(_statuses(rig, 9), ["Downloading", "Downloaded", "InvalidSignature"])
        equal(rig.updater.log, ["fetch", "discard"])
        equal([e for e in _logged(rig) if "irmware" in e or "Update" in e], ["InvalidFirmwareSignature"])
        await rig.call("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
        await rig.sent("SignedFirmwareStatusNotification", 4)
        equal(_statuses(rig, 9)[-1], "InvalidSignature")  # WP-36: the last status, as it did not succeed
        await rig.stop()


async def test_what_a_certificate_and_a_signature_must_be():
    """WP-30, 33: each answer of the two checks, without an update around them."""
    digest = hashlib.sha256(b"image").digest()

    async def fits(certificate, signature):
        return await firmware_signature.matches(certificate, digest, signature)

    equal(await firmware_signature.certificate_fault(data.EC_SIGNER, data.ROOT), "")
    equal(await firmware_signature.certificate_fault(data.EC_SIGNER, data.ROOT.encode()), "")
    equal(await firmware_signature.certificate_fault(data.EC_SIGNER, None), "no manufacturer root is installed")
    equal(await firmware_signature.certificate_fault(data.EC_SIGNER + data.EC_SIGNER, data.ROOT), "more than one certificate")
    true(await firmware_signature.certificate_fault("no PEM", data.ROOT))
    true(await firmware_signature.certificate_fault(data.STRANGER, data.ROOT))
    equal([await fits(data.EC_SIGNER, data.ECDSA), await fits(data.RSA_SIGNER, data.PSS)], [True, True])
    equal(await fits(data.EC_SIGNER, data.ECDSA[:20] + "\n " + data.ECDSA[20:] + "\n"), True)
    for signature in ("A", "\xe4", "#" + data.ECDSA, data.ECDSA_OTHER, data.PSS):
        equal(await fits(data.EC_SIGNER, signature), False, signature)
    equal(await fits("no PEM", data.ECDSA), False)
    other_curve = pem.decode(data.EC_SIGNER)[0].replace(P256, P256[:-1] + b"\x06")  # the key's point is on P-256 all the same
    equal(await fits(pem.encode(other_curve), data.ECDSA), False)


async def test_schedules_pauses_and_transactions():
    """DownloadScheduled, DownloadPaused, InstallScheduled; a session is not cut off (WP-32, 35)."""
    rig = await _rig()
    await rig.charge()
    rig.updater.pauses = True
    equal(await _request_update(rig, at=clock.utc_s() + 300, install=clock.utc_s() + 600), "Accepted")
    await _wait_status(rig, "DownloadScheduled")
    await rig.seconds(200)
    equal(rig.updater.log, [])
    await _wait_status(rig, "InstallScheduled")
    equal(_statuses(rig), ["DownloadScheduled", "Downloading", "DownloadPaused", "Downloading", "Downloaded",
                       "SignatureVerified", "InstallScheduled"])
    await rig.seconds(600)
    equal(rig.updater.log, ["fetch"])
    equal(rig.connectors[0].status, "Charging")
    await rig.plug(plugged=False)
    await _wait_status(rig, "InstallRebooting")
    await rig.until(lambda: rig.updater.log[-1] == "install")
    await rig.stop()


async def test_an_installation_waits_for_its_time_and_for_the_end_of_a_session():
    """WP-32, WP-35: InstallScheduled is told once, however long it takes; the time alone makes it wait, and a session alone."""
    told = ["Downloading", "Downloaded", "SignatureVerified", "InstallScheduled"]
    for session in (False, True):
        rig = await _rig()
        if session:
            await rig.charge()
            equal(await _request_update(rig), "Accepted")
        else:
            equal(await _request_update(rig, install=clock.utc_s() + 90), "Accepted")
        await _wait_status(rig, "InstallScheduled")
        await rig.seconds(30)
        equal((rig.updater.log, _statuses(rig)), (["fetch"], told), session)
        if session:
            await rig.plug(plugged=False)
        await _wait_status(rig, "InstallRebooting")
        await rig.stop()


async def test_downloads_are_tried_again_and_given_up():
    rig = await _rig()
    rig.updater.faults = [OSError(5), ValueError("cut"), OSError(5)]
    equal(await _request_update(rig, retries=2, retryInterval=30), "Accepted")
    await rig.until(lambda: len(_statuses(rig)) == 6, 100000)
    equal((_statuses(rig), rig.updater.log), (["Downloading", "DownloadFailed"] * 3, ["fetch"] * 3))
    rig.updater.faults = [OSError(5)]
    equal(await _request_update(rig, 2, retries=1, retryInterval=30), "Accepted")
    await _wait_status(rig, "InstallRebooting", 2)
    await rig.stop()


async def test_installations_that_fail():
    """The image's own signature (SEC-6) is bad, the flash refuses, the new firmware does not start."""
    for fault, status in ((ValueError("vendor signature"), "InstallVerificationFailed"), (OSError(5), "InstallationFailed")):
        rig = await _rig()
        rig.updater.installing = fault
        await _request_update(rig)
        await _wait_status(rig, status)
        await rig.shows("Available")
        await rig.stop()
    for result in (False, None):
        rig = await _rig()
        await _request_update(rig, 3)
        await _wait_status(rig, "InstallRebooting", 3)
        await _restart(rig, result=result)
        await _wait_status(rig, "InstallationFailed", 3)
        await rig.stop()


async def test_a_firmware_on_trial_is_not_installed_yet():
    """SEC-9: the back end hears the outcome when the new firmware has proved itself, by either message."""
    for old in (False, True):
        rig = await _rig(0 if old else 2)
        if old:
            await rig.call("UpdateFirmware", location="https://host/fw.bin", retrieveDate=clock.iso(NOW - 10))
            await rig.until(lambda rig=rig: "install" in rig.updater.log)
        else:
            await _request_update(rig, 3)
            await _wait_status(rig, "InstallRebooting", 3)
        await _restart(rig, on_trial=True)
        await rig.seconds(120)
        action = "FirmwareStatusNotification" if old else "SignedFirmwareStatusNotification"
        equal(rig.link.of(action), [])
        rig.updater.on_trial, rig.updater.result = False, True
        equal((await rig.sent(action))["status"], "Installed")
        await rig.seconds(5)
        equal(len(rig.link.of(action)), 1)
        await rig.stop()


async def test_a_new_request_takes_the_place_of_the_running_one_unless_it_is_too_late():
    """WP-31: AcceptedCanceled; a bad certificate cancels nothing; during the installation: Rejected."""
    rig = await _rig()
    await _request_update(rig, 1, at=clock.utc_s() + 1000)
    await _wait_status(rig, "DownloadScheduled", 1)
    equal(await _request_update(rig, 2, certificate=data.STRANGER), "InvalidCertificate")
    equal(await _request_update(rig, 3), "AcceptedCanceled")
    await _wait_status(rig, "InstallRebooting", 3)
    equal((_statuses(rig, 1), _statuses(rig, 2), _statuses(rig, 3)), (["DownloadScheduled"], [], WHOLE))
    equal(await _request_update(rig, 4), "Rejected")
    await rig.seconds(1200)
    equal(_statuses(rig, 1), ["DownloadScheduled"])
    equal(rig.updater.log, ["discard", "fetch", "install"])  # nothing of the first one runs on
    await rig.stop()


async def test_an_update_is_over_where_it_cannot_go_on():
    """WP-32, WP-36: a unit that has no updater any more, and a job that this firmware cannot read, end as InstallationFailed."""
    for status, broken in (("DownloadScheduled", None), ("Downloading", "retries"), ("Downloading", "location")):
        rig = await _rig()
        await _request_update(rig, 6, at=clock.utc_s() + 60)
        await _wait_status(rig, status, 6)
        await rig.power_cut()
        _equip(rig)
        if broken is None:
            rig.cp.make_updater = lambda: None
        else:
            job = rig.files.read_json("ocpp_signed_firmware.json")
            del job[broken]
            rig.files.write_json("ocpp_signed_firmware.json", job)
            rig.cp.signed_firmware._job = job
        await rig.online()
        await _wait_status(rig, "InstallationFailed", 6)
        equal(rig.updater.log, [], status)
        await rig.stop()


async def test_nothing_to_tell_of_updates_is_idle():
    """WP-36: before the first update; one that goes on is told as it is."""
    rig = await _rig()
    for count, status in ((1, {"status": "Idle"}), (3, {"status": "DownloadScheduled", "requestId": 4})):
        await rig.call("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
        await rig.sent("SignedFirmwareStatusNotification", count)
        equal(rig.link.of("SignedFirmwareStatusNotification")[-1], status)
        if count == 1:
            await _request_update(rig, 4, at=clock.utc_s() + 1000)
            await _wait_status(rig, "DownloadScheduled", 4)
    await rig.stop()


async def test_a_second_start_of_the_service_starts_no_second_download():
    """The charge point resumes its jobs at each acceptance by the back end."""
    rig = await _rig()
    await _request_update(rig, 4)
    await _wait_status(rig, "Downloading", 4)
    rig.cp.signed_firmware.resume()
    rig.cp.signed_firmware._delivered()  # the last status of the update before is answered only now
    true(rig.files.exists("ocpp_signed_firmware.json"))
    await _wait_status(rig, "InstallRebooting", 4)
    rig.cp.signed_firmware.resume()
    await rig.until(lambda: "install" in rig.updater.log)
    await rig.seconds(5)
    equal((rig.updater.log, _statuses(rig, 4)), (["fetch", "install"], WHOLE))
    await rig.stop()


async def test_a_restart_in_each_state_goes_on():
    """WP-32: number and state survive; a status that was not delivered is sent after the restart."""
    for status in ("DownloadScheduled", "Downloading", "Downloaded"):
        rig = await _rig()
        await _request_update(rig, 6, at=clock.utc_s() + 60)
        await _wait_status(rig, status, 6)
        await rig.power_cut()
        _equip(rig)
        await rig.online()
        await _wait_status(rig, "InstallRebooting", 6)
        await rig.stop()


async def test_statuses_of_a_time_without_a_link_come_later_in_order():
    rig = await _rig()
    rig.updater.content = b"another image"
    await _request_update(rig, 7)
    await _wait_status(rig, "Downloading", 7)
    await rig.offline()
    await rig.seconds(30)
    equal(_statuses(rig, 7), ["Downloading"])
    await rig.reconnect()
    await _wait_status(rig, "InvalidSignature", 7)
    equal(_statuses(rig, 7), ["Downloading", "Downloaded", "InvalidSignature"])
    await _request_update(rig, 8)
    await rig.offline()
    await rig.seconds(30)
    await rig.power_cut()  # before the back end has heard how it ended
    _equip(rig)
    await rig.online()
    await _wait_status(rig, "InvalidSignature", 8)
    await rig.stop()


async def test_the_old_message_is_refused_where_the_signed_one_rules():
    """OCPP-116, WP-37: under profiles 2 and 3 nothing starts; below them it still works."""
    request = {"location": "https://host/fw.bin", "retrieveDate": clock.iso(NOW - 10)}
    for profile in (2, 3):
        rig = await _rig(profile)
        error = await raises_async(OcppError, rig.call("UpdateFirmware", **request))
        equal((error.code, rig.updater.log), ("NotSupported", []))
        await rig.stop()
    rig = await _rig(0)
    equal(await rig.call("UpdateFirmware", **request), {})
    await rig.until(lambda: rig.updater.log == ["fetch", "install"])
    await rig.stop()


async def test_the_check_of_a_certificate_leaves_the_loop_alone():
    """The control tick goes on while RSA and P-256 are computed: no slice is long."""
    gaps = []

    async def tick():
        while True:
            before = clock.ticks_us()
            await clock.sleep_ms(0)
            gaps.append(clock.ticks_diff(clock.ticks_us(), before))

    beside = asyncio.create_task(tick())
    clock.set_utc(NOW, "test")
    digest = hashlib.sha256(b"image").digest()
    equal(await firmware_signature.certificate_fault(data.RSA_SIGNER, data.ROOT), "")
    equal(await firmware_signature.matches(data.RSA_SIGNER, digest, data.PSS), True)
    equal(await firmware_signature.matches(data.EC_SIGNER, digest, data.ECDSA), True)
    beside.cancel()
    true(len(gaps) > 50, "slices: %d" % len(gaps))
