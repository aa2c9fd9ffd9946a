"""Login at the page: right and wrong PINs, the wait after many, an ended session, a charger that is away."""

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


def test_a_session_that_ended_in_the_middle_of_a_form_keeps_what_was_typed(visit):
    """The login comes before the view, which waits as it was; a view that was opened at that moment is loaded after it."""
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    page.locator("#MqttUrl").fill("mqtts://broker.lan")
    visitor.context.clear_cookies(name="session")
    expect(page.get_by_text("The session has ended. Log in again.")).to_be_visible()
    expect(page.locator("#MqttUrl")).to_be_hidden()
    visitor.check_access()
    visitor.login()
    expect(page.locator("#MqttUrl")).to_be_visible()
    expect(page.locator("#MqttUrl")).to_have_value("mqtts://broker.lan")
    answer_again = visitor.intercept("**/api/status", lambda route: route.abort())  # so that the view is the first one to be told
    visitor.context.clear_cookies(name="session")
    page.evaluate("location.hash = '#/history'")
    expect(page.get_by_text("The session has ended. Log in again.")).to_be_visible(timeout=30000)
    answer_again()
    visitor.login()
    expect(page.get_by_text("No session has ended yet.")).to_be_visible()


def test_a_view_that_could_not_be_loaded_is_loaded_when_the_charger_is_back(visit):
    visitor = visit()
    page = visitor.page
    visitor.open()
    answer_again = visitor.intercept("**/api/settings", lambda route: route.abort())
    page.evaluate("location.hash = '#/settings'")
    expect(page.get_by_text("The charger did not answer.")).to_be_visible()
    answer_again()
    expect(page.locator("#WifiName")).to_be_visible()


def newer(route):
    """Name another script in the page that the open one asks for, as the firmware behind an update does."""
    if route.request.resource_type == "fetch":
        route.fulfill(body='<script type="module" src="/app-000000000000.js"></script>')
    else:
        route.continue_()


def test_an_update_is_noticed_whichever_request_sees_the_end_of_the_session(visit, charger):
    visitor = visit()
    page = visitor.page
    with page.expect_response("**/api/status") as answered:
        visitor.open("settings")
    status = answered.value.json()
    answer_again = visitor.intercept("**/api/status", lambda route: route.fulfill(json=status))
    page.route(charger.url, newer)
    expect(page.locator("#MqttUrl")).to_be_visible()
    visitor.context.clear_cookies(name="session")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.get_by_text("The session has ended. Log in again.")).to_be_visible()
    answer_again()
    with page.expect_event("load"):
        visitor.login()


def test_a_page_of_the_firmware_before_loads_itself_anew_and_loses_nothing_that_is_typed(visit, charger):
    """After an update "/" names another script. An untouched page loads itself again, a form in use waits for its person."""
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    answer_again = visitor.intercept(charger.url, newer)

    def log_in_again():
        visitor.context.clear_cookies(name="session")  # as a restart does
        expect(page.get_by_text("The session has ended. Log in again.")).to_be_visible()
        visitor.login()

    page.locator("#MqttUrl").fill("mqtts://broker.lan")
    log_in_again()
    banner = page.get_by_role("alert").filter(has_text="The charger was updated")
    expect(banner).to_be_visible()
    expect(page.locator("#MqttUrl")).to_have_value("mqtts://broker.lan")
    visitor.check_width()
    visitor.check_access()
    visitor.shot("updated-phone")
    with page.expect_event("load"):
        banner.get_by_role("button", name="Load again").click()
    expect(page.locator("#MqttUrl")).to_have_value("")
    with page.expect_event("load"):
        log_in_again()
    answer_again()
    expect(page.locator("#MqttUrl")).to_be_visible()
    log_in_again()
    expect(page.locator("#MqttUrl")).to_be_visible()
    expect(banner).to_have_count(0)


def test_a_tab_goes_on_when_another_one_has_logged_in(visit, charger):
    """Both have the cookie of the later login: the earlier tab asks for its token and does what it was told.

    Where the later login has another role, the earlier tab becomes that role's.
    """
    visitor = visit()
    page, other = visitor.page, visitor.tab()
    visitor.open("settings")
    visitor.open(page=other)

    def log_in(pin, role):
        assert other.evaluate("""body => fetch("/api/login", { method: "POST", headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body) }).then(answer => answer.status)""", {"pin": pin, "role": role}) == 200

    charging = page.get_by_role("region", name="Charging", exact=True)
    log_in(charger.pin, "owner")
    page.locator("#ConnectionTimeOut").fill("61")
    charging.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    log_in(charger.installer_pin, "installer")
    page.locator("#ConnectionTimeOut").fill("62")
    with page.expect_event("load"):
        charging.get_by_role("button", name="Save").click()
    expect(page.locator("#ConnectionTimeOut")).to_be_disabled()
    expect(page.locator("#ConnectionTimeOut")).to_have_value("61")


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
