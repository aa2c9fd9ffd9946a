"""Frames of a WebSocket client (RFC 6455 section 5.2): header, mask, and writing them in order."""

import asyncio
import os
from errno import EIO, ETIMEDOUT

from micropython import const

from charger import clock, log
from charger.errors import ConnectionClosedError

ABNORMAL = const(1006)  # close code of a connection that ended without a close frame
# Offset of the payload in the first chunk, behind the header. It and the chunk's length are multiples of 4: so the mask is
# aligned, and the last part of a payload is masked with up to 3 bytes behind it, which are not sent.
PAYLOAD = const(16)
_SEND_MS = const(20000)
_RETRY_MS = const(20)


def mask_in_place(view: memoryview, mask: bytes) -> None:
    """Mask a whole number of masks, 4 bytes each. XOR of one big integer takes a tenth of a loop's time."""
    count = len(view)
    whole = int.from_bytes(mask * (count // 4), "little")
    view[:] = (int.from_bytes(view, "little") ^ whole).to_bytes(count, "little")


def header(chunk: bytearray, end: int, first: int, size: int, mask: bytes) -> int:
    """Put the header of a masked frame with `size` bytes of payload before chunk[end]; return where it begins."""
    count = 0 if size < 126 else 2 if size < 65536 else 8
    begin = end - 6 - count
    chunk[begin] = first
    chunk[begin + 1] = 0x80 | (size if not count else 126 if count == 2 else 127)
    if count:
        chunk[begin + 2 : end - 4] = size.to_bytes(count, "big")
    chunk[end - 4 : end] = mask
    return begin


def short_frame(chunk: bytearray, start: int, first: int, text: memoryview) -> memoryview:
    """Build a masked frame with `text` in the chunk, where the payload begins at `start`."""
    end = start + len(text)
    mask = os.urandom(4)
    begin = header(chunk, start, first, len(text), mask)
    chunk[start:end] = text
    view = memoryview(chunk)
    mask_in_place(view[start : end + 3 & ~3], mask)
    return view[begin:end]


def whole_text(ahead: bytearray, at: int, end: int) -> tuple | None:
    """Return (offset, length) of the payload if ahead[at:end] begins with a complete, unfragmented text frame; else None.

    Returns None for an invalid frame, too: the regular path reports the violation to the peer.
    """
    if end - at < 4 or ahead[at] != 0x81:
        return None
    size = ahead[at + 1]
    at += 2
    if size == 126:
        size = ahead[at] << 8 | ahead[at + 1]
        at += 2
        if size < 126:
            return None
    elif size > 126:
        return None
    return (at, size) if at + size <= end else None


class FrameWriter:
    """Writes masked frames one at a time; base of WebSocket. The first failure ends the connection.

    `over` is set when the connection has ended or is to be ended; `_chunk` is the buffer in which frames are masked.
    """

    def __init__(self, writer: Any):
        self._writer = writer
        self._chunk = bytearray(0)  # set before the first transfer, see WebSocket.use()
        self._frame_lock = asyncio.Lock()  # one frame at a time
        self._writers = 0  # tasks that send or wait to send
        self._closed = None  # the ConnectionClosedError that ended the connection
        self.over = asyncio.Event()

    @property
    def closed(self) -> ConnectionClosedError | None:
        """The ConnectionClosedError that ended the connection, None while it is open."""
        return self._closed

    def _over(self, code: int, reason: str) -> ConnectionClosedError:
        """Record the end of the connection, of which the first reason counts, and return it."""
        if self._closed is None:
            self._closed = ConnectionClosedError(code, reason)
            self.over.set()
        return self._closed

    async def _send_frame(self, first: int, pieces: Any, size: int, skip: int = 0, rest: Any | None = None) -> None:
        """Write one masked frame of `size` bytes, which begins `skip` bytes into the pieces; or the rest of one."""
        self._writers += 1
        try:
            await self._frame_lock.acquire()
            try:
                await self._write_or_end(first, pieces, size, skip, rest)
            finally:
                self._frame_lock.release()
        finally:
            self._writers -= 1

    async def _write_or_end(self, first: int, pieces: Any, size: int, skip: int, rest: Any) -> None:
        """Write a frame; a failure in the middle ends the connection."""
        if self._closed is not None:
            raise self._closed
        try:
            if rest is not None:
                await self._write(rest, clock.ticks_ms())
            else:
                await self._write_frame(first, pieces, size, skip)
        except OSError as error:
            raise self._over(ABNORMAL, log.reason(error))
        except BaseException:
            self._over(ABNORMAL, "cut in the middle of a frame")
            raise

    async def _write_frame(self, first: int, pieces: Any, size: int, skip: int) -> None:
        """Gather the pieces chunk by chunk behind the header, mask and write each chunk."""
        started = clock.ticks_ms()
        view = memoryview(self._chunk)
        mask = os.urandom(4)
        begin = header(self._chunk, PAYLOAD, first, size, mask)
        masked = at = PAYLOAD
        for piece in pieces:
            piece = memoryview(piece)
            start = min(skip, len(piece))
            skip -= start
            while start < len(piece) and size:
                count = min(len(piece) - start, len(view) - at, size)
                view[at : at + count] = piece[start : start + count]
                at += count
                start += count
                size -= count
                if at == len(view):
                    mask_in_place(view[masked:], mask)
                    await self._write(view[begin:], started)
                    if size > at:  # more than one chunk is left
                        await clock.sleep_ms(0)
                    begin = masked = at = 0
        if size:
            raise OSError(EIO)  # the pieces are shorter than they were counted: the peer could not decode what follows
        mask_in_place(view[masked : at + 3 & ~3], mask)
        await self._write(view[begin:at], started)

    async def _write(self, view: memoryview, started: int) -> None:
        """Write view, retrying every 20 ms while the peer is slow. OSError when the frame takes over 20 s.

        Not with drain(): a cancelled drain() sends the same bytes again, and takes the task in recv() off asyncio's
        poller with it.
        """
        while view:
            if self._closed is not None:
                raise self._closed
            count = self._writer.s.write(view)
            if count:
                view = view[count:]
            if view:
                if clock.elapsed_ms(started) > _SEND_MS:
                    raise OSError(ETIMEDOUT)
                await clock.sleep_ms(_RETRY_MS)
