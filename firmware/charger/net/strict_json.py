"""JSON from the network: MicroPython's parser behind a check of the text, because on its own it takes almost anything.

json.loads() reads `[1 2`, `{"a" 1:}` and `[1}` without complaint, recurses as deep as the sender likes, keeps the last
of two equal keys, and makes strings of lone surrogates and NUL (SCH-16). The check is a scan without recursion that
yields to the loop as it goes; strings, most of every message, are skipped at the speed of C.
"""

import json

from micropython import const

from charger import clock
from charger.errors import NotJsonError, UnacceptableJsonError
from charger.runtime import memory

MAX_DEPTH = const(10)  # OCPP-22
_ID_BYTES = const(1600)  # 255 characters, each written as an escape
_LONGEST_NUMBER = const(40)  # a double needs 25; converting thousands of digits would hold up the loop
_TOKENS_A_SLICE = const(64)
_LARGE = const(2048)  # bytes; smaller messages never fill the heap
_OWN = const(4096)  # bytes; the buffer of a larger message is not used for the next one (net/websocket.py)
_IN_PAYLOAD = const(3)  # depth of a list that is a field of a CALL's payload
_BREATH = const(8)  # items parsed between two chances for other tasks

_VALUE, _FIRST_VALUE, _KEY, _FIRST_KEY, _COLON, _NEXT, _DONE = const(0), 1, 2, 3, 4, 5, 6
_QUOTE = const(34)
_BACKSLASH = const(92)


