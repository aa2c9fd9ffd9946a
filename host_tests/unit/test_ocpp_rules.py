"""Rules that need more than one service: held cables, faults of the board, back-off, what follows an answer. Manual time."""

import asyncio
import json

from check import equal, true
from ocpp_rig import Rig

from charger import clock
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.ocpp.transport.rpc import Rpc

HEAP = 16 * 1024 * 1024  # the flash chip is in it


# --- the cable of a refused transaction (OCPP-54) ---


class Lock:
    commanded = False

    def locked(self):
        return False


async def refused(parent=None, **factory):
    """A rig whose session the back end has just ended with DeAuthorized; TAG1 had it."""
    rig = await Rig(2, factory=factory).online()
    rig.outlet = rig.connectors[0].outlet
    rig.outlet.lock = Lock()
    rig.outlet.hold_lock = False
    info = {"status": "Blocked"}
    if parent:
        info["parentIdTag"] = parent
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": info}
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG1")
    equal((await rig.sent("StopTransaction"))["reason"], "DeAuthorized")
    del rig.link.answers["StartTransaction"]
    return rig


async def show(rig, tag):
    rig.cp.tag_shown(rig.connectors[0], tag)
    await rig.seconds(1)


async def test_the_cable_stays_locked_until_the_same_tag_comes():
    rig = await refused()
    await rig.shows("Finishing")
    equal((rig.outlet.hold_lock, rig.outlet.permit), (True, False))
    await show(rig, "OTHER")
    equal(rig.outlet.hold_lock, True)
    await show(rig, "tag1")
    equal(rig.outlet.hold_lock, False)
    equal(len(rig.link.of("StartTransaction")), 1)  # it was for the cable
    await show(rig, "TAG2")
    equal(len(rig.link.of("StartTransaction")), 2)


async def test_or_until_one_of_the_same_group_comes():
    rig = await refused("FAMILY")
    for info, held in (
        ({"status": "Accepted"}, True), ({"status": "Accepted", "parentIdTag": "OTHERS"}, True),
        ({"status": "Blocked", "parentIdTag": "FAMILY"}, True), ({"status": "Accepted", "parentIdTag": "family"}, False),
    ):  # fmt: skip
        rig.link.answers["Authorize"] = {"idTagInfo": info}
        await show(rig, "TAG2")
        equal(rig.outlet.hold_lock, held, str(info))
    equal(len(rig.link.of("StartTransaction")), 1)


async def test_unlocking_a_new_session_and_a_pulled_plug_end_it_too():
    rig = await refused()
    equal((await rig.call("UnlockConnector", connectorId=1))["status"], "Unlocked")
    equal(rig.outlet.hold_lock, False)
    rig = await refused()
    equal((await rig.call("RemoteStartTransaction", connectorId=1, idTag="ADMIN"))["status"], "Accepted")
    await rig.sent("StartTransaction", 2)
    equal((rig.outlet.hold_lock, rig.connectors[0].held_for), (False, None))
    rig = await refused()
    await rig.plug(1, False)
    equal((rig.outlet.hold_lock, rig.connectors[0].held_for), (False, None))


async def test_only_a_stop_by_the_back_end_s_verdict_holds_it():
    rig = await Rig().online()
    outlet = rig.connectors[0].outlet
    outlet.lock, outlet.hold_lock = Lock(), False
    await rig.charge()
    rig.connectors[0].stop("Remote")
    await rig.shows("Finishing")
    equal(outlet.hold_lock, False)


async def test_a_tethered_outlet_holds_nothing():
    rig = await Rig().online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG1")
    await rig.sent("StopTransaction")
    equal(rig.connectors[0].held_for, None)


# --- connector 0 and faults of the board (OCPP-80) ---


class Guard:
    CODE = "OtherError"
    INFO = "Fault input of the board"


async def test_connector_0_is_faulted_while_the_board_is_and_reports_it_once():
    rig = await Rig(2).online()
    rig.connectors[1].outlet.board_guard = Guard
    await rig.until(lambda: rig.statuses(0)[-1] == "Faulted")
    told = [p for p in rig.link.of("StatusNotification") if p["connectorId"] == 0][-1]
    equal((told["errorCode"], told["info"]), ("OtherError", Guard.INFO))
    await rig.seconds(5)
    rig.connectors[1].outlet.board_guard = None
    await rig.seconds(5)
    equal(rig.statuses(0), ["Available", "Faulted", "Available"])


async def test_a_fault_of_the_board_is_over_before_the_unit_is_unavailable_again():
    rig = await Rig(2).online()
    await rig.call("ChangeAvailability", connectorId=0, type="Inoperative")
    await rig.until(lambda: rig.statuses(0)[-1] == "Unavailable")
    rig.connectors[0].outlet.board_guard = Guard
    await rig.until(lambda: rig.statuses(0)[-1] == "Faulted")
    rig.connectors[0].outlet.board_guard = None
    await rig.until(lambda: rig.statuses(0)[-1] == "Unavailable")


