"""Every action of the back end: a CALL's text parsed, handled and answered, and the charge point's own messages.

On the unit tests' rig: a charge point with real connectors, sessions and files, in time that is moved by hand. The flash
is memory behind a block device in C. What the connection does with a message, framing and TLS, is not part of it.
"""

import asyncio

import counting
import flashrig
import measure
import ocpp_rig
import vfs

from charger.ocpp.transport.rpc import Rpc, dumps
from charger.store import file_system
from sim import flash as simflash

_DISK = 0x85000000
_DISK_BYTES = 0x40000
_UTC = "2026-09-21T15:00:00Z"


def _fresh(blocks=64, image=None):
    simflash.unmount(flashrig.ROOT)
    device = counting.Disk(_DISK, _DISK_BYTES)
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(file_system.opened(device), flashrig.ROOT)
    return device


flashrig.fresh = _fresh


def _profile(number, purpose, periods, kind="Absolute"):
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 3600 * n, "limit": 6 + n % 24} for n in range(periods)],
    }
    if kind == "Absolute":
        schedule["startSchedule"] = "2026-09-21T00:00:00Z"
        schedule["duration"] = 86400
    return {
        "chargingProfileId": number,
        "stackLevel": number,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    }


_LIST = [{"idTag": "TAG%05d" % n, "idTagInfo": {"status": "Accepted"}} for n in range(10)]
# (name, action, payload): a typical message of each action, and the worst where there is one.
CALLS = (
    ("GetConfiguration.one", "GetConfiguration", {"key": ["HeartbeatInterval"]}),
    ("GetConfiguration.all", "GetConfiguration", {}),
    ("GetConfiguration.50_unknown", "GetConfiguration", {"key": ["UnknownKeyNumber%02d" % n for n in range(50)]}),
    ("ChangeConfiguration", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "600"}),
    ("ChangeConfiguration.unknown", "ChangeConfiguration", {"key": "UnknownKey", "value": "600"}),
    ("ChangeAvailability", "ChangeAvailability", {"connectorId": 2, "type": "Operative"}),
    ("ClearCache", "ClearCache", {}),
    ("DataTransfer", "DataTransfer", {"vendorId": "other", "messageId": "a", "data": "b"}),
    ("DataTransfer.1_KB", "DataTransfer", {"vendorId": "other", "messageId": "a", "data": "x" * 960}),
    ("UnlockConnector", "UnlockConnector", {"connectorId": 2}),
    ("RemoteStartTransaction.rejected", "RemoteStartTransaction", {"connectorId": 1, "idTag": "TAG00001"}),
    ("RemoteStopTransaction.rejected", "RemoteStopTransaction", {"transactionId": 999}),
    ("TriggerMessage.MeterValues", "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}),
    ("TriggerMessage.Heartbeat", "TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ("ExtendedTriggerMessage", "ExtendedTriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
    ("GetLocalListVersion", "GetLocalListVersion", {}),
    ("SendLocalList.10", "SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": _LIST}),
    ("ReserveNow", "ReserveNow", {"connectorId": 2, "expiryDate": _UTC, "idTag": "TAG00002", "reservationId": 1}),
    ("CancelReservation", "CancelReservation", {"reservationId": 1}),
    ("SetChargingProfile.1_period", "SetChargingProfile",
     {"connectorId": 1, "csChargingProfiles": _profile(1, "TxDefaultProfile", 1)}),
    ("SetChargingProfile.24_periods", "SetChargingProfile",
     {"connectorId": 1, "csChargingProfiles": _profile(2, "TxDefaultProfile", 24)}),
    ("GetCompositeSchedule.24_periods", "GetCompositeSchedule",
     {"connectorId": 1, "duration": 86400, "chargingRateUnit": "A"}),
    ("GetCompositeSchedule.hour", "GetCompositeSchedule", {"connectorId": 1, "duration": 3600}),
    ("ClearChargingProfile", "ClearChargingProfile", {"id": 1}),
    ("ClearChargingProfile.all", "ClearChargingProfile", {}),
    ("GetInstalledCertificateIds", "GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
    ("DeleteCertificate.unknown", "DeleteCertificate", {"certificateHashData": {
        "hashAlgorithm": "SHA256", "issuerNameHash": "0" * 64, "issuerKeyHash": "0" * 64, "serialNumber": "01"}}),
    ("InstallCertificate.invalid", "InstallCertificate",
     {"certificateType": "CentralSystemRootCertificate", "certificate": "x"}),
    ("CertificateSigned.invalid", "CertificateSigned", {"certificateChain": "x"}),
    ("Unknown", "NoSuchAction", {}),
    ("TypeFault", "ChangeAvailability", {"connectorId": "1", "type": "Operative"}),
)  # fmt: skip

# Messages that change the state, so that a second one would not do the same. Their modules are there by then.
ONCE = (
    ("RemoteStartTransaction", "RemoteStartTransaction", {"connectorId": 2, "idTag": "TAG00002"}),
    ("GetDiagnostics", "GetDiagnostics", {"location": "ftp://192.0.2.1/logs"}),
    ("GetLog", "GetLog", {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "ftp://192.0.2.1/logs"}}),
    ("UpdateFirmware.unsupported", "UpdateFirmware", {"location": "ftp://192.0.2.1/fw", "retrieveDate": "2026-09-30T00:00:00Z"}),
    ("SignedUpdateFirmware.invalid", "SignedUpdateFirmware", {"requestId": 1, "firmware": {
        "location": "ftp://192.0.2.1/fw", "retrieveDateTime": "2026-09-30T00:00:00Z", "signingCertificate": "x",
        "signature": "x"}}),
    ("RemoteStopTransaction", "RemoteStopTransaction", {"transactionId": 101}),
    ("Reset.soft", "Reset", {"type": "Soft"}),
)  # fmt: skip


