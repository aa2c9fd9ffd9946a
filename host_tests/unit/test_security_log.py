"""The security log: nothing changed or removed unseen, nothing lost by a power cut, times corrected (SEC-22, SEC-23)."""

import os

import flashrig
from check import equal, near, true
from security_log_rig import SMALL, add_entries, begin, end, infos, open_log

from charger import clock
from charger.audit import events
from sim import flash as simflash
from sim import timebase

WORDS = (64, 32)

HEAP = 24 * 1024 * 1024
NOON = 1800000000
setup, teardown = begin, end

def test_entries_come_back_in_order_after_a_restart():
    device = flashrig.fresh()
    log = open_log()
    clock.set_utc(NOON, "test")
    first = log.next_seq
    for number in range(5):
        equal(log.add(events.TAMPER, "no. %d" % number), first + number)
    flashrig.restart(device)
    again = open_log()
    equal(again.verify(), None)
    equal([(e.seq, e.event, e.info, e.boot_id, e.utc_s) for e in again.entries(first)],
          [(first + n, events.TAMPER, "no. %d" % n, 7, NOON) for n in range(5)])
    equal(again.add(events.TAMPER), first + 5)
    equal(again.verify(), None)


def test_a_thousand_entries_of_the_greatest_length_are_kept_and_the_wrap_is_noted():
    flashrig.fresh(200)
    log = open_log()
    add_entries(log, 1300, "x" * 300)
    true(log.first_seq > 0, "it wraps")
    true(log.next_seq - log.first_seq >= log.capacity == 1000, str((log.first_seq, log.next_seq)))
    equal(log.verify(), None)
    equal(len(list(log.entries())), log.next_seq - log.first_seq)
    equal([e.event for e in log.entries() if e.event == events.LOG_FULL], [events.LOG_FULL])
    again = open_log()
    equal((again.first_seq, again.next_seq, again.verify()), (log.first_seq, log.next_seq, None))


def test_entries_dropped_unsent_leave_a_note():
    flashrig.fresh()
    log = open_log(**SMALL)
    log.pending("ocpp")
    log.acknowledge("ocpp", 2)
    add_entries(log, 100)
    noted = [e.info for e in log.entries() if e.event == events.LOG_FULL]
    true(noted and noted[-1].endswith("not yet sent: ocpp"), str(noted))
    equal(log.pending("ocpp")[0].seq, log.first_seq)


def test_every_flipped_bit_is_seen():
    """A bit of each byte of the whole log (with PILOTLIGHT_SOAK each bit), while the unit runs and after a start-up."""
    flashrig.fresh()
    sizes = {"max_bytes": 2048, "segment_bytes": 512}
    log = open_log(**sizes)
    clock.set_utc(NOON, "test")
    add_entries(log, 40, "x")
    true(log.first_seq > 0)
    files = flashrig.files()
    flips = 0
    for name in files.names("seclog"):
        if not name.isdigit():
            continue
        path = files.path("seclog/" + name)
        with open(path, "rb") as file:
            whole = file.read()
        for at in range(len(whole)):
            for bit in range(8) if os.getenv("PILOTLIGHT_SOAK") else (at % 8,):
                flashrig.damage(path, at, 1 << bit)
                true(log.verify() is not None, "segment %s, byte %d, bit %d" % (name, at, bit))
                if flips % 25 == 0:
                    true(open_log(**sizes).verify() is not None, "after a start-up: %s, %d" % (name, at))
                with open(path, "wb") as file:
                    file.write(whole)
                flips += 1
    true(flips > 1500, str(flips))
    equal(log.verify(), None)


def test_removal_in_the_middle_at_the_end_and_an_exchange_are_seen():
    flashrig.fresh()
    log = open_log(**SMALL)
    add_entries(log, 60)
    log.acknowledge("ocpp", log.next_seq - 1)
    files = flashrig.files()
    segments = sorted(int(name) for name in files.names("seclog") if name.isdigit())
    whole = {}
    for segment in segments:
        with open(files.path("seclog/%d" % segment), "rb") as file:
            whole[segment] = file.read()

    def broken(segment, data):
        path = files.path("seclog/%d" % segment)
        with open(path, "wb") as file:
            file.write(data)
        found = open_log(**SMALL).verify()
        with open(path, "wb") as file:
            file.write(whole[segment])
        return found

    middle, last = segments[1], segments[-1]
    first = 10 + whole[middle][0]
    second = 10 + whole[middle][first]
    data = whole[middle]
    equal(broken(middle, data[:first] + data[first + second :]), middle + 1)
    equal(broken(middle, b""), middle)
    true(broken(middle, data[first : first + second] + data[:first] + data[first + second :]) is not None)
    true(broken(last, whole[last][:-1]) is not None)
    equal(open_log(**SMALL).verify(), None)


