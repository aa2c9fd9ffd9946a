"""Reservations of one connector, or of any connector (OCPP-71)."""

from charger import clock, log

FILE = "ocpp_reservations.json"

ACCEPTED = "Accepted"
OCCUPIED = "Occupied"
REJECTED = "Rejected"

_ID, _CONNECTOR, _TAG, _PARENT, _UNTIL = range(5)


class Reservations:
    """`status` is the StatusNotification. On flash as [reservationId, connectorId, idTag, parent or None, expiry]."""

    def __init__(self, config: Configuration, connectors: list, files: Files, status: StatusNotification):
        self._config = config
        self._connectors = connectors
        self._files = files
        self._status = status
        self._all = files.read_json(FILE, [])
        self._show()

    def reserve(self, reservation_id: int, connector_id: int, tag: str, parent: str | None, until: int) -> str:
        """ReserveNow: its status. `until` is UTC seconds."""
        if connector_id == 0 and not self._config.get_bool("ReserveConnectorZeroSupported"):
            return REJECTED
        others = self._without(reservation_id)
        status = ACCEPTED if self._renews(reservation_id, connector_id, tag) else self._status_for(connector_id, others)
        if status != ACCEPTED:
            return status
        now = clock.utc_s()
        if now is None or until <= now:
            return REJECTED
        others.append([reservation_id, connector_id, tag, parent, until])
        self._files.write_json(FILE, others)  # OSError: nothing changes
        self._all = others
        self._show()
        log.info("reservation", "%d for connector %d" % (reservation_id, connector_id))
        return ACCEPTED

    def cancel(self, reservation_id: int) -> bool:
        """CancelReservation; False when there is no such reservation. OSError when the flash fails: nothing changes."""
        return self._keep(self._without(reservation_id), True)

    def claim(self, connector_id: int, tag: str, parent: str | None) -> tuple:
        """Return (allowed, reservationId or None): whether an idTag may use a connector, and the reservation it uses."""
        own = self._of(connector_id)
        if own is not None:
            return (True, own[_ID]) if _matches(own, tag, parent) else (False, None)
        anywhere = [r for r in self._all if r[_CONNECTOR] == 0]
        for reservation in anywhere:
            if _matches(reservation, tag, parent):
                return True, reservation[_ID]
        left = [number for number in self._free(self._all) if number != connector_id]
        return len(left) >= len(anywhere), None

    def for_group(self, connector_id: int) -> bool:
        """True when a connector, or the last free ones, are reserved for idTags with a common parent."""
        own = self._of(connector_id)
        if own is not None:
            return own[_PARENT] is not None
        return any(r[_CONNECTOR] == 0 and r[_PARENT] is not None for r in self._all)

    def session_started(self, session: Session) -> None:
        """End the reservation that a transaction used."""
        if session.reservation_id is not None:
            self._keep(self._without(session.reservation_id))

    def status_changed(self, connector: Connector) -> None:
        """End the reservation of a connector with a fault or out of service."""
        if connector.status in ("Faulted", "Unavailable"):
            own = self._of(connector.id)
            if own is not None:
                self._keep(self._without(own[_ID]))
        self._show()

    def second(self) -> None:
        """End expired reservations."""
        now = clock.utc_s()
        if not self._all or now is None:
            return
        out = self._status.of(0)[0] != "Available"  # then no connector can be reserved (5.13)
        kept = [r for r in self._all if r[_UNTIL] > now and not (out and r[_CONNECTOR] == 0)]
        if self._keep(kept):
            log.info("reservation", "expired, or the unit is out of service")

    def _without(self, reservation_id: int) -> list:
        return [r for r in self._all if r[_ID] != reservation_id]

    def _keep(self, kept: list, ordered: bool = False) -> bool:
        """End all reservations except those; False when there is none to end.

        An end that is ordered does not happen when the flash fails (OSError); another one does.
        """
        if len(kept) == len(self._all):
            return False
        try:
            self._files.write_json(FILE, kept)
        except OSError as error:
            if ordered:
                raise
            log.error("reservation", "end not written: " + log.reason(error))
        ids = [r[_ID] for r in kept]
        self._all = kept
        for connector in self._connectors:
            if connector.pending is not None and connector.pending.reservation_id not in ids:
                connector.pending.reservation_id = None  # its idTag may still be used, as any other
        self._show()
        return True

    def _renews(self, reservation_id: int, connector_id: int, tag: str) -> bool:
        """True when the reservation's idTag is at its connector already and does not change."""
        pending = None if connector_id == 0 else self._connectors[connector_id - 1].pending
        return pending is not None and pending.reservation_id == reservation_id and pending.id_tag.lower() == tag.lower()

    def _status_for(self, connector_id: int, others: list) -> str:
        """Return the status of a new reservation beside the existing ones."""
        free = self._free(others)
        kept = sum(1 for r in others if r[_CONNECTOR] == 0)
        if connector_id in free or (connector_id == 0 and free):
            return ACCEPTED if len(free) > kept else OCCUPIED
        if connector_id:
            status = self._connectors[connector_id - 1].status
            return status if status in ("Faulted", "Unavailable") else OCCUPIED
        statuses = [connector.status for connector in self._connectors]
        for word in ("Faulted", "Unavailable"):
            if all(status == word for status in statuses):
                return word
        return OCCUPIED

    def _free(self, reservations: list) -> list:
        """Return the ids of connectors that are neither in use nor reserved."""
        taken = [r[_CONNECTOR] for r in reservations]
        return [
            c.id for c in self._connectors
            if c.status in ("Available", "Reserved") and not c.promised and c.id not in taken
        ]

    def _of(self, connector_id: int):
        for reservation in self._all:
            if reservation[_CONNECTOR] == connector_id:
                return reservation
        return None

    def _show(self) -> None:
        """Show the status Reserved: at a reserved connector, and at the last free ones when connector 0 is reserved."""
        anywhere = [r for r in self._all if r[_CONNECTOR] == 0]
        free = self._free(self._all)
        for connector in self._connectors:
            reserved = self._of(connector.id) is not None
            if anywhere and connector.id in free and len(free) <= len(anywhere):
                reserved = True
            if connector.reserved != reserved:
                connector.reserved = reserved
                connector.poll()


def _matches(reservation: list, tag: str, parent: str | None) -> bool:
    if reservation[_TAG].lower() == tag.lower():
        return True
    return bool(parent and reservation[_PARENT] and reservation[_PARENT].lower() == parent.lower())
