"""The block device between littlefs and the flash, which erases nothing while a contactor is closed.

A sector erase stops both cores of an ESP32: 45 ms typically, 400 ms at worst (Winbond W25Q32JV, table 9.6 "AC electrical
characteristics", tSE; a page program there takes 0.4 ms, 3 ms at worst). So a board keeps some erased blocks in a partition
of its own, the spares. While all contactors are open littlefs erases in place, as ever. While one is closed a block that
littlefs wants erased gets a spare instead: one small record says so, and the old block is erased later, by step().

The area: two blocks hold the record log in turn, the others are spares at first; later any block of either partition may be
one. A log block is a snapshot, its header written last, and then records of 8 bytes:

    header    magic, generation, number of blocks, number of spares, CRC-32 of all that and of the snapshot
    snapshot  the physical block of each logical one (2 bytes each), one bit for each physical block: free and erased
    record    logical block, physical block, CRC-32: "now lies there"; logical block 0xFFFE: "physical is free and erased"

Without a valid log each block lies where it always has, so a file system from before there were spares stays readable.
"""

import struct
from array import array
from binascii import crc32

from micropython import const

ERASE = const(6)  # of vfs.AbstractBlockDev.ioctl
_COUNT = const(4)
_EIO = const(5)
_EBUSY = const(16)
_EINVAL = const(22)
_BLOCK = const(4096)
_LOG_BLOCKS = const(2)
_HEADER = "<4sIHHI"
_KEY = "<4sIHH"
_HEADER_LEN = const(16)
_KEY_LEN = const(12)  # of the header, what its CRC-32 is about
_MAGIC = b"PLE1"
_RECORD = "<HHI"
_PAIR = "<HH"
_SUM = "<I"
_RECORD_LEN = const(8)
_FREE = const(0xFFFE)
_SEED = const(0x504C45)
_PART = const(64)  # bytes of the snapshot at a time
_RESERVE = const(8)  # erased spares kept for the writes until charging has paused
_END = b"\xff" * 8


