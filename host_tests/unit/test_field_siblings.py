"""Further cases of the kinds of F-O2 to F-O25: statuses, answers, triggers, lists, resets. In manual time."""

from check import equal, true
from ocpp_rig import NOW, Rig, reserve, swipe

from charger import clock
from charger.errors import CallTimeoutError
from charger.ocpp.v16.services.local_list import LocalList

HEAP = 16 * 1024 * 1024


class Guard:
    CODE, INFO = "InternalError", "Board"


async def answer(rig, action, **request):
    """The status in the answer to a CALL."""
    return (await rig.call(action, **request))["status"]


async def availability(rig, number, kind):
    return await answer(rig, "ChangeAvailability", connectorId=number, type=kind)


def stamps(rig, number=1):
    return [p["timestamp"] for p in rig.link.of("StatusNotification") if p["connectorId"] == number]


# --- statuses ---


async def test_f_o14_a_fault_of_the_unit_that_ends_with_the_last_transaction_tells_no_available():
    rig = await Rig().online()
    await rig.charge()
    equal(await availability(rig, 0, "Inoperative"), "Scheduled")
    rig.connectors[0].outlet.board_guard = Guard
    await rig.until(lambda: rig.statuses(0)[-1] == "Faulted")
    rig.connectors[0].outlet.board_guard = None  # found by the next look, which is that of the transaction's end
    rig.connectors[0].stop("Local")
    await rig.shows("Unavailable")
    equal(rig.statuses(0), ["Available", "Faulted", "Unavailable"])


async def test_f_o14_the_unit_is_in_service_when_one_of_its_connectors_is():
    rig = await Rig(2).online()
    await rig.charge(1)
    equal(await availability(rig, 0, "Inoperative"), "Scheduled")
    equal(await availability(rig, 1, "Operative"), "Accepted")
    rig.connectors[0].stop("Local")
    await rig.shows("Finishing", 1)
    equal((rig.statuses(0), rig.statuses(2)[-1]), (["Available"], "Unavailable"))
    await rig.power_cut()
    equal([c.operative for c in rig.connectors], [True, False])


async def test_f_o2_an_order_that_is_taken_back_before_the_transaction_ends_changes_no_status():
    rig = await Rig(2).online()
    await rig.charge()
    equal(await availability(rig, 1, "Inoperative"), "Scheduled")
    equal(await availability(rig, 1, "Inoperative"), "Scheduled")
    equal(await availability(rig, 1, "Operative"), "Accepted")
    rig.connectors[0].stop("Local")
    await rig.shows("Finishing")
    await rig.plug(plugged=False)
    await rig.shows("Available")


async def test_f_o19_a_status_of_a_time_without_a_link_has_the_moment_of_its_change():
    rig = await Rig().online()
    await rig.offline()
    await rig.seconds(5)
    await rig.plug()
    changed = clock.utc_s()
    await rig.seconds(30)
    await rig.reconnect()
    await rig.shows("Preparing")
    equal(clock.parse_iso(stamps(rig)[-1])[0], changed)
    equal(await answer(rig, "TriggerMessage", requestedMessage="StatusNotification", connectorId=1), "Accepted")
    await rig.until(lambda: len(stamps(rig)) == 3)
    rig.cp.status.sync(everything=True)  # as after another registration
    await rig.until(lambda: len(stamps(rig)) == 4)
    for text in stamps(rig)[-2:]:
        true(clock.utc_s() - clock.parse_iso(text)[0] <= 1, "what was told before is of now")


async def test_f_o19_a_status_from_before_the_time_was_known_is_dated_once_it_is():
    rig = Rig(utc=None)
    await rig.plug()
    for connector in rig.connectors:
        rig.cp.status.changed(connector.id)
    await rig.seconds(40)
    await rig.online()
    await rig.shows("Preparing")
    true(38 <= clock.utc_s() - clock.parse_iso(stamps(rig)[-1])[0] <= 42, stamps(rig)[-1])


def stamps_of(readings):
    return [reading["timestamp"] for reading in readings]


