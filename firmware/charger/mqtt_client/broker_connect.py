"""Making the connection to the owner's broker: where to, with whose credentials, by TLS and never without (SEC-12)."""

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
_LONGEST = const(64)  # of the prefix, in bytes: with serial number and topic it stays below what mqtt.py takes
# of the security log
BROKER = "BrokerAuthenticationFailed"
# what of mqtt.py's and tls.py's causes means that the other side is not who it should be, or does not take us for the owner's
_SECURITY = ("auth", "untrusted", "expired", "name", "certificate", "proof", "version", "suite", "own-cert")


def _setting(vault, given: str | None, name: str) -> str:
    """What the factory or the command line gives, else what the owner has set. ValueError."""
    if given:
        return given
    return str(vault.get(name) or b"", "utf-8")


def base(vault, settings: dict, serial: str) -> str:
    """What all topics of a unit begin with. ValueError."""
    prefix = url.split(_setting(vault, settings["url"], URL)).path.strip("/") or _PREFIX
    if len(prefix.encode()) > _LONGEST or not printable(prefix) or any(ch in "+#?" for ch in prefix):
        raise ValueError("prefix of the topics")
    for ch in "/+# ":
        serial = serial.replace(ch, "_")
    return prefix + "/" + serial


def _target(vault, settings: dict) -> tuple:
    """(host, port, user name). ValueError."""
    where = url.split(_setting(vault, settings["url"], URL))
    if where.scheme != "mqtts":
        raise ValueError("only mqtts:// is spoken")
    user, password = where.login or (b"", b"")
    if password:
        raise ValueError("a password in the URL")
    return where.host, where.port or _PORT, user


def _password(vault, settings: dict) -> bytes:
    """From the vault, where one that the factory or the command line gives is put first (SEC-10)."""
    given = settings["password"]
    if not vault.ready or vault.broken:
        raise ValueError("no credentials: this unit has to be provisioned")
    kept = vault.get(PASSWORD)
    if given and given.encode() != kept:
        vault.put(PASSWORD, given.encode())
        kept = given.encode()
    if not kept:
        raise ValueError("no password")
    return kept


async def connect(vault, settings: dict, serial: str, open_stream=None) -> tuple:
    """(stream, (user, password)), or ConnectError, "config" when the settings do not say how."""
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
    """The event for a failure, None for what is no matter of security."""
    return BROKER if cause in _SECURITY else None
