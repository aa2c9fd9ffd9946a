"""The Wi-Fi station. Only this module and ethernet.py use network.WLAN, so that no other module can switch it off.

Name and pass phrase of the owner's network are in the vault. A changed network is on trial: when it cannot be joined in
_TRIAL_ATTEMPTS attempts, the unit returns to the network that it joined last, so a wrong entry does not disconnect it. If no
network is stored, or if the button is held, the unit opens its setup network for some minutes (setup_network.py). A unit that
has never joined the stored network opens it at each start as well: the entry may be wrong.

A static address is on trial, too: joining proves nothing about it. It is kept once a person or a program with a right has reached
the unit, or the unit its back end, within _PROOF_S; else the unit returns to what it had before.
"""

import asyncio
import gc

import network
from micropython import const

from charger import clock, log, validate
from charger.net import ip_address
from charger.os_errors import is_out_of_memory

_JOIN_MS = const(20000)  # time limit of one attempt to join
_POLL_MS = const(500)
_LOOK_MS = const(1000)
_RETRY_FIRST_S = const(5)
_RETRY_LAST_S = const(300)
_KEY_SHORTEST = const(8)  # WPA2 and WPA3 pass phrases; anything shorter would be an open or WEP network (SEC-12)
_HELD = const(6)  # polls until a pressed button counts as held
_TRIAL_ATTEMPTS = const(4)  # for a changed network, two minutes with the pauses; then the previous one is restored
_SCAN_AGAIN_S = const(10)
_MAX_FOUND = const(12)
_SAFE = (3, 4, 6, 7)  # AUTH_WPA2_PSK, WPA_WPA2, WPA3, WPA2_WPA3 of the port's scan(): the networks that this unit joins
_NAME, _KEY = "wifi/name", "wifi/password"  # in the vault
_HOST, _ADDRESS = "wifi/host", "wifi/address"  # host name; "ADDRESS/PREFIX GATEWAY [NAME SERVER]", DHCP without
_JOINED = "wifi/joined"  # lines: name, pass phrase, address, as joined last; one entry, so it is whole or absent
_PROOF_S = const(300)
_HOST_LONGEST = const(32)  # the port's limit


class NoRadio:
    """Replaces the station while the Wi-Fi driver does not start, so that the unit works without a network.

    The port starts the driver with the first WLAN object and raises RuntimeError when that fails (no memory, no NVS).
    """

    def isconnected(self) -> bool:
        """Retry to start the driver; False while that fails."""
        try:
            return network.WLAN().isconnected()
        except (OSError, RuntimeError):
            return False

    def status(self, what: str | None = None):
        """Return the value of a station without a network."""
        return network.STAT_IDLE if what is None else 0

    def ifconfig(self) -> tuple:
        """Return no addresses."""
        return ("0.0.0.0",) * 4

    def active(self, on: bool | None = None) -> None:
        """Raise OSError: there is no radio to switch."""
        raise OSError("no radio")

    def scan(self) -> list:
        """Raise OSError: there is no radio."""
        raise OSError("no radio")


_replacement = None


def replace_station(replacement: Any) -> None:
    """Let station() return the Station of ethernet.py; None for the radio's again."""
    global _replacement
    _replacement = replacement


def station():
    """Return the network.WLAN station, a NoRadio, or what replaces it on a board with Ethernet."""
    if _replacement is not None:
        return _replacement
    try:
        return network.WLAN()
    except (OSError, RuntimeError) as error:
        log.error("wifi", "driver does not start: " + log.reason(error))
        return NoRadio()


def turn_on() -> bool:
    """Start the radio, which the chip's random number generator needs; False when it does not start."""
    try:
        station().active(True)
        return True
    except (OSError, RuntimeError) as error:
        log.warn("wifi", "radio does not start: " + log.reason(error))
        return False


def name_server() -> str | None:
    """Return the name server's address from DHCP, or None."""
    server = station().ifconfig()[3]
    return server if server and server != "0.0.0.0" else None


