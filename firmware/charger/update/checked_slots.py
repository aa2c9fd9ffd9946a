"""The application slots, with their numbers and hash in the file system as well, in two checked copies (SEC-8, SEC-9).

Of the anti-rollback counter and the mark of an altered image the higher number holds, of the image's hash that of the file.
What was altered or removed is written again, with an event: the NVS has a mark of each value that has been in the files.
A write to the NVS may erase flash, so a value that is read while a contactor is closed is repaired after it has opened.
"""

import asyncio
from binascii import hexlify, unhexlify

from charger.audit.events import SAFETY_VALUE
from charger.runtime import hold_ups
from charger.store.safety_value import SafetyValue
from charger.update import BROKEN, COUNTER, IMAGE, TRIAL

_COPY = "slot_"
_HAS = "has_"  # + name in the NVS, once the files have had it


class CheckedSlots:
    """`slots` is a drivers.app_partitions.AppSlots; on_event(event, info) is the security log's add()."""

    def __init__(self, slots: Any, files: Files, on_event: Callable):
        self._slots = slots
        self._files = files
        self._on_event = on_event
        self._waiting = False  # for open contactors
        self.running = slots.running
        self.idle = slots.idle
        self.size = slots.size
        self.sold = slots.sold
        self.write = slots.write
        self.read = slots.read
        self.choose = slots.choose
        self.confirm = slots.confirm

    def number(self, name: str) -> int:
        """Return a number that was stored, 0 when absent."""
        stored = self._slots.number(name)
        kept = SafetyValue(self._files, _COPY + name, str(stored), _higher)
        value = max(stored, _number(kept.value))
        if value or kept.fault or kept.unfinished:
            self._settle_open(kept, str(value), stored != value, self._slots.put_number, name, value)
        return value

    def put_number(self, name: str, value: int) -> None:
        """Store a number of 32 bits, not negative."""
        self._put(self._slots.put_number, name, value, str(value))

    def data(self, name: str) -> bytes | None:
        """Return bytes that were stored, None when absent."""
        stored = _hex(self._slots.data(name) or b"")
        kept = SafetyValue(self._files, _COPY + name, stored, max)
        text = kept.value or stored
        if not text:
            return None
        value = unhexlify(text)
        self._settle_open(kept, text, stored != text, self._slots.put_data, name, value)
        return value

    def put_data(self, name: str, value: bytes) -> None:
        """Store bytes."""
        self._put(self._slots.put_data, name, value, _hex(value))

    def _put(self, put: Callable, name: str, value: Any, text: str) -> None:
        """Store in NVS and files; a power cut in between shows in the files."""
        kept = SafetyValue(self._files, _COPY + name, text, max)
        kept.prepare(text)
        put(name, value)
        kept.write(text)
        if not self._slots.number(_HAS + name):
            self._slots.put_number(_HAS + name, 1)

    def _settle_open(self, *what: Any) -> None:
        """As _settle() where something has to be written, once every contactor is open; until then only the value counts."""
        kept, text, differs, _, name, _ = what
        if not (differs or kept.fault or kept.unfinished or kept.value != text) and self._slots.number(_HAS + name):
            return
        if not hold_ups.contactor_closed():
            self._settle(*what)
        elif not self._waiting:
            self._waiting = True
            asyncio.create_task(self._read_again())  # noqa: RUF006 - MicroPython's scheduler holds its tasks

    async def _read_again(self) -> None:
        await hold_ups.wait_for_pause(hold_ups.FOREVER_MS, True)
        self._waiting = False
        self.number(COUNTER)
        self.number(BROKEN)
        self.data(IMAGE)
        self.data(TRIAL)

    def _settle(self, kept: SafetyValue, text: str, differs: bool, put: Callable, name: str, value: Any) -> None:
        """Write the copies and the NVS (put) again where they have another value, with an event but after a power cut."""
        known = self._slots.number(_HAS + name)
        if kept.value is None and not known:  # earlier firmware had the NVS alone
            kept.write(text)
        if not known:
            self._slots.put_number(_HAS + name, 1)
        cut = kept.unfinished
        if kept.value != text or (differs and not cut):
            kept.distrust(text, "flash and NVS differ, the safer one applies")
        if differs and cut:
            put(name, value)
        kept.repair(self._on_event, SAFETY_VALUE)
        if differs and not cut:
            put(name, value)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _higher(one: str, other: str) -> str:
    return max(one, other, key=_number)


def _hex(data: Any) -> str:
    return str(hexlify(data), "ascii")
