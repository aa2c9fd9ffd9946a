"""ChangeAvailability: connectors that the back end took out of service, on flash, applied when possible (OCPP-69)."""

from charger import log

FILE = "ocpp_out_of_service.json"

ACCEPTED = "Accepted"
SCHEDULED = "Scheduled"


class Availability:
    """`status` is the StatusNotification. `_out` holds the ids (0: the whole unit) that shall be inoperative."""

    def __init__(self, connectors: list, files: Files, status: StatusNotification):
        self._connectors = connectors
        self._files = files
        self._status = status
        self._out = set(files.read_json(FILE, []))
        self._held = False
        status.unavailable = 0 in self._out
        for connector in connectors:
            if not self.wanted(connector.id):
                connector.set_operative(False)

    def wanted(self, connector_id: int) -> bool:
        """True when a connector is to be in service."""
        return connector_id not in self._out and not self._held

    def hold(self, held: bool) -> None:
        """Take every connector out of service as it becomes free, for an update; not kept over restarts."""
        self._held = held
        self.apply()

    def change(self, connector_id: int, operative: bool) -> str:
        """Accepted, or Scheduled when a transaction there has to end first. 0 stands for all connectors.

        A unit with a connector back in service is no longer out of service as a whole.
        """
        ids = range(len(self._connectors) + 1) if connector_id == 0 else (0, connector_id) if operative else (connector_id,)
        out = self._out.difference(ids) if operative else self._out.union(ids)
        self._files.write_json(FILE, sorted(out))  # OSError: nothing changes
        self._out = out
        log.info("availability", "%d %s" % (connector_id, "operative" if operative else "inoperative"))
        waiting = self.apply()
        if connector_id:
            waiting = connector_id in waiting
        return SCHEDULED if waiting and not operative else ACCEPTED

    def apply(self) -> list:
        """Apply pending changes; return the ids of the connectors whose transaction has to end first. Called at its end, too.

        Connector 0 goes out of service with the last of the connectors that go with it (5.2).
        """
        waiting = [c.id for c in self._connectors if c.session is not None and not self.wanted(c.id)]
        status = self._status
        before = status.unavailable
        status.unavailable = 0 in self._out and not waiting  # before the connectors' changes, which look at connector 0
        for connector in self._connectors:
            wanted = self.wanted(connector.id)
            if connector.operative != wanted:
                connector.set_operative(wanted)
        if status.unavailable != before:
            status.update_fault()
            status.changed(0)
        return waiting
