"""The setup network: an access point of the unit's own, to be told of the owner's network.

Its name and pass phrase are on the label, the unit's own and nobody else's (SEC-2). It is never open without WPA2 or
WPA3, and closes by itself: a quarter of an hour after it was asked for, or a minute after the owner's network was joined
(SEC-19 to 21).
"""

import network
from micropython import const

from charger import clock, log

_OPEN_S = const(900)
_JOINED_S = const(60)
_CLIENTS = const(2)


class SetupNetwork:
    """`left_s` says how long it will be open."""

    def __init__(self, ssid: str, key: str, owner):
        """owner.setup is set to None when it has closed."""
        self.left_s = _OPEN_S
        self._ssid = ssid
        self._key = key
        self._owner = owner

    async def run(self):
        """Open, wait, close."""
        access = network.WLAN(network.AP_IF)
        try:
            if self._open(access):
                log.info("wifi", "setup network open for %d s" % self.left_s)
                joined = network.WLAN().isconnected()
                while self.left_s > 0:
                    await clock.sleep_ms(1000)
                    self.left_s -= 1
                    if not joined and network.WLAN().isconnected():
                        joined = True
                        self.left_s = min(self.left_s, _JOINED_S)
        finally:
            try:
                access.active(False)
            except (OSError, RuntimeError) as error:  # off or never on: nothing else can be done about it here
                log.warn("wifi", "access point: " + log.reason(error))
            self._owner.setup = None
            log.info("wifi", "setup network closed")

    def _open(self, access) -> bool:
        """Protected first, then on the air; False when that is not to be had."""
        for security in (network.AUTH_WPA2_WPA3_PSK, network.AUTH_WPA2_PSK):
            try:
                access.config(ssid=self._ssid, key=self._key, security=security, max_clients=_CLIENTS)
                if access.config("security") == security:
                    access.active(True)
                    return True
            except (OSError, ValueError, RuntimeError) as error:
                log.warn("wifi", "no setup network: " + log.reason(error))
        return False
