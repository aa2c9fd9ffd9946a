# Ethernet before Wi-Fi: which one is used, what the setup network does meanwhile, how the port's network.LAN is made.
import asyncio

import flashrig
import network
from check import equal, raises, true
from machine import SPI, Pin

from charger import log
from charger.credentials.vault import Vault
from charger.net import ethernet, wifi
from charger.status_report import wifi_report
from sim import ethernet as cable
from sim import timebase

HOME = "Home/correct horse"
LAN8720, W5500 = cable.ON_SIM["LAN8720"], cable.ON_SIM["W5500"]


class Unit:
    """The firmware's part of a unit with Ethernet, in the air of one network; `ups` counts the calls of network_up()."""

    def __init__(self, plugged=True, known=None, joined=False, options=W5500):
        timebase.manual()
        flashrig.fresh()
        network.WLAN().disconnect()
        network.WLAN().active(False)
        network._given = HOME
        cable.plugged = plugged
        self.files = flashrig.files()
        self.vault = Vault(self.files, b"k" * 32)
        self.vault.put("setup/password", b"setup password")
        self.files.write("setup_ssid", b"Setup")
        self.ups = 0
        self.barred = False
        self.lan = ethernet.start(options, Pin, lambda options: SPI(options["bus"]))
        self.station = ethernet.Station(self.lan, wifi.station())
        wifi.replace_station(self.station)
        self.wifi = ethernet.EthernetOrWifi(self.files, self.vault, self._up, None, lambda: self.barred)
        for name in known or ():
            self.vault.put("wifi/name", name.encode())
            self.vault.put("wifi/password", b"correct horse")
            if joined:
                self.vault.put("wifi/joined", name.encode() + b"\ncorrect horse")

    def _up(self):
        self.ups += 1

    async def pass_s(self, seconds):
        for _ in range(2 * seconds):
            timebase.advance(500)
            for _ in range(6):
                await asyncio.sleep_ms(0)

    def run(self, job):
        """Run the coroutine beside serve()."""

        async def all_of_it():
            served = asyncio.create_task(self.wifi.serve())
            try:
                return await job
            finally:
                served.cancel()
                self.wifi.setup = None
                await self.pass_s(3)

        return asyncio.run(all_of_it())

    def state(self):
        return self.station.wired(), network.WLAN().isconnected(), self.wifi.setup is not None, self.ups


def teardown():
    wifi.replace_station(None)
    cable._lan = None
    cable.plugged = cable.answers = True
    network.WLAN().disconnect()
    network.WLAN(network.AP_IF).active(False)
    network._given = None
    network.net.restore()
    flashrig.simflash.unmount()


def test_cable_is_enough_and_no_setup_network_opens():
    unit = Unit()

    async def job():
        await unit.pass_s(60)
        equal(unit.state(), (True, False, False, 1))
        equal(network.WLAN().active(), True)  # for the random number generator
        equal(wifi.name_server(), unit.lan.ifconfig()[3])

    unit.run(job())


def test_without_cable_and_wifi_the_setup_network_opens_and_closes_after_the_cable():
    unit = Unit(plugged=False)

    async def job():
        await unit.pass_s(15)
        equal(unit.state(), (False, False, False, 0))
        await unit.pass_s(15)
        equal(unit.state(), (False, False, True, 0))
        cable.plug(True)
        await unit.pass_s(10)
        equal(unit.state(), (True, False, True, 1))
        await unit.pass_s(90)
        equal(unit.state(), (True, False, False, 1))

    unit.run(job())


def test_pulled_cable_opens_nothing_and_is_noticed_when_it_is_back():
    unit = Unit()

    async def job():
        await unit.pass_s(10)
        cable.plug(False)
        await unit.pass_s(400)  # the pauses between attempts have grown to minutes
        equal(unit.state(), (False, False, False, 1))
        equal(unit.station.isconnected(), False)
        cable.plug(True)
        await unit.pass_s(6)
        equal(unit.state(), (True, False, False, 2))

    unit.run(job())


def test_wifi_takes_over_and_is_left_when_the_cable_is_back():
    unit = Unit(known=("Home",), joined=True)

    async def job():
        await unit.pass_s(10)
        equal(unit.state(), (True, False, False, 1))
        cable.plug(False)
        await unit.pass_s(10)
        equal(unit.state(), (False, True, False, 2))
        equal(unit.station.status("rssi"), -55)
        cable.plug(True)
        await unit.pass_s(6)
        equal(unit.state(), (True, False, False, 3))
        equal(network.net.down, False)
        raises(ValueError, unit.station.status, "rssi")

    unit.run(job())


