"""Reasons of StopTransaction, the time before Accepted, triggers, keys, and messages of other vendors, each in its situation.
In manual time."""

import asyncio

from check import equal, raises_async, true
from ocpp_rig import NOW, Rig, id_tag_info, swipe

from charger import clock
from charger.config.keys import KEYS
from charger.errors import OcppError

HEAP = 16 * 1024 * 1024


class Lock:
    """A bolt that does what it is told."""

    def __init__(self):
        self.commanded = False

    def locked(self):
        return self.commanded


async def answer(rig, action, **request):
    """The status in the answer to a CALL."""
    return (await rig.call(action, **request))["status"]


async def charging(**factory):
    rig = await Rig(factory=factory).online()
    await rig.charge(tag="TAG1")
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    return rig


async def ended(rig):
    """(reason, idTag or None) of the StopTransaction, of which there is one."""
    await rig.sent("StopTransaction")
    await rig.seconds(30)
    equal(len(rig.link.of("StopTransaction")), 1)
    stop = rig.link.of("StopTransaction")[0]
    equal(stop["transactionId"], 101)
    return stop["reason"], stop.get("idTag")


def pending(interval=30):
    return {"status": "Pending", "currentTime": clock.iso(clock.utc_s() or NOW), "interval": interval}


# --- reasons of StopTransaction (OCPP-41) ---


async def test_each_way_to_end_a_transaction_has_its_reason_and_names_a_card_only_where_one_has_ended_it():
    async def parent(rig):
        rig.connectors[0].session.parent_id_tag = "FLEET"
        rig.link.answers["Authorize"] = id_tag_info("Accepted", "FLEET")
        await swipe(rig, "TAG2")

    async def reboot(rig):
        rig.connectors[0].close("Reboot")

    for end, wanted in (
        (lambda rig: rig.plug(plugged=False), ("EVDisconnected", None)),
        (lambda rig: swipe(rig, "tag1"), ("Local", "tag1")),
        (parent, ("Local", "TAG2")),
        (lambda rig: rig.call("RemoteStopTransaction", transactionId=101), ("Remote", None)),
        (lambda rig: rig.call("Reset", type="Soft"), ("SoftReset", None)),
        (lambda rig: rig.call("Reset", type="Hard"), ("HardReset", None)),
        (reboot, ("Reboot", None)),
    ):
        rig = await charging()
        rig.poll_ms = 200
        await end(rig)
        equal(await ended(rig), wanted)


async def test_an_unlock_ends_a_transaction_with_its_own_reason_and_not_where_there_is_no_lock():
    rig = await charging()
    rig.config.set_default("ConnectorLock", "false", always=True)
    equal(await answer(rig, "UnlockConnector", connectorId=1), "NotSupported")
    await rig.seconds(5)
    equal(rig.connectors[0].status, "Charging")
    rig = await Rig().online()
    rig.connectors[0].outlet.lock = Lock()
    rig.connectors[0].outlet.hold_lock = False
    await rig.charge(tag="TAG1")
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    equal(await answer(rig, "UnlockConnector", connectorId=1), "Unlocked")
    equal(await ended(rig), ("UnlockCommand", None))


async def test_a_power_cut_ends_with_its_reason_whatever_was_under_way():
    for wish in ("Remote", None):
        rig = await charging(ResumeAfterPowerLoss="false")
        if wish:
            rig.connectors[0].outlet.contactor.commanded = True
            rig.connectors[0].outlet.settle = lambda: None  # the car takes its time to open S2
            await answer(rig, "RemoteStopTransaction", transactionId=101)
        await rig.power_cut()
        await rig.online()
        equal(await ended(rig), ("PowerLoss", None))


async def test_the_first_reason_stays_when_others_follow_before_the_end():
    for first, then, wanted in (
        ("Remote", "plug", ("Remote", None)), ("plug", "Remote", ("EVDisconnected", None)), ("Remote", "Soft", ("Remote", None)),
        ("Soft", "plug", ("SoftReset", None)), ("Remote", "card", ("Remote", None)), ("card", "Remote", ("Local", "TAG1")),
    ):  # fmt: skip
        rig = await charging()
        rig.connectors[0].outlet.contactor.commanded = True
        rig.connectors[0].outlet.settle = lambda: None  # the car takes its time to open S2
        for what in (first, then):
            if what == "plug":
                await rig.plug(plugged=False)
            elif what == "card":
                await swipe(rig, "TAG1")
            elif what == "Soft":
                await rig.call("Reset", type="Soft")
            else:
                told = await answer(rig, "RemoteStopTransaction", transactionId=101)
                equal(told, "Accepted" if what == first else "Rejected", "it is ending already")
        await rig.seconds(1)
        del rig.connectors[0].outlet.settle
        equal(await ended(rig), wanted, first + ", " + then)


# --- before Accepted (OCPP-25 to 31) ---


