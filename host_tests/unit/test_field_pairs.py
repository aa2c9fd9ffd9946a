"""Two requests that meet: a reset, an update, a remote start or a card, and what comes before its work is done."""

import asyncio
import hashlib

import signing_data
from check import equal, raises_async, true
from ocpp_rig import NOW, Rig, reserve, swipe

from charger import clock
from charger.errors import CallTimeoutError, OcppError

HEAP = 16 * 1024 * 1024
TIMEOUT = 60
UPDATE = {"location": "https://h/a", "retrieveDate": clock.iso(NOW - 5)}


async def answer(rig, action, **request):
    """The status in the answer to a CALL."""
    return (await rig.call(action, **request))["status"]


async def remote_start(rig, tag, **request):
    return await answer(rig, "RemoteStartTransaction", idTag=tag, **request)


# --- a reset that waits for the back end ---


async def _resetting(kind="Soft", **factory):
    """A unit of two connectors whose reset waits: connector 1 has charged, and its StopTransaction is not answered."""
    rig = await Rig(2, factory=factory).online()
    await rig.charge(1)
    rig.link.answers["StopTransaction"] = lambda _: CallTimeoutError("late")
    equal(await remote_start(rig, "LATE", connectorId=2), "Accepted")
    await rig.until(lambda: rig.connectors[1].pending is not None)
    equal(await answer(rig, "Reset", type=kind), "Accepted")
    await rig.until(lambda: rig.connectors[0].session is None)
    return rig


async def _expect_no_start(rig):
    await rig.seconds(3)
    equal([connector.session for connector in rig.connectors], [None, None])
    equal((rig.restarts, len(rig.link.of("StartTransaction"))), ([], 1))
    await rig.until(lambda: rig.restarts)


async def test_no_card_starts_a_session_that_the_reset_under_way_would_cut():
    for kind in ("Soft", "Hard"):
        rig = await _resetting(kind)
        equal(await swipe(rig, "OTHER"), None)
        await _expect_no_start(rig)


async def test_a_start_that_waited_for_its_plug_ends_with_the_reset():
    rig = await _resetting()
    equal(rig.connectors[1].pending, None)
    await rig.plug(2)
    await _expect_no_start(rig)


async def test_no_free_vending_begins_while_a_reset_is_under_way():
    rig = await _resetting(FreeVend="true")
    await rig.plug(2)
    await _expect_no_start(rig)


# --- an update, and another one ---


class Updater:
    """Fetches when `fetched` is set, or fails; installs until the restart."""

    on_trial = False

    def __init__(self):
        self.fetched = asyncio.Event()
        self.fails = False
        self.installs = 0

    async def fetch(self, location):
        if self.fails:
            raise OSError("404")
        await self.fetched.wait()

    def digest(self):
        return hashlib.sha256(b"image").digest()

    async def install(self):
        self.installs += 1
        await clock.sleep_s(10000)

    def outcome(self):
        return None


async def _updating(rig):
    updater = Updater()
    rig.cp.make_updater = lambda: updater
    await rig.online()
    return updater


def _reported(rig):
    return [payload["status"] for payload in rig.link.of("FirmwareStatusNotification")]


async def _waiting_for_a_session():
    """An update that is downloaded and keeps the free connector until the session on the other one has ended."""
    rig = Rig(2)
    updater = await _updating(rig)
    await rig.charge(1)
    updater.fetched.set()
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.shows("Unavailable", 2)
    return rig, updater


async def test_an_update_that_fails_in_the_place_of_another_gives_the_connectors_back():
    rig, updater = await _waiting_for_a_session()
    updater.fails = True
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.shows("Available", 2)
    equal(_reported(rig), ["Downloading", "Downloaded", "Downloading", "DownloadFailed"])


async def test_an_update_of_next_week_in_the_place_of_another_leaves_the_connectors_in_service_until_then():
    rig, updater = await _waiting_for_a_session()
    await rig.call("UpdateFirmware", location="https://h/b", retrieveDate=clock.iso(NOW + 604800))
    await rig.shows("Available", 2)
    rig.connectors[0].stop("Local")
    await rig.shows("Finishing", 1)
    await rig.seconds(5)
    equal(updater.installs, 0)


