"""Shared by several black-box tests: a session, its statuses, its messages."""

import json

# A charger whose time is scaled may make up for this much real time, after the machine was busy elsewhere: seconds.
BEHIND_S = 0.04

# Settings: messages of a transaction are repeated after a second; no meter values while a session runs.
QUICK_RETRIES = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 1, "TransactionMessageRetryInterval": 1}
NO_SAMPLES = {"MeterValueSampleInterval": 0}

TRANSACTION_MESSAGES = ("StartTransaction", "StopTransaction")

# OCPP-80: from -> to, connector above 0.
LEGAL = {
    "Available": {"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Reserved", "Unavailable", "Faulted"},
    "Preparing": {"Available", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted"},
    "Charging": {"Available", "SuspendedEV", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"},
    "SuspendedEV": {"Available", "Charging", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"},
    "SuspendedEVSE": {"Available", "Charging", "SuspendedEV", "Finishing", "Unavailable", "Faulted"},
    "Finishing": {"Available", "Preparing", "Unavailable", "Faulted"},
    "Reserved": {"Available", "Preparing", "Unavailable", "Faulted"},
    "Unavailable": {"Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Faulted"},
    "Faulted": {"Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved",
                "Unavailable"},
}


def start_session(sim, csms, tag="GOOD0001", connector=1):
    """Plug in, swipe, wait for Charging and until the charger knows the transaction; returns it as the back end has it."""
    mark = len(csms.record)
    sim.plug_in(connector)
    sim.swipe(tag, connector)
    sim.wait_ocpp_status("Charging", connector=connector)
    number = csms.record.wait("StartTransaction", "out", 3, since=mark).payload["transactionId"]
    sim.wait_connector(lambda c: c["transaction_id"] == number, what=f"transaction {number}", connector=connector)
    return csms.ledger.transactions[number]


def traced_at_ms(trace, action, kind="CALL"):
    """When the charger sent each CALL of an action, or got each answer of a kind to one, by its own clock."""
    lines = [json.loads(line) for line in trace.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [line["at_ms"] for line in lines if (line["kind"], line["action"]) == (kind, action)]


def end_session(sim, csms, connector=1):
    """Take the plug out and wait until the back end has the StopTransaction and the connector is free."""
    mark = len(csms.record)
    sim.plug_out(connector)
    csms.record.wait("StopTransaction", "out", 3, since=mark)
    sim.wait_ocpp_status("Available", connector=connector)


def offline_session(sim, tag="GOOD0001", connector=1, energy_wh=5):
    """A whole session without a back end, with at least energy_wh charged."""
    before = sim.connector(connector)["energy_wh"]
    sim.plug_in(connector)
    sim.swipe(tag, connector)
    sim.wait_ocpp_status("Charging", connector=connector)
    sim.wait_connector(lambda c: c["energy_wh"] >= before + energy_wh, 30, f"{energy_wh} Wh", connector)
    sim.plug_out(connector)
    sim.wait_ocpp_status("Available", connector=connector)


def statuses(csms, connector=1, since=0):
    """The statuses that a connector reported, in order."""
    return [m.payload["status"] for m in csms.record.calls(
        "StatusNotification", since, lambda p: p.get("connectorId") == connector)]


def illegal_steps(names):
    """The steps of a status sequence that OCPP's table does not know (a repeated status is no step)."""
    pairs = zip(names, names[1:], strict=False)
    return [(a, b) for a, b in pairs if a != b and b not in LEGAL[a]]


def transaction_messages(csms, since=0):
    """The StartTransaction and StopTransaction CALLs in order."""
    return [m for m in csms.record.calls(since=since) if m.action in TRANSACTION_MESSAGES]


def limit_profile(amps, transaction_id, unit="A", **changes):
    """A TxProfile with one period."""
    return {
        "chargingProfileId": 1, "transactionId": transaction_id, "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}]},
        **changes,
    }


def launch_accepted(launch, csms, **settings):
    """A charger with these settings that was accepted."""
    sim = launch(settings=settings)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    return sim


def wait_offered(sim, amps):
    """Wait until the pilot offers this current."""
    sim.wait_connector(lambda c: c["offered_amps"] == amps, what=f"{amps} A offered")
