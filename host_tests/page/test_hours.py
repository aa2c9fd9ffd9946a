"""The charging hours at the page: the country's, none, one's own, and what they do to a car."""

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def charger_options():
    """A unit of a country with default charging hours, and with the longest random delay."""
    return {"settings": {"Country": "GB", "RandomDelayMax": "1800"}}


def test_hours_are_shown_changed_and_overridden(visit, charger):
    """Own hours that are closed now hold a car back with a word of it; charging at once overrides them."""
    visitor = visit()
    page = visitor.page
    visitor.open()
    expect(page.get_by_text("Outside the charging hours: a car waits.")).to_be_visible()
    page.get_by_role("link", name="The recommended hours hold until you choose.").click()
    expect(page.get_by_role("button", name="Use the recommended hours")).to_be_visible()
    expect(page.get_by_text("The recommended hours hold until you choose.")).to_be_visible()
    visitor.shot("hours-phone")
    visitor.check_width()
    visitor.check_access()
    page.get_by_role("button", name="Use the recommended hours").click()
    expect(page.get_by_role("button", name="Use the recommended hours", pressed=True)).to_be_visible()
    expect(page.get_by_text("The recommended hours hold until you choose.")).to_be_hidden()
    visitor.check_access()
    for row in page.get_by_role("button", name="Remove").all()[::-1]:
        row.click()
    page.get_by_role("button", name="Add hours").click()
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.url.endswith("/api/hours")):
        page.get_by_role("region", name="Charging hours").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()  # also that of the choice before, until it goes
    visitor.open("unit")
    visitor.open("hours")
    assert page.locator("fieldset input[type=time]").evaluate_all("all => all.map(input => input.value)") == ["22:00", "06:00"]
    visitor.shot("hours-own-phone")
    charger.plug_in()
    visitor.open("charge")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("link", name="The recommended hours hold until you choose.")).to_have_count(0)
    expect(page.get_by_text("Paused by the charging hours", exact=True)).to_be_visible(timeout=15000)
    expect(page.get_by_text("Next change:")).to_be_visible()
    visitor.shot("hours-waiting-phone")
    visitor.check_access()
    page.get_by_role("button", name="Charge now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Charging", timeout=20000)
    expect(page.get_by_text("do not hold for this session")).to_be_visible()


def test_the_random_delay_is_shown_and_skipped(visit, charger):
    """The hours open for a car that waits: the rest of the delay that was drawn is told, until it is skipped (UK-34)."""
    visitor = visit()
    page = visitor.page
    charger.plug_out()
    charger.wait_ocpp_status("Available")
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    visitor.open("charge")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("Paused by the charging hours", exact=True)).to_be_visible(timeout=15000)
    visitor.open("hours")
    for name in ["Charge at any time", "Use the recommended hours"] * 6:  # until a delay is long enough to be seen
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name=name, pressed=True)).to_be_visible()
        if (charger.connector(1)["plan"]["delay_s"] or 0) > 60:
            break
    visitor.open("charge")
    expect(page.get_by_text("Starts after a random delay:")).to_be_visible()
    expect(page.get_by_text("Paused by the random delay", exact=True)).to_be_visible()
    visitor.shot("delay-phone")
    visitor.check_access()
    page.get_by_role("button", name="Start without delay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Charging", timeout=20000)
    expect(page.get_by_text("Starts after a random delay:")).to_be_hidden()


def test_hours_over_a_sunday_are_kept_and_too_many_are_refused_in_words(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("hours")
    save = page.get_by_role("region", name="Charging hours").get_by_role("button", name="Save")
    for row in page.get_by_role("button", name="Remove").all()[::-1]:
        row.click()
    add = page.get_by_role("button", name="Add hours")
    add.click()
    page.get_by_label("From day").select_option("6")
    page.get_by_label("To day").select_option("1")
    with page.expect_response(lambda answer: answer.request.method == "PUT") as kept:
        save.click()
    assert kept.value.status == 200
    assert kept.value.request.post_data_json["windows"] == "6-7 22:00-06:00;1 22:00-06:00"
    expect(page.get_by_label("From day")).to_have_count(2)
    for _ in range(4):
        add.click()
    save.click()
    expect(page.get_by_text("At most 28 times a week, each day counted.")).to_be_visible()
