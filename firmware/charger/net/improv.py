"""Improv over serial (improv-wifi.com/serial, version 1): a browser with Web Serial gives a new unit its Wi-Fi.

The line is the console's UART. It is served as long as the set-up network is open, on a unit that has not joined a network since
it was made or reset. There is no PIN: the line is inside the case, and the owner can repeat the set-up. An image of the PRODUCT
variant has no such line (SEC-21).

A packet: "IMPROV", version, type, length, data, the sum of all bytes before modulo 256. Lines of the log stand between packets.
"""

import asyncio
import sys

from micropython import const

from charger import clock, log, validate, version
from charger.audit import events
from charger.net.captive_portal import authority
from charger.runtime import hold_ups

_HEAD = b"IMPROV\x01"
_TYPE, _LENGTH, _DATA = const(7), const(8), const(9)  # positions in a packet
_LONGEST = const(99)  # data of a command: its number and length, name of 32 bytes, pass phrase of 63, the lengths of both
_STATE, _ERROR, _COMMAND, _RESULT = const(1), const(2), const(3), const(4)  # types of packets
_READY, _JOINING, _JOINED = const(2), const(3), const(4)  # states
_INVALID, _UNKNOWN, _UNABLE, _OTHER = const(1), const(2), const(3), const(255)  # errors; 0: none
_SET_WIFI, _GET_STATE, _GET_INFO, _GET_NETWORKS = const(1), const(2), const(3), const(4)  # commands
_SILENCE_MS = const(1000)  # a longer pause within a packet ends it
_JOIN_MS = const(28000)  # for one attempt to join; clients wait 30 s
_POLL_MS = const(200)
_HTTPS = const(443)


def packet(kind: int, data: bytes) -> bytes:
    """A whole packet; the line end after it separates it from the next line of the log."""
    whole = _HEAD + bytes([kind, len(data)]) + data
    return whole + bytes([sum(whole) & 0xFF]) + b"\n"


class Receiver:
    """Finds commands in the bytes of the line."""

    def __init__(self):
        self._packet = bytearray(_DATA + _LONGEST + 1)
        self._count = 0
        self._last_ms = 0

    def take(self, byte: int) -> bytes | None:
        """Take the next byte; returns the data of a command when it is complete, b"" for a damaged packet, else None."""
        at = 0 if clock.elapsed_ms(self._last_ms) > _SILENCE_MS else self._count
        self._last_ms = clock.ticks_ms()
        if at < _TYPE and byte != _HEAD[at]:
            at = 0
        if at or byte == _HEAD[0]:
            self._packet[at] = byte
            at += 1
        self._count = at
        if at < _DATA:
            return None
        end = _DATA + self._packet[_LENGTH]
        if end <= _DATA + _LONGEST and at <= end:
            return None
        self._count = 0
        if at <= end or sum(self._packet[:end]) & 0xFF != byte:
            return b""
        return bytes(self._packet[_DATA:end]) if self._packet[_TYPE] == _COMMAND else None


def strings(data: bytes) -> list:
    """The strings of a command, each with its length before it. ValueError for lengths that do not fit, and for no UTF-8."""
    found = []
    at = 2
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise ValueError("length")
        found.append(data[at + 1 : end].decode())
        at = end
    return found


class Improv:
    """Answers commands. send() writes to the line."""

    def __init__(self, wifi: Any, names: tuple, page: int | None, on_event: Callable, send: Callable):
        """names: of the board and of the unit; page: the port of the page, None without one; on_event(): the security log's."""
        self._wifi = wifi
        self._names = names
        self._page = page
        self._on_event = on_event
        self._send = send

    async def answer(self, data: bytes) -> None:
        """Execute a command, or report a damaged packet."""
        error = _INVALID
        if len(data) >= 2 and data[1] == len(data) - 2:
            self._tell(_ERROR, 0)
            try:
                error = await self._execute(data[0], strings(data) if data[0] == _SET_WIFI else [])
            except ValueError:  # UnicodeError as well
                error = _INVALID
            except OSError as failure:
                log.warn("wifi", "Improv: " + log.reason(failure))
                error = _OTHER
        if error:
            self._tell(_ERROR, error)

    async def _execute(self, command: int, words: list) -> int:
        """Returns 0 or an error. ValueError, OSError."""
        if command == _SET_WIFI:
            return await self._set_wifi(words)
        if command == _GET_STATE:
            joined = self._wifi.joined_before()
            self._tell(_STATE, _JOINED if joined else _READY)
            if joined:
                self._tell_result(command, [self._url()])
        elif command == _GET_INFO:
            self._tell_result(command, ["Pilotlight", version.VERSION, self._names[0], self._names[1]])
        elif command == _GET_NETWORKS:
            if hold_ups.contactor_closed():  # the scan holds up the control tick
                return _OTHER
            for name, rssi, safe in self._wifi.scan():
                if safe:
                    self._tell_result(command, [name, str(rssi), "YES"])
                    await clock.sleep_ms(0)
            self._tell_result(command, [])
        else:
            return _UNKNOWN
        return 0

    async def _set_wifi(self, words: list) -> int:
        """Set the owner's network and wait until it is joined; the entry stays and is tried again, as one of the page."""
        if self._wifi.joined_before():
            return _OTHER
        if len(words) != 2 or not validate.printable(words[0]):
            return _INVALID
        if self._wifi.set_network(words[0], words[1]):
            return _UNABLE
        self._on_event(events.RECONFIGURED, "WifiName, by the serial line")
        self._tell(_STATE, _JOINING)
        start = clock.ticks_ms()
        while not self._wifi.joined_before():
            if clock.elapsed_ms(start) > _JOIN_MS:
                self._tell(_STATE, _READY)
                return _UNABLE
            await clock.sleep_ms(_POLL_MS)
        self._tell(_STATE, _JOINED)
        self._tell_result(_SET_WIFI, [self._url()])
        return 0

    def _url(self) -> str:
        """The page's URL in the owner's network; "" without a page."""
        return "https://%s/" % authority(self._wifi.address(), self._page, _HTTPS) if self._page else ""

    def _tell(self, kind: int, value: int) -> None:
        self._send(packet(kind, bytes([value])))

    def _tell_result(self, command: int, words: list) -> None:
        data = b"".join([bytes([len(word.encode())]) + word.encode() for word in words])
        self._send(packet(_RESULT, bytes([command, len(data)]) + data))


async def serve(wifi: Any, names: tuple, page: int | None, on_event: Callable) -> None:
    """Answer the commands on the line until it is closed; cancelled when the set-up network closes."""
    try:
        improv = Improv(wifi, names, page, on_event, sys.stdout.buffer.write)
        receiver = Receiver()
        line = asyncio.StreamReader(sys.stdin.buffer)  # not sys.stdin, which changes line ends and wants UTF-8
        while True:
            byte = await line.read(1)  # the port's read() waits for as many bytes as it is asked for
            if not byte:
                return
            data = receiver.take(byte[0])
            if data is not None:
                await improv.answer(data)
    except (OSError, MemoryError) as error:
        log.warn("wifi", "Improv: " + log.reason(error))
