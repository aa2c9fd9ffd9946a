"""The one place that decides the current: every source may only lower it, the smallest wins (CP-14)."""

from micropython import const

SAFETY = const(0)  # acts at once (UK-36)
SCHEDULE = const(1)  # may have been delayed before it came here (UK-35)

NO_LIMIT = const(0x7FFF)

# What each source is called where a person reads why the current is what it is.
WORDS = {
    "hardware": "the charger's own maximum",
    "installer": "the limit set at installation",
    "cable": "the cable",
    "csms": "the charging profile of the back end",
    "supply": "the shared supply of the outlets",
    "hours": "the charging hours",
    "temperature": "the temperature inside",
    "user": "the user's choice",
}


class Limits:
    """Current limits of one outlet in 0.1 A per phase, each from a named source.

    `effective_da` is what the control tick reads; it changes only in set(). `ruling` names the source that decides.
    """

    def __init__(self, hardware_da: int):
        self._values = {"hardware": hardware_da}
        self._kinds = {"hardware": SAFETY}
        self.effective_da = hardware_da
        self.ruling = "hardware"
        self.safety_da = hardware_da

    def set(self, source: str, limit_da: int | None, kind: int = SCHEDULE):
        """Set the limit of a source, or lift it with None. Values below 0 count as 0."""
        if limit_da is None:
            self._values.pop(source, None)
            self._kinds.pop(source, None)
        else:
            self._values[source] = max(0, limit_da)
            self._kinds[source] = kind
        self._decide()

    def get(self, source: str) -> int | None:
        """The limit of a source in 0.1 A, None where it has none."""
        return self._values.get(source)

    def without(self, source: str) -> int:
        """What all the other sources allow, 0.1 A."""
        low = NO_LIMIT
        for name, value in self._values.items():
            if name != source and value < low:
                low = value
        return low

    def all(self) -> dict:
        """Source name to limit in 0.1 A, for status pages."""
        return dict(self._values)

    def _decide(self):
        low = safety = NO_LIMIT
        ruling = "hardware"
        for source, value in self._values.items():
            if value < low:
                low = value
                ruling = source
            if self._kinds[source] == SAFETY and value < safety:
                safety = value
        self.ruling = ruling
        self.safety_da = safety
        self.effective_da = low

    def words(self) -> str:
        """The ruling limit in a sentence's end: 'the cable: 20.0 A'."""
        return "%s: %d.%d A" % (WORDS.get(self.ruling, self.ruling), self.effective_da // 10, self.effective_da % 10)
