"""mpremote's serial transport with the patience that an emulated unit takes."""

from mpremote.transport_serial import SerialTransport

SILENT_S = 60  # an emulator at a low priority beside twenty busy processes was not run for more than 10 s


class Transport(SerialTransport):
    """Waits 60 s for a unit's next character, where mpremote's own waits 10 s."""

    def __init__(self, port: str) -> None:
        super().__init__(port, timeout=SILENT_S)

    def read_until(self, min_num_bytes, ending, timeout=SILENT_S, data_consumer=None, timeout_overall=None):
        """As mpremote's."""
        return super().read_until(min_num_bytes, ending, timeout, data_consumer, timeout_overall)
