"""Looking back: the security log (SEC-22), the sessions and their sums (UK-17, UK-18)."""

_MOST = 20  # entries in one answer


def _count(wish) -> int:
    return wish.get("count", _MOST)


async def _log(app, _role, wish, _surface) -> dict:
    """A page of the security log, oldest first; "before" is for the page before it."""
    journal = app.security_log
    end = min(wish.get("before", journal.next_seq), journal.next_seq)
    start = max(journal.first_seq, end - _count(wish))
    entries = []
    for entry in journal.entries(start):
        if entry.seq >= end:
            break
        entries.append(entry.to_dict())
    return {"entries": entries, "before": start if start > journal.first_seq else None, "next": journal.next_seq}


async def _history(app, _role, wish, _surface) -> dict:
    """UK-17, UK-18: single sessions newest first, sums of months, the sum of twelve months."""
    history = app.sessions.history
    view = wish.get("view", "sessions")
    if view == "months":
        return {"months": await history.months()}
    if view == "year":
        return await history.year()
    sessions, before = history.page(wish.get("before"), _count(wish))
    return {"sessions": sessions, "before": before}


_PAGE = (("before?", ("int", 0, None)), ("count?", ("int", 1, _MOST)))
_VIEW = ("view?", ("enum", ("sessions", "months", "year")))
COMMANDS = {
    "log": ("log", ("strict", _PAGE), _log),
    "history": ("history", ("strict", (_VIEW,) + _PAGE), _history),  # noqa: RUF005 - MicroPython
}
