"""The list of the networks in range, and what is asked of a radio that is not there or fails (SEC-12, SEC-19)."""

import asyncio

import network
from check import equal, raises, true
from wifi_rig import teardown as _end
from wifi_rig import wifi

from charger import log
from charger.net import wifi as module
from sim import timebase

_kept = {}


class Radio:
    """A station and an access point; `air` is what it finds, `fails` names the calls that raise."""

    def __init__(self, air=(), fails=(), linked=False):
        self.air = air
        self.fails = fails
        self.linked = linked
        self.on = []
        self.left = 0  # calls of disconnect()
        self.joins = True  # connect() leads to a link
        self.joined = None  # name and pass phrase of the last connect()
        self.scans = 0

    def WLAN(self, interface=0):  # noqa: N802 - the port's name
        return self

    def active(self, on=None):
        if "active" in self.fails:
            raise RuntimeError("Wifi Unknown Error 0x0101")
        if on is not None:
            self.on.append(on)
        return True

    def scan(self):
        self.scans += 1
        if "scan" in self.fails:
            raise RuntimeError("Wifi Unknown Error 0x3001")
        return [(ssid, b"\x02" * 6, 1, rssi, security, False) for ssid, rssi, security in self.air]

    def isconnected(self):
        return self.linked

    def connect(self, ssid, key):
        self.joined = ssid, key
        self.linked = self.joins

    def disconnect(self):
        self.left += 1

    def hostname(self, name):
        pass

    def ifconfig(self):
        return ("10.0.0.5",) * 4


def setup():
    _kept["network"] = module.network


def teardown():
    module.network = _kept["network"]
    _end()


def unit_with(radio):
    """A unit with this radio, which has joined its network before."""
    unit = wifi()
    for name, value in (("wifi/name", b"Home"), ("wifi/password", b"password"), ("wifi/joined", b"Home\npassword")):
        unit._vault.put(name, value)
    unit._wlan = radio
    radio.AP_IF, radio.STAT_IDLE = network.AP_IF, network.STAT_IDLE
    module.network = radio
    return unit


def test_networks_are_listed_by_strength_each_once_with_whether_they_are_safe():
    radio = Radio([
        (b"Weak", -90, 3), (b"Twice", -80, 0), (b"Twice", -60, 7), (b"Twice", -70, 0), (b"", -10, 3), (b"\xff\xfe", -10, 3),
        (b"a\nb", -10, 3), (b"Open", -50, 0), (b"Wep", -51, 1), (b"Wpa", -52, 2), (b"Mixed", -53, 4), (b"Wpa3", -54, 6),
        (b"Firm", -55, 5),
    ])  # fmt: skip
    unit = unit_with(radio)
    equal(unit.scan(), [("Open", -50, False), ("Wep", -51, False), ("Wpa", -52, False), ("Mixed", -53, True), ("Wpa3", -54, True),
                        ("Firm", -55, False), ("Twice", -60, True), ("Weak", -90, True)])  # fmt: skip
    equal(radio.on, [True], "a station that is off finds nothing")


def test_twelve_networks_are_listed_at_the_most():
    unit = unit_with(Radio([(b"%d" % n, -n, 3) for n in range(20)]))
    equal([name for name, _, _ in unit.scan()], [str(n) for n in range(12)])


def test_a_scan_within_ten_seconds_costs_no_other_one_but_for_a_changed_network():
    radio = Radio([(b"Home", -50, 3)])
    unit = unit_with(radio)
    first = unit.scan()
    timebase.advance(9000)
    radio.air = []
    equal((unit.scan(), radio.scans), (first, 1))
    timebase.advance(2000)
    equal((unit.scan(), radio.scans), ([], 2))
    unit.changed()
    unit.scan()
    equal(radio.scans, 3)


def test_a_radio_that_cannot_scan_is_an_oserror():
    for fails in ("scan", "active"):
        raises(OSError, unit_with(Radio(fails=(fails,))).scan)
    raises(OSError, module.NoRadio().scan)


def test_the_radio_is_turned_on_or_not_and_the_caller_is_told():
    module.network = Radio()
    equal((module.turn_on(), module.network.on), (True, [True]))
    module.network = Radio(fails=("active",))
    equal(module.turn_on(), False)


def test_a_new_unit_has_a_name_and_no_cable_and_tells_what_address_it_takes():
    unit = unit_with(Radio())
    equal((unit.host, unit.wired()), ("pilotlight", False))
    equal((unit.takes_address("192.168.1.50/24 192.168.1.1"), unit.takes_address("192.168.1.50")), (True, False))


async def _pass_s(seconds):
    for _ in range(2 * seconds):
        timebase.advance(500)
        for _ in range(4):
            await asyncio.sleep_ms(0)


async def _run_for(job, seconds):
    """Run a coroutine for so many seconds of virtual time."""
    task = asyncio.create_task(job)
    await _pass_s(seconds)
    task.cancel()


async def test_an_access_point_that_was_left_on_is_closed_before_joining_and_a_radio_that_fails_is_in_the_log():
    radio = Radio(linked=False)
    unit = unit_with(radio)
    unit._join = _failed
    await _run_for(unit.run(), 2)
    equal((radio.on, unit.setup), ([False], None))
    log.forget()
    unit = unit_with(Radio(fails=("active",)))
    unit._join = _failed
    await _run_for(unit.run(), 2)
    true(any("does not start" in line for line in log.recent()), log.recent())


