"""Guards of a socket outlet: the cable's coding and the lock of the plug."""

from charger.outlet.guards import base


class Proximity(base.Guard):
    """A cable whose coding is shorted, lies between the windows, or changes while plugged (CP-35 to CP-37)."""

    CODE = "OtherError"
    INFO = "Cable coding missing, shorted or changed"
    FAULTED = False
    RULE = base.UNPLUG
    TRIP_MS = 100

    @staticmethod
    def fitted(outlet) -> bool:
        """On socket outlets; a tethered outlet has no proximity input."""
        return outlet.cable is not None

    def danger(self, outlet) -> bool:
        """Only with a plug in the socket."""
        cable = outlet.cable
        return outlet.plugged and (cable.rating_da == 0 or cable.changed)


class LockFailure(base.Guard):
    """The lock was told to lock and does not confirm it (CP-31)."""

    CODE = "ConnectorLockFailure"
    INFO = "The plug cannot be locked"
    RULE = base.UNPLUG
    TRIP_MS = 2000

    @staticmethod
    def fitted(outlet) -> bool:
        """On outlets with a lock."""
        return outlet.lock is not None

    def danger(self, outlet) -> bool:
        """Commanded and not confirmed."""
        return outlet.lock.commanded and not outlet.locked
