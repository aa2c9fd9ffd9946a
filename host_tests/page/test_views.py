"""Each view of the page: on a phone and a desktop, in each language, light and dark, by keyboard, for a screen reader."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import DESKTOP

VIEWS = ("charge", "history", "hours", "house", "settings", "unit", "log", "invoice", "label")
KEY = re.compile(r"\b(set|group|choice|nav|state|done)\.\w")
# words of the menu on two lines, and what is chosen of a list where its field is too narrow for it
CUT = """() => {
    const range = document.createRange();
    const lines = e => (range.selectNodeContents(e.lastChild), range.getClientRects().length);
    const broken = [...document.querySelectorAll("nav a")].filter(e => lines(e) > 1).map(e => e.textContent);
    const pen = document.createElement("canvas").getContext("2d");
    const width = e => (pen.font = getComputedStyle(e).font, pen.measureText(e.selectedOptions[0].text).width);
    return broken.concat([...document.querySelectorAll("select")].filter(e => width(e) > e.clientWidth - 32).map(e => e.id));
}"""
LANGUAGES = {"en-GB": "Charger", "de-DE": "Ladestation", "nl-NL": "Laadpaal", "fr-FR": "Borne de recharge"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_phone_and_a_screen_reader(visit, view, scheme):
    visitor = visit(color_scheme=scheme)
    visitor.open(view)
    visitor.shot(f"{view}-phone-{scheme}")
    visitor.check_width()
    visitor.check_access()
    back = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in back[4:-1].split(",")) < 200) == (scheme == "dark")


def test_the_views_fit_a_desktop(visit):
    visitor = visit(viewport=DESKTOP)
    for view in VIEWS:
        visitor.open(view)
        visitor.shot(f"{view}-desktop")
        visitor.check_width()


def test_the_views_fit_a_phone_at_twice_the_size_of_text(visit):
    """A window of 640 pixels at 200 % has 320 CSS pixels, the least that WCAG 1.4.10 (Reflow) asks for."""
    visitor = visit(viewport={"width": 320, "height": 500})
    for view in VIEWS:
        visitor.open(view)
        visitor.check_width()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_browsers_language_is_spoken(visit, locale):
    """No key is shown in place of a text, nothing is wider than a phone, no word of the menu is broken, no choice cut."""
    visitor = visit(locale=locale)
    for view in VIEWS:
        visitor.open(view)
        visitor.check_width()
        text = visitor.page.locator("body").inner_text()
        assert "undefined" not in text and not KEY.search(text)
        assert visitor.page.evaluate(CUT) == []
        if view in ("log", "settings", "unit"):
            visitor.shot(f"{view}-{locale[:2]}")
    assert visitor.page.title() == LANGUAGES[locale]
    assert visitor.page.evaluate("document.documentElement.lang") == locale[:2]


def test_another_language_is_chosen_and_kept(visit):
    visitor = visit()
    visitor.open("unit")
    visitor.page.locator("#language").select_option("de")
    visitor.page.get_by_text("Ladestation").first.wait_for()
    visitor.page.reload()
    visitor.page.get_by_role("heading", name="Gerät", exact=True).wait_for()


def test_the_page_is_used_by_keyboard_alone(visit):
    """The first Tab offers the way past the menu; the menu's links and the buttons follow, and the view takes the focus."""
    visitor = visit()
    visitor.open()
    keys = visitor.page.keyboard
    keys.press("Tab")
    assert visitor.page.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _ in range(8):
        keys.press("Tab")
        reached.append(visitor.page.evaluate("document.activeElement.textContent"))
        if reached[-1] == "History":
            break
    keys.press("Enter")
    visitor.page.get_by_role("heading", name="History", exact=True).wait_for()
    expect(visitor.page.locator("main")).to_be_focused()


