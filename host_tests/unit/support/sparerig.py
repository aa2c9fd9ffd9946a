# A flash chip in memory with a partition of spare blocks, under the device that erases nothing over a closed contactor.
import vfs
from flashrig import ROOT

from charger.drivers.erase_ahead import EraseAhead
from sim import flash as simflash

BLOCKS, SPARES = 48, 12


class Chip:
    """Disk and area on one supply, with the device over them. An erase while erasing is forbidden is an error of the test."""

    def __init__(self, disk=None, area=None, spares=SPARES):
        power = simflash.Power()
        self.disk = simflash.Flash(None, blocks=BLOCKS, image=disk, power=power)
        self.area = simflash.Flash(None, blocks=spares + 2, image=area, power=power)
        self.device = EraseAhead(self.disk, self.area)
        for part in (self.disk, self.area):
            part.closed = lambda: not self.device.may_erase

    def mount(self):
        simflash.unmount(ROOT)
        vfs.mount(vfs.VfsLfs2(self.device), ROOT)
        return self

    def format(self):
        vfs.VfsLfs2.mkfs(self.device)
        return self.mount()

    def restarted(self):
        """The power fails now: the same content under new objects. A start begins with open contactors."""
        simflash.unmount(ROOT)
        return Chip(self.disk.snapshot(), self.area.snapshot(), self.area.blocks - 2)

    def get_ready(self):
        steps = 1
        while self.device.step():
            steps += 1
        return steps

    @property
    def operations(self):
        return self.disk.operations + self.area.operations

    @property
    def erases(self):
        return self.disk.erases + self.area.erases

    @property
    def fouls(self):
        return self.disk.erases_closed + self.area.erases_closed, self.disk.violation + self.area.violation
