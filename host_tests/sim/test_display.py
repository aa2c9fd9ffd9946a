"""The display of a whole charger, and a charger without its display, which charges."""

from backend.waiting import wait_until
from sim.sessions import start_session


def test_the_display_follows_a_session(launch, csms):
    """Row by row as the simulated chip shows its pixels; the back end's limit is told with its source."""
    sim = launch(settings={"DisplayKind": "SSD1306"}, time_scale=5)
    csms.wait_booted()
    wait_until(lambda: (sim.status()["display"] or [""])[0] == "Ready", 20, "a ready display")
    start_session(sim, csms)
    wait_until(lambda: sim.status()["display"][0] == "Charging", 20, "the state")
    wait_until(lambda: sim.status()["display"][1].startswith("7.3kW"), 20, "the power")
    assert sim.status()["display"][2] == "Limit 32.0 A"
    sim.raise_fault("GroundFailure")
    wait_until(lambda: sim.status()["display"][3].startswith("GroundFailure"), 20, "the fault")