def _never() -> bool:
    """Default of `barred`: the network is never barred."""
    return False


def _readable_name(ssid: bytes) -> str:
    """The name of a network, '' for a hidden one and for one that is not UTF-8 or not printable."""
    try:
        name = ssid.decode()
    except UnicodeError:
        return ""
    return name if validate.printable(name) else ""


def static_form(text: str) -> tuple | None:
    """(address, bits of the mask, gateway, name server) of a static address, as ifconfig() takes them; None for anything else."""
    address, _, more = text.partition("/")
    prefix, *servers = more.split(" ")
    parts = [ip_address.parse_ip(part) for part in [address] + servers]  # noqa: RUF005 - MicroPython
    if any(part is None or len(part) != 4 for part in parts) or len(parts) not in (2, 3):
        return None
    if not prefix.isdigit() or not 8 <= int(prefix) <= 30:
        return None
    hosts = (1 << 32 - int(prefix)) - 1
    own, gateway = [int.from_bytes(part or b"", "big") for part in parts[:2]]
    if own | hosts != gateway | hosts or own == gateway or own & hosts in (0, hosts):
        return None
    return address, int(prefix), servers[0], servers[-1]


def _by_strength(found: tuple) -> int:
    return -found[1]


def _known(vault: Vault) -> bool:
    names = vault.names()
    return _NAME in names and _KEY in names


