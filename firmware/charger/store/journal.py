"""Append-only journals: a record is on flash when append() returns and survives any power cut.

A journal is a folder of segment files, each named by the sequence number of its first record, so opening a journal
reads one directory and one segment at any length. A record is length, sequence number and CRC-32 (over both and the
data), then the data; a record with a mismatch is never returned. The low-water mark of trim() is an ABRecord.
"""

import os
import struct
from binascii import crc32

from micropython import const

from charger import log
from charger.errors import JournalFullError
from charger.store.ab_record import ABRecord
from charger.store.files import Files, checksum

_HEADER = "<HII"  # length of the data, sequence number, CRC-32
_HEADER_LEN = const(10)
_KEY = "<HI"
_CHUNK = const(1024)  # bytes per read: opening costs more than reading, a larger block fragments a small heap
_FIRST, _SIZE = const(0), const(1)


class Journal:
    """Records of bytes in order, numbered from 0. Not for the control tick: an append is a flash write of some ms.

    max_bytes bounds the flash used; space is freed by whole segments. With ring=True the oldest segment is dropped for new
    records, otherwise append raises JournalFullError. A record has at most segment_bytes - 10 bytes.
    """

    def __init__(self, files: Files, name: str, max_bytes: int = 65536, segment_bytes: int = 4096,
                 ring: bool = False, load: bool = True) -> None:
        """Without `load` the caller runs loading(), before anything else."""
        if max_bytes < 2 * segment_bytes or not _HEADER_LEN < segment_bytes <= 65535:
            raise ValueError("journal size")
        self.name = name
        self.max_bytes = max_bytes
        self.segment_bytes = segment_bytes
        self.ring = ring
        self._files = files
        files.make_folder(name)
        self._mark = ABRecord(files, name + "/mark")
        if load:
            self._load()

    @property
    def first_seq(self) -> int:
        """The number of the oldest record; equal to next_seq when the journal is empty."""
        if not self._segments:
            return self.next_seq
        return max(self._low, self._segments[0][_FIRST])

    @property
    def used_bytes(self) -> int:
        """Bytes used on flash, including trimmed records of segments still in use."""
        return sum(segment[_SIZE] for segment in self._segments)

    def append(self, data: bytes) -> int:
        """Append a record and return its number. JournalFullError; ValueError when too long; OSError by the flash."""
        need = _HEADER_LEN + len(data)
        if need > self.segment_bytes:
            raise ValueError("record of %d bytes" % len(data))
        if self._stale:
            self._load()
        self._make_room(need)
        seq = self.next_seq
        if not self._segments or self._damaged or self._segments[-1][_SIZE] + need > self.segment_bytes:
            self._segments.append([seq, 0])
            self._damaged = False
        segment = self._segments[-1]
        key = struct.pack(_KEY, len(data), seq)
        self._stale = True  # the content on flash is unknown until the file is closed
        with open(self._path(segment[_FIRST]), "ab") as file:
            file.write(key + struct.pack("<I", checksum(key + data)) + data)
        self._stale = False
        segment[_SIZE] += need
        self.next_seq = seq + 1
        return seq

    def records(self, start: int = 0, pauses: bool = False) -> Iterator:
        """Iterate (number, data) from record `start` on, oldest first; append and trim are allowed meanwhile.

        With `pauses` also (-1, b"") after each part of the segment in which there is none of them: a place to yield.
        """
        if self._stale:
            self._load()
        wanted, first, offset = start, -1, 0
        while True:
            wanted = max(wanted, self.first_seq)
            segment = self._segment_of(wanted)
            if segment is None:
                return
            if segment[_FIRST] != first:
                first, offset = segment[_FIRST], 0
            chunk = self._read(first, offset, segment[_SIZE])
            at, before = 0, wanted
            while True:
                seq, length = _parse(chunk, at, first, wanted)
                if seq < 0:
                    break
                at += _HEADER_LEN + length
                if seq >= wanted and seq >= self.first_seq:
                    wanted = seq + 1
                    yield seq, bytes(chunk[at - length : at])
            if at == 0:  # the end of the segment or damage: later records of this segment cannot be found
                if offset < segment[_SIZE]:
                    log.error("store", "%s: damaged after record %d" % (self.name, wanted - 1))
                wanted = max(wanted, self._after(first))
            elif pauses and wanted == before:
                yield -1, b""
            offset += at

    def trim(self, seq: int) -> None:
        """Remove the records before `seq`: one small flash write, and one more for each segment freed."""
        seq = min(seq, self.next_seq)
        if seq <= self.first_seq:
            return
        self._mark.write(struct.pack("<I", seq))
        self._low = seq
        self._drop_dead()

    def clear(self) -> None:
        """Remove all records; the numbering continues."""
        self.trim(self.next_seq)

    def second_segment_seq(self) -> int:
        """The number up to which trimming frees the oldest segment (next_seq when there is only one)."""
        return self._segments[1][_FIRST] if len(self._segments) > 1 else self.next_seq

    def _path(self, first: int) -> str:
        return self._files.path("%s/%d" % (self.name, first))

    def _load(self) -> None:
        for _ in self.loading():
            pass

    def loading(self) -> Steps:
        """Find out what is on flash: a generator of slices."""
        self._low = self._mark.number()
        self._segments = []
        for entry in os.ilistdir(self._files.path(self.name)):
            if entry[0].isdigit():
                self._segments.append([int(entry[0]), entry[-1]])
        self._segments.sort()
        self._damaged = False
        self.next_seq = self._low
        if self._segments:
            self.next_seq = max(self._low, (yield from self._scan_last()))
        self._stale = False
        self._drop_dead()

    def _scan_last(self) -> Steps:
        """Return the number after the last valid record of the last segment; note damage behind it. A generator of slices."""
        first, size = self._segments[-1]
        offset, seq = 0, first
        while offset < size:
            chunk = self._read(first, offset, size)
            at = 0
            while True:
                found, length = _parse(chunk, at, first)
                if found < 0:
                    break
                seq = found + 1
                at += _HEADER_LEN + length
            if at == 0:
                log.error("store", "%s: %d bytes after record %d ignored" % (self.name, size - offset, seq - 1))
                self._damaged = True
                # numbers that the lost records may have had are not used again
                return seq + (size - offset) // _HEADER_LEN + 1
            offset += at
            yield
        return seq

    def _read(self, first: int, offset: int, size: int) -> memoryview:
        """Read bytes of a segment from an offset: complete records, at least one if there is one."""
        if offset >= size:
            return memoryview(b"")
        with open(self._path(first), "rb") as file:
            file.seek(offset)
            data = file.read(min(_CHUNK, size - offset))
            if len(data) >= _HEADER_LEN:
                missing = _HEADER_LEN + struct.unpack_from("<H", data)[0] - len(data)
                if 0 < missing <= size - offset - len(data):
                    data += file.read(missing)
        return memoryview(data)

    def _segment_of(self, wanted: int) -> list | None:
        """Return the segment with record `wanted` or the next one, None at the end."""
        if wanted >= self.next_seq:
            return None
        found = None
        for segment in self._segments:
            if found is not None and segment[_FIRST] > wanted:
                break
            found = segment
        return found

    def _after(self, first: int) -> int:
        """Return the first number of the segment after the one that starts at `first`."""
        for segment in self._segments:
            if segment[_FIRST] > first:
                return segment[_FIRST]
        return self.next_seq

    def _make_room(self, need: int) -> None:
        while self.used_bytes + need > self.max_bytes:
            if not self.ring or len(self._segments) < 2:
                raise JournalFullError(self.name)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        os.remove(self._path(self._segments[0][_FIRST]))
        self._segments.pop(0)

    def _drop_dead(self) -> None:
        """Remove segments that are below the low-water mark. Never before the mark is on flash."""
        while self._segments and self.second_segment_seq() <= self._low:
            self._drop_oldest()


def _parse(chunk: memoryview, at: int, floor: int, wanted: int = 0) -> tuple:
    """Return (number, length) of the record at `at`, (-1, 0) when it is invalid or not the expected one.

    The checksum of one before `wanted`, which is skipped, is not looked at. Short, as _is_sound() is: a frame of more than 11
    words comes from the heap, and that takes five times as long as all else here.
    """
    at += _HEADER_LEN
    if at <= len(chunk):
        fields = struct.unpack_from(_HEADER, chunk, at - _HEADER_LEN)  # length, number, checksum
        if at + fields[0] <= len(chunk) and fields[1] >= floor and (fields[1] < wanted or _is_sound(chunk, at, fields)):
            return fields[1], fields[0]
    return -1, 0


def _is_sound(chunk: memoryview, at: int, fields: tuple) -> bool:
    """True when the data at `at` and the header before them have the checksum of the header."""
    return crc32(chunk[at : at + fields[0]], checksum(chunk[at - _HEADER_LEN : at - 4])) == fields[2]
