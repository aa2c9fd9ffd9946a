"""Reports and settings on their whole way: energy (F-E11), openings (F-E6), WakeUpVehicle (F-E1)."""

import json

import flashrig
from check import equal, true
from ocpp_rig import Rig as BackEnd
from rig import Rig

from charger import log, status_report, wiring
from charger.app import Application
from charger.metering import charging_session
from charger.metering.energy_register import EnergyRegister
from charger.metering.meter import Meter
from charger.metering.session_store import SessionStore
from charger.mqtt_client import messages
from charger.outlet.connector import Connector
from sim import ev, timebase

HEAP = 16 * 1024 * 1024


def setup():
    timebase.manual()
    flashrig.fresh()


# --- F-E11: a figure that is told is on flash ---


async def test_f_e11_whoever_tells_the_energy_tells_what_is_on_flash():
    """Not what the register has counted since: OCPP for a connector and for the unit, MQTT; status in the test below."""
    rig = await BackEnd(factory={"MeterValuesSampledData": "Energy.Active.Import.Register"}).online()
    await rig.charge()
    meter, connector = rig.meters[0], rig.connectors[0]
    meter.total_wh, meter.unwritten_wh = 1500, 37
    for number in (0, 1):
        await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=number)
        await rig.seconds(2)
        told = rig.link.of("MeterValues")[-1]
        equal((number, told["connectorId"], told["meterValue"][0]["sampledValue"][0]["value"]), (number, number, "1463"))
    equal(json.loads(messages.running(connector))["energy_wh"], 463)


# --- openings under load, from the outlet to whoever is told ---


class _Settings:
    connection_timeout_s = 30
    unlock_on_disconnect = True


class _NoPlan:
    """Nothing planned."""

    def session_cost(self, _connector):
        return None

    lane_report = session_cost


def test_f_e6_an_opening_under_load_is_in_the_log_the_status_and_the_session_record():
    rig = Rig()
    files = flashrig.files()
    sessions = SessionStore(files)
    connector = Connector(rig.outlet, Meter(rig.meters[0], EnergyRegister(files, 1)), sessions, _Settings())
    rig.after_tick = lambda _: connector.poll()
    connector.authorised("CARD")
    rig.side.plug(ev.ASKING)
    rig.until(lambda: connector.status == "Charging", 15000)
    rig.run(8000)
    rig.world.set_fault("GroundFailure", 1, True)
    rig.run(500)
    session = connector.session
    equal((session.openings, session.opened_by), (1, "ResidualCurrent"))
    true(any("contactor opened under load: ResidualCurrent" in line for line in log.recent()))
    connector.meter.reported_wh = lambda: session.start_wh + 5
    report = status_report.connector_report(connector, _NoPlan())
    equal((report["openings_under_load"], report["opened_by"]), (1, "ResidualCurrent"))
    equal((report["energy_wh"], report["session_wh"]), (session.start_wh + 5, 5))
    equal(charging_session.from_record(session.to_record()).opened_by, "ResidualCurrent")


# --- F-E1: the key and the board's value reach the outlet ---


class _Unit:
    """As much of the application as builds its connectors."""

    limit_current = Application.limit_current
    set_wake_up = Application.set_wake_up
    provisioned = True
    broken = ()

    def __init__(self):
        self.files = flashrig.files()
        self.vault = self.security_log = self
        self.sessions = SessionStore(self.files)
        self.outlets, self.meters, self.connectors, self.readers = [], [], [], []
        self.config = wiring.make_configuration(self)
        wiring.add_connectors(self)

    def add(self, *_):
        pass

    def names(self):
        return ()


def test_f_e1_the_key_and_the_value_of_the_board_reach_the_outlet():
    rig = Rig()
    wiring.board = rig.board
    for of_board in (False, True):
        flashrig.fresh()
        rig.board.OUTLETS[0]["wake_up"] = of_board
        unit = _Unit()
        equal(unit.outlets[0].wake_up, of_board)
        for wanted in (not of_board, of_board):
            equal(unit.config.change("WakeUpVehicle", "true" if wanted else "false"), "Accepted")
            equal(unit.outlets[0].wake_up, wanted)
            equal(_Unit().outlets[0].wake_up, wanted)
