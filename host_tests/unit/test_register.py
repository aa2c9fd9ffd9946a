"""The energy register: integers, never back, written as MET-2 says, and what a power cut may cost."""

import flashrig
from check import equal, no_alloc, true

from charger.metering.energy_register import LOSS_BOUND_WH, EnergyRegister
from sim import flash as simflash
from sim import timebase

WORDS = (64, 32)

FULL_POWER_W = 22000  # three phases at 32 A


def setup():
    timebase.manual()
    flashrig.reboot()


def teardown():
    simflash.unmount()


def _register(connector_id=1):
    return EnergyRegister(flashrig.files(), connector_id)


def _again(device):
    """The register after a power cut at this moment."""
    flashrig.restart(device)
    return _register()


def test_starts_at_zero_and_counts_milliwatthours():
    flashrig.fresh()
    register = _register()
    equal((register.total_wh, register.total_mwh, register.export_wh), (0, 0, 0))
    total = 0
    for delta in (1, 999, 0, 1500, 999, 1, 123456789 % 100000000):
        register.add(delta)
        total += delta
        equal(register.total_mwh, total)
        equal(register.total_wh, total // 1000)
    register.add_export(2500)
    equal((register.export_wh, register.total_mwh), (2, total))


def test_remainders_are_never_lost():
    device = flashrig.fresh()
    register = _register()
    for _ in range(10):
        for _ in range(1000):
            register.add(7)
        register.persist()
        device = flashrig.restart(device)
        register = _register()
    equal(register.total_mwh, 70000)


def test_adding_allocates_nothing():
    flashrig.fresh()
    register = _register()
    register.total_wh = 500000000  # 30 months at 22 kW without a break

    def many():
        for _ in range(1000):
            register.add(6111)
            register.add_export(99999999)
            register.add(-1)

    no_alloc(many)
    equal(register.total_wh, 500000000 + 6111)
    equal(register.rejected, 1000)


def test_steps_that_no_meter_can_have_measured_are_refused_and_logged():
    flashrig.fresh()
    register = _register()
    register.add(5000)
    for delta in (-1, -1 << 40, 100000001, 1 << 40):
        register.add(delta)
        register.add_export(delta)
    equal((register.total_mwh, register.export_wh, register.rejected), (5000, 0, 8))


def test_written_after_90_wh_at_once():
    device = flashrig.fresh()
    register = _register()
    register.add(89999)
    equal(flashrig.cost(device, register.persist_when_due), (0, 0, 0))
    register.add(1)
    true(flashrig.cost(device, register.persist_when_due)[0] > 0)
    equal(_again(device).total_wh, 90)


def test_export_is_written_by_the_same_rule():
    device = flashrig.fresh()
    register = _register()
    register.add_export(90000)
    register.persist_when_due()
    equal(_again(device).export_wh, 90)


def test_written_after_ten_minutes_when_there_is_anything_new():
    device = flashrig.fresh()
    register = _register()
    equal(_minutes_until_written(device, register, 100), None, "nothing new, nothing written")
    register.add(1)
    true(9 <= _minutes_until_written(device, register, 20) <= 11)
    equal(_minutes_until_written(device, register, 100), None)
    equal(_again(device).total_mwh, 1)


def _minutes_until_written(device, register, most):
    for minute in range(most):
        if flashrig.cost(device, register.persist_when_due)[0]:
            return minute
        timebase.advance(60000)
    return None


def test_a_session_at_full_power_never_has_more_than_the_bound_unwritten():
    device = flashrig.fresh()
    register = _register()
    worst = 0
    for _ in range(3600):
        register.add(FULL_POWER_W * 1000 // 3600)
        on_flash = register._saved_wh * 1000 + register._saved_rest
        worst = max(worst, register.total_mwh - on_flash)
        register.persist_when_due()
        timebase.advance(1000)
    true(90000 <= worst <= LOSS_BOUND_WH * 1000, str(worst))
    lost = register.total_mwh - _again(device).total_mwh
    true(0 <= lost <= LOSS_BOUND_WH * 1000, str(lost))


def test_nothing_new_costs_no_write():
    device = flashrig.fresh()
    register = _register()
    register.add(1234)
    true(register.persist())
    equal(flashrig.cost(device, register.persist), (0, 0, 0))


def test_a_dead_flash_does_not_stop_the_counting():
    device = flashrig.fresh()
    register = _register()
    register.add(95000)
    device.cut_after(0)
    equal(register.persist(), False)
    for _ in range(100):
        register.add(95000)
        register.persist_when_due()
        timebase.advance(1000)
    equal(register.total_wh, 101 * 95)
    equal(_again(device).total_wh, 0)


class _Refusing:
    """Slots of a flash that is full."""

    def __init__(self, slots):
        self.slots = slots
        self.tried = 0

    def read(self):
        return self.slots.read()

    def write(self, value):
        self.tried += 1
        raise OSError(28)


def test_a_flash_that_was_full_is_tried_again_every_ten_seconds():
    device = flashrig.fresh()
    register = _register()
    good = register._ab_record
    register._ab_record = refusing = _Refusing(good)
    for _ in range(100):
        register.add(95000)
        register.persist_when_due()
        timebase.advance(1000)
    true(9 <= refusing.tried <= 11, str(refusing.tried))
    register._ab_record = good
    for _ in range(11):
        register.persist_when_due()
        timebase.advance(1000)
    equal(_again(device).total_wh, 9500)


def test_a_reset_of_the_chip_adds_nothing_and_takes_nothing():
    """Drivers give differences; the first one after a reset of the chip is 0, a wrong one at most refused."""
    flashrig.fresh()
    register = _register()
    register.add(700000)
    for delta in (0, -700000, 0, 250):
        register.add(delta)
    equal(register.total_mwh, 700250)


def test_a_change_of_the_meter_keeps_the_total_as_offset():
    device = flashrig.fresh()
    register = _register()
    register.fitted("ade7953 A1")
    equal(register.offset_wh, 0)
    register.add(5000000)
    register.fitted("ade7953 A1")
    equal(register.offset_wh, 0)
    register.fitted("bl0942 7")
    equal((register.total_wh, register.offset_wh), (5000, 5000))
    register.add(250000)
    register.persist()
    register = _again(device)
    equal((register.total_wh, register.offset_wh), (5250, 5000))
    register.fitted("bl0942 7")
    equal([(c["meter"], c["offset_wh"]) for c in register.changes()], [("ade7953 A1", 0), ("bl0942 7", 5000)])
    for n in range(20):
        register.fitted("m%d" % n)
    equal([c["meter"] for c in register.changes()], ["m%d" % n for n in range(12, 20)])


def test_two_connectors_have_two_registers():
    device = flashrig.fresh()
    first, second = _register(1), _register(2)
    first.add(10000)
    second.add(20000)
    first.persist()
    second.persist()
    flashrig.restart(device)
    equal((_register(1).total_wh, _register(2).total_wh), (10, 20))


def test_only_lifted_never_lowered():
    device = flashrig.fresh()
    register = _register()
    register.add(5000500)
    register.at_least(4000)
    register.at_least(5000)
    equal(register.total_mwh, 5000500)
    register.at_least(6000)
    equal(register.total_mwh, 6000000)
    equal(_again(device).total_mwh, 6000000)


def test_a_damaged_newest_copy_costs_one_step_not_everything():
    device = flashrig.fresh()
    register = _register()
    for _ in range(6):
        register.add(90000)
        register.persist_when_due()
    flashrig.damage("/flash/hot/energy1.a", 7)
    equal(_again(device).total_wh, 5 * 90)
