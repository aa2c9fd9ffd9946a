"""The two application slots of the flash, and the few numbers that must outlive a factory reset (`esp32`).

What is stored here stands in the file system as well, in two checked copies: the higher number holds, and of the bytes those
of the file. Whichever was altered or removed is written again, with an event.

The bootloader's rules are those of the ESP-IDF with rollback: a slot chosen with choose() boots on trial, and any reset
before confirm() brings the other slot back.
"""

from binascii import hexlify, unhexlify

import esp32
from micropython import const

from charger.audit.events import SAFETY_VALUE
from charger.store.safety_value import SafetyValue

BLOCK = const(4096)
_ERASE = const(6)  # of vfs.AbstractBlockDev.ioctl
_NAMESPACE = "pilotlight"
_COPY = "slot_"


class AppSlots:
    """`running` and `idle` are the slots' labels, `size` is the bytes of the idle one.

    OSError at construction on a board whose partition table has no second slot.
    """

    def __init__(self, files, on_event):
        """on_event(event, info) is the security log's add()."""
        self._files = files
        self._on_event = on_event
        self._running = esp32.Partition(esp32.Partition.RUNNING)  # type: ignore[arg] - the stubs know labels only
        self._idle = self._running.get_next_update()
        self.running = self._running.info()[4]
        self.idle = self._idle.info()[4]
        self.size = self._idle.info()[3]
        self._nvs = esp32.NVS(_NAMESPACE)

    def write(self, at: int, view) -> None:
        """Program part of a block of the idle slot, erased first when `at` (bytes) is its begin. OSError by the flash."""
        if at % BLOCK == 0:
            self._idle.ioctl(_ERASE, at // BLOCK)
        self._idle.writeblocks(at // BLOCK, view, at % BLOCK)

    def read(self, at: int, view, running: bool = False) -> None:
        """Read from a byte of the idle slot on, or of the running one, within a block."""
        (self._running if running else self._idle).readblocks(at // BLOCK, view, at % BLOCK)

    def choose(self) -> None:
        """Boot the idle slot next, on trial. OSError when the platform finds no good image there."""
        self._idle.set_boot()

    def confirm(self) -> None:
        """Confirm the running image: it stays after a restart."""
        esp32.Partition.mark_app_valid_cancel_rollback()

    def number(self, name: str) -> int:
        """Return a number that was stored, 0 when absent."""
        try:
            stored = self._nvs.get_i32(name)
        except OSError:
            stored = 0
        kept = SafetyValue(self._files, _COPY + name, str(stored), _higher)
        value = max(stored, _number(kept.value))
        if value or kept.fault:
            self._settle(kept, str(value), stored != value)
            if stored != value:
                self._nvs.set_i32(name, value)
                self._nvs.commit()
        return value

    def put_number(self, name: str, value: int) -> None:
        """Store a number of 32 bits, not negative."""
        self._nvs.set_i32(name, value)
        self._nvs.commit()
        SafetyValue(self._files, _COPY + name, "0", _higher).write(str(value))

    def data(self, name: str, most: int = 64) -> bytes | None:
        """Return bytes that were stored, None when absent."""
        buffer = bytearray(most)
        try:
            stored = _hex(memoryview(buffer)[: self._nvs.get_blob(name, buffer)])
        except OSError:
            stored = ""
        kept = SafetyValue(self._files, _COPY + name, stored, max)
        text = kept.value or stored
        if not text:
            return None
        self._settle(kept, text, stored != text)
        value = unhexlify(text)
        if stored != text:
            self._nvs.set_blob(name, value)
            self._nvs.commit()
        return value

    def put_data(self, name: str, value: bytes) -> None:
        """Store bytes."""
        self._nvs.set_blob(name, value)
        self._nvs.commit()
        SafetyValue(self._files, _COPY + name, "", max).write(_hex(value))

    def _settle(self, kept: SafetyValue, value: str, differs: bool) -> None:
        """Write the copies again where they or the NVS have another value, with an event."""
        if kept.value is None:  # earlier firmware had the NVS alone
            kept.write(value)
            return
        if differs or kept.value != value:
            kept.distrust(value, "flash and NVS differ, the safer one applies")
        kept.repair(self._on_event, SAFETY_VALUE)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _higher(one: str, other: str) -> str:
    return max(one, other, key=_number)


def _hex(data) -> str:
    return str(hexlify(data), "ascii")
