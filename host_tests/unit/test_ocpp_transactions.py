"""Transactions over outages, restarts and power cuts; availability, reset, unlock (OCPP-35 to 41, 68 to 70). Manual time."""

import asyncio

from check import equal, raises_async, true
from ocpp_rig import Rig

from charger import clock
from charger.errors import CallTimeoutError
from charger.metering.session_store import SessionStore

HEAP = 16 * 1024 * 1024


class PowerGone(Exception):
    """Stands for the end of everything in the middle of a step."""


async def test_the_start_is_on_flash_before_energy_flows_ocpp37():
    rig = await Rig().online()
    await rig.offline()
    rig.config.change("AllowOfflineTxForUnknownId", "true")
    waiting = []

    class Spy:
        def session_started(self, session):
            waiting.append((rig.cp.transaction_queue.waiting, rig.connectors[0].outlet.permit))

        def session_ended(self, session):
            pass

        def status_changed(self, connector):
            pass

    rig.connectors[0].listeners.append(Spy())
    await rig.charge()
    equal(waiting, [(1, False)])


async def _with_another_task_between_the_writes(ends):
    """(whether the transactionId counts, what was written then), what was written at last, whether the session is on flash."""
    rig = await Rig().online()
    connector, transactions = rig.connectors[0], rig.cp.transactions
    look_up, save = rig.cp.transaction_queue.transaction_id, rig.sessions.save
    found, written = [], []

    async def other():  # runs between two slices
        session = connector.session
        found.append((transactions.running(look_up(session.local_id)) is connector, list(written)))
        if ends:
            connector.session = None
            rig.sessions.end(session, 1100, "Local")

    def asked(local_id):
        asyncio.create_task(other())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
        return look_up(local_id)

    def saved(session):
        if session.transaction_id is not None:
            written.append(session.local_id)
        save(session)

    rig.cp.transaction_queue.transaction_id = asked
    rig.sessions.save = saved
    await rig.plug()
    rig.cp.tag_shown(connector, "TAG00001")
    await rig.until(lambda: found)
    await rig.seconds(1)
    await rig.stop()
    return found, len(written), rig.files.exists("open1")


async def test_between_the_writes_that_follow_a_start_its_id_counts_and_a_session_that_ends_is_not_written_again():
    equal(await _with_another_task_between_the_writes(False), ([(True, [])], 1, True))
    equal(await _with_another_task_between_the_writes(True), ([(True, [])], 0, False))


async def test_meter_start_and_stop_are_the_register_ocpp40():
    rig = await Rig().online()
    for _ in range(2):
        rig.meters[0].total_wh += 50
        await rig.charge()
        rig.meters[0].total_wh += 500
        rig.connectors[0].stop("Remote")
        await rig.until(lambda: rig.connectors[0].session is None)
        await rig.plug(plugged=False)
    await rig.sent("StopTransaction", 2)
    equal([p["meterStart"] for p in rig.link.of("StartTransaction")], [1050, 1600])
    equal([p["meterStop"] for p in rig.link.of("StopTransaction")], [1550, 2100])


async def test_an_unplug_ends_it_with_its_reason_and_no_tag():
    rig = await Rig().online()
    await rig.charge()
    await rig.plug(plugged=False)
    stop = await rig.sent("StopTransaction")
    equal((stop["reason"], stop.get("idTag")), ("EVDisconnected", None))


async def test_a_power_cut_in_a_session_ends_it_with_power_loss_once_ocpp37():
    for online in (True, False):
        rig = await Rig(factory={"AllowOfflineTxForUnknownId": "true"}).online()
        if not online:
            await rig.offline()
        await rig.charge()
        await rig.seconds(5)
        rig.sessions.checkpoint(rig.connectors[0].session, 1321, now=True)
        sent = list(rig.link.sent)
        await rig.power_cut()
        await rig.power_cut()
        await rig.start()
        stop = await rig.sent("StopTransaction")
        equal((stop["reason"], stop["meterStop"]), ("PowerLoss", 1321))
        sent += rig.link.sent
        equal([a for a, _ in sent if a in ("StartTransaction", "StopTransaction")], ["StartTransaction", "StopTransaction"])
        await rig.power_cut()
        await rig.start()
        await rig.sent("StatusNotification", 2)
        await rig.seconds(5)
        equal(rig.link.of("StopTransaction"), [])


