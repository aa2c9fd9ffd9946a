"""Opening the WebSocket to the back end: URL, credentials, TLS (OCPP-1 to 5, SEC-12)."""

import gc

from micropython import const

from charger import log, validate
from charger.errors import ConfigurationError, ConnectError, LinkFailedError, PlainTextError, TlsError, WebSocketHandshakeError
from charger.net import tls, websocket
from charger.net.ip_address import parse_ip

_PROTOCOL = "ocpp1.6"
_CONNECT_MS = const(30000)
_CAUSES = {401: "auth", 403: "auth", 404: "unknown", -1: "reset"}


def encode(identity: str) -> str:
    """Encode the identity as the last part of a URL (OCPP-1): all but RFC 3986's unreserved characters as %XX."""
    out = ""
    for c in identity.encode():
        if 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c in b"-._~":
            out += chr(c)
        else:
            out += "%%%02X" % c
    return out


def split_url(url: str) -> tuple:
    """Split a ws or wss URL to (host, port or None, path without a final slash). ConfigurationError."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme.lower() not in ("ws", "wss"):
        raise ConfigurationError("the URL begins with ws:// or wss://")
    if "?" in rest or "#" in rest or "@" in rest:
        raise ConfigurationError("the URL has neither query, fragment nor user")
    authority, _, path = rest.partition("/")
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not host or (port and not (port.isdigit() and 0 < int(port) < 65536)):
        raise ConfigurationError("host or port of the URL")
    path = path.rstrip("/")
    return host, int(port) if port else None, "/" + path if path else ""


def is_loopback(host: str) -> bool:
    """True when a host is the unit itself, as with a local VPN or TLS proxy."""
    address = parse_ip(host)
    if address is None:
        return host.lower() == "localhost"
    return address[0] == 127 if len(address) == 4 else address == b"\x00" * 15 + b"\x01"


class ConnectionTarget:
    """Address and credentials of a connection, from the current settings. ConfigurationError.

    Only a laboratory unit (`lab`) may use an unencrypted link (SEC-12), and one whose owner allows it, without a password and
    to an address of the home network, not a name, which a DNS server could lead elsewhere.
    """

    def __init__(self, settings: ConnectionSettings, lab: bool = False):
        profile = settings.security_profile
        if not settings.url:
            raise ConfigurationError("no URL")
        if not settings.identity:
            raise ConfigurationError("no identity")
        self.host, port, path = split_url(settings.url)
        # The profile decides about TLS, not the URL's scheme: a raised profile applies with any URL (WP-1).
        self.secure = profile >= 2
        allowed = profile == 0 and settings.plain and validate.home_address(self.host)
        if not (self.secure or lab or allowed or is_loopback(self.host)):
            raise PlainTextError("security profile %d is not encrypted: the owner has not allowed that" % profile)
        usual = 443 if self.secure else 80
        self.port = port or usual
        self.header = "[%s]" % self.host if ":" in self.host else self.host
        if self.port != usual:
            self.header += ":%d" % self.port
        self.path = path + "/" + encode(settings.identity)
        self.login = None
        if profile in (1, 2):
            if ":" in settings.identity:
                raise ConfigurationError("an identity with a colon cannot be sent by Basic authentication")  # OCPP-5
            if settings.basic_key is None:
                raise ConfigurationError("no AuthorizationKey")
            self.login = (settings.identity, settings.basic_key)
        if profile == 3 and not (settings.client_cert and settings.client_key):
            raise ConfigurationError("no certificate of our own")

    def context(self, settings: ConnectionSettings):
        """The TLS context, None without TLS."""
        if not self.secure:
            return None
        if settings.security_profile == 3:
            return tls.ClientContext(settings.ca, settings.client_cert, settings.client_key)
        return tls.ClientContext(settings.ca)


async def dial(settings: ConnectionSettings, lab: bool, open_stream: Callable | None = None) -> tuple:
    """(WebSocket, the stream below it), or Failed. `open_stream` is net.tls.open_stream unless a test has its own."""
    try:
        return await _connect(settings, lab, open_stream)
    except (ConnectError, ConfigurationError) as error:
        raise LinkFailedError(error.cause, str(error))
    except WebSocketHandshakeError as error:
        raise LinkFailedError(_CAUSES.get(error.status, "http" if error.status else "protocol"), str(error))
    except OSError as error:
        raise LinkFailedError("reset", log.reason(error))
    except MemoryError:
        gc.collect()
        raise LinkFailedError("memory", "not enough memory to connect")


async def _connect(settings: ConnectionSettings, lab: bool, open_stream: Callable | None) -> tuple:
    target = ConnectionTarget(settings, lab)
    log.info("link", "connecting to %s:%d%s" % (target.host, target.port, " by TLS" if target.secure else ""))
    gc.collect()
    context = target.context(settings)
    try:
        reader, writer = await (open_stream or tls.open_stream)(target.host, target.port, context, _CONNECT_MS)
    except TlsError as error:
        if error.cause == "own-cert" and target.login:  # no certificate was presented
            error.cause = "protocol"
        raise
    ws = None
    try:
        ws = await websocket.connect(reader, writer, target.header, target.path, _PROTOCOL, target.login, _CONNECT_MS)
    except OSError as error:
        if target.secure:  # a TLS 1.3 server refuses the client certificate only now
            raise tls.late_fault(error)
        raise
    finally:
        if ws is None:
            writer.s.close()
    return ws, reader.s
