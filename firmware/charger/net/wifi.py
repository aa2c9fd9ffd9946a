"""The station link. The only module that touches network.WLAN, so that nobody switches it off under another's feet."""

import network
from micropython import const

from charger import clock, log

_JOIN_MS = const(20000)  # how long one attempt to join may take
_POLL_MS = const(500)
_RETRY_FIRST_S = const(5)
_RETRY_LAST_S = const(300)
_KEY_SHORTEST = const(8)  # WPA2 and WPA3 pass phrases; anything shorter would be an open or WEP network


def connected() -> bool:
    """True while the station has joined a network and holds an address."""
    return network.WLAN().isconnected()


def name_server() -> str | None:
    """Address of the name server that the network gave us, or None."""
    server = network.WLAN().ifconfig()[3]
    return server if server and server != "0.0.0.0" else None


class Wifi:
    """Joins the configured network and joins it again whenever it is lost.

    `credentials()` returns (ssid, key) or None while none are set; it is asked before each attempt. `on_up` and
    `on_down` are lists of functions without arguments, called when the link comes and goes.
    """

    def __init__(self, credentials):
        self._credentials = credentials
        self._wlan = network.WLAN()
        self._up = False
        self.joins = 0  # attempts since start-up, for the report
        self.on_up = []
        self.on_down = []

    def report(self) -> dict:
        """Link state as plain data: up, ip, joins, and rssi in dBm where the board tells it."""
        state = {"up": self._up, "joins": self.joins}
        if self._up:
            state["ip"] = self._wlan.ifconfig()[0]
            try:
                state["rssi"] = self._wlan.status("rssi")
            except (OSError, ValueError, TypeError):
                state["rssi"] = None
        return state

    async def run(self):
        """The permanent task: join, watch, join again with a growing pause."""
        pause_s = _RETRY_FIRST_S
        while True:
            if self._wlan.isconnected() or await self._join():
                pause_s = _RETRY_FIRST_S
                self._tell(True)
                while self._wlan.isconnected():
                    await clock.sleep_ms(_POLL_MS)
                self._tell(False)
            else:
                await clock.sleep_s(pause_s)
                pause_s = min(pause_s * 2, _RETRY_LAST_S)

    async def _join(self) -> bool:
        """One attempt; False when there are no usable credentials or the network did not take us in time."""
        credentials = self._credentials()
        if credentials is None:
            return False
        ssid, key = credentials
        if key is None or len(key) < _KEY_SHORTEST:
            log.warn("wifi", "refused: a network without WPA2 or WPA3 is not safe to join (SEC-12)")
            return False
        self.joins += 1
        try:
            self._wlan.active(True)
            self._wlan.connect(ssid, key)
        except OSError as error:
            log.warn("wifi", "cannot join: " + log.reason(error))
            return False
        start = clock.ticks_ms()
        while not self._wlan.isconnected():
            if clock.elapsed_ms(start) > _JOIN_MS:
                log.warn("wifi", "did not join within %d s" % (_JOIN_MS // 1000))
                self._wlan.disconnect()
                return False
            await clock.sleep_ms(_POLL_MS)
        return True

    def _tell(self, up: bool):
        self._up = up
        log.info("wifi", "link up, " + self._wlan.ifconfig()[0] if up else "link lost")
        for listener in self.on_up if up else self.on_down:
            listener()