async def test_while_pending_what_is_asked_is_answered_and_only_what_is_triggered_is_sent():
    rig = Rig()
    rig.link.answers["BootNotification"] = lambda _payload: pending(300)
    await rig.start()
    await rig.sent("BootNotification")
    rig.poll_ms = 1000
    await rig.seconds(1)
    equal(await answer(rig, "RemoteStartTransaction", idTag="A", connectorId=1), "Rejected")
    equal(await answer(rig, "RemoteStopTransaction", transactionId=1), "Rejected")
    equal(await answer(rig, "ChangeConfiguration", key="HeartbeatInterval", value="77"), "Accepted")
    equal((await rig.call("GetConfiguration", key=["HeartbeatInterval"]))["configurationKey"][0]["value"], "77")
    equal(await answer(rig, "DataTransfer", vendorId="x"), "UnknownVendorId")
    equal(await answer(rig, "ChangeAvailability", connectorId=1, type="Inoperative"), "Accepted")
    await rig.seconds(100)
    equal(rig.link.order(), ["BootNotification"])
    for message in ("StatusNotification", "Heartbeat", "MeterValues", "FirmwareStatusNotification",
                    "DiagnosticsStatusNotification"):  # fmt: skip
        rig.link.sent.clear()
        equal(await answer(rig, "TriggerMessage", requestedMessage=message), "Accepted", message)
        await rig.seconds(2)
        equal(set(rig.link.order()), {message})
    rig.link.answers.clear()
    rig.link.sent.clear()
    await rig.seconds(200)
    await rig.shows("Unavailable")
    equal((rig.link.order()[0], rig.statuses(0), rig.statuses(1)), ("BootNotification", ["Available"], ["Unavailable"]))


async def test_a_session_that_begins_while_pending_is_told_once_it_is_accepted():
    rig = Rig(factory={"AllowOfflineTxForUnknownId": "true"})
    rig.link.answers["BootNotification"] = lambda _payload: pending(20)
    await rig.start()
    await rig.sent("BootNotification")
    await rig.charge(tag="TAG1")
    await rig.seconds(50)
    equal(set(rig.link.order()), {"BootNotification"})
    equal(len(rig.link.order()), 3, "one each interval")
    rig.link.answers.clear()
    start = await rig.sent("StartTransaction")
    equal((start["idTag"], rig.link.of("Authorize")), ("TAG1", []))
    await rig.shows("Charging")


async def test_rejected_is_neither_triggered_nor_answered_and_the_next_boot_is_after_the_interval():
    rig = Rig()
    rig.link.answers["BootNotification"] = lambda _payload: dict(pending(40), status="Rejected")
    await rig.start()
    await rig.sent("BootNotification")
    await rig.seconds(1)
    equal(await rig.call("TriggerMessage", requestedMessage="BootNotification"), None)
    equal(await rig.call("GetConfiguration"), None)
    rig.link.answers.clear()
    await rig.seconds(36)
    equal(rig.link.order(), ["BootNotification"])
    await rig.until(rig.cp.ready, 5000)


# --- triggers ---


class Updater:
    """Fetches until `fetched` is set; the installation takes until the restart."""

    on_trial = False

    def __init__(self):
        self.fetched = asyncio.Event()

    async def fetch(self, location):
        await self.fetched.wait()

    async def install(self):
        await clock.sleep_s(1000)

    def outcome(self):
        return None


async def test_the_status_of_an_update_is_told_at_each_trigger_and_idle_before_its_time():
    rig = Rig()
    updater = Updater()
    rig.cp.make_updater = lambda: updater
    await rig.online()

    async def triggered():
        rig.link.sent.clear()
        equal(await answer(rig, "TriggerMessage", requestedMessage="FirmwareStatusNotification"), "Accepted")
        return (await rig.sent("FirmwareStatusNotification"))["status"]

    equal(await triggered(), "Idle")
    await rig.call("UpdateFirmware", location="https://h/a", retrieveDate=clock.iso(clock.utc_s() + 60))
    await rig.seconds(2)
    equal(await triggered(), "Idle", "it waits for its time")
    await rig.until(lambda: rig.link.of("FirmwareStatusNotification")[-1]["status"] == "Downloading", 120000)
    equal(await triggered(), "Downloading")
    await rig.charge()
    updater.fetched.set()
    await rig.until(lambda: rig.link.of("FirmwareStatusNotification")[-1]["status"] == "Downloaded")
    equal(await triggered(), "Downloaded", "a transaction runs")
    rig.connectors[0].stop("Local")
    await rig.until(lambda: rig.link.of("FirmwareStatusNotification")[-1]["status"] == "Installing")
    equal(await triggered(), "Installing")
    await rig.stop()


async def test_what_cannot_be_triggered_is_said():
    rig = await Rig().online()
    for message, wanted in (
        ("BootNotification", "Rejected"), ("Authorize", "NotImplemented"), ("heartbeat", "NotImplemented"),
        ("StartTransaction", "NotImplemented"), ("", "NotImplemented"), ("SignCertificate", "NotImplemented"),
    ):  # fmt: skip
        equal(await answer(rig, "TriggerMessage", requestedMessage=message), wanted, message)


# --- keys, other vendors ---


