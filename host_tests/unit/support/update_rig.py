"""A download of an update in memory: the idle slot, the server's responses, the bundle."""

import asyncio
import hashlib
import json
import random

import flashrig
from check import equal

from charger.crypto import ec
from charger.errors import UpdateError
from charger.net import http_client
from charger.runtime import cooperative
from charger.update.download import Download
from sim import timebase

BLOCK = 4096
URL = "https://updates.example/a.plu"
UNIT = {"board": "SIM", "hardware": 1, "version": "0.1.0", "counter": 0}
key_pair = {}


class ABRecord:
    """The idle slot in memory. The power fails in the block `fail_at`, at its begin or `half` way; a read of block
    `altered_at` comes with one bit flipped."""

    running = "ota_0"
    idle = "ota_1"
    size = 0x1A0000

    def __init__(self):
        self.flash = bytearray(b"\xff" * 40 * BLOCK)
        self.written = 0
        self.fail_at = None
        self.half = False
        self.altered_at = None

    def number(self, _name):
        return 0

    def write(self, at, view):
        if not at % BLOCK:
            self.flash[at : at + BLOCK] = b"\xff" * BLOCK
        equal(bytes(self.flash[at : at + len(view)]), b"\xff" * len(view), "programmed twice")
        if self.fail_at is not None and self.written >= self.fail_at * BLOCK + self.half * BLOCK // 2:
            self.flash[at : at + 100] = view[:100]
            raise OSError(-0x6001)
        self.flash[at : at + len(view)] = view
        self.written += len(view)

    def read(self, at, view, running=False):
        view[:] = self.flash[at : at + len(view)]
        if at == self.altered_at:
            view[7] ^= 1


class Response:
    """A server's body from an offset on; `end` bytes of it, slowly with `pause_ms` before each `piece` bytes."""

    def __init__(self, content, offset, end=None, pause_ms=0, piece=1 << 20, etag='"1"'):
        self.status = 206 if offset else 200
        self.length = len(content) - offset
        self.fields = {"etag": etag}
        self.range = (offset, len(content) - 1, len(content))
        self.left = content[offset : len(content) if end is None else min(end, len(content))]
        self.cut = end is not None and end < len(content)
        self.pause_ms = pause_ms
        self.piece = piece
        self.closed = False

    def content_range(self):
        return self.range

    async def readinto(self, view):
        if self.pause_ms:
            timebase.advance(self.pause_ms)
        count = min(len(view), self.piece, len(self.left))
        if not count:
            if self.cut:
                raise http_client.HttpError("closed", "closed in the middle")
            return 0
        view[:count] = self.left[:count]
        self.left = self.left[count:]
        return count

    def close(self):
        self.closed = True


class DownloadSource:
    """Serves `content` as `how(offset)` says."""

    def __init__(self, content, how=None):
        self.content = content
        self.how = how or (lambda offset: {})
        self.offsets = []

    def check(self, location):
        return location

    async def open(self, location, offset=0, etag=""):
        self.offsets.append(offset)
        return Response(self.content, offset, **self.how(offset))


def signed_bundle(blocks=9, **changed):
    """(content, public key) of a bundle of this many blocks, the last one half full."""
    if "key" not in key_pair:
        key_pair["key"] = cooperative.run_now(ec.generate_key())
    secret, public = key_pair["key"]
    image = bytes([random.randrange(256) for _ in range(64)]) * (64 * blocks - 32)
    fields = {"format": 1, "board": "SIM", "version": "0.2.0", "counter": 1, "min_hardware": 1, "size": len(image),
              "sha256": hashlib.sha256(image).digest().hex(), "built": 1}  # fmt: skip
    fields.update(changed)
    raw = json.dumps(fields).encode()
    signature = cooperative.run_now(ec.sign(secret, hashlib.sha256(raw).digest()))
    head = b"PLU1" + len(raw).to_bytes(2, "big") + raw + len(signature).to_bytes(2, "big") + signature
    return head + image, public, len(head)


def new_download(slots, source, public):
    """A download that has not begun."""
    return Download(flashrig.files(), source, slots, [public], UNIT)


async def expect_refusal(download, cause):
    """The bundle is refused with this cause."""
    try:
        await download.fetch(URL)
    except UpdateError as error:
        equal(error.cause, cause, str(error))
        return
    raise AssertionError("the bundle was accepted")


def begin():
    """At the start of each test: manual time, an empty flash."""
    timebase.manual()
    flashrig.fresh()


async def run_to_end(task):
    """Advance the time until a task is done."""
    for _ in range(3000):
        if task.done():
            break
        timebase.advance(1000)
        await asyncio.sleep_ms(0)
    await task