def test_every_control_of_every_view_is_reached_and_seen_with_the_tab_key(visit):
    """In the order of the page, each once, none left out, with a frame around it; and past the last one nothing is caught."""
    visitor = visit()
    page = visitor.page
    mark = """() => {
        window.seen = [];
        addEventListener('focusin', ({ target }) =>
            seen.push([Number(target.dataset.at || 0), getComputedStyle(target).outlineStyle]));
        const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')];
        const shown = all.filter(e => !e.disabled && e.checkVisibility({ visibilityProperty: true }));
        return shown.map((e, at) => e.dataset.at = at + 1);
    }"""
    for view in VIEWS:
        page.goto("about:blank")  # loaded anew, the Tab key begins at the top
        visitor.open(view)
        numbers = page.evaluate(mark)
        for _ in range(len(numbers) + 4):  # a field of a time has parts that take a Tab each
            page.keyboard.press("Tab")
        seen = page.evaluate("seen")
        assert list(dict.fromkeys(at for at, _ in seen)) == numbers, view
        assert {style for _, style in seen} <= {"solid", "auto"}, view


def test_an_installer_sees_only_the_settings_of_an_installer(visit):
    visitor = visit("installer")
    visitor.open("settings")
    assert visitor.page.locator("#InstallerMaxCurrent").is_enabled()
    assert visitor.page.locator("#FreeVend").is_disabled()
    assert visitor.page.locator("nav a").all_inner_texts() == ["Charge", "Hours", "House", "Settings", "Charger"]
    visitor.open("charge")
    assert not visitor.page.get_by_role("button", name="Start").count()


def test_what_is_typed_stays_while_the_state_is_loaded_again(visit):
    """Each second brings a new state, and the page is drawn again: fields keep what was entered and not yet saved."""
    visitor = visit()
    page = visitor.page
    typed = {"settings": {"#ConnectionTimeOut": "77", "#MqttUrl": "mqtts://broker.lan", "#MqttRoots": "-----"},
             "history": {"#price": "0.31"}, "hours": {"#depart-1": "06:45", "#kwh-1": "12"}}
    for view, fields in typed.items():
        visitor.open(view)
        for field, text in fields.items():
            page.locator(field).fill(text)
        if view == "settings":
            page.locator("#TamperPolicy").select_option("report")
            page.locator("#FreeVend").check()
        for _ in range(2):
            page.wait_for_event("requestfinished", lambda request: request.url.endswith("/api/status"))
        expect(page.locator(next(iter(fields)))).to_have_value(next(iter(fields.values())))
        assert {field: page.locator(field).input_value() for field in fields} == fields
        if view == "settings":
            assert page.locator("#TamperPolicy").input_value() == "report" and page.locator("#FreeVend").is_checked()


def test_a_second_visit_loads_only_data(visit):
    """The page is asked for its version and has not changed; the files with a hash in their names come from the browser."""
    visitor = visit()
    visitor.open()
    visitor.page.goto("about:blank")
    visitor.open()
    loaded = visitor.page.evaluate(
        "performance.getEntries().filter(e => e.transferSize !== undefined).map(e => [e.name, e.transferSize])")
    sizes = {re.split("[-#]", name.removeprefix(visitor.charger.url))[0]: size for name, size in loaded if "/api/" not in name}
    assert sizes.keys() == {"", "app", "en"}
    assert sizes["app"] == sizes["en"] == 0 and sizes[""] <= 300  # what the browser counts for an answer without content


def test_a_warm_cache_shows_the_state_soon_over_a_slow_link(visit):
    """100 ms and 64 kB/s: the first paint of a second visit within 1.5 s, the first visit is usable as well."""
    visitor = visit()
    network = visitor.context.new_cdp_session(visitor.page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 100, "downloadThroughput": 64000, "uploadThroughput": 64000})
    visitor.open()
    visitor.page.goto("about:blank")
    visitor.open()
    paint = visitor.page.evaluate(
        "performance.getEntriesByType('paint').find(e => e.name === 'first-contentful-paint').startTime")
    assert 0 < paint < 1500
