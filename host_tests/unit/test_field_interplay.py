"""Cards, lists, reservations and the keys that decide about them, in combination (F-O3, F-O7, F-O13, F-O20). In manual time."""

from check import equal, true
from ocpp_rig import Rig, id_tag_info, reserve, swipe

from charger import clock
from charger.errors import CallTimeoutError

HEAP = 16 * 1024 * 1024


class Fault:
    CODE, INFO, FAULTED = "GroundFailure", "x", True


async def answer(rig, action, **request):
    """The status in the answer to a CALL."""
    return (await rig.call(action, **request))["status"]


async def remote_start(rig, tag, **request):
    return await answer(rig, "RemoteStartTransaction", idTag=tag, **request)


async def listed(rig, *entries, version=1):
    """SendLocalList Full of (idTag, fields of the info); its status."""
    entries = [{"idTag": tag, "idTagInfo": info} for tag, info in entries]
    return await answer(rig, "SendLocalList", listVersion=version, updateType="Full", localAuthorizationList=entries)


def told(rig):
    """The statements about connector 0 beside its status."""
    return [p["errorCode"] for p in rig.link.of("StatusNotification") if p["connectorId"] == 0]


# --- lists ---


async def test_a_listed_card_whose_expiry_has_passed_is_asked_for_and_refused_without_a_link():
    rig = await Rig(factory={"LocalPreAuthorize": "true", "AllowOfflineTxForUnknownId": "true"}).online()
    until = clock.iso(clock.utc_s() + 100)
    equal(await listed(rig, ("TAG1", {"status": "Accepted", "expiryDate": until})), "Accepted")
    await rig.plug()
    equal(await swipe(rig, "TAG1"), "TAG1")
    equal(rig.link.of("Authorize"), [])
    equal(await swipe(rig, "TAG1"), None)
    await rig.seconds(100)
    rig.link.answers["Authorize"] = id_tag_info("Expired")
    equal(await swipe(rig, "TAG1"), None)
    equal(len(rig.link.of("Authorize")), 1)
    await rig.offline()
    equal(await swipe(rig, "TAG1"), None)
    equal(await swipe(rig, "TAG2"), "TAG2", "an unknown one may")


async def test_a_card_of_the_same_parent_in_the_list_ends_a_session_without_a_link():
    rig = await Rig().online()
    info = {"status": "Accepted", "parentIdTag": "FLEET"}
    await listed(rig, ("DRIVER1", info), ("DRIVER2", info), ("GUEST", {"status": "Accepted"}))
    await rig.offline()
    await rig.plug()
    equal(await swipe(rig, "DRIVER1"), "DRIVER1")
    equal(await swipe(rig, "GUEST"), "DRIVER1")
    equal(await swipe(rig, "driver2"), None)
    await rig.reconnect()
    stop = await rig.sent("StopTransaction")
    equal((stop["reason"], stop["idTag"]), ("Local", "driver2"))


async def test_a_card_that_charges_elsewhere_is_no_conflict_with_the_list():
    rig = await Rig().online()
    await listed(rig, ("TAG1", {"status": "Accepted"}))
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "ConcurrentTx"}}
    await rig.plug()
    await swipe(rig, "TAG1")
    equal((await rig.sent("StopTransaction"))["reason"], "DeAuthorized")
    await rig.seconds(2)
    equal(told(rig), ["NoError"])


async def test_a_tag_twice_in_a_list_in_other_letters_counts_as_the_last_says():
    rig = await Rig().online()
    await listed(rig, ("TAG1", {"status": "Accepted"}), ("tag1", {"status": "Blocked"}))
    await rig.offline()
    await rig.plug()
    equal(await swipe(rig, "Tag1"), None)
    await rig.reconnect()
    await listed(rig, ("tag1", {"status": "Blocked"}), ("TAG1", {"status": "Accepted"}), version=2)
    await rig.offline()
    equal(await swipe(rig, "Tag1"), "Tag1")


