"""A status that the back end did not take, or whose message was lost: repeated while it is true (OCPP-82). In manual time."""

from check import equal
from ocpp_rig import Rig, id_tag_info, reserve, swipe

from charger import clock
from charger.errors import CallError, CallTimeoutError, DisconnectedError

HEAP = 16 * 1024 * 1024


class Fault:
    CODE, INFO, FAULTED = "GroundFailure", "x", True


def sent_of(rig, number=1):
    return [p for p in rig.link.of("StatusNotification") if p["connectorId"] == number]


async def refused_plug(rig, error):
    """A car whose Preparing is not delivered; the messages before are forgotten."""
    rig.link.answers["StatusNotification"] = error
    rig.link.sent.clear()
    rig.poll_ms = 1000  # minutes follow
    await rig.plug()
    await rig.shows("Preparing")
    await rig.seconds(0)


async def test_an_undelivered_status_is_sent_again_with_the_moment_of_its_change_and_once_delivered_no_more():
    for error in (CallTimeoutError("x"), CallError("InternalError", "x")):
        rig = await Rig(factory={"ConnectionTimeOut": 3600}).online()
        await refused_plug(rig, error)
        await rig.seconds(30)
        equal(rig.statuses(), ["Preparing"], "a pause before")
        rig.link.answers.clear()
        await rig.seconds(600)
        first, again = sent_of(rig)
        equal(first, again)


async def test_attempts_end_after_three_and_the_next_link_brings_it():
    rig = await Rig(factory={"ConnectionTimeOut": 3600}).online()
    await refused_plug(rig, CallError("InternalError", "x"))
    for seconds, wanted in ((58, 1), (5, 2), (115, 2), (5, 3), (800, 3)):
        await rig.seconds(seconds)
        equal(len(sent_of(rig)), wanted, "60 s, then 120 s")
    moment = sent_of(rig)[0]["timestamp"]
    rig.link.answers.clear()
    await rig.offline()
    await rig.reconnect()
    await rig.until(lambda: len(sent_of(rig)) == 4)
    equal(sent_of(rig)[3]["timestamp"], moment)


async def test_a_status_that_is_no_longer_true_is_not_repeated():
    rig = await Rig(factory={"ConnectionTimeOut": 3600}).online()
    await refused_plug(rig, CallTimeoutError("x"))
    rig.link.answers.clear()
    await rig.seconds(30)
    await rig.plug(plugged=False)
    await rig.seconds(300)
    equal(rig.statuses(), ["Preparing", "Available"])


async def test_the_failure_of_an_older_status_does_not_repeat_the_later_one():
    rig = await Rig(factory={"ConnectionTimeOut": 3600}).online()
    rig.link.sent.clear()
    rig.poll_ms = 1000
    rig.link.slow_ms["StatusNotification"] = 2000
    answers = [CallTimeoutError("x")]
    rig.link.answers["StatusNotification"] = lambda _payload: answers.pop() if answers else {}
    await rig.plug()
    await rig.plug(plugged=False)
    await rig.plug()
    await rig.seconds(600)
    equal(rig.statuses(), ["Preparing", "Available", "Preparing"])


async def test_a_link_that_is_lost_in_the_pause_takes_the_repetition_over():
    rig = await Rig(factory={"ConnectionTimeOut": 3600}).online()
    await refused_plug(rig, CallTimeoutError("x"))
    rig.link.answers.clear()
    await rig.seconds(10)
    await rig.offline()
    await rig.seconds(20)
    await rig.reconnect()
    await rig.seconds(600)
    first, again = sent_of(rig)
    equal(first, again)


async def test_a_failure_that_is_known_only_after_the_next_link_is_up_is_made_good():
    rig = await Rig(factory={"ConnectionTimeOut": 3600}).online()
    rig.link.sent.clear()
    lost = rig.link.call

    async def call(action, payload, first=False):
        rig.link.sent.append((action, payload))
        await clock.sleep_ms(500)
        raise DisconnectedError(action)

    rig.link.call = call
    await rig.plug()
    await clock.sleep_ms(100)
    await rig.offline()
    await rig.reconnect()
    rig.link.call = lost
    await rig.seconds(70)
    equal(rig.statuses(), ["Preparing", "Preparing"])