async def test_f_o19_readings_of_a_transaction_are_in_the_order_of_their_stamps():
    energy = "Energy.Active.Import.Register"
    rig = Rig(factory={"MeterValueSampleInterval": 1, "ClockAlignedDataInterval": 60, "MeterValuesAlignedData": energy,
                       "StopTxnSampledData": energy, "StopTxnAlignedData": energy})  # fmt: skip
    await rig.online()
    await rig.seconds(36)
    await rig.charge()
    await rig.seconds(8)
    await rig.plug(plugged=False)
    data = (await rig.sent("StopTransaction"))["transactionData"]
    sent = [p["meterValue"][0] for p in rig.link.of("MeterValues") if "transactionId" in p]
    for readings in (data, sent):
        true("Sample.Clock" in [reading["sampledValue"][0]["context"] for reading in readings])
        equal(stamps_of(readings), sorted(stamps_of(readings)))


async def test_f_o19_the_begin_that_a_power_cut_has_lost_is_not_before_its_start():
    rig = await Rig(factory={"StopTxnSampledData": "Energy.Active.Import.Register"}).online()
    await clock.sleep_ms(300)
    await rig.charge()
    start = await rig.sent("StartTransaction")
    await rig.power_cut()
    await rig.start()
    stop = await rig.sent("StopTransaction")
    order = stamps_of([start])
    order.extend(stamps_of(stop["transactionData"]))
    order.extend(stamps_of([stop]))
    equal(order, sorted(order))


async def test_f_o20_the_card_of_the_next_user_counts_while_the_session_before_ends():
    for tag, starts in (("first", ["FIRST"]), ("friend", ["FIRST"]), ("NEXT", ["FIRST", "NEXT"])):
        rig = await Rig().online()
        await rig.charge(tag="FIRST")
        rig.connectors[0].stop("Local", "FRIEND")
        true(rig.connectors[0].stopping)
        await swipe(rig, tag)
        await rig.seconds(2)
        equal([p["idTag"] for p in rig.link.of("StartTransaction")], starts)


async def test_f_o3_a_reservation_that_moves_to_another_connector_leaves_the_first():
    rig = await Rig(2).online()
    for number, wanted in ((-1, "Rejected"), (3, "Rejected"), (1, "Accepted"), (2, "Accepted")):
        equal(await reserve(rig, 1, number), wanted)
    equal(await reserve(rig, 2, 1, after_s=-5), "Rejected")
    await rig.shows("Reserved", 2)
    equal(rig.statuses(1), ["Available", "Reserved", "Available"])
    equal(await reserve(rig, 2, 2), "Occupied")
    for wanted in ("Accepted", "Rejected"):
        equal(await answer(rig, "CancelReservation", reservationId=1), wanted)
    await rig.shows("Available", 2)


async def test_f_o3_a_connector_that_a_remote_start_waits_for_cannot_be_reserved():
    rig = await Rig().online()
    equal(await answer(rig, "RemoteStartTransaction", idTag="A", connectorId=1), "Accepted")
    await rig.shows("Preparing")
    equal(await reserve(rig), "Occupied")


async def test_f_o7_a_start_without_a_connector_takes_the_one_that_is_not_kept():
    rig = await Rig(2).online()
    equal(await reserve(rig), "Accepted")
    equal(await answer(rig, "RemoteStartTransaction", idTag="OTHER", connectorId=1), "Rejected")
    equal(await answer(rig, "RemoteStartTransaction", idTag="OTHER"), "Accepted")
    await rig.shows("Preparing", 2)
    equal(await answer(rig, "RemoteStartTransaction", idTag="mine", connectorId=1), "Accepted")
    await rig.shows("Preparing", 1)
    await rig.plug(1)
    equal((await rig.sent("StartTransaction"))["reservationId"], 1)


# --- answers mean what they say ---


async def test_f_o8_connectors_that_are_not_there_are_rejected_and_irrelevant_ones_do_not_matter():
    rig = await Rig(2).online()
    for number in (-1, 3, 2147483647):
        for message in ("MeterValues", "StatusNotification"):
            equal(await answer(rig, "TriggerMessage", requestedMessage=message, connectorId=number), "Rejected")
            if number > 0:
                equal(await answer(rig, "ExtendedTriggerMessage", requestedMessage=message, connectorId=number), "Rejected")
        equal(await availability(rig, number, "Inoperative"), "Rejected")
        equal(await answer(rig, "UnlockConnector", connectorId=number), "NotSupported")
        equal(await answer(rig, "GetCompositeSchedule", connectorId=number, duration=5), "Rejected")
        equal(await answer(rig, "RemoteStartTransaction", connectorId=number, idTag="A"), "Rejected")
    for message, wanted in (("Heartbeat", "Accepted"), ("FirmwareStatusNotification", "Accepted"), ("", "NotImplemented"),
                            ("SignedFirmwareStatusNotification", "NotImplemented"), ("Authorize", "NotImplemented")):  # fmt: skip
        equal(await answer(rig, "TriggerMessage", requestedMessage=message, connectorId=77), wanted, message)


