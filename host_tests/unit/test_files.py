"""Small files: replaced as a whole, never believed when damaged, at every point at which the power can fail."""

import os

import flashrig
import vfs
from check import equal, raises, true

from charger.store.ab_record import ABRecord
from charger.store.files import Files
from sim import flash as simflash


def teardown():
    simflash.unmount()


def test_json_that_is_not_as_its_schema_wants_counts_as_absent():
    flashrig.fresh()
    files = flashrig.files()
    files.write_json("boot.json", -1)
    equal(files.read_json("boot.json", 7), 7)
    files.write_json("boot.json", 1)
    equal(files.read_json("boot.json", 7), 1)


def test_replacing_a_small_file_among_many_takes_few_reads_of_the_flash():
    """Each read of littlefs goes through Python: with its default of 32 bytes these were some 5,000."""
    device = flashrig.fresh(512)
    files = flashrig.files()
    for n in range(24):
        files.write("file%d" % n, bytes(n) * 40)
    before = device.reads
    for n in range(10):
        files.write("file5", b"%3d" % n * 100)
    true(device.reads - before < 5000, str(device.reads - before))
    equal(os.stat(flashrig.ROOT + "/file5")[8], 0, "no time is kept")


def test_file_system_written_with_small_reads_is_read_and_changed_with_large_ones_and_back():
    """A unit whose firmware is replaced, and one that goes back to the firmware before."""
    contents = {"s%d" % size: bytes([size & 0x7F]) * size for size in (0, 100, 130, 300, 500, 520, 5000)}
    device = simflash.Flash(None, blocks=64)
    vfs.VfsLfs2.mkfs(device)
    new = {"readsize": 128, "mtime": False}
    for n, options in enumerate(({}, new, {}, new)):
        vfs.mount(vfs.VfsLfs2(device, **options), flashrig.ROOT)
        for name, content in contents.items():
            if n:
                with open(flashrig.ROOT + "/" + name, "rb") as file:
                    equal(file.read(), content)
            contents[name] = content + b"+" * n
            with open(flashrig.ROOT + "/" + name, "ab" if n else "wb") as file:
                file.write(b"+" * n if n else content)
        simflash.unmount()


def test_content_comes_back_after_a_restart():
    device = flashrig.fresh()
    for data in (b"", b"x", bytes(range(256)) * 40):
        flashrig.files().write("a", data)
        device = flashrig.restart(device)
        equal(flashrig.files().read("a"), data)


def test_lines_come_one_by_one_from_a_file_that_is_not_open_meanwhile():
    """Of any length, at any place of the parts in which they are read; who stops half way leaves nothing open."""
    from charger.store import files as module

    flashrig.fresh()
    files = flashrig.files()
    opened = []

    def noted(*args):
        opened.append(open(*args))
        return opened[-1]

    module.open = noted
    try:
        equal(list(files.lines("absent")), [])
        for lengths in ((), (0,), (5,), (60,) * 40, (511,), (512,), (513,), (510, 1, 0, 3), (1500, 3, 2000, 1), (256, 255, 257)):
            for end in (b"", b"\n"):
                lines = [bytes([97 + n % 26]) * length for n, length in enumerate(lengths)]
                files.write("some", b"\n".join(lines) + (end if lines else b""))
                wanted = lines if lines != [b""] or end else []
                equal(list(files.lines("some")), wanted, str((lengths, end)))
                for line in files.lines("some"):
                    equal(line, lines[0])
                    break
                for file in opened:
                    raises(ValueError, file.read, 1)  # closed
                opened.clear()
    finally:
        del module.open


def test_absent_files_and_json():
    flashrig.fresh()
    files = flashrig.files()
    equal(files.read("nothing"), None)
    equal(files.read_json("nothing", [7]), [7])
    files.write_json("some", {"a": [1, None, "\u00e9"]})
    equal(files.read_json("some"), {"a": [1, None, "\u00e9"]})
    files.write("some", b"{broken")
    equal(files.read_json("some", 5), 5)


def test_names_folders_and_deleting():
    flashrig.fresh()
    files = flashrig.files()
    for name in ("b", "a", "keys/one", "keys/two"):
        files.write(name, name.encode())
    equal(files.names(), ["a", "b"])
    equal(files.names("keys"), ["one", "two"])
    equal(files.names("none"), [])
    files.delete("a")
    files.delete("a")
    equal(files.names(), ["b"])
    files.delete_folder("keys")
    files.delete_folder("keys")
    equal(files.read("keys/one"), None)
    equal(files.names("keys"), [])


def test_names_that_leave_the_root_are_refused():
    flashrig.fresh()
    files = flashrig.files()
    for name in ("", "/etc", "../x", "a/../../b", "a/b/c"):
        raises(ValueError, files.read, name)
        raises(ValueError, files.write, name, b"")


def test_any_single_damaged_byte_is_detected():
    flashrig.fresh()
    files = flashrig.files()
    content = b"0123456789"
    for at in range(len(content) + 4):
        files.delete("a")
        files.write("a", content)
        flashrig.damage("/flash/a", at)
        equal(files.read("a"), None, str(at))


def test_empty_zeroed_and_erased_files_are_rejected():
    flashrig.fresh()
    for blob in (b"", b"\0" * 4, b"\xff" * 4, b"\0" * 64, b"\xff" * 64):
        with open("/flash/a", "wb") as file:
            file.write(blob)
        equal(flashrig.files().read("a"), None, str(blob))


