"""Check of the running image against the confirmed hash, computed in small pieces (SEC-8, 9).

Secure boot checks at start-up only; this detects later changes, and also works without secure boot. An update sets the hash
of its image. Before the first one a unit to be sold stores that of its whole slot at the first check, in the factory; an
image of the plain build, which a developer replaces by cable, has none until then.
"""

import hashlib

from micropython import const

from charger import clock, log
from charger.audit.events import FIRMWARE_INTEGRITY
from charger.runtime import hold_ups
from charger.update import BROKEN, IMAGE

_SIZE, _KNOWN = const(4), const(36)
_PAGE = const(1024)
_PAUSE_MS = const(50)  # between two pages: an image takes one to two minutes


class Integrity:
    """One check of the running slot; its outcome is kept by the slots."""

    def __init__(self, slots: Any, on_event: Callable, on_broken: Callable, on_good: Callable):
        """Calls on_broken() when the image is found altered, on_good() when an altered one is valid again."""
        self._slots = slots
        self._on_event = on_event
        self._on_broken = on_broken
        self._on_good = on_good

    async def check_image(self) -> None:
        """Check the whole image once."""
        known, broken = self._slots.data(IMAGE), self._slots.number(BROKEN)
        if known is None and not broken:
            if self._slots.sold:
                await self._store_hash()
            return
        if known is None or len(known) != _KNOWN or not await self.is_whole(known):
            log.error("update", "the running firmware is not the one that was confirmed")
            self._on_event(FIRMWARE_INTEGRITY, self._slots.running)
            self._on_broken()
            await hold_ups.run_open(self._slots.put_number, BROKEN, 1)
            return
        if broken:
            await hold_ups.run_open(self._slots.put_number, BROKEN, 0)
            self._on_good()

    async def is_whole(self, known: bytes) -> bool:
        """True when the running slot matches the stored size (4 bytes) and SHA-256."""
        return await self._digest(int.from_bytes(known[:_SIZE], "big")) == known[_SIZE:]

    async def _store_hash(self) -> None:
        """Store the hash of the running slot, as the factory has written it."""
        size = self._slots.size
        found = size.to_bytes(_SIZE, "big") + await self._digest(size)
        await hold_ups.run_open(self._slots.put_data, IMAGE, found)
        log.info("update", "the hash of the factory's image is stored")

    async def _digest(self, left: int) -> bytes:
        """Return the SHA-256 of the first bytes of the running slot."""
        buffer = memoryview(bytearray(_PAGE))
        found = hashlib.sha256()
        at = 0
        while left > 0:
            self._slots.read(at, buffer, running=True)
            found.update(buffer[: min(left, _PAGE)])
            left -= _PAGE
            at += _PAGE
            await clock.sleep_ms(_PAUSE_MS)
        return found.digest()
