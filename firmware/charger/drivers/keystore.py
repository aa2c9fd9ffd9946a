"""Device key in the chip's non-volatile storage, a partition apart from the data that it protects (SEC-10)."""

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
_NOT_INITIALISED = -0x1101  # ESP_ERR_NVS_NOT_INITIALIZED


class _NoStorage:
    """Stands for a namespace while the NVS is not initialised: nothing is found, and nothing can be kept."""

    def _fail(self, *_: Any) -> Any:
        raise OSError(_NOT_INITIALISED, "ESP_ERR_NVS_NOT_INITIALIZED")

    get_i32 = get_blob = set_i32 = set_blob = erase_key = commit = _fail


class KeyStore:
    """The device key, and during a change of keys the next one. `available` is False while the NVS cannot be opened."""

    MOUNT_FAILED = "mount_failed"  # starts at which the file system could not be mounted
    FORMATTED = "formatted"  # times that a damaged file system was formatted on command

    def __init__(self):
        try:
            self._nvs = esp32.NVS(_NAMESPACE)
            self.available = True
        except OSError:  # the board's start-up code does not erase a damaged NVS (boards/common/startup.c)
            self._nvs = _NoStorage()
            self.available = False

    def key(self, name: str = _KEY) -> bytes | None:
        """The device key; None on a unit that was not provisioned."""
        buffer = bytearray(_BYTES)
        try:
            return bytes(buffer) if self._nvs.get_blob(name, buffer) == _BYTES else None
        except OSError:
            return None

    def has_log_key(self) -> bool:
        """True once log_key() has made its key."""
        return self.key(_LOG) is not None

    def log_key(self, number: int) -> tuple:
        """(key that goes into the security log's links, number of the first entry under it).

        Made at the first start with the radio on, as os.urandom() is a true generator only then, and never changed, whatever
        becomes of the device key: so a log outlives new credentials.
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

    def begin_change(self, key: bytes) -> None:
        """Store the next key beside the present one."""
        self._nvs.set_blob(_NEXT, key)
        self._nvs.commit()

    def end_change(self) -> None:
        """Make the next key the device key."""
        key = self.next_key()
        if key is None:
            return
        self._nvs.set_blob(_KEY, key)
        self._nvs.commit()
        self._nvs.erase_key(_NEXT)
        self._nvs.commit()

    def provisioned(self) -> bool:
        """True on a unit that has its credentials."""
        try:
            return self._nvs.get_i32(_DONE) == 1
        except OSError:
            return False

    def renewing(self) -> bool:
        """True when the replacement of all credentials was interrupted."""
        try:
            return self._nvs.get_i32(_DONE) == _RENEWING
        except OSError:
            return False

    def unseal(self, renew: bool) -> None:
        """Mark the start of writing credentials: until seal() the unit counts as not provisioned."""
        if renew:
            self._nvs.set_i32(_DONE, _RENEWING)
            self._nvs.commit()

    def add_count(self, name: str) -> None:
        """Count an event that could not be logged. No error without a working storage."""
        try:
            self._nvs.set_i32(name, self._count(name) + 1)
            self._nvs.commit()
        except OSError:
            pass

    def known(self, name: str) -> bool:
        """True when add_count() was called with this name."""
        return self._count(name) > 0

    def take_count(self, name: str) -> int:
        """Return a count of add_count() and reset it to 0."""
        count = self._count(name)
        if count:
            self._nvs.set_i32(name, 0)
            self._nvs.commit()
        return count

    def _count(self, name: str) -> int:
        try:
            return self._nvs.get_i32(name)
        except OSError:
            return 0

    def seal(self, serial: str) -> None:
        """Mark the credentials as complete, with their owner."""
        self._nvs.set_blob("serial", serial.encode())
        self._nvs.set_i32(_DONE, 1)
        self._nvs.commit()
