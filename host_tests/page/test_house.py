"""The house at the page: reading, age and consequence, the installer's limits, the meter, the sun, and what is refused."""

import pytest
from playwright.sync_api import expect

from backend.page import Page
from sim.modbus_meter import HouseMeter

from .conftest import DESKTOP

OLD = {"en-GB": "No reading for 10 s: the car gets 10.0 A at most.",
       "de-DE": "Seit 10 s kein Messwert: das Auto bekommt höchstens 10,0 A.",
       "nl-NL": "Al 10 s geen meting: de auto krijgt hoogstens 10,0 A.",
       "fr-FR": "Pas de mesure depuis 10 s : la voiture reçoit au plus 10,0 A."}

LIMIT = {"en-GB": "the supply of the house: 10.0 A", "de-DE": "Hausanschluss: 10,0 A", "nl-NL": "huisaansluiting: 10,0 A",
         "fr-FR": "raccordement de la maison: 10,0 A"}


@pytest.fixture(scope="module")
def charger_options():
    """A unit that charges at any time."""
    return {"settings": {"Country": "none"}}


@pytest.fixture
def person(charger):
    """person(role): a client of the API."""
    def enter(role):
        client = Page(charger.web)
        assert client.login({"owner": charger.pin, "installer": charger.installer_pin}[role], role).status == 200
        return client

    return enter


def region(page, name):
    """A card of the view."""
    return page.get_by_role("region", name=name, exact=True)


def limits(person, most, safe):
    """The installer's limits."""
    answer = person("installer").request("PUT", "/api/settings", {"HouseMaxCurrent": most, "HouseSafeCurrent": safe})
    assert answer.status == 200, answer


def test_a_house_without_settings_says_what_is_missing(visit):
    visitor = visit()
    visitor.open("house")
    expect(region(visitor.page, "The house now")).to_contain_text("Nothing follows the house's current yet")
    visitor.check_width()
    visitor.check_access()


def test_the_installer_sets_the_supply_and_the_owner_sees_it(visit, charger):
    """A value that the pilot cannot say is refused beside its field, with the charger's sentence, and nothing has changed."""
    visitor = visit("installer")
    page = visitor.page
    visitor.open("house")
    card = region(page, "Supply")
    most, safe = card.get_by_label("What the supply bears"), card.get_by_label("Car's current while no reading")
    most.fill("25")
    safe.fill("5")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_have_text("out of range.")
    expect(safe).to_be_focused()
    assert safe.get_attribute("aria-invalid") == "true" and most.get_attribute("aria-invalid") is None
    assert safe.get_attribute("aria-describedby") == "HouseSafeCurrent-fault"
    visitor.shot("house-refused-phone")
    visitor.check_access()
    assert charger.status()["grid"].get("house") is None
    safe.fill("10")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_be_hidden()
    charger.wait_for(lambda s: s["grid"].get("house", {}).get("max_amps") == 25, what="the limit of the supply")
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Nothing was changed.")).to_be_visible()
    owner = visit()
    owner.open("house")
    card = region(owner.page, "Supply")
    expect(card.get_by_label("What the supply bears")).to_have_value("25")
    assert card.get_by_label("What the supply bears").is_disabled() and not card.get_by_role("button").count()
    expect(card.get_by_text("Only the installer changes it.").first).to_be_visible()


def test_the_reading_its_age_and_why_the_current_is_limited_are_shown(visit, charger, person):
    limits(person, 25, 10)
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    visitor = visit()
    page = visitor.page
    visitor.open("house")
    card = region(page, "The house now")
    owner = person("owner")
    for text in ("17.3 A", "-12.5 A", "To the grid2.3 kW", "Age of the reading", "the supply of the house: 7.7 A"):
        assert owner.request("PUT", "/api/house", {"amps": [17.3, 1, -12.5], "power_w": -2322}).status == 200  # counts for 10 s
        expect(card).to_contain_text(text)
    visitor.shot("house-phone", card)
    visitor.check_width()
    visitor.check_access()
    expect(card.get_by_text(OLD["en-GB"])).to_be_visible(timeout=30000)
    visitor.check_access()
    limits(person, 25, 0)
    region(page, "Supply").wait_for()
    visitor.open("charge")
    visitor.open("house")
    expect(card.get_by_text("No reading for 10 s: the car waits.")).to_be_visible()


@pytest.mark.parametrize("locale", OLD)
def test_an_old_reading_is_told_in_each_language(visit, person, locale):
    limits(person, 25, 10)
    visitor = visit(locale=locale)
    visitor.open("house")
    expect(visitor.page.get_by_text(OLD[locale])).to_be_visible(timeout=30000)
    expect(visitor.page.get_by_text(LIMIT[locale], exact=True)).to_be_visible()
    visitor.check_width()


def test_the_owner_chooses_what_the_sun_does(visit, charger):
    visitor = visit(viewport=DESKTOP, color_scheme="dark")
    visitor.open("house")
    card = region(visitor.page, "Solar surplus")
    card.get_by_label("How the surplus counts").select_option("surplus")
    card.get_by_label("Surplus with which it begins").fill("20001")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_have_text("out of range.")
    visitor.shot("house-desktop-dark")
    visitor.check_access()
    assert "solar" not in charger.status()["grid"]
    card.get_by_label("Surplus with which it begins").fill("2000")
    card.get_by_role("button", name="Save").click()
    charger.wait_for(lambda s: s["grid"].get("solar", {}).get("mode") == "surplus", what="the mode")
    expect(card.get_by_label("How the surplus counts")).to_have_value("surplus")


def test_a_meter_is_set_by_its_parts_and_read_after_the_restart(visit, charger, person):
    """The last test of the module: the charger restarts. An address elsewhere is refused beside its field."""
    limits(person, 25, 10)
    meter = HouseMeter("sdm630", amps=[4, 2, 1], watts=[900, 400, 200])
    visitor = visit()
    page = visitor.page
    visitor.open("house")
    card, now = region(page, "Meter of the house"), region(page, "The house now")
    assert not card.get_by_label("Address").count()
    card.get_by_label("Kind").select_option("Eastron SDM630")
    card.get_by_label("Address").fill("8.8.8.8")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_have_text("not the address of a meter at home.")
    expect(card.get_by_label("Address")).to_be_focused()
    visitor.check_access()
    kind, _, unit = meter.address.rpartition("/")
    card.get_by_label("Address").fill("127.0.0.1")
    card.get_by_label("Port").fill(kind.rpartition(":")[2])
    card.get_by_label("Unit number").fill(unit)
    card.get_by_role("button", name="Save").click()
    expect(now.get_by_text("The meter is read from the next restart on.")).to_be_visible()
    assert person("owner").get("/api/settings")["HouseMeter"]["value"] == meter.address
    charger.restart()
    visitor.page.goto("about:blank")
    visitor.page.goto(charger.url)
    visitor.login()
    page.locator("nav").wait_for()
    visitor.open("house")
    expect(now.get_by_text("The meter is read.")).to_be_visible(timeout=20000)
    expect(now).to_contain_text("4.0 A")
    expect(card.get_by_label("Port")).to_have_value(kind.rpartition(":")[2])
    expect(card.get_by_label("Unit number")).to_have_value(unit)
    meter.close()
    expect(now.get_by_text("The meter cannot be read: ")).to_be_visible(timeout=30000)
