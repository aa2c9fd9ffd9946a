"""One charging session as plain data, and its form on flash."""

import struct

from micropython import const

from charger import clock

CHARGING_W = const(50)  # below this power a car does not charge, but only supplies its electronics
NO_SEQ = const(0xFFFFFFFF)

_VERSION = const(2)
_OLD_VERSION = const(1)  # the format without pauses
_HAS_TRANSACTION, _HAS_RESERVATION, _ANONYMOUS = const(1), const(2), const(4)
_OPENED = const(8)  # the last two bytes, after the idTags, are the openings under load and the cause of the last one
_OPENED_LEN = const(2)
_NO_TAGS = b"\xff\xff"
_FORMAT = "<BBBBIIIIIIIIIIIIqiI"
RECORD_LEN = const(68)  # followed by the pauses and, optionally, the idTags
_RUNNING_FORMAT = "<IIIIIIII"
_RUNNING_LEN = const(32)
# Lists of words, each in one text: tuples would take a kilobyte of the heap. A word's position is stored on flash, so
# only append. Position 0 stands for no word.
_REASONS = (
    " EmergencyStop EVDisconnected HardReset Local Other PowerLoss Reboot Remote SoftReset UnlockCommand DeAuthorized"
)  # OCPP 1.6 Reason
_PAUSES_FORMAT = "<BBBBBI"  # pauses by car, charger, guard; the last one's cause and error code; paused seconds
_PAUSES_LEN = const(9)
_PAUSED = const(0x80)  # flag in the cause: the pause had not ended
_STOPPING = const(0x40)  # flag in the cause, of a checkpoint: a stop was decided. Earlier firmware reads another cause
_MANY = const(255)  # pauses of one kind: this many or more
# Causes of a pause: the car, the source of a limit, other states of the charger, and guards by class name.
CAUSES = (
    " other car hardware installer cable csms supply hours temperature user simplified backend service phases lock"
    " ResidualCurrent ResidualSelfTest Weld CloseFailure PilotShort PilotVoltage Diode Ventilation"
    " OverCurrent Temperature MeterLost UnderVoltage OverVoltage Proximity LockFailure Tamper"
    " Rails FaultInput ReaderLost BoardFault connection flash UnlockFailure"
    " mains late stop PhaseWeld PhaseCloseFailure RepeatedOpenings plan delay pause house grid PilotGenerator solar"
)
ERROR_CODES = (
    "NoError ConnectorLockFailure EVCommunicationError GroundFailure HighTemperature InternalError"
    " LocalListConflict OtherError OverCurrentFailure OverVoltage PowerMeterFailure PowerSwitchFailure"
    " ReaderFailure ResetFailure UnderVoltage WeakSignal"
)  # OCPP 1.6 ChargePointErrorCode
BY_CAR, BY_CHARGER, BY_GUARD = const(0), const(1), const(2)


