"""Which slot boots: the rules of the ESP-IDF's second-stage bootloader with rollback enabled.

Two records, each in its own erase block, say which slot was chosen last and how far it is trusted. A new image is tried
once: it starts as PENDING, and any reset before the firmware has confirmed it makes it ABORTED, so that the other slot
boots again. Format and states: esp_ota_select_entry_t and esp_ota_img_states_t (esp_flash_partitions.h).
"""

import binascii
import struct

from sim import slots

NEW = 0  # to be tried at the next start
PENDING = 1  # being tried
VALID = 2  # confirmed
INVALID = 3  # given up by itself
ABORTED = 4  # a trial that ended in a reset
UNDEFINED = 0xFFFFFFFF
NAMES = {NEW: "new", PENDING: "pending", VALID: "valid", INVALID: "invalid", ABORTED: "aborted", UNDEFINED: "undefined"}

_ENTRY = "<I20sII"  # sequence, label (unused), state, CRC-32 of the sequence
running = 0  # slot that this start runs from
from_factory = True  # ... with the firmware that the simulator was started with


def entry(sector):
    """(sequence, state) of one record; None when there is none or its checksum is wrong."""
    raw = bytearray(32)
    slots.otadata.readblocks(sector, raw, 0)
    sequence, _, state, crc = struct.unpack(_ENTRY, raw)
    if sequence in (0, 0xFFFFFFFF) or crc != _crc(sequence):
        return None
    return sequence, state


def _crc(sequence):
    return binascii.crc32(struct.pack("<I", sequence))


def write(sector, sequence, state):
    """Replace one record; a power cut in between leaves the other one."""
    slots.otadata.ioctl(6, sector)
    slots.otadata.writeblocks(sector, struct.pack(_ENTRY, sequence, b"", state, _crc(sequence)), 0)


def active(usable_only=True):
    """(sector, sequence, state) of the newest record; of those that may still boot, unless told otherwise. Or None."""
    best = None
    for sector in (0, 1):
        found = entry(sector)
        if found and (not usable_only or found[1] not in (INVALID, ABORTED)) and (best is None or found[0] > best[1]):
            best = (sector, found[0], found[1])
    return best


def choose(look_only=False):
    """Decide as the bootloader does and remember it in `running`; OSError when neither slot holds a good image.

    look_only: change nothing on the chip.
    """
    global running, from_factory
    chosen = active()
    if chosen and chosen[2] == PENDING and not look_only:
        write(chosen[0], chosen[1], ABORTED)
        chosen = active()
    if chosen and chosen[2] == NEW and not look_only:
        write(chosen[0], chosen[1], PENDING)
    first = (chosen[1] - 1) % 2 if chosen else 0
    for index in (first, 1 - first):
        from_factory = index == 0 and slots.slots[0].untouched
        if from_factory or slots.is_good(index):
            running = index
            return
    raise OSError("no slot holds an image that boots")


def select(index):
    """Boot this slot at the next start, on trial (esp_ota_set_boot_partition)."""
    newest = active(usable_only=False)
    sequence = (newest[1] if newest else 0) + 1
    while (sequence - 1) % 2 != index:
        sequence += 1
    write(1 - newest[0] if newest else 0, sequence, NEW)


def confirm():
    """The running image is good (esp_ota_mark_app_valid_cancel_rollback); nothing to do when it is not on trial."""
    current = active()
    if current and current[2] in (PENDING, NEW) and (current[1] - 1) % 2 == running:
        write(current[0], current[1], VALID)


def report():
    """For the control port: the running slot and the state of each."""
    told = {"running": slots.LABELS[running], "factory": from_factory, "slots": {}}
    states = {}
    for sector in (0, 1):
        found = entry(sector)
        if found:
            states[(found[0] - 1) % 2] = NAMES.get(found[1], "undefined")
    for index in (0, 1):
        head = slots.header(index)
        told["slots"][slots.LABELS[index]] = {
            "state": states.get(index), "version": head and head[2], "good": slots.is_good(index),
        }  # fmt: skip
    return told
