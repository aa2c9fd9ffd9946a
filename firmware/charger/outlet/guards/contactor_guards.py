"""Guards of the contactors: welded, not closing, opened too often under way."""

from micropython import const

from charger.outlet.guards import base
from charger.outlet.power_switch import HOT_MA, MOST_INTERRUPTIONS

# Beyond what the board says that the contactor takes: until the feedback has been read, and the debounce.
_WELD_MARGIN_MS = const(180)
_CLOSE_MARGIN_MS = const(270)
_LIVE_MV = const(100000)


class Weld(base.Guard):
    """The feedback says closed although the coil is released (CP-45)."""

    CODE = "PowerSwitchFailure"
    INFO = "Contactor welded"
    RULE = base.SERVICE

    def set_up(self, outlet: Outlet) -> None:
        """Take over the time of the contactor."""
        self.TRIP_MS = outlet.contactor.open_ms + _WELD_MARGIN_MS

    def danger(self, outlet: Outlet) -> bool:
        """Released and still closed."""
        return outlet.contacts_closed and not outlet.contactor.commanded


class CloseFailure(base.Guard):
    """The contactor was told to close and did not, with every pole (CP-46), or it dropped out.

    The outlet tries again as after any interruption (outlet/power_switch.py). When a current flows, the feedback has
    failed, which is no danger: the pilot is withdrawn before the contactor opens.
    """

    CODE = "PowerSwitchFailure"
    INFO = "Contactor does not close"
    CLEAR_MS = 10000

    def set_up(self, outlet: Outlet) -> None:
        """Take over the time of the contactor."""
        self.TRIP_MS = outlet.contactor.close_ms + _CLOSE_MARGIN_MS

    def danger(self, outlet: Outlet) -> bool:
        """Commanded and still open."""
        return self._is_lost(outlet.contactor, outlet)

    def step_gone(self, outlet: Outlet) -> None:
        """One reading of "closed" takes back what one of "open" has counted: noise does not hide a contactor that stays open."""
        if self._present_ms > outlet.dt_ms and not self.tripped:
            self._present_ms -= outlet.dt_ms
        else:
            super().step_gone(outlet)

    def _is_lost(self, contactor: Any, outlet: Outlet) -> bool:
        measured = outlet.metered
        self.soft = measured is not None and measured[0] > HOT_MA
        return contactor.commanded and is_open(contactor, outlet)


class PhaseWeld(Weld):
    """As Weld, for the contactor of the phases 2 and 3."""

    NEEDS = "phase_switch"
    INFO = "Contactor of phases 2 and 3 welded"

    def set_up(self, outlet: Outlet) -> None:
        """Take over the time of the contactor."""
        self.TRIP_MS = outlet.switch.second.open_ms + _WELD_MARGIN_MS

    def danger(self, outlet: Outlet) -> bool:
        """Released and still closed."""
        switch = outlet.switch
        return switch.second_closed and not switch.second.commanded


class PhaseCloseFailure(CloseFailure):
    """As CloseFailure, for the contactor of the phases 2 and 3."""

    NEEDS = "phase_switch"
    INFO = "Contactor of phases 2 and 3 does not close"

    def set_up(self, outlet: Outlet) -> None:
        """Take over the time of the contactor."""
        self.TRIP_MS = outlet.switch.second.close_ms + _CLOSE_MARGIN_MS

    def danger(self, outlet: Outlet) -> bool:
        """Commanded and still open."""
        return self._is_lost(outlet.switch.second, outlet)


class RepeatedOpenings(base.Guard):
    """Charging was interrupted too often (outlet/power_switch.py): it ends until unplugging, or the owner's acknowledgement."""

    INFO = "Interrupted too often, unplug the vehicle"

    def danger(self, outlet: Outlet) -> bool:
        """As the count says; the code is that of the last interruption."""
        if outlet.switch.interruptions < MOST_INTERRUPTIONS:
            return False
        self.CODE = outlet.switch.code
        return True

    def is_present(self, outlet: Outlet) -> bool:
        """The owner's word ends the condition itself."""
        return False


def is_open(contactor: Any, outlet: Outlet) -> bool:
    """A pole is open; where voltage is sensed, mains that have gone say nothing about it."""
    if contactor.complete:
        return False
    measured = outlet.metered
    return not contactor.senses_voltage or (measured is not None and measured[1] >= _LIVE_MV)
