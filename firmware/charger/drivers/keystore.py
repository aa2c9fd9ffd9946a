"""Where the device key lies: the chip's non-volatile storage, a partition of its own, apart from what it protects (SEC-10)."""

import os

import esp32

_NAMESPACE = "pilotlight"
_KEY = "device_key"
_NEXT = "next_key"
_DONE = "provisioned"
_RENEWING = 2  # of _DONE: all credentials are being replaced
_LOG = "log_key"
_LOG_FROM = "log_from"
_BYTES = 32


class KeyStore:
    """The device key, and during a change of keys the next one."""

    def __init__(self):
        self._nvs = esp32.NVS(_NAMESPACE)

    def key(self, name: str = _KEY) -> bytes | None:
        """The device key; None on a unit that was not provisioned."""
        buffer = bytearray(_BYTES)
        try:
            return bytes(buffer) if self._nvs.get_blob(name, buffer) == _BYTES else None
        except OSError:
            return None

    def log_key(self, number: int) -> tuple:
        """(key that goes into the security log's links, number of the first entry under it).

        Made at the first start and never changed, whatever becomes of the device key: so a log outlives new credentials.
        number: that of the next entry; those before it are of a firmware that knew no key. (b"", 0) without storage.
        """
        key = self.key(_LOG)
        try:
            if key is None:
                key = os.urandom(_BYTES)
                self._nvs.set_i32(_LOG_FROM, number)
                self._nvs.set_blob(_LOG, key)
                self._nvs.commit()
            return key, self._nvs.get_i32(_LOG_FROM)
        except OSError:
            return b"", 0

    def next_key(self) -> bytes | None:
        """The key of a change that was interrupted, None when there was none."""
        return self.key(_NEXT)

    def begin_change(self, key: bytes):
        """Both keys are on flash from here on."""
        self._nvs.set_blob(_NEXT, key)
        self._nvs.commit()

    def end_change(self):
        """The next key is the key."""
        key = self.next_key()
        if key is None:
            return
        self._nvs.set_blob(_KEY, key)
        self._nvs.commit()
        self._nvs.erase_key(_NEXT)
        self._nvs.commit()

    def provisioned(self) -> bool:
        """True on a unit that has got its credentials."""
        try:
            return self._nvs.get_i32(_DONE) == 1
        except OSError:
            return False

    def renewing(self) -> bool:
        """True when all credentials were being replaced and it did not come to an end."""
        try:
            return self._nvs.get_i32(_DONE) == _RENEWING
        except OSError:
            return False

    def unseal(self, renew: bool):
        """The credentials are about to be written: until seal() the unit counts as not provisioned."""
        if renew:
            self._nvs.set_i32(_DONE, _RENEWING)
            self._nvs.commit()

    def seal(self, serial: str):
        """The credentials are complete; this is whose they are."""
        self._nvs.set_blob("serial", serial.encode())
        self._nvs.set_i32(_DONE, 1)
        self._nvs.commit()
