"""The manifest of an update and its checks (SEC-4, SEC-6). The file's layout: docs/UPDATE.md.

    4  "PLU1"
    2  length of the manifest, then the manifest: JSON, at most 1,024 bytes
    2  length of the signature, then the signature: ECDSA P-256 over the manifest's SHA-256, DER
       the image; the manifest contains its size and SHA-256
"""

import hashlib
import json
from binascii import unhexlify

from micropython import const

from charger.errors import CryptoError, UpdateError
from charger.runtime import cooperative

MAGIC = b"PLU1"
MANIFEST_MAX = const(1024)
SIGNATURE_MAX = const(80)
_FORMAT = const(1)
_MAX_COUNTER = const(0x3FFFFFFF)


class Manifest:
    """`version` text, `counter`, `board`, `min_hardware`, `size` in bytes, `sha256` as bytes."""

    def __init__(self, fields: dict):
        self.board = _field(fields, "board", str)
        self.version = _field(fields, "version", str)
        self.counter = _field(fields, "counter", int)
        self.min_hardware = _field(fields, "min_hardware", int)
        self.size = _field(fields, "size", int)
        digest = _field(fields, "sha256", str)
        if _field(fields, "format", int) != _FORMAT:
            raise UpdateError("manifest", "a format that this version does not know")
        if self.size <= 0 or self.min_hardware < 0 or not 0 <= self.counter <= _MAX_COUNTER or len(digest) != 64:
            raise UpdateError("manifest", "a value out of range")
        self.order = version_order(self.version)
        try:
            self.sha256 = unhexlify(digest)
        except ValueError:
            raise UpdateError("manifest", "sha256")


def _field(fields: dict, name: str, kind: type) -> Any:
    value = fields.get(name)
    if type(value) is not kind:
        raise UpdateError("manifest", name + " is missing or of another type")
    return value


def version_order(text: str) -> tuple:
    """Return the sort key of a version: 1.2.3 is newer than 1.2.3-rc.1. UpdateError for an invalid version."""
    numbers, dash, rest = text.partition("-")
    parts = numbers.split(".")
    if len(parts) != 3 or not all(part.isdigit() and len(part) <= 5 for part in parts) or bool(dash) != bool(rest):
        raise UpdateError("version", "not a version: " + text[:20])
    return int(parts[0]), int(parts[1]), int(parts[2]), 0 if dash else 1, rest


async def _is_signed(digest: bytes, signature: bytes, keys: Any) -> bool:
    from charger.crypto import ec  # with crypto/: 19,000 frozen bytes, 5.5 KiB of heap, for certificates that change

    for key in keys:
        try:
            if await cooperative.run(ec.verify(key, digest, signature)):
                return True
        except CryptoError:
            pass
    return False


async def parse(raw: bytes, signature: bytes, keys: Any) -> Manifest:
    """Parse the manifest after its signature was verified with one of the keys. UpdateError."""
    if not await _is_signed(hashlib.sha256(raw).digest(), signature, keys):
        raise UpdateError("signature", "not signed by a key of this unit")
    try:
        fields = json.loads(raw)
    except ValueError:
        raise UpdateError("manifest", "not JSON")
    if not isinstance(fields, dict):
        raise UpdateError("manifest", "not an object")
    return Manifest(fields)


def check_fit(manifest: Manifest, unit: dict, slot_bytes: int) -> None:
    """Check that the image is for this board, newer than the running one, and fits; UpdateError otherwise.

    unit: "board", "hardware" (revision), "version" and "counter" (the highest ever confirmed) of the running firmware.
    """
    if manifest.board != unit["board"]:
        raise UpdateError("board", "made for " + manifest.board[:20])
    if manifest.min_hardware > unit["hardware"]:
        raise UpdateError("hardware", "needs revision %d" % manifest.min_hardware)
    if manifest.counter < unit["counter"]:
        raise UpdateError("counter", "%d is below %d" % (manifest.counter, unit["counter"]))
    if manifest.order <= version_order(unit["version"]):
        raise UpdateError("version", "%s is not newer than %s" % (manifest.version, unit["version"]))
    if manifest.size > slot_bytes:
        raise UpdateError("size", "%d bytes do not fit" % manifest.size)
