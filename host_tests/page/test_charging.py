"""A person with a car at the page: start, limit, stop, energy and history; and two tabs of the page."""

import csv
import io
import json
import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def charger(charger):
    """The module's charger with a car that asks for energy."""
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    return charger


def heading(page, text):
    """Wait until the view's heading says this."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=15000)


def rounded(number, divisor):
    """A quotient with two decimals as the page writes it: halves go up."""
    return str((Decimal(number) / divisor).quantize(Decimal("0.01"), ROUND_HALF_UP))


def limit_and_pause(page, charger):
    """The limit that holds is shown; a pause waits until it is resumed."""
    page.get_by_text("Limit the current").click()
    page.get_by_role("slider").fill("8")
    page.get_by_role("button", name="Set the limit").click()
    charger.wait_connector(lambda c: c["offered_amps"] == 8)
    expect(page.get_by_text("the user's choice: 8.0 A")).to_be_visible()
    expect(page.get_by_text("Limit the current: 8.0 A")).to_be_visible()
    page.get_by_role("button", name="No limit").click()
    charger.wait_connector(lambda c: c["offered_amps"] > 8)
    expect(page.get_by_role("button", name="No limit")).to_be_disabled()
    page.get_by_role("button", name="Pause", exact=True).click()
    heading(page, "Charging is paused")
    expect(page.locator(".reason")).to_contain_text("the user's pause")
    page.get_by_role("button", name="Resume", exact=True).click()
    heading(page, "Charging")


def test_start_limit_and_stop(visit, charger):
    """The page does it and shows it; the figures are the charger's; what was charged is in the history and in its files."""
    visitor = visit()
    page = visitor.page
    visitor.open()
    heading(page, "Car connected")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("status").last).to_have_text("Charging starts.")  # shown for some seconds only
    charger.set_time_scale(8)  # only now: a car without a start is given up after a minute
    heading(page, "Charging")
    steady = charger.wait_connector(lambda c: c["power_w"] > 7200)["power_w"] / 1000
    near = "|".join(f"{steady + off:.1f}".replace(".", "[.]") for off in (-0.1, 0, 0.1))
    expect(page.locator(".power b")).to_have_text(re.compile(near))
    visitor.shot("charging-phone")
    visitor.check_width()
    visitor.check_access()
    limit_and_pause(page, charger)
    charger.wait_connector(lambda c: c["session_wh"] > 20)
    page.get_by_role("button", name="Stop", exact=True).click()
    heading(page, "Charging has ended")
    charger.set_time_scale(1)
    visitor.open("history")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    [row] = csv.DictReader(io.StringIO(download.value.path().read_text()))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    [session] = json.loads(download.value.path().read_text())
    assert int(row["import_wh"]) == session["import_wh"] > 20 and row["reason"] == session["reason"] == "Local"
    expect(page.locator(".list b").first).to_have_text(f"{rounded(session['import_wh'], 1000)} kWh")
    page.locator("#price").fill("0.5")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".list span").first).to_have_text(rounded(session["import_wh"], 2000))
    visitor.shot("history-sessions")
    visitor.check_access()


def test_a_month_is_printed_with_its_cost(visit, charger):
    """The sum is that of the rows; names stay in this browser; on paper there is the statement alone, dark mode or not."""
    visitor = visit()
    page = visitor.page
    visitor.open("history")
    page.get_by_role("link", name="Statement to print").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Statement to print")
    expect(page.get_by_text("Without a price of a kWh under History it has no cost.")).to_be_visible()
    expect(page.get_by_role("columnheader")).to_have_text(["Date", "Charged"])
    page.evaluate("localStorage.setItem('price', '0.31')")
    page.reload()
    page.get_by_label("From (name and address)").fill("Anna Owner\nHill Road 1")
    page.get_by_label("To (name and address)").fill("<b>Employer & Co</b>")
    page.get_by_label("Currency").fill("GBP")
    expect(page.get_by_role("region", name=re.compile("Charging in .* 20"))).to_contain_text("<b>Employer & Co</b>")
    page.get_by_label("To (name and address)").fill("Employer & Co")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    assert row.locator("td").last.inner_text() == page.locator("tfoot td").last.inner_text()
    assert re.fullmatch(r"0\.\d\d GBP|\d\.\d\d GBP", row.locator("td").last.inner_text())
    visitor.check_width()
    visitor.check_access()
    visitor.shot("invoice-phone")
    page.emulate_media(media="print", color_scheme="dark")
    visitor.shot("invoice-printed")
    assert page.locator("nav").is_hidden() and page.get_by_label("Currency").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    page.reload()
    expect(page.get_by_label("Currency")).to_have_value("GBP")


def test_what_is_paused_without_a_car_can_be_resumed(visit, charger):
    """A program at home may have paused it: the page says so before a car comes, and gives the way out."""
    visitor = visit()
    visitor.open()
    charger.plug_out()
    heading(visitor.page, "Ready")
    assert not visitor.page.get_by_role("button", name="Resume").count()
    visitor.page.evaluate("""fetch("/api/session").then(answer => answer.json()).then(({ csrf }) => fetch("/api/charge", {
        method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf }, body: '{"action": "pause"}' }))""")
    expect(visitor.page.get_by_text("Paused: the next session waits until you resume it.")).to_be_visible()
    visitor.check_access()
    visitor.page.get_by_role("button", name="Resume", exact=True).click()
    expect(visitor.page.get_by_text("Plug the car in to charge.")).to_be_visible()
    charger.plug_in()
    heading(visitor.page, "Car connected")


def test_two_tabs_show_the_same(visit, charger):
    visitor = visit()
    other = visitor.tab()
    visitor.open()
    visitor.open(page=other)
    charger.plug_out()
    for page in (visitor.page, other):
        heading(page, "Ready")
    charger.plug_in()
    for page in (visitor.page, other):
        heading(page, "Car connected")


def test_what_the_charger_refuses_is_told(visit, charger):
    """A start without a car that can begin says why, in the charger's words."""
    visitor = visit()
    visitor.open()
    charger.raise_fault("GroundFailure")
    heading(visitor.page, "Fault")
    expect(visitor.page.get_by_text("Residual current device tripped")).to_be_visible()
    expect(visitor.page.get_by_role("heading", name="Attention is needed")).to_be_visible()
    visitor.page.get_by_role("button", name="Start", exact=True).click()
    expect(visitor.page.get_by_role("status").last).to_contain_text("cannot start now")
    visitor.shot("fault-phone")
    visitor.check_access()
    charger.clear_fault("GroundFailure")
    charger.let_pass(1)  # it clears only what is over
    visitor.page.get_by_role("button", name="I have looked at it").click()
    heading(visitor.page, "Car connected")
