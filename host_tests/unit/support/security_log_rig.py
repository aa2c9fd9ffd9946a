"""A security log on a fresh flash in manual time: opened, filled, listed."""

import flashrig

from charger import clock
from charger.audit import events
from charger.audit.security_log import SecurityLog
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