async def test_f_o8_a_span_of_diagnostics_that_ends_before_it_begins_has_no_file():
    class Uploader:
        async def send(self, location, name, pieces):
            """Take it."""

    rig = Rig()
    rig.cp.make_uploader = Uploader
    await rig.online()
    early, late = clock.iso(NOW - 500), clock.iso(NOW)
    equal(await rig.call("GetDiagnostics", location="https://x/", startTime=late, stopTime=early), {})
    span = {"remoteLocation": "https://x/", "oldestTimestamp": late, "latestTimestamp": early}
    equal(await rig.call("GetLog", logType="DiagnosticsLog", requestId=1, log=span), {"status": "Rejected"})
    await rig.seconds(2)
    equal([a for a in rig.link.order() if a.startswith(("Diag", "Log"))], [])
    equal(list(await rig.call("GetDiagnostics", location="https://x/", startTime=late, stopTime=late)), ["fileName"])
    await rig.until(lambda: [p["status"] for p in rig.link.of("DiagnosticsStatusNotification")] == ["Uploading", "Uploaded"])


async def test_f_o25_a_hard_reset_does_not_wait_for_a_soft_one():
    rig = await Rig().online()
    await rig.charge()
    rig.link.answers["StopTransaction"] = CallTimeoutError("x")
    equal(await answer(rig, "Reset", type="Soft"), "Accepted")
    await rig.seconds(2)
    equal(await answer(rig, "Reset", type="Hard"), "Accepted")
    equal(await answer(rig, "Reset", type="Soft"), "Accepted")
    await rig.until(lambda: rig.restarts, 8000)
    equal((rig.restarts, rig.link.connected), (["Soft"], False))


async def test_f_o20_values_of_keys_at_their_edges():
    rig = await Rig().online()
    for key, value, wanted in (
        ("heartbeatINTERVAL", "300", "Accepted"), ("HeartbeatInterval", " 300 ", "Accepted"),
        ("HeartbeatInterval", "300.0", "Rejected"), ("HeartbeatInterval", "", "Rejected"),
        ("HeartbeatInterval", "0", "Rejected"), ("HeartbeatInterval", "-1", "Rejected"),
        (" HeartbeatInterval", "300", "NotSupported"), ("", "x", "NotSupported"), ("ChargePointVendor", "x", "NotSupported"),
        ("NumberOfConnectors", "2", "Rejected"), ("StopTransactionOnEVSideDisconnect", "true", "Rejected"),
        ("MeterValuesSampledData", "Voltage , Current.Import", "Accepted"), ("MeterValuesSampledData", "voltage", "Rejected"),
        ("MeterValuesSampledData", "Voltage,SoC", "Rejected"), ("MeterValuesSampledData", "Current.Import.L2", "Rejected"),
        ("MeterValuesSampledData", "Current.Import.L1", "Accepted"), ("MeterValuesSampledData", "", "Accepted"),
        ("MeterValuesSampledData", ",".join(["Voltage"] * 17), "Rejected"),
        ("AuthorizationCacheEnabled", "TRUE", "Accepted"), ("AuthorizationCacheEnabled", "1", "Rejected"),
        ("ClockAlignedDataInterval", "7", "Rejected"), ("ClockAlignedDataInterval", "900", "Accepted"),
        ("ConnectorPhaseRotation", "0.RST, 1.RTS", "Accepted"), ("ConnectorPhaseRotation", "9.RST", "Rejected"),
        ("MeterValueSampleInterval", "4294967296", "Rejected"), ("WebSocketPingInterval", "9" * 14, "Rejected"),
    ):  # fmt: skip
        equal(await answer(rig, "ChangeConfiguration", key=key, value=value), wanted, key + "=" + value)


