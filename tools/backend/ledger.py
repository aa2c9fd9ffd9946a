"""The back end's cards and transactions."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime


def utc_text(moment):
    """A moment in UTC as OCPP writes it, with milliseconds (SCH-6)."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_now():
    """The present UTC as OCPP writes it."""
    return utc_text(datetime.now(UTC))


def fast_clock(scale):
    """A clock like utc_now() that runs scale times as fast from here on.

    For chargers whose time is scaled: a back end on real time would set their clock back again and again.
    """
    begin = datetime.now(UTC)
    return lambda: utc_text(begin + (datetime.now(UTC) - begin) * scale)


@dataclass
class Transaction:
    """One transaction as the charger reported it; energies in Wh of the charger's register, times as sent."""

    id: int
    identity: str
    connector: int
    id_tag: str
    meter_start: int
    started: str
    meter_stop: int | None = None
    stopped: str | None = None
    reason: str | None = None
    values: list = field(default_factory=list)

    @property
    def energy_wh(self):
        """Billed energy in Wh, None while the transaction runs."""
        return None if self.meter_stop is None else self.meter_stop - self.meter_start

    @property
    def duration_s(self):
        """Seconds between the two time stamps, None while the transaction runs."""
        if self.stopped is None:
            return None
        begin, end = (datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (self.started, self.stopped))
        return (end - begin).total_seconds()


class Ledger:
    """Tags and transactions. Tags compare without regard to case (OCPP-50); unknown tags get the status `unknown`."""

    def __init__(self, tags=None, first_id=1):
        self._tags = {}
        self.unknown = "Invalid"
        self.transactions = {}
        self._ids = itertools.count(first_id)
        self._id = self._ids.__next__
        for tag, status in (tags or {}).items():
            self.set_tag(tag, status)

    def set_tag(self, tag, status="Accepted", parent=None):
        """Answer this idTag with this status (and parent idTag) from now on."""
        info = {"status": status}
        if parent is not None:
            info["parent_id_tag"] = parent
        self._tags[tag.lower()] = info

    def tag_info(self, tag):
        """The idTagInfo of a tag, in the package's spelling."""
        return dict(self._tags.get(str(tag).lower(), {"status": self.unknown}))

    def start(self, identity, connector, id_tag, meter_start, timestamp):
        """Open a transaction and return it. Asked twice, it opens two: a charger that repeats itself is to be seen."""
        transaction = Transaction(self._id(), identity, connector, id_tag, meter_start, timestamp)
        self.transactions[transaction.id] = transaction
        return transaction

    def stop(self, transaction_id, meter_stop, timestamp, reason):
        """Close a transaction; an unknown id is accepted and forgotten, as OCPP demands."""
        transaction = self.transactions.get(transaction_id)
        if transaction is not None:
            transaction.meter_stop = meter_stop
            transaction.stopped = timestamp
            transaction.reason = reason or "Local"
        return transaction

    def values(self, transaction_id, meter_values):
        """Keep the meter values of a transaction."""
        transaction = self.transactions.get(transaction_id)
        if transaction is not None:
            transaction.values.extend(meter_values)

    def closed(self):
        """The finished transactions, in the order of their ids."""
        return [t for _, t in sorted(self.transactions.items()) if t.meter_stop is not None]
