"""The simulated board's slots and bootloader: `esp32.Partition` as the ESP32 port has it, rollback as the ESP-IDF does it."""

import hashlib
import struct

from check import equal, raises, true
from esp32 import Partition

from sim import bootloader, flash, slots


def _image(text, counter=0, size=5000):
    body = (text.encode() * size)[:size]
    head = struct.pack("<8sI32s32sI", slots.MAGIC, size, hashlib.sha256(body).digest(), text.encode(), counter)
    image = head + bytes(slots.BLOCK - len(head)) + body
    return image + b"\xff" * (-len(image) % slots.BLOCK)


def _write(part, image):
    for block in range(len(image) // slots.BLOCK):
        part.writeblocks(block, image[block * slots.BLOCK : (block + 1) * slots.BLOCK])


def _fresh():
    slots.attach(None)
    bootloader.choose()


def _power_back():
    """The chip after a power cut: the same content, running."""
    power = flash.Power()
    slots.otadata.power = power
    for device in slots.slots:
        device.power = power
    slots.power = power
    bootloader.choose()


def _update(text="0.2.0"):
    part = Partition(Partition.RUNNING).get_next_update()
    _write(part, _image(text))
    part.set_boot()
    return part


def _running():
    return Partition(Partition.RUNNING).info()[4], bootloader.from_factory


def test_a_new_unit_runs_what_the_factory_gave_it():
    _fresh()
    equal(_running(), ("ota_0", True))
    equal(Partition(Partition.BOOT).info(), (0, 0x10, 0x10000, 0x1A0000, "ota_0", False))
    equal(Partition(Partition.RUNNING).get_next_update().info()[4], "ota_1")
    equal([part.info()[4] for part in Partition.find(Partition.TYPE_APP)], ["ota_0", "ota_1"])
    raises(OSError, Partition, "factory")


def test_an_update_is_tried_once_and_kept_when_confirmed():
    _fresh()
    _update()
    equal(_running(), ("ota_0", True))  # nothing changes before the restart
    bootloader.choose()
    equal(_running(), ("ota_1", False))
    Partition.mark_app_valid_cancel_rollback()
    for _ in range(3):
        bootloader.choose()
        equal(_running(), ("ota_1", False))


def test_a_reset_during_the_trial_brings_the_old_slot_back():
    _fresh()
    _update()
    bootloader.choose()
    equal(_running(), ("ota_1", False))
    for _ in range(3):
        bootloader.choose()
        equal(_running(), ("ota_0", True))


def test_slots_alternate_over_many_updates_and_a_rollback_returns_to_the_last_good_one():
    _fresh()
    for number in range(5):
        _update("1.%d.0" % number)
        bootloader.choose()
        equal(slots.header(bootloader.running)[2], "1.%d.0" % number)
        Partition.mark_app_valid_cancel_rollback()
    _update("2.0.0")
    bootloader.choose()
    equal(slots.header(bootloader.running)[2], "2.0.0")
    bootloader.choose()
    equal(slots.header(bootloader.running)[2], "1.4.0")


def test_an_image_that_is_not_whole_cannot_be_chosen():
    _fresh()
    part = Partition("ota_1")
    raises(OSError, part.set_boot)
    image = bytearray(_image("0.2.0"))
    image[6000] ^= 1
    _write(part, bytes(image))
    raises(OSError, part.set_boot)


def test_an_image_that_is_damaged_later_is_left_for_the_other_slot():
    _fresh()
    _update()
    bootloader.choose()
    Partition.mark_app_valid_cancel_rollback()
    slots.slots[1].ioctl(6, 1)
    bootloader.choose()
    equal(_running(), ("ota_0", True))


def test_no_good_image_at_all():
    _fresh()
    slots.slots[0].ioctl(6, 0)
    raises(OSError, bootloader.choose)


def test_looking_changes_nothing():
    _fresh()
    _update()
    for _ in range(3):
        bootloader.choose(look_only=True)
        equal(_running(), ("ota_1", False))
    equal(bootloader.active()[2], bootloader.NEW)


def test_power_cut_at_every_operation_from_the_first_block_to_the_confirmation():
    """Each start finds a good image; once it was confirmed, it stays."""
    for mode in (flash.DROP, flash.HALF, flash.LATE):
        at = 0
        while True:
            _fresh()
            slots.power.left, slots.power.mode = at, mode
            confirmed = False
            try:
                _update()
                bootloader.choose()
                Partition.mark_app_valid_cancel_rollback()
                confirmed = True
            except OSError:
                pass
            if slots.power.on:
                break
            _power_back()
            if confirmed:
                equal(_running(), ("ota_1", False))
            first = _running()
            true(first[1] or slots.is_good(bootloader.running))
            bootloader.choose()  # without a confirmation no new image lasts longer than one start
            if bootloader.active() is None or bootloader.active()[2] != bootloader.VALID:
                equal(_running(), ("ota_0", True))
            at += 1
        true(at > 8, "%d operations" % at)


def test_nothing_is_programmed_that_was_not_erased():
    _fresh()
    part = Partition("ota_1")
    part.writeblocks(0, bytes(100), 0)
    raises(OSError, part.writeblocks, 0, bytes(100), 50)
    part.writeblocks(0, bytes(4096))  # without an offset it erases first
