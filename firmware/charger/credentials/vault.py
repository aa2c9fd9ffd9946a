"""Credentials on flash: encrypted, authenticated, bound to their names (SEC-10). The device key lies elsewhere.

An entry is a file: version (1), nonce (16), ciphertext, HMAC-SHA256 (32) over name, version, nonce and ciphertext. The
keys for both are derived from the device key. An index, sealed the same way, lists the entries, so that a removed entry
is detected, too. After a failed check `broken` is set, the entry counts as absent, and the unit must be provisioned again
(there is no default).

docs/SECURITY.md says what this protects. On a chip without flash encryption a person with access to the opened case can
read the device key.
"""

import json
import os
from binascii import crc32

import cryptolib
from micropython import const

from charger import log
from charger.crypto.hmac import hmac_sha256, same
from charger.errors import VaultError

_FOLDER = "vault/"
_INDEX = "vault/index"
_VERSION = const(1)
_NONCE = const(16)
_CODE = const(32)
_CBC = const(2)
_BLOCK = const(16)


class Vault:
    """get() and put() by name. `ready` is False without a device key, `broken` names what was found altered, or ''."""

    def __init__(self, files: Files, device_key: bytes | None, on_event: Callable | None = None, next_key: bytes | None = None):
        """next_key: the new key of an interrupted change; call rotate() with it again."""
        self._files = files
        self._on_event = on_event
        self._keys = [key for key in (device_key, next_key) if key]
        self.ready = bool(self._keys)
        self.broken = ""
        self._names = []
        if self.ready:
            self._open_index()
        elif files.exists(_INDEX):  # the key storage was erased or cannot be opened, so the entries cannot be read
            self._breaks("device key")

    # --- use ---

    def get(self, name: str) -> bytes | None:
        """Return the secret, None when it is absent or damaged."""
        if name not in self._names:
            return None
        secret = self._read(_file(name), name)
        if secret is None:
            self._breaks(name)
        return secret

    def put(self, name: str, secret: bytes) -> None:
        """Store a secret; it is on flash when this returns. OSError by the flash."""
        self._must_be_ready()
        if not self._names and not self._files.exists(_INDEX):
            self._write_index([])  # an entry without an index would look like a removed index
        self._files.write(_file(name), self._seal(name, secret))
        if name not in self._names:
            self._write_index(self._names + [name])  # noqa: RUF005 - MicroPython knows no other way

    def delete(self, name: str) -> None:
        """Delete a secret; no error when it is absent."""
        if name in self._names:
            self._write_index([one for one in self._names if one != name])
        self._files.delete(_file(name))

    def require(self, name: str) -> None:
        """Check for an entry that every unit has: if it is missing, the whole vault was removed, including the index."""
        if self.ready and name not in self._names:
            self._breaks("index")

    def reread(self) -> None:
        """Take the index as it is on flash: a write that failed may have been made. OSError when it cannot be read."""
        content = self._read(_INDEX, "")
        if content is None:
            raise VaultError("index damaged")
        self._names = json.loads(content)

    def names(self) -> list:
        """Return the names of the entries."""
        return list(self._names)

    def rotate(self, new_key: bytes) -> None:
        """Encrypt all entries with another device key. Until it returns, both keys are needed."""
        self._must_be_ready()
        secrets = [(name, self._read(_file(name), name)) for name in self._names]
        self._keys = [new_key] + [key for key in self._keys if key != new_key]
        for name, secret in secrets:
            if secret is None:
                self._breaks(name)
            else:
                self._files.write(_file(name), self._seal(name, secret))
        self._write_index(self._names)
        self._keys = [new_key]

    # --- inside ---

    def _must_be_ready(self) -> None:
        if not self.ready:
            raise VaultError("not provisioned")

    def _open_index(self) -> None:
        content = self._read(_INDEX, "")
        there = [name for name in self._files.names("vault") if name != "index"]
        if content is None:
            if there or self._files.exists(_INDEX):
                self._breaks("index")
            return
        self._names = json.loads(content)
        known = [_file(name)[len(_FOLDER) :] for name in self._names]
        for name in there:
            if name not in known:  # the power failed before the index was written, or after
                self._files.delete(_FOLDER + name)
        for name in self._names:
            if self._read(_file(name), name) is None:
                self._breaks(name)

    def _write_index(self, names: list) -> None:
        self._files.write(_INDEX, self._seal("", json.dumps(names).encode()))
        self._names = names

    def _breaks(self, what: str) -> None:
        if not self.broken:
            self.broken = what
            log.error("vault", what + " was altered or lost: this unit has to be provisioned again")
            if self._on_event is not None:
                self._on_event("VaultBroken", what)

    def _read(self, file: str, name: str) -> bytes | None:
        blob = self._files.read(file)
        if blob is None or len(blob) < 1 + _NONCE + _BLOCK + _CODE or blob[0] != _VERSION:
            return None
        body = memoryview(blob)[: len(blob) - _CODE]
        for key in self._keys:
            if same(_code(key, name, body), blob[len(blob) - _CODE :]):
                return _unpadded(_cipher(key, blob[1 : 1 + _NONCE]).decrypt(blob[1 + _NONCE : len(body)]))
        return None

    def _seal(self, name: str, secret: bytes) -> bytes:
        key = self._keys[0]
        nonce = os.urandom(_NONCE)
        fill = _BLOCK - len(secret) % _BLOCK
        body = bytes([_VERSION]) + nonce + _cipher(key, nonce).encrypt(secret + bytes([fill]) * fill)
        return body + _code(key, name, body)


def _file(name: str) -> str:
    """Return the file of an entry: its name without slashes and a checksum, since "a/b" and "a-b" differ."""
    return "%s%s.%08x" % (_FOLDER, name.replace("/", "-"), crc32(name.encode()))


def _cipher(key: bytes, nonce: bytes):
    return cryptolib.aes(hmac_sha256(key, b"pilotlight vault encryption"), _CBC, nonce)


def _code(key: bytes, name: str, body: Any) -> bytes:
    raw = name.encode()
    return hmac_sha256(hmac_sha256(key, b"pilotlight vault authentication"), bytes([len(raw)]), raw, body)


def _unpadded(data: bytes) -> bytes:
    return data[: len(data) - data[-1]]
