"""Runs inside MicroPython: installs charging profiles as a back end would and says what the charger makes of them.

One JSON object a line on stdin: {"now", "phases", "switches" between them, "rotations", "factory_limit": the factory states
the rating, "supply": 0.1 A that all share or null, "shares" and "local": 0.1 A or null, one a connector, "sessions": [UTC
second of the start or null, one a connector], "barred": [null, "service", "fault" or "tag", one a connector], "profiles":
[[connectorId, ChargingProfile]], "ask": [[connectorId, duration, unit]], "watch": [UTC seconds, rising]}. The answer:
{"installed": [bool], "schedules": [ChargingSchedule], "limits": [[0.1 A or null, one a connector], one a watch], "live":
[[[scheduled, offered], one a connector], one a watch] in 0.1 A}.
"""

import asyncio
import json
import sys

from memory_files import MemoryFiles

from charger import clock, validate
from charger.config.configuration import Configuration
from charger.ocpp.v16.actions import set_charging_profile
from charger.ocpp.v16.charging_profile import tenths
from charger.ocpp.v16.services.smart_charging import SmartCharging
from charger.outlet import limits, pilot_duty
from charger.runtime import cooperative


class Session:
    def __init__(self, number, start):
        self.local_id = self.transaction_id = number
        self.connector_id = number
        self.start_utc = start

    @property
    def start_uptime_ms(self):
        """Here the clock is set where time would pass, so the uptime moves with it."""
        return (self.start_utc - clock.utc_at_uptime(0)) * 1000


class Fault:
    CODE, INFO, FAULTED = "GroundFailure", "", True


class Outlet:
    fault = None

    def __init__(self, phases, switches, rotation, share_da, local_da):
        self.phases = self.most_phases = phases
        self.switches_phases = switches
        self.rotation = rotation
        self.limits = limits.Limits(320)
        self.limits.set("supply", share_da)
        self.limits.set("installer", local_da)

    def allowed_da(self, *but):
        return self.limits.without(*but)

    def offered_da(self):
        """The current that a car reads from the pilot that follows from all limits."""
        return pilot_duty.da_from_duty(pilot_duty.duty_from_da(self.limits.effective_da))


class Connector:
    def __init__(self, number, case):
        start = case["sessions"][number - 1]
        n = number - 1
        self.id = number
        self.outlet = Outlet(case["phases"], case["switches"], case["rotations"][n], case["shares"][n], case["local"][n])
        self.stopping = self.override = False
        self.pending = self.start = None
        self.session = None if start is None else Session(number, start)
        barred = case["barred"][n]
        self.operative = barred != "service"
        self.suspended = "The back end does not accept this card" if barred == "tag" else ""
        if barred == "fault":
            self.outlet.fault = Fault


class Unit:
    """The parts of a charge point that SmartCharging gets."""

    def __init__(self, case):
        self.files = MemoryFiles()
        factory = {"MaxChargingProfilesInstalled": 20}
        if case["factory_limit"]:
            factory["CompositeScheduleDefaultLimitAmps"] = 48
            factory["CompositeScheduleDefaultLimitWatts"] = 48 * 230 * case["phases"]
            factory["CompositeScheduleDefaultNumberPhases"] = case["phases"]
        self.config = Configuration(self.files, factory)
        self.supply_da = case["supply"]
        self.connectors = [Connector(n + 1, case) for n in range(len(case["sessions"]))]

    def service(self):
        """The service, as it starts."""
        service = SmartCharging(self.config, self.connectors, self.files, None, self.supply_da)
        cooperative.run_now(service.loading())
        return service


def play(case):
    """One case."""
    clock.set_utc(case["now"], "test")
    unit = Unit(case)
    service = unit.service()
    installed = []
    for connector_id, profile in case["profiles"]:
        validate.check(set_charging_profile.SPEC, {"connectorId": connector_id, "csChargingProfiles": profile})
        installed.append(cooperative.run_now(service.install(connector_id, profile)))
    if not [p for p in case["profiles"] if p[1]["chargingProfilePurpose"] == "TxProfile"]:
        service = unit.service()  # as after a restart: all of them were kept
        service.recompute()
    schedules = []
    for connector_id, duration, rate_unit in case["ask"]:
        clock.set_utc(case["now"], "test")
        schedules.append(asyncio.run(service.plan.composite(connector_id, case["now"], duration, rate_unit)))
    limits_now = []
    live = []
    for moment in case["watch"]:
        clock.set_utc(moment, "test")
        service.second()
        limits_now.append([connector.outlet.limits.get("csms") for connector in unit.connectors])
        live.append([[scheduled_da(service, one.id, moment), one.outlet.offered_da()] for one in unit.connectors])
    return {"installed": installed, "schedules": schedules, "limits": limits_now, "live": live}


def scheduled_da(service, connector_id, moment):
    """The limit of the composite schedule for a moment, in 0.1 A."""
    schedule = asyncio.run(service.plan.composite(connector_id, moment, 0, "A"))
    return tenths(float(str(schedule["chargingSchedulePeriod"][0]["limit"])))


for line in sys.stdin:
    print("\x1e" + json.dumps(play(json.loads(line))))