async def test_f_o24_versions_of_the_local_list():
    rig = await Rig().online()
    entry = {"idTag": "A", "idTagInfo": {"status": "Accepted"}}
    for version, kind, entries, wanted, after in (
        (-1, "Full", [entry], "Failed", 0), (5, "Differential", [entry], "Accepted", 5),
        (5, "Differential", [entry], "VersionMismatch", 5), (4, "Differential", [entry], "VersionMismatch", 5),
        (3, "Full", [entry], "Accepted", 3), (4, "Full", [{"idTag": "B"}], "Failed", 3),
        (4, "Differential", [{"idTag": "A"}], "Accepted", 0), (1, "Differential", [entry], "Accepted", 1),
        (2, "Full", [], "Accepted", 0), (0, "Differential", [], "Failed", 0),
    ):  # fmt: skip
        status = await answer(rig, "SendLocalList", listVersion=version, updateType=kind, localAuthorizationList=entries)
        equal((status, (await rig.call("GetLocalListVersion"))["listVersion"]), (wanted, after), "%d %s" % (version, kind))
        equal(LocalList(rig.config, rig.files).version, after, "after a restart")


# --- transactions ---


async def test_f_o17_refused_starts_with_ids_of_0_and_below_end_with_that_id():
    for status in ("Blocked", "ConcurrentTx", "Expired", "Invalid"):
        for number in (0, -5):
            rig = await Rig().online()
            rig.link.answers["StartTransaction"] = {"transactionId": number, "idTagInfo": {"status": status}}
            await rig.plug()
            rig.cp.tag_shown(rig.connectors[0], "A")
            stop = await rig.sent("StopTransaction")
            equal((stop["transactionId"], stop["reason"], rig.statuses()[-1]), (number, "DeAuthorized", "Finishing"))


async def test_f_o12_a_start_that_is_answered_after_its_stop_gives_the_stop_its_id():
    rig = Rig()
    rig.link.slow_ms["StartTransaction"] = 25000
    await rig.online()
    await rig.charge()
    await rig.seconds(5)
    equal(await answer(rig, "RemoteStopTransaction", transactionId=-1), "Rejected")
    equal(await swipe(rig, "TAG00001"), None)
    stop = await rig.sent("StopTransaction")
    equal((len(rig.link.of("StartTransaction")), stop["transactionId"]), (1, 101))


async def test_f_o13_a_time_with_a_space_for_its_t_is_read_in_calls():
    rig = await Rig().online()
    until = clock.iso(NOW + 600)[:19].replace("T", " ")
    equal(await answer(rig, "ReserveNow", connectorId=1, expiryDate=until, idTag="A", reservationId=1), "Accepted")
    await rig.seconds(598)
    equal(rig.connectors[0].status, "Reserved")
    await rig.seconds(4)
    equal(rig.connectors[0].status, "Available")


async def test_f_o8_a_status_does_not_overtake_a_triggered_one_of_its_connector_that_still_waits():
    rig = await Rig(3).online()
    rig.link.slow_ms["StatusNotification"] = 500
    equal(await answer(rig, "TriggerMessage", requestedMessage="StatusNotification"), "Accepted")
    await rig.seconds(1)
    await rig.plug(3)
    await rig.seconds(1)
    await rig.plug(2)
    await rig.seconds(5)
    equal((rig.statuses(3), rig.statuses(2)), (["Available", "Available", "Preparing"],) * 2)
    for number in range(4):
        equal(stamps(rig, number), sorted(stamps(rig, number)))
    equal(rig.cp._status_queues, {})


async def test_f_o8_a_triggered_status_does_not_overtake_older_ones_of_its_connector():
    rig = await Rig(2).online()
    rig.link.slow_ms["StatusNotification"] = 5000
    await rig.charge()
    rig.connectors[0].stop("Local")
    await rig.until(lambda: rig.connectors[0].status == "Finishing")
    for number in (1, 2):
        equal(await answer(rig, "TriggerMessage", requestedMessage="StatusNotification", connectorId=number), "Accepted")
    await rig.until(lambda: len(rig.statuses(1)) == 5)
    equal(rig.statuses(1), ["Available", "Preparing", "Charging", "Finishing", "Finishing"])
    sent = [(p["connectorId"], p["status"]) for p in rig.link.of("StatusNotification")]
    true(sent.index((2, "Available"), 4) < sent.index((1, "Finishing")), "that of another connector is sent at once: %s" % sent)
