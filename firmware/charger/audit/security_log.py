"""The security log (SEC-22, 23): attacks on the unit, and changes of its security settings.

Entries are in a ring that neither a factory reset nor the erasure of personal data changes. Each entry has the hash
of the previous entry and a hash over itself and that: verify() finds an entry that was changed, or removed from the
middle. check() does that once after each start, before entries are shown, sent or uploaded. Every receiver ("ocpp",
"mqtt", "syslog") has its own mark: the last entry it has acknowledged.

An entry written while the time was unknown has the boot id and uptime; its time is computed when it is read, from an
entry of the same start-up that has both (one is written whenever the time becomes known).
"""

import struct
from hashlib import sha256

from micropython import const

from charger import clock, log
from charger.audit import events
from charger.runtime import cooperative
from charger.store.ab_record import ABRecord
from charger.store.files import Files
from charger.store.journal import Journal

_NO_MARK = const(0x3FFFFFFF)
FOLDER = "seclog"  # survives everything but a new unit
CAPACITY = const(1000)  # minimum number of entries kept, at any length
_MAX_BYTES = const(163840)
_SEGMENT_BYTES = const(8192)
_FORM = "<IIIHB"  # start-up, uptime s, UTC s (0: unknown), ms, length of the event's name
_FORM_LEN = const(15)
_LINK = const(8)
_TEXT = const(112)  # bytes of name and info: CAPACITY entries of this size fit
_BURST, _REFILL_S = const(30), const(60)
_NOISY_BURST, _NOISY_REFILL_S = const(5), const(600)
_COUNT_S = const(3600)  # interval of counts of suppressed events, and of repetitions
_SLICE = const(4)  # entries verified at a time: below 20 ms of board time
_BROKEN = "broken"  # the mark of the altered entry that was logged last
_LOOK_BACK = const(900)  # the most numbers that the journal may skip behind damage


class Entry:
    """One event: seq, event, info, boot_id, uptime_s, millis; utc_s is None and `exact` False while the time is unknown.

    `raw` is the record on flash. `genuine` is False when its hash shows that it was altered.
    """

    def __init__(self, seq: int, event: str, info: str, boot_id: int, uptime_s: int, utc_s: int | None, millis: int,
                 raw: bytes):
        self.seq = seq
        self.event = event
        self.info = info
        self.boot_id = boot_id
        self.uptime_s = uptime_s
        self.utc_s = utc_s
        self.millis = millis
        self.exact = utc_s is not None
        self.raw = raw
        self.genuine = True

    def time(self) -> str | None:
        """Return UTC as text, None when unknown."""
        return None if self.utc_s is None else clock.iso(self.utc_s, self.millis)

    def to_dict(self) -> dict:
        """Return the entry as plain data."""
        return {
            "seq": self.seq, "time": self.time(), "exact": self.exact, "boot": self.boot_id,
            "uptime_s": self.uptime_s, "event": self.event, "info": self.info, "genuine": self.genuine,
        }  # fmt: skip