def test_a_damaged_file_can_be_written_again():
    flashrig.fresh()
    files = flashrig.files()
    files.write("a", b"same")
    flashrig.damage("/flash/a", 0)
    files.write("a", b"same")
    equal(files.read("a"), b"same")


def test_writing_the_same_again_does_not_touch_the_flash():
    device = flashrig.fresh()
    files = flashrig.files()
    files.write("a", b"x" * 300)
    equal(flashrig.cost(device, lambda: files.write("a", b"x" * 300)), (0, 0, 0))
    true(flashrig.cost(device, lambda: files.write("a", b"y" * 300))[0] > 0)


def test_a_full_flash_keeps_the_old_content():
    flashrig.fresh(blocks=16)
    files = flashrig.files()
    files.write("keep", b"old")
    error = raises(OSError, files.write, "big", bytes(16 * 4096))
    equal(error.errno, 28)
    files = flashrig.files()
    equal(files.read("keep"), b"old")
    equal(files.names(), ["keep"])
    true(files.free_bytes() > 20000, "space of the unfinished file")


def _cut_everywhere(prepare, change, states):
    """Cut the power at each operation of change(), in each way; what is read then must be one of states in turn."""
    device = flashrig.fresh(blocks=16)
    prepare()
    simflash.unmount()
    start = device.snapshot()
    cuts = 0
    for mode in (simflash.DROP, simflash.HALF, simflash.LATE):
        reached = 0
        at = 0
        while True:
            device = flashrig.fresh(16, list(start))
            device.cut_after(at, mode)
            done = True
            try:
                change()
            except OSError as error:
                equal(error.errno, -0x6001)
                done = False
            cut = not device.powered
            equal(device.violation, "")
            device = flashrig.restart(device)
            found = states.index(_content())
            true(found >= reached, "went back")
            reached = found
            if done:
                equal(found, len(states) - 1, "said to be done")
            if not cut:
                break
            at += 1
            cuts += 1
    return cuts


def _content():
    files = flashrig.files()
    equal([name for name in os.listdir("/flash") if name.endswith(".new")], [])
    return files.read("a"), ABRecord(files, "s").read()


def test_a_power_cut_anywhere_leaves_the_old_or_the_new():
    for size in (10, 300, 5000):
        old, new = b"o" * size, b"n" * (size + 7)
        cuts = _cut_everywhere(
            lambda old=old: flashrig.files().write("a", old),
            lambda new=new: flashrig.files().write("a", new),
            [(old, None), (new, None)],
        )
        true(cuts >= 9, str(cuts))


def _write_twice():
    slots = ABRecord(flashrig.files(), "s")
    slots.write(b"one")
    slots.write(b"two")


def test_a_power_cut_anywhere_leaves_a_slot_whole():
    def change():
        slots = ABRecord(flashrig.files(), "s")
        slots.write(b"three")
        slots.write(b"four")

    cuts = _cut_everywhere(_write_twice, change, [(None, b"two"), (None, b"three"), (None, b"four")])
    true(cuts >= 6, str(cuts))


def test_deleting_a_slot_never_brings_an_older_value_back():
    _cut_everywhere(_write_twice, lambda: ABRecord(flashrig.files(), "s").delete(), [(None, b"two"), (None, None)])


def test_a_slot_falls_back_to_the_value_before_a_damaged_one():
    flashrig.fresh()
    slots = ABRecord(flashrig.files(), "hot/s")
    for n in range(5):
        slots.write(b"value %d" % n)
    flashrig.damage("/flash/hot/s.b", 8)
    slots = ABRecord(flashrig.files(), "hot/s")
    equal(slots.read(), b"value 3")
    slots.write(b"next")
    equal(ABRecord(flashrig.files(), "hot/s").read(), b"next")


def test_a_small_slot_is_one_short_commit():
    device = flashrig.fresh()
    slots = ABRecord(flashrig.files(), "hot/s")
    slots.write(bytes(100))
    slots.write(bytes(100))
    _, erases, size = flashrig.cost(device, lambda: [slots.write(bytes([n]) * 100) for n in range(200)])
    true(erases <= 200 // 15, str(erases))
    true(size <= 200 * 256, str(size))


def test_the_flash_file_survives_the_process_and_is_whole_from_the_start():
    from check import folder

    path = folder() + "/flash.bin"
    device = simflash.mount(path)
    equal(os.stat(path)[6], 512 * 4096)
    Files("/flash").write("a", b"kept")
    simflash.unmount()
    device.power_off()
    device = simflash.mount(path)
    files = Files("/flash")
    equal(files.read("a"), b"kept")
    device.power_off()
    equal(raises(OSError, files.write, "a", b"more").errno, -0x6001)
    equal(raises(OSError, files.read, "a").errno, -0x6001)


def test_the_chip_refuses_what_nor_flash_cannot_do():
    device = simflash.Flash(None, blocks=4)
    device.writeblocks(1, b"abc", 10)
    raises(OSError, device.writeblocks, 1, b"abc", 12)
    true("without erase" in device.violation)
    device.ioctl(6, 1)
    device.writeblocks(1, b"abc", 12)
    equal(raises(OSError, device.writeblocks, 1, b"abc", 4094).errno, 22)
    equal(raises(OSError, device.writeblocks, 4, b"abc", 0).errno, 22)
    equal(device.block_erases, [0, 1, 0, 0])
