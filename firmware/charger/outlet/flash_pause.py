"""Contactors and the flash: no erase while one is closed, and a pause of charging when no erased block is left.

The device is that of drivers/erase_ahead.py. On a device without spare blocks this module does nothing.
"""

from micropython import const

from charger import log

_SOURCE = "flash"
_VALID_S = const(10)  # told again each time poll() comes


class FlashPause:
    """Connects the outlets with the block device of the file system (None in tests without one)."""

    def __init__(self, device: Any, outlets: list) -> None:
        self._device = device
        self._outlets = outlets
        self.pauses = 0  # how often charging had to wait for the flash
        self._pausing = False

    def contactors_moved(self) -> None:
        """Tell the device whether it may erase. Last in each control tick; allocates nothing."""
        if self._device is None:
            return
        for outlet in self._outlets:
            if outlet.contactor.commanded or outlet.contactor.closed():
                self._device.may_erase = False
                return
        self._device.may_erase = True

    def poll(self) -> None:
        """Make one more block ready, or hold the pilot back until some are. A few times a second, not from the tick."""
        if self._device is None:
            return
        try:
            self._device.step()
        except OSError as error:
            log.error("flash", "no spare blocks any more: " + log.reason(error))
        pausing = self._device.needs_pause
        if pausing:
            for outlet in self._outlets:
                outlet.limits.set(_SOURCE, 0, valid_s=_VALID_S)
        elif self._pausing:
            for outlet in self._outlets:
                outlet.limits.set(_SOURCE, None)
        if pausing and not self._pausing:
            self.pauses += 1
            log.info("flash", "charging waits for erased blocks")
        self._pausing = pausing