async def test_a_list_that_is_switched_off_does_not_count_and_counts_again_when_it_is_on():
    rig = await Rig().online()
    await listed(rig, ("TAG1", {"status": "Accepted"}))
    for value, wanted in (("false", None), ("true", "TAG1")):
        equal(await answer(rig, "ChangeConfiguration", key="LocalAuthListEnabled", value=value), "Accepted")
        await rig.offline()
        await rig.plug()
        equal(await swipe(rig, "TAG1"), wanted)
        await rig.reconnect()


async def test_a_verdict_that_changes_counts_from_then_on_without_a_link_too():
    rig = await Rig().online()
    await rig.plug()
    equal(await swipe(rig, "TAG1"), "TAG1")
    equal(await swipe(rig, "TAG1"), None)
    rig.link.answers["Authorize"] = id_tag_info("Expired")
    equal(await swipe(rig, "TAG1"), None)
    await rig.offline()
    equal(await swipe(rig, "TAG1"), None)


async def test_an_emptied_cache_takes_the_card_of_a_running_session_nothing():
    rig = await Rig().online()
    await rig.charge(tag="TAG1")
    equal(await answer(rig, "ClearCache"), "Accepted")
    await rig.offline()
    equal(await swipe(rig, "TAG1"), None)
    equal(rig.connectors[0].status, "Finishing")


# --- reservations ---


async def test_an_empty_parent_reserves_for_no_group():
    rig = await Rig().online()
    until = clock.iso(clock.utc_s() + 600)
    request = {"connectorId": 1, "expiryDate": until, "idTag": "MINE", "reservationId": 1, "parentIdTag": ""}
    equal(await answer(rig, "ReserveNow", **request), "Accepted")
    equal(await remote_start(rig, "OTHER", connectorId=1), "Rejected")
    rig.link.answers["Authorize"] = id_tag_info("Accepted")
    await swipe(rig, "OTHER")
    equal(rig.statuses()[-1], "Reserved")


async def test_without_a_link_a_reservation_is_for_its_tag_and_the_known_group_only():
    rig = await Rig(factory={"AllowOfflineTxForUnknownId": "true"}).online()
    await listed(rig, ("SISTER", {"status": "Accepted", "parentIdTag": "FLEET"}))
    equal(await reserve(rig, 5, parent="fleet"), "Accepted")
    await rig.offline()
    await rig.plug()
    equal(await swipe(rig, "STRANGER"), None)
    equal(await swipe(rig, "SISTER"), "SISTER")
    await rig.reconnect()
    equal((await rig.sent("StartTransaction"))["reservationId"], 5)
    await rig.seconds(2)
    equal(await answer(rig, "CancelReservation", reservationId=5), "Rejected", "it is used up")


async def test_a_reservation_that_ends_while_the_card_is_asked_for_is_not_named_by_the_start():
    rig = await Rig(factory={"AuthorizeRemoteTxRequests": "true"}).online()
    await reserve(rig, 5, after_s=20)
    await rig.plug()
    rig.link.slow_ms["Authorize"] = 25000
    equal(await remote_start(rig, "MINE", connectorId=1), "Accepted")
    start = await rig.sent("StartTransaction")
    equal((start["idTag"], "reservationId" in start), ("MINE", False))


async def test_an_expiry_without_a_link_is_told_with_its_moment():
    rig = await Rig().online()
    await reserve(rig, 5, after_s=30)
    await rig.shows("Reserved")
    end = clock.iso(clock.utc_s() + 30)[:18]
    await rig.offline()
    await rig.seconds(200)
    await rig.reconnect()
    await rig.shows("Available")
    last = [p for p in rig.link.of("StatusNotification") if p["connectorId"] == 1][-1]
    equal(last["timestamp"][:18], end)


