"""The trial of a new security profile, password or certificate until a connection was made with it (WP-4, WP-18).

The previous value is kept, on flash and in the vault, and is restored after four consecutive failed attempts, also
across power cuts. One record on flash describes the trial:

    profile      the previous security profile
    key          where the previous AuthorizationKey is: "vault" (under its old name), or "factory": there was none
    certificate  True: there is a new one beside the old one (certificate_store.py)
    proven       True: the connection was made, and the old credentials are being removed

Imported only during a trial.
"""

from micropython import const

from charger import log
from charger.audit import events
from charger.runtime import cooperative

FILE = "ocpp_trial.json"
_KEY = "ocpp/authorization-key"
_OLD_KEY = "ocpp/old-authorization-key"
_ATTEMPTS = const(4)
# These failures say nothing about the new certificate: keep it, and do not roll back to an older one.
_NOT_ABOUT_IT = ("dns", "refused", "timeout", "no-time", "memory", "plain")


class CredentialTrial:
    """`store` is the CertificateStore, with the vault; `note(event, info)` the security log."""

    def __init__(self, config: Configuration, store: CertificateStore | None):
        self._config = config
        self._store = store
        self._files = store.files
        self._failures = 0
        record = self._files.read_json(FILE, {})
        self._record: dict = record if isinstance(record, dict) else {}

    @property
    def active(self) -> bool:
        """True during a trial."""
        return bool(self._record) and "proven" not in self._record

    def resume(self) -> None:
        """Resume after a start-up."""
        if "proven" in self._record:
            cooperative.run_now(self.finish())  # leaves no record
        if self._record.get("profile") == self._config.get_int("SecurityProfile"):
            del self._record["profile"]  # the power failed before the new one was written
            self._keep()
        if "certificate" in self._record:
            if self._store.has_next():
                self._store.trying = True
            else:
                del self._record["certificate"]
                self._keep()

    # --- beginning ---

    def before(self, name: str) -> None:
        """Save the value that is about to change: "SecurityProfile" or "AuthorizationKey". OSError when that fails."""
        if "proven" in self._record:
            cooperative.run_now(self.finish())
        self._failures = 0
        record = dict(self._record)
        if name == "SecurityProfile":
            record.setdefault("profile", self._config.get_int(name))
        elif "key" not in record and self._config.get_int("SecurityProfile") in (1, 2):
            record["key"] = self._save_key()
        if record != self._record:
            self._files.write_json(FILE, record)
            self._record = record
        self._store.note(events.RECONFIGURED, name)

    def _save_key(self) -> str:
        vault = self._store.vault
        key = vault.get(_KEY)
        if key is None:
            return "factory"
        vault.put(_OLD_KEY, key)
        return "vault"

    def begin_certificate(self) -> None:
        """Begin the trial of a new certificate with the next connection."""
        if "proven" in self._record:
            cooperative.run_now(self.finish())
        self._failures = 0
        self._record["certificate"] = True
        self._keep()
        self._store.trying = True

    def _keep(self) -> None:
        if self._record:
            self._files.write_json(FILE, self._record)
        else:
            self._files.delete(FILE)

    # --- events of the link ---

    def opened(self) -> None:
        """Commit the new settings after a connection was made; finish() must follow."""
        log.info("link", "the new settings are confirmed")
        self._record["proven"] = True
        self._keep()

    def finish(self) -> Iterator:
        """Remove the old credentials: a generator that yields between flash writes (runtime/cooperative.py)."""
        for step in (self._finish_certificate, self._finish_key):
            for _ in step():
                yield
                if "proven" not in self._record:
                    return  # not finished when another trial began, see before()
        self._record = {}
        self._files.delete(FILE)

    def _finish_certificate(self) -> Iterator:
        if "certificate" in self._record:
            yield from self._store.promote()
            self._store.note(events.CERTIFICATE_INSTALLED, "charge point certificate")
            yield

    def _finish_key(self) -> Iterator:
        if self._store.vault is not None:
            self._store.vault.delete(_OLD_KEY)
            yield

    def _forget(self) -> None:
        """Delete the record first: an old key without a record is harmless."""
        self._record = {}
        self._files.delete(FILE)
        if self._store.vault is not None:
            self._store.vault.delete(_OLD_KEY)

    def failed(self, cause: str) -> bool:
        """Count a failed attempt. True when the old settings were restored, so that a retry is due at once."""
        only_certificate = "profile" not in self._record and "key" not in self._record
        if only_certificate and cause in _NOT_ABOUT_IT:
            return False
        self._failures += 1
        if self._failures < _ATTEMPTS:
            return False
        log.warn("link", "rolled back to the previous settings")
        if "certificate" in self._record:
            self._store.note(events.INVALID_OWN_CERTIFICATE, "the new one does not connect: " + cause)
            self._store.drop_next()
        if "key" in self._record:
            self._restore_key()
        if "profile" in self._record:
            self._config.put("SecurityProfile", str(self._record["profile"]), quiet=True)
        names = [name for name in ("profile", "key") if name in self._record]
        if names:
            self._store.note(events.RECONFIGURED, "does not connect (%s), %s restored" % (cause, " and ".join(names)))
        self._forget()
        return True

    def _restore_key(self) -> None:
        vault = self._store.vault
        old = vault.get(_OLD_KEY)
        if self._record["key"] == "factory":
            vault.delete(_KEY)
        elif old is not None:
            vault.put(_KEY, old)