async def test_no_key_leaves_its_range_and_every_change_holds_without_a_restart():
    rig = await Rig().online()
    for name, (kind, access, _, _, low, high, _) in KEYS.items():
        if access in ("D", "W") or name == "SecurityProfile":
            continue
        before = rig.config.get_str(name)
        if access == "R":
            tries = [(before, "Rejected")]
        elif kind == "b":
            tries = [("yes", "Rejected"), ("", "Rejected"), ("True", "Accepted"), ("false", "Accepted")]
        elif kind == "i":
            tries = [(str(low - 1), "Rejected"), (str(high + 1), "Rejected"), ("x", "Rejected"), ("", "Rejected"),
                     (str(low), "Accepted"), (str(high), "Accepted")]  # fmt: skip
        else:
            tries = [("a\nb", "Rejected"), ("x" * 501, None)]
        for value, wanted in tries:
            held = rig.config.get_str(name)
            try:
                told = await answer(rig, "ChangeConfiguration", key=name, value=value)
            except OcppError as error:
                told = None
                equal(error.code, "PropertyConstraintViolation")
            equal(told, wanted, name + "=" + value[:20])
            known = (await rig.call("GetConfiguration", key=[name]))["configurationKey"][0]
            equal(known["value"], value.lower() if told == "Accepted" else held, name)
    equal(await answer(rig, "ChangeConfiguration", key="NoSuchKey", value="1"), "NotSupported")


async def test_a_list_of_rotations_is_no_longer_than_its_key_says():
    rig = await Rig(2).online()
    key = "ConnectorPhaseRotation"
    known = (await rig.call("GetConfiguration", key=[key + "MaxLength"]))["configurationKey"][0]["value"]
    equal(known, "3")
    for value, wanted in (("0.RST,1.RST,2.STR", "Accepted"), ("0.RST,1.RST,2.STR,2.TRS", "Rejected"), ("1.SRT", "Accepted")):
        equal(await answer(rig, "ChangeConfiguration", key=key, value=value), wanted, value)


async def test_a_tethered_unit_promises_no_lock_that_it_does_not_have():
    key = "UnlockConnectorOnEVSideDisconnect"
    for lock, wanted in (("false", "Rejected"), ("true", "Accepted")):
        rig = await Rig(factory={"ConnectorLock": lock}).online()
        equal(await answer(rig, "ChangeConfiguration", key=key, value="false"), wanted)
        equal(await answer(rig, "ChangeConfiguration", key=key, value="true"), "Accepted")


async def test_data_of_other_vendors_in_every_form():
    rig = await Rig().online()
    for request in (
        {"vendorId": "org.other"}, {"vendorId": "x" * 255, "messageId": "m", "data": "{}"},
        {"vendorId": "org.other", "messageId": None, "data": None},
    ):  # fmt: skip
        equal(await rig.call("DataTransfer", **request), {"status": "UnknownVendorId"}, str(request))
    for request in (
        {}, {"vendorId": "x" * 256}, {"vendorId": 5}, {"vendorId": "x", "data": {}}, {"vendorId": "x", "messageId": "m" * 51},
    ):  # fmt: skip
        error = await raises_async(OcppError, rig.call("DataTransfer", **request))
        true(error.code.endswith("ConstraintViolation"), str(request))


async def test_an_interval_for_readings_by_the_clock_acts_from_its_next_moment_and_ends_at_0():
    rig = await Rig().online()
    rig.poll_ms = 1000

    def moments():
        return [p["meterValue"][0]["timestamp"][11:19] for p in rig.link.of("MeterValues") if p["connectorId"] == 1]

    equal(await answer(rig, "ChangeConfiguration", key="ClockAlignedDataInterval", value="60"), "Accepted")
    await rig.seconds(90)  # to 14:14:50
    first = moments()
    equal(first, ["14:14:00"])
    equal(await answer(rig, "ChangeConfiguration", key="ClockAlignedDataInterval", value="900"), "Accepted")
    await rig.seconds(1800)
    equal(moments()[1:], ["14:15:00", "14:30:00"])
    equal(await answer(rig, "ChangeConfiguration", key="ClockAlignedDataInterval", value="0"), "Accepted")
    count = len(moments())
    await rig.seconds(1800)
    equal(len(moments()), count)


async def test_what_needs_the_time_is_rejected_while_it_is_unknown():
    rig = Rig(utc=None)
    rig.link.answers["BootNotification"] = {"status": "Accepted", "currentTime": "soon", "interval": 300}
    await rig.online()
    equal(await answer(rig, "GetCompositeSchedule", connectorId=1, duration=60), "Rejected")
    request = {"connectorId": 1, "idTag": "MINE", "reservationId": 1, "expiryDate": clock.iso(NOW + 9999)}
    equal(await answer(rig, "ReserveNow", **request), "Rejected")
    clock.set_utc(NOW, "ocpp")
    equal(await answer(rig, "GetCompositeSchedule", connectorId=1, duration=60), "Accepted")
    equal(await answer(rig, "ReserveNow", **request), "Accepted")
