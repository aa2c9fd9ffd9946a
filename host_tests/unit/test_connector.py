"""The connector: authorisation, session, OCPP statuses, on the real outlet, store and simulated world."""

import asyncio

import flashrig
from check import equal
from rig import Rig

from charger.metering.energy_register import EnergyRegister
from charger.metering.meter import Meter
from charger.metering.session_store import SessionStore
from charger.outlet import connector_status
from charger.outlet.connector import Connector
from sim import ev


class Settings:
    connection_timeout_s = 30
    unlock_on_disconnect = True


class Recorder:
    """A listener that checks every transition against the table (OCPP-80)."""

    def __init__(self):
        self.statuses = ["Available"]
        self.codes = []
        self.started = []
        self.ended = []

    def status_changed(self, connector):
        if connector.status != self.statuses[-1]:
            assert connector_status.allowed(self.statuses[-1], connector.status), (self.statuses[-1], connector.status)
            self.statuses.append(connector.status)
        self.codes.append((connector.status, connector.error_code))

    def session_started(self, session):
        self.started.append(session)

    def session_ended(self, session):
        self.ended.append(session)


class Bench:
    """A rig with one connector, polled every 100 ms as the firmware does."""

    def __init__(self, **settings):
        self.rig = Rig(**settings)
        flashrig.fresh()
        files = flashrig.files()
        meter = Meter(self.rig.meters[0], EnergyRegister(files, 1))
        self.sessions = SessionStore(files)
        self.connector = Connector(self.rig.outlet, meter, self.sessions, Settings())
        self.heard = Recorder()
        self.connector.listeners.append(self.heard)
        self.rig.after_tick = self._after_tick
        self._ticks = 0

    def _after_tick(self, rig):
        self._ticks += 1
        if self._ticks % 5 == 0:
            self.connector.meter.register.add(self.connector.meter.reading.take_energy())
            self.connector.poll()

    def until(self, wanted, ms=15000):
        return self.rig.until(lambda: self.connector.status == wanted, ms)

    def charge(self, ms):
        """Authorise a card, plug a car in that wants to charge, and charge for so long."""
        self.connector.authorised("TAG-1")
        self.rig.side.plug(ev.ASKING)
        self.until("Charging")
        self.rig.run(ms)


def test_plug_card_charge_card_unplug():
    bench = Bench()
    bench.rig.side.plug(ev.ASKING)
    bench.until("Preparing")
    assert bench.connector.authorised("TAG-1")
    bench.until("Charging")
    bench.rig.run(60000)
    assert bench.connector.stop("Local", "TAG-1")
    bench.until("Finishing")
    bench.rig.side.plug(ev.ABSENT)
    bench.until("Available")
    equal(bench.heard.statuses, ["Available", "Preparing", "Charging", "Finishing", "Available"])
    session = bench.heard.ended[0]
    equal((session.stop_reason, session.id_tag), ("Local", "TAG-1"))
    assert 100 <= session.import_wh <= 125, session.import_wh


def test_card_first_then_the_plug_within_the_time_ocpp59():
    bench = Bench()
    assert bench.connector.authorised("TAG-1")
    bench.until("Preparing")
    bench.rig.run(20000)
    bench.rig.side.plug(ev.ASKING)
    bench.until("Charging")
    other = Bench()
    other.connector.authorised("TAG-1")
    other.rig.run(29000)
    equal(other.connector.status, "Preparing")
    other.until("Available", 2000)
    equal(other.heard.started, [])


def test_a_plug_without_a_card_ends_in_finishing_b6():
    bench = Bench()
    bench.rig.side.plug(ev.ASKING)
    bench.until("Preparing")
    took = bench.until("Finishing", 31000)
    assert took >= 29000, took
    assert bench.connector.authorised("TAG-1")
    bench.until("Charging")
    equal(bench.heard.statuses, ["Available", "Preparing", "Finishing", "Preparing", "Charging"])


def test_car_pauses_charger_pauses_and_both_ocpp81():
    bench = Bench()
    bench.rig.side.plug(ev.ASKING)
    bench.connector.poll()
    bench.rig.run(200)
    bench.connector.authorised("TAG-1")
    bench.until("Charging")
    bench.rig.run(6000)
    bench.rig.side.plug(ev.IDLE)
    bench.until("SuspendedEV")
    bench.rig.outlet.limits.set("csms", 0)
    bench.until("SuspendedEVSE")
    bench.rig.side.plug(ev.ASKING)
    bench.rig.run(8000)
    equal(bench.connector.status, "SuspendedEVSE")
    equal(bench.connector.why_no_energy(), "Paused by the charging profile of the back end: 0.0 A")
    bench.rig.outlet.limits.set("csms", None)
    bench.until("Charging")
    equal(len(bench.heard.started), 1)


