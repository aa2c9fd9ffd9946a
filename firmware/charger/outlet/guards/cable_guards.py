"""Guards of a socket outlet: the cable's coding and the lock of the plug."""

from micropython import const

from charger.outlet.guards import base

_SETTLE_MS = const(1000)  # PP may touch later than CP


class Proximity(base.Guard):
    """A cable whose coding is shorted, lies between the windows, or changes while plugged (CP-35 to CP-37).

    One that has changed stays refused until it is unplugged; one that was never read may still touch.
    """

    NEEDS = "cable"
    CODE = "OtherError"
    INFO = "Cable coding missing, shorted or changed"
    FAULTED = False
    RULE = base.UNPLUG
    TRIP_MS = 100  # of a change; before the coding is latched it may take _SETTLE_MS, without energy

    def danger(self, outlet: Outlet) -> bool:
        """True with a plug in the socket; in state F, without energy, a plug cannot be detected."""
        if not outlet.plugged or outlet.driving_f:
            return False
        cable = outlet.cable
        if cable.rating_da:
            if cable.changed:
                self.RULE = base.UNPLUG
            return cable.changed
        self.RULE = base.CLEARS
        return cable.plugged_ms >= _SETTLE_MS


class LockFailure(base.Guard):
    """The lock was told to lock and does not confirm it (CP-31)."""

    NEEDS = "lock"
    CODE = "ConnectorLockFailure"
    INFO = "The plug cannot be locked"
    RULE = base.UNPLUG
    TRIP_MS = 5000  # three tries of the outlet's

    def danger(self, outlet: Outlet) -> bool:
        """Commanded and not confirmed."""
        return outlet.wants_lock and not outlet.locked


class UnlockFailure(LockFailure):
    """The lock was told to let the plug go and does not, three times: a warning, the next car can be charged (CP-31)."""

    INFO = "The plug cannot be released"
    FAULTED = False
    RULE = base.CLEARS
    BLOCKS = False

    def danger(self, outlet: Outlet) -> bool:
        """Released and still locked."""
        return not outlet.lock.commanded and outlet.lock.locked()
