"""A new unit at its set-up network: the PIN of the label, the network at home, done."""

import re
import time

import pytest
from playwright.sync_api import expect

from backend.simulator import free_port

from .conftest import PHONE, SHOTS
from .test_views import KEY, LANGUAGES

NAME, PASSWORD = "Home of somebody", "correct horse battery"


@pytest.fixture(scope="module")
def portal_port():
    """Of the set-up network's HTTP."""
    return free_port()


@pytest.fixture(scope="module")
def charger_options(portal_port):
    """A radio that finds one network, which the unit does not know; a country with recommended charging hours."""
    return {"settings": {"WifiNetwork": f"{NAME}/{PASSWORD}", "SetupPorts": f"{free_port()}/{portal_port}", "Country": "GB"}}


def test_a_phones_probe_leads_to_the_page(browser, charger, portal_port):
    """A phone shows a page with the address after /generate_204; its link opens the page over HTTPS."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{portal_port}/generate_204")
    assert page.url == f"http://127.0.0.1:{portal_port}/" and not page.locator("input, form, script").count()
    page.screenshot(path=SHOTS / "portal-phone.png")
    page.get_by_role("link", name=charger.url).click()
    expect(page.get_by_label("PIN")).to_be_visible()
    context.close()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_login_and_first_use_speak_each_language(visit, charger, locale):
    """No key in place of a text, nothing wider than a phone."""
    for role in (None, "owner"):
        visitor = visit(role, locale=locale)
        visitor.page.goto(charger.url)
        visitor.page.locator("#first-use" if role else "#pin").wait_for()
        if role:
            visitor.page.locator("form #password").wait_for()
            expect(visitor.page.locator("main p.loading")).to_have_count(0)
        text = visitor.page.locator("body").inner_text()
        assert "undefined" not in text and not KEY.search(text) and LANGUAGES[locale] == visitor.page.title()
        visitor.check_width()
        visitor.shot(f"{'first-use' if role else 'login'}-{locale[:2]}")


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


class Hand:
    """A person's inputs: each tap and each field that is typed into counts as one."""

    def __init__(self):
        self.inputs = 0

    def tap(self, what):
        self.inputs += 1
        what.click()

    def type(self, what, text):
        self.inputs += 1
        what.press_sequentially(text)


def test_six_inputs_take_a_new_unit_into_the_network_at_home(visit, charger):
    """SEC-14, UK-22: two texts, four taps, from the address to the charger at home with its hours chosen."""
    boots = charger.status()["boots"]
    charger.command("erase", what="personal")
    charger.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting") and s["web"]["port"], 60, what="the start")
    visitor, hand = visit(None), Hand()
    page = visitor.page
    begun_s = time.monotonic()
    page.goto(charger.url)
    hand.type(page.get_by_label("PIN"), charger.pin)
    hand.tap(page.get_by_role("button", name="Log in"))
    hours = page.get_by_role("region", name="Charging hours")
    expect(hours.get_by_role("listitem").first).to_have_text(re.compile("[0-9]{2}:[0-9]{2} – [0-9]{2}:[0-9]{2}"))
    expect(page.get_by_role("list", name="Networks in range")).to_be_visible()
    expect(hours.get_by_role("link", name="Add hours")).to_have_attribute("href", "#/hours")  # the third of UK-22's choices
    visitor.shot("first-use-whole-phone")
    visitor.check_access()
    hand.tap(hours.get_by_role("button", name="Use the recommended hours"))
    expect(hours).to_be_hidden()
    hand.tap(page.get_by_role("list", name="Networks in range").get_by_role("button", name=NAME))
    hand.type(page.get_by_label("Password"), PASSWORD)
    hand.tap(page.get_by_role("button", name="Connect"))
    expect(page.get_by_text("Connected. Go back to your own Wi-Fi and open")).to_be_visible(timeout=20000)
    print(f"first use: {hand.inputs} inputs, {time.monotonic() - begun_s:.1f} s with a hand that needs none")
    assert hand.inputs == 6
    assert page.evaluate("fetch('/api/hours').then(answer => answer.json())")["choice"] == "accept"
    expect(page.get_by_text("The recommended hours hold until you choose.")).to_have_count(0)
