"""machine of a unit whose UART is a pseudo-terminal: METER_PORT names it."""

import os
import select


class UART:
    """A serial port that waits for nothing."""

    def __init__(self, number, **options):
        self.options = options
        self._file = open(os.getenv("METER_PORT"), "r+b", buffering=0)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def any(self):
        """1 when there is something to read."""
        return 1 if self._poll.poll(0) else 0

    def readinto(self, buffer):
        """The bytes received, None for none."""
        if not self.any():
            return None
        data = os_read(self._file, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        """Send."""
        return self._file.write(data)


def os_read(file, most):
    """At most that many bytes of what is there: one at a time, since a read of the file waits for all."""
    found = b""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    while len(found) < most and poll.poll(0):
        found += file.read(1)
    return found


class Pin:
    """No pins."""


class ADC:
    """No analogue inputs."""

    ATTN_11DB = 3


I2C = SPI = None