def test_a_car_that_is_only_plugged_is_suspended_by_the_car():
    bench = Bench()
    bench.rig.side.plug(ev.IDLE)
    bench.rig.run(200)
    bench.connector.authorised("TAG-1")
    bench.until("SuspendedEV")
    equal(bench.heard.statuses, ["Available", "Preparing", "SuspendedEV"])


def test_unplugging_ends_the_session_ocpp43():
    bench = Bench()
    bench.charge(10000)
    bench.rig.side.plug(ev.ABSENT)
    bench.until("Available")
    equal(bench.heard.statuses[-3:], ["Charging", "Finishing", "Available"])
    equal(bench.heard.ended[0].stop_reason, "EVDisconnected")


def test_a_fault_is_reported_with_its_code_and_goes_back_to_what_was_ocpp84():
    bench = Bench()
    bench.charge(3000)
    bench.rig.world.set_fault("UnderVoltage", 1, True)
    bench.until("Faulted")
    equal(bench.heard.codes[-1], ("Faulted", "UnderVoltage"))
    bench.rig.world.set_fault("UnderVoltage", 1, False)
    bench.until("Charging", 30000)
    equal(bench.heard.ended, [])
    bench.rig.world.set_fault("diode", 1, True)
    bench.until("SuspendedEVSE")
    bench.rig.run(400)  # the contactor opens at once, the latch and its code come after 200 ms (F-E7)
    equal(bench.heard.codes[-1], ("SuspendedEVSE", "EVCommunicationError"))  # a warning, not Faulted (OCPP-83)


def test_availability_waits_for_the_session_ocpp69():
    bench = Bench()
    bench.connector.authorised("TAG-1")
    bench.rig.side.plug(ev.ASKING)
    bench.until("Charging")
    equal(bench.connector.set_operative(False), False)
    bench.connector.stop("Remote")
    bench.until("Finishing")
    equal(bench.connector.set_operative(False), True)
    bench.until("Unavailable")
    equal(bench.connector.authorised("TAG-1"), False)
    bench.connector.set_operative(True)
    bench.rig.side.plug(ev.ABSENT)
    bench.until("Available")


def test_a_suspended_session_keeps_its_transaction_ocpp54():
    bench = Bench()
    bench.connector.authorised("TAG-1")
    bench.rig.side.plug(ev.ASKING)
    bench.until("Charging")
    bench.connector.suspend("The card was refused")
    bench.until("SuspendedEVSE")
    equal(bench.connector.why_no_energy(), "The card was refused")
    assert bench.connector.session is not None
    bench.connector.suspend("")
    bench.until("Charging", 20000)


async def _unlock(bench):
    async def ticks():
        while True:
            bench.rig.tick()
            await asyncio.sleep_ms(0)

    ticking = asyncio.create_task(ticks())
    answer = await bench.connector.unlock()
    ticking.cancel()
    return answer


def test_a_bolt_that_stayed_is_drawn_again_by_an_unlock_ocpp68():
    bench = Bench()
    outlet, bolt = bench.rig.outlet, bench.rig.side.lock
    outlet.hold_lock = True
    bench.rig.side.plug(ev.IDLE)
    bench.rig.until(outlet.lock.locked)
    bolt.sticks = 3
    outlet.hold_lock = False
    bench.rig.run(8000)
    equal((bolt.sticks, bolt.locked), (1, True))
    equal((asyncio.run(_unlock(bench)), bolt.locked), (True, False))


def test_a_bolt_on_its_way_to_locked_is_let_go_before_the_answer_ocpp68():
    bench = Bench()
    outlet, bolt = bench.rig.outlet, bench.rig.side.lock
    outlet.hold_lock = True
    bench.rig.side.plug(ev.IDLE)
    bench.rig.until(lambda: outlet.lock.commanded)
    equal(outlet.lock.locked(), False)
    equal((asyncio.run(_unlock(bench)), outlet.lock.commanded), (True, False))
    for _ in range(100):
        bench.rig.tick()
        equal(bolt.locked, False)
