"""idTags with what is known of them, as text on flash: searched there, so that a long list costs no heap.

One line a tag: tag in lower case, status, parent idTag, expiry in UTC seconds, separated by tabs. A tab cannot be in a
tag: control characters are refused at the door (SCH-16).
"""

from charger import clock

INFO = (
    "obj",
    (
        ("status", ("enum", ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"))),
        ("parentIdTag?", ("str", 20)),
        ("expiryDate?", ("time",)),
    ),
)


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
    return verdict(table[at + 1 : end if end >= 0 else len(table)])


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
