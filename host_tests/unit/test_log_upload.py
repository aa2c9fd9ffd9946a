"""GetLog over a scripted uploader: the two logs, notifications, replacement, restarts, triggers (WP-40, WP-41)."""

import json
from binascii import hexlify
from hashlib import sha256

from check import equal, true
from ocpp_rig import NOW, Rig
from security_log_rig import add_entries
from uploads import UploadAttempts

from charger import clock
from charger.audit import events
from charger.audit.security_log import SecurityLog
from charger.errors import BAD_LOCATION, FAILED, NOT_SUPPORTED, CallTimeoutError, UploadError
from charger.ocpp.v16.services.log_upload import SecurityLogText

HEAP = 24 * 1024 * 1024  # the flash chip is in it
WHERE = {"remoteLocation": "https://h/d/"}


async def online(*outcomes, ms=5, log=True):
    """A unit with an uploader, and with a security log unless `log` is false."""
    rig = Rig(factory={"ChargeBoxSerialNumber": "PL-0042/x"})
    equip(rig, outcomes, ms, log)
    return await rig.online()


def equip(rig, outcomes=(), ms=5, log=True):
    rig.uploads = UploadAttempts(*outcomes, ms=ms)
    rig.cp.make_uploader = lambda: rig.uploads
    rig.cp.security_log = SecurityLog(rig.files) if log else None


async def get_log(rig, number=7, kind="SecurityLog", **fields):
    return await rig.call("GetLog", logType=kind, requestId=number, log=dict(WHERE, **fields.pop("log", {})), **fields)


def notified(rig):
    return [(p["status"], p.get("requestId")) for p in rig.link.of("LogStatusNotification")]


async def told(rig, *wanted):
    await rig.until(lambda: notified(rig) == list(wanted))


async def test_each_log_has_its_name_its_content_and_its_notifications_wp40_wp41():
    rig = await online()
    rig.cp.security_log.add(events.TAMPER, "lid")
    for number, kind, name in ((7, "SecurityLog", "security"), (8, "DiagnosticsLog", "diagnostics")):
        rig.link.sent.clear()
        answer = await get_log(rig, number, kind)
        equal(answer, {"status": "Accepted", "filename": "%s-PL0042x-%d.txt" % (name, clock.utc_s())})
        await told(rig, ("Uploading", number), ("Uploaded", number))
        equal(rig.uploads.sent[-1][:2], ("https://h/d/", answer["filename"]))
        equal('"raw": ' in rig.uploads.sent[-1][2], kind == "SecurityLog")
        equal(rig.uploads.sent[-1][2].startswith("Pilotlight diagnostics"), kind == "DiagnosticsLog")


async def test_a_log_that_the_unit_cannot_send_or_does_not_have_is_rejected_wp40():
    rig = await online(log=False)
    equal(await get_log(rig), {"status": "Rejected"})
    equal((await get_log(rig, kind="DiagnosticsLog"))["status"], "Accepted")
    bare = await Rig().online()
    for kind in ("DiagnosticsLog", "SecurityLog"):
        equal(await get_log(bare, kind=kind), {"status": "Rejected"})
    equal(notified(bare), [])


async def test_a_span_that_ends_before_it_begins_is_rejected_wp40():
    rig = await online()
    span = {"oldestTimestamp": clock.iso(NOW), "latestTimestamp": clock.iso(NOW - 1)}
    equal(await get_log(rig, log=span), {"status": "Rejected"})


async def test_each_cause_of_a_failure_has_its_status_wp41():
    for error, status in (
        (UploadError(FAILED, "x"), "UploadFailure"), (OSError(5), "UploadFailure"),
        (UploadError(BAD_LOCATION, "x"), "BadMessage"), (UploadError(NOT_SUPPORTED, "x"), "NotSupportedOperation"),
    ):  # fmt: skip
        rig = await online(error)
        await get_log(rig)
        await told(rig, ("Uploading", 7), (status, 7))


async def test_a_new_request_takes_the_place_of_the_running_one_of_which_nothing_more_is_told_wp40():
    rig = await online(ms=3000)
    await get_log(rig, 1)
    await told(rig, ("Uploading", 1))
    equal((await get_log(rig, 2))["status"], "AcceptedCanceled")
    await rig.seconds(10)
    equal(notified(rig), [("Uploading", 1), ("Uploading", 2), ("Uploaded", 2)])
    equal(len(rig.uploads.sent), 1)
    equal((await get_log(rig, 3))["status"], "Accepted", "nothing runs any more")


