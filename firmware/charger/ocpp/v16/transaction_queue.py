"""The queue of transaction messages: in order, kept over power cuts, each removed when it is done (OCPP-35 to 39).

It has two journals on flash. StartTransaction and StopTransaction are in one and are never dropped; MeterValues are in a
ring, of which the oldest are dropped when it is full (OCPP-39). Each meter message has the number of starts and stops
before it, so that all are sent in the original order. While the link is up a few meter messages are in RAM only, to
reduce flash wear; they are written to flash when the link is lost or the charger stops.

The state of sending is in an ABRecord, written before each send of a message that is on flash. A message that was being
sent when the power failed is sent again with the same content. The back end's transaction ids are in that record, too.

A record is text: S for a start, E for a stop (end), M for a meter message; local transaction id ("-" without one), boot id,
for a meter message the number of starts and stops before it, then the payload as JSON.
"""

import asyncio
import json

from micropython import const

from charger import clock, log
from charger.errors import CallError, CallTimeoutError, DisconnectedError, JournalFullError
from charger.ocpp.v16.answers import whole
from charger.ocpp.v16.stamps import fill_times
from charger.store.ab_record import ABRecord
from charger.store.journal import Journal

START = "StartTransaction"
STOP = "StopTransaction"
METER = "MeterValues"

UNCONFIRMED = -1  # the transactionId of a transaction whose start was never delivered (OCPP-38)

_TX_BYTES = const(131072)  # about 300 transactions
_METER_BYTES = const(65536)
_RAM_MESSAGES = const(4)
_MAX_RECORD = const(4000)  # of a segment of 4096 bytes
_START_LETTER = const(0x53)
_LINK_MS = const(10000)
_MAX_CUTS = const(20)  # consecutive restarts while the same message is sent, which may be their cause


