"""Every exception that one module raises and another catches. No other module defines one of these."""


class _CauseError(Exception):
    """Base of exceptions with a `cause`, one word, and a text. One __init__ for all saves 0.6 KiB of heap."""

    def __init__(self, cause: str, text: str):
        super().__init__(text)
        self.cause = cause


# --- input and commands ---


class InvalidValueError(Exception):
    """A value from outside failed its check. `kind` is MISSING, TYPE, VALUE or EXTRA of validate.py, `path` names the field."""

    def __init__(self, kind: str, path: str, why: str):
        super().__init__("%s: %s" % (path or "value", why))
        self.kind = kind
        self.path = path
        self.why = why


class NotJsonError(ValueError):
    """The text is not JSON (RFC 8259)."""


class UnacceptableJsonError(ValueError):
    """The text is JSON with content that is not allowed in a message, or with too many items."""


class CommandError(Exception):
    """A person's command was refused and nothing was changed. `kind` is one word, the text a sentence."""

    def __init__(self, kind: str, text: str, wait_s: int = 0):
        super().__init__(text)
        self.kind = kind
        self.wait_s = wait_s


class RequestError(Exception):
    """The local API refuses an HTTP request with this status and sentence; `fatal` also ends the connection."""

    def __init__(self, status: int, text: str, fatal: bool = False):
        super().__init__(text)
        self.status = status
        self.fatal = fatal


class AlreadyProvisionedError(Exception):
    """The unit has credentials already; they are replaced only on explicit request."""


# --- hardware and flash ---


class MeterError(Exception):
    """The meter chip gave an invalid answer; the text is the reason."""


class JournalFullError(Exception):
    """A record does not fit, and the journal does not drop old ones."""


class VaultError(OSError):
    """Nothing can be stored: there is no device key, or the vault is damaged."""


class StillClosedError(OSError):
    """A contactor has not opened in time: an operation that holds up the interpreter must not run (runtime/hold_ups.py)."""


# --- network ---


class DnsError(Exception):
    """The name cannot be resolved; the text is the reason."""


class ConnectError(_CauseError):
    """No connection. `cause` is dns, refused, timeout, reset, memory, or one of TlsError; the text has details."""

    def __str__(self) -> str:
        return "%s (%s)" % (self.cause, self.args[0])


class TlsError(ConnectError):
    """No secure connection. `cause`: untrusted, expired (or not yet valid), name, certificate (something else about
    it), no-time, proof (the server could not show that the certificate is its own), version, suite, own-cert (the
    server does not accept ours), protocol; reset, timeout, memory (of mbedTLS: not the server's fault). The security
    events: audit/connection_events.py."""


class HttpError(_CauseError):
    """`cause`: closed (by the server, too early), timeout, protocol (invalid HTTP), redirect."""


class FtpError(Exception):
    """`code` is the server's reply code, 0 without a valid reply."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


class WebSocketHandshakeError(Exception):
    """The WebSocket handshake failed. `status` is the server's HTTP status, 0 without a valid answer, -1 without any."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


class ConnectionClosedError(Exception):
    """The WebSocket is closed: `code` is the close code (ABNORMAL without a frame), `reason` the peer's or ours."""

    def __init__(self, code: int, reason: str):
        super().__init__("%d %s" % (code, reason))
        self.code = code
        self.reason = reason


# --- files ---

BAD_LOCATION = "bad location"
NOT_SUPPORTED = "not supported"
FAILED = "failed"


class UploadError(_CauseError):
    """`cause` is one of the three above; `final`: a retry would fail in the same way."""

    def __init__(self, cause: str, text: str):
        super().__init__(cause, text)
        self.final = cause in (BAD_LOCATION, NOT_SUPPORTED)


class UpdateError(ValueError):
    """An update is refused. `cause`: origin, manifest, signature, board, version, counter, hardware, size, hash."""

    def __init__(self, cause: str, text: str):
        super().__init__("%s: %s" % (cause, text))
        self.cause = cause


class CryptoError(Exception):
    """A certificate, key or encoding was refused: `kind` is a constant of crypto/refusals.py, `why` the reason as text."""

    def __init__(self, kind: str, why: str):
        super().__init__(kind + ": " + why)
        self.kind = kind
        self.why = why


# --- the link to the back end ---


class LinkFailedError(_CauseError):
    """No connection to the back end; `cause` as ocpp/transport/connection.py reports it."""


class ConfigurationError(ValueError):
    """The connection settings are incomplete or invalid."""

    cause = "config"


class PlainTextError(ConfigurationError):
    """The settings require an unencrypted link, which only a laboratory unit may use (SEC-12)."""

    cause = "plain"


class OcppError(Exception):
    """Raised by a handler: the CALL is answered with a CALLERROR of this code and description."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code, description)
        self.code = code
        self.description = description

    def __str__(self) -> str:
        return self.code + (": " + self.description if self.description else "")


class CallFailedError(Exception):
    """A CALL got no CALLRESULT: one of the three below."""


class CallError(CallFailedError):
    """The back end answered with a CALLERROR (`code`, `description`) or with an invalid answer."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code, description)
        self.code = code
        self.description = description

    __str__ = OcppError.__str__


class CallTimeoutError(CallFailedError):
    """No answer in time on a live connection, so it counts as an attempt (OCPP-17)."""


class DisconnectedError(CallFailedError):
    """The connection was lost, or there is none; does not count as an attempt (OCPP-17)."""
