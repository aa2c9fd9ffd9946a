"""The base of all card readers, and the choice of the driver by name from board data.

A driver is a file here with a subclass of PolledReader; only the chosen reader's is imported. It says by data what it can be
(_KINDS: name in board data, bus) and which options it has (_OPTIONS, as a meter's), which tools/board_definition reads. Its
function create() makes the driver on this board's buses.
"""

from micropython import const

from charger import clock

_BAD = const(3)
_AWAY_MS = const(1000)
_REPEATS_MS = const(2000)  # of readers that repeat a present card, each 100 to 700 ms: one or two readings in a row may fail
_POLL_MS = const(200)  # a late call counts as so much time: what happened meanwhile waits in the UART or in the chip


class PolledReader:
    """Base of the drivers. poll() gives the idTag of a card shown since the last call, or None; once until it was away for 1 s.

    With a reader that has repeated a card that lay there it has to be away for 2 s.

    Two cards that lie there together are reported once each. `failed` from the third fault in a row, `errors` counts them all.
    A late call of poll() ages nothing: a card that lay there before still does.
    """

    def __init__(self):
        self.errors = 0
        self._bad = 0
        self._now_ms = 0
        self._polled_ms = clock.ticks_ms()
        self._away_ms = _AWAY_MS
        self._tag = self._other_tag = None  # the last two, and when each was shown last
        self._tag_ms = self._other_ms = 0

    def _pass_time(self) -> int:
        """The driver's own time, in ms, which poll() begins with."""
        since_ms, self._polled_ms = clock.elapsed_ms(self._polled_ms), clock.ticks_ms()
        self._now_ms = clock.ticks_add(self._now_ms, since_ms if 0 <= since_ms < _POLL_MS else _POLL_MS)
        return self._now_ms

    def _is_new(self, tag: str) -> bool:
        """Whether a card that is there was away before; remembers it as the newest."""
        known, shown_ms = tag == self._tag, self._tag_ms
        if not known:
            known, shown_ms = tag == self._other_tag, self._other_ms
            self._other_tag, self._other_ms = self._tag, self._tag_ms
            self._tag = tag
        self._tag_ms = self._now_ms
        since_ms = clock.ticks_diff(self._now_ms, shown_ms) if known else -1
        if 0 <= since_ms < _AWAY_MS:
            self._away_ms = _REPEATS_MS
        return not 0 <= since_ms < self._away_ms

    def _keep(self) -> None:
        """Count an incompletely read card as the newest one, which may still be at the reader."""
        if 0 <= clock.ticks_diff(self._now_ms, self._tag_ms) < self._away_ms:
            self._tag_ms = self._now_ms

    @property
    def failed(self) -> bool:
        """True from the third fault in a row, until the reader works again (OCPP-84)."""
        return self._bad >= _BAD


def make(options: dict):
    """The driver for options["kind"], without one "serial_ascii"; ValueError for an unknown kind.

    options  the board's data for this reader: bus numbers and pins, and what the driver's file lists
    """
    kind = options.get("kind", "serial_ascii")
    name = kind
    for bus in ("_i2c", "_uart"):
        if name.endswith(bus):
            name = name[: -len(bus)]
    try:
        create = __import__("charger.drivers.readers." + name, None, None, ("create",)).create
    except (ImportError, AttributeError):
        raise ValueError("no reader driver " + kind)
    from charger.drivers import buses  # memory.unload() unloads it after the start

    return create(kind, options, buses)
