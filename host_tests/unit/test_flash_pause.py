"""No erase while a contactor is closed; when no erased block is left the pilot is withdrawn before anything opens."""

from check import equal, no_alloc, true
from rig import Rig
from sparerig import SPARES, Chip
from thing import Thing

from charger.outlet.flash_pause import FlashPause
from charger.outlet.limits import Limits
from sim import ev


class Contactor:
    def __init__(self):
        self.commanded = False
        self.contacts = False

    def closed(self):
        return self.contacts


class Outlet:
    def __init__(self):
        self.contactor = Contactor()
        self.limits = Limits(160)


def new_device():
    chip = Chip()
    chip.device.prepare()
    outlets = [Outlet(), Outlet()]
    return chip.device, outlets, FlashPause(chip.device, outlets)


def test_a_contactor_that_is_told_to_close_or_is_not_open_yet_forbids_erasing():
    device, outlets, pause = new_device()
    for commanded, contacts in ((True, False), (True, True), (False, True), (False, False)):
        outlets[1].contactor.commanded = commanded
        outlets[1].contactor.contacts = contacts
        pause.contactors_moved()
        equal(device.may_erase, not (commanded or contacts))


def test_the_pilot_is_withdrawn_at_the_reserve_and_offered_again_with_half_of_the_spares():
    device, outlets, pause = new_device()
    outlets[0].contactor.commanded = outlets[0].contactor.contacts = True
    pause.contactors_moved()
    block = 0
    while not outlets[0].limits.get("flash") == 0:
        equal(outlets[0].limits.effective_da, 160)
        device.ioctl(6, block)
        block += 1
        pause.poll()
    equal([outlet.limits.effective_da for outlet in outlets], [0, 0])
    equal(outlets[0].limits.describe(), "the upkeep of the memory: 0.0 A")
    true(device.ready >= 3, device.ready)
    equal(outlets[0].contactor.commanded, True)  # nobody opened it: the outlet does once the car draws nothing
    pause.poll()
    outlets[0].contactor.commanded = outlets[0].contactor.contacts = False
    pause.contactors_moved()
    polls = 0
    while outlets[0].limits.get("flash") is not None:
        pause.poll()
        polls += 1
    equal((device.ready, pause.pauses, outlets[0].limits.effective_da), (SPARES // 2 + 1, 1, 160))
    true(polls < SPARES, polls)
    while device.stale:
        pause.poll()
    equal(device.ready, SPARES)


def test_the_tick_allocates_nothing_here():
    _, _, pause = new_device()
    no_alloc(pause.contactors_moved)


def test_without_a_device_nothing_is_done():
    outlets = [Outlet()]
    pause = FlashPause(None, outlets)
    pause.contactors_moved()
    pause.poll()
    equal(outlets[0].limits.get("flash"), None)


def test_f_e19_an_outlet_closes_nothing_while_the_chip_erases():
    rig = Rig()
    rig.outlet._flash = chip = Thing(erasing=True)
    rig.outlet.permit = True
    rig.side.plug(ev.ASKING)
    rig.run(8000)
    equal((rig.outlet.ev_ready, rig.outlet.contactor.commanded, rig.codes()), (True, False, []))
    chip.erasing = False
    rig.until(lambda: rig.outlet.energised, 1000)
