"""Erased blocks kept for later: no erase while a contactor is closed, and after a cut anywhere the old content or the new."""

import os
import random

from check import equal, raises, true
from flashrig import ROOT
from micropython import heap_lock, heap_unlock
from sparerig import BLOCKS, SPARES, Chip

from charger.drivers.erase_ahead import EraseAhead
from charger.store import wipe
from charger.store.files import Files
from charger.store.journal import Journal
from sim import flash as simflash

HEAP = 24 * 1024 * 1024
MODES = (simflash.DROP, simflash.HALF, simflash.LATE)


def teardown():
    simflash.unmount()


def fill(device, block, byte):
    device.writeblocks(block, bytes([byte]) * 64, 0)


def first(device, block):
    found = bytearray(1)
    device.readblocks(block, found, 0)
    return found[0]


def test_open_contactors_erase_in_place_and_closed_ones_take_a_spare():
    chip = Chip()
    device = chip.device
    equal((device.ready, device.stale), (0, SPARES))
    equal(chip.get_ready(), SPARES + 1)  # the log, then one spare each step
    equal((device.ready, device.stale, device.step()), (SPARES, 0, False))
    equal(device.ioctl(6, 7), 0)
    equal((chip.disk.block_erases[7], device.stale), (1, 0))
    fill(device, 7, 0x11)
    device.may_erase = False
    erases = chip.erases
    equal(device.ioctl(6, 7), 0)
    equal((first(device, 7), chip.erases - erases, device.ready, device.stale), (0xFF, 0, SPARES - 1, 1))
    fill(device, 7, 0x22)
    equal((first(device, 7), chip.disk.image[7][0], device.step()), (0x22, 0x11, False))
    device.may_erase = True
    chip.get_ready()
    equal((first(device, 7), chip.disk.image[7][0], device.ready, chip.fouls), (0x22, 0xFF, SPARES, (0, "")))


def test_where_blocks_lie_survives_restarts_and_new_logs():
    chip = Chip()
    known = {}
    for number in range(1500):
        chip.get_ready()
        chip.device.may_erase = False
        for _ in range(random.randrange(SPARES)):
            block = random.randrange(BLOCKS)
            equal(chip.device.ioctl(6, block), 0)
            known[block] = random.randrange(255)
            fill(chip.device, block, known[block])
        chip.device.may_erase = True
        if number % 5 == 0:
            before = chip.device.ready, chip.device.stale
            chip = chip.restarted()
            equal((chip.device.ready, chip.device.stale), before)
            equal({block: first(chip.device, block) for block in known}, known)
    equal(chip.fouls, (0, ""))
    true(chip.device._generation > 20, chip.device._generation)


def test_a_file_system_from_before_there_were_spares_stays_readable():
    old = simflash.mount(None, ROOT, simflash.Flash(None, blocks=BLOCKS))
    Files(ROOT).write("kept", b"content" * 400)
    simflash.unmount(ROOT)
    Chip(old.snapshot()).mount()
    equal(Files(ROOT).read("kept"), b"content" * 400)


def test_a_board_without_the_area_works_as_it_did():
    disk = simflash.Flash(None, blocks=BLOCKS)
    for area in (None, simflash.Flash(None, blocks=2), simflash.Flash(None, blocks=400)):
        device = EraseAhead(disk, area)
        device.may_erase = False
        erases = disk.erases
        equal((device.ioctl(6, 3), disk.erases - erases, device.needs_pause, device.step()), (0, 1, False, False))


def test_an_area_that_belongs_to_a_disk_of_another_size_is_refused():
    chip = Chip()
    chip.get_ready()
    raises(OSError, EraseAhead, simflash.Flash(None, blocks=BLOCKS + 1), chip.area)