class TransactionQueue:
    """Owned by the charge point. `ready()`: sending is allowed now; `call` sends and returns the answer.

    done(action, local_id, payload, answer), a coroutine, runs when a message was delivered, or given up (answer None).
    `unfinished` holds, after a restart, the local ids of transactions that were started and have no stop.
    """

    def __init__(self, files: Files, config: Configuration, call: Callable, ready: Callable, done: Callable,
                 has_back_end: bool = True):
        """has_back_end: False for a unit that was given none; its queue stays empty (the sessions are in their own store)."""
        self._has_back_end = has_back_end
        self._config = config
        self._call = call
        self._ready = ready
        self._done = done
        self._tx = Journal(files, "ocpp_tx", _TX_BYTES, 4096)
        self._meter = Journal(files, "ocpp_mv", _METER_BYTES, 4096, ring=True)
        self._ab_record = ABRecord(files, "ocpp_sent")
        self._ram = []  # meter messages newer than everything in the meter journal
        self._wake = asyncio.Event()
        self.sent = 0
        self.dropped = 0
        self._load()

    def _load(self) -> None:
        try:
            self._take_state(json.loads(self._ab_record.read() or b"{}"))
        except (ValueError, TypeError, AttributeError, OverflowError):
            log.error("queue", "state unreadable")
            self._take_state({})
        self.unfinished = set(self._ids)
        for _, data in self._tx.records(self._tx_next):
            local_id = _word(data, 1)
            if local_id < 0:
                continue  # unreadable, as _message() will say
            if data[0] == _START_LETTER:
                self.unfinished.add(local_id)
            else:
                self.unfinished.discard(local_id)
        if self.waiting:
            log.info("queue", "%d messages from before the restart" % self.waiting)

    def _take_state(self, state: dict) -> None:
        """Take over what _save() wrote."""
        self._tx_next = max(int(state.get("s", 0)), self._tx.first_seq)
        self._meter_next = max(int(state.get("m", 0)), self._meter.first_seq)
        self._failed = int(state.get("f", 0))
        self._cuts = int(state.get("c", 0))
        boot_id, zero_ms, counts = state.get("z", (-1, None, False))
        self._time_base = (boot_id, None if zero_ms is None else int(zero_ms), counts)
        self._ids = {int(key): int(value) for key, value in state.get("t", {}).items()}

    # --- adding ---

    @property
    def waiting(self) -> int:
        """The number of queued messages, including the one being sent."""
        meter = self._meter.next_seq - max(self._meter_next, self._meter.first_seq)
        return self._tx.next_seq - self._tx_next + max(0, meter) + len(self._ram)

    def add(self, action: str, local_id: int, payload: dict, boot_id: int) -> None:
        """Queue a start or stop; it is on flash when this returns.

        Its times may be stamps (stamps.py) that count from the start-up boot_id.
        """
        if not self._has_back_end:
            return
        data = _record("S" if action == START else "E", local_id, boot_id, "", payload)
        if action == START:
            self._ids.pop(local_id, None)
        try:
            self._tx.append(data)
        except (JournalFullError, OSError) as error:
            log.error("queue", "no room for a start or stop: " + log.reason(error))
            self._add_at_last(data)
        self._wake.set()

    def _add_at_last(self, data: bytes) -> None:
        """Make room and retry after a flash error. A failed flash must not prevent charging."""
        try:
            self._give_room()
            self._tx.append(data)
        except (JournalFullError, OSError) as error:
            self.dropped += 1
            log.error("queue", "a transaction message is lost: " + log.reason(error))

    def _give_room(self) -> None:
        """Drop meter values to make room for starts and stops (OCPP-39)."""
        self._meter.clear()
        self._meter.max_bytes = 2 * self._meter.segment_bytes
        self._tx.max_bytes = _TX_BYTES + _METER_BYTES - self._meter.max_bytes

    def add_reading(self, local_id: int | None, payload: dict) -> None:
        """Queue a MeterValues message; it is written to flash only when it has to wait."""
        if not self._has_back_end:
            return
        self._ram.append(_record("M", local_id, clock.boot_id, " %d" % self._tx.next_seq, payload))
        if not self._ready() or len(self._ram) > _RAM_MESSAGES or self._meter_waits():
            self.flush_to_flash()
        self._wake.set()

    def flush_to_flash(self) -> None:
        """Write messages in RAM to flash. Called when the link is lost and before a restart."""
        waiting, self._ram = self._ram, []
        for data in waiting:
            try:
                self._meter.append(data)
            except (JournalFullError, OSError, ValueError) as error:
                self.dropped += 1
                log.error("queue", "meter values dropped: " + log.reason(error))

    def _meter_waits(self) -> bool:
        return self._meter.next_seq > max(self._meter_next, self._meter.first_seq)

    # --- transaction ids ---

    def transaction_id(self, local_id: int) -> int | None:
        """Return the back end's id of a transaction, None while it is unknown."""
        return self._ids.get(local_id)

    # --- sending ---

    def retry_now(self) -> None:
        """Retry now, because the link is up or a setting changed."""
        self._wake.set()

    async def run(self) -> None:
        """The queue's task: send the oldest message, repeatedly."""
        while True:
            if not self._ready() or not await self._send_head():
                await self._wait_for_work()
            self._wake.clear()

    async def _wait_for_work(self) -> None:
        """Wait for a message or a link; only briefly when the link is up but lost a message (F-O26)."""
        if not (self._ready() and self.waiting):
            await self._wake.wait()
            return
        try:
            await asyncio.wait_for_ms(self._wake.wait(), _LINK_MS)
        except asyncio.TimeoutError:
            pass

    async def _send_head(self) -> bool:
        """Send the oldest message once, or give it up. False when there is nothing to send or the link is lost."""
        source, seq, data = self._head()
        if data is None:
            return False
        action, local_id, payload = self._message(data)
        if action is None:
            self._remove(source, seq, data)
            return True
        if self._failed >= self._config.get_int("TransactionMessageAttempts") or self._cuts >= _MAX_CUTS:
            self._give_up(action, local_id)
            self._remove(source, seq, data)
            await self._done(action, local_id, payload, None)
            return True
        if self._failed and not await self._pause():
            return True
        self._cuts += 1
        if source is not None:
            self._save()
        try:
            answer = await self._call(action, payload)
        except DisconnectedError:
            self._cuts = 0  # a lost connection does not count as an attempt (OCPP-17)
            return False
        except (CallError, CallTimeoutError) as error:
            self._failed += 1
            self._cuts = 0
            if source is not None:
                self._save()
            log.warn("queue", "%s not accepted, attempt %d: %s" % (action, self._failed, log.reason(error)))
            return True
        self.sent += 1
        self._keep_transaction_id(action, local_id, answer)
        self._remove(source, seq, data)
        await self._done(action, local_id, payload, answer)
        return True

    async def _pause(self) -> bool:
        """Wait the present RetryInterval x earlier sends (OCPP-36); False when the link was lost meanwhile."""
        started = clock.uptime_ms()
        while clock.uptime_ms() - started < 1000 * self._config.get_int("TransactionMessageRetryInterval") * self._failed:
            await clock.sleep_ms(250)
            if not self._ready():
                return False
        return True

    def _head(self) -> tuple:
        """Return (journal or None for RAM, number, record) of the oldest message; the record is None without one."""
        self._meter_next = max(self._meter_next, self._meter.first_seq)
        where = self._meter
        meter_seq, meter = _first(where, self._meter_next)
        if meter is None:
            where = None
            meter = self._ram[0] if self._ram else None
        before = None if meter is None else _word(meter, 3)
        seq, data = _first(self._tx, self._tx_next)
        if data is not None and (before is None or seq < before):
            return self._tx, seq, data
        return where, meter_seq, meter

    def _message(self, data: bytes) -> tuple:
        """Decode a record to (action, local id, payload); (None, None, None) for an unreadable one.

        transactionId and times are filled in, equal at every attempt.
        """
        try:
            letter, local, boot_id, rest = data.decode().split(" ", 3)
            local_id = None if local == "-" else int(local)
            action = {"S": START, "E": STOP, "M": METER}[letter]
            if action == METER:
                rest = rest.split(" ", 1)[1]
            payload = json.loads(rest)
            payload.get("transactionId")  # an object, or an error
            time_base = self._time_base_of(int(boot_id))
            if fill_times(payload, time_base) and time_base[1] is not None:
                self._time_base = time_base
        except (ValueError, LookupError, TypeError, AttributeError):
            log.error("queue", "unreadable record skipped")  # its checksum is valid, so another firmware wrote it
            return None, None, None
        if local_id is not None and action != START:
            payload["transactionId"] = self._ids.get(local_id, UNCONFIRMED)
        return action, local_id, payload

    def _time_base_of(self, boot_id: int) -> tuple:
        """Return (boot id, UTC in ms of its uptime 0 or None, whether its uptimes count from there).

        It is stored at the first attempt, so that a message is equal at each attempt, also over power cuts. If an earlier
        start-up never knew the time, the begin of this start-up is the upper bound.
        """
        if self._time_base[0] == boot_id:
            return self._time_base
        return boot_id, clock.utc_ms_at(0), boot_id == clock.boot_id

    def _keep_transaction_id(self, action: str, local_id: int, answer: dict) -> None:
        if action == START:
            number = whole(answer.get("transactionId"))
            if number is None:
                log.error("queue", "StartTransaction answered without a transactionId")
                number = UNCONFIRMED
            self._ids[local_id] = number
        elif action == STOP:
            self._ids.pop(local_id, None)

    def _give_up(self, action: str, local_id: Any) -> None:
        """Give up a message after all attempts (OCPP-36)."""
        log.error("queue", "%s of session %s given up, %d failed attempts" % (action, local_id, self._failed))
        self.dropped += 1
        if action == START:
            self._ids[local_id] = UNCONFIRMED
        elif action == STOP:
            self._ids.pop(local_id, None)

    def _remove(self, source: Any, seq: int, data: bytes) -> None:
        """Remove the oldest message. The state on flash is sufficient; journals are trimmed if that frees a segment."""
        self._failed = self._cuts = 0
        if source is None:
            if self._ram and self._ram[0] is data:
                self._ram.pop(0)
                return
            source = self._meter  # it was written to flash while it was sent
            seq, head = _first(source, self._meter_next)
            if head != data:
                return
        if source is self._tx:
            self._tx_next = seq + 1
        else:
            self._meter_next = seq + 1
        self._save()
        try:
            if source.first_seq < source.second_segment_seq() <= seq + 1:
                source.trim(seq + 1)
        except OSError as error:
            log.error("queue", "not trimmed: " + log.reason(error))

    def _save(self) -> None:
        """Write the state to flash, about 60 bytes. With a failed flash messages are still sent."""
        state = {"s": self._tx_next, "m": self._meter_next, "f": self._failed, "c": self._cuts, "t": self._ids}
        if self._time_base[1] is not None:
            state["z"] = self._time_base
        try:
            self._ab_record.write(json.dumps(state).encode())
        except OSError as error:
            log.error("queue", "state not written: " + log.reason(error))


