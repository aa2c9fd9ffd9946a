"""Small files on flash: replaced atomically, with a checksum; a damaged one counts as absent.

A file on flash is its content followed by its CRC-32, seeded so that neither an empty nor a zeroed file is valid. A write
goes to `<name>.new`, which is renamed over the old file; littlefs does that in one commit.
"""

import json
import os
import struct
from binascii import crc32

from micropython import const

from charger import log
from charger.os_errors import is_flash_failure
from charger.store import json_schemas

_SEED = const(0x504C31)  # the CRC-32 of no data is 0: without a seed four zero bytes would be a valid empty file
_TRAILER = const(4)
_PART = const(512)  # bytes per read of lines()
_READ = const(256)  # bytes per read of content that is not held in the heap as a whole
_NEW = ".new"
_ENOENT = const(2)
_EEXIST = const(17)


def checksum(data: Buffer) -> int:
    """Return the seeded CRC-32 used by every file and record on flash."""
    return crc32(data, _SEED)


class Files:
    """Files below one directory of the flash file system. Names are relative, with at most one folder level ("a/b").

    A full flash raises OSError(ENOSPC), a failing one an OSError for which os_errors.is_flash_failure() is true; the old
    content is kept in both cases.
    """

    def __init__(self, root: str = "/flash") -> None:
        self.root = root
        self._drop_unfinished()

    def path(self, name: str) -> str:
        """Return the path of a name in the file system. ValueError for a name outside of the root."""
        if not name or name[0] == "/" or ".." in name or name.count("/") > 1:
            raise ValueError("file name: " + name)
        return self.root + "/" + name

    def read(self, name: str) -> bytes | None:
        """Read the content; None when the file is absent or damaged (damage is logged)."""
        try:
            with open(self.path(name), "rb") as file:
                blob = file.read()
        except OSError as error:
            if is_flash_failure(error):
                raise
            if error.errno != _ENOENT:
                log.error("store", "%s: unreadable, errno %d" % (name, error.errno))
            return None
        end = len(blob) - _TRAILER
        if end >= 0:
            data = blob[:end]
            if struct.unpack_from("<I", blob, end)[0] == checksum(data):
                return data
        log.error("store", "%s: damaged, %d bytes ignored" % (name, len(blob)))
        return None

    def write(self, name: str, data: bytes) -> None:
        """Replace the content: on flash when this returns; a power cut before that leaves the old content.

        Writing an equal content writes nothing to flash.
        """
        path = self.path(name)
        if self._has_content(path, data):
            return
        if "/" in name:
            self.make_folder(name[: name.index("/")])
        with open(path + _NEW, "wb") as file:
            file.write(data)
            file.write(struct.pack("<I", checksum(data)))
        os.rename(path + _NEW, path)

    def write_pieces(self, name: str, pieces: Any) -> Iterator:
        """Write as write() does, in pieces, so that the content is never whole in the heap. Passes exceptions of `pieces`.

        A generator, which yields after each piece; the old content holds until its end.
        """
        path = self.path(name)
        total = checksum(b"")
        try:
            with open(path + _NEW, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                    total = crc32(piece, total)
                    yield
                file.write(struct.pack("<I", total))
        except BaseException:
            self.delete(name + _NEW)
            raise
        os.rename(path + _NEW, path)

    def lines(self, name: str) -> Iterator:
        """Iterate the lines of a file without line ends, one at a time; no lines when it is absent or damaged."""
        size = self._sound(name)
        at = 0
        while at < size:
            # Close the file before each yield: a caller that stops iterating would leave it open (and littlefs keeps a list
            # of open files, which the garbage collector does not know).
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
        """Return the length of a valid content, -1 when it is absent or damaged (damage is logged)."""
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
        """True when the file exists, valid or damaged."""
        try:
            os.stat(self.path(name))
            return True
        except OSError as error:
            if is_flash_failure(error):
                raise
            return False

    def delete(self, name: str) -> None:
        """Delete a file; no error when it is absent."""
        try:
            os.remove(self.path(name))
        except OSError as error:
            if error.errno != _ENOENT:
                raise

    def rename(self, name: str, new: str) -> None:
        """Give a file another name, of which no file is left: one commit. OSError by the flash."""
        os.rename(self.path(name), self.path(new))

    def names(self, folder: str = "") -> list:
        """Return the sorted names of the files in the root or a folder, without folders and unfinished files."""
        path = self.path(folder) if folder else self.root
        try:
            return sorted(e[0] for e in os.ilistdir(path) if e[1] & 0x8000 and not e[0].endswith(_NEW))
        except OSError as error:
            if error.errno != _ENOENT:
                raise
            return []

    def read_json(self, name: str, default: Any | None = None) -> Any:
        """Read the file as JSON; default when it is absent, damaged, not JSON or not as in json_schemas.py."""
        data = self.read(name)
        if data is None:
            return default
        try:
            value = json.loads(data)
        except (ValueError, RuntimeError):  # RuntimeError: nested too deep
            log.error("store", name + ": not JSON")
            return default
        fault = json_schemas.fault(name, value)
        if fault:
            log.error("store", "%s: ignored, %s" % (name, fault))
            return default
        return value

    def write_json(self, name: str, value: Any) -> None:
        """Replace the file by the value as JSON, atomically."""
        self.write(name, json.dumps(value).encode())

    def make_folder(self, folder: str) -> None:
        """Create a folder if it is missing."""
        try:
            os.mkdir(self.path(folder))
        except OSError as error:
            if error.errno != _EEXIST:
                raise

    def delete_folder(self, folder: str) -> None:
        """Delete a folder and its files; no error when it is absent."""
        path = self.path(folder)
        try:
            for entry in list(os.ilistdir(path)):
                os.remove(path + "/" + entry[0])
            os.rmdir(path)
        except OSError as error:
            if error.errno != _ENOENT:
                raise

    def free_bytes(self) -> int:
        """Return the free bytes of the flash file system."""
        fields = os.statvfs(self.root)
        return fields[0] * fields[3]

    def _has_content(self, path: str, data: bytes) -> bool:
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
