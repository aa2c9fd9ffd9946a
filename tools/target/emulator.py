"""One start of the bare-metal target in qemu, and mpremote's raw REPL on its serial port."""

import contextlib
import re
import subprocess
import tempfile
import time
from pathlib import Path

from hil.transport import Transport
from mpremote.transport import TransportError, TransportExecError

from . import build, fetch

# Where things lie in the machine's memory; port/modules/counting/memory.c has the same.
IMAGE = 0x84000000
HEAP_SIZE = 0x84FFFFF0
DISK = 0x85000000
DISK_BYTES = 0x400000
# The code of the image's folders, in the order of sys.path.
FOLDERS = ("target", "sim", "firmware", "support", "lib", "unit")
_START_S = 60  # seconds of a busy computer
_START = """
import os, sys, uctypes, vfs
vfs.mount(vfs.VfsRom(uctypes.bytearray_at(%d, %d)), "/rom")
sys.path[:] = [%s]
"""


class TargetError(Exception):
    """The target did not start, ended or gave no answer; the text is its output."""


def _place(folder: str) -> str:
    """A folder's place for sys.path: in the image, or among what is frozen."""
    return folder if folder.startswith(".frozen") else f"/rom/{folder}"


class Emulator:
    """A running target with an image mounted at /rom. `counted` makes an instruction last one nanosecond, always.

    firmware    what is started: MicroPython alone if none is given
    """

    def __init__(self, image: Path, heap: int = 256 * 1024, counted: bool = False, folders: tuple[str, ...] = FOLDERS,
                 firmware: Path | None = None) -> None:
        if image.stat().st_size > HEAP_SIZE - IMAGE:
            raise TargetError(f"the image is too large: {image.stat().st_size} bytes")
        firmware = firmware or build.firmware()  # which fetches the emulator as well
        self._words = tempfile.TemporaryFile()
        command = [
            *fetch.started("bin/qemu-system-riscv32"), "-machine", "virt", "-bios", "none", "-nographic", "-monitor", "null",
            "-semihosting", "-serial", "pty", "-kernel", str(firmware),
            "-device", f"loader,file={image},addr={IMAGE:#x},force-raw=on",
            "-device", f"loader,addr={HEAP_SIZE:#x},data={heap:#x},data-len=4",
            *(["-icount", "shift=0"] if counted else []),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._words, stderr=subprocess.STDOUT)
        self._serial: Transport | None = None
        try:
            self._serial = Transport(self._pty())
            self._serial.enter_raw_repl(soft_reset=False, timeout_overall=_START_S)
            places = ", ".join(f"'{_place(name)}'" for name in self._with_frozen(folders))
            self.start = _START % (IMAGE, image.stat().st_size, places)  # after a soft reset it has to run again
            self.run(self.start)
        except TransportError as error:
            self.close()
            raise TargetError(f"the target's REPL does not answer: {error}; {self._output()}") from error

    @staticmethod
    def _with_frozen(folders: tuple[str, ...]) -> list[str]:
        """asyncio is frozen; the simulated board's modules come before it."""
        names = list(folders)
        names.insert(names.index("lib") if "lib" in names else len(names), ".frozen")
        return names

    def _output(self) -> str:
        self._words.seek(0)
        return self._words.read().decode(errors="replace").strip()

    def _pty(self) -> str:
        """The pseudo-terminal that qemu has opened for the serial port."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"/dev/pts/\d+", self._output())
            if found:
                return found[0]
            time.sleep(0.02)
        words = self._output()
        self.close()
        raise TargetError(f"qemu did not start: {words}")

    def run(self, code: str, timeout_s: float = 60) -> str:
        """Run code and return what it printed; TargetError with the traceback, or when it takes too long."""
        try:
            self._serial.exec_raw_no_follow(code)
            printed, error = self._serial.follow(timeout_s)
        except TransportExecError as error:
            raise TargetError(str(error)) from error
        except (TransportError, OSError) as error:
            ended = self.process.poll() is not None
            self.close()
            raise TargetError(f"{'the target ended' if ended else 'no answer'}: {error}") from error
        if error:
            raise TargetError(error.decode(errors="replace"))
        return printed.decode(errors="replace")

    def release(self) -> str:
        """Release the serial port to another program, for example mpremote; return its path."""
        self._serial.close()
        self._serial = None
        return self._pty()

    @property
    def alive(self) -> bool:
        """False once it has ended."""
        return self.process.poll() is None

    def close(self) -> None:
        """End it."""
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None
        self.process.kill()
        self.process.wait()
        self._words.close()

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *_error) -> None:
        self.close()
