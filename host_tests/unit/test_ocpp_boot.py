"""Registration, heartbeats and StatusNotification (OCPP-11, 25 to 31, 72, 80 to 83). In manual time."""

from check import equal, near, true
from ocpp_rig import NOW, Rig
from profiles import Fault

from charger import clock
from charger.errors import CallError, CallTimeoutError, DisconnectedError

HEAP = 16 * 1024 * 1024


def boot(status, interval=30, utc=NOW):
    return {"status": status, "interval": interval, "currentTime": clock.iso(utc)}


async def test_accepted_boot_sets_clock_and_interval_then_sends_all_statuses_ocpp26():
    rig = Rig(2, utc=None)
    rig.link.answers["BootNotification"] = boot("Accepted", 123, NOW + 99)
    await rig.online()
    equal(rig.link.order(), ["BootNotification"] + ["StatusNotification"] * 3)
    equal([p["connectorId"] for p in rig.link.of("StatusNotification")], [0, 1, 2])
    equal(rig.config.get_int("HeartbeatInterval"), 123)
    near(clock.utc_s(), NOW + 99, 2)


async def test_the_boot_message_says_what_the_unit_is_within_the_lengths_sch1():
    rig = Rig(factory={
        "ChargePointVendor": "V" * 30, "ChargePointModel": "ü" * 30, "ChargeBoxSerialNumber": "S" * 30,
        "FirmwareVersion": "1.2.3", "MeterType": "ADE7953",
    })  # fmt: skip
    await rig.online()
    equal(rig.link.sent[0][1], {
        "chargePointVendor": "V" * 20, "chargePointModel": "ü" * 20, "chargeBoxSerialNumber": "S" * 25,
        "firmwareVersion": "1.2.3", "meterType": "ADE7953",
    })  # fmt: skip