async def test_an_update_that_was_replaced_is_not_reported_as_downloading_and_its_follower_is():
    rig = Rig()
    updater = await _updating(rig)
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: _reported(rig) == ["Downloading"])
    await rig.call("UpdateFirmware", location="https://h/b", retrieveDate=clock.iso(NOW + 30))
    equal(await answer(rig, "TriggerMessage", requestedMessage="FirmwareStatusNotification"), "Accepted")
    await rig.until(lambda: len(_reported(rig)) == 2)
    updater.fetched.set()
    await rig.until(lambda: updater.installs)
    equal(_reported(rig), ["Downloading", "Idle", "Downloading", "Downloaded", "Installing"])


async def test_an_update_that_is_being_installed_is_not_begun_again():
    rig = Rig()
    updater = await _updating(rig)
    updater.fetched.set()
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: updater.installs)
    equal((await raises_async(OcppError, rig.call("UpdateFirmware", **UPDATE))).code, "InternalError")
    await rig.seconds(5)
    equal((updater.installs, _reported(rig)), (1, ["Downloading", "Downloaded", "Installing"]))


async def _signed_update(rig, install_s=None):
    firmware = {
        "location": "https://h/b", "retrieveDateTime": clock.iso(NOW - 5), "signingCertificate": signing_data.EC_SIGNER,
        "signature": signing_data.ECDSA,
    }  # fmt: skip
    if install_s is not None:
        firmware["installDateTime"] = clock.iso(install_s)
    return await answer(rig, "SignedUpdateFirmware", requestId=1, firmware=firmware)


async def test_a_signed_update_and_one_without_a_signature_are_never_under_way_together():
    rig, updater = await _waiting_for_a_session()
    rig.cp.manufacturer_roots = lambda: signing_data.ROOT
    equal(await _signed_update(rig), "Rejected")
    rig.connectors[0].stop("Local")
    await rig.until(lambda: updater.installs)

    rig = Rig()
    updater = await _updating(rig)
    rig.cp.manufacturer_roots = lambda: signing_data.ROOT
    updater.fetched.set()
    equal(await _signed_update(rig, NOW + 60), "Accepted")
    await rig.until(lambda: len(rig.link.of("SignedFirmwareStatusNotification")) == 4)  # InstallScheduled is the last
    equal((await raises_async(OcppError, rig.call("UpdateFirmware", **UPDATE))).code, "InternalError")
    await rig.until(lambda: updater.installs, 90000)
    equal((updater.installs, _reported(rig)), (1, []))


# --- availability of one connector, and of another ---


async def test_a_free_connector_goes_out_of_service_at_once_while_another_waits_for_its_transaction():
    rig = await Rig(3).online()
    await rig.charge(1)
    for number, kind, status in (
        (1, "Inoperative", "Scheduled"), (2, "Inoperative", "Accepted"), (2, "Operative", "Accepted"),
        (0, "Inoperative", "Scheduled"), (3, "Operative", "Accepted"), (1, "Operative", "Accepted"),
    ):  # fmt: skip
        equal(await answer(rig, "ChangeAvailability", connectorId=number, type=kind), status, "%d %s" % (number, kind))
    equal([connector.operative for connector in rig.connectors], [True, False, True])


# --- a remote start that the back end is still asked about ---


async def _asking(connectors=1):
    """A unit whose remote starts are authorised first, which takes 5 s; cars are plugged."""
    rig = await Rig(connectors, factory={"AuthorizeRemoteTxRequests": "true"}).online()
    rig.link.slow_ms["Authorize"] = 5000
    return rig


async def test_a_second_remote_start_is_not_promised_a_connector_that_is_promised_already():
    rig = await _asking()
    await rig.plug()
    equal((await remote_start(rig, "A", connectorId=1), await remote_start(rig, "B", connectorId=1)), ("Accepted", "Rejected"))
    await rig.shows("Charging")
    equal(rig.connectors[0].session.id_tag, "A")


async def test_remote_starts_without_a_connector_get_one_each():
    rig = await _asking(2)
    await rig.plug(1)
    await rig.plug(2)
    for tag, status in (("A", "Accepted"), ("B", "Accepted"), ("C", "Rejected")):
        equal(await remote_start(rig, tag), status)
    await rig.shows("Charging", 2)
    equal([connector.session.id_tag for connector in rig.connectors], ["A", "B"])


