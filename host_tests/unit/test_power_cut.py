"""The power is cut at every single flash operation of a scripted stretch of use, in each way; then all must be well.

The script runs once on a chip that keeps what it would hold had the power failed before and half-way through each
operation. Each of these states is started up and looked at: nothing raises, nothing that was confirmed is lost, nothing
is believed that was never written, the register loses 100 Wh at most. A sample goes on charging, is cut once more, or
is cut for real in the middle of the script.
"""

import random

import flashrig
from check import equal, true
from power_cut_rig import (
    BLOCKS,
    Charger,
    charge_on,
    check_stored,
    chip,
    copied,
    prepare_chip,
    record_script,
    run_script,
    start_up,
)

from sim import flash as simflash

HEAP = 48 * 1024 * 1024  # every state of the chip is kept
MOST_READS = 6000  # device reads of a start-up; littlefs reads 128 bytes at a time


def teardown():
    simflash.unmount()


def test_a_cut_at_every_flash_operation_loses_nothing_that_was_confirmed():
    _, states, operations = record_script()
    every = 1 if _is_64_bit() else 7
    reads = worst_reads = lost = looked = 0
    for number, way, image, note in states[::every]:
        where = "operation %d, %s" % (number, way)
        device, charger = start_up(image, note)
        worst_reads = max(worst_reads, device.reads)
        reads += device.reads
        check_stored(charger, note, where)
        equal(device.violation, "", where)
        lost = max(lost, note["true_mwh"][1] - charger.registers[1].total_mwh,
                   note["true_mwh"][2] - charger.registers[2].total_mwh)
        looked += 1
    print("%d operations, %d states looked at, most lost %d mWh, reads of a start-up: mean %d, worst %d" % (
        operations, looked, lost, reads // looked, worst_reads))
    true(operations > 150, str(operations))
    true(80000 < lost, "the script never came near the bound: %d" % lost)
    true(worst_reads < MOST_READS, str(worst_reads))


def test_after_a_cut_the_charger_goes_on_as_if_nothing_had_been():
    _, states, _ = record_script()
    for number, way, image, note in states[:: 11 if _is_64_bit() else 47]:
        where = "operation %d, %s" % (number, way)
        device, charger = start_up(image, note)
        charge_on(charger, note, where)
        _, charger = start_up(device.snapshot(), note)
        check_stored(charger, note, where + ", later")


def _recover(book):
    """A start as the application does it: all stores opened, open sessions closed."""
    charger = Charger(book)
    for session in charger.sessions.recover():
        book["ending"] = session.local_id
        charger.end(session, "PowerLoss")


def test_a_second_cut_while_starting_up_after_the_first():
    """At some operation of the start-up itself; a start-up on a copy of the chip counts them first."""
    _, states, _ = record_script()
    random.seed(4)
    cuts = 0
    for number, way, image, note in states[:: 13 if _is_64_bit() else 31]:
        where = "operation %d, %s" % (number, way)
        simflash.unmount()
        device = chip["now"] = flashrig.fresh(BLOCKS, list(image))
        flashrig.reboot(note["boots"])
        _recover(copied(note))
        operations = device.operations
        true(operations > 0, where + ": a start-up counts itself on flash")
        simflash.unmount()
        device = chip["now"] = flashrig.fresh(BLOCKS, list(image))
        flashrig.reboot(note["boots"])
        device.cut_after(random.randrange(operations), random.choice((simflash.DROP, simflash.HALF, simflash.LATE)))
        promised = copied(note)
        try:
            _recover(note)
        except OSError as error:
            equal(error.errno, -0x6001)
        equal(device.powered, False, where)
        cuts += 1
        promised["ending"] = note["ending"]
        _, charger = start_up(device.snapshot(), promised)
        for local_id, wh in note["ended"].items():
            if promised["ended"].get(local_id) is None:
                promised["ended"][local_id] = wh
                promised["open"] = {n: i for n, i in promised["open"].items() if i != local_id}
        check_stored(charger, promised, where + ", twice")
    true(cuts >= 10, str(cuts))


def test_cutting_for_real_in_the_middle_of_the_script():
    """The same with the chip dying under the running firmware: only ESP_ERR_FLASH_OP_FAIL may come out."""
    image, _, operations = record_script()
    for at in range(0, operations, 17 if _is_64_bit() else 71):
        for mode in (simflash.DROP, simflash.HALF, simflash.LATE):
            _, book = prepare_chip()
            device = chip["now"] = flashrig.fresh(BLOCKS, list(image))
            device.cut_after(at, mode)
            try:
                run_script(book)
            except OSError as error:
                equal(error.errno, -0x6001)
            equal((device.powered, device.violation), (False, ""), str(at))
            _, charger = start_up(device.snapshot(), book)
            check_stored(charger, book, "cut at %d, %s" % (at, mode))


def _is_64_bit():
    import sys

    return sys.maxsize > 1 << 31
