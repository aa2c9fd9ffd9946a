"""The latch of a residual current trip over restarts and power cuts (CP-44, F-S3): real drivers, files on a flash in memory."""

import flashrig
from check import equal, true
from rig import Rig
from safety_rig import Marks, put, raw

from charger.app import Application
from charger.audit import trip_latch
from charger.config.configuration import Configuration
from charger.drivers import keystore
from charger.maintenance import erase
from charger.metering.energy_register import EnergyRegister
from charger.metering.meter import Meter
from charger.metering.session_store import SessionStore
from charger.ocpp.v16.services.power_return import PowerReturn
from charger.outlet.connector import Connector
from charger.store import wipe
from charger.store.safety_value import SafetyValue
from sim import ev

HEAP = 16 * 1024 * 1024
COPIES = ("safety/rcd1.1", "safety/rcd1.2")
DAMAGED = "SafetyValueDamaged"


class Jobs:
    """An Application that is asked for its jobs: their names by its own, `job` for those of its parts."""

    tamper = group = supply = None
    connectors = ()

    def __init__(self):
        self.jobs = []
        self.housekeeping = self
        self.flash_pause = self.planner = self.security_log = Part()

    def every_100_ms(self, name, job):
        self.jobs.append(job)

    every_second = every_100_ms

    def __getattr__(self, name):
        return name


class Part:
    """A part with jobs."""

    def __getattr__(self, name):
        return "job"


class Refusing:
    """Files of a flash that refuses to write, and to be read where `readable` is False."""

    def __init__(self, files, readable):
        self.names, self.read = (files.names, files.read) if readable else (self._fail, self._fail)

    def _fail(self, name):
        raise OSError(5)

    def write(self, name, data):
        raise OSError(28)


class Unit:
    """One outlet with its connector and what starts by itself after a power cut; step() is a second of all of them."""

    def __init__(self):
        self.rig = Rig()
        flashrig.fresh()
        self.events = []
        self.marks = Marks()
        self.build()

    def build(self):
        self.files = flashrig.files()
        self.outlets = self.rig.outlets
        self.outlet = self.rig.outlet
        trip_latch.recover(self.files, self.outlet, lambda event, info: self.events.append(event), self.marks)
        config = Configuration(self.files, {"ResumeAfterPowerLoss": "true", "RandomDelayMax": "0"})
        sessions = SessionStore(self.files)
        interrupted = sessions.recover()
        meter = Meter(self.rig.meters[0], EnergyRegister(self.files, 1))
        self.connector = Connector(self.outlet, meter, sessions, config)
        self.returning = PowerReturn(config, [self.connector], self, None)
        for session in interrupted:
            self.returning.interrupted(session)
            sessions.end(session, meter.total_wh, "PowerLoss")

    def local(self, tag):
        """IdTags: no card is known without the back end."""

    def begin(self, connector, tag, parent):
        """Authorisation: the card is good."""
        connector.authorised(tag, parent)

    def power_cut(self):
        """The power is away and back; the car stays as it is. A second passes before the connector looks for the first time."""
        self.rig.restart()
        self.build()

    def step(self, seconds=1):
        for _ in range(seconds):
            for _ in range(10):
                self.rig.run(100)
                self.connector.poll()
            self._keep_trips()
            self.returning.second(self)

    def _keep_trips(self):
        """Application._keep_trips(), with marks of this unit's own."""
        made = keystore.KeyStore
        keystore.KeyStore = lambda: self.marks
        try:
            Application._keep_trips(self)
        finally:
            keystore.KeyStore = made

    def tripped(self):
        """A car that charges, a residual current that is gone again, and the second in which the trip is stored."""
        self.rig.side.plug(ev.ASKING)
        self.step()
        self.connector.authorised("CARD0001")
        self.rig.until(self.rig.contacts_closed, 20000)
        self.step()
        self.rig.world.set_fault("GroundFailure", 1, True)
        self.rig.run(500)
        self.rig.world.set_fault("GroundFailure", 1, False)
        self.rig.run(500)
        self.step()
        equal(self.state(), (True, False, "Faulted", "GroundFailure"))
        return self

    def state(self):
        """(latched, contacts closed, status, error code)."""
        return self.outlet.guards[0].tripped, self.rig.contacts_closed(), self.connector.status, self.connector.error_code

    def starts(self):
        """The result of a start with this flash: (latched, events)."""
        self.events.clear()
        self.power_cut()
        return self.outlet.guards[0].tripped, list(self.events)


