"""The power fails at each stage and at each flash operation of a session, with car, bolt, meter and contactor there.

After each cut the unit starts anew under the same car. Then: the contactor is open, no guard latches, the register is below no
figure that was told and lost 100 Wh at most, the session is either open or in the history, the setting has its old or its new
value. `make soak` cuts at every tick and at every flash operation in each way, here a sample.
"""

import os

import flashrig
from check import equal, true
from rig import Rig

from charger.config.configuration import Configuration
from charger.metering.energy_register import LOSS_BOUND_WH, EnergyRegister
from charger.metering.meter import Meter
from charger.metering.session_store import SessionStore
from charger.outlet.connector import Connector
from sim import ev, timebase
from sim import flash as simflash

HEAP = 16 * 1024 * 1024
SOAK = os.getenv("PILOTLIGHT_SOAK") == "1"
TIMEOUT = 7200  # with PILOTLIGHT_SOAK; else some seconds
KEY = "MeterValueSampleInterval"
POLL_TICKS, SECOND_TICKS = 5, 50  # of 20 ms
STOP_S, LEAVE_S, END_S = 32, 36, 38  # of a session, from the plug
OFF_MS = (0, 40, 3000)


class Settings:
    connection_timeout_s = 30
    unlock_on_disconnect = True


class Home:
    """A car, and a unit that keeps its energy, sessions and settings on flash."""

    def __init__(self):
        self.rig = Rig()
        self.device = flashrig.fresh(blocks=96)
        self.value = 60
        self.told_wh = 0
        self.rounds = 0
        self.ended = {}
        self.start()

    def start(self):
        """The firmware's start-up: what is on flash is read, what was open is looked at by check()."""
        flashrig.reboot()
        files = flashrig.files()
        self.config = Configuration(files)
        self.register = EnergyRegister(files, 1)
        self.sessions = SessionStore(files)
        self.sessions.watch(1, self.register)
        self.connector = Connector(self.rig.outlet, Meter(self.rig.meters[0], self.register), self.sessions, Settings())
        self.rig.after_tick = self.loop
        self.ticks = 0

    def loop(self, rig):
        """The unit's tasks beside the tick; a flash without power ends them."""
        self.ticks += 1
        if not self.device.powered or self.ticks % POLL_TICKS:
            return
        try:
            self.register.add(self.connector.meter.reading.take_energy())
            self.register.persist_when_due()
            self.connector.poll()
            if self.ticks % SECOND_TICKS == 0:
                self.told_wh = max(self.told_wh, self.register.reported_wh())
                if self.connector.session is not None:
                    self.sessions.checkpoint(self.connector.session, self.register.total_wh, 7000)
        except OSError as error:
            equal((error.errno, self.device.powered), (simflash.FLASH_OP_FAIL, False))

    def use(self, ticks):
        """A session up to a tick, or until the flash has no power: a card, a change of the setting, a stop, an unplugging."""
        self.rounds += 1
        self.changed = None
        self.begun = None
        self.rig.side.plug(ev.ASKING)
        for tick in range(ticks):
            if not self.device.powered:
                return
            self.at(tick)
            self.rig.tick()
            session = self.connector.session
            if session is not None and self.device.powered:
                self.begun = session
        if self.begun is not None and self.connector.session is None and self.device.powered:
            self.ended[self.begun.local_id] = self.begun.stop_wh

    def at(self, tick):
        try:
            if tick == SECOND_TICKS:
                true(self.connector.authorised("TAG-%d" % self.rounds))
            elif tick == 20 * SECOND_TICKS:
                self.changed = 60 + self.rounds
                self.config.put(KEY, str(self.changed))
                self.value, self.changed = self.changed, None
            elif tick == STOP_S * SECOND_TICKS and self.connector.session is not None:
                self.connector.stop("Local", "TAG-%d" % self.rounds)
            elif tick == LEAVE_S * SECOND_TICKS:
                self.rig.side.plug(ev.ABSENT)
        except OSError as error:
            equal((error.errno, self.device.powered), (simflash.FLASH_OP_FAIL, False))

    def cut(self, off_ms):
        """The power fails, the coil with it, and comes back after off_ms, for which the car waits."""
        self.rig.after_tick = None
        if off_ms:
            self.rig.outlet.emergency_open()
        self.device = flashrig.restart(self.device)
        timebase.advance(off_ms)
        self.rig.restart()
        self.start()

    def check(self, where):
        """The invariants after the start-up."""
        rig = self.rig
        rig.until(lambda: not rig.contacts_closed(), 60)
        self.check_energy(where)
        self.check_session(where)
        value = self.config.get_int(KEY)
        true(value in (self.value, self.changed), "%s: the setting is %s" % (where, value))
        self.value = value
        for session in self.sessions.recover():
            self.ended[session.local_id] = session.stop_wh
            true(self.sessions.end(session, session.stop_wh, "PowerLoss"))
        for _ in range(100):  # longer than any guard of the pilot or of the contactor waits
            rig.tick()
            true(not rig.outlet.contactor.commanded, where + ": closed without a permission")
            equal([type(guard).__name__ for guard in rig.outlet.guards if guard.tripped], [], where)

    def check_energy(self, where):
        lost_mwh = self.rig.side.delivered_mwh - self.register.total_mwh
        true(-3000 <= lost_mwh <= LOSS_BOUND_WH * 1000, "%s: lost %d mWh" % (where, lost_mwh))
        true(self.register.total_wh >= self.told_wh, "%s: told %d, has %d" % (where, self.told_wh, self.register.total_wh))
        self.rig.side.delivered_mwh = self.register.total_mwh  # the next cut has its own bound

    def check_session(self, where):
        """The one that had begun is open or ended, the earlier ones are ended, and none is there twice."""
        shown, _ = self.sessions.history.page(None, 200)
        listed = [one["id"] for one in shown]
        opened = [session.local_id for session in self.sessions.recover()]
        equal(len(set(listed + opened)), len(listed + opened), where)
        if self.begun is not None:
            true(self.begun.local_id in listed + opened, where + ": the session is lost")
        for one in shown:
            equal(one["import_wh"] >= 0, True, where)
        newest = listed[:20]
        for local_id in sorted(self.ended)[-10:]:
            true(local_id in newest, "%s: session %d is lost" % (where, local_id))

    def leave(self):
        """The car leaves; the next one finds a unit that is ready."""
        self.rig.side.plug(ev.ABSENT)
        self.rig.run(400)
        self.rig.until(lambda: self.connector.status == "Available")


