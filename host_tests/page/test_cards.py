"""Access that the owner gives at the page: cards, held to the reader, named, blocked, removed; programs, by a token."""

import re

from playwright.sync_api import expect

CARD = "04AB12CD34EF56"


def test_a_card_is_added_by_holding_it_to_the_reader_and_looked_after(visit, charger):
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    cards = page.get_by_role("region", name="My cards")
    cards.get_by_label("Name of the card").fill("Anna")
    cards.get_by_role("button", name="Add a card").click()
    expect(cards.get_by_text("Hold the card to the reader")).to_be_visible()
    visitor.check_access()
    charger.swipe(CARD)
    expect(cards.get_by_text(CARD)).to_be_visible()
    expect(cards.get_by_text("Hold the card to the reader")).to_be_hidden()
    entry = cards.get_by_role("listitem")
    expect(entry.get_by_label("Name of the card")).to_have_value("Anna")
    entry.get_by_label("Name of the card").fill("Bea")
    entry.get_by_role("button", name="Save").click()
    entry.get_by_role("button", name="Block").click()
    expect(entry.get_by_text("blocked")).to_be_visible()
    page.reload()
    expect(entry.get_by_label("Name of the card")).to_have_value("Bea")
    expect(entry.get_by_text("blocked")).to_be_visible()
    visitor.shot("cards-phone")
    visitor.shot("card-list-phone", cards)
    visitor.check_width()
    visitor.check_access()
    entry.get_by_role("button", name="Unblock").click()
    expect(entry.get_by_text("blocked")).to_be_hidden()
    entry.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(cards.get_by_text(CARD)).to_be_hidden()


def test_an_installer_has_no_cards(visit):
    visitor = visit("installer")
    visitor.open("settings")
    assert not visitor.page.get_by_role("region", name="My cards").count()


def test_a_token_is_made_shown_once_and_removed(visit, charger):
    """The chosen rights are those of the token; after a reload it is gone; the one for Home Assistant is not shown at all."""
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    programs = page.get_by_role("region", name="Access for other programs")
    make = programs.get_by_role("button", name="Make a token")
    programs.get_by_label("read state and figures").uncheck()
    expect(make).to_be_disabled()
    programs.get_by_label("start, stop, pause and limit").check()
    programs.get_by_label("Name of the program").fill("evcc")
    make.click()
    token = programs.locator("code")
    expect(token).to_have_text(re.compile("^[0-9a-f]{32}$"))
    expect(programs.get_by_role("listitem")).to_have_text(re.compile("^evccstart, stop, pause and limit"))
    expect(programs.get_by_label("Name of the program")).to_have_value("")
    visitor.shot("tokens-phone", programs)
    visitor.check_width()
    visitor.check_access()
    programs.get_by_label("Name of the program").fill("evcc")
    make.click()
    expect(page.get_by_text("There are too many tokens, or one of this name.")).to_be_visible()
    programs.get_by_label("Name of the program").fill("At home")
    programs.get_by_label("for Home Assistant").check()
    make.click()
    expect(programs.get_by_role("listitem").filter(has_text="Home Assistant")).to_be_visible()
    expect(token).to_be_hidden()
    page.reload()
    expect(programs.get_by_role("listitem")).to_have_count(2)
    expect(token).to_be_hidden()
    for name in ("evcc", "At home"):
        programs.get_by_role("listitem").filter(has_text=name).get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(programs.get_by_role("listitem").filter(has_text=name)).to_have_count(0)


def test_buttons_rest_until_the_new_list_is_shown(visit):
    """The change is answered, the list after it is held back: what is shown is of before, and nothing can be pressed."""
    visitor = visit()
    page = visitor.page
    visitor.open("settings")
    programs = page.get_by_role("region", name="Access for other programs")
    make, entries = programs.get_by_role("button", name="Make a token"), programs.get_by_role("listitem")
    held = []
    answer_again = visitor.intercept(
        "**/api/tokens", lambda route: held.append(route) if route.request.method == "GET" else route.continue_())
    programs.get_by_label("Name of the program").fill("node-red")
    with page.expect_request(lambda asked: asked.method == "GET" and asked.url.endswith("/api/tokens")):
        make.click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(make).to_be_disabled()
    expect(entries).to_have_count(0)
    answer_again()
    held.pop().continue_()
    expect(entries).to_have_count(1)
    expect(make).to_be_enabled()
    entries.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(entries).to_have_count(0)


def test_an_installer_makes_no_tokens(visit):
    visitor = visit("installer")
    visitor.open("settings")
    assert not visitor.page.get_by_role("region", name="Access for other programs").count()
