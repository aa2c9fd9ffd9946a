# The setup network and what is asked of the owner's: never open, never without a password of the unit's own (SEC-2, 12, 19).
import asyncio

import network
from check import equal, raises, true
from wifi_rig import teardown, wifi  # noqa: F401 - teardown: called after each test

from charger import clock
from charger.net.setup_network import SetupNetwork
from sim import timebase


def test_a_unit_without_a_password_of_its_own_opens_none():
    for unit in (wifi(None), wifi(secret=None), wifi(ssid=None)):
        unit.open_setup()
        equal((unit.setup, network.seen()), (None, {}))


class Radio:
    """A radio that knows some kinds of security, and takes or drops the others in silence."""

    def __init__(self, known, raises=True):
        self.known = known
        self.raises = raises
        self.security = network.AUTH_OPEN
        self.on = False

    def config(self, what=None, **settings):
        if what:
            return self.security
        if settings["security"] in self.known:
            self.security = settings["security"]
        elif self.raises:
            raise ValueError("unknown security")
        return None

    def active(self, on):
        self.on = on


def test_it_is_never_on_the_air_unprotected():
    setup = SetupNetwork("Setup", "password", None)
    for known in ((), (network.AUTH_WPA2_PSK,), (network.AUTH_WPA2_PSK, network.AUTH_WPA2_WPA3_PSK)):
        for loud in (True, False):
            radio = Radio(known, loud)
            equal(setup._open(radio), bool(known))
            equal(radio.on, bool(known))
            equal(radio.security, known[-1] if known else network.AUTH_OPEN)


def test_it_closes_after_its_time_whatever_happens():
    unit = wifi()
    network.WLAN().disconnect()

    async def job():
        unit.open_setup()
        first = unit.setup
        unit.open_setup()
        equal(unit.setup is first, True)
        await asyncio.sleep_ms(0)
        equal(network.seen(), {"ssid": "Setup", "security": network.AUTH_WPA2_WPA3_PSK})
        for second in range(901):
            timebase.advance(1000)
            for _ in range(3):
                await asyncio.sleep_ms(0)
            if not unit.setup:
                return second
        return None

    true(asyncio.run(job()) in (898, 899, 900))
    equal(network.seen(), {})


def test_invalid_network_names_and_passwords_change_nothing():
    unit = wifi()
    for ssid, key in (("", "12345678"), ("x" * 33, "12345678"), ("a", ""), ("a", "1234567"),
                      ("a", "x" * 64), ("a", "pass\u00e9word"), ("a", "tab\tpassword")):
        true(unit.set_network(ssid, key), ssid)
    equal([name for name in unit._vault.names() if name.startswith("wifi/")], [])
    equal(unit.set_network("\u00e4" * 16, "x" * 63), "")
    equal([name for name in unit._vault.names() if name.startswith("wifi/")], ["wifi/name", "wifi/password"])
    raises(OSError, wifi(None).set_network, "a", "12345678")


class Failing:
    """Stands for `network`: the driver starts, but each call that is named raises what the port raises without memory."""

    AP_IF = network.AP_IF
    STAT_IDLE = network.STAT_IDLE

    def __init__(self, *names):
        self.names = names
        self.calls = []

    def WLAN(self, interface=0):  # noqa: N802 - the port's name
        self._call("WLAN")
        return self

    def _call(self, name):
        self.calls.append(name)
        if name in self.names:
            raise RuntimeError("Wifi Unknown Error 0x0101")

    def active(self, on=None):
        self._call("active")

    def connect(self, ssid, key):
        self._call("connect")

    def disconnect(self):
        self._call("disconnect")

    def isconnected(self):
        return False

    def ifconfig(self):
        return ("0.0.0.0",) * 4

    def hostname(self, name):
        self._call("hostname")


def test_radio_without_memory_is_reported_and_joining_is_tried_again():
    from charger import log
    from charger.net import wifi as module

    kept = module.network
    try:
        for names in (("active",), ("connect",), ("disconnect",), ("hostname",), ("WLAN",)):
            unit = wifi()
            equal(unit.set_network("Home", "password"), "")
            module.network = Failing()
            unit._wlan = module.station()
            module.network = Failing(*names)
            unit._wlan = module.station() if names == ("WLAN",) else module.network
            log.forget()
            equal(asyncio.run(unit._join()), False)
            true(any("out of memory" in line for line in log.recent()), str(names))
            equal(module.name_server(), None)
    finally:
        module.network = kept


