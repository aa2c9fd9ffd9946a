"""Charging hours: the country's default, or what the owner chose in their place (UK-21 to 24, UK-26)."""

from charger import clock, log
from charger.audit import events
from charger.grid import countries
from charger.grid.time_zone import TimeZone
from charger.grid.weekly import WeeklyWindows, minute_of_week

FILE = "charging_hours.json"  # None: the default holds; else the text of the windows, "" for none
ACCEPT, REMOVE, CHANGE = "accept", "remove", "change"


class ChargingHours:
    """The hours in force, read from flash. With a DSR agreement the default does not hold (UK-26).

    The planner keeps what it has looked up, not this: it is made for one look, a few times a day.
    """

    def __init__(self, config: Configuration, files: Files, on_event: Callable) -> None:
        country = countries.load(config.get_str("Country"))
        self._default = "" if config.get_bool("DsrAgreement") else country.HOURS or ""
        self._files = files
        self._on_event = on_event
        self.zone = TimeZone(country.ZONE)
        stored = files.read_json(FILE, {})
        stored = stored if isinstance(stored, dict) else {}
        self.choice = stored.get("choice")  # None until the owner has chosen (UK-22)
        try:
            self._windows = WeeklyWindows(stored["windows"] if self.choice == CHANGE else self._text())
        except (ValueError, KeyError, TypeError, AttributeError):
            log.error("hours", "the stored hours are unusable: the default holds")
            self.choice = None
            self._windows = WeeklyWindows(self._default)

    @property
    def chosen(self) -> bool:
        """False while the country's hours hold because the owner has not chosen yet (UK-22)."""
        return self.choice is not None or not self._default

    def _text(self) -> str:
        return "" if self.choice == REMOVE else self._default

    def choose(self, choice: str, windows: str, by: str) -> None:
        """The owner accepts the default, removes it or sets other hours. ValueError, OSError by the flash (UK-22, UK-23)."""
        made = WeeklyWindows(windows if choice == CHANGE else "" if choice == REMOVE else self._default)
        self._files.write_json(FILE, {"choice": choice, "windows": windows if choice == CHANGE else ""})
        self.choice = choice
        self._windows = made
        self._on_event(events.HOURS_CHOSEN, "%s%s, by %s" % (choice, made.text and " " + made.text, by))

    def at(self, utc: int | None) -> tuple:
        """(whether charging is allowed now, when that may change or None). Without the time it is allowed (UK-15)."""
        if utc is None or not self._windows.text:
            return True, None
        local_s = utc + self.zone.offset_s(utc)
        minute = minute_of_week(local_s)
        ahead_s = self._windows.next_edge(minute) * 60 - local_s % 60
        return self._windows.contains(minute), min(utc + ahead_s, self.zone.next_change(utc))

    def local_time(self, utc: int) -> str:
        """Local time of the zone, as 2026-01-31T23:59."""
        return clock.iso(utc + self.zone.offset_s(utc))[:16]

    def report(self) -> dict:
        """The hours in force, and whether the owner has chosen yet: plain data."""
        now = clock.utc_s()
        return {
            "zone": self.zone.text, "choice": self.choice, "windows": self._windows.text, "default": self._default,
            "open": self.at(now)[0], "local_time": None if now is None else self.local_time(now),
        }  # fmt: skip
