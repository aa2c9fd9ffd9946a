"""Cases from the field about statuses, availability, reservations and resets (docs/RULES.md, C.7). In manual time."""

from check import equal, true
from ocpp_rig import Rig, reserve, swipe

from charger import clock
from charger.outlet import connector_status

HEAP = 16 * 1024 * 1024


class Fault:
    CODE, INFO, FAULTED = "GroundFailure", "x", True


class DiodeWarning:
    CODE, INFO, FAULTED = "EVCommunicationError", "y", False


async def inoperative(rig, number=1):
    return (await rig.call("ChangeAvailability", connectorId=number, type="Inoperative"))["status"]


def statuses_of(rig, number=1):
    return [(p["status"], p.get("info")) for p in rig.link.of("StatusNotification") if p["connectorId"] == number]


async def test_f_o2_scheduled_inoperative_then_the_car_leaves_goes_straight_to_unavailable():
    rig = await Rig().online()
    await rig.charge()
    equal(await inoperative(rig), "Scheduled")
    await rig.plug(plugged=False)
    await rig.until(lambda: rig.statuses()[-1] == "Unavailable")
    await rig.seconds(5)
    equal(rig.statuses(), ["Available", "Preparing", "Charging", "Unavailable"])


async def test_f_o2_scheduled_inoperative_then_a_stop_with_the_car_still_there():
    rig = await Rig().online()
    await rig.charge()
    await inoperative(rig)
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: rig.statuses()[-1] == "Unavailable")
    await rig.plug(plugged=False)
    await rig.seconds(5)
    equal(rig.statuses(), ["Available", "Preparing", "Charging", "Unavailable"])


async def test_f_o3_a_car_without_a_card_leaves_a_reserved_connector_reserved():
    rig = await Rig(factory={"ConnectionTimeOut": 10}).online()
    equal(await reserve(rig, 5, after_s=40), "Accepted")
    await rig.plug()
    await rig.seconds(20)
    equal(rig.statuses(), ["Available", "Reserved"])
    equal(await reserve(rig, 5, after_s=60), "Accepted", "the same id replaces")
    await rig.seconds(30)
    equal(rig.statuses(), ["Available", "Reserved"])
    await swipe(rig, "OTHER")
    equal(rig.statuses(), ["Available", "Reserved"])
    await swipe(rig, "MINE")
    equal(rig.statuses(), ["Available", "Reserved", "Preparing", "Charging"])
    equal((await rig.sent("StartTransaction"))["reservationId"], 5)


async def test_f_o3_expiry_is_reported_with_a_car_and_without():
    for plugged, after in ((False, ["Available"]), (True, ["Preparing", "Finishing"])):
        rig = await Rig(factory={"ConnectionTimeOut": 10}).online()
        await reserve(rig, 5, after_s=40)
        await rig.plug(plugged=plugged)
        await rig.seconds(38)
        equal(rig.statuses(), ["Available", "Reserved"])
        await rig.seconds(4)
        equal((rig.statuses()[:2], rig.statuses()[2:]), (["Available", "Reserved"], after[:1]))
        await rig.seconds(20)
        equal(rig.statuses()[2:], after)


async def test_f_o3_an_identity_that_does_not_plug_in_leaves_the_reservation():
    rig = await Rig(factory={"ConnectionTimeOut": 10}).online()
    await reserve(rig, 5)
    await swipe(rig, "MINE")
    equal(await reserve(rig, 5, after_s=900), "Accepted")
    equal(await reserve(rig, 5, tag="YOURS"), "Occupied")
    await rig.seconds(15)
    equal(rig.statuses(), ["Available", "Reserved", "Preparing", "Available", "Reserved"])


async def test_f_o3_a_cancelled_reservation_is_not_named_by_the_start():
    rig = await Rig().online()
    await reserve(rig, 5)
    await swipe(rig, "MINE")
    equal(await rig.call("CancelReservation", reservationId=5), {"status": "Accepted"})
    await rig.plug()
    true("reservationId" not in await rig.sent("StartTransaction"))


async def test_f_o11_a_car_that_leaves_is_reported_in_finishing():
    rig = await Rig().online()
    await rig.charge()
    await rig.plug(plugged=False)
    await rig.until(lambda: rig.statuses()[-1] == "Available")
    equal(statuses_of(rig)[-3:], [("Charging", None), ("Finishing", "EV side disconnected"), ("Available", None)])


