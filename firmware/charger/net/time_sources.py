"""The decision which time is believed (SEC-27): the back end's, that of SNTP servers, the Date of HTTPS servers.

A small correction holds at once. A large step, or the first time after a start without a clock, holds at once where a
second source agrees; else it is on trial until the next verified TLS link or a second source confirms it. It is
taken back when a TLS link finds certificates out of date by it, or when a second source agrees with the time before.
A source without authentication moves a known clock by a small correction only.
"""

from micropython import const

from charger import clock, log

_LARGE_S = const(600)  # a larger difference is a step
_AGREE_S = const(60)  # two sources that differ by less than that agree
_FRESH_S = const(3600)  # for so long a statement counts as evidence
_MOST = const(6)  # sources remembered
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

_offered = {}  # source: (UTC at uptime 0 that it offered, uptime of the offer)
_trial = None  # (source, UTC at uptime 0 before or None) while a step is on trial
_refused = None  # UTC at uptime 0 that was taken back


def offer(source: str, seconds: int, millis: int = 0, trusted: bool = True) -> bool:
    """A source says that it is `seconds` UTC now. True when the clock follows it, or shows that time already.

    `trusted`: the source may move a known clock by a large step on trial.
    """
    global _trial, _refused
    if not clock.plausible(seconds):
        return False
    zero = witness(source, seconds)
    agreed = _agrees(source, zero)
    now = clock.utc_s()
    if now is not None and abs(seconds - now) <= _LARGE_S:
        if _trial is not None and source != _trial[0]:
            _trial = None  # a second source says the same
        return clock.set_utc(seconds, source, millis)
    if agreed:
        _trial = _refused = None
        return clock.set_utc(seconds, source, millis)
    if _trial is not None and source != _trial[0] and _same(zero, _trial[1], _LARGE_S):
        take_back("%s agrees with the time before" % source)
        return True
    if _same(zero, _refused, _LARGE_S) or (now is not None and not trusted):
        log.warn("clock", "%s says %s: not believed without a second source" % (source, clock.iso(seconds)))
        return False
    if _trial is None:
        _trial = (source, clock.utc_at_uptime(0))
    else:
        _trial = (source, _trial[1])
    return clock.set_utc(seconds, source, millis)


def witness(source: str, seconds: int) -> int:
    """Remember what a source says, as evidence only. Return the UTC at uptime 0 that follows from it."""
    up_s = clock.uptime_s()
    zero = seconds - up_s
    if not clock.plausible(seconds):
        return zero
    if source not in _offered and len(_offered) >= _MOST:
        del _offered[min(_offered, key=lambda name: _offered[name][1])]
    _offered[source] = (zero, up_s)
    return zero


def heard_date(source: str, text: str | bytes | None) -> None:
    """Take the Date field of an HTTP answer (RFC 9110) as evidence; anything else than a date is ignored."""
    try:
        if isinstance(text, bytes):
            text = str(text, "utf-8")
        # Sun, 06 Nov 1994 08:49:37 GMT
        if text is None or len(text) != 29 or text[3:5] != ", " or text[25:] != " GMT":
            return
        month = _MONTHS.find(text[8:11])
        if month < 0 or month % 3:
            return
        witness(source, clock.parse_iso("%s-%02d-%sT%s" % (text[12:16], month // 3 + 1, text[5:7], text[17:25]))[0])
    except ValueError:
        return


def on_trial() -> bool:
    """True while the present time waits for its confirmation."""
    return _trial is not None


def link_verified() -> None:
    """A TLS link was made whose certificates are valid by the present time."""
    global _trial
    _trial = None


def link_failed(cause: str) -> None:
    """An attempt at a link failed: "expired" means that a certificate is out of date by the present time."""
    if cause == "expired" and _trial is not None:
        take_back("certificates are out of date by it")


def take_back(why: str) -> None:
    """End the trial with the time before."""
    global _trial, _refused
    if _trial is None:
        return
    source, before = _trial
    _trial = None
    _refused = clock.utc_at_uptime(0)
    log.warn("clock", "the time of %s is taken back: %s" % (source, why))
    if before is None:
        clock.forget_utc()
    else:
        clock.set_utc(before + clock.uptime_s(), "before")


def _agrees(source: str, zero: int) -> bool:
    """True when another source has offered the same within the last hour."""
    up_s = clock.uptime_s()
    for other, (other_zero, when) in _offered.items():
        if other != source and up_s - when <= _FRESH_S and _same(other_zero, zero, _AGREE_S):
            return True
    return False


def _same(zero: int, other: int | None, within_s: int) -> bool:
    return other is not None and abs(zero - other) <= within_s
