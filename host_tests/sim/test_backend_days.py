"""A day with three back ends of the field, as scripts: what each of them sends and when, from its public documentation.

An hour is shortened to HOUR_S of the charger's time unless soaking. At the end of the day nobody has had a reason to warn:
no warning in the charger's log, no CALLERROR, no answer that the back end would report, each transaction closed once with the
register's energy, no status sent twice on a connection (docs/BACKENDS.md).
"""

import os
import re
from datetime import UTC, datetime, timedelta

import pytest
from scenarios.habits import HA_SETTINGS, HomeAssistant, Steve

from sim.sessions import illegal_steps, limit_profile, statuses, transaction_messages

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
HOUR_S, SCALE, LIMIT_S = (3600, 60, 7000) if SOAK else (40, 20, 300)  # an hour is longer than a link must be to have served
GOING_AWAY = b"\x88\x02\x03\xe9"
PING = b"\x89\x04ping"
SETTINGS = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 1}
# A new unit's register is new; and nobody listens while a back end restarts.
EXPECTED = ("meter: register 1", "no listener at that port")

pytestmark = pytest.mark.timeout(LIMIT_S)


class Day:
    """One charger and the back end that has it."""

    def __init__(self, launch, csms, **options):
        self.csms = csms
        self.answers = []  # (action, answer) of each CALL
        self.sim = launch(time_scale=SCALE, settings={**SETTINGS, **options.pop("settings", {})}, **options)

    def call(self, action, **payload):
        """A CALL; its answer."""
        answer = self.csms.call(action, **payload)
        self.answers.append((action, answer))
        return answer

    def accepted(self, action, **payload):
        """A CALL that has to be Accepted."""
        assert self.call(action, **payload)["status"] == "Accepted", (action, payload)

    def hour(self, part=1.0):
        """An hour goes by, or a part of one."""
        self.sim.let_pass(HOUR_S * part, timeout_s=HOUR_S / SCALE * 4 + 30)

    def value(self, key):
        """The value of a configuration key, as asked for by itself."""
        return self.call("GetConfiguration", key=[key])["configurationKey"][0]["value"]

    def reconnected(self, since):
        """The charger is back after a close, within a minute of its time."""
        self.sim.wait_for(lambda _: self.csms.connections > since, 60 / SCALE + 15, "the next link")

    def triggered(self, message, connector):
        """TriggerMessage, and that its message comes."""
        mark = len(self.csms.record)
        self.accepted("TriggerMessage", requestedMessage=message, connectorId=connector)
        return self.csms.record.wait(message, since=mark, where=lambda p: p["connectorId"] == connector).payload

    def check(self, sessions, boots=1):
        """Nobody had a reason to warn."""
        assert warnings(self.sim.log_lines()) == []
        record = self.csms.record
        assert [m for m in record.messages(way="in") if m.kind == 4] == []
        assert len(record.calls("BootNotification")) == boots and self.sim.status()["boots"] == boots
        transactions = list(self.csms.ledger.transactions.values())
        assert [t for t in transactions if t.meter_stop is None] == [] and len(transactions) == sessions
        assert sum(t.energy_wh for t in transactions) == self.sim.connector()["energy_wh"] > 0
        messages = [m.action for m in transaction_messages(self.csms)]
        assert messages == ["StartTransaction", "StopTransaction"] * sessions
        stamps = [m.payload["timestamp"] for m in transaction_messages(self.csms)]
        assert stamps == sorted(stamps)
        assert illegal_steps(statuses(self.csms)) == []


def warnings(lines):
    """The warnings and errors of a log that nobody has caused."""
    found = [line for line in lines if re.match(r"[\d.]+ [WE] ", line)]
    return [line for line in found if not any(words in line for words in EXPECTED)]


def repeats(csms):
    """Unasked statuses of connector 1 that say what the one before said."""
    told = statuses(csms)
    return [name for before, name in zip(told, told[1:], strict=False) if before == name]


def maximum(amps, level):
    """The maximum current of Home Assistant's integration."""
    return {"chargingProfileId": 1000, "stackLevel": level, "chargingProfileKind": "Relative",
            "chargingProfilePurpose": "ChargePointMaxProfile", "chargingSchedule": {
                "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": float(amps)}]}}  # fmt: skip


