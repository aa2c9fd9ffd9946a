"""The declarative input check (SEC-13): every value from outside passes `check(spec, value)` before it is used.

A spec is plain data, a tuple whose first item names the kind:

    ("int", low, high)         whole number, bounds may be None; bool is not a number
    ("whole", low, high)       the same; 5.0 counts as 5
    ("num", low, high)         any finite number
    ("bool",)                  true or false
    ("str", longest[, shortest])   no control characters (SCH-16); lengths count characters
    ("text", longest)          a string that may have line breaks and tabs (PEM, natural language)
    ("enum", (words))          one of the words, case sensitive (SCH-3)
    ("time",)                  an RFC 3339 time (SCH-6)
    ("list", item spec, most, fewest)
    ("obj", required[, optional])  each a tuple of (name, spec); unknown fields are tolerated (SCH-7)
    ("strict", required[, optional])   an object in which unknown fields are an error
    ("any",)                   anything
"""

from micropython import const

from charger import clock
from charger.errors import InvalidValueError

MISSING = "missing"  # a required field is missing
TYPE = "type"  # a value of the wrong JSON type
VALUE = "value"  # right type, but out of range, too long, not in the list or malformed
EXTRA = "extra"  # a field that a strict object does not have

_BITS = const(63)
_PART = const(512)  # bytes of a text that are checked at once
_FEW = const(4)  # items of a list that are checked in one slice


def check(spec: tuple, value: Any, drop_nulls: bool = False, later: list | None = None) -> None:
    """Raise InvalidValueError, for the first fault, when value does not satisfy spec.

    With drop_nulls an optional field that is null counts as absent and is removed (SCH-7). `later` takes the long lists and
    texts, whose items or characters are then not checked: see check_items().
    """
    kind = spec[0]
    if kind == "str":
        _string(spec, value)
    elif kind in ("int", "num", "whole"):
        _number(spec, value)
    elif kind in ("obj", "strict"):
        _object(spec, value, drop_nulls, later)
    elif kind == "list":
        _list(spec, value, drop_nulls, later)
    elif kind == "bool":
        if not isinstance(value, bool):
            raise InvalidValueError(TYPE, "", "not a boolean")
    elif kind == "text" and later is not None and isinstance(value, str) and _PART < len(value) <= spec[1]:
        later.append([spec, value, ""])
    elif kind != "any":
        _string(spec, value)


async def check_items(later: list) -> None:
    """Check what check() has put into `later`, nulls dropped; other tasks run meanwhile."""
    for item_spec, items, path in later:
        index = 0
        if isinstance(items, str):  # from the JSON parser, so surrogates are no question
            text, items = memoryview(items), ()  # type: ignore[arg] - takes a str too, without a copy
            for at in range(0, len(text), _PART):
                if not _without_controls(bytes(text[at : at + _PART]), True):
                    raise InvalidValueError(VALUE, path, "control or broken characters")
                await clock.sleep_ms(0)
        for item in items:
            try:
                check(item_spec, item, True)
            except InvalidValueError as error:
                raise _within(path + "[%d]" % index, error)
            index += 1
            if index % _FEW == 0:
                await clock.sleep_ms(0)


def _object(spec: Any, value: Any, drop_nulls: bool, later: Any) -> None:
    if not isinstance(value, dict):
        raise InvalidValueError(TYPE, "", "not an object")
    known = 0 if later is None else len(later)
    required = spec[1]
    optional = spec[2] if len(spec) > 2 else ()
    name = ""
    try:
        for name, field in required:
            if name not in value:
                raise InvalidValueError(MISSING, "", "missing")
            check(field, value[name], drop_nulls, later)
            if later:
                known = _name(later, known, name)
        for name, field in optional:
            if name in value:
                if drop_nulls and value[name] is None:
                    del value[name]
                else:
                    check(field, value[name], drop_nulls, later)
                    if later:
                        known = _name(later, known, name)
        if spec[0] == "strict":
            for name in value:
                _require_known(name, required + optional)
    except InvalidValueError as error:
        raise _within(name, error)


def _require_known(name: str, fields: tuple) -> None:
    if not any(name == known for known, _ in fields):
        raise InvalidValueError(EXTRA, "", "unknown field")


def _name(later: list, known: int, name: str) -> int:
    """Put the name of a field before the paths of what its check has put into `later`; return how many there are now."""
    for at in range(known, len(later)):
        path = later[at][2]
        later[at][2] = name + "." + path if path and path[0] != "[" else name + path
    return len(later)


def _list(spec: Any, value: Any, drop_nulls: bool, later: Any) -> None:
    if not isinstance(value, list):
        raise InvalidValueError(TYPE, "", "not a list")
    if spec[2] is not None and len(value) > spec[2]:
        raise InvalidValueError(VALUE, "", "more than %d items" % spec[2])
    if len(value) < (spec[3] if len(spec) > 3 else 0):
        raise InvalidValueError(VALUE, "", "too few items")
    if later is not None and len(value) > _FEW:
        later.append([spec[1], value, ""])
        return
    index = 0
    try:
        for item in value:
            check(spec[1], item, drop_nulls)
            index += 1
    except InvalidValueError as error:
        raise _within("[%d]" % index, error)


