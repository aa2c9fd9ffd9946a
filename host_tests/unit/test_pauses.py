"""Why a session had no energy: counted in its record, through a power cut, in the history, and reported to the back end."""

import struct

import flashrig
from check import equal, true
from test_connector import Bench

from charger import clock, log
from charger.metering import charging_session as ses
from charger.metering.history import History
from charger.metering.session_store import SessionStore
from charger.outlet import guards, limits
from sim import ev, timebase


def _charging():
    bench = Bench()
    bench.charge(6000)
    return bench


def _pauses(session):
    return session.pauses, session.last_pause, session.last_error, session.paused


def test_each_kind_of_pause_is_counted_with_its_cause_time_status_and_code():
    bench = _charging()
    session = bench.connector.session
    equal(_pauses(session), ([0, 0, 0], None, "NoError", False))
    bench.rig.side.plug(ev.IDLE)
    bench.until("SuspendedEV")
    bench.rig.run(10000)
    equal(_pauses(session), ([1, 0, 0], "car", "NoError", True))
    true(9 <= session.paused_s <= 11, str(session.paused_s))
    bench.rig.side.plug(ev.ASKING)
    bench.until("Charging")
    equal(_pauses(session), ([1, 0, 0], "car", "NoError", False))
    bench.rig.outlet.limits.set("csms", 0)
    bench.until("SuspendedEVSE")
    equal(_pauses(session)[:2], ([1, 1, 0], "csms"))
    equal(bench.connector.info, "Paused by the charging profile of the back end")
    bench.rig.outlet.limits.set("csms", None)
    bench.rig.outlet.limits.set("supply", 0, limits.SAFETY)
    bench.rig.run(1000)
    equal(_pauses(session)[:2], ([1, 2, 0], "supply"))
    equal(bench.connector.info, "Paused by the shared supply")
    bench.rig.outlet.limits.set("supply", None)
    bench.until("Charging", 20000)
    equal(bench.connector.info, "")
    bench.rig.world.set_fault("GroundFailure", 1, True)
    bench.until("Faulted")
    bench.rig.run(5000)
    equal(_pauses(session), ([1, 2, 1], "ResidualCurrent", "GroundFailure", True))
    equal(bench.heard.codes[-1], ("Faulted", "GroundFailure"))
    bench.rig.world.set_fault("GroundFailure", 1, False)
    bench.rig.side.plug(ev.ABSENT)
    bench.until("Available", 20000)
    listed = bench.sessions.history.page()[0][0]
    equal(listed["pauses"], {"car": 1, "charger": 2, "fault": 1})
    equal((listed["last_pause"], listed["last_error"], listed["ended_paused"]), ("ResidualCurrent", "GroundFailure", True))
    equal((listed["reason"], listed["paused_s"]), ("EVDisconnected", session.paused_s))


def test_uninterrupted_session_counts_no_pause_and_a_stop_is_no_pause():
    bench = _charging()
    bench.connector.stop("Local", "TAG-1")
    bench.until("Finishing")
    bench.rig.run(3000)
    listed = bench.sessions.history.page()[0][0]
    equal((listed["pauses"], listed["paused_s"]), ({"car": 0, "charger": 0, "fault": 0}, 0))
    equal((listed["last_pause"], listed["ended_paused"]), (None, False))


def test_a_suspension_by_the_back_end_gives_the_reason():
    bench = _charging()
    bench.connector.suspend("The card was refused")
    bench.until("SuspendedEVSE")
    equal((bench.connector.session.last_pause, bench.connector.info), ("backend", "The card was refused"))


def test_pauses_survive_a_power_cut():
    """Written when due; a pause is due 15 s after the last write, not 300 s."""
    device = flashrig.fresh()
    sessions = SessionStore(flashrig.files())
    session = sessions.begin(1, "TAG", 0)
    timebase.advance(16000)
    session.pause("PilotShort", "OtherError", 0)
    sessions.checkpoint(session, 0, 0)
    writes = device.writes
    timebase.advance(10000)
    session.pause("PilotShort", "OtherError", 10000)  # goes on: no news
    sessions.checkpoint(session, 0, 0)
    equal(device.writes, writes)
    again = SessionStore(flashrig.files())
    left = again.recover()[0]
    equal(_pauses(left), ([0, 0, 1], "PilotShort", "OtherError", True))
    again.end(left, left.stop_wh, "PowerLoss")
    listed = again.history.page()[0][0]
    equal((listed["reason"], listed["last_pause"], listed["ended_paused"]), ("PowerLoss", "PilotShort", True))


def test_records_of_the_firmware_before_are_read():
    """Ended, open and running records without pauses: nothing of them is lost, and they have no pauses."""
    flashrig.fresh()
    history = History(flashrig.files())
    session = ses.Session(7, 2, "OLDTAG", 1000, "PARENT")
    session.stop_wh, session.stop_reason, session.tag_seq = 4000, "Remote", ses.NO_SEQ
    new = session.to_record()
    old = b"\x01" + new[1 : ses.RECORD_LEN]
    equal(len(new) - len(old), 9)
    history._journal.append(old)
    session.local_id = 8
    session.pause("car", "NoError", 0)
    history.add(session)
    listed = history.page()[0]
    equal([(one["id"], one["import_wh"], one["pauses"]["car"]) for one in listed], [(8, 3000, 1), (7, 3000, 0)])
    found = ses.from_record(old + ses.pack_tags(session))
    equal((found.id_tag, found.parent_id_tag, found.last_pause), ("OLDTAG", "PARENT", None))
    found.restore(struct.pack("<IIIIIIII", 7, 5000, 1, 2, 3, 4, 5, 0))
    equal((found.stop_wh, found.max_w, found.pauses), (5000, 3, [0, 0, 0]))
    equal(ses.from_record(new[:-1]), None)