async def test_the_power_goes_between_the_end_of_a_session_and_its_stop():
    rig = await Rig().online()
    session = await rig.charge()
    await rig.until(lambda: session.transaction_id == 101)
    rig.sessions.end(session, 1700, "Remote")
    await rig.power_cut()
    await rig.start()
    stop = await rig.sent("StopTransaction")
    equal((stop["reason"], stop["meterStop"], stop["transactionId"]), ("Remote", 1700, 101))


async def test_the_power_goes_between_the_begin_of_a_session_and_its_start():
    rig = await Rig().online()
    rig.sessions.begin(1, "TAG1", 1000)
    await rig.power_cut()
    await rig.start()
    await rig.sent("StatusNotification", 2)
    await rig.seconds(5)
    equal([a for a in rig.link.order() if "Transaction" in a], [])
    equal(rig.sessions.recover(), [])


async def test_the_power_goes_while_a_recovered_session_is_closed():
    rig = await Rig().online()
    await rig.charge()
    await rig.sent("StartTransaction")
    await rig.seconds(1)
    end = SessionStore.end

    def cut(*_):
        raise PowerGone()

    SessionStore.end = cut  # by then its stop is in the queue
    try:
        await raises_async(PowerGone, rig.power_cut())
    finally:
        SessionStore.end = end
    await rig.power_cut()
    await rig.start()
    await rig.sent("StopTransaction")
    await rig.seconds(100)
    equal(len(rig.link.of("StopTransaction")), 1)


async def test_a_session_without_time_is_dated_when_the_time_comes_ocpp44():
    rig = Rig(utc=None, factory={"AllowOfflineTxForUnknownId": "true"})
    rig.link.connected = False
    await rig.start()
    begun = clock.uptime_s()
    await rig.charge()
    await rig.seconds(100)
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: rig.connectors[0].session is None)
    await rig.reconnect()
    stop = await rig.sent("StopTransaction")
    start = rig.link.of("StartTransaction")[0]
    zero = clock.utc_at_uptime(0)
    for message, up in ((start, begun), (stop, begun + 100)):
        true(abs(clock.parse_iso(message["timestamp"])[0] - zero - up) <= 2, message["timestamp"])


async def test_a_start_that_never_gets_through_leaves_the_rest_with_minus_one_ocpp38():
    rig = await Rig(factory={"TransactionMessageRetryInterval": 1}).online()
    rig.link.answers["StartTransaction"] = CallTimeoutError("x")
    await rig.charge()
    await rig.until(lambda: rig.connectors[0].session.transaction_id == -1)
    rig.connectors[0].stop("Remote")
    equal((await rig.sent("StopTransaction"))["transactionId"], -1)
    equal(len(rig.link.of("StartTransaction")), 3)


async def test_a_stop_waits_for_the_id_of_its_start():
    rig = await Rig(factory={"TransactionMessageRetryInterval": 10}).online()
    rig.link.answers["StartTransaction"] = CallTimeoutError("x")
    await rig.charge()
    rig.connectors[0].stop("Remote")
    await rig.seconds(5)
    equal(rig.link.of("StopTransaction"), [])
    rig.link.answers.clear()
    equal((await rig.sent("StopTransaction"))["transactionId"], 101)


async def test_two_connectors_at_once():
    rig = await Rig(2).online()
    await rig.charge(1, "TAG1")
    await rig.charge(2, "TAG2")
    await rig.until(lambda: rig.connectors[1].session.transaction_id == 102)
    equal(await rig.call("RemoteStopTransaction", transactionId=102), {"status": "Accepted"})
    stop = await rig.sent("StopTransaction")
    equal((stop["transactionId"], rig.connectors[0].status), (102, "Charging"))


# --- availability ---


async def test_availability_of_one_connector_persists_ocpp69():
    rig = await Rig(2).online()
    for _ in range(2):
        equal(await rig.call("ChangeAvailability", connectorId=1, type="Inoperative"), {"status": "Accepted"})
    await rig.until(lambda: rig.statuses(1) == ["Available", "Unavailable"])
    await rig.power_cut()
    await rig.online()
    await rig.sent("StatusNotification", 3)
    equal((rig.statuses(0)[-1], rig.statuses(1)[-1], rig.statuses(2)[-1]), ("Available", "Unavailable", "Available"))
    equal(await rig.call("ChangeAvailability", connectorId=1, type="Operative"), {"status": "Accepted"})
    await rig.until(lambda: rig.statuses(1)[-1] == "Available")
    for number in (3, -1):
        equal(await rig.call("ChangeAvailability", connectorId=number, type="Operative"), {"status": "Rejected"})


