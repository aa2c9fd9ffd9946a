"""Flows of an owner at the page besides charging, each from its first button to its end, at one charger, in this order."""

import json
import re

import pytest
from playwright.sync_api import expect

NEW_PIN = "40718256"
SUPPORT = "2031-06-30"
RESTART_MS = 60000


@pytest.fixture(scope="module")
def charger_options():
    """A unit whose seller has said until when there are security updates."""
    return {"settings": {"SupportUntil": SUPPORT, "ChargePointVendor": "Acme", "ChargePointModel": "Wallbox 11"}}


def altered(page, path, change):
    """The charger's answers to this path, changed by change(value) first. The visitor has to ignore HTTPS errors."""
    def pass_on(route):
        value = route.fetch().json()
        change(value)
        route.fulfill(json=value)

    page.route(path, pass_on)


# --- without a PIN ---


def test_the_state_is_shown_without_a_pin_where_the_owner_wants_it(visit, charger):
    """Off from the factory; live for everybody then, with a way to the login and no button that changes anything."""
    visitor, stranger = visit(), visit(None)
    stranger.page.goto(charger.url)
    expect(stranger.page.get_by_label("PIN")).to_be_visible()
    visitor.open("settings")
    mine = visitor.page.get_by_role("region", name="Without a PIN")
    expect(mine.get_by_role("checkbox")).not_to_be_checked()
    mine.get_by_role("checkbox").check()
    mine.get_by_role("button", name="Save").click()
    expect(visitor.page.get_by_text("Saved.")).to_be_visible()
    page = stranger.page
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    charger.plug_in()
    expect(page.get_by_role("heading", level=1)).to_have_text("Car connected")
    assert page.get_by_role("button").all_inner_texts() == ["Log in"] and not page.get_by_role("navigation").count()
    stranger.shot("open-phone")
    stranger.check_width()
    stranger.check_access()
    charger.plug_out()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("PIN")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    mine.get_by_role("checkbox").uncheck()
    mine.get_by_role("button", name="Save").click()
    expect(page.get_by_label("PIN")).to_be_visible()


# --- what it is, and what has happened ---


def test_version_support_and_a_label_to_print(visit, charger):
    """Serial number, names and address; on paper nothing else, and never a secret."""
    visitor = visit()
    page = visitor.page
    visitor.open("unit")
    about = page.get_by_role("region", name="This charger")
    expect(about).to_contain_text(SUPPORT)
    expect(about).to_contain_text(charger.status()["firmware"])
    about.get_by_role("link", name="Label to print").click()
    paper = page.locator(".paper")
    expect(paper.get_by_role("heading")).to_have_text("Acme Wallbox 11")
    told = paper.inner_text()
    for wanted in (charger.config()["ChargeBoxSerialNumber"], charger.label["setup_ssid"], "https://127.0.0.1"):
        assert wanted in told
    secrets = [charger.label[name] for name in ("pin", "installer_pin", "setup_password", "ocpp_password")]
    assert not [secret for secret in secrets if secret in page.content()]
    visitor.shot("label-phone")
    visitor.check_width()
    visitor.check_access()
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print or save as PDF")).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(paper).to_be_visible()


