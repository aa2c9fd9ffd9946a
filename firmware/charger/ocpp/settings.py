"""How the link to the back end is made: what the configuration says now, for ocpp/connection.py.

Everything is read when it is asked for, so that a change holds from the next connection, or the next ping, on.
"""

from charger.ocpp.configuration import key_bytes


class LinkSettings:
    """`csms` is what the unit was delivered with: url, identity, basic_auth_password, ca, client_cert, client_key."""

    def __init__(self, config, csms: dict):
        self._config = config
        self._csms = csms
        config.may_raise = self.complete_for

    def complete_for(self, profile: int) -> bool:
        """True when all is there that a security profile needs (WP-3)."""
        if profile in (1, 2) and (self.basic_key is None or ":" in (self._csms.get("identity") or "")):
            return False  # a colon in the identity would end the user name (OCPP-5)
        if profile >= 2 and not self.ca:
            return False
        return profile != 3 or bool(self.client_cert and self.client_key)

    @property
    def url(self) -> str | None:
        """Where the back end is, without the identity; None when nobody has said so."""
        return self._csms["url"]

    @property
    def identity(self) -> str:
        """The charge point's identity: last part of the URL and user name of Basic authentication (OCPP-1, 5)."""
        return self._csms["identity"]

    @property
    def security_profile(self) -> int:
        """0 to 3; it decides about ws or wss and who proves what (OCPP-12)."""
        return self._config.get_int("SecurityProfile")

    @property
    def basic_key(self) -> bytes | None:
        """The password of Basic authentication as bytes, None without one (OCPP-6)."""
        text = self._config.get_str("AuthorizationKey")
        if text:
            return key_bytes(text, self._config.get_bool("AuthorizationKeyVerbatim"))
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
        """The most that chance adds to a pause; None where the factory set none: as much as the pause (OCPP-3)."""
        text = self._config.get_str("RetryBackoffRandomRange")
        return int(text) if text else None

    @property
    def verify_common_name(self) -> bool:
        """Whether the name in the back end's certificate has to be its own (WP-7)."""
        return self._config.get_bool("VerifyCsmsCommonName")

    @property
    def ca(self):
        """Root certificates of the back end, PEM text or None."""
        return self._csms.get("ca")

    @property
    def client_cert(self):
        """The unit's own certificate, PEM text or None."""
        return self._csms.get("client_cert")

    @property
    def client_key(self):
        """The key of that certificate, PEM text or None."""
        return self._csms.get("client_key")