class Scan:
    """One pass over buf[:end], a bytearray of valid UTF-8.

    Afterwards `keys` is the number of keys, `long` the (start, end, number of items) of the longest list of objects in
    the payload, and, as soon as the scan has passed them, `kind` and `id` hold the first and second element of an outer
    array: the message type and id that an answer to a bad message needs.
    """

    def __init__(self, buf: bytearray, end: int):
        self._buf = buf
        self._end = end
        self._stack = bytearray(MAX_DEPTH)  # 1: object, 0: array
        self._depth = 0
        self._element = 0  # of the outer array
        self.keys = 0
        self.pairs = False  # surrogate pairs to be joined
        self.fault = None  # why it is unacceptable
        self.kind = None
        self.id = None
        self.id_text = None  # the second element as it came, JSON
        self.long = None
        self._list_at = 0
        self._commas = 0

    async def run(self):
        """NotJsonError or UnacceptableJsonError: too deep at once, all else that is unacceptable only if the rest is JSON."""
        state = _VALUE
        at = 0
        tokens = 0
        buf = self._buf
        while at < self._end:
            c = buf[at]
            if c <= 32:
                if c not in b" \t\n\r":
                    raise NotJsonError("control character at %d" % at)
                at += 1
                continue
            at, state = self._token(c, at, state)
            tokens += 1
            if tokens == _TOKENS_A_SLICE:
                tokens = 0
                await clock.sleep_ms(0)
        if state != _DONE:
            raise NotJsonError("ends too early")
        if self.fault:
            raise UnacceptableJsonError(self.fault)

    def _token(self, c: int, at: int, state: int) -> tuple:
        """Step over the token at `at`; the offset behind it and the new state."""
        if c == _QUOTE and state <= _FIRST_KEY:
            end = self.string(at)
            if state >= _KEY:
                self.keys += 1
                return end, _COLON
            return self._value_done(at, end)
        if c in b"]}":
            return self._close(c, at, state)
        if state <= _FIRST_VALUE:
            if c in b"[{":
                return at + 1, self._open(c, at)
            return self._value_done(at, self._number(at) if c == 45 or 48 <= c <= 57 else self._word(c, at))
        if c == 58 and state == _COLON:
            return at + 1, _VALUE
        if c == 44 and state == _NEXT:
            if self._depth == 1:
                self._element += 1
            elif self._depth == _IN_PAYLOAD:
                self._commas += 1
            return at + 1, _KEY if self._stack[self._depth - 1] else _VALUE
        raise NotJsonError("unexpected character at %d" % at)

    def _open(self, c: int, at: int) -> int:
        if self._depth == MAX_DEPTH:
            raise UnacceptableJsonError("nested too deep")
        is_object = c == 123
        self._stack[self._depth] = is_object
        self._depth += 1
        if self._depth == _IN_PAYLOAD and not is_object:
            self._list_at = at
            self._commas = 0
        return _FIRST_KEY if is_object else _FIRST_VALUE

    def _close(self, c: int, at: int, state: int) -> tuple:
        is_object = c == 125
        if not self._depth or self._stack[self._depth - 1] != is_object:
            raise NotJsonError("unexpected bracket at %d" % at)
        if state != _NEXT and state != (_FIRST_KEY if is_object else _FIRST_VALUE):
            raise NotJsonError("unexpected bracket at %d" % at)
        if self._depth == _IN_PAYLOAD and not is_object:
            self._note_list(at + 1)
        self._depth -= 1
        return at + 1, _NEXT if self._depth else _DONE

    def _note_list(self, end: int):
        """A list in the payload has ended."""
        size = end - self._list_at
        if size > _LARGE and self._buf[_skip_space(self._buf, self._list_at + 1)] == 123:
            if self.long is None or size > self.long[1] - self.long[0]:
                self.long = (self._list_at, end, self._commas + 1)

    def _value_done(self, start: int, end: int) -> tuple:
        """A value that is no container has ended; the first two of the outer array are kept."""
        if self._depth == 1 and self._element < 2 and not self._stack[0] and end - start <= _ID_BYTES and not self._marked():
            value = json.loads(memoryview(self._buf)[start:end])  # type: ignore[arg] - takes any buffer
            if self._element:
                self.id = value
                self.id_text = str(self._buf[start:end], "utf-8")
            else:
                self.kind = value
        return end, _NEXT if self._depth else _DONE

    def _marked(self) -> bool:
        return self.pairs or self.fault is not None

    def string(self, start: int) -> int:
        """Offset behind the string whose quote is at start."""
        buf = self._buf
        at = start + 1
        while True:
            at = buf.find(b'"', at, self._end)
            if at < 0:
                raise NotJsonError("string without an end")
            back = at - 1
            while buf[back] == _BACKSLASH:
                back -= 1
            if (at - back) & 1:
                break
            at += 1
        if buf.find(b"\\", start + 1, at) >= 0:
            self._escapes(start + 1, at)
        if buf.find(b"\x00", start + 1, at) >= 0:
            self.fault = "NUL character"
        return at + 1

    def _escapes(self, at: int, end: int):
        """Check the escapes of a string: NUL and lone surrogates are noted, unknown ones are no JSON (SCH-16)."""
        buf = self._buf
        while True:
            at = buf.find(b"\\", at, end)
            if at < 0:
                return
            if buf[at + 1] != 117:
                if buf[at + 1] not in b'"\\/bfnrt':
                    raise NotJsonError("unknown escape at %d" % at)
                at += 2
                continue
            unit = self._unit(at, end)
            at += 6
            if unit == 0:
                self.fault = "NUL character"
            elif 0xDC00 <= unit <= 0xDFFF:
                self.fault = "lone surrogate"
            elif 0xD800 <= unit <= 0xDBFF:
                if end - at >= 6 and buf[at] == _BACKSLASH and buf[at + 1] == 117:
                    self.pairs = True
                    if 0xDC00 <= self._unit(at, end) <= 0xDFFF:
                        at += 6
                        continue
                self.fault = "lone surrogate"

    def _unit(self, at: int, end: int) -> int:
        r"""The number of the \uXXXX at `at`."""
        value = 0
        if end - at < 6:
            raise NotJsonError("escape too short at %d" % at)
        for i in range(at + 2, at + 6):
            digit = b"0123456789abcdef".find(bytes((self._buf[i] | 32,)))
            if digit < 0 or self._buf[i] < 48:
                raise NotJsonError("escape at %d" % at)
            value = value << 4 | digit
        return value

    def _word(self, c: int, at: int) -> int:
        for word in (b"true", b"false", b"null"):
            if c == word[0] and self._buf.find(word, at, min(at + len(word), self._end)) == at:
                return at + len(word)
        raise NotJsonError("unexpected character at %d" % at)  # NaN and Infinity are no JSON either (SCH-4)

    def _digits(self, at: int) -> int:
        start = at
        buf = self._buf
        while at < self._end and 48 <= buf[at] <= 57:
            at += 1
        if at == start:
            raise NotJsonError("number at %d" % at)
        return at

    def _number(self, start: int) -> int:
        """Offset behind the number at start: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?

        A fraction of zeros is blanked out: 5.0 is 5, and a large number stays exact where floats have 24 bits.
        """
        buf = self._buf
        end = self._end
        at = start + 1 if buf[start] == 45 else start
        first = at
        at = self._digits(at)
        if buf[first] == 48 and at > first + 1:
            raise NotJsonError("number with leading zero at %d" % start)
        dot = at
        if at < end and buf[at] == 46:
            at = self._digits(at + 1)
        whole = at
        if at < end and buf[at] | 32 == 101:
            at += 1
            if at < end and buf[at] in b"+-":
                at += 1
            at = self._digits(at)
        if at - start > _LONGEST_NUMBER:
            self.fault = "number too long"
        elif dot < whole == at and self._depth > 1 and not bytes(buf[dot + 1 : at]).strip(b"0"):
            for index in range(dot, at):
                buf[index] = 32
        return at


