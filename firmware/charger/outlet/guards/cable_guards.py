"""Guards of a socket outlet: the cable's coding and the lock of the plug."""

from micropython import const

from charger.outlet.guards import base

_SETTLE_MS = const(1000)  # PP may touch later than CP


class Proximity(base.Guard):
    """A cable whose coding is shorted, lies between the windows, or changes while plugged (CP-35 to CP-37)."""

    CODE = "OtherError"
    INFO = "Cable coding missing, shorted or changed"
    FAULTED = False
    RULE = base.UNPLUG
    TRIP_MS = 100  # of a change; before the coding is latched it may take _SETTLE_MS, without energy

    @staticmethod
    def fitted(outlet) -> bool:
        """On socket outlets; a tethered outlet has no proximity input."""
        return outlet.cable is not None

    def danger(self, outlet) -> bool:
        """Only with a plug in the socket."""
        cable = outlet.cable
        return outlet.plugged and (cable.changed or (cable.rating_da == 0 and cable.plugged_ms >= _SETTLE_MS))


class LockFailure(base.Guard):
    """The lock was told to lock and does not confirm it (CP-31)."""

    CODE = "ConnectorLockFailure"
    INFO = "The plug cannot be locked"
    RULE = base.UNPLUG
    TRIP_MS = 5000  # three tries of the outlet's

    @staticmethod
    def fitted(outlet) -> bool:
        """On outlets with a lock."""
        return outlet.lock is not None

    def danger(self, outlet) -> bool:
        """Commanded and not confirmed."""
        return outlet.wants_lock and not outlet.locked
