"""The sessions: open ones, which are on flash before energy flows (OCPP-37), and ended ones, in `history`.

An open session is a file `open<connector>`, written at its start, and an ABRecord with the changing values, written every
90 Wh or 5 minutes. Its end is one history record, after which the file is deleted: after a power cut at any write it is
either open or ended, as recover() finds out.
"""

import struct

from micropython import const

from charger import clock, log
from charger.metering.charging_session import Session, from_record
from charger.metering.history import History
from charger.store.ab_record import ABRecord
from charger.store.files import Files

_DUE_WH = const(90)
_DUE_S = const(300)
_PAUSE_DUE_S = const(15)  # pauses are saved at most as often as energy is at 22 kW
_OPEN = "open"


class SessionStore:
    """begin(), checkpoint() and end() write to flash: call them from tasks, never from the control tick."""

    def __init__(self, files: Files, history_bytes: int = 131072, load: bool = True) -> None:
        """Without `load` the caller runs loading(), before anything else."""
        self.history = History(files, history_bytes, False)
        self._files = files
        self._running = {}
        self._registers = {}
        self._undated = False
        for _ in self.loading() if load else ():
            pass

    def loading(self) -> Steps:
        """Find out what is on flash: a generator of slices."""
        yield
        self._ids = ABRecord(self._files, "hot/ids")
        yield
        yield from self.history.loading()
        yield
        recent = []
        for session in self.history.recent():
            recent.append(session)
            yield
        self._open = yield from self._load_open([session.local_id for session in recent])
        self._last_id = self._ids.number()  # from several sources, so that no number is used twice
        self._proven_wh = {}
        for session in recent + list(self._open.values()):
            n = session.connector_id
            self._last_id = max(self._last_id, session.local_id)
            self._proven_wh[n] = max(self._proven_wh.get(n, 0), session.stop_wh)
        clock.on_step(self._stepped)

    def watch(self, connector_id: int, register: Any) -> None:
        """Save this connector's energy register with its sessions; raise it to the value that its sessions prove."""
        self._registers[connector_id] = register
        register.at_least(self._proven_wh.get(connector_id, 0))

    def recover(self) -> list:
        """Return the sessions that were open when the charger stopped, oldest first, with last known Wh and time (OCPP-37).

        They stay open: call end() with "PowerLoss".
        """
        for session in self._open.values():
            register = self._registers.get(session.connector_id)
            if session.recovered and register is not None:
                # energy counted after the last checkpoint: none flows outside a session
                session.stop_wh = max(session.stop_wh, register.total_wh)
        return sorted([s for s in self._open.values() if s.recovered], key=_age)

    def begin(self, connector_id: int, id_tag: str | None, wh: int, parent_id_tag: str | None = None,
              reservation_id: int | None = None) -> Session:
        """Open a session; it is on flash when this returns, so that energy may flow. OSError when the flash fails."""
        left = self._open.get(connector_id)
        if left is not None:
            self.end(left, left.stop_wh, left.stop_reason or "PowerLoss", left.stop_id_tag)
        register = self._registers.get(connector_id)
        if register is not None:
            register.persist()
        local_id = self._last_id + 1
        self._ids.write(struct.pack("<I", local_id))
        self._last_id = local_id
        session = Session(local_id, connector_id, id_tag, wh, parent_id_tag, reservation_id)
        if register is not None:
            session.export_from_wh = register.export_wh
        self._undated = self._undated or session.start_utc is None
        self.save(session)
        self._open[connector_id] = session
        return session

    def save(self, session: Session) -> None:
        """Write the fixed values again, after the transaction id became known."""
        self._files.write(_OPEN + str(session.connector_id), session.to_record(True))

    def checkpoint(self, session: Session, wh: int, power_w: int | None = None, now: bool = False) -> None:
        """Update an open session, about once a second. Writes to flash when due, or at once with now=True.

        wh is the register; power_w the present power (W, negative for export), for charging time and highest power.
        """
        if power_w is not None:
            session.sample(power_w, clock.ticks_diff(clock.ticks_ms(), session.sampled_ms))
        session.sampled_ms = clock.ticks_ms()
        self._touch(session, wh)
        uptime_s = clock.uptime_s()
        due_s = _PAUSE_DUE_S if session.pause_unsaved else _DUE_S
        if not now and session.stop_wh - session.saved_wh < _DUE_WH and uptime_s - session.saved_s < due_s:
            return
        session.saved_s = uptime_s
        session.saved_wh = session.stop_wh
        self._undated = self._undated or session.stop_utc is None
        register = self._registers.get(session.connector_id)
        if register is not None:
            register.persist()
        try:
            self._ab_record(session.connector_id).write(session.running_record())
            session.pause_unsaved = False
        except OSError as error:
            log.error("sessions", "checkpoint of %d not written: %s" % (session.local_id, log.reason(error)))

    def note_stop(self, session: Session, wh: int) -> None:
        """Note that a stop was decided, before the contactor is open: after a power cut the charging must not go on."""
        session.stopping = True
        self.checkpoint(session, wh, now=True)

    def end(self, session: Session, wh: int, reason: str, id_tag: str | None = None) -> bool:
        """Close a session with the register's value and an OCPP reason; True when it is in the history on flash.

        A recovered session keeps its last known Wh and time. When the flash fails, the session stays open on flash, and
        the next begin() or restart retries.
        """
        if session.stop_reason is None:
            if not session.recovered:
                self._touch(session, wh)
            session.stop_reason = reason
            session.stop_id_tag = id_tag
            self._undated = self._undated or session.stop_utc is None
        register = self._registers.get(session.connector_id)
        if register is not None:
            register.persist()
        try:
            self.history.add(session)
        except OSError as error:
            log.error("sessions", "end of %d not written: %s" % (session.local_id, log.reason(error)))
            return False
        self._open.pop(session.connector_id, None)
        try:
            self._files.delete(_OPEN + str(session.connector_id))
        except OSError as error:
            log.error("sessions", log.reason(error))  # the next start finds the session in the history and deletes the file
        return True

    def _touch(self, session: Session, wh: int) -> None:
        session.touch(wh)
        register = self._registers.get(session.connector_id)
        if register is not None:
            session.export_wh = register.export_wh - session.export_from_wh

    def _ab_record(self, connector_id: int) -> ABRecord:
        record = self._running.get(connector_id)
        if record is None:
            record = self._running[connector_id] = ABRecord(self._files, "hot/open%d" % connector_id)
        return record

    def _load_open(self, ended: list) -> Steps:
        found = {}
        for name in self._files.names():
            if not name.startswith(_OPEN) or not name[len(_OPEN) :].isdigit():
                continue
            yield
            record = self._files.read(name)
            session = from_record(record) if record is not None else None
            if session is None or session.local_id in ended:
                self._files.delete(name)
                continue
            session.recovered = True
            session.restore(self._ab_record(session.connector_id).read())
            found[session.connector_id] = session
        return found

    def _stepped(self, old: int | None, _new: int, _source: str) -> None:
        """Date this start-up's sessions when the time becomes known, and again when that was wrong and no start was told yet."""
        zero = clock.utc_at_uptime(0)
        if zero is None:
            return
        try:
            if old is None and self._undated:
                self._undated = False
                self.history.anchor(clock.boot_id, zero)
            for session in self._open.values():
                if not session.dated and session.transaction_id is None and session.boot_id == clock.boot_id:
                    session.start_utc = zero + session.start_uptime_ms // 1000
                    self.save(session)
        except OSError as error:
            log.error("sessions", "time not noted: " + log.reason(error))


def _age(session: Session) -> int:
    return session.local_id
