"""Sessions: on flash before energy flows, found again after a power loss, dated later, erasable (OCPP-37, UK-17, SEC-15)."""

import flashrig
from check import equal, near, no_alloc, raises, true

from charger import clock, version
from charger.metering.charging_session import Session, from_record
from charger.metering.energy_register import EnergyRegister
from charger.metering.session_store import SessionStore
from sim import flash as simflash
from sim import timebase

WORDS = (64, 32)

NOON = version.BUILD_UTC_S + 200 * 86400


def setup():
    timebase.manual()
    flashrig.reboot(1)


def teardown():
    simflash.unmount()


def _charger(connectors=1):
    """(sessions, registers by connector) as app.py builds them."""
    files = flashrig.files()
    sessions = SessionStore(files)
    registers = {}
    for n in range(1, connectors + 1):
        registers[n] = EnergyRegister(files, n)
        sessions.watch(n, registers[n])
    return sessions, registers


def _charge(sessions, register, session, seconds, power_w=7200):
    for _ in range(seconds):
        timebase.advance(1000)
        register.add(power_w * 1000 // 3600)
        sessions.checkpoint(session, register.total_wh, power_w)


def _after_power_loss(device, connectors=1, keep_time=False):
    zero = clock.utc_s()
    device = flashrig.restart(device)
    flashrig.reboot()
    if keep_time:
        clock.set_utc(zero + 2, "rtc")
    sessions, registers = _charger(connectors)
    return device, sessions, registers


def test_one_use_from_start_to_end_uk17():
    flashrig.fresh()
    clock.set_utc(NOON, "test")
    sessions, registers = _charger()
    registers[1].add(1000000)
    session = sessions.begin(1, "ABCDEF", registers[1].total_wh, "PARENT", 9)
    equal((session.local_id, session.start_wh, session.start_utc, session.reservation_id), (1, 1000, NOON, 9))
    _charge(sessions, registers[1], session, 600)
    _charge(sessions, registers[1], session, 300, 0)
    _charge(sessions, registers[1], session, 100, 3600)
    sessions.end(session, registers[1].total_wh, "Local", "ABCDEF")
    equal((session.import_wh, session.stop_utc, session.charging_s, session.max_w), (1300, NOON + 1000, 700, 7200))
    equal((session.mean_w, session.duration_s, session.stop_reason), (1300 * 3600 // 700, 1000, "Local"))
    listed = sessions.history.page()[0][0]
    equal(listed, {
        "id": 1, "connector": 1, "start": NOON, "end": NOON + 1000, "estimated": False, "duration_s": 1000,
        "charging_s": 700, "import_wh": 1300, "export_wh": 0, "max_w": 7200, "mean_w": 6685, "reason": "Local",
        "transaction_id": None, "id_tag": "ABCDEF", "pauses": {"car": 0, "charger": 0, "fault": 0}, "paused_s": 0,
        "last_pause": None, "last_error": "NoError", "ended_paused": False,
        "openings_under_load": 0, "opened_by": None,
    })


def test_export_is_taken_from_the_register():
    flashrig.fresh()
    sessions, registers = _charger()
    registers[1].add_export(5000000)
    session = sessions.begin(1, None, 0)
    registers[1].add_export(250000)
    sessions.checkpoint(session, registers[1].total_wh, -7000)
    equal((session.export_wh, session.max_w), (250, 7000))
    sessions.end(session, registers[1].total_wh, "Remote")
    equal(sessions.history.page()[0][0]["export_wh"], 250)


def test_on_flash_before_begin_returns():
    device = flashrig.fresh()
    sessions, registers = _charger()
    registers[1].add(12345678)
    session = sessions.begin(1, "TAG", registers[1].total_wh, None, 3)
    device, sessions, registers = _after_power_loss(device)
    found = sessions.recover()
    equal(len(found), 1)
    for name in ("local_id", "connector_id", "id_tag", "parent_id_tag", "reservation_id", "start_wh", "start_utc",
                 "start_uptime_ms", "boot_id", "transaction_id"):
        wanted = getattr(session, name)
        equal(getattr(found[0], name), wanted // 1000 * 1000 if name == "start_uptime_ms" else wanted, name)
    equal(registers[1].total_wh, 12345)


def test_power_loss_keeps_the_last_known_energy_and_time():
    device = flashrig.fresh()
    clock.set_utc(NOON, "test")
    sessions, registers = _charger()
    session = sessions.begin(1, "TAG", registers[1].total_wh)
    _charge(sessions, registers[1], session, 1000)
    true_wh = registers[1].total_wh
    device, sessions, registers = _after_power_loss(device)
    (found,) = sessions.recover()
    true(true_wh - 100 <= found.stop_wh <= true_wh, str((found.stop_wh, true_wh)))
    equal(found.stop_wh, registers[1].total_wh)
    true(NOON + 1000 - 60 <= found.stop_utc <= NOON + 1000, str(found.stop_utc))
    true(1000 - 60 <= found.charging_s <= 1000, str(found.charging_s))
    timebase.advance(5000000)
    sessions.end(found, found.stop_wh, "PowerLoss")
    equal((found.stop_reason, found.stop_utc < NOON + 1001), ("PowerLoss", True))
    listed = sessions.history.page()[0][0]
    equal((listed["reason"], listed["import_wh"], listed["end"]), ("PowerLoss", found.import_wh, found.stop_utc))
    device, sessions, registers = _after_power_loss(device)
    equal(sessions.recover(), [])
    equal(len(sessions.history), 1)


def test_energy_counted_after_the_last_checkpoint_belongs_to_the_session():
    device = flashrig.fresh()
    sessions, registers = _charger()
    session = sessions.begin(1, "TAG", 0)
    sessions.checkpoint(session, 0, now=True)
    registers[1].add(85000)
    registers[1].persist()
    device, sessions, registers = _after_power_loss(device)
    equal(sessions.recover()[0].stop_wh, 85)


def test_a_stop_that_was_decided_is_known_after_a_power_cut():
    """With and without openings under load; the record of the ended session is as without it."""
    for openings in (0, 3):
        device = flashrig.fresh()
        sessions, registers = _charger()
        session = sessions.begin(1, "TAG", 0)
        session.openings = openings
        session.opened_by = "OverVoltage" if openings else None
        _charge(sessions, registers[1], session, 1000)
        sessions.note_stop(session, registers[1].total_wh)
        device, sessions, registers = _after_power_loss(device)
        (found,) = sessions.recover()
        equal((found.stopping, found.openings, found.opened_by), (True, openings, session.opened_by))
        sessions.end(found, found.stop_wh, "PowerLoss")
        device, sessions, registers = _after_power_loss(device)
        equal(sessions.recover(), [])
        (ended,) = sessions.history.recent()
        equal((ended.stop_reason, ended.openings, ended.import_wh), ("PowerLoss", openings, found.import_wh))


def test_each_connector_has_its_own():
    device = flashrig.fresh()
    sessions, registers = _charger(2)
    first = sessions.begin(1, "ONE", 0)
    second = sessions.begin(2, "TWO", 0)
    equal((first.local_id, second.local_id), (1, 2))
    registers[2].add(500000)
    sessions.checkpoint(second, 500, now=True)
    device, sessions, registers = _after_power_loss(device, 2)
    equal([(s.connector_id, s.id_tag, s.stop_wh) for s in sessions.recover()], [(1, "ONE", 0), (2, "TWO", 500)])


def test_numbers_are_never_given_twice():
    device = flashrig.fresh()
    sessions, _ = _charger()
    used = []
    for n in range(6):
        session = sessions.begin(1, None, 0)
        used.append(session.local_id)
        if n % 2:
            sessions.end(session, 0, "Local")
        device, sessions, _ = _after_power_loss(device)
        for left in sessions.recover():
            sessions.end(left, 0, "PowerLoss")
    equal(used, [1, 2, 3, 4, 5, 6])
    sessions.history.erase()
    flashrig.files().delete("hot/ids.a")
    device, sessions, _ = _after_power_loss(device)
    true(sessions.begin(1, None, 0).local_id >= 6)


def test_a_checkpoint_writes_only_when_due():
    device = flashrig.fresh()
    sessions, registers = _charger()
    session = sessions.begin(1, "TAG", 0)
    sessions.checkpoint(session, 0, now=True)
    register = registers[1]
    writes = 0
    for _ in range(3600):  # an hour at 7.2 kW: 80 times 90 Wh
        timebase.advance(1000)
        register.add(2000)
        cost = flashrig.cost(device, lambda: sessions.checkpoint(session, register.total_wh, 7200))
        writes += 1 if cost[0] else 0
    true(79 <= writes <= 81, str(writes))
    writes = 0
    for _ in range(3600):  # an hour of a full car: every five minutes
        timebase.advance(1000)
        cost = flashrig.cost(device, lambda: sessions.checkpoint(session, register.total_wh, 0))
        writes += 1 if cost[0] else 0
    true(11 <= writes <= 12, str(writes))


def test_a_transaction_id_that_comes_later_is_kept():
    device = flashrig.fresh()
    sessions, _ = _charger()
    for transaction_id in (0, -1, 123456789, 2**40):
        session = sessions.begin(1, "TAG", 0)
        session.transaction_id = transaction_id
        sessions.save(session)
        device, sessions, _ = _after_power_loss(device)
        (found,) = sessions.recover()
        equal(found.transaction_id, transaction_id)
        sessions.end(found, 0, "PowerLoss")
        equal(sessions.history.page()[0][0]["transaction_id"], transaction_id)


def test_time_that_becomes_known_later_dates_what_was_before():
    device = flashrig.fresh()
    sessions, _ = _charger()
    ended = sessions.begin(1, "ONE", 0)
    timebase.advance(60000)
    sessions.end(ended, 0, "Local")
    running = sessions.begin(1, "TWO", 0)
    equal((ended.start_utc, ended.stop_utc, running.start_utc), (None, None, None))
    listed = sessions.history.page()[0][0]
    equal((listed["start"], listed["end"], listed["estimated"], listed["duration_s"]), (None, None, True, 60))
    timebase.advance(40000)
    clock.set_utc(NOON, "ntp")
    for _ in range(2):
        near(running.start_utc, NOON - 40, 1)
        listed = sessions.history.page()[0][0]
        near(listed["start"], NOON - 100, 1)
        near(listed["end"], NOON - 40, 1)
        equal(listed["estimated"], False)
        device, sessions, _ = _after_power_loss(device)
        (running,) = sessions.recover()


def test_a_start_up_that_never_knew_the_time_is_marked():
    device = flashrig.fresh()
    clock.set_utc(NOON, "ntp")
    sessions, _registers = _charger()
    sessions.end(sessions.begin(1, "A", 0), 0, "Local")
    device, sessions, _registers = _after_power_loss(device)
    sessions.end(sessions.begin(1, "B", 0), 0, "Local")
    device, sessions, _registers = _after_power_loss(device)
    clock.set_utc(NOON + 9999, "ntp")
    sessions.end(sessions.begin(1, "C", 0), 0, "Local")
    listed = sessions.history.page()[0]
    equal([(s["end"], s["estimated"]) for s in listed], [(NOON + 9999, False), (NOON, True), (NOON, False)])


def test_a_lost_register_is_lifted_to_what_sessions_prove():
    device = flashrig.fresh()
    sessions, registers = _charger(2)
    session = sessions.begin(1, "TAG", 0)
    registers[1].add(7000000)
    sessions.end(session, registers[1].total_wh, "Local")
    for name in ("energy1.a", "energy1.b"):
        flashrig.files().delete("hot/" + name)
    device, sessions, registers = _after_power_loss(device, 2)
    equal((registers[1].total_wh, registers[2].total_wh), (7000, 0))


def test_a_flash_that_refuses_the_end_is_tried_again_at_the_next_start():
    flashrig.fresh()
    sessions, registers = _charger()
    session = sessions.begin(1, "TAG", 0)
    good = sessions.history._journal
    sessions.history._journal = _Full()
    registers[1].add(3000000)
    sessions.end(session, 3000, "Local")
    sessions.history._journal = good
    equal(len(sessions.history), 0)
    sessions.begin(1, "NEXT", 3000)
    listed = sessions.history.page()[0]
    equal([(s["id"], s["import_wh"], s["reason"], s["id_tag"]) for s in listed], [(1, 3000, "Local", "TAG")])


class _Full:
    def append(self, data):
        raise OSError(28)


def test_begin_fails_on_a_dead_flash():
    device = flashrig.fresh()
    sessions, _ = _charger()
    device.cut_after(0)
    equal(raises(OSError, sessions.begin, 1, "TAG", 0).errno, -0x6001)


def test_damaged_open_files_are_dropped():
    device = flashrig.fresh()
    sessions, _ = _charger()
    sessions.begin(1, "TAG", 0)
    flashrig.damage("/flash/open1", 20)
    device, sessions, _ = _after_power_loss(device)
    equal(sessions.recover(), [])
    equal(sessions.begin(1, "TAG", 0).local_id, 2)


def test_sampling_allocates_nothing():
    session = Session(1, 1, None, 0)

    def many():
        for _ in range(1000):
            session.sample(22000, 1000)
            session.sample(-22000, 20)
            session.sample(49, 1000)

    no_alloc(many)
    equal((session.charging_s, session.max_w), (1020, 22000))


def test_every_field_survives_its_record():
    for reason in (None, "EmergencyStop", "EVDisconnected", "HardReset", "Local", "Other", "PowerLoss", "Reboot", "Remote",
                   "SoftReset", "UnlockCommand", "DeAuthorized"):
        for id_tag, parent in ((None, None), ("", "P"), ("12345678901234567890", None), ("\u00e9\u20ac" * 10, "x" * 20)):
            session = Session(4000000000, 4, id_tag, 3999999999, parent, -7)
            session.stop_reason = reason
            session.stop_wh = 4000000000
            session.charging_s = 1 << 31
            session.max_w = 65000
            session.transaction_id = -(2**31)
            session.anonymous = True
            session.start_uptime_ms = 5000000000000 // 1000 * 1000
            found = from_record(session.to_record(True))
            for name in ("local_id", "connector_id", "id_tag", "parent_id_tag", "reservation_id", "transaction_id",
                         "start_wh", "stop_wh", "charging_s", "max_w", "stop_reason", "anonymous", "boot_id"):
                equal(getattr(found, name), getattr(session, name), name)
            equal(from_record(session.to_record()).id_tag, None)
    equal(from_record(b""), None)
    equal(from_record(bytes(200)), None)
    equal(from_record(b"\x03" + session.to_record()[1:]), None)
