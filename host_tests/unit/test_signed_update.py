"""SignedUpdateFirmware: refusals before the answer, the sequence of statuses after it, over restarts (WP-30 to 37)."""


import signing_data as data
from check import equal, raises_async, true
from ocpp_rig import NOW
from signed_update_rig import equip, online_rig, request_update, restart, statuses, wait_status

from charger import clock
from charger.errors import OcppError

HEAP = 2 * 1024 * 1024
WHOLE = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting"]


async def test_a_whole_update_over_the_restart():
    """With both kinds of key; every status once, in order, with the number (WP-32, 36)."""
    for certificate, signature in ((data.EC_SIGNER, data.ECDSA), (data.RSA_SIGNER, data.PSS)):
        rig = await online_rig()
        equal(await request_update(rig, 5, certificate, signature), "Accepted")
        await wait_status(rig, "InstallRebooting", 5)
        equal(statuses(rig, 5), WHOLE)
        await rig.until(lambda rig=rig: "install" in rig.updater.log)
        equal([c.status for c in rig.connectors], ["Unavailable"])
        await restart(rig, result=True)
        await wait_status(rig, "Installed", 5)
        equal(statuses(rig, 5), ["Installed"])
        await rig.call("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
        await rig.sent("SignedFirmwareStatusNotification", 2)
        equal(rig.link.of("SignedFirmwareStatusNotification")[-1], {"status": "Idle"})  # WP-36
        equal(rig.files.read_json("ocpp_firmware_last.json"), {"id": 5, "status": "Installed"})  # without certificate and address
        await rig.power_cut()
        equip(rig)
        await rig.online()
        await rig.seconds(5)
        equal(statuses(rig, 5), [])
        await rig.stop()


async def test_schedules_pauses_and_transactions():
    """DownloadScheduled, DownloadPaused, InstallScheduled; a session is not cut off (WP-32, 35)."""
    rig = await online_rig()
    await rig.charge()
    rig.updater.pauses = True
    equal(await request_update(rig, at=clock.utc_s() + 300, install=clock.utc_s() + 600), "Accepted")
    await wait_status(rig, "DownloadScheduled")
    await rig.seconds(200)
    equal(rig.updater.log, [])
    await wait_status(rig, "InstallScheduled")
    equal(statuses(rig), ["DownloadScheduled", "Downloading", "DownloadPaused", "Downloading", "Downloaded",
                       "SignatureVerified", "InstallScheduled"])
    await rig.seconds(600)
    equal(rig.updater.log, ["fetch"])
    equal(rig.connectors[0].status, "Charging")
    await rig.plug(plugged=False)
    await wait_status(rig, "InstallRebooting")
    await rig.until(lambda: rig.updater.log[-1] == "install")
    await rig.stop()


async def test_an_installation_waits_for_its_time_and_for_the_end_of_a_session():
    """WP-32, WP-35: InstallScheduled is told once, however long it takes; the time alone makes it wait, and a session alone."""
    told = ["Downloading", "Downloaded", "SignatureVerified", "InstallScheduled"]
    for session in (False, True):
        rig = await online_rig()
        if session:
            await rig.charge()
            equal(await request_update(rig), "Accepted")
        else:
            equal(await request_update(rig, install=clock.utc_s() + 90), "Accepted")
        await wait_status(rig, "InstallScheduled")
        await rig.seconds(30)
        equal((rig.updater.log, statuses(rig)), (["fetch"], told), session)
        if session:
            await rig.plug(plugged=False)
        await wait_status(rig, "InstallRebooting")
        await rig.stop()


async def test_downloads_are_tried_again_and_given_up():
    rig = await online_rig()
    rig.updater.faults = [OSError(5), ValueError("cut"), OSError(5)]
    equal(await request_update(rig, retries=2, retryInterval=30), "Accepted")
    await rig.until(lambda: len(statuses(rig)) == 6, 100000)
    equal((statuses(rig), rig.updater.log), (["Downloading", "DownloadFailed"] * 3, ["fetch"] * 3))
    rig.updater.faults = [OSError(5)]
    equal(await request_update(rig, 2, retries=1, retryInterval=30), "Accepted")
    await wait_status(rig, "InstallRebooting", 2)
    await rig.stop()


async def test_installations_that_fail():
    """The image's own signature (SEC-6) is bad, the flash refuses, the new firmware does not start."""
    for fault, status in ((ValueError("vendor signature"), "InstallVerificationFailed"), (OSError(5), "InstallationFailed")):
        rig = await online_rig()
        rig.updater.installing = fault
        await request_update(rig)
        await wait_status(rig, status)
        await rig.shows("Available")
        await rig.stop()
    for result in (False, None):
        rig = await online_rig()
        await request_update(rig, 3)
        await wait_status(rig, "InstallRebooting", 3)
        await restart(rig, result=result)
        await wait_status(rig, "InstallationFailed", 3)
        await rig.stop()


async def test_a_firmware_on_trial_is_not_installed_yet():
    """SEC-9: the back end hears the outcome when the new firmware has proved itself, by either message."""
    for old in (False, True):
        rig = await online_rig(0 if old else 2)
        if old:
            await rig.call("UpdateFirmware", location="https://host/fw.bin", retrieveDate=clock.iso(NOW - 10))
            await rig.until(lambda rig=rig: "install" in rig.updater.log)
        else:
            await request_update(rig, 3)
            await wait_status(rig, "InstallRebooting", 3)
        await restart(rig, on_trial=True)
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
    rig = await online_rig()
    await request_update(rig, 1, at=clock.utc_s() + 1000)
    await wait_status(rig, "DownloadScheduled", 1)
    equal(await request_update(rig, 2, certificate=data.STRANGER), "InvalidCertificate")
    equal(await request_update(rig, 3), "AcceptedCanceled")
    await wait_status(rig, "InstallRebooting", 3)
    equal((statuses(rig, 1), statuses(rig, 2), statuses(rig, 3)), (["DownloadScheduled"], [], WHOLE))
    equal(await request_update(rig, 4), "Rejected")
    await rig.seconds(1200)
    equal(statuses(rig, 1), ["DownloadScheduled"])
    equal(rig.updater.log, ["discard", "fetch", "install"])  # nothing of the first one runs on
    await rig.stop()


async def test_an_update_is_over_where_it_cannot_go_on():
    """WP-32, WP-36: a unit that has no updater any more, and a job that this firmware cannot read, end as InstallationFailed."""
    for status, broken in (("DownloadScheduled", None), ("Downloading", "retries"), ("Downloading", "location")):
        rig = await online_rig()
        await request_update(rig, 6, at=clock.utc_s() + 60)
        await wait_status(rig, status, 6)
        await rig.power_cut()
        equip(rig)
        if broken is None:
            rig.cp.make_updater = lambda: None
        else:
            job = rig.files.read_json("ocpp_signed_firmware.json")
            del job[broken]
            rig.files.write_json("ocpp_signed_firmware.json", job)
            rig.cp.signed_firmware()._job = job
        await rig.online()
        await wait_status(rig, "InstallationFailed", 6)
        equal(rig.updater.log, [], status)
        await rig.stop()


async def test_nothing_to_tell_of_updates_is_idle():
    """WP-36: before the first update; one that goes on is told as it is."""
    rig = await online_rig()
    for count, status in ((1, {"status": "Idle"}), (3, {"status": "DownloadScheduled", "requestId": 4})):
        await rig.call("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
        await rig.sent("SignedFirmwareStatusNotification", count)
        equal(rig.link.of("SignedFirmwareStatusNotification")[-1], status)
        if count == 1:
            await request_update(rig, 4, at=clock.utc_s() + 1000)
            await wait_status(rig, "DownloadScheduled", 4)
    await rig.stop()


async def test_a_second_start_of_the_service_starts_no_second_download():
    """The charge point resumes its jobs at each acceptance by the back end."""
    rig = await online_rig()
    await request_update(rig, 4)
    await wait_status(rig, "Downloading", 4)
    rig.cp.signed_firmware().resume()
    rig.cp.signed_firmware()._delivered()  # the last status of the update before is answered only now
    true(rig.files.exists("ocpp_signed_firmware.json"))
    await wait_status(rig, "InstallRebooting", 4)
    rig.cp.signed_firmware().resume()
    await rig.until(lambda: "install" in rig.updater.log)
    await rig.seconds(5)
    equal((rig.updater.log, statuses(rig, 4)), (["fetch", "install"], WHOLE))
    await rig.stop()


async def test_a_restart_in_each_state_goes_on():
    """WP-32: number and state survive; a status that was not delivered is sent after the restart."""
    for status in ("DownloadScheduled", "Downloading", "Downloaded"):
        rig = await online_rig()
        await request_update(rig, 6, at=clock.utc_s() + 60)
        await wait_status(rig, status, 6)
        await rig.power_cut()
        equip(rig)
        await rig.online()
        await wait_status(rig, "InstallRebooting", 6)
        await rig.stop()


async def test_statuses_of_a_time_without_a_link_come_later_in_order():
    rig = await online_rig()
    rig.updater.content = b"another image"
    await request_update(rig, 7)
    await wait_status(rig, "Downloading", 7)
    await rig.offline()
    await rig.seconds(30)
    equal(statuses(rig, 7), ["Downloading"])
    await rig.reconnect()
    await wait_status(rig, "InvalidSignature", 7)
    equal(statuses(rig, 7), ["Downloading", "Downloaded", "InvalidSignature"])
    await request_update(rig, 8)
    await rig.offline()
    await rig.seconds(30)
    await rig.power_cut()  # before the back end has heard how it ended
    equip(rig)
    await rig.online()
    await wait_status(rig, "InvalidSignature", 8)
    await rig.stop()


async def test_the_old_message_is_refused_where_the_signed_one_rules():
    """OCPP-116, WP-37: under profiles 2 and 3 nothing starts; below them it still works."""
    request = {"location": "https://host/fw.bin", "retrieveDate": clock.iso(NOW - 10)}
    for profile in (2, 3):
        rig = await online_rig(profile)
        error = await raises_async(OcppError, rig.call("UpdateFirmware", **request))
        equal((error.code, rig.updater.log), ("NotSupported", []))
        await rig.stop()
    rig = await online_rig(0)
    equal(await rig.call("UpdateFirmware", **request), {})
    await rig.until(lambda: rig.updater.log == ["fetch", "install"])
    await rig.stop()


async def test_f_s4_the_owners_update_takes_the_place_of_a_signed_one_until_its_installation():
    """With the status of what it ends, and with the connectors back in service."""
    rig = await online_rig()
    rig.updater.pauses = True
    await request_update(rig, 1)
    for status in ("Downloading", "DownloadPaused"):
        await wait_status(rig, status)
    true(rig.cp.give_way())
    await wait_status(rig, "DownloadFailed")
    await rig.charge()
    await request_update(rig, 2)
    await wait_status(rig, "InstallScheduled", 2)
    true(rig.cp.give_way())
    await wait_status(rig, "InstallationFailed", 2)
    await rig.plug(plugged=False)
    await rig.shows("Available")
    await request_update(rig, 3, at=clock.utc_s() + 86400)
    await wait_status(rig, "DownloadScheduled", 3)
    true(rig.cp.give_way() and rig.cp.signed_firmware().busy)  # it does not keep the owner out
    await request_update(rig, 4)
    await wait_status(rig, "InstallRebooting", 4)
    true(not rig.cp.give_way())
    equal([statuses(rig, number)[-1] for number in range(1, 5)],
          ["DownloadFailed", "InstallationFailed", "DownloadScheduled", "InstallRebooting"])
    await rig.stop()


async def test_a_signed_update_that_another_replaces_while_it_waits_for_a_session_gives_the_connectors_back():
    rig = await online_rig()
    await rig.charge()
    await request_update(rig, 1)
    await wait_status(rig, "InstallScheduled")
    equal(await request_update(rig, 2, at=clock.utc_s() + 3000), "AcceptedCanceled")
    await wait_status(rig, "DownloadScheduled", 2)
    await rig.plug(plugged=False)
    await rig.shows("Available")
    await rig.stop()
