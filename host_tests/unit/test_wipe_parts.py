"""The parts of the overwriting: the view without a block, what is left when the flash fails (SEC-15)."""

import os
import struct

import flashrig
from check import equal, raises, true

from charger.store import file_system, wipe

BLOCKS = 96


class Device:
    """A block device that notes what it is asked."""

    def __init__(self):
        self.calls = []

    def readblocks(self, block, buf, off=0):
        self.calls.append((block, off))
        for at in range(len(buf)):
            buf[at] = 7

    def ioctl(self, op, arg):
        self.calls.append((op, arg))
        return 5


def teardown():
    flashrig.simflash.unmount()


def test_the_view_without_a_block_reads_it_as_erased_and_writes_and_erases_nothing():
    device = Device()
    view = wipe._Without(device, 1)
    buffer = bytearray(4)
    view.readblocks(1, buffer, 8)
    equal((buffer, device.calls), (b"\xff" * 4, []))
    view.readblocks(0, buffer, 8)
    equal((buffer, device.calls), (b"\x07" * 4, [(0, 8)]))
    equal(raises(OSError, view.writeblocks, 0, b"x").errno, 5)
    equal(raises(OSError, view.ioctl, 6, 3).errno, 5)
    equal((view.ioctl(4, 0), device.calls[1:]), (5, [(4, 0)]))


class Left:
    """A file system that has these files."""

    def __init__(self, *names):
        self.names = names

    def ilistdir(self, path):
        return [(name, 0x8000, 0, 0) for name in self.names]


def _erased(counts, left):
    """The blocks that are erased where the first two have these revisions and this is left without the older one."""
    asked = []

    class Counting(Device):
        def readblocks(self, block, buf, off=0):
            buf[:] = struct.pack("<I", counts[block])

        def ioctl(self, op, arg):
            self.calls.append((op, arg))

    def opened(view):
        asked.append(view._block)
        if left is None:
            raise OSError(5)
        return left

    device = Counting()
    kept, file_system.opened = file_system.opened, opened
    try:
        wipe._erase_stale(flashrig.files(), device)
    finally:
        file_system.opened = kept
    equal([(6, block) for block in asked] if device.calls else [], device.calls)
    return [block for _, block in device.calls]


def test_of_the_first_two_blocks_the_older_is_erased_where_nothing_is_missing_without_it():
    flashrig.fresh(BLOCKS)
    for name in ("a", "b"):
        flashrig.files().write(name, b"x")
    for counts, older in (((4, 5), 0), ((5, 4), 1), ((0xFFFFFFFF, 0), 0), ((0, 0xFFFFFFFF), 1), ((7, 7), 1)):
        equal(_erased(counts, Left("b", "a")), [older], counts)
        equal((_erased(counts, Left("a")), _erased(counts, Left("a", "b", "c")), _erased(counts, None)), ([], [], []))


def test_everything_but_what_is_kept_is_deleted_folders_too():
    flashrig.fresh(BLOCKS)
    files = flashrig.files()
    for name in ("kept", "gone", "folder/one", "folder/two", "stays/one"):
        files.write(name, b"x")
    wipe.delete_but(files, ("kept", "stays"))
    equal((os.listdir(files.root).count("folder"), files.names(), files.names("stays")), (0, ["kept"], ["one"]))


def test_a_flash_that_fails_ends_the_overwriting_and_the_mark_stays_for_the_next_start():
    for steps in (40, None):
        device = flashrig.fresh(BLOCKS)
        files = flashrig.files()
        files.write("a", b"x")
        wipe.request(files)
        steps = steps or len(list(wipe.run(files))) - 5  # among the files, or among the free blocks
        wipe.request(files)
        job = wipe.run(files)
        for _ in range(steps):
            next(job)
        device.power.on = False
        equal(raises(OSError, list, job).errno, -0x6001, steps)
        flashrig.restart(device)
        true(flashrig.files().exists(wipe.MARK))


def test_no_file_of_the_overwriting_is_left_and_the_mark_is_gone_at_the_end():
    device = flashrig.fresh(BLOCKS)
    files = flashrig.files()
    for name in ("a", "b0", "folder/c"):
        files.write(name, b"x")
    wipe.request(files)

    class Spares:
        stale = 3

        def step(self):
            self.stale -= 1

    spares = Spares()
    for _ in wipe.run(files, device, spares):
        true(len(os.listdir(files.root)) <= 6)
        true(files.exists(wipe.MARK))
    equal((sorted(os.listdir(files.root)), os.listdir(files.path("folder")), spares.stale), (["a", "b0", "folder"], ["c"], 0))


def test_a_job_that_is_ended_in_the_middle_leaves_no_file():
    flashrig.fresh(BLOCKS)
    files = flashrig.files()
    files.write("a", b"x")
    wipe.request(files)
    whole = len(list(wipe.run(files)))
    for steps in (5, whole - 3):
        wipe.request(files)
        job = wipe.run(files)
        for _ in range(steps):
            next(job)
        job.close()
        equal(sorted(os.listdir(files.root)), ["a", wipe.MARK], steps)
