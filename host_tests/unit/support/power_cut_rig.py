"""A charger's stored data with a book of what was confirmed, a chip that keeps its states, and the check of both."""

import asyncio

import flashrig
from check import equal, true

from charger import clock
from charger.metering.charging_session import Session
from charger.metering.energy_register import LOSS_BOUND_WH, EnergyRegister
from charger.metering.session_store import SessionStore
from charger.store.journal import Journal
from sim import flash as simflash
from sim import timebase

BLOCKS = 48
HISTORY_BYTES = 8192  # so small that the oldest sessions are folded away within the script
NOON = 1800000000
BEFORE = 91  # sessions in the history at the start

chip = {}


class Tape(simflash.Flash):
    """A chip that keeps (operation, way, content, what was confirmed by then) for a cut at each operation."""

    def __init__(self, image, confirmed):
        super().__init__(None, blocks=BLOCKS, image=image)
        self.confirmed = confirmed
        self.states = []

    def _operate(self, block, off, data):
        number = self.operations
        whole = self.snapshot()
        note = self.confirmed()
        self.states.append((number, simflash.DROP, whole, note))
        half = list(whole)
        content = bytearray(half[block])
        content[off : off + len(data) // 2] = memoryview(data)[: len(data) // 2]
        half[block] = bytes(content)
        self.states.append((number, simflash.HALF, half, note))
        super()._operate(block, off, data)  # a cut after it is the cut before the next one


class Charger:
    """Everything that is stored, as the application builds it; and a book of what each step has been promised."""

    def __init__(self, book):
        self.book = book
        self.files = flashrig.files()
        book["boots"] = clock.boot_id = max(book["boots"], int(self.files.read_json("boot.json", 0))) + 1
        self.files.write_json("boot.json", clock.boot_id)
        self.sessions = SessionStore(self.files, HISTORY_BYTES)
        self.registers = {}
        for n in (1, 2):
            self.registers[n] = EnergyRegister(self.files, n)
            self.sessions.watch(n, self.registers[n])
        self.messages = Journal(self.files, "messages", 8192, 1024)
        self.events = Journal(self.files, "events", 4096, 1024, ring=True)

    def energy(self, n, session, mwh, steps):
        """Charge for some seconds."""
        for _ in range(steps):
            if not chip["now"].powered:
                raise OSError(-0x6001)
            timebase.advance(1000)
            self.registers[n].add(mwh)
            self.book["true_mwh"][n] += mwh
            self.registers[n].persist_when_due()
            self.sessions.checkpoint(session, self.registers[n].total_wh, 7000)

    def message(self, size=60):
        self.book["trying"] = self.messages.next_seq
        self.book["messages"] = self.messages.append(message_content(self.messages.next_seq, size)) + 1

    def sent(self, count):
        low = self.messages.first_seq + count
        self.book["trimming"] = low
        self.messages.trim(low)
        self.book["sent"] = low

    def event(self):
        self.events.append(message_content(self.events.next_seq, 40))
        self.book["events"] = self.events.next_seq

    def config(self, value):
        self.book["config_next"] = value
        self.files.write_json("config.json", value)
        self.book["config"] = value

    def begin(self, n, tag):
        session = self.sessions.begin(n, tag, self.registers[n].total_wh, None, 5)
        self.book["open"][n] = session.local_id
        self.book["persisted_wh"][n] = max(self.book["persisted_wh"][n], session.start_wh)
        return session

    def end(self, session, reason="Local"):
        n = session.connector_id
        if not session.recovered:
            # the register's own value, as the connector gives it
            wh = self.registers[n].total_wh
        else:
            wh = session.stop_wh
        self.book["ending"] = session.local_id
        if not self.sessions.end(session, wh, reason):
            raise OSError(-0x6001)  # the flash died under it: the session stays open, which is no promise that it has ended
        self.book["ended"][session.local_id] = session.import_wh
        self.book["open"].pop(n, None)
        self.book["persisted_wh"][n] = max(self.book["persisted_wh"][n], session.stop_wh)


def message_content(seq, size):
    return (b"message %d " % seq * 20)[:size]


def empty_book():
    return {
        "boots": 0, "true_mwh": {1: 0, 2: 0}, "persisted_wh": {1: 0, 2: 0}, "messages": 0, "trying": -1, "sent": 0,
        "trimming": 0, "events": 0, "config": None, "config_next": None, "open": {}, "ended": {}, "ending": None,
    }


def copied(book):
    """The state confirmed at this moment, for later."""
    return {key: dict(value) if isinstance(value, dict) else value for key, value in book.items()}


def prepare_chip():
    """A chip with a history that is nearly full. Returns (content, book)."""
    flashrig.reboot(0)
    clock.set_utc(NOON, "test")
    device = flashrig.fresh(BLOCKS)
    book = empty_book()
    charger = Charger(book)
    for n in range(BEFORE):
        session = Session(n + 1, 1, "OLD%d" % n, n * 10)
        session.stop_wh = n * 10 + 10
        session.stop_reason = "Local"
        charger.sessions.history.add(session)
        book["ended"][n + 1] = 10
    charger.registers[1].at_least(BEFORE * 10)
    book["true_mwh"][1] = BEFORE * 10000
    book["persisted_wh"][1] = BEFORE * 10
    charger.sessions._last_id = BEFORE
    charger.files.write_json("config.json", [0])
    book["config"] = book["config_next"] = [0]
    simflash.unmount()
    return device.snapshot(), book


def run_script(book):
    """Two connectors, a restart in between, time that becomes known late, settings, messages, sessions folded away."""
    flashrig.reboot(book["boots"])
    charger = Charger(book)
    for register in charger.registers.values():
        register.fitted("ade7953 S1")
    charger.message()
    first = charger.begin(1, "FIRST")
    charger.message()
    charger.energy(1, first, 2000, 120)
    charger.event()
    first.transaction_id = 77
    charger.sessions.save(first)
    second = charger.begin(2, None)
    charger.energy(2, second, 6100, 60)
    charger.sent(1)
    charger.config([1, "x" * 500])
    clock.set_utc(NOON + 100000, "ntp")
    charger.energy(1, first, 2000, 100)
    charger.end(first)
    charger.message(400)
    charger.sent(2)
    for _ in range(3):
        charger.event()
    charger = _restart_in_order(charger, second)
    for _ in range(3):
        short = charger.begin(1, "SHORT")
        charger.energy(1, short, 6000, 4)
        charger.message(300)
        charger.end(short)
    charger.event()
    charger.sent(3)
    charger.config([2])
    return charger


def _restart_in_order(charger, session):
    """A restart that was asked for: what is open is written first."""
    charger.sessions.checkpoint(session, charger.registers[2].total_wh, 7000, now=True)
    for n in (1, 2):
        if charger.registers[n].persist():
            charger.book["persisted_wh"][n] = charger.registers[n].total_wh
    clock._zero_s = None
    clock._step_listeners.clear()
    charger = Charger(charger.book)
    for left in charger.sessions.recover():
        charger.end(left, "SoftReset")
    return charger


def check_stored(charger, book, where):
    """Everything that was confirmed is there, and nothing that never was."""
    for n, register in charger.registers.items():
        lost = book["true_mwh"][n] - register.total_mwh
        true(0 <= lost <= LOSS_BOUND_WH * 1000, "%s: register %d lost %d mWh" % (where, n, lost))
        true(register.total_wh >= book["persisted_wh"][n], "%s: register %d went back" % (where, n))
    _check_messages(charger.messages, book, where)
    for seq, data in charger.events.records():
        equal(data, message_content(seq, 40), where)
    true(book["events"] <= charger.events.next_seq <= book["events"] + 1, where + ": events")
    true(charger.files.read_json("config.json") in (book["config"], book["config_next"]), where + ": settings")
    _check_sessions(charger.sessions, book, where)


def _check_messages(journal, book, where):
    true(journal.first_seq in (book["sent"], book["trimming"]), where + ": sent messages came back")
    true(journal.next_seq in (book["messages"], book["trying"] + 1), where + ": messages lost")
    found = list(journal.records())
    equal([seq for seq, _ in found], list(range(journal.first_seq, journal.next_seq)), where)
    for seq, data in found:
        equal(data, message_content(seq, len(data)), where)


def _check_sessions(sessions, book, where):
    opened = {session.connector_id: session.local_id for session in sessions.recover()}
    page = all_sessions(sessions.history)
    listed = [shown["id"] for shown in page]
    equal(len(set(listed)), len(listed), where + ": a session twice")
    true(not set(listed) & set(opened.values()), where + ": open and ended")
    for n, local_id in book["open"].items():
        if local_id == book["ending"]:
            true((opened.get(n) == local_id) != (local_id in listed), where + ": neither open nor ended, or both")
        else:
            equal(opened.get(n), local_id, where + ": open session lost")
    oldest = min(listed)
    for shown in page:
        if shown["id"] in book["ended"]:
            equal(shown["import_wh"], book["ended"][shown["id"]], where)
    for local_id in book["ended"]:
        true(local_id in listed or local_id < oldest, "%s: ended session %d lost" % (where, local_id))
    _check_sum(sessions.history, book, where)


def _check_sum(history, book, where):
    """Sessions that were folded away are counted once, those that are still there too."""
    months = asyncio.run(history.months(NOON + 200000))
    count = sum(month["sessions"] for month in months)
    wh = sum(month["import_wh"] for month in months)
    pending = count - len(book["ended"])
    true(pending == 0 or (pending == 1 and book["ending"] not in book["ended"]), "%s: %d sessions" % (where, count))
    if pending == 0:
        equal(wh, sum(book["ended"].values()), where)


def all_sessions(history):
    found, before = [], None
    while True:
        page, before = history.page(before, 200)
        found += page
        if before is None:
            return found


def start_up(image, book):
    """The charger after the power came back."""
    simflash.unmount()
    device = chip["now"] = flashrig.fresh(BLOCKS, list(image))
    flashrig.reboot(book["boots"])
    timebase.advance(3000)
    return device, Charger(book)


def charge_on(charger, book, where):
    """After the check: close what was open, charge once more; all of that must be there as well."""
    for n, register in charger.registers.items():
        book["true_mwh"][n] = register.total_mwh
    book["messages"] = charger.messages.next_seq
    book["sent"] = book["trimming"] = charger.messages.first_seq
    book["events"] = charger.events.next_seq
    book["config"] = book["config_next"] = charger.files.read_json("config.json")
    for shown in all_sessions(charger.sessions.history):
        book["ended"].setdefault(shown["id"], shown["import_wh"])
    book["open"] = {session.connector_id: session.local_id for session in charger.sessions.recover()}
    for session in charger.sessions.recover():
        charger.end(session, "PowerLoss")
    equal((book["open"], charger.sessions.recover()), ({}, []), where)
    session = charger.begin(1, "AFTER")
    true(session.local_id > max(book["ended"]), where + ": session number used again")
    charger.energy(1, session, 2000, 50)
    charger.message()
    charger.event()
    charger.end(session)


def record_script():
    """Run the script once; (states, final book, operations)."""
    timebase.manual()
    image, book = prepare_chip()
    device = Tape(list(image), lambda: copied(book))
    chip["now"] = simflash.mount(None, flashrig.ROOT, device)
    charger = run_script(book)
    check_stored(charger, book, "at the end")
    equal(device.violation, "")
    simflash.unmount()
    return image, device.states, device.operations