def _first(journal: Journal, start: int) -> tuple:
    """Return (number, record) of the oldest record from start on, (0, None) without one."""
    for seq, data in journal.records(start):
        return seq, data
    return 0, None


def _word(data: Buffer, number: int) -> int:
    """Return a word of a record as a number, -1 when it is none."""
    words = bytes(data).split(b" ", 4)
    return int(words[number]) if len(words) > number and words[number].isdigit() else -1


def _record(letter: str, local_id: int | None, boot_id: int, before: str, payload: dict) -> bytes:
    """Encode a message as a record; a too long one loses samples from its middle, then the last values of each (OCPP-92)."""
    head = "%s %s %d%s " % (letter, "-" if local_id is None else local_id, boot_id, before)
    data = (head + json.dumps(payload)).encode()
    while len(data) > _MAX_RECORD:
        samples = payload.get("transactionData") or payload["meterValue"]
        if len(samples) > 2:
            thin(samples)
        else:
            for sample in samples:
                values = sample["sampledValue"]
                del values[len(values) * 3 // 4 :]
        data = (head + json.dumps(payload)).encode()
    return data


def thin(samples: list) -> None:
    """Drop every second item except the first and the last (OCPP-92)."""
    for index in range(len(samples) - 2, 0, -2):
        samples.pop(index)
