"""A new profile, password or certificate for the link is on trial until it has made a connection (WP-4, WP-18).

What was before is kept, on flash and in the vault, and comes back by itself when four attempts in a row have failed; a
power cut in between changes nothing about that. One record on flash says what is on trial:

    profile      the security profile before
    key          where the AuthorizationKey before is: "vault" (under its old name), or "factory": there was none
    certificate  True: there is a new one beside the old one (certificates.py)
    proven       True: the connection was made, and the old credentials are being removed

Imported only while something is on trial.
"""

from micropython import const

from charger import log
from charger.audit import events
from charger.runtime import cooperative

FILE = "ocpp_trial.json"
_KEY = "ocpp/authorization-key"
_OLD_KEY = "ocpp/old-authorization-key"
_ATTEMPTS = const(4)
# Nobody was there to judge the new certificate: no reason to give it up, and none to go back from it to an older one.
_NOT_ABOUT_IT = ("dns", "refused", "timeout", "no-time", "memory", "plain")


class CredentialTrial:
    """`store` is the CertificateStore, with the vault; `note(event, info)` the security log."""

    def __init__(self, config, store):
        self._config = config
        self._store = store
        self._files = store.files
        self._failures = 0
        record = self._files.read_json(FILE, {})
        self._record: dict = record if isinstance(record, dict) else {}

    @property
    def active(self) -> bool:
        """True while something is on trial."""
        return bool(self._record) and "proven" not in self._record

    def resume(self):
        """After a start-up: go on where the power failed."""
        if "proven" in self._record:
            cooperative.run_now(self.finish())
            return
        if self._record.get("profile") == self._config.get_int("SecurityProfile"):
            del self._record["profile"]  # cut before the new one was written
            self._keep()
        if "certificate" in self._record:
            if self._store.has_next():
                self._store.trying = True
            else:
                del self._record["certificate"]
                self._keep()

    # --- beginning ---

    def before(self, name: str):
        """Keep what is going to be changed: "SecurityProfile" or "AuthorizationKey". OSError when that is impossible."""
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

    def begin_certificate(self):
        """The next connection is made with the new certificate."""
        if "proven" in self._record:
            cooperative.run_now(self.finish())
        self._failures = 0
        self._record["certificate"] = True
        self._keep()
        self._store.trying = True

    def _keep(self):
        if self._record:
            self._files.write_json(FILE, self._record)
        else:
            self._files.delete(FILE)

    # --- what the link tells ---

    def opened(self):
        """A connection was made: the new settings hold whatever happens from here on. finish() has to follow."""
        log.info("link", "the new settings have proved themselves")
        self._record["proven"] = True
        self._keep()

    def finish(self):
        """Generator, a write to the flash at a time (runtime/cooperative.py): the old credentials have served their time."""
        for step in (self._finish_certificate, self._finish_key):
            for _ in step():
                yield
                if "proven" not in self._record:
                    return  # somebody was in a hurry, see before()
        self._record = {}
        self._files.delete(FILE)

    def _finish_certificate(self):
        if "certificate" in self._record:
            yield from self._store.promote()
            self._store.note(events.CERTIFICATE_INSTALLED, "charge point certificate")
            yield

    def _finish_key(self):
        if self._store.vault is not None:
            self._store.vault.delete(_OLD_KEY)
            yield

    def _forget(self):
        """The record first: an old key that nobody asks for does no harm."""
        self._record = {}
        self._files.delete(FILE)
        if self._store.vault is not None:
            self._store.vault.delete(_OLD_KEY)

    def failed(self, cause: str) -> bool:
        """An attempt failed. True when the old settings are back, and worth an attempt at once."""
        only_certificate = "profile" not in self._record and "key" not in self._record
        if only_certificate and cause in _NOT_ABOUT_IT:
            return False
        self._failures += 1
        if self._failures < _ATTEMPTS:
            return False
        log.warn("link", "back to the settings before")
        if "certificate" in self._record:
            self._store.note(events.INVALID_OWN_CERTIFICATE, "the new one does not connect: " + cause)
            self._store.drop_next()
        if "key" in self._record:
            self._restore_key()
        if "profile" in self._record:
            self._config.put("SecurityProfile", str(self._record["profile"]), quiet=True)
        names = [name for name in ("profile", "key") if name in self._record]
        if names:
            self._store.note(events.RECONFIGURED, "does not connect (%s), %s as before" % (cause, " and ".join(names)))
        self._forget()
        return True

    def _restore_key(self):
        vault = self._store.vault
        old = vault.get(_OLD_KEY)
        if self._record["key"] == "factory":
            vault.delete(_KEY)
        elif old is not None:
            vault.put(_KEY, old)
