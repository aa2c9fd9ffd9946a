"""The cost of the running sessions by the owner's prices (docs/SMART_CHARGING.md)."""

from micropython import const

from charger import clock, log
from charger.grid import tariff
from charger.grid.lane import Lane

_UNCOUNTED_WH = const(10)  # energy of a session that may have flowed before it is first looked at
_LOOK_S = const(604800)  # without any price: look again after so long


class SessionCosts:
    """Energy times price, by connector. second() is called each second, with whole Wh of the meter.

    A session has a cost as long as each Wh since its start had a price: none when its beginning was not seen (the unit restarted,
    the prices came later), and none from the first time without a price on.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._price: int | None = None  # hundredths of the tariff's unit a kWh, in the span of UTC seconds below
        self._from = self._until = 0
        self._costs: dict = {}  # connector's number: (session's number, Wh counted so far, their cost in 1/100,000 or None)

    def look_up_again(self) -> None:
        """The prices or the clock are other ones."""
        self._until = 0

    def second(self, lane: Lane) -> None:
        """Count the energy that the meter of a lane's connector has told since the last call."""
        session, connector = lane.session, lane.connector
        if session is None:
            self._costs.pop(connector.id, None)
            return
        number, counted_wh, cost = self._costs.get(connector.id, (0, 0, None))
        now_wh = connector.meter.reported_wh()
        if number != session.local_id:
            counted_wh = session.start_wh
            cost = 0 if now_wh - counted_wh <= _UNCOUNTED_WH else None
        elif now_wh == counted_wh:
            return
        price = self._price_now()
        cost = None if cost is None or price is None else cost + (now_wh - counted_wh) * price
        self._costs[connector.id] = session.local_id, now_wh, cost

    def of(self, connector: Connector) -> float | None:
        """The cost of a connector's session so far, in the tariff's unit to two decimals; None if it is not known."""
        cost = self._costs.get(connector.id, (0, 0, None))[2]
        return None if cost is None else (cost + 500) // 1000 / 100

    def _price_now(self) -> int | None:
        utc = clock.utc_s()
        if utc is None:
            return None
        if not self._from <= utc < self._until:
            try:
                blocks = tariff.kept(self._files)
            except OSError as error:  # no reason for the planner to stop
                log.error("planner", "prices: " + log.reason(error))
                blocks = []
            price, until = tariff.price_at(blocks, utc)
            self._price = None if price == tariff.UNKNOWN else price
            self._from, self._until = utc, utc + _LOOK_S if until is None else until
        return self._price
