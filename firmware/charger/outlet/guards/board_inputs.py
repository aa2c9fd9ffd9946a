"""Guards that follow a switch: the lid, and a board's general fault input."""

from micropython import const

from charger.outlet.guards import base

# What an open enclosure means: the low bits of Outlet.tamper_input.
TAMPER_REPORT = const(0)  # a warning
TAMPER_STOP = const(1)  # no energy until it is closed
TAMPER_LATCH = const(2)  # no energy until the owner has acknowledged it
TAMPER_LATCHED = const(4)  # flag beside them: it was opened before, as the flash says


class Tamper(base.Guard):
    """The enclosure is open or was (SEC-16, SEC-17): no energy until the owner acknowledges it, or as TamperPolicy says."""

    NEEDS = "tamper"
    CODE = "OtherError"
    INFO = "The enclosure is or was open"
    OF_BOARD = True
    RULE = base.SERVICE
    TRIP_MS = 100

    def __init__(self) -> None:
        super().__init__()
        self._input = TAMPER_LATCH
        self.BLOCKS = self.FAULTED = True
        self.RULE = base.SERVICE

    def danger(self, outlet: Outlet) -> bool:
        """The switch says open, or an opening is latched: that one trips at once."""
        if outlet.tamper_input != self._input:
            self._apply(outlet.tamper_input)
        if self._input & TAMPER_LATCHED:
            self._present_ms = self.TRIP_MS
            return True
        return outlet.tamper.value() == 1

    def _apply(self, tamper_input: int) -> None:
        if self._input & TAMPER_LATCHED:
            self._gone_ms = 1  # a latch that is lifted was the only condition, unless the switch says otherwise
        self._input = tamper_input
        policy = tamper_input & 3
        self.BLOCKS = self.FAULTED = policy != TAMPER_REPORT
        self.RULE = base.SERVICE if policy == TAMPER_LATCH else base.CLEARS

    def is_present(self, outlet: Outlet) -> bool:
        """True with an open switch or a latch; the tick may not have noticed yet that a latch was cleared."""
        return outlet.tamper_input & TAMPER_LATCHED > 0 or outlet.tamper.value() == 1


class BoardFault(base.Guard):
    """A board's general fault input: no outlet of it gives energy."""

    NEEDS = "board_fault"
    CODE = "OtherError"
    INFO = "Fault input of the board"
    OF_BOARD = True
    TRIP_MS = 40

    def danger(self, outlet: Outlet) -> bool:
        """The level of the input."""
        return outlet.board_fault.value() == 1


class FaultInput(base.Guard):
    """The fault input of one outlet."""

    NEEDS = "fault_input"
    CODE = "OtherError"
    INFO = "Fault input of the outlet"
    TRIP_MS = 40

    def danger(self, outlet: Outlet) -> bool:
        """The level of the input."""
        return outlet.fault_input.value() == 1


class Rails(base.Guard):
    """The supervisor of the pilot generator's +-12 V says out of range: no pilot voltage means anything (CP-1)."""

    NEEDS = "rails"
    CODE = "InternalError"
    INFO = "Supply of the pilot generator out of range"
    OF_BOARD = True
    TRIP_MS = 40

    def danger(self, outlet: Outlet) -> bool:
        """The level of the input."""
        return outlet.rails.value() == 1


class ReaderLost(base.Guard):
    """The card reader sends invalid data: a warning, because a session can begin without it (OCPP-83)."""

    CODE = "ReaderFailure"
    INFO = "The card reader sends broken frames"
    FAULTED = False
    BLOCKS = False

    def danger(self, outlet: Outlet) -> bool:
        """As the job that polls the reader has reported."""
        return outlet.reader_failed