class Session:
    """One use of a connector, from authorisation to its end. Energy in Wh of the connector's register, power in W.

    start_utc and stop_utc are seconds since 1970, or None if the time was unknown: then boot_id and uptime date them.
    Until the session has ended (stop_reason is None), stop_wh, stop_utc and so on are those of the last checkpoint.
    transaction_id is None until the back end has assigned one.
    """

    def __init__(self, local_id: int, connector_id: int, id_tag: str | None, start_wh: int,
                 parent_id_tag: str | None = None, reservation_id: int | None = None) -> None:
        self.local_id = local_id
        self.connector_id = connector_id
        self.id_tag = id_tag
        self.parent_id_tag = parent_id_tag
        self.reservation_id = reservation_id
        self.transaction_id: int | None = None
        self.anonymous = False  # its idTag was erased while it ran and must not be stored at the end (SEC-15)
        self.recovered = False  # was open when the power failed
        self.boot_id = self.stop_boot_id = clock.boot_id
        self.start_uptime_ms = self.stop_uptime_ms = clock.uptime_ms()
        self.start_utc = self.stop_utc = clock.utc_s()
        self.dated = self.start_utc is not None  # from the start on, not only since the time became known
        self.start_wh = self.stop_wh = start_wh
        self.export_wh = 0
        self.export_from_wh = 0  # the register's export at the start
        self.charging_s = 0
        self.max_w = 0
        self.pauses = [0, 0, 0]  # by car, charger and guard; 255 means 255 or more
        self.paused_s = 0
        self.last_pause: str | None = None  # one of CAUSES
        self.last_error = "NoError"  # the OCPP error code of that pause
        self.paused = False  # the pause is in progress, or the session ended in it
        self.pause_unsaved = False
        self.openings = 0  # of the contactor under load, 255 stands for more
        self.opened_by: str | None = None  # cause of the last one, one of CAUSES
        self.stopping = False  # a stop was decided, and has not been carried out yet
        self.stop_reason: str | None = None
        self.stop_id_tag: str | None = None
        self.tag_seq = NO_SEQ  # number of the idTags' record, once ended
        self.sampled_ms = clock.ticks_ms()
        self.saved_wh = start_wh
        self.saved_s = clock.uptime_s()
        self._charging_ms = 0
        self._paused_ms = 0

    @property
    def import_wh(self) -> int:
        """Energy imported so far, or in total once the session has ended."""
        return self.stop_wh - self.start_wh

    @property
    def mean_w(self) -> int:
        """Mean power while charging, 0 when it never charged."""
        return self.import_wh * 3600 // self.charging_s if self.charging_s else 0

    @property
    def duration_s(self) -> int | None:
        """Return the time from start to end; None when it is unknown because of a power cut."""
        if self.boot_id == self.stop_boot_id:
            return (self.stop_uptime_ms - self.start_uptime_ms) // 1000
        if self.start_utc is None or self.stop_utc is None:
            return None
        return self.stop_utc - self.start_utc

    def sample(self, power_w: int, elapsed_ms: int) -> None:
        """Count an interval at a power (W, negative when exporting). Allocates nothing."""
        if power_w < 0:
            power_w = -power_w
        if power_w > self.max_w:
            self.max_w = power_w
        if power_w >= CHARGING_W:
            ms = self._charging_ms + elapsed_ms
            self.charging_s += ms // 1000
            self._charging_ms = ms % 1000

    def pause(self, cause: str | None, error_code: str, elapsed_ms: int) -> None:
        """Note why no energy flows now (one of CAUSES; None while it flows) and the time since the last call."""
        if self.paused:
            ms = self._paused_ms + elapsed_ms
            self.paused_s += ms // 1000
            self._paused_ms = ms % 1000
        if cause is None:
            self.pause_unsaved = self.pause_unsaved or self.paused
            self.paused = False
            return
        if self.paused and (cause == "other" or (cause == self.last_pause and error_code == self.last_error)):
            return  # the wait after a cause has ended belongs to it
        if word_position(CAUSES, cause) < 0:
            if self.paused:
                return
            cause = "other"
        kind = _kind(cause)
        self.pauses[kind] = min(self.pauses[kind] + 1, _MANY)
        self.last_pause = cause
        self.last_error = error_code
        self.paused = self.pause_unsaved = True

    def opened_under_load(self, times: int, cause: str) -> None:
        """The contactor was opened under load, for one of CAUSES."""
        self.openings = min(self.openings + times, _MANY)
        self.opened_by = cause
        self.pause_unsaved = True

    def touch(self, wh: int) -> None:
        """Note the register's value and the time."""
        self.stop_wh = max(wh, self.stop_wh)
        self.stop_boot_id = clock.boot_id
        self.stop_uptime_ms = clock.uptime_ms()
        self.stop_utc = self.utc_now()

    def utc_now(self) -> int | None:
        """Return UTC seconds now, at least the start plus the time since: a clock that is set back ends nothing before it."""
        now = clock.utc_s()
        if self.start_utc is None or self.boot_id != clock.boot_id:
            return now
        return max(now or 0, self.start_utc + (clock.uptime_ms() - self.start_uptime_ms) // 1000)

    def to_record(self, identities: bool = False) -> bytes:
        """Encode the session in 77 bytes; with identities its idTags follow, and last the openings under load, if any."""
        flags = 0 if self.transaction_id is None else _HAS_TRANSACTION
        flags |= 0 if self.reservation_id is None else _HAS_RESERVATION
        flags |= _ANONYMOUS if self.anonymous else 0
        flags |= _OPENED if self.openings else 0
        record = struct.pack(
            _FORMAT, _VERSION, flags, self.connector_id, word_position(_REASONS, self.stop_reason, "Other"), self.local_id,
            self.boot_id, self.start_uptime_ms // 1000, self.start_utc or 0,
            self.stop_boot_id, self.stop_uptime_ms // 1000, self.stop_utc or 0,
            self.start_wh, self.stop_wh, self.export_wh, self.charging_s, self.max_w,
            self.transaction_id or 0, self.reservation_id or 0, self.tag_seq,
        ) + self._pauses_record()
        if identities:
            record += pack_tags(self)
        elif self.openings:
            record += _NO_TAGS  # as firmware reads it that knows of no openings
        return record + self._openings_record()

    def running_record(self) -> bytes:
        """Encode the changing values of a running session: 41 bytes, with openings under load 43."""
        return struct.pack(
            _RUNNING_FORMAT, self.local_id, self.stop_wh, self.export_wh, self.charging_s, self.max_w,
            self.stop_boot_id, self.stop_uptime_ms // 1000, self.stop_utc or 0,
        ) + self._pauses_record(_STOPPING if self.stopping else 0) + self._openings_record()

    def _openings_record(self) -> bytes:
        return bytes((self.openings, word_position(CAUSES, self.opened_by, "other"))) if self.openings else b""

    def restore_openings(self, record: bytes) -> None:
        """Take over the openings that end a record."""
        self.openings = record[-2]
        self.opened_by = word_at(CAUSES, record[-1], "other")

    def _pauses_record(self, flags: int = 0) -> bytes:
        cause = word_position(CAUSES, self.last_pause, "other") | (_PAUSED if self.paused else 0) | flags
        error = word_position(ERROR_CODES, self.last_error, "OtherError")
        return struct.pack(_PAUSES_FORMAT, *self.pauses, cause, error, self.paused_s)

    def restore_pauses(self, record: bytes, at: int) -> None:
        """Restore the pauses from a record, at offset `at`."""
        *pauses, cause, error, self.paused_s = struct.unpack_from(_PAUSES_FORMAT, record, at)
        self.pauses = list(pauses)
        self.paused = bool(cause & _PAUSED)
        self.stopping = bool(cause & _STOPPING)
        cause &= ~(_PAUSED | _STOPPING)
        self.last_pause = word_at(CAUSES, cause, "other")
        self.last_error = word_at(ERROR_CODES, error, "OtherError") or "NoError"

    def restore(self, running: bytes | None) -> None:
        """Restore the last checkpoint written by running_record(); one of another session is ignored."""
        most = _RUNNING_LEN + _PAUSES_LEN
        if running is None or len(running) not in (_RUNNING_LEN, most, most + _OPENED_LEN):
            return
        fields = struct.unpack_from(_RUNNING_FORMAT, running)
        if fields[0] != self.local_id:
            return
        _, self.stop_wh, self.export_wh, self.charging_s, self.max_w, self.stop_boot_id, uptime_s, utc = fields
        self.stop_uptime_ms = uptime_s * 1000
        self.stop_utc = utc or None
        if len(running) > _RUNNING_LEN:  # a checkpoint of older firmware has no pauses
            self.restore_pauses(running, _RUNNING_LEN)
        if len(running) > most:
            self.restore_openings(running)


def fields(record: bytes) -> tuple | None:
    """Decode the fields of to_record() (see the named indices below), for sums; None for an unknown format."""
    if len(record) < RECORD_LEN or record[0] not in (_OLD_VERSION, _VERSION):
        return None
    if record[0] == _VERSION and len(record) < RECORD_LEN + _PAUSES_LEN:
        return None
    return struct.unpack_from(_FORMAT, record)


CONNECTOR_ID, LOCAL_ID, STOP_BOOT_ID, STOP_UPTIME_S, STOP_UTC = const(2), const(4), const(8), const(9), const(10)
START_WH, STOP_WH, EXPORT_WH, CHARGING_S, TAG_SEQ = const(11), const(12), const(13), const(14), const(18)


def from_record(record: bytes) -> Session | None:
    """Decode a session from to_record(); None for an unknown format."""
    values = fields(record)
    if values is None:
        return None
    (version, flags, connector_id, reason, local_id, boot_id, start_s, start_utc, stop_boot_id, stop_s, stop_utc, start_wh,
     stop_wh, export_wh, charging_s, max_w, transaction_id, reservation_id, tag_seq) = values
    session = Session(local_id, connector_id, None, start_wh)
    session.boot_id = boot_id
    session.start_uptime_ms = start_s * 1000
    session.start_utc = start_utc or None
    session.stop_boot_id = stop_boot_id
    session.stop_uptime_ms = stop_s * 1000
    session.stop_utc = stop_utc or None
    session.stop_wh = stop_wh
    session.export_wh = export_wh
    session.charging_s = charging_s
    session.max_w = max_w
    session.stop_reason = word_at(_REASONS, reason, "Other")
    session.transaction_id = transaction_id if flags & _HAS_TRANSACTION else None
    session.reservation_id = reservation_id if flags & _HAS_RESERVATION else None
    session.anonymous = bool(flags & _ANONYMOUS)
    session.tag_seq = tag_seq
    tags_at = RECORD_LEN
    if version != _OLD_VERSION:
        session.restore_pauses(record, RECORD_LEN)
        tags_at += _PAUSES_LEN
    if flags & _OPENED:
        session.restore_openings(record)
    if len(record) > tags_at:
        session.id_tag, session.parent_id_tag = unpack_tags(record[tags_at:])
    return session


def pack_tags(session: Session) -> bytes:
    """Encode the idTags of a session: each with its length first, 255 for none."""
    packed = b""
    for tag in (session.id_tag, session.parent_id_tag):
        text = tag.encode()[:80] if tag is not None else b""
        packed += bytes([255 if tag is None else len(text)]) + text
    return packed


def unpack_tags(packed: bytes) -> tuple:
    """Decode pack_tags() to (idTag, parent idTag), each a str or None; None for both when they are unreadable."""
    tags = []
    at = 0
    try:
        for _ in range(2):
            length = packed[at]
            at += 1
            if length == 255:
                tags.append(None)
                continue
            tags.append(packed[at : at + length].decode())
            at += length
    except (IndexError, ValueError):
        return None, None
    return tuple(tags)


def _kind(cause: str) -> int:
    """Return the kind of a cause; guards are class names, which begin with a capital letter."""
    if cause[0].isupper():
        return BY_GUARD
    return BY_CAR if cause == "car" else BY_CHARGER


def word_position(words: str, word: str | None, other: str | None = None) -> int:
    """Return a word's position in one of the lists above (None is position 0), else that of `other`, or -1."""
    found = words.split(" ")
    if (word or "") in found:
        return found.index(word or "")
    return -1 if other is None else found.index(other)


def word_at(words: str, number: int, other: str) -> str | None:
    """Return the word at a position, None for position 0; `other` for a position of later firmware."""
    found = words.split(" ")
    return found[number] or None if number < len(found) else other
