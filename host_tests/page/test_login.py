"""Who gets in: right and wrong PINs, the wait after many, an ended session, a charger that is away."""

import re

from playwright.sync_api import expect


def test_the_pin_of_the_label_opens_the_page(visit, charger):
    visitor = visit(None)
    visitor.page.goto(charger.url)
    visitor.page.locator("#pin").wait_for()
    visitor.shot("login-phone")
    visitor.check_width()
    visitor.check_access()
    visitor.login()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Ready")
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Ready")
    visitor.open("unit")
    visitor.page.get_by_role("button", name="Log out").click()
    visitor.page.locator("#pin").wait_for()
    assert visitor.context.cookies(f"{charger.url}api/status")[0]["name"] == "device"


def test_a_session_that_ended_asks_for_the_pin(visit, charger):
    visitor = visit()
    visitor.open()
    visitor.context.clear_cookies(name="session")
    expect(visitor.page.get_by_text("The session has ended. Log in again.")).to_be_visible()
    visitor.shot("expired-phone")
    visitor.check_access()
    visitor.login()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Ready")


def test_a_charger_that_is_away_is_told_and_found_again(visit, charger):
    """The view stays with its time, its buttons rest; after the restart the login is over, and a new one goes on."""
    visitor = visit()
    visitor.open()
    expect(visitor.page.get_by_role("button", name="Start")).to_be_enabled()
    charger.kill()
    told = re.compile(r"No connection to the charger\. Trying again … What is shown is of \d+:\d\d:\d\d")
    expect(visitor.page.get_by_role("alert")).to_have_text(told, timeout=30000)
    expect(visitor.page.get_by_role("button", name="Start")).to_be_disabled()
    visitor.shot("offline-phone")
    visitor.check_access()
    charger.start()
    expect(visitor.page.get_by_text("The session has ended. Log in again.")).to_be_visible(timeout=30000)
    visitor.login()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Ready")


def test_wrong_pins_cost_time(visit, charger):
    """The last test of the module: strangers have to wait afterwards."""
    visitor = visit(None)
    visitor.page.goto(charger.url)
    for _ in range(4):
        with visitor.page.expect_response("**/api/login"):
            visitor.login("00000001")
        expect(visitor.page.get_by_role("alert")).to_have_text("The PIN is wrong.")
    visitor.shot("wrong-pin-phone")
    visitor.login("00000001")  # the fifth: the next one has to wait
    expect(visitor.page.get_by_role("alert")).to_contain_text("Too many wrong PINs. Wait ")
    expect(visitor.page.get_by_role("button", name="Log in")).to_be_disabled()
    first = int("".join(filter(str.isdigit, visitor.page.get_by_role("alert").inner_text())))
    assert 30 < first <= 60
    visitor.shot("lock-out-phone")
    visitor.check_access()
    expect(visitor.page.get_by_role("alert")).not_to_contain_text(f" {first} ")