# --- the back-off's random part (OCPP-3) ---


async def test_backoff_random_part_defaults_to_the_pause_unless_the_factory_sets_it():
    equal(ConnectionSettings(Rig().config, {}).backoff_random_s, None)
    for seconds in (0, 7):
        equal(ConnectionSettings(Rig(factory={"RetryBackoffRandomRange": str(seconds)}).config, {}).backoff_random_s, seconds)


# --- what follows an answer (OCPP-9, 70, 72) ---

# The CALL, and the message that it causes; None: a restart.
FOLLOWED = (
    ("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Heartbeat"),
    ("TriggerMessage", {"requestedMessage": "StatusNotification"}, "StatusNotification"),
    ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}, "MeterValues"),
    ("TriggerMessage", {"requestedMessage": "DiagnosticsStatusNotification"}, "DiagnosticsStatusNotification"),
    ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}, "FirmwareStatusNotification"),
    ("GetDiagnostics", {"location": "https://h/d/"}, "DiagnosticsStatusNotification"),
    ("RemoteStartTransaction", {"idTag": "TAG1", "connectorId": 1}, "StatusNotification"),
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, "StatusNotification"),
    ("ReserveNow", {"connectorId": 1, "expiryDate": "2029-01-01T00:00:00Z", "idTag": "A", "reservationId": 5},
     "StatusNotification"),
    ("Reset", {"type": "Hard"}, None),
)  # fmt: skip


class SlowUploads:
    async def send(self, location, name, pieces):
        await clock.sleep_ms(10000)


class SlowLine:
    """Takes 3 s for every message that is sent; `done` has what has gone out in full."""

    def __init__(self, rig):
        self.rig = rig
        self.done = []
        self.busy = asyncio.Lock()
        self.rpc = Rpc(self.send, rig.cp.handle)
        self.connected = True
        rig.cp.attach(self)

    async def send(self, pieces):
        async with self.busy:
            await clock.sleep_ms(3000)
            self.done.append(json.loads("".join(pieces)))
        message = self.done[-1]
        if message[0] == 2:
            answer = self.rig.link.friendly(message[2])
            await self.rpc.feed(json.dumps([3, message[1], answer]))

    async def call(self, action, payload, first=False):
        return await self.rpc.call(action, payload, first=first)

    async def close(self, timeout_ms):
        self.done.append("closed")

    def retry_now(self):
        """Nothing to hurry."""


async def slow_rig():
    """A charge point on a slow link whose uploads are slow: (rig, link)."""
    rig = await Rig(2).online()
    rig.cp.make_uploader = SlowUploads
    line = SlowLine(rig)
    await rig.seconds(1)
    return rig, line


async def test_nothing_that_an_answer_causes_overtakes_it_on_a_slow_link():
    for action, request, caused in FOLLOWED:
        rig, line = await slow_rig()
        await line.rpc.feed(json.dumps([2, "uid", action, request]))
        await rig.until(lambda seen=line.done: len(seen) > 1, 120000)
        first, second = line.done[0], line.done[1]
        equal(first[:2], [3, "uid"], "%s: %s" % (action, line.done))
        equal(second if caused is None else second[2], caused or "closed", action)


async def test_nothing_overtakes_an_answer_while_the_link_is_busy():
    for action, request, caused in FOLLOWED:
        rig, line = await slow_rig()
        rig.cp.post_call("DataTransfer", {"vendorId": "x"})
        await rig.seconds(1)
        await line.rpc.feed(json.dumps([2, "uid", action, request]))
        await rig.until(lambda seen=line.done: len(seen) > 2, 120000)
        equal(line.done[0][2], "DataTransfer")
        equal(line.done[1][:2], [3, "uid"], "%s: %s" % (action, line.done))
        equal(line.done[2] if caused is None else line.done[2][2], caused or "closed", action)


async def test_what_is_triggered_goes_before_all_that_waits_for_the_link():
    rig, line = await slow_rig()
    rig.cp.post_call("DataTransfer", {"vendorId": "x"})
    await rig.seconds(1)
    waiting = [asyncio.create_task(rig.cp.call("Authorize", {"idTag": tag})) for tag in ("A", "B", "C")]
    await line.rpc.feed(json.dumps([2, "uid", "TriggerMessage", {"requestedMessage": "Heartbeat"}]))
    for task in waiting:
        await task
    calls = [message[2] for message in line.done if message[0] == 2]
    equal(calls, ["DataTransfer", "Authorize", "Heartbeat", "Authorize", "Authorize"], "A was out before the answer")


async def test_a_restart_waits_for_its_answer():
    rig = await Rig().online()
    line = SlowLine(rig)
    await line.rpc.feed(json.dumps([2, "uid", "Reset", {"type": "Soft"}]))
    await rig.until(lambda: rig.restarts, 120000)
    true(line.done and line.done[0][:2] == [3, "uid"], line.done)