async def test_pending_sends_only_what_is_triggered_and_boots_again_after_the_interval_ocpp27():
    rig = Rig()
    rig.link.answers["BootNotification"] = boot("Pending", 30)
    await rig.start()
    await rig.plug()
    await rig.seconds(29)
    equal(rig.link.order(), ["BootNotification"])
    equal(await rig.call("RemoteStartTransaction", idTag="T"), {"status": "Rejected"})
    equal(await rig.call("GetConfiguration", key=["NumberOfConnectors"]),
          {"configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "1"}]})  # fmt: skip
    for message, action in (("StatusNotification", "StatusNotification"), ("Heartbeat", "Heartbeat"),
                            ("MeterValues", "MeterValues"), ("DiagnosticsStatusNotification",) * 2):  # fmt: skip
        equal(await rig.call("TriggerMessage", requestedMessage=message, connectorId=1), {"status": "Accepted"})
        await rig.sent(action)
    rig.link.answers.clear()
    await rig.until(rig.cp.ready)
    equal(len(rig.link.of("BootNotification")), 2)


async def test_pending_boots_at_once_when_triggered_and_not_when_accepted_ocpp31():
    rig = Rig()
    rig.link.answers["BootNotification"] = boot("Pending", 3000)
    await rig.start()
    await rig.seconds(5)
    rig.link.answers.clear()
    equal(await rig.call("TriggerMessage", requestedMessage="BootNotification"), {"status": "Accepted"})
    await rig.sent("BootNotification", 2)
    await rig.until(rig.cp.ready)
    equal(await rig.call("TriggerMessage", requestedMessage="BootNotification"), {"status": "Rejected"})


async def test_rejected_is_silent_and_deaf_until_the_interval_is_over_ocpp28():
    rig = Rig()
    rig.link.answers["BootNotification"] = boot("Rejected", 60)
    await rig.start()
    await rig.seconds(1)
    equal(await rig.call("GetConfiguration"), None)
    equal(await rig.call("TriggerMessage", requestedMessage="BootNotification"), None)
    await rig.offline()
    await rig.seconds(10)
    await rig.reconnect()
    await rig.seconds(45)
    equal(rig.link.order(), ["BootNotification"])
    rig.link.answers.clear()
    await rig.until(rig.cp.ready, 10000)


async def test_an_interval_of_zero_and_an_error_mean_a_minute_or_more():
    for answer in (boot("Pending", 0), boot("Rejected", 0), {"status": "Maybe"}, CallError("InternalError"),
                   CallTimeoutError("x"), {"status": "Pending", "interval": "soon"}):  # fmt: skip
        rig = Rig()
        rig.link.answers["BootNotification"] = answer
        await rig.start()
        await rig.seconds(58)
        equal(len(rig.link.of("BootNotification")), 1)
        await rig.seconds(65)
        true(2 <= len(rig.link.of("BootNotification")) <= 3)


async def test_reconnection_sends_no_boot_and_only_changed_statuses_ocpp11():
    rig = await Rig(2).online()
    await rig.offline()
    await rig.plug(2)
    await rig.seconds(5)
    rig.link.sent.clear()
    await rig.reconnect()
    await rig.seconds(5)
    equal([(a, p.get("connectorId"), p.get("status")) for a, p in rig.link.sent],
          [("StatusNotification", 2, "Preparing")])  # fmt: skip


async def test_errors_of_the_time_without_a_link_are_reported_then_the_present_status_ocpp82():
    rig = await Rig().online()
    await rig.offline()
    outlet = rig.connectors[0].outlet

    class Fault:
        CODE, INFO, FAULTED = "GroundFailure", "Residual current device tripped", True

    outlet.fault = Fault
    await rig.seconds(1)
    outlet.fault = None
    await rig.seconds(1)
    rig.link.sent.clear()
    await rig.reconnect()
    await rig.seconds(1)
    notification = [(p["status"], p["errorCode"], p.get("info")) for p in rig.link.of("StatusNotification")]
    equal(notification, [("Faulted", "GroundFailure", "Residual current device tripped"), ("Available", "NoError", None)])
    equal(rig.connectors[0].status, "Available")


async def test_each_change_is_reported_in_order_with_its_error():
    rig = await Rig().online()
    rig.link.sent.clear()
    await rig.charge()
    await rig.call("TriggerMessage", requestedMessage="StatusNotification")
    await rig.sent("StatusNotification", 4)
    equal(rig.statuses(1), ["Preparing", "Charging", "Charging"])
    equal(rig.statuses(0), ["Available"])


async def test_a_status_shorter_than_minimum_status_duration_is_not_reported():
    rig = Rig(factory={"MinimumStatusDuration": 5})
    await rig.online()
    rig.link.sent.clear()
    await rig.plug()
    await rig.seconds(2)
    await rig.plug(plugged=False)
    await rig.seconds(20)
    equal(rig.statuses(), [])
    await rig.plug()
    await rig.seconds(4)
    equal(rig.statuses(), [])
    await rig.seconds(3)
    equal(rig.statuses(), ["Preparing"])


async def test_f_o19_minimum_status_duration_holds_a_status_back_and_keeps_the_moment_of_its_change():
    rig = Rig(factory={"MinimumStatusDuration": 20})
    await rig.online()
    rig.link.sent.clear()
    await rig.seconds(7)
    changed_s = clock.utc_s()
    await rig.plug()
    notification = await rig.sent("StatusNotification")
    true(clock.utc_s() - changed_s >= 19, "held back, in whole seconds of two clocks")
    near(clock.parse_iso(notification["timestamp"])[0], changed_s, 1)
    equal(len(notification["timestamp"]), len("2026-09-21T14:13:20.000Z"))


async def test_f_o19_a_status_that_was_held_back_when_the_link_was_lost_has_the_moment_of_its_change():
    rig = Rig(factory={"MinimumStatusDuration": 20})
    await rig.online()
    rig.link.sent.clear()
    changed_s = clock.utc_s()
    await rig.plug()
    await rig.seconds(5)
    await rig.offline()
    await rig.seconds(30)
    await rig.reconnect()
    notification = await rig.sent("StatusNotification")
    equal(notification["status"], "Preparing")
    near(clock.parse_iso(notification["timestamp"])[0], changed_s, 1)


async def test_f_o19_a_status_that_changes_as_the_link_returns_has_the_moment_of_that_change():
    rig = Rig(factory={"MinimumStatusDuration": 20})
    await rig.online()
    outlet = rig.connectors[0].outlet
    await rig.offline()
    outlet.fault = Fault
    await rig.seconds(10)
    rig.link.sent.clear()
    outlet.fault = None
    back_s = clock.utc_s()
    await rig.reconnect()
    await rig.until(lambda: rig.statuses() == ["Faulted", "Available"])
    near(clock.parse_iso(rig.link.of("StatusNotification")[-1]["timestamp"])[0], back_s, 1)


async def test_a_fault_is_reported_at_once_whatever_minimum_status_duration_says():
    rig = Rig(factory={"MinimumStatusDuration": 50})
    await rig.online()

    class Fault:
        CODE, INFO, FAULTED = "GroundFailure", "x" * 80, True

    rig.connectors[0].outlet.fault = Fault
    await rig.until(lambda: rig.statuses()[-1] == "Faulted", 2000)
    equal(len(rig.link.of("StatusNotification")[-1]["info"]), 50)


async def test_a_notification_that_did_not_get_through_is_reported_with_the_next_connection():
    rig = await Rig().online()
    rig.link.answers["StatusNotification"] = CallTimeoutError("x")
    await rig.plug()
    await rig.sent("StatusNotification", 3)
    rig.link.answers.clear()
    rig.link.sent.clear()
    await rig.offline()
    await rig.reconnect()
    await rig.until(lambda: rig.statuses() == ["Preparing"])


async def test_connector_zero_has_its_own_three_statuses():
    rig = await Rig().online()
    rig.cp.status.set_fault("InternalError", "lid open")
    await rig.until(lambda: rig.statuses(0)[-1] == "Faulted")
    rig.cp.status.set_fault(None)
    await rig.until(lambda: rig.statuses(0)[-1] == "Available")
    equal(rig.statuses(1), ["Available"])


async def test_heartbeats_are_sent_in_idle_time_and_once_a_day_at_least_ocpp30():
    rig = await Rig().online()
    await rig.seconds(299)
    equal(len(rig.link.of("Heartbeat")), 0)
    await rig.seconds(3)
    equal(len(rig.link.of("Heartbeat")), 1)
    rig.config.change("HeartbeatInterval", "10")
    await rig.sent("Heartbeat", 2)
    await rig.seconds(60)
    true(6 <= len(rig.link.of("Heartbeat")) <= 9, str(len(rig.link.of("Heartbeat"))))
    rig.config.change("HeartbeatInterval", "86400")
    rig.config.change("ClockAlignedDataInterval", "3600")
    count = len(rig.link.of("Heartbeat"))
    rig.poll_ms = 60000
    await rig.seconds(90000)
    equal(len(rig.link.of("Heartbeat")) - count, 1)


async def test_a_heartbeat_corrects_the_clock_only_when_it_is_off():
    rig = await Rig().online()
    steps = []
    clock.on_step(lambda old, new, source: steps.append(source))
    rig.link.answers["Heartbeat"] = {"currentTime": clock.iso(clock.utc_s() + 3600)}
    before = clock.utc_s()
    await rig.call("TriggerMessage", requestedMessage="Heartbeat")
    await rig.sent("Heartbeat")
    await rig.seconds(1)
    near(clock.utc_s(), before + 3600, 5)
    equal(steps, ["ocpp"])
    rig.link.answers["Heartbeat"] = lambda payload: {"currentTime": "rubbish"}
    await rig.call("TriggerMessage", requestedMessage="Heartbeat")
    await rig.sent("Heartbeat", 2)
    near(clock.utc_s(), before + 3601, 5)


async def test_nothing_is_sent_while_the_link_is_down_or_before_accepted_ocpp25():
    rig = Rig()
    rig.link.connected = False
    await rig.start()
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG1")
    await rig.seconds(400)
    equal(rig.link.sent, [])


async def test_queue_without_a_reader_is_bounded():
    rig = await Rig().online()
    dropped = []
    for n in range(100):
        rig.cp.sender.post(lambda: None, lambda n=n: dropped.append(n))
    equal(dropped, list(range(60)))


async def test_readings_and_heartbeats_are_queued_behind_statuses_and_cards():
    """A Heartbeat is sent by an idle queue alone, and eight readings wait at the most."""
    for key, action in (("HeartbeatInterval", "Heartbeat"), ("ClockAlignedDataInterval", "MeterValues")):
        rig = await Rig(2).online()
        await rig.call("ChangeConfiguration", key=key, value="1")
        rig.link.slow_ms[action] = 10000
        rig.poll_ms = 500
        await rig.seconds(40)
        waiting = len(rig.cp.sender._jobs)
        equal(waiting, 0 if key == "HeartbeatInterval" else 8, key)
        await rig.plug()
        rig.cp.tag_shown(rig.connectors[0], "CARD")
        await rig.seconds(12)
        true("StartTransaction" in rig.link.order(), key)
        equal(rig.statuses()[:2], ["Available", "Preparing"], key)


async def test_f_o26_a_boot_message_lost_with_the_link_before_is_sent_on_the_present_one():
    rig = Rig()

    async def slow(action, payload, first=False):
        rig.link.sent.append((action, payload))
        await clock.sleep_ms(500)
        raise DisconnectedError(action)

    prompt, rig.link.call = rig.link.call, slow
    await rig.start()
    await rig.seconds(0)
    await clock.sleep_ms(100)
    await rig.offline()
    await rig.reconnect()  # the new link is up before the message on the old one has failed
    rig.link.call = prompt
    await rig.until(rig.cp.ready, 2000)


async def test_f_o26_a_message_that_a_living_link_loses_is_sent_again():
    rig = Rig()
    rig.link.answers["BootNotification"] = DisconnectedError("x")
    await rig.start()
    await rig.seconds(1)
    rig.link.answers.clear()
    await rig.until(rig.cp.ready, 15000)
    rig.link.answers["StartTransaction"] = DisconnectedError("x")
    await rig.charge()
    await rig.seconds(5)
    rig.link.answers.clear()
    await rig.until(lambda: not rig.cp.transaction_queue.waiting, 15000)
    equal(rig.connectors[0].session.transaction_id, 101)
