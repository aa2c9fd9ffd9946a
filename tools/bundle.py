"""The file that an update is: manifest, signature, image (docs/UPDATE.md). The unit's own reader is firmware/charger/update.

    4  "PLU1"
    2  length of the manifest, big-endian, then the manifest: JSON, sorted keys, no spaces, ASCII, at most 1,024 bytes
    2  length of the signature, then the signature: ECDSA P-256 with SHA-256 over the manifest, DER
       the image, exactly as many bytes as the manifest says; it holds their SHA-256
"""

import hashlib
import json
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

MAGIC = b"PLU1"
MANIFEST_MAX = 1024
SIGNATURE_MAX = 80
SLOT_BYTES = 0x1A0000  # of the simulated board; boards/*/partitions.csv have their own
_BLOCK = 4096
_SIM_MAGIC = b"PLIMG1\0\0"  # boards/SIM/sim/slots.py


class BadBundle(Exception):
    """Why a bundle is not good."""


def manifest_bytes(**fields) -> bytes:
    """The one form of a manifest, over which the signature goes."""
    text = json.dumps({"format": 1, **fields}, sort_keys=True, separators=(",", ":")).encode("ascii")
    if len(text) > MANIFEST_MAX:
        raise BadBundle(f"the manifest has {len(text)} bytes, {MANIFEST_MAX} are allowed")
    return text


def join(manifest: bytes, signature: bytes, image: bytes) -> bytes:
    """The whole file."""
    lengths = (struct.pack(">H", len(manifest)), struct.pack(">H", len(signature)))
    return MAGIC + lengths[0] + manifest + lengths[1] + signature + image


def split(content: bytes) -> tuple[bytes, bytes, bytes]:
    """(manifest, signature, image); BadBundle when the lengths do not add up."""
    if content[:4] != MAGIC:
        raise BadBundle("it is no update bundle")
    at, parts = 4, []
    for most in (MANIFEST_MAX, SIGNATURE_MAX):
        length = int.from_bytes(content[at : at + 2], "big")
        at += 2 + length
        if not 0 < length <= most or at > len(content):
            raise BadBundle("manifest or signature do not fit")
        parts.append(content[at - length : at])
    return parts[0], parts[1], content[at:]


def check(manifest: bytes, signature: bytes, image: bytes, key: ec.EllipticCurvePublicKey) -> dict:
    """The manifest's fields when signature, size and hash hold; BadBundle otherwise."""
    try:
        key.verify(signature, manifest, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadBundle("the signature is not of this key") from None
    told = json.loads(manifest)
    if len(image) != told["size"] or hashlib.sha256(image).hexdigest() != told["sha256"]:
        raise BadBundle("the image is not the one that was signed")
    return told


def sim_image(romfs: bytes, version: str, counter: int) -> bytes:
    """An image for the simulated board: one block of header, then the ROMFS, filled up to whole blocks."""
    head = struct.pack("<8sI32s32sI", _SIM_MAGIC, len(romfs), hashlib.sha256(romfs).digest(), version.encode(), counter)
    return head.ljust(_BLOCK, b"\0") + romfs + b"\xff" * (-len(romfs) % _BLOCK)