def test_entries_taken_away_at_the_end_are_said_and_numbers_go_to_the_back_end_again():
    flashrig.fresh()
    log = open_log(**SMALL)
    add_entries(log, 30)
    log.acknowledge("ocpp", 29)
    files = flashrig.files()
    last = max(int(name) for name in files.names("seclog") if name.isdigit())
    files.delete("seclog/%d" % last)
    again = open_log(**SMALL)
    equal(again.next_seq, last + 1)
    equal([(e.event, e.info) for e in again.pending("ocpp")],
          [(events.LOG_CLEARED, "entries %d to 29 are missing" % last)])
    equal(again.verify(), None)


def test_a_forged_entry_with_a_right_checksum_is_seen():
    """Whoever can write the flash can make a CRC; the links are what he would have to make anew to the end."""
    from charger.store.journal import Journal

    flashrig.fresh()
    log = open_log()
    add_entries(log, 10)
    records = list(log._journal.records())
    files = flashrig.files()
    log._journal.clear()
    files.delete_folder("seclog")
    forged = Journal(files, "seclog", 163840, 8192, ring=True)
    for seq, data in records:
        forged.append(data.replace(b"others 4", b"others 7") if seq == 4 else data)
    equal(open_log().verify(), 4)


def _script(log):
    for number in range(6):
        log._add(events.RECONFIGURED, "step %d" % number)
        log.acknowledge("ocpp", log.next_seq - 1)


def test_power_cut_at_every_write():
    """Each entry whose add() returned is there, the chain holds, and the mark is never beyond the acknowledged entry."""
    device = flashrig.fresh(32)
    log = open_log(**SMALL)
    add_entries(log, 45)
    log.acknowledge("ocpp", 20)
    image = device.snapshot()
    before = device.operations
    _script(log)
    steps = device.operations - before
    true(steps > 25, str(steps))
    for mode in (simflash.DROP, simflash.HALF, simflash.LATE):
        for cut in range(steps):
            device = flashrig.fresh(32, list(image))
            log = open_log(**SMALL)
            known = log.next_seq
            device.cut_after(cut, mode)
            for number in range(6):
                seq = log._add(events.RECONFIGURED, "step %d" % number)
                if seq < 0:
                    break
                known = seq + 1
                log.acknowledge("ocpp", seq)
            device = flashrig.restart(device)
            again = open_log(**SMALL)
            where = "%s, cut %d of %d" % (mode, cut, steps)
            equal(again.verify(), None, where)
            true(known <= again.next_seq <= known + 1, "%s: %d, %d" % (where, known, again.next_seq))
            true(20 <= again.mark("ocpp") < again.next_seq, where)
            true(again.add(events.TAMPER) >= known, where)
            equal(again.verify(), None, where)


def test_a_dead_flash_raises_nothing_and_is_noted_later():
    flashrig.fresh()
    log = open_log()
    append = log._journal.append

    def refuse(data):
        raise OSError(28)

    log._journal.append = refuse
    equal(log.add(events.TAMPER, "unseen"), -1)
    equal(log.lost, 1)
    log._journal.append = append
    true(log.add(events.TAMPER, "seen") >= 0)
    equal([(e.event, e.info) for e in log.entries()],
          [(events.LOG_FAILED, "1 entries lost"), (events.TAMPER, "seen")])
    equal(log.verify(), None)


def test_entries_of_before_the_time_was_known_get_the_time_they_had():
    device = flashrig.fresh()
    log = open_log()
    timebase.advance(5000)
    up = clock.uptime_s()
    log.add(events.STARTUP, "no time yet")
    equal(next(iter(log.entries())).time(), None)
    timebase.advance(10000)
    clock.set_utc(NOON, "ocpp")  # writes an entry that has both
    entry = next(iter(log.entries()))
    near(entry.utc_s, NOON - 10, 1)
    equal(entry.exact, True)
    equal(entry.uptime_s, up)
    device = flashrig.restart(device)  # a later start-up without a time: the first one is still known
    flashrig.reboot()
    log = open_log()
    log.add(events.STARTUP, "never dated")
    found = list(log.entries())
    equal([(e.event, e.exact) for e in found],
          [(events.STARTUP, True), (events.TIME_SET, True), (events.STARTUP, False)])
    near(found[0].utc_s, NOON - 10, 1)
    equal((found[1].utc_s, found[2].utc_s), (NOON, None))
    device = flashrig.restart(device)
    flashrig.reboot()
    log = open_log()
    clock.set_utc(NOON + 1000, "ocpp")
    undated = next(e for e in log.entries() if e.info == "never dated")
    equal(undated.exact, False)  # no later than this start-up
    true(undated.utc_s <= NOON + 1000, str(undated.utc_s))
    equal(log.verify(), None)


