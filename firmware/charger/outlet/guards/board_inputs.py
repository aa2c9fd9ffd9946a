"""Guards that follow a switch: the lid, and a board's general fault input."""

from charger.outlet.guards import base


class Tamper(base.Guard):
    """The lid is open (SEC-16, SEC-17): no energy behind an open lid; stays until the owner acknowledges it."""

    CODE = "OtherError"
    INFO = "The enclosure is or was open"
    OF_BOARD = True
    RULE = base.SERVICE
    TRIP_MS = 100

    def danger(self, outlet) -> bool:
        """Boards without the switch have none."""
        return outlet.tamper is not None and outlet.tamper.value() == 1


class BoardFault(base.Guard):
    """A board's general fault input: no outlet of it gives energy."""

    CODE = "OtherError"
    INFO = "Fault input of the board"
    OF_BOARD = True
    TRIP_MS = 40

    def danger(self, outlet) -> bool:
        """Boards without the input have none."""
        return outlet.board_fault is not None and outlet.board_fault.value() == 1


class FaultInput(base.Guard):
    """The fault input of one outlet."""

    CODE = "OtherError"
    INFO = "Fault input of the outlet"
    TRIP_MS = 40

    def danger(self, outlet) -> bool:
        """Boards without the input have none."""
        return outlet.fault_input is not None and outlet.fault_input.value() == 1


class Rails(base.Guard):
    """The supervisor of the pilot generator's +-12 V says out of range: no pilot voltage means anything (CP-1)."""

    CODE = "InternalError"
    INFO = "Supply of the pilot generator out of range"
    OF_BOARD = True
    TRIP_MS = 40

    def danger(self, outlet) -> bool:
        """Boards without the input have none."""
        return outlet.rails is not None and outlet.rails.value() == 1


class ReaderLost(base.Guard):
    """The card reader sends rubbish: a warning, since cars can still be charged otherwise (OCPP-83)."""

    CODE = "ReaderFailure"
    INFO = "The card reader sends broken frames"
    FAULTED = False
    BLOCKS = False

    def danger(self, outlet) -> bool:
        """Set by whoever polls the reader."""
        return outlet.reader_failed
