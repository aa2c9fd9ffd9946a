"""Base of the rigs of the owner's clients (portal, syslog): one task, streams in memory, manual time."""

import asyncio

import flashrig
from peer import until

from charger.runtime import hold_ups
from sim import timebase

rigs = []


def begin():
    """Before each test: manual time, and an empty flash."""
    timebase.manual()
    flashrig.reboot()
    flashrig.fresh(blocks=256)


def end():
    """After each test: the clients end."""
    for rig in rigs:
        rig.end()
    rigs.clear()
    hold_ups.configure((), 0)
    timebase.set_scale(1)


class ClientRig:
    """`opened` has a tuple for each attempt to open a stream, `tasks` what ends with the test."""

    client = None

    def __init__(self):
        self.opened = []
        self.tasks = []
        rigs.append(self)

    def start(self):
        self.tasks.append(asyncio.create_task(self.client.run()))
        return self

    def end(self):
        for task in self.tasks:
            task.cancel()

    async def attempts(self, count, timeout_ms, step_ms=1):
        """Wait until so many attempts were made."""
        await until(lambda: len(self.opened) >= count, timeout_ms, step_ms)