async def test_a_triggered_status_that_minimum_status_duration_held_back_is_followed_by_its_end():
    rig = await Rig(factory={"ConnectionTimeOut": 3600, "MinimumStatusDuration": 60}).online()
    rig.poll_ms = 500
    for plugged in (True, False):
        await rig.plug(plugged=plugged)
        await rig.seconds(10)
        if plugged:
            await rig.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
            await rig.seconds(10)
    await rig.seconds(100)
    equal(rig.statuses(), ["Available", "Preparing", "Available"])


async def test_a_triggered_status_that_lasts_is_sent_once_and_an_undelivered_one_again():
    rig = await Rig(factory={"ConnectionTimeOut": 3600, "MinimumStatusDuration": 30}).online()
    rig.poll_ms = 500
    for error, wanted in ((None, ["Preparing"]), (CallTimeoutError("x"), ["Preparing", "Preparing"])):
        rig.link.sent.clear()
        await rig.plug()
        await rig.seconds(2)
        rig.link.answers["StatusNotification"] = error
        await rig.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
        await rig.seconds(5)
        rig.link.answers.clear()
        await rig.seconds(100)
        equal(rig.statuses(), wanted)
        await rig.plug(plugged=False)
        await rig.seconds(40)


async def test_errors_of_an_outage_outlive_a_link_that_is_lost_at_once():
    rig = await Rig().online()
    rig.link.sent.clear()
    await rig.offline()
    rig.connectors[0].outlet.fault = Fault
    await rig.seconds(1)
    rig.connectors[0].outlet.fault = None
    await rig.seconds(1)
    rig.link.slow_ms["StatusNotification"] = 1000
    await rig.reconnect()
    await clock.sleep_ms(100)
    await rig.offline()
    await rig.seconds(5)
    equal(rig.statuses(), [])
    await rig.reconnect()
    await rig.seconds(10)
    equal(rig.statuses(), ["Faulted", "Available"])


async def test_a_local_list_conflict_that_was_not_delivered_is_reported_with_the_next_card():
    rig = await Rig().online()
    entry = {"idTag": "TAG1", "idTagInfo": {"status": "Accepted"}}
    await rig.call("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=[entry])
    rig.link.answers["Authorize"] = id_tag_info("Blocked")
    rig.link.answers["StatusNotification"] = CallTimeoutError("x")
    await swipe(rig, "TAG1")
    rig.link.answers.pop("StatusNotification")
    await swipe(rig, "TAG1")
    await swipe(rig, "TAG1")
    equal([p["errorCode"] for p in sent_of(rig, 0)], ["NoError", "LocalListConflict", "LocalListConflict"])


async def test_a_remote_start_that_waits_for_its_plug_ends_with_a_restart_and_the_back_end_is_told_what_is_true():
    rig = await Rig(factory={"ConnectionTimeOut": 3600, "MaxChargingProfilesInstalled": 1}).online()
    fields = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile",
              "chargingProfileKind": "Relative", "chargingSchedule": {
                  "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}]}}  # fmt: skip
    start = {"idTag": "TAG1", "connectorId": 1, "chargingProfile": fields}
    equal(await rig.call("RemoteStartTransaction", **start), {"status": "Accepted"})
    await rig.shows("Preparing")
    await rig.power_cut()
    await rig.online()
    equal(rig.statuses(), ["Available"], "the intended use has ended (B1)")
    await rig.plug()
    await rig.seconds(10)
    equal((rig.statuses(), rig.link.of("StartTransaction")), (["Available", "Preparing"], []))
    equal(await rig.call("RemoteStartTransaction", **start), {"status": "Accepted"}, "neither place nor profile is taken")
    equal((await rig.sent("StartTransaction"))["idTag"], "TAG1")
    equal(rig.connectors[0].outlet.limits.get("csms"), 80)


async def test_a_reservation_outlives_the_remote_start_that_was_to_use_it():
    rig = await Rig().online()
    equal(await reserve(rig, 5, tag="TAG1"), "Accepted")
    await rig.call("RemoteStartTransaction", idTag="TAG1", connectorId=1)
    await rig.shows("Preparing")
    await rig.power_cut()
    await rig.online()
    await rig.shows("Reserved")
    await rig.plug()
    await swipe(rig, "TAG1")
    equal((await rig.sent("StartTransaction"))["reservationId"], 5)
