"""The connection to the owner's broker: address, credentials, always TLS (SEC-12)."""

from micropython import const

from charger import log
from charger.errors import ConnectError
from charger.net import tls, url
from charger.validate import printable

# in the vault
URL = "mqtt/url"
PASSWORD = "mqtt/password"
ROOTS = "mqtt/roots"
_PORT = const(8883)
_CONNECT_MS = const(30000)
_PREFIX = "pilotlight"
_LONGEST = const(64)  # longest prefix in bytes: with serial number and topic it fits into mqtt_session.py's bound
# of the security log
BROKER = "BrokerAuthenticationFailed"
# causes of mqtt_session.py and tls.py that are security events
_SECURITY = ("auth", "untrusted", "expired", "name", "certificate", "proof", "version", "suite", "own-cert")


def _setting(vault: Vault, given: str | None, name: str) -> str:
    """Return the value of the factory or the command line, else the owner's. ValueError."""
    if given:
        return given
    return str(vault.get(name) or b"", "utf-8")


def base(vault: Vault, settings: dict, serial: str) -> str:
    """Return the common prefix of the unit's topics. ValueError."""
    prefix = url.split(_setting(vault, settings["url"], URL)).path.strip("/") or _PREFIX
    if len(prefix.encode()) > _LONGEST or not printable(prefix) or any(ch in "+#?" for ch in prefix):
        raise ValueError("prefix of the topics")
    for ch in "/+# ":
        serial = serial.replace(ch, "_")
    return prefix + "/" + serial


def _target(vault: Vault, settings: dict) -> tuple:
    """Return (host, port, user name). ValueError."""
    where = url.split(_setting(vault, settings["url"], URL))
    if where.scheme != "mqtts":
        raise ValueError("only mqtts:// is supported")
    user, password = where.login or (b"", b"")
    if password:
        raise ValueError("a password in the URL")
    return where.host, where.port or _PORT, user


def _password(vault: Vault, settings: dict) -> bytes:
    """Return the password from the vault; one from the factory or the command line is moved there first (SEC-10)."""
    given = settings["password"]
    if not vault.ready or vault.broken:
        raise ValueError("no credentials: this unit must be provisioned")
    kept = vault.get(PASSWORD)
    if given and given.encode() != kept:
        vault.put(PASSWORD, given.encode())
        kept = given.encode()
    if not kept:
        raise ValueError("no password")
    return kept


async def connect(vault: Vault, settings: dict, serial: str, open_stream: Callable | None = None) -> tuple:
    """Connect and return (stream, (user, password)). ConnectError, with cause "config" for invalid settings."""
    try:
        host, port, user = _target(vault, settings)
        login = (user or serial.encode(), _password(vault, settings))
    except (ValueError, OSError) as error:
        raise ConnectError("config", log.reason(error))
    log.info("portal", "connecting to %s:%d" % (host, port))
    context = tls.ClientContext(_setting(vault, settings["ca"], ROOTS).encode())
    reader, _ = await (open_stream or tls.open_stream)(host, port, context, _CONNECT_MS)
    return reader, login


def event_of(cause: str) -> str | None:
    """Return the security event for a failure, None for other failures."""
    return BROKER if cause in _SECURITY else None