def test_charging_has_to_pause_before_the_last_spare_is_gone_and_until_half_are_ready():
    chip = Chip()
    device = chip.device
    true(device.needs_pause, "no spare is ready")
    chip.get_ready()
    equal(device.needs_pause, False)
    device.may_erase = False
    given = 0
    while not device.needs_pause:
        equal(device.ioctl(6, given), 0)
        given += 1
    true(device.ready >= 3 and given == SPARES - device.ready, given)
    while device.ready:
        equal(device.ioctl(6, given), 0)
        given += 1
    equal((given, device.ioctl(6, 0), chip.fouls), (SPARES, -16, (0, "")))
    device.may_erase = True
    steps = 0
    while device.needs_pause:
        device.step()
        steps += 1
    true(SPARES // 2 <= steps <= SPARES // 2 + 2, steps)


def test_littlefs_gets_an_error_without_a_spare_block_and_goes_on_with_one():
    chip = Chip().format()
    files = Files(ROOT)
    files.write("a", b"old" * 500)
    chip.get_ready()
    chip.device.may_erase = False
    refused = 0
    for number in range(3 * SPARES):
        try:
            files.write("a", b"%d" % number * 500)
            last = number
        except OSError as error:
            equal(error.errno, 16)
            refused += 1
    true(refused > SPARES and last < SPARES, (refused, last))
    equal((files.read("a"), chip.fouls), (b"%d" % last * 500, (0, "")))
    chip.device.may_erase = True
    chip.get_ready()
    files.write("a", b"new" * 500)
    equal(Files(ROOT).read("a"), b"new" * 500)


def test_a_flash_that_refuses_keeps_no_car_from_charging():
    chip = Chip()
    chip.disk.power_off()
    raises(OSError, chip.device.step)
    equal((chip.device.needs_pause, chip.device.step()), (False, False))


class Still:
    """A partition as the ESP32 has it: reading takes nothing of the heap."""

    def __init__(self):
        self.read = 0

    def readblocks(self, block, buf, off=0):
        self.read += 1

    def writeblocks(self, block, buf, off=0):
        pass

    def ioctl(self, op, arg):
        return BLOCKS


def test_reading_allocates_nothing():
    disk = Still()
    device = EraseAhead(disk)
    buffer = bytearray(32)
    heap_lock()
    try:
        device.readblocks(3, buffer, 64)
    finally:
        heap_unlock()
    equal(disk.read, 1)


def test_no_tick_between_two_byte_codes_closes_over_an_erase():
    """While the question is asked and the chip erases, `erasing` says so."""
    chip = Chip()
    seen = []
    chip.disk.closed = lambda: seen.append(chip.device.erasing)
    chip.device.ioctl(6, 3)
    equal((seen, chip.device.erasing), ([True], False))


def test_a_record_that_does_not_hold_is_written_again_behind_it():
    chip = Chip()
    chip.get_ready()
    write, torn = chip.device._write_area, []

    def weak(block, data, off):
        write(block, data if torn else bytes(len(data)), off)
        torn.append(off)

    chip.device._write_area = weak
    chip.device.may_erase = False
    equal((chip.device.ioctl(6, 9), len(torn)), (0, 2))
    equal(list(chip.restarted().device._map), list(chip.device._map))


def test_deleted_data_is_wiped_from_the_spare_blocks():
    chip = Chip().format()
    chip.get_ready()
    files = Files(ROOT)
    chip.device.may_erase = False
    for number in range(4):
        files.write("card", b"CARD-OF-A-PERSON %d" % number * 50)
    files.delete("card")

    def found():
        return [number for number, block in enumerate(chip.disk.snapshot() + chip.area.snapshot()) if b"CARD-OF-A" in block]

    true(len(found()) > 2, found())
    wipe.request(files)
    for number, _ in enumerate(wipe.run(files, chip.device, chip.device)):
        # a car charges now and then, and others write meanwhile
        chip.device.may_erase = number % 50 > 3
        if number % 3 == 0:
            files.write("other", b"%d" % number)
        chip.device.step()
    equal((found(), files.exists(wipe.MARK), chip.fouls), ([], False, (0, "")))


class Model:
    """The content that the file system must hold: of each file the confirmed one and, during a write, the next one."""

    def __init__(self):
        self.files = {}
        self.records = []
        self.trying = None

    def some(self, device, steps):
        """Random use; OSError(EIO) when the power fails in it."""
        files = Files(ROOT)
        journal = Journal(files, "log", 32768, 4096)
        device.may_erase = random.randrange(3) == 0
        for _ in range(steps):
            what = random.randrange(10)
            if what == 0:
                device.may_erase = not device.may_erase
            elif what < 4:
                device.step()
            elif what < 6:
                self.trying = "log", os.urandom(random.randrange(1, 200))
                if journal.max_bytes - journal.used_bytes < 8192:
                    journal.clear()
                    self.records = []
                journal.append(self.trying[1])
                self.records.append(self.trying[1])
            else:
                name = "f%d" % random.randrange(6)
                self.trying = name, os.urandom(random.choice((3, 60, 300, 5000)))
                files.write(*self.trying)
                self.files[name] = self.trying[1]
            self.trying = None

    def check(self, where):
        files = Files(ROOT)
        tried, content = self.trying or (None, None)
        for name in [name for name in files.names() if name[0] == "f"]:
            found = files.read(name)
            if found != self.files.get(name):
                equal((name, found), (tried, content), where)
                self.files[name] = found
        for name, wanted in self.files.items():
            equal(files.read(name), wanted, where)
        found = [bytes(data) for _, data in Journal(files, "log", 32768, 4096).records()]
        if found != self.records:
            longer = self.records + [content]  # noqa: RUF005 - MicroPython has no unpacking in lists
            true(tried == "log" and found in (longer, [], [content]), where)
            self.records = found
        self.trying = None


def test_random_use_with_cuts_at_every_kind_of_operation():
    """Old or new content and nothing else, whatever the contactor does; never an erase while it is closed."""
    seed = random.getrandbits(24)
    random.seed(seed)
    chip, model = Chip().format(), Model()
    cuts = refused = 0
    for number in range(400):
        mode = MODES[number % 3]
        chip.disk.cut_after(random.randrange(60), mode)
        try:
            model.some(chip.device, 40)
        except OSError as error:
            true(error.errno in (5, 16, simflash.FLASH_OP_FAIL), str(error))
            refused += error.errno == 16
        where = "seed %d, round %d, %s" % (seed, number, mode)
        cuts += not chip.disk.powered
        equal(chip.fouls, (0, ""), where)
        if chip.disk.powered:
            chip.disk.cut_after(-1)
        chip = chip.restarted().mount()
        model.check(where)
    true(cuts > 150 and model.files and refused > 50, "seed %d: %d cuts, %d refused" % (seed, cuts, refused))


def test_a_cut_at_every_single_operation_of_spares_and_log():
    """A stretch with a new log in it, cut before, in the middle of or after each operation."""
    random.seed(5)
    plan = [(random.randrange(BLOCKS), random.randrange(255)) for _ in range(45)]

    def run(chip, known):
        for number, (block, byte) in enumerate(plan):
            chip.device.may_erase = number % 9 == 8
            if chip.device.may_erase:
                chip.get_ready()
            known[block] = None  # from the erase to the program it may be the old, nothing or the new
            equal(chip.device.ioctl(6, block), 0)
            fill(chip.device, block, byte)
            known[block] = byte

    whole = Chip()
    whole.get_ready()
    while whole.device._at < 4096 - whole.device._room_wanted() - 100:  # the log is nearly full
        whole.device.may_erase = False
        whole.device.ioctl(6, 1)
        whole.device.may_erase = True
        whole.get_ready()
    equal(whole.device._generation, 1)
    start = whole.disk.snapshot(), whole.area.snapshot()
    begun = whole.operations
    run(whole, {})
    count = whole.operations - begun
    equal(whole.device._generation, 2)
    for at in range(count):
        for mode in MODES if at % 5 == 0 else (MODES[at % 3],):
            chip, known = Chip(list(start[0]), list(start[1])), {}
            chip.disk.cut_after(at, mode)
            raises(OSError, run, chip, known)
            again = chip.restarted()
            for block, byte in known.items():
                if byte is not None:
                    equal(first(again.device, block), byte, "cut at %d, %s" % (at, mode))
            again.get_ready()
            equal((again.device.ready, chip.fouls, again.fouls), (SPARES, (0, ""), (0, "")))
            erased = [again.disk.image[n] if n < BLOCKS else again.area.image[n - BLOCKS + 2] for n in again.device._ready]
            true(all(block == b"\xff" * 4096 for block in erased), "cut at %d, %s" % (at, mode))
