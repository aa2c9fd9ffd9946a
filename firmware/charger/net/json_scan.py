"""A strict check of JSON text in one pass without recursion, used by net/strict_json.py."""

import json

from micropython import const

from charger import clock
from charger.errors import NotJsonError, UnacceptableJsonError

MAX_DEPTH = const(10)  # OCPP-22
_LONGEST_ELEMENT = const(1600)  # bytes; a message id has 255 characters at most, each written as an escape
_LONGEST_NUMBER = const(40)  # a double needs 25; converting thousands of digits would delay the loop
_MOST_DIGITS = const(256)  # a number of more ends the scan at once
_TOKENS_A_SLICE = const(64)
_ESCAPES_A_SLICE = const(32)
_LONG = const(2048)  # bytes of a list or string that is parsed piece by piece
_IN_PAYLOAD = const(3)  # depth of a list that is a field of a CALL's payload
_SPACE = const(256)  # bytes that are searched at once

_VALUE = const(0)  # expected next; at the beginning of an array or object also its end
_FIRST_VALUE = const(1)
_KEY = const(2)
_FIRST_KEY = const(3)
_COLON = const(4)
_NEXT = const(5)
_DONE = const(6)
_QUOTE = const(34)
_BACKSLASH = const(92)


def skip_space(buf: bytearray, at: int) -> int:
    """Return the offset of the first byte at or behind `at` that is not white space."""
    while buf[at] <= 32:
        part = bytes(memoryview(buf)[at : at + _SPACE])
        at += len(part) - len(part.lstrip())
    return at


def string_end(buf: bytearray, start: int, end: int) -> int:
    """Return the offset behind the string whose opening quote is at `start`."""
    at = start + 1
    while True:
        at = buf.find(b'"', at, end)
        if at < 0:
            raise NotJsonError("string without an end")
        back = at - 1
        while buf[back] == _BACKSLASH:
            back -= 1
        at += 1
        if (at - back) & 1 == 0:
            return at


def unit_at(buf: bytearray, at: int, end: int) -> int:
    r"""Return the value of the \uXXXX escape at `at`; NotJsonError when it is none."""
    value = 0
    if end - at >= 6:
        for i in range(at + 2, at + 6):
            c = buf[i]
            c = c - 48 if c <= 57 else (c | 32) - 87 if c >= 65 else -1
            if not 0 <= c <= 15:
                break
            value = value << 4 | c
        else:
            return value
    raise NotJsonError("escape at %d" % at)


