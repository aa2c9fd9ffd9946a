"""Small files on flash: replaced as a whole or not at all, with a checksum, never believed when damaged.

A file on flash is its content followed by four bytes: the CRC-32 of the content, seeded so that neither an empty nor a
zeroed file can pass. A write goes to `<name>.new` and is renamed over the old file, which littlefs does in one commit.
"""

import json
import os
import struct
from binascii import crc32

from micropython import const

from charger import log
from charger.os_errors import is_flash_failure
from charger.store import json_schemas

_SEED = const(0x504C31)  # crc32 of nothing is 0: without a seed four zero bytes would be a valid empty file
_TRAILER = const(4)
_PART = const(512)  # bytes of lines at a time
_READ = const(256)  # bytes at a time, of what is not to be in the heap as a whole
_NEW = ".new"
_ENOENT = const(2)
_EEXIST = const(17)


def checksum(data: bytes) -> int:
    """CRC-32 of data as every file and record on flash carries it."""
    return crc32(data, _SEED)


class Files:
    """Files below one directory of the flash file system. Names are relative, with at most one folder level ("a/b").

    A full flash raises OSError(ENOSPC), a failing one an OSError of which os_errors.is_flash_failure() is true; the old
    content is then still there.
    """

    def __init__(self, root: str = "/flash") -> None:
        self.root = root
        self._drop_unfinished()

    def path(self, name: str) -> str:
        """The place of a name in the file system. Raises ValueError on a name that leaves the root."""
        if not name or name[0] == "/" or ".." in name or name.count("/") > 1:
            raise ValueError("file name: " + name)
        return self.root + "/" + name

    def read(self, name: str) -> bytes | None:
        """The content, or None when the file is absent or damaged (damage is logged)."""
        try:
            with open(self.path(name), "rb") as file:
                blob = file.read()
        except OSError as error:
            if is_flash_failure(error):
                raise
            if error.errno != _ENOENT:
                log.error("store", "{}: unreadable, errno {}".format(name, error.errno))
            return None
        end = len(blob) - _TRAILER
        if end >= 0:
            data = blob[:end]
            if struct.unpack_from("<I", blob, end)[0] == checksum(data):
                return data
        log.error("store", "{}: damaged, {} bytes ignored".format(name, len(blob)))
        return None

    def write(self, name: str, data: bytes) -> None:
        """Replace the content; when this returns the new content is on flash, at a cut before that the old one is.

        Writing what is already there costs no flash write.
        """
        path = self.path(name)
        if self._holds(path, data):
            return
        if "/" in name:
            self.make_folder(name[: name.index("/")])
        with open(path + _NEW, "wb") as file:
            file.write(data)
            file.write(struct.pack("<I", checksum(data)))
        os.rename(path + _NEW, path)

    def write_pieces(self, name: str, pieces) -> None:
        """As write(), of a content that comes in pieces and is never whole in the heap. What `pieces` raises is raised."""
        path = self.path(name)
        total = checksum(b"")
        try:
            with open(path + _NEW, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                    total = crc32(piece, total)
                file.write(struct.pack("<I", total))
        except BaseException:
            self.delete(name + _NEW)
            raise
        os.rename(path + _NEW, path)

    def lines(self, name: str):
        """Iterate the lines of a file, without their ends, one in the heap at a time; none when it is absent or damaged."""
        size = self._sound(name)
        at = 0
        while at < size:
            # Never open while somebody else has the word: who stops half way would leave it open (and littlefs keeps a list
            # of what is open, which the garbage collector does not know).
            with open(self.path(name), "rb") as file:
                file.seek(at)
                part = file.read(min(_PART, size - at))
                if at + len(part) < size and b"\n" not in part:
                    part = (part + file.readline())[: size - at]
            if at + len(part) < size:
                part = part[: part.rfind(b"\n") + 1]
            at += len(part)
            yield from (part[:-1] if part.endswith(b"\n") else part).split(b"\n")

    def _sound(self, name: str) -> int:
        """Length of a content that is whole, -1 when it is absent or damaged (damage is logged)."""
        try:
            size = os.stat(self.path(name))[6] - _TRAILER
            with open(self.path(name), "rb") as file:
                total = checksum(b"")
                for at in range(0, size, _READ):
                    total = crc32(file.read(min(_READ, size - at)), total)
                if size >= 0 and file.read() == struct.pack("<I", total):
                    return size
        except OSError as error:
            if is_flash_failure(error):
                raise
            return -1
        log.error("store", name + ": damaged")
        return -1

    def exists(self, name: str) -> bool:
        """True when there is such a file, whole or damaged."""
        try:
            os.stat(self.path(name))
            return True
        except OSError as error:
            if is_flash_failure(error):
                raise
            return False

    def delete(self, name: str) -> None:
        """Forget a file; no error when it is not there."""
        try:
            os.remove(self.path(name))
        except OSError as error:
            if error.errno != _ENOENT:
                raise

    def names(self, folder: str = "") -> list:
        """Names of the files in the root or in one folder, sorted; folders and unfinished files are left out."""
        path = self.path(folder) if folder else self.root
        try:
            return sorted(e[0] for e in os.ilistdir(path) if e[1] & 0x8000 and not e[0].endswith(_NEW))
        except OSError as error:
            if error.errno != _ENOENT:
                raise
            return []

    def read_json(self, name: str, default=None):
        """The file parsed as JSON, or default when it is absent, damaged, not JSON or of another shape (json_schemas.py)."""
        data = self.read(name)
        if data is None:
            return default
        try:
            value = json.loads(data)
        except (ValueError, RuntimeError):  # the latter when it is nested too deep
            log.error("store", name + ": not JSON")
            return default
        fault = json_schemas.fault(name, value)
        if fault:
            log.error("store", "%s: ignored, %s" % (name, fault))
            return default
        return value

    def write_json(self, name: str, value) -> None:
        """Replace the file by value as JSON, atomically."""
        self.write(name, json.dumps(value).encode())

    def make_folder(self, folder: str) -> None:
        """Create a folder when it is missing."""
        try:
            os.mkdir(self.path(folder))
        except OSError as error:
            if error.errno != _EEXIST:
                raise

    def delete_folder(self, folder: str) -> None:
        """Forget a folder with all that is in it; no error when it is not there."""
        path = self.path(folder)
        try:
            for entry in list(os.ilistdir(path)):
                os.remove(path + "/" + entry[0])
            os.rmdir(path)
        except OSError as error:
            if error.errno != _ENOENT:
                raise

    def free_bytes(self) -> int:
        """Room left on the flash file system, in bytes."""
        fields = os.statvfs(self.root)
        return fields[0] * fields[3]

    def _holds(self, path: str, data: bytes) -> bool:
        try:
            if os.stat(path)[6] != len(data) + _TRAILER:
                return False
            with open(path, "rb") as file:
                return file.read() == bytes(data) + struct.pack("<I", checksum(data))
        except OSError as error:
            if is_flash_failure(error):
                raise
            return False

    def _drop_unfinished(self) -> None:
        for entry in list(os.ilistdir(self.root)):
            if entry[1] & 0x4000:
                for inner in list(os.ilistdir(self.root + "/" + entry[0])):
                    self._drop_new(entry[0] + "/" + inner[0])
            else:
                self._drop_new(entry[0])

    def _drop_new(self, name: str) -> None:
        if name.endswith(_NEW):
            log.warn("store", name + ": unfinished write dropped")
            self.delete(name)
