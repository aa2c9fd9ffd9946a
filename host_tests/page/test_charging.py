"""What a person does at the page with a car: start, limit, stop, look at what it took; and two tabs of it."""

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
    page.get_by_text("Limit the current").click()
    page.get_by_role("slider").fill("8")
    page.get_by_role("button", name="Set the limit").click()
    charger.wait_connector(lambda c: c["offered_amps"] == 8)
    expect(page.get_by_text("the user's choice: 8.0 A")).to_be_visible()
    page.get_by_role("button", name="No limit").click()
    charger.wait_connector(lambda c: c["offered_amps"] > 8)
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