async def _failed():
    return False


def test_a_barred_unit_closes_its_setup_network_and_says_when_its_radio_does_not_stop():
    radio = Radio()
    unit = unit_with(radio)
    unit.setup = "open"
    unit._turn_off()
    equal((unit.setup, radio.on), (None, [False, False]))
    unit = unit_with(Radio(fails=("active",)))
    log.forget()
    unit._turn_off()
    true(any("does not stop" in line for line in log.recent()), log.recent())


async def test_a_button_that_is_held_opens_the_setup_network_of_a_unit_with_a_link():
    unit = unit_with(Radio(linked=True))
    opened = []
    unit.open_setup = lambda: opened.append(unit._held)
    unit._button = lambda: 0
    await _run_for(unit.serve(), 6)
    equal(opened, [6])


async def test_a_link_that_is_lost_while_the_setup_network_is_open_is_told_again_when_it_is_back():
    radio, ups = Radio(linked=False), []
    unit = unit_with(radio)
    unit._on_up = lambda: ups.append(unit._failed)
    unit.setup, unit._failed = "open", 3

    async def join():
        radio.linked = True
        return True

    unit._join = join
    task = asyncio.create_task(_run_for(unit.run(), 20))
    for _ in range(30):
        await asyncio.sleep_ms(0)
    equal((ups, unit._failed), ([0], 0), "attempts are counted anew")
    radio.linked = False
    await task
    equal(ups, [0, 0])


def test_a_changed_network_has_all_its_attempts():
    unit = unit_with(Radio())
    unit._failed, unit._proof_until_s = 3, 99
    unit.changed()
    equal((unit._failed, unit._proof_until_s, unit._news), (0, 0, True))


def test_an_address_that_was_proved_is_not_joined_anew_after_its_time():
    unit = unit_with(Radio(linked=True))
    unit._proof_until_s = 5
    unit.prove()
    timebase.advance(10000)
    unit._look_at_proof()
    equal(unit._news, False)


async def test_an_address_that_nobody_proves_is_given_up_while_the_setup_network_is_open():
    unit = unit_with(Radio(linked=True))
    unit.setup, unit._proof_until_s = "open", 5
    unit._vault.put("wifi/address", b"192.168.1.50/24 192.168.1.1")
    await _run_for(unit.run(), 20)
    equal((unit._vault.get("wifi/address"), unit._proof_until_s), (b"", 0))


async def test_an_attempt_to_join_says_whether_there_is_a_link_and_leaves_a_network_that_did_not_answer():
    radio = Radio()
    unit = unit_with(radio)
    equal((await unit._join(), radio.left), (True, 1))
    radio.linked = radio.joins = False
    found = []

    async def job():
        found.append(await unit._join())

    await _run_for(job(), 30)
    equal((found, radio.left), ([False], 3))


def test_the_network_before_is_set_after_four_attempts_and_not_where_the_flash_fails():
    unit = unit_with(Radio())
    unit._vault.put("wifi/name", b"New")
    equal([unit._fall_back() for _ in range(4)], [False, False, False, True])
    equal((unit._failed, unit._vault.get("wifi/name")), (0, b"Home"))
    unit._vault.put("wifi/name", b"New")

    def fails(name, value):
        raise OSError(5)

    unit._vault.put = fails
    unit._failed = 3
    equal((unit._fall_back(), unit._failed), (False, 4))


async def test_a_network_without_a_pass_phrase_of_eight_characters_is_never_joined():
    for name, key in ((b"Home", b"1234567"), (b"Home", b""), (b"", b"password"), (b"Home", None), (None, b"password")):
        radio = Radio()
        unit = unit_with(radio)
        for entry, value in (("wifi/name", name), ("wifi/password", key)):
            if value is None:
                unit._vault.delete(entry)
            else:
                unit._vault.put(entry, value)
        equal((await unit._join(), radio.joined), (False, None), (name, key))
    unit._vault.put("wifi/name", b"Home")
    equal((await unit._join(), radio.joined), (True, ("Home", "password")))


async def test_a_link_that_was_there_is_told_when_it_is_back_and_with_a_link_there_is_no_more_to_do():
    radio, ups = Radio(linked=True), []
    unit = unit_with(radio)
    unit._on_up = lambda: ups.append(1)
    unit.setup = "open"
    task = asyncio.create_task(unit.run())
    await _pass_s(2)
    equal(ups, [])
    radio.linked = False
    await _pass_s(2)
    equal((ups, task.done()), ([1], False))
    unit.setup = None
    await _pass_s(2)
    true(task.done())


def test_the_name_server_is_that_of_dhcp_or_none():
    module.network = radio = Radio()
    equal(module.name_server(), "10.0.0.5")
    radio.ifconfig = lambda: ("10.0.0.5", "", "", "0.0.0.0")
    equal(module.name_server(), None)
    radio.ifconfig = lambda: ("10.0.0.5", "", "", "")
    equal(module.name_server(), None)
