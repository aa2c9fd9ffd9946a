"""The text that GetDiagnostics and GetLog(DiagnosticsLog) send: what a maker needs to help, nothing that is secret or
says who charged (OCPP-117, SEC-10, SEC-23).

It is generated line by line while it is sent. Three measures keep secrets out: write-only keys have no value in the
configuration's listing, values of names that suggest a secret or a card are removed, and idTags and secrets in use now
are redacted in every line, in case one is in a log.
"""

import json

from charger import clock, log
from charger.net import dns

_HIDDEN = ("password", "key", "secret", "pin", "token", "idtag", "id_tag", "ssid", "passphrase")
_OF_ADDRESSES = "0123456789abcdefABCDEF.:"
_LEAST = 4  # shorter texts would redact half of the lines
_PAGE = 10


class DiagnosticsText:
    """Lines of a charge point between two moments in UTC seconds (None: no bound). Calling it gives its pieces anew."""

    def __init__(self, config: Configuration, connectors: list, sessions: SessionStore, state: Callable, span: tuple):
        """state() is the unit's status as plain data; `span` the two moments."""
        self._config = config
        self._connectors = connectors
        self._kept_sessions = sessions
        self._state = state
        self._since, self._until = span
        self._lines = log.recent()
        self._uptime_s = clock.uptime_s()

    def __call__(self) -> Iterator:
        """Yield the archive as bytes, a line each."""
        struck = self._struck()
        for line in self._all():
            line = _without_home(line)
            for text in struck:
                if text in line:
                    line = line.replace(text, "***")
            yield line.encode() + b"\n"

    def _all(self) -> Iterator:
        yield "Pilotlight diagnostics"
        yield "firmware %s" % self._config.get_str("FirmwareVersion")
        yield "start-up %d, up for %d s" % (clock.boot_id, self._uptime_s)
        yield "\n[configuration]"
        values = self._config.all()
        for name in sorted(values):
            yield "%s = %s" % (name, _shown(name, values[name]))
        yield "\n[status]"
        yield from _flat("", self._state())
        yield "\n[sessions]"
        yield from self._sessions()
        yield "\n[log]"
        for line in self._lines:
            if " portal: " not in line and self._is_wanted(_moment(line)):
                yield line

    def _sessions(self) -> Iterator:
        """Yield the ended sessions without idTags, newest first."""
        before = None
        while True:
            page, before = self._kept_sessions.history.page(before, _PAGE)
            for session in page:
                if self._is_wanted(session["end"]):
                    session.pop("id_tag", None)
                    yield json.dumps(session)
            if before is None or (page and self._since is not None and (page[-1]["end"] or self._since) < self._since):
                return

    def _is_wanted(self, moment: int | None) -> bool:
        """True for a time within the bounds, and for an unknown time."""
        if moment is None:
            return True
        return (self._since is None or moment >= self._since) and (self._until is None or moment <= self._until)

    def _struck(self) -> list:
        """Return the idTags and secrets in RAM, to be redacted."""
        texts = [self._config.get_str("FreeVendIdTag"), self._config.get_str("AuthorizationKey")]
        for connector in self._connectors:
            for holder in (connector.session, connector.pending):
                if holder is not None:
                    texts.append(holder.id_tag)
                    texts.append(holder.parent_id_tag)
        return [text for text in texts if text and len(text) >= _LEAST]


def _without_home(line: str) -> str:
    """The line without addresses of the owner's network."""
    words = line.split(" ")
    for at in range(len(words)):
        if "." in words[at] or words[at].count(":") > 1:
            for host in _home_addresses(words[at]):
                words[at] = words[at].replace(host, "(private)")
    return " ".join(words)


def _home_addresses(word: str) -> Iterator:
    """Yield the private addresses in a word, which may have a scheme, a port or brackets around them."""
    host = ""
    for char in word + " ":
        if char in _OF_ADDRESSES:
            host += char
            continue
        host = host.strip(".:")
        if "." in host:  # of IPv4, with a port, or at the end of an IPv6 one
            for part in host.split(":"):
                if dns.is_address(part) and dns.is_private(part):
                    yield part
        elif host.count(":") > 1 and host[:2].lower() in ("fe", "fd", "fc"):  # link-local, and of a site
            yield host
        host = ""


def _shown(name: str, value: Any):
    """Return a value, or a placeholder when its name suggests a secret or a card."""
    name = name.lower()
    if name == "portal.fault":  # has the address of the owner's broker
        return "(not shown)" if value else value
    for word in _HIDDEN:
        if name.endswith(word):
            return "(not shown)" if value else value
    return value


def _flat(path: str, value: Any) -> Iterator:
    """`a.b = c` lines of nested dictionaries."""
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _flat(path + "." + str(name) if path else str(name), value[name])
    else:
        yield "%s = %s" % (path, _shown(path, value))


def _moment(line: str) -> int | None:
    """Return the time of a log line in UTC seconds; None while the time is unknown."""
    up_s = line.partition(".")[0]
    return clock.utc_at_uptime(int(up_s)) if up_s.isdigit() else None
