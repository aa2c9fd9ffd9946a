"""`network` of the simulated board: a station that finds its access point, on the host's own network.

The station starts joined, as a board does whose flash remembers the network. The simulated access point takes any
password of 8 to 63 characters; its name server is the host's.

With --set WifiNetwork=NAME/PASSWORD the station starts like one of a new unit, joins that network alone and only with
that password, and without it nothing goes out. On a unit with Ethernet (--set LanKind) there is no other Wi-Fi than that one.
"""

import utime

from sim import ethernet, hardware_times, launch, net, soft_irq, timebase
from sim.ethernet import LAN, PHY_LAN8720, PHY_W5500  # noqa: F401 - names of the port's module

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_WRONG_PASSWORD = 202
AUTH_OPEN = 0
AUTH_WPA2_PSK = 3
AUTH_WPA3_PSK = 6
AUTH_WPA2_WPA3_PSK = 7

_JOIN_MS = 300
_NEIGHBOURS = [
    (b"Next door", b"\x02\x50\x4c\xff\xff\x02", 6, -81, AUTH_WPA2_WPA3_PSK, False),
    (b"Next door", b"\x02\x50\x4c\xff\xff\x03", 11, -69, AUTH_WPA2_WPA3_PSK, False),
    (b"Guests", b"\x02\x50\x4c\xff\xff\x04", 6, -62, AUTH_OPEN, False),
    (b"", b"\x02\x50\x4c\xff\xff\x05", 3, -50, AUTH_WPA2_PSK, True),
    (b"\xff\xfe", b"\x02\x50\x4c\xff\xff\x06", 3, -51, AUTH_WPA2_PSK, False),
]
_country = "XX"
_host = "pilotlight"
_given = launch.setting("WifiNetwork", "" if launch.setting("LanKind", None) else None)
_in_the_air = True
_channel = 1
if _given is not None:
    net.down = True


def switch(on):
    """Turn the simulated access point on or off: the station loses its link, or may join again."""
    global _in_the_air
    _in_the_air = on
    if not on:
        WLAN().disconnect()


def replace(given=None, channel=None):
    """Another access point, "NAME/PASSWORD", or another channel of it: the station loses its link."""
    global _given, _channel
    _given = _given if given is None else given
    _channel = channel or _channel
    WLAN().disconnect()


def seen():
    """The setup network as a phone sees it, {} while it is off."""
    state = WLAN(AP_IF)._state
    settings = state.get("settings", {})
    return {"ssid": settings.get("ssid"), "security": settings.get("security", AUTH_OPEN)} if state["active"] else {}


def country(code=None):
    """Regulatory domain, or set it."""
    global _country
    if code is None:
        return _country
    _country = code
    return None


def hostname(name=None):
    """Host name, or set it."""
    global _host
    if name is None:
        return _host
    if len(name) > 32:
        raise ValueError
    _host = name
    return None


def _name_server():
    try:
        with open(launch.host_root + "/etc/resolv.conf") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver":
                    return words[1]
    except OSError:
        pass
    return "127.0.0.1"