async def test_what_a_restart_interrupts_goes_on_with_its_request_and_its_kind_of_log_wp40():
    rig = await online(ms=5000)
    rig.cp.security_log.add(events.TAMPER, "lid")
    await get_log(rig, retries=1)
    await told(rig, ("Uploading", 7))
    await rig.power_cut()
    equip(rig)
    rig.link.sent.clear()
    await rig.online()
    await told(rig, ("UploadFailure", 7), ("Uploading", 7), ("Uploaded", 7))
    true('"raw": ' in rig.uploads.sent[0][2])


async def test_a_trigger_brings_the_status_of_the_running_upload_and_idle_without_one_wp41():
    rig = await online(ms=5000)
    service = rig.cp.logs()
    service.trigger()
    await told(rig, ("Idle", None))
    await get_log(rig)
    await told(rig, ("Idle", None), ("Uploading", 7))
    service.trigger()
    await told(rig, ("Idle", None), ("Uploading", 7), ("Uploading", 7))
    await rig.seconds(10)
    service.trigger()
    await rig.seconds(1)
    equal(notified(rig)[3:], [("Uploaded", 7), ("Idle", None)])


async def test_a_status_without_an_answer_is_sent_again_wp41():
    rig = await online()
    rig.link.answers["LogStatusNotification"] = CallTimeoutError("x")
    await get_log(rig)
    await told(rig, ("Uploading", 7))
    rig.link.answers.clear()
    await told(rig, ("Uploading", 7), ("Uploading", 7), ("Uploaded", 7))


async def test_the_end_of_an_upload_without_a_link_is_told_once_it_is_back_wp41():
    rig = await online(ms=2000)
    await get_log(rig)
    await told(rig, ("Uploading", 7))
    await rig.offline()
    await rig.seconds(10)
    equal((len(rig.uploads.sent), notified(rig)), (1, [("Uploading", 7)]))
    await rig.reconnect()
    await told(rig, ("Uploading", 7), ("Uploaded", 7))


def lines_of(rig, *span):
    """The lines of the security log as plain data, and the bytes of all but the last one."""
    whole = b"".join(list(SecurityLogText(rig.cp.security_log, *span)()))
    lines = [json.loads(line) for line in str(whole, "utf-8").split("\n") if line]
    return lines, whole[: whole.rfind(b"\n", 0, -1) + 1]


async def test_the_security_log_has_each_record_and_a_last_line_that_proves_the_others_wp40():
    rig = await online()
    add_entries(rig.cp.security_log, 3)
    lines, before = lines_of(rig, NOW - 10, NOW + 10)
    end = lines.pop()["end"]
    equal([(line["seq"], line["raw"]) for line in lines],
          [(entry.seq, str(hexlify(entry.raw), "ascii")) for entry in rig.cp.security_log.entries()])
    equal(end, {"first": 0, "next": 3, "since": NOW - 10, "until": NOW + 10, "broken": None,
                "sha256": str(hexlify(sha256(before).digest()), "ascii")})  # fmt: skip


async def test_the_security_log_has_the_entries_of_a_span_and_those_without_a_time_wp40():
    rig = await online()
    log = rig.cp.security_log
    known, clock._zero_s = clock._zero_s, None
    add_entries(log, 1)
    clock._zero_s = known
    clock.boot_id += 1  # no entry of the start-up that has no time tells its time
    moments = []
    for _ in range(3):
        moments.append(clock.utc_s())
        add_entries(log, 1)
        await rig.seconds(100)
    for span, wanted in (((None, None), [0, 1, 2, 3]), ((moments[1], None), [0, 2, 3]), ((None, moments[1]), [0, 1, 2]),
                         ((moments[1], moments[1]), [0, 2]), ((moments[2] + 1, None), [0])):  # fmt: skip
        equal([line["seq"] for line in lines_of(rig, *span)[0][:-1]], wanted, span)


async def test_entries_that_are_written_during_an_upload_are_not_in_it_wp40():
    rig = await online()
    log = rig.cp.security_log
    add_entries(log, 2)
    text = SecurityLogText(log)
    add_entries(log, 2)
    twice = [b"".join(list(text())) for _ in range(2)]
    equal(twice[0], twice[1])
    equal(len(twice[0].split(b"\n")), 2 + 1 + 1)
    equal(json.loads(twice[0].split(b"\n")[2])["end"]["next"], 2)
