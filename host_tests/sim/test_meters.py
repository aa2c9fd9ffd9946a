"""Each meter front end in the whole charger: it charges, bills what was delivered, and says so when it is lost.

The world's own count `delivered_wh` is what really went to the car (UK-20, MET-1 to MET-3).
"""

import pytest

from sim.sessions import end_session, start_session

FRONT_ENDS = {  # what each may be off by, ppm: 1 % for the chips, 2 % for the transformer, whose target that is
    "ADE7953": 10000, "ADE7953-SPI": 10000, "BL0942": 10000, "CSE7766": 10000, "ATM90E32": 10000, "CT": 20000,
    "SDM120": 10000, "SDM630": 10000,
}
THREE_PHASES = ("ATM90E32", "SDM630")
ENERGY_WH = 400
SECOND = 1000  # ms; the newest power may be this old (UK-19)
ROUNDING_WH = 2  # the register shows whole Wh, and the meter's last poll is up to 0.4 s old


def settings_of(kind):
    """The three-phase chip belongs to a three-phase unit."""
    phases = {"CompositeScheduleDefaultNumberPhases": "3"} if kind in THREE_PHASES else {}
    return {"MeterKind": kind, "MeterValueSampleInterval": 0, **phases}


def launched(launch, csms, kind, **options):
    """A charger with this front end whose meter is valid, accepted by the back end."""
    mark = len(csms.record)
    sim = launch(settings=settings_of(kind), **options)
    csms.wait_booted(since=mark)
    sim.wait_connector(lambda c: c["voltage_v"] is not None, what="a valid meter")
    if kind in THREE_PHASES:
        sim.ev(phases=3)
    sim.wait_ocpp_status("Available")
    return sim


def charge(sim, csms, energy_wh=ENERGY_WH):
    """One session of at least this much; the transaction."""
    begun_wh = sim.connector()["delivered_wh"]
    transaction = start_session(sim, csms)
    sim.set_time_scale(100)
    sim.wait_connector(lambda c: c["delivered_wh"] >= begun_wh + energy_wh, 40, f"{energy_wh} Wh")
    sim.set_time_scale(20)
    end_session(sim, csms)
    return transaction


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_bills_what_was_delivered(launch, csms, kind):
    """UK-20: the energy of a session against the world's own count."""
    sim = launched(launch, csms, kind, time_scale=20)
    transaction = charge(sim, csms, ENERGY_WH if kind != "CT" else ENERGY_WH // 8)  # its samples take our time
    delivered_wh = sim.connector()["delivered_wh"]
    allowed = delivered_wh * FRONT_ENDS[kind] / 1e6 + ROUNDING_WH
    assert abs(transaction.energy_wh - delivered_wh) <= allowed, (transaction.energy_wh, delivered_wh)
    assert sim.connector()["energy_wh"] == transaction.meter_stop


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_lost_and_found_again_counts_nothing_twice(launch, csms, kind):
    """MET-1, MET-3: no answer opens the contactor with PowerMeterFailure; back again, energy is at most what flowed."""
    sim = launched(launch, csms, kind, time_scale=20)
    transaction = charge(sim, csms, 50)
    sim.plug_in()
    sim.swipe("GOOD0002")
    sim.wait_ocpp_status("Charging")
    sim.raise_fault("PowerMeterFailure")
    state = sim.wait_connector(lambda c: c["error_code"] == "PowerMeterFailure", what="PowerMeterFailure")
    assert state["power_w"] is None and state["voltage_v"] is None
    sim.wait_connector(lambda c: not c["contacts"], what="the contactor open")
    sim.let_pass(30)
    assert sim.connector()["contacts"] is False
    sim.plug_out()
    sim.clear_fault("PowerMeterFailure")
    sim.wait_ocpp_status("Available")
    sim.let_pass(5)
    state = sim.connector()
    most_wh = state["delivered_wh"] * (1 + FRONT_ENDS[kind] / 1e6) + ROUNDING_WH
    assert transaction.energy_wh <= state["energy_wh"] <= most_wh


def test_another_kind_of_meter_keeps_the_register(launch, csms):
    """MET-2: what was delivered before stays as offset, the register never goes back, and the log says who counts."""
    sim = launched(launch, csms, "ADE7953", time_scale=20)
    before = charge(sim, csms, 60)
    sim.stop()
    total_wh = before.meter_stop
    for kind, driver in (("BL0942", "bl0942"), ("CT", "ct_adc")):
        sim.settings["MeterKind"] = kind
        mark = len(csms.record)
        sim.start()
        csms.wait_booted(since=mark)
        assert sim.wait_connector(lambda c: c["voltage_v"] is not None, what="a valid meter")["energy_wh"] == total_wh
        assert any(f"register 1: meter {driver} from {total_wh} Wh on" in line for line in sim.log_lines())
        sim.wait_ocpp_status("Available")
        transaction = charge(sim, csms, 60)
        assert transaction.meter_start == total_wh
        total_wh = transaction.meter_stop
        assert abs(transaction.energy_wh - sim.connector()["delivered_wh"]) <= ROUNDING_WH + 1
        sim.stop()
    sim.start()
    assert len([line for line in sim.log_lines() if "register 1: meter" in line]) == 3  # the same again is no change


def test_power_is_there_every_second(launch, csms):
    """UK-19: through a whole session, whenever one looks, power is at most a second old, and it follows the car."""
    for number, kind in enumerate(FRONT_ENDS):
        sim = launched(launch, csms, kind, name=kind, identity=f"PL-2{number:02}", time_scale=20)
        sim.plug_in()
        sim.swipe("GOOD0001")
        sim.wait_ocpp_status("Charging")
        stamps = set()
        begun_ms = sim.status()["uptime_ms"]
        passed_ms = 0
        while passed_ms < 10 * SECOND:
            status = sim.status()
            state = status["connectors"]["1"]
            assert state["power_w"] is not None and state["power_age_ms"] <= SECOND, (kind, state)
            passed_ms = status["uptime_ms"] - begun_ms
            stamps.add(status["uptime_ms"] - state["power_age_ms"])
        assert len(stamps) >= 10, (kind, sorted(stamps))
        sim.ev(max_amps=10)
        sim.let_pass(2.5)
        state = sim.connector()
        watts = 2300 * (3 if kind in THREE_PHASES else 1)
        assert abs(state["power_w"] - watts) < watts / 20, (kind, state)
        sim.close()
