"""A new unit at its set-up network: the PIN of the label, the network at home, done."""

import pytest
from playwright.sync_api import expect

from backend.simulator import free_port

from .conftest import PHONE, SHOTS

PORTAL = free_port()
NAME, PASSWORD = "Home of somebody", "correct horse battery"


@pytest.fixture(scope="module")
def charger_options():
    """A radio that finds one network, which the unit does not know."""
    return {"settings": {"WifiNetwork": f"{NAME}/{PASSWORD}", "SetupPorts": f"{free_port()}/{PORTAL}"}}


def test_a_phones_probe_leads_to_the_page(browser, charger):
    """What a phone shows after /generate_204: a page with the address; its link opens the page over HTTPS."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{PORTAL}/generate_204")
    assert page.url == f"http://127.0.0.1:{PORTAL}/" and not page.locator("input, form, script").count()
    page.screenshot(path=SHOTS / "portal-phone.png")
    page.get_by_role("link", name=charger.url).click()
    expect(page.get_by_label("PIN")).to_be_visible()
    context.close()


def test_a_new_unit_asks_for_the_network_and_tells_where_it_is_found(visit, charger):
    """A wrong password is told; with the right one the unit joins and shows its address; then nothing is asked any more."""
    visitor = visit(None)
    page = visitor.page
    page.goto(charger.url)
    visitor.login()
    expect(page.get_by_role("heading", name="Connect the charger")).to_be_visible()
    expect(page.get_by_role("list", name="Networks in range")).to_be_visible()
    visitor.shot("first-use-phone")
    visitor.check_width()
    visitor.check_access()
    networks = page.get_by_role("list", name="Networks in range")
    expect(networks.get_by_role("listitem")).to_have_count(3)
    assert "strong signal (-55 dBm)" in networks.get_by_role("listitem").filter(has_text=NAME).inner_text()
    assert networks.get_by_role("button", name="Guests").is_disabled()
    networks.get_by_role("button", name=NAME).click()
    expect(page.get_by_label("Name of the network")).to_have_value(NAME)
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("wrong password")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Joining your Wi-Fi")).to_be_visible()
    visitor.open("settings")
    page.locator("#WifiPassword").fill(PASSWORD)
    page.get_by_role("region", name="Wi-Fi").get_by_role("button", name="Save").click()
    visitor.open("charge")
    joined = page.get_by_text("Connected. Go back to your own Wi-Fi and open https://127.0.0.1 there.")
    expect(joined).to_be_visible(timeout=20000)
    visitor.shot("joined-phone")
    visitor.check_access()
    charger.set_time_scale(30)
    charger.wait_for(lambda status: not status["wifi"]["setup_s"], 60, what="the end of the set-up network")
    charger.set_time_scale(1)
    expect(joined).to_be_hidden()
    assert not page.get_by_role("heading", name="Connect the charger").count()