class EraseAhead:
    """Block device for vfs.VfsLfs2 over two of the same kind: `disk` holds the file system, `area` the spares.

    area None, or one too small or too large to be used: every erase is done in place, whatever a contactor does.
    The control tick says by `may_erase` whether all contactors are open, and closes none while `erasing` is True.
    OSError when the area belongs to a disk of another size.
    """

    def __init__(self, disk: Any, area: Any | None = None) -> None:
        self.may_erase = True
        self.erasing = False
        self.failed = False  # the flash refused a step: charging waits for no spares any more
        self.blocks = disk.ioctl(_COUNT, 0)
        self.spares = 0 if area is None else area.ioctl(_COUNT, 0) - _LOG_BLOCKS
        self._disk = disk
        self._area = area
        self._read = disk.readblocks
        self._write = disk.writeblocks
        self._read_area = disk.readblocks if area is None else area.readblocks
        self._write_area = disk.writeblocks if area is None else area.writeblocks
        self._shift = self.blocks - _LOG_BLOCKS  # a spare's physical number less its number in the area
        self._map = array("H", range(self.blocks))
        self._ready = []  # erased, the next one to be used first
        self._stale = []  # not erased, or not known to be
        self._generation = 0
        self._log = 1  # which block of the area holds the log
        self._at = _BLOCK  # where its next record goes
        flags = (self.blocks + max(0, self.spares) + 7) // 8
        self._records_at = _HEADER_LEN + (2 * self.blocks + flags + 7) // 8 * 8
        if self.spares < 1 or self._records_at + self._room_wanted() > _BLOCK:
            self.spares = 0
        else:
            self._load()

    # --- called by littlefs ---

    def readblocks(self, block: int, buf: Any, off: int = 0) -> None:
        """Read from a logical block."""
        block = self._map[block]
        if block < self.blocks:
            self._read(block, buf, off)
        else:
            self._read_area(block - self._shift, buf, off)

    def writeblocks(self, block: int, buf: Any, off: int = 0) -> None:
        """Program a part of a logical block that is erased."""
        block = self._map[block]
        if block < self.blocks:
            self._write(block, buf, off)
        else:
            self._write_area(block - self._shift, buf, off)

    def ioctl(self, op: int, arg: int) -> int | None:
        """4: number of blocks, 5: their size, 6: erase one. EBUSY, negative, when no erased block is left to give."""
        if op != ERASE:
            return self._disk.ioctl(op, arg)
        if self._erase_physical(self._map[arg]):
            return 0
        if not self.ready:
            return -_EBUSY  # as littlefs wants its errors; an exception would go right through it
        spare = self._ready[0]
        self._note(arg, spare)
        del self._ready[0]
        self._stale.append(self._map[arg])
        self._map[arg] = spare
        return 0

    # --- called by the application ---

    @property
    def ready(self) -> int:
        """The number of blocks that littlefs may still have erased while a contactor is closed."""
        return min(len(self._ready), (_BLOCK - self._at) // _RECORD_LEN)

    @property
    def stale(self) -> int:
        """Number of spares that may still hold data that littlefs gave up, until step() erases them."""
        return len(self._stale)

    @property
    def needs_pause(self) -> bool:
        """True when the contactors have to open soon: the pilot is withdrawn first, and stays so while this is True.

        Once they are open it is True until step() has made half of the spares ready.
        """
        if not self.spares or self.failed:
            return False
        return self.ready <= (self.spares // 2 if self.may_erase else min(_RESERVE, self.spares // 4))

    def step(self) -> bool:
        """Erase one spare, or start a new log: one erase at most, and none while a contactor is closed.

        True when there may be more to do at once. OSError by a flash that refuses, once.
        """
        full = self._at + self._room_wanted() > _BLOCK
        if not self.spares or self.failed or not self.may_erase or not (full or self._stale):
            return False
        try:
            return self._begin_log() if full else self._make_ready()
        except OSError:
            self.failed = True
            raise

    def prepare(self) -> None:
        """Erase all spares, at the first start of the unit; it takes some seconds, before a contactor can close."""
        if not self._generation:
            while self.step():
                pass

    # --- internal ---

    def _room_wanted(self) -> int:
        """Bytes of log in which each spare can be made ready and used, twice."""
        return 4 * _RECORD_LEN * self.spares

    def _erase(self, device: Any, block: int) -> bool:
        """Erase a block, if no contactor is closed; without spares in any case."""
        self.erasing = True  # before the question: the tick may come between any two byte codes
        try:
            if not self.may_erase and self.spares:
                return False
            device.ioctl(ERASE, block)
            return True
        finally:
            self.erasing = False

    def _erase_physical(self, block: int) -> bool:
        if block < self.blocks:
            return self._erase(self._disk, block)
        return self._erase(self._area, block - self._shift)

    def _make_ready(self) -> bool:
        """Erase the spare that has waited longest. It counts as erased once the log says so: a cut leaves weak bits."""
        block = self._stale[0]
        if not self._erase_physical(block):
            return False
        self._note(_FREE, block)
        del self._stale[0]
        self._ready.append(block)
        return bool(self._stale)

    def _note(self, logical: int, physical: int) -> None:
        """Append a record. A torn record counts as not written; its place, or one that fails to program, is not used again."""
        pair = struct.pack(_PAIR, logical, physical)
        record = pair + struct.pack(_SUM, crc32(pair, _SEED))
        found = bytearray(_RECORD_LEN)
        while found != record:
            if self._at >= _BLOCK:
                raise OSError(_EIO)
            at = self._at
            self._at = at + _RECORD_LEN
            self._write_area(self._log, record, at)
            self._read_area(self._log, found, at)

    def _begin_log(self) -> bool:
        """Write a snapshot into the other log block; this one holds until the header there is written, last of all."""
        log = 1 - self._log
        if not self._erase(self._area, log):
            return False
        head = struct.pack(_KEY, _MAGIC, self._generation + 1, self.blocks, self.spares)
        total, at = crc32(head, _SEED), _HEADER_LEN
        for piece in self._snapshot():
            self._write_area(log, piece, at)
            total = crc32(piece, total)
            at += len(piece)
        self._write_area(log, head + struct.pack(_SUM, total), 0)
        self._generation += 1
        self._log, self._at = log, self._records_at
        return True

    def _snapshot(self) -> Iterator:
        """The pieces of a snapshot: the map, then the flags with what fills the last 8 bytes."""
        for at in range(0, self.blocks, _PART // 2):
            yield bytes(self._map[at : at + _PART // 2])
        flags = bytearray(self._records_at - _HEADER_LEN - 2 * self.blocks)
        for block in self._ready:
            flags[block >> 3] |= 1 << (block & 7)
        yield flags

    def _load(self) -> None:
        """Find where each block lies and which ones are free, from the newer one of the logs that are whole."""
        flags = bytearray(self._records_at - _HEADER_LEN - 2 * self.blocks)
        newest = max((self._generation_of(0), 0), (self._generation_of(1), 1))
        if newest[0]:
            self._generation, self._log = newest
            self._replay(flags)
        lies = bytearray(self.blocks + self.spares)
        for block in self._map:
            lies[block] = 1
        for block in range(len(lies)):
            if not lies[block]:
                (self._ready if flags[block >> 3] & 1 << (block & 7) else self._stale).append(block)

    def _generation_of(self, log: int) -> int:
        """Generation of a log block, 0 when its snapshot is not whole."""
        head = bytearray(_HEADER_LEN)
        self._read_area(log, head, 0)
        magic, generation, blocks, spares, expected = struct.unpack(_HEADER, head)
        end = _HEADER_LEN + (2 * blocks + (blocks + spares + 7) // 8 + 7) // 8 * 8
        if magic != _MAGIC or end > _BLOCK:  # none, or a torn one
            return 0
        total = crc32(memoryview(head)[:_KEY_LEN], _SEED)
        piece = memoryview(bytearray(_PART))
        for at in range(_HEADER_LEN, end, _PART):
            part = piece[: min(_PART, end - at)]
            self._read_area(log, part, at)
            total = crc32(part, total)
        if total != expected:
            return 0
        if blocks != self.blocks or spares != self.spares:
            raise OSError(_EINVAL)
        return generation

    def _replay(self, flags: bytearray) -> None:
        """Map, flags and the log's end as snapshot and records have them."""
        view = memoryview(bytearray(2))
        for block in range(self.blocks):
            self._read_area(self._log, view, _HEADER_LEN + 2 * block)
            self._map[block] = view[0] | view[1] << 8
        self._read_area(self._log, flags, _HEADER_LEN + 2 * self.blocks)
        record = bytearray(_RECORD_LEN)
        for at in range(self._records_at, _BLOCK, _RECORD_LEN):
            self._read_area(self._log, record, at)
            if record == _END:
                self._at = at
                return
            logical, physical, expected = struct.unpack(_RECORD, record)
            if expected != crc32(memoryview(record)[:4], _SEED):
                continue
            if logical == _FREE:
                flags[physical >> 3] |= 1 << (physical & 7)
            else:
                self._map[logical] = physical
                flags[physical >> 3] &= ~(1 << (physical & 7))
