"""The settings of the link to the back end, from the configuration, for connection.py.

Each property reads its value anew, so that a change applies from the next connection, or the next ping.
"""

import asyncio

from charger import log
from charger.config.configuration import key_bytes
from charger.runtime import cooperative

_TRIAL = "ocpp_trial.json"  # as in credential_trial.py


class ConnectionSettings:
    """`csms` has the factory's values: url, identity, basic_auth_password, ca, client_cert, client_key."""

    def __init__(self, config: Configuration, csms: dict, store: CertificateStore | None = None):
        """`store` is the CertificateStore; without one the factory's certificates are used."""
        self._config = config
        self._csms = csms
        self.store = store
        self._change = None  # the CredentialTrial, while something is on trial
        config.use_link_checks(self.complete_for, None if store is None else self._before_change)
        if store is not None and store.files.exists(_TRIAL):
            self._resume()

    # --- changes on trial (WP-4, WP-18) ---

    def _resume(self) -> None:
        try:
            self.change().resume()
        except OSError as error:  # the unit must start all the same; the next start-up retries
            log.error("link", "trial not resumed: " + log.reason(error))

    def change(self) -> CredentialTrial:
        """Return the CredentialTrial, created when a trial begins."""
        if self._change is None:
            # 1,814 frozen bytes, 0.6 KiB of heap, for a change of credentials
            from charger.ocpp.transport.credential_trial import CredentialTrial

            self._change = CredentialTrial(self._config, self.store)
        return self._change

    def _before_change(self, name: str) -> None:
        if name in ("SecurityProfile", "AuthorizationKey"):
            self.change().before(name)

    def opened(self) -> None:
        """Complete a trial, because a connection was made."""
        if self.store is None:
            return
        try:
            if self.security_profile >= 2:
                self.store.connected()
            if self._change is not None and self._change.active:
                self._change.opened()
                asyncio.create_task(self._finish(self._change))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
        except OSError as error:  # retried at the next connection
            log.error("link", "trial not completed: " + log.reason(error))

    async def _finish(self, change: Any) -> None:
        try:
            await cooperative.run(change.finish())
            if not change.active:
                self._change = None
        except OSError as error:  # retried at the next start-up
            log.error("link", "trial not completed: " + log.reason(error))

    def failed(self, cause: str) -> bool:
        """Note a failed attempt. True when the previous settings were restored, so that a retry is due at once."""
        if self.store is None:
            return False
        self.store.failed(cause)
        try:
            return self._change is not None and self._change.active and self._change.failed(cause)
        except OSError as error:  # retried at the next failure
            log.error("link", "trial not rolled back: " + log.reason(error))
            return False

    # --- current values ---

    def complete_for(self, profile: int) -> bool:
        """True when everything that a security profile needs is set (WP-3)."""
        known = self.basic_key if self.security_profile else self._given_key()  # set by the back end; the label's is not enough
        if profile in (1, 2) and (known is None or ":" in (self._csms.get("identity") or "")):
            return False  # a colon in the identity would end the user name (OCPP-5)
        if profile >= 2 and not self.ca:
            return False
        return profile != 3 or bool(self.client_cert and self.client_key)

    @property
    def url(self) -> str | None:
        """The back end's URL without the identity; None when it is not set. For TLS there may be another one,
        `secure_url`, with another port or host (WP-4)."""
        if self.security_profile >= 2 and self._csms.get("secure_url"):
            return self._csms["secure_url"]
        return self._csms["url"]

    @property
    def identity(self) -> str:
        """The charge point's identity: last part of the URL and user name of Basic authentication (OCPP-1, 5)."""
        return self._csms["identity"]

    @property
    def security_profile(self) -> int:
        """The security profile, 0 to 3: it decides about TLS and authentication (OCPP-12)."""
        return 0 if self.plain else self._config.get_int("SecurityProfile")

    @property
    def plain(self) -> bool:
        """True for a link without encryption inside the home that the owner allows; never with the rules of Great Britain."""
        allowed = self._config.get_bool("PlainLinkAtHome") and self._config.get_str("Country") != "GB"
        return allowed and (self._csms["url"] or "").startswith("ws://")

    @property
    def basic_key(self) -> bytes | None:
        """The password of Basic authentication as bytes, or None (OCPP-6): the one set, else the label's."""
        given = self._given_key()
        if given is None and not self._config.key_lost and self.store is not None and self.store.vault is not None:
            return self.store.vault.get("label/ocpp")
        return given

    def _given_key(self) -> bytes | None:
        text = self._config.get_str("AuthorizationKey")
        if text:
            return key_bytes(text, self._config.get_bool("AuthorizationKeyVerbatim"))
        if self._config.key_lost:
            return None  # no fallback to a default (SEC-10)
        password = self._csms.get("basic_auth_password")
        return password.encode() if password else None

    @property
    def ping_interval_s(self) -> int:
        """Seconds between two pings, 0 for none (OCPP-4)."""
        return self._config.get_int("WebSocketPingInterval")

    @property
    def backoff_min_s(self) -> int:
        """The first pause before another attempt (OCPP-3)."""
        return self._config.get_int("RetryBackoffWaitMinimum")

    @property
    def backoff_random_s(self) -> int | None:
        """The maximum random part of a pause; None when not set: up to the pause itself (OCPP-3)."""
        text = self._config.get_str("RetryBackoffRandomRange")
        return int(text) if text else None

    @property
    def ca(self) -> Any:
        """Root certificates of the back end, PEM or None."""
        return self._csms.get("ca") if self.store is None else self.store.link_roots()

    @property
    def client_cert(self) -> Any:
        """The unit's own certificate, PEM or None."""
        return self._csms.get("client_cert") if self.store is None else self.store.client_chain()

    @property
    def client_key(self) -> Any:
        """The key of that certificate, PEM or DER, or None."""
        return self._csms.get("client_key") if self.store is None else self.store.client_key()