def _within(name: str, error: InvalidValueError) -> InvalidValueError:
    """Return a fault with the name of the field, or the number of the item, that has it. Paths are made of faults alone."""
    if error.path and error.path[0] != "[":
        name += "."
    return InvalidValueError(error.kind, name + error.path, error.why)


def _number(spec: tuple, value: Any) -> None:
    kind = type(value)
    if kind is int:
        if not -(1 << _BITS) <= value < (1 << _BITS):
            raise InvalidValueError(VALUE, "", "beyond 64 bits")  # SCH-5
    elif kind is not float:  # a bool is neither
        raise InvalidValueError(TYPE, "", "not a number")
    elif value - value != 0:
        raise InvalidValueError(VALUE, "", "not a finite number")
    elif spec[0] == "int" or (spec[0] == "whole" and value != int(value)):
        raise InvalidValueError(TYPE, "", "not an integer")
    low, high = spec[1], spec[2]
    if (low is not None and value < low) or (high is not None and value > high):
        raise InvalidValueError(VALUE, "", "out of range")


def _string(spec: tuple, value: Any) -> None:
    if not isinstance(value, str):
        raise InvalidValueError(TYPE, "", "not a string")
    kind = spec[0]
    if kind == "enum":
        if value not in spec[1]:
            raise InvalidValueError(VALUE, "", "not an allowed value")
    elif kind == "time":
        _time(value)
    elif len(value) > spec[1]:
        raise InvalidValueError(VALUE, "", "longer than %d characters" % spec[1])
    elif len(spec) > 2 and len(value) < spec[2]:
        raise InvalidValueError(VALUE, "", "shorter than %d characters" % spec[2])
    elif not printable(value, kind == "text"):
        raise InvalidValueError(VALUE, "", "control or broken characters")


def _time(text: str) -> None:
    try:
        clock.parse_iso(text)
    except ValueError as error:
        raise InvalidValueError(VALUE, "", str(error))


def printable(text: str, lines: bool = False) -> bool:
    """False when text has control characters or a lone surrogate (SCH-16); `lines` allows line breaks and tabs."""
    data = text.encode()
    if data and min(data) >= 0x20 and max(data) < 0x7F:
        return True  # as most text is; the functions in C are fast
    for at in range(0, len(data), _PART):
        if not _without_controls(data[at : at + _PART], lines):
            return False
    return _pairs_only(data)


def _without_controls(part: bytes, lines: bool) -> bool:
    """False when a part of a text has control characters. With functions in C, which are fast."""
    if lines:
        part = part.replace(b"\n", b" ").replace(b"\r", b" ").replace(b"\t", b" ")
    return min(part) >= 0x20 and part.find(b"\x7f") < 0


def _pairs_only(data: bytes) -> bool:
    """True when each half of a surrogate pair (three bytes, ED A0..BF xx) is beside its other half."""
    high = -1  # the offset behind the previous character, if that is a high surrogate
    at = data.find(b"\xed")
    while at >= 0:
        if at + 1 < len(data) and data[at + 1] >= 0xA0:
            low = data[at + 1] >= 0xB0
            if low != (high == at):
                return False
            if high >= 0 and not low:
                return False
            high = -1 if low else at + 3
        at = data.find(b"\xed", at + 3)
    return high < 0


def server_url(text: str, topics: bool) -> bool:
    """True for SCHEME://HOST[:PORT][/PATH] in ASCII without query and fragment.

    With `topics`, of a broker, also for USER@HOST, and there is no + in PATH.
    """
    where, _, path = text.partition("://")[2].partition("/")
    user, at, where = where.rpartition("@")
    if where.startswith("[") and "]" in where:
        host, _, port = where[1:].partition("]")
        port = port.replace(":", "", 1)
    else:
        host, _, port = where.partition(":")
    if at and (not topics or not user or ":" in user):
        return False
    if any(not "!" <= ch <= "~" or ch in "?#" for ch in text) or (topics and "+" in path):
        return False
    if not host or not all(ch.isalpha() or ch.isdigit() or ch in "-._:" for ch in host):
        return False
    return not port or (port.isdigit() and 0 < int(port) < 65536)


def home_address(host: str) -> bool:
    """True for an IPv4 address of a home network (RFC 1918). A number that begins with 0 is none: the stack reads 012 as 10."""
    parts = host.split(".")
    if len(parts) != 4 or not all(part.isdigit() and str(int(part)) == part and int(part) < 256 for part in parts):
        return False
    first, second = int(parts[0]), int(parts[1])
    return first == 10 or (first == 172 and 16 <= second < 32) or (first, second) == (192, 168)


def house_meter(text: str) -> bool:
    """True for sunspec://HOST[:PORT][/UNIT], sdm630://... and "": HOST is an IPv4 address of a home network."""
    if not text:
        return True
    kind, _, rest = text.partition("://")
    host, _, unit = rest.partition("/")
    host, _, port = host.partition(":")
    digits = host.split(".")
    if kind not in ("sunspec", "sdm630") or len(digits) != 4 or not all(d.isdigit() and int(d) < 256 for d in digits):
        return False
    if not (port or "1").isdigit() or not 0 < int(port or 1) < 65536 or not (unit or "1").isdigit() or int(unit or 1) > 247:
        return False
    first, second = int(digits[0]), int(digits[1])
    return first in (10, 127) or (first, second) in ((192, 168), (169, 254)) or (first == 172 and 16 <= second < 32)