class Wifi:
    """Keeps the station connected to the owner's network.

    `setup` is the SetupNetwork while it is open, `host` the host name that the router was given. button() is 0 while pressed;
    None on a board without a button.
    barred() is True while the unit may use no network: the radio stays off. portal: the ports of captive_portal.py, or None.
    line: what improv.py needs beside (name of the board, the security log's add()), or None on a unit without a serial line.
    """

    def __init__(self, files: Files, vault: Vault, on_up: Callable, button: Any | None = None, barred: Any | None = None,
                 portal: Any | None = None, line: Any | None = None):
        self.setup = None
        self.host = "pilotlight"
        self._files = files
        self._vault = vault
        self._on_up = on_up
        self._button = button
        self._barred = barred or _never
        self._portal = portal
        self._line = line
        self._scanned = None  # (uptime in s, networks)
        self._held = 0
        self._wlan = station()
        self._news = False
        self._failed = 0  # attempts in a row
        self._proof_until_s = 0  # uptime, while an address is on trial
        self._static = False

    def set_network(self, ssid: str, key: str) -> str:
        """Store the owner's network and join it; returns '' or the reason for a refusal as a sentence. OSError by the vault."""
        if not 1 <= len(ssid.encode()) <= 32:
            return "The name of a network has 1 to 32 bytes."
        if not 8 <= len(key) <= 63 or any(not " " <= ch <= "~" for ch in key):
            return "A network without WPA2 or WPA3 is not safe: its pass phrase has 8 to 63 ASCII characters."  # SEC-12
        self._vault.put(_NAME, ssid.encode())
        self._vault.put(_KEY, key.encode())
        self.changed()
        return ""

    def scan(self) -> list:
        """Networks in range, the strongest first: name, RSSI in dBm, whether it has WPA2 or WPA3 with a pass phrase.

        The port's scan holds up the interpreter for 2 s: the caller makes sure that no contactor is closed. Within
        _SCAN_AGAIN_S the same list is returned. OSError when the radio cannot scan now.
        """
        now_s = clock.uptime_s()
        if self._scanned is not None and now_s - self._scanned[0] < _SCAN_AGAIN_S:
            return self._scanned[1]
        strongest = {}
        try:
            self._wlan.active(True)
            for ssid, _, _, rssi, security, _ in self._wlan.scan():
                name = _readable_name(ssid)
                if name and (name not in strongest or strongest[name][1] < rssi):
                    strongest[name] = (name, rssi, security in _SAFE)
        except RuntimeError as error:  # the port raises RuntimeError for errors without a name
            raise OSError(str(error))
        found = sorted(strongest.values(), key=_by_strength)[:_MAX_FOUND]
        self._scanned = (now_s, found)
        return found

    def joined_before(self) -> bool:
        """True on a unit that has joined a network since it was made or reset."""
        return _JOINED in self._vault.names()

    def address(self) -> str:
        """The unit's address in the owner's network."""
        return self._wlan.ifconfig()[0]

    def prove(self) -> None:
        """The unit was reached at its address, or has reached its back end from there."""
        if self._proof_until_s:
            self._proof_until_s = 0
            self._keep_joined(self._wanted())

    def _wanted(self) -> bytes:
        """The stored network in the form of _JOINED."""
        return b"\n".join([self._vault.get(name) or b"" for name in (_NAME, _KEY, _ADDRESS)]).rstrip(b"\n")

    def takes_address(self, text: str) -> bool:
        """True for a static address in the form of _ADDRESS that can be one."""
        return static_form(text) is not None

    def changed(self) -> None:
        """Join the network that is now in the vault."""
        self._news = True
        self._failed = 0
        self._scanned = None
        self._proof_until_s = 0

    async def serve(self) -> None:
        """Call run() whenever the link is down, the network was changed, or the button is pressed."""
        while True:
            if self._barred():
                self._turn_off()
            elif self._has_work():
                await self.run()
            await clock.sleep_ms(_LOOK_MS)
            self._look_at_proof()

    def wired(self) -> bool:
        """True while Ethernet is in use (ethernet.py)."""
        return False

    def _has_work(self) -> bool:
        return self._news or not self._wlan.isconnected() or (self._button is not None and not self._button())

    def _needs_setup(self) -> bool:
        return not _known(self._vault) or not self.joined_before()

    async def run(self) -> None:
        """Try to join with growing pauses; returns when there is a link and nothing else to do."""
        pause_s = _RETRY_FIRST_S
        self._look_at_button()
        if not self._wlan.isconnected():
            try:
                network.WLAN(network.AP_IF).active(False)  # SEC-19
            except (OSError, RuntimeError) as error:  # without a radio there is no access point either
                self._report_failure("radio does not start", error)
            if self._needs_setup():
                self.open_setup()
        linked = self._wlan.isconnected()
        while not self._barred():
            if (self._wlan.isconnected() and not self._news) or await self._join():
                pause_s = _RETRY_FIRST_S
                self._failed = 0
                if not linked:
                    log.info("wifi", "link up, " + self.address())
                    self._on_up()
                while self._wlan.isconnected() and not self._news and not self._barred():
                    if self.setup is None and not self._held:
                        return
                    await self._poll()
                linked = False
            elif self._fall_back():
                pause_s = _RETRY_FIRST_S
            else:
                start = clock.ticks_ms()
                while clock.elapsed_ms(start) < pause_s * 1000 and not (self._news or self._barred() or self._wlan.isconnected()):
                    await self._poll()
                pause_s = min(pause_s * 2, _RETRY_LAST_S)

    def _turn_off(self) -> None:
        """No station and no access point (SEC-9)."""
        self.setup = None
        try:
            for radio in (self._wlan, network.WLAN(network.AP_IF)):
                if radio.active():
                    radio.active(False)
        except (OSError, RuntimeError) as error:
            self._report_failure("radio does not stop", error)

    async def _poll(self) -> None:
        await clock.sleep_ms(_POLL_MS)
        self._look_at_button()
        self._look_at_proof()

    def _look_at_proof(self) -> None:
        if self._proof_until_s and clock.uptime_s() > self._proof_until_s:
            self._restore()
            self.changed()

    def _look_at_button(self) -> None:
        if self._button is not None:
            self._held = 0 if self._button() else self._held + 1
            if self._held == _HELD:
                self.open_setup()

    def _set_host_name(self) -> None:
        """The owner's, or the name of the set-up network; the router learns it by DHCP."""
        name = self._vault.get(_HOST) or self._files.read("setup_ssid") or b"pilotlight"
        self.host = name.decode().lower().replace(" ", "-")[:_HOST_LONGEST]
        network.hostname(self.host)

    async def _join(self) -> bool:
        """Make one attempt; False when no network is set or the attempt times out."""
        self._news = False
        ssid, key = self._vault.get(_NAME), self._vault.get(_KEY)
        if not ssid or not key or len(key) < _KEY_SHORTEST:
            return False
        try:
            if isinstance(self._wlan, NoRadio):
                self._wlan = network.WLAN()
            self._wlan.active(True)
            self._wlan.disconnect()
            self._set_host_name()
            static = static_form((self._vault.get(_ADDRESS) or b"").decode())
            if static or self._static:  # the port refuses to start a DHCP client that runs already
                self._wlan.ifconfig(static or "dhcp")  # type: ignore[arg-type] - the stubs know one of its forms
                self._static = bool(static)
            self._wlan.connect(ssid.decode(), key.decode())
        except (OSError, RuntimeError) as error:  # the port raises RuntimeError for errors without a name, such as ESP_ERR_NO_MEM
            self._report_failure("cannot join", error)
            return False
        start = clock.ticks_ms()
        while not self._wlan.isconnected():
            if clock.elapsed_ms(start) > _JOIN_MS or self._news:
                log.warn("wifi", "did not join within %d s" % (_JOIN_MS // 1000))
                self._wlan.disconnect()
                return False
            await self._poll()
        if static and self._vault.get(_JOINED) != self._wanted():
            self._proof_until_s = clock.uptime_s() + _PROOF_S
        else:
            self._keep_joined(self._wanted())
        return True

    def _keep_joined(self, network_joined: bytes) -> None:
        """Store the joined network; a failed write does not disconnect it."""
        try:
            if self._vault.get(_JOINED) != network_joined:
                self._vault.put(_JOINED, network_joined)
        except OSError as error:
            log.warn("wifi", "not remembered: " + log.reason(error))

    def _fall_back(self) -> bool:
        """Count a failed attempt; True when the network on trial was given up and the previous one restored."""
        self._failed += 1
        return self._failed >= _TRIAL_ATTEMPTS and _known(self._vault) and bool(self._vault.get(_JOINED)) and self._restore()

    def _restore(self) -> bool:
        """Set what was joined last, the same network with DHCP where nothing was; False when that is what is set already."""
        wanted = self._wanted()
        before = self._vault.get(_JOINED) or b"\n".join(wanted.split(b"\n")[:2])
        if before == wanted:
            return False
        log.error("wifi", "the changed network cannot be used: back to the one before it")
        parts = (before + b"\n").split(b"\n")
        try:
            self._vault.put(_NAME, parts[0])
            self._vault.put(_KEY, parts[1])
            self._vault.put(_ADDRESS, parts[2])
        except OSError as error:
            log.error("wifi", "the one before it cannot be set: " + log.reason(error))
            return False
        self._failed = 0
        return True

    def _report_failure(self, what: str, error: Exception) -> None:
        """Log a failed call of the radio; when memory is short, free some, since the driver allocates outside of the heap."""
        memory = is_out_of_memory(error)
        log.warn("wifi", "%s: %s" % (what, "out of memory, " + log.reason(error) if memory else log.reason(error)))
        if memory:
            gc.collect()

    def open_setup(self) -> None:
        """Open the setup network for its time unless it is open; a unit that was not provisioned has none."""
        key = self._vault.get("setup/password")
        ssid = self._files.read("setup_ssid")
        if self.setup is None and key and ssid and not self._barred():
            from charger.net.setup_network import SetupNetwork  # 900 frozen bytes, seldom wanted, often never

            self.setup = SetupNetwork(ssid.decode(), key.decode(), self, self._portal, self._line)
            asyncio.create_task(self.setup.run())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