def test_a_trip_holds_over_a_power_cut_and_the_session_that_was_interrupted_waits_until_the_owner_acts():
    unit = Unit().tripped()
    operations = unit.rig.side.contactor.operations
    for waiting in ("Charging goes on after the power cut", ""):  # the session has ended with the first power cut
        unit.power_cut()
        true(unit.outlet.blocked and unit.outlet.fault.CODE == "GroundFailure", "before the first tick")
        unit.step(30)
        equal(unit.state(), (True, False, "Faulted", "GroundFailure"))
        equal((unit.rig.side.contactor.operations, unit.connector.session, unit.events), (operations, None, []))
        equal(unit.connector.waiting, waiting)
    equal(unit.connector.authorised("CARD0002"), False)
    equal(unit.outlet.acknowledge(), True)
    unit.step(2)
    equal((unit.outlet.guards[0].tripped, unit.starts()), (False, (False, [])))


def test_an_acknowledgement_after_the_power_cut_lets_the_session_go_on():
    unit = Unit().tripped()
    unit.power_cut()
    unit.step(5)
    equal(unit.outlet.acknowledge(), True)
    unit.step(10)
    unit.rig.until(unit.rig.contacts_closed, 20000)
    equal(unit.connector.session.id_tag, "CARD0001")


def test_unplugging_clears_it_before_the_power_cut_while_the_power_is_away_and_after_it():
    before = Unit().tripped()
    before.rig.side.plug(ev.ABSENT)
    before.step(2)
    equal(before.starts(), (False, []))
    away = Unit().tripped()
    away.rig.side.plug(ev.ABSENT)
    away.power_cut()
    equal(away.state()[0], True)
    away.step(3)
    equal((away.state()[0], away.connector.status, away.starts()), (False, "Available", (False, [])))
    after = Unit().tripped()
    after.power_cut()
    after.step(5)
    after.rig.side.plug(ev.ABSENT)
    after.step(2)
    equal((after.state()[0], after.connector.session, after.starts()), (False, None, (False, [])))


def test_a_pilot_without_state_a_after_the_start_is_no_unplugging():
    unit = Unit().tripped()
    unit.rig.world.set_fault("pilot_short", 1, True)
    unit.power_cut()
    unit.step(5)
    equal((unit.outlet.plugged, unit.state()[0]), (False, True))
    equal(unit.starts(), (True, []))