def test_unit_without_a_radio_has_a_station_that_is_never_connected_and_comes_back():
    from charger.net import wifi as module

    kept = module.network
    try:
        module.network = Failing("WLAN")
        station = module.station()
        equal((station.isconnected(), station.ifconfig()[0], station.status("rssi")), (False, "0.0.0.0", 0))
        raises(OSError, station.active, True)
        module.network = kept
        network.WLAN().active(True)
        network.WLAN().connect("Simulated", "password")
        timebase.advance(1000)
        equal(station.isconnected(), True)
    finally:
        module.network = kept


def test_access_point_without_memory_closes_the_setup_network():
    from charger.net import setup_network as module

    class Owner:
        setup = "open"

    kept = module.network
    try:
        module.network = Failing("active")
        module.network.config = lambda *what, **settings: None
        module.network.AUTH_WPA2_WPA3_PSK = module.network.AUTH_WPA2_PSK = None
        owner = Owner()
        asyncio.run(module.SetupNetwork("Setup", "password", owner).run())
        equal(owner.setup, None)
    finally:
        module.network = kept


async def test_f_s7_an_altered_unit_turns_its_radio_off_and_opens_no_setup_network():
    unit = wifi(ssid=b"Setup")
    barred = []
    unit._barred = lambda: bool(barred)
    network.WLAN(network.AP_IF).active(True)
    network.WLAN().active(True)
    barred.append(True)
    task = asyncio.create_task(unit.serve())
    for _ in range(20):
        await asyncio.sleep_ms(0)
    task.cancel()
    equal((network.WLAN().active(), network.WLAN(network.AP_IF).active()), (False, False))
    unit.open_setup()
    equal(unit.setup, None)


def _open_at_the_start(joined):
    """True when a unit that was given a network which is not there opens its setup network; whether it ever joined it."""
    unit = wifi()
    unit._vault.put("wifi/name", b"Home")
    unit._vault.put("wifi/password", b"mistyped")
    if joined:
        unit._keep_joined(b"Home\nmistyped")
    network._given = "Home/correct horse"
    network.WLAN().disconnect()

    async def job():
        served = asyncio.create_task(unit.serve())
        for _ in range(10):
            timebase.advance(1000)
            for _ in range(4):
                await asyncio.sleep_ms(0)
        served.cancel()
        return unit.setup is not None

    try:
        return asyncio.run(job())
    finally:
        network._given = None
        network.net.restore()


def test_a_password_that_never_worked_leaves_a_way_in_at_each_start():
    """Mistyped at the first use, the unit would be out of reach once its setup network has closed; a board may have no button."""
    equal((_open_at_the_start(False), _open_at_the_start(True)), (True, False))



def _attempts(answers, joined=None):
    """Seconds between the attempts to join of a unit whose attempts end so, one after the other."""
    unit = wifi()
    for name, value in (("wifi/name", b"New"), ("wifi/password", b"password"), ("wifi/joined", joined)):
        if joined:
            unit._vault.put(name, value)
    at_s = []

    async def attempt():
        at_s.append(clock.uptime_s())
        return answers[len(at_s) - 1]

    async def job():
        unit._join = attempt
        running = asyncio.create_task(unit.run())
        for _ in range(4000):
            if len(at_s) == len(answers):
                break
            timebase.advance(500)
            for _ in range(4):
                await asyncio.sleep_ms(0)
        running.cancel()

    network.WLAN().disconnect()
    asyncio.run(job())
    return [at_s[n + 1] - at_s[n] for n in range(len(at_s) - 1)]


def test_the_pauses_between_attempts_grow_to_five_minutes_and_begin_anew_after_one_that_worked():
    found = _attempts([False] * 9 + [True] + [False] * 3)
    for pause, wanted in zip(found, (5, 10, 20, 40, 80, 160, 300, 300, 300, 0, 5, 10)):
        true(wanted <= pause <= wanted + 1, found)
    equal(len(found), 12)


def test_the_pauses_begin_anew_with_the_network_before_where_the_changed_one_was_given_up():
    found = _attempts([False] * 7, b"Old\npassword")
    for pause, wanted in zip(found, (5, 10, 20, 0, 5, 10)):
        true(wanted <= pause <= wanted + 1, found)
    equal(len(found), 6)
