"""The owner's cards at the page: held to the reader, named, blocked, removed."""

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
