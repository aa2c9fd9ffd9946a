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
    ("obj", (("name", spec), ("name?", spec)))   "?" marks an optional field; unknown fields are tolerated (SCH-7)
    ("strict", fields)         an object in which unknown fields are an error
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


def check(spec: tuple, value, path: str = "") -> None:
    """Raise InvalidValueError, for the first fault, when value does not satisfy spec."""
    kind = spec[0]
    if kind in ("obj", "strict"):
        _object(spec, value, path)
    elif kind == "list":
        _list(spec, value, path)
    elif kind in ("int", "whole", "num"):
        _number(spec, value, path)
    elif kind == "bool":
        if not isinstance(value, bool):
            raise InvalidValueError(TYPE, path, "not a boolean")
    elif kind != "any":
        _string(spec, value, path)


def drop_nulls(spec: tuple, value) -> None:
    """Remove optional fields that are null; they count as absent (SCH-7)."""
    if spec[0] == "list" and type(value) is list:  # strict_json.Items do that themselves
        for item in value:
            drop_nulls(spec[1], item)
    elif spec[0] == "obj" and isinstance(value, dict):
        for name, field in spec[1]:
            if name[-1] == "?":
                name = name[:-1]
                if name in value and value[name] is None:
                    del value[name]
            if name in value:
                drop_nulls(field, value[name])


def _object(spec, value, path) -> None:
    if not isinstance(value, dict):
        raise InvalidValueError(TYPE, path, "not an object")
    for name, field in spec[1]:
        optional = name.endswith("?")
        if optional:
            name = name[:-1]
        if name in value:
            check(field, value[name], path + "." + name if path else name)
        elif not optional:
            raise InvalidValueError(MISSING, path + "." + name if path else name, "missing")
    if spec[0] == "strict":
        for name in value:
            if not _known(spec[1], name):
                raise InvalidValueError(EXTRA, path + "." + name if path else name, "unknown field")


def _known(fields, name) -> bool:
    for known, _ in fields:
        if name == known or (known[-1] == "?" and name == known[:-1]):
            return True
    return False


def _list(spec, value, path) -> None:
    if not isinstance(value, list):
        raise InvalidValueError(TYPE, path, "not a list")
    if spec[2] is not None and len(value) > spec[2]:
        raise InvalidValueError(VALUE, path, "more than %d items" % spec[2])
    if len(value) < (spec[3] if len(spec) > 3 else 0):
        raise InvalidValueError(VALUE, path, "too few items")
    for index, item in enumerate(value):
        check(spec[1], item, "%s[%d]" % (path, index))


def _number(spec, value, path) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidValueError(TYPE, path, "not a number")
    if isinstance(value, float):
        if value != value or value in (float("inf"), -float("inf")):
            raise InvalidValueError(VALUE, path, "not a finite number")
        if spec[0] == "int" or (spec[0] == "whole" and value != int(value)):
            raise InvalidValueError(TYPE, path, "not an integer")
    elif not -(1 << _BITS) <= value < (1 << _BITS):
        raise InvalidValueError(VALUE, path, "beyond 64 bits")  # SCH-5
    low, high = spec[1], spec[2]
    if (low is not None and value < low) or (high is not None and value > high):
        raise InvalidValueError(VALUE, path, "out of range")


def _string(spec, value, path) -> None:
    if not isinstance(value, str):
        raise InvalidValueError(TYPE, path, "not a string")
    kind = spec[0]
    if kind == "enum":
        if value not in spec[1]:
            raise InvalidValueError(VALUE, path, "not an allowed value")
        return
    if kind == "time":
        try:
            clock.parse_iso(value)
        except ValueError as error:
            raise InvalidValueError(VALUE, path, str(error))
        return
    if len(value) > spec[1]:
        raise InvalidValueError(VALUE, path, "longer than %d characters" % spec[1])
    if len(spec) > 2 and len(value) < spec[2]:
        raise InvalidValueError(VALUE, path, "shorter than %d characters" % spec[2])
    if not printable(value, kind == "text"):
        raise InvalidValueError(VALUE, path, "control or broken characters")


def printable(text: str, lines: bool = False) -> bool:
    """False when text has control characters or a lone surrogate (SCH-16); `lines` allows line breaks and tabs."""
    data = text.encode()
    high = False  # the previous character is a high surrogate (three bytes, ED A0..AF xx)
    index = 0
    size = len(data)
    while index < size:
        byte = data[index]
        if byte == 0xED and index + 1 < size and data[index + 1] >= 0xA0:
            low = data[index + 1] >= 0xB0
            if low != high:
                return False
            high = not low
            index += 3
            continue
        if high or byte == 0x7F or (byte < 0x20 and not (lines and byte in (9, 10, 13))):
            return False
        index += 1
    return not high