def test_the_security_log_tells_what_happened_and_what_was_altered(visit):
    visitor = visit(ignore_https_errors=True)
    page = visitor.page
    visitor.open("log")
    entry = page.get_by_role("listitem").filter(has_text="StateWithoutPin, by owner, page").first
    expect(entry).to_contain_text("ReconfigurationOfSecurityParameters")
    expect(page.get_by_text("altered")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    assert json.loads(download.value.path().read_text())[0]["genuine"] is True

    def forge(log):
        log["entries"][0]["genuine"] = False
        log.update(broken=3, before=2)

    altered(page, "**/api/log*", forge)
    page.reload()
    expect(page.get_by_text("Entry 3 was altered or follows a missing one.")).to_be_visible()
    expect(page.get_by_text("altered", exact=True)).to_have_count(1)
    visitor.check_access()
    with page.expect_response("**/api/log?count=20&before=2"):
        page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Newest")).to_be_visible()


def test_the_history_has_a_chart_and_older_sessions(visit):
    """Thirteen months and twelve sessions, ten a page; a screen reader gets the chart as a table."""
    visitor = visit()
    page = visitor.page

    def answer(route):
        where = route.request.url.partition("?")[2]
        if "view=months" in where:
            value = {"months": [{"month": f"2026-{1 + at:02}", "import_wh": 10000 * at} for at in range(12)]}
        elif "view=year" in where:
            value = {"import_wh": 660000, "charging_s": 36000}
        else:
            older = "before=3" in where
            value = {"before": None if older else 3, "sessions": [
                {"id": at, "import_wh": at * 1000, "end": 1767225600 + at * 86400, "charging_s": 60 * at, "id_tag": None}
                for at in (range(2, 0, -1) if older else range(12, 2, -1))]}
        route.fulfill(json=value)

    page.route("**/api/history*", answer)
    visitor.open("history")
    chart = page.get_by_role("region", name="Energy of the last months")
    assert chart.locator("rect").count() == 12 and chart.get_by_role("row").count() == 12
    heights = chart.locator("rect").evaluate_all("all => all.map(bar => Number(bar.getAttribute('height')))")
    assert heights == sorted(heights) and heights[0] == 0 and round(heights[-1]) == 40
    expect(chart.get_by_role("row").last).to_have_text(re.compile("December 2026.*110.0 kWh"))
    expect(chart).to_contain_text("660.00 kWh")
    sessions = page.get_by_role("region", name="Charging sessions")
    expect(sessions.get_by_role("listitem")).to_have_count(10)
    visitor.shot("history-full-phone")
    visitor.check_width()
    visitor.check_access()
    sessions.get_by_role("button", name="Older").click()
    expect(sessions.get_by_role("listitem")).to_have_count(2)
    expect(sessions.get_by_role("button", name="Older")).to_have_count(0)
    sessions.get_by_role("button", name="Newest").click()
    expect(sessions.get_by_role("listitem")).to_have_count(10)


# --- update ---


def test_an_update_is_offered_loaded_tried_and_kept(visit, charger):
    """The charger's states one after the other (sim/test_update.py has them in truth): each with its button and no other."""
    visitor = visit(ignore_https_errors=True)
    page = visitor.page
    now = {"version": charger.status()["firmware"], "offer": None, "loading": None, "percent": None, "why": "", "altered": False,
           "awaits_backend": False}
    altered(page, "**/api/status", lambda status: status.update(update=now))
    for path in ("update", "confirm_update"):
        page.route(f"**/api/{path}", lambda route: route.fulfill(json={"version": "9.1.0"}))
    visitor.open("unit")
    update = page.get_by_role("region", name="Update")
    expect(update).to_contain_text("none")
    assert not update.get_by_role("button").count()
    now.update(offer={"version": "9.1.0"})
    with page.expect_request("**/api/update") as asked:
        update.get_by_role("button", name="Install").click()
    assert asked.value.method == "POST"
    expect(page.get_by_text("The update is installed once nobody charges.")).to_be_visible()
    now.update(loading="9.1.0", percent=42, offer=None)
    expect(update.get_by_role("progressbar")).to_have_attribute("value", "42")
    expect(update).to_contain_text("9.1.0: 42 %")
    visitor.shot("update-phone", update)
    visitor.check_access()
    now.update(loading=None, percent=None, awaits_backend=True)
    with page.expect_request("**/api/confirm_update"):
        update.get_by_role("button", name="Keep this version").click()
    now.update(awaits_backend=False, why="The file was cut short.")
    expect(update.get_by_text("The last update failed: The file was cut short.")).to_be_visible()
    expect(update.get_by_role("button")).to_have_count(0)


# --- settings ---


def test_a_broker_is_saved_and_a_wrong_one_is_not(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    mqtt = page.get_by_role("region", name="Smart home")
    mqtt.locator("#MqttUrl").fill("mqtt://broker.lan")
    mqtt.get_by_role("button", name="Save").click()
    expect(page.locator("#MqttUrl-fault")).to_contain_text("mqtts://")
    expect(page.locator("#MqttUrl")).to_be_focused()
    mqtt.locator("#MqttUrl").fill("mqtts://unit@broker.lan/home")
    mqtt.locator("#MqttPassword").fill("a secret of the broker")
    mqtt.locator("#MqttDiscovery").fill("homeassistant")
    mqtt.get_by_role("button", name="Save").click()
    expect(page.locator("#MqttUrl-fault")).to_be_hidden()
    expect(mqtt.locator("#MqttPassword")).to_have_attribute("placeholder", "set; type to replace it")
    page.reload()
    expect(mqtt.locator("#MqttUrl")).to_have_value("mqtts://unit@broker.lan/home")
    expect(mqtt.locator("#MqttDiscovery")).to_have_value("homeassistant")
    expect(mqtt.locator("#MqttPassword")).to_have_value("")


def test_a_syslog_receiver_is_saved_and_taken_back_and_a_wrong_one_is_not(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    syslog = page.get_by_role("region", name="syslog")
    syslog.locator("#SyslogServer").fill("log.lan/path")
    syslog.get_by_role("button", name="Save").click()
    expect(page.locator("#SyslogServer-fault")).to_contain_text("not an address of a server")
    expect(page.locator("#SyslogServer")).to_be_focused()
    for address in ("log.lan:6514", ""):
        syslog.locator("#SyslogServer").fill(address)
        syslog.get_by_role("button", name="Save").click()
        expect(page.locator("#SyslogServer-fault")).to_be_hidden()
        expect(syslog.get_by_role("button", name="Save")).to_be_enabled()
        page.reload()
        expect(syslog.locator("#SyslogServer")).to_have_value(address)


# --- PIN, erasure, factory reset ---


def change_pin(page, current, new, again):
    """Fill the form and send it."""
    form = page.get_by_role("region", name="Change a PIN")
    form.get_by_label("PIN of").select_option("owner")
    for name, text in (("current", current), ("new", new), ("again", again)):
        page.locator(f"#{name}").fill(text)
    form.get_by_role("button", name="Change the PIN").click()


def test_the_pin_is_changed(visit, charger):
    """Two that differ, a weak one and a wrong current one change nothing; then the new one opens the page."""
    visitor = visit()
    page = visitor.page
    visitor.open("unit")
    change_pin(page, charger.pin, NEW_PIN, "40718257")
    expect(page.get_by_text("The two new PINs differ.")).to_be_visible()
    change_pin(page, charger.pin, "12345678", "12345678")
    expect(page.locator(".told").get_by_text("8 to 16 digits")).to_be_visible()
    change_pin(page, "11112222", NEW_PIN, NEW_PIN)
    expect(page.get_by_text("The current PIN is wrong.")).to_be_visible()
    change_pin(page, charger.pin, NEW_PIN, NEW_PIN)
    expect(page.get_by_text("The PIN is changed.")).to_be_visible()
    expect(page.locator("#current")).to_have_value("")
    other = visit(None)
    other.page.goto(charger.url)
    other.login()
    expect(other.page.get_by_text("The PIN is wrong.")).to_be_visible()
    other.login(NEW_PIN)
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Ready")


def confirmed(page, name):
    """Press a button of the care card and say so once more."""
    page.get_by_role("region", name="Restart and erase").get_by_role("button", name=name).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def test_data_are_erased_and_the_factorys_settings_come_back(visit, charger):
    """The last test of the module. Each asks once more; an erasure leaves the PIN, a factory reset does not."""
    visitor = visit(None)
    page = visitor.page
    page.goto(charger.url)
    visitor.login(NEW_PIN)
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    boots = charger.status()["boots"]
    visitor.open("unit")
    dialog = confirmed(page, "Erase my data")
    expect(dialog).to_contain_text("This cannot be undone.")
    visitor.shot("erase-phone")
    visitor.check_access()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    for at, (name, right, wrong) in enumerate((("Erase my data", NEW_PIN, charger.pin), ("Factory reset", charger.pin, NEW_PIN))):
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            confirmed(page, name).get_by_role("button", name=name).click()
        expect(page.get_by_text("The session has ended. Log in again.")).to_be_visible(timeout=RESTART_MS)
        assert charger.status()["boots"] == boots + 1 + at
        visitor.login(wrong)
        expect(page.get_by_text("The PIN is wrong.")).to_be_visible()
        visitor.login(right)
        expect(page.get_by_role("region", name="Restart and erase")).to_be_visible()
        settings = page.evaluate("fetch('/api/settings').then(answer => answer.json())")
        assert settings["MqttUrl"]["value"] is None
