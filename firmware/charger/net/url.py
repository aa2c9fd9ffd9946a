"""Strict parsing of URLs for uploads and downloads, which may contain a login (OCPP-118)."""

_PORTS = {"https": 443, "http": 80, "ftp": 21, "ftps": 990}
_LONGEST = 2048


class Url:
    """`scheme` in lower case, `host` without brackets, `port`, `path` with its query as sent, never empty.

    `login` is (user name, password) as bytes, or None.
    """

    def __init__(self, scheme: str, host: str, port: int, path: str, login: tuple | None):
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.login = login

    @property
    def authority(self) -> str:
        """Return the value of the Host header, without the login."""
        host = "[%s]" % self.host if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme) else "%s:%d" % (host, self.port)

    def on_same_server(self, other: Url) -> bool:
        """True when the other URL has the same scheme, host and port."""
        return (self.scheme, self.host.lower(), self.port) == (other.scheme, other.host.lower(), other.port)

    def __str__(self) -> str:
        return "%s://%s" % (self.scheme, self.authority)  # for the log: without the path, which may contain tokens


def split(text: str) -> Url:
    """Parse an absolute URL. ValueError, whose text does not contain the URL, when it is not supported."""
    if not 0 < len(text) <= _LONGEST or any(not 0x20 < ord(ch) < 0x7F for ch in text):
        raise ValueError("a URL is of printable ASCII characters")
    scheme, colon, rest = text.partition("://")
    scheme = scheme.lower()
    if not colon or not scheme.isalpha():
        raise ValueError("a URL begins with a scheme")
    rest = rest.partition("#")[0]
    end = len(rest)
    for mark in "/?":
        at = rest.find(mark)
        if 0 <= at < end:
            end = at
    path = rest[end:]
    login, authority = _login(rest[:end])
    host, port = _address(authority, scheme)
    return Url(scheme, host, port, path if path.startswith("/") else "/" + path, login)


def _login(authority: str) -> tuple:
    """Split into ((user, password) or None, rest); the last @ ends the login, as in browsers."""
    at = authority.rfind("@")
    if at < 0:
        return None, authority
    user, _, password = authority[:at].partition(":")
    return (unquote(user), unquote(password)), authority[at + 1 :]


def _address(authority: str, scheme: str) -> tuple:
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("host of the URL")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not host or not all(ch.isalpha() or ch.isdigit() or ch in "-._:" for ch in host):
        raise ValueError("host of the URL")
    if not port:
        return host, _PORTS.get(scheme, 0)
    if not (port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise ValueError("port of the URL")
    return host, int(port)


def unquote(text: str) -> bytes:
    """Decode %XX escapes. ValueError for an invalid one."""
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            digits = text[at + 1 : at + 3]
            if len(digits) != 2 or not all(ch in "0123456789abcdefABCDEF" for ch in digits):
                raise ValueError("a % that encodes nothing")
            out.append(int(digits, 16))
            at += 3
        else:
            out.append(ord(text[at]))
            at += 1
    return bytes(out)
