"""A frequently changed value in two small files that are written in turn, with the least flash wear.

littlefs keeps such a file, of up to 100 bytes, inside its directory's log: a write is one short commit, and an erase is
needed only every few dozen writes. With two files in turn the previous value survives a failure of the last write.
"""

import struct

from micropython import const

from charger import log
from charger.os_errors import is_flash_failure
from charger.store.files import Files, checksum

_HEADER = "<IH"  # count of writes, length of the value; the CRC-32 of both and the value ends the file
_HEADER_LEN = const(6)
_CRC_LEN = const(4)
_SUFFIX = ("a", "b")


class ABRecord:
    """One value in `<name>.a` and `<name>.b`. read() returns the newest valid one."""

    def __init__(self, files: Files, name: str) -> None:
        self._files = files
        self._name = name
        self._count = 0
        self._value = None
        if "/" in name:
            files.make_folder(name[: name.index("/")])
        for suffix in _SUFFIX:
            self._read_file(name + "." + suffix)

    def read(self) -> bytes | None:
        """Return the newest valid value, or None."""
        return self._value

    def number(self, default: int = 0) -> int:
        """Return a value of four bytes as a number from 0 on; `default` for none and for one of another length."""
        value = self._value
        return default if value is None or len(value) != 4 else int.from_bytes(value, "little")

    def write(self, value: bytes) -> None:
        """Replace the value; it is on flash when this returns. OSError when the flash is full or fails."""
        body = struct.pack(_HEADER, self._count + 1, len(value)) + value
        with open(self._files.path(self._name + "." + _SUFFIX[(self._count + 1) & 1]), "wb") as file:
            file.write(body + struct.pack("<I", checksum(body)))
        self._count += 1
        self._value = bytes(value)

    def delete(self) -> None:
        """Delete the value; the older file first, so that a power cut cannot restore an older value."""
        for turn in (self._count + 1, self._count):
            self._files.delete(self._name + "." + _SUFFIX[turn & 1])
        self._value = None

    def _read_file(self, name: str) -> None:
        try:
            with open(self._files.path(name), "rb") as file:
                blob = file.read()
        except OSError as error:
            if is_flash_failure(error):
                raise
            return
        if not blob:
            return  # the power failed between the creation of the file and its first write
        end = len(blob) - _CRC_LEN
        if end < _HEADER_LEN or struct.unpack_from("<I", blob, end)[0] != checksum(blob[:end]):
            log.error("store", name + ": damaged, ignored")
            return
        count, length = struct.unpack_from(_HEADER, blob)
        if length == end - _HEADER_LEN and count > self._count:
            self._count = count
            self._value = blob[_HEADER_LEN:end]
