"""The application says which meter feeds each register; a change keeps the total as offset, and nothing stops a start."""

import flashrig
from check import equal, true

from charger import log
from charger.metering.energy_register import EnergyRegister
from sim import flash as simflash

HEAP = 12 * 1024 * 1024


def teardown():
    simflash.unmount()


def _fitted(meter):
    register = EnergyRegister(flashrig.files(), 1)
    register.fitted(meter)
    return register


def test_each_cut_of_the_change_leaves_one_entry_and_the_whole_total():
    """The power fails at each operation of the change in turn; the next start makes it whole, once (MET-2)."""
    device = flashrig.fresh()
    register = _fitted("ade7953_i2c")
    register.add(1234567)
    register.persist()
    image = device.snapshot()
    device = flashrig.fresh(64, list(image))
    operations = flashrig.cost(device, lambda: _fitted("bl0942"))
    operations = operations[0] + operations[1]
    true(operations > 1)
    for at in range(operations):
        for mode in (simflash.DROP, simflash.HALF, simflash.LATE):
            device = flashrig.fresh(64, list(image))
            device.cut_after(at, mode)
            try:
                _fitted("bl0942")
            except OSError as error:
                equal(error.errno, -0x6001)
            device = flashrig.fresh(64, device.snapshot())
            register = _fitted("bl0942")
            where = "cut at %d, %s" % (at, mode)
            equal((register.total_mwh, register.offset_wh), (1234567, 1234), where)
            changes = [(change["meter"], change["offset_wh"]) for change in register.changes()]
            equal(changes, [("ade7953_i2c", 0), ("bl0942", 1234)], where)


def test_a_full_flash_does_not_stop_the_start():
    flashrig.fresh()
    register = EnergyRegister(flashrig.files(), 1)

    def refuse(name, value):
        raise OSError(28)

    register._files.write_json = refuse
    register.fitted("cse7766")
    true(any("change not listed" in line for line in log.recent()))
    equal(EnergyRegister(flashrig.files(), 1).offset_wh, 0)
