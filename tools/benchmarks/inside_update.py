"""Inside MicroPython: an update of 64 blocks through the engine, from memory into the slot, and the plain cost of reading and
hashing as much (docs/UPDATE.md)."""

import asyncio
import gc
import hashlib
import json
import os
import time

from esp32 import Partition

from charger.crypto import ec
from charger.runtime import cooperative
from charger.store.files import Files
from charger.update.download import Download
from sim import bootloader, flash, slots

BLOCKS = 64
BLOCK = 4096
UNIT = {"board": "SIM", "hardware": 1, "version": "0.1.0", "counter": 0}


class Slot:
    """The idle slot, as drivers/app_partitions.py gives it."""

    idle = "ota_1"

    def __init__(self):
        self._part = Partition("ota_1")
        self.size = self._part.info()[3]

    def read(self, at, view):
        self._part.readblocks(at // BLOCK, view, at % BLOCK)

    def write(self, at, view):
        if not at % BLOCK:
            self._part.ioctl(6, at // BLOCK)
        self._part.writeblocks(at // BLOCK, view, at % BLOCK)


class Server:
    """A server whose answers cost nothing."""

    status = 200
    length = None

    def __init__(self, head, image):
        self.parts = [memoryview(head), memoryview(image)]
        self.fields = {}

    def check(self, location):
        return location

    async def open(self, location, offset=0, etag=""):
        return self

    async def readinto(self, view):
        if not self.parts:
            return 0
        count = min(len(view), len(self.parts[0]))
        view[:count] = self.parts[0][:count]
        self.parts[0] = self.parts[0][count:]
        if not self.parts[0]:
            self.parts.pop(0)
        return count

    def close(self):
        pass


def plain_us(image):
    """Reading and hashing the image's blocks from the slot."""
    read = Partition("ota_1").readblocks
    buffer = memoryview(bytearray(BLOCK))
    found = hashlib.sha256()
    begin = time.ticks_us()
    for block in range(BLOCKS):
        read(block, buffer)
        found.update(buffer)
    spent = time.ticks_diff(time.ticks_us(), begin)
    assert found.digest() == hashlib.sha256(image).digest()
    return spent


def main():
    flash.mount(None, "/flash", flash.Flash(None))
    slots.attach(os.getenv("BENCH_FOLDER"))
    bootloader.choose()
    secret, public = cooperative.run_now(ec.generate_key())
    image = bytes(range(256)) * (BLOCK // 256 * BLOCKS)
    gc.collect()
    manifest = json.dumps({"format": 1, "board": "SIM", "version": "0.2.0", "counter": 1, "min_hardware": 1,
                           "size": len(image), "sha256": hashlib.sha256(image).digest().hex()}).encode()  # fmt: skip
    signature = cooperative.run_now(ec.sign(secret, hashlib.sha256(manifest).digest()))
    head = b"PLU1" + len(manifest).to_bytes(2, "big") + manifest + len(signature).to_bytes(2, "big") + signature
    slot = Slot()
    download = Download(Files("/flash"), Server(head, image), slot, [public], UNIT)
    begin = time.ticks_us()
    asyncio.run(download.fetch("https://h/a"))
    engine = time.ticks_diff(time.ticks_us(), begin)
    assert download.ready
    print("bench.kib", len(image) // 1024)
    print("bench.engine_us", engine)
    print("bench.plain_us", plain_us(image))


main()