def test_every_cause_and_code_has_its_place_on_flash():
    for guard in guards.ALL:
        true(ses.word_position(ses.CAUSES, guard.__name__) >= 0, guard.__name__)
        true(ses.word_position(ses.ERROR_CODES, guard.CODE) >= 0, guard.CODE)
    for source in [limits.WORDS[n] for n in range(0, len(limits.WORDS), 2)]:
        true(ses.word_position(ses.CAUSES, source) >= 0, source)
    session = ses.Session(1, 1, None, 0)
    for cause in ses.CAUSES.split(" ")[1:]:
        for _ in range(300):
            session.pause(cause, "NoError", 1000)
            session.pause(None, "NoError", 1000)
        found = ses.from_record(session.to_record())
        equal((found.last_pause, found.pauses, found.paused_s), (cause, session.pauses, session.paused_s))
    equal(session.pauses, [255, 255, 255])
    session.pause("a source of later days", "ANewCode", 0)
    found = ses.from_record(session.to_record())
    equal((found.last_pause, found.last_error), ("other", "OtherError"))


# --- limits that end ---


def test_a_schedule_limit_ends_and_a_safety_limit_falls_to_the_safe_minimum():
    bench = _charging()
    out = bench.rig.outlet
    out.limits.set("csms", 100, limits.SCHEDULE, 20)
    bench.rig.run(6000)
    equal(out.offered_da, 100)
    bench.rig.run(13000)
    equal(out.limits.get("csms"), 100)
    bench.rig.run(7000)
    equal((out.limits.get("csms"), out.offered_da), (None, 320))
    out.limits.set("supply", 200, limits.SAFETY, 10)
    bench.rig.run(9000)
    equal(out.offered_da, 200)
    bench.rig.run(1200)
    equal(out.offered_da, 60)  # at once, without the 5 s of CP-22
    equal(out.limit_words(), "the shared supply (not heard from): 6.0 A")
    bench.rig.run(60000)
    equal((out.offered_da, out.energised), (60, True))  # silence never raises it
    out.limits.set("supply", 160, limits.SAFETY, 10)
    bench.rig.run(6000)
    equal((out.offered_da, out.limit_words()), (160, "the shared supply: 16.0 A"))
    out.limits.set("supply", 0, limits.SAFETY, 10)
    bench.rig.run(60000)
    equal((out.limits.get("supply"), out.energised), (0, False))  # and never from none to some
    out.limits.set("supply", None)
    bench.until("Charging", 20000)


def test_renewed_limits_never_end_and_clock_jumps_change_nothing():
    all_limits = limits.Limits(320)
    for _ in range(30):
        all_limits.set("supply", 200, limits.SAFETY, 10)
        timebase.advance(9000)
        equal(all_limits.expire(), [])
    clock.set_utc(4000000000, "test")
    equal(all_limits.expire(), [])
    clock.set_utc(1700000000, "test")
    timebase.advance(999)
    equal(all_limits.expire(), [])
    timebase.advance(1)
    equal((all_limits.expire(), all_limits.effective_da), (["supply"], 60))
    equal(all_limits.expire(), [])


def test_a_schedule_and_a_safety_limit_together_safety_acts_at_once_uk36():
    """The schedule's step may wait (UK-35, CP-22); the safety limit that comes with it does not."""
    bench = _charging()
    out = bench.rig.outlet
    out.limits.set("csms", 250)
    bench.rig.run(40)
    equal(out.offered_da, 250)
    out.limits.set("csms", 200)
    bench.rig.run(1000)
    equal(out.offered_da, 250)  # alone it waits
    out.limits.set("csms", 300)
    out.limits.set("supply", 160, limits.SAFETY)
    bench.rig.tick()
    equal((out.offered_da, out.limits.ruling), (160, "supply"))
    bench.rig.run(100)
    out.limits.set("csms", 240)
    out.limits.set("supply", 130, limits.SAFETY)
    bench.rig.tick()
    equal(out.offered_da, 130)


def _lines_with(text):
    """Lines of the log since the last session began."""
    lines = log.recent()
    starts = [n for n in range(len(lines)) if "session 1 starts" in lines[n]]
    return len([line for line in lines[starts[-1] :] if text in line])


def test_ruling_limit_is_logged_once_a_change_at_a_bounded_rate():
    bench = _charging()
    bench.rig.outlet.limits.set("csms", 160)
    bench.rig.run(36000)
    equal(_lines_with("current decided by the charging profile of the back end: 16.0 A"), 1)
    for n in range(100):  # two sources take turns ten times a second
        bench.rig.outlet.limits.set("csms", 160 if n % 2 else None)
        bench.rig.run(100)
    true(2 <= _lines_with("current decided by") <= 4, str(_lines_with("current decided by")))
