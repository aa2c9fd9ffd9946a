"""Whether the running image is still the one that was confirmed: its hash, made anew in small pieces, all the time (SEC-8, 9).

The chip's secure boot looks at start-up; this sees what changes later, and works where secure boot is not burned in. A
unit that runs from its first flashing knows no hash of itself until provisioning or the first update gives it one.
"""

import hashlib

from micropython import const

from charger import clock, log
from charger.audit.events import FIRMWARE_INTEGRITY
from charger.update.updater import BROKEN, IMAGE

_PAGE = const(1024)
_PAUSE_MS = const(50)  # between two pages: an image takes a minute or two


class Integrity:
    """`broken` is True once the running slot held something else than what was confirmed, until it is found whole again."""

    def __init__(self, slots, on_event, on_broken, on_good):
        """on_broken() when it is found, on_good() when a unit that was broken before is whole again."""
        self._slots = slots
        self._on_event = on_event
        self._on_broken = on_broken
        self._on_good = on_good
        self.broken = bool(slots.number(BROKEN))

    async def look(self) -> bool:
        """Look at the whole image once; False when it is not what was confirmed."""
        known = self._slots.data(IMAGE)
        if known is not None and len(known) == 36 and not await self.is_whole(known):
            self.broken = True
            self._slots.put_number(BROKEN, 1)
            log.error("update", "the running firmware is not the one that was confirmed")
            self._on_event(FIRMWARE_INTEGRITY, self._slots.running)
            self._on_broken()
            return False
        if self._slots.number(BROKEN):
            self._slots.put_number(BROKEN, 0)
            self.broken = False
            self._on_good()
        return True

    async def is_whole(self, known: bytes) -> bool:
        """True when the running slot's first bytes hash to what is known of it: size (4 bytes) and SHA-256."""
        left = int.from_bytes(known[:4], "big")
        buffer = memoryview(bytearray(_PAGE))
        found = hashlib.sha256()
        at = 0
        while left > 0:
            self._slots.read(at, buffer, running=True)
            found.update(buffer[: min(left, _PAGE)])
            left -= _PAGE
            at += _PAGE
            await clock.sleep_ms(_PAUSE_MS)
        return found.digest() == known[4:]
