"""The setup network: the unit's own access point, through which the owner enters the home network's credentials.

Its name and pass phrase are unique to the unit and printed on the label (SEC-2). It always requires WPA2 or WPA3 and
closes by itself: 15 minutes after it was requested, or a minute after the owner's network was joined (SEC-19 to 21). While it
is open, captive_portal.py leads a phone to the page, and improv.py serves the serial line of a unit that joined none yet.
"""

import asyncio

import network
from micropython import const

from charger import clock, log
from charger.net.wifi import station

_OPEN_S = const(900)
_JOINED_S = const(60)
_CLIENTS = const(2)


class SetupNetwork:
    """`left_s` is the remaining time in seconds."""

    def __init__(self, ssid: str, key: str, owner: Any, portal: tuple | None = None, line: tuple | None = None):
        """`owner.setup` is set to None when the network has closed, and by the owner to close it.

        portal: the ports for captive_portal.start(); None without a page. line: the board's name and on_event() for
        improv.serve(); None without a serial line.
        """
        self.left_s = _OPEN_S
        self._ssid = ssid
        self._key = key
        self._owner = owner
        self._portal = portal
        self._line = line

    async def run(self) -> None:
        """Open the network, wait for the end of its time, close it."""
        access = network.WLAN(network.AP_IF)
        servers = []
        try:
            if self._open(access):
                log.info("wifi", "setup network open for %d s" % self.left_s)
                servers = self._start_servers(access)
                joined = station().isconnected()
                while self.left_s > 0 and self._owner.setup is self:
                    await clock.sleep_ms(1000)
                    self.left_s -= 1
                    if not joined and station().isconnected():
                        joined = True
                        self.left_s = min(self.left_s, _JOINED_S)
        finally:
            for server in servers:
                server.cancel()
            try:
                access.active(False)
            except (OSError, RuntimeError) as error:  # the radio is off already, or did not start; nothing else can be done here
                log.warn("wifi", "access point: " + log.reason(error))
            self._owner.setup = None
            log.info("wifi", "setup network closed")

    def _start_servers(self, access: Any) -> list:
        """Start what leads to the page, on a board with one, and Improv on a new unit. Returns the tasks, to be cancelled."""
        servers = []
        if self._portal is not None:
            from charger.net import captive_portal  # 2,500 frozen bytes, for the minutes of the first use

            servers = captive_portal.start(access.ifconfig()[0], self._portal)
        if self._line is not None and not self._owner.joined_before():
            from charger.net import improv  # 2,300 frozen bytes, for the same minutes

            page = self._portal[2] if self._portal else None
            names = self._line[0], self._ssid
            servers.append(asyncio.create_task(improv.serve(self._owner, names, page, self._line[1])))
        return servers

    def _open(self, access: Any) -> bool:
        """Set the protection, then start the access point; False when either fails."""
        for security in (network.AUTH_WPA2_WPA3_PSK, network.AUTH_WPA2_PSK):
            try:
                access.config(ssid=self._ssid, key=self._key, security=security, max_clients=_CLIENTS)
                if access.config("security") == security:
                    access.active(True)
                    return True
            except (OSError, ValueError, RuntimeError) as error:
                log.warn("wifi", "no setup network: " + log.reason(error))
        return False
