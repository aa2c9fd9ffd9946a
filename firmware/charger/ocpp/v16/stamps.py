"""The time of a message as it waits in the transaction queue: a stamp, which becomes text when the message is sent (OCPP-44).

A stamp of size _MS and more is UTC, one of -_MS and less an uptime, both in milliseconds; those between are the same in seconds,
of earlier firmware: UTC, or -1 - uptime.
"""

from charger import clock

_MS = 100000000000  # stamps of this size and more, on both sides of 0, are in milliseconds; others in seconds


def exact_stamp(utc_s: int | None, uptime_ms: int, boot_id: int, rest_ms: int = 0) -> int:
    """Return a stamp in milliseconds for UTC seconds or uptime: UTC from _MS up, uptimes from -_MS down.

    Whole seconds are completed by the uptime where that is of this start-up and the clock was not set since, else by rest_ms.
    """
    if utc_s is None:
        return -_MS - uptime_ms
    exact = clock.utc_ms_at(uptime_ms) if boot_id == clock.boot_id else None
    return utc_s * 1000 + rest_ms if exact is None or exact // 1000 != utc_s else exact


def stamp_in(session: Session | None) -> int:
    """Return the stamp of now, in milliseconds, for a session that runs (None: for no session): not before its start."""
    if session is None:
        return now_stamp()
    return exact_stamp(session.utc_now(), clock.uptime_ms(), clock.boot_id, 999)


def now_stamp() -> int:
    """Return the stamp of now, in milliseconds."""
    uptime_ms = clock.uptime_ms()
    utc = clock.utc_ms_at(uptime_ms)
    return -_MS - uptime_ms if utc is None else utc


def fill_times(value: Any, time_base: tuple) -> bool:
    """Turn the stamps of a message into times, in place; True when one of them had to be counted from `time_base`."""
    counted = False
    if isinstance(value, list):
        for item in value:
            counted = fill_times(item, time_base) or counted
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "timestamp":
                if isinstance(item, int):
                    counted = item < 0 or counted
                    value[key] = _iso(item, time_base)
            elif isinstance(item, (list, dict)):
                counted = fill_times(item, time_base) or counted
    return counted


def _iso(moment: int, time_base: tuple) -> str:
    if moment >= 0:
        return clock.iso_ms(moment) if moment >= _MS else clock.iso(moment)
    if time_base[1] is None:
        return clock.now_iso()
    if not time_base[2]:
        return clock.iso_ms(time_base[1])
    return clock.iso_ms(time_base[1] + (-_MS - moment if moment <= -_MS else (-1 - moment) * 1000))
