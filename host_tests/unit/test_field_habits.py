"""Habits of back ends and energy managers, from public issue threads of their projects. In manual time."""

from check import equal, raises_async, true
from ocpp_rig import NOW, Rig, id_tag_info, reserve
from profiles import install, profile, relative

from charger import clock
from charger.errors import FAILED, CallError, OcppError, UploadError

HEAP = 16 * 1024 * 1024


async def answer(rig, action, **request):
    """The status in the answer to a CALL."""
    return (await rig.call(action, **request))["status"]


def starts(rig):
    return [p["idTag"] for p in rig.link.of("StartTransaction")]


async def test_an_energy_manager_that_puts_the_unit_in_service_each_time_it_connects_disturbs_no_session():
    rig = await Rig(2).online()
    await rig.charge()
    rig.link.sent.clear()
    equal(await answer(rig, "TriggerMessage", requestedMessage="BootNotification"), "Rejected")
    equal(await answer(rig, "ChangeAvailability", connectorId=0, type="Operative"), "Accepted")
    equal(await answer(rig, "TriggerMessage", requestedMessage="StatusNotification"), "Accepted")
    await rig.until(lambda: len(rig.link.of("StatusNotification")) == 3)
    equal([p["status"] for p in rig.link.of("StatusNotification")], ["Available", "Charging", "Available"])
    equal(rig.link.of("StopTransaction"), [])


async def test_a_remote_start_while_the_car_is_still_there_after_its_transaction_charges_again():
    rig = await Rig().online()
    await rig.charge()
    equal(await answer(rig, "RemoteStopTransaction", transactionId=101), "Accepted")
    await rig.shows("Finishing")
    equal(await answer(rig, "RemoteStartTransaction", idTag="manager", connectorId=1), "Accepted")
    await rig.shows("Charging")
    equal((starts(rig), rig.statuses()[-3:]), (["TAG00001", "manager"], ["Finishing", "Preparing", "Charging"]))


async def test_a_remote_start_that_is_sent_twice_within_a_moment_is_one_transaction():
    rig = await Rig(2).online()
    rig.link.slow_ms["StartTransaction"] = 2000
    await rig.plug()
    request = {"idTag": "J5GT7T47RL2CHXMNRUDO", "connectorId": 1}
    first, second = await rig.handled("RemoteStartTransaction", request), await rig.handled("RemoteStartTransaction", request)
    equal((first[0]["status"], second[0]["status"]), ("Accepted", "Rejected"))
    first[1]()
    await rig.seconds(5)
    equal((starts(rig), rig.connectors[0].status), ([request["idTag"]], "Charging"))


async def test_a_profile_of_a_transaction_that_is_not_there_is_not_accepted_and_forgotten():
    rig = await Rig().online()
    schedule = {"duration": 82800, "startSchedule": "2026-09-21T17:03:02.379399+02:00"}
    early = profile(1, "TxProfile", limit=0, transactionId=0, schedule=schedule)
    request = {"connectorId": 1, "idTag": "no-card", "csChargingProfiles": early}
    equal(await answer(rig, "SetChargingProfile", **request), "Rejected")
    await rig.charge()
    equal(await answer(rig, "SetChargingProfile", **request), "Rejected", "transaction 101 runs, 0 does not")
    early["transactionId"] = 101
    equal(await answer(rig, "SetChargingProfile", **request), "Accepted")
    equal(rig.connectors[0].outlet.limits.get("csms"), None, "from 15:03:02 UTC on")
    clock.set_utc(clock.parse_iso(schedule["startSchedule"])[0] + 1, "test")
    await rig.shows("SuspendedEVSE")


