"""Every exception that one module raises and another catches. No other module defines one of these."""


class _CauseError(Exception):
    """Base of those that name their `cause` by one word; the text says more. One __init__ for all saves 0.6 KiB of heap."""

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
    """The text is JSON with a content that no message may have, or with too many items."""


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
    """The unit has its credentials; new ones are only written when the caller asks for that explicitly."""


# --- hardware and flash ---


class MeterError(Exception):
    """The meter chip answered with something that cannot be right; the text says what."""


class JournalFullError(Exception):
    """A record does not fit and the journal may not drop old ones."""


class VaultError(OSError):
    """Nothing can be stored: there is no device key, or the vault is broken."""


class StillClosedError(Exception):
    """A contactor has not opened in time: an operation that holds up the interpreter must not run (runtime/hold_ups.py)."""


# --- network ---


class DnsError(Exception):
    """The name cannot be resolved; the text says why."""


class ConnectError(_CauseError):
    """No connection. `cause` is one of dns, refused, timeout, reset, memory, or of TlsError's; the text says more."""

    def __str__(self):
        return "%s (%s)" % (self.cause, self.args[0])


class TlsError(ConnectError):
    """No secure connection. `cause`: untrusted, expired (or not yet valid), name, certificate (something else about
    it), no-time, proof (the server could not show that the certificate is its own), version, suite, own-cert (the
    server does not accept ours), protocol; reset, timeout, memory (of mbedTLS: not the server's fault). The security
    events: audit/connection_events.py."""


class HttpError(_CauseError):
    """`cause`: closed (by the server, too early), timeout, protocol (not HTTP as it should be), redirect."""


class FtpError(Exception):
    """`code` is the server's reply code, 0 when there was no reply, or none that FTP knows."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


class WebSocketHandshakeError(Exception):
    """No WebSocket. `status` is the server's HTTP status, 0 when its answer was none or not as it must be."""

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
NOT_ALLOWED = "not allowed"
FAILED = "failed"


class UploadError(_CauseError):
    """`cause` is one of the four above; `final` says that another attempt can only end in the same way."""

    def __init__(self, cause: str, text: str):
        super().__init__(cause, text)
        self.final = cause in (BAD_LOCATION, NOT_SUPPORTED)


class UpdateError(ValueError):
    """An update is not taken. `cause`: origin, manifest, signature, board, version, counter, hardware, size, hash."""

    def __init__(self, cause: str, text: str):
        super().__init__("%s: %s" % (cause, text))
        self.cause = cause


class CryptoError(Exception):
    """A certificate, key or encoding was refused: `kind` is a constant of crypto/refusals.py, `why` says it in words."""

    def __init__(self, kind: str, why: str):
        super().__init__(kind + ": " + why)
        self.kind = kind
        self.why = why


# --- the link to the back end ---


class LinkFailedError(_CauseError):
    """No connection to the back end; `cause` as ocpp/transport/connection.py reports it."""


class ConfigurationError(ValueError):
    """The settings do not say how to connect."""

    cause = "config"


class PlainTextError(ConfigurationError):
    """The settings ask for a link without encryption, and this is no laboratory unit (SEC-12)."""

    cause = "plain"


class OcppError(Exception):
    """Raised by a handler: the CALL is answered with a CALLERROR of this code and description."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code, description)
        self.code = code
        self.description = description

    def __str__(self):
        return self.code + (": " + self.description if self.description else "")


class CallFailedError(Exception):
    """A CALL of ours got no CALLRESULT: one of the three below."""


class CallError(CallFailedError):
    """The back end answered with a CALLERROR (`code`, `description`), or with something that is no answer."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code, description)
        self.code = code
        self.description = description

    def __str__(self):
        return self.code + (": " + self.description if self.description else "")


class CallTimeoutError(CallFailedError):
    """No answer in time on a live connection, so it counts as an attempt (OCPP-17)."""


class DisconnectedError(CallFailedError):
    """The connection was lost, or there is none; does not count as an attempt (OCPP-17)."""
