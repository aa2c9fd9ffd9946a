"""idTags with what is known of them, as text on flash: searched there, so that a long list costs no heap.

One line a tag: tag in lower case, status, parent idTag, expiry in UTC seconds, separated by tabs. A tab cannot be in a
tag: control characters are refused at the door (SCH-16).
"""

from micropython import const

from charger import clock, log

INFO = (
    "obj",
    (
        ("status", ("enum", ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"))),
        ("parentIdTag?", ("str", 20)),
        ("expiryDate?", ("time",)),
    ),
)

_FIELDS = const(4)


def line(tag: str, info: dict) -> bytes:
    """The line of a tag, from an IdTagInfo that passed its check."""
    expiry = info.get("expiryDate")
    until = "" if expiry is None else str(clock.parse_iso(expiry)[0])
    return "\t".join((tag.lower(), info["status"], info.get("parentIdTag") or "", until)).encode()


def find(table: bytes, tag: str) -> tuple | None:
    """What verdict() says of a tag, None when it is not there."""
    key = b"\n" + tag.lower().encode() + b"\t"
    at = table.find(key)
    if at < 0:
        return None
    end = table.find(b"\n", at + 1)
    record = table[at + 1 : end if end >= 0 else len(table)]
    if not whole(record):
        log.warn("auth", "a damaged record of an idTag is skipped")
        return None
    return verdict(record)


def whole(line: bytes) -> bool:
    """True for a line of four fields, with a status, and with digits or nothing as the expiry."""
    try:
        fields = line.decode().split("\t")
    except UnicodeError:
        return False
    return len(fields) == _FIELDS and fields[1] != "" and (not fields[3] or fields[3].isdigit())


def verdict(line: bytes) -> tuple:
    """(status, parent or None) that a line gives. What has run out is Expired."""
    fields = line.decode().split("\t")
    status = fields[1]
    if status == "Accepted" and expired(fields):
        status = "Expired"
    return status, fields[2] or None


def expired(fields: list) -> bool:
    """True when the expiry is past; never while the time is unknown."""
    now = clock.utc_s()
    return fields[-1] != "" and now is not None and now >= int(fields[-1])