def test_only_real_steps_of_the_clock_are_events():
    flashrig.fresh()
    log = open_log()
    clock.set_utc(NOON, "ocpp")
    for _ in range(50):
        timebase.advance(300000)
        clock.set_utc(clock.utc_s() + 3, "ocpp")  # a heartbeat corrects the drift
    clock.set_utc(clock.utc_s() - 3600, "installer")
    equal([e.event for e in log.entries()], [events.TIME_SET, events.TIME_SET])
    true(list(log.entries())[1].info.startswith("installer, was 20"))


def test_a_flood_of_one_kind_is_counted_and_pushes_nothing_out():
    flashrig.fresh()
    log = open_log()
    for number in range(1000):
        log.add(events.INVALID_MESSAGES, "no. %d" % number)
    log.add(events.TAMPER, "in between")
    equal(len(list(log.entries())), 6)
    log.second()
    equal(len(list(log.entries())), 6)
    for _ in range(3601):
        timebase.advance(1000)
        log.second()
    equal(list(log.entries())[-1].info, events.INVALID_MESSAGES + ": 995 more")
    timebase.advance(86400000)
    clock.advance()
    equal([log.add(events.INVALID_MESSAGES) >= 0 for _ in range(6)], [True] * 5 + [False])
    log.flush()
    equal(list(log.entries())[-1].info, events.INVALID_MESSAGES + ": 1 more")


def test_a_link_that_fails_in_the_same_way_is_one_event_an_hour():
    flashrig.fresh()
    log = open_log()
    for _ in range(20):
        log.add(events.INVALID_BACK_END_CERTIFICATE, "expired")
        timebase.advance(60000)
    log.add(events.INVALID_BACK_END_CERTIFICATE, "wrong name")
    equal(infos(log), ["expired", "wrong name"])


def test_sinks_have_marks_of_their_own_that_survive():
    device = flashrig.fresh()
    log = open_log()
    for event in (events.STARTUP, events.AUTHORISED, events.TAMPER, events.PIN_REFUSED, events.RESET):
        log.add(event)
    equal([e.event for e in log.pending("ocpp")], [events.STARTUP, events.TAMPER, events.RESET])
    equal(len(log.pending("mqtt", 10)), 5)
    log.acknowledge("ocpp", 2)
    log.acknowledge("ocpp", 0)  # never back
    device = flashrig.restart(device)
    log = open_log()
    equal([e.event for e in log.pending("ocpp")], [events.RESET])
    equal(len(log.pending("mqtt", 3)), 3)
    log.acknowledge("ocpp", 4)
    equal(log.pending("ocpp"), [])
    log.add(events.AUTHORISED)
    equal((log.pending("ocpp"), log.mark("ocpp")), ([], 5))
    true(device.powered)


def test_texts_are_cut_and_made_harmless():
    flashrig.fresh()
    log = open_log()
    log.add(events.TAMPER, "line\nbreak\x00\x1b[2J" + "é" * 100)
    entry = next(iter(log.entries()))
    true(entry.info.startswith("line?break??[2J"), entry.info)
    true(entry.info.endswith("é") and len(entry.info.encode()) <= 112, entry.info)
    seen = []
    log.listeners.append(seen.append)
    log.add("E" * 50, "i" * 400)
    equal((len(seen), seen[0].event, len(seen[0].info)), (1, "E" * 50, 62))
    equal(log.verify(), None)
    equal(list(log.entries())[1].to_dict()["info"], "i" * 62)


def test_a_listener_may_not_break_the_log():
    flashrig.fresh()
    log = open_log()

    def bad(entry):
        raise ValueError("listener")

    log.listeners.append(bad)
    equal(log.add(events.TAMPER) >= 0, True)
    equal((len(list(log.entries())), log.lost), (1, 0))


def test_costs_of_an_entry_on_flash():
    device = flashrig.fresh(100)
    log = open_log()
    add_entries(log, 500)
    programs, erases, written = flashrig.cost(device, lambda: [log._add(events.TAMPER, "once") for _ in range(50)])
    true(erases <= 150 and programs <= 50 * 80, str((programs, erases, written)))