async def test_one_of_any_connector_is_used_up_by_the_first_of_its_group_and_frees_the_other_connector():
    rig = await Rig(2).online()
    equal(await reserve(rig, 7, connector=0, parent="FLEET"), "Accepted")
    rig.link.answers["Authorize"] = id_tag_info("Accepted", "FLEET")
    await rig.plug(2)
    await swipe(rig, "DRIVER", 2)
    equal((await rig.sent("StartTransaction"))["reservationId"], 7)
    rig.link.answers["Authorize"] = id_tag_info("Accepted")
    await rig.plug(1)
    equal(await swipe(rig, "STRANGER", 1), "STRANGER")
    true("reservationId" not in await rig.sent("StartTransaction", 2))


async def test_a_last_free_connector_kept_for_another_starts_no_stranger():
    rig = await Rig(2).online()
    await rig.charge(1)
    equal(await reserve(rig, 7, connector=0), "Accepted")
    await rig.shows("Reserved", 2)
    await rig.plug(2)
    equal(await swipe(rig, "STRANGER", 2), None)
    equal(await remote_start(rig, "STRANGER"), "Rejected")
    rig.connectors[0].stop("Local")
    await rig.plug(1, plugged=False)
    await rig.shows("Available", 1)
    equal(await swipe(rig, "STRANGER", 2), "STRANGER", "the other one is free for it")
    await rig.shows("Reserved", 1)


async def test_free_vending_waits_for_the_end_of_a_reservation():
    rig = await Rig(factory={"FreeVend": "true"}).online()
    await reserve(rig, 5)
    await rig.plug()
    await rig.seconds(5)
    equal((rig.statuses()[-1], rig.connectors[0].session), ("Reserved", None))
    equal(await answer(rig, "CancelReservation", reservationId=5), "Accepted")
    start = await rig.sent("StartTransaction")
    equal((start["idTag"], "reservationId" in start), ("FreeVend", False))


async def test_a_connector_out_of_service_and_back_is_no_longer_reserved():
    rig = await Rig().online()
    await reserve(rig, 5)
    equal(await answer(rig, "ChangeAvailability", connectorId=1, type="Inoperative"), "Accepted")
    await rig.seconds(1)
    equal(await answer(rig, "ChangeAvailability", connectorId=1, type="Operative"), "Accepted")
    await rig.seconds(1)
    equal(rig.statuses(), ["Available", "Reserved", "Unavailable", "Available"])
    equal(await remote_start(rig, "OTHER", connectorId=1), "Accepted")


async def test_a_remote_start_in_other_letters_uses_the_reservation_of_a_car_that_came_without_a_card():
    rig = await Rig(factory={"ConnectionTimeOut": 10}).online()
    await reserve(rig, 5)
    await rig.plug()
    await rig.seconds(30)
    equal(await remote_start(rig, "mine"), "Accepted")
    start = await rig.sent("StartTransaction")
    equal((start["idTag"], start["reservationId"]), ("mine", 5))
    await rig.shows("Charging")
    equal(rig.statuses(), ["Available", "Reserved", "Preparing", "Charging"])


# --- keys ---


async def test_energy_that_may_flow_first_is_followed_by_a_pause_and_the_transaction_goes_on():
    rig = await Rig(factory={"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": 500}).online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Blocked"}}
    await rig.charge()
    await rig.seconds(5)
    equal(rig.statuses()[-1], "Charging")
    rig.meters[0].total_wh += 500
    await rig.shows("SuspendedEVSE")
    rig.connectors[0].outlet.fault = Fault
    await rig.shows("Faulted")
    rig.connectors[0].outlet.fault = None
    await rig.shows("SuspendedEVSE")
    equal((rig.connectors[0].outlet.permit, rig.link.of("StopTransaction")), (False, []))
    equal(await answer(rig, "RemoteStopTransaction", transactionId=5), "Accepted")
    equal((await rig.sent("StopTransaction"))["reason"], "Remote")
    rig.link.answers.clear()
    equal(await remote_start(rig, "GOOD", connectorId=1), "Accepted")
    await rig.shows("Charging")


