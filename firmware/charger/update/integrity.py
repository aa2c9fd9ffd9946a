"""Check of the running image against the confirmed hash, computed in small pieces (SEC-8, 9).

Secure boot checks at start-up only; this detects later changes, and also works without secure boot. A unit has no hash of
its image until its first update sets one.
"""

import hashlib

from micropython import const

from charger import clock, log
from charger.audit.events import FIRMWARE_INTEGRITY
from charger.update import BROKEN, IMAGE

_PAGE = const(1024)
_PAUSE_MS = const(50)  # between two pages: an image takes one to two minutes


class Integrity:
    """One check of the running slot; its outcome is kept by the slots."""

    def __init__(self, slots, on_event, on_broken, on_good):
        """Calls on_broken() when the image is found altered, on_good() when an altered one is valid again."""
        self._slots = slots
        self._on_event = on_event
        self._on_broken = on_broken
        self._on_good = on_good

    async def check_image(self) -> None:
        """Check the whole image once."""
        known = self._slots.data(IMAGE)
        if known is not None and len(known) == 36 and not await self.is_whole(known):
            self._slots.put_number(BROKEN, 1)
            log.error("update", "the running firmware is not the one that was confirmed")
            self._on_event(FIRMWARE_INTEGRITY, self._slots.running)
            self._on_broken()
            return
        if self._slots.number(BROKEN):
            self._slots.put_number(BROKEN, 0)
            self._on_good()

    async def is_whole(self, known: bytes) -> bool:
        """True when the running slot matches the stored size (4 bytes) and SHA-256."""
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