def test_f_s3_no_flipped_bit_and_no_removed_or_older_copy_takes_the_latch_away():
    unit = Unit().tripped()
    older = [raw(flashrig.files(), name) for name in COPIES]
    unit.outlet.acknowledge()
    unit.step()
    clear = [raw(flashrig.files(), name) for name in COPIES]
    unit.rig.world.set_fault("GroundFailure", 1, True)
    unit.rig.run(500)
    unit.rig.world.set_fault("GroundFailure", 1, False)
    unit.step()
    good = [raw(flashrig.files(), name) for name in COPIES]
    true(older[0] != good[0] != clear[0])
    cases = [(None, good[1]), (good[0], None), (clear[0], good[1]), (good[0], clear[1]), (older[0], clear[1]), (b"", b"x")]
    for at, other in ((0, 1), (1, 0)):
        for bit in range(8 * len(good[at])):
            bad = bytearray(good[at])
            bad[bit // 8] ^= 1 << bit % 8
            pair = [bytes(bad)] * 2
            pair[other] = good[other]
            cases.append(pair)
    found = []
    for pair in cases:
        for name, data in zip(COPIES, pair):
            put(flashrig.files(), name, data)
        unit.events.clear()
        latch = Latch()
        trip_latch.recover(unit.files, latch, lambda event, info: unit.events.append(event))
        if (latch.latched, unit.events) != (True, [DAMAGED]):
            found.append((pair, latch.latched, list(unit.events)))
    equal(found, [])
    equal(unit.starts(), (True, []))


def test_f_s3_both_copies_removed_latch_a_unit_that_has_tripped_before():
    """Also while the latch is clear; what follows the owner's word is a unit as before, and a new unit has no latch."""
    unit = Unit().tripped()
    for acknowledged in (False, True):
        if acknowledged:
            unit.outlet.acknowledge()
            unit.step()
        for name in COPIES:
            unit.files.delete(name)
        equal(unit.starts(), (True, [DAMAGED]), acknowledged)
        equal(unit.starts(), (True, []), "repaired")
    equal(unit.marks.names, ["has_rcd1"])
    unit.marks = Marks()
    equal((unit.starts(), unit.marks.names), ((True, []), ["has_rcd1"]), "the latch of a firmware without marks")


class Latch:
    """An outlet that is told of a latch."""

    id = 1
    latched = False

    def latch_trip(self):
        self.latched = True


def test_a_new_unit_is_not_latched_and_has_no_files_and_the_tick_writes_nothing():
    unit = Unit()
    equal(unit.starts(), (False, []))
    unit.rig.side.plug(ev.ASKING)
    unit.step()
    unit.connector.authorised("CARD0001")
    unit.rig.until(unit.rig.contacts_closed, 20000)
    unit.step()
    equal([unit.files.exists(name) for name in COPIES], [False, False])
    unit.rig.world.set_fault("GroundFailure", 1, True)
    unit.rig.run(2000)  # ticks alone
    equal((unit.outlet.guards[0].tripped, unit.files.exists(COPIES[0])), (True, False))
    equal(unit.marks.names, [])
    unit._keep_trips()
    equal(([unit.files.exists(name) for name in COPIES], unit.marks.names), ([True, True], ["has_rcd1"]))


def test_a_trip_with_nothing_plugged_is_not_stored_and_a_flash_that_refuses_is_tried_again():
    unit = Unit()
    unit.rig.world.set_fault("GroundFailure", 1, True)
    unit.step(5)
    equal((unit.outlet.guards[0].tripped, unit.files.exists(COPIES[0])), (True, False))
    for readable in (True, False):
        unit = Unit()
        files, unit.files = unit.files, Refusing(unit.files, readable)
        unit.tripped()
        equal((unit.outlet.trip_kept, files.exists(COPIES[0])), (False, False))
        unit.files = files
        unit.step()
        equal(unit.starts(), (True, []))


def test_a_trip_behind_a_pilot_that_has_not_shown_state_a_is_stored():
    """After a start with a shorted pilot nothing says that no car is plugged."""
    unit = Unit()
    unit.rig.world.set_fault("pilot_short", 1, True)
    unit.rig.run(3000)
    unit.rig.world.set_fault("GroundFailure", 1, True)
    unit.rig.run(500)
    unit.step()
    equal((unit.outlet.plugged, unit.outlet.trip_kept), (False, True))


def test_a_factory_reset_keeps_it():
    unit = Unit().tripped()
    wipe.delete_but(unit.files, erase._UNIT.split(" "))
    equal(unit.starts(), (True, []))
    equal(SafetyValue(unit.files, "rcd1", "1", max).fault, "")


def test_storing_is_a_job_of_housekeeping():
    jobs = Jobs()
    Application._add_jobs(jobs)
    equal(jobs.jobs.count("_keep_trips"), 1)