def teardown():
    simflash.unmount()


def test_a_cut_at_each_stage_of_a_session_loses_nothing_and_latches_nothing():
    home = Home()
    last = END_S * SECOND_TICKS
    closed = ended = 0
    for n, tick in enumerate(range(10, last, 1 if SOAK else 187)):
        where = "cut at tick %d" % tick
        home.use(tick)
        closed += home.rig.outlet.energised
        ended += home.begun is not None and home.connector.session is None
        home.cut(OFF_MS[n % 3])
        home.check(where)
        home.leave()
    true(closed >= 5 and ended >= 1, "%d cuts over a closed contactor, %d after a session" % (closed, ended))


def test_a_cut_at_each_flash_operation_of_a_session_loses_nothing_and_latches_nothing():
    home = Home()
    before = home.device.operations
    home.use(END_S * SECOND_TICKS)
    operations = home.device.operations - before
    print("operations", operations)
    true(home.connector.session is None and operations > 8, "%d operations" % operations)
    home.cut(0)
    home.check("after a whole session")
    home.leave()
    for at in range(0, operations, 1 if SOAK else 5):
        for n, mode in enumerate((simflash.DROP, simflash.HALF, simflash.LATE)):
            if SOAK or at % 3 == n:
                home.device.cut_after(at, mode)
                home.use(END_S * SECOND_TICKS)
                home.cut(OFF_MS[n])
                home.check("operation %d, %s" % (at, mode))
                home.leave()


def test_a_car_charges_on_after_a_cut_over_a_closed_contactor():
    home = Home()
    home.use(20 * SECOND_TICKS)
    true(home.rig.outlet.energised)
    home.cut(3000)
    home.check("cut while charging")
    true(home.connector.authorised("TAG-2"))
    home.rig.until(lambda: home.rig.outlet.energised and home.rig.side.ev.i_ma > 25000, 20000)
    equal((home.rig.outlet.offered_da, home.connector.session.id_tag), (320, "TAG-2"))
