"""A seeded week of each household of `make year`: the invariants, and that prices and sun are used (tools/year.py)."""

import pytest
import year

SUMMER = 160  # a Monday in June
MOST_REGRET = 1.03  # of the best plan that knows what a charger can know


@pytest.mark.parametrize("case", year.CASES)
def test_a_week_of_a_household_keeps_the_invariants(case):
    """No peak hours, no supply exceeded for over 2 s, each feasible departure met, bounded movements of the contactor."""
    found = year.play(case, first=SUMMER, days=7)
    assert year.broken(found) == []
    assert len(found["sessions"]) == (28 if case == year.FOUR else 7)
    energy = sum(slot[4] for session in found["sessions"] for slot in session["slots"])
    sun = sum(min(slot[3], slot[4]) for session in found["sessions"] for slot in session["slots"])
    cost = sum(slot[5] for session in found["sessions"] for slot in session["slots"])
    dumb = sum(year.dumb_cost(session, found["power_w"]) for session in found["sessions"])
    assert energy > 50_000
    assert (sun > energy / 10) == (case == "solar")
    assert case in ("no tariff", "small fuse", year.FOUR) or cost < 0.8 * dumb
    known = sum(year.known_cost(session, found["power_w"], found["delay_s"]) for session in found["sessions"])
    assert cost < (1.08 if case == "solar" else MOST_REGRET) * known, "a week has few clouds to be in the mean"
    if case == "small fuse":
        assert found["worst_over_s"] > 0, "the house never asked for its supply"
    if case == year.FOUR:
        assert found["worst_over_s"] == 0 and any(session["cut"] for session in found["sessions"])


def test_the_best_plan_knows_the_delays_only_in_the_mean_and_no_sun_to_come():
    price = {"came": 0, "leave": 5400, "slots": [[0, 3000, 1800, 0, 0, 0, 1800, 0], [1800, 1000, 1800, 0, 1000, 0, 1800, 0],
                                                 [3600, 3000, 1800, 0, 0, 0, 1800, 0]]}
    assert year.known_cost(price, 3600, 0) == 1000 * 1000
    whole = {**price, "slots": [[*slot[:4], slot[4] * 1.8, *slot[5:]] for slot in price["slots"]]}
    assert year.known_cost(whole, 3600, 0) == 1800 * 1000
    assert year.known_cost(whole, 3600, 600) == 1200 * 1000 + 600 * 1500, "and each five minutes before and at its end"
    sunny = {**price, "slots": [[0, 3000, 1800, 900, 0, 0, 1800, 900], *price["slots"][1:]]}
    assert year.known_cost(sunny, 3600, 0) == pytest.approx(900 * year.EXPORT + 100 * 1000)


def test_each_invariant_is_seen_when_it_breaks():
    session = {"wanted_wh": 1000, "wh": 900, "leave": 0, "cut": False, "slots": [[0, 100, 7200, 0, 900, 0, 7200]]}
    found = {"case": "tariff", "power_w": 7360, "peak_wh": 1, "worst_over_s": 3, "worst_flips": 61, "sessions": [session]}
    assert len(year.broken(found)) == 4
    right = {"peak_wh": 0, "worst_over_s": 2, "worst_flips": 60, "sessions": [{**session, "wh": 1000}]}
    assert year.broken({**found, **right}) == []
    assert year.broken({**found, **right, "sessions": [{**session, "slots": [[0, 100, 600, 0, 900, 0, 600]]}]}) == []
