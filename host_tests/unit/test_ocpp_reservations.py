"""Reservations: of a connector, of any connector, how they end (OCPP-71). In manual time."""

from check import equal
from ocpp_rig import Rig, reserve, swipe

HEAP = 16 * 1024 * 1024


async def test_reserved_for_one_and_used_up_by_its_start():
    rig = await Rig().online()
    equal(await reserve(rig, 7), "Accepted")
    await rig.until(lambda: rig.statuses()[-1] == "Reserved")
    await swipe(rig, "OTHER")
    equal(rig.connectors[0].status, "Reserved")
    await swipe(rig, "mine")
    equal(rig.statuses()[-1], "Preparing")
    await rig.plug()
    equal((await rig.sent("StartTransaction"))["reservationId"], 7)
    equal(await rig.call("CancelReservation", reservationId=7), {"status": "Rejected"})


async def test_the_parent_may_use_it_by_card_and_by_remote_start_ocpp58():
    rig = await Rig(factory={"AuthorizeRemoteTxRequests": "true"}).online()
    rig.link.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
    await reserve(rig, parent="FAMILY")
    equal(await rig.call("RemoteStartTransaction", idTag="OTHER", connectorId=1), {"status": "Accepted"})
    await rig.plug()
    equal((await rig.sent("StartTransaction"))["reservationId"], 1)


async def test_a_remote_start_for_another_is_rejected_ocpp65():
    rig = await Rig(2).online()
    await reserve(rig)
    equal(await rig.call("RemoteStartTransaction", idTag="OTHER", connectorId=1), {"status": "Rejected"})
    equal(await rig.call("RemoteStartTransaction", idTag="OTHER"), {"status": "Accepted"})
    await rig.until(lambda: rig.statuses(2)[-1] == "Preparing")


async def test_it_ends_by_expiry_by_cancelling_and_by_a_fault():
    rig = await Rig().online()
    await reserve(rig, after_s=30)
    await rig.seconds(32)
    equal(rig.statuses()[-1], "Available")
    await reserve(rig, 2)
    equal(await rig.call("CancelReservation", reservationId=9), {"status": "Rejected"})
    equal(await rig.call("CancelReservation", reservationId=2), {"status": "Accepted"})
    await rig.until(lambda: rig.statuses()[-1] == "Available")
    await reserve(rig, 3)

    class Fault:
        CODE, INFO, FAULTED = "GroundFailure", "x", True

    rig.connectors[0].outlet.fault = Fault
    await rig.until(lambda: rig.statuses()[-1] == "Faulted")
    equal(await rig.call("CancelReservation", reservationId=3), {"status": "Rejected"})
    rig.connectors[0].outlet.fault = None
    await rig.until(lambda: rig.statuses()[-1] == "Available")
    await reserve(rig, 4)
    await rig.call("ChangeAvailability", connectorId=1, type="Inoperative")
    await rig.until(lambda: rig.statuses()[-1] == "Unavailable")
    equal(await rig.call("CancelReservation", reservationId=4), {"status": "Rejected"})


async def test_the_same_id_replaces_and_moves():
    rig = await Rig(2).online()
    await reserve(rig, 1, 1, "A")
    equal(await reserve(rig, 1, 1, "B"), "Accepted")
    equal(await reserve(rig, 1, 2, "B"), "Accepted")
    await rig.until(lambda: (rig.statuses(1)[-1], rig.statuses(2)[-1]) == ("Available", "Reserved"))


async def test_why_not():
    rig = await Rig(4).online()
    equal(await reserve(rig, 1, 1), "Accepted")
    equal(await reserve(rig, 2, 1), "Occupied")
    await rig.plug(2)
    equal(await reserve(rig, 2, 2), "Occupied")
    await rig.call("ChangeAvailability", connectorId=3, type="Inoperative")
    equal(await reserve(rig, 2, 3), "Unavailable")

    class Fault:
        CODE, INFO, FAULTED = "GroundFailure", "x", True

    rig.connectors[3].outlet.fault = Fault
    await rig.until(lambda: rig.statuses(4)[-1] == "Faulted")
    equal(await reserve(rig, 2, 4, after_s=-5), "Faulted")
    equal(await reserve(rig, 2, 5), "Rejected")
    rig.connectors[3].outlet.fault = None
    await rig.until(lambda: rig.statuses(4)[-1] == "Available")
    equal(await reserve(rig, 2, 4, after_s=0), "Rejected")
    rig = await Rig(factory={"SupportedFeatureProfiles": "Core"}).online()
    equal(await reserve(rig), "Rejected")
    equal(await rig.call("CancelReservation", reservationId=1), {"status": "Rejected"})


async def test_a_reservation_of_any_connector_keeps_one_free():
    rig = await Rig(2).online()
    equal(await reserve(rig, 1, 0, "GUEST"), "Accepted")
    await rig.seconds(1)
    equal((rig.statuses(1)[-1], rig.statuses(2)[-1]), ("Available", "Available"))
    await rig.plug(1)
    await swipe(rig, "OTHER", 1)
    equal(rig.connectors[0].session.id_tag, "OTHER")
    equal(rig.statuses(2)[-1], "Reserved", "the last one that is free")
    await swipe(rig, "ANOTHER", 2)
    equal(rig.connectors[1].pending, None)
    await swipe(rig, "GUEST", 2)
    await rig.plug(2)
    equal((await rig.sent("StartTransaction", 2))["reservationId"], 1)


async def test_any_connector_of_a_unit_with_one_is_that_one():
    rig = await Rig().online()
    await reserve(rig, 0, 0)
    await rig.until(lambda: rig.statuses()[-1] == "Reserved")
    equal(await reserve(rig, 5, 1), "Occupied")
    rig = await Rig(factory={"ReserveConnectorZeroSupported": "false"}).online()
    equal(await reserve(rig, 1, 0), "Rejected")


async def test_it_survives_a_power_cut():
    rig = await Rig().online()
    await reserve(rig, 3)
    await rig.power_cut()
    equal(rig.connectors[0].reserved, True)
    await rig.online()
    await rig.until(lambda: rig.statuses()[-1] == "Reserved")
    await swipe(rig, "OTHER")
    equal(rig.connectors[0].pending, None)
    equal(await rig.call("CancelReservation", reservationId=3), {"status": "Accepted"})


async def test_a_remote_start_without_a_connector_takes_the_one_that_is_reserved_for_it():
    rig = await Rig(3).online()
    equal(await reserve(rig, 5, 2), "Accepted")
    equal((await rig.call("RemoteStartTransaction", idTag="mine"))["status"], "Accepted")
    await rig.shows("Preparing", 2)
    await rig.plug(2)
    equal((await rig.sent("StartTransaction"))["reservationId"], 5)
    equal(await reserve(rig, 6, 3), "Accepted")
    await rig.plug(1)  # a car that is there goes before a place that waits for one
    equal((await rig.call("RemoteStartTransaction", idTag="MINE"))["status"], "Accepted")
    equal((await rig.sent("StartTransaction", 2))["connectorId"], 1)
