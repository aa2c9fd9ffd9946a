"""Tolerant reading of fields in the back end's answers (SCH-7); unreadable fields are reported.

An invalid CALL gets a CALLERROR; an answer cannot be refused, so an unreadable field is dropped, and its name goes to the
log and to the security log (InvalidMessages).
"""

from charger import clock, validate
from charger.errors import InvalidValueError

_STATUS = ("enum", ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"))
_PARENT = ("str", 20)
_LONGEST = 24  # longest number as text
_EXACT = 16777216  # floats have 24 bits on some boards


def whole(value: Any) -> int | None:
    """Return an integer, also from text or with a fraction of zeros; None for other values."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if -_EXACT < value < _EXACT and value == int(value) else None
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    digits, dot, fraction = value.strip().partition(".")
    if dot and (not fraction or fraction.strip("0")):
        return None
    sign = digits.startswith("-")
    digits = digits[sign:]
    if not digits or not all("0" <= ch <= "9" for ch in digits):
        return None
    return -int(digits) if sign else int(digits)


def utc_of(text: Any) -> tuple:
    """Parse a time to (seconds, milliseconds), also with spaces around it. ValueError."""
    return clock.parse_iso(text.strip() if isinstance(text, str) else text)


def id_tag_info(info: Any, unreadable: Callable) -> dict | None:
    """Return the readable fields of an IdTagInfo; None without a status. unreadable(field, why) is called for the others."""
    if not isinstance(info, dict):
        unreadable("idTagInfo", "an object wanted")
        return None
    if not _passes(_STATUS, info.get("status"), "idTagInfo.status", unreadable):
        return None
    taken = {"status": info["status"]}
    parent = info.get("parentIdTag")
    if parent not in (None, "") and _passes(_PARENT, parent, "idTagInfo.parentIdTag", unreadable):
        taken["parentIdTag"] = parent
    expiry = info.get("expiryDate")
    if expiry not in (None, ""):
        try:
            taken["expiryDate"] = clock.iso(utc_of(expiry)[0])
        except ValueError as error:
            unreadable("idTagInfo.expiryDate", str(error))
    return taken


def _passes(spec: tuple, value: Any, field: str, unreadable: Callable) -> bool:
    try:
        validate.check(spec, value)
    except InvalidValueError as error:
        unreadable(field, error.why)
        return False
    return True
