"""Frames of a WebSocket client (RFC 6455 section 5.2): header and mask."""

import os


def mask_in_place(view, mask: bytes) -> None:
    """Mask a payload, or a part at a multiple of 4. XOR of one big integer takes a tenth of a loop's time."""
    count = len(view)
    whole = int.from_bytes((mask * (count // 4 + 1))[:count], "little")
    view[:] = (int.from_bytes(view, "little") ^ whole).to_bytes(count, "little")


def header(first: int, size: int, mask: bytes) -> bytes:
    """Encode the header of a masked frame with `size` bytes of payload; `first` is its first byte."""
    if size < 126:
        return bytes((first, 0x80 | size)) + mask
    if size < 65536:
        return bytes((first, 0x80 | 126, size >> 8, size & 255)) + mask
    return bytes((first, 0x80 | 127)) + size.to_bytes(8, "big") + mask


def short_frame(chunk: bytearray, start: int, first: int, pieces, size: int) -> memoryview:
    """Build a masked frame of `size` bytes of payload in the chunk, where the payload begins at `start`."""
    view = memoryview(chunk)
    mask = os.urandom(4)
    head = header(first, size, mask)
    begin = start - len(head)
    view[begin:start] = head
    at = start
    for piece in pieces:
        piece = memoryview(piece)
        view[at : at + len(piece)] = piece
        at += len(piece)
    mask_in_place(view[start:at], mask)
    return view[begin:at]


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
