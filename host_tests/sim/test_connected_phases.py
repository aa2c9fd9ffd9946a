"""A three-phase unit that the installer connects to fewer phases (`ConnectedPhases`)."""

import pytest

from sim.sessions import start_session

THREE_PHASES = {"MeterKind": "ATM90E32", "CompositeScheduleDefaultNumberPhases": "3", "MeterValueSampleInterval": 0}


def begin(launch, csms, phases, **settings):
    """A charger with a three-phase meter whose supply has so many phases."""
    sim = launch(settings={**THREE_PHASES, **settings})
    csms.wait_booted()
    sim.command("mains", phases=phases)
    return sim


def values(csms, measurand):
    """(phase, value) of a measurand, read now."""
    mark = len(csms.record)
    assert csms.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1) == {"status": "Accepted"}
    sampled = csms.record.wait("MeterValues", since=mark).payload["meterValue"][0]["sampledValue"]
    return [(v.get("phase"), float(v["value"])) for v in sampled if v["measurand"] == measurand]


@pytest.mark.parametrize("phases", [1, 2])
def test_f_e16_a_three_phase_unit_charges_on_the_phases_that_the_installer_names(launch, csms, phases):
    sim = begin(launch, csms, phases, ConnectedPhases=phases)
    sim.ev(phases=3)
    start_session(sim, csms)
    sim.wait_connector(lambda c: c["power_w"] and c["power_w"] > 6000 * phases, 30, "the power of its phases")
    assert sim.connector()["power_w"] < 8000 * phases
    assert [phase for phase, _ in values(csms, "Voltage")] == [f"L{n}-N" for n in range(1, phases + 1)]
    csms.call("ChangeConfiguration", key="MeterValuesSampledData", value="Power.Offered,Current.Offered")
    offered_a = values(csms, "Current.Offered")[0][1]
    assert values(csms, "Power.Offered")[0][1] == pytest.approx(offered_a * 230 * phases, rel=0.01)
    refused = csms.call("ChangeConfiguration", key="MeterValuesSampledData", value="Voltage.L3-N")
    assert refused == {"status": "Rejected"}


def test_f_e16_a_lost_phase_stays_a_fault_where_the_unit_counts_on_it(launch, csms):
    sim = begin(launch, csms, 3, ConnectedPhases=2)
    sim.wait_ocpp_status("Available")
    sim.command("mains", phases=1)
    sim.wait_ocpp_status("Faulted")
    assert sim.connector()["error_code"] == "UnderVoltage"
    sim.command("mains", phases=2)
    sim.wait_ocpp_status("Available")
