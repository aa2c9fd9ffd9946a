"""Runs inside MicroPython: installs charging profiles as a back end would and says what the charger makes of them.

One JSON object a line on stdin: {"now", "phases", "sessions": [UTC second of the start or null, one a connector],
"profiles": [[connectorId, ChargingProfile]], "ask": [[connectorId, duration, unit]], "watch": [UTC seconds, rising]}. The
answer: {"installed": [bool], "schedules": [ChargingSchedule], "limits": [[0.1 A or null, one a connector], one a watch]}.
"""

import json
import sys

from charger import clock, validate
from charger.config.configuration import Configuration
from charger.ocpp.v16.actions import set_charging_profile
from charger.ocpp.v16.services.smart_charging import SmartCharging
from charger.outlet.limits import Limits


class Memory:
    """The flash, as far as profiles go."""

    def __init__(self):
        self.files = {}

    def read_json(self, name, default=None):
        return json.loads(self.files[name]) if name in self.files else default

    def write_json(self, name, value):
        self.files[name] = json.dumps(value)


class Session:
    def __init__(self, number, start):
        self.local_id = self.transaction_id = number
        self.connector_id = number
        self.start_utc = start
        self.start_uptime_ms = 0


class Outlet:
    def __init__(self):
        self.limits = Limits(320)


class Connector:
    def __init__(self, number, start):
        self.id = number
        self.outlet = Outlet()
        self.stopping = False
        self.session = None if start is None else Session(number, start)


class Unit:
    """What SmartCharging sees of a charge point."""

    def __init__(self, case):
        self.files = Memory()
        self.config = Configuration(self.files, {
            "MaxChargingProfilesInstalled": 20, "CompositeScheduleDefaultLimitAmps": 48,
            "CompositeScheduleDefaultLimitWatts": 33120, "CompositeScheduleDefaultNumberPhases": case["phases"],
        })  # fmt: skip
        self.phases = case["phases"]
        self.connectors = [Connector(n + 1, start) for n, start in enumerate(case["sessions"])]

    def connector(self, number):
        return self.connectors[number - 1] if 0 < number <= len(self.connectors) else None


def play(case):
    """One case."""
    clock.set_utc(case["now"], "test")
    unit = Unit(case)
    service = SmartCharging(unit)
    installed = []
    for connector_id, profile in case["profiles"]:
        validate.check(set_charging_profile.SPEC, {"connectorId": connector_id, "csChargingProfiles": profile})
        installed.append(service.install(connector_id, profile))
    if not [p for p in case["profiles"] if p[1]["chargingProfilePurpose"] == "TxProfile"]:
        service = SmartCharging(unit)  # as after a restart: all of them were kept
        service.recompute()
    schedules = []
    for connector_id, duration, rate_unit in case["ask"]:
        clock.set_utc(case["now"], "test")
        schedules.append(service.composite(connector_id, duration, rate_unit))
    limits = []
    for moment in case["watch"]:
        clock.set_utc(moment, "test")
        service.second()
        limits.append([connector.outlet.limits.get("csms") for connector in unit.connectors])
    return {"installed": installed, "schedules": schedules, "limits": limits}


for line in sys.stdin:
    print("\x1e" + json.dumps(play(json.loads(line))))
