# Charging profiles as a back end sends them.
from ocpp_rig import Rig

from charger import clock


def profile(number=1, purpose="TxDefaultProfile", limit=10, stack=0, kind="Absolute", unit="A", phases=None, **more):
    """csChargingProfiles with one period; `schedule` changes fields of the schedule, other names those of the profile."""
    period = {"startPeriod": 0, "limit": limit}
    if phases is not None:
        period["numberPhases"] = phases
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": [period]}
    if kind != "Relative":
        schedule["startSchedule"] = clock.iso(clock.utc_s() - 10)
    schedule.update(more.pop("schedule", {}))
    fields = {
        "chargingProfileId": number, "stackLevel": stack, "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind, "chargingSchedule": schedule,
    }  # fmt: skip
    fields.update(more)
    return fields


def relative(number=1, purpose="TxDefaultProfile", limit=10, kind="Relative", **more):
    """profile() of a kind that needs no clock, unless another is given."""
    return profile(number, purpose, limit, kind=kind, **more)


class Fault:
    """A guard that has tripped, as the outlet's `fault`."""

    CODE, INFO, FAULTED = "GroundFailure", "x", True


async def install(rig, fields, connector=0):
    """SetChargingProfile: its status."""
    return (await rig.call("SetChargingProfile", connectorId=connector, csChargingProfiles=fields))["status"]


def limit(rig, number=1):
    """The current in 0.1 A that the back end's profiles leave an outlet, None for no limit."""
    return rig.connectors[number - 1].outlet.limits.get("csms")


async def clear(rig, **request):
    """ClearChargingProfile: its status."""
    return (await rig.call("ClearChargingProfile", **request))["status"]


async def charging(connectors=1, **factory):
    """A rig whose connectors charge, each in a transaction."""
    rig = await Rig(connectors, factory=factory or None).online()
    for number in range(1, connectors + 1):
        await rig.charge(number, "TAG%d" % number)
        await rig.until(lambda n=number: rig.connectors[n - 1].session.transaction_id == 100 + n)
    return rig
