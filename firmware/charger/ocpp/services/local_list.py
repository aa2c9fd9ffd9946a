"""The local authorisation list: sent by the back end, with a version, replaced as a whole or not at all (OCPP-56)."""

from charger import log
from charger.ocpp.services import tag_table

FILE = "ocpp_local_list"

ACCEPTED = "Accepted"
FAILED = "Failed"
MISMATCH = "VersionMismatch"


class LocalList:
    """On flash: the version, then a line a tag. Nothing but the version stays in the heap."""

    def __init__(self, config, files):
        self._config = config
        self._files = files
        head = self._read().split(b"\n", 1)[0]
        self._version = int(head) if head else 0

    @property
    def version(self) -> int:
        """listVersion; 0 while the list is empty."""
        return self._version

    def find(self, tag: str) -> tuple | None:
        """(status, parent) of a tag, None when it is not in the list."""
        return tag_table.find(self._read(), tag) if self._version else None

    def update(self, version: int, full: bool, entries: list) -> str:
        """SendLocalList: Accepted, Failed or VersionMismatch. The old list is untouched unless Accepted.

        Takes the entries out of the list that it is given: as lines of text they need a fraction of the heap.
        """
        if version <= 0 or len(entries) > self._config.get_int("SendLocalListMaxLength"):
            return FAILED
        if not full and version <= self._version:
            return MISMATCH
        changes = {}
        while entries:
            entry = entries.pop()
            info = entry.get("idTagInfo")
            if info is None and full:
                return FAILED
            tag = entry["idTag"].lower().encode()
            if tag not in changes:  # of several entries for a tag the last counts
                changes[tag] = None if info is None else tag_table.line(entry["idTag"], info)
        lines = []
        for line in () if full else self._read().split(b"\n")[1:]:
            if line.split(b"\t", 1)[0] not in changes:
                lines.append(line)
        lines.extend(line for line in changes.values() if line is not None)
        if len(lines) > self._config.get_int("LocalAuthListMaxLength"):
            return FAILED
        try:
            self._files.write(FILE, b"%d\n" % version + b"\n".join(lines))
        except OSError as error:
            log.error("local list", log.reason(error))
            return FAILED
        self._version = version if lines else 0
        return ACCEPTED

    def _read(self) -> bytes:
        return self._files.read(FILE) or b""
