"""The daily question for a new version (SEC-5, SEC-7)."""

from check import equal, true
from update_manager_rig import DAY_S, RELEASE, DownloadSource, let_pass, make_updates, notice, release_check

from charger import clock
from charger.net import strict_json


async def test_release_check_runs_at_once_and_then_daily_with_jitter():
    source = DownloadSource(notice(dict(RELEASE, version="9.0.0")))
    updates, app, _ = make_updates(source)
    began_s = clock.uptime_ms() // 1000
    await let_pass(updates._run(), 20 * DAY_S)
    asked = source.asked_s
    true(asked[0] - began_s <= 120, "first set-up: asked after %d s" % (asked[0] - began_s))
    gaps = [asked[n + 1] - asked[n] for n in range(len(asked) - 1)]
    true(16 <= len(gaps) <= 27, len(gaps))
    true(all(DAY_S * 3 // 4 - 120 <= gap <= DAY_S * 5 // 4 + 240 for gap in gaps), gaps)
    true(len(set(gaps)) > 3, "no jitter")
    equal(set(app.security_log.events), {"UpdateChecked"})
    equal(updates.report()["offer"], {"version": "9.0.0", "url": "https://h/a"})
    equal(updates._updater, None, "its code stays in RAM")
    again, _, _ = make_updates(source, app=app)  # the offer outlives a restart, and the first question waits a little
    equal(again.report()["offer"]["version"], "9.0.0")
    true(60 <= again._first_question_s() <= 120)


class Place:
    """Stands for the link's settings and for the station."""

    def __init__(self, url=None, joined=True):
        self.url = url
        self.joined = joined

    def isconnected(self):
        return self.joined


async def test_unit_without_a_back_end_asks_by_itself():
    for url, joined, asks in ((None, True, True), (None, False, False), ("wss://h/ocpp", True, False)):
        source = DownloadSource(notice(dict(RELEASE, version="9.0.0")))
        updates, app, _ = make_updates(source)
        app.settings = app.station = Place(url, joined)
        app.charge_point.ready = lambda: False
        await let_pass(updates._run(), 3 * DAY_S)
        equal(len(source.asked_s) >= 2, asks, (url, joined))
        equal(len(source.asked_s) > 0, asks, (url, joined))


async def test_unit_without_a_back_end_and_without_the_time_does_not_ask():
    source = DownloadSource(notice(RELEASE))
    updates, app, _ = make_updates(source)
    app.settings = app.station = Place()
    app.charge_point.ready = lambda: False
    clock._zero_s = None
    await let_pass(updates._run(), DAY_S)
    equal(source.asked_s, [])


async def test_a_failure_is_tried_again_sooner_and_logged():
    source = DownloadSource(None)
    updates, app, _ = make_updates(source)
    await let_pass(updates._run(), DAY_S)
    true(12 <= len(source.asked_s) <= 36, len(source.asked_s))
    equal(set(app.security_log.events), {"UpdateCheckFailed"})


async def test_only_what_fits_and_is_newer_is_offered():
    def changed(**what):
        release = dict(RELEASE)
        release.update(what)
        return release

    for wrong in (
        {"board": "X"}, {"min_hardware": 2}, {"version": "0.1.0"}, {"version": "0.0.9"}, {"counter": 2}, {"counter": None},
        {"url": "http://h/a"}, {"url": 7}, {"version": 7}, {"min_hardware": "1"}, {"version": "0.2.0-\x7f"}, {"url": "https://h/\n"},
        {"version": "0.2.0-" + "x" * 50}, {"url": "https://h/" + "x" * 500}, {"counter": 1 << 70}, {"counter": True},
        {"version": "x.y.z"}, {"version": "0.2"}, {"version": "0.2.0-"},
    ):  # fmt: skip
        notices, _, _ = release_check(notice(changed(**wrong)))
        true(await notices.check_release(), str(wrong))
        equal(notices._updater.offer, None, str(wrong))
    notices, _, _ = release_check(
        notice(changed(version="0.3.0"), RELEASE, 7, {}, changed(version="0.4"), changed(version="0.2.9")))
    await notices.check_release()
    equal(notices._updater.offer["version"], "0.3.0")
    notices._source.text = notice()
    await notices.check_release()
    equal(notices._updater.offer, None)
    equal([answer.closed for answer in notices._source.answers], [True, True])


async def test_rubbish_is_a_failed_question():
    for text in (b"", b"[]", b'{"format":2,"releases":[]}', b'{"format":1}', b"<html>", b"[" * 8192, b'{"a":' * 1600,
                 b'{"format":1,"format":1,"releases":[]}', notice(dict(RELEASE, version="0.2.0-\0"))):
        notices, _, heard = release_check(text)
        equal(await notices.check_release(), False, str(text))
        equal((heard, notices._updater.offer), (["UpdateCheckFailed"], None))
        equal([answer.closed for answer in notices._source.answers], [True], str(text))


async def test_f_s1_a_number_of_eight_thousand_digits_is_refused_before_it_is_converted():
    """The conversion takes the square of the length: some 80 ms of an ESP32, in which no control tick runs."""
    converted = []

    class Parser:
        loads = converted.append

    parser, strict_json.json = strict_json.json, Parser
    try:
        notices, _, heard = release_check(b'{"format":1,"releases":[],"n":' + b"9" * 8000 + b"}")
        equal((await notices.check_release(), heard, len(converted)), (False, ["UpdateCheckFailed"], 0))
    finally:
        strict_json.json = parser


def test_the_reason_of_an_update_that_was_not_installed_stays_in_the_status_until_the_next_request():
    updates, _, _ = make_updates(None)
    equal(updates.report()["why"], None)
    updates.updater().failed = "no such host"
    updates._let_go()
    equal(updates.report()["why"], "no such host")
    updates.updater()
    equal(updates.report()["why"], "no such host", "a new Updater")
    updates.updater().failed = ""
    equal(updates.report()["why"], None)
