"""Sessions that start by themselves after a power cut: one rule, with a random delay (UK-31, UK-37).

Charging that an outage has interrupted, and free vending for a car that was plugged when the unit started, begin after a delay
of up to RandomDelayMax seconds, drawn at the start; the planner adds no second delay to it. A card, a remote start or an
unplugging before that takes its place, and nothing begins by itself while one of these is being authorised. What was interrupted
goes on as a session of its own with the same idTag; its transaction has ended with PowerLoss. An idTag that the back end has
refused meanwhile begins nothing.
"""

from micropython import const

from charger import clock, log
from charger.grid.random_delay import draw

_SETTLE_S = const(3)  # until the pilot has said whether a car is there
_RESUMED = "Charging goes on after the power cut"
_BEGINS = "Charging begins after the power cut"


class PowerReturn:
    """Knows the starts that wait for the delay; second(), once a second, begins them."""

    def __init__(self, config: Configuration, connectors: list, id_tags: IdTags, planner: Planner | None) -> None:
        self._planner = planner
        self._config = config
        self._connectors = connectors
        self._id_tags = id_tags
        self._waiting = {}  # connector: (idTag, parent or None)
        self._due_s: int | None = None
        self._begun_s = clock.uptime_s()
        self._outage = True

    def set_outage(self, outage: bool) -> None:
        """Set whether the power was away. After any other restart nothing begins by itself (CP-30)."""
        self._outage = outage
        if not outage:
            for connector in list(self._waiting):
                self._forget(connector)

    def interrupted(self, session: Session) -> None:
        """A session was open when the power went."""
        if self._config.get_bool("ResumeAfterPowerLoss") and session.id_tag is not None and not session.anonymous:
            self._add(self._connectors[session.connector_id - 1], session.id_tag, session.parent_id_tag, _RESUMED)

    def delays(self, connector: Connector, tag: str) -> bool:
        """True when a start that was not requested just now is put off; it comes by itself."""
        if not self._outage or not connector.outlet.plugged_since_start or self._due_s == -1:
            return False
        if connector not in self._waiting:
            self._add(connector, tag, None, _BEGINS)
        return True

    def _add(self, connector: Connector, tag: str, parent: str | None, words: str) -> None:
        if self._due_s is None:
            self._due_s = clock.uptime_s() + max(_SETTLE_S, draw(self._config.get_int("RandomDelayMax")))
            log.info("power return", "charging waits for %d s" % (self._due_s - clock.uptime_s()))
        self._waiting[connector] = (tag, parent)
        connector.waiting = words

    def second(self, authorisation: Authorisation) -> None:
        """Drop the starts that have found another end; begin those that are due with the Authorisation."""
        if not self._waiting or clock.uptime_s() - self._begun_s < _SETTLE_S:
            return
        due = self._due_s is not None and clock.uptime_s() >= self._due_s
        for connector in list(self._waiting):
            gone = not connector.outlet.plugged_since_start
            if gone or connector.session is not None or connector.pending is not None:
                self._forget(connector)
            elif due and connector.startable() and not (connector.promised or connector.asked):
                tag, parent = self._waiting[connector]
                self._forget(connector)
                self._start(authorisation, connector, tag, parent)
        if due and not self._waiting:
            self._due_s = -1  # the delay is over for good

    def _start(self, authorisation: Authorisation, connector: Connector, tag: str, parent: str | None) -> None:
        planner = self._planner
        known = self._id_tags.local(tag)
        if known is not None and known[0] != "Accepted":
            log.info("power return", "%s: %s" % (log.mask(tag), known[0]))
            return
        if planner is None:
            authorisation.begin(connector, tag, parent)
            return
        lane = planner.lane(connector)
        lane.delay_served = True
        authorisation.begin(connector, tag, parent)  # the session begins before this returns, as the car is there
        lane.delay_served = False

    def _forget(self, connector: Connector) -> None:
        self._waiting.pop(connector)
        connector.waiting = ""
