"""A security log on a fresh flash in manual time: opened, filled, listed."""

import struct

import flashrig

from charger import clock
from charger.audit import events
from charger.audit.security_log import SecurityLog
from charger.store.files import checksum
from sim import flash as simflash
from sim import timebase

SMALL = {"max_bytes": 4096, "segment_bytes": 1024}


def begin():
    """Before each test: manual time, and a unit that starts."""
    timebase.manual()
    flashrig.reboot(7)


def end():
    """After each test."""
    simflash.unmount()
    clock._step_listeners.clear()


def open_log(**sizes):
    return SecurityLog(flashrig.files(), **sizes)


def add_entries(log, count, text="an event like others"):
    """Entries beside the limit of rate, which has a test of its own."""
    for number in range(count):
        log._add(events.RECONFIGURED, "%s %d" % (text, number))


def infos(log):
    return [entry.info for entry in log.entries()]


def forge(log, number, old, new):
    """Alter an entry on flash as one does who can write the flash and has no key: the journal's checksum is right again."""
    segment = max(first for first, _ in log._journal._segments if first <= number)
    path = log._journal._path(segment)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = 0
    while at < len(data):
        length, seq = struct.unpack_from("<HI", data, at)
        end = at + 10 + length
        if seq == number:
            record = bytes(data[at + 10 : end]).replace(old, new)
            data[at + 10 : end] = record
            struct.pack_into("<I", data, at + 6, checksum(bytes(data[at : at + 6]) + record))
        at = end
    with open(path, "wb") as file:
        file.write(data)