async def test_a_profile_of_level_0_is_cleared_by_connector_purpose_and_level():
    rig = await Rig().online()
    await rig.charge()
    equal(await install(rig, profile(1, "TxProfile", limit=0, phases=1), 1), "Accepted")
    filters = {"connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 0}
    equal([await answer(rig, "ClearChargingProfile", **filters), await answer(rig, "ClearChargingProfile", **filters)],
          ["Accepted", "Unknown"])  # fmt: skip


async def test_limits_that_were_divided_have_many_decimals_and_hold_rounded_down():
    rig = await Rig().online()
    for limit, da in ((11000 / 690, 159), (6.9000000000000004, 69), (10.0, 100), (31.999999999, 320), (124, 1240)):
        equal(await install(rig, profile(1, limit=limit)), "Accepted")
        equal(rig.connectors[0].outlet.limits.get("csms"), da, str(limit))


async def test_an_absolute_profile_without_a_start_counts_from_the_transaction_and_a_recurring_one_is_refused():
    rig = await Rig().online()
    fields = profile(1, limit=8, schedule={"duration": 60})
    del fields["chargingSchedule"]["startSchedule"]
    equal(await install(rig, fields), "Accepted")
    await rig.charge()
    await rig.seconds(58)
    equal(rig.connectors[0].outlet.limits.get("csms"), 80)
    await rig.seconds(3)
    equal(rig.connectors[0].outlet.limits.get("csms"), None)
    fields.update({"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"})
    equal(await install(rig, fields), "Rejected")


async def test_a_span_of_no_length_and_a_location_that_is_none_have_a_file_and_a_failed_upload_each():
    rig = Rig()

    class Uploader:
        async def send(self, location, name, pieces):
            raise UploadError(FAILED, "no such place", True)

    rig.cp.make_uploader = Uploader
    await rig.online()
    moment = clock.iso(NOW - 60)
    for request in ({"location": "C:"}, {"location": "ftp://h", "startTime": moment, "stopTime": moment, "retries": 1}):
        rig.link.sent.clear()
        true((await rig.call("GetDiagnostics", **request))["fileName"])
        await rig.until(lambda: len(rig.link.of("DiagnosticsStatusNotification")) == 2)
        equal([p["status"] for p in rig.link.of("DiagnosticsStatusNotification")], ["Uploading", "UploadFailed"])


async def test_a_reservation_is_cancelled_after_a_restart_and_not_by_an_expiry_in_the_past():
    rig = await Rig().online()
    equal(await reserve(rig, 23222), "Accepted")
    await rig.power_cut()
    await rig.online()
    equal(await reserve(rig, 23222, after_s=-60), "Rejected")
    equal(rig.connectors[0].status, "Reserved")
    equal(await answer(rig, "CancelReservation", reservationId=23222), "Accepted")
    await rig.shows("Available")


async def test_a_parent_in_other_letters_and_an_expiry_that_has_passed_leave_the_back_ends_word():
    rig = await Rig().online()
    rig.link.answers["Authorize"] = lambda p: id_tag_info("Accepted", "fleet", "2020-01-01T00:00:00.000Z")
    equal(await reserve(rig, 1, parent="FLEET"), "Accepted")
    await rig.charge(tag="SISTER")
    equal(rig.link.of("StartTransaction")[0]["reservationId"], 1)


async def test_a_list_of_keys_with_repetitions_and_other_letters_is_answered_and_one_with_too_long_a_name_refused():
    rig = await Rig().online()
    found = await rig.call("GetConfiguration", key=["heartbeatinterval", "HeartbeatInterval", "Nope", "", "SupplyVoltage"])
    equal([item["key"] for item in found["configurationKey"]], ["HeartbeatInterval"] * 2)
    equal(found["unknownKey"], ["Nope", "", "SupplyVoltage"])
    error = await raises_async(OcppError, rig.call("GetConfiguration", key=["x" * 51]))
    equal(error.code, "PropertyConstraintViolation")


async def test_transaction_data_that_is_asked_for_during_a_transaction_begins_with_its_begin():
    rig = await Rig(factory={"MeterValueSampleInterval": 10}).online()
    await rig.charge()
    await rig.seconds(15)
    rig.config.change("StopTxnSampledData", "Voltage")
    await rig.seconds(10)
    rig.connectors[0].stop("Local")
    stop = await rig.sent("StopTransaction")
    contexts = [item["sampledValue"][0]["context"] for item in stop["transactionData"]]
    equal(contexts, ["Transaction.Begin", "Sample.Periodic", "Transaction.End"])
    equal(stop["transactionData"][0]["timestamp"], rig.link.of("StartTransaction")[0]["timestamp"])


async def test_a_flash_that_refuses_to_forget_profiles_leaves_them_in_force():
    rig = await Rig().online()
    await install(rig, relative(1, limit=8))

    def refuse(name, value):
        raise OSError(5)

    write, rig.files.write_pieces = rig.files.write_pieces, refuse
    await raises_async(OSError, rig.call("ClearChargingProfile"))
    rig.files.write_pieces = write
    equal(rig.connectors[0].outlet.limits.get("csms"), 80)
    equal(await answer(rig, "ClearChargingProfile"), "Accepted")
    equal(rig.connectors[0].outlet.limits.get("csms"), None)


async def test_a_shorter_interval_between_attempts_holds_for_the_pause_that_runs():
    rig = await Rig(factory={"TransactionMessageRetryInterval": 86400}).online()
    rig.link.answers["StartTransaction"] = CallError("InternalError")
    await rig.charge()
    await rig.seconds(5)
    equal(len(starts(rig)), 1)
    del rig.link.answers["StartTransaction"]
    equal(await answer(rig, "ChangeConfiguration", key="TransactionMessageRetryInterval", value="1"), "Accepted")
    await rig.seconds(2)
    equal((len(starts(rig)), rig.connectors[0].session.transaction_id), (2, 101))
