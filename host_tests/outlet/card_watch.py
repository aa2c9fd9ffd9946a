"""The card reader under random events (on_device.py): what may come from it. Runs inside MicroPython."""

SHOWN = ("ONE", "TWO", "BBB", "AAABBB")  # test_events.py's cards, and the text of its whole frames


class Broken(Exception):
    """An invariant does not hold."""


class CardWatch:
    """The card reader as housekeeping polls it: a tag is one that was shown, and a card that lies there counts once."""

    def __init__(self, rig):
        from charger.drivers import readers  # needs the board of the rig

        self._rig = rig
        self._poll = readers.make(rig.board.OUTLETS[0]["reader"])
        self._taken = None

    def step(self):
        """As often as housekeeping."""
        tag = self._poll.poll()
        self._rig.outlet.set_reader_failed(self._poll.failed)
        if tag is None:
            return
        if tag not in SHOWN:
            raise Broken("a card that was not shown: " + tag)
        if tag == self._taken:
            raise Broken("a card that lies there counts twice")
        self._taken = tag if self._rig.side.reader._lying == tag else None

    def lifted(self):
        """The card that lay there is gone."""
        self._taken = None