def home_assistant_connects(day):
    """The integration's calls to a charger that has just connected, and the answers."""
    mark, told = len(day.answers), len(day.csms.record)
    HomeAssistant.connected(day.call)
    answers = day.answers[mark:]
    features, connectors, heartbeat, measurands = (
        answer["configurationKey"][0]["value"] for action, answer in answers if action == "GetConfiguration")
    assert {"Core", "SmartCharging", "RemoteTrigger"} <= set(features.split(","))
    assert connectors == "1" and heartbeat.isdigit() and "SoC" not in measurands
    statuses = [answer["status"] for _, answer in answers if "status" in answer]
    # No SoC here; the integration then takes what the charger has.
    assert statuses == ["Rejected", *["Accepted"] * (len(HA_SETTINGS) + 3)]
    day.csms.record.wait("StatusNotification", since=told, where=lambda p: p["connectorId"] == 1)


def test_a_day_of_home_assistants_integration(launch, csms):
    """Configuration on connect, remote start, the slider, triggers, its own restart in a session, remote stop, unlock."""
    csms.ledger.set_tag("HOMEASSISTANT01")
    HomeAssistant.prepare(csms)
    day = Day(launch, csms)
    csms.wait_booted()
    home_assistant_connects(day)
    level = int(day.value("ChargeProfileMaxStackLevel"))
    assert "Current" in day.value("ChargingScheduleAllowedChargingRateUnit")
    for evening in range(2):
        day.hour()
        csms.send_bytes(PING)
        day.sim.plug_in()
        day.sim.wait_ocpp_status("Preparing")
        day.accepted("RemoteStartTransaction", idTag="HOMEASSISTANT01", connectorId=1)
        day.sim.wait_ocpp_status("Charging")
        for amps in (16, 6, 10):
            day.accepted("SetChargingProfile", connectorId=0, csChargingProfiles=maximum(amps, level))
            day.sim.wait_connector(lambda c, amps=amps: c["offered_amps"] == amps, what=f"{amps} A")
            reading = day.triggered("MeterValues", 1)
            offered = [v for v in reading["meterValue"][0]["sampledValue"] if v["measurand"] == "Current.Offered"]
            assert float(offered[0]["value"]) == amps
            day.hour(0.5)
        if evening:  # the integration restarts: the charger is the same, and so is its session
            links = csms.connections
            csms.close()
            day.hour(0.2)
            csms.open()
            day.reconnected(links)
            day.call("TriggerMessage", requestedMessage="BootNotification")  # Rejected: registration is as it was (OCPP-31)
            home_assistant_connects(day)
            assert day.sim.connector()["ocpp_status"] == "Charging"
        running = max(csms.ledger.transactions)
        day.accepted("RemoteStopTransaction", transactionId=running)
        day.sim.wait_ocpp_status("Finishing")
        assert day.call("UnlockConnector", connectorId=1)["status"] in ("Unlocked", "NotSupported")
        day.sim.plug_out()
        day.sim.wait_ocpp_status("Available")
        day.accepted("ClearChargingProfile", chargingProfilePurpose="ChargePointMaxProfile")
    csms.record.wait("MeterValues", where=lambda p: p["meterValue"][0]["sampledValue"][0].get("context") != "Trigger")
    day.check(sessions=2)