class WLAN:
    """One interface; the station joins within 300 ms of connect()."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2
    _kept = {}

    def __init__(self, interface=STA_IF):
        self._interface = interface
        if interface not in WLAN._kept:
            joined = interface == STA_IF and _given is None
            WLAN._kept[interface] = {
                "active": joined,
                "joined_ms": timebase.ticks_ms() if joined else None,
                "status": STAT_GOT_IP if joined else STAT_IDLE,
                "ssid": "Simulated" if joined else "",
            }
        self._state = WLAN._kept[interface]

    def active(self, on=None):
        """Power of the interface, or set it."""
        if on is None:
            return self._state["active"]
        if on and not self._state["active"]:
            soft_irq.enter()
            timebase.cost(hardware_times.WLAN_ACTIVE_US[launch.config["flash_time"]], "WLAN.active")
            soft_irq.leave()
        self._state["active"] = bool(on)
        if not on:
            self.disconnect()
        return None

    def connect(self, ssid=None, key=None, *, bssid=None):
        """Join a network."""
        if not self._state["active"]:
            raise OSError("Wifi Not Started")
        good = not key or 8 <= len(key) <= 63
        there = _in_the_air
        if _given is not None:
            name, _, password = _given.partition("/")
            there = there and ssid == name
            good = key == password
        self._state["ssid"] = ssid or ""
        self._state["status"] = STAT_CONNECTING if good else STAT_WRONG_PASSWORD
        self._state["joined_ms"] = utime.ticks_add(timebase.ticks_ms(), _JOIN_MS) if good and there else None

    def disconnect(self):
        """Leave the network."""
        self._state["joined_ms"] = None
        self._state["status"] = STAT_IDLE
        if _given is not None and self._interface == STA_IF:
            net.cut()
            if ethernet.has_address():
                net.restore()

    def isconnected(self):
        """True with an address; an access point, with a station."""
        joined = self._state["joined_ms"]
        if joined is None:
            return False
        if self._state["status"] != STAT_GOT_IP and utime.ticks_diff(timebase.ticks_ms(), joined) >= 0:
            self._state["status"] = STAT_GOT_IP
            ethernet.wifi_event(ethernet.STARTED)
            if _given is not None and self._reaches():
                net.restore()
        return self._state["status"] == STAT_GOT_IP

    def status(self, what=None):
        """State of the station, or what="rssi"."""
        if what == "rssi":
            return -55
        self.isconnected()
        return self._state["status"]

    def _reaches(self):
        """False with a static address that is not of the simulated network, 127.0.0.0/8."""
        return self._state.get("static", ("127.",))[0].startswith("127.")

    def ifconfig(self, parts=None):
        """(address, mask, gateway, name server), or set them, or "dhcp"; an access point's address is this machine's."""
        if parts == "dhcp":
            if "static" not in self._state:
                raise OSError("DHCP already started")
            del self._state["static"]
            return None
        if parts is not None:
            bits = (0xFFFFFFFF << 32 - parts[1]).to_bytes(9, "big")[-4:]  # the port takes a number of bits as well
            self._state["static"] = (parts[0], ".".join([str(byte) for byte in bits]), parts[2], parts[3])
            return None
        if self._interface == AP_IF and self._state["active"]:
            return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
        if not self.isconnected():
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        return self._state.get("static", ("127.0.0.1", "255.0.0.0", "127.0.0.1", _name_server()))

    def ipconfig(self, *args, **settings):
        """The newer form of ifconfig()."""
        if args:
            address, mask, gateway, _ = self.ifconfig()
            return {"addr4": (address, mask), "gw4": gateway, "dhcp4": True, "has_dhcp4": True}[args[0]]
        return None

    def config(self, *args, **settings):
        """mac, ssid, security, or settings."""
        if not args:
            self._state.setdefault("settings", {}).update(settings)
            return None
        if args[0] == "security":
            return self._state.get("settings", {}).get("security", AUTH_OPEN)
        if args[0] == "mac":
            from machine import unique_id

            return unique_id()
        return {"ssid": self._state["ssid"], "essid": self._state["ssid"], "channel": _channel}.get(args[0])

    def scan(self):
        """(ssid, bssid, channel, RSSI, security, hidden) of what is in the air; the port waits for it inside C."""
        if not self._state["active"]:
            raise OSError("Wifi Not Started")
        soft_irq.enter()
        timebase.cost(hardware_times.WLAN_SCAN_US[launch.config["flash_time"]], "WLAN.scan")
        soft_irq.leave()
        name = "Simulated" if _given is None else _given.partition("/")[0]
        own = [(name.encode(), b"\x02\x50\x4c\xff\xff\x01", _channel, -55, AUTH_WPA2_PSK, False)] if _in_the_air else []
        return own + _NEIGHBOURS