class JsonScan:
    """One pass over buf[:end], a bytearray of valid UTF-8.

    After run() `keys` is the number of keys, `inspect` is true when some may be equal (an object has two) or a number may be
    infinite (it has an exponent), `long` is (start, end) of the longest list or string in the payload, None
    without one of 2 KiB, and, as soon as the scan has passed them, head() gives the first and second element of an outer array:
    the message type and id that an answer to a bad message needs.
    """

    # Of the class until they change: to make an object with each of its own takes longer than to scan a short message.
    _kind_at = 0  # where the first two values of the outer array begin
    inspect = False
    pairs = False  # surrogate pairs to join
    fault = None  # why the text is unacceptable
    long = None

    def __init__(self, buf: bytearray, end: int):
        self._buf = buf
        self._end = end
        self._stack = [0] * MAX_DEPTH  # where each open object begins; -1 minus that of an array
        self._depth = 0
        self._outer = 0  # values of the outer array so far
        self._id_at = 0
        self._filled = 0  # objects with a key
        self.keys = 0

    async def run(self) -> None:
        """Scan. NotJsonError; UnacceptableJsonError at once when nested too deep, otherwise only if all the text is JSON.

        One loop on purpose: strings with the colon or comma behind them, most of a message, take no call of a function each.
        """
        tokens, keys, behind = 0, 0, _VALUE  # `behind` is what follows a comma
        buf = self._buf
        end = self._end
        plain = buf.find(b"\\", 0, end) < 0 and buf.find(b"\x00", 0, end) < 0  # a string ends at the next quote
        at, state = self._pass_head(buf, end if plain else 0)
        while at < end:
            c = buf[at]
            if c == _QUOTE and state <= _FIRST_KEY:
                start = at
                at = buf.find(b'"', at + 1, end) + 1 if plain else await self._string(at + 1)
                if not at:
                    raise NotJsonError("string without an end")
                if state >= _KEY:
                    keys, state = keys + 1, _COLON
                    if at < end and buf[at] == 58:
                        at, state = at + 1, _VALUE
                elif self._depth < 2 or at - start > _LONG:
                    state = self._string_done(start, at)
                elif at < end and buf[at] == 44:
                    at, state = at + 1, behind
                else:
                    state = _NEXT
            elif c == 44 and state == _NEXT:
                at, state = at + 1, behind
            elif c == 32:
                at += 1
            elif 49 <= c <= 57 and state < _KEY and self._depth > 1:
                at = self._whole(at)
                state = _NEXT
            else:
                at, state = self._close(c, at, state) if c == 125 or c == 93 else self._token(c, at, state)
                behind = _KEY if self._depth and self._stack[self._depth - 1] >= 0 else _VALUE
            tokens += 1
            if tokens == _TOKENS_A_SLICE:
                tokens = 0
                await clock.sleep_ms(0)
        self.keys = keys
        self.inspect |= keys > self._filled
        self._finish(state)

    def _pass_head(self, buf: bytearray, end: int) -> tuple:
        """Return offset and state behind `[2,"id"`, or 3 or 4, as most messages begin; those of the start for other texts."""
        at = 0
        if end > 8 and buf[0] == 91 and 50 <= buf[1] <= 52 and buf[2] == 44 and buf[3] == _QUOTE:
            at = buf.find(b'"', 4, min(end, _LONGEST_ELEMENT)) + 1
        if not at:
            return 0, _VALUE
        self._stack[0] = ~0
        self._depth = self._kind_at = 1
        self._outer = 2
        self._id_at = 3
        return at, _NEXT

    def _finish(self, state: int) -> None:
        if state != _DONE:
            raise NotJsonError("ends too early")
        if self.fault:
            raise UnacceptableJsonError(self.fault)

    def _token(self, c: int, at: int, state: int) -> tuple:
        """Skip white space, a colon, opening bracket, number or word at `at`; return the offset behind it and the new state."""
        if c < 32:
            if c not in b"\t\n\r":
                raise NotJsonError("control character at %d" % at)
            return at + 1, state
        if c == 58 and state == _COLON:
            return at + 1, _VALUE
        if state > _FIRST_VALUE:
            raise NotJsonError("unexpected character at %d" % at)
        if c in b"[{":
            return at + 1, self._open(c, at)
        end = self._number(at) if c == 45 or 48 <= c <= 57 else self._word(c, at)
        return end, self._value_done(at)

    def _open(self, c: int, at: int) -> int:
        if self._depth == MAX_DEPTH:
            raise UnacceptableJsonError("nested too deep")
        is_object = c == 123
        if self._depth == 1:
            self._outer += 1
        self._stack[self._depth] = at if is_object else ~at
        self._depth += 1
        return _FIRST_KEY if is_object else _FIRST_VALUE

    def _close(self, c: int, at: int, state: int) -> tuple:
        is_object = c == 125
        start = self._stack[self._depth - 1]
        if not self._depth or (start >= 0) != is_object:
            raise NotJsonError("unexpected bracket at %d" % at)
        if state != _NEXT and state != (_FIRST_KEY if is_object else _FIRST_VALUE):
            raise NotJsonError("unexpected bracket at %d" % at)
        if is_object and state == _NEXT:
            self._filled += 1
        if start < 0 and at - ~start > _LONG and self._depth >= _IN_PAYLOAD:
            self._note_long(~start, at + 1)
        self._depth -= 1
        return at + 1, _NEXT if self._depth else _DONE

    def _note_long(self, start: int, end: int) -> None:
        """Note a list or string unless a longer one is known: so what is inside of another list of the payload is not."""
        if self._depth < 2 and self._outer < 2:
            self.fault = "string too long"  # it is no id
        elif self.long is None or end - start > self.long[1] - self.long[0]:
            self.long = (start, end)

    def _string_done(self, start: int, end: int) -> int:
        """Note a string that is long, or an element of the outer array."""
        if end - start > _LONG:
            self._note_long(start, end)
        return self._value_done(start) if self._depth < 2 else _NEXT

    def _value_done(self, start: int) -> int:
        """Note the end of a value that is not a container; record where the first two of the outer array begin."""
        if self._depth == 1 and self._stack[0] < 0:
            self._outer += 1
            if self._outer == 1:
                self._kind_at = start
            elif self._outer == 2:
                self._id_at = start
        return _NEXT if self._depth else _DONE

    def head(self) -> tuple:
        """Return the first and second element of the outer array; None for one that was not reached or is invalid."""
        return self._element(self._kind_at), self._element(self._id_at)

    def id_text(self) -> str | None:
        """Return the JSON text of the second element if it is a string or number of valid length, else None."""
        buf, start = self._buf, self._id_at
        if not start or buf[start] not in b'"-0123456789':
            return None
        end = min(self._end, start + _LONGEST_ELEMENT)
        end = string_end(buf, start, end) if buf[start] == _QUOTE else JsonScan(buf, end)._number(start)
        return str(buf[start:end], "utf-8") if end - start <= _LONGEST_ELEMENT else None

    def _element(self, start: int):
        """Return the string or number at `start`; None for offset 0, and for one that is too long or invalid."""
        if not start:
            return None
        buf = self._buf
        probe = JsonScan(buf, min(self._end, start + _LONGEST_ELEMENT))
        if buf[start] == _QUOTE:
            end = -start - 1
            try:
                while end < 0:
                    end = probe._part(-end)
            except NotJsonError:
                return None
        else:
            end = probe._number(start) if buf[start] in b"-0123456789" else probe._word(buf[start], start)
        if probe.fault or probe.pairs or buf.find(b"\x00", start, end) >= 0:
            return None
        return json.loads(memoryview(buf)[start:end])  # type: ignore[arg] - takes any buffer

    async def _string(self, start: int) -> int:
        """Check the string that begins at `start`; return the offset behind it."""
        at = self._part(start)
        while at < 0:
            await clock.sleep_ms(0)
            at = self._part(-at)
        if self._buf.find(b"\x00", start, at) >= 0:
            self.fault = "NUL character"
        return at

    def _part(self, at: int) -> int:
        """Check the escapes of a string from offset `at` in it; return the offset behind it.

        After some escapes return minus the offset of the rest instead.
        """
        buf = self._buf
        quote = 0
        for _ in range(_ESCAPES_A_SLICE):
            if quote < at:
                quote = buf.find(b'"', at, self._end)
                if quote < 0:
                    raise NotJsonError("string without an end")
            at = buf.find(b"\\", at, quote)
            if at < 0:
                return quote + 1
            at = self._escape(at)
        return -at

    def _escape(self, at: int) -> int:
        """Check the escape at `at`, or the pair of them; return the offset behind it.

        NUL and lone surrogates are noted, unknown escapes are an error (SCH-16).
        """
        buf = self._buf
        if buf[at + 1] != 117:
            if buf[at + 1] not in b'"\\/bfnrt':
                raise NotJsonError("unknown escape at %d" % at)
            return at + 2
        unit = unit_at(buf, at, self._end)
        at += 6
        if unit == 0:
            self.fault = "NUL character"
        elif 0xD800 <= unit <= 0xDFFF:
            if unit < 0xDC00 and self._end - at >= 6 and buf[at] == _BACKSLASH and buf[at + 1] == 117:
                self.pairs = True
                if 0xDC00 <= unit_at(buf, at, self._end) <= 0xDFFF:
                    return at + 6
            self.fault = "lone surrogate"
        return at

    def _word(self, c: int, at: int) -> int:
        for word in (b"true", b"false", b"null"):
            if c == word[0] and self._buf.find(word, at, min(at + len(word), self._end)) == at:
                return at + len(word)
        raise NotJsonError("unexpected character at %d" % at)  # NaN and Infinity are not JSON (SCH-4)

    def _digits(self, at: int) -> int:
        start = at
        buf = self._buf
        while at < self._end and 48 <= buf[at] <= 57:
            at += 1
            if at - start > _MOST_DIGITS:
                raise UnacceptableJsonError("number too long")
        if at == start:
            raise NotJsonError("number at %d" % at)
        return at

    def _whole(self, start: int) -> int:
        """Return the offset behind the number at start, which begins with 1 to 9; fast for a whole one."""
        buf = self._buf
        at = start + 1
        end = min(self._end, at + _LONGEST_NUMBER)
        while at < end and 48 <= buf[at] <= 57:
            at += 1
        if at == end or buf[at] in b".eE":
            return self._number(start)
        return at

    def _number(self, start: int) -> int:
        """Return the offset behind the number at start: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?

        A fraction of zeros is overwritten with spaces: 5.0 becomes 5, so large numbers stay exact where floats have 24 bits.
        """
        buf = self._buf
        end = self._end
        first = start + 1 if buf[start] == 45 else start
        at = self._digits(first)
        if buf[first] == 48 and at > first + 1:
            raise NotJsonError("number with leading zero at %d" % start)
        dot = at
        if at < end and buf[at] == 46:
            at = self._digits(at + 1)
        whole = at
        if at < end and buf[at] | 32 == 101:
            at += 1
            self.inspect = True  # it may be infinite
            if at < end and buf[at] in b"+-":
                at += 1
            at = self._digits(at)
        if at - start > _LONGEST_NUMBER:
            self.fault = "number too long"
        elif dot < whole == at and self._depth > 1 and not bytes(buf[dot + 1 : at]).strip(b"0"):
            for index in range(dot, at):
                buf[index] = 32
        return at
