"""Table of idTags as text on flash, searched there, so that a long list needs no heap.

One line per idTag: idTag in lower case, status, parent idTag, expiry in UTC seconds, separated by tabs. An idTag has no
tab, because the input check refuses control characters (SCH-16).
"""

from micropython import const

from charger import clock, log

INFO = (
    "obj",
    (("status", ("enum", ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"))),),
    (
        ("parentIdTag", ("str", 20)),
        ("expiryDate", ("time",)),
    ),
)

_FIELDS = const(4)
_told = False  # of damaged records, once a start


def line(tag: str, info: dict) -> bytes:
    """Encode the line of an idTag from a checked IdTagInfo."""
    expiry = info.get("expiryDate")
    until = "" if expiry is None else str(clock.parse_iso(expiry)[0])
    return "\t".join((tag.lower(), info["status"], info.get("parentIdTag") or "", until)).encode()


def find(table: bytes, tag: str) -> tuple | None:
    """Return verdict() of an idTag, None when it is not in the table."""
    key = b"\n" + tag.lower().encode() + b"\t"
    at = table.find(key)
    if at < 0:
        return None
    end = table.find(b"\n", at + 1)
    record = table[at + 1 : end if end >= 0 else len(table)]
    return verdict(record) if whole(record) else None


def whole(line: bytes) -> bool:
    """True for a line of four fields, with a status, and with digits or nothing as the expiry. The first other one is logged."""
    global _told
    try:
        fields = line.decode().split("\t")
    except UnicodeError:
        fields = []
    if len(fields) == _FIELDS and fields[1] != "" and (not fields[3] or fields[3].isdigit()):
        return True
    if not _told:
        _told = True
        log.warn("auth", "damaged records of idTags are skipped")
    return False


def verdict(line: bytes) -> tuple:
    """Decode a line to (status, parent or None); the status is Expired after the expiry."""
    fields = line.decode().split("\t")
    status = fields[1]
    if status == "Accepted" and expired(fields):
        status = "Expired"
    return status, fields[2] or None


def expired(fields: list) -> bool:
    """True when the expiry is past; never while the time is unknown."""
    now = clock.utc_s()
    return fields[-1] != "" and now is not None and now >= int(fields[-1])
