"""`network.LAN` of the simulated board: one interface, whose cable the control port plugs and pulls.

ON_SIM: names of --set LanKind -> board.LAN.
"""

import utime
from micropython import const

from sim import hardware_times, launch, net, soft_irq, timebase

PHY_LAN8720 = 1
PHY_W5500 = 102
INITIALIZED, STARTED, STOPPED, CONNECTED, DISCONNECTED, GOT_IP = 0, 1, 2, 3, 4, 5  # the port's ETH_...
_ADDRESS_MS = const(2500)  # from the plug to the address: auto-negotiation and DHCP
ON_SIM = {
    "LAN8720": {"kind": "lan8720", "mdc": 95, "mdio": 96, "address": 1, "clock": "output", "ref_clk": 97, "power": 98},
    "W5500": {"kind": "w5500", "bus": 31, "sck": 95, "mosi": 96, "miso": 97, "cs": 98, "int": 99, "reset": None},
}
plugged = True
answers = True  # False: the chip does not answer
_lan = None  # the port has one object as well
_plugged_ms = 0  # when cable and interface came together


def fitted():
    """True on a board whose firmware has made the interface."""
    return _lan is not None


def plug(on):
    """Put the network cable in, or pull it out: its connections end."""
    global plugged, _plugged_ms
    if on == plugged:
        return
    plugged = on
    _plugged_ms = timebase.ticks_ms()
    if _lan is not None and _lan.active():
        _lan.link(on)


def has_address():
    """True while the interface has an address."""
    return _lan is not None and _lan.up()


def wifi_event(status):
    """The port takes some events of Wi-Fi for its own (network_lan.c): then status() and isconnected() are wrong."""
    if _lan is not None:
        _lan.mistake(status)


def _check(pin, what):
    if pin is None or not hasattr(pin, "init"):
        raise ValueError("expecting a pin for " + what)


class LAN:
    """The arguments of the port; a chip that does not answer raises OSError."""

    def __new__(cls, id=None, **options):
        return object.__new__(cls) if _lan is None else _lan

    def __init__(self, id=None, *, phy_type, phy_addr, mdc=None, mdio=None, reset=None, power=None, spi=None, cs=None,
                 int=None, ref_clk_mode=-1, ref_clk=None):
        global _lan
        if _lan is self:
            return
        if id not in (None, 0):
            raise ValueError("invalid LAN interface identifier")
        if not 0 <= phy_addr <= 31:
            raise ValueError("invalid phy address")
        if phy_type == PHY_W5500:
            if not hasattr(spi, "readinto"):
                raise ValueError("expecting a SPI object")
            _check(cs, "cs")
            _check(int, "int")
        elif phy_type == PHY_LAN8720:
            _check(mdc, "mdc")
            _check(mdio, "mdio")
        else:
            raise ValueError("invalid phy type")
        if not answers:
            raise OSError("esp_eth_driver_install failed")
        self._active = False
        self._status = INITIALIZED
        self._up = False
        _lan = self

    def active(self, on=None):
        """Power of the interface, or set it; the port waits for the end of auto-negotiation."""
        global _plugged_ms
        if on is None:
            return self._active
        if bool(on) != self._active:
            self._active = bool(on)
            if on:
                soft_irq.enter()
                timebase.cost(hardware_times.LAN_ACTIVE_US["plugged" if plugged else "unplugged"], "LAN.active")
                soft_irq.leave()
                _plugged_ms = timebase.ticks_ms()
            self.link(on and plugged)
        return self._active

    def link(self, on):
        """The link comes, or goes with its address."""
        self._status = CONNECTED if on else DISCONNECTED
        if self._up and not on:
            self._up = False
            net.cut()
            if _wifi_joined():
                net.restore()

    def up(self):
        """True with an address, which comes a while after the link."""
        if self._active and plugged and not self._up and utime.ticks_diff(timebase.ticks_ms(), _plugged_ms) >= _ADDRESS_MS:
            self._up = True
            self._status = GOT_IP
            net.restore()
        return self._up

    def mistake(self, status):
        """See wifi_event()."""
        self._status = status

    def isconnected(self):
        """True when the last event was that of an address."""
        self.up()
        return self._active and self._status == GOT_IP

    def status(self):
        """One of the ETH_..."""
        self.up()
        return self._status

    def ifconfig(self, parts=None):
        """(address, mask, gateway, name server)."""
        import network

        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", network._name_server()) if self.up() else ("0.0.0.0",) * 4

    def config(self, *args, **settings):
        """mac."""
        from machine import unique_id

        return unique_id() if args == ("mac",) else None


def _wifi_joined():
    import network

    return network.WLAN().isconnected()


if launch.setting("LanKind", None):
    net.down = True
