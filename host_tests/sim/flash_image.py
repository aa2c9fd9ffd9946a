"""The file system's image of a stopped or running unit: flash.bin with the blocks that lie in spare.bin in their places."""

import struct
from zlib import crc32

BLOCK, HEADER, RECORD, FREE, SEED = 4096, 16, 8, 0xFFFE, 0x504C45


def _log(area, blocks):
    """(generation, block of the area) of the newer log whose snapshot is whole, None without one; its end too."""
    found = []
    for number in (0, 1):
        data = area[number * BLOCK : (number + 1) * BLOCK]
        magic, generation, count, spares, expected = struct.unpack_from("<4sIHHI", data)
        end = HEADER + (2 * blocks + (blocks + spares + 7) // 8 + 7) // 8 * 8
        if magic == b"PLE1" and count == blocks and crc32(data[HEADER:end], crc32(data[:12], SEED)) == expected:
            found.append((generation, data, end))
    return max(found) if found else None


def file_system(state_dir):
    """The blocks as littlefs sees them, as drivers/erase_ahead.py puts them together."""
    disk = (state_dir / "flash.bin").read_bytes()
    area = (state_dir / "spare.bin").read_bytes()
    blocks = len(disk) // BLOCK
    log = _log(area, blocks)
    lies = list(range(blocks))
    if log is not None:
        _, data, end = log
        lies = list(struct.unpack_from(f"<{blocks}H", data, HEADER))
        for at in range(end, BLOCK, RECORD):
            logical, physical, expected = struct.unpack_from("<HHI", data, at)
            if crc32(data[at : at + 4], SEED) == expected and logical != FREE:
                lies[logical] = physical
    chip = disk + area[2 * BLOCK :]
    return bytearray().join(chip[place * BLOCK : (place + 1) * BLOCK] for place in lies)