async def test_energy_of_the_time_without_a_link_counts_towards_that_of_a_refused_card():
    rig = await Rig(factory={"AllowOfflineTxForUnknownId": "true", "MaxEnergyOnInvalidId": 500}).online()
    await rig.offline()
    await rig.plug()
    await swipe(rig, "TAG1")
    rig.meters[0].total_wh += 900
    await rig.seconds(5)
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    await rig.reconnect()
    stop = await rig.sent("StopTransaction")
    equal((stop["reason"], stop["meterStop"]), ("DeAuthorized", 1900))


async def test_a_verdict_that_comes_while_a_session_ends_leaves_its_reason():
    rig = await Rig().online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    rig.link.slow_ms["StartTransaction"] = 10000
    await rig.charge(tag="TAG1")
    rig.connectors[0].outlet.contactor.commanded = True
    rig.connectors[0].outlet.settle = lambda: None  # the car takes its time to open S2
    await swipe(rig, "TAG1")
    await rig.seconds(12)
    del rig.connectors[0].outlet.settle
    equal((await rig.sent("StopTransaction"))["reason"], "Local")


async def test_a_refused_card_leaves_the_plug_to_the_next_start_and_to_an_order_that_waits():
    rig = await Rig().online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    await rig.plug()
    await swipe(rig, "BAD")
    await rig.shows("Finishing")
    rig.link.answers.clear()
    equal(await remote_start(rig, "GOOD", connectorId=1), "Accepted")
    await rig.shows("Charging")
    equal(await answer(rig, "ChangeAvailability", connectorId=1, type="Inoperative"), "Scheduled")
    rig.connectors[0].stop("Local", "GOOD")
    await rig.shows("Unavailable")
    equal(rig.statuses()[-2:], ["Charging", "Unavailable"])


async def test_a_remote_start_that_is_to_be_authorised_follows_the_rules_for_cards():
    known = ("LISTED", {"status": "Accepted"})
    for factory, tag, asked, started in (
        ({"LocalPreAuthorize": "true"}, "LISTED", 0, True),
        ({}, "LISTED", 1, True),  # no answer: the offline rules
        ({"LocalAuthorizeOffline": "false"}, "LISTED", 1, False),
        ({}, "OTHER", 1, False),
        ({"AllowOfflineTxForUnknownId": "true"}, "OTHER", 1, True),
    ):
        rig = await Rig(factory=dict(factory, AuthorizeRemoteTxRequests="true")).online()
        await listed(rig, known)
        rig.link.answers["Authorize"] = CallTimeoutError("x")
        await rig.plug()
        equal(await remote_start(rig, tag, connectorId=1), "Accepted")
        await rig.seconds(3)
        what = "%s %s" % (factory, tag)
        equal((len(rig.link.of("Authorize")), rig.connectors[0].session is not None), (asked, started), what)


async def test_a_connection_time_out_that_is_changed_holds_for_the_start_that_waits():
    rig = await Rig(factory={"ConnectionTimeOut": 600}).online()
    await remote_start(rig, "TAG1", connectorId=1)
    await rig.shows("Preparing")
    equal(await answer(rig, "ChangeConfiguration", key="ConnectionTimeOut", value="20"), "Accepted")
    await rig.seconds(25)
    equal(rig.statuses()[-1], "Available")


async def test_an_authorised_remote_start_for_a_connector_that_is_out_of_service_meanwhile_starts_nothing():
    rig = await Rig(factory={"AuthorizeRemoteTxRequests": "true"}).online()
    rig.link.slow_ms["Authorize"] = 5000
    await rig.plug()
    equal(await remote_start(rig, "TAG1", connectorId=1), "Accepted")
    equal(await answer(rig, "ChangeAvailability", connectorId=1, type="Inoperative"), "Accepted")
    await rig.seconds(10)
    equal((rig.link.of("StartTransaction"), rig.statuses()[-1]), ([], "Unavailable"))
    await answer(rig, "ChangeAvailability", connectorId=1, type="Operative")
    equal(await remote_start(rig, "TAG1", connectorId=1), "Accepted")
    await rig.sent("StartTransaction")
