"""One connector as its user and the back end see it: availability, who may charge, the session, the status.

It sits on top of an outlet and only ever gives it one permission. poll() runs about ten times a second in the asyncio
loop; nothing here is in the control tick, which may run between any two byte codes of this module. What poll() judges
comes from one OutletView, taken at its start and again after anything that writes to flash.
"""

from micropython import const

from charger import clock, log
from charger.outlet import connector_status as st
from charger.outlet import pause_reasons
from charger.outlet.outlet_readout import OutletView
from charger.outlet.pending_start import Pending

# After the contactor opened, wait so long at most for the meter's last reading.
_LAST_READING_MS = const(1500)
_RULING_MS = const(5000)  # between two lines of log about who decides the current
_UNLOCK_MS = const(3000)
_LOOK_MS = const(50)
_FREE_LOOKS = const(8)  # in a row: longer than a bolt takes to come back into the wrong position
_MOST_STEPS = const(8)  # statuses in a row from one look; the table needs three
_OF_THE_CAR = "EVCommunicationError"  # a warning, and only beside these (OCPP-83)
_WITH_A_CAR = (st.PREPARING, st.SUSPENDED_EV, st.SUSPENDED_EVSE, st.FINISHING)


class Connector(st.ConnectorStatus):
    """Owned by app.py. `listeners` have status_changed(connector), session_started(session), session_ended(session)."""

    def __init__(self, outlet: Outlet, meter: Meter, sessions: Any, settings: Configuration):
        """`settings.connection_timeout_s` is ConnectionTimeOut; `sessions` keeps the records on flash."""
        self.id = outlet.id
        self.outlet = outlet
        self.view = OutletView()
        self.meter = meter
        self.sessions = sessions
        self.settings = settings
        self.session = None
        self.start: Pending | None = None  # the authorisation that the running session began with
        self.pending = None
        self.promised = False  # a remote start was accepted and has not reached the connector yet
        self.asked = 0  # cards that were shown to start and are not decided yet
        self.closing = False  # a restart follows: nothing starts any more
        self.operative = True
        self.reserved = False
        self.override = False  # the owner wants this session's energy now: no charging hours, no DSR event (UK-25)
        self.suspended = ""  # why the back end's rules hold the energy of a running session (OCPP-54), '' when not
        self.status = st.AVAILABLE  # what was told last; only _move() changes it
        self.error_code = "NoError"
        self.info = ""
        self.held_for = None  # (idTag, parent or None) whose cable stays locked after its session (OCPP-54)
        self.listeners = []
        self._plugged = False
        self._finishing = False  # the plugged cable's use has ended, or no authorisation came in time
        self.ev_left = False  # the session has ended because the car's end was pulled
        self._shown = False  # the running session has had a status of its own
        self._showing = False
        self._unattended_ms = None  # since when a cable is plugged without an authorisation
        self._offered_ms = None  # since when the car has an offer that it has not taken up
        self._pwm_on = False
        self._ending: tuple | None = None
        self._open_ms = None
        self._pause_ms = clock.ticks_ms()
        self._ruling = ""
        self._ruling_ms = None
        self._late_ticks = 0
        self._hot_openings = 0
        self.waiting = ""  # why a start that was not requested just now waits, in words

    # --- what users and back ends ask for ---

    def authorised(self, id_tag: str | None, parent_id_tag: str | None = None, reservation_id: int | None = None,
                   remote: bool = False, profile: Any | None = None) -> bool:
        """Authorise a session here. Starts at once when a car is there, else waits ConnectionTimeOut for the plug.

        It takes the place of another authorisation that waits, and waits for a session that is just ending.
        """
        if not self.accepts_start():
            return False
        self.pending = Pending(id_tag, parent_id_tag, reservation_id, remote, profile)
        self.poll()
        return True

    def accepts_start(self) -> bool:
        """True when a new session could start here now, or as soon as the one that is ending has ended."""
        fault = self.outlet.fault
        if self.session is not None and self._ending is None:
            return False
        return self.operative and not self.closing and (fault is None or not fault.FAULTED)

    def startable(self) -> bool:
        """True when a new session could start here."""
        return self.session is None and self.accepts_start()

    def stop(self, reason: str, id_tag: str | None = None) -> bool:
        """End the running session with an OCPP stop reason; False when none runs. The energy stops first (CP-25)."""
        if self.session is None or self._ending is not None:
            return False
        self._ending = (reason, id_tag)
        self.outlet.withdraw()
        self._open_ms = None
        if reason != "EVDisconnected":  # the car is gone: nothing would go on after a power cut
            self.sessions.note_stop(self.session, self.meter.total_wh)
        self.poll()
        return True

    def close(self, reason: str) -> None:
        """End the use and start nothing more: a restart follows."""
        self.closing = True
        self.stop(reason)

    @property
    def stopping(self) -> bool:
        """True while a session is being ended."""
        return self._ending is not None

    @property
    def stop_tag(self) -> str | None:
        """The idTag that ends the session, None where none does."""
        return None if self._ending is None else self._ending[1]

    def cancel_pending(self) -> None:
        """Forget an authorisation that waits for the plug."""
        self.pending = None
        self.poll()

    def set_operative(self, operative: bool) -> bool:
        """Take the connector out of service or back; False (scheduled) while a session runs (OCPP-69)."""
        if self.session is not None and not operative:
            return False
        if self.operative != operative:
            self._use_over(not operative)
        self.operative = operative
        if not operative:
            self.pending = None
        self.outlet.available = operative
        self.poll()
        return True

    def suspend(self, why: str) -> None:
        """Hold the energy of the running session ('' to let it flow again) without ending it."""
        self.suspended = why
        self._permit()

    def hold_cable(self) -> None:
        """Keep the plug locked after the running session, until its tag comes back. Nothing without a lock.

        After a refusal (OCPP-54), and where the car's end was pulled and UnlockConnectorOnEVSideDisconnect is false.
        """
        if self.outlet.lock is not None and self.session is not None:
            self.held_for = (self.session.id_tag, self.session.parent_id_tag)
            self.outlet.hold_lock = True

    def release_cable(self) -> None:
        """Release the held cable. The car's departure after the session and the start of another session release it as well."""
        if self.outlet.lock is not None:
            self.outlet.hold_lock = False
        self.held_for = None

    async def unlock(self) -> bool:
        """Let the plug go; True when the lock confirms it. False with no lock, or over a closed contactor (CP-31)."""
        lock = self.outlet.lock
        if lock is None:
            return False
        self.release_cable()
        self.cancel_pending()
        self.outlet.unlock_again()
        start = clock.ticks_ms()
        free = 0
        while free < _FREE_LOOKS and clock.elapsed_ms(start) < _UNLOCK_MS:
            await clock.sleep_ms(_LOOK_MS)
            free = 0 if lock.commanded or lock.locked() else free + 1
        return free == _FREE_LOOKS

    # --- what happens by itself ---

    def poll(self) -> None:
        """Bring session and status up to date."""
        view = self.view
        view.take(self.outlet)
        self._step_limits()
        plugged = view.plugged
        if plugged != self._plugged:
            self._plug_changed(plugged)
        if self.session is not None and not plugged and self._ending is None:
            self.stop("EVDisconnected")
            return
        if self._ending is not None:
            self._finish()
        if view.pwm_on != self._pwm_on:
            self._pwm_on = view.pwm_on
            self._offered_ms = clock.ticks_ms() if self._pwm_on else None
        if self.pending is not None:
            self._try_pending(plugged)
        if view.late_ticks != self._late_ticks:
            self._late_ticks = view.late_ticks
            log.warn("connector %d" % self.id, "contactor opened: the control loop was held up")
        if view.hot_openings != self._hot_openings:
            self._note_openings()
        self._show()
        self._note_pause()

    def _step_limits(self) -> None:
        """End stale limits; say in the log who rules now, when that has changed, and not too often."""
        for source in self.outlet.limits.expire():
            log.warn("connector %d" % self.id, "the limit of %s is out of date" % source)
        ruling = self.outlet.limit_source() if self.view.plugged else self._ruling
        if ruling == self._ruling or (self._ruling_ms is not None and clock.elapsed_ms(self._ruling_ms) < _RULING_MS):
            return
        self._ruling = ruling
        self._ruling_ms = clock.ticks_ms()
        log.info("connector %d" % self.id, "current decided by " + self.outlet.limit_words())

    def _note_openings(self) -> None:
        times = self.view.hot_openings - self._hot_openings
        self._hot_openings = self.view.hot_openings
        log.warn("connector %d" % self.id, "contactor opened under load: " + self.view.hot_cause)
        if self.session is not None:
            self.session.opened_under_load(times, self.view.hot_cause)

    def _note_pause(self) -> None:
        """Why no energy flows goes into the session's record, where it survives a power cut."""
        elapsed_ms = clock.elapsed_ms(self._pause_ms)
        self._pause_ms = clock.ticks_ms()
        if self.session is not None and self._ending is None:
            self.session.pause(pause_reasons.cause(self), self.error_code, elapsed_ms)

    def _plug_changed(self, plugged: bool) -> None:
        self._plugged = plugged
        self._use_over(False)
        if not plugged:
            if self.session is not None and self._ending is None and not self.settings.unlock_on_disconnect:
                self.hold_cable()
            else:
                self.release_cable()
        log.info("connector %d" % self.id, "vehicle connected" if plugged else "vehicle gone")

    def _try_pending(self, plugged: bool) -> None:
        pending = self.pending
        if not self.accepts_start():
            self.pending = None
        elif self.session is not None:
            return
        elif plugged:
            self._show()  # Preparing: the identity is there and no transaction yet
            if self.pending is pending and self.accepts_start():
                self.pending = None
                self._begin(pending)
        elif clock.elapsed_ms(pending.since_ms) >= self.settings.connection_timeout_s * 1000:
            log.info("connector %d" % self.id, "no vehicle within the connection time-out")
            self.pending = None

    def _begin(self, pending: Any) -> None:
        """The record is on flash before energy flows (OCPP-37)."""
        self.session = self.sessions.begin(
            self.id, pending.id_tag, self.meter.total_wh, pending.parent_id_tag, pending.reservation_id
        )
        self.start = pending
        self.suspended = ""
        self._use_over(False)
        self._shown = False
        self.held_for = None
        if self.outlet.lock is not None:  # in one step: a tick in between would open the lock for a moment
            self.outlet.hold_lock = not self.settings.unlock_on_disconnect
        self._offered_ms = clock.ticks_ms()
        log.info("connector %d" % self.id, "session %d starts, %s" % (self.session.local_id, log.mask(pending.id_tag)))
        self._tell("session_started", self.session)
        self._permit()
        self.view.take(self.outlet)

    def _permit(self) -> None:
        self.outlet.permit = self.session is not None and self._ending is None and not self.suspended

    def _finish(self) -> None:
        """Close the record once the contactor is open and the meter has been read after that."""
        if self.view.commanded:
            return
        now = clock.ticks_ms()
        if self._open_ms is None:
            self._open_ms = now
        read = clock.ticks_diff(self.meter.reading.stamp_ms, self._open_ms) > 0
        if not read and clock.ticks_diff(now, self._open_ms) < _LAST_READING_MS:
            return
        reason, id_tag = self._ending or ("Other", None)
        session, self.session, self._ending = self.session, None, None
        self.start = None
        self.sessions.end(session, self.meter.total_wh, reason, id_tag)
        self.view.take(self.outlet)
        if self.held_for is None:
            self.release_cable()
        self._use_over(True)
        self.ev_left = reason == "EVDisconnected"
        self.suspended = ""
        log.info("connector %d" % self.id, "session %d ends: %s, %d Wh" % (
            session.local_id, reason, session.stop_wh - session.start_wh))
        self._tell("session_ended", session)

    def _use_over(self, over: bool) -> None:
        """A use has ended, or the cable is new: it has no authorisation from now on."""
        self._finishing = over
        self.ev_left = False
        self._unattended_ms = None

    def _show(self) -> None:
        """The one place that decides the status: step by step from the causes as they are at each step."""
        if self._showing:  # a listener has changed something: the loop below looks again
            return
        self._showing = True
        try:
            for _ in range(_MOST_STEPS):
                if not self._step_status():
                    break
        finally:
            self._showing = False

    def _step_status(self) -> bool:
        """One status on the way to what is true now; False when there is nothing to tell."""
        self.view.take(self.outlet)
        fault = self.view.fault
        wanted = self._status_now()
        status = st.step(self.status, wanted)
        if self._unplugged_end(wanted):
            status = st.FINISHING
        code, info = "NoError", pause_reasons.info(self, status)
        if fault is not None and status == wanted and (fault.CODE != _OF_THE_CAR or status in _WITH_A_CAR):
            code, info = fault.CODE, fault.INFO
        if self.session is None and not self._occupied:
            self.ev_left = False
        if status == self.status and code == self.error_code and (code == "NoError" or info == self.info):
            self.info = info  # no message of its own: it goes with the next one (OCPP-82)
            return False
        self._move(status, code, info)
        return True

    def _move(self, status: str, code: str, info: str) -> None:
        self.status = status
        self.error_code = code
        self.info = info
        log.info("connector %d" % self.id, status + ("" if code == "NoError" else " (" + code + ")") + (info and ": " + info))
        self._tell("status_changed", self)

    def why_no_energy(self) -> str:
        """Why no energy flows, in words a person understands; '' while it flows or none is requested."""
        if self.session is None:
            return self.outlet.info or self.waiting
        return self.suspended or self.outlet.why_paused()

    def _tell(self, what: str, about: Any) -> None:
        for listener in self.listeners:
            getattr(listener, what)(about)