def _join_pairs(buf: bytearray, end: int) -> int:
    r"""Replace each pair of surrogate escapes in place by the character it stands for; the new end of the text.

    json.loads() would make two characters of \ud83d\ude00 that no UTF-8 decoder takes.
    """
    to = at = 0
    while True:
        found = buf.find(b"\\", at, end)
        stop = end if found < 0 else found
        buf[to : to + stop - at] = buf[at:stop]
        to += stop - at
        if found < 0:
            return to
        unit = int(str(buf[found + 2 : found + 6], "utf-8"), 16) if buf[found + 1] == 117 else 0
        if 0xD800 <= unit <= 0xDBFF:
            low = int(str(buf[found + 8 : found + 12], "utf-8"), 16)
            char = chr(0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF)).encode()
            at = found + 12
        else:
            char = bytes(buf[found : found + 2])
            at = found + 2
        buf[to : to + len(char)] = char
        to += len(char)


def _keys_of(value) -> int:
    """Number of keys in all objects of a parsed value, equal ones being one by now. UnacceptableJsonError: infinite numbers."""
    count = 0
    if isinstance(value, dict):
        count = len(value)
        for item in value.values():
            count += _keys_of(item)
    elif isinstance(value, list):
        for item in value:
            count += _keys_of(item)
    elif isinstance(value, float) and value - value != 0:
        raise UnacceptableJsonError("number too big")
    return count


def _skip_space(buf: bytearray, at: int) -> int:
    while buf[at] <= 32:
        at += 1
    return at


class Items(list):
    """A long list of objects of which one at a time is parsed, so that they are never in the heap all together.

    It can be iterated as often as one likes, and has a length; nothing else of a list.
    """

    def __init__(self, buf: bytearray, start: int, count: int):
        super().__init__()
        self._buf = buf
        self._start = start
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self):
        """The objects, without fields that are null (SCH-7)."""
        for item in self.as_they_came():
            _drop_nulls(item)
            yield item

    def as_they_came(self):
        """Iterate the objects as they are in the text."""
        at = self._start
        for _ in range(self._count):
            at = _skip_space(self._buf, at + 1)
            end = self._end_of(at)
            yield json.loads(memoryview(self._buf)[at:end])  # type: ignore[arg] - takes any buffer
            at = _skip_space(self._buf, end)  # a comma, or the list's end

    def _end_of(self, at: int) -> int:
        """Offset behind the object that begins at `at`; the text has been scanned, so it is whole."""
        scan = Scan(self._buf, len(self._buf))
        depth = 0
        while True:
            c = self._buf[at]
            if c == _QUOTE:
                at = scan.string(at)
                continue
            at += 1
            if c in b"[{":
                depth += 1
            elif c in b"]}":
                depth -= 1
                if not depth:
                    return at


def _drop_nulls(value: dict):
    """Take the fields that are null out of an object and of those in it."""
    for name in [name for name in value if value[name] is None or isinstance(value[name], dict)]:
        if value[name] is None:
            del value[name]
        else:
            _drop_nulls(value[name])


async def _without(buf: bytearray, end: int, scan: Scan) -> bytes:
    """The text without its longest list, in whose place is a string that no message can have, and without spaces."""
    start, stop, _ = scan.long  # type: ignore[misc]
    text = bytearray()
    at = 0
    while at < end:
        if at == start:
            text.extend(b'"\\u0000"')
            at = stop
        elif buf[at] == _QUOTE:
            after = scan.string(at)
            text.extend(memoryview(buf)[at:after])
            at = after
        else:
            if buf[at] > 32:
                text.append(buf[at])
            at += 1
            if not at & 0x1FF:
                await clock.sleep_ms(0)
    return text  # type: ignore[return]


async def _parse(buf: bytearray, end: int, scan: Scan) -> tuple:
    """(value, number of keys in it)"""
    if scan.long is None or end <= _OWN:
        value = json.loads(memoryview(buf)[:end])  # type: ignore[arg] - takes any buffer
        return value, _keys_of(value)
    value = json.loads(await _without(buf, end, scan))
    keys = _keys_of(value)
    items = Items(buf, scan.long[0], scan.long[2])
    for number, item in enumerate(items.as_they_came()):
        keys += _keys_of(item)
        if number % _BREATH == 0:
            await clock.sleep_ms(0)
    for payload in value:
        if isinstance(payload, dict):
            for name, field in payload.items():
                if field == "\0":
                    payload[name] = items
    return value, keys


async def loads(buf: bytearray, end: int, scan: Scan):
    """The value of the JSON text buf[:end]; `scan` is a fresh Scan of it. The text may be changed.

    A long list in the payload of a message of more than 4 KiB comes as Items, which hold on to the buffer.
    NotJsonError, UnacceptableJsonError (SCH-16: duplicate keys, lone surrogates, NUL; OCPP-22: depth), MemoryError.
    """
    await scan.run()
    if scan.pairs:
        end = _join_pairs(buf, end)
        scan.long = None  # is not where it was
    value, keys = await _parse(buf, end, scan)
    if end > _LARGE:
        if not memory.fits(memory.LARGE_MESSAGE):
            raise MemoryError("message too large")
    if keys != scan.keys:
        raise UnacceptableJsonError("a key stands twice")
    return value
