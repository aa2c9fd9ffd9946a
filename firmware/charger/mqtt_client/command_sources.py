"""The rate of commands of each source, so that no source uses up that of another one.

A source is a role, known by the token of a session or by `device` and `role`, or a program, known by its token. All that is
not known is one source, "".
"""

from micropython import const

from charger import clock
from charger.access import roles, tokens
from charger.net import strict_json

_BURST = const(40)
_SECRETS = const(4)  # of one source that are known again
_SOURCES = const(16)


class CommandSources:
    """The sources seen since the start, and how many commands each may send now: 40 in a burst, then one a second."""

    def __init__(self, pins: Pins, vault: Vault):
        self._pins = pins
        self._vault = vault
        self._known = []  # (secret, source, count of changes of the role's PIN)
        self._credit = {}  # source: [commands, uptime of the last refill in s]

    def note(self, source: str, secret: str) -> str:
        """Know a source by a secret of its own from now on; return the source."""
        mine = [one for one in self._known if one[1] == source]
        if len(mine) == _SECRETS:
            self._known.remove(mine[0])
        self._known.append((secret.encode(), source, self._pins.changes.get(source)))
        return source

    def of(self, payload: Any) -> str:
        """Return the source of a message by the secrets that are known; None is one that was too long."""
        for secret, source, changes in self._known if payload else ():
            if secret in payload and changes == self._pins.changes.get(source):
                return source
        return ""

    async def admits(self, payload: Any) -> bool:
        """Count a message; False when its source has sent too many."""
        source = self.of(payload)
        credit = self._refilled(source)
        if not credit[0] and not source and payload:
            credit = self._refilled(await self._looked_up(payload))
        if not credit[0]:
            return False
        credit[0] -= 1
        return True

    def _refilled(self, source: str) -> list:
        now = clock.uptime_s()
        if len(self._credit) > _SOURCES:  # by tokens made and revoked
            self._credit = {}
        credit = self._credit.setdefault(source, [_BURST, now])
        credit[0] = min(_BURST, credit[0] + now - credit[1])
        credit[1] = now
        return credit

    async def _looked_up(self, payload: bytes) -> str:
        """Return the source by the vault, in slices: the message (13 ms of an ESP32), the tokens (10), the device (12)."""
        try:
            buffer = bytearray(payload)
            wish = await strict_json.loads(buffer, len(buffer), strict_json.JsonScan(buffer, len(buffer)))
            role = wish.get("role")
            await clock.sleep_ms(0)
            if "token" in wish and tokens.client_of(self._vault, wish["token"]):
                return self.note(wish["token"], wish["token"])
            await clock.sleep_ms(0)
            if role in roles.ROLES and self._pins.knows(wish.get("device"), role):
                return self.note(role, wish["device"])
        except (ValueError, AttributeError, TypeError):  # of another form
            pass
        return ""
