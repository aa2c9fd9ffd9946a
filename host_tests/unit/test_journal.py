"""Journals: what append() returned for is there after any cut, nothing else is believed, size and time are bounded."""

import random

import flashrig
from check import equal, raises, true

from charger.errors import JournalFullError
from charger.store.journal import Journal
from sim import flash as simflash

WORDS = (64, 32)
MOST_READS = 3300  # of the flash; 0.05 ms each on a board (docs/PERFORMANCE.md) are 0.17 s


def teardown():
    simflash.unmount()


def _journal(max_bytes=16384, segment_bytes=1024, ring=False):
    return Journal(flashrig.files(), "j", max_bytes, segment_bytes, ring)


def _all(journal, start=0):
    return list(journal.records(start))


def _fill(journal, count, size=50):
    first = journal.next_seq
    for seq in range(first, first + count):
        equal(journal.append(_data(seq, size)), seq)


def _data(seq, size=50):
    return (b"%d." % seq * size)[:size]


def test_a_search_for_a_late_record_pauses_after_each_part_of_the_segment():
    flashrig.fresh()
    journal = _journal(16384, 4096)
    _fill(journal, 60)
    found = list(journal.records(58, True))
    equal([record for record in found if record[0] >= 0], _all(journal, 58))
    true(len(found) >= 2 + 60 * 50 // 1024, len(found))


def test_opening_reads_a_kibibyte_a_slice():
    device = flashrig.fresh()
    _fill(_journal(16384, 4096), 60)
    flashrig.restart(device)
    journal = Journal(flashrig.files(), "j", 16384, 4096, load=False)
    slices = len(list(journal.loading()))
    true(slices >= 60 * 60 // 1024, slices)
    equal((journal.next_seq, len(_all(journal))), (60, 60))


def test_records_come_back_in_order_from_any_start():
    device = flashrig.fresh()
    _fill(_journal(), 200)
    flashrig.restart(device)
    journal = _journal()
    equal((journal.first_seq, journal.next_seq), (0, 200))
    for start in (0, 1, 17, 18, 99, 199, 200, 500):
        equal(_all(journal, start), [(seq, _data(seq)) for seq in range(start, 200)])


def test_records_of_all_sizes():
    flashrig.fresh()
    journal = _journal(max_bytes=65536, segment_bytes=4096)
    rng = random
    rng.seed(7)
    sizes = [0, 1, 4086, 1014, 1015, 1024, 0] + [rng.randrange(2500) for _ in range(25)]
    for seq, size in enumerate(sizes):
        journal.append(_data(seq, size))
    raises(ValueError, journal.append, bytes(4087))
    for again in (journal, _journal(max_bytes=65536, segment_bytes=4096)):
        equal(_all(again), [(seq, _data(seq, size)) for seq, size in enumerate(sizes)])


def test_trim_is_for_good_and_cheap():
    device = flashrig.fresh()
    journal = _journal()
    _fill(journal, 100)
    for seq in (1, 2, 17, 40, 39, 99, 100):
        writes, erases, _ = flashrig.cost(device, lambda seq=seq, journal=journal: journal.trim(seq))
        true(writes <= 8 and erases <= 2, str((writes, erases)))
        device = flashrig.restart(device)
        journal = _journal()
        first = max(seq, 40) if seq == 39 else seq
        equal((journal.first_seq, journal.next_seq), (first, 100))
        equal([seq for seq, _ in journal.records()], list(range(first, 100)))
    equal(journal.used_bytes, 0)
    equal(journal.append(b"next"), 100)
    journal.trim(1000)
    equal((journal.first_seq, journal.next_seq), (101, 101))


def test_clear_goes_on_numbering():
    device = flashrig.fresh()
    journal = _journal()
    _fill(journal, 30)
    journal.clear()
    equal(_all(journal), [])
    flashrig.restart(device)
    equal(_journal().append(b"x"), 30)


def test_a_full_journal_reports_it_and_keeps_everything():
    device = flashrig.fresh()
    journal = _journal(max_bytes=4096)
    count = 0
    try:
        while True:
            journal.append(_data(count))
            count += 1
    except JournalFullError:
        pass
    true(4096 - 4 * 60 <= journal.used_bytes <= 4096, str(journal.used_bytes))
    true(journal.max_bytes - journal.used_bytes < 60)
    device = flashrig.restart(device)
    journal = _journal(max_bytes=4096)
    equal(len(_all(journal)), count)
    raises(JournalFullError, journal.append, _data(0))
    journal.trim(journal.second_segment_seq())
    equal(journal.append(b"fits again"), count)


def test_a_ring_drops_the_oldest_in_order():
    device = flashrig.fresh()
    journal = _journal(max_bytes=4096, ring=True)
    for seq in range(500):
        equal(journal.append(_data(seq)), seq)
        true(journal.used_bytes <= 4096)
        found = [number for number, _ in journal.records()]
        equal(found, list(range(journal.first_seq, seq + 1)))
        true(len(found) >= min(seq + 1, 3 * 17))
        if seq % 50 == 0:
            device = flashrig.restart(device)
            journal = _journal(max_bytes=4096, ring=True)


def test_reading_while_others_write_trim_and_drop():
    flashrig.fresh()
    journal = _journal(max_bytes=4096, ring=True)
    _fill(journal, 60)
    seen = []
    for seq, data in journal.records():
        equal(data, _data(seq))
        seen.append(seq)
        if seq < 120:
            journal.append(_data(journal.next_seq))
        if seq == 30:
            journal.trim(35)
        if seq == 70:
            _fill(journal, 60)  # drops what would come next
    equal(seen, sorted(set(seen)), "in order, none twice")
    equal(seen[-1], journal.next_seq - 1)
    true(32 not in seen and 36 in seen)


def test_half_read_and_dropped_iterators_do_no_harm():
    flashrig.fresh()
    journal = _journal()
    _fill(journal, 40)
    for _ in range(50):
        next(journal.records())
    journal.append(b"x")
    equal(len(_all(journal)), 41)


def test_any_damaged_byte_costs_no_other_segment_and_nothing_false_is_believed():
    device = flashrig.fresh()
    journal = _journal()
    _fill(journal, 60)  # 17 in a segment
    simflash.unmount()
    start = device.snapshot()
    for at in range(0, 1020, 7):
        flashrig.fresh(64, list(start))
        flashrig.damage("/flash/j/17", at)
        journal = _journal()
        found = _all(journal)
        true(all(data == _data(seq) for seq, data in found), "false record")
        numbers = [seq for seq, _ in found]
        equal(numbers, list(range(17 + at // 60)) + list(range(34, 60)))
        equal(journal.next_seq, 60)


def test_a_damaged_tail_is_left_behind_and_its_numbers_are_not_used_again():
    device = flashrig.fresh()
    _fill(_journal(), 20)
    simflash.unmount()
    start = device.snapshot()
    for tail in (b"\0", b"\xff" * 70, b"garbage" * 9):
        flashrig.fresh(64, list(start))
        with open("/flash/j/17", "ab") as file:
            file.write(tail)
        journal = _journal()
        equal(len(_all(journal)), 20)
        seq = journal.append(b"after")
        true(seq >= 20)
        again = _journal()
        equal(_all(again)[-1], (seq, b"after"))
        equal(len(_all(again)), 21)


def test_a_torn_last_record_is_rejected():
    device = flashrig.fresh()
    _fill(_journal(), 20)
    simflash.unmount()
    start = device.snapshot()
    for kept in range(121, 180):  # three records of 60 bytes
        flashrig.fresh(64, list(start))
        with open("/flash/j/17", "rb") as file:
            whole = file.read()
        with open("/flash/j/17", "wb") as file:
            file.write(whole[:kept])
        journal = _journal()
        equal([seq for seq, _ in journal.records()], list(range(19)))
        true(journal.append(b"new") > 19, "the torn record's number is given out again")


def test_a_record_in_the_wrong_place_is_rejected():
    flashrig.fresh()
    _fill(_journal(), 40)
    with open("/flash/j/0", "rb") as file:
        stale = file.read()
    with open("/flash/j/17", "wb") as file:  # old content where new should be: every checksum is right
        file.write(stale)
    equal([seq for seq, _ in _journal().records()], list(range(17)) + list(range(34, 40)))


def test_a_flash_that_is_full_leaves_the_journal_usable():
    flashrig.fresh(blocks=14)
    journal = _journal(max_bytes=1 << 20, segment_bytes=4096)
    count = 0
    try:
        while True:
            journal.append(_data(count, 500))
            count += 1
    except OSError as error:
        equal(error.errno, 28)
    equal([seq for seq, _ in journal.records()], list(range(count)))
    journal.trim(journal.second_segment_seq())
    equal(journal.append(b"fits again"), count)
    equal(_all(_journal(max_bytes=1 << 20, segment_bytes=4096))[-1], (count, b"fits again"))


def test_a_full_journal_is_opened_with_few_reads():
    device = flashrig.fresh(blocks=128)
    journal = _journal(max_bytes=131072, segment_bytes=4096)
    try:
        while True:
            for _ in range(20):
                journal.append(bytes(300))
    except JournalFullError:
        pass
    last = journal.next_seq
    device = flashrig.restart(device)
    mounted = device.reads
    journal = _journal(max_bytes=131072, segment_bytes=4096)
    opened = device.reads - mounted
    equal(journal.next_seq, last)
    equal(sum(1 for _ in journal.records()), last)
    true(opened <= MOST_READS, str(opened))


def test_an_append_is_one_erase_at_most_but_for_the_directory_log():
    device = flashrig.fresh()
    journal = _journal(max_bytes=65536, segment_bytes=4096)
    worst = total = 0
    for seq in range(300):
        _, erases, _ = flashrig.cost(device, lambda seq=seq: journal.append(_data(seq, 80)))
        worst = max(worst, erases)
        total += erases
    true(worst <= 3, str(worst))
    true(total <= 330, str(total))


def test_sizes_that_cannot_work_are_refused():
    flashrig.fresh()
    for max_bytes, segment_bytes in ((4096, 4096), (1 << 20, 65536), (100, 10)):
        raises(ValueError, _journal, max_bytes, segment_bytes)


def test_random_use_against_a_plain_list():
    rng = random
    for seed in (1, 2, 3):
        rng.seed(seed)
        device = flashrig.fresh()
        journal = _journal(max_bytes=6000)
        model = {}
        low = 0
        for _ in range(250):
            what = rng.randrange(20)
            if what < 13:
                data = _data(journal.next_seq, rng.randrange(200))
                try:
                    model[journal.append(data)] = data
                except JournalFullError:
                    low = journal.second_segment_seq()
                    journal.trim(low)
            elif what < 16:
                low = max(low, rng.randrange(low, journal.next_seq + 1))
                journal.trim(low)
            elif what == 16:
                device = flashrig.restart(device)
                journal = _journal(max_bytes=6000)
            wanted = sorted((seq, data) for seq, data in model.items() if seq >= low)
            equal(_all(journal), wanted, "seed %d" % seed)
            true(journal.used_bytes <= 6000)
