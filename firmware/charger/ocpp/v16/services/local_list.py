"""The local authorisation list with its version, replaced atomically (OCPP-56)."""

from micropython import const

from charger import clock, log
from charger.ocpp.v16.services import id_tag_table

FILE = "ocpp_local_list"

_BREATH = const(4)  # entries between two yields to other tasks

ACCEPTED = "Accepted"
FAILED = "Failed"
MISMATCH = "VersionMismatch"


class _TooMany(Exception):
    """More tags than the list may have."""


class LocalList:
    """File on flash: the version, then one line per idTag, of which the last counts. Only the version is in the heap."""

    def __init__(self, config: Configuration, files: Files):
        self._config = config
        self._files = files
        self._version = self._count = 0
        version = 0
        for number, line in enumerate(files.lines(FILE)):
            if number:  # an entry: without one the version is 0
                self._version = version
                break
            if not line.isdigit() or len(line) >= 20:  # 63 bits
                log.error("local list", "not readable, ignored")
                break
            version = int(line)

    @property
    def version(self) -> int:
        """listVersion; 0 while the list is empty."""
        return self._version

    def find(self, tag: str) -> tuple | None:
        """(status, parent) of a tag, None when it is not in the list."""
        key = tag.lower().encode() + b"\t"
        found = None
        for line in self._files.lines(FILE) if self._version else ():
            if line.startswith(key) and id_tag_table.whole(line):
                found = line
        return None if found is None else id_tag_table.verdict(found)

    async def update(self, version: int, full: bool, entries: list) -> str:
        """SendLocalList: Accepted, Failed or VersionMismatch. The old list is untouched unless Accepted.

        The entries are iterated more than once, with one of them in the heap at a time.
        """
        empties = full and not entries and version == 0  # 0 is the version of an empty list (5.10)
        if (version <= 0 and not empties) or len(entries) > self._config.get_int("SendLocalListMaxLength"):
            return FAILED
        if not full and version <= self._version:
            return MISMATCH
        last = {}  # idTag: index of its last entry
        for number, entry in enumerate(entries):
            if full and "idTagInfo" not in entry:
                return FAILED
            last[entry["idTag"].lower().encode()] = number
            if number % _BREATH == 0:
                await clock.sleep_ms(0)
        self._count = 0
        try:
            for _ in self._files.write_pieces(FILE, self._lines(version, full, entries, last)):
                if self._count % _BREATH == 0:
                    await clock.sleep_ms(0)
        except OSError as error:
            log.error("local list", log.reason(error))
            return FAILED
        except _TooMany:
            return FAILED
        self._version = version if self._count else 0
        return ACCEPTED

    def _lines(self, version: int, full: bool, entries: list, last: dict) -> Iterator:
        """Yield the new file in pieces: lines kept from the old one, then new lines."""
        yield b"%d" % version
        if not full and self._version:
            for number, line in enumerate(self._files.lines(FILE)):
                if number and id_tag_table.whole(line) and line.split(b"\t", 1)[0] not in last:
                    yield self._counted(line)
        for number, entry in enumerate(entries):
            info = entry.get("idTagInfo")
            if info is not None and last[entry["idTag"].lower().encode()] == number:
                yield self._counted(id_tag_table.line(entry["idTag"], info))

    def _counted(self, line: bytes) -> bytes:
        self._count += 1
        if self._count > self._config.get_int("LocalAuthListMaxLength"):
            raise _TooMany
        return b"\n" + line
