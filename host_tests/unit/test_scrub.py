# What was deleted cannot be read in the chip any more: neither in free blocks nor in the logs of folders (SEC-15).
import os

import flashrig
import vfs
from check import equal, true

from charger.store import wipe
from charger.store.ab_record import ABRecord
from charger.store.files import Files
from sim import flash as simflash

HEAP = 16 * 1024 * 1024
SECRET = b"CARD-OF-A-PERSON"


def found(device, needle=SECRET):
    """Blocks of the chip, used or not, in which the bytes can be read."""
    return [number for number, block in enumerate(device.snapshot()) if needle in block]


def used(files, kept=24):
    """Files of every kind, with the secret in some, which are then deleted: in logs, in blocks, in whole folders."""
    for number in range(kept):
        files.write("kept%02d" % number, b"kept %d " % number * (8 if number % 3 else 300))
    files.make_folder("hot")
    files.make_folder("gone")
    for number in range(30):
        files.write("card", SECRET + b" %d" % number)
        files.write("hot/card", SECRET * 3 + b"%d" % number)
        files.write("gone/%d" % number, SECRET * (20 * (number % 5) + 1))
    files.write("table", SECRET * 1000)
    files.write("table", b"nothing")
    for number in range(kept // 2):
        files.write("kept%02d" % (2 * number), SECRET * 6)
        files.write("kept%02d" % (2 * number), b"kept %d " % (2 * number) * 8)
    for name in ("card", "hot/card", "table"):
        files.delete(name)
    files.delete_folder("gone")


def scrubbed(files, device):
    for _ in wipe.run(files, device):
        pass


def teardown():
    flashrig.simflash.unmount()


def test_nothing_that_was_deleted_can_be_read():
    device = flashrig.fresh(64)
    files = flashrig.files()
    used(files)
    true(len(found(device)) > 4, "the test has to find what it seeds")
    before = {name: files.read(name) for name in files.names()}
    wipe.request(files)
    erases = device.erases
    scrubbed(files, device)
    equal(found(device), [])
    equal({name: files.read(name) for name in files.names()}, before)
    equal((files.exists(wipe.MARK), device.violation), (False, ""))
    true(device.erases - erases < 10 * 64, "%d erases" % (device.erases - erases))


def test_a_cut_anywhere_is_made_good_at_the_next_start():
    device = flashrig.fresh(48)
    used(flashrig.files(), 6)
    image = device.snapshot()
    wipe.request(flashrig.files())
    asked = device.snapshot()
    at, steps = 0, 0
    while True:
        device = flashrig.fresh(48, list(asked))
        files = flashrig.files()
        device.cut_after(at, ("drop", "half", "late")[steps % 3])
        try:
            scrubbed(files, device)
            break
        except OSError as error:
            equal((error.errno, device.powered), (-0x6001, False))
        device = flashrig.restart(device)
        files = flashrig.files()
        if steps % 4 == 0 or not files.exists(wipe.MARK):
            if files.exists(wipe.MARK):
                scrubbed(files, device)
            equal((found(device), files.exists(wipe.MARK)), ([], False), "cut at %d" % at)
            equal([name for name in files.names() if "~" in name], [])
        at += 1 + at // 3
        steps += 1
    true(steps > 20 and found(flashrig.fresh(48, list(image))), steps)


def test_the_block_that_the_root_left_behind_is_erased_too():
    """Some two thousand writes, and littlefs moves the root's log: what it leaves there it never touches again."""
    device = flashrig.fresh(48)
    files = flashrig.files()
    often = ABRecord(files, "sent")
    files.write("kept", b"kept")
    number = 0
    while not device.block_erases[0] or max(device.block_erases[2:]) < 3:
        often.write(b"%d" % number * 20)
        if number % 3 == 0:
            files.write("card", SECRET + b"%d" % number)
        number += 1
    files.delete("card")
    true(found(device) and min(found(device)) < 2, found(device))
    image = device.snapshot()
    wipe.request(files)
    for _ in wipe.run(files):  # not knowing the device
        pass
    true(found(device), "nothing was left behind")
    for mode in ("", "drop", "half", "late"):
        device = flashrig.fresh(48, list(image))
        files = flashrig.files()
        wipe.request(files)
        for _ in wipe.run(files):
            pass
        wipe.request(files)
        if mode:
            device.cut_after(0, mode)
        try:
            wipe._erase_stale(files, device)
        except OSError as error:
            equal((error.errno, device.powered), (-0x6001, False))
        device = flashrig.restart(device)
        files = flashrig.files()
        equal(files.names(), ["kept", "scrub", "sent.a", "sent.b"], mode)
        scrubbed(files, device)
        equal((found(device), files.read("kept"), device.violation), ([], b"kept", ""), mode)


def test_a_full_flash_is_no_obstacle():
    device = flashrig.fresh(48)
    files = flashrig.files()
    used(files)
    number = 0
    try:
        while True:
            files.write("full%d" % number, b"f" * 30000)
            number += 1
    except OSError as error:
        equal(error.errno, 28)
    wipe.request(files)
    scrubbed(files, device)
    equal(found(device), [])
    equal(files.read("full0"), b"f" * 30000)


def test_others_write_meanwhile_and_one_step_is_one_block_at_the_most():
    """Between two steps the loop runs, and an erase holds the whole chip up."""
    device = flashrig.fresh(48)
    files = flashrig.files()
    used(files)
    wipe.request(files)
    number, erases, worst = 0, device.erases, 0
    for _ in wipe.run(files, device):
        number += 1
        worst = max(worst, device.erases - erases)
        if number % 7 == 0:
            files.write("other", b"%d " % number * (number % 900))
        if number % 11 == 0:
            files.write("hot/other", b"%d" % number)
        erases = device.erases
    equal(found(device), [])
    true(worst <= 3, worst)


def test_a_board_has_its_file_system_at_the_root_and_the_firmware_below_it():
    """As on the ESP32: what is mounted elsewhere is neither deleted nor written to."""
    flashrig.simflash.unmount()
    others = vfs.mount()
    chip, firmware = simflash.Flash(None, blocks=24), simflash.Flash(None, blocks=8)
    for device in (chip, firmware):
        vfs.VfsLfs2.mkfs(device)
    for _, point in others:
        vfs.umount(point)
    try:
        vfs.mount(vfs.VfsLfs2(firmware), "/rom")
        with open("/rom/app", "w") as file:
            file.write("firmware")
        vfs.mount(vfs.VfsLfs2(chip), "/")
        files = Files("")
        files.write("card", SECRET)
        files.write("kept", b"kept")
        files.write("gone/a", SECRET * 30)
        wipe.request(files)
        written = firmware.operations
        wipe.delete_but(files, ("kept", "scrub"))
        scrubbed(files, chip)
        result = files.names(), os.listdir("/rom"), firmware.operations - written, found(chip)
    finally:
        for point in ("/rom", "/"):
            vfs.umount(point)
        for system, point in others:
            vfs.mount(system, point)
    equal(result, (["kept"], ["app"], 0, []))
