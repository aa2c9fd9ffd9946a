"""GetDiagnostics over a scripted uploader: content of the archive, notifications, attempts, replacement (OCPP-117)."""

import asyncio

from check import equal, true
from ocpp_rig import NOW, Rig
from uploads import UploadAttempts

from charger import clock, log
from charger.errors import FAILED, NOT_SUPPORTED, CallTimeoutError, UploadError
from charger.net.upload import Uploader, fitted
from charger.ocpp.v16.services.diagnostics_text import _shown, _without_home

HEAP = 16 * 1024 * 1024  # the flash chip is in it


async def online(*outcomes, factory=None, ms=5):
    rig = Rig(2, factory=factory or {"ChargeBoxSerialNumber": "PL-0042/x"})
    rig.uploads = UploadAttempts(*outcomes, ms=ms)
    rig.cp.make_uploader = lambda: rig.uploads
    return await rig.online()


def statuses(rig):
    return [p["status"] for p in rig.link.of("DiagnosticsStatusNotification")]


async def failed(rig):
    """UploadFailed is sent, and nothing more happens."""
    await rig.until(lambda: statuses(rig) == ["Uploading", "UploadFailed"])
    await rig.seconds(5)


async def test_the_file_is_named_and_its_way_is_reported():
    rig = await online()
    answer = await rig.call("GetDiagnostics", location="https://h/d/")
    equal(answer, {"fileName": "diagnostics-PL0042x-%d.txt" % clock.utc_s()})
    await rig.until(lambda: statuses(rig) == ["Uploading", "Uploaded"])
    equal(rig.uploads.sent[0][:2], ("https://h/d/", answer["fileName"]))
    await rig.call("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    await rig.until(lambda: statuses(rig) == ["Uploading", "Uploaded", "Idle"])


async def test_triggered_while_it_runs():
    rig = await online(ms=5000)
    await rig.call("GetDiagnostics", location="https://h/d/")
    await rig.until(lambda: statuses(rig) == ["Uploading"])
    await rig.call("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    await rig.until(lambda: statuses(rig) == ["Uploading", "Uploading"])


async def test_without_a_way_to_send_there_is_no_file():
    rig = await Rig().online()
    equal(await rig.call("GetDiagnostics", location="https://h/d/"), {})
    equal(statuses(rig), [])


async def test_retries_and_their_pauses():
    fault = UploadError(FAILED, "x")
    rig = await online(fault, OSError(5), None)
    await rig.call("GetDiagnostics", location="https://h/d/", retries=2, retryInterval=40)
    await rig.until(lambda: statuses(rig) == ["Uploading", "UploadFailed"] * 2 + ["Uploading", "Uploaded"], 100000)
    times = [moment for _, moment in rig.uploads.begun]
    true(40 <= times[1] - times[0] <= 42 and 40 <= times[2] - times[1] <= 42, times)


async def test_after_the_last_attempt_it_has_failed():
    fault = UploadError(FAILED, "x")
    for retries in (None, 0, 3):
        rig = await online(*[fault] * 9)
        request = {} if retries is None else {"retries": retries}
        await rig.call("GetDiagnostics", location="https://h/d/", retryInterval=1, **request)
        wanted = ["Uploading", "UploadFailed"] * (1 + (retries or 0))
        await rig.until(lambda rig=rig, wanted=wanted: statuses(rig) == wanted)
        await rig.seconds(5)
        equal((statuses(rig), len(rig.uploads.begun)), (wanted, 1 + (retries or 0)))


async def test_permanent_upload_error_is_not_retried():
    rig = await online(*[UploadError(NOT_SUPPORTED, "x")] * 9)
    await rig.call("GetDiagnostics", location="gopher://h/d/", retries=5, retryInterval=1)
    await failed(rig)
    equal(len(rig.uploads.begun), 1)


async def test_a_new_request_takes_the_place_of_the_running_one():
    rig = await online(ms=3000)
    await rig.call("GetDiagnostics", location="https://h/one/")
    await rig.seconds(1)
    await rig.call("GetDiagnostics", location="https://h/two/")
    await rig.seconds(10)
    equal([sent[0] for sent in rig.uploads.sent], ["https://h/two/"])
    equal(statuses(rig), ["Uploading", "Uploading", "Uploaded"])


async def test_upload_outcome_is_sent_when_the_link_is_back():
    rig = await online(ms=2000)
    await rig.call("GetDiagnostics", location="https://h/d/")
    await rig.until(lambda: statuses(rig) == ["Uploading"])
    await rig.offline()
    await rig.seconds(10)
    equal(len(rig.uploads.sent), 1)
    equal(statuses(rig), ["Uploading"])
    await rig.reconnect()
    await rig.until(lambda: statuses(rig) == ["Uploading", "Uploaded"])
    await rig.seconds(5)
    equal(statuses(rig), ["Uploading", "Uploaded"])


async def test_each_status_of_attempts_without_a_link_and_one_that_was_not_answered_is_sent_in_order():
    rig = await online(UploadError(FAILED, "x"), ms=2000)
    rig.link.answers["DiagnosticsStatusNotification"] = CallTimeoutError("x")
    await rig.call("GetDiagnostics", location="https://h/d/", retries=1, retryInterval=5)
    await rig.until(lambda: statuses(rig) == ["Uploading"])
    await rig.offline()
    rig.link.answers.clear()
    await rig.seconds(20)
    await rig.reconnect()
    await rig.seconds(5)
    equal(statuses(rig), ["Uploading", "Uploading", "UploadFailed", "Uploading", "Uploaded"])


async def restarted(rig, *outcomes, ms=5):
    await rig.power_cut()
    rig.uploads = UploadAttempts(*outcomes, ms=ms)
    rig.cp.make_uploader = lambda: rig.uploads
    rig.link.sent.clear()
    await rig.online()


async def test_an_upload_that_a_restart_interrupts_has_failed_and_the_attempts_that_are_left_follow():
    rig = await online(UploadError(FAILED, "x"), ms=5000)
    answer = await rig.call("GetDiagnostics", location="https://h/d/", retries=3, retryInterval=20, startTime=clock.iso(NOW))
    await rig.until(lambda: statuses(rig) == ["Uploading", "UploadFailed", "Uploading"])
    await restarted(rig, UploadError(FAILED, "x"))
    await rig.until(lambda: statuses(rig) == ["UploadFailed", "Uploading", "UploadFailed", "Uploading", "Uploaded"], 90000)
    equal(rig.uploads.sent[0][:2], ("https://h/d/", answer["fileName"]))
    await restarted(rig)
    await rig.seconds(30)
    equal((statuses(rig), rig.uploads.begun), ([], []), "it has ended")


async def test_an_upload_whose_only_attempt_a_restart_interrupts_has_failed_once():
    rig = await online(ms=5000)
    await rig.call("GetDiagnostics", location="https://h/d/")
    await rig.until(lambda: statuses(rig) == ["Uploading"])
    for wanted in (["UploadFailed"], []):
        await restarted(rig)
        await rig.seconds(30)
        equal((statuses(rig), rig.uploads.begun), (wanted, []))


async def test_a_restart_in_the_pause_behind_an_attempt_that_has_failed_tells_of_no_other():
    rig = await online(UploadError(FAILED, "x"))
    await rig.call("GetDiagnostics", location="https://h/d/", retries=1, retryInterval=600)
    await rig.until(lambda: statuses(rig) == ["Uploading", "UploadFailed"])
    await restarted(rig)
    await rig.until(lambda: len(statuses(rig)) == 2)
    equal(statuses(rig), ["Uploading", "Uploaded"])


async def test_an_upload_of_a_log_that_a_restart_interrupts_goes_on_with_its_request_id():
    rig = await online(ms=5000)
    await rig.call("GetLog", logType="DiagnosticsLog", requestId=7, retries=1, log={"remoteLocation": "https://h/d/"})
    await rig.until(lambda: len(rig.link.of("LogStatusNotification")) == 1)
    await restarted(rig)
    await rig.until(lambda: len(rig.link.of("LogStatusNotification")) == 3)
    equal(rig.link.of("LogStatusNotification"), [
        {"status": status, "requestId": 7} for status in ("UploadFailure", "Uploading", "Uploaded")
    ])  # fmt: skip


# --- what is in it ---


def text(rig, since=None, until=None):
    return str(b"".join(rig.cp.diagnostics_text((since, until))()), "utf-8")


async def test_secrets_and_tags_stay_inside():
    factory = {"AuthorizationKey": "SECRETKEY0123456", "FreeVendIdTag": "FREETAG777", "CpoName": "Acme"}
    rig = await online(factory=factory)
    await rig.charge(1, "TAGTAG0815")
    await rig.until(lambda: rig.connectors[0].session.transaction_id is not None)
    rig.connectors[0].session.parent_id_tag = "PARENT4711"
    log.info("test", "somebody forgot to mask TAGTAG0815 of PARENT4711, and SECRETKEY0123456")
    await rig.charge(2, "OTHERTAG99")
    rig.connectors[1].stop("Local")
    await rig.until(lambda: rig.connectors[1].session is None)
    rig.cp.state = lambda: {"a": {"id_tag": "TAGTAG0815", "password": "hunter2hunter2", "watts": 5}, "connected": True}
    found = text(rig)
    for word in ("TAGTAG0815", "PARENT4711", "SECRETKEY0123456", "FREETAG777", "OTHERTAG99", "hunter2hunter2"):
        true(word not in found, word)
    for word in ("CpoName = Acme", "AuthorizationKey = \n", "FreeVendIdTag = (not shown)", "a.watts = 5", "connected = True",
                 "forgot to mask *** of ***, and ***", '"reason": "Local"', "start-up %d" % clock.boot_id):  # fmt: skip
        true(word in found, word)


async def test_only_lines_and_sessions_of_the_time_asked_for():
    rig = await online()
    log.forget()
    for part in ("early", "middle", "late"):
        log.info("test", part)
        await rig.charge(1)
        rig.connectors[0].stop("Local" if part == "middle" else "Remote")
        await rig.until(lambda: rig.connectors[0].session is None)
        await rig.plug(1, False)
        await rig.seconds(1000)
    found = text(rig, clock.utc_s() - 2100, clock.utc_s() - 1500)
    true("test: middle" in found and "test: early" not in found and "test: late" not in found, found)
    equal((found.count('"reason": "Local"'), found.count('"reason": "Remote"')), (1, 0))
    whole = text(rig)
    equal((whole.count('"reason": "Local"'), whole.count('"reason": "Remote"')), (1, 2))
    true("[configuration]" in text(rig, NOW + 90000) and "test:" not in text(rig, NOW + 90000))


async def test_all_sessions_are_in_it_and_the_file_is_never_held():
    rig = await online()
    for _ in range(35):
        await rig.charge(1)
        rig.connectors[0].stop("Local")
        await rig.until(lambda: rig.connectors[0].session is None)
        await rig.plug(1, False)
    equal(text(rig).count('"reason": "Local"'), 35)
    equal(max(len(piece) for piece in rig.cp.diagnostics_text((None, None))()) < 600, True)


def test_a_file_that_changed_since_it_was_counted_has_the_length_that_was_announced():
    for pieces, length, wanted in (
        ((b"abc", b"de"), 5, b"abcde"), ((b"abc", b"de"), 4, b"abcd"), ((b"abc", b"de"), 3, b"abc"),
        ((b"abc",), 5, b"abc\n\n"), ((), 130, b"\n" * 130), ((b"abc",), 0, b""),
    ):  # fmt: skip
        equal(b"".join(bytes(piece) for piece in fitted(pieces, length)), wanted)


async def test_a_unit_as_sold_uploads_by_https_only():
    for lab, location, cause in (
        (False, "http://127.0.0.1:9/x", NOT_SUPPORTED), (False, "ftp://u:p@127.0.0.1:9/x", NOT_SUPPORTED),
        (False, "ftps://h/x", NOT_SUPPORTED), (True, "ftps://h/x", NOT_SUPPORTED), (True, "https:///f", "bad location"),
        (True, "nonsense", "bad location"), (False, "https://h/\u00e9", "bad location"),
    ):  # fmt: skip
        uploader = Uploader(lambda: None, lab, open_stream=_nothing_may_be_opened)
        try:
            await uploader.send(location, "n.txt", lambda: (b"x",))
        except UploadError as error:
            equal((error.cause, error.final), (cause, True), location)
        else:
            true(False, location)


async def _nothing_may_be_opened(host, port, context, deadline_ms):
    raise AssertionError("opened %s%s" % (host, " if it is public" if context is not None and context.public else ""))


async def test_f_s2_the_count_of_a_long_archive_lets_other_tasks_run_after_each_piece():
    turns, seen = [0], []

    async def other():
        while True:
            turns[0] += 1
            await asyncio.sleep_ms(0)

    def pieces():
        for _ in range(200):
            seen.append(turns[0])
            yield b"x"

    task = asyncio.create_task(other())
    try:
        await Uploader(lambda: None, True, open_stream=_nothing_may_be_opened).send("http://example.com/", "a.txt", pieces)
    except AssertionError:  # nothing may be opened: it ends after the count
        pass
    task.cancel()
    true(len(seen) >= 200 and seen[199] - seen[0] >= 190, seen[-1] - seen[0])


async def test_an_upload_to_a_private_network_is_refused_like_any_failed_one_before_anything_is_opened():
    """The back end must not learn by uploads what is in the owner's network."""
    private = ("10.0.0.1", "127.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1", "0.0.0.0",
               "224.0.0.251", "255.255.255.255", "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:192.168.1.1]")  # fmt: skip
    for host in private:
        uploader = Uploader(lambda: None, False, open_stream=_nothing_may_be_opened, back_end="192.168.1.2")
        try:
            await uploader.send("https://%s/f" % host, "n.txt", lambda: (b"x",))
        except UploadError as error:
            equal((error.cause, error.final), (FAILED, False), host)
        else:
            true(False, host)


async def test_uploads_reach_public_hosts_the_back_end_itself_and_what_the_owner_allows():
    for lab, host, back_end, home, only in (
        (False, "93.184.216.34", None, False, " if it is public"), (False, "172.32.0.1", None, False, " if it is public"),
        (False, "192.168.1.2", "192.168.1.2", False, ""), (False, "192.168.1.9", "192.168.1.2", True, ""),
        (True, "192.168.1.9", None, False, ""),
    ):  # fmt: skip
        uploader = Uploader(lambda: None, lab, open_stream=_nothing_may_be_opened, back_end=back_end, home=home)
        try:
            await uploader.send("https://%s/f" % host, "n.txt", lambda: (b"x",))
            true(False, host)
        except AssertionError as error:
            equal(str(error), "opened " + host + only)


def test_diagnostics_have_no_address_of_the_owners_network():
    for line, wanted in (
        ("5.1 I wifi: link up, 192.168.1.7", "5.1 I wifi: link up, (private)"),
        ("a 10.1.2.3:8883, b", "a (private):8883, b"), ("of 93.184.216.34 and 1.2.3", "of 93.184.216.34 and 1.2.3"),
        ("wifi.ip = 172.20.1.1", "wifi.ip = (private)"), ("no address", "no address"),
        ("HouseMeter = sdm630://192.168.1.7:502/1", "HouseMeter = sdm630://(private):502/1"),
        ("a=192.168.1.7;b=10.0.0.1", "a=(private);b=(private)"),
        ("up to [fe80::1%2]:443 10:11:12", "up to [(private)%2]:443 10:11:12"),
        ("fd12:3456::7, 2001:db8::1 FEED:1:2", "(private), 2001:db8::1 (private)"),
        ("peer:192.168.1.7 addr:fe80::1", "peer:(private) addr:(private)"), ("::ffff:10.0.0.9", "::ffff:(private)"),
        ("2026-11-30T10:11:12.500Z x", "2026-11-30T10:11:12.500Z x"),
    ):  # fmt: skip
        equal(_without_home(line), wanted)
    equal(_shown("portal.fault", "dns: broker.home: no such name"), "(not shown)")
    equal(_shown("portal.fault", None), None)
