"""The two application slots of the flash, and the few numbers that must outlive a factory reset (`esp32`).

The bootloader's rules are those of the ESP-IDF with rollback: a slot chosen with choose() boots on trial, and any reset
before confirm() brings the other slot back.
"""

import esp32
from micropython import const

from charger.drivers import console

BLOCK = const(4096)
_ERASE = const(6)  # of vfs.AbstractBlockDev.ioctl
_NAMESPACE = "pilotlight"


class AppSlots:
    """`running` and `idle` are the slots' labels, `size` is the bytes of each, `sold` is True in an image of the PRODUCT variant.

    OSError at construction on a board whose partition table has no second slot.
    """

    def __init__(self):
        self._running = esp32.Partition(esp32.Partition.RUNNING)  # type: ignore[arg] - the stubs know labels only
        self._idle = self._running.get_next_update()
        self.running = self._running.info()[4]
        self.idle = self._idle.info()[4]
        self.size = self._idle.info()[3]
        self.sold = console.is_product()
        self._nvs = esp32.NVS(_NAMESPACE)

    def write(self, at: int, view: Any) -> None:
        """Program part of a block of the idle slot, erased first when `at` (bytes) is its begin. OSError by the flash."""
        if at % BLOCK == 0:
            self._idle.ioctl(_ERASE, at // BLOCK)
        self._idle.writeblocks(at // BLOCK, view, at % BLOCK)

    def read(self, at: int, view: Any, running: bool = False) -> None:
        """Read from a byte of the idle slot on, or of the running one, within a block."""
        (self._running if running else self._idle).readblocks(at // BLOCK, view, at % BLOCK)

    def choose(self) -> None:
        """Boot the idle slot next, on trial. OSError when the platform finds no good image there."""
        self._idle.set_boot()

    def confirm(self) -> None:
        """Confirm the running image: it stays after a restart."""
        esp32.Partition.mark_app_valid_cancel_rollback()

    def number(self, name: str) -> int:
        """Return a number from the non-volatile storage, 0 when absent."""
        try:
            return self._nvs.get_i32(name)
        except OSError:
            return 0

    def put_number(self, name: str, value: int) -> None:
        """Store a number of 32 bits."""
        self._nvs.set_i32(name, value)
        self._nvs.commit()

    def data(self, name: str, most: int = 64) -> bytes | None:
        """Return bytes from the non-volatile storage, None when absent."""
        buffer = bytearray(most)
        try:
            return bytes(memoryview(buffer)[: self._nvs.get_blob(name, buffer)])
        except OSError:
            return None

    def put_data(self, name: str, value: bytes) -> None:
        """Store bytes."""
        self._nvs.set_blob(name, value)
        self._nvs.commit()
