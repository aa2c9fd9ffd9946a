"""The departure at the page: energy by a time of day, the chosen times with their prices, and why."""

import re

import pytest
from playwright.sync_api import expect

from backend.page import Page

from .conftest import DESKTOP

PRICES = [31.5, 30.25, 28, 24.5, 19.75, 4.5, -2.25, 6, 18.5, 22, 27, 29.5, 30.5, 33]  # from 12:00 on, an hour each
LANGUAGES = {"de-DE": "Wartet auf die günstigsten Zeiten", "nl-NL": "Wacht op de goedkoopste tijden",
             "fr-FR": "Attend les moments les moins chers"}


@pytest.fixture(scope="module")
def charger_options():
    """A unit that charges at any time."""
    return {"settings": {"Country": "none"}}


@pytest.fixture(scope="module")
def planned(charger):
    """A tariff, no departure yet."""
    owner = Page(charger.web)
    assert owner.login(charger.pin, "owner").status == 200
    assert owner.request("PUT", "/api/tariff", {"start": "2026-03-10T12:00:00Z", "minutes": 60, "prices": PRICES}).status == 200
    return owner


def test_a_departure_is_set_and_its_times_are_shown_with_prices_and_why(visit, charger, planned):
    """3.5 kWh at 7.4 kW by 22:00 take the cheapest hour, at a negative price; removed, it charges at once."""
    visitor = visit()
    page = visitor.page
    visitor.open("hours")
    card = page.get_by_role("region", name="Ready by")
    expect(card).to_contain_text("The charger does not know how full the battery is.")  # no ISO 15118
    assert card.get_by_role("row").count() == len(PRICES)
    assert card.locator("rect").count() == len(PRICES)
    card.get_by_label("Departure").fill("22:00")
    card.get_by_label("Energy").fill("3.5")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_text("The times are chosen when a session begins.")).to_be_visible()
    charger.plug_in()
    visitor.open("charge")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("Paused by the charging plan")).to_be_visible(timeout=15000)
    visitor.open("hours")
    expect(card.get_by_text("waits for the cheapest times before the departure")).to_be_visible()
    expect(card.get_by_role("listitem")).to_have_count(1)
    assert "-2.25 / kWh" in card.get_by_role("listitem").inner_text()
    chosen = card.get_by_role("row").filter(has_text="(chosen)")
    assert chosen.count() == 1 and "-2.25" in chosen.inner_text()
    assert card.locator("rect:not(.faint)").count() == 1
    visitor.shot("plan-phone")
    visitor.check_width()
    visitor.check_access()
    card.get_by_role("button", name="Remove").click()
    expect(card.get_by_role("listitem")).to_have_count(0)
    visitor.open("charge")
    expect(page.get_by_role("heading", level=1)).to_have_text("Charging", timeout=20000)
    charger.wait_connector(lambda c: c["session_cost"])  # at 31.50 a kWh
    expect(page.locator("dt", has_text="Cost").locator("+ dd")).to_have_text(re.compile(r"^\d+\.\d\d$"))


def test_a_departure_that_cannot_be_met_is_told(visit, charger, planned):
    """More energy than fits: all that is left is taken, the missing time is shown, on a desktop as well."""
    assert planned.request("PUT", "/api/plan", {"depart": "15:00", "kwh": 100}).status == 200
    visitor = visit(viewport=DESKTOP, color_scheme="dark")
    visitor.open("hours")
    card = visitor.page.get_by_role("region", name="Ready by")
    expect(card.get_by_text("are missing before the departure")).to_be_visible()
    expect(card.get_by_text("the departure cannot be met: it charges whenever it may")).to_be_visible()
    visitor.shot("plan-missing-desktop-dark")
    visitor.check_access()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_plan_is_explained_in_each_language(visit, charger, planned, locale):
    assert planned.request("PUT", "/api/plan", {"depart": "22:00", "kwh": 3.5}).status == 200
    visitor = visit(locale=locale)
    visitor.open("hours")
    expect(visitor.page.get_by_text(LANGUAGES[locale])).to_be_visible()
    visitor.check_width()
    visitor.shot(f"plan-{locale[:2]}")


def test_who_may_not_change_the_plan_sees_it(visit, planned):
    visitor = visit("installer")
    visitor.open("hours")
    card = visitor.page.get_by_role("region", name="Ready by")
    expect(card.locator("rect").first).to_be_attached()
    assert not card.get_by_role("button").count()
