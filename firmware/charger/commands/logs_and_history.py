"""The security log (SEC-22); the sessions and their sums (UK-17, UK-18)."""

from charger import clock
from charger.runtime import cooperative

_MOST = 20  # entries in one answer
_FEW = 2  # entries between two yields to other tasks


def _count(args: dict) -> int:
    return args.get("count", _MOST)


async def _log(app: Application, _role: Role, args: dict, _surface: str) -> dict:
    """Return a page of the security log, oldest first; "before" is the argument for the previous page.

    "broken" is the number of the first entry that was altered or follows a missing one, None when there is none.
    """
    journal = app.security_log
    broken = await journal.check()
    end = min(args.get("before", journal.next_seq), journal.next_seq)
    start = max(journal.first_seq, end - _count(args))
    entries = []
    for entry in journal.entries(start):
        if entry.seq >= end:
            break
        entries.append(entry.to_dict())
        if entry.seq % _FEW == 0:
            await clock.sleep_ms(0)
    return {"entries": entries, "before": start if start > journal.first_seq else None, "next": journal.next_seq,
            "broken": broken}


async def _history(app: Application, _role: Role, args: dict, _surface: str) -> dict:
    """Return sessions (newest first), sums of months or the sum of twelve months (UK-17, UK-18)."""
    history = app.sessions.history
    view = args.get("view", "sessions")
    if view == "months":
        return {"months": await history.months()}
    if view == "year":
        return await history.year()
    sessions, before = await cooperative.run(history.paging(args.get("before"), _count(args)))
    return {"sessions": sessions, "before": before}


_PAGE = (("before", ("int", 0, None)), ("count", ("int", 1, _MOST)))
_VIEW = ("view", ("enum", ("sessions", "months", "year")))
COMMANDS = {
    "log": ("log", ("strict", (), _PAGE), _log),
    "history": ("history", ("strict", (), (_VIEW,) + _PAGE), _history),  # noqa: RUF005 - MicroPython
}
