"""The serial line of the simulated board's console as a pseudo-terminal: what a browser or a tool on the host would open."""

import asyncio
import contextlib
import os
import tty
from pathlib import Path


class SerialLine:
    """A pseudo-terminal behind a symbolic link. The board's output goes out by send(); what comes in goes to `on_bytes`."""

    def __init__(self, link):
        """OSError where the link cannot be made; a link that an earlier run has left is replaced."""
        self.on_bytes = None
        self._link = Path(link)
        self._ours, self._theirs = os.openpty()  # `theirs` stays open: else ours would fail after a client's close
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        if self._link.is_symlink():
            self._link.unlink()
        self._link.symlink_to(os.ttyname(self._theirs))
        asyncio.get_running_loop().add_reader(self._ours, self._receive)

    def _receive(self):
        data = os.read(self._ours, 4096)
        if self.on_bytes is not None:
            self.on_bytes(data)

    def send(self, data):
        """Write to the line; without a reader, bytes that have no room are dropped, as on a UART."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._ours, data)

    def close(self):
        """End it and remove the link."""
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)
        self._link.unlink(missing_ok=True)
