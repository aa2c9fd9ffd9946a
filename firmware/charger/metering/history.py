"""The ended sessions of the last 400 days, with three views: sessions, months, twelve months (UK-18).

Sessions are in one journal, their idTags in another, so that idTags can be erased while the energy stays (SEC-15).
Before the oldest sessions are dropped, their sums are added to a small file of months. A session counts in the month of
its end. One that ended while the time was unknown is dated by its boot id and uptime once the time of that start-up is
known (an anchor); otherwise it gets the date of the previous session and is marked as estimated.
"""

from micropython import const

from charger import clock, log
from charger.errors import JournalFullError
from charger.metering import charging_session as ses
from charger.store.files import Files
from charger.store.journal import Journal

KEPT_DAYS = const(400)
MONTHS = const(12)
_HISTORY = "sessions"
_TAGS = "tags"
_MONTHS_FILE = "months.json"
_ANCHORS_FILE = "anchors.json"
_ANCHORS_KEPT = const(32)
_MONTHS_KEPT = const(14)
_RECENT = const(16)  # records read for recent() after a restart
_BREATH = const(16)  # records between two yields to other tasks
_FEW = const(2)  # the same, of records that are unpacked
_DAY_S = const(86400)


def _same(utc: int) -> int:
    return utc


class History:
    """Owned by SessionStore. `local` converts UTC seconds to local seconds; by default months are UTC months."""

    def __init__(self, files: Files, max_bytes: int = 131072, load: bool = True) -> None:
        """Without `load` the caller runs loading(), before anything else."""
        self.local = _same
        self._files = files
        self._journal = Journal(files, _HISTORY, max_bytes, load=False)
        self._tags = Journal(files, _TAGS, max(8192, max_bytes * 3 // 4), ring=True, load=False)
        for _ in self.loading() if load else ():
            pass

    def loading(self) -> Steps:
        """Read what is on flash: a generator of slices."""
        self._anchors = dict(self._files.read_json(_ANCHORS_FILE) or [])
        yield
        yield from self._journal.loading()
        yield
        yield from self._tags.loading()

    def __len__(self) -> int:
        return self._journal.next_seq - self._journal.first_seq

    # --- writing ---

    def add(self, session: ses.Session) -> None:
        """Add an ended session; it is on flash when this returns. Raises OSError when the flash refuses."""
        if session.id_tag is not None and not session.anonymous:
            session.tag_seq = self._tags.append(ses.pack_tags(session))
        record = session.to_record()
        while True:
            try:
                self._journal.append(record)
                break
            except JournalFullError:
                self._drop_oldest()
        self._expire(session.stop_utc)

    def anchor(self, boot_id: int, utc_zero: int) -> None:
        """Record the UTC second at which a start-up began, for sessions that ended before the time was known."""
        if boot_id in self._anchors:
            return
        self._anchors[boot_id] = utc_zero
        anchors = sorted(self._anchors.items())[-_ANCHORS_KEPT:]
        self._anchors = dict(anchors)
        self._files.write_json(_ANCHORS_FILE, anchors)

    def erase(self) -> None:
        """Erase all sessions and sums."""
        self._tags.clear()
        self._files.delete(_MONTHS_FILE)  # first: otherwise a cut could leave sums that later sessions are added to
        self._journal.clear()
        self._files.delete(_ANCHORS_FILE)
        self._anchors = {}

    # --- after a restart ---

    def recent(self) -> Iterator:
        """Iterate the last sessions, oldest first, without their idTags."""
        for _, record in self._journal.records(self._journal.next_seq - _RECENT):
            session = ses.from_record(record)
            if session is not None:
                yield session

    # --- the views ---

    def page(self, before: int | None = None, limit: int = 20) -> tuple:
        """Return paging()'s result at once."""
        steps = self.paging(before, limit)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value

    def paging(self, before: int | None = None, limit: int = 20) -> Steps:
        """A generator of slices for cooperative.run(); its result is (sessions, before).

        The sessions are dicts, newest first; `before` is for the next page, None at the end. start and end are UTC seconds
        or None; "estimated" marks an end of which only a lower bound is known.
        """
        end = self._journal.next_seq if before is None else min(before, self._journal.next_seq)
        start = max(self._journal.first_seq, end - limit)
        found = []
        last = None
        # some records before the page: they may date those of the page that have no time
        for seq, record in self._journal.records(max(0, start - _RECENT), True):
            if seq >= end:
                break
            if seq < 0 or seq % _FEW == 0:
                yield
            session = ses.from_record(record) if seq >= 0 else None
            if session is None:
                continue
            shown = self._shown(session, last)
            last = shown["end"] or last
            if seq >= start:
                found.append((session.tag_seq, shown))
        yield
        yield from self._add_tags(found)
        found.reverse()
        return [shown for _, shown in found], (start if start > self._journal.first_seq else None)

    async def months(self, now: int | None = None) -> list:
        """Return the sums of this month and the 12 before it, oldest first: dicts with "month" as "2026-01".

        Empty while neither the time nor any dated session is known.
        """
        sums, _, last = await self._sums(None)
        now = now or clock.utc_s() or last
        if now is None:
            return []
        this = _month(self.local(now))
        return [_total("month", _name(m), sums.get(m)) for m in range(this - MONTHS, this + 1)]

    async def year(self, now: int | None = None) -> dict:
        """Return the sum over the last 12 months. "exact" is False when single sessions of that time were dropped.

        Then months that are only known as a sum count completely.
        """
        now = now or clock.utc_s() or self._last_end()
        if now is None:
            return _total("from", None, None)
        since = _year_before(self.local(now))
        _, (whole, exact), _ = await self._sums(since, self.local(now))
        total = _total("from", since - (self.local(now) - now), whole)
        total["exact"] = exact
        return total

    async def _sums(self, since: int | None, until: int = 0) -> tuple:
        """Return ({month: sums}, (sums of sessions that ended in since..until, local seconds; exact), last known end)."""
        while True:
            folded = self._folded()
            months = folded["months"]
            whole, exact = [0, 0, 0, 0], True
            if since is not None:
                for month, sums in months.items():
                    if month >= _month(since):
                        exact = False
                        _add(whole, sums)
            last = folded["utc"]
            count = 0
            for _, record in self._journal.records(folded["upto"]):
                values = ses.fields(record)
                if values is None:
                    continue
                end = self._end(values, last)
                if end is not None:
                    last = end
                    _count(months.setdefault(_month(self.local(end)), [0, 0, 0, 0]), values)
                    if since is not None and since < self.local(end) <= until:
                        _count(whole, values)
                count += 1
                if count % _BREATH == 0:
                    await clock.sleep_ms(0)
            if self._folded()["upto"] == folded["upto"]:
                return months, (whole, exact), last
            # sessions were summed up meanwhile: count again

    def _end(self, values: tuple, last: int | None) -> int | None:
        """Return the best known end of a session."""
        if values[ses.STOP_UTC]:
            return values[ses.STOP_UTC]
        zero = self._anchors.get(values[ses.STOP_BOOT_ID])
        return last if zero is None else zero + values[ses.STOP_UPTIME_S]

    def _shown(self, session: ses.Session, last: int | None) -> dict:
        start = session.start_utc or self._anchored(session.boot_id, session.start_uptime_ms)
        end = session.stop_utc or self._anchored(session.stop_boot_id, session.stop_uptime_ms)
        duration_s = session.duration_s
        if duration_s is None and start is not None and end is not None:
            duration_s = end - start
        return {
            "id": session.local_id,
            "connector": session.connector_id,
            "start": start,
            "end": end or last,
            "estimated": end is None,
            "duration_s": duration_s,
            "charging_s": session.charging_s,
            "import_wh": session.import_wh,
            "export_wh": session.export_wh,
            "max_w": session.max_w,
            "mean_w": session.mean_w,
            "reason": session.stop_reason,
            "pauses": {"car": session.pauses[0], "charger": session.pauses[1], "fault": session.pauses[2]},
            "paused_s": session.paused_s,
            "last_pause": session.last_pause,
            "last_error": session.last_error,
            "ended_paused": session.paused,
            "openings_under_load": session.openings,
            "opened_by": session.opened_by,
            "transaction_id": session.transaction_id,
            "id_tag": None,
        }

    def _anchored(self, boot_id: int, uptime_ms: int) -> int | None:
        zero = self._anchors.get(boot_id)
        return None if zero is None else zero + uptime_ms // 1000

    def _add_tags(self, found: list) -> Iterator:
        wanted = {seq: shown for seq, shown in found if seq >= self._tags.first_seq and seq != ses.NO_SEQ}
        if not wanted:
            return
        for seq, packed in self._tags.records(min(wanted), True):
            if seq < 0 or seq % _FEW == 0:
                yield
            if seq in wanted:
                wanted[seq]["id_tag"] = ses.unpack_tags(packed)[0]
            if seq >= max(wanted):
                return

    def _last_end(self) -> int | None:
        last = None
        for session in self.recent():
            last = session.stop_utc or self._anchored(session.stop_boot_id, session.stop_uptime_ms) or last
        return last

    # --- dropping the oldest ---

    def _folded(self) -> dict:
        """Read the sums of dropped sessions by month, and the record number up to which they are counted."""
        folded = self._files.read_json(_MONTHS_FILE) or {"upto": 0, "months": {}}
        try:
            months = {int(month): [int(sums[n]) for n in range(4)] for month, sums in folded["months"].items()}
        except (ValueError, TypeError, LookupError, OverflowError):
            log.error("history", "the sums of dropped sessions are unusable")
            months = {}
        return {"upto": folded["upto"], "months": months, "utc": folded.get("utc")}

    def _expire(self, now: int | None) -> None:
        """Drop the oldest segment when all of it is older than 400 days (UK-18 requires twelve months)."""
        if now is None:
            return
        while True:
            edge = self._journal.second_segment_seq()
            if edge >= self._journal.next_seq:
                return
            newest = self._end_of(edge - 1)
            if newest is None or now - newest < KEPT_DAYS * _DAY_S:
                return
            self._drop_oldest()

    def _end_of(self, seq: int) -> int | None:
        for found, record in self._journal.records(seq):
            values = ses.fields(record)
            return self._end(values, None) if found == seq and values else None
        return None

    def _drop_oldest(self) -> None:
        """Add the oldest segment's sessions to the months, then drop it. `upto` makes a power cut in between harmless."""
        edge = self._journal.second_segment_seq()
        folded = self._folded()
        months = folded["months"]
        last = folded["utc"]
        first_tag = None
        for seq, record in self._journal.records(folded["upto"]):
            values = ses.fields(record)
            if seq >= edge:
                first_tag = values[ses.TAG_SEQ] if values else None
                break
            if values is None:
                continue
            last = self._end(values, last)
            if last is not None:
                _count(months.setdefault(_month(self.local(last)), [0, 0, 0, 0]), values)
        newest = max(months) if months else 0
        kept = {str(month): sums for month, sums in months.items() if month > newest - _MONTHS_KEPT}
        self._files.write_json(_MONTHS_FILE, {"upto": edge, "months": kept, "utc": last})
        self._journal.trim(edge)
        if first_tag is not None and first_tag != ses.NO_SEQ:
            self._tags.trim(first_tag)
        log.info("history", "sessions before record %d summed up and dropped" % edge)


def _month(seconds: int) -> int:
    """Return the months since year 0 of local seconds."""
    date = clock.civil(seconds)
    return date[0] * 12 + date[1] - 1


def _name(month: int) -> str:
    return "%04d-%02d" % (month // 12, month % 12 + 1)


def _year_before(seconds: int) -> int:
    """Return the same local time one year earlier (28 February for a leap day)."""
    year, month, day, hour, minute, second, _ = clock.civil(seconds)
    return clock.utc_of(year - 1, month, 28 if (month, day) == (2, 29) else day, hour, minute, second)


def _count(sums: list, values: tuple) -> None:
    sums[0] += 1
    sums[1] += values[ses.STOP_WH] - values[ses.START_WH]
    sums[2] += values[ses.EXPORT_WH]
    sums[3] += values[ses.CHARGING_S]


def _add(sums: list, more: list) -> None:
    for n in range(4):
        sums[n] += more[n]


def _total(key: str, value: Any, sums: list | None) -> dict:
    count, import_wh, export_wh, charging_s = sums or (0, 0, 0, 0)
    return {key: value, "sessions": count, "import_wh": import_wh, "export_wh": export_wh, "charging_s": charging_s}
