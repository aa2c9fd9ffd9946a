"""The owner's list of cards, without a back end: learnt at the reader, named, blocked, removed, erased (SEC-15)."""

import pytest

from backend.simulator import free_port
from backend.waiting import wait_until
from sim.provisioned_units import labels

from .test_erasure import found
from .test_web import page_of, refused

FIRST, SECOND, STRANGER = "04AB12CD34EF56", "0499887766554433", "04DEADBEEF0001"


@pytest.fixture
def unit(launch):
    """unit(): a charger with its page and, unless one is given, without a back end."""
    def start(**options):
        sim = launch(**{"csms_url": None, "options": ["--web", f"127.0.0.1:{free_port()}"], **options})
        [label] = labels(sim)[:1]
        sim.pin, sim.installer_pin = label["pin"], label["installer_pin"]
        return sim

    return start


def learn(sim, owner, card, name=""):
    assert owner.request("POST", "/api/cards", {"action": "learn", "name": name}).status == 200
    assert 0 < owner.get("/api/cards")["learning_s"] <= 60
    sim.swipe(card, 1)
    wait_until(lambda: card in [one["card"] for one in owner.get("/api/cards")["cards"]], 20, "the card in the list")
    assert owner.get("/api/cards")["learning_s"] == 0


def starts(sim, card):
    """Whether a card starts a session, which is ended again with it."""
    sim.let_pass(2)  # a card that was there a moment ago lies there still
    mark = len(sim.log_lines())
    sim.swipe(card, 1)
    masked = f"{card[:2]}**{card[-2:]}"
    wait_until(lambda: [line for line in sim.log_lines()[mark:] if f"{masked}: " in line], 20, "a decision about the card")
    if not [line for line in sim.log_lines()[mark:] if f"{masked}: Accepted" in line]:
        return False
    sim.wait_connector(lambda c: c["id_tag"] is not None, what="the session")
    assert sim.connector(1)["id_tag"].upper() == card
    sim.let_pass(2)  # a reader repeats a card that lies there
    sim.swipe(card, 1)
    sim.wait_connector(lambda c: c["id_tag"] is None, what="the end of the session")
    sim.plug_out()
    sim.wait_ocpp_status("Available")
    sim.plug_in_idle()
    sim.wait_ocpp_status("Preparing")
    return True


def test_cards_are_learnt_used_named_blocked_and_removed(unit):
    sim = unit()
    owner = page_of(sim)
    assert owner.get("/api/cards") == {"reader": True, "backend": False, "learning_s": 0, "cards": []}
    learn(sim, owner, FIRST, "Anna")
    learn(sim, owner, SECOND)
    sim.plug_in_idle()
    sim.wait_ocpp_status("Preparing")
    assert starts(sim, FIRST) and starts(sim, SECOND) and not starts(sim, STRANGER)
    assert owner.request("POST", "/api/cards", {"action": "change", "card": FIRST, "blocked": True}).status == 200
    assert owner.request("POST", "/api/cards", {"action": "change", "card": SECOND.lower(), "name": "Guest"}).status == 200
    assert sorted((one["card"], one["name"], one["blocked"]) for one in owner.get("/api/cards")["cards"]) == [
        (SECOND, "Guest", False), (FIRST, "Anna", True)]
    assert not starts(sim, FIRST) and starts(sim, SECOND)
    boots = sim.status()["boots"]
    sim.reboot()
    sim.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting"), 60, "the restart")
    owner = page_of(sim)
    assert len(owner.get("/api/cards")["cards"]) == 2
    assert owner.request("POST", "/api/cards", {"action": "remove", "card": SECOND}).status == 200
    sim.plug_in_idle()
    sim.wait_ocpp_status("Preparing")
    assert not starts(sim, SECOND)


def test_what_does_not_fit_is_refused_and_a_stopped_wait_adds_nothing(unit):
    sim = unit()
    owner = page_of(sim)
    for body in ({}, {"action": "steal"}, {"action": "change"}, {"action": "change", "card": ""},
                 {"action": "learn", "name": "x" * 25}, {"action": "change", "card": FIRST, "blocked": 1},
                 {"action": "learn", "more": 1}):
        refused(owner.request("POST", "/api/cards", body), 400)
    refused(owner.request("POST", "/api/cards", {"action": "remove", "card": FIRST}), 404, "not in the list")
    refused(page_of(sim, "installer", keep=True).request("GET", "/api/cards"), 403)
    owner.post("/api/cards", action="learn")
    owner.post("/api/cards", action="cancel")
    sim.plug_in_idle()
    sim.wait_ocpp_status("Preparing")
    assert not starts(sim, FIRST)
    owner.post("/api/cards", action="learn")
    sim.set_time_scale(30)
    wait_until(lambda: owner.get("/api/cards")["learning_s"] == 0, 60, "the end of the minute")
    sim.set_time_scale(1)
    assert not starts(sim, SECOND)
    assert owner.get("/api/cards")["cards"] == []


def test_with_a_back_end_the_list_does_not_count(unit, csms):
    sim = unit(csms_url=csms.url)
    csms.wait_booted()
    csms.ledger.set_tag(FIRST, "Blocked")
    owner = page_of(sim)
    learn(sim, owner, FIRST)
    assert owner.get("/api/cards")["backend"]
    sim.plug_in_idle()
    sim.wait_ocpp_status("Preparing")
    assert not starts(sim, FIRST)


def test_an_erasure_forgets_the_cards_in_every_block_of_the_flash(unit):
    sim = unit()
    owner = page_of(sim)
    learn(sim, owner, FIRST, "Annabelle")
    assert "Annabelle" in found(sim, ("Annabelle",))
    log = str(sim.command("security_log", count=100))
    assert "card, learn, by owner" in log and FIRST not in log.upper() and FIRST not in "".join(sim.log_lines()).upper()
    boots = sim.status()["boots"]
    assert owner.request("POST", "/api/erase", {}).status == 200
    sim.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting"), 60, "the restart")
    wait_until(lambda: found(sim, ("Annabelle", FIRST)) == [], 120, "the overwriting")
    assert page_of(sim).get("/api/cards")["cards"] == []