class SecurityLog:
    """`listeners` are called with each new Entry. `key`, when there is one, is part of every hash.

    `keys(number of the next entry)` gives (key, number of the first entry under it) instead: drivers/keystore.py.
    """

    capacity = CAPACITY

    def __init__(self, files: Files, key: bytes = b"", max_bytes: int = _MAX_BYTES, segment_bytes: int = _SEGMENT_BYTES,
                 keys: Any | None = None):
        self.listeners = []
        self.lost = 0  # entries that could not be written
        self.checked = False  # check() has been done since the start
        self.broken = None  # number of the first entry that it found altered or missing
        self._files = files
        self._journal = Journal(files, FOLDER, max_bytes, segment_bytes, ring=True)
        self._key, self._key_from = keys(self._journal.next_seq) if keys else (key, 0)
        self._marks = {}
        self._sinks = events.SINKS
        self._rates = {}  # event: [tokens, uptime of the last refill, suppressed, when counted, last info, its uptime]
        self._head = self._last_link()
        self._look_for_cut()
        clock.on_step(self._time_set)

    # --- writing ---

    def add(self, event: str, info: str = "") -> int:
        """Write an event; return its number, or -1 when it was suppressed or the flash failed. Raises nothing.

        `info` is truncated to fit; it must not contain a secret or a whole idTag.
        """
        if not self._may_write(event, info):
            return -1
        return self._add(event, info)

    def second(self) -> None:
        """Write the counts that are due; called once a second."""
        now = clock.uptime_s()
        for event, rate in self._rates.items():
            if rate[2] and now - rate[3] >= _COUNT_S:
                self._count(event, rate)

    def flush(self) -> None:
        """Write all counts, before a restart."""
        for event, rate in self._rates.items():
            if rate[2]:
                self._count(event, rate)

    def _count(self, event: str, rate: list) -> None:
        rate[3] = clock.uptime_s()
        if self._add(events.SUPPRESSED, "%s: %d more" % (event, rate[2])) >= 0:
            rate[2] = 0

    def _may_write(self, event: str, info: str) -> bool:
        """Limit the rate of each kind of event, against flash wear and the displacement of older entries."""
        noisy = event in events.NOISY
        most, refill_s = (_NOISY_BURST, _NOISY_REFILL_S) if noisy else (_BURST, _REFILL_S)
        now = clock.uptime_s()
        rate = self._rates.get(event)
        if rate is None:
            rate = self._rates[event] = [most, now, 0, now, None, now]
        gained = (now - rate[1]) // refill_s
        if gained:
            rate[0] = min(most, rate[0] + gained)
            rate[1] += gained * refill_s
        if rate[0] <= 0 or (event in events.LINK and rate[4] == info and now - rate[5] < _COUNT_S):
            rate[2] += 1
            return False
        rate[0] -= 1
        rate[4], rate[5] = info, now
        return True

    def _add(self, event: str, info: str) -> int:
        try:
            return self._write(event, info)
        except (OSError, ValueError, MemoryError) as error:
            self.lost += 1
            log.error("security", "%s not written: %s" % (event, log.reason(error)))
            return -1

    def _write(self, event: str, info: str) -> int:
        if self.lost:
            lost, self.lost = self.lost, 0
            self._write(events.LOG_FAILED, "%d entries lost" % lost)
        first = self._journal.first_seq
        now = clock.utc_ms()
        up_ms = clock.uptime_ms()
        utc_s, millis = (0, up_ms % 1000) if now is None else now
        name = event.encode()
        head = struct.pack(_FORM, clock.boot_id, up_ms // 1000, utc_s, millis, len(name))
        body = self._head + head + name + _cut(info, _TEXT - len(name))
        link = self._link(self._journal.next_seq, body)
        seq = self._journal.append(body + link)
        self._head = link
        log.info("security", event + (": " + info if info else ""))
        entry = _entry(seq, body + link)
        for listener in self.listeners:
            try:
                listener(entry)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a listener, the entry is written
                log.error("security", "listener: " + log.reason(error))
        if self._journal.first_seq != first:
            self._dropped(first)
        return seq

    def _dropped(self, first: int) -> None:
        """Log that the oldest entries were overwritten: once, and whenever a receiver had not acknowledged them."""
        behind = [sink for sink in self._sinks if 0 < self.mark(sink) + 1 < self._journal.first_seq]
        if first == 0 or behind:
            self.add(events.LOG_FULL, "oldest entry now %d%s" % (
                self._journal.first_seq, ", not yet sent: " + " ".join(behind) if behind else ""))

    def _time_set(self, old: int | None, new: int, source: str) -> None:
        before = "unknown" if old is None else clock.iso(old)
        self.add(events.TIME_SET, "%s, was %s" % (source, before))

    # --- reading ---

    @property
    def first_seq(self) -> int:
        """The number of the oldest entry."""
        return self._journal.first_seq

    @property
    def next_seq(self) -> int:
        """The number of the next entry."""
        return self._journal.next_seq

    def entries(self, first: int = 0) -> Iterator:
        """Iterate the entries from number `first` on, oldest first, with the best known times."""
        zeros = {}
        for seq, data in self._journal.records(first):
            entry = _entry(seq, data)
            if entry is None:
                continue
            entry.genuine = self._link(seq, data[:-_LINK]) == data[-_LINK:]
            if entry.utc_s is None:
                self._date(entry, zeros)
            yield entry

    def tail(self, count: int) -> list:
        """Return the last entries as plain data, oldest first."""
        return [entry.to_dict() for entry in self.entries(max(self.first_seq, self.next_seq - count))]

    def verify(self) -> int | None:
        """Check all hashes; return None, or the number of the first entry that was altered or follows a missing one."""
        return cooperative.run_now(self._verify_steps())

    async def check(self) -> int | None:
        """Check all hashes once since the start, in slices, and log what is wrong; return as verify() does."""
        await cooperative.run(self.checking())
        return self.broken

    def checking(self) -> Iterator:
        """The slices of check()."""
        if self.checked:
            return
        broken = yield from self._verify_steps()
        self.checked = True
        self.broken = broken
        if broken is not None and self.mark(_BROKEN) != broken:
            self._add(events.LOG_ALTERED, "entry %d" % broken)
            self._move(_BROKEN, broken)

    def _verify_steps(self) -> Steps:
        """Generator of slices for cooperative.run(); it does not check entries that are written meanwhile."""
        expected = self.first_seq
        end, head = self.next_seq, self._head
        before = None
        for seq, data in self._journal.records(expected):
            if seq % _SLICE == 0:
                yield
            if seq >= end:
                break
            if expected < self.first_seq:  # the ring has dropped the oldest entries meanwhile
                expected, before = self.first_seq, None
            if seq < self.first_seq:
                continue
            whole = seq == expected and len(data) >= 2 * _LINK + _FORM_LEN
            if not whole or (before is not None and data[:_LINK] != before):
                return expected
            before = data[-_LINK:]
            if self._link(seq, data[:-_LINK]) != before:
                return seq
            expected += 1
        if max(expected, self.first_seq) < end:
            return expected
        return None if before is None or before == head else expected - 1

    # --- receivers ---

    def add_sink(self, sink: str) -> None:
        """Count a further receiver among those whose marks are looked after."""
        self._sinks += (sink,)
        self._look_for_cut()

    def mark(self, sink: str) -> int:
        """Return the number of the last entry that a receiver has acknowledged, -1 for none."""
        number = self._ab_record(sink).number(_NO_MARK)
        return -1 if number >= _NO_MARK else number  # -1 as well, as it was written

    def pending(self, sink: str, most: int = 4) -> list:
        """Return the oldest entries that a receiver gets and has not acknowledged, in order."""
        found = []
        first = self.mark(sink) + 1
        for entry in self.entries(first) if first < self.next_seq else ():
            if events.wanted_by(sink, entry.event):
                found.append(entry)
                if len(found) >= most:
                    return found
        if not found and first < self.next_seq:
            self.acknowledge(sink, self.next_seq - 1)  # nothing for this receiver: skip them the next time
        return found

    def acknowledge(self, sink: str, seq: int) -> None:
        """Record that a receiver has all entries up to `seq`. If the flash fails, it gets some of them again."""
        if seq > self.mark(sink):
            self._move(sink, seq)

    def _move(self, sink: str, seq: int) -> None:
        try:
            self._ab_record(sink).write(struct.pack("<i", seq))
        except OSError as error:
            log.error("security", "mark not written: " + log.reason(error))

    def _ab_record(self, sink: str) -> ABRecord:
        record = self._marks.get(sink)
        if record is None:
            record = self._marks[sink] = ABRecord(self._files, FOLDER + "/" + sink)
        return record

    # --- links and times ---

    def _link(self, seq: int, body: bytes) -> bytes:
        key = self._key if seq >= self._key_from else b""
        return sha256(key + struct.pack("<I", seq) + body).digest()[:_LINK]

    def _last_link(self) -> bytes:
        """Return the hash of the newest readable entry."""
        last = bytes(_LINK)
        for back in (1, _LOOK_BACK):
            for _, data in self._journal.records(max(0, self._journal.next_seq - back)):
                last = data[-_LINK:]
            if last != bytes(_LINK):
                break
        return last

    def _look_for_cut(self) -> None:
        """Detect entries removed at the end, which a receiver has acknowledged: log it, and reset the mark."""
        taken = -1
        for sink in self._sinks:
            mark = self.mark(sink)
            if mark >= self.next_seq:
                taken = max(taken, mark)
                self._move(sink, self.next_seq - 1)
        if taken >= 0:
            self._add(events.LOG_CLEARED, "entries %d to %d are missing" % (self.next_seq, taken))

    def _date(self, entry: Entry, zeros: dict) -> None:
        """Date an entry without a time: by its start-up, else as not later than the next dated one."""
        known = zeros.get(entry.boot_id)
        if known is None:
            known = zeros[entry.boot_id] = self._zero(entry)
        zero, exact = known
        if zero is not None:
            entry.utc_s = zero + entry.uptime_s if exact else zero
            entry.exact = exact
            if not exact:
                entry.millis = 0

    def _zero(self, entry: Entry) -> tuple:
        """Return (UTC of uptime 0 of the entry's start-up, True), or (the next known time or None, False)."""
        if entry.boot_id == clock.boot_id:
            return clock.utc_at_uptime(0), True
        for seq, data in self._journal.records(entry.seq + 1):
            later = _entry(seq, data)
            if later is not None and later.utc_s is not None:
                if later.boot_id == entry.boot_id:
                    return later.utc_s - later.uptime_s, True
                return later.utc_s - later.uptime_s - 1, False  # whole seconds, so that it is not later than that start-up
        return clock.utc_at_uptime(0), False


def _entry(seq: int, data: bytes) -> Entry | None:
    """Decode a record to an Entry, None when it is invalid."""
    if len(data) < 2 * _LINK + _FORM_LEN:
        return None
    boot_id, uptime_s, utc_s, millis, length = struct.unpack_from(_FORM, data, _LINK)
    at = _LINK + _FORM_LEN + length
    try:
        event = str(data[at - length : at], "utf-8")
        info = str(data[at:-_LINK], "utf-8")
    except UnicodeError:
        return None
    return Entry(seq, event, info, boot_id, uptime_s, utc_s or None, millis, data)


def _cut(text: str, most: int) -> bytes:
    """Encode UTF-8 of at most that many bytes, without control characters and without a partial character at the end."""
    data = bytearray(text.encode()[: most + 1])
    if len(data) > most:
        end = most
        while end > 0 and data[end] & 0xC0 == 0x80:
            end -= 1
        data = data[:end]
    for at in range(len(data)):
        if data[at] < 0x20 or data[at] == 0x7F:
            data[at] = 0x3F
    return bytes(data)