def test_network_given_while_the_cable_is_in_is_tried_when_it_is_out():
    unit = Unit()

    async def job():
        await unit.pass_s(10)
        equal(unit.wifi.set_network("Hmoe", "correct horse"), "")
        await unit.pass_s(10)
        equal(unit.state(), (True, False, False, 1))
        true("wifi/joined" not in unit.vault.names())
        equal(unit.wifi.set_network("Home", "correct horse"), "")
        await unit.pass_s(10)
        cable.plug(False)
        await unit.pass_s(10)
        equal(unit.state(), (False, True, False, 2))
        equal(unit.vault.get("wifi/joined"), b"Home\ncorrect horse")

    unit.run(job())


def test_cable_that_comes_during_an_attempt_to_join_proves_no_network():
    unit = Unit(plugged=False, known=("Hmoe",))

    async def job():
        await unit.pass_s(22)
        cable.plug(True)
        await unit.pass_s(8)
        equal(unit.state()[:2], (True, False))
        true("wifi/joined" not in unit.vault.names())

    unit.run(job())


def test_wrong_status_of_the_port_does_not_end_the_link():
    """A phone in the setup network has the number of ETHERNET_EVENT_CONNECTED: LAN.isconnected() is False from then on."""
    unit = Unit()

    async def job():
        await unit.pass_s(10)
        cable.wifi_event(cable.CONNECTED)
        equal(unit.lan.isconnected(), False)
        await unit.pass_s(10)
        equal(unit.state(), (True, False, False, 1))

    unit.run(job())


def test_altered_unit_turns_ethernet_off_as_well():
    unit = Unit(plugged=False)
    unit.barred = True
    turn_on, turned_on = wifi.turn_on, []
    wifi.turn_on = lambda: turned_on.append(1)

    async def job():
        await unit.pass_s(2)
        equal((unit.lan.active(), network.WLAN().active(), turned_on), (False, False, []))

    try:
        unit.run(job())
    finally:
        wifi.turn_on = turn_on


def test_report_tells_which_one_is_used():
    unit = Unit()

    async def job():
        await unit.pass_s(10)
        report = wifi_report(unit.wifi, unit.station, unit.vault)
        equal(report, {"up": True, "wired": True, "known": False, "setup_s": 0, "ip": "127.0.0.1", "rssi": None})

    unit.run(job())


def test_both_chips_start_and_a_wrong_definition_does_not():
    for options in (LAN8720, W5500):
        equal(ethernet.start(options, Pin, lambda options: SPI(options["bus"])).active(), True)
        cable._lan = None
    wrong = dict(LAN8720)
    wrong["address"] = 32
    raises(ValueError, ethernet.start, wrong, Pin, None)
    raises(ValueError, ethernet.start, W5500, Pin, lambda options: None)


def test_radio_that_did_not_start_is_tried_again_beside_ethernet():
    unit = Unit(plugged=False)
    station = ethernet.Station(unit.lan, wifi.NoRadio())
    equal(station.isconnected(), False)
    station.active(True)
    equal((isinstance(station._radio, wifi.NoRadio), network.WLAN().active()), (False, True))


def test_chip_that_does_not_answer_leaves_wifi():
    import board

    from charger import network_wiring

    class Supervisor:
        fed = 0

        def feed(self):
            self.fed += 1

    supervisor = Supervisor()
    equal(network_wiring._start_ethernet(supervisor), None)
    equal(supervisor.fed, 0)
    board.LAN = W5500
    try:
        cable.answers = False
        log.forget()
        equal(network_wiring._start_ethernet(supervisor), None)
        true(any("does not start" in line for line in log.recent()))
        equal(wifi._replacement, None)
        cable.answers = True
        made, network.LAN = network.LAN, None
        del network.LAN  # as in an image that is built without
        equal(network_wiring._start_ethernet(supervisor), None)
        network.LAN = made
        equal(network_wiring._start_ethernet(supervisor), ethernet.EthernetOrWifi)
        equal((supervisor.fed, wifi.station().active()), (3, True))
    finally:
        del board.LAN