async def test_availability_waits_for_a_transaction_and_for_nothing_else():
    rig = await Rig(2).online()
    await rig.charge(1)
    equal(await rig.call("ChangeAvailability", connectorId=0, type="Inoperative"), {"status": "Scheduled"})
    await rig.until(lambda: rig.statuses(2)[-1] == "Unavailable")
    equal((rig.connectors[0].status, rig.statuses(0)[-1]), ("Charging", "Available"))
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: (rig.statuses(0)[-1], rig.statuses(1)[-1]) == ("Unavailable", "Unavailable"))
    equal(await rig.call("ChangeAvailability", connectorId=0, type="Operative"), {"status": "Accepted"})
    await rig.until(lambda: [rig.statuses(n)[-1] for n in range(3)] == ["Available", "Finishing", "Available"]
                    or [rig.statuses(n)[-1] for n in range(3)] == ["Available", "Preparing", "Available"])  # fmt: skip


async def test_a_scheduled_change_can_be_taken_back_and_survives_a_power_cut():
    rig = await Rig().online()
    await rig.charge()
    await rig.call("ChangeAvailability", connectorId=1, type="Inoperative")
    equal(await rig.call("ChangeAvailability", connectorId=1, type="Operative"), {"status": "Accepted"})
    rig.connectors[0].stop("Local", "TAG00001")
    await rig.until(lambda: rig.statuses()[-1] == "Finishing")
    await rig.plug(plugged=False)
    await rig.charge()
    await rig.call("ChangeAvailability", connectorId=1, type="Inoperative")
    await rig.power_cut()
    equal(rig.connectors[0].operative, False)


# --- reset, unlock, data transfer ---


async def test_resets_end_the_sessions_with_their_own_reason_ocpp70():
    for kind in ("Soft", "Hard"):
        rig = await Rig(2).online()
        await rig.charge(1)
        await rig.charge(2, "TAG2")
        await rig.sent("StartTransaction", 2)
        await rig.seconds(1)
        equal(await rig.call("Reset", type=kind), {"status": "Accepted"})
        await rig.until(lambda rig=rig, kind=kind: rig.restarts == [kind])
        sent = [p["reason"] for p in rig.link.of("StopTransaction")]
        await rig.power_cut()
        await rig.start()
        await rig.sent("StatusNotification", 3)
        await rig.seconds(2)
        sent += [p["reason"] for p in rig.link.of("StopTransaction")]
        equal(sent, [kind + "Reset"] * 2)


async def test_a_second_reset_does_not_restart_twice():
    rig = await Rig().online()
    await rig.call("Reset", type="Soft")
    await rig.call("Reset", type="Hard")
    await rig.seconds(30)
    equal(rig.restarts, ["Soft"])


async def test_unlock_ocpp68():
    rig = await Rig().online()
    unlocked = []

    async def unlock():
        unlocked.append(rig.connectors[0].session)
        return len(unlocked) < 3

    rig.connectors[0].unlock = unlock
    equal(await rig.call("UnlockConnector", connectorId=1), {"status": "Unlocked"})
    await rig.charge()
    equal(await rig.call("UnlockConnector", connectorId=1), {"status": "Unlocked"})
    equal((await rig.sent("StopTransaction"))["reason"], "UnlockCommand")
    equal(await rig.call("UnlockConnector", connectorId=1), {"status": "UnlockFailed"})
    equal(unlocked, [None] * 3)
    for number in (0, 2):
        equal(await rig.call("UnlockConnector", connectorId=number), {"status": "NotSupported"})
    rig = await Rig(factory={"ConnectorLock": "false"}).online()
    await rig.charge()
    equal(await rig.call("UnlockConnector", connectorId=1), {"status": "NotSupported"})
    equal(rig.connectors[0].status, "Charging")


async def test_data_transfer_ocpp75():
    rig = await Rig(factory={"ChargePointVendor": "com.example"}).online()
    equal(await rig.call("DataTransfer", vendorId="org.other"), {"status": "UnknownVendorId"})
    equal(await rig.call("DataTransfer", vendorId="com.example", messageId="x", data="a\n" * 500),
          {"status": "UnknownMessageId"})  # fmt: skip


# --- a clock that is set during a transaction ---

