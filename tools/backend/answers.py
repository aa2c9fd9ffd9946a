"""Scripted answers to a charger's CALL: what a back end may do right, late, wrong or not at all."""

import asyncio
import json
from dataclasses import dataclass, field


@dataclass
class Result:
    """A CALLRESULT with this payload, sent as it is: the schema is not checked, so that it may be wrong."""

    payload: dict

    async def give(self, station, call):
        """Send it."""
        await station.send_text(json.dumps([3, call.unique_id, self.payload]))


@dataclass
class Error:
    """A CALLERROR."""

    code: str = "InternalError"
    description: str = ""
    details: dict = field(default_factory=dict)

    async def give(self, station, call):
        """Send it."""
        await station.send_text(json.dumps([4, call.unique_id, self.code, self.description, self.details]))


@dataclass
class Silence:
    """No answer at all."""

    async def give(self, station, call):
        """Do nothing, on purpose."""


@dataclass
class Late:
    """Another answer, `seconds` later; what else comes in is handled meanwhile."""

    seconds: float
    answer: object

    async def give(self, station, call):
        """Send the answer from a task of its own."""
        station.spawn(self._later(station, call))

    async def _later(self, station, call):
        await asyncio.sleep(self.seconds)
        await self.answer.give(station, call)


@dataclass
class Held:
    """Another answer, kept back until a Release of it answers a later CALL."""

    answer: object
    kept: tuple = ()

    async def give(self, station, call):
        """Keep it."""
        self.kept = (station, call)


@dataclass
class Release:
    """The answer that was kept back, and at once another one to this CALL."""

    held: Held
    answer: object

    async def give(self, station, call):
        """Send both."""
        await self.held.answer.give(*self.held.kept)
        await self.answer.give(station, call)


@dataclass
class Text:
    """Any text frame; `{id}` in it becomes the CALL's id."""

    text: str

    async def give(self, station, call):
        """Send it."""
        await station.send_text(self.text.replace("{id}", call.unique_id))


@dataclass
class Drop:
    """Cut the TCP connection instead of answering."""

    async def give(self, station, call):
        """Reset the connection, no closing handshake."""
        station.abort()


@dataclass
class CutFrame:
    """Send the head of a frame that promises more than follows, then cut the connection."""

    async def give(self, station, call):
        """A text frame of 4,096 bytes of which 17 arrive."""
        station.cut_frame()
