"""The flash chip: a NOR block device over a file (or over memory), whose power can be cut at any single operation.

It holds littlefs to what NOR flash can do: a program may only touch bytes that were erased since, nothing reaches
over a block's end. Every operation goes to the file at once with one write(2): killing the process is a power cut too.
"""

import errno
import os

import vfs

from sim import hardware_times, launch, soft_irq, timebase

ERASED = 0xFF
FLASH_OP_FAIL = -0x6001  # error of the port: the ESP-IDF's code, negated
BLOCK = 4096
SPARES = 48
LOG_BLOCKS = 2
# what an operation at which the power fails leaves behind
DROP = "drop"  # nothing happened yet
HALF = "half"  # the first half is done
LATE = "late"  # done, but the power fails before the return
_compared = bytearray(256)  # what lies where something is to be programmed; the heap is the firmware's


class Power:
    """The supply of the chip. Devices that share one are partitions of the same chip: they die in the same operation."""

    def __init__(self) -> None:
        self.on = True
        self.left = -1  # operations until it fails; below 0 it does not
        self.mode = DROP


class Flash:
    """Block device for vfs.VfsLfs2 (extended interface). path None keeps the content in memory: `image`, its blocks.

    cut_after(n, mode) lets n more programs and erases pass and cuts the power in the next one: that one and every later
    operation raises OSError(FLASH_OP_FAIL). `writes`, `erases` and `programmed_bytes` are counted per block and over all.
    Give `power` of another device to be a partition of the same chip. `closed`, when set, says whether a contactor
    is closed: erases meanwhile are counted in `erases_closed`.
    """

    def __init__(
        self, path: str | None, block_size: int = 4096, blocks: int = 512, image: list | None = None, power=None
    ) -> None:
        self.block_size = block_size
        self.blocks = blocks
        self.power = power or Power()
        self.violation = ""
        self.closed = None
        self.area = None  # the partition of the spare blocks, where it is mounted with one
        self.erases_closed = 0
        self.reads = 0
        self.writes = 0
        self.erases = 0
        self.programmed_bytes = 0
        self.block_writes = [0] * blocks
        self.block_erases = [0] * blocks
        self._blank = bytes([ERASED]) * block_size
        self._file = None
        self.image = image
        if path is not None:
            if not _exists(path):
                _manufacture(path, self._blank, blocks)
            self._file = open(path, "r+b")
        elif image is None:
            self.image = [self._blank] * blocks

    @property
    def powered(self) -> bool:
        """False once the power was cut, at this device or at another one on the same chip."""
        return self.power.on

    @property
    def operations(self) -> int:
        """Programs and erases so far: the number of points at which power can fail."""
        return self.writes + self.erases

    def cut_after(self, operations: int, mode: str = DROP) -> None:
        """Cut the power in the program or erase that follows the next `operations` ones."""
        self.power.left = operations
        self.power.mode = mode

    def snapshot(self) -> list:
        """The content in memory as it is now, to make other devices from; blocks are copied only when changed."""
        self.image = [block if isinstance(block, bytes) else bytes(block) for block in self.image]
        return list(self.image)

    def figures(self) -> dict:
        """Operations on the file system's part and its spares, the chip's erases over a closed contactor, the spares."""
        from charger.drivers.flash_device import device
        from sim import slots

        return {
            "erases": self.erases + self.area.erases, "programs": self.writes + self.area.writes,
            "erases_closed": self.erases_closed + self.area.erases_closed + slots.erases_closed(),
            "spares_ready": device.ready, "spares_stale": device.stale, "pause": device.needs_pause,
        }  # fmt: skip

    def power_off(self) -> None:
        """Cut the power now. The object is of no more use: make a new one over the same path or image."""
        self.power.on = False
        if self._file is not None:
            self._file.close()
            self._file = None

    def readblocks(self, block: int, buf: bytearray, off: int = 0) -> None:
        soft_irq.enter()
        try:
            timebase.cost(1 + len(buf) * hardware_times.FLASH_READ_US_A_KB // 1024, "flash read")
            self._read(block, buf, off)
        finally:
            soft_irq.leave()

    def _read(self, block: int, buf: bytearray, off: int) -> None:
        self.reads += 1
        self._alive(block, off, len(buf))
        if self._file is None:
            buf[:] = memoryview(self.image[block])[off : off + len(buf)]
            return
        self._file.seek(block * self.block_size + off)
        if self._file.readinto(buf) != len(buf):
            raise OSError(FLASH_OP_FAIL, "ESP_ERR_FLASH_OP_FAIL")

    def writeblocks(self, block: int, buf: bytes, off: int | None = None) -> None:
        if off is None:
            raise OSError(errno.EINVAL)  # the old block protocol erases by itself: littlefs never uses it
        soft_irq.enter()
        try:
            pages = (off % hardware_times.FLASH_PAGE + len(buf) + hardware_times.FLASH_PAGE - 1) // hardware_times.FLASH_PAGE
            timebase.cost(pages * hardware_times.FLASH_PROGRAM_PAGE_US[launch.config["flash_time"]], "flash program")
            self._write(block, buf, off)
        finally:
            soft_irq.leave()

    def _write(self, block: int, buf: bytes, off: int) -> None:
        self._alive(block, off, len(buf))
        self._must_be_erased(block, off, len(buf))
        self._operate(block, off, buf)
        self.writes += 1
        self.block_writes[block] += 1
        self.programmed_bytes += len(buf)

    def ioctl(self, op: int, arg: int) -> int | None:
        if op == 4:
            return self.blocks
        if op == 5:
            return self.block_size
        if op == 6:
            soft_irq.enter()
            try:
                self._alive(arg, 0, self.block_size)
                if self.closed is not None and self.closed():
                    self.erases_closed += 1
                timebase.cost(hardware_times.FLASH_ERASE_SECTOR_US[launch.config["flash_time"]], "flash erase")
                self._operate(arg, 0, self._blank)
                self.erases += 1
                self.block_erases[arg] += 1
            finally:
                soft_irq.leave()
        return 0

    def _alive(self, block: int, off: int, length: int) -> None:
        if not self.power.on:
            raise OSError(FLASH_OP_FAIL, "ESP_ERR_FLASH_OP_FAIL")
        if not 0 <= block < self.blocks or off < 0 or off + length > self.block_size:
            raise OSError(errno.EINVAL)

    def _must_be_erased(self, block: int, off: int, length: int) -> None:
        end = off + length
        while off < end:
            piece = memoryview(_compared)[: min(len(_compared), end - off)]
            self._read(block, piece, off)
            if piece != memoryview(self._blank)[: len(piece)]:
                self.violation = "block {} offset {}: programmed without erase".format(block, off)
                raise OSError(FLASH_OP_FAIL, "ESP_ERR_FLASH_OP_FAIL")
            off += len(piece)

    def _operate(self, block: int, off: int, data: bytes) -> None:
        power = self.power
        if power.left != 0:
            power.left -= 1
            self._put(block, off, data)
            return
        if power.mode == HALF:
            self._put(block, off, memoryview(data)[: len(data) // 2])
        elif power.mode == LATE:
            self._put(block, off, data)
        self.power_off()
        raise OSError(FLASH_OP_FAIL, "ESP_ERR_FLASH_OP_FAIL")

    def _put(self, block: int, off: int, data: bytes) -> None:
        if self._file is None:
            if data is self._blank:
                self.image[block] = data
                return
            if isinstance(self.image[block], bytes):
                self.image[block] = bytearray(self.image[block])
            self.image[block][off : off + len(data)] = data
            return
        self._file.seek(block * self.block_size + off)
        self._file.write(data)


class Area(Flash):
    """The partition of the spare blocks: erased until something is written."""

    def __init__(self, path: str | None, power: Power) -> None:
        if path is not None and not _exists(path):
            blank = bytes([ERASED]) * BLOCK
            with open(path + ".new", "wb") as file:
                for _ in range(SPARES + LOG_BLOCKS):
                    file.write(blank)
            os.rename(path + ".new", path)
        super().__init__(path, BLOCK, SPARES + LOG_BLOCKS, power=power)


def mount(path: str | None, root: str = "/flash", flash: Flash | None = None, power: Power | None = None) -> Flash:
    """Mount the flash in file `path` at root and return it. A new file is formatted, as the factory does.

    The spare blocks of drivers/erase_ahead.py lie in a file of their own beside it. Give `flash` to mount a device that
    exists already, without spares (tests), `power` to share another device's. Raises OSError when the file system is not
    readable: that is a finding, never a reason to format.
    """
    from charger.store import file_system

    if flash is not None:
        if _is_blank(flash):
            vfs.VfsLfs2.mkfs(flash)
        vfs.mount(file_system.opened(flash), root)
        return flash
    from charger.drivers import flash_device

    area_path = None if path is None else path[: path.rfind("/") + 1] + "spare.bin"
    if path is not None and not _exists(path) and _exists(area_path):
        os.remove(area_path)  # a new chip is new as a whole
    device = Flash(path, power=power)
    if path is None:
        vfs.VfsLfs2.mkfs(device)
    area = Area(area_path, device.power)
    device.area = area
    vfs.mount(file_system.opened(flash_device.attach(device, area)), root)
    return device


def unmount(root: str = "/flash") -> None:
    """Take the file system away, as after a power cut; no error when nothing is mounted there."""
    try:
        vfs.umount(root)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def _manufacture(path: str, blank: bytes, blocks: int) -> None:
    """A formatted flash file, all or nothing: a process killed half-way leaves no half-formatted flash behind."""
    with open(path + ".new", "wb") as file:
        for _ in range(blocks):
            file.write(blank)
    device = Flash(path + ".new", len(blank), blocks)
    vfs.VfsLfs2.mkfs(device)
    device.power_off()
    os.rename(path + ".new", path)


def _is_blank(device: Flash) -> bool:
    """True for a chip from the factory. Both blocks of the superblock count: littlefs erases one while it moves to it."""
    head = bytearray(64)
    for block in (0, 1):
        device.readblocks(block, head, 0)
        if head != bytes([ERASED]) * 64:
            return False
    return True


def _exists(path: str) -> bool:
    try:
        os.stat(path)
        return True
    except OSError:
        return False