async def test_f_o11_a_session_that_was_stopped_before_the_car_left_has_no_such_info():
    rig = await Rig().online()
    await rig.charge()
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: rig.statuses()[-1] == "Finishing")
    await rig.plug(plugged=False)
    await rig.until(lambda: rig.statuses()[-1] == "Available")
    equal(statuses_of(rig)[-2:], [("Finishing", None), ("Available", None)])


async def test_f_o11_a_car_that_leaves_under_a_fault_is_not_reported_in_finishing():
    rig = await Rig().online()
    await rig.charge()
    rig.connectors[0].outlet.fault = Fault
    await rig.until(lambda: rig.statuses()[-1] == "Faulted")
    await rig.plug(plugged=False)
    await rig.seconds(5)
    rig.connectors[0].outlet.fault = None
    await rig.seconds(5)
    equal(rig.statuses()[-3:], ["Charging", "Faulted", "Available"])


async def test_f_o14_connector_0_is_unavailable_when_the_last_transaction_is_over():
    rig = await Rig(2).online()
    await rig.charge(1)
    equal(await inoperative(rig, 0), "Scheduled")
    await rig.seconds(5)
    equal((rig.statuses(0), rig.statuses(2)[-1]), (["Available"], "Unavailable"))
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: rig.statuses(0) == ["Available", "Unavailable"])
    equal(rig.statuses(1)[-1], "Unavailable")


async def test_f_o14_connector_0_scheduled_and_taken_back_is_never_reported():
    rig = await Rig(2).online()
    await rig.charge(1)
    await inoperative(rig, 0)
    equal(await rig.call("ChangeAvailability", connectorId=0, type="Operative"), {"status": "Accepted"})
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: rig.statuses(1)[-1] == "Finishing")
    equal(rig.statuses(0), ["Available"])


async def test_f_o15_inoperative_in_preparing_tells_no_available():
    for card in (False, True):
        rig = await Rig().online()
        if card:
            await swipe(rig, "TAG1")
        else:
            await rig.plug()
        await rig.until(lambda rig=rig: rig.statuses()[-1] == "Preparing")
        equal(await inoperative(rig), "Accepted")
        await rig.seconds(5)
        equal(rig.statuses(), ["Available", "Preparing", "Finishing", "Unavailable"])


async def test_f_o15_back_in_service_with_a_car_is_preparing_and_not_available():
    rig = await Rig(factory={"ConnectionTimeOut": 10}).online()
    await rig.plug()
    await inoperative(rig)
    await rig.seconds(1)
    await rig.call("ChangeAvailability", connectorId=1, type="Operative")
    await rig.seconds(20)
    equal(rig.statuses()[-3:], ["Unavailable", "Preparing", "Finishing"])


async def test_a_car_that_opens_s2_right_after_its_start_is_not_told_as_charging():
    rig = await Rig().online()
    await rig.charge()
    outlet = rig.connectors[0].outlet
    outlet.ev_ready = False
    await rig.seconds(1)
    equal(rig.statuses(), ["Available", "Preparing", "Charging", "SuspendedEV"])
    outlet.ev_ready = True
    await rig.shows("Charging")


async def test_f_o20_a_status_is_not_reported_again_when_only_its_info_goes():
    rig = await Rig().online()
    await rig.charge()
    rig.connectors[0].outlet.limits.set("hours", 0)
    await rig.until(lambda: rig.statuses()[-1] == "SuspendedEVSE")
    true(statuses_of(rig)[-1][1] is not None)
    rig.connectors[0].outlet.limits.set("user", 0)
    rig.connectors[0].outlet.limits.set("hours", None)
    await rig.seconds(5)
    rig.connectors[0].outlet.limits.set("user", None)
    await rig.until(lambda: rig.statuses()[-1] == "Charging")
    equal(rig.statuses(), ["Available", "Preparing", "Charging", "SuspendedEVSE", "Charging"])