class Bench:
    """A charging unit of two connectors and the other end of its connection."""

    def __init__(self):
        self.rig = ocpp_rig.Rig(connectors=2)
        self.rpc = Rpc(self._send, self.rig.cp.handle)
        self.answers = 0
        self.answer_bytes = 0

    async def _send(self, pieces):
        self.answer_bytes = 0
        for piece in pieces:
            self.answer_bytes += len(piece)
        self.answers += 1

    async def answered(self, text):
        """Feed a message and wait for the answer."""
        wanted = self.answers + 1
        await self.rpc.feed(text)
        while self.answers < wanted:
            await asyncio.sleep(0)

    async def count(self, name, action, payload, twice=True):
        """The second of two equal CALLs, where there may be two: the first one imports."""
        text = dumps([2, "id-1", action, payload])
        if twice:
            await self.answered(text)
            await self.rig.seconds(2)
        else:
            __import__("charger.ocpp.v16.actions", None, None, ("load",)).load(action)
        data = bytearray(text.encode())
        measure.begin()
        await self.answered(data)
        measure.end("call." + name)
        print("bytes call." + name, len(text), self.answer_bytes)
        await self.rig.seconds(2)

    async def own_messages(self):
        """The charge point's own messages: built and serialised."""
        cp, connector = self.rig.cp, self.rig.connectors[0]
        names = cp.config.get_list("MeterValuesSampledData")
        post = cp.post_call
        made = []
        cp.post_call = lambda *arguments: made.append(dumps(arguments[1]))
        for _ in range(2):
            measure.begin()
            dumps(cp.status.payload(1, cp.status.of(1)))
            measure.end("send.StatusNotification")
        cp.post_call = post
        values = cp.meter_values
        for _ in range(2):
            measure.begin()
            self._meter_values(values, connector, names)
            measure.end("send.MeterValues")
        measure.call("connector.poll.charging", connector.poll)
        measure.call("connector.poll.idle", self.rig.connectors[1].poll)
        measure.call("meter_values.second", values.second)

    @staticmethod
    def _meter_values(values, connector, names):
        from charger.metering import measurands
        from charger.ocpp.v16 import stamps

        sampled = measurands.sampled(names, connector, "Sample.Periodic")
        dumps({"connectorId": 1, "meterValue": [{"timestamp": stamps.now_stamp(), "sampledValue": sampled}]})


async def main():
    """All of them, in a session at connector 1."""
    bench = Bench()
    await bench.rig.online()
    await bench.rig.charge()
    await bench.rig.seconds(5)
    for name, action, payload in CALLS:
        await bench.count(name, action, payload)
    await bench.own_messages()
    for name, action, payload in ONCE:
        await bench.count(name, action, payload, twice=False)


asyncio.run(main())
