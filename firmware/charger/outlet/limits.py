"""The one place that decides the current: every source may only lower it, the smallest wins (CP-14).

A limit has a source, a value, a kind and, if its source says so, a validity: a source that has to be heard again and
again (the shared supply, the house's supply, the thermometer) gives a time after which its word is stale. What a stale
limit means depends on the kind:

- SCHEDULE: the source has no limit any more. A sender of such limits states beforehand what follows them.
- SAFETY: the protected part is not monitored any more, so at most SAFE_DA is left, and less where less was allowed.
  That holds until the source speaks again or withdraws: silence never raises a current.

Validity counts uptime, so a clock that is set wrong neither ends nor prolongs it.
"""

from micropython import const

from charger import clock

SAFETY = const(0)  # acts at once (UK-36)
SCHEDULE = const(1)  # may have been delayed before it came here (UK-35)

NO_LIMIT = const(0x7FFF)
SAFE_DA = const(60)  # what a car may have when a safety limit has run out: the least that a pilot can say (CP-14)

# What each source is called where a person reads why the current is what it is. "cable" and "simplified" are set by no one
# as a limit: OutletReadout.target_da() takes them into account.
WORDS = (  # source, words, source, words: a dictionary would be in the heap
    "hardware", "the charger's own maximum",
    "installer", "the limit set at installation",
    "cable", "the cable",
    "csms", "the charging profile of the back end",
    "supply", "the shared supply",
    "hours", "the charging hours",
    "plan", "the charging plan",
    "delay", "the random delay",
    "pause", "the user's pause",
    "house", "the supply of the house",
    "solar", "the solar surplus",
    "grid", "the grid operator",
    "temperature", "the temperature inside",
    "mains", "the low voltage of the mains",
    "flash", "the upkeep of the memory",
    "connection", "the making of a secure connection",
    "user", "the user's choice",
    "simplified", "the car's simplified pilot",
)  # fmt: skip


class Limits:
    """Current limits of one outlet in 0.1 A per phase, each from a named source.

    `decision` is what the control tick reads: (effective_da, safety_da, ruling, rated_da), replaced as a whole by set() and
    expire(), so that the tick never sees the new value of one limit beside the old value of another. `ruling` names the
    source that decides; of several with the same value the hardware, else any. `rated_da` is what contactor and wiring
    bear: the lower one of "hardware" and "installer".
    """

    def __init__(self, hardware_da: int) -> None:
        self._values = {"hardware": hardware_da}
        self._kinds = {"hardware": SAFETY}
        self._ends_ms = {}  # source: uptime at which its limit is stale
        self._silent = []  # sources whose safety limit ran out
        self.decision = (hardware_da, hardware_da, "hardware", hardware_da)

    @property
    def effective_da(self) -> int:
        """The current that all sources together allow, 0.1 A per phase."""
        return self.decision[0]

    @property
    def safety_da(self) -> int:
        """The current that the safety limits alone allow."""
        return self.decision[1]

    @property
    def ruling(self) -> str:
        """The source that decides."""
        return self.decision[2]

    def set(self, source: str, limit_da: int | None, kind: int = SCHEDULE, valid_s: int | None = None) -> None:
        """Set the limit of a source, or lift it with None. Values below 0 count as 0.

        valid_s: seconds after which it is stale (see above), None until it is withdrawn.
        """
        self._ends_ms.pop(source, None)
        if source in self._silent:
            self._silent.remove(source)
        if limit_da is None:
            self._values.pop(source, None)
            self._kinds.pop(source, None)
        else:
            self._values[source] = max(0, limit_da)
            self._kinds[source] = kind
            if valid_s is not None:
                self._ends_ms[source] = clock.uptime_ms() + valid_s * 1000
        self._decide()

    def expire(self) -> list:
        """End what is stale; the sources concerned. Called a few times a second, never from the control tick."""
        if not self._ends_ms:
            return []
        now_ms = clock.uptime_ms()
        stale = [source for source, end_ms in self._ends_ms.items() if now_ms >= end_ms]
        for source in stale:
            del self._ends_ms[source]
            if self._kinds[source] == SAFETY:
                self._values[source] = min(self._values[source], SAFE_DA)
                self._silent.append(source)
            else:
                del self._values[source]
                del self._kinds[source]
        if stale:
            self._decide()
        return stale

    def get(self, source: str) -> int | None:
        """The limit of a source in 0.1 A, None where it has none."""
        return self._values.get(source)

    def without(self, *sources: str) -> int:
        """The current that all other sources allow, 0.1 A."""
        low = NO_LIMIT
        for name, value in self._values.items():
            if name not in sources and value < low:
                low = value
        return low

    def all(self) -> dict:
        """Source name to limit in 0.1 A, for status pages."""
        return dict(self._values)

    def _decide(self) -> None:
        low = safety = self._values["hardware"]
        ruling = "hardware"
        for source, value in self._values.items():
            if value < low:
                low = value
                ruling = source
            if self._kinds[source] == SAFETY and value < safety:
                safety = value
        self.decision = (low, safety, ruling, min(self._values["hardware"], self._values.get("installer", NO_LIMIT)))

    def describe_source(self, source: str | None = None) -> str:
        """The name of a source for a person, by default of the ruling one, with a remark when the source has fallen silent."""
        source = source or self.ruling
        name = WORDS[WORDS.index(source) + 1] if source in WORDS else source
        return name + " (not heard from)" if source in self._silent else name

    def describe(self) -> str:
        """The ruling limit in a sentence's end: 'the cable: 20.0 A'."""
        effective_da, _, ruling, _ = self.decision
        return "%s: %d.%d A" % (self.describe_source(ruling), effective_da // 10, effective_da % 10)