def steves_operator(day):
    """Configuration while Pending, then lists and the daily profile."""
    csms = day.csms
    csms.record.wait("BootNotification", "out", 3)
    Steve.connected(day.call)
    (_, keys), (_, changed), (_, triggered) = day.answers
    assert len(keys["configurationKey"]) > 40 and changed["status"] == triggered["status"] == "Accepted"
    csms.record.wait("StatusNotification", count=2)
    day.accepted("ClearCache")
    for version, kind in ((1, "Full"), (2, "Differential")):
        day.accepted("SendLocalList", listVersion=version, updateType=kind, localAuthorizationList=[
            {"idTag": "GOOD0001", "idTagInfo": {"status": "Accepted", "expiryDate": "2037-01-01T00:00:00.000Z"}}])
        assert day.call("GetLocalListVersion") == {"listVersion": version}
    assert day.call("DataTransfer", vendorId="de.rwth.idsg", data="hello")["status"] == "UnknownVendorId"
    night = {"chargingProfileId": 1, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile",
             "chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "validFrom": "2024-01-01T00:00:00.000Z",
             "validTo": "2037-01-01T00:00:00.000Z", "chargingSchedule": {
                 "startSchedule": "2024-01-01T00:00:00.000Z", "chargingRateUnit": "W", "minChargingRate": 6.0,
                 "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 2300.0, "numberPhases": 3}]}}  # fmt: skip
    day.accepted("SetChargingProfile", connectorId=0, csChargingProfiles=night)


def steves_driver(day, number, tag):
    """A reservation, used or cancelled, and a session under the daily profile and then under one of its own."""
    csms = day.csms
    soon = (datetime.fromisoformat(csms.now()) + timedelta(days=1)).astimezone(UTC).isoformat()
    booking = {"connectorId": 1, "expiryDate": soon, "idTag": tag, "reservationId": number}
    day.accepted("ReserveNow", **booking)
    day.sim.wait_ocpp_status("Reserved")
    if tag == "GOOD0002":
        day.accepted("CancelReservation", reservationId=number)
    day.hour()
    day.sim.plug_in()
    day.sim.swipe(tag)
    day.sim.wait_ocpp_status("Charging")
    begun = csms.record.wait("StartTransaction", count=number).payload
    assert begun.get("reservationId") == (1 if number == 1 else None)
    day.sim.wait_connector(lambda c: c["offered_amps"] == 10, what="2300 W")
    told = day.call("GetCompositeSchedule", connectorId=1, duration=86400, chargingRateUnit="W")
    assert told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 2300
    day.hour()
    running = csms.record.wait("StartTransaction", "out", 3, count=number).payload["transactionId"]
    day.accepted("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(8, running, chargingProfileId=2))
    day.sim.wait_connector(lambda c: c["offered_amps"] == 8, what="8 A")
    day.sim.plug_out()
    day.sim.wait_ocpp_status("Available")
    csms.record.wait("StopTransaction", "out", 3, count=number)


def test_a_day_of_steve(launch, csms):
    """Pending until an operator has read the configuration, then lists, reservations, profiles, and a soft reset."""
    Steve.prepare(csms)
    day = Day(launch, csms)
    steves_operator(day)
    for number, tag in enumerate(("GOOD0001", "GOOD0002"), 1):
        steves_driver(day, number, tag)
    day.accepted("ClearChargingProfile", id=1)
    mark = len(csms.record)
    day.accepted("Reset", type="Soft")
    csms.wait_booted(since=mark, timeout_s=40)
    day.sim.wait_for(lambda s: s["boots"] == 2, what="the second start")
    # It registered three times: Pending, Accepted, and after the reset.
    assert len(csms.record.calls("BootNotification")) == 3
    assert warnings(day.sim.log_lines()) == []
    assert [m for m in csms.record.messages(way="in") if m.kind == 4] == []
    closed = list(csms.ledger.transactions.values())
    assert sum(t.energy_wh for t in closed) == day.sim.connector()["energy_wh"] > 0 and len(closed) == 2
    assert illegal_steps(statuses(csms)) == []


def test_a_day_of_an_operator_that_closes_each_link_after_an_hour(launch, csms):
    """24 links, closed with 1001 in turn; six drivers in between, by card and by app."""
    day = Day(launch, csms, settings={"MeterValueSampleInterval": "300" if SOAK else "10"})
    csms.heartbeat_s = 900
    csms.wait_booted()
    for hour in range(24):
        driver = hour % 4
        if driver == 1:
            day.sim.plug_in()
            if hour % 8 == 1:
                day.sim.swipe("GOOD0001")
            else:
                day.sim.wait_ocpp_status("Preparing")
                day.accepted("RemoteStartTransaction", idTag="GOOD0002", connectorId=1)
            day.sim.wait_ocpp_status("Charging")
        elif driver == 3:
            if hour % 8 == 3:
                running = max(csms.ledger.transactions)
                day.accepted("RemoteStopTransaction", transactionId=running)
                day.sim.wait_ocpp_status("Finishing")
            day.sim.plug_out()
            day.sim.wait_ocpp_status("Available")
        day.hour(0.9)
        links = csms.connections
        csms.send_bytes(GOING_AWAY)
        day.reconnected(links)
    csms.record.wait("StopTransaction", "out", 3, count=6)
    assert csms.connections >= 25 and repeats(csms) == []
    readings = [t.values for t in csms.ledger.transactions.values()]
    assert all(len(values) >= 3 for values in readings), [len(values) for values in readings]
    day.check(sessions=6)
