"""The download of an update into the idle slot: page by page, hashed while received, resumable after any interruption.

Checks in this order (SEC-6): the origin before any request, the manifest before the first page is written, the hash of
the received data, the hash of the data read back from flash. The number of written pages is stored on flash every
64 KiB; after a restart their hash is computed again from the slot. A page is a quarter of a flash sector, which fits
into a fragmented heap.
"""

import hashlib
from binascii import a2b_base64, b2a_base64, hexlify

from micropython import const

from charger import clock, log
from charger.errors import ConnectError, FtpError, HttpError, InvalidValueError, TlsError, UpdateError
from charger.os_errors import is_flash_failure
from charger.runtime import hold_ups
from charger.update import manifest as manifests
from charger.validate import check

FILE = "update.json"
_KEPT = ("obj", (("etag", ("str", 128)), ("done", ("int", 0, None))))
_PAGE = const(1024)
_BLOCK = const(4096)  # pages per erase
_NOTE_BYTES = const(65536)
_PAGE_MS = const(15000)  # time limit of a page: a slower server counts as a lost connection
_LINKS = const(8)  # connections that may be lost without progress
_PAUSE_MS = const(5000)
_NOTHING = memoryview(bytearray(0))  # the buffer exists only during a download


class Download:
    """fetch() returns when the slot has a valid image; then `ready`, `manifest` and `digest` (of the whole file) are set."""

    def __init__(self, files: Files, source: DownloadSource, slots: Any, keys: Any, unit: dict):
        self._files = files
        self._source = source
        self._slots = slots
        self._keys = keys
        self._unit = unit
        self.on_pause = None
        self._forget()

    def _forget(self) -> None:
        self.location = ""
        self.etag = ""
        self.head = b""  # magic, manifest and signature as received
        self.manifest: Any = None
        self.done = 0  # bytes of the image in the slot
        self.ready = False
        self.digest = None

    def discard(self) -> None:
        """Delete the downloaded data."""
        self._forget()
        try:
            if self._files.read(FILE) is not None:
                self._files.delete(FILE)
        except OSError as error:
            log.error("update", log.reason(error))

    # --- download ---

    async def fetch(self, location: str) -> None:
        """Download, resume, or check again. UpdateError; OSError by the flash or when there is no connection."""
        self._source.check(location)
        if not self._keys:
            raise UpdateError("signature", "this unit has no key for signatures of updates")
        self._buffer = memoryview(bytearray(manifests.MANIFEST_MAX + 2))
        try:
            if self.location != location:
                await self._take_up(location)
            if not self.ready:
                await self._request_until_whole(location)
            await self._read_back()
        except UpdateError:
            self.discard()
            raise
        except MemoryError:
            self._forget()  # the hashes may be incomplete; the next fetch resumes from the data on flash
            raise
        finally:
            self._buffer = _NOTHING

    async def _take_up(self, location: str) -> None:
        """Resume the same download from before a restart. Cancelled, it is done again by the next fetch()."""
        self._forget()
        kept = self._files.read_json(FILE)
        if isinstance(kept, dict) and kept.get("location") == _name(location) and kept.get("slot") == self._slots.idle:
            try:
                check(_KEPT, kept)
                await self._read_manifest(a2b_base64(kept["head"]))
                await self._take_up_image(kept)
            except (UpdateError, InvalidValueError, ValueError, KeyError, IndexError, TypeError):
                pass  # it begins anew
        self.location = location

    async def _take_up_image(self, kept: dict) -> None:
        self.etag = _strong(kept["etag"])
        self._image = hashlib.sha256()
        page = self._buffer[:_PAGE]
        while self.done < min(kept["done"], self.manifest.size):
            self._slots.read(self.done, page)
            self._count(self._next())
            await clock.sleep_ms(0)
        self.ready = self.done >= self.manifest.size  # verified later, by reading it back
        log.info("update", "resumed after %d bytes" % self.done)

    async def _request_until_whole(self, location: str) -> None:
        """Request the missing part until all is received; wait after a lost connection."""
        lost = 0
        while True:
            before = self.done
            self._resumed = False  # the last answer went on from where the one before it ended
            try:
                await self._request(location)
                return
            except UpdateError:
                raise
            except (ConnectError, HttpError, FtpError, OSError) as error:
                if isinstance(error, OSError) and is_flash_failure(error):
                    raise
                if isinstance(error, TlsError) and error.cause not in ("reset", "timeout", "memory"):
                    raise UpdateError("origin", str(error))
                lost = 1 if self._resumed and self.done > before else lost + 1
                if lost > _LINKS or not self.head or getattr(error, "cause", "") in ("status", "redirect", "protocol"):
                    raise OSError(log.reason(error))
                log.warn("update", "link lost after %d bytes: %s" % (self.done, log.reason(error)))
                await self._wait(_PAUSE_MS * lost)

    async def _wait(self, ms: int) -> None:
        if self.on_pause is not None:
            self.on_pause(True)
        await clock.sleep_ms(ms)
        if self.on_pause is not None:
            self.on_pause(False)

    async def _request(self, location: str) -> None:
        offset = len(self.head) + self.done if self.head else 0
        response = await self._source.open(location, offset, self.etag)
        try:
            self._resumed = response.status == 206 and offset > 0  # beginning anew is no progress: it wears the flash
            if self._resumed:
                self._check_range(response, offset)
            else:
                await self._begin(response)
            await self._receive(response)
        finally:
            response.close()

    def _check_range(self, response: Any, offset: int) -> None:
        span = response.content_range()
        whole = len(self.head) + self.manifest.size
        if span is None or span[0] != offset or span[1] != whole - 1 or span[2] not in (None, whole):
            raise UpdateError("size", "not the requested part of the file")

    async def _begin(self, response: Any) -> None:
        """Start from the first byte: verify the manifest before the first page is written."""
        self._forget_content()
        await self._read_manifest(await self._read_head(response))
        if response.length is not None and response.length != len(self.head) + self.manifest.size:
            raise UpdateError("size", "the file's length is not that of its manifest")
        self.etag = _strong(response.fields.get("etag", ""))
        self._image = hashlib.sha256()
        self._note()
        log.info("update", "%s, %d bytes, into %s" % (self.manifest.version, self.manifest.size, self._slots.idle))

    def _forget_content(self) -> None:
        location = self.location
        self._forget()
        self.location = location

    async def _read_head(self, response: Any) -> bytes:
        head = bytearray()
        await self._more(response, head, 6)
        if head[:4] != manifests.MAGIC:
            raise UpdateError("manifest", "not an update")
        for most in (manifests.MANIFEST_MAX, manifests.SIGNATURE_MAX):
            length = head[-2] << 8 | head[-1]
            if not 0 < length <= most:
                raise UpdateError("manifest", "a length out of range")
            await self._more(response, head, length + (2 if most == manifests.MANIFEST_MAX else 0))
        return bytes(head)

    async def _more(self, response: Any, head: bytearray, count: int) -> None:
        try:
            await self._fill(response, count)
        except HttpError as error:
            if error.cause != "closed" or response.length is None:
                raise
            raise UpdateError("size", "the file ends in its manifest")
        head.extend(self._buffer[:count])

    async def _read_manifest(self, head: bytes) -> None:
        """Verify a head and keep it with its manifest, both or none: fetch() may be cancelled at each await."""
        end = 6 + (head[4] << 8 | head[5])
        manifest = await manifests.parse(head[6:end], head[end + 2 :], self._keys)
        manifests.check_fit(manifest, self._unit, self._slots.size)
        self.head, self.manifest = head, manifest

    # --- the image ---

    def _next(self) -> int:
        """Return the number of image bytes in the next page."""
        return min(_PAGE, self.manifest.size - self.done)

    def _count(self, used: int) -> None:
        """Count the buffer's first bytes as written."""
        self._image.update(self._buffer[:used])
        self.done += used

    async def _receive(self, response: Any) -> None:
        buffer = self._buffer
        page = buffer[:_PAGE]
        while self.done < self.manifest.size:
            used = self._next()
            await self._fill(response, used)
            for at in range(used, _PAGE):
                buffer[at] = 0xFF
            await self._program(page)
            self._count(used)
            if self.done % _NOTE_BYTES == 0:
                self._note()
            await clock.sleep_ms(0)
        if await response.readinto(buffer[:1]):
            raise UpdateError("size", "the file goes on after its end")
        if self._image.digest() != self.manifest.sha256:
            raise UpdateError("hash", "the received image is not the signed one")
        self.ready = True
        self._note()

    async def _program(self, page: Any) -> None:
        """Write a page to the slot. Before the first page of a block the block is erased, which requires open contactors."""
        if self.done % _BLOCK:
            self._slots.write(self.done, page)
            return
        await hold_ups.wait_for_pause(hold_ups.FOREVER_MS, erases=True)
        await hold_ups.run_open(self._slots.write, self.done, page)

    async def _fill(self, response: Any, used: int) -> None:
        """Read the next `used` bytes into the buffer, within the time limit."""
        got = 0
        started = clock.ticks_ms()
        while got < used:
            count = await response.readinto(self._buffer[got:used])
            if not count:
                raise HttpError("closed", "the file ends too early")
            got += count
            if clock.elapsed_ms(started) > _PAGE_MS:
                raise HttpError("timeout", "too slow")

    async def _read_back(self) -> None:
        """Read the slot back and compare its hash with the signed one."""
        found, whole = hashlib.sha256(), hashlib.sha256(self.head)
        at, page = 0, self._buffer[:_PAGE]
        while at < self.manifest.size:
            self._slots.read(at, page)
            part = page[: min(_PAGE, self.manifest.size - at)]
            found.update(part)
            whole.update(part)
            at += _PAGE
            await clock.sleep_ms(0)
        if found.digest() != self.manifest.sha256:
            raise UpdateError("hash", "the flash does not contain the received data")
        self.digest = whole.digest()

    def _note(self) -> None:
        """Store the progress, for a resumption after a restart."""
        self._files.write_json(FILE, {
            "location": _name(self.location), "slot": self._slots.idle, "etag": self.etag,
            "head": str(b2a_base64(self.head), "ascii").strip(), "done": self.done,
        })  # fmt: skip


def _strong(tag: str) -> str:
    """Return an ETag that identifies bytes and may stand in a request; '' for others."""
    data = tag.encode()
    return tag if data[:1] == b'"' and len(data) <= 128 and min(data) > 0x20 and max(data) < 0x7F else ""


def _name(location: str) -> str:
    """Return the hash of a location for storage on flash, since the location may contain a login."""
    return str(hexlify(hashlib.sha256(location.encode()).digest()), "ascii")