async def test_a_start_without_a_connector_leaves_a_car_whose_session_has_ended_alone_while_another_connector_is_free():
    rig = await Rig(3).online()
    await rig.charge(1)
    rig.connectors[0].stop("Local")
    await rig.shows("Finishing")
    equal(await remote_start(rig, "FREE"), "Accepted")
    await rig.until(lambda: rig.connectors[1].pending is not None)
    await rig.plug(3)
    equal(await remote_start(rig, "CAR"), "Accepted")
    await rig.shows("Charging", 3)
    equal(await remote_start(rig, "LAST"), "Accepted")
    await rig.shows("Charging", 1)
    equal([connector.session and connector.session.id_tag for connector in rig.connectors], ["LAST", None, "CAR"])


async def test_a_connector_promised_to_a_remote_start_cannot_be_reserved_and_can_when_the_start_was_refused():
    rig = await _asking()
    rig.link.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    equal(await remote_start(rig, "A", connectorId=1), "Accepted")
    equal(await reserve(rig), "Occupied")
    await rig.until(lambda: not rig.connectors[0].promised)
    equal(await reserve(rig), "Accepted")


async def test_free_vending_leaves_a_connector_to_the_start_it_is_promised_to_and_begins_when_that_is_refused():
    for verdict, tag in (("Accepted", "A"), ("Blocked", "FreeVend")):
        rig = await _asking()
        await rig.call("ChangeConfiguration", key="FreeVend", value="true")
        rig.link.answers["Authorize"] = {"idTagInfo": {"status": verdict}}
        equal(await remote_start(rig, "A", connectorId=1), "Accepted")
        await rig.plug()
        await rig.shows("Charging")
        equal(rig.connectors[0].session.id_tag, tag)


# --- a card, and again ---


async def test_a_card_shown_again_while_the_back_end_is_asked_is_one_presentation():
    rig = await Rig().online()
    rig.link.slow_ms["Authorize"] = 5000
    equal(await swipe(rig, "A"), None)
    equal(await swipe(rig, "a"), None)
    await rig.shows("Preparing")
    await rig.seconds(10)
    true(rig.connectors[0].pending is not None)
    await swipe(rig, "A")
    await rig.shows("Available")


# --- the lock ---


class Lock:
    """`commanded` stays: the contactor does not open, and the tick lets nothing go over it."""

    def __init__(self, commanded, locked):
        self.commanded = commanded
        self.locked = lambda: locked


async def test_a_lock_that_is_still_commanded_is_not_unlocked_whatever_its_feedback_says():
    for commanded, locked, status in (
        (True, False, "UnlockFailed"), (False, True, "UnlockFailed"), (True, True, "UnlockFailed"), (False, False, "Unlocked"),
    ):  # fmt: skip
        rig = await Rig().online()
        rig.connectors[0].outlet.lock = Lock(commanded, locked)
        equal(await answer(rig, "UnlockConnector", connectorId=1), status)


async def test_a_slow_order_that_a_lost_link_left_ends_before_the_next_slow_one_and_takes_no_part_in_others():
    rig = await Rig().online()
    rig.connectors[0].outlet.lock = Lock(True, True)
    begun_s = clock.uptime_s()
    unlocking = [asyncio.create_task(answer(rig, "UnlockConnector", connectorId=1)) for _ in range(2)]
    await clock.sleep_ms(0)
    equal(await answer(rig, "TriggerMessage", requestedMessage="Heartbeat"), "Accepted")
    for task in unlocking:
        equal(await task, "UnlockFailed")
    true(clock.uptime_s() - begun_s >= 5, "one after the other, 3 s each")
    equal(len(rig.link.of("Heartbeat")), 1, "what follows an answer follows it once")


# --- the local list ---


async def test_a_list_whose_version_is_a_moment_is_there_after_a_restart():
    entries = [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}]
    for version in (20261129232156, (1 << 63) - 1):
        rig = await Rig().online()
        request = {"listVersion": version, "updateType": "Full", "localAuthorizationList": entries}
        equal(await answer(rig, "SendLocalList", **request), "Accepted")
        await rig.power_cut()
        await rig.online()
        equal(await rig.call("GetLocalListVersion"), {"listVersion": version})
        equal(rig.cp.id_tags.local_list().find("A"), ("Accepted", None))
