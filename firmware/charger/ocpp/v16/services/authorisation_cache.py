"""The authorisation cache: idTags with the back end's last status, on flash (OCPP-51)."""

from micropython import const

from charger import log
from charger.ocpp.v16.services import id_tag_table

FILE = "ocpp_cache"
_ENTRIES = const(100)


class AuthorisationCache:
    """Oldest entry first. The cache is on flash only, not in the heap."""

    def __init__(self, files: Files):
        self._files = files

    def find(self, tag: str) -> tuple | None:
        """(status, parent) of a tag, None when it is not in the cache."""
        return id_tag_table.find(self._read(), tag)

    def learn(self, tag: str, info: dict) -> None:
        """Store an IdTagInfo; an unchanged one is not written. With a failed flash the old one stays."""
        try:
            self._learn(tag, info)
        except OSError as error:
            log.error("auth", "cache not written: " + log.reason(error))

    def _learn(self, tag: str, info: dict) -> None:
        table = self._read()
        line = id_tag_table.line(tag, info)
        if b"\n" + line + b"\n" in table + b"\n":
            return
        key = line[: line.index(b"\t") + 1]
        lines = [old for old in table.split(b"\n")[1:] if id_tag_table.whole(old) and not old.startswith(key)]
        while len(lines) >= _ENTRIES:
            lines.pop(_worst(lines))
        lines.append(line)
        self._files.write(FILE, b"\n" + b"\n".join(lines))

    def clear(self) -> None:
        """Delete all entries."""
        self._files.delete(FILE)

    def _read(self) -> bytes:
        return self._files.read(FILE) or b""


def _worst(lines: list) -> int:
    """Return the entry to evict: the first invalid one, else the oldest."""
    for index, line in enumerate(lines):
        fields = line.decode().split("\t")
        if fields[1] != "Accepted" or id_tag_table.expired(fields):
            return index
    return 0
