"""The owner's list of cards: which start a session while no back end is set.

On flash, so that a list needs no heap: {idTag in lower case: [name, blocked]}. It is personal data: an erasure deletes it.
"""

from micropython import const

from charger import clock, log

FILE = "home_cards.json"
_MOST = const(20)
_LEARN_S = const(60)


def kept(files: Files) -> dict:
    """The list; empty where the file is damaged."""
    cards = files.read_json(FILE, {})
    try:
        return {tag: (str(name), bool(blocked)) for tag, (name, blocked) in cards.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


def find(files: Files, tag: str) -> tuple | None:
    """(status of OCPP, no parent) of a card, None when it is not in the list."""
    card = kept(files).get(tag.lower())
    return None if card is None else ("Blocked" if card[1] else "Accepted", None)


def is_full(files: Files) -> bool:
    """True when no further card fits."""
    return len(kept(files)) >= _MOST


def change(files: Files, tag: str, name: str | None, blocked: bool | None, remove: bool) -> bool:
    """Rename, block or remove a card; what is None stays. False when it is not in the list. OSError by the flash."""
    cards = kept(files)
    card = cards.pop(tag.lower(), None)
    if card is None:
        return False
    if not remove:
        cards[tag.lower()] = (card[0] if name is None else name, card[1] if blocked is None else blocked)
    if cards:
        files.write_json(FILE, cards)
    else:
        files.delete(FILE)
    return True


class Learning:
    """Waits for the card to be added, for a minute at most; the first card that is shown ends the wait."""

    def __init__(self, files: Files, name: str):
        self._files = files
        self._name = name
        self._end_s = clock.uptime_s() + _LEARN_S

    @property
    def left_s(self) -> int:
        """Seconds that are left of the wait."""
        return max(0, self._end_s - clock.uptime_s())

    def take(self, tag: str) -> bool:
        """Add a card, or keep the one that is known; False when the minute is over: the card is used as any other."""
        if not self.left_s:
            return False
        cards = kept(self._files)
        try:
            if tag.lower() not in cards:
                cards[tag.lower()] = (self._name, False)
                self._files.write_json(FILE, cards)
            log.info("cards", log.mask(tag) + " is in the owner's list")
        except OSError as error:
            log.error("cards", "not kept: " + log.reason(error))
        return True
