"""Two cars at once under limits that they share: the back end's for the whole unit, and the supply (OCPP-100, 101)."""

import pytest

from .sessions import end_session, start_session


def unit_limit(amps, **changes):
    """A ChargePointMaxProfile without an end."""
    return {
        "chargingProfileId": 9, "stackLevel": 0, "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}],
        },
        **changes,
    }


def tx_limit(amps, transaction):
    return {
        "chargingProfileId": 10, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": transaction.id,
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}]},
    }


def install(csms, connector, profile):
    assert csms.call("SetChargingProfile", connectorId=connector, csChargingProfiles=profile)["status"] == "Accepted"


def offered(status):
    return [status["connectors"][n]["offered_amps"] for n in ("1", "2")]


def settle(sim, *amps):
    """Wait until so much is offered, with what the cars draw within it."""
    return sim.wait_for(lambda s: offered(s) == list(amps) and all(
        drawn <= most + 0.05 for drawn, most in zip(currents(s), amps, strict=True)), 30, f"{amps} A offered")


def currents(status):
    """The currents of the cars by the world's account, A."""
    return [status["connectors"][n]["drawn_amps"] for n in ("1", "2")]


@pytest.fixture
def two(launch, csms, word):
    """A charger with two cars that each could take 32 A; their transactions."""
    sim = launch(connectors=2, word=word, settings={"MeterValueSampleInterval": 0})
    csms.wait_booted(connectors=2)
    running = [start_session(sim, csms, f"GOOD000{n}", n) for n in (1, 2)]
    for n in (1, 2):
        sim.ev(n, max_amps=32)
    return sim, running


def test_a_limit_of_the_whole_unit_is_divided(two, csms):
    """Never more than the limit in sum; what one does not want the other gets; nobody is left below 6 A."""
    sim, (first, second) = two
    settle(sim, 32, 32)
    install(csms, 0, unit_limit(40))
    settle(sim, 20, 20)
    install(csms, 1, tx_limit(8, first))
    settle(sim, 8, 32)
    install(csms, 0, unit_limit(16))
    settle(sim, 8, 8)
    install(csms, 0, unit_limit(11))  # not enough for two: the last to come waits
    settle(sim, 8, 0)
    sim.wait_ocpp_status("SuspendedEVSE", connector=2)
    total = csms.call("GetCompositeSchedule", connectorId=0, duration=60)["chargingSchedule"]["chargingSchedulePeriod"]
    assert [(p["startPeriod"], p["limit"]) for p in total] == [(0, 8)]  # what flows: the second waits
    end_session(sim, csms, 1)
    sim.wait_ocpp_status("Charging", connector=2)
    assert sim.connector(2)["offered_amps"] == 11
    end_session(sim, csms, 2)
    ids = {first.id: 1, second.id: 2}
    assert {t.id: t.connector for t in csms.ledger.transactions.values()} == ids
    for transaction in (first, second):
        assert transaction.meter_stop > transaction.meter_start


def test_the_sum_stays_within_the_limit_at_every_moment(two, csms):
    """While limits change again and again, what both draw is never more than the last limit that had its time."""
    sim, _ = two
    settle(sim, 32, 32)
    limit = 64
    for amps in (30, 14, 50, 12, 0, 24):
        install(csms, 0, unit_limit(amps))
        highest = max(limit, amps)

        def is_there(status, amps=amps, highest=highest):
            assert sum(currents(status)) <= highest + 0.1, status
            return sum(offered(status)) <= amps and sum(currents(status)) <= amps + 0.1

        sim.wait_for(is_there, 30, f"{amps} A in sum")
        limit = amps
        for _ in range(10):
            status = sim.status()
            assert sum(offered(status)) <= amps
            assert sum(currents(status)) <= amps + 0.1
