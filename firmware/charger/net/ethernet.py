"""Ethernet before Wi-Fi, on a board with a LAN8720 or a W5500 (LAN in board data).

While Ethernet has an address, the unit uses it and joins no Wi-Fi. Without an address it joins the owner's network as any
unit does. It opens its setup network by itself only while there was no address since the start: from then on the page can be
reached by Ethernet, and an unplugged cable opens nothing. The button opens it always.
"""

import network
from micropython import const

from charger import log
from charger.net import wifi

_FIRST_ADDRESS_S = const(20)  # from the start: auto-negotiation, a switch's port, DHCP
_POLLS_A_S = const(2)  # of Wifi._poll()


def start(options: dict, pin: Any, spi: Any):
    """Create and start the port's network.LAN; OSError or ValueError when the chip does not answer.

    `pin` is machine.Pin, `spi(options)` makes the bus of a W5500. The port waits inside C for the end of auto-negotiation,
    without a cable 4 s (esp_eth_phy_802_3.c), so this is for the start, before the control loop runs.
    """

    def optional(name: str):
        return pin(options[name]) if options.get(name) is not None else None

    if options["kind"] == "w5500":
        lan = network.LAN(0, phy_type=network.PHY_W5500, phy_addr=0, spi=spi(options), cs=pin(options["cs"]),  # type: ignore[call]
                          int=pin(options["int"]), reset=optional("reset"))
    else:
        clock_mode = pin.OUT if options["clock"] == "output" else pin.IN
        lan = network.LAN(0, phy_type=network.PHY_LAN8720, phy_addr=options["address"],  # type: ignore[call]
                          mdc=pin(options["mdc"]), mdio=pin(options["mdio"]), ref_clk_mode=clock_mode,
                          ref_clk=pin(options["ref_clk"]), power=optional("power"), reset=optional("reset"))
    lan.active(True)
    return lan


class Station:
    """Replaces the Wi-Fi station: Ethernet while it has an address, else the radio."""

    def __init__(self, lan: Any, radio: Any):
        self._lan = lan
        self._radio = radio

    def wired(self) -> bool:
        """True while Ethernet has an address, which the ESP-IDF takes back when the link goes down.

        The port's LAN.isconnected() does not tell: its event handler (network_lan.c) takes events of IP_EVENT for those of
        ETH_EVENT with the same number, a phone in the setup network (IP_EVENT_AP_STAIPASSIGNED) for a new link.
        """
        return self._lan.ifconfig()[0] != "0.0.0.0"

    def isconnected(self) -> bool:
        """True with an address of either."""
        return self.wired() or self._radio.isconnected()

    def ifconfig(self, wifi_parts: Any | None = None) -> tuple | None:
        """Return address, mask, gateway and name server of the one in use; or set those of Wi-Fi, as network.WLAN does."""
        if wifi_parts is not None:
            return self._radio.ifconfig(wifi_parts)
        return (self._lan if self.wired() else self._radio).ifconfig()

    def status(self, what: str):
        """The radio's; ValueError for a signal strength while Ethernet is in use."""
        if self.wired():
            raise ValueError("wired")
        return self._radio.status(what)

    def active(self, on: bool | None = None):
        """True while one of both is on; switch the radio on, or both off."""
        if on is None:
            return self._lan.active() or self._radio.active()
        if not on:
            self._lan.active(False)
        elif isinstance(self._radio, wifi.NoRadio):
            self._radio = network.WLAN()
        return self._radio.active(on)

    def connect(self, ssid: str, key: str) -> None:
        """Join a Wi-Fi network."""
        self._radio.connect(ssid, key)

    def disconnect(self) -> None:
        """Leave the Wi-Fi network."""
        self._radio.disconnect()

    def leave_wifi(self) -> bool:
        """Leave the Wi-Fi network, which the port would prefer to Ethernet; True where there was one."""
        joined = self._radio.isconnected()
        if joined:
            self._radio.disconnect()
        return joined

    def scan(self) -> list:
        """Return the networks that the radio finds."""
        return self._radio.scan()


class EthernetOrWifi(wifi.Wifi):
    """Wifi of a board with Ethernet; its station is a Station."""

    _wlan: Station  # type: ignore[override]
    _was_wired = False

    async def serve(self) -> None:
        """Wait for Ethernet first; the radio is on all the same, as the random number generator needs it (SEC-10)."""
        self._set_host_name()
        if not self._barred():
            wifi.turn_on()
        polls = _FIRST_ADDRESS_S * _POLLS_A_S
        while polls and not (self.wired() or self._barred()):
            polls -= 1
            await self._poll()
        if self.wired():
            self._report_wired()
        await super().serve()

    def wired(self) -> bool:
        """True while Ethernet is in use."""
        if self._wlan.wired():
            self._was_wired = True
            return True
        return False

    def _report_wired(self) -> None:
        log.info("ethernet", "link up, " + self._wlan.ifconfig()[0])
        self._on_up()

    def _has_work(self) -> bool:
        if self.wired() and self._wlan.leave_wifi():
            self._report_wired()
        return super()._has_work()

    def _needs_setup(self) -> bool:
        return not self._was_wired and super()._needs_setup()

    async def _join(self) -> bool:
        if self.wired():
            self._news = False  # it is stored, and tried when there is no Ethernet
            self._set_host_name()
            return True
        return await super()._join()

    def _keep_joined(self, network_joined: bytes) -> None:
        if not self.wired():
            super()._keep_joined(network_joined)