async def test_f_o20_a_warning_that_comes_and_goes_is_reported():
    rig = await Rig().online()
    await rig.charge()
    rig.connectors[0].outlet.limits.set("hours", 0)
    await rig.until(lambda: rig.statuses()[-1] == "SuspendedEVSE")
    rig.connectors[0].outlet.fault = DiodeWarning
    await rig.seconds(1)
    rig.connectors[0].outlet.fault = None
    await rig.seconds(1)
    codes = [p["errorCode"] for p in rig.link.of("StatusNotification") if p["connectorId"] == 1][-3:]
    equal(codes, ["NoError", "EVCommunicationError", "NoError"])


async def test_f_o20_a_remote_start_just_after_a_remote_stop_is_carried_out():
    rig = await Rig().online()
    await rig.charge()
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    rig.connectors[0].outlet.contactor.commanded = True
    rig.connectors[0].outlet.settle = lambda: None  # the car takes its time to open S2
    await rig.call("RemoteStopTransaction", transactionId=101)
    await rig.seconds(2)
    true(rig.connectors[0].stopping)
    equal(await rig.call("RemoteStartTransaction", idTag="NEXT", connectorId=1), {"status": "Accepted"})
    del rig.connectors[0].outlet.settle
    start = await rig.sent("StartTransaction", 2)
    equal(start["idTag"], "NEXT")
    await rig.until(lambda: rig.statuses()[-1] == "Charging")
    equal(rig.statuses()[2:], ["Charging", "Finishing", "Preparing", "Charging"])
    order = [name for name in rig.link.order() if name.endswith("Transaction")]
    equal(order, ["StartTransaction", "StopTransaction", "StartTransaction"])


async def test_f_o20_no_start_is_promised_where_the_connector_is_to_go_out_of_service():
    rig = await Rig().online()
    await rig.charge()
    await inoperative(rig)
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    await rig.call("RemoteStopTransaction", transactionId=101)
    equal(await rig.call("RemoteStartTransaction", idTag="NEXT", connectorId=1), {"status": "Rejected"})


async def test_f_o20_the_same_card_before_the_plug_ends_the_intended_use():
    rig = await Rig().online()
    await swipe(rig, "TAG1")
    equal(rig.statuses()[-1], "Preparing")
    await swipe(rig, "tag1")
    equal(rig.statuses(), ["Available", "Preparing", "Available"])
    await rig.plug()
    await rig.seconds(5)
    equal(rig.connectors[0].session, None)


async def test_f_o20_the_card_of_a_remote_start_confirms_it_and_ends_it_the_second_time():
    rig = await Rig().online()
    await rig.call("RemoteStartTransaction", idTag="TAG1", connectorId=1)
    await rig.seconds(1)
    await swipe(rig, "TAG1")
    equal(rig.statuses()[-1], "Preparing")
    await swipe(rig, "TAG1")
    equal(rig.statuses()[-1], "Available")


async def test_f_o20_all_keys_can_be_asked_for_by_name_at_once():
    rig = await Rig().online()
    names = [entry["key"] for entry in (await rig.call("GetConfiguration"))["configurationKey"]]
    names.append("AuthorizationKey")
    names += ["OfAnotherVendor%d" % number for number in range(100 - len(names))]  # back ends ask for what they know
    answer = await rig.call("GetConfiguration", key=names)
    equal(len(answer["configurationKey"]) + len(answer["unknownKey"]), 100)
    equal(await rig.call("GetConfiguration", key=["GetConfigurationMaxKeys"]), {"configurationKey": [
        {"key": "GetConfigurationMaxKeys", "readonly": True, "value": "100"}]})  # fmt: skip


async def test_f_o20_the_vendor_of_an_info_is_that_of_the_unit():
    rig = await Rig(factory={"ChargePointVendor": "com.example"}).online()
    await rig.charge()
    await rig.plug(plugged=False)
    await rig.until(lambda: rig.statuses()[-1] == "Available")
    equal([p["vendorId"] for p in rig.link.of("StatusNotification") if "info" in p], ["com.example"])


async def test_f_o7_a_remote_start_for_one_of_the_group_asks_for_the_parent_first():
    for connector in (1, 0):
        rig = await Rig().online()
        rig.link.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET"}}
        await reserve(rig, 5, connector=connector, parent="FLEET")
        equal(await rig.call("RemoteStartTransaction", idTag="SISTER", connectorId=1), {"status": "Accepted"})
        await rig.plug()
        start = await rig.sent("StartTransaction")
        equal((start["idTag"], start["reservationId"], rig.link.of("Authorize")), ("SISTER", 5, [{"idTag": "SISTER"}]))


