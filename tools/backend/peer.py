"""A charge point on CPython, made with the `ocpp` package: the bench's yardstick and the back end's first customer.

Run as a program it connects and answers until the connection ends:
PYTHONPATH=tools python -m backend.peer URL IDENTITY FOLDER (where it keeps its configuration)
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

import ocpp.messages
import websockets
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

from .ledger import utc_now

QUIET = logging.getLogger("pilotlight.peer")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


class Peer(ChargePoint):
    """One connector's worth of OCPP: enough to answer what the bench asks of the firmware too."""

    def __init__(self, identity, connection, folder):
        super().__init__(identity, connection, logger=QUIET)
        self.configuration = {"HeartbeatInterval": "300", "MeterValueSampleInterval": "60", "NumberOfConnectors": "1"}
        self.energy_wh = 0
        self._file = Path(folder) / "configuration.json"

    async def boot(self):
        """Announce itself, then the status of both connectors."""
        await self.call(call.BootNotification(charge_point_model="Peer", charge_point_vendor="CPython"))
        for connector in (0, 1):
            await self.status(connector, "Available")

    async def status(self, connector, status):
        """Send a StatusNotification."""
        await self.call(call.StatusNotification(
            connector_id=connector, error_code="NoError", status=status, timestamp=utc_now()))

    async def session(self, tag, energy_wh):
        """One whole transaction of energy_wh on connector 1."""
        await self.status(1, "Preparing")
        await self.call(call.Authorize(id_tag=tag))
        started = await self.call(call.StartTransaction(
            connector_id=1, id_tag=tag, meter_start=self.energy_wh, timestamp=utc_now()))
        await self.status(1, "Charging")
        await self.meter_values(started.transaction_id)
        self.energy_wh += energy_wh
        await self.call(call.StopTransaction(
            transaction_id=started.transaction_id, meter_stop=self.energy_wh, timestamp=utc_now(), reason="Local"))
        await self.status(1, "Available")

    async def meter_values(self, transaction_id=None):
        """Send the measurands that the firmware sends by default."""
        samples = [
            {"value": str(self.energy_wh), "context": "Trigger", "unit": "Wh",
             "measurand": "Energy.Active.Import.Register"},
            {"value": "0", "context": "Trigger", "measurand": "Power.Active.Import", "unit": "W"},
            {"value": "0.0", "context": "Trigger", "measurand": "Current.Import", "phase": "L1", "unit": "A"},
            {"value": "230.0", "context": "Trigger", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
            {"value": "0.0", "context": "Trigger", "measurand": "Current.Offered", "unit": "A"},
        ]
        await self.call(call.MeterValues(
            connector_id=1, transaction_id=transaction_id,
            meter_value=[{"timestamp": utc_now(), "sampled_value": samples}]))

    @on(Action.trigger_message)
    def _trigger_message(self, requested_message, **_):
        return call_result.TriggerMessage(status="Accepted")

    @after(Action.trigger_message)
    async def _triggered(self, requested_message, **_):
        if requested_message == "MeterValues":
            await self.meter_values()
        else:
            await self.call(call.Heartbeat())

    @on(Action.get_configuration)
    def _get_configuration(self, key=None):
        names = key or list(self.configuration)
        return call_result.GetConfiguration(
            configuration_key=[{"key": n, "readonly": False, "value": self.configuration[n]}
                               for n in names if n in self.configuration],
            unknown_key=[n for n in names if n not in self.configuration])

    @on(Action.change_configuration)
    def _change_configuration(self, key, value):
        if key not in self.configuration:
            return call_result.ChangeConfiguration(status="NotSupported")
        self.configuration[key] = value
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self.configuration))
        fresh.replace(self._file)
        return call_result.ChangeConfiguration(status="Accepted")

    @on(Action.remote_start_transaction)
    def _remote_start(self, id_tag, **_):
        return call_result.RemoteStartTransaction(status="Rejected")


async def serve(url, identity, folder):
    """Connect, boot, and answer until the back end closes."""
    # Validation inside the loop is faster here than in the package's thread pool: compare with the better one.
    ocpp.messages.ASYNC_VALIDATION = False
    async with websockets.connect(f"{url}/{identity}", subprotocols=["ocpp1.6"], compression=None) as socket:
        peer = Peer(identity, socket, folder)
        receiving = asyncio.ensure_future(peer.start())
        await peer.boot()
        try:
            await receiving
        except websockets.ConnectionClosed:
            pass


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
