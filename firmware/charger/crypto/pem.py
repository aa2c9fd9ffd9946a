"""PEM (RFC 7468) as it arrives in JSON: LF or CRLF, the final newline missing, several blocks in a row (SCH-15)."""

import binascii

from micropython import const

from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError

MAX_CERTIFICATE = const(5500)  # characters, WP-19
MAX_CHAIN = const(10000)  # WP-17
_MAX_BLOCKS = const(8)
_LINE_OCTETS = const(48)
_CHUNK_CHARS, _CHUNK_OCTETS = const(256), const(192)
_A_SLICE = const(24)  # lines, or chunks, between two yields: below 20 ms of board time


def decode(text: str, label: str = "CERTIFICATE", max_chars: int = MAX_CERTIFICATE) -> list:
    """The result of decoding(), at once."""
    steps = decoding(text, label, max_chars)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def decoding(text: str, label: str = "CERTIFICATE", max_chars: int = MAX_CERTIFICATE) -> Steps:
    """The DER of each block with this label, one at least; CryptoError(MALFORMED) otherwise. A generator of slices.

    Lines outside of blocks are explanatory text and skipped; a block with another label is refused.
    """
    if len(text) > max_chars:
        raise CryptoError(MALFORMED, "PEM longer than %d" % max_chars)
    begin = "-----BEGIN " + label + "-----"
    end = "-----END " + label + "-----"
    found = []
    body = None
    number = 0
    for line in _lines(text):
        number += 1
        if number % _A_SLICE == 0:
            yield
        if line.startswith("-----"):
            if line == begin and body is None and len(found) < _MAX_BLOCKS:
                body = []
            elif line == end and body is not None:
                found.append((yield from _decode_base64("".join(body))))
                body = None
            else:
                raise CryptoError(MALFORMED, "PEM boundary")
        elif body is not None:
            body.append(line)
    if body is not None or not found:
        raise CryptoError(MALFORMED, "PEM without end" if found or body else "no PEM block")
    return found


def encode(encoded: bytes, label: str = "CERTIFICATE") -> str:
    """One PEM block with LF line ends and a final newline."""
    lines = ["-----BEGIN " + label + "-----"]
    for at in range(0, len(encoded), _LINE_OCTETS):
        lines.append(_encode_base64(encoded[at : at + _LINE_OCTETS]))
    lines.append("-----END " + label + "-----\n")
    return "\n".join(lines)


def _lines(text: str) -> Iterator:
    """Generate the lines one by one, without space around them: a list of all would double the memory.

    Part by part, since each look into a text begins at its first character.
    """
    rest = ""
    for at in range(0, len(text), _CHUNK_CHARS):
        lines = (rest + text[at : at + _CHUNK_CHARS]).split("\n")
        rest = lines.pop()
        for line in lines:
            yield line.strip()
    if rest:
        yield rest.strip()


def _encode_base64(octets: bytes) -> str:
    return binascii.b2a_base64(octets).decode().strip()


def _decode_base64(text: str) -> Steps:
    """Base64 that re-encodes to itself, in slices: a2b_base64 alone skips foreign characters and what follows padding."""
    octets = bytearray()
    try:
        for at in range(0, len(text), _CHUNK_CHARS):
            chunk = text[at : at + _CHUNK_CHARS]
            octets.extend(binascii.a2b_base64(chunk))
            if _encode_base64(bytes(octets[at // _CHUNK_CHARS * _CHUNK_OCTETS :])) != chunk:
                raise CryptoError(MALFORMED, "base64")
            yield
    except ValueError:
        raise CryptoError(MALFORMED, "base64") from None
    if not octets:
        raise CryptoError(MALFORMED, "empty PEM block")
    return bytes(octets)