async def test_f_o7_a_remote_start_for_a_stranger_does_not_start_on_a_connector_kept_for_a_group():
    rig = await Rig().online()
    await reserve(rig, 5, parent="FLEET")
    await rig.plug()
    equal(await rig.call("RemoteStartTransaction", idTag="STRANGER", connectorId=1), {"status": "Accepted"})
    await rig.seconds(10)
    equal((rig.statuses(), rig.link.of("StartTransaction")), (["Available", "Reserved"], []))


async def test_f_o24_an_empty_full_list_may_have_version_0():
    rig = await Rig().online()
    entry = [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}]
    await rig.call("SendLocalList", listVersion=4, updateType="Full", localAuthorizationList=entry)
    for kind, version, entries, wanted in (
        ("Differential", 0, [], "Failed"), ("Full", 0, entry, "Failed"), ("Full", -1, [], "Failed"), ("Full", 0, [], "Accepted"),
    ):  # fmt: skip
        answer = await rig.call("SendLocalList", listVersion=version, updateType=kind, localAuthorizationList=entries)
        equal(answer, {"status": wanted})
    equal(await rig.call("GetLocalListVersion"), {"listVersion": 0})
    equal(rig.cp.id_tags.local_list().find("A"), None)


async def test_f_o25_a_hard_reset_lets_the_stop_go_out_before_it_closes_the_link():
    rig = await Rig().online()
    await rig.charge()
    await rig.sent("StartTransaction")
    await rig.seconds(1)
    equal(await rig.call("Reset", type="Hard"), {"status": "Accepted"})
    await rig.until(lambda: rig.restarts == ["Hard"])
    equal([p["reason"] for p in rig.link.of("StopTransaction")], ["HardReset"])
    equal((rig.link.connected, rig.cp.transaction_queue.waiting), (False, 0))


async def test_f_o25_a_hard_reset_waits_a_few_seconds_for_a_back_end_that_does_not_answer():
    rig = await Rig().online()
    await rig.charge()
    await rig.sent("StartTransaction")
    await rig.seconds(1)
    rig.link.answers["StopTransaction"] = OSError("never")
    began = clock.ticks_ms()
    rig.link.slow_ms["StopTransaction"] = 60000
    await rig.call("Reset", type="Hard")
    await rig.until(lambda: rig.restarts == ["Hard"])
    true(5000 <= clock.elapsed_ms(began) < 8000, clock.elapsed_ms(began))
    equal(rig.connectors[0].session, None)
    true(rig.cp.transaction_queue.waiting > 0, "the record is there for the next start")


async def test_no_start_is_accepted_while_a_reset_is_under_way():
    rig = await Rig().online()
    await rig.call("Reset", type="Soft")
    equal(await rig.call("RemoteStartTransaction", idTag="T", connectorId=1), {"status": "Rejected"})


async def test_faults_at_start_up_are_reported_once():
    rig = Rig()
    rig.connectors[0].outlet.fault = Fault
    rig.link.connected = False
    await rig.start()
    await rig.seconds(2)
    await rig.reconnect()
    await rig.until(lambda: rig.statuses() != [])
    await rig.seconds(2)
    equal(rig.statuses(), ["Faulted"])


async def test_minimum_status_duration_leaves_out_nothing_that_the_table_needs():
    rig = await Rig(factory={"MinimumStatusDuration": 5}).online()
    await reserve(rig, 5)
    await rig.until(lambda: rig.statuses()[-1] == "Reserved")
    await rig.plug()
    await swipe(rig, "MINE")
    await rig.until(lambda: rig.statuses()[-1] == "Charging")
    equal(rig.statuses(), ["Available", "Reserved", "Preparing", "Charging"])
    stamps = [p["timestamp"] for p in rig.link.of("StatusNotification")]
    equal(stamps, sorted(stamps))


def test_each_cell_of_the_table_has_its_cause():
    for line in connector_status._CELLS.strip().split("\n"):
        cell, cause = line.split(" ", 1)
        old, new = connector_status._ORDER["ABCDEFGHI".index(cell[0])], connector_status._ORDER[int(cell[1]) - 1]
        equal(connector_status.cause(old, new), cause)
        true(len(cause) >= 5, cell)
