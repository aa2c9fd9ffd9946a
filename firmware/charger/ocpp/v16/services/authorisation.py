"""Authorisation: home cards, Authorize, offline rules, cards and remote starts (OCPP-50 to 59, 65).

An unknown idTag is sent to the back end; meanwhile the car waits, but the control loop does not.
"""

import asyncio

from charger import clock, log
from charger.audit import events
from charger.errors import CallFailedError

ACCEPTED = "Accepted"


class Authorisation:
    """Decides about idTags at the connectors.

    ready()           True while messages may be sent
    note(event, info) adds an event to the security log
    claim()           (allowed, reservationId or None) by the reservations: ChargePoint.claim()
    home_card(idTag)  (status, parent) by the owner's list, None where it does not decide
    """

    def __init__(self, config: Configuration, id_tags: IdTags, queue: MessageQueue, ready: Callable, note: Callable,
                 claim: Callable, power_return: PowerReturn, home_card: Callable | None = None) -> None:  # fmt: skip
        self._config = config
        self._id_tags = id_tags
        self._queue = queue
        self._ready = ready
        self._note = note
        self._claim = claim
        self._power_return = power_return
        self._home_card = home_card

    async def authorise(self, tag: str) -> tuple:
        """Return (status, parentIdTag or None) of an idTag, with the sources in the order of OCPP-50 and 52."""
        own = self._home_card(tag) if self._home_card is not None else None
        if own is not None:
            return own
        known = self._id_tags.local(tag)
        if self._ready():
            if known is not None and known[0] == ACCEPTED and self._config.get_bool("LocalPreAuthorize"):
                return known
            answer = await self._authorize(tag)
            if answer is not None:
                return answer
        return self._offline(tag, known)

    async def _authorize(self, tag: str) -> tuple | None:
        """Send Authorize; None without an answer, so that the offline rules decide."""
        try:
            answer = await self._queue.call("Authorize", {"idTag": tag})
        except CallFailedError as error:
            log.warn("authorise", "Authorize: " + log.reason(error))
            return None
        verdict = self._id_tags.learn(tag, answer.get("idTagInfo"))
        await clock.sleep_ms(0)  # what was learnt is written to flash, as is the start that follows: a slice each
        return verdict

    def _offline(self, tag: str, known: tuple | None) -> tuple:
        """Apply the offline rules (OCPP-53)."""
        if known is not None:
            if known[0] == ACCEPTED and self._config.get_bool("LocalAuthorizeOffline"):
                return known
            return ("Invalid" if known[0] == ACCEPTED else known[0]), None
        if self._config.get_bool("AllowOfflineTxForUnknownId"):
            return ACCEPTED, None
        return "Invalid", None

    # --- cards ---

    def tag_shown(self, connector, tag: str) -> None:
        """Handle a card at a connector's reader: start or stop a session."""
        session = connector.session
        if connector.stopping and (same(session.id_tag, tag) or same(connector.stop_tag or "", tag)):
            return
        if session is None and connector.held_for is not None:
            self._held_cable(connector, tag)
        elif session is None or connector.stopping:  # the next user's
            shown_ms = clock.ticks_ms()
            connector.asked += 1
            self._run(
                tag, True, lambda: self._start_by_card(connector, tag, shown_ms), lambda: _answered(connector)
            )
        elif same(session.id_tag, tag):
            connector.stop("Local", tag)
        else:
            self._queue.post(lambda: self._stop_by_other(connector, tag), _forgotten)

    def _run(self, tag: str, asked: bool, job: Callable, dropped: Callable) -> None:
        """Run a start at once, or behind what waits to be sent where it needs an answer of the back end (OCPP-52)."""
        known = self._id_tags.local(tag) if asked and self._config.get_bool("LocalPreAuthorize") else None
        if not asked or (known is not None and known[0] == ACCEPTED):
            asyncio.create_task(job())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
        else:
            self._queue.post(job, dropped)

    async def _start_by_card(self, connector: Connector, tag: str, shown_ms: int) -> None:
        try:
            await self._start(connector, tag, shown_ms)
        finally:
            _answered(connector)

    async def _start(self, connector: Connector, tag: str, shown_ms: int) -> None:
        if not connector.accepts_start():
            log.info("authorise", "connector %d cannot start now" % connector.id)
            return
        if self._second_presentation(connector, tag, shown_ms):
            return
        status, parent = await self.authorise(tag)
        log.info("authorise", "%s: %s" % (log.mask(tag), status))
        self._note_decision(connector, "card", status)
        if status == ACCEPTED:
            self.begin(connector, tag, parent)

    def _second_presentation(self, connector, tag: str, shown_ms: int) -> bool:
        """The card of a use that waits for the plug: it ends it (B1), but the first time of a remote start's.

        One that was shown before the back end's answer began the use is the same presentation.
        """
        pending = connector.pending
        if pending is None or not same(pending.id_tag, tag):
            return False
        if pending.remote:
            pending.remote = False
        elif clock.ticks_diff(shown_ms, pending.since_ms) >= 0:
            log.info("authorise", "%s ends the intended use" % log.mask(tag))
            connector.cancel_pending()
        return True

    def begin(self, connector: Connector, tag: str, parent: str | None = None, remote: bool = False,
              profile: Any | None = None) -> bool:
        """Authorise the connector for an idTag, unless it is reserved for another one (OCPP-71)."""
        allowed, reservation_id = self._claim(connector.id, tag, parent)
        if not allowed:
            log.info("authorise", "connector %d is reserved" % connector.id)
            return False
        return connector.authorised(tag, parent, reservation_id, remote, profile)

    async def _stop_by_other(self, connector, tag: str) -> None:
        """Another card stops a session only with the same parent (OCPP-42, 58)."""
        session = connector.session
        if session is None:
            return
        status, parent = await self.authorise(tag)
        if connector.session is session and status == ACCEPTED and parent and session.parent_id_tag:
            if same(parent, session.parent_id_tag):
                connector.stop("Local", tag)
                return
        log.info("authorise", "%s may not stop this session" % log.mask(tag))
        self._note_decision(connector, "card refused: session of another user", status if status != ACCEPTED else "Refused")

    def _note_decision(self, connector: Connector, what: str, status: str) -> None:
        """Add an event to the security log (SEC-22), without the idTag (SEC-15)."""
        event = events.AUTHORISED if status == ACCEPTED else events.NOT_AUTHORISED
        self._note(event, "connector %d, %s: %s" % (connector.id, what, status))

    def _held_cable(self, connector: Connector, tag: str) -> None:
        """The cable of a refused session is given back to its tag, and to one with the same parent (OCPP-54)."""
        if same(connector.held_for[0] or "", tag):
            log.info("authorise", "connector %d releases the cable" % connector.id)
            connector.release_cable()
        else:
            self._queue.post(lambda: self._release_by_other(connector, tag), _forgotten)

    async def _release_by_other(self, connector: Connector, tag: str) -> None:
        held = connector.held_for
        status, parent = await self.authorise(tag)
        if held is not None and held is connector.held_for and status == ACCEPTED and parent and held[1]:
            if same(parent, held[1]):
                connector.release_cable()
                return
        log.info("authorise", "%s: not the holder of this cable" % log.mask(tag))

    # --- without a card ---

    def may_claim(self, connector_id: int, tag: str) -> bool:
        """True when the reservations allow an idTag to use a connector, by its parent as it is known without Authorize."""
        if self._claim(connector_id, tag, None)[0]:
            return True
        known = self._id_tags.local(tag)
        return known is not None and self._claim(connector_id, tag, known[1])[0]

    def free_vend(self, connector: Connector) -> None:
        """Start without a card after plug-in, if the owner allows free charging (A3 to A5)."""
        if self._config.get_bool("FreeVend") and connector.outlet.plugged and not connector.promised:
            tag = self._config.get_str("FreeVendIdTag")
            if connector.pending is None and connector.startable() and not self._power_return.delays(connector, tag):
                self.begin(connector, tag)

    def remote_start(self, connector: Connector, tag: str, profile: Any | None = None,
                     profiles: SmartCharging | None = None) -> None:  # fmt: skip
        """RemoteStartTransaction was accepted: start at once, or authorise as for a card first (OCPP-65).

        `profiles` keeps the place of `profile` until the start has reached the connector or has come to nothing.
        """
        asked = self._is_asked(connector, tag)
        self._run(
            tag, asked, lambda: self._remote_start(connector, tag, profile, profiles, asked),
            lambda: self._release(connector, profile, profiles)
        )

    def _is_asked(self, connector: Connector, tag: str) -> bool:
        """True when a remote start has to be authorised. A reserved connector asks for the parent (5.13)."""
        return tag != "" and (
            self._config.get_bool("AuthorizeRemoteTxRequests") or not self.may_claim(connector.id, tag)
        )

    async def _remote_start(self, connector: Connector, tag: str, profile: Any, profiles: SmartCharging | None,
                            asked: bool) -> None:  # fmt: skip
        try:
            allowed, tag, parent = await self._remote_identity(connector, tag, asked)
            if allowed:
                self.begin(connector, tag, parent, True, profile)
        finally:
            self._release(connector, profile, profiles)

    def _release(self, connector: Connector, profile: Any, profiles: SmartCharging | None) -> None:
        """A remote start has reached its connector, or has come to nothing."""
        connector.promised = False
        if profiles is not None:
            profiles.under_way(profile, False)
        if connector.status == "Preparing":
            self.free_vend(connector)

    async def _remote_identity(self, connector: Connector, tag: str, asked: bool) -> tuple:
        """(allowed, tag for the wire, parent) of a remote start."""
        if not tag:
            # An empty idTag cannot be in StartTransaction: the unit's own tag for uncontrolled use takes its place.
            return True, self._config.get_str("FreeVendIdTag"), None
        if asked:
            status, parent = await self.authorise(tag)
            self._note_decision(connector, "remote start", status)
            if status != ACCEPTED:
                log.info("authorise", "remote start for %s: %s" % (log.mask(tag), status))
            return status == ACCEPTED, tag, parent
        known = self._id_tags.local(tag)
        return True, tag, known[1] if known is not None else None


def _forgotten() -> None:
    """A card that was to end another's use was dropped by a full queue."""


def _answered(connector: Connector) -> None:
    """Count one card less whose answer the connector waits for."""
    connector.asked -= 1


def same(tag: str, other: str) -> bool:
    """idTags are compared without case (OCPP-50)."""
    return tag.lower() == other.lower()