STEPS_S = (-3, -45, -3600, -9 * 86400)
TIMED = {"MeterValueSampleInterval": 20, "ClockAlignedDataInterval": 60, "StopTxnSampledData": "Voltage",
         "StopTxnAlignedData": "Voltage"}  # fmt: skip


async def _times_of_a_transaction(factory, step):
    """A transaction of 110 s whose clock is set by step(rig) after 50 s: the times of start, readings and stop, as sent."""
    rig = await Rig(factory=factory).online()
    clock.set_utc(clock.utc_s(), "test", 700)
    await rig.charge()
    await rig.seconds(50)
    step(rig)
    await rig.seconds(5)
    await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    await rig.seconds(55)
    rig.connectors[0].stop("Local")
    stop = await rig.sent("StopTransaction")
    start = rig.link.of("StartTransaction")[0]["timestamp"]
    readings = [p["meterValue"][0]["timestamp"] for p in rig.link.of("MeterValues") if "transactionId" in p]
    return rig, start, readings, stop


def _ms(text):
    seconds, millis = clock.parse_iso(text)
    return 1000 * seconds + millis


async def test_a_clock_that_is_set_back_puts_no_stop_and_no_reading_before_the_start():
    for step_s in STEPS_S:

        def back(_rig, by=step_s):
            clock.set_utc(clock.utc_s() + by, "ocpp")

        rig, start, readings, stop = await _times_of_a_transaction(TIMED, back)
        times = [start] + [text for text in readings if text[-7:] != "00.000Z"] + [stop["timestamp"]]
        equal(times, sorted(times), "%d s" % step_s)
        true(len(readings) >= 6, str(readings))
        true(all(start <= text <= stop["timestamp"] for text in readings), str(readings))
        lasted_ms = _ms(stop["timestamp"]) - _ms(start)
        true(110000 <= lasted_ms <= 112500, "%d s: %d ms" % (step_s, lasted_ms))
        data = [item["timestamp"] for item in stop["transactionData"]]
        true(all(start <= text <= stop["timestamp"] for text in data), str(data))
        shown = list(rig.sessions.history.recent())[-1]
        true(shown.stop_utc - shown.start_utc >= 110, "the session's record")


async def test_a_time_that_is_taken_back_during_a_transaction_ends_it_after_its_start():
    for later in (False, True):  # the time becomes known again, or it does not

        def forget(rig, later=later):
            clock.forget_utc()
            if later:
                clock.set_utc(1780000000, "sntp")

        _, start, _, stop = await _times_of_a_transaction({}, forget)
        true(110000 <= _ms(stop["timestamp"]) - _ms(start) <= 112500, stop["timestamp"])


async def test_a_clock_that_is_set_forward_dates_the_stop_by_the_present_time():
    _, start, _, stop = await _times_of_a_transaction({}, lambda rig: clock.set_utc(clock.utc_s() + 7200, "ocpp", 0))
    true(7309000 <= _ms(stop["timestamp"]) - _ms(start) <= 7312000)


async def test_a_clock_that_was_set_back_before_a_power_cut_leaves_the_stop_after_its_start():
    rig = await Rig().online()
    await rig.charge()
    await rig.seconds(50)
    clock.set_utc(clock.utc_s() - 3600, "ocpp")
    await rig.seconds(20)
    rig.sessions.checkpoint(rig.connectors[0].session, 1200, now=True)
    start = rig.link.of("StartTransaction")[0]["timestamp"]
    await rig.power_cut()
    await rig.online()
    stop = await rig.sent("StopTransaction")
    true(70000 <= _ms(stop["timestamp"]) - _ms(start) <= 72000, stop["timestamp"])


async def test_a_start_of_unknown_time_is_dated_by_the_clock_of_its_sending_and_the_stop_after_it():
    for told in (False, True):  # before the time proves wrong
        rig = Rig(utc=None, factory={"AllowOfflineTxForUnknownId": "true"})
        rig.link.connected = False
        await rig.start()
        await rig.charge()
        await rig.seconds(30)
        clock.set_utc(1790007200, "sntp")
        if told:
            await rig.reconnect()
        await rig.seconds(5)
        clock.set_utc(1790000000, "ocpp")
        if not told:
            await rig.reconnect()
        await rig.seconds(5)
        rig.connectors[0].stop("Local")
        stop, start = await rig.sent("StopTransaction"), rig.link.of("StartTransaction")[0]
        true(39000 <= _ms(stop["timestamp"]) - _ms(start["timestamp"]) <= 42000, "%s %s" % (start, stop))
